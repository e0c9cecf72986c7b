"""From circuits to OQTOPUS jobs: what a device does with them when it is told to run them."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from ..client import errors
from ..exceptions import (
    OqtopusCircuitError,
    OqtopusCloudError,
    OqtopusOptionError,
    OqtopusWarning,
    Problem,
)
from ..program.header import ProgramHeader
from ..program.program import Program, fingerprint, resent_program
from .download import Entry
from .encoding import Task, differences, encode_tasks
from .errors import translated
from .group import Member, cancel_spare, find_group, is_job_id, new_group_id, parse_description
from .job import OqtopusJob
from .progress import reported
from .status import Sight
from .submission import Order, submit_all

if TYPE_CHECKING:
    from ..client.models import Job
    from .backend import OqtopusBackend

logger = logging.getLogger(__name__)


class Sender:
    """Sends circuits to a device, each exactly once, as one group.

    Args:
        backend: The device.
    """

    def __init__(self, backend: OqtopusBackend) -> None:
        self._backend = backend
        self._name = backend.name
        self._connection = backend.connection  # asked for its client when circuits are good

    def problems(self, tasks: Sequence[Task], values: Mapping[str, Any]) -> list[Problem]:
        """Return everything that the device cannot do with circuits; sends nothing.

        Args:
            tasks: The circuits.
            values: All run options.
        """
        _, problems = self._encode(tasks, values, new_group_id())
        return problems

    def send(self, tasks: Sequence[Task], values: Mapping[str, Any], stacklevel: int) -> OqtopusJob:
        """Send circuits, or those of a group that have no job yet.

        Args:
            tasks: At least one circuit.
            values: All run options.
            stacklevel: Whom warnings are about: 3 is the caller.

        Returns:
            The job.

        Raises:
            OqtopusError: As :meth:`.OqtopusBackend.run`.
        """
        group_id, resume = values["group_id"], values["resume"]
        if group_id is not None and resume not in (None, group_id):
            raise OqtopusOptionError("Give either 'group_id' or 'resume', not both.")
        group = resume or group_id or new_group_id()
        programs, problems = self._encode(tasks, values, group)
        if problems:
            raise OqtopusCircuitError(problems, self._name)
        if resume is not None and is_job_id(resume):
            group = resume = self._group_of(resume)
            programs, _ = self._encode(tasks, values, group)
        logger.info("Group %s: %d circuits for %s", group, len(tasks), self._name)
        self._look_at_device(values, stacklevel)
        entries: dict[int, Entry] = {}
        sights: dict[str, Sight] = {}
        if resume is not None:
            entries, sights = self._present(programs, group)
        elif group_id is not None:
            self._check_unused(group_id)
        orders = [
            self._order(
                program,
                Member(group, index, len(programs), fingerprint(program), tasks[index].kind),
                tasks[index].circuit.name,
                values,
            )
            for index, program in enumerate(programs)
            if index not in entries
        ]
        headers = {index: program.header for index, program in enumerate(programs)}
        return self._send(orders, headers, entries, sights, group, len(programs), values)

    def send_again(
        self,
        programs: Sequence[str],
        stored: Sequence[Job],
        resubmits: str,
        values: Mapping[str, Any],
    ) -> OqtopusJob:
        """Send stored programs as a new group.

        Args:
            programs: The programs with their headers.
            stored: The OQTOPUS jobs that they come from, whose settings are kept.
            resubmits: Id of the group or job that is sent again.
            values: All run options.

        Returns:
            The new job.
        """
        group = values["group_id"] or new_group_id()
        if values["group_id"] is not None:
            self._check_unused(group)
        logger.info("Group %s: %d circuits of %s again", group, len(programs), resubmits)
        orders, headers = [], {}
        for index, (text, job) in enumerate(zip(programs, stored, strict=True)):
            program = resent_program(
                text,
                group=group,
                index=index,
                total=len(programs),
                created=_now(),
                resubmits=resubmits,
                name=job.name or "",
                shots=job.shots or 0,
            )
            headers[index] = program.header
            # Their places in a primitive's result are gone: what comes back are counts.
            member = Member(group, index, len(programs), fingerprint(program))
            order = self._order(program, member, job.name or "", values)
            orders.append(
                replace(
                    order,
                    transpiler_info=job.transpiler_info or {"transpiler_lib": None},
                    mitigation_info=job.mitigation_info or {},
                )
            )
        return self._send(orders, headers, {}, {}, group, len(programs), values)

    def _encode(
        self, tasks: Sequence[Task], values: Mapping[str, Any], group: str
    ) -> tuple[list[Program], list[Problem]]:
        backend = self._backend
        return encode_tasks(
            tasks, values, group, backend.target, backend.calibrated_at, created=_now()
        )

    def _look_at_device(self, values: Mapping[str, Any], stacklevel: int) -> None:
        """Warn of what has changed since the Target was made, or that the device is away."""
        with translated(f"Reading device {self._name}"):
            device = self._connection.client.device(self._name)
        if device.status != "available":
            message = f"Device {self._name} is {device.status or 'in an unknown state'}"
            if values["unavailable"] == "raise":
                raise OqtopusCloudError(
                    f"{message}; nothing was sent. Try again later, or use unavailable='warn'."
                )
            warnings.warn(
                f"{message}: OQTOPUS may refuse the circuits.",
                OqtopusWarning,
                stacklevel=stacklevel,
            )
        known = self._backend.calibrated_at
        if device.calibrated_at not in (None, known) and values["transpiler"] is None:
            warnings.warn(
                f"Device {self._name} was calibrated anew ({device.calibrated_at}) since this "
                f"backend's Target was made ({known}). Call backend.refresh() and compile again to "
                "use the new numbers.",
                OqtopusWarning,
                stacklevel=stacklevel,
            )

    def _group_of(self, job_id: str) -> str:
        """Return the id of the group to which an OQTOPUS job belongs.

        Raises:
            OqtopusOptionError: If there is no such job, or if it belongs to none.
        """
        client = self._connection.client
        with translated(f"Looking for job {job_id}"):
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

    def _check_unused(self, group_id: str) -> None:
        """Refuse the id of a group that exists: runs would be mixed.

        Raises:
            OqtopusOptionError: If it does.
        """
        with translated(f"Looking for group {group_id}"):
            found = find_group(self._connection.client, group_id)
        if found is not None:
            raise OqtopusOptionError(
                f"Group id {group_id!r} is in use by {len(found.jobs)} jobs. Choose another one, "
                f"or resume that run with resume={group_id!r}."
            )

    def _present(
        self, programs: Sequence[Program], group: str
    ) -> tuple[dict[int, Entry], dict[str, Sight]]:
        """Return the circuits of a group that is resumed which the server has already."""
        with translated(f"Looking for group {group}"):
            found = find_group(self._connection.client, group)
            if found is not None:
                cancel_spare(self._connection.client, found)
        if found is None:
            logger.warning("Nothing of group %s is on the server: all of it is sent", group)
            return {}, {}
        problems = differences(found, programs)
        if problems:
            raise OqtopusCircuitError(problems, self._name)
        entries = {index: Entry(index, job.job_id) for index, job in found.alive().items()}
        return entries, found.sights()

    def _order(
        self, program: Program, member: Member, name: str, values: Mapping[str, Any]
    ) -> Order:
        transpiler_info: dict[str, Any] = {"transpiler_lib": None}
        if values["transpiler"] is not None:
            options = values["transpiler_options"]
            transpiler_info = {
                "transpiler_lib": values["transpiler"],
                "transpiler_options": {"optimization_level": 1} if options is None else options,
            }
        mitigation = values["mitigation"]
        return Order(
            member,
            program.text,
            values["name"] or name,
            values["tags"],
            self._name,
            program.header.shots,
            transpiler_info,
            {} if mitigation is None else {"ro_error_mitigation": mitigation},
            program.operator,
        )

    def _send(
        self,
        orders: Sequence[Order],
        headers: Mapping[int, ProgramHeader],
        entries: dict[int, Entry],
        sights: dict[str, Sight],
        group: str,
        total: int,
        values: Mapping[str, Any],
    ) -> OqtopusJob:
        if orders:
            with (
                translated(f"Sending group {group}"),
                reported(values["progress"], "submit", len(orders)) as report,
            ):
                sent = submit_all(
                    self._connection.client,
                    orders,
                    workers=values["workers"],
                    report=report,
                    cancel_on_failure=values["on_incomplete"] == "cancel",
                )
            for index, job_id in sent.items():
                entries[index] = Entry(index, job_id, headers[index])
                sights[job_id] = Sight("submitted")
        ordered = [entries[index] for index in sorted(entries)]
        self._backend.watcher.add(
            {entry.job_id: sights[entry.job_id] for entry in ordered},
            group if total > 1 else None,
            assumed=True,
        )
        return OqtopusJob(
            self._backend,
            ordered[0].job_id if total == 1 else group,
            ordered,
            self._backend.watcher,
            group_id=group,
            total=total,
            progress=values["progress"],
        )


def _now() -> str:
    return datetime.now(timezone.utc).isoformat(timespec="seconds")
