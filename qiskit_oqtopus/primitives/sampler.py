"""The sampler: bits of circuits, on devices and on the simulator."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from qiskit.primitives import BaseSamplerV2
from qiskit.primitives.containers.sampler_pub import SamplerPubLike

from ..cloud.backend import OqtopusBackend
from ..simulator.backend import QulacsBackend
from .executor import executor_of
from .job import PrimitiveJob
from .options import RUN_ONLY, SamplerOptions, changed, made
from .pubs import sampler_pubs


class SamplerV2(BaseSamplerV2):
    """Qiskit's sampler on a device of OQTOPUS Cloud or on the local simulator.

    On a device, each element of each PUB (a circuit with one parameter set) is one OQTOPUS job; all
    of a run are one group. Circuits must have been compiled for the device, and run as they are.
    OQTOPUS returns counts: the order of the shots is random and means nothing.

    Results are those of Qiskit's ``StatevectorSampler``: a ``BitArray`` for each register.
    Classical bits without a register are not returned.

    Args:
        backend: An :class:`~qiskit_oqtopus.OqtopusBackend` or a
            :class:`~qiskit_oqtopus.QulacsBackend`.
        options: A dictionary, or
            :class:`~qiskit_oqtopus.primitives.options.SamplerOptions`.

    Raises:
        OqtopusOptionError: If the backend is another one, an option is unknown, or its value cannot
            be used.

    Example:
        >>> from qiskit import QuantumCircuit
        >>> bell = QuantumCircuit(2)
        >>> bell.h(0); bell.cx(0, 1); bell.measure_all()  # doctest: +ELLIPSIS
        <...>
        >>> job = SamplerV2(QulacsBackend(), options={"seed": 7}).run([bell], shots=100)
        >>> sorted(job.result()[0].data.meas.get_counts())
        ['00', '11']
    """

    def __init__(self, backend: OqtopusBackend | QulacsBackend, *, options: Any = None) -> None:
        self._executor = executor_of(backend, "Sampler")
        self._backend = backend  # qiskit-experiments reads it
        self._options = made(SamplerOptions, options)

    def backend(self) -> OqtopusBackend | QulacsBackend:
        """Return the backend."""
        return self._backend

    @property
    def options(self) -> SamplerOptions:
        """The options; set them by attribute, or several with ``options.update(...)``."""
        return self._options

    def run(
        self, pubs: Iterable[SamplerPubLike], *, shots: int | None = None, **options: Any
    ) -> PrimitiveJob:
        """Sample PUBs.

        Everything is checked before anything is sent.

        Args:
            pubs: Circuits, or tuples of circuit, parameter values and number of shots.
            shots: Number of shots of PUBs that say nothing else; None for ``default_shots``.
            **options: Options of the sampler for this run only; and on a device ``group_id`` and
                ``resume``, as for :meth:`qiskit_oqtopus.OqtopusBackend.run`.

        Returns:
            The job.

        Raises:
            OqtopusPubError: If a PUB is not one, or cannot be run; it says which.
            OqtopusOptionError: If an option is unknown or its value cannot be used.
            OqtopusCircuitError: If the backend cannot run a circuit; it lists all problems of all
                PUBs.
            OqtopusSubmissionError: If not all could be sent; ``run(pubs, resume=...)`` sends the
                rest.
            OqtopusCloudError: If the server cannot be asked before anything is sent.
        """
        run = {name: options.pop(name) for name in RUN_ONLY if name in options}
        chosen = changed(self._options, options)
        if shots is None:
            shots = chosen.default_shots
        if shots is None:
            shots = self._backend.options.shots
        return PrimitiveJob(self._executor.sample(sampler_pubs(pubs, shots), chosen, run))
