"""Who may do what."""

from __future__ import annotations

import requests

from qiskit_oqtopus.emulator import Emulator

from .session import Session


def test_tokens(cloud: Emulator) -> None:
    for token, challenge in (("", "Bearer"), ("wrong.token", None), ("nodot", None)):
        answer = Session(cloud, token).get(f"{cloud.url}/devices")
        assert (answer.status_code, answer.json()) == (401, {"detail": "Unauthorized"})
        assert answer.headers.get("www-authenticate") == challenge
    bearer = {"Authorization": f"Bearer {cloud.token}"}
    assert requests.get(f"{cloud.url}/devices", headers=bearer, timeout=5).status_code == 401
    waiting = Session(cloud, cloud.add_user(approved=False))
    assert waiting.call("GET", "/devices") == (403, {"detail": "Forbidden"})
    assert Session(cloud, "wrong").call("GET", "/nope")[0] == 401
    answer = Session(cloud).get(f"{cloud.url}/nope")
    assert (answer.status_code, answer.json()) == (404, {"detail": "Not Found"})
    assert answer.headers["x-correlation-id"]


def test_restricted_users(cloud: Emulator) -> None:
    user = Session(cloud, cloud.add_user(devices=["other"]))
    assert user.call("GET", "/devices") == (200, [])
    for name in ("qulacs", "unknown"):
        message = {"message": f"Cannot access device_id={name}."}
        assert user.call("GET", f"/devices/{name}") == (403, message)
    refused = {"message": "cannot create job for device=qulacs"}
    assert user.submit(user.ready()) == (403, refused)
