"""A job: what its timeouts say, whose its results are, and what its pickles do not hold."""

import math
import pickle
import time
from datetime import datetime, timedelta, timezone

import numpy as np
import pytest

from qiskit_oqtopus import (
    EstimatorV2,
    OqtopusJobError,
    OqtopusJobNotFoundError,
    OqtopusJobTimeoutError,
    OqtopusOptionError,
    OqtopusSubmissionError,
    SamplerV2,
)
from tests.device_circuits import flip

from .conftest import FOREIGN, ended, submit_foreign


def test_the_words_of_a_timeout(cloud, backend):
    cloud.faults.slow_queue(math.inf)
    job = SamplerV2(backend).run([flip(backend)], shots=5)
    with pytest.raises(OqtopusJobTimeoutError, match=r"within 0\.2 s"):
        job.wait_for_final_state(0.2)
    with pytest.raises(OqtopusJobTimeoutError, match=r"within 0\.3 s"):
        job.wait_for_final_state(0.3, wait=0.1, callback=lambda *_: None)


def test_pickles_hold_no_links(cloud, provider, backend, account):
    job = SamplerV2(backend).run([flip(backend)], shots=5)
    job.result()
    found = provider.job(job.job_id())
    for thing in (backend, job, found, provider):
        assert b"Signature=" not in pickle.dumps(thing)
    restored = pickle.loads(pickle.dumps(found))
    assert restored.result()[0].data.c.get_counts() == {"01": 5}


# -- timeouts ------------------------------------------------------------------------------------


@pytest.mark.parametrize("timeout", [math.nan, np.float64("nan"), "5", True, [1], 1j, 10**400])
@pytest.mark.parametrize("primitive", [False, True])
def test_a_timeout_is_a_number_of_seconds(cloud, backend, timeout, primitive):
    cloud.faults.slow_queue(math.inf)
    circuits = [flip(backend)]
    job = SamplerV2(backend).run(circuits, shots=5) if primitive else backend.run(circuits)
    for wait in (job.result, job.wait_for_final_state):
        with pytest.raises(OqtopusOptionError, match="'timeout' must be a number of seconds"):
            wait(timeout)
    with pytest.raises(OqtopusOptionError, match="'wait' must be a number of seconds"):
        job.wait_for_final_state(1, wait=timeout, callback=lambda *_: None)


@pytest.mark.parametrize("timeout", [0, -1, -math.inf, np.int64(0)])
def test_without_time_there_is_what_is_known(cloud, backend, timeout):
    slow = cloud.faults.slow_queue(math.inf)
    job = backend.run(flip(backend), shots=5)
    begun = time.monotonic()
    for wait in (job.result, job.wait_for_final_state):
        with pytest.raises(OqtopusJobTimeoutError, match="it is QUEUED, and goes on"):
            wait(timeout)
    assert time.monotonic() - begun < 3
    slow.remove()
    job.result(timeout=30)
    job.wait_for_final_state(timeout)
    assert job.result(timeout).get_counts() == {"01": 5}


def test_looks_without_time_see_the_end(cloud, backend):
    job = backend.run(flip(backend), shots=5)
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            job.wait_for_final_state(0)
        except OqtopusJobTimeoutError:
            time.sleep(0.1)
        else:
            break
    job.wait_for_final_state(0)


@pytest.mark.parametrize("timeout", [None, 30, 30.5, np.float32(30), math.inf, 1e300])
def test_timeouts_that_are_long_enough(backend, timeout):
    assert backend.run(flip(backend), shots=5).result(timeout).get_counts() == {"01": 5}


# -- whose the results are -----------------------------------------------------------------------


def spoil(result):
    """Change everything of a result that can be changed."""
    for entry in result.results:
        for name in ("counts", "memory"):
            getattr(entry.data, name, []).clear()
        entry.header["metadata"].get("list", []).append(3)
        entry.header["metadata"].clear()
        entry.header["creg_sizes"][0].append("x")
        entry.header["qreg_sizes"].clear()
        entry.header["name"] = "mine"
        entry.success = entry.status = None
    result.results.clear()


def test_each_caller_has_a_result_of_its_own(provider, backend):
    circuits = [flip(backend, 0, "a", list=[1, [2]]), flip(backend, 1, "b")]
    job = backend.run(circuits, shots=5, memory=True)
    for one in (job, provider.job(job.job_id())):
        expected = one.result(timeout=30).to_dict()
        spoil(one.result())
        spoil(one.result(partial=True))
        for header, entry in one.outcomes().values():
            header.metadata.clear()
            entry.data.counts.clear()
        for header in one.headers():
            header.metadata.clear()
        assert one.result().to_dict() == expected
        assert one.result().results[0].header["metadata"] == {"list": [1, [2]]}
        assert [header.metadata for header in one.headers()] == [{"list": [1, [2]]}, {}]


def test_each_error_has_a_result_of_its_own(cloud, backend):
    cloud.faults.fail_program("bad")
    job = backend.run([flip(backend, 0, "good"), flip(backend, 0, "bad")], shots=5)
    for _ in range(2):
        with pytest.raises(OqtopusJobError) as caught:
            job.result(timeout=30)
        assert caught.value.result.get_counts("good") == {"01": 5}
        spoil(caught.value.result)


def test_each_caller_has_a_primitive_result_of_its_own(cloud, backend):
    cloud.faults.fail_program("bad")
    sampler = SamplerV2(backend)
    whole = ended(sampler.run([flip(backend, 0, "good", list=[1])], shots=5))
    partial = ended(sampler.run([flip(backend, 0, "good"), flip(backend, 0, "bad")], shots=5))
    for job in (whole, partial):
        for _ in range(2):
            result = job.result(timeout=30, partial=True)
            data = result[0].data.c
            assert data.get_counts() == {"01": 5}
            assert result.metadata == {"version": 2}
            data.array[:] = 0
            result[0].metadata["circuit_metadata"].get("list", []).append(2)
            result[0].metadata["shots"] = 7
            result.metadata.clear()
    assert whole.result()[0].metadata == {"shots": 5, "circuit_metadata": {"list": [1]}}
    bare = flip(backend).remove_final_measurements(inplace=False)
    job = EstimatorV2(backend).run([(bare, "IIIZ")], precision=0.5)
    for _ in range(2):
        data = job.result(timeout=30)[0].data
        assert (data.evs, data.stds) == (-1, 0)
        data.evs[...] = data.stds[...] = 9


# -- circuits without a job ----------------------------------------------------------------------


def test_a_job_that_was_deleted_was_not_never_submitted(cloud, backend, elsewhere):
    sent = ended(backend.run([flip(backend)] * 3, shots=5))
    backend._connection.client.delete(sent.job_ids()[1])
    job = elsewhere.job(sent.job_id())
    assert job.missing == (1,)
    with pytest.raises(OqtopusJobError, match="circuit 1: its job was deleted") as caught:
        job.result(timeout=30)
    assert "never submitted" not in str(caught.value)
    assert caught.value.result.results[1].status == "ERROR: its job was deleted"
    assert "circuit 1: its job was deleted" in job.error_message()


def test_a_circuit_that_was_never_submitted(cloud, backend, elsewhere):
    def refuse(stage, done, total):
        if (stage, done) == ("submit", 1):
            cloud.faults.status(400, method="POST", path="/jobs/*/submit", times=None)

    with pytest.raises(OqtopusSubmissionError) as caught:
        backend.run([flip(backend)] * 3, shots=5, workers=1, progress=refuse)
    cloud.faults.clear()
    job = ended(elsewhere.job(caught.value.group_id))
    assert "circuit 1: it was never submitted; circuit 2: it was never" in job.error_message()


def test_a_circuit_of_which_nothing_is_left(cloud, backend, elsewhere):
    """Nobody speaks for the job that named the others."""
    sent = ended(backend.run([flip(backend)] * 2, shots=5))
    backend._connection.client.delete(sent.job_ids()[0])
    text = elsewhere.job(sent.job_id()).error_message()
    assert "circuit 0: it has no job: it was never submitted, or its job was deleted" in text


def test_a_job_that_is_not_found_may_have_been_deleted(cloud, backend, elsewhere):
    sent = ended(backend.run(flip(backend), shots=5))
    backend._connection.client.delete(sent.job_id())
    with pytest.raises(OqtopusJobNotFoundError, match="it was deleted, or it is of another"):
        elsewhere.job(sent.job_id())


# -- what a job tells of itself -------------------------------------------------------------------


def test_a_job_knows_its_name_tags_shots_times_and_device(cloud, backend, elsewhere):
    before = datetime.now(timezone.utc) - timedelta(seconds=2)
    circuits = [flip(backend)] * 3
    job = backend.run(circuits, shots=7, tags=["night", "über nacht"], name="first")
    sent = len(cloud.requests)
    for known in (job, elsewhere.job(job.job_id())):
        assert (known.name, known.shots, known.device) == ("first", 7, "line-4q")
        assert known.tags == ("night", "über nacht")
    job.result(timeout=60)
    found = elsewhere.job(job.job_id())
    asked = len(cloud.requests)
    for known in (job, found):
        assert list(known.times) == ["submitted", "ready", "running", "ended"]
        assert list(known.times.values()) == sorted(known.times.values())
        assert before < known.creation_date <= known.times["ended"]
        assert known.execution_time > 0
    assert len(cloud.requests) == asked > sent  # looking at them asks nobody
    single = elsewhere.job(job.job_ids()[1])
    assert single.tags == ("night", "über nacht")
    assert (single.name, single.shots) == ("first", 7)
    assert 0 < single.execution_time < found.execution_time


def test_a_job_that_has_not_ended_has_no_end(cloud, backend):
    cloud.faults.slow_queue(math.inf)
    job = backend.run([flip(backend)] * 2, shots=5)
    job.status()
    assert "ended" not in job.times
    assert job.execution_time is None
    assert job.tags == ()


def test_the_job_of_another_client_has_what_the_server_knows(cloud, elsewhere):
    job = ended(elsewhere.job(submit_foreign(cloud, FOREIGN, "night, T1")))
    assert (job.name, job.shots, job.tags) == ("foreign", 10, ())
    assert job.creation_date == job.times["submitted"]


def test_an_experiment_comes_back_from_any_process(cloud, backend, elsewhere):
    experiment = {"class": "T1", "delays": [0, 1.5e-6]}
    job = backend.run([flip(backend)] * 5, shots=5, experiment=experiment)
    assert job.experiment() == experiment
    found = elsewhere.job(job.job_id())
    assert found.experiment() == experiment
    headers = found.headers()
    assert [header.experiment is not None for header in headers] == [True] * 3 + [False] * 2
    assert len({header.experiment_sha256 for header in headers}) == 1
    found.experiment()["class"] = "T2"
    assert found.experiment() == experiment  # each caller gets a copy
    assert backend.run(flip(backend), shots=5).experiment() is None


def test_one_of_three_programs_is_enough_for_an_experiment(cloud, backend, elsewhere):
    experiment = {"class": "T1"}
    job = ended(backend.run([flip(backend)] * 5, shots=5, experiment=experiment))
    client = elsewhere._connection.client
    for place in range(3):
        assert elsewhere.job(job.job_id()).experiment() == experiment
        client.delete(job.job_ids()[place])
    with pytest.raises(OqtopusJobError, match="first 3 of group"):
        elsewhere.job(job.job_id()).experiment()


def test_what_is_sent_again_keeps_its_experiment(backend, elsewhere):
    job = ended(backend.run([flip(backend)] * 5, shots=5, experiment={"class": "T1"}))
    again = ended(elsewhere.job(job.job_id()).resubmit("all"))
    assert elsewhere.job(again.job_id()).experiment() == {"class": "T1"}
