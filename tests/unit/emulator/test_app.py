"""The user API: the life of a job, and the answers that were recorded."""

from __future__ import annotations

import math
import re
from typing import Any

import pytest
import requests

from qiskit_oqtopus.emulator import Emulator

from .session import BELL, NULL, Session, zipped

SUBMISSION = {"name": "n", "device_id": "qulacs", "job_type": "sampling", "shots": 1000}


def test_life_of_a_job(cloud: Emulator, user: Session) -> None:
    queue = cloud.faults.slow_queue(math.inf)
    job_id, target = user.register()
    assert re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-8000-[0-9a-f]{12}", job_id)
    assert target["url"] == f"{cloud.url}/oqtopus"
    assert list(target["fields"]) == [
        "key",
        "AWSAccessKeyId",
        "x-amz-security-token",
        "policy",
        "signature",
    ]
    assert target["fields"]["key"] == f"{job_id}/input.zip"
    assert target["fields"]["x-amz-security-token"] is None
    registered = {"job_id": job_id, "status": "registered"}
    assert user.call("GET", f"/jobs/{job_id}") == (200, registered)
    assert user.call("GET", f"/jobs/{job_id}/status") == (200, registered)

    answer = user.upload(target, zipped({"input.json": {"program": [BELL]}}))
    assert (answer.status_code, answer.text) == (204, "")
    body = {"name": "n", "device_id": "qulacs", "job_type": "sampling", "shots": 1000}
    submit = f"/jobs/{job_id}/submit"
    assert user.call("POST", submit, json=body) == (200, {"message": "job submitted"})
    assert user.call("GET", f"/jobs/{job_id}/status")[1]["status"] == "submitted"
    job = user.call("GET", f"/jobs/{job_id}")[1]
    assert list(job["job_info"]) == ["input"]
    submitted_at = job.pop("submitted_at")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", submitted_at)
    del job["job_info"]
    assert job == {
        "job_id": job_id,
        "name": "n",
        "description": "",
        "job_type": "sampling",
        "status": "submitted",
        "device_id": "qulacs",
        "shots": 1000,
        "transpiler_info": {},
        "simulator_info": {},
        "mitigation_info": {},
    }

    queue.remove()
    job = user.finished(job_id)
    assert list(job) == [
        "job_id",
        "name",
        "description",
        "job_type",
        "device_id",
        "shots",
        "status",
        "job_info",
        "transpiler_info",
        "simulator_info",
        "mitigation_info",
        "execution_time",
        "submitted_at",
        "ready_at",
        "running_at",
        "ended_at",
    ]
    assert job["transpiler_info"] == {
        "transpiler_lib": "qiskit",
        "transpiler_options": {"optimization_level": 1},
    }
    assert list(job["job_info"]) == ["input", "result", "transpile_result", "message"]
    assert job["job_info"]["message"] == "job is succeeded"
    assert submitted_at <= job["ready_at"] <= job["running_at"] <= job["ended_at"]
    assert 0 <= job["execution_time"] < 10
    assert user.file(job, "input")[0] == "input.json"
    counts = user.result(job)["sampling"]["counts"]
    assert counts.keys() == {"00", "11"}
    assert sum(counts.values()) == 1000
    assert cloud.executions == {job_id: 1}


@pytest.mark.parametrize(
    ("changes", "status", "message"),
    [
        ({"device_id": "nodev"}, 400, "device not found"),
        ({"name": "x" * 257}, 500, "Internal Server Error"),
        ({"description": "d" * 1025}, 500, "Internal Server Error"),
    ],
)
def test_refused_submissions(
    shared: Session, changes: dict[str, Any], status: int, message: str
) -> None:
    assert shared.submit(shared.ready(), **changes) == (status, {"message": message})


def test_statuses_and_what_they_allow(cloud: Emulator, user: Session) -> None:
    cloud.faults.slow_queue(math.inf)
    job_id, _ = user.register()
    missing = f"job information input for {job_id} job not found"
    assert user.submit(job_id) == (400, {"message": missing})

    job_id = user.ready()
    not_deletable = (
        f"{job_id} job is not in valid status for deletion "
        "(valid statuses for deletion: 'succeeded', 'failed' and 'cancelled')"
    )
    not_submittable = (
        f"{job_id} job is not in valid status for submission "
        "(valid status for submission: 'registered')"
    )
    not_cancellable = (
        f"{job_id} job is not in valid status for cancellation "
        "(valid statuses for cancellation: 'registered', 'ready', 'submitted' and 'running')"
    )
    accepted = (200, {"message": "cancel request accepted"})
    cancel, path = f"/jobs/{job_id}/cancel", f"/jobs/{job_id}"
    assert user.call("DELETE", path) == (400, {"message": not_deletable})
    assert user.submit(job_id)[0] == 200
    assert user.submit(job_id) == (400, {"message": not_submittable})
    assert user.call("DELETE", path) == (400, {"message": not_deletable})
    assert user.call("POST", cancel) == accepted
    assert user.call("POST", cancel) == accepted
    job = user.call("GET", path)[1]
    assert job["status"] == "cancelled"
    assert "ended_at" not in job
    assert job["transpiler_info"] == NULL
    assert user.submit(job_id) == (400, {"message": not_submittable})
    assert user.call("DELETE", path) == (200, {"message": "job deleted"})
    assert user.call("GET", path) == (404, {"message": "job not found with the given id"})

    cloud.faults.clear()
    job_id = user.ready()
    user.submit(job_id)
    job = user.finished(job_id)
    status, body = user.call("POST", f"/jobs/{job_id}/cancel")
    assert (status, body["message"][36:]) == (400, not_cancellable[36:])
    assert user.call("DELETE", f"/jobs/{job_id}")[0] == 200
    gone = requests.get(job["job_info"]["result"], timeout=5)
    assert (gone.status_code, gone.headers["content-type"]) == (404, "application/xml")
    assert "<Code>NoSuchKey</Code>" in gone.text


def test_a_job_cancelled_while_registered_cannot_be_read(user: Session) -> None:
    user.ready()
    user.cloud.faults.clock_skew(2)  # else the other may be in the same second
    job_id, _ = user.register()
    assert user.call("POST", f"/jobs/{job_id}/cancel")[0] == 200
    broken = (500, {"message": "Internal Server Error"})
    cancelled = {"job_id": job_id, "status": "cancelled"}
    assert user.call("GET", f"/jobs/{job_id}") == broken
    assert user.call("GET", f"/jobs/{job_id}/status") == (200, cancelled)
    assert user.call("GET", "/jobs?size=2&order=DESC") == broken
    listed = user.call("GET", "/jobs?size=1&order=DESC&fields=job_id,status")
    assert listed == (200, [cancelled])
    assert user.call("DELETE", f"/jobs/{job_id}") == (200, {"message": "job deleted"})
    assert user.call("GET", "/jobs?size=2&order=DESC")[0] == 200


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", ""),
        ("GET", "/status"),
        ("POST", "/cancel"),
        ("DELETE", ""),
        ("POST", "/submit"),
    ],
)
@pytest.mark.parametrize("whose", ["nobody's", "another's"])
def test_unknown_jobs(cloud: Emulator, method: str, path: str, whose: str) -> None:
    other = Session(cloud, cloud.add_user())
    job_id = "00000000-0000-0000-0000-000000000000" if whose == "nobody's" else other.ready()
    options = {"json": SUBMISSION} if path == "/submit" else {}
    answer = Session(cloud).call(method, f"/jobs/{job_id}{path}", **options)
    assert answer == (404, {"message": "job not found with the given id"})


def test_devices_that_are_not_available(cloud: Emulator, user: Session) -> None:
    job_id = user.ready()
    cloud.devices.set("qulacs", status="unavailable")
    assert user.call("GET", "/devices")[1][0]["status"] == "unavailable"
    refused = {"message": "device qulacs is not available"}
    assert user.submit(job_id) == (400, refused)
    cloud.devices.set("qulacs", status="available")
    queue = cloud.faults.slow_queue(math.inf)
    assert user.submit(job_id)[0] == 200
    assert user.call("GET", "/devices/qulacs")[1]["n_pending_jobs"] == 1
    cloud.devices.set("qulacs", status="unavailable")
    queue.remove()
    job = user.finished(job_id)
    message = job["job_info"]["message"]
    assert (job["status"], message) == ("failed", "device status is not available")
    assert cloud.executions == {}


@pytest.fixture(scope="module")
def ids(shared_cloud: Emulator) -> tuple[Session, list[str]]:
    user = Session(shared_cloud, shared_cloud.add_user())
    done = [user.ready() for _ in range(3)]
    for name, job_id in zip(("bell", "bell-native", "Other"), done, strict=True):
        user.submit(job_id, name=name, description=f"group-{name}")
    later = shared_cloud.faults.clock_skew(2)
    registered, _ = user.register()
    later.remove()
    for job_id in done:
        user.finished(job_id)
    return user, [*done, registered]


class TestList:
    """GET /jobs and its quirks."""

    def test_order_and_pages(self, ids: tuple[Session, list[str]]) -> None:
        user, jobs = ids

        def found(query: str) -> list[str]:
            status, rows = user.call("GET", f"/jobs?fields=job_id{query}")
            assert status == 200
            return [row["job_id"] for row in rows]

        assert found("") == jobs
        assert found("&order=ASC") == found("&order=desc") == found("&order=XXX") == jobs
        assert found("&order=DESC")[0] == jobs[3]
        assert found("&size=2") == jobs[:2]
        assert found("&size=3&page=2") == jobs[3:]
        assert found("&page=9999") == []
        assert found("&status=succeeded") == jobs[:3]
        assert found("&status=registered") == jobs[3:]
        assert found("&q=BELL") == jobs[:2]
        assert found("&q=group-other") == [jobs[2]]
        assert found(f"&q={jobs[3]}") == [jobs[3]]
        assert found("&q=nosuchname") == []

    def test_the_newest_first_are_the_oldest_first_within_a_second(
        self, cloud: Emulator, user: Session
    ) -> None:
        for _ in range(3):
            for _ in range(5):
                user.register()
            cloud.faults.clock_skew(2)
        created = {job_id: int(job.created) for job_id, job in cloud.jobs.items()}
        expected = sorted(created, key=lambda job_id: (-created[job_id], job_id))
        rows = user.call("GET", "/jobs?order=DESC&fields=job_id")[1]
        assert [row["job_id"] for row in rows] == expected
        rows = user.call("GET", "/jobs?order=DESC&size=4&page=2&fields=job_id")[1]
        assert [row["job_id"] for row in rows] == expected[4:8]

    @pytest.mark.parametrize(
        ("text", "found"),
        [
            ("r_s", ["r_s", "rxs", r"r\s"]),
            ("R%S", ["r_s", "rxs", r"r\s"]),
            (r"r\_s", ["r_s"]),
            (r"r\s", []),  # the backslash means the s after it
            (r"r\\s", [r"r\s"]),
            ("xs\\", []),
            ("xs", ["rxs"]),
        ],
    )
    def test_a_search_is_a_pattern(
        self, shared_cloud: Emulator, text: str, found: list[str]
    ) -> None:
        user = Session(shared_cloud, shared_cloud.add_user())
        for name in ("r_s", "rxs", r"r\s"):
            user.submit(user.ready(), name=name)
        rows = user.call("GET", "/jobs", params={"q": text, "fields": "name"})[1]
        assert [row["name"] for row in rows] == found

    def test_times(self, ids: tuple[Session, list[str]]) -> None:
        user, jobs = ids
        rows = user.call("GET", "/jobs?fields=job_id,submitted_at")[1]
        assert rows[3] == {"job_id": jobs[3]}
        first, last = rows[0]["submitted_at"], rows[2]["submitted_at"]
        cases = {
            f"start_time={first}": 3,
            f"start_time={first[:-1]}": 3,
            f"start_time={first[:10]}": 3,
            f"end_time={last}": 3,
            f"start_time={last[:-1]}.500000": 0,
            "start_time=2000-01-01&end_time=2000-01-02": 0,
        }
        for query, expected in cases.items():
            assert len(user.call("GET", f"/jobs?fields=job_id&{query}")[1]) == expected, query
        broken = (500, {"message": "Internal Server Error"})
        assert user.call("GET", "/jobs?start_time=yesterday") == broken

    def test_fields(self, ids: tuple[Session, list[str]]) -> None:
        user, _ = ids
        newest = "/jobs?size=1&order=DESC"
        assert user.call("GET", f"{newest}&fields=name,shots,transpiler_info") == (200, [{}])
        rows = user.call("GET", "/jobs?size=1&fields=job_info,status")[1]
        assert list(rows[0]) == ["status", "job_info"]
        assert rows[0]["job_info"]["message"] == "job is succeeded"
        assert requests.get(rows[0]["job_info"]["result"], timeout=5).status_code == 200
        for text, shown in (("job_id,nope", "nope"), ("", ""), ("created_at", "created_at")):
            message = {"message": f"fields ['{shown}'] is invalid"}
            assert user.call("GET", f"/jobs?fields={text}") == (400, message)

    @pytest.mark.parametrize("query", ["size=101", "size=0", "size=-1", "size=abc", "page=0"])
    def test_pages_out_of_range(self, ids: tuple[Session, list[str]], query: str) -> None:
        broken = (500, {"message": "Internal Server Error"})
        assert ids[0].call("GET", f"/jobs?{query}") == broken

    @pytest.mark.parametrize("status", ["nope", "succeeded,failed"])
    def test_unknown_status(self, ids: tuple[Session, list[str]], status: str) -> None:
        expected = (
            "'registered', 'submitted', 'ready', 'running', 'cancelling', 'succeeded', 'failed' "
            "or 'cancelled'"
        )
        error = {
            "type": "enum",
            "loc": ["query", "status"],
            "msg": f"Input should be {expected}",
            "input": status,
            "ctx": {"expected": expected},
        }
        answer = ids[0].call("GET", f"/jobs?status={status}")
        assert answer == (422, {"detail": [error]})
