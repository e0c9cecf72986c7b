"""The Pauli twirl of noise: the channel of Paulis that is closest to it in what it does (pure)."""

from __future__ import annotations

from functools import lru_cache
from math import exp

import numpy as np

from .pauli import Real


@lru_cache(maxsize=4096)
def twirl(p: float, relaxations: tuple[tuple[float, float], ...]) -> tuple[float, ...]:
    """Return how likely each Pauli is in the twirl of the noise of an instruction.

    Twirling leaves of the Pauli transfer matrix its diagonal l (M. R. Geller, Z. Zhou, Phys. Rev. A
    88 (2013) 012314). Depolarizing has 1 - p there, and relaxation of a qubit exp(-t / T2) for X
    and Y and exp(-t / T1) for Z, so that both together have the products. The probabilities are
    those of which the channel has this diagonal: the sum over s of l_s, with the sign of whether
    s commutes, by 4**k.

    Args:
        p: Depolarizing of all k qubits, see :func:`.channels.depolarizing`.
        relaxations: t / T1 and t / T2 of each qubit.

    Returns:
        4**k probabilities. Digit j of the index in base 4, from the least significant one, says
        which of 1, X, Y, Z is on qubit j.

    >>> [round(each, 4) for each in twirl(0.04, ((0.0, 0.0),))]
    [0.97, 0.01, 0.01, 0.01]
    """
    diagonal = np.ones(1)
    for decay, dephasing in relaxations:
        each = np.array([1.0, exp(-dephasing), exp(-dephasing), exp(-decay)])
        diagonal = np.kron(each, diagonal)
    diagonal[1:] *= 1 - p
    signs: Real = np.ones((1, 1))
    for _ in relaxations:
        signs = np.kron(_SIGNS, signs)
    found = np.maximum(signs @ diagonal / len(diagonal), 0.0)
    return tuple((found / found.sum()).tolist())


_SIGNS = np.array([[1, 1, 1, 1], [1, 1, -1, -1], [1, -1, 1, -1], [1, -1, -1, 1]], dtype=float)
"""Whether two Paulis commute."""
