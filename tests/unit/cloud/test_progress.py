"""Progress: a callback or a bar, and a check that shows nothing."""

import logging
import re

import pytest

from qiskit_oqtopus.cloud.options import DEFAULTS, run_options
from qiskit_oqtopus.cloud.progress import check_progress, report_progress
from qiskit_oqtopus.exceptions import OqtopusOptionError
from tests.device_circuits import flip


def test_a_broken_progress_does_not_stop_a_run(cloud, backend, caplog):
    def broken(stage, done, total):
        raise BrokenPipeError("stdout is gone")

    with caplog.at_level(logging.WARNING):
        job = backend.run([flip(backend)] * 3, shots=5, progress=broken)
        assert len(job.result(timeout=60).results) == 3
    stages = re.findall("progress of '(.*?)' is not reported any more", caplog.text)
    assert [stage for stage in stages if stage != "queue"] == ["submit", "run", "download"]


def test_the_check_of_the_option_shows_nothing(capsys):
    seen = []
    for value in (None, False, True, lambda *step: seen.append(step)):
        assert check_progress("progress", value) is value
        run_options({**DEFAULTS, "group_id": None, "resume": None, "progress": value})
    assert capsys.readouterr() == ("", "")
    assert seen == []


@pytest.mark.parametrize("wrong", [3, "bar", [print]])
def test_what_is_no_progress(wrong):
    with pytest.raises(OqtopusOptionError, match="'progress' must be None, True or a function"):
        check_progress("progress", wrong)


def test_a_function_is_told_the_stage_and_how_much_is_done():
    seen = []
    with report_progress(lambda *step: seen.append(step), "submit", 3) as report:
        report(1)
        report(3)
    assert seen == [("submit", 1, 3), ("submit", 3, 3)]


def test_a_bar_names_the_stage(capsys):
    with report_progress(True, "download", 2) as report:
        report(2)
    assert "download: 100%" in capsys.readouterr().err


def test_nothing_is_shown_by_default(capsys):
    for off in (None, False):
        with report_progress(off, "run", 2) as report:
            report(2)
    assert capsys.readouterr() == ("", "")
