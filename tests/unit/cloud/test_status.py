"""The status of a job and of a group, in OQTOPUS' words and in Qiskit's."""

import itertools

import pytest
from qiskit.providers import JobStatus

from qiskit_oqtopus.client.models import Job
from qiskit_oqtopus.cloud.status import DELETED, Sight, group_status, job_status


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("registered", JobStatus.INITIALIZING),
        ("submitted", JobStatus.QUEUED),
        ("ready", JobStatus.QUEUED),
        ("running", JobStatus.RUNNING),
        ("cancelling", JobStatus.RUNNING),
        ("succeeded", JobStatus.DONE),
        ("failed", JobStatus.ERROR),
        ("cancelled", JobStatus.CANCELLED),
        (DELETED, JobStatus.ERROR),
        ("a word of tomorrow", JobStatus.RUNNING),
    ],
)
def test_each_word_has_a_status(word, status):
    sight = Sight(word)
    assert job_status(sight) is status
    assert sight.is_final is (status in (JobStatus.DONE, JobStatus.ERROR, JobStatus.CANCELLED))


@pytest.mark.parametrize("word", ["submitted", "ready", "running", "cancelling"])
def test_a_job_that_has_ended_and_does_not_say_so_has_failed(word):
    sight = Sight.from_job(Job("id", word, ended_at="2026-01-01T00:00:00Z"))
    assert sight.is_final
    assert job_status(sight) is JobStatus.ERROR


def test_an_unknown_word_is_not_taken_for_a_failure():
    assert not Sight("calibrating", ended=True).is_final


def test_a_group_is_as_far_as_its_last_circuit():
    order = [
        JobStatus.INITIALIZING,
        JobStatus.QUEUED,
        JobStatus.RUNNING,
        JobStatus.ERROR,
        JobStatus.CANCELLED,
        JobStatus.DONE,
    ]
    for statuses in itertools.product(order, repeat=2):
        assert group_status(statuses) is min(statuses, key=order.index)
