"""A Rabi experiment from start to end: run it, fit it, keep it as a figure and as a table.

Example:
    >>> from qiskit_oqtopus import QulacsBackend
    >>> data = run_rabi(QulacsBackend(num_qubits=1), seed=1)
    >>> print(read_fitted_rate(data).quality)
    good
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from qiskit.providers import Backend
from qiskit_experiments.framework import ExperimentData, ExperimentStatus

from ..exceptions import OqtopusError
from ..files import write_whole
from ..options import integer
from .curve import data_table
from .rabi import MIN_AMPLITUDES, RATE, Rabi

if TYPE_CHECKING:
    from uncertainties import UFloat

FIGURE_DPI = 150
"""Resolution of a figure in dots per inch: it comes out about 1,000 pixels wide."""


@dataclass(frozen=True)
class FittedRate:
    """The result of the fit.

    Attributes:
        rate: Periods of the oscillation per unit of amplitude.
        reduced_chi_squared: About 1 if the data scatter around the fit as expected.
        quality: "good" or "bad", by the criteria of OscillationAnalysis.
    """

    rate: UFloat
    reduced_chi_squared: float
    quality: str


def run_rabi(
    backend: Backend,
    *,
    qubit: int = 0,
    num_amplitudes: int = 20,
    max_amplitude: float = 2.0,
    shots: int = 1000,
    seed: int | None = None,
    on_stage: Callable[[str], object] | None = None,
) -> ExperimentData:
    """Run a Rabi experiment on one qubit and fit it.

    Args:
        backend: The backend to run on.
        qubit: The physical qubit.
        num_amplitudes: Number of amplitudes, from 0 to ``max_amplitude``.
        max_amplitude: The largest amplitude, in units of a π rotation.
        shots: Number of shots for each amplitude.
        seed: Seed of a simulator; None takes a new one. See :func:`find_seed`.
        on_stage: Called with the name of each stage ("run", "fit") before it starts.

    Returns:
        The data with the fit and its figure; nothing is running any more.

    Raises:
        OqtopusError: If an option cannot be used, a circuit could not be run, or the data could
            not be fitted.
    """
    integer(0, backend.num_qubits - 1)("qubit", qubit)
    integer(MIN_AMPLITUDES)("num_amplitudes", num_amplitudes)
    report = on_stage or (lambda stage: None)
    rabi = Rabi(qubit, points=num_amplitudes, max_amplitude=max_amplitude, backend=backend)
    options = {} if seed is None else {"seed_simulator": seed}

    report("run")
    data = rabi.run(backend_run=True, analysis=None, shots=shots, **options)
    data.block_for_results()

    report("fit")
    if data.status() is ExperimentStatus.DONE:
        rabi.analysis.run(data).block_for_results()
    # qiskit-experiments logs what went wrong and goes on; here there is nothing to go on with.
    if data.status() is not ExperimentStatus.DONE:
        raise OqtopusError(f"The Rabi experiment has no result: {data.errors()}")
    fit = data.artifacts("fit_summary").data
    if not fit.success:
        raise OqtopusError(
            f"The data could not be fitted: {fit.message}. Take more amplitudes or more shots."
        )
    return data


def read_fitted_rate(data: ExperimentData) -> FittedRate:
    """Return the fitted rate of the data of :func:`run_rabi`, and how good the fit is."""
    row = data.analysis_results(RATE, dataframe=True, columns="all").iloc[0]
    return FittedRate(row["value"], row["chisq"], row["quality"])


def find_seed(data: ExperimentData) -> int | None:
    """Return the seed that the simulator reports, with which a run can be repeated."""
    (job,) = data.jobs()
    seed: int | None = getattr(job.result().results[0], "seed", None)
    return seed


def write_figure(data: ExperimentData, path: Path) -> None:
    """Write the figure of the fit as PNG."""
    data.figure(0).figure.savefig(path, dpi=FIGURE_DPI, bbox_inches="tight")


def write_csv(data: ExperimentData, path: Path) -> None:
    """Write the data and the fit as a table with one row for each amplitude.

    The columns are amplitude, counts0, counts1, p1, p1_err and fit. p1 and p1_err are the mean and
    the standard deviation that qiskit-experiments fits and draws, see :func:`.curve.data_table`.

    Args:
        data: Data of :func:`run_rabi`.
        path: The file, which is replaced if it exists.
    """
    table = data_table(data).rename(columns={"P(1)": "p1", "stderr": "p1_err"})
    for place, outcome in enumerate("01"):
        counts = [datum["counts"].get(outcome, 0) for datum in data.data()]
        table.insert(1 + place, f"counts{outcome}", counts)
    write_whole(path, table.to_csv(index=False, float_format="%.9g"))
