"""Circuits that run on the devices of the emulator as they are."""

from qiskit import QuantumCircuit, transpile


def value_circuit(value, name=None):
    """Return a circuit that measures a number from 0 to 3 on the first of four qubits."""
    circuit = QuantumCircuit(4, 2, name=name or f"value-{value}")
    for bit in range(2):
        if (value >> bit) & 1:
            circuit.x(bit)
    circuit.measure([0, 1], [0, 1])
    return circuit


def flip(backend, bit=0, name="flip", **metadata):
    """Return a circuit whose classical bit ``bit`` is 1, compiled for a device of four qubits."""
    circuit = QuantumCircuit(4, 2, name=name, metadata=metadata)
    circuit.x(0)
    circuit.measure(0, bit)
    return transpile(circuit, backend, initial_layout=range(4))
