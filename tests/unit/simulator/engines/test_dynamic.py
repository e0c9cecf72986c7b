"""Dynamic circuits whose answer is known, and the cost of branching."""

import numpy as np
import pytest
from qiskit import ClassicalRegister, QuantumCircuit, QuantumRegister
from qiskit.circuit import Parameter
from qiskit.circuit.classical import expr, types
from qiskit.quantum_info import Statevector

from qiskit_oqtopus import (
    OqtopusCircuitError,
    QulacsBackend,
)
from qiskit_oqtopus.simulator.compile.compile import compile_circuit

BACKEND = QulacsBackend(num_qubits=6, shots=64, seed_simulator=3)


def counts(circuit, **options):
    return BACKEND.run(circuit, **options).result().get_counts()


def test_teleportation():
    circuit = QuantumCircuit(
        QuantumRegister(3), ClassicalRegister(1, "z"), ClassicalRegister(1, "x")
    )
    circuit.add_register(ClassicalRegister(1, "out"))
    circuit.u(0.3, 0.9, 1.7, 0)
    circuit.h(1)
    circuit.cx(1, 2)
    circuit.cx(0, 1)
    circuit.h(0)
    circuit.measure(0, 0)
    circuit.measure(1, 1)
    with circuit.if_test((circuit.cregs[1], 1)):
        circuit.x(2)
    with circuit.if_test((circuit.cregs[0], 1)):
        circuit.z(2)
    circuit.u(-0.3, -1.7, -0.9, 2)  # the inverse of the gate on the qubit that was sent
    circuit.measure(2, 2)
    assert {key[0] for key in counts(circuit, shots=500)} == {"0"}


def test_repeat_until_success():
    circuit = QuantumCircuit(2, 2)
    circuit.h(0)
    circuit.measure(0, 0)
    with circuit.while_loop((0, 0)):
        circuit.h(0)
        circuit.measure(0, 0)
    circuit.measure(0, 1)
    assert counts(circuit) == {"11": 64}


def test_else_runs_where_the_condition_is_false():
    circuit = QuantumCircuit(2, 2)
    with circuit.if_test((0, 1)) as otherwise:
        circuit.x(0)
    with otherwise:
        circuit.x(1)
    circuit.measure([0, 1], [0, 1])
    assert counts(circuit) == {"10": 64}


@pytest.mark.parametrize(("value", "expected"), [(0, "0011"), (1, "0101"), (3, "1011")])
def test_switch_with_default(value, expected):
    circuit = QuantumCircuit(QuantumRegister(4), ClassicalRegister(2, "s"))
    circuit.add_register(ClassicalRegister(4, "out"))
    for i in range(2):
        if (value >> i) & 1:
            circuit.x(i)
    circuit.measure([0, 1], [0, 1])
    circuit.reset([0, 1])
    circuit.x(0)
    with circuit.switch(circuit.cregs[0]) as case:
        with case(0):
            circuit.x(1)
        with case(1, 2):
            circuit.x(2)
        with case(case.DEFAULT):
            circuit.x(1)
            circuit.x(3)
    circuit.measure(range(4), range(2, 6))
    assert {key.split()[0] for key in counts(circuit)} == {expected}


def test_loop_parameter_break_and_continue():
    angle = Parameter("angle")
    body = QuantumCircuit(1, 1)
    body.rx(angle * np.pi, 0)
    circuit = QuantumCircuit(1, 1)
    circuit.for_loop((1, 2, 4, 6), angle, body, [0], [0])
    circuit.measure(0, 0)
    assert counts(circuit) == {"1": 64}

    circuit = QuantumCircuit(2, 2)
    with circuit.for_loop(range(5)) as turn:
        circuit.rx(turn * np.pi, 0)  # flips at turns 1 and 3
        circuit.measure(0, 0)
        with circuit.if_test((0, 0)):
            circuit.continue_loop()
        circuit.x(1)
        circuit.break_loop()
    circuit.measure(1, 1)
    assert counts(circuit) == {"11": 64}


def test_a_long_loop_is_counted_not_written_out():
    circuit = QuantumCircuit(1, 1)
    with circuit.for_loop(range(100_001)):
        circuit.x(0)
    circuit.measure(0, 0)
    plan, _ = compile_circuit(circuit)
    assert len(plan.steps) < 10
    small = QuantumCircuit(1, 1)
    with small.for_loop(range(5001)):
        small.x(0)
    small.measure(0, 0)
    assert counts(small) == {"1": 64}


def test_expressions_variables_and_stores():
    circuit = QuantumCircuit(2)
    register = ClassicalRegister(3, "a")
    circuit.add_register(register)
    total = circuit.add_var("total", expr.lift(5, types.Uint(3)))
    with circuit.for_loop(range(3)):
        circuit.store(total, expr.add(total, expr.lift(3, types.Uint(3))))
    # 5 + 9 = 14 wraps to 6 in three bits.
    circuit.store(register, expr.bit_xor(total, 0b011))
    assert counts(circuit) == {"101": 64}
    with circuit.if_test(expr.index(total, 1)):
        circuit.x(0)
    circuit.measure(0, 0)
    circuit.store(expr.lift(register[2]), expr.less(total, 3))
    assert counts(circuit) == {"001": 64}


def test_boxes_and_resets_keep_a_circuit_static():
    circuit = QuantumCircuit(2, 2)
    circuit.reset([0, 1])
    circuit.initialize([0, 1], 0)
    with circuit.box():
        circuit.h(1)
        with circuit.for_loop(range(3)):
            circuit.cx(0, 1)
    circuit.measure([0, 1], [0, 1])
    circuit.reset([0, 1])  # nothing comes after it
    plan, _ = compile_circuit(circuit)
    assert plan.is_static
    assert set(counts(circuit)) == {"01", "11"}


def test_reset_of_an_entangled_qubit():
    circuit = QuantumCircuit(2, 2)
    circuit.h(0)
    circuit.cx(0, 1)
    circuit.reset(0)
    circuit.h(0)
    circuit.h(0)
    circuit.measure([0, 1], [0, 1])
    assert set(counts(circuit)) == {"00", "10"}


def test_shots_cost_nothing_where_outcomes_are_few():
    circuit = QuantumCircuit(1, 1)
    with circuit.for_loop(range(3)):
        circuit.h(0)
        circuit.measure(0, 0)
    found = counts(circuit, shots=10**12)
    assert sum(found.values()) == 10**12
    # 5.2 sigma of the binomial distribution: false alarms below 2e-7.
    assert abs(found["0"] - 5e11) < 5.2 * 5e5


def test_the_state_of_a_deterministic_dynamic_circuit():
    circuit = QuantumCircuit(3, 1, global_phase=0.3)
    circuit.h(2)
    with circuit.if_test((0, 0)):
        circuit.cx(2, 0)
        circuit.t(0)
    reference = QuantumCircuit(3, global_phase=0.3)
    reference.h(2)
    reference.cx(2, 0)
    reference.t(0)
    state = BACKEND.run(circuit, statevector=True).result().get_statevector()
    np.testing.assert_allclose(state, Statevector(reference).data, atol=1e-12)


@pytest.mark.parametrize("kind", ["measure", "reset"])
def test_no_state_where_there_is_randomness_inside(kind):
    circuit = QuantumCircuit(1, 1)
    circuit.h(0)
    circuit.measure(0, 0) if kind == "measure" else circuit.reset(0)
    circuit.h(0)
    with pytest.raises(OqtopusCircuitError, match="statevector=True has no answer"):
        BACKEND.run(circuit, statevector=True)


def test_division_by_zero_is_the_failure_of_its_circuit_only():
    bad = QuantumCircuit(1, name="bad")
    register = ClassicalRegister(2, "a")
    bad.add_register(register)
    zero = bad.add_var("zero", expr.lift(0, types.Uint(2)))
    bad.store(register, expr.div(expr.lift(3, types.Uint(2)), zero))
    good = QuantumCircuit(1, 1, name="good")
    good.measure(0, 0)
    job = BACKEND.run([good, bad])
    result = job.result()
    assert not result.success
    assert [entry.success for entry in result.results] == [True, False]
    assert "ZeroDivisionError" in result.results[1].status
    assert result.get_counts("good") == {"0": 64}
    assert "circuit 1 ('bad')" in job.error_message()


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
