"""What primitives on devices need of programs, results and problems."""

import json
from dataclasses import replace

import pytest
from qiskit import QuantumCircuit

from qiskit_oqtopus import OqtopusProtocolError, Problem
from qiskit_oqtopus.cloud.results import estimation_result, shot_order
from qiskit_oqtopus.device.check import check_circuits
from qiskit_oqtopus.device.snapshot import DeviceSnapshot
from qiskit_oqtopus.program.openqasm import EncodingError, encode_body
from qiskit_oqtopus.program.program import ProgramHeader, encode_program, parse_program
from tests.devices import grid_device, grid_facts

GROUP = ProgramHeader(group="g" * 16, created="2026-11-23T00:00:00+00:00", shots=10)


def test_a_program_for_an_estimation_has_no_bits():
    circuit = QuantumCircuit(2, 3)
    circuit.x(1)
    operator = (("X 0 Z 1", 0.5),)
    program = encode_program(circuit, GROUP, operator=operator)
    lines = program.text.split("\n")
    assert lines[:4] == ["OPENQASM 3.0;", 'include "stdgates.inc";', "qubit[2] q;", "x q[1];"]
    assert (program.operator, program.header.clbits) == (operator, ())
    circuit.measure(0, 0)
    with pytest.raises(EncodingError, match="only its state"):
        encode_program(circuit, GROUP, operator=operator)
    with pytest.raises(EncodingError, match="measures nothing"):
        encode_body(QuantumCircuit(1))


def test_a_header_from_before_there_were_primitives_is_read():
    circuit = QuantumCircuit(1, 1)
    circuit.measure(0, 0)
    program = encode_program(circuit, GROUP)
    body, _, line = program.text.rstrip("\n").rpartition("\n")
    mark, _, text = line.partition("{")
    values = json.loads("{" + text)
    del values["primitive"]
    assert parse_program(f"{body}\n{mark}{json.dumps(values)}\n") == program.header


def test_a_record_that_is_not_json_is_refused():
    circuit = QuantumCircuit(1, 1)
    circuit.measure(0, 0)
    for primitive in ({"a": {1, 2}}, {"a": float("nan")}):
        with pytest.raises(EncodingError, match="header cannot be written"):
            encode_program(circuit, replace(GROUP, kind="sampler", primitive=primitive))


@pytest.mark.parametrize(
    "estimation",
    [
        {"exp_value": 1.0},
        {"exp_value": "1.0", "stds": 0.0},
        {"exp_value": float("nan"), "stds": 0.0},
        {"exp_value": True, "stds": 0.0},
        {"exp_value": 1.0, "stds": None},
    ],
)
def test_estimations_are_two_numbers(estimation):
    header = encode_program(QuantumCircuit(1), GROUP, operator=(("I", 1.0),)).header
    good = estimation_result(header, {"exp_value": 1, "stds": 0.5}, job_id="id")
    assert good.data.estimation == {"exp_value": 1.0, "stds": 0.5}
    with pytest.raises(OqtopusProtocolError, match="the estimation has"):
        estimation_result(header, estimation, job_id="id")


def test_the_order_of_shots_depends_on_the_seed_and_the_place():
    header = encode_program(QuantumCircuit(1), GROUP, operator=()).header
    counts = [20, 0, 30]
    order = shot_order(header, counts)
    assert sorted(order.tolist()) == [0] * 20 + [2] * 30
    assert shot_order(header, counts).tolist() == order.tolist() != sorted(order.tolist())
    for other in (replace(header, index=1), replace(header, seed=3), replace(header, group="h")):
        assert shot_order(other, counts).tolist() != order.tolist()


def test_problems_name_pubs():
    problem = Problem(3, "bell", "it is wrong", "mend it", noun="PUB")
    assert str(problem) == "PUB 3 ('bell'): it is wrong; mend it"


def test_idle_qubits_are_a_problem_of_the_server_that_compiles():
    target = DeviceSnapshot.from_device(grid_device(), grid_facts()).target()
    circuit = QuantumCircuit(4)
    circuit.h(1)
    circuit.barrier()
    (problem,) = check_circuits([circuit], target, "qiskit", estimated=True)
    assert "qubits 0, 2, 3 without a gate" in problem.reason
    compiled = QuantumCircuit(16)
    compiled.x(1)
    assert check_circuits([compiled], target, None, estimated=True) == []
