"""The self-describing program that is sent: OpenQASM 3, and a last line that says what it was.

The last line is a comment, ``// qiskit-oqtopus {json}``, with all that the Result of the circuit
needs beside the counts. Whoever can read the input of a job can therefore rebuild its Result, in
another process and on another machine.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from qiskit import qasm3
from qiskit.circuit import QuantumCircuit

from ..circuits import creg_sizes
from . import metadata as metadata_json
from .header import FOREIGN, HeaderError, ProgramHeader, header_from_json, header_to_json
from .metadata import MetadataError
from .openqasm import BASIS, EncodingError, encode_body

__all__ = [
    "FOREIGN",
    "EncodingError",
    "HeaderError",
    "Program",
    "ProgramHeader",
    "digest",
    "encode_program",
    "fingerprint",
    "foreign_header",
    "parse_program",
    "program_body",
    "resent_program",
    "with_header",
]

MARK = "// qiskit-oqtopus "
"""What the last line begins with."""


@dataclass(frozen=True)
class Program:
    """What is sent for one circuit.

    Attributes:
        text: OpenQASM 3; its last line is the header as a comment.
        header: That header.
        operator: Terms of an observable for the server to estimate, as (Pauli string of OQTOPUS,
            coefficient), or None for counts.
    """

    text: str
    header: ProgramHeader
    operator: tuple[tuple[str, float], ...] | None = None


def encode_program(
    circuit: QuantumCircuit,
    *,
    group: str,
    index: int,
    total: int,
    created: str,
    shots: int,
    kind: str = "run",
    memory: bool = False,
    seed: int | None = None,
    calibrated_at: str | None = None,
    pub: int | None = None,
    position: int | None = None,
    resubmits: str | None = None,
    primitive: Mapping[str, Any] | None = None,
    operator: tuple[tuple[str, float], ...] | None = None,
    transpiler: str | None = None,
    dt: float | None = None,
    basis: frozenset[str] = BASIS,
) -> Program:
    """Return the program that is sent for a circuit.

    Args:
        circuit: A circuit that ends in measurements, or has none if there is an ``operator``; with
            ``transpiler=None`` one of gates of the device, whose qubit n is qubit n of the device.
        group: See :class:`ProgramHeader`, as for all up to ``primitive``.
        index: See there.
        total: See there.
        created: See there.
        shots: See there.
        kind: See there.
        memory: See there.
        seed: See there.
        calibrated_at: See there.
        pub: See there.
        position: See there.
        resubmits: See there.
        primitive: See there.
        operator: See :class:`Program`.
        transpiler: None to have the gates run as they are; else the server compiles the program.
        dt: Unit of the delays that are given in dt, in s.
        basis: Gates of the device, by Qiskit's names.

    Raises:
        EncodingError: The circuit or its metadata cannot be written without changing what it means.
    """
    body = encode_body(
        circuit, transpiler=transpiler, dt=dt, basis=basis, measured=operator is None
    )
    try:
        # Read back, so that this Result and the one of a retrieved job can only be the same.
        encoded = metadata_json.encode(circuit.metadata or {})
        metadata = metadata_json.decode(encoded)
    except MetadataError as error:
        raise EncodingError(f"its metadata cannot be sent: {error.message}") from error
    header = ProgramHeader(
        kind=kind,
        group=group,
        index=index,
        total=total,
        created=created,
        name=str(circuit.name),
        qregs=tuple((register.name, register.size) for register in circuit.qregs),
        cregs=tuple((name, size) for name, size in creg_sizes(circuit)),
        n_qubits=circuit.num_qubits,
        n_clbits=circuit.num_clbits,
        global_phase=float(circuit.global_phase),
        clbits=body.clbits,
        shots=shots,
        memory=memory,
        seed=seed,
        metadata=metadata,
        calibrated_at=calibrated_at,
        pub=pub,
        position=position,
        resubmits=resubmits,
        primitive=primitive,
    )
    return replace(with_header(body.text, header), operator=operator)


def digest(text: str, primitive: Mapping[str, Any] | None = None) -> str:
    """Return the SHA-256 of a program without its header, in hex.

    Args:
        text: The program.
        primitive: That of the header. It counts too: a run that is resumed with other coefficients
            has the same programs, and would mix them.
    """
    if primitive is not None:
        text += json.dumps(primitive, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def fingerprint(program: Program) -> str:
    """Return what tells a program from every other one that has another result, in hex.

    It covers all that the result is made of beside the counts, but not what may differ when the
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
        metadata_json.encode(header.metadata),
        program.operator,
    ]
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def with_header(body: str, header: ProgramHeader) -> Program:
    """Return a program with a header, whose ``sha256`` is set to that of the program.

    Args:
        body: OpenQASM 3 without a header; a newline is added at its end where there is none.
        header: The header; what it says about the circuit must be true of the program.

    Raises:
        EncodingError: The header is not one that :func:`parse_program` would read.
    """
    if not body.endswith("\n"):
        body += "\n"
    try:
        header = replace(header, sha256=digest(body, header.primitive))
    except (TypeError, ValueError) as error:
        raise EncodingError(f"its header cannot be written: {error}") from error
    try:
        # The user's metadata keep their order.
        values = dict(sorted(header_to_json(header).items()))
        line = json.dumps(values, separators=(",", ":"), allow_nan=False)
    except (HeaderError, MetadataError) as error:
        raise EncodingError(f"its header cannot be written: {error.message}") from error
    except (TypeError, ValueError) as error:
        raise EncodingError(f"its header cannot be written: {error}") from error
    return Program(f"{body}{MARK}{line}\n", header)


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
        if body.startswith(MARK + "{") or f"\n{MARK}{{" in body:
            raise HeaderError("the header of the program is not its last line")
        return None
    try:
        values = json.loads(line, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise HeaderError(f"the header of the program is not JSON: {error}") from error
    header = header_from_json(values)
    if header.sha256 != digest(body, header.primitive):
        raise HeaderError("the program is not the one that its header was written for")
    return header


def foreign_header(
    text: str, *, group: str = "", name: str = "", shots: int = 0, created: str = ""
) -> ProgramHeader:
    """Return a header for the program of another client, made from the program itself.

    ``clbits`` are the classical bits that the program measures, of all of its registers, the one
    declared first being the lowest. Of the other bits some gateways return a "0" and some nothing.

    Args:
        text: OpenQASM 3.
        group: Id of the job.
        name: Name of the job, which stands in for that of a circuit.
        shots: Shots of the job.
        created: When it was submitted, ISO 8601, UTC.

    Raises:
        HeaderError: The program cannot be parsed.
    """
    try:
        circuit = qasm3.loads(text)
    except Exception as error:
        # The program may be anything, and the parser leaves a dozen kinds of errors to its caller:
        # of the lexer, of the importer, and of Qiskit for duplicate or missing bits.
        reason = f"the program cannot be parsed: {type(error).__name__}: {error}"
        raise HeaderError(reason) from error
    index = {bit: number for number, bit in enumerate(circuit.clbits)}
    measured = {
        index[bit] for item in circuit.data if item.name == "measure" for bit in item.clbits
    }
    return ProgramHeader(
        kind=FOREIGN,
        group=group,
        index=0,
        total=1,
        created=created,
        name=name,
        qregs=tuple((register.name, register.size) for register in circuit.qregs),
        cregs=tuple((name, size) for name, size in creg_sizes(circuit)),
        n_qubits=circuit.num_qubits,
        n_clbits=circuit.num_clbits,
        global_phase=0.0 if circuit.num_parameters else float(circuit.global_phase),
        clbits=tuple(sorted(measured)),
        shots=shots,
        memory=False,
        seed=None,
        metadata={},
        calibrated_at=None,
        sha256=digest(text),
    )


def resent_program(
    text: str,
    *,
    group: str,
    index: int,
    total: int,
    created: str,
    resubmits: str,
    name: str,
    shots: int,
) -> Program:
    """Return a stored program as a member of another group.

    The program of another client is sent as it is, without a header.

    Args:
        text: The stored program.
        group: The new group, as all up to ``resubmits``; see :class:`ProgramHeader`.
        index: See there.
        total: See there.
        created: See there.
        resubmits: See there.
        name: Name of the job, for the program of another client.
        shots: Shots of the job, for the program of another client.

    Raises:
        HeaderError: The program cannot be understood.
    """
    header = parse_program(text)
    if header is None:
        return Program(text, foreign_header(text, group=group, name=name, shots=shots))
    header = replace(
        header, group=group, index=index, total=total, created=created, resubmits=resubmits
    )
    return with_header(program_body(text), header)


def _split(text: str) -> tuple[str, str | None]:
    """Return the program above the header, and the JSON of the header or None."""
    # At "\n" only: splitlines would also cut at the separators that strings may contain.
    body, newline, last = text.rstrip("\n").rpartition("\n")
    if not last.startswith(MARK + "{"):
        return text, None
    return body + newline, last[len(MARK) :]


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")
