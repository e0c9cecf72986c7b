"""Groups: the OQTOPUS jobs of one run, tied together by their descriptions.

OQTOPUS has no notion of a batch. The description of each job of a run begins with one line by which
``GET /jobs?q=<group id>`` finds all of them again, from anywhere and without a file on any disk.
"""

from __future__ import annotations

import logging
import re
import uuid
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..client import errors
from ..client.models import MAX_PAGE_SIZE
from ..exceptions import OqtopusOptionError
from .status import Sight

if TYPE_CHECKING:
    from ..client.api import Client
    from ..client.models import Job

logger = logging.getLogger(__name__)

MAX_NAME = 256
"""Longest name of an OQTOPUS job in characters; a longer one is an error 500 of the server."""

MAX_DESCRIPTION = 1024
"""Longest description of an OQTOPUS job in characters, for the same reason."""

MAX_TOTAL = 1_000_000
"""No run has more circuits; a description with a larger number was not written here."""

_JOB_ID = re.compile(r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}")
_GROUP_ID = re.compile(r"[a-z0-9-]{16,64}")
# A kind is shorter than any group id, so that the two cannot be taken for each other.
_LINE = re.compile(
    r"qiskit-oqtopus (?:(sampler|estimator) )?"
    r"([a-z0-9-]{16,64}) (\d{1,7})/(\d{1,7}) ([0-9a-f]{64})(?: |$)"
)


@dataclass(frozen=True)
class Member:
    """What the description of an OQTOPUS job says of its group.

    Attributes:
        group_id: Id of the group.
        index: Position of the circuit in the run.
        total: Number of circuits of the run.
        digest: What distinguishes its program from others, see :func:`.program.fingerprint`.
        kind: The sender: "run", "sampler" or "estimator".
    """

    group_id: str
    index: int
    total: int
    digest: str
    kind: str = "run"

    def description(self, tags: Sequence[str] = ()) -> str:
        """Return the description of the job; tags that do not fit are cut off.

        >>> Member("a" * 16, 0, 2, "0" * 64).description(["night", "T1"])[-17:]
        '0000000 night, T1'
        """
        kind = "" if self.kind == "run" else f"{self.kind} "
        line = f"qiskit-oqtopus {kind}{self.group_id} {self.index}/{self.total} {self.digest}"
        words = ", ".join(tags).encode("utf-8", "replace").decode()  # no half surrogates
        return f"{line} {words}".rstrip()[:MAX_DESCRIPTION]


def parse_description(text: str | None) -> Member | None:
    """Return what a description says of a group, or None if another client wrote it.

    >>> parse_description("qiskit-oqtopus " + "a" * 16 + " 3/50 " + "0" * 64 + " night").index
    3
    >>> parse_description("qiskit-oqtopus sampler " + "a" * 16 + " 3/50 " + "0" * 64).kind
    'sampler'
    >>> parse_description("my own words") is None
    True
    """
    match = _LINE.match(text or "")
    if match is None:
        return None
    kind, group_id, index, total, digest = match.groups()
    if not int(index) < int(total) <= MAX_TOTAL:
        return None
    return Member(group_id, int(index), int(total), digest, kind or "run")


def is_job_id(text: str) -> bool:
    """Return whether a text looks like an id that OQTOPUS gives.

    >>> is_job_id("01997cb0-8d1c-7000-8000-0123456789ab"), is_job_id(new_group_id())
    (True, False)
    """
    return bool(_JOB_ID.fullmatch(text))


def new_group_id() -> str:
    """Return a group id that nobody has used."""
    return f"group-{uuid.uuid4()}"


def check_group_id(option: str, group_id: object) -> str:
    """Return a group id that the user has chosen.

    Raises:
        OqtopusOptionError: If it is not 16 to 64 lower-case letters, digits and hyphens.
    """
    if isinstance(group_id, str) and _GROUP_ID.fullmatch(group_id):
        return group_id
    raise OqtopusOptionError(
        f"Option {option!r} must be 16 to 64 lower-case letters, digits and hyphens, not "
        f"{group_id!r}."
    )


FIELDS = ("job_id", "name", "description", "status", "device_id", "shots", "ended_at")


@dataclass(frozen=True)
class FoundGroup:
    """The OQTOPUS jobs of one group.

    Attributes:
        group_id: Its id.
        total: Number of circuits of the run.
        jobs: The job that counts for each index: the earliest one that has not failed or been
            cancelled, else the latest one.
        members: What their descriptions say, by index.
        spare: Other jobs for an index that has one already.
    """

    group_id: str
    total: int
    jobs: dict[int, Job]
    members: dict[int, Member]
    spare: tuple[Job, ...]

    def alive(self) -> dict[int, Job]:
        """Return the jobs that have not failed or been cancelled, by index."""
        return {index: job for index, job in self.jobs.items() if not _is_dead(job)}

    def sights(self) -> dict[str, Sight]:
        """Return what was just seen of the jobs that count, by their OQTOPUS job ids."""
        return {job.job_id: Sight.from_job(job) for job in self.jobs.values()}


def list_jobs(client: Client, **search: Any) -> Iterator[Job]:
    """Yield the jobs on the pages of ``GET /jobs``, which are read when they are needed."""
    page = 1
    while True:
        jobs = client.jobs(page=page, size=MAX_PAGE_SIZE, **search)
        yield from jobs
        if len(jobs) < MAX_PAGE_SIZE:
            return
        page += 1


def find_group(client: Client, group_id: str) -> FoundGroup | None:
    """Find the OQTOPUS jobs of a group; None if there are none.

    Raises:
        ClientError: If the server cannot be asked.
    """
    by_index: dict[int, list[tuple[Job, Member]]] = {}
    seen = set()
    # The search is for a substring of any text, so that hits must be read.
    for job in list_jobs(client, fields=FIELDS, q=group_id, order="ASC"):
        member = parse_description(job.description)
        if member is None or member.group_id != group_id or job.job_id in seen:
            continue
        seen.add(job.job_id)
        by_index.setdefault(member.index, []).append((job, member))
    if not by_index:
        return None
    chosen, spare = {}, []
    for index, candidates in by_index.items():
        # Ids are UUIDs of version 7, which sort by time.
        candidates.sort(key=lambda pair: pair[0].job_id)
        alive = [pair for pair in candidates if not _is_dead(pair[0])]
        chosen[index] = counts = alive[0] if alive else candidates[-1]
        spare += [job for job, _ in candidates if job is not counts[0]]
    return FoundGroup(
        group_id,
        max(member.total for _, member in chosen.values()),
        {index: job for index, (job, _) in sorted(chosen.items())},
        {index: member for index, (_, member) in sorted(chosen.items())},
        tuple(spare),
    )


def _is_dead(job: Job) -> bool:
    sight = Sight.from_job(job)
    return sight.is_final and sight.status != "succeeded"


def cancel_jobs(client: Client, job_ids: Iterable[str]) -> list[str]:
    """Cancel jobs that have been submitted; return those that could not be cancelled.

    Never give it a job that is only registered: once that is cancelled, the server answers 500 to
    every list of the account's jobs.
    """
    failed = []
    for job_id in job_ids:
        try:
            client.cancel(job_id)
        except (errors.ValidationError, errors.NotFoundError):
            logger.info("Job %s has ended before it could be cancelled", job_id)
        except errors.ClientError as error:
            logger.warning("Job %s could not be cancelled: %s", job_id, error)
            failed.append(job_id)
    return failed


def cancel_spare(client: Client, found: FoundGroup) -> None:
    """Cancel what is still to run for an index that has a job already, and say so."""
    running = [job.job_id for job in found.spare if not Sight.from_job(job).is_final]
    if running:
        logger.warning(
            "Group %s has more than one job for a circuit; the earliest counts, and these are "
            "cancelled: %s",
            found.group_id,
            ", ".join(running),
        )
        cancel_jobs(client, running)
