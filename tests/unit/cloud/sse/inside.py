"""A stand-in for the container: a program runs with a driver that obeys the names of circuits."""

import os
import subprocess
import sys
from pathlib import Path

INTERPRETERS = [
    sys.executable,
    *(
        path
        for version in ("3.10.13", "3.12.1", "3.13.0")
        if (path := Path(f"/root/.pyenv/versions/{version}/bin/python")).exists()
    ),
]

_DRIVER = '''
import json, os, sys, time
from types import SimpleNamespace

calls = []

def submit_job(request, info):
    """Names say what happens."""
    result = {"sampling": {"counts": {"1": request.shots}, "divided_counts": None}}
    calls.append(request.name)
    if "slow" in request.name:
        time.sleep(0.4)
    if "noisy" in request.name:
        sys.stdout.write("half a line of a library")
        print("a warning", file=sys.stderr)
    status = "failed" if "bad" in request.name else "succeeded"
    if "void" in request.name:
        result = None
    path = os.path.join(os.environ["OUT_PATH"], "result.json")
    if os.path.isdir(path):
        os.rmdir(path)
    with open(path, "w") as file:
        json.dump({"status": status, "calls": calls, "shots": request.shots}, file)
    if "locked" in request.name:
        os.remove(path)
        os.mkdir(path)
    if status == "failed":
        raise RuntimeError("To execute sampling on OQTOPUS server is failed. reason: bad")
    return SimpleNamespace(job_info=SimpleNamespace(result=result))
'''

_MODELS = """
from types import SimpleNamespace
JobsSubmitJobRequest = JobsS3SubmitJobInfo = SimpleNamespace
"""


def run_inside(folder, text, python=sys.executable):
    """Run a program, and return its log as a terminal has it, and what is left as the result."""
    modules = folder / "modules"
    (modules / "oqtopus_client/rest").mkdir(parents=True, exist_ok=True)
    (modules / "sse_driver.py").write_text(_DRIVER)
    for package in ("oqtopus_client", "oqtopus_client/rest"):
        (modules / package / "__init__.py").write_text("")
    (modules / "oqtopus_client/rest/models.py").write_text(_MODELS)
    program = folder / "userprogram.py"
    program.write_text(text, encoding="utf-8")
    ran = subprocess.run(
        [python, program],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(modules), "OUT_PATH": str(folder)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
        timeout=60,
    )
    assert ran.returncode == 0, ran.stdout.decode()
    result = folder / "result.json"
    left = result.read_text() if result.is_file() else None
    return ran.stdout.decode().replace("\n", "\r\n"), left
