"""Numbers by which equal states are found without comparing each with each.

The fingerprint of a state is its overlap with a fixed vector of no particular direction. Equal
states have equal fingerprints; different ones have the same only by a rare accident, so that
whoever finds two equal ones still compares the states.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

SAME = 1e-12
"""States are equal if none of their numbers differs by more."""

RESOLUTION = 1e-9
"""Fingerprints of equal states differ by less."""

_SEED = 20240229


def fingerprints(rows: NDArray[Any]) -> NDArray[np.float64]:
    """Return the fingerprint of each row, which does not depend on its phase.

    Args:
        rows: Shape (rows, size), size a power of 2. Complex, or real: then signs count.

    Returns:
        Shape (rows,).
    """
    is_complex = np.iscomplexobj(rows)
    high, low = _directions(rows.shape[1], is_complex)
    # Two short vectors in the place of one that is as large as a state.
    overlaps = rows.reshape(len(rows), len(high), len(low)) @ low @ high
    return np.asarray(np.abs(overlaps) if is_complex else overlaps)


def are_same(first: NDArray[Any], second: NDArray[Any]) -> NDArray[np.bool_]:
    """Return for each row whether it is the same in both, but for its phase where it is complex.

    Args:
        first: Shape (rows, size).
        second: The same shape; it is overwritten.

    Returns:
        Shape (rows,).
    """
    if np.iscomplexobj(first):
        overlaps = np.einsum("ij,ij->i", second.conj(), first)
        second *= np.exp(1j * np.angle(overlaps))[:, np.newaxis]
    second -= first
    return np.asarray(np.abs(second).max(axis=1) <= SAME)


@lru_cache(maxsize=16)
def _directions(size: int, is_complex: bool) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return two vectors whose product is the direction, each of length 1."""
    generator = np.random.default_rng(_SEED)
    bits = size.bit_length() - 1
    made = []
    for count in (1 << (bits - bits // 2), 1 << bits // 2):
        vector = generator.normal(size=count) + is_complex * 1j * generator.normal(size=count)
        vector = vector if is_complex else vector.real
        made.append(vector / np.linalg.norm(vector))
    return made[0], made[1]
