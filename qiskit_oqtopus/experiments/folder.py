"""A folder that keeps what a run is, before anything of it is sent, so that it can be gone on with.

``plan.json`` holds the experiment, its run options, the device, its calibration and the id of the
group under which all circuits are sent; it is written before the first job. Whatever ends the
process then, :func:`load_from_folder` reads the experiment again, and :func:`run_in_folder` sends
only what the server does not have. ``jobs.json`` has the OQTOPUS job of each circuit, for people to
read; it is written once circuits have been sent. Neither holds a token.
"""

from __future__ import annotations

import json
import os
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from qiskit.exceptions import QiskitError
from qiskit.providers import Backend
from qiskit_experiments.framework import BaseExperiment, ExperimentData

from ..cloud.backend import OqtopusBackend
from ..cloud.group import new_group_id
from ..cloud.options import run_options
from ..device.snapshot import is_same_second
from ..exceptions import (
    OqtopusCloudError,
    OqtopusOptionError,
    OqtopusWarning,
    users_stacklevel,
)
from ..files import write_whole
from ..json_text import JsonError, read_json
from ..version import __version__
from .catalog import from_plain, to_plain
from .execution import check_one_job, run

StrPath = str | os.PathLike[str]

SCHEMA = 1
"""Version of ``plan.json``. A later one is refused rather than half understood."""

PLAN = "plan.json"
JOBS = "jobs.json"

MAX_BYTES = 2**26
"""Largest ``plan.json`` that is read."""

KEPT_OPTIONS = (
    *("shots", "memory", "seed_simulator", "mitigation"),
    *("transpiler", "transpiler_options", "name", "tags", "route"),
)
"""Options that are the same in each run in a folder: circuits sent later must not differ."""


@dataclass(frozen=True)
class Record:
    """What ``plan.json`` holds.

    Attributes:
        experiment: The experiment, as the catalog writes it.
        device: Id of the device.
        calibrated_at: Its calibration, ISO 8601, or None.
        groups: Group ids of the run: one.
        options: Its run options.
        created: When the folder was written, ISO 8601, UTC.
    """

    experiment: Mapping[str, Any]
    device: str
    calibrated_at: str | None
    groups: tuple[str, ...]
    options: Mapping[str, Any]
    created: str

    @property
    def group(self) -> str:
        """The group id of the run."""
        return self.groups[0]


def run_in_folder(
    experiment: BaseExperiment,
    backend: Backend | None,
    folder: StrPath,
    **options: Any,
) -> ExperimentData:
    """Run an experiment, or go on with its run; what it is stands in a folder before it is sent.

    An experiment that was loaded from the folder, or was run in it before, is gone on with: only
    circuits that the server does not have, or that have failed, are sent. Any other starts anew, in
    a folder without a plan.

    Args:
        experiment: As for :func:`~qiskit_oqtopus.experiments.run`.
        backend: A device of OQTOPUS Cloud; None for that of the experiment.
        folder: The folder; it is created if need be.
        **options: As for :func:`~qiskit_oqtopus.experiments.run`, without ``group_id`` and
            ``resume``. A run that is gone on with has those that it was begun with.

    Returns:
        The data.

    Raises:
        OqtopusOptionError: If the backend is another one, if the folder has another plan, or if an
            option cannot be used.
        OqtopusError: As ``backend.run``; run it again to go on.
        OSError: If the folder cannot be written to; nothing was sent.

    Warns:
        OqtopusWarning: If the device has another calibration than when the run was begun.
    """
    path = Path(folder)
    backend = _check_backend(experiment.backend if backend is None else backend, path)
    for name in ("group_id", "resume"):
        if options.get(name) is not None:
            raise OqtopusOptionError(f"Option {name!r} is not given with a folder, which has it.")
    check_one_job(experiment)
    record = _build_record(experiment, backend, options)
    is_new = not (path / PLAN).exists()
    if is_new:
        _write(path, PLAN, _to_json(record))
    else:
        record = _find_begun(experiment, record, options, path)
        _warn_of_calibration(record, backend)
    experiment._folder_group = record.group
    which = {"group_id" if is_new else "resume": record.group}
    try:
        data = run(experiment, backend, **{**options, **record.options, **which})
    except BaseException as error:
        if is_new and isinstance(error, QiskitError) and not isinstance(error, OqtopusCloudError):
            # Nothing was sent, nor can it be: the folder is free for what can.
            (path / PLAN).unlink()
        # A failed or interrupted submission says what of it was sent.
        _write_jobs(path, record, getattr(error, "job_ids", None) or {})
        raise
    (job,) = data.jobs()
    _write_jobs(path, record, dict(enumerate(job.job_ids())))
    return data


def load_from_folder(folder: StrPath, backend: Backend | None = None) -> BaseExperiment:
    """Return the experiment of a folder, to go on with by :func:`run_in_folder`; sends nothing.

    Args:
        folder: The folder.
        backend: The device; None to look at the experiment only.

    Raises:
        OqtopusOptionError: If there is no plan in the folder, or none that can be read; or if the
            backend is not the device of the plan.
        OqtopusProtocolError: If its experiment cannot be understood.
    """
    path = Path(folder)
    record = read_record(path)
    experiment = from_plain(record.experiment)
    experiment._folder_group = record.group
    if backend is not None:
        _check_device(record, _check_backend(backend, path).name, path)
        experiment.backend = backend
    return experiment


def read_record(folder: StrPath) -> Record:
    """Return what the ``plan.json`` of a folder holds.

    Raises:
        OqtopusOptionError: If there is none, or none that can be read.
    """
    path = Path(folder) / PLAN
    try:
        size = path.stat().st_size
        text = path.read_bytes() if size <= MAX_BYTES else b""
    except OSError as error:
        raise OqtopusOptionError(
            f"There is no plan in {path.parent}: {error.strerror or error}."
        ) from error
    try:
        values = read_json(text, constants=False)
    except JsonError as error:
        raise OqtopusOptionError(f"{path} cannot be read: {error}.") from error
    if not isinstance(values, dict) or values.get("schema") != SCHEMA:
        raise OqtopusOptionError(
            f"{path} is no plan of version {SCHEMA}: a later qiskit-oqtopus may be needed."
        )
    record = Record(
        experiment=values.get("experiment", {}),
        device=values.get("device", ""),
        calibrated_at=values.get("calibrated_at"),
        groups=tuple(values.get("groups") or ()),
        options=values.get("options", {}),
        created=values.get("created", ""),
    )
    is_right = (
        isinstance(record.experiment, dict)
        and isinstance(record.device, str)
        and isinstance(record.calibrated_at, str | None)
        and len(record.groups) == 1
        and isinstance(record.group, str)
        and isinstance(record.options, dict)
        and set(record.options) <= set(KEPT_OPTIONS)
    )
    if not is_right:
        raise OqtopusOptionError(f"{path} is not a plan as it is written here.")
    return record


def _check_backend(backend: Backend | None, path: Path) -> OqtopusBackend:
    if isinstance(backend, OqtopusBackend):
        return backend
    raise OqtopusOptionError(
        f"A run in a folder ({path}) needs a device of OQTOPUS Cloud, which keeps what was sent; "
        f"{'there is no backend' if backend is None else f'{backend.name!r} is none'}. Run it "
        "without a folder."
    )


def _check_device(record: Record, device: str, path: Path) -> None:
    if record.device != device:
        raise OqtopusOptionError(
            f"The plan in {path} is for device {record.device!r}, not for {device!r}."
        )


def _build_record(
    experiment: BaseExperiment, backend: OqtopusBackend, options: Mapping[str, Any]
) -> Record:
    given = {**backend.options, **experiment.run_options, **options}
    kept = run_options({**backend.options, **{n: given[n] for n in KEPT_OPTIONS if n in given}})
    return Record(
        experiment=_through_json(to_plain(experiment)),
        device=backend.name,
        calibrated_at=backend.calibrated_at,
        groups=(new_group_id(),),
        options=_through_json({name: kept[name] for name in KEPT_OPTIONS}),
        created=_now(),
    )


def _through_json(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return values as they come back from the file, so that they can be compared with it."""
    read: dict[str, Any] = json.loads(json.dumps(values, allow_nan=False))
    return read


def _find_begun(
    experiment: BaseExperiment, record: Record, options: Mapping[str, Any], path: Path
) -> Record:
    """Return the record in a folder, if a run of this experiment can go on with it.

    Args:
        experiment: The experiment.
        record: What would be written for it now.
        options: The options that were given to its run.
        path: The folder.

    Raises:
        OqtopusOptionError: If it is the record of another experiment, device or run.
    """
    begun = read_record(path)
    if getattr(experiment, "_folder_group", None) != begun.group:
        raise OqtopusOptionError(
            f"The folder {path} has a plan already, begun at {begun.created}. Load that to go on "
            "with it, or give another folder."
        )
    _check_device(begun, record.device, path)
    if begun.experiment != record.experiment:
        raise OqtopusOptionError(
            f"The experiment has been changed since its run in {path} was begun. Load it from the "
            "folder to go on, or give another folder."
        )
    for name in set(KEPT_OPTIONS) & set(options):
        if begun.options.get(name) != record.options[name]:
            raise OqtopusOptionError(
                f"The run in {path} was begun with {name}={begun.options.get(name)!r}, and cannot "
                f"go on with {name}={options[name]!r}: leave it out, or give another folder."
            )
    return begun


def _warn_of_calibration(record: Record, backend: OqtopusBackend) -> None:
    now, then = backend.calibrated_at, record.calibrated_at
    if now is None or then is None or is_same_second(now, then):
        return
    warnings.warn(
        f"Device {backend.name} was calibrated at {now}, and the run that is gone on with was "
        f"begun with the calibration of {then}: circuits sent now may find other values.",
        OqtopusWarning,
        stacklevel=users_stacklevel(),
    )


def _to_json(record: Record) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "qiskit_oqtopus": __version__,
        "created": record.created,
        "device": record.device,
        "calibrated_at": record.calibrated_at,
        "groups": list(record.groups),
        "options": dict(record.options),
        "experiment": record.experiment,
    }


def _write_jobs(path: Path, record: Record, job_ids: Mapping[int, str]) -> None:
    if job_ids:
        jobs = {str(index): job_id for index, job_id in sorted(job_ids.items())}
        _write(path, JOBS, {"group": record.group, "jobs": jobs})


def _write(path: Path, name: str, values: Any) -> None:
    path.mkdir(parents=True, exist_ok=True)
    write_whole(path / name, json.dumps(values, indent=1, allow_nan=False))


def _now() -> str:
    return datetime.now(timezone.utc).isoformat(timespec="seconds")
