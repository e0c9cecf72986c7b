"""Every fault at every step: the right Result, or the right error and then the right Result."""

import pytest
from qiskit.providers import JobTimeoutError

from qiskit_oqtopus import (
    OqtopusCloudError,
    OqtopusError,
    OqtopusJobError,
    OqtopusProtocolError,
    OqtopusProvider,
    OqtopusSubmissionError,
)
from tests.device_circuits import value_circuit

emulator = pytest.importorskip("qiskit_oqtopus.emulator")

STEPS = ("submit", "wait", "result", "retrieve")


CIRCUITS = [value_circuit(value) for value in (2, 0, 3)]
EXPECTED = [{"10": 9}, {"00": 9}, {"11": 9}]

# For each fault: how it is armed, and which errors it may end in. None: it must be survived.
FAULTS = {
    "latency": (lambda f: f.latency(0.05), None),
    "drop before": (lambda f: f.drop(when="before", times=2), None),
    "drop after": (lambda f: f.drop(when="after", times=2), None),
    "429": (lambda f: f.status(429, times=2, retry_after=0.1), None),
    "500": (lambda f: f.status(500, times=2), None),
    "503": (lambda f: f.status(503, "<html>deploying</html>", times=2), None),
    "outage": (lambda f: f.status(503, times=None), OqtopusCloudError),
    "no connection": (lambda f: f.drop(times=None), OqtopusCloudError),
    "expired link": (lambda f: f.expire_urls(times=1), None),
    "store down": (lambda f: f.status(503, path="/oqtopus/**", times=None), OqtopusCloudError),
    "store back": (lambda f: f.status(503, path="/oqtopus/**", times=3), None),
    "trickle": (lambda f: f.trickle(0.5), OqtopusCloudError),
    "store trickles": (lambda f: f.trickle(0.5, path="/oqtopus/**"), OqtopusCloudError),
    "repeated page": (lambda f: f.repeat_page(), None),
    "no counts": (lambda f: f.corrupt_zip("no_counts", times=None), OqtopusJobError),
    "more counts": (lambda f: f.corrupt_zip("more_counts", times=None), OqtopusJobError),
    "truncated": (lambda f: f.corrupt_zip("truncated", times=None), OqtopusProtocolError),
    "two entries": (lambda f: f.corrupt_zip("two_entries", times=None), OqtopusProtocolError),
    "not json": (lambda f: f.corrupt_zip("not_json", times=None), OqtopusProtocolError),
    "oversized": (lambda f: f.corrupt_zip("oversized", times=None), OqtopusProtocolError),
    "path name": (lambda f: f.corrupt_zip("path", times=None), None),
    "unknown status": (lambda f: f.unknown_status("calibrating"), JobTimeoutError),
    "stuck running": (lambda f: f.stuck_running(1), OqtopusJobError),
    "failing circuit": (lambda f: f.fail_program(1), OqtopusJobError),
    "clock ahead": (lambda f: f.clock_skew(7200), None),
    "clock behind": (lambda f: f.clock_skew(-7200), None),
    "slow queue": (lambda f: f.slow_queue(1.5), None),
    "redirect": (None, OqtopusCloudError),
}


SLOW = (
    "outage",
    "no connection",
    "store down",
    "trickle",
    "store trickles",
    "unknown status",
    "redirect",
)
"""Faults in which a client waits until its time is over."""


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=pytest.mark.slow) if name in SLOW else name for name in FAULTS],
)
def test_fault(name, step):
    arm, allowed = FAULTS[name]
    with (
        emulator.Emulator(devices=["line-4q"]) as cloud,
        emulator.Emulator(devices=["line-4q"]) as elsewhere,
    ):
        options = {"url": cloud.url, "token": cloud.token, "connect_timeout": 2, "read_timeout": 5}
        if "trickle" in name:
            options["total_timeout"] = 2
        provider = OqtopusProvider(**options)
        backend = provider.backend("line-4q")
        job_id = None
        patience = 30 if name == "oversized" else 4  # the emulator has to pack a gigabyte

        def arm_at(now):
            if now != step:
                return
            if name == "redirect":
                cloud.faults.redirect(elsewhere.url, times=None)
            else:
                arm(cloud.faults)

        error = None
        try:
            arm_at("submit")
            job = backend.run(CIRCUITS, shots=9)
            job_id = job.job_id()
            arm_at("wait")
            job.wait_for_final_state(timeout=4)
            arm_at("result")
            assert_right(job.result(timeout=patience))
            arm_at("retrieve")
            with OqtopusProvider(**options) as other:
                assert_right(other.job(job_id).result(timeout=patience))
        except (OqtopusError, JobTimeoutError) as caught:
            error = caught
        if error is not None:
            assert allowed is not None, error
            submission = isinstance(error, OqtopusSubmissionError)
            timeout = isinstance(error, JobTimeoutError) and allowed is OqtopusCloudError
            assert isinstance(error, allowed) or submission or timeout, error
            assert cloud.token.split(".")[1] not in str(error)
            if submission:
                job_id = error.group_id
        cloud.faults.clear()
        if job_id is None:  # nothing had been sent
            assert list(cloud.executions) == []
        elif name in ("failing circuit", "stuck running") or not _whole(cloud, job_id):
            job_id = backend.run(CIRCUITS, shots=9, resume=job_id).job_id()
        if job_id is not None:
            with OqtopusProvider(url=cloud.url, token=cloud.token) as other:
                assert_right(other.job(job_id).result(timeout=30))
        if name not in ("failing circuit", "stuck running"):
            assert set(cloud.executions.values()) <= {1}
            assert len(cloud.executions) in (0, 3)
        assert list(elsewhere.requests) == []
        assert all(request.token is not request.storage for request in cloud.requests)


def _whole(cloud, job_id):
    with OqtopusProvider(url=cloud.url, token=cloud.token) as other:
        return not other.job(job_id).missing


def assert_right(result):
    assert [result.get_counts(i) for i in range(3)] == EXPECTED
