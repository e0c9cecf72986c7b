"""How primitives reach a backend: the one place where a faster way to do the same would go."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from qiskit.primitives.containers.estimator_pub import EstimatorPub
from qiskit.primitives.containers.sampler_pub import SamplerPub
from qiskit.providers import BackendV2, JobStatus

from .assembly import Collected
from .options import EstimatorOptions, SamplerOptions


class Work(Protocol):
    """What is under way for one run of a primitive."""

    def job_id(self) -> str:
        """Return the id that finds it again."""

    def backend(self) -> BackendV2:
        """Return the backend."""

    def jobs(self) -> list[Any]:
        """Return the jobs of the backend behind it."""

    def status(self) -> JobStatus:
        """Return how it is; never raises."""

    def cancel(self) -> bool:
        """Cancel what has not ended; return whether all of that is cancelled."""

    def wait(self, timeout: float | None) -> None:
        """Wait until all of it has ended, in whatever way.

        Raises:
            OqtopusJobTimeoutError: If the time in s is over first.
        """

    def collect(self) -> Collected:
        """Return what has come of it, once it has ended.

        Raises:
            OqtopusCloudError: If the results cannot be read.
        """

    def error_message(self) -> str | None:
        """Return what failed and why, in the words of the jobs behind it."""


class Executor(Protocol):
    """Runs PUBs on a backend.

    Attributes:
        default_precision: Precision of PUBs for which nobody has named one.
    """

    default_precision: float

    def sample(
        self, pubs: Sequence[SamplerPub], options: SamplerOptions, run: Mapping[str, Any]
    ) -> Work:
        """Start to sample PUBs, each with its own number of shots.

        Args:
            pubs: The PUBs.
            options: The options of the sampler.
            run: ``group_id`` and ``resume``, if they were given.

        Raises:
            OqtopusError: If a PUB or an option cannot be used.
        """

    def estimate(
        self, pubs: Sequence[EstimatorPub], options: EstimatorOptions, run: Mapping[str, Any]
    ) -> Work:
        """Start to estimate PUBs, each with its own precision.

        Args:
            pubs: The PUBs.
            options: The options of the estimator.
            run: ``group_id`` and ``resume``, if they were given.

        Raises:
            OqtopusError: If a PUB or an option cannot be used.
        """


def executor_of(backend: Any, primitive: str) -> Executor:
    """Return what runs PUBs on a backend.

    Args:
        backend: A backend of this package.
        primitive: "Sampler" or "Estimator", for the error.

    Raises:
        OqtopusOptionError: If it is another backend.
    """
    from ..cloud.backend import OqtopusBackend
    from ..exceptions import OqtopusOptionError
    from ..simulator.backend import QulacsBackend

    if isinstance(backend, OqtopusBackend):
        from .cloud import CloudExecutor

        return CloudExecutor(backend)
    if isinstance(backend, QulacsBackend):
        from .local import LocalExecutor

        return LocalExecutor(backend)
    raise OqtopusOptionError(
        f"{primitive}V2 of qiskit_oqtopus runs on an OqtopusBackend or a QulacsBackend, not on "
        f"{backend!r:.80}; for other backends take "
        f"qiskit.primitives.Backend{primitive}V2(backend=backend)."
    )
