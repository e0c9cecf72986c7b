"""W1: a Rabi oscillation, many circuits of one gate each: the fixed cost of a circuit."""

from __future__ import annotations

from math import pi

import numpy as np
from qiskit import QuantumCircuit

from ..workload import Distribution, Workload

CIRCUITS = 50
SHOTS = 1000


def rabi() -> tuple[list[QuantumCircuit], list[Distribution]]:
    """Return RX(pi * amplitude) for amplitudes in [0, 2], and P(1) = sin(angle / 2)**2."""
    circuits, exact = [], []
    for angle in np.linspace(0, 2 * pi, CIRCUITS):
        circuit = QuantumCircuit(1, 1)
        circuit.rx(float(angle), 0)
        circuit.measure(0, 0)
        circuits.append(circuit)
        one = float(np.sin(angle / 2) ** 2)
        exact.append({"0": 1 - one, "1": one})
    return circuits, exact


def workload() -> Workload:
    """Return the workload."""
    circuits, exact = rabi()
    return Workload(
        name="W1",
        title=f"Rabi, {CIRCUITS} one-qubit circuits x {SHOTS} shots",
        circuits=circuits,
        exact=exact,
        shots=SHOTS,
        goals={"raw": 2.2, "aer": 0.08},
    )
