"""Matrices of one qubit as plain numbers: several times faster than arrays of this size."""

from __future__ import annotations

from cmath import exp
from collections.abc import Callable, Iterable
from math import cos, sin

import numpy as np
from numpy.typing import NDArray

from ..operations import Operation, matrix_of

Small = tuple[complex, complex, complex, complex]
"""A 2x2 matrix by rows."""

TINY = 1e-14
"""Numbers that differ by less are equal."""


def small_of(matrix: NDArray[np.complex128]) -> Small:
    """Return an array of shape (2, 2) as plain numbers."""
    a, b, c, d = np.asarray(matrix, dtype=complex).ravel().tolist()
    return a, b, c, d


def product(new: Small, old: Small) -> Small:
    """Return the matrix product, ``new`` being applied after ``old``."""
    a, b, c, d = new
    e, f, g, h = old
    if b == 0 == c:
        return a * e, a * f, d * g, d * h
    if f == 0 == g:
        return a * e, b * h, c * e, d * h
    return a * e + b * g, a * f + b * h, c * e + d * g, c * f + d * h


def is_unitary(small: Small) -> bool:
    """Whether a matrix is unitary to full precision, so that angles describe it."""
    a, b, c, d = small
    return (
        abs(abs(a) ** 2 + abs(c) ** 2 - 1) < TINY
        and abs(abs(b) ** 2 + abs(d) ** 2 - 1) < TINY
        and abs(a.conjugate() * b + c.conjugate() * d) < TINY
    )


def _rx(angle: float) -> Small:
    c, s = cos(angle / 2), -1j * sin(angle / 2)
    return c, s, s, c


def _ry(angle: float) -> Small:
    c, s = cos(angle / 2), sin(angle / 2)
    return c, -s, s, c


def _rz(angle: float) -> Small:
    turn = exp(0.5j * angle)
    return turn.conjugate(), 0j, 0j, turn


def _u(theta: float, phi: float, lam: float) -> Small:
    c, s = cos(theta / 2), sin(theta / 2)
    first, last = exp(1j * phi), exp(1j * lam)
    return c, -last * s, first * s, first * last * c


ROTATIONS: dict[str, Callable[..., Small]] = {"rx": _rx, "ry": _ry, "rz": _rz, "u": _u}
"""Operations with angles."""

PAULI_ROTATIONS = (_rx, _ry, _rz)

FIXED: dict[str, Small] = {
    name: small_of(matrix_of((name, 0))[1])
    for name in ["x", "y", "z", "h", "s", "sdg", "t", "tdg", "sx", "sxdg"]
}
"""Operations without parameters."""


def evolve_qubit(operations: Iterable[Operation]) -> tuple[complex, complex]:
    """Return the amplitudes of one qubit, at first in 0, after operations on it."""
    zero, one = 1 + 0j, 0j
    for operation in operations:
        name = operation[0]
        if name == "rz":
            turn = exp(0.5j * operation[2])
            zero, one = zero * turn.conjugate(), one * turn
            continue
        small = FIXED.get(name)
        if small is None:
            turned = ROTATIONS.get(name)
            small = small_of(matrix_of(operation)[1]) if turned is None else turned(*operation[2:])
        a, b, c, d = small
        zero, one = a * zero + b * one, c * zero + d * one
    return zero, one
