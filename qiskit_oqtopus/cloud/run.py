"""From circuits to OQTOPUS jobs: check and encode them, submit them, and return the job."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from ..client.models import Submission
from ..device.doubts import find_doubts
from ..device.snapshot import is_same_second
from ..exceptions import (
    OqtopusCircuitError,
    OqtopusCloudError,
    OqtopusJobError,
    OqtopusOptionError,
    OqtopusWarning,
    Problem,
    users_stacklevel,
)
from ..program.header import digest_experiment
from ..program.program import (
    Program,
    ProgramHeader,
    fingerprint,
    regroup_program,
    resend_program,
)
from .delivery import Order
from .download import read_program
from .encoding import Task, encode_tasks
from .entry import Entry, build_entries
from .errors import translate_errors
from .group import (
    Member,
    is_job_id,
    new_group_id,
    new_token,
    split_run_id,
)
from .job import OqtopusJob
from .notices import warn_of_notices
from .orders import build_order, build_orders, build_sse_orders, find_too_large, sse_settings
from .progress import report_progress
from .resumption import Present, check_unused, find_present, find_run_of
from .status import Sight
from .submission import Delivery, name_group, submit_all

if TYPE_CHECKING:
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

    Warns:
        OqtopusWarning: As :func:`send`.
    """
    _, problems = _encode(backend, tasks, values, new_group_id())
    _warn_of_doubts(backend, tasks, values, {problem.circuit for problem in problems})
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

    Warns:
        OqtopusWarning: If the device takes the circuits and does something else than they ask, see
            :mod:`qiskit_oqtopus.device.doubts`, or does not seem to be ready for them.
    """
    if values["route"] is not None and any(task.operator is not None for task in tasks):
        raise OqtopusOptionError(
            "route='sse' is for circuits that measure: leave out estimation='server', so that the "
            "observables are estimated here from their counts."
        )
    group, token = _choose_run_id(values)
    programs, problems = _encode(backend, tasks, values, group)
    if problems:
        raise OqtopusCircuitError(problems, backend.name)
    _warn_of_doubts(backend, tasks, values)
    resume = values["resume"]
    if resume is not None and is_job_id(resume):
        # Asked for only now: nothing is asked of the server for circuits that cannot run.
        group, token = find_run_of(backend, resume)
        programs = [regroup_program(program, group) for program in programs]
    logger.info("Group %s: %d circuits for %s", group, len(tasks), backend.name)
    with name_group(group, len(tasks)):
        look_at_device(backend, values["unavailable"], is_compiled=values["transpiler"] is None)
        present = Present()
        if resume is not None:
            present = find_present(backend, programs, group, token, values)
        elif values["group_id"] is not None:
            check_unused(backend, group)
    token = token or present.token or new_token()
    build = build_orders if values["route"] is None else build_sse_orders
    orders = build(backend, programs, present, token, values)
    headers = [program.header for program in programs]
    job = _submit(backend, orders, headers, present, values)
    with name_group(group, len(tasks)):
        warn_of_notices(backend._connection.client)
    return job


def _choose_run_id(values: Mapping[str, Any]) -> tuple[str, str | None]:
    """Return the group id of a run, and its token if the options name it."""
    group_id, resume = values["group_id"], values["resume"]
    if resume is None:
        return group_id or new_group_id(), None
    group, token = split_run_id(resume)
    if group_id not in (None, group):
        raise OqtopusOptionError("Give either 'group_id' or 'resume', not both.")
    return group, token


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
    client = backend._connection.client
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
        check_unused(backend, group)
    logger.info("Group %s: %d circuits of %s again", group, len(programs), resubmits)
    token = new_token()
    orders, headers = [], []
    for index, (text, job) in enumerate(zip(programs, stored, strict=True)):
        name = job.name or ""
        membership = ProgramHeader(
            group=group,
            index=index,
            total=len(programs),
            created=now(),
            resubmits=resubmits,
            name=name,
            shots=job.shots or 0,
        )
        program = resend_program(text, membership)
        headers.append(program.header)
        # Their places in a primitive's result are gone: what comes back are counts.
        member = Member(group, index, len(programs), fingerprint(program), token=token)
        infos = (job.transpiler_info or {"transpiler_lib": None}, job.mitigation_info or {})
        orders.append(build_order(backend, program, member, name, values, infos))
    return _submit(backend, orders, headers, Present(), values)


def _encode(
    backend: OqtopusBackend, tasks: Sequence[Task], values: Mapping[str, Any], group: str
) -> tuple[list[Program], list[Problem]]:
    experiment = values["experiment"]
    header = ProgramHeader(
        group=group,
        created=now(),
        experiment=experiment,
        experiment_sha256=None if experiment is None else digest_experiment(experiment),
        memory=values["memory"],
        seed=values["seed_simulator"],
        calibrated_at=backend.calibrated_at,
    )
    left_out = backend.snapshot().uncalibrated
    programs, problems = encode_tasks(tasks, header, backend.target, values["transpiler"], left_out)
    if values["route"] is not None:
        problems += find_too_large(programs, sse_settings(backend, values))
    return programs, problems


def _warn_of_doubts(
    backend: OqtopusBackend,
    tasks: Sequence[Task],
    values: Mapping[str, Any],
    refused: Collection[int] = (),
) -> None:
    """Warn of what the device does otherwise than the circuits ask, other than those refused."""
    circuits = {i: task.circuit for i, task in enumerate(tasks) if i not in refused}
    # A simulator makes no delays, and the server's transpiler takes none.
    timed = not backend.simulator and values["transpiler"] is None
    for doubt in find_doubts(circuits, backend.target, timed=timed):
        warnings.warn(doubt, OqtopusWarning, stacklevel=users_stacklevel())


def look_at_device(backend: OqtopusBackend, unavailable: str, *, is_compiled: bool) -> None:
    """Warn if the device is not available, or was calibrated since the Target was made.

    Args:
        backend: The device.
        unavailable: "warn", or "raise" to raise in place of the first warning.
        is_compiled: Whether what is sent was compiled for the Target.

    Raises:
        OqtopusCloudError: If the device cannot be asked for.
    """
    with translate_errors(f"Reading device {backend.name}"):
        device = backend._connection.client.device(backend.name)
    if device.status != "available":
        message = f"Device {backend.name} is {device.status or 'in an unknown state'}"
        if unavailable == "raise":
            raise OqtopusCloudError(
                f"{message}; nothing was sent. Try again later, or use unavailable='warn'."
            )
        warnings.warn(
            f"{message}: OQTOPUS may refuse what is sent.",
            OqtopusWarning,
            stacklevel=users_stacklevel(),
        )
    known = backend.calibrated_at
    is_known = device.calibrated_at is None or is_same_second(device.calibrated_at, known)
    if not is_known and is_compiled:
        warnings.warn(
            f"Device {backend.name} was recalibrated ({device.calibrated_at}) since this "
            f"backend's Target was made ({known}). Call backend.refresh() and compile again to "
            "use the new numbers.",
            OqtopusWarning,
            stacklevel=users_stacklevel(),
        )


def _submit(
    backend: OqtopusBackend,
    orders: Sequence[Order],
    headers: Sequence[ProgramHeader],
    present: Present,
    values: Mapping[str, Any],
) -> OqtopusJob:
    """Submit the programs that the server does not have yet; return the job of the whole group.

    Args:
        backend: The device.
        orders: What is sent for the circuits that are not there.
        headers: What the program of each circuit of the run says.
        present: What is there.
        values: All run options.
    """
    group, total = headers[0].group, len(headers)
    entries: list[Entry] = []
    sights: dict[str, Sight] = {}
    if present.found is not None:
        entries = build_entries(present.found, present.jobs)
        sights = present.found.sights()
    for order, job_id in deliver(backend, group, orders, present, values):
        entry = Entry(
            order.index,
            job_id,
            member=order.member,
            name=order.settings.name,
            shots=order.settings.shots,
        )
        entry.take_headers([headers[index] for index in entry.circuits])
        entries.append(entry)
        sights[job_id] = Sight("submitted")
    entries.sort(key=lambda entry: entry.index)
    is_single = len(entries[0].circuits) == total
    backend._watcher.add(
        {entry.job_id: sights[entry.job_id] for entry in entries},
        None if is_single else group,
        assumed=True,
    )
    members = [entry.member for entry in entries if entry.member is not None]
    return OqtopusJob(
        backend,
        entries[0].job_id if is_single else group,
        entries,
        backend._watcher,
        group_id=group,
        token=members[0].token,
        total=total,
        progress=values["progress"],
    )


def deliver(
    backend: OqtopusBackend,
    group: str,
    orders: Sequence[Order],
    present: Present,
    values: Mapping[str, Any],
) -> list[tuple[Order, str]]:
    """Submit programs, each exactly once; return each with its OQTOPUS job id.

    Args:
        backend: The device.
        group: Their group.
        orders: The programs.
        present: What the server has of the group.
        values: The options ``group_id``, ``resume``, ``workers``, ``on_incomplete``, ``progress``.

    Raises:
        OqtopusSubmissionError: If not all could be sent; it says which were.
    """
    if not orders:
        return []
    is_shared = values["group_id"] is not None or values["resume"] is not None
    unsettled: dict[str, Submission] = {}
    uploaded = {circuits.start: known for circuits, known in present.uploaded.items()}
    # Python programs are few, and run in the order in which they are submitted.
    is_sequence = any(order.program.header.is_python for order in orders)
    delivery = Delivery(
        orders=[order for order in orders if order.index not in uploaded],
        uploaded=[
            (uploaded[order.index][0], order.of_run(uploaded[order.index][1]))
            for order in orders
            if order.index in uploaded
        ],
        known=present.known if is_shared else None,
        unsettled=unsettled,
        workers=1 if is_sequence else values["workers"],
        cancel_on_failure=values["on_incomplete"] == "cancel",
    )
    with (
        translate_errors(f"Sending group {group}"),
        report_progress(values["progress"], "submit", len(orders)) as report,
    ):
        try:
            sent = submit_all(backend._connection.client, replace(delivery, report=report))
        finally:
            if unsettled:
                backend._connection.unsettled[group] = unsettled
    by_index = {order.index: order for order in orders}
    return [(by_index[index], job_id) for index, job_id in sent.items()]


def now() -> str:
    """Return the time as headers have it."""
    return datetime.now(timezone.utc).isoformat(timespec="seconds")
