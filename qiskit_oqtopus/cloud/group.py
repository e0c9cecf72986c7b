"""Groups: the OQTOPUS jobs of one run, tied together by their descriptions.

OQTOPUS has no notion of a batch. The description of each job of a run begins with one line by which
``GET /jobs?q=<group id>`` finds all of them again, from anywhere and without a file on any disk.
The group id may be chosen by the user, so that two runs may have the same; a token that each run
draws for itself tells them apart.
"""

from __future__ import annotations

import logging
import re
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ..client import errors
from ..exceptions import OqtopusJobError, OqtopusOptionError
from ..program.header import MAX_CIRCUITS
from .listing import list_jobs
from .status import SIGHT_FIELDS, Sight

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

MAX_TAGS = 800
"""Most characters of all tags of a job together: what is left of its description."""

_JOB_ID = re.compile(r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}")
_GROUP_ID = re.compile(r"[a-z0-9-]{16,64}")
_RUN_ID = re.compile(r"([a-z0-9-]{16,64})(?:/([0-9a-f]{8}))?")
# A kind is shorter than any group id, so that the two cannot be taken for each other.
_LINE = re.compile(
    r"qiskit-oqtopus (?:(sampler|estimator|script) )?([a-z0-9-]{16,64})/([0-9a-f]{8}) "
    r"(\d{1,7})(?:-(\d{1,7}))?/(\d{1,7})( head)? ([0-9a-f]{64})(?: |$)"
)


@dataclass(frozen=True)
class Member:
    """What the description of an OQTOPUS job says of its group.

    Attributes:
        group_id: Id of the group.
        index: Position of the circuit in the run; of the first of several.
        total: Number of circuits of the run.
        digest: What distinguishes its program from others, see :func:`.program.fingerprint`; of
            several, see :func:`.program.accumulate_fingerprints`.
        kind: The sender: "run", "sampler" or "estimator"; "script" for a program of the user.
        token: Tells runs of the same group id apart: 8 hexadecimal digits.
        head: Whether its program names the other jobs of its wave, see :mod:`.wave`.
        tags: Words of the user.
        last: Position of the last circuit, if its program is one of Python that runs circuits;
            else None.
    """

    group_id: str
    index: int
    total: int
    digest: str
    kind: str = "run"
    token: str = "00000000"  # noqa: S105 - not a secret
    head: bool = False
    tags: tuple[str, ...] = ()
    last: int | None = None

    @property
    def circuits(self) -> range:
        """Positions of its circuits in the run."""
        return range(self.index, (self.index if self.last is None else self.last) + 1)

    def is_like(self, other: Member) -> bool:
        """Return whether another one may be of the same run, by all but its digest."""
        mine, its = ((m.total, m.kind, m.last is None) for m in (self, other))
        return mine == its

    @property
    def run_id(self) -> str:
        """The group id with the token, by which exactly this run is found."""
        return f"{self.group_id}/{self.token}"

    def description(self) -> str:
        """Return the description of the job.

        >>> Member("a" * 16, 0, 2, "0" * 64, tags=("night", "T1")).description()[-17:]
        '0000000 night, T1'
        """
        kind = "" if self.kind == "run" else f"{self.kind} "
        head = " head" if self.head else ""
        last = "" if self.last is None else f"-{self.last}"
        place = f"{self.index}{last}/{self.total}{head}"
        line = f"qiskit-oqtopus {kind}{self.run_id} {place} {self.digest}"
        return f"{line} {', '.join(self.tags)}".rstrip()[:MAX_DESCRIPTION]


def parse_description(text: str | None) -> Member | None:
    """Return what a description says of a group, or None if another client wrote it.

    >>> run_id = "a" * 16 + "/01234567"
    >>> parse_description(f"qiskit-oqtopus {run_id} 3/50 {'0' * 64} night").index
    3
    >>> parse_description(f"qiskit-oqtopus sampler {run_id} 3/50 head {'0' * 64}").kind
    'sampler'
    >>> parse_description(f"qiskit-oqtopus {run_id} 3-9/50 {'0' * 64}").circuits
    range(3, 10)
    >>> parse_description("my own words") is None
    True
    """
    match = _LINE.match(text or "")
    if match is None:
        return None
    kind, group_id, token, index, last, total, head, digest = match.groups()
    if not int(index) <= int(last or index) < int(total) <= MAX_TOTAL:
        return None
    if last is not None and int(last) - int(index) >= MAX_CIRCUITS:
        return None
    words = (word.strip() for word in (text or "")[match.end() :].split(","))
    return Member(
        group_id,
        int(index),
        int(total),
        digest,
        kind or "run",
        token,
        head is not None,
        tuple(word for word in words if word),
        None if last is None else int(last),
    )


def is_job_id(text: str) -> bool:
    """Return whether a text looks like an id that OQTOPUS gives.

    >>> is_job_id("01997cb0-8d1c-7000-8000-0123456789ab"), is_job_id(new_group_id())
    (True, False)
    """
    return bool(_JOB_ID.fullmatch(text))


def new_group_id() -> str:
    """Return a group id that nobody has used."""
    return f"group-{uuid.uuid4()}"


def new_token() -> str:
    """Return a token that tells a run from others of the same group id."""
    return uuid.uuid4().hex[:8]


def split_run_id(text: str) -> tuple[str, str | None]:
    """Return the group id and the token of a run's id; None for a token that it does not have.

    >>> split_run_id("group-0123456789/89abcdef")
    ('group-0123456789', '89abcdef')
    """
    match = _RUN_ID.fullmatch(text)
    return (text, None) if match is None else (match[1], match[2])


def check_group_id(option: str, group_id: object) -> str:
    """Return a group id that the user has chosen.

    Raises:
        OqtopusOptionError: If it is not 16 to 64 lower-case letters, digits and hyphens.
    """
    if isinstance(group_id, str) and _GROUP_ID.fullmatch(group_id):
        return group_id
    raise OqtopusOptionError(
        f"Option {option!r} must be 16 to 64 lower-case letters, digits and hyphens, not "
        f"{group_id!r:.200}."
    )


def check_run_id(option: str, run_id: object) -> str:
    """Return the id of a run as the user has it: a group id, with a token or without.

    Raises:
        OqtopusOptionError: If it is neither.
    """
    if isinstance(run_id, str) and _RUN_ID.fullmatch(run_id):
        return run_id
    return check_group_id(option, run_id)


FIELDS = ("name", "description", "device_id", "job_type", "shots", *SIGHT_FIELDS)
"""What is asked for of the jobs of a list."""


@dataclass(frozen=True)
class FoundGroup:
    """The OQTOPUS jobs of one run.

    Attributes:
        group_id: Its group id.
        tokens: Its token, and those of processes that sent the same run at the same moment.
        total: Number of circuits of the run.
        kind: The sender, as in :class:`Member`.
        jobs: The job that counts for each index: the earliest one that has not failed or been
            cancelled, else the latest one; of jobs that run several circuits, the earliest one
            that has not ended, else the latest one that was not cancelled, else the latest one.
        members: What their descriptions say, by index.
        spare: Jobs that count for no index.
        heads: The jobs whose programs name others, by id, with what their descriptions say.
    """

    group_id: str
    tokens: tuple[str, ...]
    total: int
    kind: str
    jobs: dict[int, Job]
    members: dict[int, Member]
    spare: tuple[Job, ...] = ()
    heads: Mapping[str, Job] = field(default_factory=dict)

    @property
    def run_id(self) -> str:
        """The id by which exactly this run is found."""
        return f"{self.group_id}/{self.tokens[0]}"

    @property
    def is_sse(self) -> bool:
        """Whether its jobs run several circuits each, as Python programs."""
        return any(member.last is not None for member in self.members.values())

    def alive(self) -> dict[int, Job]:
        """Return the jobs that have not failed or been cancelled, by index."""
        return {index: job for index, job in self.jobs.items() if not is_dead(job)}

    def all_jobs(self) -> dict[str, Job]:
        """Return all of its jobs by their ids, whether they count or not."""
        return {job.job_id: job for job in (*self.jobs.values(), *self.spare)}

    def sights(self) -> dict[str, Sight]:
        """Return what was just seen of the jobs that count, by their OQTOPUS job ids."""
        return {job.job_id: Sight.from_job(job) for job in self.jobs.values()}


_Row = tuple["Job", Member]


def find_runs(client: Client, group_id: str) -> list[FoundGroup]:
    """Find the runs with a group id: as a rule none or one, the earliest first.

    Two runs are different if their numbers of circuits, their kinds, or the digests of a circuit
    differ. A run of which everything was cancelled is left out if there is another one.

    Raises:
        ClientError: If the server cannot be asked.
    """
    by_token: dict[str, list[_Row]] = {}
    # The search is for a substring of any text, so that hits must be read.
    for job in list_jobs(client, fields=FIELDS, q=group_id, order="ASC"):
        member = parse_description(job.description)
        if member is not None and member.group_id == group_id:
            by_token.setdefault(member.token, []).append((job, member))
    runs: list[tuple[dict[range, str], list[_Row]]] = []
    # Ids are UUIDs of version 7, which sort by time.
    for rows in sorted(by_token.values(), key=lambda rows: min(job.job_id for job, _ in rows)):
        first = rows[0][1]
        digests = {member.circuits: member.digest for _, member in rows}
        for known, others in runs:
            other = others[0][1]
            if first.is_like(other) and all(
                known.get(place, digest) == digest for place, digest in digests.items()
            ):
                known.update(digests)
                others += rows
                break
        else:
            runs.append((digests, rows))
    going = [rows for _, rows in runs if any(job.status != "cancelled" for job, _ in rows)]
    return [_choose(rows) for rows in going or [rows for _, rows in runs]]


def find_group(client: Client, group_id: str, token: str | None = None) -> FoundGroup | None:
    """Find the OQTOPUS jobs of a run; None if there are none.

    Args:
        client: The connection.
        group_id: Its group id.
        token: Its token; None if there can be only one run.

    Raises:
        ClientError: If the server cannot be asked.
        OqtopusJobError: If there are several runs and no token says which.
    """
    return choose_run(find_runs(client, group_id), token)


def choose_run(runs: Sequence[FoundGroup], token: str | None) -> FoundGroup | None:
    """Return the run with a token, or the only one; None if there is none.

    Raises:
        OqtopusJobError: If there are several runs and no token says which.
    """
    if token is not None:
        return next((run for run in runs if token in run.tokens), None)
    if len(runs) > 1:
        raise OqtopusJobError(
            f"Group id {runs[0].group_id!r} belongs to {len(runs)} different runs. Name the one "
            f"you mean: {', '.join(repr(run.run_id) for run in runs)}."
        )
    return runs[0] if runs else None


def _choose(rows: Sequence[_Row]) -> FoundGroup:
    by_index: dict[int, list[_Row]] = {}
    ordered = sorted(rows, key=lambda row: row[0].job_id)
    for row in ordered:
        for index in row[1].circuits:
            by_index.setdefault(index, []).append(row)
    chosen = {index: _choose_one(candidates) for index, candidates in sorted(by_index.items())}
    counting = {job.job_id for job, _ in chosen.values()}
    first = rows[0][1]
    return FoundGroup(
        first.group_id,
        tuple(dict.fromkeys(member.token for _, member in rows)),
        first.total,
        first.kind,
        {index: job for index, (job, _) in chosen.items()},
        {index: member for index, (_, member) in chosen.items()},
        tuple(job for job, _ in ordered if job.job_id not in counting),
        {job.job_id: job for job, member in rows if member.head},
    )


def _choose_one(candidates: Sequence[_Row]) -> _Row:
    """Return the job that counts for a circuit, and what its description says."""
    if candidates[0][1].last is None:
        alive = [row for row in candidates if not is_dead(row[0])]
        return alive[0] if alive else candidates[-1]
    # One that has ended may have left circuits out, for which a later one was sent.
    going = [row for row in candidates if not Sight.from_job(row[0]).is_final]
    if going:
        return going[0]
    return next(
        (row for row in reversed(candidates) if row[0].status != "cancelled"), candidates[-1]
    )


def is_dead(job: Job) -> bool:
    """Return whether a job has ended without a result."""
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
    """Cancel what still waits in the queue for an index that has a job already, and say so.

    A job that the device has fetched would run nevertheless, and is left alone.
    """
    waiting = [job.job_id for job in found.spare if job.status == "submitted"]
    if waiting:
        logger.warning(
            "Group %s has more than one job for a circuit; the earliest counts, and these are "
            "cancelled: %s",
            found.group_id,
            ", ".join(waiting),
        )
        cancel_jobs(client, waiting)
