r"""Noise channels as superoperators (pure).

A channel E on k qubits is a matrix S of shape (4**k, 4**k), d = 2**k, in the column-stacking
convention of ``qiskit.quantum_info.SuperOp``: vec(E(rho)) = S vec(rho), where element (m, n) of
rho is at index m + d n of vec(rho). Of several qubits, the first is the least significant bit.

Fidelities are averages over all pure input states. The average fidelity F and the entanglement
fidelity F_e = tr(S) / d**2 of a channel with the identity are related by F = (d F_e + 1) / (d + 1)
(M. Horodecki, P. Horodecki, R. Horodecki, Phys. Rev. A 60 (1999) 1888; M. A. Nielsen, Phys. Lett.
A 303 (2002) 249). The infidelity is therefore 1 - F = (1 - F_e) d / (d + 1).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache, reduce

import numpy as np

from ..operations import PAULIS, Matrix


def relaxation(decay: float, dephasing: float) -> Matrix:
    """Return the relaxation of one qubit to state 0 (temperature zero), shape (4, 4).

    Populations of 1 decay as exp(-t / T1) and coherences as exp(-t / T2): amplitude damping
    followed by phase damping (Nielsen and Chuang, section 8.3.5 and 8.3.6). See
    :func:`relaxation_exponents` for the arguments.

    Args:
        decay: Populations of 1 decay as exp(-decay).
        dephasing: Coherences decay as exp(-dephasing); at least ``decay / 2``.
    """
    superop = np.diag([1, math.exp(-dephasing), math.exp(-dephasing), math.exp(-decay)])
    superop[0, 3] = -math.expm1(-decay)
    return superop.astype(complex)


def relaxation_infidelity(
    duration: float, t1s: Sequence[float | None], t2s: Sequence[float | None]
) -> float:
    """Return the average infidelity of the relaxation of several qubits at once.

    The entanglement fidelity of one is tr(S) / 4 = (1 + exp(-t / T1) + 2 exp(-t / T2)) / 4 and
    that of all is the product. It is not lost in rounding where it is small.

    Args:
        duration: Time t in s.
        t1s: Relaxation time of each qubit in s, or None, see :func:`relaxation_exponents`.
        t2s: Dephasing time of each qubit in s, or None.

    Raises:
        ValueError: As :func:`relaxation_exponents` does.

    >>> relaxation_infidelity(math.inf, [1.0], [1.0])  # always in state 0
    0.5
    """
    logarithm = 0.0
    for t1, t2 in zip(t1s, t2s, strict=True):
        decay, dephasing = relaxation_exponents(duration, t1, t2)
        logarithm += math.log1p((math.expm1(-decay) + 2 * math.expm1(-dephasing)) / 4)
    d = 1 << len(t1s)
    return -math.expm1(logarithm) * d / (d + 1)


def relaxation_exponents(
    duration: float, t1: float | None, t2: float | None
) -> tuple[float, float]:
    """Return t / T1 and t / T2, the latter at least t / (2 T1).

    Args:
        duration: Time t in s.
        t1: Relaxation time T1 in s; None or infinity if there is no amplitude damping.
        t2: Dephasing time T2 in s. More than 2 T1 is not physical and taken as 2 T1. None or
            infinity is the limit that T1 sets, 2 T1: no dephasing beyond the damping.

    Raises:
        ValueError: If the duration is negative or a lifetime is not positive, or one is NaN.

    >>> relaxation_exponents(1.0, 1.0, 4.0), relaxation_exponents(1.0, None, 4.0)
    ((1.0, 0.5), (0.0, 0.25))
    """
    if not duration >= 0:
        raise ValueError(f"a duration must be at least 0 s, not {duration!r}")
    for name, value in (("T1", t1), ("T2", t2)):
        if value is not None and not value > 0:
            raise ValueError(f"{name} must be positive, not {value!r} s")
    decay = 0.0 if t1 is None or t1 == math.inf else duration / t1
    dephasing = 0.0 if t2 is None or t2 == math.inf else duration / t2
    return decay, max(dephasing, decay / 2)


def depolarizing(p: float, num_qubits: int) -> Matrix:
    """Return rho -> (1 - p) rho + p tr(rho) 1 / d, shape (4**num_qubits, 4**num_qubits).

    It is a channel for 0 <= p <= d**2 / (d**2 - 1) (Nielsen and Chuang, section 8.3.4): each Pauli
    but the identity occurs with probability p / d**2, and the identity with the rest.

    Args:
        p: Probability of losing the state, in the range above.
        num_qubits: Number of qubits.

    Raises:
        ValueError: If ``p`` is outside of that range.
    """
    d = 1 << num_qubits
    if not 0 <= p <= _most_depolarizing(d):
        raise ValueError(f"p must be in [0, {_most_depolarizing(d)}], not {p!r}")
    diagonal = np.eye(d).reshape(-1)
    return ((1 - p) * np.eye(d * d) + (p / d) * np.outer(diagonal, diagonal)).astype(complex)


def _most_depolarizing(d: int) -> float:
    return d * d / (d * d - 1)


def depolarizing_probability(error: float, infidelity: float, num_qubits: int) -> float:
    """Return the p with which depolarizing raises an infidelity r to the error e of a gate.

    Depolarizing by p before (or after) a channel of average fidelity 1 - r gives that channel with
    weight 1 - p and one that forgets its input, of average fidelity 1 / d, with weight p. Hence

        1 - e = (1 - p) (1 - r) + p / d,  so that  p = d (e - r) / (d (1 - r) - 1),

    as in Qiskit Aer's ``NoiseModel.from_backend``. For r >= e nothing is to be added: 0. The
    largest p of a channel, d**2 / (d**2 - 1), reaches :func:`reachable_error`; there it ends.

    Args:
        error: Average infidelity e that the gate shall have.
        infidelity: Average infidelity r that relaxation gives it anyhow.
        num_qubits: Number k of its qubits; d = 2**k.

    >>> depolarizing_probability(0.25, 0.0, 1)
    0.5
    >>> depolarizing_probability(0.01, 0.02, 1)
    0.0
    """
    d = 1 << num_qubits
    if error <= infidelity:
        return 0.0
    if error >= reachable_error(infidelity, num_qubits):
        return _most_depolarizing(d)
    p = d * (error - infidelity) / (d * (1 - infidelity) - 1)
    return min(p, _most_depolarizing(d))


def reachable_error(infidelity: float, num_qubits: int) -> float:
    """Return the largest error that relaxation and depolarizing can make together.

    At p = d**2 / (d**2 - 1), see :func:`depolarizing_probability`, the error is
    r + d (d (1 - r) - 1) / (d**2 - 1). Without relaxation this is d / (d + 1).

    Args:
        infidelity: Average infidelity r of the relaxation; it is at most 1 - 1 / d.
        num_qubits: Number of qubits.

    >>> reachable_error(0.0, 1), reachable_error(0.5, 1)
    (0.6666666666666666, 0.5)
    """
    d = 1 << num_qubits
    return infidelity + d * max(0.0, d * (1 - infidelity) - 1) / (d * d - 1)


def tensor(*superops: Matrix) -> Matrix:
    """Return the channel of independent channels, the first one on the first qubits.

    It is ``SuperOp(b).tensor(SuperOp(a))`` for ``tensor(a, b)``.
    """

    def pair(low: Matrix, high: Matrix) -> Matrix:
        a, b = math.isqrt(len(low)), math.isqrt(len(high))
        product = np.einsum("nmji,NMJI->NnMmJjIi", low.reshape([a] * 4), high.reshape([b] * 4))
        return np.asarray(product.reshape([(a * b) ** 2] * 2))

    return reduce(pair, superops)


@cache
def pauli_basis(num_qubits: int) -> tuple[list[Matrix], Matrix]:
    """Return the Paulis P_i of k qubits, and each with its columns stacked as a row of one matrix.

    Digit j of i in base 4 says which of 1, X, Y, Z is on qubit j.
    """
    paulis: list[Matrix] = [np.eye(1, dtype=complex)]
    for _ in range(num_qubits):
        paulis = [np.asarray(np.kron(p, rest)) for p in PAULIS for rest in paulis]
    return paulis, np.array([pauli.T.reshape(-1) for pauli in paulis])
