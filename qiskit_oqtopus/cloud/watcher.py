"""The watcher: one poller for all unfinished jobs of a provider, whoever waits for them.

Of the threads that wait, one begins the next poll for all, in a thread of its own: the server may
not answer for minutes, and those that wait must be free to go when their time is over or their user
presses Ctrl-C. Polling stops when nobody waits, so that nothing has to be shut down.
"""

from __future__ import annotations

import logging
import math
import random
import threading
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from ..client import errors, workers
from ..client.deadline import SLICE, Deadline
from ..client.models import MAX_PAGE_SIZE
from ..client.retry import RetryPolicy
from ..exceptions import OqtopusError
from .connection import Connection
from .status import DELETED, LOST, SIGHT_FIELDS, Sight

if TYPE_CHECKING:
    from ..client.api import Client
    from ..client.models import Job

logger = logging.getLogger(__name__)

FIRST_INTERVAL = 1.0
LONGEST_INTERVAL = 5.0
"""Time between two polls in s: it grows from the first to the longest while nothing happens."""

WATCHED_FOR = 10.0
"""Time in s after a look at its status during which a job is asked for together with others."""

MAX_PAGES = 20
"""Pages of the newest jobs on which single jobs are looked for, before each is asked for by id."""

NEWEST_PAGES = 2
"""The same for several groups, if they have no more jobs than fit on these pages."""

LONGEST_LOOK = 60.0
"""Longest time in s of a look at a status or at reasons, for which a caller gives no timeout."""

_ONCE = RetryPolicy(max_attempts=1)


class RepeatedPageError(errors.ProtocolError):
    """The server repeats a page of a group, so that the others cannot be read.

    Attributes:
        job_ids: The jobs of the group that are on none of the pages.
    """

    def __init__(self, message: str, job_ids: Collection[str], **context: Any) -> None:
        super().__init__(message, **context)
        self.job_ids = frozenset(job_ids)


class Watcher:
    """Polls for jobs as long as somebody waits; shared by all jobs of a provider.

    Args:
        connection: The connection to ask by.
        clock: Monotonic clock in s.
        jitter: Returns a number in [0, 1).
    """

    def __init__(
        self,
        connection: Connection,
        clock: Callable[[], float] = time.monotonic,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._connection = connection
        self._clock = clock
        self._jitter = jitter
        self._condition = threading.Condition()
        self._seen: dict[str, Sight] = {}
        self._groups: dict[str, str] = {}  # job id -> group id, where the group has several jobs
        self._first_page: dict[str, int] = {}  # group id -> first page with unfinished jobs
        self._wanted: dict[str, int] = {}  # job id -> number of threads that wait for it
        self._polling = False
        self._poll_until = Deadline()  # stopped when the last thread that waits is interrupted
        self._next_poll = 0.0
        self._interval = FIRST_INTERVAL
        self._polls = 0
        self._asked: dict[str, float] = {}  # job id -> when the server was last asked for it
        self._watched: dict[str, float] = {}  # job id -> when somebody last looked at it
        self._warned: set[str] = set()  # jobs of which the log says that they may be lost
        self._refusal: Exception | None = None

    def add(self, sights: Mapping[str, Sight], group_id: str | None, assumed: bool = False) -> None:
        """Remember jobs.

        Args:
            sights: What is known of them.
            group_id: The group by whose id they are found together, or None.
            assumed: Whether ``sights`` are assumed, and not what the server has just said.
        """
        with self._condition:
            now = self._clock()
            for job_id, sight in sights.items():
                old = self._seen.get(job_id)
                if old is None or not old.is_final:
                    self._seen[job_id] = sight
                self._asked[job_id] = -math.inf if assumed else now
                if assumed:
                    self._watched[job_id] = now
                if group_id is not None:
                    self._groups[job_id] = group_id
            self._interval = FIRST_INTERVAL
            self._next_poll = min(self._next_poll, now + FIRST_INTERVAL)

    def sights(self, job_ids: Iterable[str]) -> dict[str, Sight]:
        """Return what was last seen of jobs, without asking the server."""
        with self._condition:
            return {job_id: self._seen[job_id] for job_id in job_ids}

    def refresh(self, job_ids: Collection[str]) -> dict[str, Sight]:
        """Ask for jobs now, unless they were asked for a moment ago; never raises for an outage.

        Nothing is tried again: a caller that looks at a status does not want to wait for that.

        Returns:
            What was last seen of them. If the server cannot be asked, that is the last known.
        """
        with self._condition:
            now = self._clock()
            unfinished = [job_id for job_id in job_ids if not self._seen[job_id].is_final]
            self._watched.update(dict.fromkeys(unfinished, now))
            stale = any(now >= self._asked[job_id] + FIRST_INTERVAL for job_id in unfinished)
            # A caller that looks at one job after another pays for one question about all of them.
            self._watched = {
                job_id: then
                for job_id, then in self._watched.items()
                if now < then + WATCHED_FOR and not self._seen[job_id].is_final
            }
            wanted = list(self._watched)
        if stale:
            self._poll(wanted, Deadline(LONGEST_LOOK), _ONCE)
        self._warn_of_lost(job_ids)
        return self.sights(job_ids)

    def wait(
        self,
        job_ids: Collection[str],
        timeout: float | None,
    ) -> bool:
        """Wait until jobs are final.

        Args:
            job_ids: The OQTOPUS jobs.
            timeout: Longest time to wait in s, or None. With 0 or less, a poll that is due is
                begun, but not waited for.

        Returns:
            Whether all are final; False if the time was over first.

        Raises:
            ClientError: If the server refuses the account, or repeats the same page; an outage is
                waited out.
            OqtopusError: If there is no account any more, or none that can be used.
        """
        deadline = math.inf if timeout is None else self._clock() + timeout
        self._want(job_ids, 1)
        interrupted = True
        try:
            ended = self._wait(job_ids, deadline)
            interrupted = False
            return ended
        finally:
            self._want(job_ids, -1)
            if interrupted:
                self._stop_poll()

    def _want(self, job_ids: Iterable[str], change: int) -> None:
        with self._condition:
            for job_id in job_ids:
                self._wanted[job_id] = self._wanted.get(job_id, 0) + change
                if self._wanted[job_id] == 0:
                    del self._wanted[job_id]

    def _stop_poll(self) -> None:
        """End the poll that is under way, unless somebody else waits for it."""
        with self._condition:
            if not self._wanted:
                self._poll_until.stop()

    def _wait(
        self,
        job_ids: Collection[str],
        deadline: float,
    ) -> bool:
        polls = None
        while True:
            with self._condition:
                done = sum(self._seen[job_id].is_final for job_id in job_ids)
            if done == len(job_ids):
                return True
            with self._condition:
                if polls is not None and self._polls > polls:
                    self._raise_refusal(job_ids)
                polls = self._polls if polls is None else polls
                now = self._clock()
                if self._polling or now < self._next_poll:
                    if now >= deadline:
                        return False
                    pause = LONGEST_INTERVAL if self._polling else self._next_poll - now
                    self._condition.wait(min(pause, deadline - now, SLICE))
                    continue
            self._begin_poll()

    def _raise_refusal(self, job_ids: Collection[str]) -> None:
        """Raise what the server has said in place of an answer about jobs, if it has."""
        refusal = self._refusal
        if isinstance(refusal, RepeatedPageError) and refusal.job_ids.isdisjoint(job_ids):
            return
        if refusal is not None:
            raise refusal

    def _begin_poll(self) -> None:
        """Begin a poll for all, unless another thread has just done so."""
        try:
            with self._condition:
                if self._polling:
                    return
                self._polling = True
                self._poll_until = until = Deadline()
                wanted = [job_id for job_id in self._wanted if not self._seen[job_id].is_final]
            workers.start(self._poll_for_all, wanted, until)
        except BaseException:  # Ctrl-C: nobody would ever poll again
            with self._condition:
                self._polling = False
            raise

    def _poll_for_all(self, job_ids: Collection[str], deadline: Deadline) -> None:
        """Poll, and wake all threads that wait for that."""
        try:
            self._poll(job_ids, deadline)
        # Whatever it is, it is raised in the threads that wait: nobody may be above this one.
        except Exception as error:  # noqa: BLE001
            with self._condition:
                self._polls += 1
                self._refusal = error
                self._next_poll = self._clock() + FIRST_INTERVAL
        finally:
            with self._condition:
                self._polling = False
                self._condition.notify_all()

    # -- asking ---------------------------------------------------------------------------------

    def _poll(
        self, job_ids: Collection[str], deadline: Deadline, retry: RetryPolicy | None = None
    ) -> None:
        """Ask for jobs once, page by page; an outage is logged, and what was known stays.

        Args:
            job_ids: The OQTOPUS jobs.
            deadline: When it must have ended; what was read by then counts.
            retry: How often requests are sent; None for what the account's client does.
        """
        changed = False
        refusal: Exception | None = None
        try:
            client = self._connection.client.within(deadline)
            for job in self._ask(client if retry is None else client.with_retry(retry), job_ids):
                changed |= self._record(job.job_id, Sight.from_job(job))
        except (errors.CredentialsError, errors.ForbiddenError, RepeatedPageError) as error:
            logger.warning("OQTOPUS Cloud does not tell how %d jobs are: %s", len(job_ids), error)
            refusal = error
        except OqtopusError as error:  # no account, or one that cannot be used
            logger.warning("Nobody can be asked how %d jobs are: %s", len(job_ids), error)
            refusal = error
        except errors.ClientError as error:
            level = logging.DEBUG if deadline.is_stopped else logging.WARNING
            logger.log(level, "Could not ask how %d jobs are: %s", len(job_ids), error)
        self._warn_of_lost(job_ids)
        with self._condition:
            self._polls += 1
            self._asked.update(dict.fromkeys(job_ids, self._clock()))
            self._refusal = refusal
            grown = min(1.5 * self._interval, LONGEST_INTERVAL)
            self._interval = FIRST_INTERVAL if changed else grown
            # Up to a fifth more, so that many programs do not ask in step.
            self._next_poll = self._clock() + self._interval * (1 + 0.2 * self._jitter())

    def _warn_of_lost(self, job_ids: Iterable[str]) -> None:
        """Log, once for each job, which of them may have been lost by the engine of the device."""
        now = time.time()
        lost: dict[str, list[str]] = {}
        with self._condition:
            for job_id in job_ids:
                if job_id not in self._warned and self._seen[job_id].may_be_lost(now):
                    self._warned.add(job_id)
                    lost.setdefault(self._groups.get(job_id, job_id), []).append(job_id)
        for run_id, jobs in lost.items():
            logger.warning(
                "Run %s: %d jobs have been ready for more than %.0f minutes. If the engine of the "
                "device has died since it fetched them, they will never run: cancel the run, then "
                "send it again with resume=%r, which sends only what is missing. The jobs: %s",
                run_id,
                len(jobs),
                LOST / 60,
                run_id,
                ", ".join(jobs),
            )

    def _record(self, job_id: str, sight: Sight) -> bool:
        with self._condition:
            old = self._seen.get(job_id)
            if old is not None and old.is_final:
                return False
            self._seen[job_id] = sight
            return old != sight

    def _ask(self, client: Client, job_ids: Collection[str]) -> Iterable[Job]:
        left = set(job_ids)
        groups = {self._groups[job_id] for job_id in left if job_id in self._groups}
        singles = sum(job_id not in self._groups for job_id in left)
        pages = MAX_PAGES if singles > 1 else 0
        if len(groups) + singles > 1 and len(left) <= NEWEST_PAGES * MAX_PAGE_SIZE:
            # Small runs, one after the other: most of them are among the newest jobs.
            pages = max(pages, NEWEST_PAGES)
        seen: set[str] = set()
        for page in range(1, pages + 1):
            jobs = client.jobs(page=page, size=MAX_PAGE_SIZE, fields=SIGHT_FIELDS, order="DESC")
            yield from _pick(jobs, left)
            if len(jobs) < MAX_PAGE_SIZE or not left or not _add_new(jobs, seen):
                break
        repeated = None
        for group_id in sorted(groups):
            try:
                yield from self._ask_group(client, group_id, left)
            except RepeatedPageError as error:
                repeated = error
                left -= error.job_ids
        for job_id in sorted(left):
            try:
                yield client.job(job_id)
            except errors.NotFoundError:
                logger.warning("OQTOPUS job %s does not exist any more", job_id)
                self._record(job_id, Sight(DELETED))
        if repeated is not None:
            raise repeated

    def _ask_group(self, client: Client, group_id: str, left: set[str]) -> Iterable[Job]:
        """Read the pages of a group, from the first one that had unfinished jobs."""
        members = {job_id for job_id in left if self._groups.get(job_id) == group_id}
        if not members:
            return
        page = self._first_page.get(group_id, 1)
        unfinished = None
        seen: set[str] = set()
        while members:
            jobs = client.jobs(
                page=page, size=MAX_PAGE_SIZE, fields=SIGHT_FIELDS, q=group_id, order="ASC"
            )
            for job in _pick(jobs, left):
                members.discard(job.job_id)
                if unfinished is None and not Sight.from_job(job).is_final:
                    unfinished = page
                yield job
            if len(jobs) < MAX_PAGE_SIZE:
                break
            if not _add_new(jobs, seen):
                raise RepeatedPageError(
                    f"GET /jobs: page {page} of group {group_id} is one that came before, so that "
                    f"{len(members)} of its jobs cannot be found",
                    members,
                    method="GET",
                    path="/jobs",
                )
            page += 1
        # Jobs that were deleted have moved the others to earlier pages: start over the next time.
        self._first_page[group_id] = unfinished if unfinished and not members else 1


def _pick(jobs: Iterable[Job], left: set[str]) -> Iterable[Job]:
    """Yield the jobs that are looked for, and strike them off the list."""
    for job in jobs:
        if job.job_id in left:
            left.discard(job.job_id)
            yield job


def _add_new(jobs: Iterable[Job], seen: set[str]) -> bool:
    """Add the ids on a page to those seen before; return whether any was new."""
    before = len(seen)
    seen.update(job.job_id for job in jobs)
    return len(seen) > before
