"""W5: a GHZ state of 20 qubits with very many shots: the cost of sampling."""

from __future__ import annotations

from functools import partial

import numpy as np
from qiskit import QuantumCircuit

from ..sampling import sampling
from ..workload import Batch, Goal, Workload

QUBITS = 20


def ghz() -> QuantumCircuit:
    """Return the circuit."""
    circuit = QuantumCircuit(QUBITS)
    circuit.h(0)
    for qubit in range(QUBITS - 1):
        circuit.cx(qubit, qubit + 1)
    circuit.measure_all()
    return circuit


def workload(shots: int, over_raw: float) -> Workload:
    """Return a workload; half of the shots are all 0, half all 1."""
    exact = np.zeros(1 << QUBITS)
    exact[[0, -1]] = 0.5
    exponent = len(str(shots)) - 1
    return sampling(
        f"w5-1e{exponent}",
        f"W5 GHZ-{QUBITS}, 1e{exponent} shots",
        Batch([ghz()], shots),
        [exact],
        [Goal("raw", over_raw), Goal("aer", 0.06)],
    )


WORKLOADS = {
    "w5-1e5": partial(workload, 10**5, 1.7),
    "w5-1e6": partial(workload, 10**6, 0.9),
}
