"""W1: a Rabi oscillation, many circuits of one gate each: the fixed cost of a circuit."""

from __future__ import annotations

from math import pi

import numpy as np
from qiskit import QuantumCircuit

from ..sampling import sampling
from ..workload import Batch, Goal, Workload

CIRCUITS = 50
SHOTS = 1000


def rabi(number: int = CIRCUITS) -> tuple[list[QuantumCircuit], list[np.ndarray]]:
    """Return RX(pi * amplitude) for amplitudes in [0, 2], and P(1) = sin(angle / 2)**2."""
    circuits, exact = [], []
    for angle in np.linspace(0, 2 * pi, number):
        circuit = QuantumCircuit(1, 1)
        circuit.rx(float(angle), 0)
        circuit.measure(0, 0)
        circuits.append(circuit)
        one = np.sin(angle / 2) ** 2
        exact.append(np.array([1 - one, one]))
    return circuits, exact


def workload() -> Workload:
    """Return the workload."""
    circuits, exact = rabi()
    return sampling(
        "w1",
        f"W1 Rabi, {CIRCUITS} one-qubit circuits x {SHOTS} shots",
        Batch(circuits, SHOTS),
        exact,
        [Goal("raw", 2.2), Goal("aer", 0.08)],
    )


WORKLOADS = {"w1": workload}
