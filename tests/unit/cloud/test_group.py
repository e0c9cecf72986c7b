"""Groups: what descriptions say, and what is not one of ours."""

import pytest
from qiskit.providers import JobStatus

from qiskit_oqtopus.client import ServerError, ValidationError
from qiskit_oqtopus.client.models import Job
from qiskit_oqtopus.cloud.entry import build_entries
from qiskit_oqtopus.cloud.group import (
    MAX_DESCRIPTION,
    MAX_TAGS,
    MAX_TOTAL,
    Member,
    cancel_jobs,
    cancel_spare,
    check_group_id,
    check_run_id,
    find_group,
    find_runs,
    is_job_id,
    new_group_id,
    parse_description,
)
from qiskit_oqtopus.exceptions import OqtopusJobError, OqtopusOptionError

from .conftest import submit_foreign


@pytest.mark.parametrize("place", ["5/3", "0/999999999", "1-0/3", "0-3/3", "0-10000/20000"])
def test_descriptions_that_cannot_be_ours(cloud, provider, place):
    program = (
        'OPENQASM 3.0;\ninclude "stdgates.inc";\nqubit[1] q;\nbit[1] c;\nx q[0];\n'
        "c[0] = measure q[0];\n"
    )
    job_id = submit_foreign(
        cloud, program, f"qiskit-oqtopus group-11111111-1111/01234567 {place} {'a' * 64}"
    )
    job = provider.job(job_id)
    assert job.result(timeout=60).get_counts() == {"1": 10}
    assert job.status() is JobStatus.DONE
    assert job_id in [job.job_id() for job in provider.jobs(limit=5)]


GROUP = "group-0123456789abcdef"


class Server:
    """A client that lists jobs, and notes which of them it cancels."""

    def __init__(self, *jobs, errors=()):
        self.listed = list(jobs)
        self.errors = dict(errors)
        self.cancelled = []

    def jobs(self, *, page, size, **search):
        return self.listed[(page - 1) * size : page * size]

    def cancel(self, job_id):
        if job_id in self.errors:
            raise self.errors[job_id]
        self.cancelled.append(job_id)


def member_job(job_id, index, status="succeeded", total=3, group=GROUP, **about):
    about = {"digest": "0" * 64, **about}
    description = Member(group, index, total, **about).description()
    ended = "2026-01-01T00:00:00Z" if status in ("succeeded", "failed", "cancelled") else None
    return Job(job_id, status, description=description, ended_at=ended)


@pytest.mark.parametrize("head", [False, True])
@pytest.mark.parametrize("kind", ["run", "sampler", "estimator", "script"])
def test_a_description_comes_back(kind, head):
    for tags in ((), ("night shift", "T1"), ("head",), ("x" * MAX_TAGS,)):
        member = Member("g" * 64, 2, MAX_TOTAL, "f" * 64, kind, "0123abcd", head, tags)
        text = member.description()
        assert len(text) <= MAX_DESCRIPTION
        assert parse_description(text) == member


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "my own words",
        f"qiskit-oqtopus {GROUP}/01234567 3/3 {'0' * 64}",
        f"qiskit-oqtopus {GROUP} 2/3 {'0' * 64}",
    ],
)
def test_other_descriptions_are_not_ours(text):
    assert parse_description(text) is None


def test_ids_of_groups_are_no_ids_of_jobs():
    assert not is_job_id(new_group_id())
    assert check_group_id("group_id", GROUP) == GROUP
    for wrong in ("short", "A" * 20, "a" * 65, "with spaces in the id", 3, None):
        with pytest.raises(OqtopusOptionError, match="'group_id' must be 16 to 64"):
            check_group_id("group_id", wrong)


def test_the_earliest_job_that_has_not_failed_counts():
    server = Server(
        member_job("b", 0, "running"),
        member_job("a", 0, "failed"),
        member_job("c", 0, "ready"),
        member_job("e", 1, "failed"),
        member_job("d", 1, "cancelled"),
        member_job("x", 2, group="another-" + GROUP),
        Job("y", "succeeded", description=f"talks of {GROUP}"),
    )
    found = find_group(server, GROUP)
    assert {index: job.job_id for index, job in found.jobs.items()} == {0: "b", 1: "e"}
    assert {job.job_id for job in found.spare} == {"a", "c", "d"}
    assert (found.total, sorted(found.alive())) == (3, [0])
    cancel_spare(server, found)
    assert server.cancelled == []  # the device has fetched one, the others have ended
    server.listed[2] = member_job("c", 0, "submitted")
    cancel_spare(server, find_group(server, GROUP))
    assert server.cancelled == ["c"]
    assert find_group(Server(), GROUP) is None


def test_which_of_the_programs_that_run_a_circuit_counts():
    server = Server(
        member_job("a", 0, last=1),  # circuit 1 had failed in it, and was sent again
        member_job("b", 1, last=1, digest="1" * 64),
        member_job("c", 1, "cancelled", last=1, digest="1" * 64),
        member_job("d", 2, "failed", last=2),
        member_job("e", 2, "submitted", last=2),
        member_job("f", 2, "submitted", last=2),
    )
    (found,) = find_runs(server, GROUP)
    assert found.is_sse
    assert {index: job.job_id for index, job in found.jobs.items()} == {0: "a", 1: "b", 2: "e"}
    assert [job.job_id for job in found.spare] == ["c", "d", "f"]
    cancel_spare(server, found)
    assert server.cancelled == ["f"]
    assert [entry.circuits for entry in build_entries(found)] == [(0,), (1,), (2,)]
    server.listed[1] = member_job("b", 1, "cancelled", last=1, digest="1" * 64)
    (entry, _) = build_entries(find_group(server, GROUP))
    assert (entry.job_id, entry.circuits) == ("a", (0, 1))
    # An ordinary run with the same group id is another one.
    server.listed.append(member_job("g", 0, token="1" * 8))
    assert [run.is_sse for run in find_runs(server, GROUP)] == [True, False]


def test_more_jobs_than_a_page_has():
    jobs = [member_job(f"{i:04}", i, total=250) for i in range(250)]
    found = find_group(Server(*jobs), GROUP)
    assert sorted(found.jobs) == list(range(250))


def test_what_could_not_be_cancelled_is_told():
    errors = {"ended": ValidationError("it has ended"), "lost": ServerError("down")}
    server = Server(errors=errors)
    assert cancel_jobs(server, ["a", "ended", "lost"]) == ["lost"]
    assert server.cancelled == ["a"]


def test_runs_of_one_group_id_are_told_apart():
    server = Server(
        member_job("a", 0, token="0" * 8),
        member_job("b", 1, token="0" * 8, digest="1" * 64),
        member_job("c", 0, token="1" * 8, digest="2" * 64),
        member_job("d", 0, token="2" * 8, kind="sampler"),
        member_job("e", 0, token="3" * 8, total=4),
    )
    runs = find_runs(server, GROUP)
    assert [list(run.all_jobs()) for run in runs] == [["a", "b"], ["c"], ["d"], ["e"]]
    assert find_group(server, GROUP, "1" * 8) == runs[1]
    assert find_group(server, GROUP, "9" * 8) is None
    with pytest.raises(OqtopusJobError, match=f"4 different runs.*'{GROUP}/22222222'"):
        find_group(server, GROUP)


def test_two_that_sent_the_same_circuits_are_one_run():
    server = Server(
        member_job("b", 0, "submitted", token="1" * 8),
        member_job("a", 0, token="0" * 8),
        member_job("c", 1, "failed", token="0" * 8),
        member_job("d", 1, token="1" * 8),
    )
    (run,) = find_runs(server, GROUP)
    assert run.tokens == ("0" * 8, "1" * 8)
    assert [job.job_id for job in run.jobs.values()] == ["a", "d"]
    assert find_group(server, GROUP, "1" * 8) == run


def test_a_run_of_which_all_was_cancelled_stands_in_no_other_ones_way():
    cancelled = member_job("a", 0, "cancelled", token="0" * 8)
    going = member_job("b", 0, token="1" * 8, digest="1" * 64)
    assert list(find_group(Server(cancelled, going), GROUP).all_jobs()) == ["b"]
    assert list(find_group(Server(cancelled), GROUP).all_jobs()) == ["a"]


def test_ids_of_runs():
    assert check_run_id("resume", f"{GROUP}/0123abcd") == f"{GROUP}/0123abcd"
    assert check_run_id("resume", GROUP) == GROUP
    for wrong in (f"{GROUP}/", f"{GROUP}/0123ABCD", f"{GROUP}/0123abcd/", 3):
        with pytest.raises(OqtopusOptionError, match="'resume' must be"):
            check_run_id("resume", wrong)
