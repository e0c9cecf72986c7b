"""Observables as sums of Pauli strings, and which of them one circuit measures (pure).

Pauli strings that agree on each qubit on which both act commute qubit by qubit, and one circuit
measures all of them: on each qubit it rotates the common letter to Z, and measures.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
from qiskit.circuit import Clbit, QuantumCircuit
from qiskit.quantum_info import PauliList

Terms = dict[str, float]
"""Pauli string (qubit 0 rightmost) -> coefficient."""

MAX_TERMS = 2**16
"""Largest number of terms that the projectors of one observable may become."""

_PROJECTORS = {
    "0": (("I", 0.5), ("Z", 0.5)),
    "1": (("I", 0.5), ("Z", -0.5)),
    "+": (("I", 0.5), ("X", 0.5)),
    "-": (("I", 0.5), ("X", -0.5)),
    "r": (("I", 0.5), ("Y", 0.5)),
    "l": (("I", 0.5), ("Y", -0.5)),
}


class ObservableError(ValueError):
    """An observable cannot be measured."""


def to_pauli_terms(observable: Mapping[str, Any]) -> Terms:
    """Return an observable as a sum of Pauli strings.

    Args:
        observable: Qiskit's string of letters ``IXYZ01+-rl`` -> coefficient.

    Raises:
        ObservableError: If a coefficient is not a finite real number, or projectors become more
            than :data:`MAX_TERMS` terms.

    >>> to_pauli_terms({"0X": 2.0, "ZX": 1.0})
    {'IX': 1.0, 'ZX': 2.0}
    """
    terms: Terms = {}
    for label, value in observable.items():
        coefficient = complex(value)
        if coefficient.imag or not math.isfinite(coefficient.real):
            raise ObservableError(f"the coefficient of {label} is {value}, not a real number")
        if _PROJECTORS.keys().isdisjoint(label):
            terms[label] = terms.get(label, 0.0) + coefficient.real
            continue
        if 2 ** sum(letter in _PROJECTORS for letter in label) > MAX_TERMS:
            raise ObservableError(f"{label} is a sum of over {MAX_TERMS} Pauli strings")
        choices = [_PROJECTORS.get(letter, ((letter, 1.0),)) for letter in label]
        for letters in product(*choices):
            pauli = "".join(letter for letter, _ in letters)
            factor = math.prod(factor for _, factor in letters)
            terms[pauli] = terms.get(pauli, 0.0) + factor * coefficient.real
    return terms


@dataclass(frozen=True)
class Measurement:
    """What one circuit measures of some observables.

    Attributes:
        basis: Each measured qubit and its letter ("X", "Y" or "Z"), in ascending order of the
            qubits; bit k of an outcome is that of the k-th.
        masks: The Pauli strings, each as a number whose bit k says whether it acts on the k-th
            measured qubit.
        weights: For each observable with such terms, its index and (index of the Pauli string,
            coefficient) of each of them. The identity, whose mask is 0, is only in the first
            measurement.
    """

    basis: tuple[tuple[int, str], ...]
    masks: tuple[int, ...]
    weights: tuple[tuple[int, tuple[tuple[int, float], ...]], ...]


def plan_measurements(observables: Sequence[Terms], spare: int = 0) -> list[Measurement]:
    """Plan the measurements that give all of some observables of one state.

    Args:
        observables: At least one observable.
        spare: The qubit that is measured if only identities are wanted.

    Returns:
        At least one measurement. Each Pauli string is in one of them.
    """
    labels = list(dict.fromkeys(label for terms in observables for label in terms if _acts(label)))
    groups = [[]] if not labels else _group(labels)
    found = []
    for number, group in enumerate(groups):
        letters: dict[int, str] = {}
        for label in group:
            letters |= {
                qubit: letter for qubit, letter in enumerate(reversed(label)) if letter != "I"
            }
        basis = tuple(sorted(letters.items())) or ((spare, "Z"),)
        place = {label: index for index, label in enumerate(group)}
        masks = [_find_mask(label, basis) for label in group]
        if number == 0 and any(not _acts(label) for terms in observables for label in terms):
            place |= {"I" * len(label): len(group) for terms in observables for label in terms}
            masks.append(0)
        weights = []
        for index, terms in enumerate(observables):
            parts = tuple((place[label], c) for label, c in terms.items() if label in place)
            if parts or number == 0:
                weights.append((index, parts))
        found.append(Measurement(basis, tuple(masks), tuple(weights)))
    return found


def add_measurements(circuit: QuantumCircuit, basis: Sequence[tuple[int, str]]) -> QuantumCircuit:
    """Return a circuit with measurements at its end, and with no other classical bits.

    The gates are those that every device has. Up to a phase ``sx`` is a rotation by pi/2 about X,
    which turns Y into Z; ``rz(pi/2)`` before it turns X into Y.

    Args:
        circuit: Without measurements.
        basis: See :class:`Measurement`.
    """
    # All devices refuse a circuit with variables, and say so in their own words.
    if circuit.num_clbits and not circuit.num_vars and not getattr(circuit, "num_stretches", 0):
        result = QuantumCircuit(
            circuit.qubits,
            *circuit.qregs,
            name=circuit.name,
            metadata=circuit.metadata,
            global_phase=circuit.global_phase,
        )
        for item in circuit.data:
            result.append(item)
    else:
        result = circuit.copy()
    # Without a register, whose name might be that of one of the circuit.
    result.add_bits([Clbit() for _ in basis])
    for qubit, letter in basis:
        if letter == "X":
            result.rz(math.pi / 2, qubit)
        if letter != "Z":
            result.sx(qubit)
    result.measure([qubit for qubit, _ in basis], range(len(basis)))
    return result


def _acts(label: str) -> bool:
    return label.strip("I") != ""


def _find_mask(label: str, basis: Sequence[tuple[int, str]]) -> int:
    return sum(1 << bit for bit, (qubit, _) in enumerate(basis) if label[-1 - qubit] != "I")


def _group(labels: list[str]) -> list[list[str]]:
    if len(labels) > _MAX_COLORED:
        return _group_by_first_fit(labels)
    groups = PauliList(labels).group_commuting(qubit_wise=True)
    return [list(group.to_labels()) for group in groups]


_MAX_COLORED = 2000
"""Largest number of strings that Qiskit groups, by coloring a graph: the memory for its edges is
quadratic in that number."""


def _group_by_first_fit(labels: list[str]) -> list[list[str]]:
    """Put each string into the first group that it fits, those on many qubits first."""
    letters = np.array([list(label.encode()) for label in labels], dtype=np.uint8)
    letters[letters == ord("I")] = 0
    groups: list[list[str]] = []
    bases = np.zeros((0, letters.shape[1]), dtype=np.uint8)
    for place in np.argsort(-np.count_nonzero(letters, axis=1), kind="stable"):
        own = letters[place]
        free = ((bases == 0) | (own == 0) | (bases == own)).all(axis=1)
        if free.any():
            group = int(free.argmax())
        else:
            group = len(groups)
            groups.append([])
            bases = np.vstack([bases, np.zeros_like(own)])
        groups[group].append(labels[place])
        bases[group] |= own
    return groups
