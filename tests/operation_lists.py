"""Random operations of every kind that the simulator has."""

from __future__ import annotations

import numpy as np
from qiskit.quantum_info import random_statevector, random_unitary

FIXED = ["x", "y", "z", "h", "s", "sdg", "t", "tdg", "sx", "sxdg"]
ROTATIONS = ["rx", "ry", "rz"]
PAIRS = ["cx", "cz", "swap"]
NAMES = [
    *FIXED,
    *ROTATIONS,
    "u",
    *PAIRS,
    "rotation",
    "z_rotation",
    "xx_rotation",
    "phase",
    "diagonal",
    "one",
    "two",
    "wide",
    "controlled",
    "many_controls",
    "prepare",
    "evolve",
]
"""Names of operations, and of forms of those that have several."""


def random_operation(rng: np.random.Generator, num_qubits: int, name: str):
    """Return an operation of this kind on random qubits, at most as many as there are."""
    places = tuple(int(q) for q in rng.permutation(num_qubits))

    def some(most):
        return places[: int(rng.integers(1, min(most, num_qubits) + 1))]

    def unitary(count):
        return random_unitary(2**count, seed=int(rng.integers(2**31))).data

    angle = float(rng.choice([rng.uniform(-7, 7), np.pi / 2, -np.pi, np.pi / 4]))
    if name in FIXED:
        return (name, places[0])
    if name in ROTATIONS:
        return (name, places[0], angle)
    if name == "u":
        return (name, places[0], angle, *rng.uniform(-7, 7, 2).tolist())
    if name in PAIRS:
        return (name, *places[:2])
    if name.endswith("rotation"):
        qubits = places[:2] if name == "xx_rotation" else some(4)
        letters = {"z_rotation": [3], "xx_rotation": [1]}.get(name, [1, 2, 3])
        return ("pauli_rotation", qubits, tuple(rng.choice(letters, len(qubits)).tolist()), angle)
    if name == "phase":
        return ("phase", places[:2], angle)
    if name == "diagonal":
        qubits = some(5)
        return ("diagonal", qubits, np.exp(1j * rng.uniform(-4, 4, 2 ** len(qubits))))
    if name == "prepare":
        qubits = some(2)
        amplitudes = random_statevector(2 ** len(qubits), seed=int(rng.integers(2**31))).data
        return ("prepare", qubits, amplitudes)
    if name == "evolve":
        qubits = some(2)
        labels = ("X" * len(qubits), "Z" * len(qubits))
        return ("evolve", qubits, labels, tuple(rng.uniform(-1, 1, 2).tolist()), angle)
    targets = {"one": 1, "two": 2, "wide": 3, "controlled": 1, "many_controls": 2}[name]
    controls = {"controlled": 1, "many_controls": 2}.get(name, 0)
    targets = min(targets, num_qubits - min(controls, num_qubits - 1))
    chosen = places[targets : targets + controls]
    values = tuple(int(value) for value in rng.integers(0, 2, len(chosen)))
    return ("matrix", places[:targets], unitary(targets), chosen, values)


def random_operations(rng: np.random.Generator, num_qubits: int, size: int) -> list:
    """Return operations of all kinds, with runs of some: what they are fused to differs."""
    operations = []
    while len(operations) < size:
        favourites = rng.choice(NAMES, 4).tolist() if rng.random() < 0.7 else NAMES
        for name in rng.choice(favourites, int(rng.integers(1, 12))).tolist():
            if num_qubits > 1 or name not in (*PAIRS, "phase", "xx_rotation"):
                operations.append(random_operation(rng, num_qubits, name))
    return operations
