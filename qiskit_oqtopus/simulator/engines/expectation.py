"""Exact expectation values of sums of Pauli strings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import qulacs
from numpy.typing import NDArray

from ..operations import Operation
from ..state import Circuit
from .sampling import to_probabilities

DIAGONAL_BYTES = 1 << 27
"""Up to this size in all, diagonal observables are kept as vectors of all their values."""

DIAGONAL_ROWS = 4
"""Above this many observables with terms in one basis, one transform of each state costs less than
products with the diagonals of all of them."""

_MAX_GROUPS = 100
"""A string is looked up in at most this many groups: more would cost more than it saves."""

Values = NDArray[np.float64]


@dataclass(frozen=True)
class Observables:
    """Real linear combinations of Pauli strings on the qubits of a circuit; it pickles.

    Attributes:
        terms: For each observable, the coefficient of each Pauli string: a label of one letter per
            qubit of the circuit, qubit 0 last, as Qiskit writes it.
    """

    terms: tuple[Mapping[str, float], ...]

    def on(self, qubits: Sequence[int]) -> ActiveObservables:
        """Return the observables on the active qubits of a circuit; all others are in 0.

        Args:
            qubits: Circuit index of each active qubit.
        """
        reduced: list[Mapping[str, float]] = []
        for terms in self.terms:
            found: dict[str, float] = {}
            for label, coefficient in terms.items():
                kept = _restrict(label, qubits)
                if kept is not None:
                    found[kept] = found.get(kept, 0.0) + coefficient
            reduced.append(found)
        return ActiveObservables(reduced, len(qubits))


def _restrict(label: str, qubits: Sequence[int]) -> str | None:
    """Return the letters on some qubits, or None if the mean is 0 since another one is X or Y.

    >>> _restrict("ZIX", [0, 1]), _restrict("ZIX", [1, 2]), _restrict("III", [0])
    ('IX', None, 'I')
    """
    letters = label[::-1] or "I"  # a circuit without qubits is simulated as one qubit in 0
    kept = "".join([letters[qubit] for qubit in qubits])
    if len(kept) < len(letters) and _count_turned(kept) < _count_turned(letters):
        return None
    return kept[::-1]


def _count_turned(letters: str) -> int:
    """Return on how many qubits a string is not diagonal."""
    return letters.count("X") + letters.count("Y")


class ActiveObservables:
    """Observables on the qubits of a state; for one thread at a time.

    Args:
        terms: For each observable, the coefficient of each Pauli string.
        num_qubits: Number of qubits of the states.
    """

    def __init__(self, terms: Sequence[Mapping[str, float]], num_qubits: int) -> None:
        self._number = len(terms)
        uses: dict[str, list[tuple[int, float]]] = {}
        for observable, strings in enumerate(terms):
            for label, coefficient in strings.items():
                uses.setdefault(label, []).append((observable, coefficient))
        # Strings of Z need no change of basis.
        labels = sorted(uses, key=lambda label: _count_turned(label) > 0)
        groups, single = _group_commuting(labels)
        self._groups: list[_Group] = []
        means: list[str] = []
        room = DIAGONAL_BYTES
        for members in groups:
            group = _Group(members, num_qubits)
            if not group.pays:
                single += members
                continue
            rows = dict.fromkeys(row for label in members for row, _ in uses[label])
            size = len(rows) * 8 << num_qubits
            if len(rows) <= DIAGONAL_ROWS and size <= room:
                group.set_diagonals(list(rows), [uses[label] for label in members])
                room -= size
            else:
                means += members
            self._groups.append(group)
        self._paulis = [_operator(label) for label in single]
        means += single
        # Each term whose string has a mean of its own: its observable, string and coefficient.
        parts = [(row, place, c) for place, label in enumerate(means) for row, c in uses[label]]
        table = np.array(parts, dtype=float).reshape(-1, 3)
        self._rows, self._places = table[:, :2].T.astype(np.int64)
        self._coefficients = table[:, 2]
        self._scratch = qulacs.QuantumState(num_qubits) if self._groups else None

    def values(self, state: Any) -> Values:
        """Return the expectation value of each observable in a ``qulacs.QuantumState``."""
        result = np.zeros(self._number)
        means: list[Values | list[float]] = []
        for group in self._groups:
            probabilities = group.probabilities(state, self._scratch)
            if group.diagonals is not None:
                result[group.rows] += group.diagonals @ probabilities
            else:
                means.append(walsh_hadamard(probabilities)[group.masks])
        means.append([pauli.get_expectation_value(state).real for pauli in self._paulis])
        weights = self._coefficients * np.concatenate(means)[self._places]
        return result + np.bincount(self._rows, weights, self._number)


def _group_commuting(labels: Sequence[str]) -> tuple[list[list[str]], list[str]]:
    """Return groups of strings that agree wherever two of them act on the same qubit, and the rest.

    >>> _group_commuting(["ZZ", "IZ", "XI", "IX", "XY"])
    ([['ZZ', 'IZ'], ['XI', 'IX'], ['XY']], [])
    """
    groups: list[list[str]] = []
    bases: list[tuple[int, int]] = []
    rest = []
    for label in labels:
        # Two bits for each qubit: which letter there is, and whether there is any.
        letters, acting = (int(label.translate(bits), 4) for bits in (_LETTERS, _ACTING))
        for place, (others, occupied) in enumerate(bases):
            if not (letters ^ others) & acting & occupied:
                groups[place].append(label)
                bases[place] = letters | others, acting | occupied
                break
        else:
            if len(groups) < _MAX_GROUPS:
                groups.append([label])
                bases.append((letters, acting))
            else:
                rest.append(label)
    return groups, rest


_LETTERS = str.maketrans("IXYZ", "0123")
_ACTING = str.maketrans("IXYZ", "0333")


class _Group:
    """Pauli strings that are diagonal in one product basis.

    Changing the basis of a copy of the state often costs less than a sum over the state for each
    string.

    Args:
        labels: The strings.
        num_qubits: Number of qubits of the states.

    Attributes:
        pays: Whether it does. A string costs about four passes over the state, a Hadamard gate 1.3,
            and the sums after the change of basis five.
        masks: For each string, a number whose bit q says whether it acts on qubit q, shape
            (strings,).
        rows: The observables that have a diagonal here.
        diagonals: For each of them, the values of its terms in the group, shape
            (rows, 2**num_qubits); None if the means of the strings are wanted one by one.
    """

    def __init__(self, labels: Sequence[str], num_qubits: int) -> None:
        basis = {
            qubit: letter
            for label in labels
            for qubit, letter in enumerate(reversed(label))
            if letter in "XY"
        }
        change: list[Operation] = []
        for qubit, letter in basis.items():
            change += [("h", qubit)] if letter == "X" else [("sdg", qubit), ("h", qubit)]
        self.pays = not basis or 4 * len(labels) > 1.3 * len(change) + 5
        self.rows: list[int] = []
        self.diagonals: Values | None = None
        if self.pays:
            self._num_qubits = num_qubits
            self._change = Circuit(change, num_qubits) if change else None
            self.masks = np.array([int(label.translate(_MASKS), 2) for label in labels])

    def set_diagonals(
        self, rows: Sequence[int], uses: Sequence[Sequence[tuple[int, float]]]
    ) -> None:
        """Keep the diagonal of each observable.

        A diagonal of any number of terms costs one product of vectors.

        Args:
            rows: The observables.
            uses: For each string, (observable, coefficient) of each term that it is in.
        """
        self.rows = list(rows)
        spectra = np.zeros((len(rows), 1 << self._num_qubits))
        places = {row: place for place, row in enumerate(rows)}
        for mask, terms in zip(self.masks, uses, strict=True):
            for row, coefficient in terms:
                spectra[places[row], mask] = coefficient
        self.diagonals = np.array([walsh_hadamard(spectrum) for spectrum in spectra])

    def probabilities(self, state: Any, scratch: Any) -> Values:
        """Return the probabilities of all outcomes in the basis; ``scratch`` is overwritten."""
        if self._change is not None:
            scratch.load(state)
            self._change.apply(scratch)
            state = scratch
        return to_probabilities(state.get_vector())


_MASKS = str.maketrans("IXYZ", "0111")


def walsh_hadamard(vector: Values) -> Values:
    """Return the Walsh-Hadamard transform of v, w[k] = sum_j (-1)**popcount(j & k) v[j].

    Of probabilities it gives the means of all strings of Z and I, and of the coefficients of such
    strings their sum as a diagonal (Nielsen and Chuang, section 4.2: Z**a = (-1)**a on each bit).

    >>> walsh_hadamard(np.array([0.75, 0.25]))
    array([1. , 0.5])
    """
    # The lower bits by small products of matrices, which BLAS does not spread over threads.
    bits = min(len(vector).bit_length() - 1, 2 * _MATRIX_BITS)
    left, right = _signs(bits // 2), _signs(bits - bits // 2)
    vector = (left @ vector.reshape(-1, len(left), len(right)) @ right).reshape(-1)
    size = 1 << bits
    while size < len(vector):
        pairs = vector.reshape(-1, 2, size)
        sums = pairs[:, 0] + pairs[:, 1]
        pairs[:, 1] = pairs[:, 0] - pairs[:, 1]
        pairs[:, 0] = sums
        size *= 2
    return vector


_MATRIX_BITS = 6
"""Larger matrices take longer than passes over the vector."""


@cache
def _signs(bits: int) -> Values:
    """Return the Walsh-Hadamard transform of so many bits as a matrix."""
    signs: Values = np.ones((1, 1))
    for _ in range(bits):
        signs = np.block([[signs, signs], [signs, -signs]])
    return signs


def _operator(label: str) -> Any:
    letters = [f"{letter} {q}" for q, letter in enumerate(reversed(label)) if letter != "I"]
    return qulacs.PauliOperator(" ".join(letters), 1.0)
