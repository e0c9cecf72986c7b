"""The status of a job, in OQTOPUS' words and in Qiskit's."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from qiskit.providers import JobStatus

from ..exceptions import OqtopusOptionError

if TYPE_CHECKING:
    from ..client.models import Job

REGISTERED = "registered"
READY = "ready"
"""Status of a job that the engine of the device has fetched, and that has not begun."""

LOST = 600.0
"""Time in s after which a job that is ``ready`` may be lost: an engine that dies takes those that
it has fetched with it. No program before it may take longer, but several together may."""

FINAL = frozenset(["succeeded", "failed", "cancelled"])
DELETED = "deleted"
"""Our own word for a job that OQTOPUS does not know any more."""

STEPS = ("submitted", "ready", "running", "ended")
"""The steps of a job whose times OQTOPUS tells."""

SIGHT_FIELDS = ("job_id", "status", "execution_time", *(f"{step}_at" for step in STEPS))
"""What is asked for to look how jobs are."""


@dataclass(frozen=True)
class Sight:
    """What was last seen of an OQTOPUS job.

    Attributes:
        status: OQTOPUS' word for its status.
        ended: Whether OQTOPUS says when it ended.
        ready_at: Since when it has been ``ready``, in s since 1970; None if it is not, or if this
            is not known.
        times: When it was at each of :data:`STEPS`, ISO 8601, as far as it was. This and what
            follows make no difference between sights.
        execution_time: Time on the device in s, or None.
    """

    status: str
    ended: bool = False
    ready_at: float | None = None
    times: Mapping[str, str] = field(default_factory=dict, compare=False)
    execution_time: float | None = field(default=None, compare=False)

    @classmethod
    def from_job(cls, job: Job) -> Sight:
        """Return what an answer of the server says of a job."""
        ready_at = _parse_time(job.ready_at) if job.status == READY else None
        stamps = {step: getattr(job, f"{step}_at") for step in STEPS}
        return cls(
            job.status or REGISTERED,
            job.ended_at is not None,
            ready_at,
            {step: stamp for step, stamp in stamps.items() if stamp},
            job.execution_time,
        )

    @property
    def is_final(self) -> bool:
        """Whether it will not change any more."""
        return self.status in FINAL or self.status == DELETED or self.has_failed_unseen

    @property
    def has_failed_unseen(self) -> bool:
        """Whether it has ended under a status that says it has not.

        Such a job has failed: the server's engine has a race in which the updates to failed and to
        running cross. This is not assumed of a status that we do not know.
        """
        return self.ended and self.status in ("submitted", "ready", "running", "cancelling")

    def may_be_lost(self, now: float) -> bool:
        """Return whether it has been ``ready`` for so long that its engine may have died.

        Args:
            now: The time, in s since 1970.

        >>> [Sight("ready", ready_at=0.0).may_be_lost(now) for now in (599.0, 601.0)]
        [False, True]
        """
        return self.status == READY and self.ready_at is not None and now > self.ready_at + LOST


def _parse_time(text: str | None) -> float | None:
    """Return a time of the server in s since 1970; None if there is none that can be read."""
    try:
        # Python 3.10 reads no "Z".
        when = datetime.fromisoformat((text or "").replace("Z", "+00:00"))
    except ValueError:
        return None
    return (when if when.tzinfo else when.replace(tzinfo=timezone.utc)).timestamp()


_WORDS = (
    *(REGISTERED, "submitted", READY, "running", "cancelling"),
    *("succeeded", "failed", "cancelled"),
)
"""The words of OQTOPUS, by which its list of jobs can be searched."""


def parse_status(given: Any) -> JobStatus | str:
    """Return a status that a user has named: Qiskit's, or the word of OQTOPUS.

    Args:
        given: A ``JobStatus``, its name in upper or lower case, or the word of OQTOPUS.

    Raises:
        OqtopusOptionError: If it is something else.

    >>> parse_status("DONE"), parse_status("succeeded"), parse_status("cancelled")
    (<JobStatus.DONE: 'job has successfully run'>, 'succeeded', 'cancelled')
    """
    if isinstance(given, JobStatus) or given in _WORDS:
        return given
    if isinstance(given, str) and given.upper() in JobStatus.__members__:
        return JobStatus[given.upper()]
    raise OqtopusOptionError(
        f"Option 'status' must be a JobStatus, its name ({', '.join(JobStatus.__members__)}), or "
        f"the word of OQTOPUS for it ({', '.join(_WORDS)}), not {given!r:.60}."
    )


_STATUSES = {
    REGISTERED: JobStatus.INITIALIZING,
    "submitted": JobStatus.QUEUED,
    "ready": JobStatus.QUEUED,
    "running": JobStatus.RUNNING,
    "cancelling": JobStatus.RUNNING,
    "succeeded": JobStatus.DONE,
    "failed": JobStatus.ERROR,
    "cancelled": JobStatus.CANCELLED,
    DELETED: JobStatus.ERROR,
}

_ORDER = (JobStatus.INITIALIZING, JobStatus.QUEUED, JobStatus.RUNNING)
"""Unfinished statuses, the least advanced first."""


def job_status(sight: Sight) -> JobStatus:
    """Return Qiskit's status of one OQTOPUS job.

    >>> job_status(Sight("running", ended=True))
    <JobStatus.ERROR: 'job incurred error'>
    >>> job_status(Sight("a status of tomorrow"))
    <JobStatus.RUNNING: 'job is actively running'>
    """
    if sight.has_failed_unseen:
        return JobStatus.ERROR
    return _STATUSES.get(sight.status, JobStatus.RUNNING)


def group_status(statuses: Sequence[JobStatus]) -> JobStatus:
    """Return the status of a group: the least advanced while any is unfinished.

    Then it is ERROR if any failed, else CANCELLED if any was cancelled, else DONE.
    """
    for status in _ORDER:
        if status in statuses:
            return status
    for status in (JobStatus.ERROR, JobStatus.CANCELLED):
        if status in statuses:
            return status
    return JobStatus.DONE


def read_time(text: str | None) -> datetime | None:
    """Return a time of the server, which is UTC if it says nothing else; None if it is none.

    >>> read_time("2026-11-28T20:15:03Z").isoformat()
    '2026-11-28T20:15:03+00:00'
    """
    try:
        moment = datetime.fromisoformat((text or "").replace("Z", "+00:00"))
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)


def find_times(sights: Collection[Sight]) -> dict[str, datetime]:
    """Return when the first job was at each step but the last, and when the last one ended.

    Steps of which no time is known are not there, nor is the last one while a job has not ended.
    """
    found: dict[str, datetime] = {}
    for step in STEPS:
        moments = [read_time(sight.times.get(step)) for sight in sights]
        known = [moment for moment in moments if moment is not None]
        if step != STEPS[-1] and known:
            found[step] = min(known)
        elif known and all(sight.is_final for sight in sights):
            found[step] = max(known)
    return found


def find_execution_time(sights: Collection[Sight]) -> float | None:
    """Return the time of all jobs on the device in s; None if one has not ended, or none tells."""
    known = [sight.execution_time for sight in sights if sight.execution_time is not None]
    return sum(known) if known and all(sight.is_final for sight in sights) else None
