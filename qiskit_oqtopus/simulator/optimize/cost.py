"""What operations cost, from which fusing takes its decisions: time per amplitude in Qulacs.

Measured with the wheels of Qulacs 0.6.14 (no vector instructions, so that complex products are what
costs), one thread, 2**16 to 2**20 amplitudes. Only the ratios matter.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..operations import Operation

OPERATION_NS = 1000.0
"""Time to add one operation to a circuit and to call its kernel, in ns."""

TABLE_NS = 20000.0
"""Time to compute the entries of a large diagonal, in ns."""

DENSE: tuple[float, ...] = (0.0, 1.75, 3.45, 9.7, 19.0, 39.0, 80.0)
"""Dense matrix by number of qubits, in ns an amplitude."""

_FIXED = {
    **dict.fromkeys(["s", "sdg", "t", "tdg"], 0.55),
    **dict.fromkeys(["sx", "sxdg", "rx", "ry", "u"], 1.75),
    "x": 0.28,
    "y": 1.0,
    "z": 0.2,
    "h": 0.48,
    "rz": 0.95,
    "cx": 0.25,
    "cz": 0.18,
    "swap": 0.2,
    "phase": 0.92,
}

_OPAQUE = 100.0


def diagonal_cost(num_qubits: int) -> float:
    """Return the cost of a diagonal on so many qubits in ns an amplitude."""
    if num_qubits < 3:
        return 0.95 if num_qubits < 2 else 1.6
    # The table outgrows the first-level cache.
    return 1.5 if num_qubits < 11 else 1.7 if num_qubits == 11 else 3.0


def cost(operation: Operation) -> float:
    """Return the cost of an operation in ns an amplitude.

    >>> cost(("h", 3)) < cost(("ry", 3, 0.1))
    True
    """
    name = operation[0]
    fixed = _FIXED.get(name)
    if fixed is not None:
        return fixed
    if name == "diagonal":
        return diagonal_cost(len(operation[1]))
    if name == "pauli_rotation":
        return 2.45 if set(operation[2]) == {3} else 2.9
    if name == "matrix":
        width = len(operation[1])
        dense = DENSE[width] if width < len(DENSE) else DENSE[-1] * (1 << (width - 6))
        return dense * 0.53 ** len(operation[3])
    return _OPAQUE


def total_cost(operations: Sequence[Operation], num_qubits: int) -> float:
    """Return the time that operations take on a state of so many qubits, in ns."""
    amplitudes = 1 << num_qubits
    return sum(cost(operation) * amplitudes + OPERATION_NS for operation in operations)
