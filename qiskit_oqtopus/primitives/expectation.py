"""From counts to expectation values and their standard errors (pure)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .bits import bit_table

Weights = Sequence[tuple[int, Sequence[tuple[int, float]]]]
"""As in :class:`~qiskit_oqtopus.primitives.observables.Measurement`."""

BLOCK = 2**22
"""Largest number of signs of terms that are in memory at a time."""


@dataclass(frozen=True)
class Estimate:
    """What one measurement says of several observables.

    Attributes:
        means: Their means, shape (observables,).
        variances: Variances of these means, likewise; NaN where a single shot says nothing of it.
    """

    means: NDArray[np.float64]
    variances: NDArray[np.float64]


def estimate(
    counts: Mapping[int, int], num_bits: int, masks: Sequence[int], weights: Weights
) -> Estimate:
    r"""Return the means of observables in the counts of one measurement.

    In each shot s, observable :math:`O = \sum_j c_j P_j` has the value
    :math:`f(s) = \sum_j c_j (-1)^{|s \wedge m_j|}`, with :math:`m_j` the mask of :math:`P_j`. Its
    mean over the N shots has the variance

    .. math:: \frac{1}{N (N-1)} \sum_s (f(s) - \bar f)^2,

    the standard one of the mean of a sample. All terms come from the same shots, so that their
    covariances are in it.

    Args:
        counts: Outcome -> number of shots.
        num_bits: Number of bits of an outcome.
        masks: The Pauli strings, each as a number whose bit k says whether it acts on the k-th
            measured qubit.
        weights: For each observable, its index, and (index of the Pauli string, coefficient) of
            each of its terms; the order of the observables is that of the result.

    Raises:
        ValueError: If there are no counts.

    >>> found = estimate({0b00: 3, 0b01: 1}, 2, [0b01, 0], [(0, [(0, 2.0), (1, 5.0)])])
    >>> found.means, found.variances
    (array([6.]), array([1.]))
    """
    outcomes = sorted(counts)
    numbers = np.array([counts[outcome] for outcome in outcomes], dtype=np.float64)
    shots = numbers.sum()
    if shots == 0:
        raise ValueError("there are no counts")
    table = np.zeros((len(masks), len(weights)))
    constants = np.zeros(len(weights))
    for column, (_, parts) in enumerate(weights):
        for row, coefficient in parts:
            if masks[row] == 0:
                constants[column] += coefficient
            else:
                table[row, column] += coefficient
    bits = bit_table(outcomes, num_bits)
    acting = bit_table(masks, num_bits).astype(np.float64).T
    step = max(1, BLOCK // max(len(masks), num_bits, 1))
    means = np.zeros(len(weights))
    blocks = [slice(start, start + step) for start in range(0, len(outcomes), step)]
    for block in blocks:
        means += numbers[block] @ _compute_values(bits[block], acting, table) / shots
    squares = np.zeros(len(weights))
    for block in blocks:
        squares += numbers[block] @ (_compute_values(bits[block], acting, table) - means) ** 2
    if shots > 1:
        variances = squares / (shots * (shots - 1))
    else:
        variances = np.where(table.any(axis=0), np.nan, 0.0)
    return Estimate(means + constants, variances)


def _compute_values(
    bits: NDArray[np.uint8], acting: NDArray[np.float64], table: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the value of each observable, without its constant, in each outcome."""
    # As floats, since only these are multiplied by BLAS; sums of a few ones are exact in them.
    signs: NDArray[np.float64] = 1.0 - 2.0 * ((bits.astype(np.float64) @ acting) % 2.0)
    return signs @ table
