"""The provider: jobs that come while jobs are listed."""

import pytest

from qiskit_oqtopus import (
    OqtopusProvider,
)
from tests.device_circuits import flip

emulator = pytest.importorskip("qiskit_oqtopus.emulator")


def test_jobs_that_come_while_jobs_are_listed():
    with emulator.Emulator(["line-4q"]) as cloud:
        device = OqtopusProvider(url=cloud.url, token=cloud.token).backend("line-4q")
        circuit = flip(device)
        known = [device.run(circuit, shots=1).job_id() for _ in range(105)]
        listed = device.provider.jobs(limit=None)
        found = [next(listed).job_id() for _ in range(50)]
        for _ in range(10):
            device.run(circuit, shots=1)
        found += [job.job_id() for job in listed]
    assert sorted(found) == sorted(known)
