"""A job on OQTOPUS Cloud: the circuits of one run, from any process and at any time."""

from __future__ import annotations

import copy
import logging
import math
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from qiskit.circuit import QuantumCircuit
from qiskit.providers import JobStatus, JobV1
from qiskit.providers.jobstatus import JOB_FINAL_STATES
from qiskit.result import Result
from qiskit.result.models import ExperimentResult

from ..client import errors
from ..client.deadline import Deadline
from ..client.retry import RetryPolicy
from ..drawing.card import build_card
from ..exceptions import (
    OqtopusJobCancelledError,
    OqtopusJobError,
    OqtopusJobTimeoutError,
    OqtopusProtocolError,
)
from ..options import optional, seconds
from ..program.header import EXPERIMENT_TEXTS
from ..program.program import ProgramHeader
from . import results
from .download import (
    download,
    read_executed_circuit,
    read_headers,
)
from .entry import Entry
from .errors import translate_errors
from .failures import describe_failures, explain_missing
from .group import cancel_jobs
from .progress import report_progress
from .roster import Roster
from .status import (
    REGISTERED,
    Sight,
    find_execution_time,
    find_times,
    group_status,
    read_time,
)
from .waiting import PENDING_INTERVAL, Waiting
from .watcher import LONGEST_LOOK, Watcher

if TYPE_CHECKING:
    from ..client.api import Client
    from .backend import OqtopusBackend
    from .connection import Connection


logger = logging.getLogger(__name__)


class OqtopusJob(JobV1):
    """A job on an OQTOPUS device, from ``OqtopusBackend.run`` or ``OqtopusProvider.job``.

    One circuit is one OQTOPUS job, whose id is the id of this one. Several circuits are as many
    OQTOPUS jobs, tied together by a group id, which is then the id of this one. With the option
    ``route="sse"`` one OQTOPUS job runs many circuits.
    ``provider.job(job_id)`` finds either again, from any process. All methods may be called from
    any thread.
    """

    _async = True

    def __init__(
        self,
        backend: OqtopusBackend,
        job_id: str,
        entries: Sequence[Entry],
        watcher: Watcher,
        *,
        group_id: str | None = None,
        token: str | None = None,
        total: int | None = None,
        progress: Any = None,
    ) -> None:
        super().__init__(backend, job_id, group_id=group_id)
        number = len(entries) if total is None else total
        self._roster = Roster(job_id, entries, watcher, group_id, token, number)
        self._progress = progress
        self._lock = threading.Lock()  # of the thread that downloads

    # -- its ids and circuits ----------------------------------------------------------------------

    def submit(self) -> None:
        """Refuse: ``run`` has submitted the job already.

        Raises:
            OqtopusJobError: Always.
        """
        raise OqtopusJobError(f"Job {self.job_id()} has been submitted already; run it again.")

    def job_ids(self) -> list[str]:
        """Return the OQTOPUS job ids, in the order of the circuits.

        There is one for each circuit; by ``route="sse"``, one for each Python program.
        """
        return self._roster.job_ids()

    @property
    def group_id(self) -> str | None:
        """Id by which the OQTOPUS jobs of the run are found; None for jobs of other clients."""
        return self._roster.group_id

    @property
    def name(self) -> str | None:
        """Name of its OQTOPUS jobs; of the first of them, if they differ."""
        return self._roster.entries[0].name

    @property
    def tags(self) -> tuple[str, ...]:
        """Tags with which it was run; ``provider.jobs(tags=...)`` finds it by them."""
        members = [entry.member for entry in self._roster.entries if entry.member is not None]
        return tuple(dict.fromkeys(tag for member in members for tag in member.tags))

    @property
    def num_circuits(self) -> int:
        """Number of its circuits, of which several may share an OQTOPUS job."""
        return self._roster.total

    @property
    def shots(self) -> int | None:
        """Shots of each circuit; None if they differ."""
        found = {entry.shots for entry in self._roster.entries}
        return found.pop() if len(found) == 1 else None

    @property
    def device(self) -> str:
        """Id of the device."""
        return str(self.backend().name)

    @property
    def times(self) -> dict[str, datetime]:
        """When its first circuit was submitted, ready and running, and its last one ended.

        It is what was seen when the job was last looked at; "ended" is there once all have ended.
        :meth:`time_per_step` asks for the times of each circuit.
        """
        return find_times(self._roster.watcher.sights(self.job_ids()).values())

    @property
    def creation_date(self) -> datetime | None:
        """When it was run; None if that is not known."""
        headers = [entry.header for entry in self._roster.entries if entry.header is not None]
        created = read_time(headers[0].created) if headers else None
        return created or self.times.get("submitted")

    @property
    def execution_time(self) -> float | None:
        """Time on the device of all circuits together in s, as OQTOPUS tells it.

        None as long as not all are known to have ended, or if OQTOPUS tells none. Circuits that
        failed may have none, and count as 0.
        """
        return find_execution_time(self._roster.watcher.sights(self.job_ids()).values())

    @property
    def missing(self) -> tuple[int, ...]:
        """Indices of the circuits that have no job; ``resume`` the group to send them.

        They were never submitted, or their jobs were deleted.
        """
        return self._roster.find_missing(self._roster.entries)

    # -- status ---------------------------------------------------------------------------------

    def statuses(self) -> list[JobStatus]:
        """Return the status of each circuit; asks the server, but not more than once a second.

        By ``route="sse"``, those of the Python programs, as :meth:`job_ids` lists them. In an
        outage these are the last known ones, and the log has a warning. Circuits that were never
        submitted have none.
        """
        return self._roster.find_statuses(self._roster.entries)

    def status(self) -> JobStatus:
        """Return the status of the job; never raises for a failed job or in an outage.

        It is ERROR if circuits of the run were never submitted, once the others have ended.
        """
        entries = self._roster.entries
        statuses = self._roster.find_statuses(entries)
        if not all(status in JOB_FINAL_STATES for status in statuses):
            return group_status(statuses)
        if self._roster.look_for_others(self._connection, Deadline(LONGEST_LOOK)):
            return self.status()
        return JobStatus.ERROR if self._roster.find_missing(entries) else group_status(statuses)

    def wait_for_final_state(
        self, timeout: float | None = None, wait: float = 5, callback: Any = None
    ) -> None:
        """Wait until all circuits have ended, in whatever way; outages are waited out.

        Args:
            timeout: Longest time to wait in s; None waits as long as it takes. With 0 or less, it
                is only looked at what is known of the job.
            wait: Time between two calls of the callback in s.
            callback: Called as ``callback(job_id, status, job)`` while the job has not ended.

        Raises:
            OqtopusOptionError: If ``timeout`` or ``wait`` is not a number.
            OqtopusJobTimeoutError: If the time is over. The job goes on.
            OqtopusCloudError: If the server does not accept the account any more.
        """
        deadline = Deadline(optional(seconds)("timeout", timeout))
        wait = seconds("wait", wait)
        with bounded(self.job_id(), "Waiting for", timeout):
            self._wait(deadline, wait, callback)

    def _wait(self, deadline: Deadline, wait: float, callback: Any) -> None:
        """Wait until all circuits have ended.

        Raises:
            DeadlineError: If the time is over; it says how the job is.
        """
        since = self.creation_date if self._progress else None
        next_call = time.monotonic() if callback is not None else math.inf
        with Waiting(
            self._progress, len(self._roster.entries), since, self._ask_pending
        ) as waiting:
            while True:
                waiting.show(self._roster.find_statuses(self._roster.entries, ask=False))
                if time.monotonic() >= next_call:
                    callback(self.job_id(), self.last_status(), self)
                    next_call = time.monotonic() + wait
                pause = min(deadline.left(), max(next_call - time.monotonic(), 0.0))
                done = self._roster.watcher.wait(self.job_ids(), waiting.limit(pause))
                if done:
                    waiting.show(self._roster.find_statuses(self._roster.entries, ask=False))
                if done and not self._roster.look_for_others(self._connection, deadline):
                    return
                if not done and deadline.is_over:
                    raise errors.DeadlineError(f"it is {self.last_status().name}, and goes on")

    def _ask_pending(self) -> int | None:
        """Return how many jobs wait for the device; nothing is tried again."""
        backend = self.backend()
        client = backend._connection.client.with_retry(RetryPolicy(max_attempts=1))
        device = client.within(Deadline(PENDING_INTERVAL)).device(backend.name)
        return None if device.n_pending_jobs is None else int(device.n_pending_jobs)

    @property
    def _connection(self) -> Connection:
        connection: Connection = self.backend()._connection
        return connection

    @property
    def _client(self) -> Client:
        return self._connection.client

    def last_status(self) -> JobStatus:
        """Return the status as it was last seen, without asking the server."""
        return group_status(self._roster.find_statuses(self._roster.entries, ask=False))

    # -- results --------------------------------------------------------------------------------

    def result(self, timeout: float | None = None, partial: bool = False) -> Result:
        """Wait for the job and return its result.

        Outages are waited out. What was downloaded is kept: after a failure, the next call goes on
        from there. Each call returns a result of its own, which may be changed.

        Args:
            timeout: Longest time that all of this takes, in s; None waits as long as it takes. With
                0 or less, there is a result if all of it has been downloaded before.
            partial: Whether to return a result with ``success=False`` entries for circuits that
                failed, were cancelled or are missing, instead of raising.

        Returns:
            The results of all circuits, in the order in which they were given.

        Raises:
            OqtopusOptionError: If ``timeout`` is not a number.
            OqtopusJobTimeoutError: If the time is over. The job goes on.
            OqtopusJobCancelledError: If circuits were cancelled and none failed.
            OqtopusJobError: If circuits failed or are missing, or their counts cannot be true:
                which, and why. Its ``result`` has the others.
            OqtopusCloudError: If the results cannot be downloaded; ask again later.
        """
        deadline = Deadline(optional(seconds)("timeout", timeout))
        entries = self._download(deadline, timeout)
        missing = self._explain_missing(entries, deadline)
        result = self._combine(entries, missing)
        if result.success or partial:
            return result
        kind = OqtopusJobError
        if {entry.status for entry in result.results if not entry.success} == {results.CANCELLED}:
            kind = OqtopusJobCancelledError
        error = kind(self._message(entries, missing))
        error.result = result
        raise error

    def _download(self, deadline: Deadline, timeout: float | None) -> Sequence[Entry]:
        """Wait for the job, and for the results that are missing here; return all circuits."""
        while True:
            with bounded(self.job_id(), "Waiting for", timeout):
                self._wait(deadline, 0.0, None)
            entries = self._roster.entries
            if all(entry.result is not None for entry in entries):
                return entries
            with bounded(self.job_id(), "Reading the results of", timeout), self._hold(deadline):
                entries = self._roster.entries
                # Another thread may have found more circuits since, which have not ended.
                statuses = self._roster.find_statuses(entries, ask=False)
                if all(status in JOB_FINAL_STATES for status in statuses):
                    self._read_results(entries, deadline)
                    return entries

    @contextmanager
    def _hold(self, deadline: Deadline) -> Iterator[None]:
        """Let one thread download at a time; the others find what it has downloaded.

        Raises:
            DeadlineError: If another thread downloads until the time is over.
        """
        if not self._lock.acquire(timeout=min(deadline.left(), threading.TIMEOUT_MAX)):
            raise errors.DeadlineError("it has ended, and another thread is reading its results")
        try:
            yield
        finally:
            self._lock.release()

    def _read_results(self, entries: Sequence[Entry], deadline: Deadline) -> None:
        """Download the results that are missing here; each is kept as soon as it has come."""
        wanted = [entry for entry in entries if entry.result is None]
        sights = self._roster.watcher.sights([entry.job_id for entry in entries])
        with report_progress(self._progress, "download", len(wanted)) as report:
            download(
                self._client,
                wanted,
                sights,
                self._roster.shared_group_id,
                self._unknown,
                report,
                deadline,
            )

    def _unknown(self, index: int) -> ProgramHeader:
        """Return the header of a circuit of which only its place is known."""
        return ProgramHeader(
            group=self._roster.group_id or "", index=index, total=self._roster.total
        )

    def _combine(self, entries: Sequence[Entry], missing: Mapping[int, str]) -> Result:
        ordered = {
            index: (results.failed_result(self._unknown(index), reason, None),)
            for index, reason in missing.items()
        }
        for entry in entries:
            if entry.is_python:
                each = zip(entry.circuits, entry.results, strict=True)
                ordered.update({index: (result,) for index, result in each})
            else:
                ordered[entry.index] = entry.results
        backend = self.backend()
        return results.combine(
            [result for index in sorted(ordered) for result in ordered[index]],
            backend_name=backend.name,
            backend_version=backend.backend_version,
            job_id=self.job_id(),
        )

    def error_message(self) -> str | None:
        """Return which circuits failed and why, in the server's words; None if none did."""
        entries = self._roster.entries
        return self._message(entries, self._explain_missing(entries, Deadline(LONGEST_LOOK)))

    def _message(self, entries: Sequence[Entry], missing: Mapping[int, str]) -> str | None:
        return describe_failures(self._connection, self._roster, self.job_id(), entries, missing)

    def _explain_missing(self, entries: Sequence[Entry], deadline: Deadline) -> dict[int, str]:
        return explain_missing(self._connection, self._roster, entries, deadline)

    # -- other things to do with it -------------------------------------------------------------

    def cancel(self) -> bool:
        """Cancel the circuits that have not ended.

        Returns:
            Whether every one of them is cancelled now. If all had ended, whether all of them had
            been cancelled before.

        Raises:
            OqtopusCloudError: If the server cannot be asked.
        """
        sights = self._roster.watcher.refresh(self.job_ids())
        # A job that is only registered must not be cancelled: the server's list breaks on it.
        unfinished = [
            job_id
            for job_id, sight in sights.items()
            if not sight.is_final and sight.status != REGISTERED
        ]
        if not unfinished:
            return all(sight.status == "cancelled" for sight in sights.values())
        with translate_errors(f"Cancelling job {self.job_id()}"):
            failed = cancel_jobs(self._client, unfinished)
        with translate_errors(f"Asking for job {self.job_id()}"):
            self._roster.watcher.wait(unfinished, 10.0)
        now = self._roster.watcher.sights(self.job_ids())
        return not failed and all(now[job_id].status == "cancelled" for job_id in unfinished)

    def delete(self) -> None:
        """Delete the job with its programs and results from the server; nothing brings it back.

        Raises:
            OqtopusJobError: If a circuit has not ended; cancel the job, or wait for it.
            OqtopusCloudError: If the server cannot be asked.
        """
        job_ids = self.job_ids()
        sights = self._roster.watcher.refresh(job_ids)
        running = [job_id for job_id in job_ids if not sights[job_id].is_final]
        if running:
            raise OqtopusJobError(
                f"Job {self.job_id()} is not deleted: {len(running)} of {len(job_ids)} circuits "
                "have not ended. Cancel it, or wait for its result."
            )
        client = self._client
        with translate_errors(f"Deleting job {self.job_id()}"):
            for job_id in job_ids:
                client.delete(job_id)

    def time_per_step(self) -> dict[str, Any]:
        """Return when the job was submitted, ready, running and ended.

        Returns:
            For one circuit, step -> time (ISO 8601, UTC, whole seconds) of the steps so far. For
            several, OQTOPUS job id -> such a mapping.

        Raises:
            OqtopusCloudError: If the server cannot be asked.
        """
        times: dict[str, dict[str, str]] = {}
        with translate_errors(f"Reading job {self.job_id()}"):
            for job_id in self.job_ids():
                job = self._client.job(job_id)
                times[job_id] = dict(Sight.from_job(job).times)
        return times[self.job_ids()[0]] if len(times) == 1 else times

    def queue_info(self) -> dict[str, int]:
        """Return how many circuits are in which OQTOPUS status, and how long the device's queue is.

        Raises:
            OqtopusCloudError: If the server cannot be asked.
        """
        counts: dict[str, int] = {}
        for sight in self._roster.watcher.refresh(self.job_ids()).values():
            counts[sight.status] = counts.get(sight.status, 0) + 1
        counts["n_pending_jobs"] = self.backend().status().pending_jobs
        return counts

    def executed_circuit(self, index: int = 0) -> QuantumCircuit:
        """Return what the server's transpiler turned a circuit into.

        Args:
            index: Position of the circuit in the run.

        Raises:
            OqtopusJobError: If the server's transpiler was off, or there is no such circuit.
            OqtopusCloudError: If it cannot be read.
        """
        entry = self._entry(index)
        with translate_errors(f"Reading OQTOPUS job {entry.job_id}"):
            return read_executed_circuit(self._client, entry.job_id)

    def outcomes(self) -> dict[int, tuple[ProgramHeader | None, ExperimentResult]]:
        """Return what became of each circuit, after a call of :meth:`result`.

        Returns:
            By index of the circuit, what its program says of itself (None if it is gone from the
            server) and its result, which has failed with its reason if there is none. They are
            copies, which may be changed.
        """
        found = {}
        for entry in self._roster.entries:
            if entry.result is None:
                continue
            headers = entry.headers or (None,) * len(entry.results)
            each = zip(headers, entry.results, strict=True)
            for index, (header, result) in zip(entry.circuits, each, strict=False):
                own = None if header is None else _copy_header(header)
                found[index] = (own, results.copy_entry(result))
        return found

    def _entry(self, index: int) -> Entry:
        for entry in self._roster.entries:
            if index in entry.circuits or len(self._roster.entries) == 1 == self._roster.total:
                return entry
        raise OqtopusJobError(f"Job {self.job_id()} has no circuit {index}.")

    def headers(self) -> list[ProgramHeader]:
        """Return what each program says of itself, read from the server if it is not known here.

        Raises:
            OqtopusCloudError: If it cannot be read.
        """
        found: list[ProgramHeader] = []
        with translate_errors(f"Reading job {self.job_id()}"):
            client = self._client
            for entry in self._roster.entries:
                if entry.header is None:
                    job = client.job(entry.job_id)
                    entry.take_headers(entry.choose(read_headers(client, job, entry.member)))
                found += map(_copy_header, entry.headers)
        return found

    def experiment(self) -> dict[str, Any] | None:
        """Return what the run said of the experiment that its circuits belong to.

        It stands in the first programs of the run, of which one is enough. They are read from the
        server if they are not known here.

        Returns:
            The run option ``experiment``; None if the run had none.

        Raises:
            OqtopusJobError: If there was one, and none of the programs that carry it is left.
            OqtopusCloudError: If a program cannot be read.
        """
        is_described = False
        for entry in self._roster.entries[:EXPERIMENT_TEXTS]:
            header = self._find_header(entry)
            if header is None or header.experiment_sha256 is None:
                continue
            is_described = True
            if header.experiment is not None:
                return copy.deepcopy(dict(header.experiment))
        if is_described:
            raise OqtopusJobError(
                f"The description of the experiment of job {self.job_id()} is not in its circuits: "
                f"the first {EXPERIMENT_TEXTS} of group {self.group_id} had it, which are gone or "
                "not part of this job."
            )
        return None

    def _find_header(self, entry: Entry) -> ProgramHeader | None:
        """Return what a program says of itself; None if it is gone or makes no sense."""
        if entry.header is None:
            with translate_errors(f"Reading OQTOPUS job {entry.job_id}"):
                client = self._client
                try:
                    job = client.job(entry.job_id)
                    entry.take_headers(entry.choose(read_headers(client, job, entry.member)))
                except (errors.NotFoundError, OqtopusProtocolError) as error:
                    logger.warning("No program of OQTOPUS job %s: %s", entry.job_id, error)
        return entry.header

    def resubmit(self, only: str = "failed", **options: Any) -> OqtopusJob:
        """Send circuits again, from the programs that the server has stored, as a new group.

        Args:
            only: "failed" for the circuits that failed, "cancelled" for those that were cancelled,
                "all" for all.
            **options: ``group_id``, ``name``, ``tags`` and ``progress`` as for ``backend.run``.

        Returns:
            The new job; its programs name this job's group.

        Raises:
            OqtopusJobError: If there is nothing to send again.
            OqtopusCloudError: If a program cannot be read or sent.
        """
        wanted = {
            "failed": (JobStatus.ERROR,),
            "cancelled": (JobStatus.CANCELLED,),
            "all": tuple(JobStatus),
        }
        if only not in wanted:
            raise OqtopusJobError(f"only must be one of {', '.join(wanted)}, not {only!r}.")
        entries = self._roster.entries
        statuses = self._roster.find_statuses(entries)
        chosen = [
            entry for entry, status in zip(entries, statuses, strict=True) if status in wanted[only]
        ]
        if not chosen:
            raise OqtopusJobError(f"Job {self.job_id()} has no circuits that are {only}.")
        again: OqtopusJob = self.backend()._send_again(
            [entry.job_id for entry in chosen],
            resubmits=self._roster.group_id or self.job_id(),
            **options,
        )
        return again

    def __getstate__(self) -> dict[str, Any]:
        """Leave out what belongs to this process."""
        state = dict(self.__dict__)
        for name in ("_lock", "_progress"):
            del state[name]
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._lock = threading.Lock()
        self._progress = None
        self._roster.watch(self.backend()._watcher)

    def __repr__(self) -> str:
        number = self._roster.total
        words = f"{self.last_status().name}, {number} circuit{'s' * (number != 1)}"
        return f"<OqtopusJob {self.job_id()} on {self.backend().name}: {words}>"

    def _repr_html_(self) -> str:
        """Return what a notebook shows: what was last seen of the job; nothing is asked for."""
        facts = {
            "status": f"{self.last_status().name} when it was last seen",
            "device": self.backend().name,
            "name": self.name,
            "circuits": self._roster.total,
            "shots": self.shots,
            "submitted": self.creation_date,
            "tags": ", ".join(self.tags) or None,
        }
        return build_card(f"OqtopusJob {self.job_id()}", facts)


@contextmanager
def bounded(job_id: str, action: str, timeout: float | None) -> Iterator[None]:
    """Turn errors of the client into those of the package, and the end of the time too.

    Args:
        job_id: The job.
        action: What is being done with the job, as in "Waiting for".
        timeout: The time that the caller gave, in s, for the error.
    """
    with translate_errors(f"{action} job {job_id}"):
        try:
            yield
        except errors.DeadlineError as error:
            raise OqtopusJobTimeoutError(
                f"Job {job_id} was not done within {timeout} s: {error}. Ask again, here or by "
                f"provider.job({job_id!r})."
            ) from error


def _copy_header(header: ProgramHeader) -> ProgramHeader:
    """Return a header whose metadata and record of a primitive are its own."""
    return replace(
        header,
        metadata=copy.deepcopy(header.metadata),
        primitive=copy.deepcopy(header.primitive),
        experiment=copy.deepcopy(header.experiment),
    )
