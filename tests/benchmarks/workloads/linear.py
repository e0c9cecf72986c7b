"""What costs are proportional to: circuits and gates, and not shots."""

from __future__ import annotations

from functools import partial

import numpy as np
from qiskit import QuantumCircuit

from ..agreement import Exact, check_counts
from ..peers import OURS, PEERS
from ..peers.raw import probabilities
from ..workload import Batch, Goal, Workload
from .w1 import rabi
from .w2 import BASIS
from .w4 import layered

SHOTS = 1000
MANY_SHOTS = 10**6
SEED = 5

GATES_QUBITS = 5
SHOTS_QUBITS = 10

TEN_TIMES = 11.0
"""What ten times as much may cost at most; less is usual, since some costs do not grow at all."""


def random_gates(number: int) -> QuantumCircuit:
    """Return a circuit of as many gates of a device at random, measured."""
    rng = np.random.default_rng(SEED)
    circuit = QuantumCircuit(GATES_QUBITS)
    circuit.sx(range(GATES_QUBITS))
    for name in rng.choice(BASIS, number - GATES_QUBITS):
        first, second = rng.permutation(GATES_QUBITS)[:2].tolist()
        if name == "cx":
            circuit.cx(first, second)
        elif name == "rz":
            circuit.rz(float(rng.uniform(-np.pi, np.pi)), first)
        else:
            getattr(circuit, name)(first)
    circuit.measure_all()
    return circuit


def circuits(many: int = 10_000) -> Workload:
    """Return a large batch beside a tenth of it."""
    tenth = many // 10
    return _against_ourselves(
        "linear-circuits",
        f"{many:,} Rabi circuits",
        {OURS: rabi(many), f"{tenth:,} circuits": rabi(tenth)},
        TEN_TIMES,
    )


def gates(many: int = 100_000) -> Workload:
    """Return a long circuit beside one of a tenth of the gates."""
    tenth = many // 10
    long, short = random_gates(many), random_gates(tenth)
    return _against_ourselves(
        "linear-gates",
        f"One circuit of {many:,} gates on {GATES_QUBITS} qubits",
        {
            OURS: ([long], [probabilities(long)]),
            f"{tenth:,} gates": ([short], [probabilities(short)]),
        },
        TEN_TIMES,
    )


def _against_ourselves(
    name: str,
    title: str,
    cases: dict[str, tuple[list[QuantumCircuit], list[np.ndarray]]],
    goal: float,
) -> Workload:
    """Return a workload where our backend competes with itself, on less."""
    exact = {
        who: [Exact(values) for values in all_values] for who, (_, all_values) in cases.items()
    }
    (other,) = cases.keys() - {OURS}
    return Workload(
        name,
        title,
        {who: partial(PEERS[OURS], Batch(made, SHOTS)) for who, (made, _) in cases.items()},
        lambda who, answer: check_counts(name, exact.get(who, exact[OURS]), SHOTS, who, answer),
        [Goal(other, goal)],
    )


def shots() -> Workload:
    """Return very many shots of a circuit beside raw Qulacs, and beside few shots."""
    circuit, values = layered(SHOTS_QUBITS, 2)
    exact = [Exact(values)]
    many, few = Batch([circuit], MANY_SHOTS), Batch([circuit], SHOTS)
    name, fewer = "linear-shots", f"{SHOTS:,} shots"
    return Workload(
        name,
        f"{MANY_SHOTS:,} shots of a circuit on {SHOTS_QUBITS} qubits",
        {
            OURS: partial(PEERS[OURS], many),
            "raw": partial(PEERS["raw"], many),
            fewer: partial(PEERS[OURS], few),
        },
        lambda who, answer: check_counts(
            name, exact, SHOTS if who == fewer else MANY_SHOTS, who, answer
        ),
        [Goal("raw", 1.0), Goal(fewer, None)],
    )


WORKLOADS = {"linear-circuits": circuits, "linear-gates": gates, "linear-shots": shots}
