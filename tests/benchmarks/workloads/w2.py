"""W2: the Rabi circuits and a Bell pair, compiled for a device on which most qubits are idle."""

from __future__ import annotations

from qiskit import QuantumCircuit, transpile
from qiskit.transpiler import CouplingMap, Target

from ..workload import Workload
from .w1 import SHOTS, rabi

DEVICE_QUBITS = 16
RABI_QUBIT = 6
BELL_QUBITS = [9, 10]


def device() -> Target:
    """Return a line of qubits with the gates of a superconducting device."""
    return Target.from_configuration(
        basis_gates=["x", "sx", "rz", "cx", "measure"],
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
    return Workload(
        name="W2",
        title=f"W1 and a Bell pair, transpiled to {DEVICE_QUBITS} qubits",
        circuits=compiled,
        exact=[*exact, {"00": 0.5, "11": 0.5}],
        shots=SHOTS,
        goals={"raw": 2.4, "aer": 0.08},
    )
