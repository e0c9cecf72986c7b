"""From the circuits of a run to programs, or to everything that is wrong with them."""

import pytest
from qiskit import QuantumCircuit

from qiskit_oqtopus.client.models import Job
from qiskit_oqtopus.cloud.encoding import Task, encode_tasks, find_differences
from qiskit_oqtopus.cloud.group import FoundGroup, Member
from qiskit_oqtopus.device.snapshot import DeviceSnapshot
from qiskit_oqtopus.program import metadata
from qiskit_oqtopus.program.program import ProgramHeader, fingerprint, regroup_program
from tests.devices import grid_device, grid_facts

HEADER = ProgramHeader(group="group-0123456789abcdef", created="2026-01-01T00:00:00+00:00")


@pytest.fixture(scope="module")
def target():
    return DeviceSnapshot.from_device(grid_device(), grid_facts()).target()


def circuit(qubit=0, **values):
    result = QuantumCircuit(2, 1, name="mine", metadata=values)
    result.x(qubit)
    result.measure(qubit, 0)
    return result


def test_each_program_has_its_place_and_its_task(target):
    tasks = [
        Task(circuit(), 10),
        Task(circuit(), 20, kind="sampler", pub=3, position=4, primitive={"a": 1}),
    ]
    programs, problems = encode_tasks(tasks, HEADER, target, None)
    assert problems == []
    headers = [program.header for program in programs]
    assert [(h.index, h.total, h.shots) for h in headers] == [(0, 2, 10), (1, 2, 20)]
    assert (headers[1].kind, headers[1].pub, headers[1].position) == ("sampler", 3, 4)
    assert headers[1].primitive == {"a": 1}
    assert {h.group for h in headers} == {HEADER.group}


def test_everything_that_is_wrong_is_said_at_once(target):
    wrong = circuit(it=object())
    wrong.reset(0)
    far = QuantumCircuit(17, 1)
    far.measure(0, 0)
    tasks = [Task(wrong, 1), Task(circuit(), 1), Task(far, 1), Task(circuit(it=object()), 1)]
    programs, problems = encode_tasks(tasks, HEADER, target, None)
    assert [program.header.index for program in programs] == [1]
    assert [(p.circuit, p.reason.split(" ")[0]) for p in problems] == [
        (0, "OQTOPUS"),
        (0, "its"),
        (2, "it"),
        (3, "its"),
    ]
    for problem in (problems[1], problems[3]):
        assert problem.reason.startswith("its metadata cannot be kept: metadata['it']")
        assert problem.cure == "use numbers, strings, lists, dicts, arrays and dates only"


def test_the_circuits_of_a_pub_have_the_same_problem_once(target):
    bad = QuantumCircuit(2, 1)
    tasks = [Task(bad, 1, kind="sampler", pub=pub, position=i) for pub in (0, 1) for i in range(3)]
    _, problems = encode_tasks(tasks, HEADER, target, None)
    assert [(p.noun, p.circuit) for p in problems] == [("PUB", 0), ("PUB", 1)]


def test_metadata_are_encoded_once(target, monkeypatch):
    encoded = []
    real = metadata.encode
    monkeypatch.setattr(
        metadata, "encode", lambda value, *where: encoded.append(value) or real(value, *where)
    )
    (program,), _ = encode_tasks([Task(circuit(a=1), 1)], HEADER, target, None)
    moved = regroup_program(program, "another-group-of-jobs")
    assert fingerprint(moved) == fingerprint(program)
    assert encoded == [{"a": 1}]


def group_of(programs, shots=10):
    members = {
        i: Member(HEADER.group, i, len(programs), fingerprint(p)) for i, p in enumerate(programs)
    }
    jobs = {i: Job(f"job-{i}", "failed", shots=shots) for i in members}
    return FoundGroup(HEADER.group, ("0" * 8,), len(programs), "run", jobs, members)


def test_a_group_is_resumed_with_its_own_circuits_only(target):
    def programs(*circuits):
        return encode_tasks([Task(each, 10) for each in circuits], HEADER, target, None)[0]

    found = group_of(programs(circuit(0, x=1), circuit(1)))
    assert find_differences(found, programs(circuit(0, x=1), circuit(1))) == []
    (problem,) = find_differences(found, programs(circuit(0, x=2), circuit(1)))
    assert (problem.circuit, "it is not circuit 0" in problem.reason) == (0, True)
    (problem,) = find_differences(found, programs(circuit(0, x=1)))
    assert "has 2 circuits, and 1 were given" in problem.reason
    found = group_of(programs(circuit(0)), shots=20)
    (problem,) = find_differences(found, programs(circuit(0)))
    assert "has 20 shots, not 10" in problem.reason
