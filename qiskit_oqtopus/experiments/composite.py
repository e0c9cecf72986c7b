"""The analysis of many experiments in the same circuits: each gets its own data, and no other's.

The CompositeAnalysis of qiskit-experiments gives the data of the first component that has any to
the first component: if those of one are missing, all after it get those of their neighbours.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Container, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from qiskit_experiments.framework import (
    AnalysisResultData,
    ArtifactData,
    BaseAnalysis,
    CompositeAnalysis,
    ExperimentData,
    Options,
)
from uncertainties import ufloat

from ..options import one_of
from .partial_data import ERROR, PartialData

MIN_POINTS = 5
"""Fewest circuits from which a lifetime is fitted: it has three parameters."""

MIN_LENGTHS = 3
"""Fewest lengths from which an error per Clifford is fitted."""

QUANTITIES: Mapping[str, Sequence[str]] = {
    "T1": ("T1",),
    "T2Hahn": ("T2",),
    "StandardRB": ("EPC", "EPG_sx"),
    "InterleavedRB": ("EPC",),
    "CHSH": ("S",),
    "ParityOscillation": ("contrast", "population", "fidelity"),
    "LocalReadoutError": ("Local Readout Mitigator",),
}
"""By the type of an experiment, the names of the results that it must have."""

POINTS, REASON, SHOTS, JOB_ID = "points", "reason", "shots", "job_id"
"""What each result has in its ``extra``."""


class IndexedAnalysis(CompositeAnalysis):
    """Analyses the components of an experiment, each with the data that have its index.

    A circuit without a result is one missing point. A component of which too few points are left,
    or whose fit fails, has results that are NaN and "bad", with the reason. All results have in
    ``extra`` how many points there are of how many, and the id of their job.

    Args:
        analyses: Those of the components.
        points: Number of circuits of each component.
    """

    def __init__(self, analyses: list[BaseAnalysis], points: Sequence[int]) -> None:
        super().__init__(analyses, flatten_results=True, generate_figures="never")
        self._points = list(points)

    @classmethod
    def _default_options(cls) -> Options:
        """Default options.

        Analysis Options:
            figures (str): Of which fits figures are drawn: "never", "selective" (of bad ones) or
                "always". Figures take much longer than fits.
        """
        options = super()._default_options()
        options.update_options(figures="never")
        return options

    def set_options(self, **fields: Any) -> None:
        """Set options, ``figures`` of all components too.

        Args:
            **fields: The options.

        Raises:
            OqtopusOptionError: If ``figures`` is none of its values.
        """
        if "figures" in fields:
            one_of(["never", "selective", "always"])("figures", fields["figures"])
            self._set_generate_figures(fields["figures"])
        super().set_options(**fields)

    def draw(
        self, experiment_data: ExperimentData, wanted: Container[tuple[str, tuple[int, ...]]]
    ) -> Iterator[tuple[str, tuple[int, ...], Any]]:
        """Return figures of some components, without changing the data.

        Args:
            experiment_data: The data.
            wanted: Types of experiments, and their qubits.

        Returns:
            Type, qubits and figure; nothing of a component of which too few points are left.
        """
        yield from self._draw(experiment_data.data(), experiment_data.metadata, wanted)

    def _draw(
        self,
        data: Sequence[Mapping[str, Any]],
        metadata: Mapping[str, Any],
        wanted: Container[tuple[str, tuple[int, ...]]],
    ) -> Iterator[tuple[str, tuple[int, ...], Any]]:
        parts = split_data(data, len(self._analyses))
        for analysis, part, kind, component, points in zip(
            self._analyses,
            parts,
            metadata["component_types"],
            metadata["component_metadata"],
            self._points,
            strict=True,
        ):
            if isinstance(analysis, IndexedAnalysis):
                yield from analysis._draw(part, component, wanted)
                continue
            qubits = tuple(component["physical_qubits"])
            if (kind, qubits) in wanted:
                drawn = analysis.copy()
                drawn._generate_figures = "always"
                _, figures = _analyze_one(drawn, part, kind, component, points, "")
                for figure in figures:
                    yield kind, qubits, figure

    def _run_analysis(self, experiment_data: ExperimentData) -> tuple[list[Any], list[Any]]:
        why = ""
        if isinstance(experiment_data, PartialData):
            why = experiment_data.why_missing()
        return self._analyze(experiment_data.data(), experiment_data.metadata, why)

    def _analyze(
        self, data: Sequence[Mapping[str, Any]], metadata: Mapping[str, Any], why: str
    ) -> tuple[list[Any], list[Any]]:
        parts = split_data(data, len(self._analyses))
        results: list[Any] = []
        figures: list[Any] = []
        types, components = metadata["component_types"], metadata["component_metadata"]
        for number, analysis in enumerate(self._analyses):
            if isinstance(analysis, IndexedAnalysis):
                found = analysis._analyze(parts[number], components[number], why)
            else:
                found = _analyze_one(
                    analysis,
                    parts[number],
                    types[number],
                    components[number],
                    self._points[number],
                    why,
                )
            results += found[0]
            figures += found[1]
        return results, figures


def split_data(data: Sequence[Mapping[str, Any]], number: int) -> list[list[dict[str, Any]]]:
    """Return the data of each component by its index, with counts of its own classical bits.

    Args:
        data: Data of circuits; those without an index belong to nobody.
        number: Number of components.
    """
    parts: list[list[dict[str, Any]]] = [[] for _ in range(number)]
    for datum in data:
        metadata = datum.get("metadata") or {}
        indices = metadata.get("composite_index", ())
        clbits = metadata.get("composite_clbits")
        counts = datum.get("counts")
        own: Sequence[Any] = [counts] * len(indices)
        if counts is not None and clbits is not None:
            own = count_bits(counts, clbits)
        rest = {key: value for key, value in datum.items() if key not in _REPLACED}
        for place, index in enumerate(indices):
            part = {**rest, "metadata": metadata["composite_metadata"][place]}
            if counts is not None:
                part["counts"] = own[place]
            parts[index].append(part)
    return parts


_REPLACED = ("metadata", "counts", "memory")


def count_bits(counts: Mapping[str, int], groups: Sequence[Sequence[int]]) -> list[dict[str, int]]:
    """Return the counts of several groups of classical bits.

    Args:
        counts: Counts of all bits.
        groups: Places of bits, counted from the right.

    >>> count_bits({"10": 3, "11": 1}, [[0], [1], [1, 0]])
    [{'0': 3, '1': 1}, {'1': 4}, {'01': 3, '11': 1}]
    """
    keys = [key.replace(" ", "") for key in counts]
    bits = np.frombuffer("".join(keys).encode("ascii"), dtype=np.uint8).reshape(len(keys), -1)
    bits = (bits[:, ::-1] - ord("0")).astype(np.int64)
    numbers = np.fromiter(counts.values(), dtype=np.int64, count=len(keys))
    found = []
    for places in groups:
        values = sum(bits[:, place] << weight for weight, place in enumerate(places))
        totals = np.bincount(values, weights=numbers, minlength=1)
        found.append(
            {f"{v:0{len(places)}b}": round(totals[v]) for v in np.flatnonzero(totals).tolist()}
        )
    return found


def _analyze_one(
    analysis: BaseAnalysis,
    data: Sequence[dict[str, Any]],
    kind: str,
    metadata: Mapping[str, Any],
    points: int,
    why: str,
) -> tuple[list[Any], list[Any]]:
    """Return the results and figures of one experiment."""
    there = [datum for datum in data if "counts" in datum]
    errors = Counter(datum[ERROR] for datum in data if ERROR in datum)
    missing = errors.most_common(1)[0][0] if errors else why
    reason = _find_too_few(kind, there, points)
    results: list[Any] = []
    figures: list[Any] = []
    if reason:
        reason = f"{reason}: {missing}" if missing else reason
    else:
        own = ExperimentData()
        own.experiment_type = kind
        own.metadata.update(metadata)
        own.add_data(there)
        try:
            results, figures = analysis._run_analysis(own)
            figures = figures or []
            reason = "the fit failed"
        except Exception as error:  # noqa: BLE001 - one fit that cannot be made is one bad row
            reason = f"the fit failed: {error}"
    names = {result.name for result in results if isinstance(result, AnalysisResultData)}
    results += [
        AnalysisResultData(name, ufloat(math.nan, math.nan), quality="bad", extra={REASON: reason})
        for name in QUANTITIES.get(kind, ())
        if name not in names
    ]
    extra = {
        POINTS: f"{len(there)} of {points}",
        SHOTS: int(there[0]["shots"]) if there and there[0].get("shots") else 0,
        JOB_ID: str(data[0].get("job_id", "")) if data else "",
    }
    for result in results:
        result.experiment = kind
        result.device_components = list(metadata["device_components"])
        if not isinstance(result, ArtifactData):
            result.extra = {**result.extra, **extra}
    return results, figures


def _find_too_few(kind: str, data: Sequence[Mapping[str, Any]], points: int) -> str:
    """Return what is missing for an analysis, or nothing."""
    number = len(data)
    if kind == "LocalReadoutError":
        return "" if number == points else f"{number} of {points} circuits have a result"
    if kind in ("T1", "T2Hahn"):
        few = number < MIN_POINTS
        return f"{number} of {points} circuits have a result" if few else ""
    if kind in ("CHSH", "ParityOscillation"):  # whose analyses say themselves what is missing
        return "" if number else f"0 of {points} circuits have a result"
    lengths: dict[Any, set[int]] = {}
    for datum in data:
        metadata = datum["metadata"]
        lengths.setdefault(metadata.get("interleaved"), set()).add(metadata["xval"])
    kinds = (False, True) if kind == "InterleavedRB" else (None,)
    fewest = min(len(lengths.get(each, ())) for each in kinds)
    return f"{fewest} lengths have a result" if fewest < MIN_LENGTHS else ""
