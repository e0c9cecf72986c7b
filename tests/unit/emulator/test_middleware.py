"""The log of requests."""

from __future__ import annotations

import requests

from qiskit_oqtopus.emulator import Emulator

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
