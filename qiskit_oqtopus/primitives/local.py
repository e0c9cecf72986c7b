"""Primitives on the simulator: each PUB is one job, which compiles its circuit only once."""

from __future__ import annotations

import secrets
import threading
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

from ..client.deadline import Deadline
from ..cloud.results import CANCELLED
from ..cloud.status import group_status
from ..exceptions import (
    OqtopusCircuitError,
    OqtopusJobTimeoutError,
    OqtopusOptionError,
    OqtopusWarning,
    Problem,
    users_stacklevel,
)
from ..simulator.backend import QulacsBackend
from ..simulator.engines.expectation import Observables
from ..simulator.engines.run import Outcome
from ..simulator.engines.sampling import shuffle_shots
from ..simulator.job import QulacsJob
from ..simulator.result import reason
from ..simulator.state import Cancelled
from .assembly import Collected, build_bit_arrays, build_estimator_data
from .bits import find_registers
from .job import PrimitiveJob
from .observables import Terms
from .options import EstimatorOptions, SamplerOptions, refuse_device_options
from .pubs import (
    broadcast_elements,
    check_registers,
    describe_place,
    map_pubs,
    parameter_rows,
    parse_observables,
)


@dataclass(frozen=True)
class Part:
    """One PUB that has been started.

    Attributes:
        job: The job that simulates it, or None if there is nothing to simulate.
        name: Name of its circuit.
        sets: Shape of its parameter sets.
        build: Builds its result from the outcomes of its parameter sets.
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
        self._jobs = [part.job for part in parts if part.job is not None]
        self._id = parts[0].job.job_id() if len(parts) == 1 and parts[0].job else str(uuid.uuid4())
        self._collected: Collected | None = None

    def job_id(self) -> str:
        """Return the id; it finds nothing in another process."""
        return self._id

    def backend(self) -> QulacsBackend:
        """Return the simulator."""
        return self._backend

    def status(self) -> JobStatus:
        """Return the status of the jobs; never raises."""
        return group_status([job.status() for job in self._jobs])

    @property
    def num_circuits(self) -> int:
        """Number of jobs of the simulator, one for each PUB that is simulated."""
        return len(self._jobs)

    def last_status(self) -> JobStatus:
        """Return the status, which nobody has to be asked for."""
        return self.status()

    def cancel(self) -> bool:
        """Cancel what has not ended; return whether all of that is cancelled."""
        unfinished = [job for job in self._jobs if not job.in_final_state()]
        if not unfinished:
            return self.status() is JobStatus.CANCELLED
        answers = [job.cancel() for job in unfinished]  # every one, whatever the others answer
        return all(answers)

    def wait_for_final_state(
        self, timeout: float | None = None, wait: float = 5, callback: Any = None
    ) -> None:
        """Wait until all PUBs have ended, as :meth:`PrimitiveJob.wait_for_final_state` does."""
        deadline = Deadline(timeout)
        for job in self._jobs:
            left = None if timeout is None else min(deadline.left(), threading.TIMEOUT_MAX)
            try:
                job.wait_for_final_state(left, wait, callback)
            except OqtopusJobTimeoutError:
                raise OqtopusJobTimeoutError(
                    f"Job {self._id} did not end within {timeout} s. It goes on: wait again, or "
                    "call cancel()."
                ) from None

    def collect(self, timeout: float | None) -> Collected:
        """Wait for all jobs, and return the results; the time to build these is not counted."""
        self.wait_for_final_state(timeout)
        if self._collected is not None:
            return self._collected
        collected = Collected()
        built = [self._collect(collected, index, part) for index, part in enumerate(self._parts)]
        if all(built):  # otherwise there may be more memory next time
            self._collected = collected
        return collected

    @staticmethod
    def _collect(collected: Collected, index: int, part: Part) -> bool:
        """Add the result of a PUB, or why there is none; False if a later try may succeed."""
        outcomes = [] if part.job is None else part.job.outcomes()
        failed = [(place, o.error) for place, o in enumerate(outcomes) if o.error is not None]
        if not failed:
            try:
                collected.results.append(part.build(outcomes))
            # Whatever it is (say, a MemoryError for many shots), the other PUBs must survive it.
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
                where += f", parameter set {describe_place(place, part.sets)}"
            collected.failures.append(f"{where}: {text}")
        return True

    def error_message(self) -> str | None:
        """Return which circuits failed and why."""
        messages = [job.error_message() for job in self._jobs]
        return "; ".join(filter(None, messages)) or None


class LocalExecutor:
    """Runs PUBs on the simulator.

    Args:
        backend: The simulator.

    Attributes:
        default_precision: Precision for PUBs if neither they, ``run`` nor the options give one.
    """

    default_precision = 0.0

    def __init__(self, backend: QulacsBackend) -> None:
        self._backend = backend

    def sample(
        self, pubs: Sequence[SamplerPub], options: SamplerOptions, run: Mapping[str, Any]
    ) -> PrimitiveJob:
        """Sample the circuits of each PUB in one job; arguments as for ``CloudExecutor``."""
        self._check_options(options, run)
        map_pubs(pubs, lambda index, pub: check_registers(index, pub.circuit))
        silent = [str(index) for index, pub in enumerate(pubs) if not pub.circuit.cregs]
        if silent:
            warnings.warn(
                f"PUB {', '.join(silent)} has no classical registers: its result is empty. Add "
                "measurements, for example circuit.measure_all().",
                OqtopusWarning,
                stacklevel=users_stacklevel(),
            )
        seed = self._find_seed(options)
        if seed is None:
            seed = secrets.randbits(64)
        return self._start(
            [partial(self._build_sampler_part, index, pub, seed) for index, pub in enumerate(pubs)]
        )

    def estimate(
        self, pubs: Sequence[EstimatorPub], options: EstimatorOptions, run: Mapping[str, Any]
    ) -> PrimitiveJob:
        """Compute expectation values of each PUB in one job; arguments as for ``CloudExecutor``."""
        self._check_options(options, run)
        observables = map_pubs(pubs, parse_observables)
        seed = self._find_seed(options)
        return self._start(
            [
                partial(self._build_estimator_part, pub, terms, seed)
                for pub, terms in zip(pubs, observables, strict=True)
            ]
        )

    @staticmethod
    def _check_options(options: SamplerOptions | EstimatorOptions, run: Mapping[str, Any]) -> None:
        refuse_device_options(options)
        named = [name for name, value in run.items() if value is not None]
        if named:
            raise OqtopusOptionError(f"Option {named[0]!r} is one of devices; leave it out.")

    def _find_seed(self, options: SamplerOptions | EstimatorOptions) -> int | None:
        seed: Any = options.seed  # an integer by now, if there is one: see Primitive._for_run
        return self._backend.options.seed_simulator if seed is None else int(seed)

    def _start(self, makers: Sequence[Callable[[], Part]]) -> PrimitiveJob:
        """Start all PUBs, once it is known that all of them can be run."""
        parts: list[Part] = []
        problems: list[Problem] = []
        for index, make in enumerate(makers):
            try:
                parts.append(make())
            except OqtopusCircuitError as error:
                problems += _of_pub(index, error.problems)
        if problems:
            raise OqtopusCircuitError(problems, self._backend.name)
        jobs = [part.job for part in parts if part.job is not None]
        try:
            for job in jobs:
                job.submit()
        except BaseException:  # the executor takes no more work, or Ctrl-C
            for job in jobs:
                job.cancel()
            raise
        work = LocalWork(self._backend, parts)
        return PrimitiveJob(work, jobs, work.collect)

    def _run(self, pub: SamplerPub | EstimatorPub, **options: Any) -> QulacsJob | None:
        values = parameter_rows(pub)
        if not len(values):
            return None
        options = {"memory": False, "statevector": False, **options}
        return self._backend._run_sets(pub.circuit, values, **options)

    # -- sampler --------------------------------------------------------------------------------

    def _build_sampler_part(self, index: int, pub: SamplerPub, seed: int) -> Part:
        registers = find_registers(pub.circuit)
        shots = int(pub.shots)
        run_seed, order_seed = np.random.SeedSequence([seed, index]).generate_state(2, np.uint64)
        job = self._run(pub, shots=shots, seed_simulator=int(run_seed)) if registers else None

        def build(outcomes: Sequence[Outcome]) -> PubResult:
            rng = np.random.default_rng(order_seed)
            elements = [_shuffle_shots(outcome, shots, rng) for outcome in outcomes]
            arrays = build_bit_arrays(registers, pub.shape, pub.circuit.num_clbits, elements, shots)
            return SamplerPubResult(
                DataBin(**arrays, shape=pub.shape),
                metadata={"shots": pub.shots, "circuit_metadata": pub.circuit.metadata},
            )

        return Part(job, pub.circuit.name, pub.parameter_values.shape, build)

    # -- estimator ------------------------------------------------------------------------------

    def _build_estimator_part(
        self, pub: EstimatorPub, terms: Sequence[Terms], seed: int | None
    ) -> Part:
        precision = float(pub.precision)
        job = self._run(pub, observables=Observables(tuple(terms)))

        def build(outcomes: Sequence[Outcome]) -> PubResult:
            values = np.array([outcome.expectation_values for outcome in outcomes])
            sets, picked = broadcast_elements(pub)
            evs = values[sets, picked] if len(outcomes) else np.zeros(0)
            if precision:
                # As in Qiskit's StatevectorEstimator, each PUB begins with the seed; even the
                # single numbers are the same.
                evs = np.random.default_rng(seed).normal(evs, precision)
            evs = np.reshape(evs, pub.shape)
            return PubResult(
                build_estimator_data(evs, np.full(pub.shape, precision)),
                metadata={
                    "target_precision": pub.precision,
                    "circuit_metadata": pub.circuit.metadata,
                },
            )

        return Part(job, pub.circuit.name, pub.parameter_values.shape, build)


def _of_pub(index: int, problems: Sequence[Problem]) -> list[Problem]:
    """Return the problems of the circuits of one PUB, which differ only in their angles.

    They are the same for all parameter sets. Of an instruction with angles that the device does not
    take, the first such angle is shown.
    """
    shown: dict[Any, Problem] = {}
    for problem in problems:
        named = replace(problem, circuit=index, noun="PUB")
        key = named if problem.position is None else replace(named, reason="")
        shown.setdefault(key, named)
    return list(shown.values())


def _shuffle_shots(
    outcome: Outcome, shots: int, rng: np.random.Generator
) -> tuple[list[int], NDArray[np.int64]]:
    """Return the distinct outcomes, and the index of the outcome of each shot, in random order."""
    # A circuit that writes no classical bit has no counts: all its bits are still 0.
    keys, counts = ([0], [shots]) if outcome.counts is None else outcome.counts
    return keys, shuffle_shots(counts, rng)
