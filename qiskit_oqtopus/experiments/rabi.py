"""The Rabi experiment: how far a drive of a given amplitude turns a qubit."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Iterable, Sequence
from numbers import Real
from typing import TYPE_CHECKING, Any

import numpy as np
from qiskit.circuit import QuantumCircuit
from qiskit.providers import Backend, Options
from qiskit_experiments.curve_analysis import ParameterRepr
from qiskit_experiments.curve_analysis.standard_analysis import OscillationAnalysis
from qiskit_experiments.database_service import ExperimentEntryNotFound
from qiskit_experiments.framework import BaseExperiment, ExperimentConfig, ExperimentData

from ..cloud.backend import OqtopusBackend
from ..exceptions import OqtopusError, OqtopusOptionError
from ..options import integer
from .catalog import to_plain
from .chip import check_qubits

if TYPE_CHECKING:
    from uncertainties import UFloat

logger = logging.getLogger(__name__)

RATE = "rabi_rate"
"""Name of the analysis result: periods of the oscillation per unit of amplitude."""

POINTS, MAX_AMPLITUDE = 51, 2.0
"""How many amplitudes there are by default, and the largest of them."""

MIN_AMPLITUDES = 5
"""The cosine has four parameters, and a fit needs one more point to have a chi-squared."""


class Rabi(BaseExperiment):
    r"""Turn a qubit by RX(π · amplitude) for a range of amplitudes, and fit the oscillation.

    Without calibration errors the probability of outcome 1 is

    .. math:: P(1) = \tfrac{1}{2} - \tfrac{1}{2}\cos(\pi \cdot \mathrm{amplitude}),

    which oscillates with a rate of 1/2 per unit of amplitude, so that an amplitude of 1 is a π
    pulse. The data are fitted by the
    :class:`~qiskit_experiments.curve_analysis.standard_analysis.OscillationAnalysis` of
    qiskit-experiments as it is. Its result ``rabi_rate`` is the rate (periods per unit of
    amplitude); :func:`pi_amplitude` gives the amplitude of a π pulse.

    The spacing of the amplitudes must be less than half a period (1 for a rate of 1/2), otherwise
    the oscillation cannot be told from a slower one.

    Experiment options:
        amplitudes (list[float]): Amplitudes, in units of a π rotation; any order, of either
            sign, at least 5 different ones. Default: 51 from 0 to 2.

    Args:
        physical_qubits: The one qubit to turn: its number, or a list of that.
        amplitudes: Value of the option ``amplitudes``; None for the default. Shape (n,).
        backend: The backend to run on; ``run`` takes one, too.
        points: Instead of ``amplitudes``: how many there are, from 0 to ``max_amplitude``; 51.
        max_amplitude: The largest of them, 2.

    Raises:
        OqtopusOptionError: If there is not exactly one qubit, or if the amplitudes cannot be
            used.

    Example:
        >>> from qiskit_oqtopus import QulacsBackend
        >>> rabi = Rabi(0, points=20, max_amplitude=2.0, backend=QulacsBackend(num_qubits=1))
        >>> data = rabi.run(backend_run=True, seed_simulator=1).block_for_results()
        >>> abs(pi_amplitude(data).nominal_value - 1) < 0.05
        True
    """

    @classmethod
    def _default_experiment_options(cls) -> Options:
        options = super()._default_experiment_options()
        options.amplitudes = _spread(POINTS, MAX_AMPLITUDE)
        return options

    def __init__(
        self,
        physical_qubits: int | Sequence[int],
        amplitudes: Sequence[float] | np.ndarray[Any, Any] | None = None,
        backend: Backend | None = None,
        *,
        points: int | None = None,
        max_amplitude: float | None = None,
    ) -> None:
        if isinstance(physical_qubits, (int, np.integer)):
            physical_qubits = [int(physical_qubits)]
        if len(physical_qubits) != 1:
            raise OqtopusOptionError(
                f"Rabi turns exactly one qubit, but physical_qubits is {physical_qubits!r}. For "
                "several, put one Rabi of each into a ParallelExperiment or BatchExperiment."
            )
        analysis = OscillationAnalysis()
        analysis.set_options(result_parameters=[ParameterRepr("freq", RATE)])
        analysis.plotter.set_figure_options(xlabel="Amplitude", ylabel="P(1)")
        super().__init__(physical_qubits, analysis=analysis, backend=backend)
        if points is not None or max_amplitude is not None:
            if amplitudes is not None:
                raise OqtopusOptionError(
                    "Give either 'amplitudes', or 'points' and 'max_amplitude', not both."
                )
            amplitudes = _spread(
                POINTS if points is None else integer(MIN_AMPLITUDES)("points", points),
                MAX_AMPLITUDE if max_amplitude is None else max_amplitude,
            )
        if amplitudes is not None:
            self.set_experiment_options(amplitudes=amplitudes)

    def _set_backend(self, backend: Backend) -> None:
        check_qubits(self.physical_qubits, backend)
        super()._set_backend(backend)

    def set_experiment_options(self, **fields: Any) -> None:
        """Set experiment options.

        Args:
            **fields: Options by name, see the class.

        Raises:
            OqtopusOptionError: If the amplitudes cannot be used.
            AttributeError: If there is no such option.
        """
        if "amplitudes" in fields:
            fields["amplitudes"] = _check_amplitudes(fields["amplitudes"])
        super().set_experiment_options(**fields)

    def circuits(self) -> list[QuantumCircuit]:
        """Return one circuit for each amplitude, in the order of the option."""
        circuits = []
        for amplitude in self.experiment_options.amplitudes:
            circuit = QuantumCircuit(1, 1, name=f"rabi_{amplitude:g}")
            circuit.rx(np.pi * amplitude, 0)
            circuit.measure(0, 0)
            circuit.metadata = {"xval": amplitude}
            circuits.append(circuit)
        return circuits

    def _run_jobs(
        self, circuits: list[QuantumCircuit], sampler: Any = None, **run_options: Any
    ) -> list[Any]:
        """Run circuits; on a device their programs say what they are, as with ``experiments.run``.

        Not if they are split into several jobs: one would be taken for the whole experiment.
        """
        is_whole = len(circuits) <= (self.experiment_options.max_circuits or len(circuits))
        if self._backend_run and isinstance(self.backend, OqtopusBackend) and is_whole:
            try:
                run_options.setdefault("experiment", to_plain(self))
            except OqtopusOptionError as error:
                logger.warning("The programs do not say what they are. %s", error)
        jobs: list[Any] = super()._run_jobs(circuits, sampler, **run_options)
        return jobs

    def config(self) -> ExperimentConfig:
        """Return the configuration, from which ``from_config`` makes the same experiment.

        Arguments are given as plain lists whatever they were, so that configurations compare
        equal also after a trip through JSON, and can be compared at all (arrays cannot).
        """
        config = super().config()
        return dataclasses.replace(
            config,
            args=tuple(map(_to_plain, config.args)),
            kwargs={name: _to_plain(value) for name, value in config.kwargs.items()},
        )

    def _metadata(self) -> dict[str, Any]:
        metadata: dict[str, Any] = super()._metadata()
        # The analysis reads from here which kind of data there is.
        for option in ("meas_level", "meas_return"):
            if hasattr(self.run_options, option):
                metadata[option] = getattr(self.run_options, option)
        return metadata


def pi_amplitude(experiment_data: ExperimentData, qubit: int | None = None) -> UFloat:
    """Return the amplitude of a π pulse, 1 / (2 rabi_rate), from the data of a :class:`Rabi`.

    Waits for the analysis if it is still running.

    Args:
        experiment_data: Data that a Rabi experiment returned, or a ParallelExperiment or
            BatchExperiment of them (which put the results of all parts into one table).
        qubit: The physical qubit; needed only where the data have several.

    Returns:
        The amplitude with its standard deviation: ``.nominal_value`` and ``.std_dev``.

    Raises:
        OqtopusError: If there is no fitted rate, with the reason where it is known.
        OqtopusOptionError: If more than one rate matches.
    """
    try:
        rows = experiment_data.analysis_results(RATE, dataframe=True)
    except ExperimentEntryNotFound as error:
        raise OqtopusError(
            f"The experiment data have no result {RATE!r}, so there is no pi amplitude: "
            f"{experiment_data.errors() or 'they were not analysed, or the fit failed'}. "
            "Run Rabi with its analysis; of a composite experiment with flatten_results=False, "
            "give the data of one part, experiment_data.child_data(index)."
        ) from error
    owners = [[component.index for component in components] for components in rows["components"]]
    rates = [
        rate
        for rate, owner in zip(rows["value"], owners, strict=True)
        if qubit is None or owner == [qubit]
    ]
    known = ", ".join(str(owner[0]) for owner in owners)
    if not rates:
        raise OqtopusError(f"There is no {RATE!r} of qubit {qubit}, but of these qubits: {known}.")
    if len(rates) > 1:
        raise OqtopusOptionError(
            f"There are {len(rates)} results {RATE!r} to choose from, of the qubits: {known}. Say "
            "which by the argument 'qubit'; if one qubit has several, run the composite "
            "experiment with flatten_results=False and give experiment_data.child_data(index)."
        )
    rate = rates[0]
    if not rate.nominal_value > 0:
        raise OqtopusError(
            f"The fitted {RATE!r} is {rate}: no oscillation was seen, so there is no pi amplitude. "
            "Take a wider range of amplitudes, and look at experiment_data.figure(0)."
        )
    return 1 / (2 * rate)


def _spread(points: int, max_amplitude: float) -> list[float]:
    """Return amplitudes from 0 on.

    Raises:
        OqtopusOptionError: If the largest one is not a finite number.
    """
    is_number = isinstance(max_amplitude, Real) and not isinstance(max_amplitude, bool)
    if not is_number or not np.isfinite(max_amplitude):
        raise OqtopusOptionError(
            f"Option 'max_amplitude' must be a finite number, not {max_amplitude!r}."
        )
    return [float(value) for value in np.linspace(0, float(max_amplitude), points)]


def _check_amplitudes(values: Any) -> list[float]:
    """Return amplitudes as floats.

    >>> _check_amplitudes(range(5))
    [0.0, 1.0, 2.0, 3.0, 4.0]
    >>> _check_amplitudes([0, 1, float("nan"), 2, 3, 4])  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    qiskit_oqtopus.exceptions.OqtopusOptionError: Option 'amplitudes' ... has nan at index 2.
    """
    wanted = (
        f"Option 'amplitudes' must be a list of at least {MIN_AMPLITUDES} different finite real "
        "numbers, such as numpy.linspace(0, 2, 51); "
    )
    if isinstance(values, Iterable) and not isinstance(values, (str, bytes, np.ndarray)):
        values = list(values)
    try:
        array = np.asarray(values)
    except ValueError as error:  # numpy's word for lists of unequal lengths
        raise OqtopusOptionError(f"{wanted}it is not one list of numbers: {error}.") from error
    if array.dtype.kind not in "iuf":
        raise OqtopusOptionError(f"{wanted}it is {values!r:.80}.")
    if array.ndim != 1:
        raise OqtopusOptionError(f"{wanted}its shape is {array.shape}: make it one-dimensional.")
    bad = np.flatnonzero(~np.isfinite(array))
    if bad.size:
        raise OqtopusOptionError(f"{wanted}it has {array[bad[0]]} at index {bad[0]}.")
    different = len(np.unique(array))
    if different < MIN_AMPLITUDES:
        raise OqtopusOptionError(
            f"{wanted}it has {different} different ones, which do not suffice to fit a cosine."
        )
    return [float(value) for value in array]


def _to_plain(value: Any) -> Any:
    """Return arrays, tuples and ranges as lists, and anything else as it is."""
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, (tuple, range)):
        return list(value)
    return value
