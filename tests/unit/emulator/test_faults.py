"""Each fault, seen from outside."""

from __future__ import annotations

import io
import math
import threading
import time
import zipfile
import zlib
from datetime import datetime, timezone

import pytest
import requests

from qiskit_oqtopus.emulator import Emulator, Faults, JobView

from .session import BELL, FLIP, NULL, Session, unzipped


@pytest.fixture
def faults(cloud: Emulator) -> Faults:
    return cloud.faults


def test_connections_dropped_before(faults: Faults, user: Session, cloud: Emulator) -> None:
    job_id = user.ready()
    fault = faults.drop("POST", "/jobs/*/submit", times=2)
    for _ in range(2):
        with pytest.raises(requests.ConnectionError):
            user.submit(job_id)
    assert fault.hits == 2
    assert cloud.requests[-1].status is None
    assert cloud.requests[-1].fault == "drop"
    assert user.call("GET", f"/jobs/{job_id}/status")[1]["status"] == "registered"
    assert user.submit(job_id)[0] == 200


def test_connections_dropped_after(faults: Faults, user: Session, cloud: Emulator) -> None:
    job_id = user.ready()
    faults.drop("POST", "/jobs/*/submit", when="after")
    with pytest.raises(requests.ConnectionError):
        user.submit(job_id)
    assert user.finished(job_id)["status"] == "succeeded"
    assert user.submit(job_id)[0] == 400
    assert cloud.executions == {job_id: 1}


def test_uploads_are_dropped_too(faults: Faults, user: Session) -> None:
    faults.drop("POST", "/oqtopus", when="after")
    job_id, target = user.register()
    with pytest.raises(requests.ConnectionError):
        user.upload(target, b"x")
    assert user.submit(job_id)[0] == 200


def test_statuses(faults: Faults, user: Session, cloud: Emulator) -> None:
    busy = faults.status(429, times=2, retry_after=1.5, path="/devices")
    for _ in range(2):
        answer = user.get(f"{cloud.url}/devices")
        assert (answer.status_code, answer.headers["retry-after"]) == (429, "1.5")
        assert answer.json() == {"message": "Too Many Requests"}
    assert user.call("GET", "/devices")[0] == 200
    assert busy.hits == 2
    faults.status(503, "<h1>Service Unavailable</h1>", times=None)
    for _ in range(3):
        answer = user.get(f"{cloud.url}/jobs")
        assert (answer.status_code, answer.text) == (503, "<h1>Service Unavailable</h1>")
    faults.clear()
    assert faults.active == ()
    faults.status(500, method="POST", times=1)
    assert user.call("GET", "/jobs") == (200, [])
    assert user.call("POST", "/jobs")[0] == 500


def test_redirects_show_where_a_token_goes(faults: Faults, user: Session) -> None:
    with Emulator(["line-4q"]) as other:
        faults.redirect(other.url, path="/devices")
        answer = user.get(f"{user.cloud.url}/devices?a=b", allow_redirects=False)
        assert answer.status_code == 307
        assert answer.headers["location"] == f"{other.url}/devices?a=b"
        faults.redirect(other.url, path="/devices")
        # requests follows, and takes our header along: it is not its own "Authorization".
        assert user.get(f"{user.cloud.url}/devices").status_code == 401
        assert other.requests[0].headers["q-api-token"] == user.cloud.token


def test_latency_does_not_queue_requests(faults: Faults, user: Session, cloud: Emulator) -> None:
    faults.latency(0.2)
    start = time.monotonic()
    threads = [threading.Thread(target=Session(cloud).call, args=("GET", "/jobs")) for _ in "12345"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert 0.2 <= time.monotonic() - start < 0.8


def test_urls_that_were_handed_out_expire(faults: Faults, user: Session) -> None:
    job = user.run({"input.json": {"program": [FLIP]}})
    _, target = user.register()
    faults.expire_urls()
    gone = requests.get(job["job_info"]["result"], timeout=5)
    assert gone.status_code == 403
    assert "<Message>Request has expired</Message>" in gone.text
    assert user.upload(target, b"x").status_code == 403
    job = user.call("GET", f"/jobs/{job['job_id']}")[1]
    assert user.result(job)["sampling"]["counts"] == {"1": 1000}


def test_the_next_urls_expire(faults: Faults, user: Session) -> None:
    job = user.run({"input.json": {"program": [FLIP]}})
    faults.expire_urls(times=1)
    assert requests.get(job["job_info"]["result"], timeout=5).status_code == 403
    assert requests.get(job["job_info"]["result"], timeout=5).status_code == 200
    fault = faults.url_lifetime(0)
    _, target = user.register()
    policy_expired = user.upload(target, b"x")
    assert (policy_expired.status_code, "Policy expired" in policy_expired.text) == (403, True)
    fault.remove()
    assert user.ready()


def test_corrupt_zips(faults: Faults, user: Session) -> None:
    job = user.run({"input.json": {"program": [FLIP]}})
    url = job["job_info"]["result"]

    def download(kind: str) -> bytes:
        faults.corrupt_zip(kind)
        return requests.get(url, timeout=60).content

    for kind in ("truncated", "garbage"):
        with pytest.raises(zipfile.BadZipFile):
            unzipped(download(kind))
    names = {"empty": 0, "two_entries": 2, "not_json": 1, "not_object": 1, "oversized": 1}
    for kind, number in names.items():
        data = download(kind)
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            assert len(archive.namelist()) == number, kind
            if kind == "oversized":
                assert archive.infolist()[0].file_size == 2**30
                assert len(data) < 2**21
                packed = zlib.decompressobj(-zlib.MAX_WBITS)
                with archive.open("result.json") as entry:
                    assert entry.read(100) == b" " * 100
                assert packed.decompress(data[41:], 100) == b" " * 100  # after its name
    assert unzipped(download("path"))[0] == "../../../tmp/result.json"
    assert user.result(job)["sampling"]["counts"] == {"1": 1000}
    with pytest.raises(ValueError, match="kind is one of truncated"):
        faults.corrupt_zip("dusty")


def test_unknown_status(faults: Faults, user: Session) -> None:
    job_id = user.ready()
    user.submit(job_id)
    user.finished(job_id)
    faults.unknown_status("hibernating", times=3)
    assert user.call("GET", f"/jobs/{job_id}/status")[1]["status"] == "hibernating"
    assert user.call("GET", f"/jobs/{job_id}")[1]["status"] == "hibernating"
    assert user.call("GET", "/jobs?fields=status")[1] == [{"status": "hibernating"}]
    assert user.call("GET", f"/jobs/{job_id}/status")[1]["status"] == "succeeded"


@pytest.mark.parametrize("ended", [True, False])
def test_stuck_running(faults: Faults, user: Session, cloud: Emulator, ended: bool) -> None:
    faults.stuck_running(ended=ended, times=1)
    job_id = user.ready()
    user.submit(job_id)
    deadline = time.monotonic() + 5
    job = {}
    while not ("ended_at" in job if ended else "running_at" in job):
        assert time.monotonic() < deadline
        job = user.call("GET", f"/jobs/{job_id}")[1]
    assert job["status"] == "running"
    assert ("ended_at" in job) == ended
    message = "failed to execute job on device" if ended else None
    assert job["job_info"].get("message") == message
    assert "result" not in job["job_info"]
    # It can be cancelled, and the next one is as always.
    assert user.call("POST", f"/jobs/{job_id}/cancel")[0] == 200
    assert user.counts(FLIP) == {"1": 1000}


def test_crossed_updates(faults: Faults, user: Session, cloud: Emulator) -> None:
    faults.crossed_updates(times=1)
    assert user.counts(FLIP) == {"1": 1000}  # what succeeds has no race
    for transpiler_info in ({}, NULL):  # one fails before it runs, one while it does
        faults.crossed_updates(times=1)
        job_id = user.ready("OPENQASM 3.0; nonsense")
        user.submit(job_id, transpiler_info=transpiler_info)
        assert cloud.wait(20)
        job = user.call("GET", f"/jobs/{job_id}")[1]
        assert (job["status"], "ended_at" in job) == ("running", True)
        assert job["job_info"]["message"] in (
            "failed to execute job on device",
            "Expecting value: line 1 column 1 (char 0)",
        )
        faults.clear()


def test_lost_ready(faults: Faults, user: Session, cloud: Emulator) -> None:
    faults.lost_ready(0)
    lost = user.ready()
    user.submit(lost)
    assert user.counts(FLIP) == {"1": 1000}  # the engine goes on with the next one
    faults.clear()
    cloud.stop()
    cloud.start()
    assert user.counts(FLIP) == {"1": 1000}
    job = user.call("GET", f"/jobs/{lost}")[1]
    assert (job["status"], "ready_at" in job, "running_at" in job) == ("ready", True, False)
    assert cloud.executions[lost] == 0
    assert user.call("POST", f"/jobs/{lost}/cancel")[0] == 200


def test_programs_fail_by_number_text_and_predicate(faults: Faults, user: Session) -> None:
    def outcome(**changes: str) -> str:
        job = user.run({"input.json": {"program": [FLIP + "// circuit 3\n"]}}, **changes)
        return str(job["job_info"]["message"])

    by_number = faults.fail_program(1, message="number")
    assert [outcome(), outcome(), outcome()] == ["job is succeeded", "number", "job is succeeded"]
    by_number.remove()
    by_text = faults.fail_program("circuit 3", message="text")
    assert outcome() == "text"
    by_text.remove()
    faults.fail_program("my job", message="name")
    assert [outcome(), outcome(name="my job 1")] == ["job is succeeded", "name"]
    seen: list[JobView] = []

    def selects(job: JobView) -> bool:
        seen.append(job)
        return job.description == "d" and job.shots == 1000

    faults.fail_program(selects, times=1, message="predicate")
    assert outcome(description="d") == "predicate"
    assert seen[0].programs == (FLIP + "// circuit 3\n",)


def test_clock_skew(faults: Faults, user: Session) -> None:
    faults.clock_skew(3600)
    job = user.run({"input.json": {"program": [FLIP]}})
    submitted = datetime.strptime(job["submitted_at"], "%Y-%m-%dT%H:%M:%SZ")
    ahead = submitted.replace(tzinfo=timezone.utc).timestamp() - time.time()
    assert 3590 < ahead < 3610
    assert user.result(job)["sampling"]["counts"] == {"1": 1000}


def test_slow_queue(faults: Faults, user: Session, cloud: Emulator) -> None:
    faults.slow_queue(0.3, "slowly")
    start = time.monotonic()
    slow = user.ready()
    user.submit(slow, name="slowly")
    assert user.counts(FLIP) == {"1": 1000}
    assert time.monotonic() - start < 0.3
    assert user.call("GET", f"/jobs/{slow}/status")[1]["status"] == "submitted"
    assert user.finished(slow)["status"] == "succeeded"
    assert 0.3 <= time.monotonic() - start < 2
    faults.slow_queue(math.inf)
    user.submit(user.ready())
    assert not cloud.wait(0.2)


def test_results_of_cancelled_jobs_never_appear(user: Session, cloud: Emulator) -> None:
    entered, leave = threading.Event(), threading.Event()

    def hold(job: JobView) -> bool:
        entered.set()
        leave.wait(60)
        return False

    cloud.faults.fail_program(hold)
    job_id = user.ready(BELL)
    user.submit(job_id, transpiler_info={})
    assert entered.wait(60)
    assert user.call("GET", f"/jobs/{job_id}/status")[1]["status"] == "running"
    assert user.call("POST", f"/jobs/{job_id}/cancel")[0] == 200
    leave.set()
    cloud.faults.clear()
    assert user.counts(FLIP) == {"1": 1000}  # the engine is done with the other
    job = user.call("GET", f"/jobs/{job_id}")[1]
    assert job["status"] == "cancelled"
    assert list(job["job_info"]) == ["input", "transpile_result"]
    assert "ended_at" not in job
    assert cloud.executions[job_id] == 1


def test_faults_are_switched_on_for_many_threads_at_once(faults: Faults) -> None:
    fault = faults.drop("GET", "/x", times=50)
    hits = []

    def ask() -> None:
        hits.extend(faults.intercept("GET", "/x") for _ in range(100))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(hit is fault for hit in hits) == fault.hits == 50
