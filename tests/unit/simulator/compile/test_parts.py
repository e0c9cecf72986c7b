"""What ties the qubits of a circuit together, and what does not."""

import numpy as np
import pytest
from qiskit import ClassicalRegister, QuantumCircuit, QuantumRegister
from qiskit.circuit import Parameter
from qiskit.circuit.classical import expr, types

from qiskit_oqtopus.simulator.compile import control_flow
from qiskit_oqtopus.simulator.compile.compile import compile_circuit
from qiskit_oqtopus.simulator.compile.noisy import compile_noisy
from qiskit_oqtopus.simulator.compile.parts import split
from qiskit_oqtopus.simulator.noise.model import NoiseModel
from tests.noisy import random_target

pytestmark = pytest.mark.chooses


def empty(num_qubits=4, *registers):
    """A circuit in which every qubit is active."""
    circuit = QuantumCircuit(QuantumRegister(num_qubits, "q"), *registers)
    circuit.h(range(num_qubits))
    return circuit


def qubits_of_parts(circuit):
    plan, problems = compile_circuit(circuit)
    assert not problems
    parts = split(plan._replace(stages=None))
    return None if parts is None else [set(part.qubits) for part in parts]


ALL = [{0}, {1}, {2}, {3}]


@pytest.mark.parametrize(
    "tie",
    [
        lambda c: c.cx(0, 2),
        lambda c: c.rzz(0.1, 2, 0),
        lambda c: c.initialize([0.5, 0.5j, 0.5, 0.5], [0, 2]),
        lambda c: c.unitary([[1, 0, 0, 0], [0, 0, 1, 0], [0, 1, 0, 0], [0, 0, 0, 1]], [2, 0]),
        lambda c: [c.measure(0, 0), c.h(0), c.measure(2, 0), c.h(2)],
        lambda c: [c.measure(0, 0), c.h(0), c.measure(2, 0)],
    ],
)
def test_what_acts_on_two_qubits_or_writes_one_bit_ties(tie):
    circuit = empty(4, ClassicalRegister(2, "c"))
    tie(circuit)
    assert qubits_of_parts(circuit) == [{0, 2}, {1}, {3}]


def test_barriers_delays_and_bits_of_one_register_do_not_tie():
    circuit = empty(4, ClassicalRegister(4, "c"))
    circuit.barrier()
    circuit.delay(1, range(4), unit="us")
    circuit.measure(range(4), range(4))
    assert qubits_of_parts(circuit) == ALL


def test_idle_qubits_are_in_no_part():
    circuit = QuantumCircuit(9, 9)
    circuit.h([1, 7])
    circuit.measure(range(9), range(9))
    assert qubits_of_parts(circuit) == [{1}, {7}]


def test_a_condition_ties_what_writes_its_bits_with_what_it_controls():
    circuit = empty(4, ClassicalRegister(2, "c"))
    circuit.measure(0, 0)
    with circuit.if_test((circuit.clbits[0], 1)):
        circuit.x(2)
    assert qubits_of_parts(circuit) == [{0, 2}, {1}, {3}]


def test_a_condition_on_a_register_reads_all_its_bits():
    circuit = empty(4, ClassicalRegister(2, "c"))
    circuit.measure([0, 1], [0, 1])
    with circuit.if_test((circuit.cregs[0], 1)):
        circuit.x(2)
    assert qubits_of_parts(circuit) == [{0, 1, 2}, {3}]


def test_a_block_ties_all_that_it_touches():
    circuit = empty(4, ClassicalRegister(1, "c"))
    circuit.measure(0, 0)
    with circuit.if_test((circuit.clbits[0], 1)) as otherwise:
        circuit.x(1)
    with otherwise:
        circuit.x(2)
    assert qubits_of_parts(circuit) == [{0, 1, 2}, {3}]
    circuit = empty(4, ClassicalRegister(1, "c"))
    circuit.measure(0, 0)
    with circuit.switch(circuit.clbits[0]) as case:
        with case(0):
            circuit.x(1)
        with case(case.DEFAULT):
            circuit.x(3)
    assert qubits_of_parts(circuit) == [{0, 1, 3}, {2}]
    circuit = empty(4, ClassicalRegister(1, "c"))
    circuit.measure(0, 0)
    with circuit.while_loop((circuit.clbits[0], 1)):
        circuit.x(1)
        circuit.measure(0, 0)
    assert qubits_of_parts(circuit) == [{0, 1}, {2}, {3}]


def test_two_blocks_beside_each_other_are_apart():
    circuit = empty(4, ClassicalRegister(2, "c"))
    circuit.measure([0, 1], [0, 1])
    with circuit.if_test((circuit.clbits[0], 1)):
        circuit.x(2)
    with circuit.if_test((circuit.clbits[1], 1)):
        circuit.x(3)
    assert qubits_of_parts(circuit) == [{0, 2}, {1, 3}]


def test_bits_that_nobody_writes_tie_nothing():
    circuit = empty(2, ClassicalRegister(2, "c"), ClassicalRegister(2, "d"))
    for qubit in range(2):
        with circuit.if_test((circuit.cregs[1], 0)):
            circuit.x(qubit)
        circuit.measure(qubit, qubit)
    assert qubits_of_parts(circuit) == [{0}, {1}]


def test_variables_tie_what_writes_them_with_what_reads_them():
    circuit = empty(4, ClassicalRegister(2, "c"))
    number = circuit.add_var("n", expr.lift(0, types.Uint(4)))
    circuit.measure([0, 1], [0, 1])
    circuit.store(number, expr.cast(circuit.clbits[0], types.Uint(4)))
    with circuit.if_test(expr.equal(number, 1)):
        circuit.x(2)
    assert qubits_of_parts(circuit) == [{0, 2}, {1}, {3}]


def test_store_into_a_bit_ties():
    circuit = empty(3, ClassicalRegister(2, "c"))
    circuit.measure([0, 1], [0, 1])
    circuit.store(circuit.clbits[1], expr.logic_not(circuit.clbits[0]))
    assert qubits_of_parts(circuit) == [{0, 1}, {2}]


@pytest.mark.parametrize("written", [True, False])
def test_each_part_has_its_copy_of_a_loop(written, monkeypatch):
    if not written:
        monkeypatch.setattr(control_flow, "WRITTEN_SIZE", 0)
    circuit = empty(4, ClassicalRegister(2, "c"))
    angle = Parameter("a")
    with circuit.for_loop(range(5), angle):
        circuit.rx(angle, 0)
        circuit.ry(angle, 1)
        circuit.measure(2, 0)
        with circuit.if_test((circuit.clbits[0], 1)):
            circuit.x(2)
    circuit.measure(3, 1)
    plan, _ = compile_circuit(circuit)
    parts = split(plan)
    assert [set(part.qubits) for part in parts] == ALL
    loops = [any(step[0] == "loop" for step in part.plan.steps) for part in parts]
    assert loops == [not written] * 3 + [False]
    assert parts[3].plan.is_static


def test_a_loop_with_break_ties_all_of_its_body(monkeypatch):
    monkeypatch.setattr(control_flow, "WRITTEN_SIZE", 0)
    circuit = empty(4, ClassicalRegister(1, "c"))
    with circuit.for_loop(range(3)):
        circuit.x(0)
        circuit.measure(1, 0)
        with circuit.if_test((circuit.clbits[0], 1)):
            circuit.break_loop()
    assert qubits_of_parts(circuit) == [{0, 1}, {2}, {3}]


def test_a_loop_with_continue_ties_all_of_its_body(monkeypatch):
    monkeypatch.setattr(control_flow, "WRITTEN_SIZE", 0)
    circuit = empty(4, ClassicalRegister(1, "c"))
    with circuit.for_loop(range(3)):
        circuit.measure(1, 0)
        with circuit.if_test((circuit.clbits[0], 1)):
            circuit.continue_loop()
        circuit.x(2)
    assert qubits_of_parts(circuit) == [{0}, {1, 2}, {3}]


def test_boxes_are_looked_into():
    circuit = empty(4, ClassicalRegister(2, "c"))
    with circuit.box():
        circuit.x(0)
        circuit.cx(1, 2)
        with circuit.box():
            circuit.measure(0, 0)
            circuit.x(3)
    assert qubits_of_parts(circuit) == [{0}, {1, 2}, {3}]


def test_a_loop_inside_of_a_loop_is_copied_too(monkeypatch):
    monkeypatch.setattr(control_flow, "WRITTEN_SIZE", 0)
    circuit = empty(4, ClassicalRegister(1, "c"))
    with circuit.for_loop(range(3)):
        circuit.x(0)
        with circuit.for_loop(range(4)):
            circuit.x(1)
            circuit.y(2)
    assert qubits_of_parts(circuit) == ALL


def test_a_part_is_a_circuit_of_its_own():
    circuit = QuantumCircuit(6, 6, global_phase=0.5)
    circuit.h(5)
    circuit.cx(5, 3)
    circuit.x(4)
    circuit.measure([3, 5, 4], [5, 0, 2])
    plan, _ = compile_circuit(circuit)
    pair, single = split(plan)
    assert (pair.qubits, pair.clbits) == ((3, 5), (0, 5))
    assert pair.plan.num_qubits == 2
    assert set(dict(pair.plan.terminal)) == {0, 1}
    assert (single.qubits, single.clbits, single.plan.terminal) == ((4,), (2,), ((0, 0),))
    assert pair.plan.phase == 0.5
    assert single.plan.phase == 0


def test_noise_of_two_qubits_ties_and_idle_bits_are_misread():
    target = random_target(np.random.default_rng(3), 3)
    circuit = QuantumCircuit(3, 3)
    circuit.x(0)
    circuit.x(1)
    circuit.measure(range(3), range(3))
    plan, _ = compile_noisy(circuit, 0, NoiseModel.from_target(target))
    parts = split(plan)
    assert [part.qubits for part in parts] == [(0,), (1,), ()]
    assert [len(part.plan.misread) for part in parts] == [1, 1, 1]
