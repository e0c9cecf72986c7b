"""What a device cannot do with circuits: each problem with its place and its cure."""

import pytest
from qiskit import QuantumCircuit
from qiskit.circuit import Gate, Parameter
from qiskit.circuit.classical import expr

from qiskit_oqtopus.device import check
from qiskit_oqtopus.device.check import (
    MAX_PROGRAM_BYTES,
    check_circuits,
    check_for_twin,
    check_metadata,
    check_size,
)

from .conftest import anemone, grid


def good():
    circuit = QuantumCircuit(3, 3, name="mine")
    circuit.x(0)
    circuit.cx(0, 1)
    circuit.barrier()
    circuit.delay(100, 0, "ns")
    circuit.measure(0, 0)
    return circuit


def find(change, transpiler=None, target=None):
    circuit = good()
    change(circuit)
    return check_circuits([circuit], target or anemone().target(), transpiler)


def test_a_good_circuit_has_no_problems():
    assert find(lambda circuit: None) == []


def opaque(circuit):
    circuit.append(Gate("mystery", 1, []), [1])


def twice(circuit):
    circuit.measure(0, 1)


def variable(circuit):
    circuit.add_var("v", expr.lift(False))


@pytest.mark.parametrize(
    ("change", "reason", "position"),
    [
        (lambda c: c.rz(Parameter("angle"), 1), "unbound parameters: angle", None),
        (variable, "it has classical variables", None),
        (lambda c: c.reset(1), "OQTOPUS cannot reset a qubit", 5),
        (lambda c: c.x(0), "it comes after the measurement of qubit 0", 5),
        (twice, "this qubit is measured twice", 5),
        (lambda c: c.measure(1, 0), "classical bit 0 is written twice", 5),
        (lambda c: c.h(1), "the device has no such gate, only cx, delay, measure, rz, sx, x", 5),
        (opaque, "the device has no such gate", 5),
        (lambda c: c.cx(1, 0), "couples these qubits in the other direction only", 5),
        (lambda c: c.cx(2, 0), "the device does not couple these qubits", 5),
    ],
)
def test_each_problem_has_its_place(change, reason, position):
    problems = [problem for problem in find(change) if reason in problem.reason]
    assert [(p.circuit, p.name, p.position) for p in problems] == [(0, "mine", position)]
    assert problems[0].cure


def test_the_transpiler_of_the_server_takes_any_gate_and_no_delay():
    (problem,) = find(lambda circuit: circuit.h(1), transpiler="qiskit")
    assert (problem.instruction, problem.position) == ("delay", 3)
    (_, problem) = find(opaque, transpiler="qiskit")
    assert "no standard gate and has no definition" in problem.reason


def test_a_circuit_that_measures_nothing_and_one_that_is_too_wide():
    wide = QuantumCircuit(4, 1)
    wide.measure(0, 0)
    problems = check_circuits([QuantumCircuit(1, 1), good(), wide], anemone().target(), None)
    assert [(p.circuit, p.reason) for p in problems] == [
        (0, "it measures nothing, so that it has no counts"),
        (2, "it has 4 qubits and the device has 3"),
    ]


def test_metadata_and_size():
    circuit = good()
    assert check_metadata(0, circuit) == []
    circuit.metadata = {"it": object()}
    (problem,) = check_metadata(4, circuit)
    assert (problem.circuit, "metadata['it']" in problem.reason) == (4, True)
    assert check_size(0, circuit, "x" * MAX_PROGRAM_BYTES) == []
    (problem,) = check_size(0, circuit, "x" * MAX_PROGRAM_BYTES + "x")
    assert "4,194,305 bytes" in problem.reason


def test_a_twin_refuses_what_is_too_long_for_the_device(monkeypatch):
    monkeypatch.setattr(check, "MAX_PROGRAM_BYTES", 2_000)
    circuit = QuantumCircuit(16, 1, metadata={"it": 1})
    for _ in range(250):
        circuit.x(0)
    circuit.measure(0, 0)
    (problem,) = check_for_twin([circuit], grid().target(), estimated=False)
    assert "and OQTOPUS takes 2,000" in problem.reason
    circuit.metadata = {"it": object()}
    (problem,) = check_for_twin([circuit], grid().target(), estimated=False)
    assert problem.reason.startswith("its metadata cannot be kept")


def test_a_twin_has_no_transpiler_of_a_server():
    circuit = good()
    circuit.h(1)
    circuit.metadata = {"it": object()}
    gate, words = check_for_twin([circuit], anemone().target(), estimated=False)
    assert gate.cure == "compile it with transpile(circuit, backend)"
    assert words.reason.startswith("its metadata cannot be kept")
