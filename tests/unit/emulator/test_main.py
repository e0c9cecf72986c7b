"""The command line."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from types import SimpleNamespace
from typing import Any

import pytest
import requests

from qiskit_oqtopus.emulator import Faults
from qiskit_oqtopus.emulator.__main__ import switch_on

from .session import LONG, Session


def test_command_line() -> None:
    command = [
        sys.executable,
        "-m",
        "qiskit_oqtopus.emulator",
        "--json",
        "--device=line-4q",
        "--device=grid-16q",
        "--token=my.token",
        "--fault=status,code=429,path=/devices,retry_after=2",
        "--latency=0.01",
        "--noise",
        "--timing=global_barriers",
    ]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        try:
            assert process.stdout is not None
            said = json.loads(process.stdout.readline())
            assert said["devices"] == ["line-4q", "grid-16q"]
            assert said["token"] == "my.token"  # noqa: S105
            headers = {"q-api-token": said["token"]}
            answers = [
                requests.get(f"{said['url']}/devices", headers=headers, timeout=10)
                for _ in range(2)
            ]
            assert [answer.status_code for answer in answers] == [429, 200]
            assert answers[0].headers["retry-after"] == "2"
            process.send_signal(signal.SIGINT)
            assert process.wait(20) == 0
        finally:
            process.kill()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signals_end_it_while_a_noisy_job_runs(number: signal.Signals) -> None:
    command = [sys.executable, "-m", "qiskit_oqtopus.emulator", "--json", "--noise"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            said = json.loads(process.stdout.readline())
            device = SimpleNamespace(device_id=said["devices"][0])
            cloud: Any = SimpleNamespace(url=said["url"], token=said["token"], devices=[device])
            Session(cloud).start(LONG, shots=1_000_000)
            time.sleep(0.5)
            start = time.monotonic()
            process.send_signal(number)
            assert process.wait(20) == 0
            assert time.monotonic() - start < 2
        finally:
            process.kill()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("nope", "no fault 'nope'"),
        ("latency", "missing 1 required"),
        ("latency,second=1", "these arguments: seconds"),
        ("drop,when=never", "'before' or 'after'"),
        ("corrupt_zip,kind=x", "kind is one of"),
    ],
)
def test_unknown_faults_are_refused(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        switch_on(Faults(), text)


def test_all_faults_by_text() -> None:
    faults = Faults()
    texts = [
        "latency,seconds=0.5,path=/jobs/**",
        "drop,method=POST,path=/jobs/*/submit,when=after,times=2",
        "redirect,to=http://other.example,times=null",
        "expire_urls,times=3",
        "url_lifetime,seconds=1",
        "corrupt_zip,kind=oversized",
        "unknown_status,status=paused",
        "stuck_running,which=3,ended=false",
        "fail_program,which=my job,message=broken",
        "slow_queue,seconds=inf",
        "clock_skew,seconds=-30",
        "missing_log,times=1",
        "cut_log,start=5,stop=-10",
        "fail_inner,inner=2,which=my script,message=broken",
        "slow_inner,seconds=61,inner=0",
        "drop_inner,inner=1,times=1",
    ]
    for text in texts:
        switch_on(faults, text)
    assert [fault.kind for fault in faults.active] == [text.split(",")[0] for text in texts]
    assert faults.active[7].values["which"] == 3
    assert faults.skew == -30
    assert faults.active[12].values == {"start": 5, "stop": -10, "which": None}
    assert faults.active[13].values["inner"] == 2


def test_what_needs_noise() -> None:
    # In a process of its own: main() takes over the signals.
    command = [sys.executable, "-m", "qiskit_oqtopus.emulator", "--timing=global_barriers"]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 2
    assert "there is no noise" in ended.stderr
