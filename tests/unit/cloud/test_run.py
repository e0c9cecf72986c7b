"""Runs: what is checked, warned of and refused before circuits are sent."""

import contextlib

import pytest

from qiskit_oqtopus import (
    OqtopusOptionError,
    OqtopusProvider,
    OqtopusSubmissionError,
    OqtopusWarning,
    SamplerV2,
)
from tests.device_circuits import flip

emulator = pytest.importorskip("qiskit_oqtopus.emulator")


def test_circuits_are_sent_again_under_an_id_of_their_own(cloud, backend):
    cloud.faults.fail_program("bad")
    job = backend.run([flip(backend), flip(backend, name="bad")], shots=5)
    job.result(timeout=60, partial=True)
    cloud.faults.clear()
    before = len(cloud.jobs)
    with pytest.raises(OqtopusOptionError, match="in use by 2 jobs"):
        job.resubmit(group_id=job.group_id)
    with pytest.raises(OqtopusOptionError, match=r"'memory', 'shots' cannot be given to resubmit"):
        job.resubmit(shots=7, memory=True)
    assert len(cloud.jobs) == before
    again = job.resubmit(group_id="another-id-for-the-failed-one")
    assert again.result(timeout=60).get_counts() == {"01": 5}


def test_a_device_that_does_not_say_when_it_was_calibrated(recwarn):
    with emulator.Emulator(["line-4q"]) as cloud:
        cloud.devices.set("line-4q", calibrated_at=None)
        with OqtopusProvider(url=cloud.url, token=cloud.token) as provider:
            device = provider.backend("line-4q")
            device.run(flip(device), shots=5).result(timeout=60)
    assert not [warning for warning in recwarn if "recalibrated" in str(warning.message)]


def test_warnings_name_the_line_of_the_user():
    with (
        emulator.Emulator(["line-4q"]) as cloud,
        OqtopusProvider(url=cloud.url, token=cloud.token) as provider,
    ):
        device = provider.backend("line-4q")
        circuit = flip(device)
        cloud.devices.set("line-4q", calibrated_at="2030-01-01 00:00:00", status="unavailable")
        for run in (device.run, SamplerV2(device).run):
            with (
                pytest.warns(OqtopusWarning) as caught,
                contextlib.suppress(OqtopusSubmissionError),
            ):
                run([circuit])
            assert {warning.filename for warning in caught} == {__file__}
            assert len(caught) == 2
