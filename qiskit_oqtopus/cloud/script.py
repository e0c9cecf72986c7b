"""Scripts: Python programs of the user that OQTOPUS runs beside a device."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qiskit.providers import JobStatus
from qiskit.providers.jobstatus import JOB_FINAL_STATES

from ..client.deadline import Deadline
from ..drawing.card import build_card
from ..exceptions import (
    OqtopusError,
    OqtopusJobCancelledError,
    OqtopusJobError,
    OqtopusOptionError,
    OqtopusProtocolError,
    OqtopusWarning,
    users_stacklevel,
)
from ..json_text import JsonError, read_json
from ..options import boolean, check_options, optional, seconds
from ..program.header import SCRIPT, ProgramHeader
from ..program.program import fingerprint, with_header
from .download import find_reason, read_log, read_result
from .entry import Entry
from .group import Member, new_group_id, new_token
from .job import OqtopusJob, bounded
from .notices import warn_of_notices
from .options import CHECKS
from .orders import build_order
from .outage import Outage
from .resumption import Present
from .run import deliver, look_at_device, now
from .sse.batches import MAX_BYTES, WHY_SMALL, json_size
from .sse.bundle import bundle_program
from .sse.source import check_source, read_source
from .status import Sight, job_status
from .watcher import LONGEST_LOOK

if TYPE_CHECKING:
    from ..client.api import Client
    from ..client.models import Job
    from .backend import OqtopusBackend

logger = logging.getLogger(__name__)

PREFIX = "payload="
"""What the lines with data begin with that a program prints, by default."""

_CHECKS = {
    **{name: CHECKS[name] for name in ("name", "tags", "unavailable", "sse_max_bytes")},
    "bundle": boolean,
}

_ALONE = {"group_id": None, "resume": None, "on_incomplete": "keep", "workers": 1, "progress": None}
"""Options of a submission that a script does not have."""


@dataclass(frozen=True)
class ScriptResult:
    """What a program has left.

    Attributes:
        log: What it has printed; None if the server has stored no log.
        last_result: The result of the last circuit that it ran, as OQTOPUS writes it:
            ``{"sampling": {"counts": ...}}`` or ``{"estimation": ...}``.
        payloads: The JSON values that it has printed on lines that begin with "payload=".
    """

    log: str | None = field(repr=False)
    last_result: Mapping[str, Any]
    payloads: tuple[Any, ...]


class ScriptJob:
    """A Python program that runs beside a device, from :meth:`.OqtopusProvider.run_script`.

    ``provider.job(job_id)`` finds it again, from any process, also if another client has sent it.
    All methods may be called from any thread.

    Args:
        job: Its OQTOPUS job.
    """

    def __init__(self, job: OqtopusJob) -> None:
        self._job = job
        self._result: ScriptResult | None = None

    def job_id(self) -> str:
        """Return its id, that of its OQTOPUS job."""
        return str(self._job.job_id())

    def job_ids(self) -> list[str]:
        """Return its id, in a list."""
        return self._job.job_ids()

    def backend(self) -> OqtopusBackend:
        """Return the device."""
        backend: OqtopusBackend = self._job.backend()
        return backend

    @property
    def device(self) -> str:
        """Id of the device."""
        return self._job.device

    @property
    def name(self) -> str | None:
        """Its name."""
        return self._job.name

    @property
    def tags(self) -> tuple[str, ...]:
        """Tags with which it was sent."""
        return self._job.tags

    @property
    def shots(self) -> None:
        """None: each circuit that it runs has shots of its own."""
        return None

    @property
    def creation_date(self) -> datetime | None:
        """When it was sent; None if that is not known."""
        return self._job.creation_date

    @property
    def times(self) -> dict[str, datetime]:
        """When it was submitted, ready, running and ended, as it was last seen."""
        return self._job.times

    @property
    def execution_time(self) -> float | None:
        """Time in s that the program took, not the device; None as long as it is not known."""
        return self._job.execution_time

    # -- status ---------------------------------------------------------------------------------

    def status(self) -> JobStatus:
        """Return the status; never raises for a failed job or in an outage."""
        return self._job.status()

    def in_final_state(self) -> bool:
        """Return whether it has ended, in whatever way."""
        return self.status() in JOB_FINAL_STATES

    def wait_for_final_state(self, timeout: float | None = None) -> None:
        """Wait until it has ended, in whatever way; outages are waited out.

        Args:
            timeout: Longest time to wait in s; None waits as long as it takes.

        Raises:
            OqtopusOptionError: If ``timeout`` is not a number.
            OqtopusJobTimeoutError: If the time is over. The job goes on.
        """
        self._job.wait_for_final_state(timeout)

    def cancel(self) -> bool:
        """Cancel it. A program that runs already runs to its end, and its log is lost.

        Returns:
            Whether it is cancelled now.
        """
        return self._job.cancel()

    def delete(self) -> None:
        """Delete it with its program, log and result from the server; nothing brings it back.

        Raises:
            OqtopusJobError: If it has not ended.
            OqtopusCloudError: If the server cannot be asked.
        """
        self._job.delete()

    # -- what is left of it ---------------------------------------------------------------------

    def result(self, timeout: float | None = None) -> ScriptResult:
        """Wait for it and return what it has left.

        Args:
            timeout: Longest time that all of this takes, in s; None waits as long as it takes.

        Raises:
            OqtopusOptionError: If ``timeout`` is not a number.
            OqtopusJobTimeoutError: If the time is over. The job goes on.
            OqtopusJobCancelledError: If it was cancelled.
            OqtopusJobError: If it failed; OQTOPUS then keeps nothing of what it has printed.
            OqtopusCloudError: If what it has left cannot be read; ask again later.
        """
        deadline = Deadline(optional(seconds)("timeout", timeout))
        self._job.wait_for_final_state(timeout)
        if self._result is None:
            client = self.backend()._connection.client.within(deadline)
            found: list[ScriptResult] = []
            with bounded(self.job_id(), "Reading what is left of", timeout):
                Outage(deadline).do_all([client], lambda each: found.append(self._read(each)), 1)
            self._result = found[0]
        return self._result

    def log(self, timeout: float | None = None) -> str:
        """Wait for it and return what it has printed.

        Args:
            timeout: As for :meth:`result`.

        Raises:
            OqtopusProtocolError: If the server has stored no log.
            OqtopusError: As :meth:`result`.
        """
        log = self.result(timeout).log
        if log is None:
            raise OqtopusProtocolError(
                f"Script {self.job_id()} has succeeded, and the server has stored no log of it; "
                "result().last_result has the result of its last circuit."
            )
        return log

    def payloads(self, prefix: str = PREFIX, timeout: float | None = None) -> list[Any]:
        """Wait for it and return the JSON values that it has printed.

        Args:
            prefix: What their lines begin with.
            timeout: As for :meth:`result`.

        Raises:
            OqtopusError: As :meth:`log`.

        Warns:
            OqtopusWarning: If such a line holds no JSON, because something else was printed into
                it, for example; it is left out.
        """
        return read_payloads(self.log(timeout), prefix)

    def error_message(self) -> str | None:
        """Return why it failed, in the server's words; None if it has not."""
        if self.status() is not JobStatus.ERROR:
            return None
        try:
            self.result(LONGEST_LOOK)
        except OqtopusError as error:
            return str(error.message)
        return None

    def _read(self, client: Client) -> ScriptResult:
        job = client.job(self.job_id())
        sight = Sight.from_job(job)
        status = job_status(sight)
        if status is JobStatus.CANCELLED:
            raise OqtopusJobCancelledError(f"Script {self.job_id()} was cancelled.")
        if status is not JobStatus.DONE:
            raise OqtopusJobError(
                f"Script {self.job_id()} failed: {find_reason(job, sight)}.{_find_hint(job)}"
            )
        log = read_log(client, job)
        payloads = () if log is None else tuple(read_payloads(log, PREFIX))
        return ScriptResult(log, read_result(client, job), payloads)

    def __getstate__(self) -> dict[str, Any]:
        """Leave what was read behind; it is read again."""
        return {**self.__dict__, "_result": None}

    def __repr__(self) -> str:
        return f"<ScriptJob {self.job_id()} on {self.device}>"

    def _repr_html_(self) -> str:
        """Return what a notebook shows: what was last seen of it; nothing is asked for."""
        facts = {"device": self.device, "name": self.name, "submitted": self.creation_date}
        return build_card(f"ScriptJob {self.job_id()}", facts)


def _find_hint(job: Job) -> str:
    """Return what a message of the server may mean."""
    message = "" if job.job_info is None else job.job_info.message or ""
    if "user program" in message:
        return " The program ended with an error or a code other than 0, or it ran for too long."
    if "internal server error" in message:
        return " That is also said of a program that runs no circuit, or is too large."
    return ""


def read_payloads(log: str, prefix: str = PREFIX) -> list[Any]:
    r"""Return the JSON values on the lines of a log that begin with a prefix.

    Warns:
        OqtopusWarning: If one is no JSON; it is left out.

    >>> read_payloads('a line\npayload={"angle": 0.5}\n')
    [{'angle': 0.5}]
    """
    found = []
    for number, line in enumerate(log.split("\n"), 1):
        if not line.startswith(prefix):
            continue
        try:
            found.append(read_json(line[len(prefix) :]))
        except JsonError as error:
            warnings.warn(
                f"Line {number} of the log begins with {prefix!r} and is left out: {error}.",
                OqtopusWarning,
                stacklevel=users_stacklevel(),
            )
    return found


# -- sending -------------------------------------------------------------------------------------


def send_script(backend: OqtopusBackend, source: str | Path, **options: Any) -> ScriptJob:
    """Send a Python program to run beside a device.

    Args:
        backend: The device.
        source: The program, or the path of its file.
        **options: Those of :meth:`.OqtopusProvider.run_script`.

    Raises:
        OqtopusOptionError: If an option or the program cannot be used.
        OqtopusSubmissionError: If it could not be sent.
        OqtopusCloudError: If the server cannot be asked before anything is sent.

    Warns:
        OqtopusWarning: If the device takes no jobs now, or the program would fail.
    """
    defaults = {"unavailable": "warn", "sse_max_bytes": MAX_BYTES}
    values = {**defaults, **check_options(options, _CHECKS)}
    name, text = read_source(source)
    check_source(name, text)
    if values["bundle"]:
        text = bundle_program(text)
    group = new_group_id()
    program = with_header(text, ProgramHeader(SCRIPT, group, created=now(), shots=1))
    size, most = json_size(program.text), values["sse_max_bytes"]
    if size > most:
        raise OqtopusOptionError(
            f"{name} has {size:,} bytes as JSON, and {most:,} are sent at most: {WHY_SMALL} "
            "Shorten it, or compress what it holds."
        )
    look_at_device(backend, values["unavailable"], is_compiled=False)
    member = Member(group, 0, 1, fingerprint(program), SCRIPT, new_token())
    order = build_order(backend, program, member, name, values, ({"transpiler_lib": None}, {}))
    delivered = deliver(backend, group, [order], Present(), _ALONE)
    ((order, job_id),) = delivered
    backend._watcher.add({job_id: Sight("submitted")}, None, assumed=True)
    entry = Entry(0, job_id, program.header, member=order.member, name=order.settings.name)
    job = OqtopusJob(
        backend, job_id, [entry], backend._watcher, group_id=group, token=member.token, total=1
    )
    warn_of_notices(backend._connection.client)
    return ScriptJob(job)
