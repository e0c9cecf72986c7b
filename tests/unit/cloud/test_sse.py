"""Circuits by route="sse": one program beside the device runs many of them."""

import pickle

import pytest
from qiskit.providers import JobStatus

from qiskit_oqtopus import (
    OqtopusCircuitError,
    OqtopusJobError,
    OqtopusOptionError,
    OqtopusSubmissionError,
    OqtopusWarning,
    SamplerV2,
)
from tests.device_circuits import flip, value_circuit

emulator = pytest.importorskip("qiskit_oqtopus.emulator")


@pytest.fixture(scope="module")
def _cloud():
    with emulator.Emulator(
        devices=["line-4q"], seed=3, sse=True, sse_timeout=8.0, sse_job_timeout=2.0
    ) as running:
        yield running


def values(number):
    return [value_circuit(index % 4, f"circuit-{index}") for index in range(number)]


def expected(number):
    return [{f"{index % 4:02b}": 10} for index in range(number)]


def run(backend, circuits, **options):
    return backend.run(circuits, **{"route": "sse", "shots": 10, **options})


def counts(result):
    return [
        result.get_counts(index) if entry.success else None
        for index, entry in enumerate(result.results)
    ]


def requests(cloud):
    """Return the requests so far, but for those that ask how jobs are."""
    return [
        request
        for request in cloud.requests
        if not request.path.endswith("/status")
        and (request.method, request.path) != ("GET", "/jobs")
    ]


def test_fifty_circuits_are_one_job(cloud, backend, elsewhere):
    before, jobs = len(requests(cloud)), len(cloud.jobs)
    job = run(backend, values(50))
    result = job.result(timeout=60)
    assert counts(result) == expected(50)
    assert len(requests(cloud)) - before <= 12
    assert len(cloud.jobs) == jobs + 1
    assert job.job_ids() == [job.job_id()]
    assert (job.name, job.shots) == ("circuit-0 and 49 more", 10)
    # The same by another process, by either id, and after pickling.
    for found in (elsewhere.job(job.job_id()), elsewhere.job(job.group_id)):
        assert found.job_id() == job.job_id()
        assert found.result(timeout=60).to_dict() == result.to_dict()
        assert found.missing == ()
    assert elsewhere.jobs()[0].job_id() == job.job_id()


def test_all_is_as_by_the_ordinary_route(backend, account):
    circuits = [
        flip(backend, bit=bit, name=f"flip {bit}", xval=bit / 2, others=(1, 2)) for bit in (0, 1)
    ]
    options = {"memory": True, "seed_simulator": 5, "tags": ["night"], "group_id": 20 * "a"}
    ordinary = backend.run(circuits, shots=7, **options).result(timeout=60).to_dict()
    job = run(backend, circuits, shots=7, **{**options, "group_id": 20 * "b"})
    found = pickle.loads(pickle.dumps(job)).result(timeout=60).to_dict()
    for result in (ordinary, found):
        del result["job_id"]
        for entry in result["results"]:
            del entry["header"]["job_id"]
    assert found == ordinary
    assert job.tags == ("night",)
    assert [header.metadata["xval"] for header in job.headers()] == [0, 0.5]


def test_several_programs_are_one_run(cloud, backend, elsewhere):
    job = run(backend, values(9), sse_seconds=2.0, seconds_per_circuit=0.5)
    assert job.job_id() == job.group_id
    assert len(job.job_ids()) == 3
    assert counts(job.result(timeout=60)) == expected(9)
    found = elsewhere.job(job.group_id)
    assert counts(found.result(timeout=60)) == expected(9)
    one = elsewhere.job(job.job_ids()[1])
    assert one.job_id() == job.job_ids()[1]
    assert counts(one.result(timeout=60)) == expected(9)[4:8]
    assert [job_.job_id() for job_ in elsewhere.jobs(limit=1)] == [job.group_id]
    with pytest.raises(OqtopusJobError, match="no compiled form"):
        found.executed_circuit(5)
    assert set(found.outcomes()) == set(range(9))


@pytest.mark.parametrize("bad", [[0], [2], [0, 2]])
def test_circuits_that_fail_cost_only_themselves(cloud, backend, elsewhere, bad):
    for inner in bad:
        cloud.faults.fail_inner(inner, message="no such qubit")
    job = run(backend, values(3))
    with pytest.raises(OqtopusJobError, match="no such qubit") as caught:
        job.result(timeout=60)
    assert f"{len(bad)} of 3 circuits" in str(caught.value)
    assert f"circuit {bad[0]} ('circuit-{bad[0]}')" in str(caught.value)
    wanted = [None if index in bad else each for index, each in enumerate(expected(3))]
    assert counts(job.result(partial=True)) == wanted
    assert job.status() is JobStatus.ERROR
    assert counts(elsewhere.job(job.job_id()).result(partial=True)) == wanted
    cloud.faults.clear()
    again = run(backend, values(3), resume=job.job_id())
    assert counts(again.result(timeout=60)) == expected(3)
    assert again.status() is JobStatus.DONE
    assert again.job_id() == job.group_id
    assert counts(elsewhere.job(job.group_id).result(timeout=60)) == expected(3)
    ran = [len(cloud.inner_jobs[job_id]) for job_id in again.job_ids()]
    assert sum(ran) == 3 + len(bad)
    # Nothing is left to do.
    before = len(cloud.jobs)
    assert counts(run(backend, values(3), resume=job.group_id).result(60)) == expected(3)
    assert len(cloud.jobs) == before


def test_a_run_that_could_not_be_sent_whole(cloud, backend, elsewhere):
    options = {"sse_seconds": 2.0, "seconds_per_circuit": 0.5, "workers": 1}
    submit = {"method": "POST", "path": "/jobs/*/submit"}
    cloud.faults.status(400, times=None, **submit)
    with pytest.raises(OqtopusSubmissionError, match="0 of 9 circuits were sent") as caught:
        run(backend, values(9), group_id="night-of-the-12th", **options)
    assert caught.value.missing == tuple(range(9))
    cloud.faults.clear()
    job = run(backend, values(9), resume="night-of-the-12th", **options)
    assert counts(job.result(timeout=60)) == expected(9)


def test_an_answer_to_a_submission_is_lost(cloud, backend):
    cloud.faults.drop("POST", "/jobs/*/submit", when="after", times=2)
    job = run(backend, values(9), sse_seconds=2.0, seconds_per_circuit=0.5)
    assert counts(job.result(timeout=60)) == expected(9)
    assert [cloud.executions[job_id] for job_id in job.job_ids()] == [1, 1, 1]


def lost(result):
    """Return the indices of circuits of which it is not known whether they ran."""
    return [i for i, entry in enumerate(result.results) if "lost" in str(entry.status)]


def test_a_program_that_fails_loses_all(cloud, backend, elsewhere):
    cloud.faults.fail_inner(None)
    job = run(backend, values(2))
    with pytest.raises(OqtopusJobError, match="sse job failed; OQTOPUS keeps no log of an SSE job"):
        job.result(timeout=60)
    assert lost(elsewhere.job(job.job_id()).result(partial=True)) == [0, 1]
    unread = elsewhere.job(job.job_id()).error_message()
    for words in ("2 of 2 circuits", "circuits 0, 1, OQTOPUS job", "OQTOPUS keeps no log"):
        assert words in unread
    cloud.faults.clear()
    before = len(cloud.jobs)
    with pytest.warns(OqtopusWarning, match="Circuits 0, 1 may have run, and nothing of them"):
        left_alone = run(backend, values(2), resume=job.group_id)
    assert len(cloud.jobs) == before
    assert lost(left_alone.result(partial=True)) == [0, 1]
    again = run(backend, values(2), resume=job.group_id, rerun_lost=True)
    assert counts(again.result(timeout=60)) == expected(2)
    assert counts(elsewhere.job(job.group_id).result(timeout=60)) == expected(2)


def test_a_program_stops_at_its_own_limit_before_that_of_the_server(cloud, backend, elsewhere):
    cloud.faults.slow_inner(0.8)
    job = run(backend, values(4), sse_seconds=2.0, seconds_per_circuit=0.1)
    result = job.result(timeout=60, partial=True)
    reasons = [str(entry.status) for entry in result.results]
    assert reasons[0] == "DONE"
    assert reasons[3] == ("ERROR: it did not run: the program has stopped before its limit of 2 s")
    cloud.faults.clear()
    again = run(backend, values(4), resume=job.group_id)
    assert counts(again.result(timeout=60)) == expected(4)
    ran = [len(cloud.inner_jobs[job_id]) for job_id in again.job_ids()]
    assert sum(ran) == 4
    assert len(ran) == 2


@pytest.mark.slow
def test_a_program_that_the_server_kills(cloud, backend):
    cloud.faults.slow_inner(1.5)
    job = run(backend, values(8), sse_seconds=100.0)
    with pytest.raises(OqtopusJobError, match="user program execution error") as caught:
        job.result(timeout=60)
    assert lost(caught.value.result) == list(range(8))


def test_a_circuit_that_takes_too_long(cloud, backend):
    cloud.faults.slow_inner(2.5, "circuit-1")
    result = run(backend, values(3)).result(timeout=60, partial=True)
    assert counts(result) == [{"00": 10}, None, {"10": 10}]
    assert "timed out" in result.results[1].status


def test_an_answer_that_is_lost_in_the_container(cloud, backend):
    cloud.faults.drop_inner(2)
    result = run(backend, values(3)).result(timeout=60, partial=True)
    assert counts(result) == [{"00": 10}, {"01": 10}, None]


def test_a_log_that_is_missing_or_cut(cloud, backend, elsewhere):
    cloud.faults.missing_log()
    job = run(backend, values(2))
    result = job.result(timeout=60, partial=True)
    assert "the server has stored no log of its SSE job" in result.results[0].status
    assert lost(result) == [0, 1]
    cloud.faults.clear()
    for cut, kept in (({"stop": -20}, [0]), ({"start": 20}, [1])):
        cloud.faults.cut_log(**cut)
        job = run(backend, values(2))
        result = job.result(timeout=60, partial=True)
        assert [i for i, each in enumerate(counts(result)) if each] == kept
        assert len(lost(result)) == 1
        cloud.faults.clear()
    with pytest.warns(OqtopusWarning, match="Circuits 0 may have run"):
        run(backend, values(2), resume=job.group_id)
    again = run(backend, values(2), resume=job.group_id, rerun_lost=True)
    assert counts(again.result(timeout=60)) == expected(2)
    assert [len(cloud.inner_jobs[job_id]) for job_id in again.job_ids()] == [1, 2]


def test_what_is_refused_before_anything_is_sent(cloud, backend):
    before = len(cloud.requests)
    for options, words in (
        ({"route": "qasm"}, "'route' must be one of 'sse'"),
        ({"sse_seconds": 541}, "at most 540 s"),
        ({"seconds_per_circuit": 0}, "more than 0 s"),
        ({"sse_max_bytes": 200_000}, "131,071 bytes"),
        ({"rerun_lost": True}, "'rerun_lost' needs route='sse' and resume="),
    ):
        with pytest.raises(OqtopusOptionError, match=words):
            run(backend, values(1), **options)
    with pytest.raises(OqtopusCircuitError, match="of at most 6,000: OQTOPUS gives the whole job"):
        run(backend, values(2), sse_max_bytes=6000)
    assert len(cloud.requests) == before
    (problem, _) = backend.check(values(2), route="sse", sse_max_bytes=6000)
    assert problem.cure == "run it without route='sse', or send less metadata"


def test_a_run_is_resumed_by_the_route_that_it_took(cloud, backend):
    sse, ordinary = run(backend, values(2)), backend.run(values(2), shots=10)
    with pytest.raises(OqtopusOptionError, match="was run with route='sse': resume it"):
        backend.run(values(2), shots=10, resume=sse.group_id)
    with pytest.raises(OqtopusOptionError, match="was run without route='sse': resume it"):
        run(backend, values(2), resume=ordinary.group_id)
    with pytest.raises(OqtopusCircuitError, match="the circuits from 0 to 1 of group"):
        run(backend, values(2), shots=11, resume=sse.group_id)
    with pytest.raises(OqtopusJobError, match="Only sampling jobs"):
        sse.resubmit(only="all")


def test_a_job_that_is_cancelled_is_sent_again(cloud, backend, elsewhere):
    cloud.faults.slow_queue(30)
    job = run(backend, values(3))
    assert job.cancel()
    cloud.faults.clear()
    assert job.status() is JobStatus.CANCELLED
    again = run(backend, values(3), resume=job.group_id)
    assert counts(again.result(timeout=60)) == expected(3)
    assert again.job_id() != job.job_id()
    assert len(again.job_ids()) == 1


def test_the_job_of_a_primitive_counts_circuits_and_not_programs(backend):
    job = SamplerV2(backend, options={"route": "sse"}).run([flip(backend)] * 3, shots=5)
    assert [pub.data.c.num_shots for pub in job.result()] == [5, 5, 5]
    assert len(job.job_ids()) == 1
    assert repr(job).endswith("DONE, 3 circuits>")
