"""The parity of bits as data of an experiment: from counts, with its standard error."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from qiskit_experiments.data_processing.nodes import CountsAction
from uncertainties import ufloat

from ..exceptions import OqtopusError

if TYPE_CHECKING:
    from uncertainties import UFloat


def estimate(hits: int, shots: int) -> UFloat:
    """Return the probability of an outcome that came so often, with its binomial standard error.

    Of 0 or all hits the error is not 0, but that of a posterior with Jeffreys' prior; the value is
    the share itself, which has no bias.

    >>> f"{estimate(0, 1000):.1u}"
    '0.0000+/-0.0007'

    Args:
        hits: How often it came.
        shots: Out of how many.

    Raises:
        OqtopusError: If there are no shots.
    """
    if shots <= 0:
        raise OqtopusError("A circuit has no counts, so that there is no probability.")
    likely = (hits + 0.5) / (shots + 1)
    return ufloat(hits / shots, math.sqrt(likely * (1 - likely) / (shots + 2)))


def correlate(counts: Mapping[str, int]) -> UFloat:
    """Return the mean of the product of all bits, each +1 for 0 and -1 for 1.

    >>> correlate({"00": 30, "11": 20, "10": 50}).nominal_value
    0.0

    Args:
        counts: How often each bit string came.

    Raises:
        OqtopusError: If there are none.
    """
    odd = sum(number for bits, number in counts.items() if bits.count("1") % 2)
    return 1 - 2 * estimate(odd, sum(counts.values()))


class Parity(CountsAction):
    """A node of a data processor of qiskit-experiments: see :func:`correlate`."""

    def _process(self, data: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        values = np.empty(data.size, dtype=object)
        for index, counts in enumerate(data):
            values[index] = correlate(counts)
        return values
