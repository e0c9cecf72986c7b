"""What a device cannot do with circuits: each problem with its place and its cure."""

import pytest
from qiskit import QuantumCircuit, transpile
from qiskit.circuit import Gate, Parameter
from qiskit.circuit.classical import expr
from qiskit.transpiler.exceptions import TranspilerError

from qiskit_oqtopus.device import check
from qiskit_oqtopus.device.check import (
    MAX_PROGRAM_BYTES,
    check_circuits,
    check_for_twin,
    check_metadata,
    check_size,
)
from qiskit_oqtopus.device.snapshot import DeviceSnapshot
from tests.lines import line_facts

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


def with_reset():
    inner = QuantumCircuit(1)
    inner.reset(0)
    outer = QuantumCircuit(1)
    outer.append(inner.to_instruction(), [0])
    return outer.to_instruction()


@pytest.mark.parametrize(
    ("change", "reason", "position"),
    [
        (lambda c: c.rz(Parameter("angle"), 1), "unbound parameters: angle", None),
        (variable, "it has classical variables", None),
        (lambda c: c.reset(1), "OQTOPUS cannot reset a qubit", 5),
        (lambda c: c.initialize([0, 1], 1), "it begins with a reset, which OQTOPUS cannot do", 5),
        (lambda c: c.append(with_reset(), [1]), "there is a reset in its definition", 5),
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


@pytest.mark.parametrize("transpiler", [None, "qiskit"])
def test_initialize_is_refused_with_a_cure_that_works(transpiler):
    circuit = QuantumCircuit(1)
    circuit.initialize([0, 1], 0)
    circuit.measure_all()
    target = anemone().target()
    with pytest.raises(TranspilerError):
        transpile(circuit, target=target)
    (problem,) = check_circuits([circuit], target, transpiler)
    assert problem.cure == "use circuit.prepare_state(...): each shot begins with all qubits in 0"
    circuit = QuantumCircuit(1)
    circuit.prepare_state([0, 1], 0)
    circuit.measure_all()
    compiled = transpile(circuit, target=target, seed_transpiler=1)
    assert check_circuits([compiled], target, None) == []


def line(unknown=None, couplings=None, *, width=4):
    facts = line_facts(width, unknown, couplings)
    return DeviceSnapshot.from_device({"device_id": "line"}, facts)


def refuse(change, snapshot):
    circuit = QuantumCircuit(4, 4, name="mine")
    change(circuit)
    circuit.measure(0, 0)
    return check_circuits([circuit], snapshot.target(), None, left_out=snapshot.uncalibrated)


@pytest.mark.parametrize(
    ("change", "qubits"),
    [
        (lambda c: c.x(1), (1,)),
        (lambda c: c.measure(1, 1), (1,)),
        (lambda c: c.cx(0, 1), (0, 1)),
        (lambda c: c.cx(2, 1), (2, 1)),
        (lambda c: c.cx(3, 1), (3, 1)),
    ],
)
def test_what_is_left_out_is_refused_with_the_reason(change, qubits):
    (problem,) = refuse(change, line({1: {}}))
    assert problem.reason == (
        "qubit 1 is left out: its one-qubit fidelity is unknown and its readout error is unknown"
    )
    assert problem.qubits == qubits
    assert "transpile(circuit, backend) does at optimization_level 2" in problem.cure
    # The circuit is as wide as the device, so that a layout has to be shorter than it.
    assert "an initial_layout of backend.good_qubits(), one for each qubit" in problem.cure


@pytest.mark.parametrize("pair", [(1, 2), (2, 1)])
def test_a_coupling_that_is_left_out_is_refused_with_the_reason(pair):
    snapshot = line(couplings={1: {"fidelity": 0.2}})
    (problem,) = refuse(lambda circuit: circuit.cx(*pair), snapshot)
    assert problem.reason == (
        "this coupling is left out: its fidelity is 0.2 (no better than noise)"
    )
    assert problem.cure.startswith("compile it with transpile(circuit, backend)")


def test_a_gate_all_of_whose_places_are_left_out_is_refused_with_the_reason():
    facts = line_facts(2, {1: {}})
    snapshot = DeviceSnapshot.from_device({"device_id": "line"}, facts)
    assert "cx" not in snapshot.target().operation_names
    circuit = QuantumCircuit(2, 1)
    circuit.cx(0, 1)
    circuit.measure(0, 0)
    (problem,) = check_circuits([circuit], snapshot.target(), None, left_out=snapshot.uncalibrated)
    assert problem.reason.startswith("qubit 1 is left out: its one-qubit fidelity is unknown")


def test_a_circuit_that_is_not_compiled_is_told_of_levels_and_layouts():
    cure = "optimization_level 2 (its default) or 3, or with an initial_layout of backend.good"
    (problem,) = refuse(lambda circuit: circuit.h(0), line({1: {}}))
    assert cure in problem.cure
    (problem,) = refuse(lambda circuit: circuit.h(0), line({1: {}}, width=5))
    assert "or 3, or with initial_layout=backend.good_qubits()[:4], since" in problem.cure
    (problem,) = refuse(lambda circuit: circuit.h(0), line())
    assert problem.cure == (
        "compile it with transpile(circuit, backend), or use transpiler='qiskit'"
    )


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


@pytest.mark.parametrize("transpiler", [None, "qiskit"])
def test_a_circuit_that_is_too_wide_is_one_problem(transpiler):
    wide = QuantumCircuit(20, 20)
    wide.h(range(20))
    for qubit in range(19):
        wide.cx(qubit, qubit + 1)
    wide.measure(range(20), range(20))
    (problem,) = check_circuits([wide], grid().target(), transpiler)
    assert problem.reason == "it has 20 qubits and the device has 16"
    wide.reset(3)
    reasons = [each.reason for each in check_circuits([wide], grid().target(), transpiler)]
    assert len(reasons) == 2, "what has nothing to do with places is still said"
