"""Several processes at one group: a circuit runs once, and each run is found again."""

import logging
import math
import re
import threading

import pytest

from qiskit_oqtopus import (
    OqtopusJobError,
    OqtopusJobNotFoundError,
    OqtopusOptionError,
    OqtopusProvider,
    OqtopusSubmissionError,
    SamplerV2,
)
from qiskit_oqtopus.cloud import submission, wave
from tests.device_circuits import value_circuit

emulator = pytest.importorskip("qiskit_oqtopus.emulator")
pytestmark = pytest.mark.usefixtures("no_faults")

GROUP = "night-of-the-13th"


@pytest.fixture
def cloud():
    with emulator.Emulator(devices=["line-4q"], seed=3) as running:
        yield running


@pytest.fixture(autouse=True)
def _small_waves(monkeypatch):
    monkeypatch.setattr(wave, "WAVE_SIZE", 4)


def circuits(number, value=None):
    return [
        value_circuit(i % 4 if value is None else value, name=f"circuit-{i}") for i in range(number)
    ]


def at_once(cloud, *calls):
    """Return what calls return, or raise, that providers of their own begin at the same moment."""
    barrier = threading.Barrier(len(calls))
    outcomes = [None] * len(calls)

    def work(place, call):
        with OqtopusProvider(url=cloud.url, token=cloud.token) as provider:
            backend = provider.backend("line-4q")
            barrier.wait()
            try:
                job = call(backend)
                outcomes[place] = (job.job_id(), job.job_ids(), job.result(timeout=60))
            except Exception as error:  # noqa: BLE001 - it is looked at
                outcomes[place] = error

    threads = [threading.Thread(target=work, args=pair) for pair in enumerate(calls)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return outcomes


def executed(cloud):
    return sum(cloud.executions.values())


def numbers(result):
    """Return what was measured, as numbers: each circuit has one outcome only."""
    return [int(next(iter(counts)), 2) for counts in result.get_counts()]


def interrupted(cloud, backend, number, after):
    """Return the group id of a run that ended after some submissions."""

    def go_away(stage, done, total):
        if (stage, done) == ("submit", after):
            cloud.faults.status(400, method="POST", path="/jobs/*/submit", times=None)

    with pytest.raises(OqtopusSubmissionError) as caught:
        backend.run(circuits(number), shots=5, workers=1, progress=go_away)
    assert len(caught.value.job_ids) == after
    cloud.faults.clear()
    return caught.value.group_id


@pytest.mark.parametrize("after", [0, 1, 3, 6])
def test_two_that_resume_at_once_run_each_circuit_once(cloud, provider, after):
    backend = provider.backend("line-4q")
    group = interrupted(cloud, backend, 10, after) if after else GROUP

    def resume(backend):
        return backend.run(circuits(10), shots=5, resume=group)

    outcomes = at_once(cloud, resume, resume)
    for job_id, _, result in outcomes:
        assert job_id == group
        assert numbers(result) == [i % 4 for i in range(10)]
    # A head that the device had fetched before it was withdrawn: one for each race.
    assert 10 <= executed(cloud) <= 10 + (3 if after != 6 else 1)
    assert numbers(provider.job(group).result(timeout=60)) == [i % 4 for i in range(10)]


def test_what_was_uploaded_is_not_sent_a_second_time(cloud, provider):
    backend = provider.backend("line-4q")
    group = interrupted(cloud, backend, 4, 1)
    before = len([r for r in cloud.requests if (r.method, r.path) == ("POST", "/jobs")])
    outcomes = at_once(cloud, *[lambda b: b.run(circuits(4), shots=5, resume=group)] * 3)
    assert len({tuple(ids) for _, ids, _ in outcomes}) == 1
    assert executed(cloud) == 4
    after = len([r for r in cloud.requests if (r.method, r.path) == ("POST", "/jobs")])
    assert after == before


def test_two_that_choose_the_same_id_for_the_same_circuits_share_the_run(cloud, provider):
    def run(backend):
        return backend.run(circuits(6), shots=5, group_id=GROUP)

    cloud.faults.slow_queue(math.inf)
    threading.Timer(6.0, cloud.faults.clear).start()
    outcomes = at_once(cloud, run, run)
    (first, ids, result), (second, others, _) = outcomes
    assert (first, ids) == (second, others)
    assert numbers(result) == [0, 1, 2, 3, 0, 1]
    assert executed(cloud) == 6
    assert provider.job(GROUP).job_ids() == ids


def test_two_that_choose_the_same_id_for_other_circuits_are_told_apart(cloud, provider):
    outcomes = at_once(
        cloud,
        lambda backend: backend.run(circuits(6, value=1), shots=5, group_id=GROUP),
        lambda backend: backend.run(circuits(6, value=2), shots=5, group_id=GROUP),
    )
    losers = [outcome for outcome in outcomes if isinstance(outcome, Exception)]
    ((_, ids, result),) = [outcome for outcome in outcomes if not isinstance(outcome, Exception)]
    (loser,) = losers
    assert isinstance(loser, (OqtopusOptionError, OqtopusSubmissionError))
    assert "Choose another id" in str(loser)
    (run_id,) = re.findall(rf"{GROUP}/[0-9a-f]{{8}}", str(loser))
    found = provider.job(run_id)
    assert (found.job_id(), found.job_ids()) == (run_id, ids)
    assert numbers(found.result(timeout=60)) == numbers(result)


def run_twice(cloud, monkeypatch):
    """Run two groups of circuits under one id, as two that do not see each other would."""
    monkeypatch.setattr(submission._Sending, "_find_claim", lambda *_: None)
    monkeypatch.setattr("qiskit_oqtopus.cloud.run.check_unused", lambda *_: None)
    cloud.faults.slow_queue(math.inf)
    jobs = []
    for value in (1, 2):
        with OqtopusProvider(url=cloud.url, token=cloud.token) as provider:
            backend = provider.backend("line-4q")
            jobs.append(backend.run(circuits(3, value=value), shots=5, group_id=GROUP))
    return [job.job_ids() for job in jobs]


def test_looking_cancels_nothing(cloud, provider, monkeypatch):
    runs = run_twice(cloud, monkeypatch)
    with pytest.raises(OqtopusJobError, match="2 different runs") as caught:
        provider.job(GROUP)
    run_ids = re.findall(rf"{GROUP}/[0-9a-f]{{8}}", str(caught.value))
    found = [provider.job(run_id) for run_id in run_ids]
    listed = [job for job in provider.jobs() if job.job_id() in run_ids]
    for jobs in (found, listed):
        assert sorted(job.job_ids() for job in jobs) == sorted(runs)
        assert [status.name for job in jobs for status in job.statuses()] == ["QUEUED"] * 6
    assert not [r for r in cloud.requests if r.path.endswith("/cancel")]
    cloud.faults.clear()
    assert sorted(numbers(job.result(timeout=60))[0] for job in found) == [1, 2]
    for job_id in [*runs[0], *runs[1]]:
        assert provider.job(job_id).result(timeout=60).success
    with pytest.raises(OqtopusJobNotFoundError):
        provider.job(f"{GROUP}/00000000")
    with pytest.raises(OqtopusJobError, match="2 different runs"):
        provider.backend("line-4q").run(circuits(3, value=1), shots=5, resume=GROUP)
    backend = provider.backend("line-4q")
    again = backend.run(circuits(3, value=1), shots=5, resume=run_ids[0])
    assert again.job_ids() in runs
    assert executed(cloud) == 6


def test_one_of_two_runs_with_the_same_id_is_resumed(cloud, provider):
    backend = provider.backend("line-4q")
    with pytest.MonkeyPatch.context() as patch:
        run_twice(cloud, patch)
    cloud.faults.clear()
    cloud.faults.fail_program("circuit-1", times=2)
    with pytest.raises(OqtopusJobError) as caught:
        provider.job(GROUP)
    for run_id in re.findall(rf"{GROUP}/[0-9a-f]{{8}}", str(caught.value)):
        found = provider.job(run_id)
        with pytest.raises(OqtopusJobError) as failed:
            found.result(timeout=60)
        value = int(next(iter(failed.value.result.get_counts(0))), 2)
        job = backend.run(circuits(3, value=value), shots=5, resume=run_id)
        assert numbers(job.result(timeout=60)) == [value] * 3
        assert numbers(provider.job(run_id).result(timeout=60)) == [value] * 3


def test_a_duplicate_that_was_cancelled_follows_to_the_one_that_counts(cloud, provider, caplog):
    backend = provider.backend("line-4q")
    cloud.faults.slow_queue(math.inf)
    first = backend.run(circuits(3), shots=5)
    with OqtopusProvider(url=cloud.url, token=cloud.token) as another:
        find = submission._Sending._find_claim
        try:
            # It sees nothing of the first run, as if both had begun at the same moment.
            submission._Sending._find_claim = lambda *_: None
            members = another.backend("line-4q")
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr("qiskit_oqtopus.cloud.run.check_unused", lambda *_: None)
                second = members.run(circuits(3), shots=5, group_id=first.job_id())
        finally:
            submission._Sending._find_claim = find
        assert set(first.job_ids()).isdisjoint(second.job_ids())
        resumed = backend.run(circuits(3), shots=5, resume=first.job_id())
        assert resumed.job_ids() == first.job_ids()
        cloud.faults.clear()
        for job in (first, second, resumed):
            assert numbers(job.result(timeout=60)) == [0, 1, 2]
            assert job.job_ids() == first.job_ids()
    assert executed(cloud) == 3
    assert "more than one job for a circuit" in caplog.text


def test_resume_leaves_a_duplicate_alone_that_the_device_has_fetched(cloud, provider, caplog):
    caplog.set_level(logging.WARNING)
    backend = provider.backend("line-4q")
    first = backend.run(circuits(2), shots=5)
    first.result(timeout=60)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("qiskit_oqtopus.cloud.run.check_unused", lambda *_: None)
        patch.setattr(submission._Sending, "_find_claim", lambda *_: None)
        second = backend.run(circuits(2), shots=5, group_id=first.job_id())
    second.result(timeout=60)
    backend.run(circuits(2), shots=5, resume=first.job_id()).result(timeout=60)
    assert not [r for r in cloud.requests if r.path.endswith("/cancel")]


def test_the_runs_of_primitives_are_told_apart_too(cloud, provider, monkeypatch):
    run_twice(cloud, monkeypatch)
    cloud.faults.clear()
    monkeypatch.setattr(submission._Sending, "_find_claim", lambda *_: None)
    SamplerV2(provider.backend("line-4q")).run(circuits(3), shots=5, group_id=GROUP).result()
    with pytest.raises(OqtopusJobError, match="3 different runs"):
        provider.job(GROUP)
