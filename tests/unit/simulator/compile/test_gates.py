"""Gates that are not standard: exactly what Qiskit says they are."""

import numpy as np
import pytest
import qulacs
from qiskit import QuantumCircuit
from qiskit.circuit import AnnotatedOperation, ControlModifier, InverseModifier, PowerModifier
from qiskit.circuit.library import (
    PauliEvolutionGate,
    StatePreparation,
)
from qiskit.quantum_info import (
    Operator,
    SparsePauliOp,
    Statevector,
    random_pauli_list,
    random_statevector,
)

from qiskit_oqtopus import OqtopusCircuitError, QulacsBackend
from qiskit_oqtopus.simulator.compile import gates
from qiskit_oqtopus.simulator.compile.compile import compile_circuit
from qiskit_oqtopus.simulator.state import Circuit


def test_state_preparation_on_used_qubits_is_the_gate_that_qiskit_defines():
    vector = random_statevector(4, seed=8).data
    circuit = QuantumCircuit(2)
    circuit.h(0)
    circuit.append(StatePreparation(vector), [0, 1])
    circuit.append(StatePreparation(vector).inverse(), [1, 0])
    plan, _ = compile_circuit(circuit)
    state = qulacs.QuantumState(2)
    Circuit(plan.operations, 2).apply(state)
    exact = Operator(circuit).data[:, 0]
    order = [0, 1, 2, 3] if plan.qubits == (0, 1) else [0, 2, 1, 3]
    np.testing.assert_allclose(
        state.get_vector() * np.exp(1j * plan.phase), exact[order], atol=1e-12
    )


@pytest.mark.skipif(not gates._EXACT_EVOLUTION, reason="Qiskit takes the formula for the meaning")
@pytest.mark.parametrize("seed", range(12))
def test_annotated_evolutions_are_exact(seed):
    rng = np.random.default_rng(seed)
    labels = random_pauli_list(4, 3, seed=seed, phase=False).to_labels()
    evolution = PauliEvolutionGate(SparsePauliOp(labels, rng.normal(size=3)), time=rng.normal())
    modifiers = [
        ControlModifier(2, int(rng.integers(4))),
        PowerModifier(int(rng.integers(-2, 3))),
        ControlModifier(1, int(rng.integers(2))),
        InverseModifier(),
    ]
    gate = AnnotatedOperation(evolution, [modifiers[k] for k in rng.permutation(4)])
    circuit = QuantumCircuit(7)
    for qubit in range(7):
        circuit.ry(rng.normal(), qubit)
    expected = Statevector(circuit).evolve(Operator(gate.to_matrix())).data
    circuit.append(gate, range(7))
    result = QulacsBackend().run(circuit, statevector=True).result()
    np.testing.assert_allclose(result.data(0)["statevector"], expected, atol=1e-9)


def test_evolutions_with_many_controls_are_refused():
    evolution = PauliEvolutionGate(SparsePauliOp(["XX", "ZI"]), time=1.0)
    circuit = QuantumCircuit(14)
    circuit.append(AnnotatedOperation(evolution, [ControlModifier(12)]), range(14))
    if gates._EXACT_EVOLUTION:
        with pytest.raises(OqtopusCircuitError, match="sum of over 4096 Pauli strings"):
            QulacsBackend().run(circuit, statevector=True)
