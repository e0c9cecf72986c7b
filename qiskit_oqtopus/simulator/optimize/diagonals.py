"""Diagonal operations wait in a pool and are applied together, as few large diagonals.

Qulacs applies a diagonal of ten qubits in about the time of a diagonal of one. So a diagonal is put
off until an operation that does not commute with it must be applied; then as many others as fit on
the same qubits go with it. Operations that need none of the waiting diagonals go ahead of them.
Fourier transforms and QAOA gain most.
"""

from __future__ import annotations

from cmath import exp
from collections.abc import Iterable, Sequence
from math import pi
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..operations import Operation
from .cost import OPERATION_NS, TABLE_NS, cost, diagonal_cost

PHASE, TABLE, OTHER, GENERAL = range(4)


class Node(NamedTuple):
    """An operation between merging and ordering; sets of qubits are bit masks.

    Attributes:
        kind: PHASE, TABLE or OTHER; GENERAL nodes are written as others before ordering.
        diagonal: Qubits on which it is diagonal, so that it commutes there with all diagonals.
        acted: Its other qubits.
        data: PHASE: an angle in rad, exp(i angle) where all its qubits (one or two) are 1.
            TABLE: (qubits, entries). OTHER: an operation. GENERAL: (qubit, angles of a U gate).
    """

    kind: int
    diagonal: int
    acted: int
    data: Any


_WINDOW = 16
"""At most this many nodes per qubit are put off, so that ordering stays linear in the nodes."""

_ZERO_ANGLE = 1e-15
"""An angle of at most this is 0: it is below the rounding error of angles up to pi."""


class DiagonalPool:
    """Orders nodes.

    Args:
        num_qubits: Number of qubits.

    Attributes:
        operations: The operations that the nodes became.
        phase: The global phase that was taken out of them, in rad.
    """

    def __init__(self, num_qubits: int) -> None:
        self.operations: list[Operation] = []
        self.phase = 0.0
        self._num_qubits = num_qubits
        self._limit = 10 if num_qubits < 18 else 11  # qubits of a merged diagonal
        self._phases: dict[int, float] = {}
        self._tables: dict[int, list[tuple[Sequence[int], Any]]] = {}

    def order(self, nodes: Sequence[Node]) -> None:
        """Take all nodes."""
        # The qubits of each node and all after it: if all are blocked, there is no need to look on.
        coming = [0] * (len(nodes) + 1)
        for i in range(len(nodes) - 1, -1, -1):
            node = nodes[i]
            coming[i] = coming[i + 1] | node.diagonal | node.acted
        window = _WINDOW * self._num_qubits
        phases, tables, append = self._phases, self._tables, self.operations.append
        pool = 0  # qubits of the diagonals that wait
        delayed: list[Node] = []
        start = 0
        while True:
            acted = diagonal = 0  # qubits of the nodes put off in this round
            again, delayed = delayed, []
            taken, count = 0, len(again)
            while True:
                if taken < count:
                    node = again[taken]
                    taken += 1
                elif coming[start] & ~acted and len(delayed) < window:
                    node = nodes[start]
                    start += 1
                else:
                    break
                kind, along, across, data = node
                if along & acted or across & (acted | diagonal | pool):
                    acted |= across
                    diagonal |= along
                    delayed.append(node)
                elif kind == OTHER:
                    append(data)
                else:
                    pool |= along
                    if kind == PHASE:
                        phases[along] = phases.get(along, 0.0) + data
                    else:
                        tables.setdefault(along, []).append(data)
            if pool:
                self._flush(delayed[0].acted if delayed else 0)
                pool = 0
                for mask in (*phases, *tables):
                    pool |= mask
            elif start == len(nodes):
                return

    def _flush(self, wanted: int) -> None:
        """Apply diagonals: those on the wanted qubits first, then others that fit."""
        limit = self._limit
        masks = [*self._phases, *self._tables]
        chosen = 0
        for mask in masks:
            if mask & wanted and (not chosen or (chosen | mask).bit_count() <= limit):
                chosen |= mask
        for mask in masks:
            if chosen.bit_count() >= limit:
                break
            if not chosen or (chosen | mask).bit_count() <= limit:
                chosen |= mask
        inside = [mask for mask in masks if not mask & ~chosen]
        phases = [(mask, self._phases.pop(mask)) for mask in inside if mask in self._phases]
        tables = [table for mask in inside for table in self._tables.pop(mask, ())]
        self._apply(phases, tables)

    def _apply(
        self, phases: Iterable[tuple[int, float]], tables: Sequence[tuple[Sequence[int], Any]]
    ) -> None:
        """Apply some diagonals, as one or as they are."""
        used = 0
        turns: list[tuple[int, float]] = []
        alone: list[Operation] = []  # what they are one by one, up to a global phase
        phase = apart = 0.0
        amplitudes = 1 << self._num_qubits
        for mask, angle in phases:
            angle = _reduce(angle)
            if abs(angle) > _ZERO_ANGLE:
                operation, turn = to_phase_operation(mask, angle)
                turns.append((mask, angle))
                alone.append(operation)
                phase += turn
                apart += cost(operation) * amplitudes + OPERATION_NS
                used |= mask
        for qubits, _ in tables:
            apart += diagonal_cost(len(qubits)) * amplitudes + OPERATION_NS
            used |= sum(1 << qubit for qubit in qubits)
        together = diagonal_cost(used.bit_count()) * amplitudes + TABLE_NS
        if together < apart and len(turns) + len(tables) > 1:
            self.operations.append(_merge(used, turns, tables))
            return
        self.operations += alone
        self.phase += phase
        for qubits, entries in tables:
            self.operations.append(("diagonal", tuple(qubits), entries))


def to_phase_operation(mask: int, angle: float) -> tuple[Operation, float]:
    """Return the cheapest operation that is a phase where all qubits are 1, and a global phase.

    Args:
        mask: One or two qubits.
        angle: The phase in rad, in [-pi, pi].

    Returns:
        The operation and the global phase in rad, by which it must be multiplied.

    >>> to_phase_operation(0b100, -3.141592653589793)
    (('z', 2), 0.0)
    """
    low = mask & -mask
    qubit = low.bit_length() - 1
    flip = pi - abs(angle) < _ZERO_ANGLE
    if mask != low:
        other = (mask ^ low).bit_length() - 1
        if flip:
            return ("cz", qubit, other), 0.0
        return ("phase", (qubit, other), angle), 0.0
    if flip:
        return ("z", qubit), 0.0
    for name, turn in _TURNS:
        if abs(angle - turn) < _ZERO_ANGLE:
            return (name, qubit), 0.0
    return ("rz", qubit, angle), angle / 2


def phase_cost(mask: int, angle: float) -> float:
    """Return what the result of :func:`to_phase_operation` costs, in ns per amplitude.

    The angle may be any; one that is a multiple of 2 pi costs nothing.
    """
    angle = _reduce(angle)
    return 0.0 if abs(angle) <= _ZERO_ANGLE else cost(to_phase_operation(mask, angle)[0])


def _reduce(angle: float) -> float:
    """Return an angle in [-pi, pi)."""
    return (angle + pi) % (2 * pi) - pi


_TURNS = (("s", pi / 2), ("sdg", -pi / 2), ("t", pi / 4), ("tdg", -pi / 4))


def _merge(
    used: int,
    phases: Iterable[tuple[int, float]],
    tables: Iterable[tuple[Sequence[int], NDArray[np.complex128]]],
) -> Operation:
    """Return the product of diagonals as one on the qubits ``used``, ascending."""
    place: dict[int, int] = {}
    qubits: list[int] = []
    rest = used
    while rest:
        low = rest & -rest
        rest ^= low
        place[low] = len(qubits)
        qubits.append(low.bit_length() - 1)
    own = [1 + 0j] * len(qubits)
    pairs: dict[int, dict[int, complex]] = {}  # by the higher and the lower place
    for mask, angle in phases:
        low = mask & -mask
        if mask == low:
            own[place[low]] = exp(1j * angle)
        else:
            pairs.setdefault(place[mask ^ low], {})[place[low]] = exp(1j * angle)
    # Each qubit doubles the table, by a factor that depends on it and on the qubits below it.
    entries = np.empty(1 << len(qubits), dtype=complex)
    entries[0] = 1
    for i, factor in enumerate(own):
        factors: Any = factor
        if i in pairs:
            factors = np.empty(1 << i, dtype=complex)
            factors[0] = factor
            for j in range(i):
                turn = pairs[i].get(j, 1.0)
                np.multiply(factors[: 1 << j], turn, out=factors[1 << j : 2 << j])
        np.multiply(entries[: 1 << i], factors, out=entries[1 << i : 2 << i])
    for old, values in tables:
        axes = [place[1 << qubit] for qubit in old]
        index = np.arange(1 << len(qubits))
        source = sum(((index >> axis) & 1) << j for j, axis in enumerate(axes))
        entries *= np.asarray(values)[source]
    return ("diagonal", tuple(qubits), entries)
