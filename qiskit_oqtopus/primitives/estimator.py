"""The estimator: expectation values of observables, on devices and on the simulator."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from qiskit.primitives import BaseEstimatorV2
from qiskit.primitives.containers.estimator_pub import EstimatorPubLike

from .job import PrimitiveJob
from .options import EstimatorOptions
from .primitive import Primitive
from .pubs import parse_estimator_pubs


class EstimatorV2(Primitive[EstimatorOptions], BaseEstimatorV2):
    r"""Qiskit's estimator on a device of OQTOPUS Cloud or on the local simulator.

    Observables and parameter values are broadcast as in Qiskit's ``EstimatorPub``. The observables
    must have the qubits of the circuit: of a compiled one,
    ``observable.apply_layout(circuit.layout)``.

    **On a device**, the Pauli strings of all observables of one parameter set are put into groups
    that commute qubit by qubit. Each group is one circuit, hence one OQTOPUS job, which measures
    only the qubits on which the group acts. A precision :math:`\epsilon` becomes
    :math:`N = \lceil 1 / \epsilon^2 \rceil` shots for each, as in Qiskit's ``BackendEstimatorV2``.
    In shot s, what a group g contributes to :math:`O = \sum_j c_j P_j` is
    :math:`f_g(s) = \sum_{j \in g} c_j P_j(s)`, with :math:`P_j(s) = \pm 1`. The results are

    .. math::

        \mathrm{evs} = \sum_g \bar f_g, \qquad
        \mathrm{stds} = \Big( \sum_g \frac{1}{N (N-1)} \sum_s (f_g(s) - \bar f_g)^2 \Big)^{1/2}.

    This is the standard error of the mean: groups are independent, and terms of one group share
    their shots, so that their covariances count. (The sum of the errors of the terms, which
    ``BackendEstimatorV2`` reports, is an upper bound of it.) A term with the coefficient 1 has at
    most the error :math:`\epsilon`; a sum of many has more. Different observables of one parameter
    set share shots, and their errors are correlated. ``ensemble_standard_error`` is the error by
    IBM's convention, in which ``stds`` may also contain the spread over twirls: without these, both
    are the same. Readout mitigation makes errors larger than these formulas say.

    With ``estimation="server"`` each element of a PUB is one OQTOPUS estimation job. The server
    groups the terms and rounds the results to single precision. Its ``stds`` are
    :math:`\sum_j |c_j| \sqrt{(1 - \bar P_j^2) / N}`.

    **On the simulator**, expectation values are exact where the precision is 0, the default, with
    ``stds`` of 0. Otherwise they have normal noise of that standard deviation, which is then
    ``stds``.

    Args:
        backend: An :class:`~qiskit_oqtopus.OqtopusBackend` or a
            :class:`~qiskit_oqtopus.QulacsBackend`.
        mode: The same, by the name that it has in qiskit-ibm-runtime.
        options: A dictionary, or
            :class:`~qiskit_oqtopus.primitives.options.EstimatorOptions`.

    Raises:
        OqtopusOptionError: If the backend is another one, an option is unknown, or its value cannot
            be used.

    Example:
        >>> from qiskit import QuantumCircuit
        >>> from qiskit_oqtopus import QulacsBackend
        >>> bell = QuantumCircuit(2)
        >>> bell.h(0); bell.cx(0, 1)  # doctest: +ELLIPSIS
        <...>
        >>> job = EstimatorV2(QulacsBackend()).run([(bell, ["XX", "ZZ", "ZI"])])
        >>> job.result()[0].data.evs.round(6).tolist()
        [1.0, 1.0, 0.0]
    """

    _name = "Estimator"
    _options_class = EstimatorOptions

    @property
    def default_precision(self) -> float | None:
        """The option of that name."""
        return self._options.default_precision

    @default_precision.setter
    def default_precision(self, value: float | None) -> None:
        self._options.update(default_precision=value)

    def run(
        self, pubs: Iterable[EstimatorPubLike], *, precision: float | None = None, **options: Any
    ) -> PrimitiveJob:
        """Estimate PUBs.

        Everything is checked before anything is sent.

        Args:
            pubs: Tuples of circuit, observables, parameter values and precision.
            precision: Precision for PUBs that give none of their own; None for
                ``default_precision``.
            **options: Options of the estimator for this run only; and on a device ``group_id``,
                ``resume`` and ``rerun_lost``, as for :meth:`qiskit_oqtopus.OqtopusBackend.run`.

        Returns:
            The job.

        Raises:
            OqtopusPubError: If something is not a PUB, or a PUB cannot be run; it says which.
            OqtopusOptionError: If an option is unknown or its value cannot be used.
            OqtopusCircuitError: If the backend cannot run a circuit; it lists all problems of all
                PUBs.
            OqtopusSubmissionError: If not all could be sent; ``run(pubs, resume=...)`` sends the
                rest.
            OqtopusCloudError: If the server cannot be asked before anything is sent.
        """
        chosen, arguments = self._for_run(options)
        if precision is None:
            precision = chosen.default_precision
        if precision is None:
            precision = self._executor.default_precision
        return self._executor.estimate(parse_estimator_pubs(pubs, precision), chosen, arguments)
