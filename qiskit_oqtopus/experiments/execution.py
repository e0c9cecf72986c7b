"""Run experiments so that their data can be loaded tomorrow, from the id of the job alone."""

from __future__ import annotations

import warnings
from typing import Any

from qiskit.providers import Backend
from qiskit_experiments.framework import BaseExperiment, ExperimentData

from ..cloud.backend import OqtopusBackend
from ..exceptions import OqtopusOptionError, OqtopusWarning, users_stacklevel
from ..program.header import MAX_EXPERIMENT, experiment_text
from .catalog import RUN_OPTIONS, to_plain

OF_ONE_RUN = ("experiment", "group_id", "resume", "rerun_lost")
"""Run options that must not stay with an experiment: they are wrong in its next run."""


def run(experiment: BaseExperiment, backend: Backend, **options: Any) -> ExperimentData:
    """Run an experiment, and have its programs say what it is.

    On a device of OQTOPUS Cloud, :func:`~qiskit_oqtopus.experiments.load` then finds the analysed
    data from the id of the job alone, in any process. On other backends this is
    ``experiment.run(backend, backend_run=True)``.

    Args:
        experiment: On a device, one that plain JSON can say: Rabi, Characterization, T1, T2Hahn,
            T2Ramsey, Tphi, StandardRB, InterleavedRB, LocalReadoutError, CorrelatedReadoutError,
            StateTomography, ProcessTomography or QuantumVolume, alone or in ParallelExperiment and
            BatchExperiment.
        backend: Any backend.
        **options: As for ``experiment.run``: ``analysis``, ``timeout``, and those of the backend.

    Returns:
        The data, which come as soon as the job has ended; ``job_ids`` has the one id.

    Raises:
        OqtopusOptionError: If the experiment is none of these, holds what plain JSON cannot say, or
            would send its circuits as several jobs; or if an option cannot be used.
        OqtopusError: As ``backend.run``.

    Warns:
        OqtopusWarning: If what is to be said of the experiment is longer than programs carry.
    """
    if not isinstance(backend, OqtopusBackend):
        return BaseExperiment.run(experiment, backend, backend_run=True, **options)
    check_one_job(experiment)
    described = experiment.copy()
    given = {name: options[name] for name in RUN_OPTIONS if name in options}
    if given:
        described.set_run_options(**given)
    if options.get("analysis", "default") not in ("default", None):
        described.analysis = options["analysis"]
    # Not the run of its class, which may be one that leads here.
    data = BaseExperiment.run(
        experiment, backend, backend_run=True, experiment=_describe(described), **options
    )
    _forget_run(data.experiment)
    return data


def _describe(experiment: BaseExperiment) -> dict[str, Any] | None:
    """Return what the programs say of an experiment; None, with a warning, if it is too long."""
    plain = to_plain(experiment)
    size = len(experiment_text(plain))
    if size <= MAX_EXPERIMENT:
        return plain
    warnings.warn(
        f"What is to be said of this {type(experiment).__name__} has {size:,} bytes, and programs "
        f"carry {MAX_EXPERIMENT:,} at most: experiments.load() will need its argument "
        "'experiment'.",
        OqtopusWarning,
        stacklevel=users_stacklevel(),
    )
    return None


def check_one_job(experiment: BaseExperiment) -> None:
    """Refuse an experiment whose circuits are split into several jobs: one id has to find all.

    Raises:
        OqtopusOptionError: If it is one.
    """
    for name in ("max_circuits", "separate_jobs"):
        if experiment.experiment_options.get(name):
            raise OqtopusOptionError(
                f"The experiment option {name!r} splits circuits into several jobs. A device of "
                "OQTOPUS Cloud takes any number of circuits as one job, by whose id they are found "
                f"together: set_experiment_options({name}=None)."
            )


def _forget_run(experiment: BaseExperiment) -> None:
    """Take the options of one run from an experiment and its components."""
    for name in OF_ONE_RUN:
        experiment.run_options.__dict__.pop(name, None)
        experiment._set_run_options.discard(name)
    if hasattr(experiment, "component_experiment"):
        for part in experiment.component_experiment():
            _forget_run(part)
