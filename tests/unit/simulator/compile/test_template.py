"""Circuits with parameters, compiled once; and exact expectation values of their states."""

import pickle

import numpy as np
import pytest
import qulacs
from qiskit import QuantumCircuit
from qiskit.circuit import Gate, Parameter, ParameterVector
from qiskit.circuit.library import (
    GlobalPhaseGate,
    PauliEvolutionGate,
    U1Gate,
    U2Gate,
    U3Gate,
    UnitaryGate,
    XXPlusYYGate,
    efficient_su2,
    get_standard_gate_name_mapping,
)
from qiskit.quantum_info import SparsePauliOp, Statevector, random_unitary

from qiskit_oqtopus import EstimatorV2, QulacsBackend
from qiskit_oqtopus.simulator.compile.template import compile_template
from qiskit_oqtopus.simulator.engines import expectation
from qiskit_oqtopus.simulator.engines.expectation import Observables, walsh_hadamard
from qiskit_oqtopus.simulator.engines.run import Settings, expand, run_chunk
from qiskit_oqtopus.simulator.state import Circuit

A, B, C = Parameter("a"), Parameter("b"), Parameter("c")
ANGLES = [A, 2 * A - B + 0.5, A * B, A.sin() + C, -C, 0.3, (A + B) / 3 - 1, B**2]
TURNING = sorted(
    name
    for name, gate in get_standard_gate_name_mapping().items()
    if isinstance(gate, Gate) and gate.params and gate.num_qubits
)


def random_parametric_circuit(rng, num_qubits=4, size=25):
    circuit = QuantumCircuit(num_qubits)
    mapping = get_standard_gate_name_mapping()
    plain = ["h", "t", "sx", "cx", "cz", "swap", "ecr", "x", "s", "ccx", "id"]
    for _ in range(size):
        name = str(rng.choice(TURNING if rng.random() < 0.6 else plain))
        gate = mapping[name]
        angles = [ANGLES[rng.integers(len(ANGLES))] for _ in gate.params]
        places = rng.permutation(num_qubits)[: gate.num_qubits].tolist()
        circuit.append(gate.base_class(*angles), places)
        if rng.random() < 0.1:
            circuit.barrier()
    circuit.append(UnitaryGate(random_unitary(4, seed=1)), [1, 0])
    return circuit


def template_of(circuit):
    return compile_template(circuit, [0.5] * circuit.num_parameters)


def states(circuit, values):
    for plan in template_of(circuit).plans(values):
        state = qulacs.QuantumState(len(plan.qubits))
        Circuit(plan.operations, len(plan.qubits)).apply(state)
        yield expand(state.get_vector(), plan.qubits, circuit.num_qubits)


@pytest.mark.parametrize("seed", range(40))
def test_states_of_random_circuits(seed):
    rng = np.random.default_rng(seed)
    circuit = random_parametric_circuit(rng)
    values = rng.uniform(-3, 3, (4, circuit.num_parameters))
    for row, state in zip(values, states(circuit, values), strict=True):
        exact = Statevector(circuit.assign_parameters(row)).data
        assert abs(np.vdot(state, exact)) == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize("name", TURNING)
def test_every_standard_gate_with_angles(name):
    gate = get_standard_gate_name_mapping()[name]
    circuit = QuantumCircuit(gate.num_qubits)
    circuit.h(range(gate.num_qubits))
    circuit.t(range(gate.num_qubits))
    angles = ParameterVector("t", len(gate.params))
    circuit.append(gate.base_class(*angles), range(gate.num_qubits))
    values = np.random.default_rng(3).uniform(-4, 4, (3, len(angles)))
    for row, state in zip(values, states(circuit, values), strict=True):
        exact = Statevector(circuit.assign_parameters(row)).data
        assert abs(np.vdot(state, exact)) == pytest.approx(1, abs=1e-12)


def test_neighbours_on_one_qubit_are_one_gate():
    circuit = QuantumCircuit(2)
    circuit.h(0)
    circuit.rx(A, 0)
    circuit.append(U3Gate(A, B, 0.1), [0])
    circuit.append(U2Gate(A, B), [0])
    circuit.append(U1Gate(C), [0])
    circuit.cx(0, 1)
    circuit.rz(A, 1)
    template = template_of(circuit)
    assert [step[0] for step in template.steps] == ["run", "operation", "run"]
    (plan,) = template.plans(np.array([[0.1, 0.2, 0.3]]))
    assert [operation[0] for operation in plan.operations] == ["u", "cx", "rz"]


def test_a_template_pickles_and_keeps_what_is_measured():
    circuit = efficient_su2(3, reps=1)
    circuit.measure_all()
    template = pickle.loads(pickle.dumps(template_of(circuit)))
    values = np.random.default_rng(1).uniform(-1, 1, (2, circuit.num_parameters))
    for plan in template.plans(values):
        assert plan.terminal == ((0, 0), (1, 1), (2, 2))
        assert plan.has_counts


def test_what_a_template_cannot_do_is_left_to_others():
    inside = QuantumCircuit(2, 1)
    inside.rx(A, 0)
    inside.measure(0, 0)
    inside.rx(A, 0)
    assert template_of(inside) is None
    evolution = QuantumCircuit(2)
    evolution.append(PauliEvolutionGate(SparsePauliOp("XX"), time=A), [0, 1])
    assert template_of(evolution) is None
    looped = QuantumCircuit(1, 1)
    with looped.if_test((0, 1)):
        looped.rx(A, 0)
    assert template_of(looped) is None


def test_no_gates_and_no_parameters():
    empty = template_of(QuantumCircuit(2))
    assert [plan.operations for plan in empty.plans(np.zeros((3, 0)))] == [(), (), ()]
    fixed = QuantumCircuit(2)
    fixed.h(1)
    plans = template_of(fixed).plans(np.zeros((2, 0)))
    assert [plan.operations for plan in plans] == [(("h", 0),)] * 2


def test_global_phases_are_left_out():
    circuit = QuantumCircuit(1)
    circuit.h(0)
    circuit.append(GlobalPhaseGate(A), [])
    (plan,) = template_of(circuit).plans(np.ones((1, 1)))
    assert plan.operations == (("h", 0),)
    evs = EstimatorV2(QulacsBackend()).run([(circuit, "X", [1.0])]).result()[0].data.evs
    assert evs == pytest.approx(1)


# -- expectation values ----------------------------------------------------------------------------


def random_observables(rng, num_qubits, number):
    terms = []
    for _ in range(number):
        labels = {"".join(rng.choice(list("IXYZ"), num_qubits)) for _ in range(6)}
        labels |= {"".join(rng.choice(list("IZ"), num_qubits)) for _ in range(3)}
        terms.append({label: rng.normal() for label in labels})
    return terms


def exact_values(terms, state):
    operators = [
        SparsePauliOp.from_list(list(t.items()), num_qubits=state.num_qubits) for t in terms
    ]
    return [state.expectation_value(operator).real for operator in operators]


@pytest.mark.parametrize("transformed", [False, True])
def test_expectation_values_with_idle_qubits(transformed, monkeypatch):
    if transformed:  # diagonals as sums over a transform, as for very many observables
        monkeypatch.setattr(expectation, "DIAGONAL_BYTES", 0)
    for seed in range(20):
        rng = np.random.default_rng(seed)
        circuit = QuantumCircuit(5)
        turned = random_parametric_circuit(rng, 3, 12)
        circuit.compose(turned, rng.permutation(5)[:3].tolist(), inplace=True)
        values = rng.uniform(-3, 3, (3, circuit.num_parameters))
        terms = random_observables(rng, 5, int(rng.integers(1, 5)))
        settings = Settings(shots=1, seed=0, observables=Observables(tuple(terms)))
        plans = template_of(circuit).plans(values)
        for row, outcome in zip(values, run_chunk(plans, 0, settings), strict=True):
            assert outcome.error is None
            state = Statevector(circuit.assign_parameters(row))
            np.testing.assert_allclose(
                outcome.expectation_values, exact_values(terms, state), atol=1e-12
            )


def test_expectation_values_without_active_qubits():
    terms = ({"II": 0.5, "ZI": 1.0, "XI": 7.0}, {"ZZ": -2.0}, {})
    settings = Settings(shots=1, seed=0, observables=Observables(terms))
    (plan,) = template_of(QuantumCircuit(2)).plans(np.zeros((1, 0)))
    (outcome,) = run_chunk([plan], 0, settings)
    np.testing.assert_array_equal(outcome.expectation_values, [1.5, -2.0, 0.0])


def test_walsh_hadamard_is_its_own_inverse():
    vector = np.random.default_rng(0).normal(size=64)
    twice = walsh_hadamard(walsh_hadamard(vector.copy()))
    np.testing.assert_allclose(twice, 64 * vector, atol=1e-12)


def test_gates_with_angles_that_are_not_standard_are_left_to_others():
    own = QuantumCircuit(1, name="rx")
    own.ry(A, 0)
    circuit = QuantumCircuit(1)
    circuit.append(own.to_gate(), [0])
    assert template_of(circuit) is None
    circuit = QuantumCircuit(2)
    circuit.append(XXPlusYYGate(A, B), [0, 1])
    assert template_of(circuit) is not None
