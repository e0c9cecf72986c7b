"""Operations and noise as Pauli transfer matrices: real matrices on real states (pure).

The density matrix of n qubits is a sum over all Paulis P, rho = sum_P c_P P / 2**n, with real
coefficients c_P = tr(P rho). In this basis a channel E on k qubits, d = 2**k, is the real matrix
R_ij = tr(P_i E(P_j)) / d of shape (4**k, 4**k) (D. Greenbaum, arXiv:1509.02921). Digit j of an
index in base 4 says which of 1, X, Y, Z is on qubit j. Real numbers take half the memory of a
complex density matrix and a quarter of the multiplications.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from math import cos, pi, sin

import numpy as np
from numpy.typing import NDArray

from ..operations import (
    FIXED_GATES,
    PAULIS,
    TWO_QUBIT_GATES,
    Matrix,
    Operation,
    matrix_of,
    qubits_of,
)
from .channels import depolarizing, pauli_basis, relaxation, tensor

Real = NDArray[np.float64]
Relaxation = tuple[tuple[float, float], ...]

OUTCOMES: Real = np.array([[0.5, 0.0, 0.0, 0.5], [0.5, 0.0, 0.0, -0.5]])
"""From the coefficients of a qubit to its probabilities of 0 and 1."""

RESET: Real = np.array([[1.0, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0], [1.0, 0, 0, 0]])
"""The channel that brings a qubit to 0."""

PROJECTORS: Real = np.array(
    [
        [[0.5, 0, 0, sign * 0.5], [0, 0, 0, 0], [0, 0, 0, 0], [sign * 0.5, 0, 0, 0.5]]
        for sign in (1.0, -1.0)
    ]
)
"""The maps rho -> P rho P for the projectors P on 0 and on 1, which do not keep the trace."""


MATRIX_UNITS = np.array([pauli.reshape(-1) for pauli in PAULIS]).T / 2
"""From the coefficients of a qubit to the elements 00, 01, 10, 11 of its density matrix."""


def coefficients_of(rho: Matrix) -> Real:
    """Return the coefficients of a density matrix, shape (4,) * n, the last qubit first.

    Args:
        rho: Shape (2**n, 2**n).

    >>> coefficients_of(np.diag([0.75, 0.25]))
    array([1. , 0. , 0. , 0.5])
    """
    n = len(rho).bit_length() - 1
    pairs = [axis for qubit in range(n) for axis in (qubit, n + qubit)]
    tensor = rho.reshape((2,) * (2 * n)).transpose(pairs).reshape((4,) * n)
    for axis in range(n):
        product = np.matmul(2 * MATRIX_UNITS.conj().T, tensor.reshape(4**axis, 4, -1))
        tensor = product.reshape((4,) * n)
    return np.ascontiguousarray(tensor.real)


def transfer_matrix(superop: Matrix) -> Real:
    """Return the Pauli transfer matrix of a superoperator, both of shape (4**k, 4**k).

    Args:
        superop: In the convention of :mod:`.channels`.

    >>> transfer_matrix(depolarizing(0.25, 1)).tolist() == np.diag([1, 0.75, 0.75, 0.75]).tolist()
    True
    """
    d = round(len(superop) ** 0.5)
    _, vectors = pauli_basis(d.bit_length() - 1)
    return np.ascontiguousarray((vectors.conj() @ superop @ vectors.T).real / d)


def unitary_transfer(matrix: Matrix) -> Real:
    """Return the Pauli transfer matrix of a unitary, from shape (2**k, 2**k)."""
    return transfer_matrix(np.asarray(np.kron(matrix.conj(), matrix), dtype=complex))


def site_transfer(operation: Operation, noise: Operation | None) -> tuple[tuple[int, ...], Real]:
    """Return an operation, and the noise that follows it, as one matrix.

    Args:
        operation: A unitary operation on few qubits (see :mod:`.operations`), or noise.
        noise: Noise on the same qubits, or None.

    Returns:
        The qubits, and the Pauli transfer matrix over these; it is not to be written to.
    """
    qubits = qubits_of(operation)
    name = operation[0]
    if name in FIXED_GATES:
        return qubits, _fixed(name, *(noise[2:] if noise is not None else ()))
    if name == "noise":
        matrix = _noise(*operation[2:])
    elif name in _ROTATIONS:
        matrix = _ROTATIONS[name](*operation[2:])
    else:
        matrix = unitary_transfer(matrix_of(operation)[1])
    return qubits, matrix if noise is None else _noise(*noise[2:]) @ matrix


@lru_cache(maxsize=4096)
def _fixed(name: str, p: float = 0.0, relaxations: Relaxation = ()) -> Real:
    """Return a gate without parameters and its noise; kept, since a device has few of them."""
    gate = (
        unitary_transfer(matrix_of((name, 0, 1))[1]) if name in TWO_QUBIT_GATES else _single(name)
    )
    return gate if not relaxations else _noise(p, relaxations) @ gate


@lru_cache(maxsize=4096)
def _noise(p: float, relaxations: Relaxation) -> Real:
    each = [relaxation(*exponents) for exponents in relaxations]
    return transfer_matrix(tensor(*each) @ depolarizing(p, len(each)))


def _single(name: str) -> Real:
    return unitary_transfer(matrix_of((name, 0))[1])


def _rz(angle: float) -> Real:
    c, s = cos(angle), sin(angle)
    return np.array([[1, 0, 0, 0], [0, c, -s, 0], [0, s, c, 0], [0, 0, 0, 1.0]])


def _u(theta: float, phi: float, lam: float) -> Real:
    """Return the rotation of the Bloch sphere by Rz(phi) Ry(theta) Rz(lam)."""
    ct, st, cp, sp, cl, sl = cos(theta), sin(theta), cos(phi), sin(phi), cos(lam), sin(lam)
    return np.array(
        [
            [1, 0, 0, 0],
            [0, cp * ct * cl - sp * sl, -cp * ct * sl - sp * cl, cp * st],
            [0, sp * ct * cl + cp * sl, -sp * ct * sl + cp * cl, sp * st],
            [0, -st * cl, st * sl, ct],
        ]
    )


_ROTATIONS: dict[str, Callable[..., Real]] = {
    "rz": _rz,
    "ry": lambda angle: _u(angle, 0.0, 0.0),
    "rx": lambda angle: _u(angle, -pi / 2, pi / 2),
    "u": _u,
}
"""Operations with angles: by formula, which is much faster than a change of basis."""


def conjugate(operation: Operation, shift: int) -> Operation:
    """Return the complex conjugate of an operation with a tuple of qubits, on shifted qubits.

    Args:
        operation: An operation; those with a single qubit have transfer matrices.
        shift: What is added to the numbers of its qubits.

    >>> conjugate(("pauli_rotation", (0, 1), (1, 2), 0.5), 2)
    ('pauli_rotation', (2, 3), (1, 2), 0.5)
    """
    name, qubits, *rest = operation
    qubits = tuple([qubit + shift for qubit in qubits])
    if name == "matrix":
        matrix, controls, values = rest
        return (name, qubits, matrix.conj(), tuple([q + shift for q in controls]), values)
    if name == "pauli_rotation":
        letters, angle = rest
        return (name, qubits, letters, -angle if letters.count(2) % 2 == 0 else angle)
    if name == "evolve":
        labels, coefficients, time = rest
        signs = [1 if label.count("Y") % 2 else -1 for label in labels]
        turned = tuple(sign * c for sign, c in zip(signs, coefficients, strict=True))
        return (name, qubits, labels, turned, time)
    return (name, qubits, rest[0].conj())  # diagonal or prepare
