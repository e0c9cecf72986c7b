"""A plain client, which sees what the emulator answers byte for byte."""

from __future__ import annotations

import io
import json
import time
import zipfile
from typing import Any

import requests

from qiskit_oqtopus.emulator import Emulator

HEAD = 'OPENQASM 3.0;\ninclude "stdgates.inc";\n'
BELL = HEAD + "qubit[2] q;\nbit[2] c;\nh q[0];\ncx q[0], q[1];\nc = measure q;\n"
FLIP = HEAD + "qubit[1] q;\nbit[1] c;\nx q[0];\nc = measure q;\n"
LONG = (
    HEAD
    + "qubit[12] q;\nbit[12] c;\n"
    + "".join(f"sx q[{i % 12}];\ncx q[{i % 11}], q[{i % 11 + 1}];\n" for i in range(1500))
    + "c = measure q;\n"
)
"""With noise and many shots this takes minutes."""
NULL = {"transpiler_lib": None}
FINAL = ("succeeded", "failed", "cancelled")


def zipped(entries: Any) -> bytes:
    """Return a zip; entries that are not texts become JSON. A text is returned as it is."""
    if isinstance(entries, str):
        return entries.encode()
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in entries.items():
            archive.writestr(name, content if isinstance(content, str) else json.dumps(content))
    return buffer.getvalue()


def unzipped(data: bytes) -> tuple[str, str]:
    """Return the name and the text of the only entry."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        (name,) = archive.namelist()
        return name, archive.read(name).decode()


class Session(requests.Session):
    """Requests of one user."""

    def __init__(self, cloud: Emulator, token: str | None = None) -> None:
        super().__init__()
        self.cloud = cloud
        self.trust_env = False
        self.headers["q-api-token"] = cloud.token if token is None else token

    def call(self, method: str, path: str, **options: Any) -> tuple[int, Any]:
        """Return the status and the JSON of an answer."""
        answer = self.request(method, self.cloud.url + path, timeout=60, **options)
        return answer.status_code, answer.json()

    def register(self) -> tuple[str, dict[str, Any]]:
        """Return a new id, and where to upload."""
        status, body = self.call("POST", "/jobs")
        assert status == 200, body
        return body["job_id"], body["presigned_url"]

    def upload(self, target: dict[str, Any], data: bytes, **changes: str) -> requests.Response:
        """Post an input."""
        fields = {k: v for k, v in {**target["fields"], **changes}.items() if v is not None}
        files = {"file": ("input.zip", data, "application/zip")}
        return requests.post(target["url"], data=fields, files=files, timeout=60)

    def ready(self, program: str = FLIP) -> str:
        """Return the id of a job that waits to be submitted."""
        job_id, target = self.register()
        assert (
            self.upload(target, zipped({"input.json": {"program": [program]}})).status_code == 204
        )
        return job_id

    def submit(self, job_id: str, **changes: Any) -> tuple[int, Any]:
        """Submit, with some fields changed; the value ... leaves a field out."""
        device = next(iter(self.cloud.devices)).device_id
        body = {
            "name": "n",
            "device_id": device,
            "job_type": "sampling",
            "shots": 1000,
            "transpiler_info": NULL,
            **changes,
        }
        body = {key: value for key, value in body.items() if value is not ...}
        return self.call("POST", f"/jobs/{job_id}/submit", json=body)

    def run(self, entries: Any, **changes: Any) -> dict[str, Any]:
        """Run a job to its end, and return it."""
        job_id, target = self.register()
        assert self.upload(target, zipped(entries)).status_code == 204
        status, body = self.submit(job_id, **changes)
        assert status == 200, body
        return self.finished(job_id)

    def start(self, program: str, **changes: Any) -> str:
        """Submit a job, and return its id when it runs."""
        job_id = self.ready(program)
        status, body = self.submit(job_id, **changes)
        assert status == 200, body
        deadline = time.monotonic() + 60
        while self.call("GET", f"/jobs/{job_id}/status")[1]["status"] != "running":
            assert time.monotonic() < deadline, "the job does not start"
            time.sleep(0.01)
        return job_id

    def finished(self, job_id: str) -> dict[str, Any]:
        """Return a job when it has ended."""
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            status, job = self.call("GET", f"/jobs/{job_id}")
            assert status == 200, job
            if job["status"] in FINAL:
                return job
            time.sleep(0.002)
        raise AssertionError(f"job {job_id} does not end")

    def file(self, job: dict[str, Any], name: str) -> tuple[str, str]:
        """Return a file of a job: the name of its entry, and its text."""
        answer = requests.get(job["job_info"][name], timeout=60)
        assert answer.status_code == 200, answer.text
        return unzipped(answer.content)

    def result(self, job: dict[str, Any]) -> Any:
        """Return the result of a job."""
        name, text = self.file(job, "result")
        assert name == "result.json"
        return json.loads(text)

    def counts(self, program: str, **changes: Any) -> dict[str, int]:
        """Run a program, and return its counts."""
        job = self.run({"input.json": {"program": [program]}}, **changes)
        assert job["status"] == "succeeded", job
        return self.result(job)["sampling"]["counts"]
