"""Finding the OQTOPUS jobs of a group again."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .group import Member, parse_description
from .status import REGISTERED, Sight
from .submission import cancel_jobs

if TYPE_CHECKING:
    from ..client.api import Client
    from ..client.models import Job

logger = logging.getLogger(__name__)

PAGE = 100
"""Jobs in a page of GET /jobs: the most that the server gives."""

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
        """Return what was just seen of the jobs that count, by OQTOPUS job id."""
        return {job.job_id or "": sight_of(job) for job in self.jobs.values()}


def sight_of(job: Job) -> Sight:
    """Return what an answer of the server says of a job."""
    return Sight(job.status or REGISTERED, job.ended_at is not None)


def list_jobs(client: Client, **search: Any) -> Iterator[Job]:
    """Go through the pages of ``GET /jobs``."""
    page = 1
    while True:
        jobs = client.jobs(page=page, size=PAGE, **search)
        yield from jobs
        if len(jobs) < PAGE:
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
        candidates.sort(key=lambda pair: pair[0].job_id or "")
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
    sight = sight_of(job)
    return sight.is_final and sight.status != "succeeded"


def cancel_spare(client: Client, found: FoundGroup) -> None:
    """Cancel what is still to run for an index that has a job already, and say so."""
    running = [job.job_id for job in found.spare if not sight_of(job).is_final]
    if running:
        logger.warning(
            "Group %s has more than one job for a circuit; the earliest counts, and these are "
            "cancelled: %s",
            found.group_id,
            ", ".join(map(str, running)),
        )
        cancel_jobs(client, running)
