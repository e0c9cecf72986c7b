"""Merges operations on the same one or two qubits.

Runs on one qubit become one matrix. Blocks on two qubits do where that is cheaper, which pays most
in layers of rotations and gates on neighbours.
"""

from __future__ import annotations

from cmath import phase
from collections.abc import Sequence
from math import atan2, pi
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..operations import Operation, matrix_of
from .cost import DENSE, GATHERED, cost, small_cost
from .diagonals import GENERAL, OTHER, PHASE, TABLE, Node
from .one_qubit import (
    FIXED,
    PAULI_ROTATIONS,
    ROTATIONS,
    TINY,
    Small,
    is_unitary,
    product,
    small_of,
)

_PARALLEL = 6
"""This many matrices must stand side by side, so that their diagonals come in large groups."""

_TABLE_QUBITS = 8
"""Diagonals on more qubits stay what they are."""


class _Block:
    """Operations on two qubits that may become one matrix: (qubit, matrix) or an operation."""

    __slots__ = ("cost", "items", "pair")

    def __init__(self, pair: tuple[int, int]) -> None:
        self.pair = pair
        self.items: list[tuple[Any, ...]] = []
        self.cost = 0.0


class Merger:
    """Merges what acts on the same one or two qubits.

    Attributes:
        nodes: The nodes that the operations became.
        phase: The global phase that was taken out of them, in rad.
    """

    def __init__(self, num_qubits: int) -> None:
        self.nodes: list[Node] = []
        self.phase = 0.0
        self._pending: list[Small | None] = [None] * num_qubits
        self._blocks: list[_Block | None] = [None] * num_qubits
        self._depth = [0] * num_qubits  # general matrices one after the other
        self._general = 0

    @property
    def parallel(self) -> bool:
        """Whether many general matrices stand side by side."""
        return self._general >= _PARALLEL * max(self._depth, default=1)

    def run(self, operations: Sequence[Operation]) -> None:
        """Take all operations."""
        pending = self._pending
        for operation in operations:
            name = operation[0]
            new = FIXED.get(name)
            if new is not None:
                qubit = operation[1]
            else:
                turn = ROTATIONS.get(name)
                if turn is not None:
                    new = turn(*operation[2:])
                    qubit = operation[1]
                else:
                    along, across, part = _read(operation)
                    if part is None:
                        self._wide(operation, along, across)
                        continue
                    if not isinstance(part, tuple):
                        self._two(operation, along, across, part)
                        continue
                    new = part
                    qubit = (along or across)[0]
            old = pending[qubit]
            pending[qubit] = new if old is None else product(new, old)
        for block in self._blocks:
            if block is not None:
                self._close(block)
        for qubit, left in enumerate(pending):
            if left is not None:
                self._emit_small(qubit, left)

    def _two(
        self, operation: Operation, along: Sequence[int], across: Sequence[int], cost: float
    ) -> None:
        """Take an operation on two qubits, diagonal on the qubits ``along``."""
        first, second = (*along, *across)
        blocks, pending = self._blocks, self._pending
        block = blocks[first]
        if block is None or block is not blocks[second]:
            if block is not None:
                self._close(block)
            if (other := blocks[second]) is not None:
                self._close(other)
            block = blocks[first] = blocks[second] = _Block((first, second))
        for qubit in block.pair:
            small = pending[qubit]
            if small is not None and not (qubit in along and _commutes(small)):
                block.items.append((qubit, small))
                block.cost += small_cost(small)
                pending[qubit] = None
        block.items.append((operation, along, across))
        block.cost += cost

    def _close(self, block: _Block) -> None:
        """End a block: write it as one matrix if that is cheaper."""
        first, second = block.pair
        self._blocks[first] = self._blocks[second] = None
        pending = self._pending
        items = block.items
        late = [(q, small) for q in block.pair if (small := pending[q]) is not None]
        parts = block.cost + sum(small_cost(small) for _, small in late)
        if parts <= DENSE[2] or len(items) + len(late) == 1:
            for item in items:
                if len(item) == 2:
                    self._emit_small(*item)
                else:
                    self._emit(*item)
            return
        pending[first] = pending[second] = None
        matrix = _block_matrix(first, (*items, *late))
        self._emit(("matrix", block.pair, matrix, (), ()), (), block.pair)

    def _wide(self, operation: Operation, along: Sequence[int], across: Sequence[int]) -> None:
        """Take any other operation."""
        pending = self._pending
        for qubit in (*along, *across):
            if (block := self._blocks[qubit]) is not None:
                self._close(block)
        for qubit in (*along, *across):
            small = pending[qubit]
            if small is not None and not (qubit in along and _commutes(small)):
                self._emit_small(qubit, small)
                pending[qubit] = None
        self._emit(operation, along, across)

    def _emit(self, operation: Operation, along: Sequence[int], across: Sequence[int]) -> None:
        if across or len(along) > _TABLE_QUBITS:
            depth = self._depth
            deepest = max([depth[qubit] for qubit in (*along, *across)])
            for qubit in (*along, *across):
                depth[qubit] = deepest
            self.nodes.append(Node(OTHER, _mask(along), _mask(across), operation))
            return
        name = operation[0]
        if name == "cz":
            self._emit_phase(_mask(along), pi)
            return
        if name == "phase":
            self._emit_phase(_mask(along), operation[2])
            return
        if name == "diagonal":
            qubits, entries = operation[1:]
        elif len(along) == 2:
            # exp(-i t ZZ / 2): Z = 1 - 2 b, and the product is of the bits b.
            qubits, angle = along, operation[3]
            self.phase -= angle / 2
            self._emit_phase(1 << qubits[0], angle)
            self._emit_phase(1 << qubits[1], angle)
            self._emit_phase(_mask(qubits), -2 * angle)
            return
        else:
            qubits, signs = along, np.ones(1)
            for _ in qubits:
                signs = np.concatenate([signs, -signs])
            entries = np.exp(-0.5j * operation[3] * signs)
        values = entries.tolist() if len(qubits) == 2 else ()
        sizes = [abs(value) for value in values] or [0.0]
        if min(sizes) < 1 - TINY or max(sizes) > 1 + TINY:
            self.nodes.append(Node(TABLE, _mask(qubits), 0, (qubits, entries)))
            return
        start, low, high, both = [phase(value) for value in values]
        self.phase += start
        self._emit_phase(1 << qubits[0], low - start)
        self._emit_phase(1 << qubits[1], high - start)
        self._emit_phase(_mask(qubits), both + start - low - high)

    def _emit_phase(self, mask: int, angle: float) -> None:
        if angle:
            self.nodes.append(Node(PHASE, mask, 0, angle))

    def _emit_small(self, qubit: int, small: Small) -> None:
        a, b, c, d = small
        mask = 1 << qubit
        off = abs(c)
        if off < TINY:
            start = phase(a)
            self.phase += start
            self._emit_phase(mask, phase(d) - start)
        elif abs(a) < TINY:
            start = phase(b)
            self.phase += start
            self.nodes.append(Node(OTHER, 0, mask, ("x", qubit)))
            self._emit_phase(mask, phase(c) - start)
        else:
            start = phase(a)
            self.phase += start
            phi = phase(c) - start
            # The phases of entries that nearly cancelled are lost: the sum of phi and lambda is
            # read from the large entries.
            lam = (phase(d) - phi if abs(a) > off else phase(-b)) - start
            angles = (2 * atan2(off, abs(a)), phi, lam)
            self._depth[qubit] += 1
            self._general += 1
            self.nodes.append(Node(GENERAL, 0, mask, (qubit, *angles)))


def _block_matrix(first: int, items: Sequence[tuple[Any, ...]]) -> NDArray[np.complex128]:
    """Return the product of the items of a block, with its qubit ``first`` least significant."""
    matrix: NDArray[np.complex128] = np.eye(4, dtype=complex)
    for item in items:
        if len(item) == 2:
            small = np.array(item[1], dtype=complex).reshape(2, 2)
            if item[0] == first:
                matrix = (small @ matrix.reshape(2, 2, 4)).reshape(4, 4)
            else:
                matrix = (small @ matrix.reshape(2, 8)).reshape(4, 4)
            continue
        operation = item[0]
        if operation[0] == "cx":
            matrix = matrix[_CX_ROWS[operation[1] == first]]
            continue
        qubits, factor = matrix_of(operation)
        matrix = (factor if qubits[0] == first else factor[_EXCHANGED]) @ matrix
    return matrix


def _read(operation: Operation) -> tuple[Sequence[int], Sequence[int], Any]:
    """Return on which qubits an operation is diagonal, its other qubits, and how it is merged.

    That is a 2x2 matrix, or the cost of an operation on two qubits, or None for any other.
    """
    name, *arguments = operation
    if name == "cx":
        return arguments[:1], arguments[1:], _CX
    if name == "cz":
        return arguments, (), GATHERED[2]
    if name == "swap":
        return (), arguments, _SWAP
    qubits = arguments[0]
    if name == "phase":
        return qubits, (), GATHERED[2]
    if name == "diagonal":
        if len(qubits) == 1:
            small = (complex(arguments[1][0]), 0j, 0j, complex(arguments[1][1]))
            return qubits, (), small if is_unitary(small) else None
        return qubits, (), GATHERED[2] if len(qubits) == 2 else None
    if name == "pauli_rotation":
        if len(qubits) == 1:
            turn = PAULI_ROTATIONS[arguments[1][0] - 1]
            return (), qubits, turn(arguments[2])
        along, across = (qubits, ()) if set(arguments[1]) == {3} else ((), qubits)
        if len(qubits) != 2:
            return along, across, None
        return along, across, cost(operation) if across else GATHERED[2]
    if name == "matrix":
        matrix, controls = arguments[1], arguments[2]
        if len(qubits) == 1:
            small = small_of(matrix)
            if not controls:
                return (), qubits, small if is_unitary(small) else None
            return controls, qubits, cost(operation) if len(controls) == 1 else None
        return controls, qubits, cost(operation) if len(qubits) == 2 and not controls else None
    return (), qubits, None


_CX, _SWAP = cost(("cx", 0, 1)), cost(("swap", 0, 1))


def _commutes(small: Small | None) -> bool:
    """Whether a pending matrix is diagonal, so that it may wait behind other diagonals."""
    return small is None or small[1] == 0 == small[2]


def _mask(qubits: Sequence[int]) -> int:
    mask = 0
    for qubit in qubits:
        mask |= 1 << qubit
    return mask


_CX_ROWS = (np.array([0, 1, 3, 2]), np.array([0, 3, 2, 1]))  # controlled by the second, the first
_EXCHANGED: Any = np.ix_([0, 2, 1, 3], [0, 2, 1, 3])  # the two qubits in the other order
