"""Long circuits become few matrices, of which none is lost."""

from collections import Counter

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.circuit import Gate
from qiskit.quantum_info import Statevector

from qiskit_oqtopus import QulacsBackend
from qiskit_oqtopus.simulator.compile import consolidate
from qiskit_oqtopus.simulator.compile.compile import compile_circuit

BACKEND = QulacsBackend(num_qubits=6)


pytestmark = [
    pytest.mark.filterwarnings("ignore::scipy.sparse.SparseEfficiencyWarning"),
    pytest.mark.filterwarnings("ignore:No classical bit is written"),
]


# -- the consolidated way -------------------------------------------------------------------------


def long_circuit(angle):
    """Return 200 gates on two qubits whose product differs from the identity by ``angle``."""
    circuit = QuantumCircuit(5, 2)
    for k in range(50):
        circuit.rz(0.1 * k, 1)
        circuit.cx(1, 3)
    circuit.rx(angle, 3)
    for k in reversed(range(50)):
        circuit.cx(1, 3)
        circuit.rz(-0.1 * k, 1)
    return circuit


@pytest.mark.parametrize("angle", [0.0, 1e-12, 1e-9, 1e-7, 1e-6, 1e-5, 0.1])
def test_a_product_next_to_the_identity_is_not_dropped(angle):
    # Qiskit's pass drops what is within 1e-6 of the identity.
    circuit = long_circuit(angle)
    assert consolidate.consolidate(circuit) is not None
    state = BACKEND.run(circuit, statevector=True).result().get_statevector()
    np.testing.assert_allclose(state, Statevector(circuit).data, atol=1e-13)


def device_like():
    """Return a circuit of long runs between gates on two of three qubits."""
    circuit = QuantumCircuit(5, 3)
    for first, second in [(1, 3), (3, 0), (0, 1)] * 4:
        for qubit in (first, second):
            for k in range(5):
                circuit.rz(0.1 + k, qubit)
                circuit.sx(qubit)
        circuit.cx(first, second)
        circuit.cx(second, first)
    return circuit


def test_runs_between_gates_on_two_qubits_become_matrices():
    circuit = device_like()
    circuit.barrier()
    circuit.measure([1, 3, 0], [0, 1, 2])
    instructions, _ = consolidate.consolidate(circuit)
    assert Counter(instruction.name for instruction in instructions) == {
        "unitary": 12,
        "measure": 3,
    }


@pytest.mark.parametrize("angle", [1e-12, 1e-9, 1e-7, 1e-6, 1e-5, 0.1])
def test_a_matrix_next_to_the_identity_is_not_dropped(angle):
    circuit = device_like()
    # Between gates on other pairs, so that nothing else goes into its matrix.
    circuit.cx(0, 1)
    circuit.cx(3, 4)
    circuit.cx(3, 0)
    circuit.rx(angle, 0)
    circuit.cx(3, 0)
    circuit.cx(0, 1)
    circuit.cx(3, 4)
    if angle > 1e-5:  # Qiskit drops what is nearer to the identity
        assert consolidate.consolidate(circuit) is not None
    state = BACKEND.run(circuit, statevector=True).result().get_statevector()
    np.testing.assert_allclose(state, Statevector(circuit).data, atol=1e-13)


def test_a_foreign_gate_does_not_hide_a_matrix_that_was_dropped():
    circuit = device_like()
    circuit.cx(0, 1)
    circuit.cx(3, 4)
    circuit.cx(3, 0)
    circuit.rx(1e-7, 0)
    circuit.cx(3, 0)
    circuit.cx(0, 1)
    circuit.cx(3, 4)
    named = QuantumCircuit(2, name="swap")  # of a standard name, and not merged
    named.h(0)
    named.cz(0, 1)
    circuit.append(named.to_instruction(), [2, 4])
    merged = consolidate.consolidate(circuit)
    if merged is not None:  # what is near enough to be dropped depends on the version of Qiskit
        assert Counter(instruction.name for instruction in merged[0])["unitary"] == 16
    state = BACKEND.run(circuit, statevector=True).result().get_statevector()
    np.testing.assert_allclose(state, Statevector(circuit).data, atol=1e-13)


def test_a_gate_of_no_qubits_under_a_standard_name_is_left_alone():
    circuit = QuantumCircuit(1)
    for _ in range(70):
        circuit.append(Gate("swap", 0, []), [])
    assert consolidate.consolidate(circuit) is None


@pytest.mark.chooses
def test_many_qubits_or_few_runs_are_left_alone():
    wide = QuantumCircuit(16)
    for _ in range(30):
        wide.rz(0.1, range(16))
        wide.sx(range(16))
        wide.cx(0, 1)
    assert consolidate.consolidate(wide) is None
    few = QuantumCircuit(3)
    for _ in range(40):
        few.rz(0.1, 0)
        few.cx(0, 1)
        few.cx(1, 2)
    assert consolidate.consolidate(few) is None


def test_a_product_that_undoes_the_guard_is_not_dropped():
    circuit = QuantumCircuit(2)
    for _ in range(20):
        circuit.cx(0, 1)
        circuit.cx(0, 1)
    circuit.append(consolidate._GUARD.inverse(), [0])
    for _ in range(20):
        circuit.cx(0, 1)
        circuit.cx(0, 1)
    state = BACKEND.run(circuit, statevector=True).result().get_statevector()
    np.testing.assert_allclose(state, Statevector(circuit).data, atol=1e-13)


@pytest.mark.chooses
def test_long_circuits_become_one_matrix():
    circuit = long_circuit(0.1)
    circuit.measure([1, 3], [0, 1])
    plan, _ = compile_circuit(circuit)
    assert len(plan.operations) == 2  # the matrix, and what takes the guard back
    one = QuantumCircuit(3, 1)
    for k in range(100):
        one.rz(0.1 * k, 1)
        one.sx(1)
        one.barrier(1)
    one.measure(1, 0)
    plan, _ = compile_circuit(one)
    assert [operation[0] for operation in plan.operations] == ["u"]
