"""Exact expectation values of sums of Pauli strings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import qulacs
from numpy.typing import NDArray

from .sampling import squared

DIAGONALS_BYTES = 1 << 27
"""Up to this size the diagonal part of each observable is kept as a vector of all its values."""

Values = NDArray[np.float64]


@dataclass(frozen=True)
class Observables:
    """Real linear combinations of Pauli strings on the qubits of a circuit; it pickles.

    Attributes:
        terms: For each observable, the coefficient of each Pauli string: a label of one letter a
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
                kept = _restricted(label, qubits)
                if kept is not None:
                    found[kept] = found.get(kept, 0.0) + coefficient
            reduced.append(found)
        return ActiveObservables(reduced, len(qubits))


def _restricted(label: str, qubits: Sequence[int]) -> str | None:
    """Return the letters on some qubits, or None if the mean is 0 since another one is X or Y.

    >>> _restricted("ZIX", [0, 1]), _restricted("ZIX", [1, 2]), _restricted("III", [0])
    ('IX', None, 'I')
    """
    letters = label[::-1]
    active = set(qubits)
    if any(letter in "XY" and q not in active for q, letter in enumerate(letters)):
        return None
    return "".join(letters[qubit] for qubit in reversed(qubits))


class ActiveObservables:
    """Observables on the qubits of a state.

    Args:
        terms: For each observable, the coefficient of each Pauli string.
        num_qubits: Number of qubits of the states.
    """

    def __init__(self, terms: Sequence[Mapping[str, float]], num_qubits: int) -> None:
        self._num_qubits = num_qubits
        labels = dict.fromkeys(label for observable in terms for label in observable)
        diagonal = [label for label in labels if not set(label) & set("XY")]
        # A diagonal observable of any number of terms costs one product of vectors (W6: 25 %).
        self._parities = _Parities(diagonal, terms, num_qubits) if diagonal else None
        others = [label for label in labels if set(label) & set("XY")]
        self._paulis = [_operator(label) for label in others]
        self._table = np.array([[t.get(label, 0.0) for label in others] for t in terms])

    def values(self, state: Any) -> Values:
        """Return the expectation value of each observable in a ``qulacs.QuantumState``."""
        result = np.zeros(len(self._table))
        if self._parities is not None:
            result += self._parities.values(squared(state.get_vector()))
        if self._paulis:
            means = [pauli.get_expectation_value(state).real for pauli in self._paulis]
            result += self._table @ np.array(means)
        return result


class _Parities:
    """The diagonal parts of observables."""

    def __init__(
        self, labels: Sequence[str], terms: Sequence[Mapping[str, float]], num_qubits: int
    ) -> None:
        size = 1 << num_qubits
        masks = [int(label.replace("I", "0").replace("Z", "1"), 2) for label in labels]
        coefficients = np.array([[t.get(label, 0.0) for label in labels] for t in terms])
        self._spectrum = np.zeros((len(terms), size)) if size * len(terms) <= _ELEMENTS else None
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


_ELEMENTS = DIAGONALS_BYTES // 8


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
