"""Start and end, and pace."""

from __future__ import annotations

import math
import socket
import threading
import time

import pytest
import requests

from qiskit_oqtopus.emulator import Emulator, Pace
from qiskit_oqtopus.emulator.server import REALISTIC
from qiskit_oqtopus.exceptions import OqtopusError

from .conftest import plain_device
from .session import FLIP, HEAD, LONG, Session


def test_start_and_end() -> None:
    before = set(threading.enumerate())
    cloud = Emulator(["line-4q"], token="me.secret")
    with pytest.raises(OqtopusError, match="no URL"):
        _ = cloud.url
    assert "secret" not in repr(cloud)
    with cloud:
        url = cloud.url
        assert cloud.token == "me.secret"  # noqa: S105
        with pytest.raises(OqtopusError, match="runs already"):
            cloud.start()
        user = Session(cloud)
        job = user.run({"input.json": {"program": [FLIP]}})
    cloud.stop()
    # The thread that starts the simulator's jobs belongs to the process, not to the cloud.
    left = [t for t in set(threading.enumerate()) - before if t.name != "qulacs-dispatcher"]
    assert left == []
    with pytest.raises(requests.ConnectionError):
        requests.get(url, timeout=1)
    with cloud:  # as if it had never been away
        assert cloud.url == url
        found = Session(cloud).call("GET", f"/jobs/{job['job_id']}")[1]
        assert Session(cloud).result(found)["sampling"]["counts"] == {"1": 1000}
    assert cloud.jobs[job["job_id"]].status == "succeeded"


def test_a_job_of_minutes_is_not_waited_for() -> None:
    cloud = Emulator(["grid-16q"], noise=True)
    with cloud:
        job_id = Session(cloud).start(LONG, shots=1_000_000)
        time.sleep(0.5)
        start = time.monotonic()
    assert time.monotonic() - start < 4
    assert cloud.jobs[job_id].status == "submitted"
    with cloud:  # it is run again
        user = Session(cloud)
        deadline = time.monotonic() + 20
        while user.call("GET", f"/jobs/{job_id}/status")[1]["status"] != "running":
            assert time.monotonic() < deadline
            time.sleep(0.01)
        assert user.call("POST", f"/jobs/{job_id}/cancel")[0] == 200


def test_ports_that_are_taken() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(OqtopusError, match=f"cannot listen on 127.0.0.1:{port}"):
            Emulator(port=port).start()


def test_two_clouds_at_once() -> None:
    with Emulator(["line-4q"]) as one, Emulator(["line-4q"]) as other:
        assert one.url != other.url
        assert Session(other, one.token).call("GET", "/devices")[0] == 401


def test_stopping_cuts_slow_requests_short() -> None:
    cloud = Emulator(["line-4q"]).start()
    cloud.faults.latency(30)
    failed = threading.Event()

    def ask() -> None:
        try:
            requests.get(cloud.url, timeout=20)
        except requests.ConnectionError:
            failed.set()

    thread = threading.Thread(target=ask)
    thread.start()
    while not len(cloud.requests):
        time.sleep(0.01)
    start = time.monotonic()
    cloud.stop()
    assert time.monotonic() - start < 5
    thread.join(5)
    assert not thread.is_alive()


def test_pace() -> None:
    pace = Pace(fetch_interval=1.0, fetch_size=3, job_time=0.02, api_latency=0.01, device_lag=0.3)
    with Emulator([plain_device()], pace=pace) as cloud:
        user = Session(cloud)
        ids = [user.ready() for _ in range(8)]
        user.submit(ids[0])
        assert cloud.wait(20)
        # The next look is up to 1 s away, and finds three at once; so does the one after it.
        hold = cloud.faults.slow_queue(math.inf)
        for job_id in ids[1:]:
            user.submit(job_id)
        hold.remove()
        assert cloud.wait(20)
        jobs = list(cloud.jobs.values())
        assert [job.status for job in jobs] == ["succeeded"] * 8
        begun = [job.running_at for job in jobs]
        assert begun[1] - begun[0] > 0.9
        assert 6 * 0.019 < begun[7] - begun[1] < 0.9  # without another wait
        cloud.devices.set("qulacs", status="unavailable")
        assert user.call("GET", "/devices/qulacs")[1]["status"] == "available"
        time.sleep(0.3)
        assert user.call("GET", "/devices/qulacs")[1]["status"] == "unavailable"
    assert Pace(10.0, 10, 0.3, 0.15, 60.0, 8.0) == REALISTIC
    assert Emulator(realistic=True)._pace == REALISTIC


def test_jobs_cost_little() -> None:
    """The goal is 5 ms per job on an idle machine; ten times as much is accepted here."""
    number = 100
    with Emulator() as cloud:
        user = Session(cloud)
        ids = []
        for i in range(number):
            gates = "".join(
                f"rz({0.01 * i + q}) q[{q}];\nsx q[{q}];\ncx q[0], q[1];\n" for q in range(10)
            )
            measured = "c[0] = measure q[0];\nc[1] = measure q[1];\n"
            ids.append(user.ready(HEAD + "qubit[16] q;\nbit[2] c;\n" + gates + measured))
        start = time.monotonic()
        for job_id in ids:
            user.submit(job_id)
        assert cloud.wait(60)
        assert time.monotonic() - start < 0.05 * number
        assert cloud.executions == dict.fromkeys(ids, 1)
