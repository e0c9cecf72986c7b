"""Load the data of an experiment that was run before: in another process, from the id alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from qiskit_experiments.framework import BaseExperiment, CompositeExperiment, ExperimentData

from ..cloud.job import OqtopusJob
from ..cloud.script import ScriptJob
from ..exceptions import OqtopusJobError, OqtopusOptionError
from ..provider import OqtopusProvider
from .catalog import from_plain
from .partial_data import PartialData


def load(
    provider: OqtopusProvider,
    job_id: str,
    experiment: BaseExperiment | None = None,
    *,
    timeout: float | None = None,
) -> ExperimentData:
    """Return the analysed data of an experiment that was run before; waits for its job.

    Nothing is sent. What the experiment was is read from the programs of the job, if it was run by
    :func:`~qiskit_oqtopus.experiments.run`.

    Args:
        provider: The account.
        job_id: The id of its job, as ``data.job_ids`` had it.
        experiment: The experiment, for a job that does not say what it was, or to analyse its data
            in another way. The options of its circuits are not needed, except for composite ones.
        timeout: Longest time to wait for the results in s; None waits as long as it takes.

    Returns:
        The data with the results of their analysis; ``data.experiment`` is the experiment.

    Raises:
        OqtopusOptionError: If the job does not say what it was, and no experiment is given; or if
            the id is that of one circuit out of several.
        OqtopusJobNotFoundError: If the account has no such job.
        OqtopusJobError: If circuits have failed or are missing, except for a Characterization,
            which says so in its table.
        OqtopusJobTimeoutError: If the time is over; the job goes on.
        OqtopusProtocolError: If what the job says cannot be understood.
        OqtopusCloudError: If the server cannot be asked.
    """
    job = provider.job(job_id)
    if isinstance(job, ScriptJob):
        raise OqtopusOptionError(f"Job {job_id} is a script, not an experiment: read its log.")
    if isinstance(job, OqtopusJob):
        _check_whole(job)
    experiment = _find_experiment(job) if experiment is None else experiment.copy()
    experiment.backend = job.backend()
    data = experiment._initialize_experiment_data()
    is_partial = isinstance(data, PartialData)
    if is_partial:
        job.result(timeout, partial=True)
    else:
        job.result(timeout)
    data.add_jobs(job)
    data.block_for_results()
    if isinstance(job, OqtopusJob):
        _set_times(data, job)
    if not is_partial:
        _check_components(experiment, data)
    if experiment.analysis is None:
        return data
    return experiment.analysis.run(data).block_for_results()


def _set_times(data: ExperimentData, job: OqtopusJob) -> None:
    """Let data say when they were measured, and not when they were loaded."""
    for name, moment in (
        ("start_datetime", job.creation_date),
        ("end_datetime", job.times.get("ended")),
    ):
        if moment is not None:  # qiskit-experiments counts in local time
            setattr(data, name, moment.astimezone().replace(tzinfo=None))


def _check_components(experiment: BaseExperiment, data: ExperimentData) -> None:
    """Refuse to analyse a composite experiment of which components have no data.

    Raises:
        OqtopusJobError: If there are any.
    """
    missing = list(_find_missing(experiment, [datum.get("metadata", {}) for datum in data.data()]))
    if missing:
        raise OqtopusJobError(
            f"Job {', '.join(data.job_ids)} has no data of {', '.join(missing)} of its "
            f"{type(experiment).__name__}, whose analysis would give the data of one component to "
            "another."
        )


def _check_whole(job: OqtopusJob) -> None:
    """Refuse one circuit out of several: its data would be taken for all of them.

    Raises:
        OqtopusOptionError: If it is one.
    """
    if len(job.job_ids()) != 1 or job.missing:
        return
    header, *others = job.headers()
    if header.total > 1 + len(others):
        raise OqtopusOptionError(
            f"Job {job.job_id()} is circuit {header.index} of {header.total} of one run. Give the "
            f"id of the run, {header.group!r}."
        )


def _find_experiment(job: Any) -> BaseExperiment:
    plain = job.experiment() if isinstance(job, OqtopusJob) else None
    if plain is None:
        raise OqtopusOptionError(
            f"Job {job.job_id()} does not say what experiment it is: it was not started by "
            "qiskit_oqtopus.experiments.run(experiment, backend), but by experiment.run(backend) "
            "or another program. Give the experiment: load(provider, job_id, experiment=T1([0], "
            "delays)), if it was a T1 of qubit 0."
        )
    return from_plain(plain)


def _find_missing(
    experiment: BaseExperiment, metadata: Sequence[Mapping[str, Any]], path: str = ""
) -> Iterable[str]:
    """Yield the components of a composite experiment of which there are no data."""
    if not isinstance(experiment, CompositeExperiment):
        return
    found: dict[int, list[Mapping[str, Any]]] = {}
    for item in metadata:
        for index, part in zip(
            item.get("composite_index", ()), item.get("composite_metadata", ()), strict=False
        ):
            found.setdefault(index, []).append(part)
    for index, part in enumerate(experiment.component_experiment()):
        name = f"{path}component {index}"
        if index in found:
            yield from _find_missing(part, found[index], f"{name}, ")
        else:
            yield name
