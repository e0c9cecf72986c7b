"""What the server has of a run: found before the rest of it is sent, or before its id is taken."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from ..client import errors
from ..exceptions import OqtopusCircuitError, OqtopusCloudError, OqtopusOptionError
from ..program.program import Program, fingerprint
from .delivery import Unsettled, submit_exactly_once
from .encoding import find_differences
from .errors import translate_errors
from .group import (
    FoundGroup,
    cancel_spare,
    choose_run,
    find_group,
    find_runs,
    parse_description,
)
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
    client = backend.connection.client
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
        runs = find_runs(backend.connection.client, group_id)
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
        jobs: The job of each circuit that has one, by index.
        uploaded: The circuits that were uploaded and perhaps submitted: (OQTOPUS job id, token of
            the run that registered it), by index.
        known: The ids of all jobs of the group, whether they count or not.
    """

    token: str | None = None
    jobs: Mapping[int, Job] = field(default_factory=dict)
    uploaded: Mapping[int, tuple[str, str]] = field(default_factory=dict)
    known: frozenset[str] = frozenset()


def find_present(
    backend: OqtopusBackend, programs: Sequence[Program], group: str, token: str | None
) -> Present:
    """Return what the server has of a run that is resumed."""
    client = backend.connection.client
    with translate_errors(f"Looking for group {group}"):
        _settle(backend, group)
        runs = find_runs(client, group)
        present = _look(backend, programs, choose_run(runs, token))
        if len(present.jobs) + len(present.uploaded) < len(programs):
            # A job may have been missed that was submitted, or whose neighbour was deleted, while
            # the list was read.
            runs = find_runs(client, group)
            present = _look(backend, programs, choose_run(runs, token))
        found = choose_run(runs, token)
        if found is not None:
            cancel_spare(client, found)
    if found is None:
        logger.warning("Nothing of group %s is on the server: all of it is sent", group)
    return replace(present, known=frozenset(job_id for run in runs for job_id in run.all_jobs()))


def _settle(backend: OqtopusBackend, group: str) -> None:
    """Submit what this process could not settle before; the server takes each id once."""
    unsettled = backend.connection.unsettled.pop(group, {})
    try:
        while unsettled:
            job_id, body = next(iter(unsettled.items()))
            try:
                submit_exactly_once(backend.connection.client, job_id, body, time.sleep)
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
            backend.connection.unsettled[group] = unsettled


def _look(
    backend: OqtopusBackend, programs: Sequence[Program], found: FoundGroup | None
) -> Present:
    if found is None:
        return Present()
    problems = find_differences(found, programs)
    if problems:
        raise OqtopusCircuitError(problems, backend.name)
    jobs = found.alive()
    missing = {index for index in range(len(programs)) if index not in jobs}
    uploaded: dict[int, tuple[str, str]] = {}
    seen = found.all_jobs()
    if missing and found.heads:
        for claim in find_claims(backend.connection.client, [found], missing):
            for index in missing & claim.ids.keys():
                job_id, digest = claim.ids[index], claim.digests[index]
                # One that is seen has failed or was cancelled.
                if job_id not in seen and digest == fingerprint(programs[index]):
                    uploaded.setdefault(index, (job_id, claim.token))
    return Present(found.tokens[0], jobs, uploaded)
