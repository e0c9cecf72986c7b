"""Each fault at each step ends in the right Result or the right error; no id and no job is lost."""

import logging
import os
import subprocess
import sys
import textwrap
import time

import pytest

from qiskit_oqtopus import (
    OqtopusCloudError,
    OqtopusError,
    OqtopusJobError,
    OqtopusProtocolError,
    OqtopusProvider,
    OqtopusSubmissionError,
)
from qiskit_oqtopus.cloud import delivery
from tests.device_circuits import value_circuit

emulator = pytest.importorskip("qiskit_oqtopus.emulator")


CIRCUITS = [value_circuit(i % 4, f"c{i}") for i in range(6)]
EXPECTED = [format(i % 4, "02b") for i in range(6)]


@pytest.fixture
def cloud():
    with emulator.Emulator(devices=["line-4q"]) as running:
        yield running


def connect(cloud):
    return OqtopusProvider(url=cloud.url, token=cloud.token)


def assert_right(result):
    assert [result.get_counts(i) for i in range(6)] == [{key: 20} for key in EXPECTED]


def assert_each_ran_once(cloud, job):
    assert len(job.job_ids()) == 6
    assert sorted(cloud.executions) == sorted(job.job_ids())
    assert set(cloud.executions.values()) == {1}


SUBMIT = "/jobs/*/submit"


def faults(cloud, name):
    """Arm a fault that passes, so that the work succeeds in the end."""
    f = cloud.faults
    return {
        "drop register before": lambda: f.drop("POST", "/jobs", when="before", times=2),
        "drop register after": lambda: f.drop("POST", "/jobs", when="after", times=2),
        "drop submit before": lambda: f.drop("POST", SUBMIT, when="before", times=2),
        "drop submit after": lambda: f.drop("POST", SUBMIT, when="after", times=3),
        "drop lists": lambda: f.drop("GET", "/jobs", when="before", times=2),
        "500 at submit": lambda: f.status(500, "oops", times=2, method="POST", path=SUBMIT),
        "429 at submit": lambda: f.status(
            429, "slow down", times=2, retry_after=0.2, method="POST", path=SUBMIT
        ),
        "503 everywhere": lambda: f.status(503, "deploying", times=2),
    }[name]()


@pytest.mark.parametrize(
    "name",
    [
        "drop register before",
        "drop register after",
        "drop submit before",
        "drop submit after",
        "drop lists",
        "500 at submit",
        "429 at submit",
        "503 everywhere",
    ],
)
def test_faults_that_pass(cloud, name):
    backend = connect(cloud).backend("line-4q")
    faults(cloud, name)
    job = backend.run(CIRCUITS, shots=20)
    assert_right(job.result(timeout=60))
    assert_each_ran_once(cloud, job)
    assert_right(connect(cloud).job(job.job_id()).result(timeout=60))


def test_a_run_that_was_refused_half_way_is_resumed(cloud, caplog):
    backend = connect(cloud).backend("line-4q")

    def refuse(stage, done, total):
        if (stage, done) == ("submit", 3):
            message = {"message": "device line-4q is not available"}
            cloud.faults.status(400, message, method="POST", path=SUBMIT, times=None)

    with (
        caplog.at_level(logging.INFO, "qiskit_oqtopus"),
        pytest.raises(OqtopusSubmissionError) as caught,
    ):
        backend.run(CIRCUITS, shots=20, workers=1, progress=refuse)
    error = caught.value
    assert error.group_id in caplog.text
    assert len(error.job_ids) == 3
    assert error.missing == (3, 4, 5)
    assert "is not available" in str(error)
    cloud.faults.clear()
    half = connect(cloud).job(error.group_id)
    assert half.missing == (3, 4, 5)
    with pytest.raises(OqtopusJobError, match="never submitted"):
        half.result(timeout=60)
    partial = half.result(timeout=60, partial=True)
    assert [entry.success for entry in partial.results] == [True] * 3 + [False] * 3
    job = backend.run(CIRCUITS, shots=20, resume=error.group_id)
    assert_right(job.result(timeout=60))
    assert_each_ran_once(cloud, job)


def test_on_incomplete_cancel(cloud):
    backend = connect(cloud).backend("line-4q")
    cloud.faults.slow_queue(30)

    def refuse(stage, done, total):
        if (stage, done) == ("submit", 2):
            cloud.faults.status(400, {"message": "no"}, method="POST", path=SUBMIT, times=None)

    with pytest.raises(OqtopusSubmissionError, match="was cancelled") as caught:
        backend.run(CIRCUITS, shots=20, workers=1, on_incomplete="cancel", progress=refuse)
    cloud.faults.clear()
    statuses = connect(cloud).job(caught.value.group_id).statuses()
    assert {status.name for status in statuses} == {"CANCELLED"}


@pytest.mark.parametrize("status", [503, 401])
def test_a_submission_whose_fate_stays_unknown_names_the_id(cloud, monkeypatch, status):
    monkeypatch.setattr(delivery, "SETTLE_SECONDS", 0.5)
    backend = connect(cloud).backend("line-4q")
    cloud.faults.drop("POST", SUBMIT, when="after", times=1)
    cloud.faults.status(status, "down", method="GET", path="/jobs/*/status", times=None)
    with pytest.raises(OqtopusSubmissionError, match="could not be found out") as caught:
        backend.run(CIRCUITS, shots=20, workers=1)
    (submitted,) = [r for r in cloud.requests if r.path.endswith("/submit")]
    assert submitted.path.split("/")[-2] in str(caught.value)
    cloud.faults.clear()
    job = backend.run(CIRCUITS, shots=20, resume=caught.value.group_id)
    assert_right(job.result(timeout=60))
    assert_each_ran_once(cloud, job)


def test_one_circuit_fails(cloud):
    backend = connect(cloud).backend("line-4q")
    cloud.faults.fail_program(2)
    job = backend.run(CIRCUITS, shots=20, workers=1)
    with pytest.raises(OqtopusJobError, match=r"circuit 2 \('c2'\)") as caught:
        job.result(timeout=60)
    assert job.job_ids()[2] in str(caught.value)
    assert job.status().name == "ERROR"
    result = job.result(partial=True)
    assert [entry.success for entry in result.results] == [True, True, False, True, True, True]
    assert result.get_counts("c3") == {"11": 20}
    assert caught.value.result.get_counts(0) == {"00": 20}
    cloud.faults.clear()
    again = job.resubmit(only="failed")
    assert again.result(timeout=60).get_counts("c2") == {"10": 20}
    assert again.headers()[0].resubmits == job.job_id()
    # To resume sends what failed anew as well, and the failed one does not count any more.
    resumed = backend.run(CIRCUITS, shots=20, resume=job.job_id())
    assert_right(resumed.result(timeout=60))
    assert_right(connect(cloud).job(job.job_id()).result(timeout=60))


def test_stuck_running_is_a_failure(cloud):
    backend = connect(cloud).backend("line-4q")
    cloud.faults.stuck_running(0)
    job = backend.run(value_circuit(1), shots=20)
    with pytest.raises(OqtopusJobError, match="known race"):
        job.result(timeout=30)
    assert job.status().name == "ERROR"


@pytest.mark.parametrize(
    "kind",
    [
        "truncated",
        "two_entries",
        "not_json",
        "not_object",
        pytest.param("oversized", marks=pytest.mark.slow),
    ],
)
def test_corrupt_results_are_protocol_errors_and_can_be_read_later(cloud, kind):
    backend = connect(cloud).backend("line-4q")
    job = backend.run(CIRCUITS, shots=20)
    job.wait_for_final_state(60)
    cloud.faults.corrupt_zip(kind, times=None)
    with pytest.raises(OqtopusProtocolError):
        job.result(timeout=30)
    cloud.faults.clear()
    assert_right(job.result(timeout=30))


def test_expired_links_are_asked_for_again(cloud):
    backend = connect(cloud).backend("line-4q")
    job = backend.run(CIRCUITS, shots=20)
    job.wait_for_final_state(60)
    cloud.faults.expire_urls(times=2)
    assert_right(job.result(timeout=30))


def test_a_status_of_tomorrow(cloud):
    backend = connect(cloud).backend("line-4q")
    cloud.faults.unknown_status("calibrating")
    job = backend.run(value_circuit(1), shots=20)
    assert job.status().name == "RUNNING"
    with pytest.raises(OqtopusError, match="goes on"):
        job.result(timeout=2)
    cloud.faults.clear()
    assert job.result(timeout=30).get_counts() == {"01": 20}


@pytest.mark.slow
def test_waiting_survives_an_outage_and_status_does_not_raise(cloud, caplog):
    backend = connect(cloud).backend("line-4q")
    cloud.faults.slow_queue(2)
    job = backend.run(CIRCUITS, shots=20)
    cloud.faults.status(503, "down", times=12, method="GET", path="/jobs")
    assert job.status().name in ("QUEUED", "RUNNING")
    assert_right(job.result(timeout=90))


def test_a_redirect_is_not_followed(cloud):
    with emulator.Emulator(devices=["line-4q"]) as elsewhere:
        backend = connect(cloud).backend("line-4q")
        cloud.faults.redirect(elsewhere.url, times=None)
        with pytest.raises(OqtopusCloudError):
            backend.run(value_circuit(1), shots=20)
        assert list(elsewhere.requests) == []


def test_a_deleted_job(cloud):
    backend = connect(cloud).backend("line-4q")
    job = backend.run(CIRCUITS, shots=20)
    job.wait_for_final_state(60)
    fresh = connect(cloud).job(job.job_id())
    backend._connection.client.delete(job.job_ids()[1])
    with pytest.raises(OqtopusError):
        fresh.result(timeout=30)
    retrieved = connect(cloud).job(job.job_id())
    assert retrieved.missing == (1,)


@pytest.mark.parametrize("after", [1, 4, 9, 14])
def test_killed_in_the_middle_of_a_submission(cloud, after):
    """kill -9 after some requests; what was submitted is found, and resume sends the rest."""
    script = textwrap.dedent(
        """
        import os, sys
        sys.path.insert(0, os.getcwd())
        from tests.integration.test_faults import CIRCUITS
        from qiskit_oqtopus import OqtopusProvider
        from qiskit_oqtopus.client import transport
        backend = OqtopusProvider().backend("line-4q")
        left = [int(sys.argv[1])]
        real = transport.Transport.send
        def send(self, *args, **kwargs):
            answer = real(self, *args, **kwargs)
            left[0] -= 1
            if left[0] == 0:
                os.kill(os.getpid(), 9)
            return answer
        transport.Transport.send = send
        backend.run(CIRCUITS, shots=20, workers=1, group_id="the-night-of-the-power-cut")
        """
    )
    environment = {**os.environ, "OQTOPUS_URL": cloud.url, "OQTOPUS_API_TOKEN": cloud.token}
    # Two requests before the submission: looking for the group id, and at the device.
    done = subprocess.run(
        [sys.executable, "-c", script, str(after + 2)], env=environment, check=False
    )
    assert done.returncode == -9
    backend = connect(cloud).backend("line-4q")
    job = backend.run(CIRCUITS, shots=20, resume="the-night-of-the-power-cut")
    assert_right(job.result(timeout=60))
    assert_each_ran_once(cloud, job)


def test_the_token_goes_to_the_api_only(cloud):
    backend = connect(cloud).backend("line-4q")
    backend.run(CIRCUITS, shots=20).result(timeout=60)
    for request in cloud.requests:
        assert request.token is not request.storage, request


@pytest.mark.slow
def test_many_jobs_are_polled_by_the_page(cloud):
    backend = connect(cloud).backend("line-4q")
    cloud.faults.slow_queue(3)
    job = backend.run([value_circuit(i % 4) for i in range(40)], shots=20)
    start = len(cloud.requests)
    time.sleep(0.1)
    job.result(timeout=60)
    polls = [r for r in list(cloud.requests)[start:] if r.path == "/jobs" and r.method == "GET"]
    single = [r for r in list(cloud.requests)[start:] if r.path.endswith("/status")]
    assert single == []
    assert len(polls) < 12
