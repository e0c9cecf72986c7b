"""Run noisy plans: on density matrices, or by trajectories of state vectors."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import qulacs
from numpy.typing import NDArray

from ..noise.pauli import OUTCOMES
from ..noise.readout import misread, reading_matrix
from ..operations import Matrix, Operation
from ..plan import NoisyPlan, Plan, Wanted
from ..state import Circuit, Flag
from .branches import Branches
from .density import Densities
from .dynamic import DynamicRun
from .ensemble import Ensemble, StateList
from .sampling import measure, to_probabilities
from .trajectory import Trajectories

Sampled = tuple[list[int], list[int]]
"""Values of the classical bits, and how often each occurred."""


def run_noisy(
    noisy: NoisyPlan,
    shots: int,
    generator: np.random.Generator,
    branch_bytes: int,
    density_matrix: Wanted = False,
    cancelled: Flag | None = None,
) -> tuple[list[int], list[int], Matrix | None]:
    """Run a noisy plan.

    Args:
        noisy: The plan.
        shots: Number of shots.
        generator: Where the randomness comes from.
        branch_bytes: Bound on the states that branching keeps at once.
        density_matrix: Of which qubits the density matrix is wanted, see :func:`density_matrix_of`.
        cancelled: Looked at between gates.

    Returns:
        Values of the classical bits and how often each occurred, both empty if the circuit writes
        no classical bit; and the density matrix, or None.

    Raises:
        Cancelled: If the flag was set.
    """
    plan = noisy.plan
    states = matrix = None
    if density_matrix is not False or (plan.is_static and noisy.method == "density_matrix"):
        states = final_densities(plan, cancelled)
    if density_matrix is not False and states is not None:
        wanted = range(plan.num_qubits) if density_matrix is True else density_matrix
        matrix = density_matrix_of(plan, states, wanted)
    if not plan.has_counts:
        return [], [], matrix
    if plan.is_static and states is not None:
        return *_sample_densities(noisy, states, shots, generator), matrix
    if plan.is_static:
        return *_static_trajectories(noisy, shots, generator, cancelled), matrix
    kind = DensityRun if noisy.method == "density_matrix" else TrajectoryRun
    counts = kind(plan, generator, branch_bytes, cancelled).run(shots)
    ordered = sorted(counts)
    numbers = [counts[key] for key in ordered]
    return *misread(ordered, numbers, plan.misread, generator), matrix


def final_densities(plan: Plan, cancelled: Flag | None = None) -> Densities:
    """Return the state of the active qubits before the terminal measurements, noise included.

    Args:
        plan: A plan without measurements inside; resets are no measurements.
        cancelled: Looked at between gates.

    Raises:
        Cancelled: If the flag was set.
    """
    if not plan.is_static:
        return DensityRun(plan, np.random.default_rng(0), 0, cancelled).final()
    states = Densities(max(1, len(plan.qubits)))
    states.apply(plan.operations, cancelled)
    return states


def density_matrix_of(plan: Plan, states: Densities, qubits: Sequence[int]) -> Matrix:
    """Return the density matrix of some qubits of a circuit; the others are traced out.

    Args:
        plan: The plan.
        states: Its final state.
        qubits: The k qubits of the circuit, the least significant one first.

    Returns:
        Shape (2**k, 2**k).
    """
    active = [qubit for qubit in qubits if qubit in plan.qubits]
    small = states.matrix(0, [plan.qubits.index(qubit) for qubit in active])
    if len(active) == len(qubits):
        return small
    # Idle qubits are in 0: their rows and columns of 1 are empty.
    places = np.zeros(1 << len(active), dtype=np.int64)
    for j, qubit in enumerate(active):
        places |= (np.arange(len(places)) >> j & 1) << list(qubits).index(qubit)
    matrix = np.zeros((1 << len(qubits),) * 2, dtype=complex)
    matrix[np.ix_(places, places)] = small
    return matrix


def expectation_values(
    noisy: NoisyPlan, terms: Sequence[Mapping[str, float]], cancelled: Flag | None = None
) -> NDArray[np.float64]:
    """Return exact expectation values before the terminal measurements, noise included.

    Args:
        noisy: A plan without measurements inside.
        terms: For each observable, the coefficient of each Pauli string: a label of one letter per
            qubit of the circuit, qubit 0 last.
        cancelled: Looked at between gates.

    Returns:
        Shape (observables,).

    Raises:
        Cancelled: If the flag was set.
    """
    plan = noisy.plan
    coefficients = final_densities(plan, cancelled).coefficients(0)
    place = {qubit: axis for axis, qubit in enumerate(reversed(plan.qubits))}

    def mean(label: str) -> float:
        index = [0] * coefficients.ndim
        for qubit, letter in enumerate(reversed(label)):
            if qubit in place:
                index[place[qubit]] = "IXYZ".index(letter)
            elif letter in "XY":  # an idle qubit is in 0
                return 0.0
        return float(coefficients[tuple(index)])

    means = {label: mean(label) for label in {label for each in terms for label in each}}
    return np.array([sum(c * means[label] for label, c in each.items()) for each in terms])


def _sample_densities(
    noisy: NoisyPlan, states: Densities, shots: int, generator: np.random.Generator
) -> Sampled:
    terminal = [(qubit, clbit) for qubit, clbit in noisy.plan.terminal if qubit is not None]
    clbits: dict[int, list[int]] = {}
    for qubit, clbit in terminal:
        clbits.setdefault(qubit, []).append(clbit)
    wrong = {misreading[0]: misreading for misreading in noisy.plan.misread}
    maps: list[Any] = [None] * max(1, len(noisy.plan.qubits))
    for qubit, written in clbits.items():
        maps[qubit] = OUTCOMES
        if len(written) == 1 and written[0] in wrong:
            # All shots at once. Several bits that are read from one qubit err independently.
            maps[qubit] = reading_matrix(*wrong.pop(written[0])[1:])
    weights = np.maximum(states.read(maps).reshape(-1), 0.0)
    place = {qubit: j for j, qubit in enumerate(sorted(clbits))}
    pairs = [(place[qubit], clbit) for qubit, clbit in terminal]
    keys, counts = measure(weights, len(place), pairs, shots, generator)
    return misread(keys, counts, list(wrong.values()), generator)


def _static_trajectories(
    noisy: NoisyPlan, shots: int, generator: np.random.Generator, cancelled: Flag | None
) -> Sampled:
    plan = noisy.plan
    n = max(1, len(plan.qubits))
    trajectories = Trajectories(plan.operations, n, cancelled)
    totals: Counter[int] = Counter()
    for state, number in trajectories.run(qulacs.QuantumState(n), shots, generator):
        probabilities = to_probabilities(state.get_vector())
        trajectories.release(state)
        keys, counts = measure(probabilities, n, plan.terminal, number, generator)
        for key, count in zip(keys, counts, strict=True):
            totals[key] += count
    ordered = sorted(totals)
    return misread(ordered, [totals[key] for key in ordered], plan.misread, generator)


class _NoisyRun(DynamicRun):
    """A run of a dynamic plan in which bits may be read wrongly."""

    def _misread(
        self, group: Branches, at: int, clbit: int, p_one_for_zero: float, p_zero_for_one: float
    ) -> list[tuple[int, Branches]]:
        """Flip a bit in some shots: their branches go on with the same state."""
        p = np.array(
            [p_zero_for_one if bits >> clbit & 1 else p_one_for_zero for bits in group.bits]
        )
        undecided = int(np.count_nonzero((group.shots > 1) & (p > 0) & (p < 1)))
        if not self._has_room(group, at, undecided):
            return []
        numbers = self._generator.binomial(group.shots, p)
        right = np.flatnonzero(numbers < group.shots).tolist()
        wrong = np.flatnonzero(numbers).tolist()
        copies = [group.states.take(wrong)] if wrong else []  # before the others leave
        parts = [group.states.part(right), *copies] if right else copies
        states = parts[0].join(parts[1:]) if len(parts) > 1 else parts[0]
        left = group.shots - numbers
        group = group.with_states(states, right + wrong)
        group.shots = np.concatenate([left[right], numbers[wrong]])
        for i in range(len(right), len(group)):
            group.bits[i] ^= 1 << clbit
        return [(at + 1, group)]


class DensityRun(_NoisyRun):
    """A run of a dynamic plan with a density matrix in each branch."""

    def __init__(self, plan: Plan, *arguments: Any) -> None:
        super().__init__(plan, *arguments)
        # A density matrix takes as much as the state vectors of twice as many qubits.
        self._capacity = max(2, self._capacity >> self._num_qubits)
        self._final_states: Densities | None = None

    def final(self) -> Densities:
        """Return the final state of a program without measurements."""
        self._keep_final = True
        self.run(1)
        assert self._final_states is not None  # noqa: S101 - one shot has one end
        return self._final_states

    def _zero_state(self) -> Ensemble:
        return Densities(self._num_qubits)

    def _finish(self, group: Branches) -> None:
        if self._keep_final and isinstance(group.states, Densities):
            self._final_states = group.states
            return
        super()._finish(group)

    def _unitary(
        self, group: Branches, at: int, operations: Any, phase: float
    ) -> list[tuple[int, Branches]]:
        self._apply(group, operations)
        return [(at + 1, group)]

    def _apply(self, group: Branches, operations: Sequence[Operation]) -> None:
        group.states.apply(operations, self._cancelled)

    def _reset(self, group: Branches, at: int, qubit: int) -> list[tuple[int, Branches]]:
        """A reset is a channel like any other: what was there before is not recorded."""
        assert isinstance(group.states, Densities)  # noqa: S101 - mypy
        group.states.reset(qubit)
        return [(at + 1, group)]


class TrajectoryRun(_NoisyRun):
    """A run of a dynamic plan with state vectors, which noise strikes at random."""

    def _zero_state(self) -> Ensemble:
        return StateList([qulacs.QuantumState(self._num_qubits)], self._num_qubits)

    def _apply(self, group: Branches, operations: Sequence[Operation]) -> None:
        group.states.apply(Circuit(operations, self._num_qubits), self._cancelled)

    def _unitary(
        self, group: Branches, at: int, operations: Any, phase: float
    ) -> list[tuple[int, Branches]]:
        trajectories: Trajectories = self._prepare(
            at, Trajectories, operations, self._num_qubits, self._cancelled
        )
        undecided = int(group.shots.sum()) - len(group) if trajectories.events else 0
        if not self._has_room(group, at, undecided):
            return []
        assert isinstance(group.states, StateList)  # noqa: S101 - mypy
        states, branches, shots = [], [], []
        for branch, state in enumerate(group.states.states):
            number = int(group.shots[branch])
            for final, taken in trajectories.run(state, number, self._generator):
                states.append(final)
                branches.append(branch)
                shots.append(taken)
        result = group.with_states(StateList(states, self._num_qubits), branches)
        result.shots = np.array(shots)
        return [(at + 1, result)]
