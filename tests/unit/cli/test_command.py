"""Sessions of the command line, in processes of their own, against the emulator."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from datetime import datetime, timedelta, timezone

import pytest
from qiskit import QuantumCircuit, qasm2, qasm3

from qiskit_oqtopus import OqtopusProvider
from qiskit_oqtopus.emulator import Emulator

BELL = 'OPENQASM 2.0;\ninclude "qelib1.inc";\nqreg q[2];\ncreg c[2];\nh q[0];\ncx q[0],q[1];\n'
BELL += "measure q -> c;\n"


@pytest.fixture(scope="module")
def cloud():
    with Emulator(["grid-16q", "line-4q"], seed=3, sse=True) as running:
        yield running


@pytest.fixture
def call(cloud, tmp_path):
    """Returns a function that runs a command as a user with an account does."""

    def run(*arguments, code=0, account=True, text=None):
        environment = {
            name: value for name, value in os.environ.items() if not name.startswith("OQTOPUS")
        }
        environment["HOME"] = environment["USERPROFILE"] = str(tmp_path)
        if account:
            environment |= {"OQTOPUS_URL": cloud.url, "OQTOPUS_API_TOKEN": cloud.token}
        done = subprocess.run(
            [sys.executable, "-m", "qiskit_oqtopus", *map(str, arguments)],
            capture_output=True,
            text=True,
            env=environment,
            cwd=tmp_path,
            input=text,
            timeout=120,
        )
        assert done.returncode == code, done.stderr
        assert "Traceback" not in done.stderr
        assert cloud.token not in done.stdout + done.stderr
        return done

    return run


# -- the account ----------------------------------------------------------------------------------


def test_an_account_is_saved_shown_and_checked(call, cloud, tmp_path):
    saved = call("account", "save", "--url", cloud.url, account=False, text=f"{cloud.token}\n")
    assert str(tmp_path) in saved.stdout
    shown = json.loads(call("account", "show", "--json", account=False).stdout)
    assert shown["url"] == cloud.url
    assert shown["token"] == f"{cloud.token[:4]}..."
    assert str(tmp_path) in shown["source"]
    moment = datetime.now(timezone.utc) + timedelta(days=3)
    cloud.expire_tokens(moment)
    checked = call("account", "check", account=False)
    cloud.expire_tokens(None)
    assert re.search(r"expires in (2\.9|3\.0) days", checked.stdout)
    assert "grid-16q, line-4q" in checked.stdout


def test_without_an_account_it_says_what_to_do(call, tmp_path):
    for arguments in (["account", "show"], ["account", "check"], ["status", "x"]):
        failed = call(*arguments, account=False, code=1)
        assert len(failed.stderr.splitlines()) == 1
        for words in ("no OQTOPUS account", str(tmp_path), "account save", "mulator"):
            assert words in failed.stderr


def test_a_token_that_is_not_accepted(call):
    failed = call("--token", "x" * 30, "--url", "http://127.0.0.1:9", "devices", code=1)
    assert failed.stderr.startswith("Error: ")
    assert len(failed.stderr.splitlines()) == 1


# -- devices --------------------------------------------------------------------------------------


def test_devices(call):
    table = call("devices").stdout
    assert re.search(r"^grid-16q +QPU +available +16 +0 ", table, re.MULTILINE)
    rows = json.loads(call("devices", "--json").stdout)
    assert [row["device"] for row in rows] == ["grid-16q", "line-4q"]
    assert 0 < rows[0]["cx"]["best"] < rows[0]["cx"]["median"] < 0.1


def test_a_calibration_is_shown_written_and_drawn(call, tmp_path):
    done = call("calibration", "grid-16q", "--csv", "tables", "--plot", "chip.png")
    assert re.search(r"^Q5 +\d", done.stdout, re.MULTILINE)
    assert "left out: coupling 5->6" in done.stdout
    assert (tmp_path / "tables" / "qubits.csv").read_text().startswith("element,qubit,")
    assert (tmp_path / "tables" / "couplings.csv").exists()
    assert (tmp_path / "chip.png").read_bytes().startswith(b"\x89PNG")
    assert json.loads(call("calibration", "line-4q", "--json").stdout)["n_qubits"] == 4


def test_a_misspelt_device_is_suggested(call):
    failed = call("calibration", "gird-16q", code=1)
    assert "Did you mean 'grid-16q'?" in failed.stderr
    assert "no calibration" in call("calibration", "qulacs", code=1).stderr


# -- jobs -----------------------------------------------------------------------------------------


def test_a_program_is_run_and_found_again(call, tmp_path):
    (tmp_path / "bell.qasm").write_text(BELL)
    done = call("run", "bell.qasm", "--device", "grid-16q", "--shots", 500, "--json")
    found = json.loads(done.stdout)
    job_id = re.search(r"Job (\S+) on grid-16q", done.stderr).group(1)
    assert found["job_id"] == job_id
    (result,) = found["results"]
    assert set(result["counts"]) <= {"00", "11"}
    assert sum(result["counts"].values()) == 500

    again = json.loads(call("result", job_id, "--json").stdout)
    assert again["results"][0]["counts"] == result["counts"]
    lines = call("result", job_id, "--counts").stdout.splitlines()
    assert {line.split()[1]: int(line.split()[0]) for line in lines} == result["counts"]
    assert call("status", job_id).stdout == "DONE\n"
    assert "not cancelled: it is DONE" in call("cancel", job_id, code=1).stderr
    listed = json.loads(call("jobs", "--json", "--limit", 1).stdout)
    assert [row["job_id"] for row in listed] == [job_id]
    assert re.search(rf"^{job_id} +bell ", call("jobs").stdout, re.MULTILINE)


def test_openqasm_3_runs_on_the_local_simulator_without_an_account(call, tmp_path):
    circuit = QuantumCircuit(2, 2)
    circuit.h(0)
    circuit.measure(0, 0)
    with circuit.if_test((circuit.clbits[0], 1)):
        circuit.x(1)
    circuit.measure(1, 1)
    (tmp_path / "if.qasm").write_text(qasm3.dumps(circuit))
    arguments = ("run", "if.qasm", "--device", "qulacs", "--seed", 1, "--json")
    first, second = [json.loads(call(*arguments, account=False).stdout) for _ in range(2)]
    assert set(first["results"][0]["counts"]) == {"00", "11"}
    assert first["results"] == second["results"]


def test_the_local_simulator_shows_no_id_that_finds_nothing(call, tmp_path):
    (tmp_path / "bell.qasm").write_text(BELL)
    done = call("run", "bell.qasm", "--device", "qulacs", "--json", account=False)
    assert json.loads(done.stdout)["job_id"] is None
    assert done.stderr == ""
    refused = call("run", "bell.qasm", "--device", "qulacs", "--no-wait", account=False, code=2)
    assert "the local simulator keeps no jobs" in refused.stderr
    assert refused.stdout == ""


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("hello", "first statement"),
        ("OPENQASM 2.0;\nqreg q[2]\n", "cannot be read"),
        ("OPENQASM 3.0;\nqubit[2 q;\n", "cannot be read"),
    ],
)
def test_a_file_that_is_no_program(call, tmp_path, text, words):
    (tmp_path / "x.qasm").write_text(text)
    failed = call("run", "x.qasm", "--device", "qulacs", account=False, code=1)
    assert words in failed.stderr
    assert len(failed.stderr.splitlines()) == 1


def test_a_job_is_cancelled(call, cloud, tmp_path):
    (tmp_path / "bell.qasm").write_text(qasm2.dumps(QuantumCircuit.from_qasm_str(BELL)))
    cloud.faults.slow_queue(600)
    try:
        done = call("run", "bell.qasm", "--device", "line-4q", "--no-wait")
        job_id = done.stdout.strip()
        assert call("status", job_id).stdout == "QUEUED\n"
        timed_out = call("result", job_id, "--timeout", 0.5, code=1)
        assert job_id in timed_out.stderr
        assert call("cancel", job_id).stdout == f"Job {job_id} is cancelled.\n"
        assert call("status", job_id, code=1).stdout.startswith("CANCELLED")
        assert job_id in call("jobs", "--status", "cancelled", "--device", "line-4q").stdout
    finally:
        cloud.faults.clear()


def test_a_result_of_a_primitive(call, cloud):
    from qiskit_oqtopus import EstimatorV2, SamplerV2

    circuit = QuantumCircuit(4)
    circuit.x(0)
    with OqtopusProvider(url=cloud.url, token=cloud.token) as provider:
        backend = provider.backend("line-4q")
        estimated = EstimatorV2(backend).run([(circuit, "IIIZ")], precision=0.1)
        estimated.result()
        sampled = SamplerV2(backend).run([circuit.measure_all(inplace=False)], shots=10)
        sampled.result()
    found = json.loads(call("result", estimated.job_id(), "--json").stdout)
    assert found["results"][0]["evs"] == -1.0
    found = json.loads(call("result", sampled.job_id(), "--json").stdout)
    assert found["results"][0]["counts"] == {"0001": 10}


# -- experiments ----------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_characterization_is_planned_run_and_gone_on_with(call, tmp_path):
    arguments = ("characterize", "line-4q", "--out", "night", "--qubits", "0,2", "--shots", 300)
    arguments += ("--measure", "readout,t1", "--seed", 1)
    planned = call(*arguments, "--plan")
    assert "2 qubits" in planned.stderr
    assert not (tmp_path / "night").exists()
    done = call(*arguments)
    assert re.search(r"^Q0 ", done.stdout, re.MULTILINE)
    assert "readout 0->1" in done.stdout.lower()
    assert (tmp_path / "night" / "index.html").exists()
    again = call(*arguments, "--json")
    rows = json.loads(again.stdout)
    assert {row["element"] for row in rows} == {"Q0", "Q2"}
    assert len({row["job_id"] for row in rows}) == 1
    twin = call(*arguments[:3], "rehearsal", *arguments[4:], "--twin")
    assert "rehearsal" in twin.stderr


@pytest.mark.slow
def test_rabi(call, tmp_path):
    call("rabi", "--seed", 7, account=False)
    assert (tmp_path / "rabi.csv").exists()


def test_a_circuit_that_is_too_wide_and_a_picture_of_no_kind(call, tmp_path):
    (tmp_path / "wide.qasm").write_text("OPENQASM 3.0;\nqubit[9] q;\nbit c;\nc = measure q[8];\n")
    for arguments in (
        ("run", "wide.qasm", "--device", "line-4q"),
        ("calibration", "line-4q", "--plot", "chip.txt"),
    ):
        assert len(call(*arguments, code=1).stderr.splitlines()) == 1


# -- usage ----------------------------------------------------------------------------------------


def test_a_misspelt_command_is_suggested(call):
    assert "Did you mean 'devices'?" in call("devcies", code=2).stderr
    assert "Missing option '--device'" in call("run", __file__, code=2).stderr


def test_debug_shows_the_traceback(cloud, tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "qiskit_oqtopus", "--debug", "--url", cloud.url, "devices"],
        capture_output=True,
        text=True,
        env={**os.environ, "HOME": str(tmp_path)},
        timeout=120,
    )
    assert done.returncode == 1
    assert "Traceback" in done.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        *([], ["account"], ["account", "save"], ["devices"], ["calibration"], ["jobs"]),
        *(["status"], ["result"], ["cancel"], ["run"], ["characterize"], ["rabi"], ["emulator"]),
    ],
)
def test_every_command_has_help(call, arguments):
    assert "sage: " in call(*arguments, "--help", account=False).stdout


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signal")
def test_ctrl_c(cloud, tmp_path):
    (tmp_path / "bell.qasm").write_text(BELL)
    cloud.faults.slow_queue(600)
    try:
        with subprocess.Popen(
            [sys.executable, "-m", "qiskit_oqtopus", "run", "bell.qasm", "--device", "line-4q"],
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "OQTOPUS_URL": cloud.url, "OQTOPUS_API_TOKEN": cloud.token},
            cwd=tmp_path,
        ) as process:
            lines = []
            for line in process.stderr:
                lines.append(line)
                if line.startswith("Job "):
                    break
            time.sleep(0.5)
            process.send_signal(signal.SIGINT)
            lines += process.stderr.readlines()
            assert process.wait(10) == 130, lines
        assert lines[-1].startswith("Interrupted.")
    finally:
        cloud.faults.clear()
        with OqtopusProvider(url=cloud.url, token=cloud.token) as provider:
            provider.jobs(backend="line-4q")[0].cancel()


SCRIPT = '''\
from qiskit_oqtopus.sse import emit, sample

emit("counts", sample("""OPENQASM 3.0;
include "stdgates.inc";
qubit[1] q;
bit[1] c;
x q[0];
c[0] = measure q[0];
""", shots=7))
print("\\x1b[31mred")
'''


def test_a_script(call, cloud, tmp_path):
    path = tmp_path / "scan.py"
    path.write_text(SCRIPT)
    ran = call("script", path, "--device", "line-4q", "--bundle", "--tag", "night")
    assert ran.stdout == '\npayload={"name": "counts", "value": {"1": 7}}\nred\n'
    job_id = re.search(r"Job (\S+) on line-4q", ran.stderr)[1]
    read = json.loads(call("result", job_id, "--json").stdout)
    assert read["payloads"] == [{"name": "counts", "value": {"1": 7}}]
    assert read["last_result"]["sampling"]["counts"] == {"1": 7}
    assert json.loads(call("jobs", "--tag", "night", "--json").stdout)[0]["name"] == "scan.py"
    path.write_text(f"{SCRIPT}raise SystemExit(1)\n")
    sent = call("script", path, "--device", "line-4q", "--bundle", "--no-wait").stdout.strip()
    failed = call("result", sent, code=1)
    assert "user program execution error" in failed.stderr
    assert "user program" in call("status", sent, code=1).stdout
