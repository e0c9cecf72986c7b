"""Which OQTOPUS jobs stand for the circuits of a run, and how they are."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from qiskit.providers import JobStatus

from ..client import errors
from ..client.deadline import Deadline
from ..exceptions import OqtopusError
from .entry import Entry, build_entries
from .group import find_group
from .status import Sight, job_status
from .watcher import FIRST_INTERVAL, Watcher

if TYPE_CHECKING:
    from .connection import Connection

logger = logging.getLogger(__name__)


class Roster:
    """The OQTOPUS jobs of a run. Other processes may submit more, which are found here.

    Args:
        job_id: Id of the run, as users know it.
        entries: The jobs that are known, in the order of the circuits.
        watcher: It polls for them.
        group_id: The id by which they are found; None for jobs of other clients.
        token: That of the run, where two runs have one group id.
        total: Number of circuits.

    Attributes:
        entries: As the argument; replaced as a whole when more circuits are found.
        watcher: As the argument.
        group_id: As the argument.
        token: As the argument.
        total: As the argument.
    """

    def __init__(
        self,
        job_id: str,
        entries: Sequence[Entry],
        watcher: Watcher,
        group_id: str | None,
        token: str | None,
        total: int,
    ) -> None:
        self._job_id = job_id
        self.entries = tuple(entries)
        self.watcher = watcher
        self.group_id = group_id
        self.token = token
        self.total = total
        self._lock = threading.Lock()
        self._looked_at = time.monotonic()  # its maker has just looked
        self._looked_up: set[str] = set()  # cancelled jobs for which others were looked for

    def job_ids(self) -> list[str]:
        """Return the ids of the jobs."""
        return [entry.job_id for entry in self.entries]

    @property
    def shared_group_id(self) -> str | None:
        """The group id, if several jobs are found by it; None for a single one."""
        is_single = len(self.entries) == 1 and self._job_id == self.entries[0].job_id
        return None if is_single else self.group_id

    def sights(self) -> dict[str, Sight]:
        """Return what was last seen of the jobs, without asking the server."""
        return self.watcher.sights(self.job_ids())

    def find_missing(self, entries: Sequence[Entry]) -> tuple[int, ...]:
        """Return the indices of the circuits that have no job."""
        present = {index for entry in entries for index in entry.circuits}
        if len(present) == self.total:
            return ()
        return tuple(index for index in range(self.total) if index not in present)

    def find_statuses(self, entries: Sequence[Entry], *, ask: bool = True) -> list[JobStatus]:
        """Return the status of each job.

        Args:
            entries: The jobs.
            ask: Whether the server is asked, if that was not done a moment ago.
        """
        look = self.watcher.refresh if ask else self.watcher.sights
        sights = look([entry.job_id for entry in entries])
        statuses = [job_status(sights[entry.job_id]) for entry in entries]
        return [
            JobStatus.ERROR if status is JobStatus.DONE and entry.has_failed else status
            for entry, status in zip(entries, statuses, strict=True)
        ]

    def look_for_others(self, connection: Connection, deadline: Deadline) -> bool:
        """Look for jobs that other processes have submitted for circuits of this run.

        They may be submitting what has no job right now; or have cancelled what they took for a
        duplicate, so that another job counts.

        Args:
            connection: How the server is reached.
            deadline: When the look must have ended.

        Returns:
            Whether circuits have other jobs now; False in an outage, and less than a second after
            the last look for what is missing.
        """
        entries, now = self.entries, time.monotonic()
        sights = self.watcher.sights([entry.job_id for entry in entries])
        cancelled = {
            index: entry.job_id
            for entry in entries
            if sights[entry.job_id].status == "cancelled"
            for index in entry.circuits
        }
        missing = set(self.find_missing(entries))
        is_due = bool(missing) and now >= self._looked_at + FIRST_INTERVAL
        if self.group_id is None or not (is_due or set(cancelled.values()) - self._looked_up):
            return False
        if deadline.is_over:
            return False
        self._looked_at = now
        try:
            client = connection.client.within(deadline)
            found = find_group(client, self.group_id, self.token)
        except (errors.ClientError, OqtopusError) as error:
            logger.warning("Could not look for the rest of job %s: %s", self._job_id, error)
            return False
        self._looked_up.update(cancelled.values())
        if found is None:
            return False
        alive = found.alive()
        wanted = {
            index
            for index in found.jobs
            if index in missing or (index in cancelled and index in alive)
        }
        new = build_entries(found, wanted)
        if not new:
            return False
        sights = found.sights()
        self.watcher.add(
            {entry.job_id: sights[entry.job_id] for entry in new}, self.shared_group_id
        )
        with self._lock:
            left = [entry.without(wanted) for entry in self.entries]
            kept = [entry for entry in left if entry is not None]
            self.entries = tuple(sorted([*kept, *new], key=lambda entry: entry.index))
        return True

    def __getstate__(self) -> dict[str, Any]:
        """Leave the watcher out, and keep what it has seen."""
        state = dict(self.__dict__)
        for name in ("_lock", "_looked_at", "watcher"):
            del state[name]
        state["sights"] = self.sights()
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        self._known = state.pop("sights")
        self.__dict__.update(state)
        self._lock = threading.Lock()
        self._looked_at = -FIRST_INTERVAL  # clocks of other processes mean nothing here

    def watch(self, watcher: Watcher) -> None:
        """Take a watcher, after unpickling."""
        self.watcher = watcher
        watcher.add(self.__dict__.pop("_known"), self.shared_group_id, assumed=True)
