"""Every operation against the matrices of ``qiskit.quantum_info``, in both of its forms."""

import numpy as np
import pytest
import qulacs
from qiskit import QuantumCircuit
from qiskit.circuit import AnnotatedOperation, ControlModifier, InverseModifier, PowerModifier
from qiskit.circuit.library import (
    C3SXGate,
    C4XGate,
    CUGate,
    DiagonalGate,
    MCXGate,
    PauliEvolutionGate,
    PermutationGate,
    RC3XGate,
    StatePreparation,
    UCGate,
    UnitaryGate,
    XGate,
)
from qiskit.quantum_info import (
    Operator,
    SparsePauliOp,
    Statevector,
    random_pauli_list,
    random_statevector,
    random_unitary,
)

from qiskit_oqtopus import OqtopusCircuitError, QulacsBackend
from qiskit_oqtopus.simulator.compile import gates
from qiskit_oqtopus.simulator.compile.compile import compile_circuit
from qiskit_oqtopus.simulator.engines.ensemble import prepare
from qiskit_oqtopus.simulator.operations import matrix_of
from qiskit_oqtopus.simulator.state import Circuit
from tests.circuits import STANDARD_GATES


def circuits():
    rng = np.random.default_rng(11)
    for name, template in STANDARD_GATES.items():
        gate = type(template.to_mutable())(*rng.uniform(-7, 7, len(template.params)))
        yield pytest.param(gate, id=name)
    others = [
        XGate().control(3, ctrl_state=5),
        CUGate(1, 2, 3, 4, ctrl_state=0),
        CUGate(1, 2, 3, 4).control(1),
        C3SXGate(ctrl_state=2),
        C4XGate(ctrl_state=9),
        RC3XGate(),
        MCXGate(4, ctrl_state=3),
        UnitaryGate(random_unitary(8, seed=1)),
        UnitaryGate(random_unitary(4, seed=2)).control(2, ctrl_state=1),
        DiagonalGate(list(np.exp(1j * rng.uniform(0, 6, 8)))),
        PermutationGate([2, 3, 0, 1]),
        PermutationGate([1, 2, 3, 0]),
        UCGate([random_unitary(2, seed=s).data for s in range(4)]),
        PauliEvolutionGate(SparsePauliOp(["XX", "ZZ", "II"], [0.3, 1.1, 0.4]), time=0.7),
        PauliEvolutionGate(SparsePauliOp(["XI", "ZZ", "IY"], [0.3, 1.1, 0.4]), time=0.7),
        PauliEvolutionGate([SparsePauliOp("XY"), SparsePauliOp("ZZ")], time=-1.3),
    ]
    for gate in others:
        yield pytest.param(gate, id=f"{gate.name}-{gate.num_qubits}")


@pytest.mark.filterwarnings("ignore::scipy.sparse.SparseEfficiencyWarning")
@pytest.mark.parametrize("gate", list(circuits()))
def test_gate_as_qulacs_circuit_and_as_matrix(gate):
    n = max(gate.num_qubits, 1) + 1
    circuit = QuantumCircuit(n)
    order = np.random.default_rng(5).permutation(n)[: gate.num_qubits].tolist()
    circuit.append(gate, order)
    exact = Operator(circuit).data
    plan, problems = compile_circuit(circuit)
    assert problems == []
    assert plan.is_static
    k = len(plan.qubits)
    # Rows of the small-circuit form are images of basis states of the active qubits.
    rows = prepare(plan.operations, k) if k <= 6 else None
    for index in range(2**k):
        wide = sum(((index >> i) & 1) << qubit for i, qubit in enumerate(plan.qubits))
        state = qulacs.QuantumState(max(k, 1))
        state.set_computational_basis(index)
        Circuit(plan.operations, max(k, 1)).apply(state)
        image = exact[:, wide] * np.exp(-1j * plan.phase)
        places = [sum(((j >> i) & 1) << q for i, q in enumerate(plan.qubits)) for j in range(2**k)]
        np.testing.assert_allclose(state.get_vector()[: 2**k], image[places], atol=1e-12)
        if rows is not None:
            np.testing.assert_allclose(rows[index], image[places], atol=1e-12)


def test_preparation_sets_the_amplitudes():
    vector = random_statevector(8, seed=4).data
    qubits, matrix = matrix_of(("prepare", (2, 0, 1), vector))
    assert qubits == (2, 0, 1)
    np.testing.assert_allclose(matrix[:, 0], vector, atol=1e-14)
    np.testing.assert_allclose(matrix @ matrix.conj().T, np.eye(8), atol=1e-14)


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
