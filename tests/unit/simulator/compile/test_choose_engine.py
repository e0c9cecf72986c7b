"""The engine for a circuit with noise: the faster one that fits into the memory."""

import pytest
from qiskit import QuantumCircuit

from qiskit_oqtopus import OqtopusCircuitError, QulacsBackend
from qiskit_oqtopus.simulator.compile.choose_engine import choose_engine
from qiskit_oqtopus.simulator.memory import Budget, density_bytes
from qiskit_oqtopus.simulator.plan import Plan


@pytest.mark.parametrize(
    ("qubits", "p", "shots", "memory", "chosen"),
    [
        (2, 0.1, 1, None, "density_matrix"),
        (7, 0.0, 10**6, None, "density_matrix"),
        (10, 0.1, 1000, None, "density_matrix"),
        (10, 0.1, 10, None, "trajectories"),
        (10, 1e-5, 1000, None, "trajectories"),
        (12, 0.1, 1000, None, "trajectories"),
        (12, 0.1, 10**6, None, "density_matrix"),
        (12, 0.1, 10**6, density_bytes(12) - 1, "trajectories"),
    ],
)
def test_automatic_takes_what_is_faster_and_fits(qubits, p, shots, memory, chosen):
    noise = tuple(("noise", (q,), p, ((0.0, 0.0),)) for q in range(qubits))
    plan = Plan(tuple(range(qubits)), qubits, (("unitary", noise, 0.0),), ((0, 0),))
    budget = Budget(density_bytes(14) if memory is None else memory)
    assert choose_engine(plan, "automatic", shots, budget).method == chosen


def test_memory_is_checked_before_anything_is_allocated():
    circuit = QuantumCircuit(20, 1)
    circuit.cx(range(19), range(1, 20))
    circuit.measure(0, 0)
    with pytest.raises(OqtopusCircuitError) as caught:
        QulacsBackend(max_memory_mb=64).run(circuit, shots=1000, method="trajectories")
    assert "the trajectories of its 20 active qubits need 219,152,384 bytes, and" in str(
        caught.value
    )
