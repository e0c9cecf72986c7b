"""What each operation sends, and what it makes of the answer."""

from __future__ import annotations

import io
import json
import zipfile
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone

import pytest

from qiskit_oqtopus.client import (
    ConfigurationError,
    Device,
    NotFoundError,
    PresignedPost,
    ProtocolError,
    Submission,
)
from qiskit_oqtopus.client.storage import pack_json, unpack_json
from qiskit_oqtopus.version import __version__

from .conftest import TOKEN
from .server import Reply, say

JOB_ID = "06b036a9-8c6f-7949-8000-c2ba7e2e6e29"
QPU = {
    "device_id": "Kawasaki",
    "device_type": "QPU",
    "status": "available",
    "available_at": "2026-11-22T22:17:15Z",
    "n_pending_jobs": 2,
    "n_qubits": 64,
    "basis_gates": ["sx", "rz", "rzx90", "id"],
    "supported_instructions": ["measure", "barrier"],
    "device_info": None,
    "calibrated_at": "2026-11-22T22:17:15Z",
    "description": "Superconducting quantum computer",
}
SUBMISSION = Submission(
    "n", "", "qulacs", "sampling", 1000, {"transpiler_lib": None}, {}, {"ro_error_mitigation": "x"}
)


def registration(url):
    return {
        "job_id": JOB_ID,
        "presigned_url": {
            "url": url,
            "fields": {
                "key": f"{JOB_ID}/input.zip",
                "AWSAccessKeyId": "AKIAEXAMPLE",
                "x-amz-security-token": None,
                "policy": "BASE64POLICY",
                "signature": "SIGNATURE",
            },
        },
    }


def test_devices(serve, connect):
    server = serve(say([QPU, {"device_id": "new", "device_type": "annealer", "colour": "red"}]))
    known, new = connect(server).devices()
    assert known == Device(
        "Kawasaki",
        "QPU",
        "available",
        "2026-11-22T22:17:15Z",
        2,
        64,
        ("sx", "rz", "rzx90", "id"),
        ("measure", "barrier"),
        None,
        "2026-11-22T22:17:15Z",
        "Superconducting quantum computer",
    )
    assert (new.device_type, new.extra, new.n_qubits) == ("annealer", {"colour": "red"}, None)
    (seen,) = server.seen
    assert (seen.method, seen.path) == ("GET", "/devices")
    assert seen.headers["q-api-token"] == TOKEN
    assert seen.headers["user-agent"] == f"qiskit-oqtopus/{__version__}"
    assert "authorization" not in seen.headers


def test_device_ids_are_quoted(serve, connect):
    server = serve(say({"device_id": "a/b ?#é"}))
    assert connect(server).device("a/b ?#é").device_id == "a/b ?#é"
    assert server.seen[0].path == "/devices/a%2Fb%20%3F%23%C3%A9"


@pytest.mark.parametrize("job_id", ["", ".", ".."])
def test_what_cannot_be_an_id_asks_for_nothing_else(serve, connect, job_id):
    server = serve(say({}))
    with pytest.raises(NotFoundError, match="not an id"):
        connect(server).job(job_id)
    assert server.seen == []


def test_url_with_a_path(serve, connect):
    server = serve(say([]))
    client = connect(f"{server.url}/api/v1/")
    assert client.devices() == []
    assert server.seen[0].path == "/api/v1/devices"
    assert client.url == f"{server.url}/api/v1"


def test_three_steps_of_a_job(serve, connect):
    storage = serve(Reply(204))
    server = serve(say(registration(f"{storage.url}/oqtopus")), say({"message": "job submitted"}))
    client = connect(server)
    registered = client.register()
    program = {"program": ['OPENQASM 3.0;\n// "é"\n']}
    client.upload(registered.upload, pack_json(program))
    client.submit(registered.job_id, SUBMISSION)

    register, submit = server.seen
    assert (register.method, register.path, register.body) == ("POST", "/jobs", b"")
    assert (submit.method, submit.path) == ("POST", f"/jobs/{JOB_ID}/submit")
    assert submit.headers["content-type"] == "application/json"
    assert submit.json() == {
        "name": "n",
        "description": "",
        "device_id": "qulacs",
        "job_type": "sampling",
        "shots": 1000,
        "transpiler_info": {"transpiler_lib": None},
        "simulator_info": {},
        "mitigation_info": {"ro_error_mitigation": "x"},
    }
    (upload,) = storage.seen
    assert (upload.method, upload.path) == ("POST", "/oqtopus")
    *form, file = upload.parts()
    assert [(name, value) for name, _, _, value in form] == [
        ("key", f"{JOB_ID}/input.zip".encode()),
        ("AWSAccessKeyId", b"AKIAEXAMPLE"),
        ("policy", b"BASE64POLICY"),
        ("signature", b"SIGNATURE"),
    ]
    assert file[:3] == ("file", "input.zip", "application/zip")
    assert unpack_json(file[3]) == program
    assert "q-api-token" not in upload.headers


@pytest.mark.parametrize("status", [200, 201, 204])
def test_statuses_of_a_good_upload(serve, connect, status):
    storage = serve(Reply(status))
    connect("https://cloud.example").upload(PresignedPost(storage.url, {"key": "k"}), b"zip")
    assert len(storage.seen) == 1


def test_job(serve, connect):
    body = {
        "job_id": JOB_ID,
        "status": "succeeded",
        "shots": 1000,
        "execution_time": 0.254,
        "job_info": {"input": "https://s3.example/i.zip?S=1", "message": "job is succeeded"},
        "transpiler_info": {"transpiler_lib": "qiskit"},
        "ended_at": "2026-11-22T22:20:10Z",
        "priority": 7,
    }
    server = serve(say(body))
    job = connect(server).job(JOB_ID)
    assert server.seen[0].path == f"/jobs/{JOB_ID}"
    assert (job.job_id, job.status, job.shots, job.execution_time) == (
        JOB_ID,
        "succeeded",
        1000,
        0.254,
    )
    assert job.job_info is not None
    assert job.job_info.input == "https://s3.example/i.zip?S=1"
    assert (job.job_info.result, job.job_info.message) == (None, "job is succeeded")
    assert (job.extra, job.name, job.running_at) == ({"priority": 7}, None, None)


@pytest.mark.parametrize("status", ["registered", "cancelling", "frozen"])
def test_status_known_or_not(serve, connect, status):
    server = serve(say({"job_id": JOB_ID, "status": status}))
    assert connect(server).status(JOB_ID) == status
    assert server.seen[0].path == f"/jobs/{JOB_ID}/status"


def test_cancel_and_delete(serve, connect):
    server = serve(say({"message": "cancel request accepted"}), say({"message": "job deleted"}))
    client = connect(server)
    client.cancel(JOB_ID)
    client.delete(JOB_ID)
    assert [(seen.method, seen.path) for seen in server.seen] == [
        ("POST", f"/jobs/{JOB_ID}/cancel"),
        ("DELETE", f"/jobs/{JOB_ID}"),
    ]


def test_list_names_its_fields_always(serve, connect):
    server = serve(say([{"job_id": JOB_ID, "status": "registered"}]))
    client = connect(server)
    (job,) = client.jobs()
    assert (job.job_id, job.status, job.shots) == (JOB_ID, "registered", None)
    client.jobs(fields=["ended_at", "status", "job_info"])
    first, second = (seen.query for seen in server.seen)
    assert first == {"page": "1", "size": "100", "order": "DESC", "fields": "job_id,status"}
    assert second["fields"] == "job_id,status,ended_at,job_info"


def test_list_filters(serve, connect):
    server = serve(say([]))
    plus_nine = timezone(timedelta(hours=9))
    assert (
        connect(server).jobs(
            page=3,
            size=7,
            status="failed",
            q="bell & é",
            start_time=datetime(2026, 11, 22, 9, 30, tzinfo=plus_nine),
            end_time="2026-11-23",
            order="ASC",
        )
        == []
    )
    query = server.seen[0].query
    del query["fields"]
    assert query == {
        "page": "3",
        "size": "7",
        "status": "failed",
        "q": "bell & é",
        "start_time": "2026-11-22T00:30:00Z",
        "end_time": "2026-11-23",
        "order": "ASC",
    }


@pytest.mark.parametrize("wrong", [{"page": 0}, {"size": 0}, {"size": 101}, {"order": "desc"}])
def test_list_arguments_that_make_the_server_fail_are_not_sent(serve, connect, wrong):
    server = serve(say([]))
    with pytest.raises(ConfigurationError, match=next(iter(wrong))):
        connect(server).jobs(**wrong)
    assert server.seen == []


FACTS = {"name": "qulacs", "qubits": [{"id": 0, "fidelity": 0.999}], "couplings": []}


@pytest.mark.parametrize("info", [None, "", " \n"])
def test_no_device_facts(connect, info):
    assert connect("https://cloud.example").device_facts(Device("d", device_info=info)) is None


def test_device_facts_as_text_and_as_zip(serve, connect):
    storage = serve(Reply(200, pack_json(FACTS, "device_info.json")))
    client = connect("https://cloud.example")
    assert client.device_facts(Device("d", device_info=json.dumps(FACTS))) == FACTS
    url = f"{storage.url}/device_info.zip?Signature=SIGNED%2BX"
    assert client.device_facts(Device("d", device_info=url)) == FACTS
    assert storage.seen[0].path == "/device_info.zip?Signature=SIGNED%2BX"
    assert "q-api-token" not in storage.seen[0].headers


def test_a_stored_text(serve, connect):
    stored = io.BytesIO()
    with zipfile.ZipFile(stored, "w") as archive:
        archive.writestr("sse_runtime.log", b"caf\xc3\xa9 \xff\r\n")
    storage = serve(Reply(200, stored.getvalue()), Reply(200, b"no archive"))
    client = connect("https://cloud.example")
    assert client.download_text(f"{storage.url}/sse_log.zip") == "café \ufffd\r\n"
    with pytest.raises(ProtocolError, match=r"sse_log\.zip: the zip archive cannot be read"):
        client.download_text(f"{storage.url}/sse_log.zip")


@pytest.mark.parametrize("info", ["[1]", "{", "file:///etc/passwd", "ftp://x/y", "C:\\x", "null"])
def test_broken_device_facts(connect, info):
    with pytest.raises(ProtocolError, match="device_info of SC"):
        connect("https://cloud.example").device_facts(Device("SC", device_info=info))


@pytest.mark.parametrize(
    "body",
    [b"", b"<html>", b"[1, 2", b"[" * 100_000, b'{"a": 1}', b'[{"status": "x"}]', b"[3]", b"null"],
)
def test_answers_that_cannot_be_understood(serve, connect, body):
    server = serve(Reply(200, body, {"x-correlation-id": "abc"}))
    with pytest.raises(ProtocolError) as info:
        connect(server).jobs()
    error = info.value
    assert (error.method, error.path, error.status) == ("GET", "/jobs", 200)
    assert error.correlation_id == "abc"
    assert "GET /jobs" in str(error)
    assert len(server.seen) == 1


def test_a_submission_answered_by_something_else_is_doubtful(serve, connect):
    server = serve(Reply(200, b"<html>Welcome to our hotel</html>"))
    with pytest.raises(ProtocolError) as info:
        connect(server).submit(JOB_ID, SUBMISSION)
    assert info.value.sent is not False
    assert len(server.seen) == 1


def test_many_threads_share_few_connections(serve, connect):
    server = serve(lambda seen: say({"job_id": seen.path.split("/")[2], "status": "ready"}))
    client = connect(server, pool_size=4)
    ids = [f"job-{number}" for number in range(64)]
    with ThreadPoolExecutor(16) as pool:
        jobs = list(pool.map(client.job, ids))
    assert [job.job_id for job in jobs] == ids
    assert len({seen.port for seen in server.seen}) <= 4


def test_cookies_are_neither_kept_nor_sent(serve, connect):
    reply = say([])
    reply.headers["Set-Cookie"] = "session=1"
    server = serve(reply)
    client = connect(server)
    client.devices()
    client.devices()
    assert "cookie" not in server.seen[1].headers


def test_a_forked_process_opens_connections_of_its_own(serve, connect, monkeypatch):
    server = serve(say([]))
    client = connect(server)
    client.devices()
    monkeypatch.setattr("os.getpid", lambda: -1)
    client.devices()
    client.devices()
    first, second, third = (seen.port for seen in server.seen)
    assert first != second == third


def test_a_closed_client_opens_again(serve, connect):
    server = serve(say([]))
    with connect(server) as client:
        client.devices()
    assert client.devices() == []
    assert len({seen.port for seen in server.seen}) == 2
