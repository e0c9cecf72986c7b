"""The curve of an experiment as a table: what was measured, its error, and what was fitted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from qiskit_experiments.curve_analysis.standard_analysis import OscillationAnalysis
from qiskit_experiments.database_service import ExperimentEntryNotFound
from qiskit_experiments.framework import ExperimentData
from qiskit_experiments.library.characterization import (
    T1Analysis,
    T2HahnAnalysis,
    T2RamseyAnalysis,
)
from qiskit_experiments.library.randomized_benchmarking import RBAnalysis

from ..exceptions import OqtopusError

if TYPE_CHECKING:
    from pandas import DataFrame

_ANALYSES = {
    "Rabi": OscillationAnalysis,
    "StandardRB": RBAnalysis,
    "T1": T1Analysis,
    "T2Hahn": T2HahnAnalysis,
    "T2Ramsey": T2RamseyAnalysis,
}
"""What analyses the data of a component of a composite experiment, which do not know theirs."""


def data_table(experiment_data: ExperimentData) -> DataFrame:
    """Return what an experiment with one curve has measured and fitted, a row for each circuit.

    Waits for the analysis if it is still running.

    Args:
        experiment_data: Analysed data of a Rabi, T1, T2Hahn, T2Ramsey, StandardRB or another
            experiment of one curve; of a composite experiment, those of one component.

    Returns:
        A table of four columns: the value that was varied, by its name ("amplitude", "delay" in s);
        the mean and the standard deviation that the fit was given, by the name of what was measured
        ("P(1)") and "stderr"; and "fit", the fitted curve there, NaN if the fit has failed. The
        mean and the deviation are those of the Beta distribution of the probability given the
        counts: (n + 1/2) / (shots + 1) for the mean.

    Raises:
        OqtopusError: If the data are not those of one curve, or were not analysed.
    """
    import pandas

    raw = _find_artifact(experiment_data, "curve_data").filter(category="raw")
    names = sorted({name for name in raw.series_name if isinstance(name, str)})
    if len(names) > 1:
        raise OqtopusError(
            f"The experiment has {len(names)} curves ({', '.join(names)}), and a table is of one. "
            "experiment_data.artifacts('curve_data') has the points of all of them."
        )
    experiment = experiment_data.experiment
    analysis: Any = None if experiment is None else experiment.analysis
    if analysis is None and experiment_data.experiment_type in _ANALYSES:
        analysis = _ANALYSES[experiment_data.experiment_type]()
    x_name, y_name = _find_labels(analysis)
    x, y, y_err = (np.asarray(values, dtype=float) for values in (raw.x, raw.y, raw.y_err))
    fit = _evaluate(analysis, _find_artifact(experiment_data, "fit_summary"), x)
    return pandas.DataFrame({x_name: x, y_name: y, "stderr": y_err, "fit": fit})


def _find_artifact(experiment_data: ExperimentData, name: str) -> Any:
    experiment_data.block_for_results()
    try:
        found = experiment_data.artifacts(name)
    except ExperimentEntryNotFound as error:
        raise OqtopusError(
            f"The experiment data have no {name!r}: "
            f"{experiment_data.errors() or 'they were not analysed, or are not those of a curve'}."
        ) from error
    if isinstance(found, Sequence):
        raise OqtopusError(
            f"The experiment data have {len(found)} of {name!r}, and a table is of one curve. Run "
            "the composite experiment with flatten_results=False, and give the data of one "
            "component, experiment_data.child_data(index)."
        )
    return found.data


def _find_labels(analysis: Any) -> tuple[str, str]:
    figure = {} if analysis is None else analysis.plotter.figure_options
    return (figure.get("xlabel") or "x").lower(), figure.get("ylabel") or "y"


def _evaluate(analysis: Any, fit: Any, x: Any) -> Any:
    """Return the fitted curve at some places, shape that of ``x``; NaN if there is none."""
    models = getattr(analysis, "models", None) or []
    if not fit.success or len(models) != 1:
        return np.full(x.shape, np.nan)
    return np.broadcast_to(models[0].eval(x=x, **fit.params), x.shape)
