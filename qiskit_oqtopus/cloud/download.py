"""Read what OQTOPUS has stored of a job: its program, its result, why it failed."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from qiskit import qasm3
from qiskit.circuit import QuantumCircuit
from qiskit.providers import JobStatus

from ..client import errors
from ..client.workers import start
from ..exceptions import OqtopusError, OqtopusJobError, OqtopusProtocolError
from ..program.foreign import read_declarations
from ..program.program import (
    HeaderError,
    ProgramHeader,
    foreign_header,
    parse_program,
)
from ..words import clean
from . import results
from .answer import MULTI_MANUAL, SSE, build_results, build_sse_results, name_program
from .entry import Entry
from .group import Member, parse_description
from .identity import check_identity, check_python_identity
from .listing import list_jobs
from .outage import Outage
from .sse.batches import read_programs
from .sse.log import CircuitOutcome, clean_log, find_mark, read_outcomes
from .status import DELETED, Sight, job_status

if TYPE_CHECKING:
    from ..client.api import Client
    from ..client.deadline import Deadline
    from ..client.models import Job

logger = logging.getLogger(__name__)

T = TypeVar("T")

NO_LOG = "OQTOPUS keeps no log of an SSE job that failed"

LOST = (
    ", so that whether this circuit ran is not known, and its counts are lost; run the circuits "
    "again with resume= and rerun_lost=True to send it again"
)

DOWNLOADS = 16
"""Results that are downloaded at the same time: as many as the client pools connections."""

IMPORT_SECONDS = 60.0
"""Longest time to read a compiled program as a circuit, in s."""

LINKS = 3
"""How many links to a file are tried; each lives for a limited time."""

_FIELDS = (
    "job_id",
    "status",
    "ended_at",
    "job_info",
    "shots",
    "name",
    "description",
    "job_type",
    "mitigation_info",
)


def download(
    client: Client,
    entries: Sequence[Entry],
    sights: Mapping[str, Sight],
    group_id: str | None,
    unknown: Callable[[int], ProgramHeader],
    report: Callable[[int], None],
    deadline: Deadline,
) -> None:
    """Read the results of circuits that have ended; each is kept as soon as it has come.

    Outages are waited out. Once this has ended, in whatever way, no thread begins anything more.

    Args:
        client: The connection.
        entries: The circuits, whose ``header`` and ``result`` are set.
        sights: What was seen of their OQTOPUS jobs, by id.
        group_id: Id by which several of them are found on one page, or None.
        unknown: Returns the header of a circuit whose program is gone, from its index.
        report: Called with the number of results that have come.
        deadline: That of the whole call, which is stopped if this is interrupted.

    Raises:
        DeadlineError: If the time is over; it says how many results have come.
        ClientError: If one could not be downloaded. All others were tried before.
        OqtopusProtocolError: If one cannot be understood. All others were tried before.
    """
    client = client.within(deadline)
    outage = Outage(deadline)
    details: dict[str, Job] = {}

    def list_details(group_id: str) -> None:
        # A page has the links of a hundred results.
        listed = list_jobs(client, fields=_FIELDS, q=group_id, order="ASC")
        details.update({job.job_id: job for job in listed})

    def download_one(entry: Entry) -> None:
        _download_one(client, entry, sights[entry.job_id], details.get(entry.job_id), unknown)

    try:
        if group_id is not None and len(entries) > 1:
            outage.do_all([group_id], list_details, 1)
        outage.do_all(entries, download_one, DOWNLOADS, report)
    except errors.DeadlineError as error:
        come = sum(entry.result is not None for entry in entries)
        kept = ", which are kept" if come else ""
        why = "" if outage.error is None else f"; the last error: {outage.error}"
        raise errors.DeadlineError(
            f"it has ended, and {come} of {len(entries)} results have come{kept}{why}"
        ) from error
    except BaseException:  # Ctrl-C
        deadline.stop()
        raise


def _download_one(
    client: Client,
    entry: Entry,
    sight: Sight,
    job: Job | None,
    unknown: Callable[[int], ProgramHeader],
) -> None:
    if sight.status == DELETED:
        headers = entry.headers or tuple(map(unknown, entry.circuits))
        reason = "the job was deleted from OQTOPUS Cloud"
        entry.take_results([results.failed_result(h, reason, entry.job_id) for h in headers])
        return
    job = job or entry.job or client.job(entry.job_id)
    failed = job_status(sight) is not JobStatus.DONE
    if entry.header is None:
        try:
            entry.take_headers(entry.choose(read_headers(client, job, entry.member)))
        except OqtopusProtocolError:
            if not failed:  # else a program that makes no sense may be the reason
                raise
    headers = entry.headers or tuple(map(unknown, entry.circuits))
    if failed:
        reason = find_reason(job, sight)
        if entry.is_python and reason != results.CANCELLED:
            reason += LOST
        entry.take_results([results.failed_result(h, reason, entry.job_id) for h in headers])
        return
    if entry.is_python:
        outcomes = entry.choose(read_sse_outcomes(client, job, entry.member))
        entry.take_results(build_sse_results(headers, job, outcomes))
        return
    payload = _fetch(client, job, "result")
    try:
        entry.take_results(build_results(headers, job, payload))
    except results.ResultError as error:
        raise OqtopusProtocolError(
            f"The result of OQTOPUS job {entry.job_id} cannot be understood: {error.message}"
        ) from error


def read_sse_outcomes(client: Client, job: Job, member: Member | None) -> list[CircuitOutcome]:
    """Return what became of each circuit of a Python program that has succeeded, from its log.

    Args:
        client: The connection.
        job: The job.
        member: What its description says, if that is not part of ``job``.

    Raises:
        OqtopusProtocolError: If the job is another one.
        ClientError: If the log cannot be downloaded.
    """
    member = member or parse_description(job.description)
    if member is None or member.last is None:
        raise _no_circuit(job)
    log = read_log(client, job)
    if log is None:
        reason = "the server has stored no log of its SSE job, so that its counts are lost"
        lost = CircuitOutcome(reason=reason, is_lost=True)
        return [lost] * len(member.circuits)
    return read_outcomes(log, find_mark(member.group_id), len(member.circuits))


def read_log(client: Client, job: Job) -> str | None:
    """Return the log of an SSE job, or None if the server has none.

    Raises:
        ClientError: If it cannot be downloaded.
    """
    if job.job_info is None or job.job_info.sse_log is None:
        job = client.job(job.job_id)
    if job.job_info is None or job.job_info.sse_log is None:
        return None
    return clean_log(_fetch_by(client.download_text, client, job, "sse_log"))


def read_result(client: Client, job: Job) -> dict[str, Any]:
    """Return what the server has stored as the result of a job.

    Raises:
        OqtopusProtocolError: If it has none.
        ClientError: If it cannot be downloaded.
    """
    return _fetch(client, job, "result")


def read_program(client: Client, job: Job) -> str:
    """Return the program that a job holds.

    Raises:
        OqtopusProtocolError: If it holds none, or that of another job.
        ClientError: If it cannot be downloaded.
    """
    (text, *_), operator = _read_input(client, job)
    header = _parse_program(job, text)
    if header is not None:
        check_identity(job, header, parse_description(job.description), operator)
    return text


def read_headers(client: Client, job: Job, member: Member | None = None) -> list[ProgramHeader]:
    """Return what each program of a job says of itself, or else what parsing it can tell.

    There are several programs if the type of the job is "multi_manual". Of those of a job of
    another type the server runs the first one only.

    Args:
        client: The connection.
        job: The job.
        member: What its description says, if that is not part of ``job``.

    Raises:
        OqtopusProtocolError: If it cannot be understood, or is the program of another job.
        OqtopusError: If it is an SSE job.
        ClientError: If it cannot be downloaded.
    """
    member = member or parse_description(job.description)
    if job.job_type == SSE:
        return _read_python_headers(client, job, member)
    programs, operator = _read_input(client, job)
    if job.job_type != MULTI_MANUAL:
        programs = programs[:1]
    headers = [_read_header(job, text) for text in programs]
    check_identity(job, headers[0], member, operator)
    return [name_program(each, index, len(headers)) for index, each in enumerate(headers)]


def _read_python_headers(client: Client, job: Job, member: Member | None) -> list[ProgramHeader]:
    """Return what the programs of the circuits say that a Python program runs."""
    text = str(_fetch(client, job, "input").get("sse_program"))
    header = _parse_program(job, text)
    if member is None or header is None or header.circuits is None:
        raise _no_circuit(job)
    try:
        programs = read_programs(text)
        headers = [_read_header(job, program) for program in programs]
    except HeaderError as error:
        raise _unreadable(job, error) from error
    check_python_identity(job, header, headers, member)
    return headers


def _read_header(job: Job, text: str) -> ProgramHeader:
    header = _parse_program(job, text)
    if header is not None:
        return header
    known = ProgramHeader(name=job.name or job.job_id, shots=job.shots or 0)
    try:
        return foreign_header(text, known)
    except HeaderError as error:
        raise _unreadable(job, error) from error


def _no_circuit(job: Job) -> OqtopusError:
    return OqtopusError(
        f"OQTOPUS job {job.job_id} is an SSE job that runs no circuits of Qiskit: what it has is "
        "a log."
    )


def _read_input(client: Client, job: Job) -> tuple[list[str], Any]:
    """Return the programs that a job holds, one or more, and the operator beside them, or None."""
    if job.job_type == SSE:
        raise _no_circuit(job)
    payload = _fetch(client, job, "input")
    programs = payload.get("program")
    if isinstance(programs, list) and programs and all(isinstance(p, str) for p in programs):
        return programs, payload.get("operator")
    raise OqtopusProtocolError(f"The input of OQTOPUS job {job.job_id} holds no program.")


def _parse_program(job: Job, text: str) -> ProgramHeader | None:
    try:
        return parse_program(text)
    except HeaderError as error:
        raise _unreadable(job, error) from error


def _unreadable(job: Job, error: HeaderError) -> OqtopusProtocolError:
    return OqtopusProtocolError(
        f"The program of OQTOPUS job {job.job_id} cannot be understood: {error}"
    )


def read_executed_circuit(client: Client, job_id: str) -> QuantumCircuit:
    """Return what the server's transpiler turned the circuit of a job into.

    Raises:
        OqtopusJobError: If the server's transpiler was off, or the job failed before the program
            was compiled.
        OqtopusProtocolError: If the program cannot be parsed.
        ClientError: If it cannot be downloaded.
    """
    job = client.job(job_id)
    if job.job_type == SSE:
        raise OqtopusJobError(
            f"OQTOPUS job {job_id} is an SSE job, of whose circuits the server keeps no compiled "
            "form."
        )
    if job.job_info is None or job.job_info.transpile_result is None:
        raise OqtopusJobError(f"OQTOPUS job {job_id} {_find_why_not_compiled(job)}")
    text = client.download(job.job_info.transpile_result).get("transpiled_program")
    if not isinstance(text, str):
        raise OqtopusProtocolError(f"OQTOPUS job {job_id} holds no compiled program.")
    try:
        read_declarations(text)  # it has bounds, which the importer has not
        # In a thread: gates that call each other may keep the importer busy for hours.
        circuit: QuantumCircuit = start(qasm3.loads, text).result(IMPORT_SECONDS)
    # Whatever the parser raises (its classes are not public), the program is not readable.
    except Exception as error:
        reason = clean(str(error)) or f"it took longer than {IMPORT_SECONDS:.0f} s"
        raise OqtopusProtocolError(
            f"The compiled program of OQTOPUS job {job_id} cannot be read: {reason}"
        ) from error
    return circuit


def _find_why_not_compiled(job: Job) -> str:
    """Return why there is no output of the server's transpiler, after the name of the job."""
    sight = Sight.from_job(job)
    # Without this key, the server takes its default, which is on.
    if (job.transpiler_info or {}).get("transpiler_lib", "qiskit") is None:
        return (
            "was not compiled by the server: what was sent is what ran. Use "
            "run(..., transpiler='qiskit') to let it compile."
        )
    if not sight.is_final:
        return f"is {sight.status}, and has not been compiled by the server yet. Ask again later."
    if job_status(sight) is JobStatus.ERROR:
        return (
            "failed in the server's transpiler or before it, so that there is no compiled circuit: "
            f"{find_reason(job, sight)}"
        )
    return f"is {sight.status}, and the server has no compiled circuit of it."


def _fetch(client: Client, job: Job, what: str) -> dict[str, Any]:
    return _fetch_by(client.download, client, job, what)


def _fetch_by(download_one: Callable[[str], T], client: Client, job: Job, what: str) -> T:
    """Download one of the files of a job, with a new link if the one at hand has expired."""
    url = getattr(job.job_info, what, None)
    for attempt in range(LINKS):
        if attempt or url is None:
            job = client.job(job.job_id)
            url = getattr(job.job_info, what, None)
        if url is None:
            raise OqtopusProtocolError(f"OQTOPUS job {job.job_id} has no {what} to download.")
        try:
            return download_one(url)
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
    if job.job_type == SSE:
        text += f"; {NO_LOG}"
    if sight.has_failed_unseen:
        text += f" (its status is still {sight.status!r}, a known race of the server)"
    return text
