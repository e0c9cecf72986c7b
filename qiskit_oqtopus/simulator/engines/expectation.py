"""Exact expectation values of sums of Pauli strings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import qulacs
from numpy.typing import NDArray

from ..operations import Operation
from ..state import Circuit
from .sampling import to_probabilities

DIAGONAL_BYTES = 1 << 27
"""Up to this size in all, diagonal observables are kept as vectors of all their values."""

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
        reduced: list[dict[str, float]] = []
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
    active = set(qubits)
    if any(letter in "XY" and q not in active for q, letter in enumerate(letters)):
        return None
    return "".join(letters[qubit] for qubit in reversed(qubits))


class ActiveObservables:
    """Observables on the qubits of a state; for one thread at a time.

    Args:
        terms: For each observable, the coefficient of each Pauli string.
        num_qubits: Number of qubits of the states.
    """

    def __init__(self, terms: Sequence[Mapping[str, float]], num_qubits: int) -> None:
        self._number = len(terms)
        labels = list(dict.fromkeys(label for observable in terms for label in observable))
        # Strings of Z need no change of basis.
        labels.sort(key=lambda label: bool(set(label) & set("XY")))
        self._groups: list[_Group] = []
        single = []
        room = DIAGONAL_BYTES
        for members in _group_commuting(labels):
            group = _Group(members, terms, num_qubits, room)
            if group.pays:
                self._groups.append(group)
                room -= group.size
            else:
                single += members
        self._paulis = [_operator(label) for label in single]
        self._table = _table(terms, single)
        self._scratch = qulacs.QuantumState(num_qubits) if self._groups else None

    def values(self, state: Any) -> Values:
        """Return the expectation value of each observable in a ``qulacs.QuantumState``."""
        result = np.zeros(self._number)
        for group in self._groups:
            result += group.values(state, self._scratch)
        if self._paulis:
            means = [pauli.get_expectation_value(state).real for pauli in self._paulis]
            result += self._table @ np.array(means)
        return result


def _group_commuting(labels: Sequence[str]) -> list[list[str]]:
    """Return groups of strings that agree wherever two of them act on the same qubit.

    >>> _group_commuting(["ZZ", "IZ", "XI", "IX", "XY"])
    [['ZZ', 'IZ'], ['XI', 'IX'], ['XY']]
    """
    groups: list[tuple[list[str], dict[int, str]]] = []
    for label in labels:
        letters = {q: letter for q, letter in enumerate(reversed(label)) if letter != "I"}
        for members, basis in groups[:_MAX_GROUPS]:
            if all(basis.get(q, letter) == letter for q, letter in letters.items()):
                members.append(label)
                basis.update(letters)
                break
        else:
            groups.append(([label], letters))
    return [members for members, _ in groups]


_MAX_GROUPS = 100
"""A string is looked up in at most this many groups: more would cost more than it saves."""


def _table(terms: Sequence[Mapping[str, float]], labels: Sequence[str]) -> Values:
    """Return the coefficients, shape (observables, labels)."""
    table = [[observable.get(label, 0.0) for label in labels] for observable in terms]
    return np.array(table, dtype=float).reshape(len(terms), len(labels))


class _Group:
    """Pauli strings that are diagonal in one product basis.

    Changing the basis of a copy of the state often costs less than a sum over the state for each
    string.

    Attributes:
        pays: Whether it does. A string costs about four passes over the state, a Hadamard gate 1.3,
            and the sums after the change of basis five.
        size: What the group keeps, in bytes.
    """

    def __init__(
        self,
        labels: Sequence[str],
        terms: Sequence[Mapping[str, float]],
        num_qubits: int,
        room: int,
    ) -> None:
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
        if self.pays:
            self._change = Circuit(change, num_qubits) if change else None
            self._parities = _Parities(labels, terms, num_qubits, room)
            self.size = self._parities.size

    def values(self, state: Any, scratch: Any) -> Values:
        """Return what the strings contribute to each observable; ``scratch`` is overwritten."""
        if self._change is not None:
            scratch.load(state)
            self._change.apply(scratch)
            state = scratch
        return self._parities.values(to_probabilities(state.get_vector()))


class _Parities:
    """Strings of Z, and of other letters after a change of basis.

    A diagonal observable of any number of terms costs one product of vectors, where each string by
    itself would cost a sum over the state.
    """

    def __init__(
        self,
        labels: Sequence[str],
        terms: Sequence[Mapping[str, float]],
        num_qubits: int,
        room: int,
    ) -> None:
        shape = (len(terms), 1 << num_qubits)
        self.size = 8 * shape[0] * shape[1]
        masks = [sum((c != "I") << q for q, c in enumerate(reversed(label))) for label in labels]
        coefficients = _table(terms, labels)
        self._spectrum = np.zeros(shape) if self.size <= room else None
        if self._spectrum is None:
            self.size = 0
        self._masks = np.array(masks)
        self._coefficients = coefficients
        if self._spectrum is not None:
            self._spectrum[:, masks] = coefficients
            for row in self._spectrum:
                walsh_hadamard(row)

    def values(self, probabilities: Values) -> Values:
        """Return the expectation value of each; the probabilities are used up."""
        result: Values
        if self._spectrum is not None:
            result = self._spectrum @ probabilities
        else:
            result = self._coefficients @ walsh_hadamard(probabilities)[self._masks]
        return result


def walsh_hadamard(vector: Values) -> Values:
    """Replace v by its Walsh-Hadamard transform, w[k] = sum_j (-1)**popcount(j & k) v[j].

    Of probabilities it gives the means of all strings of Z and I, and of the coefficients of such
    strings their sum as a diagonal (Nielsen and Chuang, section 4.2: Z**a = (-1)**a on each bit).

    >>> walsh_hadamard(np.array([0.75, 0.25]))
    array([1. , 0.5])
    """
    size = 1
    while size < len(vector):
        pairs = vector.reshape(-1, 2, size)
        sums = pairs[:, 0] + pairs[:, 1]
        pairs[:, 1] = pairs[:, 0] - pairs[:, 1]
        pairs[:, 0] = sums
        size *= 2
    return vector


def _operator(label: str) -> Any:
    letters = [f"{letter} {q}" for q, letter in enumerate(reversed(label)) if letter != "I"]
    return qulacs.PauliOperator(" ".join(letters), 1.0)
