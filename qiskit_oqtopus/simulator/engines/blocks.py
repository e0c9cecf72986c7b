"""Noisy operations as blocks on at most two qubits, with the places where noise may strike (pure).

Without an event, a block becomes as few gates as possible. With an event, it is applied gate by
gate up to the place of the event, which costs more, but is rare.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import exp, expm1
from typing import NamedTuple

import numpy as np

from ..operations import Matrix, Operation, matrix_of, qubits_of
from ..optimize.cost import DENSE, cost


class Site(NamedTuple):
    """A place where something may happen, whatever the state is.

    Attributes:
        kind: "pauli" (one of the Paulis on the qubits but the identity, all equally likely),
            "flip" (Z), or "decay" (if the qubit is found in 1, it goes to 0).
        qubits: Where.
        probability: How likely it is.
        choices: How many things may happen.
    """

    kind: str
    qubits: tuple[int, ...]
    probability: float
    choices: int = 1


@dataclass
class Block:
    """Operations on the same few qubits.

    Attributes:
        qubits: The qubits.
        operations: One by one; the damping of noise that does not strike is among them.
        sites: Number of operations before it, and site.
    """

    qubits: tuple[int, ...]
    operations: list[Operation] = field(default_factory=list)
    sites: list[tuple[int, Site]] = field(default_factory=list)

    def add(self, operation: Operation) -> None:
        """Append an operation or noise."""
        if operation[0] != "noise":
            self.operations.append(operation)
            return
        _, qubits, p, relaxations = operation
        paulis = 4 ** len(qubits)
        if p:
            self._site("pauli", qubits, min(1.0, p * (1 - 1 / paulis)), paulis - 1)
        for qubit, (decay, dephasing) in zip(qubits, relaxations, strict=True):
            # Amplitude damping has the Kraus operators diag(1, sqrt(1 - g)) and sqrt(g) |0><1|,
            # g = 1 - exp(-t / T1). The second one occurs with probability g P(1): so it is proposed
            # with g and accepted with P(1). The first one does nothing to a qubit in 0, so that it
            # may always be applied. The dephasing beyond the damping is a Z now and then.
            if decay:
                self._site("decay", (qubit,), -expm1(-decay))
                damping = np.array([1.0, exp(-decay / 2)], dtype=complex)
                self.operations.append(("diagonal", (qubit,), damping))
            if dephasing > decay / 2:
                self._site("flip", (qubit,), -expm1(decay / 2 - dephasing) / 2)

    def _site(
        self, kind: str, qubits: tuple[int, ...], probability: float, choices: int = 1
    ) -> None:
        self.sites.append((len(self.operations), Site(kind, qubits, probability, choices)))

    def absorb(self, other: Block) -> None:
        """Put the contents of another block behind those of this one."""
        start = len(self.operations)
        self.operations += other.operations
        self.sites += [(start + before, site) for before, site in other.sites]

    def merge(self) -> list[Operation]:
        """Return operations of the same effect that take less time."""
        if len(self.qubits) > 2:
            return self.operations
        merged = _merge_runs(self.operations)
        if len(merged) < 2 or sum(map(cost, merged)) <= DENSE[len(self.qubits)]:
            return merged
        product = np.eye(1 << len(self.qubits), dtype=complex)
        for operation in merged:
            product = _widen(self.qubits, *matrix_of(operation)) @ product
        return [("matrix", self.qubits, product, (), ())]


def build_blocks(operations: Sequence[Operation]) -> list[Block]:
    """Return blocks that, one after the other, are the same as the operations.

    An operation joins the last block on its qubits if that has all of them; so a block may take
    in what comes later in the circuit, but nothing that depends on a later block.
    """
    found: list[Block | None] = []
    last: dict[int, int] = {}  # by qubit, the position of its last block
    for operation in operations:
        qubits = qubits_of(operation)
        places = {last.get(qubit) for qubit in qubits}
        place = places.pop() if len(places) == 1 else None
        block = None if place is None else found[place]
        if block is None or not set(qubits) <= set(block.qubits):
            block = Block(qubits)
            for qubit in qubits:
                before = last.get(qubit)
                # What stands alone on one qubit goes into the block on two.
                if len(qubits) == 2 and before is not None:
                    alone = found[before]
                    if alone is not None and alone.qubits == (qubit,):
                        block.absorb(alone)
                        found[before] = None
                last[qubit] = len(found)
            found.append(block)
        block.add(operation)
    return [block for block in found if block is not None]


def _merge_runs(operations: Sequence[Operation]) -> list[Operation]:
    """Return operations with those on one qubit merged into one between those on two."""
    merged: list[Operation] = []
    waiting: dict[int, tuple[list[Operation], Matrix]] = {}

    def flush(qubit: int) -> None:
        if qubit in waiting:
            run, matrix = waiting.pop(qubit)
            merged.append(run[0] if len(run) == 1 else _to_operation(qubit, matrix))

    for operation in operations:
        qubits = qubits_of(operation)
        if len(qubits) == 1:
            run, matrix = waiting.get(qubits[0], ([], np.eye(2, dtype=complex)))
            waiting[qubits[0]] = ([*run, operation], matrix_of(operation)[1] @ matrix)
            continue
        for qubit in qubits:
            flush(qubit)
        merged.append(operation)
    for qubit in list(waiting):
        flush(qubit)
    return merged


def _to_operation(qubit: int, matrix: Matrix) -> Operation:
    if matrix[0, 1] == 0 == matrix[1, 0]:
        return ("diagonal", (qubit,), matrix.diagonal().copy())
    return ("matrix", (qubit,), matrix, (), ())


def _widen(qubits: tuple[int, ...], places: tuple[int, ...], matrix: Matrix) -> Matrix:
    """Return a matrix on one or both of the qubits of a block as one on all of them."""
    if places == qubits:
        return matrix
    if len(places) == 2:
        return np.asarray(matrix.reshape([2] * 4).transpose(1, 0, 3, 2).reshape(4, 4))
    eye = np.eye(2)
    wide = np.kron(eye, matrix) if places[0] == qubits[0] else np.kron(matrix, eye)
    return np.asarray(wide, dtype=complex)
