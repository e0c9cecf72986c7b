"""How the time grows with the number of qubits, gates, circuits and shots."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from .agreement import Exact, check_counts
from .peers import OURS, PEERS
from .peers.raw import probabilities
from .results import Curve, Result, find_source
from .timing import Spread, compare, spread
from .workload import Batch, Task, Unsupported
from .workloads.linear import GATES_QUBITS, SHOTS, SHOTS_QUBITS, random_gates
from .workloads.w1 import rabi
from .workloads.w4 import layered

ROUND_SECONDS = 0.1

Case = tuple[Batch, list[np.ndarray]]
"""What is run at a value, and the exact distribution of each circuit."""


@dataclass(frozen=True)
class Sweep:
    """A number that grows.

    Attributes:
        name: Short name.
        title: What it is, and of what circuits.
        label: The number, for the axis.
        values: Its values.
        make: Returns the circuits at a value.
        growth: How much longer at most a value takes than the one before it.
        max_seconds: A competitor that is expected to take longer at the next value stops, in s.
    """

    name: str
    title: str
    label: str
    values: Sequence[int]
    make: Callable[[int], Case]
    growth: Callable[[int, int], float]
    max_seconds: float = 0.5


def sweep(what: Sweep, peers: Sequence[str], rounds: int) -> Result:
    """Check and time all competitors at each value, as long as they do not take too long."""
    seconds: dict[str, list[Spread]] = {name: [] for name in (OURS, *peers)}
    missing: dict[str, str] = {}
    before = what.values[0]
    for value in what.values:
        batch, exact = what.make(value)
        distributions = [Exact(values) for values in exact]
        for name in list(seconds):
            if name in missing or not seconds[name]:
                continue
            expected = seconds[name][-1].median * what.growth(before, value)
            if expected > what.max_seconds:
                missing[name] = f"would take {expected:.1g} s at {value} {what.label}"
        names = [name for name in seconds if name not in missing]
        tasks = _prepare(names, batch, missing)
        try:
            total = 0.0
            for name, task in tasks.items():
                start = time.perf_counter()
                answer = task.answer()
                total += time.perf_counter() - start
                check_counts(f"{what.name}-{value}", distributions, batch.shots, name, answer)
            times = compare(tasks, rounds, expected=total, round_seconds=ROUND_SECONDS)
        finally:
            for task in tasks.values():
                task.close()
        for name in tasks:
            seconds[name].append(spread(times.total[name]))
        before = value
    curve = Curve(
        what.label, list(what.values), {n: taken for n, taken in seconds.items() if taken}
    )
    return Result(what.name, what.title, find_source(), missing=missing, curve=curve)


def _prepare(names: Sequence[str], batch: Batch, missing: dict[str, str]) -> dict[str, Task]:
    tasks = {}
    for name in names:
        try:
            tasks[name] = PEERS[name](batch)
        except Unsupported as reason:
            missing[name] = str(reason)
    return tasks


# -- the four numbers -----------------------------------------------------------------------------


def _qubits(number: int) -> Case:
    circuit, exact = layered(number, 1)
    return Batch([circuit], SHOTS), [exact]


def _gates(number: int) -> Case:
    circuit = random_gates(number)
    return Batch([circuit], SHOTS), [probabilities(circuit)]


def _circuits(number: int) -> Case:
    circuits, exact = rabi(number)
    return Batch(circuits, SHOTS), exact


def _shots(number: int) -> Case:
    circuit, exact = layered(SHOTS_QUBITS, 2)
    return Batch([circuit], number), [exact]


def _proportional(before: int, value: int) -> float:
    return value / before


SWEEPS = {
    each.name: each
    for each in (
        Sweep(
            "scaling-qubits",
            f"A layered ansatz (1 layer), {SHOTS} shots",
            "qubits",
            range(4, 23, 2),
            _qubits,
            lambda before, value: 2.0 ** (value - before),
            max_seconds=1.0,
        ),
        Sweep(
            "scaling-gates",
            f"One circuit of x, sx, rz and cx on {GATES_QUBITS} qubits, {SHOTS} shots",
            "gates",
            [10**power for power in range(1, 6)],
            _gates,
            _proportional,
        ),
        Sweep(
            "scaling-circuits",
            f"Rabi circuits in one job, {SHOTS} shots each",
            "circuits",
            [10**power for power in range(5)],
            _circuits,
            _proportional,
        ),
        Sweep(
            "scaling-shots",
            f"A layered ansatz (2 layers) on {SHOTS_QUBITS} qubits",
            "shots",
            [10**power for power in range(8)],
            _shots,
            _proportional,
            max_seconds=1.0,
        ),
    )
}
