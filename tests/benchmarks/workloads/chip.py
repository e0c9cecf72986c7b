"""Whole chips: experiments on all qubits at once, beside their pieces as circuits of one job."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from qiskit import QuantumCircuit, transpile
from qiskit.quantum_info import random_clifford
from qiskit.transpiler import Target

from qiskit_oqtopus import DeviceSnapshot
from tests.devices import chip_device, chip_facts

from ..agreement import WrongAnswer
from ..peers import OURS
from ..peers.qulacs_backend import prepare
from ..workload import Batch, Goal, Workload
from .w2 import BASIS
from .w8 import SIGMAS
from .w8 import ours as twin_task

SHOTS = 1000
CLIFFORDS = 20
DELAY_US = 20
APART = "the pieces as circuits of one job"

Pieces = Sequence[tuple[QuantumCircuit, Sequence[int]]]
"""Circuits without measurements, and the qubits that each of them is about."""


def join(pieces: Pieces, num_qubits: int) -> tuple[list[QuantumCircuit], list[QuantumCircuit]]:
    """Return one circuit with all pieces, and each piece as a circuit of its own; all measured."""
    whole = QuantumCircuit(num_qubits, sum(len(qubits) for _, qubits in pieces))
    for piece, qubits in pieces:
        whole.compose(piece, qubits, inplace=True)
    apart = []
    clbits = iter(range(whole.num_clbits))
    for piece, qubits in pieces:
        single = QuantumCircuit(num_qubits, len(qubits))
        single.compose(piece, qubits, inplace=True)
        single.measure(qubits, range(len(qubits)))
        apart.append(single)
        whole.measure(qubits, [next(clbits) for _ in qubits])
    return [whole], apart


def decays(num_qubits: int) -> Pieces:
    """Return a point of T1 on each qubit."""
    circuit = QuantumCircuit(1)
    circuit.x(0)
    circuit.delay(DELAY_US, 0, unit="us")
    return [(circuit, [qubit]) for qubit in range(num_qubits)]


def benchmarking(pairs: Sequence[tuple[int, int]]) -> Pieces:
    """Return a sequence of two-qubit RB on each pair."""
    pieces = []
    for number, pair in enumerate(pairs):
        circuit = QuantumCircuit(2)
        for place in range(CLIFFORDS):
            clifford = random_clifford(2, seed=CLIFFORDS * number + place)
            circuit.compose(clifford.to_circuit(), inplace=True)
            circuit.barrier()
        compiled = transpile(circuit, basis_gates=BASIS, optimization_level=1, seed_transpiler=1)
        pieces.append((compiled, pair))
    return pieces


def bells(number: int) -> Pieces:
    """Return Bell pairs of qubits that are far from each other."""
    circuit = QuantumCircuit(2)
    circuit.h(0)
    circuit.cx(0, 1)
    return [(circuit, [qubit, qubit + number]) for qubit in range(number)]


def chip(rows: int, columns: int) -> Target:
    """Return the Target of a chip."""
    device, facts = chip_device(rows, columns), chip_facts(rows, columns)
    return DeviceSnapshot.from_device(device, facts).target()


@dataclass
class SameMeans:
    """Compares the mean of each bit with that of the first competitor."""

    name: str
    first: np.ndarray | None = None

    def __call__(self, peer: str, answer: Any) -> None:
        """Raise WrongAnswer if a mean is more than 6 sigma away."""
        means = np.concatenate([_find_means(counts) for counts in answer])
        self.first = means if self.first is None else self.first
        # The difference of two means of bits, whose variances are at most 1/4.
        if np.abs(means - self.first).max() > SIGMAS * (0.5 / SHOTS) ** 0.5:
            raise WrongAnswer(f"{self.name}: {peer} has other means of bits")


def _find_means(counts: Any) -> np.ndarray:
    rows = np.array([[int(bit) for bit in reversed(key)] for key in counts])
    return np.array(list(counts.values())) @ rows / sum(counts.values())


def workload(
    name: str, title: str, pieces: Pieces, device: tuple[int, int] | int, goal: float | None
) -> Workload:
    """Return a workload.

    Args:
        name: Its name.
        title: What it is.
        pieces: What is joined.
        device: Rows and columns of the chip whose twin runs it; or the number of qubits, without
            noise.
        goal: The highest ratio that reaches the goal.
    """
    num_qubits = device if isinstance(device, int) else device[0] * device[1]
    whole, apart = join(pieces, num_qubits)
    # Whoever sends a task to another checkout looks at its arguments.
    task: Callable[..., Any] = prepare if isinstance(device, int) else twin_task
    target = [] if isinstance(device, int) else [chip(*device)]
    tasks = {
        OURS: partial(task, *target, Batch(whole, SHOTS)),
        APART: partial(task, *target, Batch(apart, SHOTS)),
    }
    return Workload(name, title, tasks, SameMeans(name), [Goal(APART, goal, counts=False)])


PAIRS = ((0, 1), (2, 3), (4, 5), (8, 9), (10, 11), (12, 13))

WORKLOADS = {
    **{
        f"chip-t1-{side**2}": partial(
            lambda side: workload(
                f"chip-t1-{side**2}",
                f"A point of T1 on all {side**2} qubits of a chip",
                decays(side**2),
                (side, side),
                1.5,
            ),
            side,
        )
        for side in (4, 8, 12)
    },
    "chip-rb-pairs-6": lambda: workload(
        "chip-rb-pairs-6",
        f"Two-qubit RB of {CLIFFORDS} Cliffords on six pairs of a chip",
        benchmarking(PAIRS),
        (4, 4),
        1.5,
    ),
    "chip-bell-pairs-50": lambda: workload(
        "chip-bell-pairs-50", "50 Bell pairs without noise", bells(50), 100, None
    ),
}
