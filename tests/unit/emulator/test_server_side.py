"""SSE jobs: what is left of them, and of the jobs that their programs send."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from qiskit_oqtopus.emulator import Emulator, Pace
from qiskit_oqtopus.exceptions import OqtopusOptionError

from .conftest import plain_device
from .session import BELL, FLIP, HEAD, LONG, Session, zipped

HEADER = f"""
import json, os, sys, time
from pathlib import Path
from oqtopus_client.rest.models import JobsS3SubmitJobInfo, JobsSubmitJobRequest
from sse_driver import SseRuntimeError, submit_job
FLIP = {FLIP!r}
BELL = {BELL!r}
LONG = {LONG!r}
NULL = {{"transpiler_lib": None}}
def run(program=FLIP, shots=100, job_type="sampling", operator=None, **fields):
    fields = {{"transpiler_info": NULL, **fields}}
    request = JobsSubmitJobRequest(device_id="any", job_type=job_type, shots=shots, **fields)
    programs = program if isinstance(program, list) else [program]
    return submit_job(request, JobsS3SubmitJobInfo(program=programs, operator=operator))
def attempt(*arguments, **fields):
    try:
        return run(*arguments, **fields)
    except SseRuntimeError as error:
        print("caught:", error)
"""


@pytest.fixture(scope="module")
def shared_cloud() -> Iterator[Emulator]:
    with Emulator([plain_device()], seed=7, sse=True) as emulator:
        yield emulator


@pytest.fixture
def cloud() -> Iterator[Emulator]:
    with Emulator([plain_device()], seed=7, sse=True, sse_job_timeout=0.4) as emulator:
        yield emulator


def submit(user: Session, program: str) -> str:
    job_id, target = user.register()
    data = zipped({"input.json": {"sse_program": HEADER + program}})
    assert user.upload(target, data).status_code == 204
    assert user.submit(job_id, job_type="sse", shots=1, transpiler_info={})[0] == 200
    return job_id


def run(user: Session, program: str) -> dict[str, Any]:
    return user.finished(submit(user, program))


def log(user: Session, job: dict[str, Any]) -> str:
    assert job["status"] == "succeeded", job
    name, text = user.file(job, "sse_log")
    assert name == "sse_runtime.log"
    return text


def failed(job: dict[str, Any]) -> tuple[str, set[str]]:
    """The message of a failed job, and what else there is of it."""
    assert job["status"] == "failed", job
    assert "execution_time" not in job
    return job["job_info"]["message"], set(job["job_info"]) - {"input", "message"}


def test_the_last_inner_job_is_the_result(shared: Session) -> None:
    job = run(
        shared,
        """
first = run(shots=10)
print(first.job_id, first.name == "", first.status, first.job_info.result["sampling"]["counts"])
print(first.job_info.message, first.job_info.transpile_result, first.submitted_at.microsecond >= 0)
second = run(BELL, 20, transpiler_info={"transpiler_lib": "qiskit", "transpiler_options": {}})
print(sorted(second.job_info.transpile_result), file=sys.stderr)
""",
    )
    job_id = job["job_id"]
    assert log(shared, job) == (
        f"{job_id} True succeeded {{'1': 10}}\r\njob is succeeded None True\r\n"
        "['stats', 'transpiled_program', 'virtual_physical_mapping']\r\n"
    )
    result = shared.result(job)
    assert result["estimation"] is None
    assert sum(result["sampling"]["counts"].values()) == 20
    assert job["transpiler_info"] == {"transpiler_lib": "qiskit", "transpiler_options": {}}
    assert json.loads(shared.file(job, "transpile_result")[1])["stats"]["before"]["n_qubits"] == 2
    assert job["job_info"]["message"] == "job is succeeded"
    assert job["execution_time"] > 0
    assert (job["shots"], job["job_type"]) == (1, "sse")
    assert shared.cloud.executions[job_id] == 1
    views = shared.cloud.inner_jobs[job_id]
    assert [(view.index, view.shots, view.programs) for view in views] == [
        (0, 10, (FLIP,)),
        (1, 20, (BELL,)),
    ]


def test_the_defaults_of_an_inner_job(shared: Session) -> None:
    job = run(shared, "run(transpiler_info=None)")
    assert job["transpiler_info"]["transpiler_options"] == {"optimization_level": 1}
    assert "transpile_result" in job["job_info"]


def test_all_kinds_of_inner_jobs(shared: Session) -> None:
    program = f"""
both = run([BELL, FLIP], job_type="multi_manual", transpiler_info={{}})
info = both.job_info
print(sorted(info.result["sampling"]["divided_counts"]), info.combined_program[:8])
mitigated = run(mitigation_info={{"ro_error_mitigation": "pseudo_inverse"}})
print(mitigated.job_info.result["sampling"]["counts"])
terms = [{{"pauli": "Z 0", "coeff": 2.0}}, {{"pauli": "I", "coeff": 0.5}}]
run({HEAD + "qubit[1] q; x q[0];"!r}, 50, "estimation", terms)
"""
    job = run(shared, program)
    assert log(shared, job) == "['0', '1'] OPENQASM\r\n{'1': 99}\r\n"
    assert shared.result(job) == {
        "sampling": None,
        "estimation": {"exp_value": -1.5, "stds": 0.0},
    }


def test_programs_that_fail_leave_no_log(shared: Session) -> None:
    job = run(shared, "run(transpiler_info={})\nprint(1)\nraise SystemExit(3)")
    assert failed(job) == ("user program execution error", {"transpile_result"})
    assert job["transpiler_info"]["transpiler_lib"] == "qiskit"
    assert failed(run(shared, "run()\n1/0")) == ("user program execution error", set())
    assert failed(run(shared, "this is no Python")) == ("user program execution error", set())


def test_programs_without_an_inner_job_fail(shared: Session) -> None:
    assert failed(run(shared, "print('done')")) == ("internal server error", set())
    for text in ("", "{", "[]", '{"status": "succeeded"}'):
        program = f"run()\nPath(os.environ['OUT_PATH'], 'result.json').write_text({text!r})"
        assert failed(run(shared, program)) == ("internal server error", set())


def test_jobs_without_a_program_fail(shared: Session) -> None:
    job = shared.run({"input.json": {"program": [FLIP]}}, job_type="sse")
    assert failed(job)[0] == "the sse_program is not specified in the job."
    assert "running_at" not in job
    job = shared.run({"input.json": {"sse_program": 5}}, job_type="sse")
    assert "sse_program\n  Input should be a valid string" in failed(job)[0]


def test_the_last_inner_job_decides(shared: Session) -> None:
    reason = "failed to execute job on device"
    job = run(shared, "attempt('bad')\nrun()")
    expected = f"caught: To execute sampling on OQTOPUS server is failed. reason: {reason}\r\n"
    assert log(shared, job) == expected
    assert failed(run(shared, "run()\nattempt('bad')")) == ("sse job failed", set())
    job = run(shared, "attempt('bad', transpiler_info={})\nrun()")
    assert "reason: Expecting value: line 1 column 1 (char 0)\r\n" in log(shared, job)
    kept = """
path = Path(os.environ["OUT_PATH"], "result.json")
run(shots=7)
good = path.read_text()
attempt("bad")
path.write_text(good)
"""
    job = run(shared, kept)
    assert shared.result(job)["sampling"]["counts"] == {"1": 7}


def test_inner_jobs_that_cannot_be_read(shared: Session) -> None:
    job = run(shared, "attempt(operator=[{'pauli': 'Z 0'}])\nattempt([])\nrun()")
    lines = log(shared, job).splitlines()
    assert lines[0].startswith("caught: Could not parse job data: ")
    assert lines[1].endswith("reason: list index out of range")


def test_strangers_are_not_answered_at_the_door_of_the_engine(shared: Session) -> None:
    program = """
import socket
def ask(text):
    host, port = os.environ["SSE_ENGINE_ADDRESS"].split(":")
    with socket.create_connection((host, int(port))) as connection:
        connection.sendall(text)
        connection.shutdown(socket.SHUT_WR)
        print(connection.makefile().read().strip())
run()
ask(b"")
ask(b"GET / HTTP/1.1\\r\\n")
ask(b"[" * 100000 + b"\\n")
ask(b"[]\\n")
other = {**json.loads(Path(os.environ["OUT_PATH"], "result.json").read_text()), "job_id": "other"}
ask(json.dumps(other).encode() + b"\\n")
"""
    refused = '{"status": "failed", "message": "invalid request data", "job_json": ""}'
    assert log(shared, run(shared, program)).splitlines() == ["", "", "", refused, refused]


def test_an_outer_job_that_fails_by_a_fault(cloud: Emulator, user: Session) -> None:
    cloud.faults.fail_program("Rabi of a script", message="broken")
    assert failed(run(user, "# Rabi of a script")) == ("broken", set())
    assert cloud.inner_jobs == {}


def test_logs_that_are_missing_or_cut(cloud: Emulator, user: Session) -> None:
    cloud.faults.missing_log(times=1)
    job = run(user, "run()\nprint('abc')")
    assert (job["status"], "sse_log" in job["job_info"]) == ("succeeded", False)
    assert user.result(job)["sampling"]["counts"] == {"1": 100}
    cloud.faults.cut_log(1, -3)
    assert log(user, run(user, "run()\nprint('abc')")) == "b"


def test_inner_jobs_that_fail_by_a_fault(cloud: Emulator, user: Session) -> None:
    fault = cloud.faults.fail_inner(1, message="the fridge is warm")
    job = run(user, "for _ in range(3): attempt()")
    caught = "caught: To execute sampling on OQTOPUS server is failed. reason: "
    assert log(user, job) == f"{caught}the fridge is warm\r\n"
    assert fault.hits == 1
    cloud.faults.clear()
    cloud.faults.fail_inner("marked", which="# second")
    marked = "run(FLIP + '// marked')"
    assert run(user, f"# first\n{marked}")["status"] == "succeeded"
    assert failed(run(user, f"# second\n{marked}")) == ("user program execution error", set())


def test_answers_that_are_lost(cloud: Emulator, user: Session) -> None:
    cloud.faults.drop_inner(1)
    program = """
run(shots=5)
try:
    run()
except OSError as error:
    print(error)
"""
    job = run(user, program)
    assert log(user, job) == "the SSE engine has closed the connection\r\n"
    assert user.result(job)["sampling"]["counts"] == {"1": 5}


@pytest.mark.parametrize("way", ["fault", "simulation"])
def test_inner_jobs_that_take_too_long(way: str) -> None:
    with Emulator([plain_device()], noise=True, sse=True, sse_job_timeout=0.4) as cloud:
        user = Session(cloud)
        if way == "fault":
            cloud.faults.slow_inner(60, 1)
            program = "run()\nattempt()\n{}"
        else:
            program = "run()\nattempt(LONG, 1_000_000)\n{}"
        timed_out = "server is failed. reason: pipeline execution timed out\r\n"
        assert log(user, run(user, program.format("run()"))).endswith(timed_out)
        assert failed(run(user, program.format(""))) == ("sse job failed", set())


def test_the_pace_of_programs() -> None:
    """Their start and each of their jobs take a time; what they have themselves is less."""
    with Emulator([plain_device()], sse=True, pace=Pace(job_time=0.2, program_start=1.0)) as cloud:
        program = "begun = time.monotonic()\nrun()\nrun()\nprint(time.monotonic() - begun)"
        user = Session(cloud)
        job = run(user, program)
        assert float(log(user, job)) > 0.4
        assert job["execution_time"] > 1.4


def test_cancelling_does_not_stop_the_program(
    cloud: Emulator, user: Session, tmp_path: Path
) -> None:
    go = tmp_path / "go"
    program = f"""
run()
while not os.path.exists({str(go)!r}):
    time.sleep(0.01)
run()
"""
    job_id = submit(user, program)
    wait_until(lambda: len(cloud.inner_jobs.get(job_id, ())) == 1)
    later = user.ready(FLIP)
    user.submit(later)
    assert user.call("POST", f"/jobs/{job_id}/cancel")[0] == 200
    time.sleep(0.1)
    # It has the device for itself until it ends.
    assert cloud.jobs[later].status == "submitted"
    go.touch()
    assert user.finished(later)["status"] == "succeeded"
    assert len(cloud.inner_jobs[job_id]) == 2
    job = user.finished(job_id)
    assert job["status"] == "cancelled"
    assert set(job["job_info"]) == {"input"}


def wait_until(condition: Any) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_device_that_is_gone(cloud: Emulator, user: Session) -> None:
    cloud.faults.slow_inner(0.2)
    job_id = submit(user, "run()")
    wait_until(lambda: cloud.inner_jobs.get(job_id))
    cloud.devices.set("qulacs", status="unavailable")
    assert failed(user.finished(job_id))[0] == "user program execution error"


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"sse": True, "host": "0.0.0.0"}, "'host' .* lets other machines"),  # noqa: S104
        ({"sse": True, "host": "example.org"}, "'host' .* lets other machines"),
        ({"sse": "yes"}, "'sse' must be True or False"),
        ({"sse_timeout": 0}, "'sse_timeout' must be more than 0"),
        ({"sse_job_timeout": float("inf")}, "'sse_job_timeout' must be more than 0"),
        ({"sse_job_timeout": "1"}, "'sse_job_timeout' must be a number of seconds"),
    ],
)
def test_options_that_are_refused(options: dict[str, Any], reason: str) -> None:
    with pytest.raises(OqtopusOptionError, match=reason):
        Emulator(["line-4q"], **options)
