"""Server-side execution: jobs of type ``sse``, and the inner jobs that their programs send."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..exceptions import OqtopusJobTimeoutError
from .container import Answer, Container, TooLargeError
from .database import JobRecord, JobView
from .devices import EmulatedDevice
from .execution import Simulator
from .faults import Fault, Faults
from .job_input import JobFailedError, JobInput, parse_input
from .pipeline import DONE, check_available, execute, prepare

logger = logging.getLogger(__name__)

BROKEN = "internal server error"
"""What a client is told if there is no result."""
NOT_RUN = "user program execution error"
"""What a client is told if the program failed, or took too long."""
NOT_SUCCEEDED = "sse job failed"
"""What a client is told if the last inner job failed."""
TIMED_OUT = "pipeline execution timed out"
"""What a program is told of an inner job that took too long."""

_INFOS = ("transpiler_info", "simulator_info", "mitigation_info")
_FindFault = Callable[[str], "Fault | None"]

_REQUIRED: Mapping[str, type] = {
    **dict.fromkeys(("job_id", "device_id", "job_type", "input", "status"), str),
    **dict.fromkeys(_INFOS, dict),
    "shots": int,
}
"""Fields without which the engine takes no inner job, and no result."""


@dataclass(frozen=True)
class ProgramOutcome:
    """What has come of an SSE job.

    Attributes:
        failure: Why it failed, or None.
        known: What is known of its last inner job: ``transpiler_info``, ``transpile_result``.
        result: That of its last inner job.
        log: What its program has printed.
        seconds: How long that ran, in s.
    """

    failure: str | None
    known: dict[str, Any] = field(default_factory=dict)
    result: dict[str, Any] | None = None
    log: str = ""
    seconds: float = 0.0


class ServerSide:
    """Runs SSE jobs: their programs in the container, what these send by the pipeline.

    Args:
        simulator: Runs the inner jobs.
        container: Runs the programs.
        faults: What goes wrong.
        inner_timeout: Longest time that an inner job may take, in s.
        job_time: Shortest time that it takes, in s.
        program_start: Time until a program begins, in s.
        find_device: Returns the device of a job, as it is now.
        wait: Waits for some s, or until the engine is stopped.
        check_stopped: Raises an error if the engine was stopped.
    """

    def __init__(
        self,
        simulator: Simulator,
        container: Container,
        faults: Faults,
        *,
        inner_timeout: float,
        job_time: float,
        program_start: float,
        find_device: Callable[[JobRecord], EmulatedDevice],
        wait: Callable[[float], object],
        check_stopped: Callable[[], None],
    ) -> None:
        self._simulator = simulator
        self._container = container
        self._faults = faults
        self._inner_timeout = inner_timeout
        self._job_time = job_time
        self._program_start = program_start
        self._find_device = find_device
        self._wait = wait
        self._check_stopped = check_stopped
        self._lock = threading.Lock()
        self._inner_jobs: dict[str, list[JobView]] = {}

    @property
    def inner_jobs(self) -> dict[str, list[JobView]]:
        """The inner jobs of each SSE job, a copy; their index counts those of their program."""
        with self._lock:
            return {job_id: list(views) for job_id, views in self._inner_jobs.items()}

    def run(self, job: JobRecord, program: str) -> ProgramOutcome:
        """Run an SSE job to its end, also if it is cancelled in between."""
        with self._lock:
            self._inner_jobs[job.job_id] = []
        self._wait(self._program_start)
        answer: Answer = lambda message, left: self._answer(job, program, message, left)  # noqa: E731
        try:
            ended = self._container.run(
                _describe(job, program), program, answer, self._check_stopped
            )
        except (TooLargeError, UnicodeError):
            return ProgramOutcome(BROKEN)
        last = _read_result(ended.result)
        known = {
            name: last[name]
            for name in ("transpiler_info", "transpile_result")
            if last is not None and last.get(name) is not None
        }
        if ended.exit_code != 0:
            return ProgramOutcome(NOT_RUN, known)
        if last is None:
            return ProgramOutcome(BROKEN)
        if last["status"] != "succeeded":
            return ProgramOutcome(NOT_SUCCEEDED, known)
        result = {name: (last.get("result") or {}).get(name) for name in ("sampling", "estimation")}
        return ProgramOutcome(None, known, result, ended.log, self._program_start + ended.seconds)

    def _answer(
        self, job: JobRecord, program: str, message: Any, left: float
    ) -> dict[str, Any] | None:
        """Run an inner job; return the answer, or None if a fault wants none."""
        try:
            inner, given = _read_request(job, message)
        except (JobFailedError, ValueError):
            return {"status": "failed", "message": "invalid request data", "job_json": ""}
        with self._lock:
            views = self._inner_jobs[job.job_id]
            view = _view(inner, len(views), given.programs or ())
            views.append(view)
        outer = _view(job, job.index, (program,))
        find_fault: _FindFault = lambda kind: self._faults.inner(kind, view, outer)  # noqa: E731
        started = time.monotonic()
        document = {**message, "status": "running", "message": None, "execution_time": None}
        document |= dict.fromkeys(("combined_program", "transpile_result", "result", "sse_log"))
        limit = started + min(self._inner_timeout, left)
        failure = self._run_inner(inner, given, document, limit, find_fault)
        self._wait(max(0.0, started + self._job_time - time.monotonic()))
        if find_fault("drop_inner") is not None:
            return None
        status = "succeeded" if failure is None else "failed"
        return {"status": status, "message": failure or "", "job_json": json.dumps(document)}

    def _run_inner(
        self,
        inner: JobRecord,
        given: JobInput,
        document: dict[str, Any],
        limit: float,
        find_fault: _FindFault,
    ) -> str | None:
        """Run an inner job.

        Args:
            inner: The job.
            given: Its input.
            document: The job as the program sees it; what becomes known is added, also that it has
                failed.
            limit: When it must have ended, in s of the monotonic clock.
            find_fault: Returns the fault of a kind for it.

        Returns:
            Why the engine has given it up, or None if it has run it to its end.
        """
        try:
            slow = find_fault("slow_inner")
            if slow is not None:
                self._wait(max(0.0, min(slow.values["seconds"], limit - time.monotonic())))
            with self._simulator.within(limit - time.monotonic()):
                device = self._find_device(inner)
                prepared = prepare(inner, given, device, document.__setitem__)
                check_available(device)
                fault = find_fault("fail_inner")
                if fault is not None:
                    raise JobFailedError(str(fault.values["message"]))
                result, seconds = execute(prepared, self._simulator)
            if time.monotonic() > limit:  # which its transpiler does not know
                return TIMED_OUT
        except JobFailedError as failure:
            document |= {"status": "failed", "message": failure.message}
        except OqtopusJobTimeoutError:
            return TIMED_OUT
        # The program goes on, as with the real engine, and a bug of ours must be seen as one.
        except Exception:
            self._check_stopped()
            logger.exception("The emulator failed in an inner job of %s", inner.job_id)
            return "error during pipeline execution"
        else:
            document |= {"status": "succeeded", "message": DONE, "result": result}
            document["execution_time"] = seconds
        return None


def _describe(job: JobRecord, program: str) -> dict[str, Any]:
    """Return what a program is told of its job; here without the link to its input."""
    return {
        "job_id": job.job_id,
        "name": job.name or "",
        "description": job.description or "",
        "device_id": job.device_id,
        "shots": job.shots,
        "job_type": job.job_type,
        "input": "",
        "program": None,
        "operator": None,
        "sse_program": program,
        **{name: getattr(job, name) or {} for name in _INFOS},
        "status": "running",
    }


def _read_request(job: JobRecord, message: Any) -> tuple[JobRecord, JobInput]:
    """Return an inner job, and its input.

    Raises:
        JobFailedError: If its programs or its operator are not valid.
        ValueError: If it is no job, or not of this program.
    """
    if not _is_job(message) or message["job_id"] != job.job_id:
        raise ValueError("this is no job of the program that runs")
    given = parse_input({name: message.get(name) for name in ("program", "operator")})
    inner = JobRecord(
        job.job_id,
        job.owner,
        status="running",
        name=message.get("name"),
        description=message.get("description"),
        device_id=job.device_id,  # whatever it says: the engine has one device
        **{name: message[name] for name in ("job_type", "shots", *_INFOS)},
    )
    return inner, given


def _view(job: JobRecord, index: int, programs: tuple[str, ...]) -> JobView:
    return JobView(
        job.job_id,
        index,
        job.name or "",
        job.description or "",
        job.job_type or "",
        job.shots or 0,
        programs,
    )


def _read_result(text: str | None) -> dict[str, Any] | None:
    """Return the last inner job, or None if there is none, or something else in its place."""
    try:
        found = json.loads(text or "")
    except (ValueError, RecursionError):
        return None
    optional = (found.get("result"), found.get("transpile_result")) if _is_job(found) else ("",)
    if not all(value is None or isinstance(value, dict) for value in optional):
        return None
    return dict(found)


def _is_job(value: Any) -> bool:
    return isinstance(value, dict) and all(
        isinstance(value.get(name), kind) for name, kind in _REQUIRED.items()
    )
