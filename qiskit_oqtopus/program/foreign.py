"""The program of another client: which bits it declares, and which of them it measures.

It may be anything, so that it is not given to an importer: definitions of gates that call each
other, or a register of ten million bits, keep one busy for hours. Here it is read once, one
statement after the other. What a gate does, and an angle, is not looked at.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from .openqasm import STDGATES

MAX_TEXT = 4 * 2**20
"""Characters of a program that is read: the server runs no longer ones."""

MAX_BITS = 100_000
"""Qubits or classical bits of a program that is read."""

MAX_MEASURED = 10 * MAX_BITS
"""Measurements in a program that is read."""

MAX_NESTING = 100
"""Deepest nesting of brackets in a program that is read."""


class ForeignError(ValueError):
    """A program cannot be read; the reason is in words."""


@dataclass
class Declarations:
    """What a program declares and measures.

    Attributes:
        qregs: Name -> size of each register of qubits; None for a qubit of its own.
        cregs: The same for classical bits, in the order of declaration.
        n_qubits: Number of qubits, or one more than the highest ``$n``.
        measured: Names of classical bits or registers, and the indices that are measured.
    """

    qregs: dict[str, int | None] = field(default_factory=dict)
    cregs: dict[str, int | None] = field(default_factory=dict)
    n_qubits: int = 0
    measured: dict[str, set[int]] = field(default_factory=dict)


# Each of these always matches to its end, so that no text is looked at twice.
_NOT_CODE = re.compile(
    r"//[^\n]*|/\*.*?(?:\*/|\Z)|\"[^\"\n]*\"|'[^'\n]*'|^[ \t]*(?:#?pragma\b|@)[^\n]*",
    re.DOTALL | re.MULTILINE,
)
_MARKS = re.compile(r"[()\[\]{};]")
_CLOSING = {")": "(", "]": "[", "}": "{"}
_NAME = r"[^\W\d]\w*"
_VERSION = re.compile(r"OPENQASM\s+3(\.\d+)?")
_DECLARATION = re.compile(
    rf"(?P<kind>qubit|bit)(?:\s*\[(?P<size>[^\]]*)\]\s*|\s+)(?P<name>{_NAME})\s*(?P<rest>=.*)?"
    rf"|(?P<old>qreg|creg)\s+(?P<old_name>{_NAME})(?:\s*\[(?P<old_size>[^\]]*)\])?",
    re.DOTALL,
)
_CONSTANT = re.compile(rf"const\s+u?int(?:\s*\[\s*\d+\s*\])?\s+({_NAME})\s*=\s*(.*)", re.DOTALL)
_BIT = rf"(?P<name>{_NAME})\s*(?:\[(?P<index>[^\]]*)\])?"
_MEASURE = re.compile(
    rf"measure\b\s*(?P<what>[^=;]*?)(?:->\s*{_BIT})?|{_BIT.replace('?P<', '?P<to_')}"
    r"\s*=\s*measure\b.*",
    re.DOTALL,
)
_GATE = re.compile(rf"(?:(?:inv|pow|ctrl|negctrl)\b[^@]*@\s*)*({_NAME})", re.DOTALL)
_DEFINITION = re.compile(rf"gate\s+({_NAME})")
_BLOCK = re.compile(r"(?:if|else|for|while|switch|box|def|cal|defcal)\b")
_HARDWARE = re.compile(r"\$(\d+)")

# fmt: off
_IGNORED = frozenset([
    "include", "barrier", "delay", "reset", "gphase", "nop", "end", "defcalgrammar", "let", "const",
    "input", "int", "uint", "float", "angle", "bool", "complex", "duration", "stretch",
])
# fmt: on
_GATES = STDGATES | {"U", "CX", "phase", "cphase"}


def read_declarations(text: str) -> Declarations:
    """Return what a program declares and measures; what stands in braces is left out.

    Args:
        text: OpenQASM 3.

    Raises:
        ForeignError: If it is something else, or larger than is read.

    >>> found = read_declarations("OPENQASM 3.0; qubit[2] q; bit[2] c; h q; c[1] = measure q[0];")
    >>> found.cregs, found.measured
    ({'c': 2}, {'c': {1}})
    """
    if len(text) > MAX_TEXT:
        raise ForeignError(f"it has more than {MAX_TEXT:,} characters")
    reader = _Reader()
    for statement, is_block in _split(_NOT_CODE.sub(_blank, text)):
        reader.read(statement, is_block)
    if reader.is_empty:
        raise ForeignError("it has no statement")
    return reader.found


def _blank(match: re.Match[str]) -> str:
    return '""' if match[0][0] in "\"'" else " "


def _split(code: str) -> Iterator[tuple[str, bool]]:
    """Yield each statement of the outermost level, and whether a block in braces ends it."""
    start = 0
    opened: list[str] = []
    head = ""
    for match in _MARKS.finditer(code):
        mark = match[0]
        if mark == ";":
            if not opened:
                yield code[start : match.start()].strip(), False
                start = match.end()
        elif mark not in _CLOSING:
            if not opened:
                head = code[start : match.start()].strip()
            opened.append(mark)
            if len(opened) > MAX_NESTING:
                raise ForeignError(f"its brackets are nested more than {MAX_NESTING} deep")
        else:
            if not opened or opened.pop() != _CLOSING[mark]:
                raise ForeignError(f"a {mark!r} has no beginning")
            # Braces also stand in an index: q[{0, 2}].
            if mark == "}" and not opened and not head.endswith("="):
                yield head, True
                start = match.end()
    if opened or code[start:].strip():
        raise ForeignError("it ends within a statement")


class _Reader:
    """Reads statements one after the other."""

    def __init__(self) -> None:
        self.found = Declarations()
        self.is_empty = True
        self._gates = set(_GATES)
        self._constants: dict[str, int] = {}
        self._n_measured = 0
        self._n_declared = {"qubit": 0, "bit": 0}

    def read(self, statement: str, is_block: bool) -> None:
        """Take note of what a statement declares or measures."""
        if not statement:
            return
        if is_block:
            self._read_block(statement)
        elif statement.startswith("OPENQASM"):
            if not _VERSION.fullmatch(statement):
                raise ForeignError(f"it is not OpenQASM 3: {statement[:40]!r}")
        else:
            self._read_statement(statement)
        self.is_empty = False

    def _read_block(self, head: str) -> None:
        definition = _DEFINITION.match(head)
        if definition is not None:
            self._gates.add(definition[1])
        elif not _BLOCK.match(head):
            raise ForeignError(f"no block begins with {head[:40]!r}")

    def _read_statement(self, statement: str) -> None:
        declared = _DECLARATION.fullmatch(statement)
        measured = None if declared is not None else _MEASURE.fullmatch(statement)
        if declared is not None:
            self._declare(declared)
        elif measured is not None:
            name = measured["name"] or measured["to_name"]
            if name is not None:
                self._measure(name, measured["index"] or measured["to_index"])
        else:
            self._read_other(statement)
        for match in _HARDWARE.finditer(statement):
            number = self._number(match[1])
            if number >= MAX_BITS:
                raise ForeignError(f"it has a qubit ${number}; at most {MAX_BITS:,} are read")
            self.found.n_qubits = max(self.found.n_qubits, number + 1)

    def _read_other(self, statement: str) -> None:
        constant = _CONSTANT.fullmatch(statement)
        if constant is not None:
            self._constants[constant[1]] = self._number(constant[2])
            return
        gate = _GATE.match(statement)
        name = None if gate is None else gate[1]
        known = name in _IGNORED or name in self._gates or _BLOCK.match(statement)
        if not known:
            raise ForeignError(f"no gate or statement begins with {statement[:40]!r}")

    def _declare(self, match: re.Match[str]) -> None:
        kind = match["kind"] or {"qreg": "qubit", "creg": "bit"}[match["old"]]
        name = match["name"] or match["old_name"]
        stated = match["size"] if match["kind"] else match["old_size"]
        size = None if stated is None else self._number(stated)
        if size == 0:
            raise ForeignError(f"{name[:40]!r} has no bits")
        registers = self.found.qregs if kind == "qubit" else self.found.cregs
        if name in self.found.qregs or name in self.found.cregs:
            raise ForeignError(f"{name[:40]!r} is declared twice")
        self._n_declared[kind] += size or 1
        if self._n_declared[kind] > MAX_BITS:
            raise ForeignError(f"it declares more than {MAX_BITS:,} {kind}s")
        registers[name] = size
        if kind == "qubit":
            self.found.n_qubits += size or 1
        elif re.match(r"=\s*measure\b", match["rest"] or ""):
            self._measure(name, None)

    def _measure(self, name: str, index: str | None) -> None:
        if name not in self.found.cregs:
            raise ForeignError(f"{name[:40]!r} is measured into, and is no bit")
        size = self.found.cregs[name] or 1
        places = range(size) if index is None else self._places(index, size)
        self._n_measured += len(places)
        if self._n_measured > MAX_MEASURED:
            raise ForeignError(f"it measures more than {MAX_MEASURED:,} times")
        self.found.measured.setdefault(name, set()).update(places)

    def _places(self, index: str, size: int) -> list[int]:
        """Return the places that an index means: ``3``, ``0:2`` (with its end) or ``{0, 2}``."""
        index = index.strip()
        if index.startswith("{"):
            numbers = [self._number(part) for part in index.strip("{}").split(",") if part.strip()]
        elif ":" in index:
            parts = [self._number(part) for part in index.split(":")]
            numbers = []
            if len(parts) in (2, 3) and max(parts[0], parts[-1]) < size:
                step = parts[1] if len(parts) == 3 else 1
                numbers = list(range(parts[0], parts[-1] + 1, step or 1))
        else:
            numbers = [self._number(index)]
        if not numbers or max(numbers) >= size:
            raise ForeignError(f"[{index[:40]}] is no place among {size} bits")
        return numbers

    def _number(self, text: str) -> int:
        text = text.strip()
        if text in self._constants:
            return self._constants[text]
        if not re.fullmatch(r"\d[\d_]{0,18}", text, re.ASCII):
            raise ForeignError(f"{text[:40]!r} is not a number")
        return int(text)
