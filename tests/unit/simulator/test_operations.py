"""Every operation against the matrices of ``qiskit.quantum_info``, in both of its forms."""

import numpy as np
import pytest
import qulacs
from qiskit import QuantumCircuit
from qiskit.circuit.library import (
    C3SXGate,
    C4XGate,
    CUGate,
    DiagonalGate,
    MCXGate,
    PauliEvolutionGate,
    PermutationGate,
    RC3XGate,
    UCGate,
    UnitaryGate,
    XGate,
)
from qiskit.quantum_info import (
    Operator,
    SparsePauliOp,
    random_statevector,
    random_unitary,
)

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
