"""From results of programs to results of PUBs (pure), by nothing but what the programs say."""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qiskit.primitives import BitArray, DataBin, PubResult, SamplerPubResult
from qiskit.result.models import ExperimentResult

from ..cloud.results import CANCELLED, shot_order
from ..exceptions import OqtopusProtocolError
from ..program.header import ProgramHeader
from .bits import Registers, bit_table, pack_bits
from .expectation import estimate
from .pub_record import EstimatorRecord, Record, SamplerRecord, parse_record, pub_spans
from .pubs import describe_place

Outcomes = Mapping[int, tuple[ProgramHeader | None, ExperimentResult]]
"""By index in the group, what the program says of itself (None if unknown), and its result."""


@dataclass
class Collected:
    """The results of a run of a primitive.

    Attributes:
        results: The result of each PUB; None for those that failed.
        failures: What failed and why, one text for each failure.
        cancelled: Whether all that failed was cancelled.
    """

    results: list[PubResult | None] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    cancelled: bool = True


@dataclass(frozen=True)
class _Piece:
    """One program with its result."""

    header: ProgramHeader
    record: Record
    result: ExperimentResult

    @property
    def counts(self) -> dict[int, int]:
        """Outcome -> number of shots."""
        return {int(key, 16): number for key, number in self._read("counts").items()}

    @property
    def estimation(self) -> Mapping[str, float]:
        """What the server has estimated."""
        return self._read("estimation")

    def _read(self, name: str) -> Mapping[str, Any]:
        data: Mapping[str, Any] | None = getattr(self.result.data, name, None)
        if data is None:
            job_id = self.result.header["job_id"]
            raise OqtopusProtocolError(
                f"The program of OQTOPUS job {job_id} is for {name}, and its result has none."
            )
        return data


def assemble(outcomes: Outcomes) -> Collected:
    """Return the results of the PUBs of a run.

    Args:
        outcomes: The results of its programs; those that are missing count as failed.

    Raises:
        OqtopusProtocolError: If what the programs say does not fit together.
    """
    records = {
        index: parse_record(header) for index, (header, _) in outcomes.items() if header is not None
    }
    if not records:
        raise OqtopusProtocolError(
            "No program of the run is left on the server, so that nothing says what it was."
        )
    sizes = next(iter(records.values())).sizes
    if any(record.sizes != sizes for record in records.values()):
        raise OqtopusProtocolError("The programs of the run say different things of its PUBs.")
    collected = Collected()
    for pub, span in enumerate(pub_spans(sizes)):
        before = len(collected.failures)
        pieces = []
        for index in span:
            if index not in outcomes:
                reason = "a circuit of it has no job: it was never submitted, or deleted since"
                collected.failures.append(f"PUB {pub}: {reason}")
                collected.cancelled = False
                continue
            header, result = outcomes[index]
            if header is not None and result.success:
                pieces.append(_Piece(header, records[index], result))
                continue
            collected.failures.append(describe_failure(pub, header, records.get(index), result))
            collected.cancelled &= result.status == CANCELLED
        if len(collected.failures) > before:
            collected.results.append(None)
            continue
        record = records[span[0]]
        if isinstance(record, SamplerRecord):
            collected.results.append(_build_sampler_result(record, pieces))
        else:
            collected.results.append(_build_estimator_result(record, pieces))
    return collected


def assemble_estimation(header: ProgramHeader | None, result: ExperimentResult) -> Collected:
    """Return the result of the one PUB that an estimation job of another client stands for.

    Args:
        header: What its program says of itself; None if it is gone from the server.
        result: Its result.
    """
    estimation = getattr(result.data, "estimation", None)
    if not result.success or estimation is None:
        failure = describe_failure(0, header, None, result)
        return Collected([None], [failure], cancelled=result.status == CANCELLED)
    mean, error = np.asarray(estimation["exp_value"]), np.asarray(estimation["stds"])
    metadata = {"shots": result.shots, "circuit_metadata": {}}
    return Collected([PubResult(build_estimator_data(mean, error), metadata=metadata)])


def copy_pub_result(pub: PubResult) -> PubResult:
    """Return the result of a PUB with data of its own, which a caller may change."""
    data = {
        name: BitArray(value.array.copy(), value.num_bits)
        if isinstance(value, BitArray)
        else value.copy()
        for name, value in pub.data.items()
    }
    return type(pub)(DataBin(**data, shape=pub.data.shape), metadata=copy.deepcopy(pub.metadata))


def describe_failure(
    pub: int, header: ProgramHeader | None, record: Record | None, result: ExperimentResult
) -> str:
    """Return which part of a PUB failed, and why."""
    where = f"PUB {pub}"
    if header is not None and record is not None and header.position is not None:
        where += f" ({header.name!r})"
        shape, noun = record.shape, "element"
        if isinstance(record, EstimatorRecord) and record.masks is not None:
            shape, noun = record.sets, "parameter set"
        if shape:
            where += f", {noun} {describe_place(header.position, shape)}"
    reason = str(result.status).removeprefix("ERROR: ").replace(CANCELLED, "cancelled")
    return f"{where}, OQTOPUS job {result.header['job_id']}: {reason}"


def build_bit_arrays(
    registers: Registers,
    shape: tuple[int, ...],
    num_clbits: int,
    elements: Sequence[tuple[Sequence[int], NDArray[np.int64]]],
    shots: int = 0,
) -> dict[str, BitArray]:
    """Return the bits of each register in the shots of a PUB.

    A ``BitArray`` has the same number of shots in all elements. Where mitigation has left fewer
    shots in one element, the others are cut to as many; their order is random, so that this favours
    no outcome.

    Args:
        registers: The registers.
        shape: Shape of the PUB.
        num_clbits: Number of classical bits of the circuit.
        elements: For each element of the PUB, in C order, the distinct outcomes, and the position
            among these of the outcome of each shot.
        shots: Number of shots if there are no elements.
    """
    shots = min((len(order) for _, order in elements), default=shots)
    tables = [(bit_table(outcomes, num_clbits), order[:shots]) for outcomes, order in elements]
    arrays = {}
    for name, columns in registers:
        rows = [pack_bits(bits, columns)[order] for bits, order in tables]
        size = -(-len(columns) // 8)
        array = np.array(rows, dtype=np.uint8).reshape(*shape, shots, size)
        arrays[name] = BitArray(array, len(columns))
    return arrays


def _build_sampler_result(record: SamplerRecord, pieces: Sequence[_Piece]) -> SamplerPubResult:
    elements = []
    for piece in sorted(pieces, key=lambda piece: piece.header.position or 0):
        counts = piece.counts
        outcomes = sorted(counts)
        order = shot_order(piece.header, [counts[outcome] for outcome in outcomes])
        elements.append((outcomes, order))
    header = pieces[0].header
    if len(elements) != math.prod(record.shape):
        raise OqtopusProtocolError(f"PUB {header.pub} has {len(elements)} elements.")
    arrays = build_bit_arrays(record.registers, record.shape, header.n_clbits, elements)
    metadata = {"shots": header.shots, "circuit_metadata": copy.deepcopy(header.metadata)}
    return SamplerPubResult(DataBin(**arrays, shape=record.shape), metadata=metadata)


def _build_estimator_result(record: EstimatorRecord, pieces: Sequence[_Piece]) -> PubResult:
    size = math.prod(record.shape)
    # Checked before room is made for so many elements: each of them stands in a program.
    if size > sum(max(1, len(getattr(piece.record, "weights", ()))) for piece in pieces):
        raise OqtopusProtocolError(
            f"PUB {pieces[0].header.pub} has {size} elements, which its programs do not measure."
        )
    means, variances, found = np.zeros(size), np.zeros(size), np.zeros(size, dtype=bool)
    for piece in pieces:
        header, own = piece.header, piece.record
        if not isinstance(own, EstimatorRecord):
            raise OqtopusProtocolError(f"PUB {header.pub} is of two primitives.")
        if own.masks is None:
            estimation = piece.estimation
            places = [header.position or 0]
            means[places] = estimation["exp_value"]
            variances[places] = estimation["stds"] ** 2
        else:
            try:
                part = estimate(piece.counts, header.n_clbits, own.masks, own.weights)
            except ValueError as error:
                job_id = piece.result.header["job_id"]
                raise OqtopusProtocolError(f"OQTOPUS job {job_id}: {error}.") from error
            places = [place for place, _ in own.weights]
            means[places] += part.means
            variances[places] += part.variances
        found[places] = True
    header = pieces[0].header
    if not found.all():
        raise OqtopusProtocolError(
            f"No program measures element {found.argmin()} of PUB {header.pub}."
        )
    stds = np.sqrt(variances).reshape(record.shape)
    return PubResult(
        build_estimator_data(means.reshape(record.shape), stds),
        metadata={
            "target_precision": record.precision,
            "shots": header.shots,
            "circuit_metadata": copy.deepcopy(header.metadata),
        },
    )


def build_estimator_data(evs: NDArray[np.float64], stds: NDArray[np.float64]) -> DataBin:
    """Return the data of an estimator PUB.

    Without twirling, the error that IBM calls ``ensemble_standard_error`` is ``stds``.
    """
    return DataBin(evs=evs, stds=stds, ensemble_standard_error=stds.copy(), shape=evs.shape)
