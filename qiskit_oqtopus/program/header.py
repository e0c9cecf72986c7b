"""What a program says about itself: all that the Result of its circuit needs beyond the counts."""

from __future__ import annotations

import hashlib
import json
import math
import reprlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from ..exceptions import OqtopusProtocolError
from ..words import clean
from . import metadata as metadata_json
from .metadata import MetadataError

SCHEMA = 1
"""Version of the header. A header of a later version is refused rather than half understood."""

SCRIPT = "script"
"""Kind of the header of a Python program of the user."""

KINDS = ("run", "sampler", "estimator", SCRIPT)

FOREIGN = "foreign"
"""Kind of the header that is inferred for a program without one. It is never written."""

MAX_BITS = 100_000
"""Qubits, or classical bits, of a circuit, and of all its registers together."""

MAX_NAME = 10_000
"""Characters of the name of a circuit or a register, or of another text of the header."""

MAX_SHOTS = 10**7
"""Shots of a job: those of the server."""

MAX_TOTAL = 10**6
"""Circuits in a group."""

MAX_CIRCUITS = 10_000
"""Circuits that one Python program runs."""

MAX_MANIFEST = 1000
"""Jobs that the head of a wave names."""

EXPERIMENT_TEXTS = 3
"""How many programs of a group, from its first one, carry the description of its experiment."""

MAX_EXPERIMENT = 2**16
"""Bytes of that description as JSON."""

MAX_INDEX = 10**9
"""PUBs of a primitive, and sets of parameters in one."""

MAX_SEED_BITS = 4096
"""Size of a seed, in bits."""

_FLOAT_BITS = 1024

Registers = tuple[tuple[str, int], ...]

Manifest = tuple[tuple[int, str, str], ...]
"""(index in the group, OQTOPUS job id, digest) of each job of a wave, see :mod:`.cloud.wave`."""


class HeaderError(OqtopusProtocolError):
    """The program of a job has a broken header, or none and cannot be parsed either."""

    def __init__(self, message: str) -> None:
        super().__init__(clean(message))


@dataclass(frozen=True)
class ProgramHeader:
    """All that the Result of one circuit needs beyond its counts.

    The run says what stands first, up to ``primitive``. The rest is read from the circuit when its
    program is written; until then it is that of a circuit of which nothing is known.

    Attributes:
        kind: The sender: ``"run"``, ``"sampler"`` or ``"estimator"``; :data:`SCRIPT` for a Python
            program of the user; :data:`FOREIGN` for the program of another client.
        group: Id of the group of jobs that this one belongs to.
        index: Its position in the group, from 0.
        total: Number of circuits in the group.
        created: When the group was created, ISO 8601, UTC.
        shots: Number of shots asked for.
        memory: Whether the caller asked for single shots.
        seed: Seed of the caller, or None.
        calibrated_at: When the device of the Target was calibrated, or None.
        pub: Index of the PUB of a primitive, or None.
        position: Index of the parameter set of the circuit in its PUB, counted in C order; of
            the element of the PUB where the server estimates; or None.
        resubmits: Id of the group that this one sends again, or None.
        primitive: What the result of a primitive needs beyond the counts, as plain JSON, or None;
            :mod:`qiskit_oqtopus.primitives.pub_record` writes and reads it.
        manifest: If this is the head of a wave, the jobs that are submitted after it, else None.
        experiment: What the run says of the experiment that its circuits belong to, as plain JSON,
            in the first :data:`EXPERIMENT_TEXTS` programs of a group; None in others.
        experiment_sha256: Digest of it, in all programs of the group, see
            :func:`digest_experiment`; None if the run says nothing.
        circuits: How many circuits a Python program runs, of which the first one is ``index``;
            None for a program of another kind.
        name: Name of the circuit.
        qregs: (name, size) of each quantum register.
        cregs: (name, size) of each classical register, as results list them.
        n_qubits: Number of qubits of the circuit.
        n_clbits: Number of its classical bits, measured or not.
        global_phase: In rad; it is not part of the program.
        clbits: Bit ``c[j]`` of the program is the classical bit ``clbits[j]`` of the circuit.
        qubits: It is measured on qubit ``qubits[j]`` of the device; None if the server compiles the
            program, which chooses the qubits.
        metadata: Metadata of the circuit.
        sha256: Of the program above the header, and of ``primitive`` if there is one, in hex.
        extra: What a later version has added.
    """

    kind: str = "run"
    group: str = ""
    index: int = 0
    total: int = 1
    created: str = ""
    shots: int = 0
    memory: bool = False
    seed: int | None = None
    calibrated_at: str | None = None
    pub: int | None = None
    position: int | None = None
    resubmits: str | None = None
    primitive: Mapping[str, Any] | None = None
    manifest: Manifest | None = None
    experiment: Mapping[str, Any] | None = None
    experiment_sha256: str | None = None
    circuits: int | None = None
    name: str = ""
    qregs: Registers = ()
    cregs: Registers = ()
    n_qubits: int = 0
    n_clbits: int = 0
    global_phase: float = 0.0
    clbits: tuple[int, ...] = ()
    qubits: tuple[int, ...] | None = None
    metadata: dict[str, Any] = field(default_factory=dict)
    sha256: str = ""
    extra: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_python(self) -> bool:
        """Whether the program is one of Python, and not of OpenQASM."""
        return self.kind == SCRIPT or self.circuits is not None


def header_to_json(header: ProgramHeader, metadata: Any) -> dict[str, Any]:
    """Return a header as what ``json.dumps`` writes.

    Args:
        header: The header.
        metadata: Its metadata as :func:`.metadata.encode` returns them.

    Raises:
        HeaderError: :func:`header_from_json` would not read it.
    """
    values = {item.name: getattr(header, item.name) for item in fields(header)}
    del values["extra"]
    values["schema"] = SCHEMA
    values["qregs"] = [list(register) for register in header.qregs]
    values["cregs"] = [list(register) for register in header.cregs]
    values["clbits"] = list(header.clbits)
    values["metadata"] = metadata
    for name in _OPTIONAL:
        if values[name] is None:
            del values[name]
    if header.qubits is not None:
        values["qubits"] = list(header.qubits)
    if header.manifest is not None:
        values["manifest"] = [list(entry) for entry in header.manifest]
    # Checked as it is when it comes back, so that nothing is sent that could not be read then.
    _check({**_LATER, **values})
    return {**header.extra, **values}


def experiment_text(experiment: Mapping[str, Any]) -> str:
    """Return the description of an experiment as the JSON text that it is known by.

    Raises:
        TypeError: If it is not plain JSON.
        ValueError: If it has a number that is not finite.
    """
    return json.dumps(experiment, sort_keys=True, separators=(",", ":"), allow_nan=False)


def digest_experiment(experiment: Mapping[str, Any]) -> str:
    """Return the SHA-256 of the description of an experiment, in hex."""
    return hashlib.sha256(experiment_text(experiment).encode()).hexdigest()


def _is_count(value: Any, limit: int = MAX_INDEX) -> bool:
    return type(value) is int and 0 <= value <= limit


def _up_to(limit: int) -> Callable[[Any], bool]:
    return lambda value: _is_count(value, limit)


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and len(value) <= MAX_NAME


def _is_registers(value: Any) -> bool:
    return (
        isinstance(value, list)
        and len(value) <= MAX_BITS
        and all(
            isinstance(item, list)
            and len(item) == 2
            and _is_text(item[0])
            and _is_count(item[1], MAX_BITS)
            for item in value
        )
        and sum(size for _, size in value) <= MAX_BITS
    )


def _is_manifest(value: Any) -> bool:
    return (
        isinstance(value, list)
        and len(value) <= MAX_MANIFEST
        and all(
            isinstance(item, list)
            and len(item) == 3
            and _is_count(item[0], MAX_TOTAL)
            and _is_text(item[1])
            and _is_text(item[2])
            for item in value
        )
    )


def _is_finite(value: Any) -> bool:
    if type(value) is int:
        # JSON knows integers that no float can hold.
        return value.bit_length() < _FLOAT_BITS
    return type(value) is float and math.isfinite(value)


_TYPES: dict[str, Callable[[Any], bool]] = {
    "str": _is_text,
    "str | None": lambda value: value is None or _is_text(value),
    "int": _is_count,
    "int | None": lambda value: value is None or _is_count(value),
    "float": _is_finite,
    "bool": lambda value: type(value) is bool,
    "Registers": _is_registers,
    "tuple[int, ...]": lambda value: isinstance(value, list) and all(map(_is_count, value)),
    "tuple[int, ...] | None": lambda value: (
        value is None or (isinstance(value, list) and all(map(_is_count, value)))
    ),
    "dict[str, Any]": lambda value: isinstance(value, dict),
    "Mapping[str, Any] | None": lambda value: value is None or isinstance(value, dict),
    "Manifest | None": lambda value: value is None or _is_manifest(value),
}
"""Whether a value of JSON can be that of a field, by the annotation of the field."""

_CHECKS: dict[str, Callable[[Any], bool]] = {
    **{item.name: _TYPES[str(item.type)] for item in fields(ProgramHeader) if item.name != "extra"},
    "kind": lambda value: value in KINDS,
    "total": _up_to(MAX_TOTAL),
    "shots": _up_to(MAX_SHOTS),
    "n_qubits": _up_to(MAX_BITS),
    "n_clbits": _up_to(MAX_BITS),
    "circuits": lambda value: value is None or _is_count(value, MAX_CIRCUITS),
    "seed": lambda value: (
        value is None or (type(value) is int and value.bit_length() <= MAX_SEED_BITS)
    ),
}

_OPTIONAL = ("manifest", "experiment", "experiment_sha256", "circuits", "qubits")
"""Fields that are not written if they are None."""

_LATER = {"primitive": None, **dict.fromkeys(_OPTIONAL)}
"""Fields that not all headers have, and their values there."""


def _quote(value: Any) -> str:
    # The whole repr of a list may take long to build.
    return reprlib.repr(value)[:60]


def _check(values: Any) -> None:
    if not isinstance(values, dict):
        raise HeaderError("the header of the program is not a JSON object")
    schema = values.get("schema")
    if schema != SCHEMA:
        raise HeaderError(
            f"the header of the program has version {_quote(schema)}, this qiskit-oqtopus reads "
            f"version {SCHEMA}: a later qiskit-oqtopus may be needed"
        )
    for name, is_right in _CHECKS.items():
        if name not in values:
            raise HeaderError(f"the header of the program has no {name!r}")
        if not is_right(values[name]):
            raise HeaderError(
                f"the header of the program has {name!r} = {_quote(values[name])}, which is not "
                "what is written there"
            )
    clbits = values["clbits"]
    if clbits != sorted(set(clbits)) or (clbits and clbits[-1] >= values["n_clbits"]):
        raise HeaderError("the header of the program has classical bits that cannot be")
    if values["qubits"] is not None and len(values["qubits"]) != len(clbits):
        raise HeaderError("the header of the program has other numbers of qubits and of bits")
    if values["index"] >= values["total"]:
        raise HeaderError("the header of the program has an index beyond the end of its group")
    if values["circuits"] is not None and not (
        0 < values["circuits"] <= values["total"] - values["index"]
    ):
        raise HeaderError("the header of the program has circuits beyond the end of its group")
    experiment = values["experiment"]
    if experiment is not None and values["experiment_sha256"] != digest_experiment(experiment):
        raise HeaderError("the header of the program describes another experiment than its digest")


def header_from_json(values: Any) -> ProgramHeader:
    """Return the header that was given to :func:`header_to_json`.

    Raises:
        HeaderError: It is not a header, or one of a later version.
    """
    if isinstance(values, dict):
        values = {**_LATER, **values}
    _check(values)
    known = {name: values[name] for name in _CHECKS}
    try:
        known["metadata"] = metadata_json.decode(values["metadata"])
    except MetadataError as error:
        raise HeaderError(f"the header of the program is broken: {error.message}") from error
    if not isinstance(known["metadata"], dict):
        raise HeaderError("the header of the program has metadata that is not a dict")
    known["qregs"] = tuple((name, size) for name, size in values["qregs"])
    known["cregs"] = tuple((name, size) for name, size in values["cregs"])
    known["clbits"] = tuple(values["clbits"])
    if values["qubits"] is not None:
        known["qubits"] = tuple(values["qubits"])
    if values["manifest"] is not None:
        known["manifest"] = tuple((index, job, digest) for index, job, digest in values["manifest"])
    known["global_phase"] = float(values["global_phase"])
    extra = {key: item for key, item in values.items() if key not in known and key != "schema"}
    return ProgramHeader(**known, extra=extra)
