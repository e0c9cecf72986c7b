"""Circuits with parameters, compiled once for many sets of values."""

import pickle

import numpy as np
import pytest
import qulacs
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter, ParameterVector
from qiskit.circuit.library import (
    GlobalPhaseGate,
    PauliEvolutionGate,
    U1Gate,
    U2Gate,
    U3Gate,
    XXPlusYYGate,
    efficient_su2,
    get_standard_gate_name_mapping,
)
from qiskit.quantum_info import SparsePauliOp, Statevector

from qiskit_oqtopus import (
    EstimatorV2,
    OqtopusCircuitError,
    QulacsBackend,
    SamplerV2,
)
from qiskit_oqtopus.simulator.engines.run import expand
from qiskit_oqtopus.simulator.optimize.cost import TEMPLATE_SETS
from qiskit_oqtopus.simulator.optimize.stages import FUSED_QUBITS
from qiskit_oqtopus.simulator.state import Circuit
from tests.parametric import TURNING, A, B, C, random_parametric_circuit, template_of


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


def test_gates_with_angles_that_are_not_standard_are_left_to_others():
    own = QuantumCircuit(1, name="rx")
    own.ry(A, 0)
    circuit = QuantumCircuit(1)
    circuit.append(own.to_gate(), [0])
    assert template_of(circuit) is None
    circuit = QuantumCircuit(2)
    circuit.append(XXPlusYYGate(A, B), [0, 1])
    assert template_of(circuit) is not None


T = Parameter("t")


@pytest.mark.parametrize(
    ("angle", "good", "bad"),
    [
        (1 / T, 2.0, 0.0),
        (T.log(), 2.0, -3.0),
        ((T - 1) ** 0.5, 2.0, 0.0),
        ((T - 2).arccos(), 2.0, 5.0),
        (1e300 * T, 0.0, 1e30),
        (T.sign() * T, 2.0, None),
    ],
)
def test_expressions_of_parameters_have_values(angle, good, bad):
    circuit = QuantumCircuit(1, name="curve")
    circuit.rx(angle, 0)
    by_hand = EstimatorV2(QulacsBackend()).run([(circuit.assign_parameters([good]), "Z")])
    expected = by_hand.result()[0].data.evs
    many = [[good]] * TEMPLATE_SETS
    for values in (many[:2], many):
        evs = EstimatorV2(QulacsBackend()).run([(circuit, "Z", values)]).result()[0].data.evs
        np.testing.assert_allclose(evs, expected, atol=1e-12)
    if bad is None:
        return
    for values, place in [
        ([[good], [bad]], 1),
        ([[bad], [good]], 0),
        ([*many, [bad]], TEMPLATE_SETS),
        ([[bad], *many], 0),
    ]:
        with pytest.raises(OqtopusCircuitError) as caught:
            EstimatorV2(QulacsBackend()).run([(circuit, "Z", [[good]]), (circuit, "Z", values)])
        (problem,) = caught.value.problems
        where = "PUB 1 ('curve'): an expression of its parameters has no value for parameter set"
        assert f"{where} {place} (" in str(problem)


def test_a_global_phase_that_has_no_value():
    circuit = QuantumCircuit(1, global_phase=1 / T)
    circuit.rx(T, 0)
    circuit.measure_all()
    assert SamplerV2(QulacsBackend()).run([(circuit, [2.0])]).result()[0].data.meas.num_shots
    with pytest.raises(OqtopusCircuitError, match="has no value for parameter set 1"):
        SamplerV2(QulacsBackend()).run([(circuit, [[2.0], [0.0]])])


def is_compiled_once(circuit, sets):
    """Whether a template is made of a circuit for some sets of values."""
    values = np.random.default_rng(0).uniform(-3, 3, (sets, circuit.num_parameters))
    job = QulacsBackend()._run_sets(circuit, values)
    return {len(plan.operations) for plan in job._plans} == {len(template_of(circuit).steps)}


@pytest.mark.chooses
def test_few_sets_are_compiled_one_by_one():
    circuit = efficient_su2(4, reps=1)
    assert not is_compiled_once(circuit, 1)
    assert is_compiled_once(circuit, TEMPLATE_SETS)


@pytest.mark.chooses
def test_circuits_on_many_qubits_are_fused_for_each_set():
    circuit = efficient_su2(FUSED_QUBITS, reps=1)
    assert not is_compiled_once(circuit, TEMPLATE_SETS)
    wide = QuantumCircuit(FUSED_QUBITS)  # but few of its qubits are active
    wide.compose(efficient_su2(4, reps=1), [1, 3, 5, 7], inplace=True)
    assert is_compiled_once(wide, TEMPLATE_SETS)
