"""Submission: what is sent when, and what is left when it cannot go on."""

import logging
import os
import signal
import threading
import time
from collections import Counter

import pytest

from qiskit_oqtopus import OqtopusProvider, OqtopusSubmissionError
from qiskit_oqtopus.cloud import wave
from qiskit_oqtopus.cloud.group import parse_description
from qiskit_oqtopus.cloud.wave import read_manifest
from tests.device_circuits import flip, value_circuit


def circuits(number):
    return [value_circuit(i % 4, name=f"c{i}") for i in range(number)]


def numbers(result):
    return [int(next(iter(counts)), 2) for counts in result.get_counts()]


def kinds_of_requests(cloud, since):
    """Return how often each kind of request was sent: method, and what is last in the path."""
    return Counter(
        f"{request.method} {request.path.rsplit('/', 1)[-1]}"
        for request in list(cloud.requests)[since:]
        if request.method == "POST"
    )


def test_metadata_keep_their_order_and_names_their_letters(cloud, provider, backend):
    circuit = flip(backend, z=1, a={"y": 1, "b": 2})
    circuit.name = "half \ud800 pair"
    job = backend.run(circuit, shots=5)
    job.result(timeout=60)
    header = provider.job(job.job_id()).result().results[0].header
    assert header["name"] == "half \ud800 pair"
    assert list(header["metadata"]) == ["z", "a"]
    assert list(header["metadata"]["a"]) == ["y", "b"]


def test_a_run_goes_in_waves(cloud, provider, backend, monkeypatch):
    monkeypatch.setattr(wave, "WAVE_SIZE", 4)
    since = len(cloud.requests)
    job = backend.run(circuits(10), shots=5, tags=["head", "night"])
    requests = kinds_of_requests(cloud, since)
    assert (requests["POST jobs"], requests["POST submit"]) == (10, 10)
    client = provider._connection.client
    members = {i: parse_description(client.job(i).description) for i in job.job_ids()}
    assert [member.head for member in members.values()] == [i in (0, 4, 8) for i in range(10)]
    assert len({member.token for member in members.values()}) == 1
    for first in (0, 4, 8):
        ids = job.job_ids()[first : first + 4]
        assert read_manifest(client, ids[0]) == tuple(
            (first + place, ids[place], members[ids[place]].digest) for place in range(1, len(ids))
        )
    submissions = filter(is_submission, list(cloud.requests)[since:])
    order = [request.path.split("/")[-2] for request in submissions]
    for first in (0, 4, 8):
        head, *rest = job.job_ids()[first : first + 4]
        assert all(order.index(head) < order.index(job_id) for job_id in rest)
    assert numbers(job.result(timeout=60)) == [i % 4 for i in range(10)]
    assert numbers(provider.job(job.job_id()).result(timeout=60)) == [i % 4 for i in range(10)]


def test_a_single_circuit_needs_no_manifest(cloud, provider, backend):
    job = backend.run(flip(backend), shots=5)
    stored = provider._connection.client.job(job.job_id())
    member = parse_description(stored.description)
    assert (member.head, member.total) == (False, 1)


def test_a_program_that_is_sent_again_carries_no_old_manifest(cloud, provider, backend):
    job = backend.run(circuits(3), shots=5)
    job.result(timeout=60)
    again = job.resubmit(only="all")
    assert numbers(again.result(timeout=60)) == [0, 1, 2]
    client = provider._connection.client
    manifest = read_manifest(client, again.job_ids()[0])
    assert [job_id for _, job_id, _ in manifest] == again.job_ids()[1:]
    (single,) = [job.job_ids()[0]]
    alone = provider.job(single).resubmit(only="all")
    assert alone.headers()[0].manifest is None


def interrupt_when(cloud, path, count=1):
    """Send SIGINT to this process once the cloud has seen a number of such requests."""

    def watch():
        while sum(path(request) for request in list(cloud.requests)[since:]) < count:
            time.sleep(0.01)
        moment.append(time.monotonic())
        os.kill(os.getpid(), signal.SIGINT)

    since, moment = len(cloud.requests), []
    threading.Thread(target=watch, daemon=True).start()
    return moment


def is_submission(request):
    return request.path.endswith("/submit")


def test_an_interrupted_submission_says_what_was_sent(cloud, provider, backend, caplog):
    caplog.set_level(logging.WARNING, "qiskit_oqtopus")
    cloud.faults.latency(0.1, method="POST", path="/jobs")
    cloud.faults.latency(0.2, method="POST", path="/jobs/*/submit")
    moment = interrupt_when(cloud, is_submission, 4)
    with pytest.raises(KeyboardInterrupt) as caught:
        backend.run(circuits(60), shots=5, workers=2)
    stopped = time.monotonic()
    assert stopped - moment[0] < 2
    error = caught.value
    assert 1 <= len(error.job_ids) < 60
    assert error.group_id in caplog.text
    assert all(job_id in caplog.text for job_id in error.job_ids.values())
    cloud.faults.clear()
    time.sleep(0.5)  # a request that was under way
    sent = len(cloud.requests)
    time.sleep(1.0)
    assert len(cloud.requests) == sent
    assert set(error.job_ids.values()) <= set(provider.job(error.group_id).job_ids())
    job = backend.run(circuits(60), shots=5, resume=error.group_id)
    assert numbers(job.result(timeout=60)) == [i % 4 for i in range(60)]
    assert set(cloud.executions.values()) == {1}


def test_a_submission_that_is_not_answered_is_settled_by_resume(cloud, provider, backend):
    before = sum(cloud.executions.values())
    cloud.faults.latency(20, method="POST", path="/jobs/*/submit")
    moment = interrupt_when(cloud, is_submission)
    with pytest.raises(KeyboardInterrupt) as caught:
        backend.run(circuits(3), shots=5)
    assert time.monotonic() - moment[0] < 2
    error = caught.value
    assert (error.job_ids, list(error.unsettled)) == ({}, [0])
    cloud.faults.clear()
    job = backend.run(circuits(3), shots=5, resume=error.group_id)
    assert job.job_ids()[0] == error.unsettled[0]
    assert numbers(job.result(timeout=60)) == [0, 1, 2]
    assert sum(cloud.executions.values()) - before == 3


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
def test_whatever_ends_a_submission_knows_what_was_sent(backend, error):
    def progress(stage, done, total):
        if (stage, done) == ("submit", 2):
            raise error

    with pytest.raises(error) as caught:
        backend.run(circuits(5), shots=5, workers=1, progress=progress)
    assert sorted(caught.value.job_ids) == [0, 1]
    job = backend.run(circuits(5), shots=5, resume=caught.value.group_id)
    assert numbers(job.result(timeout=60)) == [0, 1, 2, 3, 0]


def test_an_interrupt_before_anything_was_sent_names_the_group(cloud, backend):
    cloud.faults.latency(20, method="GET", path="/devices/*")
    interrupt_when(cloud, lambda request: "/devices/" in request.path)
    with pytest.raises(KeyboardInterrupt) as caught:
        backend.run(circuits(5), shots=5)
    assert (caught.value.job_ids, caught.value.unsettled) == ({}, {})
    assert caught.value.group_id.startswith("group-")


def test_uploads_that_fail_leave_their_wave_unsent(cloud, provider, backend, monkeypatch):
    monkeypatch.setattr(wave, "WAVE_SIZE", 3)
    with OqtopusProvider(url=cloud.url, token=cloud.token) as other:
        device = other.backend("line-4q")

        def refuse(stage, done, total):
            if (stage, done) == ("submit", 3):
                cloud.faults.status(400, method="POST", path="/jobs", times=None)

        with pytest.raises(OqtopusSubmissionError) as caught:
            device.run(circuits(7), shots=5, workers=1, progress=refuse)
    assert len(caught.value.job_ids) >= 3
    assert caught.value.unsettled == {}
    cloud.faults.clear()
    job = backend.run(circuits(7), shots=5, resume=caught.value.group_id)
    assert numbers(job.result(timeout=60)) == [0, 1, 2, 3, 0, 1, 2]
