"""Waves: up to a hundred circuits of a run, whose fate hangs on the submission of one of them.

The server has one lock: it takes each registered id once. So all circuits of a wave are uploaded
before the first of them, the *head*, whose program carries the *manifest*: the ids under which
the others were uploaded. Once the head is submitted, every process that finds it knows these ids,
and submits them rather than ids of its own: whoever comes second is refused.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ..client import errors
from ..exceptions import OqtopusProtocolError
from ..program.program import HeaderError, Manifest, parse_program
from .delivery import Order
from .group import FoundGroup, is_dead, parse_description
from .listing import list_jobs

if TYPE_CHECKING:
    from ..client.api import Client
    from ..client.models import Job

logger = logging.getLogger(__name__)

WAVE_SIZE = 100
"""Largest number of circuits in a wave."""


@dataclass
class Wave:
    """Circuits that are sent together.

    Attributes:
        head: The one that is submitted first.
        rest: The others.
        ids: The ids under which the others have been uploaded, by index.
    """

    head: Order
    rest: Sequence[Order] = ()
    ids: dict[int, str] = field(default_factory=dict)

    @property
    def orders(self) -> list[Order]:
        """All of its circuits."""
        return [self.head, *self.rest]

    @property
    def is_uploaded(self) -> bool:
        """Whether all but the head have been uploaded."""
        return len(self.ids) == len(self.rest)

    def build_head(self) -> Order:
        """Return the head with the manifest of the wave; alone, it needs none."""
        if not self.rest:
            return self.head
        return self.head.as_head(
            tuple((order.index, self.ids[order.index], order.member.digest) for order in self.rest)
        )


def split_into_waves(orders: Sequence[Order]) -> Iterator[Wave]:
    """Yield waves of all orders; each has the first order that can lead as its head.

    Orders of which none can lead are waves of their own.
    """
    for start in range(0, len(orders), WAVE_SIZE):
        wave = orders[start : start + WAVE_SIZE]
        head = next((order for order in wave if order.can_lead), None)
        if head is None:
            yield from map(Wave, wave)
        else:
            yield Wave(head, [order for order in wave if order is not head])


@dataclass(frozen=True)
class Claim:
    """What a job that was submitted stands for: itself, and the jobs of its manifest.

    Attributes:
        job_id: The job.
        token: The token of its run.
        total: Number of circuits of its run.
        kind: Their sender, as in :class:`.Member`.
        ids: The OQTOPUS job ids by index, its own among them.
        digests: The digests of their programs by index.
        is_begun: Whether some of the others have been submitted too.
    """

    job_id: str
    token: str
    total: int
    kind: str
    ids: Mapping[int, str]
    digests: Mapping[int, str]
    is_begun: bool = False

    def fits(self, orders: Iterable[Order]) -> bool:
        """Return whether it stands for the same circuits, as far as it stands for them."""
        return all(
            (self.total, self.kind) == (order.member.total, order.member.kind)
            and self.digests.get(order.index, order.member.digest) == order.member.digest
            for order in orders
        )


def find_claims(
    client: Client, runs: Iterable[FoundGroup], wanted: Collection[int], known: Collection[str] = ()
) -> list[Claim]:
    """Return what was submitted for circuits, whoever did it, the one that counts first.

    What has begun comes before what has not, then the lowest id: every process that sees the same
    jobs comes to the same order.

    Args:
        client: The connection.
        runs: What was found of the group.
        wanted: Indices of the circuits.
        known: Jobs that are not looked at.

    Raises:
        ClientError: If a manifest cannot be read.
        OqtopusProtocolError: If it cannot be understood.
    """
    claims: list[Claim] = []
    for run in runs:
        jobs = run.all_jobs()
        new = [job for job in jobs.values() if job.job_id not in known]
        heads = [job for job in new if job.job_id in run.heads and job.status != "cancelled"]
        of_heads = [_claim(job, read_manifest(client, job.job_id), jobs) for job in heads]
        spoken_for = {job_id for claim in of_heads for job_id in claim.ids.values()}
        claims += of_heads
        claims += [
            _claim(job, (), jobs)
            for job in new
            if job.job_id not in spoken_for and job.job_id not in run.heads and not is_dead(job)
        ]
    fitting = [claim for claim in claims if not claim.ids.keys().isdisjoint(wanted)]
    return sorted(fitting, key=lambda claim: (not claim.is_begun, claim.job_id))


def find_deleted(client: Client, found: FoundGroup, missing: Collection[int]) -> dict[int, bool]:
    """Return, by index, whether the job of a circuit that has none was deleted.

    Circuits that no job of their run speaks for are left out: nothing tells what became of them.

    Args:
        client: The connection.
        found: What was found of the run.
        missing: Indices of the circuits.

    Raises:
        ClientError: If the server cannot be asked.
        OqtopusProtocolError: If a manifest cannot be understood.
    """
    claims = find_claims(client, [found], missing)
    ids = {i: claim.ids[i] for claim in reversed(claims) for i in missing if i in claim.ids}
    if not ids:
        return {}
    # One list in place of a question about each: most that were never submitted still wait for it.
    waiting = {job.job_id for job in list_jobs(client, status="registered")}
    return {
        index: job_id not in waiting and not _exists(client, job_id)
        for index, job_id in ids.items()
    }


def _exists(client: Client, job_id: str) -> bool:
    try:
        client.status(job_id)
    except errors.NotFoundError:
        return False
    return True


def _claim(job: Job, manifest: Manifest, jobs: Mapping[str, Job]) -> Claim:
    member = parse_description(job.description)
    assert member is not None  # noqa: S101 - it was found by its description
    return Claim(
        job.job_id,
        member.token,
        member.total,
        member.kind,
        {member.index: job.job_id, **{index: job_id for index, job_id, _ in manifest}},
        {member.index: member.digest, **{index: digest for index, _, digest in manifest}},
        any(job_id in jobs for _, job_id, _ in manifest),
    )


def read_manifest(client: Client, job_id: str) -> Manifest:
    """Return the manifest in the program of the head of a wave.

    Raises:
        ClientError: If it cannot be read.
        OqtopusProtocolError: If there is none.
    """
    job = client.job(job_id)
    url = None if job.job_info is None else job.job_info.input
    stored = client.download(url) if url else {}
    programs = stored.get("program")
    text = programs[0] if isinstance(programs, list) and programs else stored.get("sse_program")
    header, reason = None, "its program is not one that this package writes"
    if isinstance(text, str):
        try:
            header = parse_program(text)
        except HeaderError as error:
            reason = str(error)
    if header is None or header.manifest is None:
        raise OqtopusProtocolError(
            f"OQTOPUS job {job_id} should name the jobs that were sent with it, and does not: "
            f"{reason}. Nothing was sent; once that job is deleted, the run can be resumed."
        )
    return header.manifest


def withdraw(client: Client, job_id: str) -> None:
    """Cancel a job that another one stands in for, if the device has not fetched it yet."""
    try:
        if client.status(job_id) == "submitted":
            client.cancel(job_id)
            logger.warning("Job %s is cancelled: another process has sent this circuit", job_id)
            return
        reason = "the device has fetched it"
    except errors.ClientError as error:
        reason = str(error)
    logger.warning("Job %s is a duplicate, and could not be cancelled: %s", job_id, reason)
