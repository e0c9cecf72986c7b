"""Primitives on the simulator: each PUB is one job, and a circuit is compiled once for all sets."""

from __future__ import annotations

import secrets
import time
import uuid
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qiskit.primitives import DataBin, PubResult, SamplerPubResult
from qiskit.primitives.containers.estimator_pub import EstimatorPub
from qiskit.primitives.containers.sampler_pub import SamplerPub
from qiskit.providers import JobStatus

from ..cloud.results import CANCELLED
from ..cloud.status import group_status
from ..exceptions import (
    OqtopusCircuitError,
    OqtopusJobTimeoutError,
    OqtopusOptionError,
    OqtopusWarning,
    Problem,
)
from ..simulator.backend import QulacsBackend
from ..simulator.engines.expectation import Observables
from ..simulator.engines.run import Outcome
from ..simulator.engines.sampling import shuffle_shots
from ..simulator.job import QulacsJob
from ..simulator.result import reason
from ..simulator.state import Cancelled
from .assembly import Collected, bit_arrays, estimator_data
from .bits import registers_of
from .observables import Terms
from .options import EstimatorOptions, SamplerOptions, refuse_device_options
from .pubs import check_registers, each, element, elements_of, observables_of, parameter_rows


@dataclass(frozen=True)
class Part:
    """One PUB under way.

    Attributes:
        job: The job that simulates it, or None if there is nothing to simulate.
        name: Name of its circuit.
        sets: Shape of its parameter sets.
        build: Makes its result of what came of its parameter sets.
    """

    job: QulacsJob | None
    name: str
    sets: tuple[int, ...]
    build: Callable[[Sequence[Outcome]], PubResult]


class LocalWork:
    """The PUBs of one run of a primitive on the simulator.

    Args:
        backend: The simulator.
        parts: The PUBs.
    """

    def __init__(self, backend: QulacsBackend, parts: Sequence[Part]) -> None:
        self._backend = backend
        self._parts = parts
        self._id = parts[0].job.job_id() if len(parts) == 1 and parts[0].job else str(uuid.uuid4())
        self._collected: Collected | None = None

    def job_id(self) -> str:
        """Return the id; it finds nothing in another process."""
        return self._id

    def backend(self) -> QulacsBackend:
        """Return the simulator."""
        return self._backend

    def jobs(self) -> list[QulacsJob]:
        """Return the job of each PUB that is simulated."""
        return [part.job for part in self._parts if part.job is not None]

    def status(self) -> JobStatus:
        """Return how the jobs are; never raises."""
        return group_status([job.status() for job in self.jobs()])

    def cancel(self) -> bool:
        """Cancel what has not ended; return whether all of that is cancelled."""
        unfinished = [job for job in self.jobs() if not job.in_final_state()]
        if not unfinished:
            return self.status() is JobStatus.CANCELLED
        answers = [job.cancel() for job in unfinished]  # all of them, whatever one says
        return all(answers)

    def wait(self, timeout: float | None) -> None:
        """Wait until all PUBs have ended, in whatever way."""
        end = None if timeout is None else time.monotonic() + timeout
        for job in self.jobs():
            try:
                job.wait_for_final_state(None if end is None else max(end - time.monotonic(), 0.0))
            except OqtopusJobTimeoutError:
                raise OqtopusJobTimeoutError(
                    f"Job {self._id} did not end within {timeout} s. It goes on: wait again, or "
                    "call cancel()."
                ) from None

    def collect(self) -> Collected:
        """Return what has come of it, once it has ended."""
        if self._collected is not None:
            return self._collected
        collected = Collected()
        built = [self._collect(collected, index, part) for index, part in enumerate(self._parts)]
        if all(built):  # else there may be more memory the next time
            self._collected = collected
        return collected

    @staticmethod
    def _collect(collected: Collected, index: int, part: Part) -> bool:
        """Add the result of a PUB, or why there is none; return False if it may be had later."""
        outcomes = [] if part.job is None else part.job.outcomes()
        failed = [(place, o.error) for place, o in enumerate(outcomes) if o.error is not None]
        if not failed:
            try:
                collected.results.append(part.build(outcomes))
            # Whatever it is (a MemoryError, for so many shots), the other PUBs must survive it.
            except Exception as error:  # noqa: BLE001
                collected.results.append(None)
                text = reason(error).removeprefix("ERROR: ")
                collected.failures.append(f"PUB {index} ({part.name!r}): {text}")
                collected.cancelled = False
                return False
            return True
        collected.results.append(None)
        for place, failure in failed:
            collected.cancelled &= isinstance(failure, Cancelled)
            text = reason(failure).removeprefix("ERROR: ").replace(CANCELLED, "cancelled")
            where = f"PUB {index} ({part.name!r})"
            if part.sets:
                where += f", parameter set {element(place, part.sets)}"
            collected.failures.append(f"{where}: {text}")
        return True

    def error_message(self) -> str | None:
        """Return which circuits failed and why."""
        messages = [job.error_message() for job in self.jobs()]
        return "; ".join(filter(None, messages)) or None


class LocalExecutor:
    """Runs PUBs on the simulator.

    Args:
        backend: The simulator.
    """

    default_precision = 0.0

    def __init__(self, backend: QulacsBackend) -> None:
        self._backend = backend

    def sample(
        self, pubs: Sequence[SamplerPub], options: SamplerOptions, run: Mapping[str, Any]
    ) -> LocalWork:
        """Sample the circuits of each PUB in one job."""
        self._check_options(options, run)
        each(pubs, lambda index, pub: check_registers(index, pub.circuit))
        silent = [str(index) for index, pub in enumerate(pubs) if not pub.circuit.cregs]
        if silent:
            warnings.warn(
                f"PUB {', '.join(silent)} has no classical registers: its result is empty. Add "
                "measurements, for example circuit.measure_all().",
                OqtopusWarning,
                stacklevel=3,
            )
        seed = self._seed(options)
        if seed is None:
            seed = secrets.randbits(64)
        return self._started(
            [partial(self._sampler_part, index, pub, seed) for index, pub in enumerate(pubs)]
        )

    def estimate(
        self, pubs: Sequence[EstimatorPub], options: EstimatorOptions, run: Mapping[str, Any]
    ) -> LocalWork:
        """Compute the states of each PUB in one job, and expectation values from these."""
        self._check_options(options, run)
        observables = each(pubs, observables_of)
        seed = self._seed(options)
        return self._started(
            [
                partial(self._estimator_part, pub, terms, seed)
                for pub, terms in zip(pubs, observables, strict=True)
            ]
        )

    @staticmethod
    def _check_options(options: SamplerOptions | EstimatorOptions, run: Mapping[str, Any]) -> None:
        refuse_device_options(options)
        named = [name for name, value in run.items() if value is not None]
        if named:
            raise OqtopusOptionError(f"Option {named[0]!r} is one of devices; leave it out.")

    def _seed(self, options: SamplerOptions | EstimatorOptions) -> int | None:
        if options.seed is not None:
            return options.seed
        seed: int | None = self._backend.options.seed_simulator
        return seed

    def _started(self, makers: Sequence[Callable[[], Part]]) -> LocalWork:
        """Start all PUBs once all are known to be ones that can be run."""
        parts: list[Part] = []
        problems: list[Problem] = []
        for index, make in enumerate(makers):
            try:
                parts.append(make())
            except OqtopusCircuitError as error:
                # Circuits of one PUB differ in their angles, and have the same problems.
                named = [replace(p, circuit=index, noun="PUB") for p in error.problems]
                problems += dict.fromkeys(named)
        if problems:
            raise OqtopusCircuitError(problems, self._backend.name)
        jobs = [part.job for part in parts if part.job is not None]
        try:
            for job in jobs:
                job.submit()
        except BaseException:  # an executor that takes no more work, or Ctrl-C
            for job in jobs:
                job.cancel()
            raise
        return LocalWork(self._backend, parts)

    def _run(self, pub: SamplerPub | EstimatorPub, **options: Any) -> QulacsJob | None:
        values = parameter_rows(pub)
        if not len(values):
            return None
        options = {"memory": False, "statevector": False, **options}
        return self._backend.run_sets(pub.circuit, values, **options)

    # -- sampler --------------------------------------------------------------------------------

    def _sampler_part(self, index: int, pub: SamplerPub, seed: int) -> Part:
        registers = registers_of(pub.circuit)
        shots = int(pub.shots)
        run_seed, order_seed = np.random.SeedSequence([seed, index]).generate_state(2, np.uint64)
        job = self._run(pub, shots=shots, seed_simulator=int(run_seed)) if registers else None

        def build(outcomes: Sequence[Outcome]) -> PubResult:
            rng = np.random.default_rng(order_seed)
            elements = [_shots(outcome, shots, rng) for outcome in outcomes]
            arrays = bit_arrays(registers, pub.shape, pub.circuit.num_clbits, elements, shots)
            return SamplerPubResult(
                DataBin(**arrays, shape=pub.shape),
                metadata={"shots": pub.shots, "circuit_metadata": pub.circuit.metadata},
            )

        return Part(job, pub.circuit.name, pub.parameter_values.shape, build)

    # -- estimator ------------------------------------------------------------------------------

    def _estimator_part(self, pub: EstimatorPub, terms: Sequence[Terms], seed: int | None) -> Part:
        precision = float(pub.precision)
        job = self._run(pub, observables=Observables(tuple(terms)))

        def build(outcomes: Sequence[Outcome]) -> PubResult:
            values = np.array([outcome.expectation_values for outcome in outcomes])
            sets, picked = elements_of(pub)
            evs = values[sets, picked] if len(outcomes) else np.zeros(0)
            if precision:
                # As in Qiskit's StatevectorEstimator each PUB begins with the seed, and the noise
                # is the same number by number.
                evs = np.random.default_rng(seed).normal(evs, precision)
            evs = np.reshape(evs, pub.shape)
            return PubResult(
                estimator_data(evs, np.full(pub.shape, precision)),
                metadata={
                    "target_precision": pub.precision,
                    "circuit_metadata": pub.circuit.metadata,
                },
            )

        return Part(job, pub.circuit.name, pub.parameter_values.shape, build)


def _shots(
    outcome: Outcome, shots: int, rng: np.random.Generator
) -> tuple[list[int], NDArray[np.int64]]:
    """Return the distinct outcomes, and which of these each shot has, in random order."""
    # A circuit that writes no classical bit has no counts: its registers hold what they began with.
    keys, counts = ([0], [shots]) if outcome.counts is None else outcome.counts
    return keys, shuffle_shots(counts, rng)
