"""The watcher: one question for all jobs, outages and hanging servers, timeouts that hold."""

import math
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from qiskit.providers import JobStatus

from qiskit_oqtopus import (
    OqtopusJobTimeoutError,
    OqtopusOptionError,
    OqtopusProtocolError,
    SamplerV2,
)
from qiskit_oqtopus.cloud import watcher
from tests.device_circuits import flip

from .conftest import interrupt_after


def test_asking_for_one_job_tells_of_the_others(cloud, backend):
    cloud.faults.slow_queue(math.inf, which="slow")
    slow, fast = (SamplerV2(backend).run([flip(backend, 0, n)], shots=5) for n in ("slow", "fast"))
    deadline = time.monotonic() + 20
    while fast.status() is not JobStatus.DONE and time.monotonic() < deadline:
        assert slow.status() is JobStatus.QUEUED  # asked first, and never done
        time.sleep(0.3)
    assert fast.status() is JobStatus.DONE
    before = len(cloud.requests)
    for _ in range(50):
        assert (slow.status(), fast.status()) == (JobStatus.QUEUED, JobStatus.DONE)
    assert len(cloud.requests) - before <= 2


def test_a_status_is_asked_for_once(cloud, backend):
    cloud.faults.slow_queue(math.inf)
    job = backend.run(flip(backend), shots=5)
    cloud.faults.status(503, "down", method="GET", path="/jobs/*", times=None)
    before = len(cloud.requests)
    assert job.status() is JobStatus.QUEUED
    assert len(cloud.requests) == before + 1


def test_a_status_needs_no_account_that_works(provider, backend, caplog):
    job = backend.run(flip(backend), shots=5)

    def broken(job_id):
        raise OqtopusOptionError("the proxy is no proxy")

    provider._connection.client.job = broken
    assert job.status() is JobStatus.QUEUED
    assert "the proxy is no proxy" in caplog.text


def test_waiting_goes_on_where_there_are_no_more_threads(cloud, backend, monkeypatch):
    class Exhausted(threading.Thread):
        def start(self):
            if self.name == "oqtopus-worker":
                raise RuntimeError("can't start new thread")
            super().start()

    monkeypatch.setattr(threading, "Thread", Exhausted)
    for _ in range(2):
        job = backend.run(flip(backend), shots=5)
        assert job.result(timeout=60).get_counts() == {"01": 5}


@pytest.mark.parametrize("timeout", [None, 20])
def test_what_a_poll_raises_reaches_whoever_waits(cloud, provider, backend, timeout):
    cloud.faults.slow_queue(math.inf)
    job = backend.run(flip(backend), shots=5)
    calls = []

    def broken(job_id):
        calls.append(job_id)
        raise OqtopusOptionError("the proxy is no proxy")

    provider._connection.client.job = broken
    with pytest.raises(OqtopusOptionError, match="the proxy is no proxy"):
        job.result(timeout=timeout)
    assert len(calls) == 1


@pytest.mark.slow
def test_a_timeout_holds_while_the_server_hangs(cloud, provider, backend):
    cloud.faults.slow_queue(math.inf)
    job = backend.run(flip(backend), shots=5)
    released = threading.Event()
    real = provider._connection.client.job

    def hanging(job_id):
        released.wait(30)
        return real(job_id)

    provider._connection.client.job = hanging
    time.sleep(1.3)  # so that it is time to ask again
    try:
        with pytest.raises(OqtopusJobTimeoutError, match=r"within 0\.5 s"):
            job.result(timeout=0.5)
        assert not released.is_set()
    finally:
        released.set()
        provider._connection.client.job = real
    cloud.faults.clear()
    assert job.result(timeout=60).get_counts() == {"01": 5}


def test_a_server_that_ignores_the_page(cloud, provider, backend, caplog, monkeypatch):
    monkeypatch.setattr(watcher, "MAX_PAGE_SIZE", 10)
    slow = cloud.faults.slow_queue(math.inf)
    group = backend.run([flip(backend)] * 21, shots=5)
    other = backend.run([flip(backend, 0, "other")] * 2, shots=5)
    real, asked = provider._connection.client.jobs, []

    def ignorant(*, page, q=None, **search):
        asked.append(q)
        return real(page=1, q=q, **search)

    provider._connection.client.jobs = ignorant
    time.sleep(1.3)  # so that it is time to ask again
    assert group.status() is JobStatus.QUEUED
    assert asked.count(group.job_id()) == 2
    assert "page 2 of group" in caplog.text
    cloud.faults.slow_queue(math.inf, which="flip")
    slow.remove()
    with ThreadPoolExecutor() as pool:  # the other job waits at the same time
        theirs = pool.submit(other.result, timeout=20)
        with pytest.raises(OqtopusProtocolError, match="11 of its jobs cannot be found"):
            group.result()
        assert theirs.result().get_counts(1) == {"01": 5}


def test_a_look_at_many_pages_has_an_end(cloud, backend, monkeypatch):
    monkeypatch.setattr(watcher, "LONGEST_LOOK", 0.2)
    monkeypatch.setattr(watcher, "MAX_PAGE_SIZE", 10)
    cloud.faults.slow_queue(math.inf)
    job = backend.run([flip(backend)] * 21, shots=5)
    time.sleep(1.3)  # so that it is time to ask again
    cloud.faults.latency(0.5, method="GET", path="/jobs")
    before = len(cloud.requests)
    assert job.status() is JobStatus.QUEUED
    assert len(cloud.requests) - before == 1


@pytest.mark.parametrize("timeout", [None, 30])
def test_ctrl_c_ends_a_wait_and_the_poll(cloud, backend, timeout):
    cloud.faults.slow_queue(math.inf)
    job = backend.run(flip(backend), shots=5)
    cloud.faults.latency(1, method="GET", path="/jobs/*")
    cloud.faults.status(503, "down", method="GET", path="/jobs/*", times=None)
    interrupt_after(1.4)
    begun = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        job.result(timeout=timeout)
    assert time.monotonic() - begun < 2.4
    before = len(cloud.requests)
    time.sleep(1.8)  # the request under way is answered, and not sent again
    assert len(cloud.requests) == before
    cloud.faults.clear()
    assert job.result(timeout=30).get_counts() == {"01": 5}


# -- jobs that the engine has lost ---------------------------------------------------------------


def test_jobs_that_have_long_been_ready_are_logged_and_sent_again(
    cloud, backend, elsewhere, caplog
):
    cloud.faults.clock_skew(-watcher.LOST - 60)
    cloud.faults.lost_ready()
    circuits = [flip(backend)] * 2
    job = backend.run(circuits, shots=5)
    deadline = time.monotonic() + 20
    while "have been ready" not in caplog.text and time.monotonic() < deadline:
        assert job.status() is JobStatus.QUEUED
        time.sleep(0.3)
    (warning,) = [text for text in caplog.messages if "have been ready" in text]
    assert f"Run {job.job_id()}: 2 jobs have been ready for more than 10 minutes" in warning
    assert f"cancel the run, then send it again with resume={job.job_id()!r}" in warning
    assert all(job_id in warning for job_id in job.job_ids())
    assert job.status() is JobStatus.QUEUED
    assert caplog.text.count("have been ready") == 1  # not again
    elsewhere.job(job.job_id()).status()
    assert caplog.text.count("have been ready") == 2
    assert job.cancel()
    cloud.faults.clear()
    again = backend.run(circuits, shots=5, resume=job.job_id())
    assert again.job_id() == job.job_id()
    assert [again.result(timeout=30).get_counts(i) for i in range(2)] == [{"01": 5}] * 2


def test_jobs_that_wait_for_their_turn_are_not_logged(cloud, backend, caplog):
    cloud.faults.clock_skew(-watcher.LOST + 60)
    cloud.faults.lost_ready()
    job = backend.run(flip(backend), shots=5)
    with pytest.raises(OqtopusJobTimeoutError):
        job.result(timeout=1.5)
    assert job.status() is JobStatus.QUEUED
    cloud.faults.clock_skew(-3600)
    cloud.faults.slow_queue(math.inf)
    submitted = backend.run(flip(backend), shots=5)
    with pytest.raises(OqtopusJobTimeoutError):
        submitted.result(timeout=1.5)
    assert "have been ready" not in caplog.text
