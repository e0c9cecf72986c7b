"""A night of calibration of 64 qubits by stage, beside qiskit-experiments as it is."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache, partial
from typing import Any

import numpy as np
from qiskit import QuantumCircuit
from qiskit.result import Result
from qiskit_experiments.framework import (
    BatchExperiment,
    CompositeAnalysis,
    ExperimentData,
    ParallelExperiment,
)
from qiskit_experiments.library import LocalReadoutError

from qiskit_oqtopus import QulacsBackend
from qiskit_oqtopus.experiments import Characterization

from ..agreement import WrongAnswer
from ..peers import OURS
from ..workload import Goal, Steps, Workload
from .chip import chip

SIDE = 8
SHOTS = 1000
LENGTHS = (1, 10, 20, 40, 60, 100)
DECAYS = ("readout", "t1", "t2")
NIGHT = (*DECAYS, "rb")
SEED = 8
STOCK = "qiskit-experiments as it is"


@cache
def build_plan(measure: tuple[str, ...]) -> Characterization:
    """Return a plan of all qubits."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        twin = QulacsBackend.from_target(chip(SIDE, SIDE), name="chip", seed=SEED)
        return Characterization(
            twin, measure=measure, lengths=LENGTHS, samples=3, seed=SEED, shots=SHOTS
        )


@cache
def build_stock(measure: tuple[str, ...]) -> BatchExperiment:
    """Return the same experiments in the same groups, by the classes of qiskit-experiments."""
    plan = build_plan(measure)
    groups = [
        LocalReadoutError(group.physical_qubits)
        if isinstance(group, LocalReadoutError)
        else ParallelExperiment(group.component_experiment(), flatten_results=True)
        for group in plan.component_experiment()
    ]
    stock = BatchExperiment(groups, backend=plan.backend, flatten_results=True)
    stock.analysis = CompositeAnalysis(
        [group.analysis for group in groups], flatten_results=True, generate_figures="never"
    )
    stock.set_run_options(shots=SHOTS)
    return stock


@dataclass
class SameNumbers:
    """Compares numbers with those of the first competitor.

    Attributes:
        name: The workload.
        tolerance: The largest difference.
    """

    name: str
    tolerance: float = 0.0
    first: np.ndarray | None = field(default=None, init=False)

    def __call__(self, peer: str, answer: Any) -> None:
        """Raise WrongAnswer if a number is another."""
        numbers = np.asarray(answer, dtype=float)
        self.first = numbers if self.first is None else self.first
        if numbers.shape != self.first.shape or not np.allclose(
            numbers, self.first, atol=self.tolerance, rtol=0
        ):
            raise WrongAnswer(f"{self.name}: {peer} has other numbers")


def _read_points(circuits: Sequence[QuantumCircuit]) -> list[list[float]]:
    """Return how many circuits there are, and the lengths or delays of their experiments."""
    found = []
    for circuit in circuits:
        metadata = circuit.metadata["composite_metadata"][0]
        points = [each.get("xval", 0.0) for each in metadata.get("composite_metadata", [metadata])]
        found.append([len(points), sum(points), circuit.num_clbits])
    return found


def _read_bits(result: Result) -> list[float]:
    """Return the share of ones in each circuit."""
    shares = []
    for number in range(len(result.results)):
        counts = result.get_counts(number)
        ones = sum(key.count("1") * count for key, count in counts.items())
        shares.append(ones / sum(counts.values()) / len(next(iter(counts)).replace(" ", "")))
    return shares


def _read_values(data: ExperimentData) -> list[float]:
    """Return the logarithm of the median of each quantity."""
    rows = data.analysis_results(dataframe=True)
    return [
        float(np.log(np.median([value.nominal_value for value in rows[rows.name == name].value])))
        for name in ("T1", "T2")
    ]


def _analyze(experiment: BatchExperiment, result: Result) -> ExperimentData:
    data = experiment._initialize_experiment_data()
    data.add_data(result)
    return experiment.analysis.run(data).block_for_results()


def _run(backend: Any, circuits: Sequence[QuantumCircuit]) -> Result:
    return backend.run(list(circuits), shots=SHOTS).result()


def build_circuits(measure: tuple[str, ...], build: Callable[..., BatchExperiment]) -> Steps:
    """Return the stage in which circuits are made."""
    return Steps(lambda _: build(measure)._transpiled_circuits(), _read_points)


def run_circuits(build: Callable[..., BatchExperiment]) -> Steps:
    """Return the stage in which the twin runs them."""
    circuits = build(NIGHT)._transpiled_circuits()
    backend = build_plan(NIGHT).backend
    return Steps(
        partial(_run, backend),
        _read_bits,
        lambda: [circuit.copy() for circuit in circuits],
        free_reading=True,
    )


def analyze_result(build: Callable[..., BatchExperiment]) -> Steps:
    """Return the stage in which counts are fitted, without figures."""
    experiment = build(NIGHT)
    result = _run(build_plan(NIGHT).backend, experiment._transpiled_circuits())
    return Steps(lambda _: _analyze(experiment, result), _read_values)


def do_all(build: Callable[..., BatchExperiment]) -> Steps:
    """Return the whole night."""

    def work(_: Any) -> ExperimentData:
        experiment = build(NIGHT)
        return _analyze(
            experiment, _run(build_plan(NIGHT).backend, experiment._transpiled_circuits())
        )

    return Steps(work, _read_values)


def workload(
    name: str,
    title: str,
    task: Callable[..., Steps],
    arguments: tuple[Any, ...] = (),
    goal: float | None = None,
    tolerance: float = 1e-9,
) -> Workload:
    """Return a workload.

    Args:
        name: Its name.
        title: What it is.
        task: Takes the arguments and what builds the experiment.
        arguments: The arguments.
        goal: The highest ratio that reaches the goal.
        tolerance: The largest difference of numbers.
    """
    return Workload(
        name,
        title,
        {
            OURS: partial(task, *arguments, build_plan),
            STOCK: partial(task, *arguments, build_stock),
        },
        SameNumbers(name, tolerance),
        [Goal(STOCK, goal, counts=False)],
    )


WORKLOADS = {
    "night-decays": partial(
        workload,
        "night-decays",
        f"A night on {SIDE**2} qubits: circuits of readout, T1 and T2Hahn",
        build_circuits,
        (DECAYS,),
        0.15,
    ),
    "night-rb": partial(
        workload,
        "night-rb",
        f"A night on {SIDE**2} qubits: circuits of StandardRB",
        build_circuits,
        (("rb",),),
        0.7,
    ),
    "night-run": partial(
        workload,
        "night-run",
        f"A night on {SIDE**2} qubits: the twin runs the circuits",
        run_circuits,
        tolerance=0.1,
    ),
    "night-analysis": partial(
        workload,
        "night-analysis",
        f"A night on {SIDE**2} qubits: analysis without figures",
        analyze_result,
        tolerance=0.1,
    ),
    "night-64": partial(
        workload, "night-64", f"A night on {SIDE**2} qubits: all of it", do_all, tolerance=0.1
    ),
}
