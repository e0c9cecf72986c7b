"""Why circuits of a run have no result, in the server's words."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from qiskit.providers import JobStatus

from ..client import errors
from ..client.deadline import Deadline
from ..exceptions import OqtopusError
from .download import find_reason
from .entry import Entry
from .group import find_group
from .roster import Roster
from .status import DELETED, Sight, job_status
from .wave import find_deleted

if TYPE_CHECKING:
    from .connection import Connection

logger = logging.getLogger(__name__)

_FAILURES = (JobStatus.ERROR, JobStatus.CANCELLED)


def explain_missing(
    connection: Connection, roster: Roster, entries: Sequence[Entry], deadline: Deadline
) -> dict[int, str]:
    """Return why circuits have no job, by their indices; in an outage, what it may be.

    Args:
        connection: How the server is reached.
        roster: The jobs of the run.
        entries: Those that are known.
        deadline: When the look must have ended.
    """
    missing = roster.find_missing(entries)
    if not missing:
        return {}
    fates: Mapping[int, bool] = {}
    try:
        client = connection.client.within(deadline)
        found = None
        if roster.group_id is not None:
            found = find_group(client, roster.group_id, roster.token)
        if found is not None:
            fates = find_deleted(client, found, missing)
    except (errors.ClientError, OqtopusError) as error:
        logger.warning("Could not find out what %s lacks: %s", roster.group_id, error)
    words = {True: "its job was deleted", False: "it was never submitted"}
    unknown = "it has no job: it was never submitted, or its job was deleted"
    return {index: words[fates[index]] if index in fates else unknown for index in missing}


def describe_failures(
    connection: Connection,
    roster: Roster,
    job_id: str,
    entries: Sequence[Entry],
    missing: Mapping[int, str],
) -> str | None:
    """Return which circuits have no result and why; None if all have one.

    Args:
        connection: How the server is asked for reasons that are not known yet.
        roster: The jobs of the run.
        job_id: Id of the run, as users know it.
        entries: The jobs that are known.
        missing: Why circuits have no job, by their indices.
    """
    lines = []
    total, failed = roster.total, len(missing)
    for entry in entries:
        sight = roster.watcher.sights([entry.job_id])[entry.job_id]
        if not entry.has_failed and job_status(sight) not in _FAILURES:
            continue
        if entry.further_results:
            of_entry = list(_describe_each(entry))
            if not entry.is_python:
                total += len(entry.further_results)
            lines += of_entry
            failed += len(of_entry)
            continue
        where = f"circuit {entry.index}"
        if len(entry.circuits) > 1:
            where = f"circuits {', '.join(map(str, entry.circuits))}"
        elif entry.header is not None:
            where += f" ({entry.header.name!r})"
        reason = _find_reason(connection, entry, sight)
        lines.append(f"{where}, OQTOPUS job {entry.job_id}: {reason}")
        failed += len(entry.circuits)
    lines += [f"circuit {index}: {reason}" for index, reason in missing.items()]
    if not lines:
        return None
    return f"Job {job_id}: {failed} of {total} circuits have no result. " + "; ".join(lines)


def _describe_each(entry: Entry) -> Iterator[str]:
    """Yield what has failed of a job that has several programs or circuits."""
    noun = "circuit" if entry.is_python else "program"
    numbers: Sequence[int] = entry.circuits if entry.is_python else range(len(entry.results))
    names = [header.name for header in entry.headers] or [""] * len(numbers)
    for number, name, result in zip(numbers, names, entry.results, strict=True):
        if not result.success:
            yield f"{noun} {number} ({name!r}) of OQTOPUS job {entry.job_id}: {result.status}"


def _find_reason(connection: Connection, entry: Entry, sight: Sight) -> str:
    if entry.result is not None and getattr(entry.result, "status", None):
        return str(entry.result.status)
    if sight.status in ("cancelled", DELETED):
        return sight.status
    try:
        return find_reason(connection.client.job(entry.job_id), sight)
    except (errors.ClientError, OqtopusError) as error:
        return f"failed; the reason could not be read ({error})"
