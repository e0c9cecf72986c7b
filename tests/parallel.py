"""Experiments on several qubits at once, as qiskit-experiments puts them together."""

from qiskit import QuantumCircuit

DELAYS = {1: 20, 4: 60, 7: 100, 10: 140}
"""Qubit of a grid -> the delay in us that is asked for between its x and its readout."""

ON_DEVICE = {1: 320, 4: 300, 7: 240, 10: 140}
"""What a real device makes of it: each delay waits for the one before."""


def parallel_t1(delays=None, num_qubits=16):
    """Return one circuit of a ParallelExperiment of T1: one qubit after the other, with barriers.

    A test holds it against the circuit of qiskit-experiments.
    """
    delays = DELAYS if delays is None else delays
    circuit = QuantumCircuit(num_qubits, len(delays), name="t1s")
    for bit, (qubit, delay) in enumerate(delays.items()):
        circuit.x(qubit)
        circuit.barrier(qubit)
        circuit.delay(delay, qubit, unit="us")
        circuit.barrier(qubit)
        circuit.measure(qubit, bit)
    return circuit
