"""Fewer and cheaper operations with the same effect, for circuits of many qubits.

Runs of operations on one qubit become one, blocks on two qubits become one matrix where that is
cheaper than the parts, and diagonals are gathered (see :mod:`.diagonals`). This pays where an
operation costs far more than the few microseconds that Python takes to look at it.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import pi

from ..operations import Operation
from .cost import cost
from .diagonals import GENERAL, OTHER, PHASE, DiagonalPool, Node, phase_cost
from .merge import Merger
from .one_qubit import TINY

SPLIT_QUBITS = 16
"""From this many qubits on, matrices of one qubit are written with H and diagonals where many stand
side by side, as the mixers of QAOA do."""

_H, _U = cost(("h", 0)), cost(("u", 0, 1.0, 0.0, 0.0))


def fuse(operations: Sequence[Operation], num_qubits: int) -> tuple[list[Operation], float]:
    """Return operations with the same effect that take less time.

    Args:
        operations: See :mod:`qiskit_oqtopus.simulator.operations`.
        num_qubits: Number of qubits of the state that they are applied to.

    Returns:
        The operations, and the global phase in rad by which the state must be multiplied.
    """
    merger = Merger(num_qubits)
    merger.run(operations)
    split = num_qubits >= SPLIT_QUBITS and merger.parallel
    nodes, angle = _write_out(merger.nodes, split)
    pool = DiagonalPool(num_qubits)
    pool.order(nodes)
    return pool.operations, merger.phase + angle + pool.phase


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
