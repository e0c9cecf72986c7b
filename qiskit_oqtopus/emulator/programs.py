"""OpenQASM 3 programs as the two paths of the server read them: natively, or with its transpiler.

Natively (transpiler off) a program may use x, sx, rz, cx, measure, barrier, delay, ``gphase`` and
``ctrl @ x``, on declared or on hardware qubits. Programs in the common form are read here, line by
line, which is much faster than Qiskit's importer; the importer reads all others.
"""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from qiskit import qasm3
from qiskit.circuit import QuantumCircuit

NATIVE_GATES = frozenset({"x", "sx", "rz", "cx"})
NATIVE_OTHERS = frozenset({"measure", "barrier", "delay"})
REFUSED_BY_TRANSPILER = frozenset(
    {"reset", "delay", "if_else", "for_loop", "while_loop", "switch_case", "box", "store"}
)


class ProgramError(Exception):
    """A program that the server cannot run; its client is told no more than that."""


@dataclass(frozen=True)
class NativeProgram:
    """A program that the device runs.

    Attributes:
        circuit: Its gates, barriers and delays; then, for each classical bit that is measured, one
            measurement of the qubit that was measured into it last: only the final state is
            sampled.
        measured: Qubit by classical bit, in ascending order of the bits.
    """

    circuit: QuantumCircuit
    measured: dict[int, int]

    @property
    def num_clbits(self) -> int:
        """Number of declared classical bits."""
        return int(self.circuit.num_clbits)


def parse_native(text: str) -> NativeProgram:
    """Parse a program for the device.

    Raises:
        ProgramError: If the device cannot run it.

    >>> head = 'OPENQASM 3.0; include "stdgates.inc"; qubit[2] q; bit[2] c;'
    >>> parse_native(head + "x q[1]; c = measure q;").measured
    {0: 0, 1: 1}
    >>> parse_native(head + "h q[1];")
    Traceback (most recent call last):
        ...
    qiskit_oqtopus.emulator.programs.ProgramError: the device has no h
    """
    return _parse_native(_remove_comments(text))


@functools.lru_cache(maxsize=4096)
def _parse_native(text: str) -> NativeProgram:
    return _parse_quickly(text) or to_native(_import(text))


def parse_any(text: str) -> QuantumCircuit:
    """Parse a program for the server's transpiler.

    Raises:
        ProgramError: If the transpiler cannot read it.
    """
    circuit = _import(_remove_comments(text))
    refused = {name for name in circuit.count_ops() if name in REFUSED_BY_TRANSPILER}
    if refused:
        raise ProgramError(f"the transpiler takes no {', '.join(sorted(refused))}")
    return circuit


def to_native(circuit: QuantumCircuit) -> NativeProgram:
    """Return a circuit as a program that the device runs.

    Raises:
        ProgramError: If it has parameters, or an operation that the device does not have.
    """
    if circuit.parameters:
        raise ProgramError("the device takes no parameters")
    body = QuantumCircuit(circuit.num_qubits, circuit.num_clbits, global_phase=circuit.global_phase)
    measured: dict[int, int] = {}
    for instruction in circuit.data:
        name = instruction.operation.name
        qubits = [circuit.find_bit(qubit).index for qubit in instruction.qubits]
        if name == "measure":
            measured[circuit.find_bit(instruction.clbits[0]).index] = qubits[0]
        elif name in NATIVE_GATES or name in ("barrier", "delay"):
            body.append(instruction.operation, qubits)
        elif name not in NATIVE_OTHERS:
            raise ProgramError(f"the device has no {name}")
    return _finish(body, measured)


def remove_measurements(circuit: QuantumCircuit) -> QuantumCircuit:
    """Return a circuit without its measurements and classical bits."""
    bare = QuantumCircuit(circuit.num_qubits, global_phase=circuit.global_phase)
    for item in circuit.data:
        if item.operation.name != "measure":
            bare.append(item.operation, [circuit.find_bit(q).index for q in item.qubits])
    return bare


def _finish(body: QuantumCircuit, measured: dict[int, int]) -> NativeProgram:
    for clbit in sorted(measured):
        body.measure(measured[clbit], clbit)
    return NativeProgram(body, {clbit: measured[clbit] for clbit in sorted(measured)})


def _remove_comments(text: str) -> str:
    return re.sub(r"//[^\n]*|/\*.*?\*/", "", text, flags=re.DOTALL)


MAX_DEFINITION = 1 << 16
"""Statements that a gate may have with those of the gates in its definition, and so on."""

_DEFINITION = re.compile(r"\bgate\s+([A-Za-z_]\w*)[^{;]*\{([^}]*)\}")


def _check_definitions(text: str) -> None:
    """Refuse gates whose definitions grow without a bound: each twice the one before.

    Raises:
        ProgramError: If there is one.
    """
    sizes: dict[str, int] = {}
    for name, body in _DEFINITION.findall(text):
        sizes[name] = body.count(";") + sum(sizes.get(word, 0) for word in re.findall(r"\w+", body))
        if sizes[name] > MAX_DEFINITION:
            raise ProgramError(f"gate {name} has over {MAX_DEFINITION} statements, written out")


@functools.lru_cache(maxsize=256)
def _import(text: str) -> QuantumCircuit:
    _check_definitions(text)
    try:
        return qasm3.loads(text)
    # The importer has no common error: an empty program raises AttributeError, others TypeError,
    # ValueError or an error of its own.
    except Exception as error:
        raise ProgramError(f"{type(error).__name__}: {error}") from error


# The common form

_HEAD = re.compile(r"\s*OPENQASM\s+3(?:\.0)?\s*;\s*include\s+\"stdgates\.inc\"\s*;")
_DECLARED = re.compile(r"(qubit|bit)(?:\s*\[\s*(\d+)\s*\])?\s+([A-Za-z_]\w*)")
_BIT = r"(?:\$\d+|[A-Za-z_]\w*(?:\s*\[\s*\d+\s*\])?)"
_GATE = re.compile(rf"(x|sx|cx|rz)\s*(?:\(([^()]*)\))?\s*(?<=[\s)])({_BIT})(?:\s*,\s*({_BIT}))?")
_MEASURE = re.compile(rf"({_BIT})\s*=\s*measure\s+({_BIT})")
_WAIT = re.compile(
    rf"(?:barrier|delay\s*\[\s*([\d.eE+-]+)\s*(dt|ns|us|µs|ms|s)\s*\])"
    rf"(?:\s+({_BIT}(?:\s*,\s*{_BIT})*))?"
)
_PHASE = re.compile(r"gphase\s*\(([^()]*)\)")
_PI = re.compile(r"([+-]?)\s*(?:(\d+(?:\.\d+)?)\s*\*\s*)?pi\s*(?:/\s*(\d+(?:\.\d+)?))?")
_KEYWORDS = frozenset({"qubit", "bit", "measure", "barrier", "delay", "gphase", "pi", "include"})


class _TooHardError(Exception):
    """A program that is left to Qiskit's importer."""


class _Registers:
    """Declared names -> indices, in order of declaration."""

    def __init__(self) -> None:
        self._indices: dict[str, range] = {}
        self.sizes = {"qubit": 0, "bit": 0}
        self._kinds: dict[str, str] = {}

    def declare(self, kind: str, size: str | None, name: str) -> None:
        if name in self._indices or name in _KEYWORDS or name in NATIVE_GATES:
            raise _TooHardError
        start = self.sizes[kind]
        self.sizes[kind] += 1 if size is None else int(size)
        self._indices[name] = range(start, self.sizes[kind])
        self._kinds[name] = kind

    def all(self, kind: str, text: str) -> range:
        """Return the indices of a bit or of a whole register."""
        name, _, index = text.partition("[")
        name = name.strip()
        if self._kinds.get(name) != kind:
            raise _TooHardError
        if not index:
            return self._indices[name]
        position = int(index.rstrip("] \t\r\n"))
        if position >= len(self._indices[name]):
            raise _TooHardError
        return self._indices[name][position : position + 1]

    def one(self, kind: str, text: str) -> int:
        indices = self.all(kind, text)
        if len(indices) != 1:
            raise _TooHardError
        return indices[0]


def _parse_quickly(text: str) -> NativeProgram | None:
    """Parse a program in the common form; return None for any other."""
    head = _HEAD.match(text)
    if head is None or "$" in text:
        return None
    try:
        return _parse_statements(text[head.end() :].split(";"))
    except _TooHardError:
        return None


def _parse_statements(statements: Iterable[str]) -> NativeProgram:
    registers = _Registers()
    steps: list[tuple[str, tuple[Any, ...], list[int]]] = []
    measured: dict[int, int] = {}
    phase = 0.0
    for statement in map(str.strip, statements):
        if not statement:
            continue
        if found := _GATE.fullmatch(statement):
            steps.append(_parse_gate(registers, *found.groups()))
        elif found := _MEASURE.fullmatch(statement):
            clbits = registers.all("bit", found[1])
            qubits = registers.all("qubit", found[2])
            if len(clbits) != len(qubits):
                raise _TooHardError
            measured.update(zip(clbits, qubits, strict=True))
        elif found := _DECLARED.fullmatch(statement):
            registers.declare(*found.groups())
        elif found := _WAIT.fullmatch(statement):
            amount, unit, operands = found.groups()
            named = [registers.all("qubit", each) for each in (operands or "").split(",") if each]
            waiting = named or [range(registers.sizes["qubit"])]
            if amount is None:
                held = dict.fromkeys(qubit for each in waiting for qubit in each)
                steps.append(("barrier", (), list(held)))
                continue
            time = _parse_time(amount, unit)
            for each in waiting:
                steps += [("delay", time, [qubit]) for qubit in each]
        elif found := _PHASE.fullmatch(statement):
            phase += _parse_angle(found[1])
        else:
            raise _TooHardError
    body = QuantumCircuit(registers.sizes["qubit"], registers.sizes["bit"], global_phase=phase)
    for name, arguments, operands in steps:
        if name == "delay":
            time, unit = arguments
            body.delay(time, operands[0], unit)
        else:
            getattr(body, name)(*arguments, *operands)
    return _finish(body, measured)


def _parse_gate(
    registers: _Registers, name: str, angle: str | None, first: str, second: str | None
) -> tuple[str, tuple[float, ...], list[int]]:
    if (name == "rz") != (angle is not None) or (name == "cx") != (second is not None):
        raise _TooHardError
    qubits = [registers.one("qubit", first)]
    if second is not None:
        qubits.append(registers.one("qubit", second))
        if qubits[0] == qubits[1]:
            raise _TooHardError
    return name, () if angle is None else (_parse_angle(angle),), qubits


def _parse_time(amount: str, unit: str) -> tuple[float, str]:
    """Return a duration and its unit, as Qiskit names it; dt are whole.

    >>> _parse_time("1e2", "dt"), _parse_time("0.5", "µs")
    ((100, 'dt'), (0.5, 'us'))
    """
    try:
        value = float(amount)
    except ValueError:
        raise _TooHardError from None
    if value < 0 or (unit == "dt" and not value.is_integer()):
        raise _TooHardError
    return int(value) if unit == "dt" else value, unit.replace("µ", "u")


def _parse_angle(text: str) -> float:
    """Return a number, or a fraction of pi.

    >>> _parse_angle("-3*pi/4") == -3 * math.pi / 4, _parse_angle("1e-17")
    (True, 1e-17)
    """
    found = _PI.fullmatch(text.strip())
    if found is None:
        try:
            return float(text)
        except ValueError:
            raise _TooHardError from None
    sign = -1.0 if found[1] == "-" else 1.0
    return sign * float(found[2] or 1) * math.pi / float(found[3] or 1)
