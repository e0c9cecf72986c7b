"""What the emulator remembers: users, jobs and the queue, all under one lock."""

from __future__ import annotations

import secrets
import threading
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from typing import Any

FINAL = ("succeeded", "failed", "cancelled")
"""Statuses that a job keeps."""


@dataclass(frozen=True)
class User:
    """A user of the cloud.

    Attributes:
        token: "<id>.<secret>".
        devices: Ids of the devices that they may use; None means all.
        approved: Whether their account has been approved; otherwise they get 403 for everything.
    """

    token: str
    devices: frozenset[str] | None = None
    approved: bool = True

    def may_use(self, device_id: str) -> bool:
        """Return whether they may use a device."""
        return self.devices is None or device_id in self.devices


@dataclass(frozen=True)
class JobView:
    """A job as faults and tests see it.

    Attributes:
        job_id: Its id.
        index: How many jobs were submitted before it.
        name: Its name.
        description: Its description.
        job_type: "sampling", "estimation", "multi_manual" or "sse".
        shots: Its shots.
        programs: Its programs, in Python if it is "sse"; empty if the input cannot be read.
    """

    job_id: str
    index: int
    name: str
    description: str
    job_type: str
    shots: int
    programs: tuple[str, ...]


@dataclass
class JobRecord:
    """All that the server knows about a job; times are in s since 1970, None if not known yet."""

    job_id: str
    owner: str = field(repr=False)
    status: str = "registered"
    index: int = -1
    name: str | None = None
    description: str | None = None
    job_type: str | None = None
    device_id: str | None = None
    shots: int | None = None
    transpiler_info: dict[str, Any] | None = None
    simulator_info: dict[str, Any] | None = None
    mitigation_info: dict[str, Any] | None = None
    message: str | None = None
    files: tuple[str, ...] = ()
    execution_time: float | None = None
    submitted_at: float | None = None
    ready_at: float | None = None
    running_at: float | None = None
    ended_at: float | None = None
    created: float = field(default=0.0, repr=False)
    queued: float = field(default=0.0, repr=False)

    @property
    def was_submitted(self) -> bool:
        """Whether it has been submitted (a job may also be cancelled while it is registered)."""
        return self.submitted_at is not None


class Database:
    """The jobs and users of the cloud.

    Args:
        clock: The server's clock, in s since 1970.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._changed = threading.Condition()
        self._jobs: dict[str, JobRecord] = {}
        self._users: dict[str, User] = {}
        self._queue: list[str] = []
        self._submitted = 0
        self._executions: Counter[str] = Counter()
        self.announcements: list[dict[str, Any]] = []
        self.token_expires_at: str | None = None

    def now(self) -> float:
        """Return the server's time, in s since 1970."""
        return self._clock()

    # Users

    def add_user(
        self,
        token: str | None = None,
        devices: Iterable[str] | None = None,
        approved: bool = True,
    ) -> User:
        """Add a user; without a token they get a new one."""
        if token is None:
            token = f"{secrets.token_hex(8)}.{secrets.token_urlsafe(24)}"
        user = User(token, None if devices is None else frozenset(devices), approved)
        with self._changed:
            self._users[token] = user
        return user

    def user(self, token: str) -> User | None:
        """Return the user with a token, or None."""
        return self._users.get(token)

    @property
    def tokens(self) -> tuple[str, ...]:
        """All tokens."""
        return tuple(self._users)

    # Jobs

    def register(self, owner: str) -> str:
        """Register a job, and return its id."""
        with self._changed:
            job_id = _create_id()
            self._jobs[job_id] = JobRecord(job_id, owner, created=self._clock())
            return job_id

    def get(self, job_id: str, owner: str | None = None) -> JobRecord | None:
        """Return a copy of a job, or None if there is none, or it is not this owner's."""
        with self._changed:
            job = self._jobs.get(job_id)
            return None if job is None or owner not in (None, job.owner) else replace(job)

    def all(self, owner: str | None = None) -> list[JobRecord]:
        """Return copies of all jobs, oldest first."""
        with self._changed:
            return [replace(job) for job in self._jobs.values() if owner in (None, job.owner)]

    def page(
        self, owner: str, wanted: Callable[[JobRecord], bool], page: slice, newest_first: bool
    ) -> list[JobRecord]:
        """Return copies of some of the jobs of an owner.

        With the newest first, those of one second are still in the order in which they came: the
        server sorts by whole seconds, and leaves ties in the order of their ids.
        """
        with self._changed:
            jobs = [job for job in self._jobs.values() if job.owner == owner and wanted(job)]
            if newest_first:
                jobs.sort(key=lambda job: int(job.created), reverse=True)  # ties stay
            return [replace(job) for job in jobs[page]]

    def submit(self, job_id: str, **values: Any) -> bool:
        """Put a registered job into the queue; return whether it was registered."""
        with self._changed:
            done = self._update(
                job_id,
                ("registered",),
                status="submitted",
                submitted_at=self._clock(),
                index=self._submitted,
                queued=time.monotonic(),
                **values,
            )
            if done:
                self._submitted += 1
                self._queue.append(job_id)
                self._changed.notify_all()
            return done

    def update(self, job_id: str, statuses: Collection[str], **values: Any) -> bool:
        """Change a job if it has one of some statuses; return whether it had.

        This is how the engine's updates of a cancelled job are refused.
        """
        with self._changed:
            done = self._update(job_id, statuses, **values)
            if done:
                self._changed.notify_all()
            return done

    def add_file(self, job_id: str, name: str) -> None:
        """Note that the object storage has a file of a job."""
        with self._changed:
            job = self._jobs.get(job_id)
            if job is not None and name not in job.files:
                job.files = (*job.files, name)

    def delete(self, job_id: str) -> None:
        """Forget a job."""
        with self._changed:
            self._jobs.pop(job_id, None)

    # The engine's side

    def fetch(
        self, limit: int | None, ready: Callable[[JobRecord], float]
    ) -> tuple[list[JobRecord], float | None]:
        """Take jobs from the queue.

        Args:
            limit: Largest number of jobs that are taken per device; None means all.
            ready: Returns when a job may be taken, in s of the monotonic clock.

        Returns:
            Copies of those taken, now ``ready``, and when the next one may be taken, or None if
            there is none.
        """
        now = time.monotonic()
        with self._changed:
            taken: list[JobRecord] = []
            left: list[str] = []
            due: list[float] = []
            per_device: Counter[str | None] = Counter()
            for job_id in self._queue:
                job = self._jobs.get(job_id)
                if job is None or job.status != "submitted":
                    continue
                when = ready(job)
                if when > now or (limit is not None and per_device[job.device_id] >= limit):
                    left.append(job_id)
                    due.append(when)
                    continue
                per_device[job.device_id] += 1
                self._update(job_id, ("submitted",), status="ready", ready_at=self._clock())
                taken.append(replace(job))
            self._queue = left
            return taken, min(due, default=None)

    def requeue(self, job_ids: Iterable[str]) -> None:
        """Put jobs that were taken from the queue, and have not ended, back to its beginning."""
        with self._changed:
            back = [
                job_id
                for job_id in job_ids
                if self._update(
                    job_id, ("ready", "running"), status="submitted", ready_at=None, running_at=None
                )
            ]
            self._queue = back + self._queue

    def wait_for_queue(self, seconds: float | None, stopping: Callable[[], bool]) -> None:
        """Wait for a new job in the queue, or for the end.

        Args:
            seconds: Longest time to wait in s; None waits as long as it takes.
            stopping: Whether the end has come.
        """
        with self._changed:
            known = self._submitted
            self._changed.wait_for(
                lambda: stopping() or self._submitted > known or (seconds is None and self._queue),
                seconds,
            )

    def wake(self) -> None:
        """End all waits."""
        with self._changed:
            self._changed.notify_all()

    def wait_for(self, condition: Callable[[], bool], seconds: float | None) -> bool:
        """Wait until a condition holds; return whether it does."""
        with self._changed:
            return self._changed.wait_for(condition, seconds)

    def pending(self, device_id: str) -> int:
        """Return the number of unfinished jobs of a device."""
        with self._changed:
            return sum(
                job.device_id == device_id and job.status in ("submitted", "ready", "running")
                for job in self._jobs.values()
            )

    def count_execution(self, job_id: str) -> None:
        """Count a run of the program of a job."""
        with self._changed:
            self._executions[job_id] += 1

    @property
    def executions(self) -> Counter[str]:
        """How often the program of each job was run, a copy."""
        with self._changed:
            return Counter(self._executions)

    def _update(self, job_id: str, statuses: Collection[str], **values: Any) -> bool:
        job = self._jobs.get(job_id)
        if job is None or job.status not in statuses:
            return False
        for name, value in values.items():
            setattr(job, name, value)
        return True


_last_id = 0


def _create_id() -> str:
    """Return an id that begins with the time, as the server's do: later ids sort later."""
    global _last_id
    _last_id = max(time.time_ns() >> 10, _last_id + 1)  # about 1 us; the caller holds the lock
    stamp = f"{_last_id:015x}"[-15:]
    tail = secrets.token_hex(6)
    return f"{stamp[:8]}-{stamp[8:12]}-7{stamp[12:15]}-8000-{tail}"


def format_time(seconds: float) -> str:
    """Format a time as the server does: UTC, whole seconds.

    >>> format_time(1795386009.9)
    '2026-11-22T22:20:09Z'
    """
    return datetime.fromtimestamp(int(seconds), timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
