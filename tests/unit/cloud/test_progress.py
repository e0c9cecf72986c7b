"""Progress: a callback or a bar, and a check that shows nothing."""

import logging
import re

from tests.device_circuits import flip


def test_a_broken_progress_does_not_stop_a_run(cloud, backend, caplog):
    def broken(stage, done, total):
        raise BrokenPipeError("stdout is gone")

    with caplog.at_level(logging.WARNING):
        job = backend.run([flip(backend)] * 3, shots=5, progress=broken)
        assert len(job.result(timeout=60).results) == 3
    stages = re.findall("progress of '(.*?)' is not reported any more", caplog.text)
    assert stages == ["submit", "run", "download"]
