"""What a person sees while a job waits for its device, and then runs on it."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import ExitStack
from datetime import datetime, timedelta, timezone
from typing import Any

from qiskit.providers import JobStatus
from qiskit.providers.jobstatus import JOB_FINAL_STATES

from ..client.workers import start
from .progress import Report, report_progress

logger = logging.getLogger(__name__)

TICK = 1.0
"""Time in s between two looks at a job of which the progress is shown."""

PENDING_INTERVAL = 5.0
"""Time in s between two questions for the length of the queue, and the longest of one."""

_QUEUED = (JobStatus.INITIALIZING, JobStatus.QUEUED)


class Waiting:
    """Shows two stages: "queue" until the device begins with a circuit, then "run".

    Args:
        progress: As for :func:`.report_progress`.
        total: Number of circuits.
        since: When the job was submitted, or None.
        ask_pending: Asks how many jobs wait for the device. It is called in a thread of its own, so
            that a server that is slow does not hold up the caller.
    """

    def __init__(
        self,
        progress: Any,
        total: int,
        since: datetime | None,
        ask_pending: Callable[[], int | None],
    ) -> None:
        self._progress = progress or None
        self._total = total
        self._since = since
        self._ask_pending = ask_pending
        self._open = ExitStack()
        self._stage = ""
        self._report: Report = lambda done, note="": None
        self._answer: Future[int | None] | None = None
        self._pending: int | None = None
        self._asked = -PENDING_INTERVAL

    def __enter__(self) -> Waiting:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._open.close()

    def limit(self, pause: float) -> float:
        """Return a time in s to wait, shortened if there is something to show meanwhile."""
        return pause if self._progress is None else min(pause, TICK)

    def show(self, statuses: Sequence[JobStatus]) -> None:
        """Show how the circuits of a job are."""
        if self._progress is None:
            return
        if self._stage != "run" and all(status in _QUEUED for status in statuses):
            self._enter("queue", 1)
            self._report(0, self._describe_queue())
            return
        if self._stage == "queue":
            self._report(1)
        self._enter("run", self._total)
        self._report(sum(status in JOB_FINAL_STATES for status in statuses))

    def _enter(self, stage: str, total: int) -> None:
        if stage != self._stage:
            self._open.close()
            self._stage = stage
            self._report = self._open.enter_context(report_progress(self._progress, stage, total))

    def _describe_queue(self) -> str:
        """Return how long the queue is, as far as the server has said, and for how long it waits.

        The time is that of two clocks, if the job was found again: never less than nothing.
        """
        self._look_at_queue()
        words = [] if self._pending is None else [f"{self._pending} pending"]
        if self._since is not None:
            waited = datetime.now(timezone.utc) - self._since
            seconds = max(int(waited.total_seconds()), 0)
            words.append(f"{timedelta(seconds=seconds)} since submission")
        return ", ".join(words)

    def _look_at_queue(self) -> None:
        if self._answer is not None and self._answer.done():
            try:
                self._pending = self._answer.result()
            except Exception as error:  # noqa: BLE001 - it is only shown: no wait ends with it
                logger.debug("The length of the queue is not known: %s", error)
            self._answer = None
        now = time.monotonic()
        if self._answer is None and now >= self._asked + PENDING_INTERVAL:
            self._asked = now
            self._answer = start(self._ask_pending)
