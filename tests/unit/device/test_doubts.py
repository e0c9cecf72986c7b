"""What a device does otherwise than circuits ask: when there is a warning, and what it says."""

import pytest
from qiskit import QuantumCircuit

from qiskit_oqtopus.device import doubts
from qiskit_oqtopus.device.check import check_circuits
from qiskit_oqtopus.device.doubts import find_doubts
from tests.parallel import parallel_t1

from .conftest import grid


def find(*circuits, timed=True):
    return list(find_doubts(dict(enumerate(circuits)), grid().target(), timed=timed))


def two(first, second, wall=None, measured=True):
    """Return delays in ns after an x on each of two qubits, perhaps with a barrier between."""
    circuit = QuantumCircuit(16, 2, name="two")
    circuit.x([0, 1])
    circuit.delay(first, 0, unit="ns")
    if wall is not None:
        circuit.barrier(wall)
    circuit.delay(second, 1, unit="ns")
    if measured:
        circuit.measure([0, 1], [0, 1])
    return circuit


def test_a_parallel_experiment_of_t1():
    (doubt,) = find(parallel_t1())
    assert (
        "In circuit 0 ('t1s'), for example, the delays of qubits 1, 4, 7, 10 are made one after "
        "another, in 320 us (asked: 140 us), and from the first pulse to the readout it is 320 us "
        "on qubit 1 (asked: 20 us), 300 us on qubit 4 (asked: 60 us), 240 us on qubit 7 (asked: "
        "100 us). Use"
    ) in doubt
    assert "BatchExperiment" in doubt
    assert "twin(timing='global_barriers')" in doubt


def test_a_run_has_one_warning_with_the_last_circuit_of_a_sweep():
    shorter = parallel_t1({0: 1, 1: 2})
    (doubt,) = find(two(500, 1000), shorter, parallel_t1(), two(500, 500))
    assert "In circuit 2 ('t1s'), for example, the delays of qubits 1, 4, 7, 10" in doubt


def test_many_qubits_are_not_all_named():
    (doubt,) = find(parallel_t1(dict.fromkeys(range(16), 5)))
    assert "qubits 0, 1, 2, 3, 4, 5, 6, 7 and 8 more are made" in doubt
    assert "on qubit 7 (asked: 5.02 us) and 7 more." in doubt


def test_a_qubit_that_is_read_with_the_others_later_than_asked():
    (doubt,) = find(two(500, 1000))
    assert "after another" not in doubt
    assert "it is 1.02 us on qubit 0 (asked: 0.52 us)." in doubt


def test_delays_in_a_row_without_anything_that_is_read():
    (doubt,) = find(two(500, 1000, wall=3, measured=False))
    assert "are made one after another, in 1.5 us (asked: 1 us)." in doubt
    assert "readout it is" not in doubt


@pytest.mark.parametrize(
    ("circuit", "found"),
    [
        (two(20_000, 20_000), False),
        (two(20_000, 20_000, wall=3), True),
        (two(1000, 1095), False),  # less than 100 ns
        (two(1000, 1105), True),
        (two(10_000, 10_190), False),  # less than 2 %
        (two(10_000, 10_210), True),
        (parallel_t1({3: 500}), False),  # no other qubit has a delay
    ],
)
def test_when_there_is_a_warning(circuit, found):
    assert bool(find(circuit)) is found


def test_delays_that_are_asked_for_one_after_another():
    circuit = QuantumCircuit(16, 2)
    for qubit in (0, 1):
        circuit.x(qubit)
        circuit.delay(20, qubit, unit="us")
        circuit.barrier([0, 1])
    circuit.measure([0, 1], [0, 1])
    assert find(circuit) == []


def test_what_is_not_sent_is_no_reason_to_refuse_anything():
    circuit = two(500, 1000)
    circuit.delay(float("nan"), 0, unit="s")
    assert check_circuits([circuit], grid().target(), None) == []
    assert find(circuit) == []


def test_a_device_that_makes_no_delays():
    assert find(parallel_t1(), timed=False) == []


def test_circuits_without_delays_on_several_qubits_are_not_looked_at(monkeypatch):
    def refuse(*anything):
        raise AssertionError

    monkeypatch.setattr("qiskit_oqtopus.device.timing.read_instructions", refuse)
    circuit = QuantumCircuit(16, 2)
    circuit.delay(20, 0, unit="us")
    for qubit in range(4):
        circuit.x(qubit)
        circuit.barrier(qubit)
    circuit.measure([0, 1], [0, 1])
    assert find(circuit) == []


def long_circuit(gates, others=0):
    circuit = QuantumCircuit(16, 1, name="long")
    for _ in range(gates):
        circuit.sx(0)
    for _ in range(others):
        circuit.barrier(0)
        circuit.delay(10, 0, unit="ns")
    circuit.measure(0, 0)
    return circuit


def test_very_many_gates():
    assert doubts.MAX_GATES == 4_000
    assert find(long_circuit(4000, others=50)) == []
    (doubt,) = find(two(1, 1), long_circuit(4001), long_circuit(5000), timed=False)
    assert doubt.startswith("Circuit 2 ('long') has 5,000 gates; 2 circuits have over 4,000.")
    assert "about 3 minutes" in doubt
    (doubt,) = find(long_circuit(4001))
    assert doubt.startswith("Circuit 0 ('long') has 4,001 gates. To")
