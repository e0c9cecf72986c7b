"""The self-describing program that is sent: OpenQASM 3, and a last line that says what it was.

The last line is a comment, ``// qiskit-oqtopus {json}``, or ``# qiskit-oqtopus {json}`` where the
program is one of Python, with all that the Result of the circuit
needs beyond the counts. Whoever can read the input of a job can therefore rebuild its Result, in
another process and on another machine.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from qiskit.circuit import QuantumCircuit

from ..circuits import creg_sizes
from ..json_text import JsonError, read_json
from . import metadata as metadata_json
from .foreign import ForeignError, read_declarations
from .header import (
    FOREIGN,
    HeaderError,
    Manifest,
    ProgramHeader,
    header_from_json,
    header_to_json,
)
from .metadata import MetadataError
from .openqasm import BASIS, EncodingError, encode_body

__all__ = [
    "FOREIGN",
    "EncodingError",
    "HeaderError",
    "Manifest",
    "Program",
    "ProgramHeader",
    "accumulate_fingerprints",
    "digest",
    "encode_metadata",
    "encode_program",
    "fingerprint",
    "foreign_header",
    "parse_program",
    "program_body",
    "regroup_program",
    "resend_program",
    "with_header",
    "with_manifest",
]

MARK, PYTHON_MARK = "// qiskit-oqtopus ", "# qiskit-oqtopus "
"""What the last line of a program begins with: of OpenQASM, and of Python."""


@dataclass(frozen=True)
class Program:
    """What is sent for one circuit, or as a Python program.

    Attributes:
        text: OpenQASM 3 or Python; its last line is the header as a comment.
        header: That header.
        operator: Terms of an observable for the server to estimate, as (Pauli string of OQTOPUS,
            coefficient), or None for counts.
        metadata: The metadata of the header as they stand in the text: plain JSON.
    """

    text: str
    header: ProgramHeader
    operator: tuple[tuple[str, float], ...] | None = None
    metadata: Any = field(default_factory=dict, repr=False)

    def to_input(self) -> dict[str, Any]:
        """Return the input of a job with this program, as OQTOPUS stores it."""
        if self.header.is_python:
            return {"sse_program": self.text}
        values: dict[str, Any] = {"program": [self.text]}
        if self.operator is not None:
            values["operator"] = [{"pauli": pauli, "coeff": c} for pauli, c in self.operator]
        return values


def encode_program(
    circuit: QuantumCircuit,
    header: ProgramHeader,
    *,
    operator: tuple[tuple[str, float], ...] | None = None,
    transpiler: str | None = None,
    dt: float | None = None,
    basis: frozenset[str] = BASIS,
) -> Program:
    """Return the program that is sent for a circuit.

    Args:
        circuit: A circuit that ends in measurements, or has none if there is an ``operator``; with
            ``transpiler=None`` one of gates of the device, whose qubit n is qubit n of the device.
        header: What the run says of the circuit. What the circuit says of itself is filled in.
        operator: Terms of an observable for the server to estimate, as for :class:`Program`.
        transpiler: None to have the gates run as they are; else the server compiles the program.
        dt: Unit of the delays that are given in dt, in s.
        basis: Gates of the device, by Qiskit's names.

    Raises:
        EncodingError: The circuit or its metadata cannot be written without changing what it means.
    """
    metadata = encode_metadata(circuit)
    body = encode_body(
        circuit, transpiler=transpiler, dt=dt, basis=basis, measured=operator is None
    )
    header = _describe(
        header,
        circuit,
        body.clbits,
        qubits=body.qubits if transpiler is None and body.qubits else None,
        name=str(circuit.name),
        global_phase=float(circuit.global_phase),
        # Read back, so that this Result and the one of a retrieved job can only be the same.
        metadata=metadata_json.decode(metadata),
    )
    return replace(_write(body.text, header, metadata), operator=operator)


def encode_metadata(circuit: QuantumCircuit) -> Any:
    """Return the metadata of a circuit as plain JSON.

    Raises:
        EncodingError: They hold something that is lost in JSON.
    """
    try:
        return metadata_json.encode(circuit.metadata or {})
    except MetadataError as error:
        raise EncodingError(
            f"its metadata cannot be kept: {error.message}",
            cure="use numbers, strings, lists, dicts, arrays and dates only",
        ) from error


def _describe(
    header: ProgramHeader, circuit: QuantumCircuit, clbits: tuple[int, ...], **others: Any
) -> ProgramHeader:
    """Return a header with the registers and the numbers of bits of a circuit, and other fields."""
    return replace(
        header,
        qregs=tuple((register.name, register.size) for register in circuit.qregs),
        cregs=tuple((name, size) for name, size in creg_sizes(circuit)),
        n_qubits=circuit.num_qubits,
        n_clbits=circuit.num_clbits,
        clbits=clbits,
        **others,
    )


def digest(text: str, primitive: Mapping[str, Any] | None = None) -> str:
    """Return the SHA-256 of a program without its header, in hex.

    Args:
        text: The program.
        primitive: That of the header. It counts too: if a run is resumed with other coefficients,
            its programs are the same, and the coefficients would be mixed.
    """
    if primitive is not None:
        text += json.dumps(primitive, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def fingerprint(program: Program) -> str:
    """Return what distinguishes a program from every one that has another result, in hex.

    It covers all that the result is made of beyond the counts, but not what may differ when the
    same circuits are given again: names, which Qiskit numbers, the seed of the order of the shots,
    and the calibration.

    Args:
        program: The program with its header.
    """
    header = program.header
    content = [
        header.sha256,
        header.qregs,
        header.cregs,
        header.n_qubits,
        header.n_clbits,
        header.clbits,
        program.metadata,
        program.operator,
    ]
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def accumulate_fingerprints(programs: Iterable[Program]) -> Iterator[str]:
    """Yield what distinguishes a Python program from others that runs one circuit, two, ...

    Args:
        programs: The programs of its circuits.
    """
    so_far = hashlib.sha256()
    for program in programs:
        so_far.update(f"{fingerprint(program)} {program.header.shots}\n".encode())
        yield so_far.hexdigest()


def with_header(body: str, header: ProgramHeader) -> Program:
    """Return a program with a header, whose ``sha256`` is set to that of the program.

    Args:
        body: OpenQASM 3 or Python without a header; a newline is added at its end if it has none.
        header: The header; what it says about the circuit must be true of the program.

    Raises:
        EncodingError: The header is not one that :func:`parse_program` would read.
    """
    try:
        metadata = metadata_json.encode(header.metadata)
    except MetadataError as error:
        raise EncodingError(f"its header cannot be written: {error.message}") from error
    return _write(body, header, metadata)


def _write(body: str, header: ProgramHeader, metadata: Any) -> Program:
    """Return a program with a header, whose metadata are given as JSON too."""
    if not body.endswith("\n"):
        body += "\n"
    try:
        header = replace(header, sha256=digest(body, header.primitive))
        # Sorted by name at the top only: the user's metadata keep their order.
        values = dict(sorted(header_to_json(header, metadata).items()))
        line = json.dumps(values, separators=(",", ":"), allow_nan=False)
    except HeaderError as error:
        raise EncodingError(f"its header cannot be written: {error.message}") from error
    except (TypeError, ValueError) as error:
        raise EncodingError(f"its header cannot be written: {error}") from error
    mark = PYTHON_MARK if header.is_python else MARK
    return Program(f"{body}{mark}{line}\n", header, metadata=metadata)


def program_body(text: str) -> str:
    r"""Return a program without its header, if it has one.

    >>> program_body("OPENQASM 3.0;\nqubit[1] q;\n// qiskit-oqtopus {}\n")
    'OPENQASM 3.0;\nqubit[1] q;\n'
    """
    return _split(text)[0]


def parse_program(text: str) -> ProgramHeader | None:
    """Return the header of a program, or None if it has none because another client sent it.

    Raises:
        HeaderError: The header is broken, or the program above it is not the one that was sent.
    """
    body, line = _split(text)
    if line is None:
        if f"\n{MARK}{{" in f"\n{body}":
            raise HeaderError("the header of the program is not its last line")
        return None
    try:
        values = read_json(line, constants=False)
    except JsonError as error:
        raise HeaderError(f"the header of the program is not JSON: {error}") from error
    header = header_from_json(values)
    if header.sha256 != digest(body, header.primitive):
        raise HeaderError("the program is not the one that its header was written for")
    return header


def foreign_header(text: str, header: ProgramHeader) -> ProgramHeader:
    """Return a header for the program of another client, made from the program itself.

    ``clbits`` are the classical bits that the program measures, of all of its registers, the one
    declared first being the lowest. Of the other bits some gateways return a "0" and some nothing.
    Its global phase, on which no counts depend, is not read: it is 0.

    Args:
        text: OpenQASM 3.
        header: What is known of the job: its shots, and its name, which stands in for that of a
            circuit.

    Raises:
        HeaderError: The program cannot be parsed.
    """
    try:
        found = read_declarations(text)
    except ForeignError as error:
        raise HeaderError(f"the program cannot be parsed: {error}") from error
    cregs: list[tuple[str, int]] = []
    measured: list[int] = []
    n_clbits = 0
    for name, size in found.cregs.items():
        measured += [n_clbits + place for place in sorted(found.measured.get(name, ()))]
        n_clbits += size or 1
        if size is None and cregs and not cregs[-1][0]:
            cregs[-1] = ("", cregs[-1][1] + 1)
        else:
            cregs.append(("" if size is None else name, size or 1))
    return replace(
        header,
        kind=FOREIGN,
        qregs=tuple((name, size) for name, size in found.qregs.items() if size),
        # As creg_sizes lists them: without any register there is no space in a bit string.
        cregs=tuple(cregs) if any(name for name, _ in cregs) else (),
        n_qubits=found.n_qubits,
        n_clbits=n_clbits,
        clbits=tuple(measured),
        global_phase=0.0,
        sha256=digest(text),
    )


def regroup_program(program: Program, group: str) -> Program:
    """Return a program as the same member of another group; its circuit is not written again."""
    header = replace(program.header, group=group)
    moved = _write(program_body(program.text), header, program.metadata)
    return replace(moved, operator=program.operator)


def with_manifest(program: Program, manifest: Manifest) -> Program:
    """Return a program as the head of a wave. Its digest and its fingerprint stay the same."""
    header = replace(program.header, manifest=manifest)
    headed = _write(program_body(program.text), header, program.metadata)
    return replace(headed, operator=program.operator)


def resend_program(text: str, membership: ProgramHeader) -> Program:
    """Return a stored program as a member of another group.

    The program of another client is sent as it is, without a header.

    Args:
        text: The stored program.
        membership: Its place in the new group: ``group``, ``index``, ``total``, ``created`` and
            ``resubmits``. The ``name`` and ``shots`` of its job are used for the program of
            another client only.

    Raises:
        HeaderError: The program cannot be understood.
    """
    header = parse_program(text)
    if header is None:
        known = ProgramHeader(group=membership.group, name=membership.name, shots=membership.shots)
        return Program(text, foreign_header(text, known))
    header = replace(
        header,
        group=membership.group,
        index=membership.index,
        total=membership.total,
        created=membership.created,
        resubmits=membership.resubmits,
        manifest=None,
    )
    return with_header(program_body(text), header)


def _split(text: str) -> tuple[str, str | None]:
    """Return the program above the header, and the JSON of the header or None."""
    # At "\n" only: splitlines would also cut at the separators that strings may contain.
    body, newline, last = text.rstrip("\n").rpartition("\n")
    for mark in (MARK, PYTHON_MARK):
        if last.startswith(mark + "{"):
            return body + newline, last[len(mark) :]
    return text, None
