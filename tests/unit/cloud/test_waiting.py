"""What is shown while a job waits: the queue until the device begins, and then its circuits."""

import time

import pytest
from qiskit.providers import JobStatus

from qiskit_oqtopus import OqtopusProvider
from qiskit_oqtopus.cloud.waiting import Waiting
from tests.device_circuits import flip

emulator = pytest.importorskip("qiskit_oqtopus.emulator")


@pytest.fixture
def slow_cloud():
    pace = emulator.server.Pace(fetch_interval=2.5, job_time=0.2)
    with emulator.Emulator(["line-4q"], seed=1, pace=pace) as cloud:
        yield cloud


@pytest.fixture
def device(slow_cloud):
    with OqtopusProvider(url=slow_cloud.url, token=slow_cloud.token) as provider:
        yield provider.backend("line-4q")


def test_the_stages_of_a_run(device):
    seen = []
    job = device.run([flip(device)] * 2, shots=5, progress=lambda *step: seen.append(step))
    job.result(timeout=60)
    stages = list(dict.fromkeys(stage for stage, _, _ in seen))
    assert stages == ["submit", "queue", "run", "download"]
    assert ("queue", 0, 1) in seen
    assert ("queue", 1, 1) in seen
    assert ("run", 2, 2) in seen
    assert len(seen) == len(set(seen)), "a function is told each step once"


def test_a_bar_tells_the_length_of_the_queue_and_the_time(device, capsys):
    device.run([flip(device)] * 3, shots=5, progress=True).result(timeout=60)
    shown = capsys.readouterr().err
    assert "queue:" in shown
    assert " pending, 0:00:0" in shown
    assert "since submission" in shown


def test_the_callback_of_a_wait_keeps_its_own_pace(device):
    called = []
    job = device.run(flip(device), shots=5, progress=lambda *step: None)
    job.wait_for_final_state(timeout=60, wait=60, callback=lambda *told: called.append(told[1]))
    assert called == [JobStatus.QUEUED]


def test_a_queue_of_which_the_length_cannot_be_read_stops_nobody(capsys):
    def broken():
        raise OSError("no route")

    with Waiting(True, 2, None, broken) as waiting:
        waiting.show([JobStatus.QUEUED] * 2)
        time.sleep(0.05)
        waiting.show([JobStatus.QUEUED] * 2)
        waiting.show([JobStatus.DONE] * 2)
    assert "run: 100%" in capsys.readouterr().err


def test_a_job_that_is_running_already_shows_no_queue():
    seen = []
    with Waiting(lambda *step: seen.append(step), 2, None, lambda: 3) as waiting:
        waiting.show([JobStatus.RUNNING, JobStatus.QUEUED])
        waiting.show([JobStatus.DONE, JobStatus.QUEUED])
    assert seen == [("run", 0, 2), ("run", 1, 2)]


def test_nothing_is_asked_for_without_progress():
    asked = []
    with Waiting(None, 2, None, lambda: asked.append(1)) as waiting:
        waiting.show([JobStatus.QUEUED] * 2)
        assert waiting.limit(100.0) == 100.0
    assert asked == []
