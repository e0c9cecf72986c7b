"""Measure the constants from which ``method="automatic"`` is decided: those of ``optimize/cost``.

    OMP_NUM_THREADS=1 python -m tests.benchmarks.calibrate

Both engines run all families. The constants are those with which the estimates are closest to the
processor times, as logarithms. What is printed is to be rounded, and written into the module.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Mapping, Sequence
from statistics import median

import numpy as np
from scipy.optimize import least_squares

from qiskit_oqtopus.simulator.compile.noisy import compile_noisy
from qiskit_oqtopus.simulator.engines.noisy import run_noisy
from qiskit_oqtopus.simulator.memory import BRANCH_BYTES
from qiskit_oqtopus.simulator.noise.model import NoiseModel
from qiskit_oqtopus.simulator.optimize.cost import DENSITY_NS, TRAJECTORY_NS
from qiskit_oqtopus.simulator.optimize.estimate import Work, count_work
from qiskit_oqtopus.simulator.plan import NoisyPlan, Plan

from .families import FAMILIES, target

ROUNDS = 5
UNSEEN_NS = 3e5
"""What is shorter than this does not matter: no decision depends on it."""

STIFFNESS = 0.02
"""How strongly constants that the families do not determine are held where they are."""

Constants = Mapping[str, tuple[float, float]]


def main() -> None:
    """Measure, fit and print."""
    engines: tuple[tuple[str, Constants, int], ...] = (
        ("density_matrix", DENSITY_NS, 4),
        ("trajectories", TRAJECTORY_NS, 2),
    )
    rows: list[tuple[int, tuple[Work, Work], list[float]]] = []
    for name, family in FAMILIES.items():
        plan = _plan(name)
        times = [_measure(plan, method, family.shots) for method, _, _ in engines]
        rows.append((len(plan.qubits), count_work(plan, family.shots), times))
        print(f"{name}: {times[0] / 1e6:.1f} ms, {times[1] / 1e6:.1f} ms", flush=True)
    for place, (method, constants, base) in enumerate(engines):
        kinds = [(name, each) for name, both in constants.items() for each in (0, 1) if both[each]]
        matrix = [
            [work[place][name] * (float(base) ** n if each else 1) for name, each in kinds]
            for n, work, _ in rows
        ]
        found = _fit(
            np.array(matrix),
            np.array([times[place] for _, _, times in rows]),
            [constants[name][each] for name, each in kinds],
        )
        print(method)
        for (name, each), value in zip(kinds, found, strict=True):
            print(f"    {name} {('in all', 'per number')[each]}: {value:.3g} ns")


def _plan(name: str) -> Plan:
    circuit = FAMILIES[name].build()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        noise = NoiseModel.from_target(target(circuit.num_qubits))
    plan, problems = compile_noisy(circuit, 0, noise)
    if plan is None:
        raise ValueError(f"{name}: {problems}")
    return plan


def _measure(plan: Plan, method: str, shots: int) -> float:
    """Return the processor time of a run in ns."""
    times = []
    for seed in range(ROUNDS):
        start = time.process_time_ns()
        run_noisy(NoisyPlan(plan, method), shots, np.random.default_rng(seed), BRANCH_BYTES)
        times.append(time.process_time_ns() - start)
    return float(median(times))


def _fit(matrix: np.ndarray, times: np.ndarray, start: Sequence[float]) -> np.ndarray:
    """Return positive constants for which the matrix gives the times."""
    begin = np.log(start)

    def distance(logarithms: np.ndarray) -> np.ndarray:
        expected = matrix @ np.exp(logarithms)
        off = np.log((expected + UNSEEN_NS) / (times + UNSEEN_NS))
        return np.concatenate([off, STIFFNESS * (logarithms - begin)])

    return np.asarray(np.exp(least_squares(distance, begin, loss="soft_l1").x))


if __name__ == "__main__":
    main()
