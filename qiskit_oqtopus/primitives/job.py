"""The job of a primitive, on a device or on the simulator."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from qiskit.primitives import BasePrimitiveJob, PrimitiveResult
from qiskit.providers import BackendV2, JobStatus
from qiskit.providers.jobstatus import JOB_FINAL_STATES

from ..cloud.watcher import LONGEST_LOOK
from ..drawing.card import build_card
from ..exceptions import OqtopusError, OqtopusJobCancelledError, OqtopusJobError
from ..options import optional, seconds
from .assembly import Collected, copy_pub_result

if TYPE_CHECKING:
    from ..cloud.job import OqtopusJob
    from .local import LocalWork


class PrimitiveJob(BasePrimitiveJob[PrimitiveResult, JobStatus]):
    """A job of :class:`~qiskit_oqtopus.SamplerV2` or :class:`~qiskit_oqtopus.EstimatorV2`.

    On a device, its id is that of its OQTOPUS job, or the group id of several;
    ``provider.job(job_id)`` finds it again, from any process, with an equal result. All methods may
    be called from any thread.

    Args:
        work: The job of all circuits on a device, or the PUBs on the simulator.
        jobs: The jobs of the backend behind it.
        collect: Waits for the work, for a number of s at most or None, and returns the results of
            the PUBs; raises OqtopusJobTimeoutError if the time is over, and OqtopusCloudError if
            they cannot be read.
    """

    def __init__(
        self,
        work: OqtopusJob | LocalWork,
        jobs: Sequence[Any],
        collect: Callable[[float | None], Collected],
    ) -> None:
        super().__init__(work.job_id())
        self._work = work
        self._jobs = list(jobs)
        self._collect = collect
        self._collected: Collected | None = None  # once all PUBs have a result

    def backend(self) -> BackendV2:
        """Return the backend."""
        return self._work.backend()

    def backend_jobs(self) -> list[Any]:
        """Return the jobs of the backend behind this one.

        Returns:
            On a device one :class:`~qiskit_oqtopus.OqtopusJob` of all circuits; on the simulator
            one :class:`~qiskit_oqtopus.QulacsJob` for each PUB that was simulated.
        """
        return list(self._jobs)

    def job_ids(self) -> list[str]:
        """Return the ids of the jobs behind it: on a device, the OQTOPUS id of each circuit."""
        ids: list[str] = []
        for job in self._jobs:
            ids += job.job_ids() if hasattr(job, "job_ids") else [job.job_id()]
        return ids

    # -- status ---------------------------------------------------------------------------------

    def status(self) -> JobStatus:
        """Return the status; never raises for a failed job or in an outage."""
        return self._work.status()

    def done(self) -> bool:
        """Return whether all of it has succeeded."""
        return self.status() is JobStatus.DONE

    def running(self) -> bool:
        """Return whether it is being run."""
        return self.status() is JobStatus.RUNNING

    def cancelled(self) -> bool:
        """Return whether it was cancelled."""
        return self.status() is JobStatus.CANCELLED

    def in_final_state(self) -> bool:
        """Return whether it has ended, in whatever way."""
        return self.status() in JOB_FINAL_STATES

    def cancel(self) -> bool:
        """Cancel what has not ended.

        Returns:
            Whether all of that is cancelled now. If all had ended, whether it had been cancelled
            before.
        """
        return self._work.cancel()

    def wait_for_final_state(
        self, timeout: float | None = None, wait: float = 5, callback: Any = None
    ) -> None:
        """Wait until it has ended, in whatever way; outages are waited out.

        Args:
            timeout: Longest time to wait in s; None waits as long as it takes.
            wait: Time between two calls of the callback in s.
            callback: Called as ``callback(job_id, status, job)`` while the job is waited for.

        Raises:
            OqtopusOptionError: If ``timeout`` or ``wait`` is not a number.
            OqtopusJobTimeoutError: If the time is over. The job goes on.
        """
        optional(seconds)("timeout", timeout)
        seconds("wait", wait)
        # The jobs behind this one would name themselves.
        own = callback and (lambda *_: callback(self.job_id(), self.status(), self))
        self._work.wait_for_final_state(timeout, wait, own)

    # -- results --------------------------------------------------------------------------------

    def result(self, timeout: float | None = None, partial: bool = False) -> PrimitiveResult:
        """Wait for the job and return its result. Each call returns one of its own.

        Args:
            timeout: Longest time to wait in s, for the job and for its data; None waits as long as
                it takes.
            partial: Whether to return a result with None in the place of each PUB that failed,
                instead of raising.

        Returns:
            The results of the PUBs, in the order in which they were given.

        Raises:
            OqtopusOptionError: If ``timeout`` is not a number.
            OqtopusJobTimeoutError: If the time is over. The job goes on.
            OqtopusJobCancelledError: If it was cancelled and nothing failed.
            OqtopusJobError: If PUBs failed: which, and why. Its ``result`` has the others.
            OqtopusCloudError: If the results cannot be read; ask again later.
        """
        optional(seconds)("timeout", timeout)
        collected = self._collected
        if collected is None:
            collected = self._collect(timeout)
            if not collected.failures:
                self._collected = collected
        copies = [None if pub is None else copy_pub_result(pub) for pub in collected.results]
        result = PrimitiveResult(copies, metadata={"version": 2})
        if collected.failures and not partial:
            kind = OqtopusJobCancelledError if collected.cancelled else OqtopusJobError
            error = kind(self._format_failures(collected))
            error.result = result
            raise error
        return result

    def error_message(self) -> str | None:
        """Return which PUBs failed and why; None if none has."""
        if self._collected is not None:
            return None
        if self.in_final_state():
            try:
                collected = self._collect(LONGEST_LOOK)
            except OqtopusError:
                return self._work.error_message()
            return self._format_failures(collected) if collected.failures else None
        return self._work.error_message()

    def _format_failures(self, collected: Collected) -> str:
        failed = sum(result is None for result in collected.results)
        return (
            f"Job {self.job_id()}: {failed} of {len(collected.results)} PUBs have no result. "
            + "; ".join(collected.failures)
        )

    def __getstate__(self) -> dict[str, Any]:
        """Leave the result behind, which Qiskit 2.0 cannot pickle; it is built again."""
        return {**self.__dict__, "_collected": None}

    def __repr__(self) -> str:
        return f"<PrimitiveJob {self.job_id()} on {self.backend().name}: {self._describe()}>"

    def _repr_html_(self) -> str:
        """Return what a notebook shows: what was last seen of the job; nothing is asked for."""
        facts = {"backend": self.backend().name, "is": self._describe()}
        return build_card(f"PrimitiveJob {self.job_id()}", facts)

    def _describe(self) -> str:
        number = self._work.num_circuits
        return f"{self._work.last_status().name}, {number} circuit{'s' * (number != 1)}"
