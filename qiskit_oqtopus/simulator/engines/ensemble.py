"""Many state vectors at once: the quantum half of the branches of a dynamic circuit."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Protocol

import numpy as np
import qulacs
from numpy.typing import NDArray

from ..operations import PERMUTATION_GATES, Operation, matrix_of, qubits_of
from ..state import Circuit, Flag
from .fingerprint import are_same, fingerprints
from .sampling import Probabilities, to_probabilities

BATCH_QUBITS = 6
"""Up to this many qubits all branches are one array, and a run of unitaries is one matrix."""

_FEW_COLUMNS = 8
"""Products with so few columns are gathered into one."""


Places = NDArray[np.intp]
"""Numbers of branches."""


class Ensemble(Protocol):
    """State vectors of the same qubits, one per branch."""

    def __len__(self) -> int:
        """Return the number of branches."""

    def apply(self, circuit: Any, cancelled: Flag | None) -> None:
        """Apply operations, in the form that :func:`prepare` returns, to all branches."""

    def ones(self, qubit: int) -> NDArray[np.float64]:
        """Return the probability to find the qubit in 1 for each branch, shape (branches,)."""

    def split(
        self, qubit: int, zeros: Places, ones: Places, p_one: NDArray[np.float64]
    ) -> Ensemble:
        """Return the branches ``zeros`` projected on 0, then the branches ``ones`` on 1.

        The ensemble itself is used up.
        """

    def flip(self, qubit: int, branches: Sequence[int]) -> None:
        """Apply X to the qubit in some branches."""

    def take(self, branches: Sequence[int]) -> Ensemble:
        """Return copies of some branches."""

    def part(self, branches: Sequence[int]) -> Ensemble:
        """Return some branches, which leave this ensemble: their states are not copied."""

    def join(self, others: Sequence[Any]) -> Ensemble:
        """Return the branches of this ensemble and of the others, in order; all are used up."""

    def fingerprints(self, branches: Sequence[int]) -> NDArray[np.float64]:
        """Return what is close for equal states (see :mod:`.fingerprint`), shape (branches,)."""

    def are_same(self, first: Sequence[int], second: Sequence[int]) -> NDArray[np.bool_]:
        """Return for each pair of branches whether their states are the same but for a phase."""

    def vector(self, branch: int) -> NDArray[np.complex128]:
        """Return a copy of the state vector of a branch, shape (2**n,)."""

    def probabilities(self, branch: int) -> Probabilities:
        """Return the probabilities of a branch, shape (2**n,); may be overwritten."""

    def all_probabilities(self) -> Probabilities:
        """Return the probabilities of all branches, shape (branches, 2**n)."""


def zero_state(num_qubits: int) -> Ensemble:
    """Return one branch with all qubits in 0."""
    if num_qubits <= BATCH_QUBITS:
        states = np.zeros((1, 1 << num_qubits), dtype=complex)
        states[0, 0] = 1
        return Batch(states, num_qubits)
    return StateList([qulacs.QuantumState(num_qubits)], num_qubits)


def ensemble_of(rows: NDArray[np.complex128], num_qubits: int) -> Ensemble:
    """Return an ensemble of state vectors, shape (branches, 2**n)."""
    if num_qubits <= BATCH_QUBITS:
        return Batch(rows, num_qubits)
    states = []
    for row in rows:
        state = qulacs.QuantumState(num_qubits)
        state.load(row)
        states.append(state)
    return StateList(states, num_qubits)


def prepare(operations: Sequence[Operation], num_qubits: int) -> Any:
    """Return operations in the form that an ensemble of this many qubits applies."""
    if num_qubits > BATCH_QUBITS:
        return Circuit(operations, num_qubits)
    # The qubits above all operations need no part in the matrix.
    width = 1 + max((max(qubits_of(operation), default=-1) for operation in operations), default=-1)
    rows = np.eye(1 << width, dtype=complex)
    for operation in operations:
        name = operation[0]
        if name in PERMUTATION_GATES:
            rows = rows[:, _permutation(name, operation[1:], width)]
        else:
            rows = _apply(rows, width, *matrix_of(operation))
    return rows


@lru_cache(maxsize=64)
def _outcomes(num_qubits: int, qubit: int) -> NDArray[np.float64]:
    """Return which amplitudes have the qubit in 0, and which in 1, shape (2**n, 2)."""
    outcomes: NDArray[np.float64] = np.eye(2)[(np.arange(1 << num_qubits) >> qubit) & 1]
    return outcomes


@lru_cache(maxsize=256)
def _permutation(name: str, qubits: tuple[int, ...], num_qubits: int) -> NDArray[np.int64]:
    """Return the amplitude that comes to each place: such gates only move amplitudes."""
    indices = np.arange(1 << num_qubits)
    first, last = qubits[0], qubits[-1]
    if name == "x":
        return indices ^ (1 << first)
    ones = (indices >> first) & 1
    if name == "cx":
        return indices ^ (ones << last)
    differ = ones ^ ((indices >> last) & 1)
    return indices ^ (differ << first) ^ (differ << last)


def _apply(
    states: NDArray[np.complex128],
    num_qubits: int,
    qubits: Sequence[int],
    matrix: NDArray[np.complex128],
) -> NDArray[np.complex128]:
    """Apply a matrix to some qubits of each row of ``states``, shape (rows, 2**n)."""
    if len(qubits) == 1:
        # One product in place of two rearrangements, which take longer than the product.
        low = 1 << qubits[0]
        if low > _FEW_COLUMNS:
            columns = matrix @ states.reshape(-1, 2, low)
        else:  # many products of very few numbers would take longer still
            wide = np.multiply.outer(matrix.T, np.eye(low)).swapaxes(1, 2).reshape(2 * low, -1)
            columns = states.reshape(-1, 2 * low) @ wide
        return np.asarray(columns).reshape(states.shape)
    axes = [num_qubits - qubit for qubit in reversed(qubits)]
    last = list(range(num_qubits + 1 - len(axes), num_qubits + 1))
    tensor = np.moveaxis(states.reshape((-1,) + (2,) * num_qubits), axes, last)
    changed = tensor.reshape(-1, len(matrix)) @ matrix.T
    result: NDArray[np.complex128] = np.moveaxis(changed.reshape(tensor.shape), last, axes)
    return result.reshape(states.shape)


class Batch:
    """All branches in one array of shape (branches, 2**n)."""

    def __init__(self, states: NDArray[np.complex128], num_qubits: int) -> None:
        self._states = states
        self._num_qubits = num_qubits

    def __len__(self) -> int:
        return len(self._states)

    def _halves(self, qubit: int) -> NDArray[np.complex128]:
        """Return a view of shape (branches, high, 2, low), the third axis being the qubit."""
        return self._states.reshape(len(self._states), -1, 2, 1 << qubit)

    def apply(self, circuit: Any, cancelled: Flag | None) -> None:
        """Apply the rows that :func:`prepare` returned."""
        states = self._states.reshape(-1, len(circuit))
        self._states = (states @ circuit).reshape(self._states.shape)

    def ones(self, qubit: int) -> NDArray[np.float64]:
        """Return the probability of 1 for each branch."""
        weights = to_probabilities(self._states) @ _outcomes(self._num_qubits, qubit)
        share: NDArray[np.float64] = weights[:, 1] / weights.sum(axis=1)
        return share

    def split(self, qubit: int, zeros: Places, ones: Places, p_one: NDArray[np.float64]) -> Batch:
        """Return the projected branches."""
        result = Batch(self._states[np.concatenate([zeros, ones])], self._num_qubits)
        halves = result._halves(qubit)
        halves[: len(zeros), :, 1] = 0
        halves[len(zeros) :, :, 0] = 0
        kept = np.concatenate([1 - p_one[zeros], p_one[ones]])
        result._states *= (1 / np.sqrt(kept))[:, np.newaxis]
        return result

    def flip(self, qubit: int, branches: Sequence[int]) -> None:
        """Exchange the halves of some branches."""
        halves = self._halves(qubit)
        halves[branches] = halves[branches][:, :, ::-1]

    def take(self, branches: Sequence[int]) -> Batch:
        """Return copies of some branches."""
        return Batch(self._states[list(branches)], self._num_qubits)

    def part(self, branches: Sequence[int]) -> Batch:
        """Return some branches; in one array there is no way but to copy."""
        return self.take(branches)

    def join(self, others: Sequence[Batch]) -> Batch:
        """Return all branches in one array."""
        parts = [self._states, *(other._states for other in others)]
        return Batch(np.concatenate(parts), self._num_qubits)

    def fingerprints(self, branches: Sequence[int]) -> NDArray[np.float64]:
        """Return the fingerprints of some branches."""
        return fingerprints(self._states[branches])

    def are_same(self, first: Sequence[int], second: Sequence[int]) -> NDArray[np.bool_]:
        """Compare pairs of branches, all at once."""
        return are_same(self._states[first], self._states[second])

    def vector(self, branch: int) -> NDArray[np.complex128]:
        """Return a copy of the state vector of a branch."""
        vector: NDArray[np.complex128] = self._states[branch].copy()
        return vector

    def probabilities(self, branch: int) -> Probabilities:
        """Return the probabilities of a branch."""
        return to_probabilities(self._states[branch])

    def all_probabilities(self) -> Probabilities:
        """Return the probabilities of all branches."""
        return to_probabilities(self._states)


def find_p_one(state: Any, qubit: int) -> float:
    """Return the probability to find a qubit of a ``qulacs.QuantumState`` in 1."""
    # Both outcomes are summed: 1 - p(0) would turn a rounding error into an outcome.
    pattern = [2] * state.get_qubit_count()
    shares = []
    for outcome in (0, 1):
        pattern[qubit] = outcome
        shares.append(state.get_marginal_probability(pattern))
    return float(shares[1] / sum(shares))


class StateList:
    """One Qulacs state per branch."""

    def __init__(self, states: list[Any], num_qubits: int) -> None:
        self._states = states
        self._num_qubits = num_qubits

    @property
    def states(self) -> list[Any]:
        """The states; they are not copied."""
        return self._states

    def __len__(self) -> int:
        return len(self._states)

    def apply(self, circuit: Circuit, cancelled: Flag | None) -> None:
        """Apply a circuit to each state."""
        for state in self._states:
            circuit.apply(state, cancelled)

    def ones(self, qubit: int) -> NDArray[np.float64]:
        """Return the probability of 1 for each branch."""
        return np.array([find_p_one(state, qubit) for state in self._states])

    def split(
        self, qubit: int, zeros: Places, ones: Places, p_one: NDArray[np.float64]
    ) -> StateList:
        """Return the projected branches; a state is copied only where both outcomes occur."""
        both = set(zeros) & set(ones)
        second = {branch: self._states[branch].copy() for branch in both}
        result = [self._states[branch] for branch in zeros]
        result += [second.get(branch, self._states[branch]) for branch in ones]
        projectors = qulacs.gate.P0(qubit), qulacs.gate.P1(qubit)
        for position, state in enumerate(result):
            projectors[position >= len(zeros)].update_quantum_state(state)
            state.normalize(state.get_squared_norm())
        return StateList(result, self._num_qubits)

    def flip(self, qubit: int, branches: Sequence[int]) -> None:
        """Apply X to some states."""
        gate = qulacs.gate.X(qubit)
        for branch in branches:
            gate.update_quantum_state(self._states[branch])

    def take(self, branches: Sequence[int]) -> StateList:
        """Return copies of some branches."""
        return StateList([self._states[branch].copy() for branch in branches], self._num_qubits)

    def part(self, branches: Sequence[int]) -> StateList:
        """Return some branches, and forget them here."""
        states = [self._states[branch] for branch in branches]
        for branch in branches:
            self._states[branch] = None
        return StateList(states, self._num_qubits)

    def join(self, others: Sequence[StateList]) -> StateList:
        """Return all states in one list."""
        states = self._states + [state for other in others for state in other._states]
        return StateList(states, self._num_qubits)

    def fingerprints(self, branches: Sequence[int]) -> NDArray[np.float64]:
        """Return the fingerprints of some branches."""
        vectors = (self._states[branch].get_vector() for branch in branches)  # one at a time
        return np.array([fingerprints(vector[np.newaxis])[0] for vector in vectors])

    def are_same(self, first: Sequence[int], second: Sequence[int]) -> NDArray[np.bool_]:
        """Compare pairs of branches, one after the other."""
        return np.array(
            [
                are_same(self.vector(a)[np.newaxis], self.vector(b)[np.newaxis])[0]
                for a, b in zip(first, second, strict=True)
            ]
        )

    def vector(self, branch: int) -> NDArray[np.complex128]:
        """Return a copy of the state vector of a branch."""
        vector: NDArray[np.complex128] = self._states[branch].get_vector()
        return vector

    def probabilities(self, branch: int) -> Probabilities:
        """Return the probabilities of a branch."""
        return to_probabilities(self._states[branch].get_vector())

    def all_probabilities(self) -> Probabilities:
        """Return the probabilities of all branches."""
        return np.array([self.probabilities(branch) for branch in range(len(self))])
