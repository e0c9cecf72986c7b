"""The user API and the object storage as one ASGI application."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from starlette.applications import Starlette
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from .authentication import Authentication, get_user
from .database import FINAL, Database, JobRecord, format_time
from .devices import Devices, EmulatedDevice
from .faults import Faults
from .job_input import view_job
from .object_storage import BUCKET, ObjectStorage, RefusedError, pack_json
from .validation import InvalidError, Query, internal_error, parse_listing, parse_submission

MAX_NAME = 256
MAX_DESCRIPTION = 1024
"""Longest name and description, in characters."""

INFOS = ("transpiler_info", "simulator_info", "mitigation_info")

_DELETABLE = "'succeeded', 'failed' and 'cancelled'"
_CANCELLABLE = "'registered', 'ready', 'submitted' and 'running'"
_NOT_FOUND = {"message": "job not found with the given id"}


class Api:
    """The handlers of all requests.

    Args:
        database: Jobs and users.
        object_storage: Files.
        devices: Devices.
        faults: What goes wrong.
        device_info: Form of ``device_info``: "url", "text" or "null".
        device_type: Type of the devices that name none.
    """

    def __init__(
        self,
        database: Database,
        object_storage: ObjectStorage,
        devices: Devices,
        faults: Faults,
        device_info: str,
        device_type: str,
    ) -> None:
        self._database = database
        self._object_storage = object_storage
        self._devices = devices
        self._faults = faults
        self._device_info = device_info
        self._device_type = device_type

    def application(self) -> ASGIApp:
        """Return the application."""
        routes = [
            Route("/announcements", self.list_announcements),
            Route("/api-token/status", self.get_token_status),
            Route("/devices", self.list_devices),
            Route("/devices/{device_id}", self.get_device),
            Route("/jobs", self.list_jobs, methods=["GET"]),
            Route("/jobs", self.register, methods=["POST"]),
            Route("/jobs/{job_id}", self.get_job, methods=["GET"]),
            Route("/jobs/{job_id}", self.delete, methods=["DELETE"]),
            Route("/jobs/{job_id}/status", self.get_status),
            Route("/jobs/{job_id}/submit", self.submit, methods=["POST"]),
            Route("/jobs/{job_id}/cancel", self.cancel, methods=["POST"]),
            Route(f"/{BUCKET}", self.upload, methods=["POST"]),
            Route(f"/{BUCKET}/{{key:path}}", self.download),
        ]
        handlers: Any = {
            InvalidError: _answer_invalid,
            RefusedError: _answer_refused,
            HTTPException: _answer_http_error,
        }
        return Authentication(Starlette(routes=routes, exception_handlers=handlers), self._database)

    # Notices

    async def list_announcements(self, request: Request) -> Response:
        """GET /announcements: those that hold at ``current_time``, or all."""
        moment = request.query_params.get("current_time")
        listed = [
            announcement
            for announcement in self._database.announcements
            if moment is None or _holds_at(announcement, moment)
        ]
        return JSONResponse({"announcements": listed})

    async def get_token_status(self, request: Request) -> Response:
        """GET /api-token/status: when the token of the user expires."""
        return JSONResponse({"api_token_expiration": self._database.token_expires_at})

    # Devices

    async def list_devices(self, request: Request) -> Response:
        """GET /devices: those that the user may use."""
        user = get_user(request)
        base = _base(request)
        rows = [self._device(d, base) for d in self._devices if user.may_use(d.device_id)]
        return JSONResponse(rows)

    async def get_device(self, request: Request) -> Response:
        """GET /devices/{id}."""
        device_id = request.path_params["device_id"]
        if not get_user(request).may_use(device_id):
            raise InvalidError(403, {"message": f"Cannot access device_id={device_id}."})
        device = self._devices.get(device_id)
        if device is None:
            raise InvalidError(404, {"message": f"device_id={device_id} is not found."})
        return JSONResponse(self._device(device, _base(request)))

    def _device(self, device: EmulatedDevice, base: str) -> dict[str, Any]:
        return {
            "device_id": device.device_id,
            "device_type": device.device_type or self._device_type,
            "status": self._devices.shown_status(device),
            "available_at": None,
            "n_pending_jobs": self._database.pending(device.device_id),
            "n_qubits": device.n_qubits,
            "basis_gates": list(device.basis_gates),
            "supported_instructions": list(device.supported_instructions),
            "device_info": self._info(device, base),
            "calibrated_at": device.calibrated_at,
            "description": device.description,
        }

    def _info(self, device: EmulatedDevice, base: str) -> str | None:
        if device.device_info is not None:
            return device.device_info
        if device.facts is None or self._device_info == "null":
            return None
        if self._device_info == "text":
            return json.dumps(device.facts)
        key = f"devices/{device.device_id}/device_info.zip"
        # Packed at each reading: the facts of a device may be changed at any time.
        self._object_storage.put(key, pack_json("device_info.json", device.facts))
        return self._object_storage.download_url(base, key)

    # Jobs

    async def register(self, request: Request) -> Response:
        """POST /jobs: a new id, and where to upload its input."""
        job_id = self._database.register(get_user(request).token)
        form = self._object_storage.upload_form(_base(request), f"{job_id}/input.zip")
        return JSONResponse({"job_id": job_id, "presigned_url": form})

    async def submit(self, request: Request) -> Response:
        """POST /jobs/{id}/submit."""
        values = parse_submission(await request.body())
        user = get_user(request)
        job = self._job(request)
        device_id = values["device_id"]
        if job.status != "registered":
            raise _refuse(job, "submission", "valid status for submission", "'registered'")
        if not user.may_use(device_id):
            raise InvalidError(403, {"message": f"cannot create job for device={device_id}"})
        device = self._devices.get(device_id)
        if device is None:
            raise InvalidError(400, {"message": "device not found"})
        if self._devices.shown_status(device) != "available":
            raise InvalidError(400, {"message": f"device {device_id} is not available"})
        if self._object_storage.get(f"{job.job_id}/input.zip") is None:
            message = f"job information input for {job.job_id} job not found"
            raise InvalidError(400, {"message": message})
        if (
            len(values["name"] or "") > MAX_NAME
            or len(values["description"] or "") > MAX_DESCRIPTION
        ):
            raise internal_error()
        values = {key: ("" if value is None else value) for key, value in values.items()}
        for key in INFOS:
            values[key] = values[key] or {}
        if not self._database.submit(job.job_id, files=("input",), **values):
            raise _refuse(job, "submission", "valid status for submission", "'registered'")
        return JSONResponse({"message": "job submitted"})

    async def get_job(self, request: Request) -> Response:
        """GET /jobs/{id}."""
        job = self._job(request)
        if job.status == "cancelled" and not job.was_submitted:
            raise internal_error()
        return JSONResponse(self._row(job, _base(request)))

    async def get_status(self, request: Request) -> Response:
        """GET /jobs/{id}/status."""
        job = self._job(request)
        return JSONResponse({"job_id": job.job_id, "status": self._status(job)})

    async def list_jobs(self, request: Request) -> Response:
        """GET /jobs."""
        query = parse_listing(request.query_params)
        start = 0 if self._faults.repeats_page() else (query.page - 1) * query.size
        jobs = self._database.page(
            get_user(request).token,
            lambda job: _matches(job, query),
            slice(start, start + query.size),
            query.newest_first,
        )
        if query.fields is None and any(
            job.status == "cancelled" and not job.was_submitted for job in jobs
        ):
            raise internal_error()
        base = _base(request)
        return JSONResponse([self._row(job, base, query.fields) for job in jobs])

    async def cancel(self, request: Request) -> Response:
        """POST /jobs/{id}/cancel."""
        job = self._job(request)
        accepted = ("registered", "submitted", "ready", "running", "cancelled")
        if not self._database.update(job.job_id, accepted, status="cancelled"):
            raise _refuse(job, "cancellation", "valid statuses for cancellation", _CANCELLABLE)
        return JSONResponse({"message": "cancel request accepted"})

    async def delete(self, request: Request) -> Response:
        """DELETE /jobs/{id}."""
        job = self._job(request)
        if job.status not in FINAL:
            raise _refuse(job, "deletion", "valid statuses for deletion", _DELETABLE)
        self._database.delete(job.job_id)
        self._object_storage.delete(f"{job.job_id}/")
        return JSONResponse({"message": "job deleted"})

    def _job(self, request: Request) -> JobRecord:
        job = self._database.get(request.path_params["job_id"], get_user(request).token)
        if job is None:
            raise InvalidError(404, _NOT_FOUND)
        return job

    def _status(self, job: JobRecord) -> str:
        fault = self._faults.job("unknown_status", lambda: view_job(job, self._object_storage))
        return job.status if fault is None else str(fault.values["status"])

    def _row(
        self, job: JobRecord, base: str, fields: tuple[str, ...] | None = None
    ) -> dict[str, Any]:
        """Return what the server says about a job; keys without a value are left out."""
        wanted: Callable[[str], bool] = lambda name: fields is None or name in fields  # noqa: E731
        row: dict[str, Any] = {}
        if wanted("job_id"):
            row["job_id"] = job.job_id
        if job.was_submitted:
            for name in ("name", "description", "job_type", "device_id", "shots"):
                row[name] = getattr(job, name)
            row["status"] = None
            if wanted("job_info"):
                row["job_info"] = self._files(job, base)
            for name in INFOS:
                row[name] = getattr(job, name)
            row["execution_time"] = job.execution_time
            for name in ("submitted_at", "ready_at", "running_at", "ended_at"):
                when = getattr(job, name)
                row[name] = None if when is None else format_time(when)
        if wanted("status"):
            row["status"] = self._status(job)
        return {name: row[name] for name in row if wanted(name) and row[name] is not None}

    def _files(self, job: JobRecord, base: str) -> dict[str, str]:
        files: dict[str, str] = {
            name: self._object_storage.download_url(base, f"{job.job_id}/{name}.zip")
            for name in ("input", "result", "transpile_result", "combined_program", "sse_log")
            if name in job.files
        }
        return files if job.message is None else {**files, "message": job.message}

    # Object storage

    async def upload(self, request: Request) -> Response:
        """POST of a presigned form."""
        async with request.form() as form:
            fields = {name: value for name, value in form.items() if isinstance(value, str)}
            file = form.get("file")
            data = await file.read() if isinstance(file, UploadFile) else None
        self._object_storage.upload(fields, data)
        return Response(status_code=204, media_type="text/html")

    async def download(self, request: Request) -> Response:
        """GET of a presigned URL."""
        data = self._object_storage.download(request.path_params["key"], request.query_params)
        return Response(data, media_type="binary/octet-stream")


def _base(request: Request) -> str:
    return f"{request.url.scheme}://{request.url.netloc}"


def _holds_at(announcement: Mapping[str, Any], moment: str) -> bool:
    """Return whether a time in UTC, ISO 8601, is within that of an announcement."""
    start, end = announcement["start_time"], announcement["end_time"]
    return (start is None or start <= moment) and (end is None or moment <= end)


def _matches(job: JobRecord, query: Query) -> bool:
    if query.status is not None and job.status != query.status:
        return False
    if query.pattern is not None:
        texts = (job.job_id, job.name or "", job.description or "")
        if not any(query.pattern.fullmatch(text) for text in texts):
            return False
    if query.start is None and query.end is None:
        return True
    if job.submitted_at is None:
        return False
    when = int(job.submitted_at)
    return (query.start is None or when >= query.start) and (query.end is None or when <= query.end)


def _refuse(job: JobRecord, action: str, valid: str, names: str) -> InvalidError:
    """Return the error for a job whose status does not allow an action."""
    message = f"{job.job_id} job is not in valid status for {action} ({valid}: {names})"
    return InvalidError(400, {"message": message})


async def _answer_invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, InvalidError)  # noqa: S101 - registered for it only
    return JSONResponse(error.body, error.status)


async def _answer_refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, RefusedError)  # noqa: S101 - registered for it only
    return Response(error.xml, error.status, media_type="application/xml")


async def _answer_http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for it only
    return JSONResponse({"detail": error.detail}, error.status_code)
