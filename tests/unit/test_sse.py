"""The module for programs that run beside the device, on each Python that may run there."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from qiskit_oqtopus import sse
from qiskit_oqtopus.cloud.sse.bundle import bundle_program
from qiskit_oqtopus.emulator import Emulator, sse_models
from tests.unit.emulator.session import Session

VERSIONS = ["this", "3.10", "3.11", "3.12", "3.13"]

DRIVER = """
import json, os
from pathlib import Path
from oqtopus_client.rest.models import JobsJob

class SseRuntimeError(RuntimeError):
    pass

def submit_job(request, upload):
    request, upload = request.model_dump(), upload.model_dump()
    print("asked", json.dumps([request, upload]))
    if "lost" in upload["program"][0]:
        raise ConnectionError("no answer")
    status = "failed" if "bad" in upload["program"][0] else "succeeded"
    Path(os.environ["OUT_PATH"], "result.json").write_text(
        json.dumps({"status": status, "program": upload["program"]})
    )
    if status == "failed":
        raise SseRuntimeError("reason: failed to execute job on device")
    result = {"sampling": {"counts": {"01": 3, "10": request["shots"] - 3}}, "estimation": None}
    if request["job_type"] == "estimation":
        result = {"sampling": None, "estimation": {"exp_value": -0.5, "stds": 0.25}}
    return JobsJob(job_info={"input": "", "result": result})
"""


def find_python(version: str) -> str:
    """An interpreter of a version; skips the test if there is none."""
    if version == "this":
        return sys.executable
    roots = [Path(sys.executable).parent, Path("~/.pyenv/versions").expanduser()]
    found = [
        str(path)
        for path in [roots[0] / f"python{version}", *roots[1].glob(f"{version}.*/bin/python")]
        if path.exists()
    ]
    python = found[0] if found else shutil.which(f"python{version}")
    if python is None:
        pytest.skip(f"there is no Python {version} here")
    return python


class Place:
    """What a program finds in the container, with stubs that know no network."""

    def __init__(self, folder: Path, python: str) -> None:
        self.python = python
        self.out = folder / "out"
        self.source = folder / "userprogram.py"
        modules = folder / "modules"
        (modules / "oqtopus_client" / "rest").mkdir(parents=True)
        self.out.mkdir()
        (modules / "sse_driver.py").write_text(DRIVER)
        shutil.copy(sse_models.__file__, modules / "oqtopus_client" / "rest" / "models.py")
        self.environment = {
            "OQTOPUS_ENV": "sse_container",
            "JOB_JSON": json.dumps({"job_id": "7", "device_id": "anemone"}),
            "OUT_PATH": str(self.out),
            "PYTHONPATH": str(modules),
            "LD_LIBRARY_PATH": os.environ.get("LD_LIBRARY_PATH", ""),
        }

    def run(self, program: str, **changes: str) -> subprocess.CompletedProcess[str]:
        self.source.write_text(bundle_program(program))
        return subprocess.run(
            # Without site-packages: this package must not be found there.
            [self.python, "-S", self.source],
            env={**self.environment, **changes},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def lines(self, program: str) -> list[str]:
        ended = self.run(program)
        assert ended.returncode == 0, ended.stderr
        return [line for line in ended.stdout.splitlines() if line]


@pytest.fixture(params=VERSIONS)
def everywhere(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    return Place(tmp_path, find_python(request.param))


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path, sys.executable)


def asked(line: str) -> Any:
    assert line.startswith("asked ")
    return json.loads(line[6:])


def test_everything_on_each_python(everywhere: Place) -> None:
    lines = everywhere.lines(
        '''"""A loop."""
from __future__ import annotations
import sys
from qiskit_oqtopus.sse import InnerJobError, emit, estimate, sample, time_left
import qiskit_oqtopus.sse as module

print(sys.modules["qiskit_oqtopus.sse"] is module, "qiskit" in sys.modules, "numpy" in sys.modules)
print(sample("OPENQASM 3.0;", shots=10))
value, error = estimate("OPENQASM 3.0;", {"Z 0 Z 1": 0.5, "I": 1}, transpiler="qiskit")
print(value, error)
try:
    sample("bad")
except InnerJobError as error:
    print(error)
emit("counts", {"01": 3, "\\u00e9": None})
print(590 < time_left() <= 600, 0 < time_left(60) <= 60, time_left(0))
'''
    )
    assert lines[0] == "True False False"
    request, upload = asked(lines[1])
    assert request == {
        "name": "",
        "description": None,
        "device_id": "anemone",
        "job_type": "sampling",
        "shots": 10,
        "transpiler_info": {"transpiler_lib": None},
        "simulator_info": {},
        "mitigation_info": {},
    }
    assert upload == {"program": ["OPENQASM 3.0;"], "operator": None, "sse_program": None}
    assert lines[2] == "{'01': 3, '10': 7}"
    request, upload = asked(lines[3])
    assert (request["job_type"], request["shots"]) == ("estimation", 1024)
    assert request["transpiler_info"] == {
        "transpiler_lib": "qiskit",
        "transpiler_options": {"optimization_level": 1},
    }
    assert upload["operator"] == [
        {"pauli": "Z 0 Z 1", "coeff": 0.5},
        {"pauli": "I", "coeff": 1.0},
    ]
    assert lines[4] == "-0.5 0.25"
    assert lines[6].startswith("reason: failed to execute job on device. Without the transpiler")
    assert lines[7] == 'payload={"name": "counts", "value": {"01": 3, "\\u00e9": null}}'
    assert lines[8] == "True True 0.0"


def test_line_numbers_and_sources_of_errors(everywhere: Place) -> None:
    ended = everywhere.run(
        "from __future__ import annotations\nfrom qiskit_oqtopus.sse import emit\n\n"
        "def f(x: Unknown) -> None:\n    emit('x', float('nan'))\n\nf(1)\n"
    )
    assert ended.returncode == 1
    name = everywhere.source.name
    assert f'{name}", line 7, in <module>\n    f(1)\n' in ended.stderr
    assert f"{name}\", line 5, in f\n    emit('x', float('nan'))\n" in ended.stderr
    assert 'File "qiskit_oqtopus/sse.py", line' in ended.stderr


def test_a_failed_job_leaves_the_result_of_the_one_before(place: Place) -> None:
    head = "from qiskit_oqtopus.sse import InnerJobError, sample\n"
    attempt = "try: sample({!r})\nexcept InnerJobError as error: print(error)\n"
    result = place.out / "result.json"
    place.lines(head + attempt.format("bad"))
    assert json.loads(result.read_text())["status"] == "failed"
    lines = place.lines(
        head + attempt.format("bad") + "sample('good')\n" + attempt.format("bad") * 2
    )
    assert len(lines) == 7
    assert json.loads(result.read_text()) == {"status": "succeeded", "program": ["good"]}
    lines = place.lines(head + attempt.format("lost"))
    assert lines[-1] == "no answer"
    assert json.loads(result.read_text())["status"] == "succeeded"
    result.write_text("rubbish")
    place.lines(head + attempt.format("bad"))
    assert json.loads(result.read_text())["status"] == "failed"


def test_settings(place: Place) -> None:
    lines = place.lines(
        "from qiskit_oqtopus.sse import sample\n"
        "sample('', 5, transpiler='qiskit', transpiler_options={'optimization_level': 3})\n"
        "sample('', 5.0, mitigation='pseudo_inverse')\n"
    )
    first, second = (asked(line)[0] for line in lines)
    assert first["transpiler_info"]["transpiler_options"] == {"optimization_level": 3}
    assert second["mitigation_info"] == {"ro_error_mitigation": "pseudo_inverse"}
    assert second["shots"] == 5


@pytest.fixture
def inside(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OQTOPUS_ENV", "sse_container")
    monkeypatch.setenv("JOB_JSON", '{"device_id": "anemone"}')
    monkeypatch.setitem(sys.modules, "oqtopus_client.rest.models", sse_models)
    monkeypatch.setitem(sys.modules, "sse_driver", sse_models)  # is not called


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ({"program": b""}, "OpenQASM 3 text, not bytes"),
        ({"shots": 0}, "shots"),
        ({"shots": 1.5}, "is an integer, not 1.5"),
        ({"shots": True}, "is an integer, not True"),
        ({"transpiler": "tket"}, "None or \"qiskit\", not 'tket'"),
        ({"transpiler_options": {}}, 'need transpiler="qiskit"'),
        ({"mitigation": True}, 'None or "pseudo_inverse", not True'),
    ],
)
def test_arguments_that_are_refused(inside: None, arguments: Any, reason: str) -> None:
    with pytest.raises((ValueError, TypeError), match=reason):
        sse.sample(**{"program": "", **arguments})


@pytest.mark.parametrize("pauli", ["ZZ", "z 0", "X 0Z 1", "Z", "X -1", 3, "X 0 X 0", "Z 0 Z 00"])
def test_operators_that_the_server_would_read_otherwise(inside: None, pauli: Any) -> None:
    with pytest.raises(ValueError, match=r"A term is a text like|names a qubit twice"):
        sse.estimate("", [("I", 1.0), (pauli, 0.5)])
    with pytest.raises(ValueError, match="no terms"):
        sse.estimate("", {})


def test_results_that_json_cannot_say(capsys: pytest.CaptureFixture[str]) -> None:
    numpy = pytest.importorskip("numpy")
    sse.emit("a", {"x": numpy.arange(3), "y": numpy.float64(0.5)})
    expected = '\npayload={"name": "a", "value": {"x": [0, 1, 2], "y": 0.5}}\n'
    assert capsys.readouterr().out == expected
    for value, kind in ((1j, TypeError), (object(), TypeError), (float("inf"), ValueError)):
        with pytest.raises(kind):
            sse.emit("a", value)
    with pytest.raises(TypeError, match="is a text"):
        sse.emit(1, 2)  # type: ignore[arg-type]
    assert capsys.readouterr().out == ""


def test_outside_of_a_container(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OQTOPUS_ENV", raising=False)
    with pytest.raises(RuntimeError, match="only in a program of an SSE job"):
        sse.sample("")


def test_a_loop_on_the_emulator() -> None:
    program = """
from qiskit_oqtopus.sse import InnerJobError, emit, estimate, sample

text = 'OPENQASM 3.0; include "stdgates.inc"; qubit[2] q; bit[2] c; x q[0]; %s'
emit("counts", sample(text % "c = measure q;", 100))
emit("energy", estimate(text % "", {"Z 0": 1.0, "Z 1": 2.0}, 100, transpiler=None))
try:
    sample(text % "h q[1];")
except InnerJobError as error:
    print(error)
"""
    with Emulator(["line-4q"], sse=True) as cloud:
        user = Session(cloud)
        job = user.run(
            {"input.json": {"sse_program": bundle_program(program)}}, job_type="sse", shots=1
        )
        assert job["status"] == "succeeded"
        log = user.file(job, "sse_log")[1].splitlines()
        payloads = [json.loads(line[8:]) for line in log if line.startswith("payload=")]
        assert payloads == [
            {"name": "counts", "value": {"01": 100}},
            {"name": "energy", "value": [1.0, 0.0]},
        ]
        assert log[-1].endswith('transpiler="qiskit" takes other gates')
        assert user.result(job)["estimation"] == {"exp_value": 1.0, "stds": 0.0}
