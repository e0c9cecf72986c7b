"""Density matrices of the same qubits, one per branch, in the Pauli basis.

See :mod:`qiskit_oqtopus.simulator.noise.pauli` for the basis.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import qulacs
from numpy.typing import NDArray

from ..noise.pauli import (
    MATRIX_UNITS,
    OUTCOMES,
    PROJECTORS,
    RESET,
    Real,
    coefficients_of,
    conjugate,
    site_transfer,
)
from ..operations import TRANSFER_QUBITS, Matrix, Operation, qubits_of
from ..state import Cancelled, Circuit, Flag
from .ensemble import Places
from .fingerprint import are_same, fingerprints
from .sampling import Probabilities

_MERGED_QUBITS = 7
"""From this many qubits on, matrices of one qubit are merged into those of two before these are
applied; with fewer qubits merging costs more than it saves."""

_SLICE = 1 << 22
"""Coefficients that are updated between two looks at the cancel flag: well below a second."""

_KNOWN = 4096
"""Sites that are remembered, each with its transfer matrix."""

_ROUNDING = 1e-12
"""A probability that differs by less from 0 or 1 is that."""


class Densities:
    """Density matrices as one real array of Pauli coefficients, shape (4,) * n + (branches,).

    A Pauli transfer matrix on k qubits is one real matrix product if their axes are the first ones.
    So axes are moved when they are needed, and stay where they are then. Matrices on one qubit are
    held back and multiplied, and touch the state together with the next gate on two qubits. This is
    several times faster than noisy gates in Qulacs, as gates on a state of twice as many qubits.

    Args:
        num_qubits: Number n of qubits, all in state 0.
    """

    def __init__(self, num_qubits: int) -> None:
        zero = np.zeros((4,) * num_qubits + (1,))
        zero[(slice(None, None, 3),) * num_qubits] = 1.0
        self._num_qubits = num_qubits
        self._set(zero.reshape(-1), 1)
        self._order = tuple(reversed(range(num_qubits)))  # the qubit of each axis
        self._waiting: dict[int, Real] = {}  # by qubit, what is to be applied to it
        self._known: dict[Any, Any] = {}  # sites that have occurred

    def _set(self, flat: Real, branches: int) -> None:
        self._flat = flat
        self._branches = branches
        self._spare: Real | None = None  # where the next result goes: fresh memory is slow

    def __len__(self) -> int:
        return self._branches

    # -- gates and noise ------------------------------------------------------------------------

    def apply(self, operations: Sequence[Operation], cancelled: Flag | None = None) -> None:
        """Apply operations and noise to all branches.

        Raises:
            Cancelled: If the flag was set; the states are then somewhere in between.
        """
        pause = max(1, _SLICE // len(self._flat))
        known = self._known
        position, count, look = 0, len(operations), 0
        while position < count:
            if cancelled is not None and position >= look:
                if cancelled.is_set():
                    raise Cancelled
                look = position + pause
            operation = operations[position]
            position += 1
            noise = operations[position] if position < count else None
            if noise is not None and noise[0] != "noise":
                noise = None
            site = None
            named = type(operation[-1]) is not np.ndarray and operation[0] != "matrix"
            if named:
                site = known.get((operation, noise))
            if site is None:
                site = self._site(operation, noise)
                if named:
                    if len(known) >= _KNOWN:  # a loop may have another angle each time
                        known.clear()
                    known[operation, noise] = site
            qubits, matrix, has_noise = site
            position += has_noise
            if matrix is None:
                self._apply_wide(operation)
            elif len(qubits) == 1:
                waiting = self._waiting.get(qubits[0])
                self._waiting[qubits[0]] = matrix if waiting is None else matrix @ waiting
            else:
                self._apply_matrix(qubits, matrix)

    @staticmethod
    def _site(
        operation: Operation, noise: Operation | None
    ) -> tuple[tuple[int, ...], Real | None, bool]:
        """Return qubits, transfer matrix (None: too large), and whether the noise is in it."""
        qubits = qubits_of(operation)
        if len(qubits) > TRANSFER_QUBITS and operation[0] != "noise":
            return qubits, None, False
        same = noise is not None and operation[0] != "noise" and noise[1] == qubits
        return *site_transfer(operation, noise if same else None), same

    def _apply_matrix(self, qubits: tuple[int, ...], matrix: Real) -> None:
        self._to_front(qubits)
        waiting = [self._waiting.pop(qubit, None) for qubit in reversed(qubits)]
        if self._num_qubits >= _MERGED_QUBITS and any(each is not None for each in waiting):
            product: Real = np.ones((1, 1))
            for each in waiting:
                product = np.asarray(np.kron(product, _ID if each is None else each))
            matrix = matrix @ product
        else:
            for axis, each in enumerate(waiting):
                if each is not None:
                    self._multiply(each, 4**axis)
        self._multiply(matrix, 1)

    def _multiply(self, matrix: Real, before: int) -> None:
        """Apply a matrix to consecutive axes, behind axes of ``before`` elements."""
        shape = (before, len(matrix), -1)
        result = self._result()
        np.matmul(matrix, self._flat.reshape(shape), out=result.reshape(shape))
        self._flat, self._spare = result, self._flat

    def _result(self) -> Real:
        return np.empty_like(self._flat) if self._spare is None else self._spare

    def _to_front(self, qubits: tuple[int, ...]) -> None:
        """Move the axes of qubits to the front, the last one first: it is the most significant."""
        if self._order[: len(qubits)] != qubits[::-1]:
            order, axes = _move_axes(self._order, qubits[::-1])
            shape = (4,) * self._num_qubits + (self._branches,)
            tensor = self._flat.reshape(shape).transpose(axes)
            result = self._result()
            np.copyto(result.reshape(tensor.shape), tensor)
            self._flat, self._spare, self._order = result, self._flat, order

    def _settle(self, qubit: int) -> int:
        """Apply what waits for a qubit; return its axis."""
        axis = self._order.index(qubit)
        waiting = self._waiting.pop(qubit, None)
        if waiting is not None:
            self._multiply(waiting, 4**axis)
        return axis

    def reset(self, qubit: int) -> None:
        """Bring a qubit to 0 in all branches."""
        self._waiting[qubit] = RESET @ self._waiting.get(qubit, _ID)

    def _apply_wide(self, operation: Operation) -> None:
        """Apply a gate on many qubits to the matrices themselves, as states of 2n qubits.

        Qulacs has the columns of rho, one below the other: ``U rho U^+`` is U on the first n qubits
        and the complex conjugate of U on the others.
        """
        n = self._num_qubits
        circuit = Circuit([operation, conjugate(operation, n)], 2 * n)
        state: Any = qulacs.QuantumState(2 * n)
        changed = []
        for branch in range(len(self)):
            state.load(self.matrix(branch, range(n)).T.reshape(-1))
            circuit.apply(state)
            changed.append(coefficients_of(state.get_vector().reshape(1 << n, -1).T))
        self._waiting.clear()
        self._order = tuple(reversed(range(n)))
        self._set(np.stack(changed, axis=-1).reshape(-1), len(changed))

    # -- measurement ----------------------------------------------------------------------------

    def ones(self, qubit: int) -> NDArray[np.float64]:
        """Return the probability of 1 for each branch, shape (branches,)."""
        before, after = self._around(self._settle(qubit))
        tensor = self._flat.reshape(before, 4, after, self._branches)
        weights = OUTCOMES @ tensor[0, :, 0]
        p_one = weights[1] / weights.sum(axis=0)
        p_one[p_one < _ROUNDING] = 0.0
        p_one[p_one > 1 - _ROUNDING] = 1.0
        return np.asarray(p_one)

    def split(
        self, qubit: int, zeros: Places, ones: Places, p_one: NDArray[np.float64]
    ) -> Densities:
        """Return the branches ``zeros`` projected on 0, then the branches ``ones`` on 1."""
        before, after = self._around(self._settle(qubit))
        tensor = self._flat.reshape(before, 4, after, self._branches)
        kept = np.concatenate([1 - p_one[zeros], p_one[ones]])
        chosen = np.empty((before, 4, after, len(kept)))
        for outcome, part, branches in (
            (0, slice(0, len(zeros)), zeros),
            (1, slice(len(zeros), None), ones),
        ):
            chosen[..., part] = np.einsum(
                "ij,bjac->biac", PROJECTORS[outcome], tensor[..., branches], optimize=True
            )
        chosen /= kept
        return self._like(chosen.reshape(-1), len(kept))

    def flip(self, qubit: int, branches: Sequence[int]) -> None:
        """Apply X to the qubit in some branches."""
        before, after = self._around(self._settle(qubit))
        tensor = self._flat.reshape(before, 4, after, self._branches)
        tensor[:, 2:, :, branches] *= -1

    def _around(self, axis: int) -> tuple[int, int]:
        return 4**axis, 4 ** (self._num_qubits - 1 - axis)

    # -- branches -------------------------------------------------------------------------------

    def _like(self, flat: Real, branches: int) -> Densities:
        result = Densities.__new__(Densities)
        result._num_qubits = self._num_qubits
        result._set(flat, branches)
        result._order = self._order
        result._waiting = dict(self._waiting)
        result._known = self._known
        return result

    def take(self, branches: Sequence[int]) -> Densities:
        """Return copies of some branches."""
        tensor = self._flat.reshape(-1, self._branches)
        return self._like(tensor[:, list(branches)].reshape(-1), len(branches))

    def part(self, branches: Sequence[int]) -> Densities:
        """Return some branches; in one array there is no way but to copy."""
        return self.take(branches)

    def join(self, others: Sequence[Densities]) -> Densities:
        """Return all branches in one array."""
        every = [self, *others]
        tensors = [states._columns() for states in every]
        return self._like(np.concatenate(tensors, axis=1).reshape(-1), sum(map(len, every)))

    def _columns(self) -> Real:
        """Return a view of all coefficients in one order, shape (4**n, branches)."""
        for qubit in list(self._waiting):
            self._settle(qubit)
        self._to_front(tuple(range(self._num_qubits)))
        return self._flat.reshape(-1, self._branches)

    def fingerprints(self, branches: Sequence[int]) -> NDArray[np.float64]:
        """Return the fingerprints of some branches."""
        return fingerprints(self._columns()[:, branches].T)

    def are_same(self, first: Sequence[int], second: Sequence[int]) -> NDArray[np.bool_]:
        """Compare pairs of branches, all at once."""
        columns = self._columns()
        return are_same(columns[:, first].T, columns[:, second].T)

    # -- what the states are --------------------------------------------------------------------

    def read(self, maps: Sequence[NDArray[Any] | None], branches: int | slice = 0) -> NDArray[Any]:
        """Return what is left of states if each qubit is reduced to what is asked of it.

        Args:
            maps: For each qubit a matrix of shape (m, 4), which is applied to its coefficients;
                or None, with which the qubit is traced out.
            branches: A branch, or several.

        Returns:
            Shape (m, ...), with an axis for each qubit that is not traced out, the last qubit
            first; and one for several branches.
        """
        tensor: NDArray[Any] = self._flat.reshape((4,) * self._num_qubits + (-1,))[..., branches]
        # The coefficient of 1 is that of the other qubits alone, whatever waits for this one.
        tensor = tensor[tuple([0 if maps[q] is None else slice(None) for q in self._order])]
        left = [qubit for qubit in self._order if maps[qubit] is not None]
        before = 1
        for axis, qubit in enumerate(left):
            matrix = maps[qubit]
            assert matrix is not None  # noqa: S101 - mypy
            if qubit in self._waiting:
                matrix = matrix @ self._waiting[qubit]
            shape = tensor.shape
            product = np.matmul(matrix, tensor.reshape(before, 4, -1))
            tensor = product.reshape(*shape[:axis], len(matrix), *shape[axis + 1 :])
            before *= len(matrix)
        axes = sorted(range(len(left)), key=lambda axis: -left[axis])
        return tensor.transpose(*axes, *range(len(left), tensor.ndim))

    def coefficients(self, branch: int) -> Real:
        """Return the Pauli coefficients of a branch, shape (4,) * n, the last qubit first."""
        return self.read([_ID] * self._num_qubits, branch)

    def probabilities(self, branch: int) -> Probabilities:
        """Return the probabilities of a branch, shape (2**n,); may be overwritten."""
        weights = self.read([OUTCOMES] * self._num_qubits, branch).reshape(-1)
        return np.asarray(np.maximum(weights, 0.0))

    def all_probabilities(self) -> Probabilities:
        """Return the probabilities of all branches, shape (branches, 2**n)."""
        weights = self.read([OUTCOMES] * self._num_qubits, slice(None))
        return np.asarray(np.maximum(weights.reshape(-1, self._branches).T, 0.0))

    def vector(self, branch: int) -> NDArray[np.complex128]:
        """Return the density matrix of a branch, row by row, shape (4**n,)."""
        return self.matrix(branch, range(self._num_qubits)).reshape(-1)

    def matrix(self, branch: int, qubits: Sequence[int]) -> Matrix:
        """Return the density matrix of some qubits; the others are traced out.

        Args:
            branch: The branch.
            qubits: The k qubits, the least significant one first.

        Returns:
            Shape (2**k, 2**k).
        """
        k = len(qubits)
        maps = [MATRIX_UNITS if q in qubits else None for q in range(self._num_qubits)]
        elements = self.read(maps, branch)
        descending = sorted(qubits, reverse=True)
        elements = elements.transpose([descending.index(q) for q in reversed(qubits)])
        rows = elements.reshape((2, 2) * k).transpose(*range(0, 2 * k, 2), *range(1, 2 * k, 2))
        return np.asarray(rows, dtype=complex).reshape(1 << k, 1 << k)


_ID: Real = np.eye(4)


@lru_cache(maxsize=4096)
def _move_axes(
    order: tuple[int, ...], first: tuple[int, ...]
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return the order of axes with some qubits first, and the axes that make it of this one."""
    moved = first + tuple([qubit for qubit in order if qubit not in first])
    return moved, (*[order.index(qubit) for qubit in moved], len(order))
