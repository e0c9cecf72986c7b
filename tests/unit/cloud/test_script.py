"""Scripts: Python programs of the user that run beside a device."""

import pickle
import sys
import textwrap

import pytest
from qiskit.providers import JobStatus

from qiskit_oqtopus import (
    OqtopusJobCancelledError,
    OqtopusJobError,
    OqtopusJobTimeoutError,
    OqtopusNotFoundError,
    OqtopusOptionError,
    OqtopusProtocolError,
    OqtopusSubmissionError,
    OqtopusWarning,
    ScriptJob,
    ScriptResult,
)
from qiskit_oqtopus.cloud.sse import source as checked

from .conftest import submit_foreign

emulator = pytest.importorskip("qiskit_oqtopus.emulator")

FLIP = """\
OPENQASM 3.0;
include "stdgates.inc";
qubit[4] q;
bit[1] c;
x q[0];
c[0] = measure q[0];
"""

PROGRAM = f'''\
from qiskit_oqtopus.sse import emit, sample

print("été")
counts = sample("""{FLIP}""", shots=20)
emit("counts", counts)
print('payload={{"plain": 1}}')
print('data={{"other": 2}}')
'''


@pytest.fixture(scope="module")
def _cloud():
    with emulator.Emulator(devices=["line-4q"], seed=3, sse=True, sse_timeout=5.0) as running:
        yield running


@pytest.fixture
def send(provider):
    return lambda source, **options: provider.run_script(source, "line-4q", bundle=True, **options)


def test_a_program_and_what_it_leaves(send, elsewhere, account):
    job = send(PROGRAM, name="scan", tags=["night"])
    assert (job.name, job.tags, job.device) == ("scan", ("night",), "line-4q")
    result = job.result(timeout=60)
    counts = {"name": "counts", "value": {"1": 20}}
    assert result.last_result["sampling"]["counts"] == {"1": 20}
    assert result.payloads == (counts, {"plain": 1})
    assert result.log.startswith("été\n")
    assert "\r" not in result.log
    assert job.payloads("data=") == [{"other": 2}]
    assert job.status() is JobStatus.DONE
    assert job.error_message() is None
    assert job.execution_time > 0
    found = elsewhere.job(job.job_id())
    assert isinstance(found, ScriptJob)
    assert found.result(timeout=60) == result == pickle.loads(pickle.dumps(job)).result(timeout=60)
    assert (found.name, found.tags) == ("scan", ("night",))
    assert [each.job_id() for each in elsewhere.jobs(tags="night")] == [job.job_id()]
    found.delete()


def test_files_and_texts(send, tmp_path):
    path = tmp_path / "scan.py"
    path.write_text(f"\ufeff{PROGRAM}", encoding="utf-8")
    for source in (path, str(path)):
        job = send(source)
        assert job.name == "scan.py"
        assert len(job.payloads(timeout=60)) == 2
    assert send(PROGRAM).name == "script"
    for source, words in (
        (tmp_path / "none.py", "cannot be read: No such file"),
        ("none.py", "cannot be read: No such file"),
        (5, "a text, or the path of a file, not 5"),
        ("x = '\ud800'", "cannot be written as UTF-8"),
    ):
        with pytest.raises(OqtopusOptionError, match=words):
            send(source)
    path.write_bytes(b"x = '\xe9'")
    with pytest.raises(OqtopusOptionError, match=r"scan\.py is not UTF-8"):
        send(path)


def test_what_is_refused_before_it_is_sent(cloud, provider, send, monkeypatch):
    before = len(cloud.jobs)
    with pytest.raises(OqtopusOptionError, match="131,071 bytes"):
        send(f"{PROGRAM}x = '{'a' * 100_000}'")
    with pytest.raises(OqtopusOptionError, match=r"script has 5,\d{3} bytes .* 5,000 are sent"):
        send(PROGRAM, sse_max_bytes=5000)
    with pytest.raises(OqtopusOptionError, match="Unknown option 'shots'"):
        send(PROGRAM, shots=5)
    with pytest.raises(OqtopusNotFoundError):
        provider.run_script(PROGRAM, "nowhere")
    with pytest.raises(OqtopusOptionError, match="not on 'qulacs_simulator'"):
        provider.run_script(PROGRAM, "qulacs_simulator")
    with pytest.raises(OqtopusOptionError, match="remove that line"):
        send(f"{PROGRAM}# qiskit-oqtopus {{}}")
    monkeypatch.setattr(checked, "CONTAINER_PYTHON", sys.version_info[:2])
    with pytest.raises(OqtopusOptionError, match="script is no Python program, line 2: "):
        send("import sse_driver\nprint(")
    assert len(cloud.jobs) == before


def test_what_is_warned_of(provider, monkeypatch):
    monkeypatch.setattr(checked, "CONTAINER_PYTHON", (3, 99))
    with pytest.warns(OqtopusWarning, match=r"OQTOPUS runs it by Python 3\.99") as caught:
        provider.run_script("import sse_driver\nmatch x:\n    no\n", "line-4q")
    assert {warning.filename for warning in caught} == {__file__}
    with pytest.warns(OqtopusWarning, match="does not seem to run a circuit"):
        job = provider.run_script("print('oqtopus')", "line-4q")
    with pytest.raises(OqtopusJobError, match="said of a program that runs no circuit"):
        job.result(timeout=60)


@pytest.mark.parametrize(
    "line",
    [
        "import sse_driver",
        "from oqtopus_client import OqtopusClient",
        "from quri_parts_oqtopus.backend import OqtopusSamplingBackend",
        "driver = __import__('sse_driver')",
        "import importlib; importlib.import_module('qiskit_oqtopus.sse')",
    ],
)
def test_programs_that_may_run_a_circuit(line, recwarn):
    checked.check_source("script", line)
    assert not recwarn.list


def test_a_program_that_fails(send, elsewhere):
    job = send(f"{PROGRAM}raise SystemExit(3)")
    with pytest.raises(OqtopusJobError) as caught:
        job.result(timeout=60)
    for words in ("user program execution error", "OQTOPUS keeps no log", "a code other than 0"):
        assert words in str(caught.value)
    assert job.status() is JobStatus.ERROR
    assert elsewhere.job(job.job_id()).error_message() == caught.value.message
    for call in (job.log, job.payloads):
        with pytest.raises(OqtopusJobError):
            call()


def test_a_log_that_is_missing(cloud, send):
    cloud.faults.missing_log()
    job = send(PROGRAM)
    assert job.result(timeout=60).log is None
    assert job.result().payloads == ()
    assert job.result().last_result["sampling"]["counts"] == {"1": 20}
    with pytest.raises(OqtopusProtocolError, match="the server has stored no log of it"):
        job.log()


def test_a_line_that_holds_no_json(send):
    job = send(f"{PROGRAM}print('payload=[1, 2')")
    with pytest.warns(OqtopusWarning, match=r"Line \d+ of the log begins with 'payload='"):
        assert len(job.result(timeout=60).payloads) == 2


def test_waiting_and_cancelling(cloud, send):
    cloud.faults.slow_queue(60)
    job = send(PROGRAM)
    with pytest.raises(OqtopusJobTimeoutError, match="is QUEUED, and goes on"):
        job.result(timeout=0.2)
    assert not job.in_final_state()
    assert job.cancel()
    with pytest.raises(OqtopusJobCancelledError):
        job.result(timeout=60)


def test_a_script_of_another_client(cloud, provider):
    text = textwrap.dedent(
        f"""
        from oqtopus_client.rest.models import JobsS3SubmitJobInfo, JobsSubmitJobRequest
        import sse_driver
        request = JobsSubmitJobRequest(
            device_id="line-4q", job_type="sampling", shots=5,
            transpiler_info={{"transpiler_lib": None}},
        )
        job = sse_driver.submit_job(request, JobsS3SubmitJobInfo(program=[{FLIP!r}]))
        print("payload=", job.job_info.result["sampling"]["counts"]["1"], sep="")
        """
    )
    job = provider.job(
        submit_foreign(cloud, "", operator={"sse_program": text}, job_type="sse", shots=1)
    )
    assert isinstance(job.result(timeout=60), ScriptResult)
    assert job.payloads() == [5]
    assert job.creation_date is not None


def test_an_answer_that_is_lost(cloud, send, elsewhere):
    cloud.faults.drop("POST", "/jobs/*/submit", when="after", times=1)
    job = send(PROGRAM)
    assert cloud.executions.get(job.job_id(), 0) <= 1
    job.result(timeout=60)
    assert cloud.executions[job.job_id()] == 1
    cloud.faults.status(400, method="POST", path="/jobs/*/submit")
    with pytest.raises(OqtopusSubmissionError, match="The program was not sent; run it again"):
        send(PROGRAM)
