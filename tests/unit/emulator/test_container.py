"""The place where the programs of SSE jobs run: environment, limits, log and end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from qiskit_oqtopus.emulator import Emulator
from qiskit_oqtopus.emulator.container import MAX_LOG, MAX_STRING, Container, Ended, TooLargeError

from .session import FLIP, Session
from .test_server_side import failed, run, submit, wait_until

JOB = {"job_id": "1", "sse_program": ""}


@pytest.fixture(scope="module")
def container() -> Container:
    return Container(60.0)


@pytest.fixture
def cloud() -> Iterator[Emulator]:
    with Emulator(["line-4q"], sse=True, sse_timeout=2.0) as emulator:
        yield emulator


def execute(container: Container, program: str, job: Any = JOB) -> Ended:
    return container.run(job, program, lambda message, left: {"echo": message}, lambda: None)


def test_environment(container: Container, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OQTOPUS_URL", "OQTOPUS_API_TOKEN", "PYTHONSTARTUP", "SECRET"):
        monkeypatch.setenv(name, "http://secret.example")
    program = """
import json, os, sys
print(json.dumps(dict(os.environ)))
home = os.environ["HOME"]
print(json.dumps([os.listdir(home), os.getcwd(), sys.argv, sys.stdout.isatty(), sys.stdin.read()]))
"""
    ended = execute(container, program)
    assert ended.exit_code == 0
    assert "secret" not in ended.log
    found, (home, folder, argv, terminal, given) = map(json.loads, ended.log.splitlines())
    for name in ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "LC_CTYPE"):
        found.pop(name, None)
    address = found.pop("SSE_ENGINE_ADDRESS")
    assert address.startswith("127.0.0.1:")
    assert json.loads(found.pop("JOB_JSON")) == JOB
    assert found == {
        "OQTOPUS_ENV": "sse_container",
        "IN_PATH": f"{folder}/in",
        "OUT_PATH": f"{folder}/out",
        "HOME": f"{folder}/home",
        "PYTHONPATH": f"{folder}/modules",
        "GRPC_MAX_RECEIVE_MESSAGE_LENGTH": "4194304",
        "GRPC_MAX_SEND_MESSAGE_LENGTH": "4194304",
        "TERM": "dumb",
        "LANG": "C.UTF-8",
        "PATH": os.defpath,
    }
    assert (home, argv, terminal, given) == ([], [f"{folder}/in/userprogram.py"], True, "")
    assert not Path(folder).exists()


def test_the_log_is_a_terminal(container: Container) -> None:
    program = """
import os, sys
print("a", end="", flush=True)
print("error", end="", file=sys.stderr, flush=True)
print("b\\n\\u00e9")
os.write(1, b"x\\xffy\\n")
sys.exit(4)
"""
    ended = execute(container, program)
    assert (ended.exit_code, ended.log) == (4, "aerrorb\r\né\r\nxy\r\n")
    assert ended.result is None


def test_only_the_end_of_a_huge_log_is_kept(container: Container) -> None:
    program = (
        f"line = 'x' * 1022\nfor i in range({2 * MAX_LOG // 1024 + 100}): print(line)\nprint('end')"
    )
    log = execute(container, program).log
    assert len(log) <= MAX_LOG
    assert log.endswith("x\r\nend\r\n")


def test_results(container: Container) -> None:
    program = "import os\nopen(os.environ['OUT_PATH'] + '/result.json', 'w').write('{}')"
    ended = execute(container, program)
    assert (ended.exit_code, ended.log, ended.result) == (0, "", "{}")
    assert ended.seconds > 0


@pytest.mark.parametrize("call", ["mkfifo({!r})", "mkdir({!r})", "truncate({!r}, 2**27)"])
def test_results_that_are_not_read(container: Container, call: str) -> None:
    head = "import os\nos.chdir(os.environ['OUT_PATH'])\nopen('large', 'w').close()\n"
    name = "large" if "truncate" in call else "result.json"
    tail = "\nif os.path.getsize('large'): os.rename('large', 'result.json')"
    ended = execute(container, f"{head}os.{call.format(name)}{tail}")
    assert (ended.exit_code, ended.log, ended.result) == (0, "", None)


def test_jobs_that_are_too_large(container: Container) -> None:
    empty = len('JOB_JSON={"sse_program":""}')
    for text in ("x" * (MAX_STRING - empty), "é" * ((MAX_STRING - empty) // 2)):
        assert execute(container, "", {"sse_program": text}).exit_code == 0
        with pytest.raises(TooLargeError):
            execute(container, "", {"sse_program": text + "é"})


def test_programs_that_are_too_large(cloud: Emulator) -> None:
    user = Session(cloud)
    assert failed(run(user, "#" + "x" * 160_000)) == ("internal server error", set())
    # Each newline takes two bytes in JSON.
    assert failed(run(user, "\n" * 70_000)) == ("internal server error", set())
    assert run(user, "#" + "x" * 80_000 + "\nrun()")["status"] == "succeeded"


def test_half_a_surrogate_pair(cloud: Emulator) -> None:
    job = Session(cloud).run(
        {"input.json": '{"sse_program": "# \\ud800"}'}, job_type="sse", transpiler_info={}
    )
    assert failed(job) == ("internal server error", set())


def test_programs_that_take_too_long(cloud: Emulator, tmp_path: Path) -> None:
    program = f"run()\n{sleeper(tmp_path)}\nprint('never')"
    job = run(Session(cloud), program)
    assert failed(job) == ("user program execution error", set())
    gone(tmp_path)


def test_programs_that_hang_in_an_inner_job(cloud: Emulator) -> None:
    cloud.faults.slow_inner(60)
    assert failed(run(Session(cloud), "run()")) == ("user program execution error", set())


def test_what_a_program_leaves_running_ends_with_it(cloud: Emulator, tmp_path: Path) -> None:
    program = f"run()\nif os.fork() == 0:\n    {sleeper(tmp_path)}\n"
    program += f"while not os.path.exists({str(tmp_path / 'pids')!r}): time.sleep(0.01)"
    assert run(Session(cloud), program)["status"] == "succeeded"
    gone(tmp_path)


def test_stopping_kills_the_program(cloud: Emulator, tmp_path: Path) -> None:
    user = Session(cloud)
    job_id = submit(user, f"run()\n{sleeper(tmp_path)}")
    wait_until((tmp_path / "pids").exists)
    start = time.monotonic()
    cloud.stop()
    assert time.monotonic() - start < 2
    assert cloud.jobs[job_id].status == "submitted"
    gone(tmp_path)
    (tmp_path / "pids").unlink()
    with cloud:  # it is run again
        wait_until((tmp_path / "pids").exists)
        assert cloud.executions[job_id] == 2


def test_signals_kill_the_program(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "qiskit_oqtopus.emulator", "--json", "--sse"]
    command += ["--device=line-4q", "--sse-timeout=50", "--sse-job-timeout=20"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            said = json.loads(process.stdout.readline())
            device = SimpleNamespace(device_id="line-4q")
            cloud: Any = SimpleNamespace(url=said["url"], token=said["token"], devices=[device])
            submit(Session(cloud), f"run()\n{sleeper(tmp_path)}")
            wait_until((tmp_path / "pids").exists)
            process.send_signal(signal.SIGTERM)
            assert process.wait(20) == 0
            gone(tmp_path)
        finally:
            process.kill()


def test_the_end_of_python_kills_the_program(tmp_path: Path) -> None:
    script = f"""
import time
from tests.unit.emulator.test_server_side import submit, Session, Emulator, wait_until
from pathlib import Path
cloud = Emulator(["line-4q"], sse=True).start()
submit(Session(cloud), {f"run(){chr(10)}{sleeper(tmp_path)}"!r})
wait_until(Path({str(tmp_path / "pids")!r}).exists)
"""
    subprocess.run(
        [sys.executable, "-c", script], check=True, timeout=60, cwd=Path(__file__).parents[3]
    )
    gone(tmp_path)


def sleeper(folder: Path) -> str:
    """A statement that starts a child, tells its id and that of its parent, and never ends."""
    return (
        "import subprocess; child = subprocess.Popen(['sleep', '60']); "
        f"Path({str(folder / 'new')!r}).write_text(f'{{os.getpid()}} {{child.pid}}'); "
        f"os.rename({str(folder / 'new')!r}, {str(folder / 'pids')!r}); time.sleep(60)"
    )


def gone(folder: Path) -> None:
    """Assert that the program and its child have ended."""
    for text in (folder / "pids").read_text().split():
        wait_until(lambda pid=int(text): not alive(pid))


def alive(pid: int) -> bool:
    try:
        # A child whose parent was killed may wait for somebody to collect it.
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_programs_of_an_emulator_without_sse() -> None:
    with Emulator(["line-4q"]) as cloud:
        assert failed(run(Session(cloud), "run()")) == ("internal server error", set())
        assert cloud.inner_jobs == {}
        assert Session(cloud).counts(FLIP) == {"1": 1000}
