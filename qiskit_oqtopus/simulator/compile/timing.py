"""Time: how long a delay is, and when the qubits of a circuit wait for each other (pure)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from numbers import Real
from typing import Any

from qiskit.circuit import Delay

from ...circuits import SECONDS_PER_UNIT


def seconds_of(delay: Delay, dt: float | None) -> float | None:
    """Return the duration of a delay in s.

    Args:
        delay: The delay.
        dt: Duration of one dt in s, or None where it is not known.

    Returns:
        None if it has no number, an unknown unit, or is no time (infinite, NaN, negative).

    >>> seconds_of(Delay(2, "ms"), None), seconds_of(Delay(4), 0.5), seconds_of(Delay(4), None)
    (0.002, 2.0, None)
    """
    duration: Any = delay.duration
    scale = dt if delay.unit == "dt" else SECONDS_PER_UNIT.get(delay.unit)
    if scale is None:
        return None
    if not isinstance(duration, Real):  # a bound ParameterExpression is a number too
        try:
            duration = float(duration)
        except TypeError:
            return None
    seconds = float(duration) * scale
    return seconds if 0 <= seconds < math.inf else None


_SIMULTANEOUS = 1e-15
"""Times in s that differ by less are equal: sums of the same durations in another order do."""


def schedule(
    instructions: Sequence[tuple[str, Sequence[int], float | None]],
) -> list[tuple[float, ...]]:
    """Return how long each qubit of each instruction has waited, if all start as late as possible.

    The last instructions end together, so that measurements at the end of a circuit are taken at
    once, or with one length end at once, and a qubit waits after its first instruction rather than
    before it, where it is in state 0 and would not relax (the ALAP schedule of Qiskit's
    ``ALAPScheduleAnalysis``). Waiting after the last instruction of a qubit is not returned: a
    caller that wants it puts an instruction there.

    A barrier makes its qubits wait for each other. It is not an end of waiting: the time before
    it is returned with the next instruction of the qubit, because relaxing for t and then for u
    is relaxing for t + u.

    Args:
        instructions: Name, qubits and duration in s (None counts as 0) of each instruction of a
            circuit without control flow, in its order. Delays are instructions like any other.

    Returns:
        For each instruction, the time in s that each of its qubits, in the same order, has
        waited since its previous instruction; 0 for the first one of a qubit, and for barriers.

    >>> schedule([("x", [0], 2e-8), ("x", [1], 5e-8), ("x", [0], 1e-8), ("cx", [0, 1], 3e-7)])
    [(0.0,), (0.0,), (0.0,), (0.0, 0.0)]
    >>> schedule([("h", [0], 1e-8), ("cx", [0, 1], 2e-7), ("x", [1], 5e-8), ("cx", [0, 1], 2e-7)])
    [(0.0,), (0.0, 0.0), (0.0,), (5e-08, 0.0)]
    >>> schedule([("x", [0], 1e-8), ("barrier", [0, 1], 0), ("x", [1], 3e-8), ("measure", [0], 0)])
    [(0.0,), (0.0, 0.0), (0.0,), (3e-08,)]
    """
    idle = [[0.0] * len(qubits) for _, qubits, _ in instructions]
    start: dict[int, float] = {}  # of the next instruction of the qubit, counted from the end
    waiting: dict[int, tuple[int, int]] = {}  # that instruction, and the place of the qubit in it
    pending: dict[int, float] = {}  # time between it and the barriers before it
    for number in reversed(range(len(instructions))):
        name, qubits, duration = instructions[number]
        end = max((start.get(qubit, 0.0) for qubit in qubits), default=0.0)
        for place, qubit in enumerate(qubits):
            wait = end - start.get(qubit, 0.0)
            if wait >= _SIMULTANEOUS:
                pending[qubit] = pending.get(qubit, 0.0) + wait
            start[qubit] = end
            if name == "barrier":
                continue
            start[qubit] = end + (duration or 0.0)
            waited = pending.pop(qubit, 0.0)
            if qubit in waiting:
                later, its_place = waiting[qubit]
                idle[later][its_place] = waited
            waiting[qubit] = (number, place)
    return [tuple(times) for times in idle]
