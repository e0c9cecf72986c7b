"""The provider: finds backends and jobs of one account."""

from __future__ import annotations

import difflib
import logging
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timezone
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qiskit.providers import BackendV2, JobStatus

from .client import errors
from .client.deadline import Deadline
from .client.workers import start_each
from .cloud.answer import ESTIMATION, SSE
from .cloud.backend import OqtopusBackend, build_snapshot
from .cloud.connection import Connection, describe_no_account
from .cloud.entry import Entry, build_entries
from .cloud.errors import translate_errors
from .cloud.group import (
    FIELDS,
    FoundGroup,
    find_group,
    find_runs,
    is_job_id,
    parse_description,
    split_run_id,
)
from .cloud.job import OqtopusJob
from .cloud.jobs_table import build_jobs_table
from .cloud.listing import list_jobs, literal_query, sort_newest_first
from .cloud.notices import read_announcements, read_expiration
from .cloud.options import check_tags
from .cloud.progress import check_progress, is_watched, report_progress
from .cloud.script import ScriptJob, send_script
from .cloud.status import Sight, job_status, parse_status
from .cloud.watcher import Watcher
from .device.dataframe import import_pandas
from .device.snapshot_folder import SnapshotFolder
from .drawing.card import build_card
from .exceptions import (
    OqtopusJobNotFoundError,
    OqtopusNotFoundError,
    OqtopusOptionError,
    OqtopusProtocolError,
)
from .program.header import SCRIPT
from .simulator.backend import QulacsBackend

if TYPE_CHECKING:
    from pandas import DataFrame

    from .client.api import Client
    from .client.models import Announcement, Device, Job
    from .primitives.job import PrimitiveJob

logger = logging.getLogger(__name__)

Backend = OqtopusBackend | QulacsBackend

LOCAL_NAMES = ("qulacs_simulator", "qulacs")
"""Names of the local simulator; a device of the account with the second name takes precedence."""

# ERROR is not among them: a job may have failed under another status (see status.py).
_SERVER_STATUS = {JobStatus.DONE: "succeeded", JobStatus.CANCELLED: "cancelled"}


class OqtopusProvider:
    """Finds the devices and the jobs of an OQTOPUS account, and the local simulator.

    To create a provider does no I/O. The account is looked up on first use: arguments, then the
    environment (OQTOPUS_URL, OQTOPUS_API_TOKEN), then the files of oqtopus-client and of
    quri-parts-oqtopus. Without an account, the provider offers the local simulator only.

    Args:
        url: URL of the API of an OQTOPUS Cloud.
        token: API token.
        profile: Section of the account file.
        insecure: Whether http:// is allowed to other machines than this one.
        snapshots: A folder in which each calibration that is seen is kept, once, as a
            :class:`~qiskit_oqtopus.DeviceSnapshot`; several processes may share it.
        **client_options: Further options of :class:`~qiskit_oqtopus.client.api.Client`, such as
            ``proxy``, ``connect_timeout`` and ``read_timeout`` (in s).
    """

    def __init__(
        self,
        url: str | None = None,
        token: str | None = None,
        *,
        profile: str | None = None,
        insecure: bool = False,
        snapshots: str | os.PathLike[str] | None = None,
        **client_options: Any,
    ) -> None:
        if insecure:
            client_options["insecure"] = True
        kept = None if snapshots is None else SnapshotFolder(snapshots)
        self._connection = Connection(url, token, profile, client_options, kept)
        self._watcher = Watcher(self._connection)
        self._job_backends: dict[str, OqtopusBackend] = {}  # by device id, for retrieved jobs

    # -- backends -------------------------------------------------------------------------------

    def backends(
        self,
        name: str | None = None,
        *,
        simulator: bool | None = None,
        available: bool | None = None,
        min_qubits: int | None = None,
        filters: Callable[[Any], bool] | None = None,
    ) -> list[Backend]:
        """Return the devices of the account and the local simulator.

        Args:
            name: Only the backend of this name.
            simulator: Only simulators, or only real devices.
            available: Only those that take jobs now, or only those that do not.
            min_qubits: Only those with at least this number of qubits.
            filters: Only those for which it is true.

        Raises:
            OqtopusCloudError: If there is an account and the server cannot be asked: never an
                empty list instead.
        """
        devices = self._devices()
        if name is not None:
            devices = [device for device in devices if device.device_id == name]
        if simulator is not None:
            devices = [d for d in devices if (d.device_type == "simulator") is simulator]
        if available is not None:
            devices = [d for d in devices if (d.status == "available") is available]
        found: list[Backend] = list(self._build_backends(devices))
        if name in (None, LOCAL_NAMES[0]) and simulator is not False and available is not False:
            found.append(QulacsBackend())
        if min_qubits is not None:
            found = [backend for backend in found if (backend.num_qubits or 0) >= min_qubits]
        return [backend for backend in found if filters is None or filters(backend)]

    def backend(
        self,
        name: str,
        *,
        include_uncalibrated: bool = False,
        measure_duration: float | None = None,
    ) -> Backend:
        """Return a backend by its name.

        "qulacs_simulator" is the local simulator, and so is "qulacs" unless the account has a
        device of that id.

        Args:
            name: Its name.
            include_uncalibrated: Whether qubits and couplings of which the device does not know the
                errors are in the Target nevertheless, for whoever calibrates them. By default they
                have no operations, because Qiskit would take them for perfect.
            measure_duration: Duration of a measurement in s, which devices do not report. Qiskit
                needs it to schedule circuits.

        Raises:
            OqtopusNotFoundError: If there is none; it says which there are.
            OqtopusOptionError: If the local simulator is given an option, or the duration is not a
                positive number.
            OqtopusCloudError: If the server cannot be asked.

        Warns:
            OqtopusWarning: If there is something uncalibrated, and it is included.
        """
        options: dict[str, Any] = {}
        if include_uncalibrated is not False:
            options["include_uncalibrated"] = include_uncalibrated
        if measure_duration is not None:
            options["measure_duration"] = measure_duration
        if name == LOCAL_NAMES[0]:
            return _local_simulator(options)
        devices = self._devices()
        for device in devices:
            if device.device_id == name:
                (backend,) = self._build_backends([device], **options)
                return backend
        if name in LOCAL_NAMES:
            return _local_simulator(options)
        raise OqtopusNotFoundError(self._describe_missing(name, devices))

    def _describe_missing(self, name: str, devices: Iterable[Device]) -> str:
        """Return that there is no backend of a name, and which is meant or what to do."""
        names = [device.device_id for device in devices] + [LOCAL_NAMES[0]]
        close = difflib.get_close_matches(str(name), names, n=1)
        hint = f" Did you mean {close[0]!r}?" if close else ""
        if len(names) == 1 and self._connection.account() is None:
            return f"There is no backend {name!r}.{hint} {describe_no_account()}"
        return f"There is no backend {name!r}.{hint} There are: {', '.join(map(repr, names))}."

    get_backend = backend

    def least_busy(
        self,
        *,
        simulator: bool | None = False,
        min_qubits: int | None = None,
        filters: Callable[[Any], bool] | None = None,
    ) -> OqtopusBackend:
        """Return the available device with the fewest pending jobs.

        Args:
            simulator: As for :meth:`backends`. Simulators are left out by default; None takes all
                devices.
            min_qubits: As for :meth:`backends`.
            filters: As for :meth:`backends`.

        Raises:
            OqtopusNotFoundError: If no device fits.
            OqtopusCloudError: If the server cannot be asked.
        """
        fitting = [
            backend
            for backend in self.backends(
                simulator=simulator, available=True, min_qubits=min_qubits, filters=filters
            )
            if isinstance(backend, OqtopusBackend)
        ]
        if not fitting and self._connection.account() is None:
            raise OqtopusNotFoundError(f"There is no device. {describe_no_account()}")
        if not fitting:
            reason = (
                "No device of the account is available and fits; provider.backends() lists all."
            )
            if simulator is False:
                reason += " Simulators are left out; least_busy(simulator=None) takes them too."
            raise OqtopusNotFoundError(reason)
        return min(fitting, key=lambda backend: backend.pending_jobs)

    def _devices(self) -> list[Device]:
        if self._connection.account() is None:
            return []
        with translate_errors("Reading the devices"):
            return self._connection.client.devices()

    def _build_backends(self, devices: Iterable[Device], **options: Any) -> list[OqtopusBackend]:
        """Return backends of devices; their calibrations are read at the same time."""
        devices = list(devices)
        if not devices:
            return []
        deadline = Deadline()
        client = self._connection.client.within(deadline)
        calibrations = start_each(lambda d: _read_facts(client, d), devices, 8, deadline)
        # In this thread: what is wrong with a calibration warns about the caller's line.
        return [
            OqtopusBackend(
                self,
                device,
                build_snapshot(device, facts),
                self._connection,
                self._watcher,
                **options,
            )
            for device, facts in zip(devices, calibrations, strict=True)
        ]

    # -- jobs -----------------------------------------------------------------------------------

    def run_script(
        self,
        source: str | Path,
        device: str | OqtopusBackend,
        *,
        name: str | None = None,
        tags: Sequence[str] = (),
        bundle: bool = False,
        **options: Any,
    ) -> ScriptJob:
        """Send a Python program that OQTOPUS runs beside a device.

        It runs in a container with Python 3.13 and without a network: what it may import, how it
        runs circuits and how long it may take is on the page about SSE. The device is blocked for
        others while it runs.

        Args:
            source: The program. A path, or a string of one line that ends in ``.py``, is a file;
                any other string is the program itself.
            device: The device, or its name.
            name: Name of the job; by default that of the file.
            tags: Words for its description.
            bundle: Whether :mod:`qiskit_oqtopus.sse` is sent along, for the program to import.
            **options: Any of these:

                * ``sse_max_bytes`` (int): How large the program may be as JSON, 100,000.
                * ``unavailable`` (str): "warn" or "raise" if the device takes no jobs now.

        Returns:
            The job.

        Raises:
            OqtopusOptionError: If an option or the program cannot be used: it is no file, not
                UTF-8, too large or, where this is Python 3.13 or later, no Python.
            OqtopusNotFoundError: If there is no such device.
            OqtopusSubmissionError: If it could not be sent.
            OqtopusCloudError: If the server cannot be asked before anything is sent.

        Warns:
            OqtopusWarning: If the device takes no jobs now; if the program does not seem to run a
                circuit, and would fail; if this Python cannot read it, and is older than that of
                the container.
        """
        backend = self.backend(device) if isinstance(device, str) else device
        if not isinstance(backend, OqtopusBackend):
            raise OqtopusOptionError(
                f"A program runs beside a device of OQTOPUS Cloud, not on {device!r}: run it with "
                "Python on this machine."
            )
        return send_script(backend, source, name=name, tags=tags, bundle=bundle, **options)

    def job(self, job_id: str) -> OqtopusJob | PrimitiveJob | ScriptJob:
        """Return a job by its id: that of any job that ``run`` returned, or any OQTOPUS job id.

        Args:
            job_id: An OQTOPUS job id, or the group id of a run of several circuits; where two runs
                have the same group id, that id with the token that the error names.

        Returns:
            The job. It is that of a primitive if the id came from a primitive; the id of one
            circuit out of several gives the job of that circuit, with its counts. Of the jobs of
            other clients, one of several programs ("multi_manual") has a Result with an entry for
            each, one of the type "estimation" is that of a primitive with one PUB, and one of the
            type "sse" that of a script.

        Raises:
            OqtopusJobNotFoundError: If the account has no such job.
            OqtopusJobError: If two different runs have this group id; it names both.
            OqtopusCloudError: If the server cannot be asked.
        """
        if not isinstance(job_id, str) or not job_id:
            raise OqtopusOptionError(f"A job id is a string, not {job_id!r}.")
        with translate_errors(f"Looking for job {job_id}"):
            client = self._connection.client
            group_id, token = split_run_id(job_id)
            found = None if is_job_id(job_id) else find_group(client, group_id, token)
            if found is None and token is None:
                try:
                    return self._single_job(client.job(job_id))
                except (errors.NotFoundError, errors.ValidationError):
                    found = find_group(client, job_id)
            if found is not None:
                return self._group_job(found, job_id)
        raise OqtopusJobNotFoundError(
            f"This account has no job {job_id!r}: it was deleted, or it is of another account. If "
            "a run was interrupted before its first circuit was submitted, the server knows "
            "nothing of it: backend.run(circuits, resume=...) sends all of it. Jobs of the local "
            "simulator are kept nowhere: they end with their process."
        )

    retrieve_job = job

    def jobs(
        self,
        *,
        limit: int | None = 10,
        status: JobStatus | str | None = None,
        backend: str | BackendV2 | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        name: str | None = None,
        tags: str | Sequence[str] | None = None,
        progress: Any = None,
    ) -> list[OqtopusJob | PrimitiveJob | ScriptJob]:
        """Return jobs of the account, the newest first.

        Circuits that were run together are one job, as are those of one run of a primitive.

        Args:
            limit: Largest number of jobs; None for all.
            status: Only jobs with a circuit of this status: Qiskit's, its name such as "DONE", or
                the word of OQTOPUS such as "succeeded".
            backend: Only jobs of this device.
            since: Only jobs submitted at that time or later.
            until: Only jobs submitted at that time or before.
            name: Only jobs with this text in their name, in upper or lower case.
            tags: Only jobs that were run with all of these tags.
            progress: True for a bar, or a function of (stage, done, total), whose total is 0 if
                there is no limit. By default there is a bar on a terminal and in a notebook if
                there is no limit.

        Raises:
            OqtopusOptionError: If a value cannot be used.
            OqtopusCloudError: If the server cannot be asked.
        """
        if limit is not None and (isinstance(limit, bool) or not isinstance(limit, int)):
            raise OqtopusOptionError(f"Option 'limit' must be an integer or None, not {limit!r}.")
        search: dict[str, Any] = {"fields": FIELDS, "order": "DESC"}
        if status is not None:
            status = parse_status(status)
            if isinstance(status, str):
                search["status"] = status
            elif status in _SERVER_STATUS:
                search["status"] = _SERVER_STATUS[status]
        if check_progress("progress", progress) is None:
            progress = limit is None and is_watched()
        wanted = check_tags("tags", [tags] if isinstance(tags, str) else tags or ())
        text = name or max(wanted, key=len, default="")
        if text:
            search["q"] = literal_query(text)
        for key, moment in (("start_time", since), ("end_time", until)):
            if moment is not None:
                search[key] = _timestamp(moment)
        found = self._jobs(search, status, getattr(backend, "name", backend), name, set(wanted))
        jobs = []
        with report_progress(progress, "jobs", limit or 0) as report:
            for job in islice(found, None if limit is None else max(limit, 0)):
                jobs.append(job)
                report(len(jobs))
        return jobs

    def jobs_table(self, **search: Any) -> DataFrame:
        """Return a table of jobs of the account, the newest first, indexed by job id.

        Args:
            **search: As for :meth:`jobs`.

        Returns:
            The columns ``name``, ``device``, ``status``, ``circuits``, ``shots``, ``created``
            (UTC), ``execution_time`` (on the device, in s) and ``tags``.

        Raises:
            OqtopusOptionError: If a value cannot be used.
            OqtopusCloudError: If the server cannot be asked.
            ModuleNotFoundError: If pandas is not installed.
        """
        import_pandas()  # before anything is asked for
        return build_jobs_table(self.jobs(**search))

    def _jobs(
        self,
        search: dict[str, Any],
        status: JobStatus | str | None,
        device: str | None,
        name: str | None,
        tags: set[str],
    ) -> Iterator[OqtopusJob | PrimitiveJob | ScriptJob]:
        seen: set[str] = set()
        with translate_errors("Reading the jobs"):
            for job in sort_newest_first(list_jobs(self._connection.client, **search)):
                if job.device_id is None:  # registered, never submitted
                    continue
                if device is not None and job.device_id != device:
                    continue
                if isinstance(status, JobStatus) and job_status(Sight.from_job(job)) is not status:
                    continue
                if name is not None and name.lower() not in (job.name or "").lower():
                    continue
                member = parse_description(job.description)
                if not tags.issubset(() if member is None else member.tags):
                    continue
                if member is None or member.total == 1:
                    if job.job_id not in seen:
                        seen.add(job.job_id)
                        yield self._single_job(job)
                    continue
                if member.run_id in seen:
                    continue
                runs = find_runs(self._connection.client, member.group_id)
                for run in runs:
                    if member.token in run.tokens:
                        seen.update(f"{run.group_id}/{token}" for token in run.tokens)
                        yield self._group_job(run, run.run_id if len(runs) > 1 else run.group_id)

    def _single_job(self, job: Job) -> OqtopusJob | PrimitiveJob | ScriptJob:
        member = parse_description(job.description)
        sight = Sight.from_job(job)
        self._watcher.add({job.job_id: sight}, None)
        entry = Entry.from_job(job, member)
        if sight.is_final and job.job_info is not None:
            entry.job = job
        found = OqtopusJob(
            self._backend_by_id(job.device_id),
            job.job_id,
            [entry],
            self._watcher,
            group_id=None if member is None else member.group_id,
            token=None if member is None else member.token,
            total=len(entry.circuits),
        )
        if member is None:
            kinds = {ESTIMATION: ESTIMATION, SSE: SCRIPT}
            return _wrap_job(found, kinds.get(job.job_type or "", "run"))
        return _wrap_job(found, member.kind) if len(entry.circuits) == member.total else found

    def _group_job(self, found: FoundGroup, job_id: str) -> OqtopusJob | PrimitiveJob | ScriptJob:
        first = next(iter(found.jobs.values()))
        entries = build_entries(found)
        is_single = len(entries[0].circuits) == found.total
        self._watcher.add(found.sights(), None if is_single else found.group_id)
        job = OqtopusJob(
            self._backend_by_id(first.device_id),
            entries[0].job_id if is_single else job_id,
            entries,
            self._watcher,
            group_id=found.group_id,
            token=found.tokens[0],
            total=found.total,
        )
        return _wrap_job(job, found.kind)

    def _backend_by_id(self, device_id: str | None) -> OqtopusBackend:
        """Return the backend of a job, also if the device is gone from the account.

        Jobs of one device share their backend: what they hold does not depend on its calibration
        of today.
        """
        from .client.models import Device

        known = self._job_backends.get(device_id or "")
        if known is not None:
            return known
        if device_id is None:
            raise OqtopusProtocolError(
                "The job was registered but never submitted; there is nothing to run or to read."
            )
        try:
            device = self._connection.client.device(device_id)
        except (errors.NotFoundError, errors.ForbiddenError, errors.ValidationError):
            logger.warning("The account has no device %s any more", device_id)
            device = Device.from_json({"device_id": device_id, "status": "unavailable"})
        (backend,) = self._build_backends([device])
        return self._job_backends.setdefault(device_id, backend)

    # -- notices ---------------------------------------------------------------------------------

    def announcements(self) -> list[Announcement]:
        """Return what the operator announces for now, such as maintenance.

        Raises:
            OqtopusCloudError: If the server cannot be asked. One that has no announcements at all
                gives an empty list.
        """
        with translate_errors("Reading the announcements"):
            return read_announcements(self._connection.client)

    def token_expires_at(self) -> datetime | None:
        """Return when the API token expires, in UTC, or None if the server does not say.

        Raises:
            OqtopusCloudError: If the server cannot be asked.
        """
        with translate_errors("Asking when the token expires"):
            return read_expiration(self._connection.client)

    # -- life -----------------------------------------------------------------------------------

    def close(self) -> None:
        """Close the connections; they open again if the provider is used again."""
        self._connection.close()

    def __enter__(self) -> OqtopusProvider:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<OqtopusProvider({self._connection!r})>"

    def _repr_html_(self) -> str:
        """Return what a notebook shows; nothing is asked for."""
        facts = {
            "account": self._connection.describe(),
            "devices": "provider.backends() asks for them",
            "jobs": "provider.jobs(), provider.job(id)",
        }
        return build_card("OqtopusProvider", facts)

    def __getstate__(self) -> dict[str, Any]:
        return {"connection": self._connection}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self._connection = state["connection"]
        self._watcher = Watcher(self._connection)
        self._job_backends = {}


def _local_simulator(options: Mapping[str, Any]) -> QulacsBackend:
    if options:
        raise OqtopusOptionError(
            f"{', '.join(map(repr, options))} cannot be given for the local simulator, which has "
            "no calibration; leave it out, or name a device."
        )
    return QulacsBackend()


def _read_facts(client: Client, device: Device) -> dict[str, Any] | None:
    try:
        return client.device_facts(device)
    except errors.ClientError as error:
        # One broken calibration costs its device the numbers, never the list of devices.
        logger.warning(
            "The calibration of device %s cannot be read, so that its Target has no errors, "
            "durations or couplings: %s",
            device.device_id,
            error,
        )
        return None


def _wrap_job(job: OqtopusJob, kind: str) -> OqtopusJob | PrimitiveJob | ScriptJob:
    """Return the job of a primitive or a script, or else the job itself.

    Args:
        job: The job of its programs.
        kind: The sender, as in :class:`.Member`; or "estimation", for what another client has let
            the server estimate, which is also that of a primitive.
    """
    if kind == "run":
        return job
    if kind == SCRIPT:
        return ScriptJob(job)
    from .primitives.cloud import build_estimation_job, build_job

    return build_estimation_job(job) if kind == ESTIMATION else build_job(job)


def _timestamp(moment: Any) -> str:
    if not isinstance(moment, datetime):
        raise OqtopusOptionError(f"'since' and 'until' must be datetime objects, not {moment!r}.")
    return moment.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
