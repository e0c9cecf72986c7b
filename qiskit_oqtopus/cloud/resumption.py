"""What the server has of a run: found before the rest of it is sent, or before its id is taken."""

from __future__ import annotations

import logging
import time
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from ..client import errors
from ..exceptions import (
    OqtopusCircuitError,
    OqtopusCloudError,
    OqtopusOptionError,
    OqtopusWarning,
    users_stacklevel,
)
from ..program.program import Program, fingerprint
from .delivery import Unsettled, submit_exactly_once
from .download import read_sse_outcomes
from .encoding import find_circuits, find_differences
from .entry import Entry, build_entries
from .errors import translate_errors
from .group import (
    FoundGroup,
    cancel_spare,
    choose_run,
    find_group,
    find_runs,
    parse_description,
)
from .sse.log import CircuitOutcome
from .status import Sight
from .wave import find_claims

if TYPE_CHECKING:
    from ..client.models import Job
    from .backend import OqtopusBackend

logger = logging.getLogger(__name__)


def find_run_of(backend: OqtopusBackend, job_id: str) -> tuple[str, str | None]:
    """Return the group id and the token of the run to which an OQTOPUS job belongs.

    Raises:
        OqtopusOptionError: If there is no such job, or if it belongs to none.
    """
    client = backend._connection.client
    with translate_errors(f"Looking for job {job_id}"):
        try:
            member = parse_description(client.job(job_id).description)
        except (errors.NotFoundError, errors.ValidationError):
            if find_group(client, job_id) is not None:  # somebody has chosen such an id
                return job_id, None
            raise OqtopusOptionError(
                f"There is no job {job_id!r} to resume: nothing was sent. Leave 'resume' out "
                "to start a new run."
            ) from None
    if member is None:
        raise OqtopusOptionError(
            f"OQTOPUS job {job_id} was sent by another client, and cannot be resumed. Leave "
            "'resume' out to start a new run."
        )
    return member.group_id, member.token


def check_unused(backend: OqtopusBackend, group_id: str) -> None:
    """Refuse the id of a group that exists already: two runs would be mixed.

    Raises:
        OqtopusOptionError: If it does.
    """
    with translate_errors(f"Looking for group {group_id}"):
        runs = find_runs(backend._connection.client, group_id)
    if runs:
        jobs = sum(len(found.jobs) for found in runs)
        raise OqtopusOptionError(
            f"Group id {group_id!r} is in use by {jobs} jobs. Choose another one, "
            f"or resume that run with resume={group_id!r}."
        )


@dataclass(frozen=True)
class Present:
    """What the server has of a run that is to be sent.

    Attributes:
        token: The token of the run, or None if there is nothing of it.
        found: All that was found of it, or None.
        jobs: The job of each circuit that is not to be sent, by index.
        uploaded: The circuits that were uploaded and perhaps submitted: (OQTOPUS job id, token of
            the run that registered it), by the positions that one program runs.
        known: The ids of all jobs of the group, whether they count or not.
    """

    token: str | None = None
    found: FoundGroup | None = None
    jobs: Mapping[int, Job] = field(default_factory=dict)
    uploaded: Mapping[range, tuple[str, str]] = field(default_factory=dict)
    known: frozenset[str] = frozenset()

    @property
    def circuits(self) -> set[int]:
        """Positions of the circuits that the server has, one way or the other."""
        return {*self.jobs, *(index for circuits in self.uploaded for index in circuits)}


def find_present(
    backend: OqtopusBackend,
    programs: Sequence[Program],
    group: str,
    token: str | None,
    values: Mapping[str, Any],
) -> Present:
    """Return what the server has of a run that is resumed.

    Args:
        backend: The device.
        programs: The programs of all circuits.
        group: The group id.
        token: The token of the run; None if there can be only one run.
        values: All run options.

    Warns:
        OqtopusWarning: If circuits are left alone that may have run and of which nothing is left.
    """
    look = _Look(backend, programs, values)
    client = backend._connection.client
    with translate_errors(f"Looking for group {group}"):
        _settle(backend, group)
        runs = find_runs(client, group)
        present = look.at(choose_run(runs, token))
        if len(present.circuits) < len(programs):
            # A job may have been missed that was submitted, or whose neighbour was deleted, while
            # the list was read.
            runs = find_runs(client, group)
            present = look.at(choose_run(runs, token))
        found = choose_run(runs, token)
        if found is not None:
            cancel_spare(client, found)
    if found is None:
        logger.warning("Nothing of group %s is on the server: all of it is sent", group)
    look.warn_of_lost()
    return replace(present, known=frozenset(job_id for run in runs for job_id in run.all_jobs()))


def _settle(backend: OqtopusBackend, group: str) -> None:
    """Submit what this process could not settle before; the server takes each id once."""
    unsettled = backend._connection.unsettled.pop(group, {})
    try:
        while unsettled:
            job_id, body = next(iter(unsettled.items()))
            try:
                submit_exactly_once(backend._connection.client, job_id, body, time.sleep)
            except (errors.NotFoundError, errors.ValidationError) as error:
                logger.warning("Job %s was never submitted: %s", job_id, error)
            except Unsettled as error:
                raise OqtopusCloudError(
                    f"Whether job {job_id} of group {group} was submitted can still not be found "
                    f"out, so that nothing was sent. Try again later. Reason: {error.__cause__}"
                ) from error
            del unsettled[job_id]
    finally:
        if unsettled:
            backend._connection.unsettled[group] = unsettled


class _Look:
    """Finds out which circuits of a run need not be sent."""

    def __init__(
        self, backend: OqtopusBackend, programs: Sequence[Program], values: Mapping[str, Any]
    ) -> None:
        self._backend = backend
        self._client = backend._connection.client
        self._programs = programs
        self._is_sse = values["route"] is not None
        self._reruns_lost = values["rerun_lost"]
        self._outcomes: dict[str, list[CircuitOutcome]] = {}  # by job id, of Python programs
        self._lost: set[int] = set()

    def at(self, found: FoundGroup | None) -> Present:
        """Return what there is of a run."""
        if found is None:
            return Present()
        if found.is_sse != self._is_sse:
            way = "with route='sse'" if found.is_sse else "without route='sse'"
            raise OqtopusOptionError(
                f"Group {found.group_id!r} was run {way}: resume it in the same way."
            )
        problems = find_differences(found, self._programs)
        if problems:
            raise OqtopusCircuitError(problems, self._backend.name)
        jobs = self._find_settled(found) if found.is_sse else found.alive()
        missing = {index for index in range(len(self._programs)) if index not in jobs}
        uploaded: dict[range, tuple[str, str]] = {}
        seen = found.all_jobs()
        if missing and found.heads:
            for claim in find_claims(self._client, [found], missing):
                for index in missing & claim.ids.keys():
                    job_id = claim.ids[index]
                    circuits = self._find_circuits(index, claim.digests[index])
                    # One that is seen has failed or was cancelled.
                    if circuits and job_id not in seen and missing.issuperset(circuits):
                        missing.difference_update(circuits)
                        uploaded[circuits] = (job_id, claim.token)
        return Present(found.tokens[0], found, jobs, uploaded)

    def _find_circuits(self, index: int, digest: str) -> range:
        """Return which circuits an uploaded program runs; none if they are others."""
        if self._is_sse:
            return find_circuits(self._programs, index, digest) or range(0)
        return range(index, index + (digest == fingerprint(self._programs[index])))

    def _find_settled(self, found: FoundGroup) -> dict[int, Job]:
        """Return the jobs of circuits that are not to be sent: they wait, have counts, or are lost.

        A Python program may have ended before all of its circuits had run, and is silent about
        them if it failed.
        """
        self._lost = set()
        settled: dict[int, Job] = {}
        for entry in build_entries(found):
            job = found.jobs[entry.index]
            sight = Sight.from_job(job)
            if not sight.is_final:
                settled.update(dict.fromkeys(entry.circuits, job))
                continue
            if sight.status == "cancelled":
                continue
            lost = set(entry.circuits)
            if sight.status == "succeeded":
                outcomes = self._read_outcomes(entry, job)
                each = list(zip(entry.circuits, outcomes, strict=True))
                settled.update((index, job) for index, o in each if o.answer is not None)
                lost = {index for index, outcome in each if outcome.is_lost}
            if not self._reruns_lost:
                settled.update(dict.fromkeys(lost, job))
                self._lost |= lost
        return settled

    def _read_outcomes(self, entry: Entry, job: Job) -> list[CircuitOutcome]:
        if job.job_id not in self._outcomes:
            self._outcomes[job.job_id] = read_sse_outcomes(self._client, job, entry.member)
        return entry.choose(self._outcomes[job.job_id])

    def warn_of_lost(self) -> None:
        """Warn of circuits that may have run, and are left alone."""
        if self._lost:
            warnings.warn(
                f"Circuits {', '.join(map(str, sorted(self._lost)))} may have run, and nothing of "
                "them is left: they are not sent again, unless with rerun_lost=True.",
                OqtopusWarning,
                stacklevel=users_stacklevel(),
            )
