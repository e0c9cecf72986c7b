"""The stand-in for the module ``sse_driver`` of the container; copied to where programs find it.

It imports nothing of this package. Its function asks the emulator over a loopback connection: one
line of JSON each way, where the container has gRPC.
"""

from __future__ import annotations

import json
import os
import socket
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from oqtopus_client.rest.models import JobsJob, JobsS3SubmitJobInfo, JobsSubmitJobRequest

__all__ = ["SseRuntimeError", "submit_job"]

_INFOS = ("transpiler_info", "simulator_info", "mitigation_info")
_IN_JOB_INFO = ("combined_program", "result", "transpile_result", "message")
_MAX_MESSAGE = str(4 * 2**20)


class SseRuntimeError(RuntimeError):
    """A job failed, or what came back cannot be read."""


def submit_job(input_job: JobsSubmitJobRequest, upload_info: JobsS3SubmitJobInfo) -> JobsJob:
    """Run a job, and return it when it has ended.

    Args:
        input_job: What to run, and how often.
        upload_info: Its programs, and its operator.

    Raises:
        OSError: If there is no outer job, or no answer comes.
        SseRuntimeError: If the job failed; ``OUT_PATH/result.json`` has it then as well.
    """
    outer = os.environ.get("JOB_JSON")
    if not outer:
        raise OSError("Could not get job data")
    started = datetime.now(tz=timezone.utc)
    uploaded = upload_info.model_dump()
    request = input_job.model_dump()
    request.update({name: request.get(name) or {} for name in _INFOS})
    request.update(
        name=request.get("name") or "",
        program=uploaded.get("program") or [],
        operator=uploaded.get("operator") or [],
        input="",
        job_id=json.loads(outer)["job_id"],
        status="ready",
    )
    answer = _ask(request)
    text = answer["job_json"]
    try:
        job = _read_job(text, started)
    except ValueError as error:
        raise SseRuntimeError(f"Could not parse job data: {error}") from error
    _write_result(text)
    if answer["status"] != "succeeded" or job.status != "succeeded":
        reason = answer["message"] or (job.job_info and job.job_info.message)
        raise SseRuntimeError(f"To execute sampling on OQTOPUS server is failed. reason: {reason}")
    return job


def _ask(request: dict[str, Any]) -> dict[str, Any]:
    sent = json.dumps(request).encode() + b"\n"
    if len(sent) > int(os.environ.get("GRPC_MAX_SEND_MESSAGE_LENGTH", _MAX_MESSAGE)):
        raise ConnectionError(f"Sent message larger than max ({len(sent)} bytes)")
    host, _, port = os.environ.get("SSE_ENGINE_ADDRESS", "localhost:52014").rpartition(":")
    with socket.create_connection((host, int(port))) as connection:
        connection.sendall(sent)
        with connection.makefile("rb") as stream:
            line = stream.readline()
    if not line:
        raise ConnectionError("the SSE engine has closed the connection")
    if len(line) > int(os.environ.get("GRPC_MAX_RECEIVE_MESSAGE_LENGTH", _MAX_MESSAGE)):
        raise ConnectionError(f"Received message larger than max ({len(line)} bytes)")
    found: dict[str, Any] = json.loads(line)
    return found


def _read_job(text: str, started: datetime) -> JobsJob:
    from oqtopus_client.rest.models import JobsJob

    fields = json.loads(text)
    fields["job_info"] = {"input": fields["input"], **{k: fields[k] for k in _IN_JOB_INFO}}
    fields.update(submitted_at=started, ready_at=started, running_at=started)
    return JobsJob.from_dict({**fields, "ended_at": datetime.now(tz=timezone.utc)})


def _write_result(text: str) -> None:
    folder = Path(os.environ.get("OUT_PATH", ""))
    if not folder.exists():
        raise SseRuntimeError(f"The path to output does not exist {folder}")
    (folder / "result.json").write_text(text, encoding="utf-8")
