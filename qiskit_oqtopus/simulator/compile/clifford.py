"""Operations and noise as instructions of stim, which has all that is known of tableaus."""

from __future__ import annotations

from functools import lru_cache
from importlib.util import find_spec
from math import pi
from typing import Any

import numpy as np

from ..operations import PAULIS, Matrix, Operation, matrix_of, qubits_of
from ..plan import Plan

ANGLE = 1e-9
"""A rotation this close to a multiple of pi / 2, in rad, is one by this multiple."""

MATRIX_QUBITS = 6
"""Whether a matrix is Clifford is found out on at most this many qubits."""

Gates = tuple[tuple[str, tuple[int, ...]], ...]
"""Names in stim, and targets."""

_FIXED = {
    "x": "X",
    "y": "Y",
    "z": "Z",
    "h": "H",
    "s": "S",
    "sdg": "S_DAG",
    "sx": "SQRT_X",
    "sxdg": "SQRT_X_DAG",
    "cx": "CX",
    "cz": "CZ",
    "swap": "SWAP",
}

_ROTATIONS = {
    "rx": ("SQRT_X", "X", "SQRT_X_DAG"),
    "ry": ("SQRT_Y", "Y", "SQRT_Y_DAG"),
    "rz": ("S", "Z", "S_DAG"),
}
"""By 1, 2 and 3 times pi / 2."""


def has_stim() -> bool:
    """Return whether stim is installed."""
    return find_spec("stim") is not None


def to_gates(operation: Operation) -> Gates | None:
    """Return an operation as gates of stim, up to a global phase; None if it is not Clifford.

    >>> to_gates(("rz", 3, -pi / 2)), to_gates(("rz", 3, 0.1))
    ((('S_DAG', (3,)),), None)
    """
    name = operation[0]
    if name in _FIXED:
        return ((_FIXED[name], operation[1:]),)
    if name in _ROTATIONS:
        quarters = _count_quarters(operation[2])
        if not quarters:
            return None if quarters is None else ()
        return ((_ROTATIONS[name][quarters - 1], (operation[1],)),)
    if name in ("t", "tdg"):
        return None
    if name == "phase":
        quarters = _count_quarters(operation[2])
        return {0: (), 2: (("CZ", operation[1]),)}.get(-1 if quarters is None else quarters)
    if name == "pauli_rotation":
        return _rotate(*operation[1:])
    if len(qubits_of(operation)) > MATRIX_QUBITS:
        return None
    if name == "prepare":
        qubits, known = operation[1], _find_preparation(operation[2].tobytes())
    else:
        qubits, matrix = matrix_of(operation)
        known = _find_clifford(np.ascontiguousarray(matrix, dtype=complex).tobytes(), len(qubits))
    if known is None:
        return None
    return tuple([(gate, tuple([qubits[place] for place in places])) for gate, places in known])


def is_surely_other(plan: Plan) -> bool:
    """Return whether a look at the names and angles of a plan shows that it is not Clifford."""
    for step in plan.steps:
        if step[0] != "unitary":
            continue
        for operation in step[1]:
            name = operation[0]
            if name in _ROTATIONS:
                if _count_quarters(operation[2]) is None:
                    return True
            elif name in ("t", "tdg"):
                return True
    return False


def _count_quarters(angle: float) -> int | None:
    """Return by how many quarters of a turn an angle turns, or None."""
    quarters = round(angle / (pi / 2))
    return quarters % 4 if abs(angle - quarters * pi / 2) <= ANGLE else None


def _rotate(qubits: tuple[int, ...], letters: tuple[int, ...], angle: float) -> Gates | None:
    """Return a rotation by the parity of Paulis; of any number of them."""
    quarters = _count_quarters(angle)
    if quarters == 2:
        return tuple([("_XYZ"[letter], (q,)) for q, letter in zip(qubits, letters, strict=True)])
    if not quarters:
        return None if quarters is None else ()
    basis = {1: "H", 2: "H_YZ"}
    turns = [(basis[i], (q,)) for q, i in zip(qubits, letters, strict=True) if i in basis]
    parity = [("CX", (qubit, qubits[-1])) for qubit in qubits[:-1]]
    return (*turns, *parity, (_ROTATIONS["rz"][quarters - 1], qubits[-1:]), *parity, *turns)


@lru_cache(maxsize=1024)
def _find_clifford(data: bytes, num_qubits: int) -> Gates | None:
    """Return a matrix as gates, by what it makes of the Paulis X and Z of each qubit.

    stim has a function for this, too, but in single precision.
    """
    import stim

    matrix: Matrix = np.frombuffer(data, dtype=complex).reshape(1 << num_qubits, -1)
    images: list[list[Any]] = [[], []]
    for place in range(num_qubits):
        for letter, found in zip((1, 3), images, strict=True):
            letters = [0] * num_qubits
            letters[place] = letter
            image = _name_pauli(matrix @ _pauli(letters) @ matrix.conj().T)
            if image is None:
                return None
            found.append(stim.PauliString(image))
    return _write(stim.Tableau.from_conjugated_generators(xs=images[0], zs=images[1]))


def _pauli(letters: list[int]) -> Matrix:
    matrix: Matrix = np.eye(1, dtype=complex)
    for letter in letters:
        matrix = np.asarray(np.kron(PAULIS[letter], matrix))
    return matrix


def _name_pauli(matrix: Matrix) -> str | None:
    """Return the Pauli that a matrix is, with its sign and qubit 0 first, or None."""
    size = len(matrix)
    moved = int(np.argmax(np.abs(matrix[:, 0])))  # bit by bit, whether there is X or Y
    first = matrix[moved, 0]
    letters = []
    for bit in [1 << place for place in range(size.bit_length() - 1)]:
        turned = (matrix[moved ^ bit, bit] * first.conjugate()).real < 0
        letters.append((3 if turned else 0) if not moved & bit else (2 if turned else 1))
    pauli = _pauli(letters)
    sign = 1 if (first * pauli[moved, 0].conjugate()).real > 0 else -1
    if np.abs(matrix - sign * pauli).max() > ANGLE:
        return None
    return "-+"[sign > 0] + "".join(["IXYZ"[letter] for letter in letters])


@lru_cache(maxsize=1024)
def _find_preparation(data: bytes) -> Gates | None:
    """Return gates that bring qubits from 0 to a state, or None if it is no stabilizer state."""
    import stim

    vector = np.frombuffer(data, dtype=complex)
    try:
        tableau = stim.Tableau.from_state_vector(vector, endian="little")
    except ValueError:
        return None
    # In single precision again; but relative to each other, the entries are 0, 1, -1, i and -i.
    known = tableau.to_state_vector(endian="little")
    largest = int(np.argmax(np.abs(known)))
    exact = np.round(known / known[largest])
    return _write(tableau) if np.abs(vector / vector[largest] - exact).max() <= ANGLE else None


def _write(tableau: Any) -> Gates:
    """Return a tableau of stim as gates: Paulis if it is no more than that."""
    try:
        pauli = tableau.to_pauli_string()
    except ValueError:
        return tuple(
            [
                (each.name, tuple([target.value for target in each.targets_copy()]))
                for each in tableau.to_circuit("elimination")
            ]
        )
    return tuple([("_XYZ"[pauli[place]], (place,)) for place in range(len(pauli)) if pauli[place]])


def write_noise(
    qubits: tuple[int, ...], p: float, relaxations: tuple[tuple[float, float], ...]
) -> str:
    r"""Return the twirl of noise as lines of stim.

    Args:
        qubits: The k qubits.
        p: Depolarizing of all of them.
        relaxations: t / T1 and t / T2 of each.

    >>> write_noise((7,), 0.5, ((0.0, 0.0),))
    'PAULI_CHANNEL_1(0.125,0.125,0.125) 7\n'
    """
    beginning, each = _find_errors(p, relaxations)
    if each is None:
        return f"{beginning}{' '.join(map(str, qubits))}\n"
    lines = []
    for name, paulis in each:
        targets = "*".join([f"{letter}{qubits[place]}" for letter, place in paulis])
        lines.append(f"{name} {targets}\n")
    return "".join(lines)


_Errors = tuple[tuple[str, tuple[tuple[str, int], ...]], ...]


@lru_cache(maxsize=4096)
def _find_errors(
    p: float, relaxations: tuple[tuple[float, float], ...]
) -> tuple[str, _Errors | None]:
    """Return the beginning of a line of noise, or one after the other for three qubits and more.

    Each of those strikes if none before it has.
    """
    from ..noise.twirl import twirl  # most circuits have no noise: they do not wait for its import

    width = len(relaxations)
    probabilities = twirl(p, relaxations)
    if width <= 2:
        # Where there are two qubits, stim counts the second one first.
        order = [4 * (i % 4) + i // 4 for i in range(16)] if width == 2 else range(4)
        listed = ",".join([repr(probabilities[place]) for place in order][1:])
        return f"PAULI_CHANNEL_{width}({listed}) ", None
    found = []
    left, name = 1.0, "E"
    for number, probability in enumerate(probabilities[1:], start=1):
        if probability <= 0:
            continue
        digits = [number >> 2 * place & 3 for place in range(width)]
        paulis = tuple([("IXYZ"[digit], place) for place, digit in enumerate(digits) if digit])
        found.append((f"{name}({min(1.0, probability / left)!r})", paulis))
        left, name = left - probability, "ELSE_CORRELATED_ERROR"
    return "", tuple(found)
