"""At which delays and lengths experiments measure, where nobody says it (pure)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from statistics import median
from typing import Any

import numpy as np

from ..exceptions import OqtopusOptionError

DELAYS = tuple(float(x) for x in np.round(np.linspace(0.05, 3.35, 12), 2))
"""Delays, in units of the lifetime: from nearly none to where 4 % is left."""

LIFETIME = 50e-6
"""The lifetime in s for which delays are chosen where no qubit of a device states any."""

RB_LENGTHS = (1, 20, 50, 100, 170, 250)
"""Of one-qubit RB: where errors per Clifford of 0.001 leave 0.6 of the decay."""

IRB_LENGTHS = (1, 3, 6, 10, 16, 25)
"""Of interleaved RB of a two-qubit gate with an error of 0.01."""

RB_GATES = 1.8
"""Gates per one-qubit Clifford, about."""

IRB_GATES = 14
"""Gates per two-qubit Clifford and an interleaved cx, about."""

TOGETHER = 4
"""How many elements are to fit into one circuit, where lengths are chosen."""


def choose_lengths(lengths: Iterable[int], gates: float, max_gates: int) -> list[int]:
    """Return lengths of which the longest fits into a circuit several times.

    Args:
        lengths: The lengths for circuits that may be long enough.
        gates: Gates per unit of length.
        max_gates: Gates of a circuit at most.

    >>> choose_lengths((1, 20, 50, 100, 170, 250), 1.8, 200)
    [1, 2, 6, 11, 19, 28]
    """
    chosen = list(lengths)
    scale = min(1.0, max_gates / (TOGETHER * gates) / chosen[-1])
    return sorted({max(1, round(scale * length)) for length in chosen})


def choose_delays(
    kind: str, delays: Any, qubits: Iterable[int], lifetimes: Mapping[int, float | None]
) -> dict[str, Any]:
    """Return the delays of an experiment as plain data.

    Args:
        kind: The experiment, for messages.
        delays: Delays in s, the same for all qubits; None to choose them by the lifetimes.
        qubits: The qubits.
        lifetimes: Their lifetimes in s, None where not known.

    Returns:
        ``times``, and the ``scale`` of each qubit by which they are multiplied.

    Raises:
        OqtopusOptionError: If the delays are not numbers of at least 0.
    """
    if delays is not None:
        return {"times": check_delays(kind, delays), "scale": {}}
    known = [time for qubit in qubits if (time := lifetimes.get(qubit)) is not None and time > 0]
    usual = median(known) if known else LIFETIME
    return {
        "times": list(DELAYS),
        "scale": {str(qubit): float(lifetimes.get(qubit) or usual) for qubit in qubits},
    }


def check_delays(kind: str, delays: Any) -> list[float]:
    """Return delays as a sorted list of floats.

    Raises:
        OqtopusOptionError: If they are not different finite numbers of at least 0.
    """
    try:
        found = sorted({float(delay) for delay in delays})
    except (TypeError, ValueError) as error:
        raise OqtopusOptionError(
            f"Option 'delays' of {kind} must be a list of times in s, not {delays!r:.80}."
        ) from error
    if not found or not np.isfinite(found).all() or found[0] < 0:
        raise OqtopusOptionError(
            f"Option 'delays' of {kind} must have finite times of at least 0 s, not {found!r:.80}."
        )
    return found


def check_lengths(kind: str, lengths: Any) -> list[int]:
    """Return lengths as a sorted list of ints.

    Raises:
        OqtopusOptionError: If they are not different whole numbers of at least 1.
    """
    try:
        values = list(lengths)
        found = sorted({int(length) for length in values})
        whole = all(int(length) == length for length in values)
    except (TypeError, ValueError) as error:
        raise OqtopusOptionError(
            f"Option 'lengths' of {kind} must be a list of whole numbers, not {lengths!r:.80}."
        ) from error
    if not found or not whole or found[0] < 1 or len(found) < len(values):
        raise OqtopusOptionError(
            f"Option 'lengths' of {kind} must have different whole numbers of at least 1, not "
            f"{values!r:.80}."
        )
    return found
