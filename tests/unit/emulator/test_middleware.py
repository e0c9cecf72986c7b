"""The log of requests, and the bounds of what they may be."""

from __future__ import annotations

import logging
import socket
import time
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from qiskit_oqtopus.emulator import Emulator
from qiskit_oqtopus.emulator.middleware import MAX_BODY, MAX_UPLOAD

from .session import FLIP, Session


def test_requests_are_logged_without_the_token(cloud: Emulator, user: Session) -> None:
    user.run({"input.json": {"program": [FLIP]}})
    log = list(cloud.requests)
    assert [(r.method, r.storage, r.token) for r in log[:3]] == [
        ("POST", False, True),
        ("POST", True, False),
        ("POST", False, True),
    ]
    assert all(r.status is not None and r.fault is None for r in log)
    assert cloud.token not in repr(log)
    requests.get(f"{cloud.url}/oqtopus/x?token={cloud.token}", timeout=5)
    assert cloud.requests[-1].token
    cloud.requests.clear()
    assert len(cloud.requests) == 0


def chunks(size: int) -> Iterator[bytes]:
    """A body whose size is not announced."""
    for _ in range(size // 2**16):
        yield b" " * 2**16


@pytest.mark.parametrize("announced", [True, False])
def test_requests_to_the_api_have_a_bound(user: Session, announced: bool) -> None:
    job_id = user.ready()
    body: Any = b" " * (MAX_BODY + 2**16) if announced else chunks(MAX_BODY + 2**17)
    status, answer = user.call("POST", f"/jobs/{job_id}/submit", data=body)
    assert (status, answer) == (413, {"detail": f"the request has more than {MAX_BODY} bytes"})
    assert user.submit(job_id)[0] == 200


def test_uploads_have_a_larger_bound(user: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    assert MAX_UPLOAD > MAX_BODY
    monkeypatch.setattr("qiskit_oqtopus.emulator.middleware.MAX_UPLOAD", 3 * 2**20)
    _, target = user.register()
    assert user.upload(target, b"x" * (4 * 2**20)).status_code == 413
    assert user.upload(target, b"x" * (2 * 2**20)).status_code == 204


@pytest.mark.parametrize("path", ["/oqtopus", "/jobs/x/submit"])
def test_a_client_that_dies_leaves_one_line(
    cloud: Emulator, user: Session, caplog: pytest.LogCaptureFixture, path: str
) -> None:
    head = (
        f"POST {path} HTTP/1.1\r\nhost: x\r\nq-api-token: {cloud.token}\r\n"
        "content-type: multipart/form-data; boundary=b\r\ncontent-length: 100000\r\n\r\n"
        '--b\r\nContent-Disposition: form-data; name="file"; filename="x"\r\n\r\nabc'
    )
    with caplog.at_level(logging.WARNING):
        port = int(cloud.url.rsplit(":")[-1])
        with socket.create_connection(("127.0.0.1", port)) as client:
            client.sendall(head.encode())
            time.sleep(0.2)
        deadline = time.monotonic() + 5
        while not caplog.records and time.monotonic() < deadline:
            time.sleep(0.01)
        assert user.call("GET", "/devices")[0] == 200
    assert [record.getMessage() for record in caplog.records] == [
        f"A client left while it sent POST {path}"
    ]
    assert cloud.token not in caplog.text
