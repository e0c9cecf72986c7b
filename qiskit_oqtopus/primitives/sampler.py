"""The sampler: bits of circuits, on devices and on the simulator."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from qiskit.primitives import BaseSamplerV2
from qiskit.primitives.containers.sampler_pub import SamplerPubLike

from .job import PrimitiveJob
from .options import SamplerOptions
from .primitive import Primitive
from .pubs import parse_sampler_pubs


class SamplerV2(Primitive[SamplerOptions], BaseSamplerV2):
    """Qiskit's sampler on a device of OQTOPUS Cloud or on the local simulator.

    On a device, each element of each PUB (a circuit with one parameter set) is one OQTOPUS job; all
    of a run are one group. Circuits must have been compiled for the device, and run as they are.
    OQTOPUS returns counts: the order of the shots is random and means nothing.

    Results are those of Qiskit's ``StatevectorSampler``: a ``BitArray`` for each register.
    Classical bits without a register are not returned.

    Args:
        backend: An :class:`~qiskit_oqtopus.OqtopusBackend` or a
            :class:`~qiskit_oqtopus.QulacsBackend`.
        mode: The same, by the name that it has in qiskit-ibm-runtime.
        options: A dictionary, or
            :class:`~qiskit_oqtopus.primitives.options.SamplerOptions`.

    Raises:
        OqtopusOptionError: If the backend is another one, an option is unknown, or its value cannot
            be used.

    Example:
        >>> from qiskit import QuantumCircuit
        >>> from qiskit_oqtopus import QulacsBackend
        >>> bell = QuantumCircuit(2)
        >>> bell.h(0); bell.cx(0, 1); bell.measure_all()  # doctest: +ELLIPSIS
        <...>
        >>> job = SamplerV2(QulacsBackend(), options={"seed": 7}).run([bell], shots=100)
        >>> sorted(job.result()[0].data.meas.get_counts())
        ['00', '11']
    """

    _name = "Sampler"
    _options_class = SamplerOptions

    @property
    def default_shots(self) -> int | None:
        """The option of that name."""
        return self._options.default_shots

    @default_shots.setter
    def default_shots(self, value: int | None) -> None:
        self._options.update(default_shots=value)

    def run(
        self, pubs: Iterable[SamplerPubLike], *, shots: int | None = None, **options: Any
    ) -> PrimitiveJob:
        """Sample PUBs.

        Everything is checked before anything is sent.

        Args:
            pubs: Circuits, or tuples of circuit, parameter values and number of shots.
            shots: Number of shots for PUBs that give none of their own; None for ``default_shots``.
            **options: Options of the sampler for this run only; and on a device ``group_id``,
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
        if shots is None:
            shots = chosen.default_shots
        if shots is None:
            shots = self._backend.options.shots
        return self._executor.sample(parse_sampler_pubs(pubs, shots), chosen, arguments)
