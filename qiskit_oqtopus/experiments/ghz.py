"""The parity oscillation of a GHZ state: how much of the state there is in what was prepared."""

from __future__ import annotations

import dataclasses
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from qiskit.circuit import QuantumCircuit
from qiskit.providers import Backend, BackendV2, Options
from qiskit_experiments.curve_analysis import (
    CurveFitResult,
    FitOptions,
    ParameterRepr,
    ScatterTable,
)
from qiskit_experiments.curve_analysis.standard_analysis import OscillationAnalysis
from qiskit_experiments.data_processing import DataProcessor
from qiskit_experiments.framework import (
    AnalysisResultData,
    BaseExperiment,
    ExperimentConfig,
    ExperimentData,
)

from ..exceptions import OqtopusError, OqtopusOptionError
from .chip import check_qubits
from .chsh import MAX_CHISQ
from .parity import Parity, estimate
from .path import find_path

if TYPE_CHECKING:
    from uncertainties import UFloat

SIZE = 3
"""Qubits by default."""

MIN_PHASES = 5
"""An oscillation of known frequency has three parameters; more points tell whether it fits."""

DEFAULT_PHASES = 13
"""Phases at least by default."""


class ParityOscillation(BaseExperiment):
    r"""Prepare a GHZ state of n qubits, and find its populations, its coherence and its fidelity.

    The state is :math:`(|0 \dots 0\rangle + |1 \dots 1\rangle)/\sqrt 2`, prepared by an H of the
    first qubit and a cx from each qubit to the next. One circuit reads it as it is, which gives
    the population :math:`P = P(0 \dots 0) + P(1 \dots 1)`. In the others each qubit is measured by
    the observable :math:`\cos\varphi\, X + \sin\varphi\, Y`. The parity of all outcomes is

    .. math:: \Pi(\varphi) = C \cos(n \varphi + \varphi_0),

    whose contrast C is twice the absolute value of the coherence between
    :math:`|0 \dots 0\rangle` and :math:`|1 \dots 1\rangle`. The fidelity is
    :math:`F = (P + C)/2`; above 1/2 the n qubits are entangled, all of them.

    The parities are fitted by the
    :class:`~qiskit_experiments.curve_analysis.standard_analysis.OscillationAnalysis` of
    qiskit-experiments with a known frequency.

    Results:
        ``population``, ``contrast``, ``phase`` (:math:`\varphi_0` in rad, turned by coherent
        errors) and ``fidelity``, of outcomes as they are read: nothing is corrected for errors of
        the readout. ``extra`` of the population has both of its parts.

    Experiment options:
        phases (list[float]): The phases in rad, which must be able to tell a wave of frequency n
            from a constant. None for 4 n + 1 of them, and at least 13, of a whole turn.

    Args:
        physical_qubits: The qubits in their order, each coupled to the next. None for the path of
            couplings of ``backend`` whose two-qubit gates have the smallest errors; see
            ``experiment.physical_qubits``.
        backend: The backend to run on; ``run`` takes one, too.
        n: Number of qubits, 3 if no qubits are given.
        phases: Value of the option ``phases``.

    Raises:
        OqtopusOptionError: If there are fewer than two qubits or no path, if neither qubits nor a
            backend are given, or if the phases cannot be used.

    Example:
        >>> from qiskit_oqtopus import QulacsBackend
        >>> ghz = ParityOscillation(n=3, backend=QulacsBackend(num_qubits=3))
        >>> data = ghz.run(backend_run=True, seed_simulator=1).block_for_results()
        >>> data.analysis_results("fidelity", dataframe=True).iloc[0].value > 0.98
        True
    """

    @classmethod
    def _default_experiment_options(cls) -> Options:
        options = super()._default_experiment_options()
        options.phases = None
        return options

    def __init__(
        self,
        physical_qubits: Sequence[int] | None = None,
        backend: Backend | None = None,
        *,
        n: int | None = None,
        phases: Sequence[float] | np.ndarray[Any, Any] | None = None,
    ) -> None:
        qubits = _choose_qubits(physical_qubits, n, backend)
        analysis = ParityOscillationAnalysis()
        analysis.set_options(fixed_parameters={"freq": len(qubits) / (2 * math.pi)})
        super().__init__(qubits, analysis=analysis, backend=backend)
        if phases is not None:
            self.set_experiment_options(phases=phases)

    def _set_backend(self, backend: Backend) -> None:
        check_qubits(self.physical_qubits, backend)
        super()._set_backend(backend)

    def set_experiment_options(self, **fields: Any) -> None:
        """Set experiment options.

        Args:
            **fields: Options by name, see the class.

        Raises:
            OqtopusOptionError: If the phases cannot be used.
            AttributeError: If there is no such option.
        """
        if fields.get("phases") is not None:
            fields["phases"] = _check_phases(fields["phases"], self.num_qubits)
        super().set_experiment_options(**fields)

    def circuits(self) -> list[QuantumCircuit]:
        """Return the circuit of the populations, and one for each phase."""
        n = self.num_qubits
        phases = self.experiment_options.phases
        if phases is None:
            points = max(DEFAULT_PHASES, 4 * n + 1)
            phases = [2 * math.pi * point / points for point in range(points)]
        circuits = [self._build("parity_population", None)]
        circuits[0].metadata = {"series": "population"}
        for number, phase in enumerate(phases):
            circuit = self._build(f"parity_{number}", phase)
            circuit.metadata = {"xval": phase, "series": "parity"}
            circuits.append(circuit)
        return circuits

    def config(self) -> ExperimentConfig:
        """Return the configuration, from which ``from_config`` makes the same experiment.

        It has the qubits that were chosen, so that no other path is chosen again, and phases as a
        plain list.
        """
        config = super().config()
        phases = config.kwargs["phases"]
        plain = None if phases is None else [float(phase) for phase in phases]
        qubits = [int(qubit) for qubit in self.physical_qubits]
        kwargs = {**config.kwargs, "physical_qubits": qubits, "phases": plain}
        return dataclasses.replace(config, kwargs=kwargs)

    def _build(self, name: str, phase: float | None) -> QuantumCircuit:
        n = self.num_qubits
        circuit = QuantumCircuit(n, n, name=name)
        circuit.h(0)
        for qubit in range(1, n):
            circuit.cx(qubit - 1, qubit)
        if phase is not None:
            circuit.rz(math.pi / 2 - phase, range(n))
            circuit.sx(range(n))
        circuit.measure(range(n), range(n))
        return circuit


def _choose_qubits(
    physical_qubits: Sequence[int] | None, n: Any, backend: Backend | None
) -> list[int]:
    if n is not None:
        is_number = isinstance(n, (int, np.integer)) and not isinstance(n, bool)
        if not is_number or n < 2:
            raise OqtopusOptionError(
                f"Option 'n' must be a number of at least 2 qubits, not {n!r}."
            )
    if physical_qubits is None:
        if not isinstance(backend, BackendV2):
            raise OqtopusOptionError(
                "ParityOscillation chooses its qubits by the errors of a backend: give 'backend', "
                "or the qubits as 'physical_qubits'."
            )
        return find_path(backend.target, int(n or SIZE))
    is_list = not isinstance(physical_qubits, (int, np.integer, str))
    qubits = list(physical_qubits) if is_list else []
    if len(qubits) < 2 or len(set(qubits)) < len(qubits) or (n is not None and n != len(qubits)):
        raise OqtopusOptionError(
            f"ParityOscillation entangles {n or 'at least two'} different qubits, but "
            f"physical_qubits is {physical_qubits!r}."
        )
    return qubits


def _check_phases(values: Any, n: int) -> list[float]:
    try:
        phases = [float(value) for value in values]
    except (TypeError, ValueError) as error:
        raise OqtopusOptionError(
            f"Option 'phases' must be a list of numbers in rad, not {values!r:.80}."
        ) from error
    if not np.isfinite(phases).all():
        raise OqtopusOptionError("Option 'phases' must have finite numbers only.")
    design = _build_design(np.array(phases), n)
    if len(set(phases)) < MIN_PHASES or np.linalg.svd(design)[1][-1] < 1e-3 * len(phases) ** 0.5:
        raise OqtopusOptionError(
            f"Option 'phases' must have at least {MIN_PHASES} different phases that can tell a "
            f"wave with {n} periods per turn from a constant, such as "
            f"numpy.linspace(0, 2 * numpy.pi, {max(DEFAULT_PHASES, 4 * n + 1)}, endpoint=False)."
        )
    return phases


def _build_design(phases: np.ndarray[Any, Any], n: float) -> np.ndarray[Any, Any]:
    return np.stack([np.cos(n * phases), np.sin(n * phases), np.ones(len(phases))], axis=1)


class ParityOscillationAnalysis(OscillationAnalysis):
    """The analysis of :class:`ParityOscillation`: an OscillationAnalysis, and the populations."""

    @classmethod
    def _default_options(cls) -> Options:
        """Default options: those of OscillationAnalysis, for parities.

        Analysis Options:
            data_processor (DataProcessor): Turns counts into parities.
            filter_data (dict): Only circuits of parities are fitted.
            result_parameters (list): What of the fit is a result.
        """
        options = super()._default_options()
        options.data_processor = DataProcessor("counts", [Parity()])
        options.filter_data = {"series": "parity"}
        options.result_parameters = [
            ParameterRepr("amp", "contrast"),
            ParameterRepr("phase", "phase", "rad"),
        ]
        options.plotter.set_figure_options(xlabel="Phase (rad)", ylabel="Parity", ylim=(-1.1, 1.1))
        return options

    def _generate_fit_guesses(self, user_opt: FitOptions, curve_data: ScatterTable) -> FitOptions:
        # The frequency is known, so that the best wave is a matter of linear algebra.
        n = 2 * math.pi * self.options.fixed_parameters["freq"]
        design = _build_design(np.asarray(curve_data.x, dtype=float), n)
        (cos, sin, base), *_ = np.linalg.lstsq(
            design, np.asarray(curve_data.y, dtype=float), rcond=None
        )
        user_opt.bounds.set_if_empty(
            amp=(0, 2), freq=(0, np.inf), phase=(-2 * np.pi, 2 * np.pi), base=(-1, 1)
        )
        user_opt.p0.set_if_empty(
            amp=min(math.hypot(cos, sin), 1.5), phase=math.atan2(-sin, cos), base=base
        )
        return user_opt

    def _evaluate_quality(self, fit_data: CurveFitResult) -> str:
        return "good" if fit_data.reduced_chisq < MAX_CHISQ else "bad"

    def _run_analysis(self, experiment_data: ExperimentData) -> tuple[list[Any], list[Any]]:
        population, parts = _read_population(experiment_data.data())
        results, figures = super()._run_analysis(experiment_data)
        results.append(AnalysisResultData("population", population, quality="good", extra=parts))
        for fitted in list(results):
            if getattr(fitted, "name", None) == "contrast":
                results.append(
                    AnalysisResultData(
                        "fidelity",
                        (population + fitted.value) / 2,
                        quality=fitted.quality,
                        chisq=fitted.chisq,
                    )
                )
        return results, figures


def _read_population(data: Sequence[Mapping[str, Any]]) -> tuple[UFloat, dict[str, float]]:
    """Return P, and how likely its two outcomes are each.

    Raises:
        OqtopusError: If the circuit of the populations has no result.
    """
    counts: Counter[str] = Counter()
    for datum in data:
        if datum["metadata"].get("series") == "population" and "counts" in datum:
            counts.update(datum["counts"])
    shots = sum(counts.values())
    if not shots:
        raise OqtopusError("The circuit of the populations has no result.")
    width = len(next(iter(counts)))
    ends = ("0" * width, "1" * width)
    parts = {f"P({bits})": counts[bits] / shots for bits in ends}
    return estimate(sum(counts[bits] for bits in ends), shots), parts
