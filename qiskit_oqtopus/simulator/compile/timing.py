"""How long the qubits of a circuit wait, by the schedule of their instructions (pure)."""

from __future__ import annotations

from collections.abc import Sequence

from ...device.timing import Instruction

_SIMULTANEOUS = 1e-15
"""Times in s that differ by less are equal: sums of the same durations in another order do."""


def find_waits(
    instructions: Sequence[Instruction], starts: Sequence[float]
) -> list[tuple[float, ...]]:
    """Return how long each qubit of each instruction has waited.

    Waiting after the last instruction of a qubit is not returned: a caller that wants it puts an
    instruction there. A barrier is not an end of waiting: the time before it is returned with the
    next instruction of the qubit, because relaxing for t and then for u is relaxing for t + u.

    Args:
        instructions: Those of a circuit. Delays are instructions like any other.
        starts: When each of them starts, in s.

    Returns:
        For each instruction, the time in s that each of its qubits, in the same order, has
        waited since the end of its previous instruction; 0 for the first one of a qubit, and for
        barriers.

    >>> find_waits([("x", [0], 0.5), ("barrier", [0, 1], None), ("measure", [0], None)], [0, 1, 2])
    [(0.0,), (0.0, 0.0), (1.5,)]
    """
    waits = []
    ends: dict[int, float] = {}
    for (name, qubits, seconds), start in zip(instructions, starts, strict=True):
        if name == "barrier":
            waits.append((0.0,) * len(qubits))
            continue
        each = [start - ends.get(qubit, start) for qubit in qubits]
        waits.append(tuple([wait if wait >= _SIMULTANEOUS else 0.0 for wait in each]))
        ends.update(dict.fromkeys(qubits, start + (seconds or 0.0)))
    return waits
