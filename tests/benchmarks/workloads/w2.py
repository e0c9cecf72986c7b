"""W2: the Rabi circuits and a Bell pair, compiled for a device on which most qubits are idle."""

from __future__ import annotations

from qiskit import QuantumCircuit, transpile
from qiskit.transpiler import CouplingMap, Target

from ..agreement import probabilities
from ..sampling import sampling
from ..workload import Batch, Goal, Workload
from .w1 import SHOTS, rabi

DEVICE_QUBITS = 16
RABI_QUBIT = 6
BELL_QUBITS = [9, 10]
BASIS = ["x", "sx", "rz", "cx"]


def device() -> Target:
    """Return a line of qubits with the gates of a superconducting device."""
    return Target.from_configuration(
        basis_gates=[*BASIS, "measure"],
        num_qubits=DEVICE_QUBITS,
        coupling_map=CouplingMap.from_line(DEVICE_QUBITS),
    )


def bell() -> QuantumCircuit:
    """Return a Bell pair, measured."""
    circuit = QuantumCircuit(2, 2)
    circuit.h(0)
    circuit.cx(0, 1)
    circuit.measure([0, 1], [0, 1])
    return circuit


def workload() -> Workload:
    """Return the workload; compiling it is no part of what is timed."""
    target = device()
    circuits, exact = rabi()
    compiled = transpile(circuits, target=target, initial_layout=[RABI_QUBIT])
    compiled.append(transpile(bell(), target=target, initial_layout=BELL_QUBITS))
    return sampling(
        "w2",
        f"W2 Rabi circuits and a Bell pair, transpiled to {DEVICE_QUBITS} qubits",
        Batch(compiled, SHOTS),
        [*exact, probabilities({"00": 0.5, "11": 0.5})],
        [Goal("raw", 2.4), Goal("aer", 0.08)],
    )


WORKLOADS = {"w2": workload}
