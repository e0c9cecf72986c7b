"""The CHSH experiment: whether two qubits are correlated more than classical bits can be."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from qiskit.circuit import QuantumCircuit
from qiskit.providers import Backend, Options
from qiskit_experiments.framework import (
    AnalysisResultData,
    BaseAnalysis,
    BaseExperiment,
    ExperimentData,
)
from qiskit_experiments.visualization import CurvePlotter, MplDrawer
from uncertainties import correlated_values, umath

from ..exceptions import OqtopusError, OqtopusOptionError
from .chip import check_qubits
from .parity import correlate

if TYPE_CHECKING:
    from uncertainties import UFloat

CLASSICAL = 2.0
"""The largest S of classical bits, whatever they have agreed on."""

TSIRELSON = 2 * math.sqrt(2)
"""The largest S of quantum bits."""

POINTS = 16
"""How many angles there are by default."""

STEP = 8
"""Their number is a multiple of this: with an angle, pi/4 and a quarter turn are among them."""

FIRST = {"Z": 0.0, "X": math.pi / 2}
"""The two angles at which the first qubit is measured, and what is measured at them."""

MAX_CHISQ = 3.0
"""Reduced chi-squared below which a fit is good, as in qiskit-experiments."""


class CHSH(BaseExperiment):
    r"""Measure a Bell pair at many angles, and how much it violates the CHSH inequality.

    The pair is :math:`(|00\rangle + |11\rangle)/\sqrt 2`. A qubit is measured at an angle
    :math:`\alpha` by the observable :math:`\cos\alpha\, Z + \sin\alpha\, X`. Without errors the
    correlation of both is :math:`E(\alpha, \beta) = \cos(\alpha - \beta)`.

    The first qubit is measured at :math:`a = 0` and :math:`a' = \pi/2`, the second one at
    :math:`b = \theta` and :math:`b' = \theta + \pi/2` for angles :math:`\theta` of a whole turn:

    .. math:: S(\theta) = E(a, b) - E(a, b') + E(a', b) + E(a', b')

    Classical bits have :math:`|S| \le 2`, quantum bits :math:`|S| \le 2\sqrt 2`, which is reached
    at :math:`\theta = \pi/4`.

    Results:
        ``S``, from the four circuits of :math:`\theta = \pi/4` alone, so that nothing is chosen
        after the measurement; ``extra`` has its correlations, and as ``violation`` how many
        standard errors it is above 2. ``S_max`` and ``angle``: the largest S of a fit to all
        circuits, and the angle where it is; a coherent error moves it away from :math:`\pi/4`.
        Correlations are as they are read: nothing is corrected for errors of the readout.

    Experiment options:
        points (int): Number of angles, a multiple of 8; there are two circuits for each.

    Args:
        physical_qubits: The two qubits, the control of the cx first.
        backend: The backend to run on; ``run`` takes one, too.
        points: Value of the option ``points``; None for 16.

    Raises:
        OqtopusOptionError: If there are not two qubits, or the number of points cannot be used.

    Example:
        >>> from qiskit_oqtopus import QulacsBackend
        >>> chsh = CHSH([0, 1], backend=QulacsBackend(num_qubits=2))
        >>> data = chsh.run(backend_run=True, seed_simulator=1).block_for_results()
        >>> data.analysis_results("S", dataframe=True).iloc[0].value > 2.6
        True
    """

    @classmethod
    def _default_experiment_options(cls) -> Options:
        options = super()._default_experiment_options()
        options.points = POINTS
        return options

    def __init__(
        self,
        physical_qubits: Sequence[int],
        backend: Backend | None = None,
        *,
        points: int | None = None,
    ) -> None:
        if isinstance(physical_qubits, int) or len(set(physical_qubits)) != 2:
            raise OqtopusOptionError(
                f"CHSH entangles two qubits, but physical_qubits is {physical_qubits!r}. For "
                "several pairs, put one CHSH of each into a ParallelExperiment."
            )
        super().__init__(physical_qubits, analysis=CHSHAnalysis(), backend=backend)
        if points is not None:
            self.set_experiment_options(points=points)

    def _set_backend(self, backend: Backend) -> None:
        check_qubits(self.physical_qubits, backend)
        super()._set_backend(backend)

    def set_experiment_options(self, **fields: Any) -> None:
        """Set experiment options.

        Args:
            **fields: Options by name, see the class.

        Raises:
            OqtopusOptionError: If the number of points cannot be used.
            AttributeError: If there is no such option.
        """
        if "points" in fields:
            fields["points"] = _check_points(fields["points"])
        super().set_experiment_options(**fields)

    def circuits(self) -> list[QuantumCircuit]:
        """Return two circuits for each angle: first those of a = 0, then those of a' = pi/2."""
        circuits = []
        points = self.experiment_options.points
        for basis, first in FIRST.items():
            for point in range(points):
                angle = 2 * math.pi * point / points
                circuit = QuantumCircuit(2, 2, name=f"chsh_{basis}_{point}")
                circuit.h(0)
                circuit.cx(0, 1)
                for qubit, turn in ((0, first), (1, angle)):
                    # As many pulses for each angle, so that each has the same errors.
                    circuit.sx(qubit)
                    circuit.rz(math.pi - turn, qubit)
                    circuit.sx(qubit)
                circuit.measure([0, 1], [0, 1])
                circuit.metadata = {
                    "xval": angle,
                    "basis": basis,
                    "point": point,
                    "points": points,
                }
                circuits.append(circuit)
        return circuits


def _check_points(value: Any) -> int:
    is_right = isinstance(value, (int, np.integer)) and not isinstance(value, bool)
    if not is_right or value < STEP or value % STEP:
        raise OqtopusOptionError(
            f"Option 'points' must be a multiple of {STEP}, such as {POINTS}, not {value!r}: the "
            "angle pi/4 and those a quarter turn away must be among them."
        )
    return int(value)


class _BoundedPlotter(CurvePlotter):
    """Draws a scan between the bounds of classical and of quantum bits."""

    def _plot_figure(self) -> None:
        super()._plot_figure()
        for bound, style, name in (
            (CLASSICAL, "--", "classical bound 2"),
            (TSIRELSON, ":", r"quantum bound $2\sqrt{2}$"),
        ):
            look = {"color": "0.5", "linestyle": style, "linewidth": 1.5, "zorder": 0}
            self.drawer.hline(bound, name=name, label=name, legend=True, **look)
            self.drawer.hline(-bound, **look)


class CHSHAnalysis(BaseAnalysis):
    """The analysis of :class:`CHSH`.

    A sine and an offset are fitted to the correlations of either angle of the first qubit, of which
    each is a circuit of its own: two points of S have circuits in common, and correlations have
    none. The errors of what follows from the fit are those of its whole covariance.
    """

    @classmethod
    def _default_options(cls) -> Options:
        """Default options.

        Analysis Options:
            plotter (BasePlotter): Draws the scan.
            plot (bool): Whether it is drawn; None for what a composite analysis says, else True.
        """
        options = super()._default_options()
        options.plot = None
        options.plotter = _BoundedPlotter(MplDrawer())
        options.plotter.set_figure_options(
            xlabel="Angle of the second qubit (rad)", ylabel="S", ylim=(-3.1, 3.1)
        )
        return options

    @property
    def plotter(self) -> CurvePlotter:
        """What draws the scan."""
        return self.options.plotter

    def _run_analysis(self, experiment_data: ExperimentData) -> tuple[list[Any], list[Any]]:
        found, points = _read_correlations(experiment_data.data())
        scan = {point: s for point in range(points) if (s := _sum_up(found, point, points))}
        best = scan.get(points // STEP)
        if best is None:
            raise OqtopusError(
                "Not all of the four circuits of S have a result; those of the angles pi/4 and "
                "3 pi/4 are needed, with both angles of the first qubit."
            )
        fit = _Fit(found, points)
        quality = "good" if fit.chisq < MAX_CHISQ else "bad"
        value = sum(best.values())
        extra = {
            "correlations": {name: term.nominal_value for name, term in best.items()},
            "violation": (value.nominal_value - CLASSICAL) / value.std_dev,
        }
        results = [
            AnalysisResultData("S", value, quality=quality, chisq=fit.chisq, extra=extra),
            AnalysisResultData("S_max", fit.largest, quality=quality, chisq=fit.chisq),
            AnalysisResultData(
                "angle", fit.angle, quality=quality, chisq=fit.chisq, extra={"unit": "rad"}
            ),
        ]
        return results, self._draw(scan, points, fit, quality)

    def _draw(
        self, scan: Mapping[int, Mapping[str, UFloat]], points: int, fit: _Fit, quality: str
    ) -> list[Any]:
        plot = self.options.plot
        if plot is None:
            wanted = getattr(self, "_generate_figures", "always")
            plot = wanted == "always" or (wanted == "selective" and quality == "bad")
        if not plot:
            return []
        sums = [sum(terms.values()) for terms in scan.values()]
        angles = np.linspace(0, 2 * math.pi, 200)
        curve = [fit.at(angle) for angle in angles]
        self.plotter.set_series_data(
            "scan",
            x_formatted=2 * math.pi * np.array(list(scan)) / points,
            y_formatted=np.array([each.nominal_value for each in sums]),
            y_formatted_err=np.array([each.std_dev for each in sums]),
            x_interp=angles,
            y_interp=np.array([each.nominal_value for each in curve]),
            y_interp_err=np.array([each.std_dev for each in curve]),
        )
        return [self.plotter.figure()]


Found = Mapping[tuple[str, int], "UFloat"]
"""Correlations, by what is measured of the first qubit and the number of the second one's angle."""


def _read_correlations(data: Sequence[Mapping[str, Any]]) -> tuple[Found, int]:
    """Return the correlation of each circuit, and how many angles make a turn."""
    counts: dict[tuple[str, int], Counter[str]] = {}
    points = 0
    for datum in data:
        if "counts" in datum:
            metadata = datum["metadata"]
            points = metadata["points"]
            place = (metadata["basis"], metadata["point"])
            counts.setdefault(place, Counter()).update(datum["counts"])
    return {place: correlate(each) for place, each in counts.items()}, points


def _sum_up(found: Found, point: int, points: int) -> dict[str, UFloat] | None:
    """Return the four terms of S at an angle with their signs, if all of them were measured."""
    later = (point + points // 4) % points
    places = {
        "E(a, b)": (1, ("Z", point)),
        "-E(a, b')": (-1, ("Z", later)),
        "E(a', b)": (1, ("X", point)),
        "E(a', b')": (1, ("X", later)),
    }
    if not all(place in found for _, place in places.values()):
        return None
    return {name: sign * found[place] for name, (sign, place) in places.items()}


class _Fit:
    """The curves that fit the correlations, and S of them.

    Args:
        found: The correlations.
        points: How many angles make a turn.

    Raises:
        OqtopusError: If there are too few of them.
    """

    def __init__(self, found: Found, points: int) -> None:
        squares, free = 0.0, 0
        self._curves: dict[str, Sequence[UFloat]] = {}
        for basis in FIRST:
            rows = [(point, value) for (which, point), value in found.items() if which == basis]
            if len(rows) < 4:
                raise OqtopusError(
                    f"{len(rows)} of {points} angles have a result with {basis} of the first qubit."
                )
            angles = 2 * math.pi * np.array([point for point, _ in rows]) / points
            values = np.array([value.nominal_value for _, value in rows])
            errors = np.array([value.std_dev for _, value in rows])
            design = np.stack([np.cos(angles), np.sin(angles), np.ones(len(rows))], axis=1)
            covariance = np.linalg.inv((design / errors[:, None] ** 2).T @ design)
            parameters = covariance @ (design.T @ (values / errors**2))
            squares += float(np.sum(((values - design @ parameters) / errors) ** 2))
            free += len(rows) - 3
            self._curves[basis] = correlated_values(parameters, covariance)
        self.chisq = squares / free
        (cos_z, sin_z, _), (cos_x, sin_x, offset) = self._curves["Z"], self._curves["X"]
        self._cos = cos_z - sin_z + cos_x + sin_x
        self._sin = sin_z + cos_z + sin_x - cos_x
        self._offset = 2 * offset
        self.largest: UFloat = umath.sqrt(self._cos**2 + self._sin**2) + self._offset
        self.angle: UFloat = umath.atan2(self._sin, self._cos)

    def at(self, angle: float) -> UFloat:
        """Return S at an angle of the second qubit."""
        return math.cos(angle) * self._cos + math.sin(angle) * self._sin + self._offset
