"""What the program of a primitive carries, so that results can be rebuilt from programs alone.

It is plain JSON in the header of the program (``ProgramHeader.primitive``), beside the index of the
PUB and the position in it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate, groupby
from typing import Any

from ..exceptions import OqtopusProtocolError
from ..program.header import ProgramHeader
from .bits import Registers

Sizes = tuple[int, ...]
"""Number of programs of each PUB of a run."""


@dataclass(frozen=True)
class SamplerRecord:
    """What a program says of its sampler PUB.

    Attributes:
        sizes: Number of programs of each PUB of the run.
        shape: Shape of the PUB.
        registers: Its classical registers.
    """

    sizes: Sizes
    shape: tuple[int, ...]
    registers: Registers

    def to_json(self) -> dict[str, Any]:
        """Return what is written."""
        return {
            "sizes": _to_run_lengths(self.sizes),
            "shape": list(self.shape),
            "registers": [[name, list(bits)] for name, bits in self.registers],
        }


@dataclass(frozen=True)
class EstimatorRecord:
    """What a program says of its estimator PUB.

    Attributes:
        sizes: Number of programs of each PUB of the run.
        shape: Shape of the PUB.
        sets: Shape of its parameter sets.
        precision: Its precision.
        masks: Pauli strings that the program measures, see
            :class:`~qiskit_oqtopus.primitives.observables.Measurement`; None if the server
            estimates the element of the PUB at the position of the program.
        weights: For each element of the PUB that they are part of, its index in C order, and
            (index of the Pauli string, coefficient) of each.
    """

    sizes: Sizes
    shape: tuple[int, ...]
    sets: tuple[int, ...]
    precision: float
    masks: tuple[int, ...] | None = None
    weights: tuple[tuple[int, tuple[tuple[int, float], ...]], ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return what is written."""
        values: dict[str, Any] = {
            "sizes": _to_run_lengths(self.sizes),
            "shape": list(self.shape),
            "sets": list(self.sets),
            "precision": self.precision,
        }
        if self.masks is not None:
            values["masks"] = list(self.masks)
            values["weights"] = [
                [element, [list(part) for part in parts]] for element, parts in self.weights
            ]
        return values


Record = SamplerRecord | EstimatorRecord


def parse_record(header: ProgramHeader) -> Record:
    """Return what a program says of its PUB.

    Raises:
        OqtopusProtocolError: If it says nothing, or something that cannot be true.
    """
    values = header.primitive
    try:
        if values is None:
            raise ValueError("it is missing")
        sizes = _parse_sizes(values["sizes"], header.total)
        kind = _parse_sampler if header.kind == "sampler" else _parse_estimator
        record = kind(values, sizes, header)
        spans = pub_spans(record.sizes)
        if header.pub is None or header.position is None or header.pub >= len(spans):
            raise ValueError("there is no such PUB")
        if header.index not in spans[header.pub]:
            raise ValueError("the program is in another PUB")
        shape = record.shape
        if isinstance(record, EstimatorRecord) and record.masks is not None:
            shape = record.sets
        if header.position >= math.prod(shape):
            raise ValueError("the PUB has no such position")
    except (KeyError, TypeError, ValueError) as error:
        raise OqtopusProtocolError(
            f"What program {header.index} of group {header.group} says of the primitive that sent "
            f"it cannot be understood: {error!r}"
        ) from error
    return record


@lru_cache(maxsize=16)  # all programs of a run have the same sizes
def pub_spans(sizes: Sizes) -> tuple[range, ...]:
    """Return which programs each PUB of a run has.

    >>> pub_spans((1, 2))
    (range(0, 1), range(1, 3))
    """
    ends = list(accumulate(sizes))
    return tuple(range(end - size, end) for size, end in zip(sizes, ends, strict=True))


def _parse_sampler(values: Mapping[str, Any], sizes: Sizes, header: ProgramHeader) -> SamplerRecord:
    registers = tuple(
        (_check_text(name), tuple(_check_count(bit) for bit in bits))
        for name, bits in values["registers"]
    )
    return SamplerRecord(sizes, _parse_shape(values["shape"]), registers)


def _parse_estimator(
    values: Mapping[str, Any], sizes: Sizes, header: ProgramHeader
) -> EstimatorRecord:
    common = (
        sizes,
        _parse_shape(values["shape"]),
        _parse_shape(values["sets"]),
        _check_number(values["precision"]),
    )
    if "masks" not in values:
        return EstimatorRecord(*common)
    masks = tuple(_check_count(mask, 1 << header.n_clbits) for mask in values["masks"])
    elements = math.prod(common[1])
    weights = tuple(
        (
            _check_count(element, elements),
            tuple((_check_count(place, len(masks)), _check_number(c)) for place, c in parts),
        )
        for element, parts in values["weights"]
    )
    return EstimatorRecord(*common, masks, weights)


def _to_run_lengths(sizes: Sequence[int]) -> list[list[int]]:
    return [[len(list(equal)), size] for size, equal in groupby(sizes)]


def _parse_sizes(values: Any, total: int) -> Sizes:
    """Return the sizes: a few bytes from the network must not become more PUBs than programs."""
    run_lengths = tuple((_check_count(repeat), _check_count(size)) for repeat, size in values)
    if sum(repeat * size for repeat, size in run_lengths) != total or not all(
        size for _, size in run_lengths
    ):
        raise ValueError("the PUBs have other programs than the run")
    return _expand(run_lengths)


@lru_cache(maxsize=16)
def _expand(run_lengths: tuple[tuple[int, int], ...]) -> Sizes:
    return tuple(size for repeat, size in run_lengths for _ in range(repeat))


def _parse_shape(values: Any) -> tuple[int, ...]:
    return tuple(_check_count(size) for size in values)


def _check_count(value: Any, end: int | None = None) -> int:
    if type(value) is not int or value < 0 or (end is not None and value >= end):
        raise ValueError(f"{value!r:.40} is out of range")
    return value


def _check_number(value: Any) -> float:
    if type(value) not in (int, float) or not math.isfinite(value):
        raise ValueError(f"{value!r:.40} is not a number")
    return float(value)


def _check_text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r:.40} is not a name")
    return value
