"""Presigned uploads and downloads."""

from __future__ import annotations

import requests

from .session import FLIP, Session, zipped


def test_uploads(user: Session) -> None:
    job_id, target = user.register()
    good = zipped({"input.json": {"program": [FLIP]}})
    other = user.upload(target, good, key="other/input.zip")
    assert other.status_code == 403
    assert "Policy Condition failed" in other.text
    forged = user.upload(target, good, signature="x")
    assert forged.status_code == 403
    assert "SignatureDoesNotMatch" in forged.text
    nothing = requests.post(target["url"], data=target["fields"], timeout=5)
    assert nothing.status_code == 400
    assert user.upload(target, good).status_code == 204
    assert user.submit(job_id)[0] == 200
    # A second upload is accepted.
    assert user.upload(target, good).status_code == 204
    job = user.finished(job_id)
    url = job["job_info"]["result"]
    assert requests.get(url.replace("result.zip", "input.zip"), timeout=5).status_code == 403
    assert requests.get(url, timeout=5).headers["content-type"] == "binary/octet-stream"
