"""Read what OQTOPUS has stored of a job: its program, its result, why it failed."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from qiskit import qasm3
from qiskit.circuit import QuantumCircuit
from qiskit.providers import JobStatus
from qiskit.result.models import ExperimentResult

from ..client import errors
from ..exceptions import OqtopusJobError, OqtopusProtocolError
from ..program.program import HeaderError, ProgramHeader, foreign_header, parse_program
from . import results
from .listing import list_jobs
from .status import DELETED, Sight, job_status

if TYPE_CHECKING:
    from ..client.api import Client
    from ..client.models import Job

logger = logging.getLogger(__name__)

DOWNLOADS = 16
"""Results that are downloaded at the same time: as many as the client pools connections."""

LINKS = 3
"""How many links to a file are tried; each lives for a limited time."""

_FIELDS = ("job_id", "status", "ended_at", "job_info", "shots", "name")


@dataclass
class Entry:
    """One circuit of a job.

    Attributes:
        index: Position of the circuit in the run.
        job_id: The OQTOPUS job.
        header: What the program says of itself; None until it has been read from the server.
        result: The result, once it was downloaded or is known to have failed.
        job: The server's description of a job that had already ended when it was read. Its links
            may have expired since.
    """

    index: int
    job_id: str
    header: ProgramHeader | None = None
    result: ExperimentResult | None = field(default=None, repr=False)
    job: Job | None = field(default=None, repr=False)

    def __getstate__(self) -> dict[str, Any]:
        """Leave the links out: with them anybody can read the files for an hour."""
        return {**self.__dict__, "job": None}


def download(
    client: Client,
    entries: Sequence[Entry],
    sights: Mapping[str, Sight],
    group_id: str | None,
    unknown: Callable[[int], ProgramHeader],
    report: Callable[[int], None],
) -> None:
    """Read the results of circuits that have ended; each is kept as soon as it has come.

    Args:
        client: The connection.
        entries: The circuits, whose ``header`` and ``result`` are set.
        sights: What was seen of their OQTOPUS jobs, by id.
        group_id: Id by which several of them are found on one page, or None.
        unknown: Returns the header of a circuit whose program is gone, from its index.
        report: Called with the number of results that have come.

    Raises:
        ClientError: If one could not be downloaded. All others were tried before.
        OqtopusProtocolError: If one cannot be understood. All others were tried before.
    """
    details: dict[str, Job] = {}
    if group_id is not None and len(entries) > 1:
        # One page carries the links of a hundred results.
        listed = list_jobs(client, fields=_FIELDS, q=group_id, order="ASC")
        details = {job.job_id: job for job in listed if job.job_id}
    with ThreadPoolExecutor(DOWNLOADS, "oqtopus-download") as pool:
        futures = [
            pool.submit(
                _download_one,
                client,
                entry,
                sights[entry.job_id],
                details.get(entry.job_id),
                unknown,
            )
            for entry in entries
        ]
        done = 0
        failure = None
        for future in futures:
            error = future.exception()
            failure = failure or error
            done += error is None
            report(done)
    if failure is not None:
        raise failure


def _download_one(
    client: Client,
    entry: Entry,
    sight: Sight,
    job: Job | None,
    unknown: Callable[[int], ProgramHeader],
) -> None:
    if sight.status == DELETED:
        header = entry.header or unknown(entry.index)
        reason = "the job was deleted from OQTOPUS Cloud"
        entry.result = results.failed_result(header, reason, entry.job_id)
        return
    job = job or entry.job or client.job(entry.job_id)
    failed = job_status(sight) is not JobStatus.DONE
    if entry.header is None:
        try:
            entry.header = read_header(client, job)
        except OqtopusProtocolError:
            if not failed:  # else a program that makes no sense may be the reason
                raise
    header = entry.header or unknown(entry.index)
    if failed:
        entry.result = results.failed_result(header, find_reason(job, sight), entry.job_id)
        return
    payload = _fetch(client, job, "result")
    sampling, estimation = payload.get("sampling"), payload.get("estimation")
    counts = sampling.get("counts") if isinstance(sampling, Mapping) else None
    noun = "result"
    try:
        if isinstance(counts, Mapping):
            noun = "counts"
            entry.result = results.experiment_result(header, counts, job_id=entry.job_id)
        elif counts is None and isinstance(estimation, Mapping):
            entry.result = results.estimation_result(header, estimation, job_id=entry.job_id)
        else:
            raise OqtopusProtocolError(
                f"The result of OQTOPUS job {entry.job_id} has no counts (sampling.counts)."
            )
    except results.ResultError as error:
        raise OqtopusProtocolError(
            f"The {noun} of OQTOPUS job {entry.job_id} cannot be understood: {error.message}"
        ) from error


def read_program(client: Client, job: Job) -> str:
    """Return the program that a job holds.

    Raises:
        OqtopusProtocolError: If it holds none.
        ClientError: If it cannot be downloaded.
    """
    programs = _fetch(client, job, "input").get("program")
    if isinstance(programs, list) and programs and isinstance(programs[0], str):
        return programs[0]
    raise OqtopusProtocolError(f"The input of OQTOPUS job {job.job_id} holds no program.")


def read_header(client: Client, job: Job) -> ProgramHeader:
    """Return what the program of a job says of itself, or else what parsing it can tell.

    Raises:
        OqtopusProtocolError: If it cannot be understood.
        ClientError: If it cannot be downloaded.
    """
    text = read_program(client, job)
    try:
        header = parse_program(text)
        if header is None:
            header = foreign_header(
                text, ProgramHeader(name=job.name or job.job_id, shots=job.shots or 0)
            )
    except HeaderError as error:
        raise OqtopusProtocolError(
            f"The program of OQTOPUS job {job.job_id} cannot be understood: {error}"
        ) from error
    return header


def read_executed_circuit(client: Client, job_id: str) -> QuantumCircuit:
    """Return what the server's transpiler turned the circuit of a job into.

    Raises:
        OqtopusJobError: If the server's transpiler was off.
        OqtopusProtocolError: If the program cannot be parsed.
        ClientError: If it cannot be downloaded.
    """
    job = client.job(job_id)
    if job.job_info is None or job.job_info.transpile_result is None:
        raise OqtopusJobError(
            f"OQTOPUS job {job_id} was not compiled by the server (or not yet): what was sent is "
            "what ran. Use run(..., transpiler='qiskit') to let it compile."
        )
    text = client.download(job.job_info.transpile_result).get("transpiled_program")
    try:
        circuit: QuantumCircuit = qasm3.loads(text)
    # Whatever the parser raises (its classes are not public), the program is not readable.
    except Exception as error:
        raise OqtopusProtocolError(
            f"The compiled program of OQTOPUS job {job_id} cannot be read: {error}"
        ) from error
    return circuit


def _fetch(client: Client, job: Job, what: str) -> dict[str, Any]:
    """Download one of the files of a job, with a new link if the one at hand has expired."""
    url = getattr(job.job_info, what, None)
    for attempt in range(LINKS):
        if attempt or url is None:
            job = client.job(job.job_id)
            url = getattr(job.job_info, what, None)
        if url is None:
            raise OqtopusProtocolError(f"OQTOPUS job {job.job_id} has no {what} to download.")
        try:
            payload: dict[str, Any] = client.download(url)
            return payload
        except (errors.ForbiddenError, errors.CredentialsError, errors.NotFoundError) as error:
            if attempt == LINKS - 1:
                raise
            logger.debug("The link to the %s of %s has expired: %s", what, job.job_id, error)
    raise AssertionError("unreachable")


def find_reason(job: Job, sight: Sight) -> str:
    """Return why a job has no result, in the server's words if it gives any."""
    message = None if job.job_info is None else job.job_info.message
    if sight.status == "cancelled":
        return results.CANCELLED
    text = message if message else "failed; the server gives no reason"
    if sight.has_failed_unseen:
        text += f" (its status is still {sight.status!r}, a known race of the server)"
    return text
