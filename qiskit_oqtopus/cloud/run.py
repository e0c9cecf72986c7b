"""From circuits to OQTOPUS jobs: check and encode them, submit them, and return the job."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from ..client import errors
from ..client.models import Submission
from ..exceptions import (
    OqtopusCircuitError,
    OqtopusCloudError,
    OqtopusJobError,
    OqtopusOptionError,
    OqtopusWarning,
    Problem,
    users_stacklevel,
)
from ..program.program import (
    Program,
    ProgramHeader,
    fingerprint,
    regroup_program,
    resend_program,
)
from .download import Entry, read_program
from .encoding import Task, encode_tasks, find_differences
from .errors import translate_errors
from .group import (
    MAX_NAME,
    Member,
    cancel_spare,
    find_group,
    is_job_id,
    new_group_id,
    parse_description,
)
from .job import OqtopusJob
from .progress import report_progress
from .status import Sight
from .submission import Order, submit_all

if TYPE_CHECKING:
    from ..client.models import Job
    from .backend import OqtopusBackend

logger = logging.getLogger(__name__)


def find_problems(
    backend: OqtopusBackend, tasks: Sequence[Task], values: Mapping[str, Any]
) -> list[Problem]:
    """Return everything that a device cannot do with circuits; sends nothing.

    Args:
        backend: The device.
        tasks: The circuits.
        values: All run options.
    """
    _, problems = _encode(backend, tasks, values, new_group_id())
    return problems


def send(backend: OqtopusBackend, tasks: Sequence[Task], values: Mapping[str, Any]) -> OqtopusJob:
    """Send circuits as one group, or those of a group that have no job yet; each exactly once.

    Args:
        backend: The device.
        tasks: At least one circuit.
        values: All run options.

    Returns:
        The job.

    Raises:
        OqtopusError: As :meth:`.OqtopusBackend.run`.
    """
    group_id, resume = values["group_id"], values["resume"]
    if group_id is not None and resume not in (None, group_id):
        raise OqtopusOptionError("Give either 'group_id' or 'resume', not both.")
    group = resume or group_id or new_group_id()
    programs, problems = _encode(backend, tasks, values, group)
    if problems:
        raise OqtopusCircuitError(problems, backend.name)
    if resume is not None and is_job_id(resume):
        # Asked for only now: nothing is asked of the server for circuits that cannot run.
        group = _find_group_of(backend, resume)
        programs = [regroup_program(program, group) for program in programs]
    logger.info("Group %s: %d circuits for %s", group, len(tasks), backend.name)
    _look_at_device(backend, values)
    entries: dict[int, Entry] = {}
    sights: dict[str, Sight] = {}
    if resume is not None:
        entries, sights = _find_present(backend, programs, group)
    elif group_id is not None:
        _check_unused(backend, group_id)
    orders = [
        _build_order(
            backend,
            program,
            Member(group, index, len(programs), fingerprint(program), task.kind),
            task.circuit.name,
            values,
        )
        for index, (program, task) in enumerate(zip(programs, tasks, strict=True))
        if index not in entries
    ]
    headers = {index: program.header for index, program in enumerate(programs)}
    return _submit(backend, orders, headers, entries, sights, group, len(programs), values)


def send_again(
    backend: OqtopusBackend, job_ids: Sequence[str], resubmits: str, values: Mapping[str, Any]
) -> OqtopusJob:
    """Send the programs that the server has stored as a new group.

    Args:
        backend: The device.
        job_ids: The OQTOPUS jobs that hold them, whose settings are kept.
        resubmits: Id of the group or job that is sent again.
        values: All run options.

    Returns:
        The new job.

    Raises:
        OqtopusJobError: If one of the jobs is not a sampling job.
        OqtopusCloudError: If a program cannot be read or sent.
    """
    client = backend.connection.client
    with translate_errors(f"Reading the programs of job {resubmits}"):
        stored = [client.job(job_id) for job_id in job_ids]
        others = [job.job_id for job in stored if job.job_type not in (None, "sampling")]
        if others:
            raise OqtopusJobError(
                "Only sampling jobs can be sent again from their programs; these are others: "
                f"{', '.join(others)}. Run again what they were made from."
            )
        programs = [read_program(client, job) for job in stored]
    group = values["group_id"] or new_group_id()
    if values["group_id"] is not None:
        _check_unused(backend, group)
    logger.info("Group %s: %d circuits of %s again", group, len(programs), resubmits)
    orders, headers = [], {}
    for index, (text, job) in enumerate(zip(programs, stored, strict=True)):
        name = job.name or ""
        membership = ProgramHeader(
            group=group,
            index=index,
            total=len(programs),
            created=_now(),
            resubmits=resubmits,
            name=name,
            shots=job.shots or 0,
        )
        program = resend_program(text, membership)
        headers[index] = program.header
        # Their places in a primitive's result are gone: what comes back are counts.
        member = Member(group, index, len(programs), fingerprint(program))
        orders.append(_build_order(backend, program, member, name, values, job))
    return _submit(backend, orders, headers, {}, {}, group, len(programs), values)


def _encode(
    backend: OqtopusBackend, tasks: Sequence[Task], values: Mapping[str, Any], group: str
) -> tuple[list[Program], list[Problem]]:
    header = ProgramHeader(
        group=group,
        created=_now(),
        memory=values["memory"],
        seed=values["seed_simulator"],
        calibrated_at=backend.calibrated_at,
    )
    return encode_tasks(tasks, header, backend.target, values["transpiler"])


def _look_at_device(backend: OqtopusBackend, values: Mapping[str, Any]) -> None:
    """Warn if the device is not available, or was calibrated since the Target was made."""
    with translate_errors(f"Reading device {backend.name}"):
        device = backend.connection.client.device(backend.name)
    if device.status != "available":
        message = f"Device {backend.name} is {device.status or 'in an unknown state'}"
        if values["unavailable"] == "raise":
            raise OqtopusCloudError(
                f"{message}; nothing was sent. Try again later, or use unavailable='warn'."
            )
        warnings.warn(
            f"{message}: OQTOPUS may refuse the circuits.",
            OqtopusWarning,
            stacklevel=users_stacklevel(),
        )
    known = backend.calibrated_at
    if device.calibrated_at not in (None, known) and values["transpiler"] is None:
        warnings.warn(
            f"Device {backend.name} was recalibrated ({device.calibrated_at}) since this "
            f"backend's Target was made ({known}). Call backend.refresh() and compile again to "
            "use the new numbers.",
            OqtopusWarning,
            stacklevel=users_stacklevel(),
        )


def _find_group_of(backend: OqtopusBackend, job_id: str) -> str:
    """Return the id of the group to which an OQTOPUS job belongs.

    Raises:
        OqtopusOptionError: If there is no such job, or if it belongs to none.
    """
    client = backend.connection.client
    with translate_errors(f"Looking for job {job_id}"):
        try:
            member = parse_description(client.job(job_id).description)
        except (errors.NotFoundError, errors.ValidationError):
            if find_group(client, job_id) is not None:  # somebody has chosen such an id
                return job_id
            raise OqtopusOptionError(
                f"There is no job {job_id!r} to resume: nothing was sent. Leave 'resume' out "
                "to start a new run."
            ) from None
    if member is None:
        raise OqtopusOptionError(
            f"OQTOPUS job {job_id} was sent by another client, and cannot be resumed. Leave "
            "'resume' out to start a new run."
        )
    return member.group_id


def _check_unused(backend: OqtopusBackend, group_id: str) -> None:
    """Refuse the id of a group that exists already: two runs would be mixed.

    Raises:
        OqtopusOptionError: If it does.
    """
    with translate_errors(f"Looking for group {group_id}"):
        found = find_group(backend.connection.client, group_id)
    if found is not None:
        raise OqtopusOptionError(
            f"Group id {group_id!r} is in use by {len(found.jobs)} jobs. Choose another one, "
            f"or resume that run with resume={group_id!r}."
        )


def _find_present(
    backend: OqtopusBackend, programs: Sequence[Program], group: str
) -> tuple[dict[int, Entry], dict[str, Sight]]:
    """Return those circuits of a resumed group that the server has already."""
    client = backend.connection.client
    with translate_errors(f"Looking for group {group}"):
        found = find_group(client, group)
        if found is not None:
            cancel_spare(client, found)
    if found is None:
        logger.warning("Nothing of group %s is on the server: all of it is sent", group)
        return {}, {}
    problems = find_differences(found, programs)
    if problems:
        raise OqtopusCircuitError(problems, backend.name)
    entries = {index: Entry(index, job.job_id) for index, job in found.alive().items()}
    return entries, found.sights()


def _build_order(
    backend: OqtopusBackend,
    program: Program,
    member: Member,
    name: str,
    values: Mapping[str, Any],
    stored: Job | None = None,
) -> Order:
    """Return what is sent for a program.

    Args:
        backend: The device.
        program: The program.
        member: Its place in the group.
        name: Name of the OQTOPUS job, if the options give none.
        values: All run options.
        stored: The job that is sent again, whose settings are kept; None for a new circuit.
    """
    if stored is not None:
        transpiler_info = stored.transpiler_info or {"transpiler_lib": None}
        mitigation_info = stored.mitigation_info or {}
    else:
        transpiler_info = {"transpiler_lib": values["transpiler"]}
        if values["transpiler"] is not None:
            options = values["transpiler_options"]
            transpiler_info["transpiler_options"] = (
                {"optimization_level": 1} if options is None else options
            )
        mitigation = values["mitigation"]
        mitigation_info = {} if mitigation is None else {"ro_error_mitigation": mitigation}
    payload: dict[str, Any] = {"program": [program.text]}
    if program.operator is not None:
        payload["operator"] = [{"pauli": pauli, "coeff": c} for pauli, c in program.operator]
    submission = Submission(
        # A database does not take half of a surrogate pair.
        name=(values["name"] or name).encode("utf-8", "replace").decode()[:MAX_NAME],
        description=member.description(values["tags"]),
        device_id=backend.name,
        job_type="sampling" if program.operator is None else "estimation",
        shots=program.header.shots,
        transpiler_info=transpiler_info,
        simulator_info={},
        mitigation_info=mitigation_info,
    )
    return Order(member, payload, submission)


def _submit(
    backend: OqtopusBackend,
    orders: Sequence[Order],
    headers: Mapping[int, ProgramHeader],
    entries: dict[int, Entry],
    sights: dict[str, Sight],
    group: str,
    total: int,
    values: Mapping[str, Any],
) -> OqtopusJob:
    """Submit the programs that the server does not have yet; return the job of the whole group."""
    if orders:
        with (
            translate_errors(f"Sending group {group}"),
            report_progress(values["progress"], "submit", len(orders)) as report,
        ):
            sent = submit_all(
                backend.connection.client,
                orders,
                workers=values["workers"],
                report=report,
                cancel_on_failure=values["on_incomplete"] == "cancel",
            )
        for index, job_id in sent.items():
            entries[index] = Entry(index, job_id, headers[index])
            sights[job_id] = Sight("submitted")
    ordered = [entries[index] for index in sorted(entries)]
    backend.watcher.add(
        {entry.job_id: sights[entry.job_id] for entry in ordered},
        group if total > 1 else None,
        assumed=True,
    )
    return OqtopusJob(
        backend,
        ordered[0].job_id if total == 1 else group,
        ordered,
        backend.watcher,
        group_id=group,
        total=total,
        progress=values["progress"],
    )


def _now() -> str:
    return datetime.now(timezone.utc).isoformat(timespec="seconds")
