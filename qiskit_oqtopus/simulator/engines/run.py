"""Run compiled plans: what an executor, a thread or another process is given to do."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import qulacs
from numpy.typing import NDArray

from ..memory import BRANCH_BYTES, is_limited
from ..optimize.one_qubit import evolve_qubit
from ..optimize.stages import run_stages
from ..plan import (
    AnyPlan,
    NoisyPlan,
    Plan,
    ProductPlan,
    Runnable,
    StabilizerPlan,
    Wanted,
    Whole,
    unpack,
)
from ..state import Cancelled, Circuit, Flag
from ..threads import UNSPREAD_QUBITS, calm_blas, limit_threads
from .reservation import find_needed_bytes, is_small, reserve
from .sampling import (
    MARGINAL_QUBITS,
    Streams,
    measure,
    measure_qubit,
    measure_state,
    shuffle_shots,
    to_probabilities,
)

if TYPE_CHECKING:
    from .expectation import ActiveObservables, Observables
    from .product import ProductEstimator

POOLED_QUBITS = 12
"""States of at most this many qubits are kept for the next circuit of this thread."""

_PLAIN_QUBITS = 1
"""States of at most this many qubits are computed with plain numbers: a gate on them takes less
time than a call of Qulacs."""


class _Pool(threading.local):
    """One state per number of qubits: making a state costs more than running a small circuit."""

    def __init__(self) -> None:
        self._states: dict[int, Any] = {}

    def zero_state(self, num_qubits: int) -> Any:
        """Return a ``qulacs.QuantumState`` with all qubits in 0, valid until the next call."""
        state = self._states.get(num_qubits)
        if state is None:
            state = qulacs.QuantumState(num_qubits)
            if num_qubits <= POOLED_QUBITS:
                self._states[num_qubits] = state
            return state
        state.set_zero_state()
        return state


_pool = _Pool()


class Outcome(NamedTuple):
    """The outcome of one circuit. A named tuple, which is made faster than a dataclass.

    Attributes:
        counts: The different values of the classical bits that occurred (bit i is clbit i), and
            how often each did; None if the circuit writes no classical bit.
        memory: The value of each shot, in order; None unless asked for.
        statevector: State before the terminal measurements, shape (2**num_qubits,), in Qiskit's
            order, global phase included; None unless asked for.
        density_matrix: The same with noise, shape (2**k, 2**k) for k qubits; None unless asked for.
        expectation_values: One per observable, shape (observables,); None unless asked for.
        seconds: Time that it took.
        error: Why there is nothing else, or None.
    """

    counts: tuple[list[int], list[int]] | None = None
    memory: list[int] | None = None
    statevector: NDArray[np.complex128] | None = None
    density_matrix: NDArray[np.complex128] | None = None
    expectation_values: NDArray[np.float64] | None = None
    seconds: float = 0.0
    error: BaseException | None = None


@dataclass(frozen=True)
class Settings:
    """What the circuits of one job have in common.

    Attributes:
        shots: Number of shots per circuit.
        seed: Seed of the job, in [0, 2**64).
        memory: Whether the value of each shot is wanted.
        statevector: Whether the state before the terminal measurements is wanted.
        max_threads: Threads that Qulacs may use, or None; heeded only before its first gate.
        branch_bytes: Bound on the state vectors that branching keeps at once.
        memory_is_set: Whether the user has said how much memory a circuit may take.
        observables: The observables whose expectation values are wanted, in place of counts; or
            None.
        density_matrix: Of which qubits the density matrix is wanted.
    """

    shots: int
    seed: int
    memory: bool = False
    statevector: bool = False
    max_threads: int | None = None
    branch_bytes: int = BRANCH_BYTES
    memory_is_set: bool = False
    observables: Observables | None = None
    density_matrix: Wanted = False


def run_chunk(
    plans: Sequence[AnyPlan], first: int, settings: Settings, cancelled: Flag | None = None
) -> list[Outcome]:
    """Run some consecutive circuits of a job.

    Args:
        plans: The circuits.
        first: Position of the first one in the job: with the seed it selects the random stream.
        settings: What all circuits of the job have in common.
        cancelled: Looked at between gates.

    Returns:
        One outcome per circuit. A circuit that failed has an outcome with its error, and so do
        those that were cancelled; an error of one circuit does not touch the others.
    """
    limit_threads(settings.max_threads)
    streams = Streams(settings.seed)
    estimators = _Estimators({}, [])
    limited = is_limited()
    outcomes = []
    for index, waiting in enumerate(plans, start=first):
        start = time.perf_counter()
        try:
            if cancelled is not None and cancelled.is_set():
                raise Cancelled
            plan = unpack(waiting)
            if is_small(plan, settings.shots) and not limited:
                outcome = _simulate(plan, index, streams, settings, estimators, cancelled)
            else:
                needed = find_needed_bytes(plan, settings.shots, settings.branch_bytes)
                with reserve(needed, not settings.memory_is_set, cancelled):
                    outcome = _simulate(plan, index, streams, settings, estimators, cancelled)
        # Whatever stops one circuit (MemoryError, a division by zero in its classical code, a
        # fault in Qulacs) is its outcome: the results of the others must survive it.
        except Exception as error:  # noqa: BLE001
            outcome = {"error": error}
        outcomes.append(Outcome(**outcome, seconds=time.perf_counter() - start))
    return outcomes


class _Estimators(NamedTuple):
    """What the estimations of one chunk have in common.

    Attributes:
        on_active: The observables on the active qubits of a circuit.
        product: What estimates circuits of independent parts, once there was one.
    """

    on_active: dict[tuple[int, ...], ActiveObservables]
    product: list[ProductEstimator]


def _simulate(
    plan: Runnable,
    index: int,
    streams: Streams,
    settings: Settings,
    estimators: _Estimators,
    cancelled: Flag | None,
) -> dict[str, Any]:
    """Return the fields of the outcome of a circuit."""
    if isinstance(plan, ProductPlan):
        from .product import ProductEstimator, run_product  # most circuits are not taken apart

        if settings.observables is None:
            return run_product(plan, index, streams, settings, cancelled)
        if not estimators.product:
            estimators.product.append(ProductEstimator(settings))
        return {"expectation_values": estimators.product[0].values(plan, cancelled)}
    if settings.observables is None:
        return run_plan(plan, streams[index], settings, cancelled)
    return {"expectation_values": estimate(plan, settings, estimators.on_active, cancelled)}


def run_plan(
    plan: Whole,
    generator: np.random.Generator,
    settings: Settings,
    cancelled: Flag | None,
) -> dict[str, Any]:
    """Run a plan for counts; return the fields of its outcome.

    Args:
        plan: The plan.
        generator: Where the randomness comes from.
        settings: What is wanted.
        cancelled: Looked at between gates.

    Raises:
        Cancelled: If the flag was set.
    """
    state = "statevector"
    array: NDArray[np.complex128] | None = None
    if isinstance(plan, StabilizerPlan):
        from .stabilizer import run_stabilizer  # nor for that of this one

        keys, counts = run_stabilizer(plan, settings.shots, generator, cancelled)
    elif isinstance(plan, NoisyPlan):
        from .noisy import run_noisy  # most circuits have no noise: they do not wait for its import

        state = "density_matrix"
        with _keep_calm(plan, exact=settings.density_matrix is not False):
            keys, counts, array = run_noisy(
                plan,
                settings.shots,
                generator,
                settings.branch_bytes,
                settings.density_matrix,
                cancelled,
            )
    else:
        run = _run_static if plan.is_static else _run_dynamic
        keys, counts, array = run(plan, generator, settings, cancelled)
    outcome: dict[str, Any] = {} if array is None else {state: array}
    if plan.has_counts:
        outcome["counts"] = keys, counts
        if settings.memory:
            outcome["memory"] = [keys[i] for i in shuffle_shots(counts, generator).tolist()]
    return outcome


def estimate(
    plan: Whole,
    settings: Settings,
    on_active: dict[tuple[int, ...], ActiveObservables],
    cancelled: Flag | None,
) -> NDArray[np.float64]:
    """Return the expectation values in the final state of a plan without measurement.

    Args:
        plan: The plan.
        settings: They have the observables.
        on_active: The observables on the active qubits of plans that came before.
        cancelled: Looked at between gates.

    Returns:
        Shape (observables,).

    Raises:
        Cancelled: If the flag was set.
    """
    assert settings.observables is not None  # noqa: S101 - the caller has looked
    assert not isinstance(plan, StabilizerPlan)  # noqa: S101 - these are made for counts only
    if isinstance(plan, NoisyPlan):
        from .noisy import expectation_values

        with _keep_calm(plan, exact=True):
            return expectation_values(plan, settings.observables.terms, cancelled)
    qubits = plan.qubits or (0,)
    if plan.stages is not None:
        standing = sorted(zip(plan.stages.places, plan.qubits, strict=True))
        qubits = tuple([qubit for _, qubit in standing])
    if qubits not in on_active:
        on_active[qubits] = settings.observables.on(qubits)
    if not plan.is_static:
        from .mixture import Mixture  # most circuits are static: they do not wait for its import

        mixture = Mixture(plan, settings.branch_bytes, cancelled)
        return mixture.expectation_values(on_active[qubits])
    state = _final_state(plan, cancelled)[0] if plan.qubits else _pool.zero_state(1)
    return on_active[qubits].values(state)


def _keep_calm(noisy: NoisyPlan, *, exact: bool) -> AbstractContextManager[None]:
    """Return the context for a noisy plan, exact if no trajectories are taken whatever it says."""
    qubits = len(noisy.plan.qubits)
    small = noisy.plan.is_static and qubits <= UNSPREAD_QUBITS  # otherwise there may be branches
    if small or not (exact or noisy.method == "density_matrix"):
        return nullcontext()
    return calm_blas(qubits)


def _run_static(
    plan: Plan,
    generator: np.random.Generator,
    settings: Settings,
    cancelled: Flag | None,
) -> tuple[list[int], list[int], NDArray[np.complex128] | None]:
    """Sample all shots from one final state."""
    n = len(plan.qubits)
    if n == 0:
        one = np.ones(1, dtype=complex) * np.exp(1j * plan.phase)
        vector = expand(one, (), plan.num_qubits) if settings.statevector else None
        return ([0], [settings.shots], vector) if plan.has_counts else ([], [], vector)
    if not plan.has_counts and not settings.statevector:
        return [], [], None
    if n <= _PLAIN_QUBITS:
        return _run_qubit(plan, generator, settings)
    state, places = _final_state(plan, cancelled)
    vector = None
    if settings.statevector:
        qubits = [0] * n
        for qubit, place in zip(plan.qubits, places, strict=True):
            qubits[place] = qubit
        phase = plan.phase if plan.stages is None else plan.phase + plan.stages.phase
        amplitudes = state.get_vector() * np.exp(1j * phase)
        vector = expand(amplitudes, qubits, plan.num_qubits)
        del amplitudes
    if not plan.has_counts:
        return [], [], vector
    terminal = plan.terminal
    if plan.stages is not None:
        terminal = tuple(
            [(None if qubit is None else places[qubit], clbit) for qubit, clbit in terminal]
        )
    if n > MARGINAL_QUBITS:
        return *measure_state(state, terminal, settings.shots, generator), vector
    probabilities = to_probabilities(state.get_vector())
    return *measure(probabilities, n, terminal, settings.shots, generator), vector


def _run_qubit(
    plan: Plan, generator: np.random.Generator, settings: Settings
) -> tuple[list[int], list[int], NDArray[np.complex128] | None]:
    """Do what :func:`_run_static` does for a circuit with one active qubit."""
    amplitudes = evolve_qubit(plan.operations)
    vector = None
    if settings.statevector:
        array = np.array(amplitudes) * np.exp(1j * plan.phase)
        vector = expand(array, plan.qubits, plan.num_qubits)
    if not plan.has_counts:
        return [], [], vector
    if len(plan.terminal) == 1:
        return *measure_qubit(amplitudes, plan.terminal[0], settings.shots, generator), vector
    probabilities = to_probabilities(np.array(amplitudes))
    return *measure(probabilities, 1, plan.terminal, settings.shots, generator), vector


def _final_state(plan: Plan, cancelled: Flag | None) -> tuple[Any, Sequence[int]]:
    """Return the final ``qulacs.QuantumState`` and the place of each plan qubit in it."""
    if plan.stages is not None:
        return run_stages(plan.stages, cancelled), plan.stages.places
    n = len(plan.qubits)
    state = _pool.zero_state(n)
    Circuit(plan.operations, n).apply(state, cancelled)
    return state, range(n)


def _run_dynamic(
    plan: Plan,
    generator: np.random.Generator,
    settings: Settings,
    cancelled: Flag | None,
) -> tuple[list[int], list[int], NDArray[np.complex128] | None]:
    """Sample by branching over the outcomes of the measurements inside the circuit."""
    from .dynamic import DynamicRun  # most circuits are static: they do not wait for its import

    vector = None
    if settings.statevector:
        run = DynamicRun(plan, generator, settings.branch_bytes, cancelled)
        amplitudes = run.statevector()
        vector = expand(amplitudes[: 1 << len(plan.qubits)], plan.qubits, plan.num_qubits)
    if not plan.has_counts:
        return [], [], vector
    counts = DynamicRun(plan, generator, settings.branch_bytes, cancelled).run(settings.shots)
    ordered = sorted(counts)
    return ordered, [counts[key] for key in ordered], vector


def expand(
    amplitudes: NDArray[np.complex128], qubits: Sequence[int], num_qubits: int
) -> NDArray[np.complex128]:
    """Return the amplitudes over all qubits of a circuit; idle qubits are in 0.

    Args:
        amplitudes: Shape (2**k,), over the active qubits.
        qubits: Circuit index of each of the k active qubits, the least significant first.
        num_qubits: Number of qubits of the circuit.

    Returns:
        Shape (2**num_qubits,), in Qiskit's order.
    """
    if tuple(qubits) == tuple(range(num_qubits)):
        return amplitudes
    tensor = np.zeros((2,) * num_qubits, dtype=complex)
    place = tuple(slice(None) if qubit in qubits else 0 for qubit in reversed(range(num_qubits)))
    # Axes of the active qubits, most significant first: as they stand in the plan, then sorted.
    order = [len(qubits) - 1 - qubits.index(qubit) for qubit in sorted(qubits, reverse=True)]
    tensor[place] = amplitudes.reshape((2,) * len(qubits)).transpose(order)
    return tensor.reshape(-1)
