"""Unitary operations as plain tuples, and how Qiskit's standard gates become them.

An operation is a tuple ``(name, *arguments)`` of strings, numbers, tuples and numpy arrays, so
that it pickles and ships to another process. Qubits are indices of the plan. Where several qubits
are listed, the first one is the least significant bit of a matrix index, as in Qiskit.

====================  ==========================================================================
name                  arguments
====================  ==========================================================================
x y z h s sdg t tdg   qubit
sx sxdg               qubit
rx ry rz              qubit, angle in rad; exp(-i angle P / 2)
u                     qubit, theta, phi, lambda in rad; Qiskit's UGate
cx cz swap            qubit, qubit
phase                 (qubit, qubit), angle in rad; exp(i angle) where both are 1
pauli_rotation        qubits, ids (1 = X, 2 = Y, 3 = Z), angle in rad; exp(-i angle P / 2)
diagonal              qubits, array of shape (2**k,)
matrix                qubits, array of shape (2**k, 2**k), controls, control values
prepare               qubits (each in state 0), array of shape (2**k,)
evolve                qubits, Pauli labels, coefficients, time; exp(-i time sum_j c_j P_j)
====================  ==========================================================================

A global phase is not an operation: it is returned beside the operations, in rad.
"""

from __future__ import annotations

from cmath import exp
from collections.abc import Callable, Sequence
from math import cos, pi, sin
from typing import Any

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.complex128]
Operation = tuple[Any, ...]
Encoded = tuple[list[Operation], float]
Encoder = Callable[[tuple[int, ...], Sequence[float]], Encoded]

DENSE_QUBITS = 8
"""Evolutions and preparations on at most this many qubits are applied as one dense matrix."""

TRANSFER_QUBITS = 3
"""A gate on more qubits is applied to a density matrix itself: its transfer matrix would be too
large."""

FIXED_GATES = frozenset(
    ["x", "y", "z", "h", "s", "sdg", "t", "tdg", "sx", "sxdg", "cx", "cz", "swap"]
)
"""Standard gates without parameters that are operations of the same name."""

TWO_QUBIT_GATES = frozenset(["cx", "cz", "swap"])
"""Those of them on two qubits."""

PERMUTATION_GATES = frozenset(["x", "cx", "swap"])
"""Those of them that only move amplitudes."""

ROTATION_GATES = frozenset(["rx", "ry", "rz"])
"""Standard gates of one angle that are operations of the same name."""


def u_matrix(theta: float, phi: float, lam: float) -> Matrix:
    """Return the matrix of Qiskit's ``UGate(theta, phi, lam)``, shape (2, 2); angles in rad."""
    c, s = cos(theta / 2), sin(theta / 2)
    return np.array([[c, -exp(1j * lam) * s], [exp(1j * phi) * s, exp(1j * (phi + lam)) * c]])


_R = 0.5**0.5
H: Matrix = np.array([[_R, _R], [_R, -_R]], dtype=complex)
SX: Matrix = np.array([[1 + 1j, 1 - 1j], [1 - 1j, 1 + 1j]], dtype=complex) * (0.5 + 0j)
X: Matrix = np.array([[0, 1], [1, 0]], dtype=complex)
Y: Matrix = np.array([[0, -1j], [1j, 0]])
Z: Matrix = np.array([[1, 0], [0, -1]], dtype=complex)
SWAP: Matrix = np.eye(4, dtype=complex)[[0, 2, 1, 3]]
PAULIS = (np.eye(2, dtype=complex), X, Y, Z)


def build_controlled(qubits: tuple[int, ...], matrix: Matrix, num_controls: int) -> list[Operation]:
    """Return ``matrix`` on the last qubits, controlled on 1 by the first ``num_controls``."""
    controls = qubits[:num_controls]
    return [("matrix", qubits[num_controls:], matrix, controls, (1,) * num_controls)]


def phases(qubits: tuple[int, ...], *angles: float) -> list[Operation]:
    """Return the diagonal operation with entries exp(i angle)."""
    return [("diagonal", qubits, np.exp(1j * np.array(angles)))]


ENCODERS: dict[str, Encoder] = {
    "id": lambda q, p: ([], 0.0),
    "global_phase": lambda q, p: ([], p[0]),
    # p(a) = exp(i a / 2) rz(a): Qulacs' RotZ is diagonal, its U1 is a dense matrix.
    "p": lambda q, p: ([("rz", q[0], p[0])], p[0] / 2),
    "u1": lambda q, p: ([("rz", q[0], p[0])], p[0] / 2),
    "u": lambda q, p: ([("u", q[0], p[0], p[1], p[2])], 0.0),
    "u2": lambda q, p: ([("u", q[0], pi / 2, p[0], p[1])], 0.0),
    "u3": lambda q, p: ([("u", q[0], p[0], p[1], p[2])], 0.0),
    "r": lambda q, p: ([("u", q[0], p[0], p[1] - pi / 2, pi / 2 - p[1])], 0.0),
    "ch": lambda q, p: (build_controlled(q, H, 1), 0.0),
    "cy": lambda q, p: (build_controlled(q, Y, 1), 0.0),
    "csx": lambda q, p: (build_controlled(q, SX, 1), 0.0),
    "crx": lambda q, p: (build_controlled(q, u_matrix(p[0], -pi / 2, pi / 2), 1), 0.0),
    "cry": lambda q, p: (build_controlled(q, u_matrix(p[0], 0.0, 0.0), 1), 0.0),
    "cu": lambda q, p: (build_controlled(q, exp(1j * p[3]) * u_matrix(p[0], p[1], p[2]), 1), 0.0),
    "cu3": lambda q, p: (build_controlled(q, u_matrix(p[0], p[1], p[2]), 1), 0.0),
    "crz": lambda q, p: (phases(q, 0.0, -p[0] / 2, 0.0, p[0] / 2), 0.0),
    "cp": lambda q, p: ([("phase", q, p[0])], 0.0),
    "cu1": lambda q, p: ([("phase", q, p[0])], 0.0),
    "cs": lambda q, p: ([("phase", q, pi / 2)], 0.0),
    "csdg": lambda q, p: ([("phase", q, -pi / 2)], 0.0),
    "ccz": lambda q, p: ([("diagonal", q, np.array([1.0] * 7 + [-1.0], dtype=complex))], 0.0),
    "ccx": lambda q, p: (build_controlled(q, X, 2), 0.0),
    "c3sx": lambda q, p: (build_controlled(q, SX, 3), 0.0),
    "cswap": lambda q, p: (build_controlled(q, SWAP, 1), 0.0),
    "dcx": lambda q, p: ([("cx", q[0], q[1]), ("cx", q[1], q[0])], 0.0),
    "rxx": lambda q, p: ([("pauli_rotation", q, (1, 1), p[0])], 0.0),
    "ryy": lambda q, p: ([("pauli_rotation", q, (2, 2), p[0])], 0.0),
    "rzz": lambda q, p: ([("pauli_rotation", q, (3, 3), p[0])], 0.0),
    "rzx": lambda q, p: ([("pauli_rotation", q, (3, 1), p[0])], 0.0),
}
"""How the other standard gates are written; a gate that is not here has a small matrix.

:meta hide-value:
"""


def encode_standard(
    name: str, qubits: tuple[int, ...], parameters: Sequence[float], instruction: Any = None
) -> Encoded:
    """Return the operations of one of Qiskit's standard gates, and its global phase in rad.

    Args:
        name: Qiskit's name of the gate.
        qubits: Its qubits.
        parameters: Its parameters.
        instruction: The ``CircuitInstruction`` that holds the gate, where there is one: whatever is
            in no table here takes its matrix from it, which is faster than making a new gate.
    """
    if name in FIXED_GATES:
        return [(name, *qubits)], 0.0
    if name in ROTATION_GATES:
        return [(name, qubits[0], float(parameters[0]))], 0.0
    if (encoder := ENCODERS.get(name)) is not None:
        return encoder(qubits, parameters)
    if instruction is None:
        from qiskit.circuit.library import get_standard_gate_name_mapping

        gate = get_standard_gate_name_mapping()[name].base_class(*parameters)
    else:
        gate = instruction.operation
    return [("matrix", qubits, gate.to_matrix(), (), ())], 0.0


def qubits_of(operation: Operation) -> tuple[int, ...]:
    """Return the qubits that an operation acts on, controls included.

    >>> qubits_of(("cx", 3, 1)), qubits_of(("rz", 2, 0.5)), qubits_of(("u", 4, 0.1, 0.2, 0.3))
    ((3, 1), (2,), (4,))
    """
    name = operation[0]
    if name in FIXED_GATES:
        return tuple(operation[1:])
    if name in ROTATION_GATES or name == "u":
        return (operation[1],)
    qubits: tuple[int, ...] = operation[1]
    return (*qubits, *operation[3]) if name == "matrix" else qubits


def permutation(qubits: tuple[int, ...], pattern: Sequence[int]) -> list[Operation]:
    """Return swaps that move the state of ``qubits[pattern[i]]`` to ``qubits[i]``.

    Args:
        qubits: The k qubits of the gate.
        pattern: A permutation of range(k), as in Qiskit's ``PermutationGate``.

    >>> permutation((4, 5, 6), [2, 0, 1])
    [('swap', 4, 6), ('swap', 5, 6)]
    """
    swaps: list[Operation] = []
    holds = list(range(len(qubits)))  # holds[i]: whose original state is now at position i
    for position, wanted in enumerate(pattern):
        found = holds.index(wanted)
        if found != position:
            swaps.append(("swap", qubits[position], qubits[found]))
            holds[position], holds[found] = holds[found], holds[position]
    return swaps


def pauli_ids(label: str) -> list[tuple[int, int]]:
    """Return (position, id) of every non-identity letter of a Pauli label, qubit 0 first.

    >>> pauli_ids("XIZ")
    [(0, 3), (2, 1)]
    """
    return [(i, "IXYZ".index(letter)) for i, letter in enumerate(reversed(label)) if letter != "I"]


def matrix_of(operation: Operation) -> tuple[tuple[int, ...], Matrix]:
    """Return (qubits, matrix) of an operation on few qubits.

    The matrix has shape (2**k, 2**k) over the k returned qubits, the first one least significant.
    For prepare it is one of the unitaries that take state 0 to the amplitudes.
    """
    name, *arguments = operation
    if name in _FIXED_MATRICES:
        return tuple(arguments), _FIXED_MATRICES[name]
    if name == "rz":
        half = arguments[1] / 2
        return (arguments[0],), np.diag([exp(-1j * half), exp(1j * half)])
    if name in ROTATION_GATES:
        lam = {"rx": pi / 2, "ry": 0.0}[name]
        return (arguments[0],), u_matrix(arguments[1], -lam, lam)
    if name == "u":
        return (arguments[0],), u_matrix(*arguments[1:])
    qubits = tuple(arguments[0])
    if name == "diagonal":
        return qubits, np.diag(arguments[1])
    if name == "phase":
        return qubits, np.diag([1, 1, 1, exp(1j * arguments[1])])
    if name == "pauli_rotation":
        pauli = np.eye(1, dtype=complex)
        for letter in arguments[1]:
            pauli = np.kron(PAULIS[letter], pauli)
        half = arguments[2] / 2
        return qubits, cos(half) * np.eye(len(pauli)) - 1j * sin(half) * pauli
    if name == "prepare":
        return qubits, preparation_matrix(arguments[1])
    if name == "evolve":
        return qubits, evolution_matrix(*arguments[1:])
    if name == "matrix":
        matrix, controls, values = arguments[1:]
        size = len(matrix)
        full = np.eye(size << len(controls), dtype=complex)
        offset = sum(value << i for i, value in enumerate(values)) * size
        full[offset : offset + size, offset : offset + size] = matrix
        return qubits + tuple(controls), full
    raise ValueError(f"operation {name!r} has no matrix")


def preparation_matrix(amplitudes: Matrix) -> Matrix:
    """Return a unitary whose first column is ``amplitudes``: a Householder reflection.

    With u = v + exp(i phi) e_0, phi the phase of v_0, the reflection ``1 - 2 u u^+ / (u^+ u)``
    takes e_0 to -exp(-i phi) v (Golub and Van Loan, Matrix Computations, section 5.1).
    """
    phase = exp(1j * np.angle(amplitudes[0]))
    u = amplitudes.copy()
    u[0] += phase
    reflection = np.eye(len(u)) - (2 / np.vdot(u, u).real) * np.outer(u, u.conj())
    return np.asarray(-phase * reflection)


def evolution_matrix(labels: Sequence[str], coefficients: Sequence[float], time: float) -> Matrix:
    """Return exp(-i time sum_j c_j P_j), shape (2**k, 2**k), by diagonalization."""
    from qiskit.quantum_info import SparsePauliOp

    hamiltonian = SparsePauliOp(list(labels), np.array(coefficients)).to_matrix()
    energies, vectors = np.linalg.eigh(hamiltonian)
    result: Matrix = (vectors * np.exp(-1j * time * energies)) @ vectors.conj().T
    return result


_FIXED_MATRICES: dict[str, Matrix] = {
    "x": X,
    "y": Y,
    "z": Z,
    "h": H,
    "s": np.diag([1, 1j]),
    "sdg": np.diag([1, -1j]),
    "t": np.diag([1, exp(1j * pi / 4)]),
    "tdg": np.diag([1, exp(-1j * pi / 4)]),
    "sx": SX,
    "sxdg": SX.conj().T,
    "cx": np.eye(4, dtype=complex)[[0, 3, 2, 1]],
    "cz": np.diag([1, 1, 1, -1]).astype(complex),
    "swap": SWAP,
}
