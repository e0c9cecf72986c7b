"""Fewer and cheaper operations with the same effect, for circuits of many qubits.

Runs of operations on one qubit become one, blocks on two qubits become one matrix where that is
cheaper than the parts, and diagonals are gathered (see :mod:`.diagonals`). This is worth its time
where an operation costs far more than the few microseconds that it takes Python to look at it.
"""

from __future__ import annotations

from cmath import exp
from collections.abc import Sequence
from math import pi

import numpy as np

from ..operations import PERMUTATION_GATES, Operation
from .cost import cost, total_cost
from .diagonals import GENERAL, OTHER, PHASE, DiagonalPool, Node, phase_cost
from .merge import Merger
from .one_qubit import TINY

SPLIT_QUBITS = 16
"""From this many qubits on matrices of one qubit are written with H and diagonals where many stand
side by side: 0.8 of the time of QAOA on 16 or 20 qubits."""

_H, _U = cost(("h", 0)), cost(("u", 0, 1.0, 0.0, 0.0))


def fuse(operations: Sequence[Operation], num_qubits: int, *, keep_phases: bool) -> list[Operation]:
    """Return operations with the same effect that take less time.

    Args:
        operations: See :mod:`.operations`.
        num_qubits: Number of qubits of the state that they are applied to.
        keep_phases: Whether the state must be the same, global phase included. Otherwise only the
            probabilities of the computational basis states are, and diagonals at the end go.

    Returns:
        The operations; those given where nothing is gained.
    """
    merger = Merger(num_qubits)
    merger.run(operations)
    split = num_qubits >= SPLIT_QUBITS and merger.parallel
    nodes, angle = _write_out(merger.nodes, split)
    if not keep_phases:
        nodes = _drop_trailing_diagonals(nodes)
    pool = DiagonalPool(num_qubits)
    pool.order(nodes)
    fused = pool.operations
    if keep_phases:
        _multiply(fused, merger.phase + angle + pool.phase)
    if total_cost(fused, num_qubits) >= total_cost(operations, num_qubits):
        return list(operations)
    return fused


def _write_out(nodes: Sequence[Node], split: bool) -> tuple[list[Node], float]:
    """Write general 2x2 matrices with Qulacs' gates; return also the global phase in rad.

    With u(theta, phi, lambda) = diag(1, e^(i phi)) ry(theta) diag(1, e^(i lambda)) and
    ry(theta) = s h rz(theta) h sdg, a matrix is two H (which cost half of it) and three
    diagonals, which cost next to nothing if they go with many others.
    """
    written: list[Node] = []
    total = 0.0
    for node in nodes:
        if node.kind != GENERAL:
            written.append(node)
            continue
        qubit, theta, phi, lam = node.data
        mask = node.acted
        hadamard = Node(OTHER, 0, mask, ("h", qubit))
        if abs(theta - pi / 2) < TINY and (
            split or _H + phase_cost(mask, phi) + phase_cost(mask, lam + pi) <= _U
        ):
            # u(pi/2, phi, lambda) = diag(1, e^(i phi)) h diag(1, -e^(i lambda))
            written += Node(PHASE, mask, 0, lam + pi), hadamard, Node(PHASE, mask, 0, phi)
        elif split:
            total -= theta / 2
            written += (
                Node(PHASE, mask, 0, lam - pi / 2),
                hadamard,
                Node(PHASE, mask, 0, theta),
                hadamard,
                Node(PHASE, mask, 0, phi + pi / 2),
            )
        else:
            written.append(Node(OTHER, 0, mask, ("u", qubit, theta, phi, lam)))
    return written, total


def _drop_trailing_diagonals(nodes: Sequence[Node]) -> list[Node]:
    """Leave out diagonals that only permutations of the basis states follow."""
    kept: list[Node] = []
    mixed = 0
    for node in reversed(nodes):
        qubits = node.diagonal | node.acted
        if not qubits & mixed:
            if not node.acted:
                continue
            if node.data[0] in PERMUTATION_GATES:
                kept.append(node)
                continue
        mixed |= qubits
        kept.append(node)
    kept.reverse()
    return kept


def _multiply(operations: list[Operation], angle: float) -> None:
    """Multiply by a global phase, in an operation that has room for it."""
    factor = exp(1j * angle)
    if abs(factor - 1) < 1e-15:
        return
    for i, (name, *arguments) in enumerate(operations):
        if name == "diagonal" or (name == "matrix" and not arguments[2]):
            operations[i] = (name, arguments[0], arguments[1] * factor, *arguments[2:])
            return
        if name == "rz":
            half = exp(0.5j * arguments[1])
            entries = np.array([factor / half, factor * half])
            operations[i] = ("diagonal", (arguments[0],), entries)
            return
    operations.append(("diagonal", (0,), np.array([factor, factor])))
