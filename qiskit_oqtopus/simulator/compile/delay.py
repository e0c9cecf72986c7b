"""How long a delay is."""

from __future__ import annotations

import math
from numbers import Real
from typing import Any

from qiskit.circuit import Delay

_SECONDS = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9, "ps": 1e-12}


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
    scale = dt if delay.unit == "dt" else _SECONDS.get(delay.unit)
    if scale is None:
        return None
    if not isinstance(duration, Real):  # a bound ParameterExpression is a number too
        try:
            duration = float(duration)
        except TypeError:
            return None
    seconds = float(duration) * scale
    return seconds if 0 <= seconds < math.inf else None
