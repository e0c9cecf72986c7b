"""Numbers that mean nothing are refused; nothing is drawn from them."""

import math

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter
from qiskit.circuit.classical import expr, types
from qiskit.circuit.library import CUGate, PauliEvolutionGate, UnitaryGate, XXPlusYYGate
from qiskit.providers.fake_provider import GenericBackendV2
from qiskit.quantum_info import SparsePauliOp

from qiskit_oqtopus import (
    EstimatorV2,
    OqtopusCircuitError,
    OqtopusJobError,
    OqtopusOptionError,
    QulacsBackend,
    SamplerV2,
)

T = Parameter("t")


def padded(circuit, gates):
    for k in range(gates):
        circuit.rz(0.1 * k, k % circuit.num_qubits)
    circuit.measure_all()
    return circuit


@pytest.mark.parametrize("angle", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("num_qubits", [1, 2, 3, 10, 17])
@pytest.mark.parametrize("gates", [0, 40, 100])
def test_angles_are_finite(angle, num_qubits, gates):
    circuit = QuantumCircuit(num_qubits, name="bad")
    circuit.h(range(num_qubits))
    circuit.rx(angle, 0)
    padded(circuit, gates)
    with pytest.raises(OqtopusCircuitError) as caught:
        QulacsBackend().run([padded(QuantumCircuit(1), 2), circuit])
    (problem,) = caught.value.problems
    assert (problem.circuit, problem.position, problem.qubits) == (1, num_qubits, (0,))
    assert f"its parameters ({angle}) are not finite" in str(problem)


@pytest.mark.parametrize(
    "gate",
    [
        CUGate(0.1, math.nan, 0.2, 0.3),
        XXPlusYYGate(math.inf, 0.1),
        UnitaryGate(np.full((4, 4), math.nan), check_input=False),
        PauliEvolutionGate(SparsePauliOp(["XX", "ZI"]), math.nan),
    ],
)
def test_other_gates_are_finite(gate):
    circuit = QuantumCircuit(2)
    circuit.append(gate, [0, 1])
    padded(circuit, 2)
    with pytest.raises(OqtopusCircuitError, match=r"instruction 0 \(.* not finite"):
        QulacsBackend().run(circuit)


def test_global_phases_are_finite():
    circuit = padded(QuantumCircuit(1, global_phase=math.nan), 1)
    with pytest.raises(OqtopusCircuitError, match="a global phase of nan is not finite"):
        QulacsBackend().run(circuit)


@pytest.mark.filterwarnings("ignore::qiskit_oqtopus.exceptions.OqtopusWarning")
def test_twins_refuse_them_too():
    twin = QulacsBackend.from_backend(GenericBackendV2(3, seed=1))
    for name in ("rz", "cx"):
        circuit = QuantumCircuit(3)
        circuit.sx(0)
        if name == "rz":
            circuit.rz(math.nan, 0)
        else:
            circuit.delay(math.nan, 0, unit="us")
        circuit.measure_all()
        with pytest.raises(OqtopusCircuitError, match=r"PUB 0 .*nan"):
            SamplerV2(twin).run([circuit])


@pytest.mark.filterwarnings("ignore::qiskit_oqtopus.exceptions.OqtopusWarning")
def test_twins_refuse_such_a_global_phase_too():
    circuit = QuantumCircuit(1, global_phase=math.nan)
    circuit.sx(0)
    circuit.measure_all()
    with pytest.raises(OqtopusCircuitError, match="a global phase of nan is not finite"):
        QulacsBackend.from_backend(GenericBackendV2(2, seed=1)).run(circuit)


def test_a_matrix_that_leaves_nothing_has_no_outcomes():
    circuit = QuantumCircuit(2, 1)
    circuit.append(UnitaryGate(np.zeros((2, 2)), check_input=False), [0])
    circuit.measure(0, 0)
    for wide in (False, True):
        if wide:
            circuit.h(1)
        with pytest.raises(OqtopusJobError, match="probabilities of its outcomes add up to 0"):
            QulacsBackend().run(circuit).result()


def test_numbers_of_shots_can_be_counted():
    circuit = padded(QuantumCircuit(2), 1)
    counts = QulacsBackend().run(circuit, shots=2**63 - 1).result().get_counts()
    assert counts == {"00": 2**63 - 1}
    with pytest.raises(OqtopusOptionError, match="'shots' must be an integer from 1"):
        QulacsBackend().run(circuit, shots=2**63)


def test_all_that_is_wrong_with_options_is_said_at_once():
    with pytest.raises(OqtopusOptionError, match=r"'wrong'.*'shots' must.*'memory' must"):
        QulacsBackend().run(QuantumCircuit(1), shots=0, wrong=1, memory=3)


@pytest.mark.parametrize("reads", [False, True])
def test_bits_beyond_the_width_of_a_value(reads):
    def circuit(place):
        circuit = QuantumCircuit(1, 1)
        value = circuit.add_var("value", expr.lift(0, types.Uint(8)))
        index = circuit.add_var("index", expr.lift(place, types.Uint(8)))
        if reads:
            with circuit.if_test(expr.index(value, index)):
                circuit.x(0)
        else:
            circuit.store(expr.index(value, index), True)
            with circuit.if_test(expr.greater(value, 127)):
                circuit.x(0)
        circuit.measure(0, 0)
        return circuit

    result = QulacsBackend().run([circuit(7), circuit(8)], shots=10).result()
    assert result.get_counts(0) == {"0" if reads else "1": 10}
    assert not result.results[1].success
    assert "there is no bit 8 in a value of 8 bits" in result.results[1].status


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
def test_expressions_of_parameters(angle, good, bad):
    circuit = QuantumCircuit(1, name="curve")
    circuit.rx(angle, 0)
    by_hand = EstimatorV2(QulacsBackend()).run([(circuit.assign_parameters([good]), "Z")])
    expected = by_hand.result()[0].data.evs
    evs = EstimatorV2(QulacsBackend()).run([(circuit, "Z", [[good], [good]])]).result()[0].data.evs
    np.testing.assert_allclose(evs, expected, atol=1e-12)
    if bad is None:
        return
    for values, place in [([[good], [bad]], 1), ([[bad], [good]], 0)]:
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
