"""Bits that are read wrongly (pure)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .pauli import OUTCOMES, Real


def reading_matrix(p_one_for_zero: float, p_zero_for_one: float) -> Real:
    """Return what takes the Pauli coefficients of a qubit to the probabilities of what is read.

    Args:
        p_one_for_zero: Probability of reading 1 after preparing 0.
        p_zero_for_one: Probability of reading 0 after preparing 1.

    Returns:
        Shape (2, 4).

    >>> reading_matrix(0.25, 0.5) @ [1, 0, 0, 1]  # the coefficients of 0
    array([0.75, 0.25])
    """
    confusion = [[1 - p_one_for_zero, p_zero_for_one], [p_one_for_zero, 1 - p_zero_for_one]]
    return np.asarray(np.array(confusion) @ OUTCOMES)


def misread(
    keys: Sequence[int],
    counts: Sequence[int],
    misreadings: Sequence[tuple[int, float, float]],
    generator: np.random.Generator,
) -> tuple[list[int], list[int]]:
    """Read bits wrongly, each shot by itself.

    Args:
        keys: Values of the classical bits.
        counts: How often each of them occurred.
        misreadings: Clbit, probability of reading 1 for a 0, and of reading 0 for a 1.
        generator: Where the randomness comes from.

    Returns:
        Values of the classical bits and their counts.

    >>> misread([0b00, 0b10], [3, 2], [(1, 0.0, 1.0)], np.random.default_rng(1))
    ([0], [5])
    """
    if not misreadings:
        return list(keys), list(counts)
    true = np.repeat(np.arange(len(keys)), counts)
    # Values and patterns of flips in one integer, of any size if it has to be.
    width = len(misreadings)
    small = len(keys) << width < 1 << 62
    patterns = (true if small else true.astype(object)) << width
    for place, (clbit, p_one_for_zero, p_zero_for_one) in enumerate(misreadings):
        is_one = np.array([key >> clbit & 1 for key in keys], dtype=bool)[true]
        wrong = generator.random(len(true)) < np.where(is_one, p_zero_for_one, p_one_for_zero)
        patterns |= wrong.astype(patterns.dtype) << place
    found, numbers = np.unique(patterns, return_counts=True)
    totals: dict[int, int] = {}
    for pattern, number in zip(found.tolist(), numbers.tolist(), strict=True):
        key = keys[pattern >> width]
        for place, (clbit, _, _) in enumerate(misreadings):
            key ^= (pattern >> place & 1) << clbit
        totals[key] = totals.get(key, 0) + number
    ordered = sorted(totals)
    return ordered, [totals[key] for key in ordered]
