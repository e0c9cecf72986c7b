"""Exact answers from qiskit.quantum_info, instruction by instruction."""

from __future__ import annotations

import warnings

import numpy as np
from qiskit.quantum_info import Operator, Statevector
from scipy.sparse import SparseEfficiencyWarning

from .circuits import Spec, build, operation

Branch = tuple[int, np.ndarray]
"""The classical bits as an integer, and the amplitudes, whose norm squared is the probability."""


def state_vector(circuit: Spec) -> np.ndarray:
    """Return the final state of a circuit without measurements."""
    with warnings.catch_warnings():
        # Qiskit exponentiates a Pauli sum as a sparse matrix of a form that SciPy then converts.
        warnings.simplefilter("ignore", SparseEfficiencyWarning)
        return Statevector(build(circuit)).data


def distribution(circuit: Spec) -> dict[str, float]:
    """Return the probability of each key of ``get_counts``.

    Args:
        circuit: The circuit; measurements, resets and ``if`` may stand anywhere.

    Returns:
        Probabilities by bit string, registers separated by spaces.
    """
    width = sum(size for _, size in circuit["qregs"])
    start = np.zeros(1 << width, dtype=complex)
    start[0] = 1
    branches = [(0, start)]
    for instruction in circuit["instructions"]:
        branches = [new for branch in branches for new in _step(branch, instruction)]
    probabilities: dict[str, float] = {}
    for bits, amplitudes in branches:
        key = _key(bits, circuit["cregs"])
        probabilities[key] = probabilities.get(key, 0.0) + float(np.linalg.norm(amplitudes) ** 2)
    return probabilities


def _step(branch: Branch, instruction: Spec) -> list[Branch]:
    bits, amplitudes = branch
    name = instruction["name"]
    if name == "measure":
        (qubit,), (clbit,) = instruction["qubits"], instruction["clbits"]
        return [
            (bits & ~(1 << clbit) | value << clbit, _project(amplitudes, qubit, value))
            for value in (0, 1)
        ]
    if name == "reset":
        (qubit,) = instruction["qubits"]
        one = np.zeros_like(amplitudes)
        places = np.arange(len(amplitudes))
        lowered = places[places >> qubit & 1 == 1]
        one[lowered ^ 1 << qubit] = amplitudes[lowered]
        return [(bits, _project(amplitudes, qubit, 0)), (bits, one)]
    if name == "if":
        branches = [branch]
        if bits >> instruction["clbits"][0] & 1 == instruction["value"]:
            for inner in instruction["body"]:
                branches = [new for old in branches for new in _step(old, inner)]
        return branches
    evolved = Statevector(amplitudes).evolve(
        Operator(operation(instruction)), instruction["qubits"]
    )
    return [(bits, evolved.data)]


def _project(amplitudes: np.ndarray, qubit: int, value: int) -> np.ndarray:
    return np.where(np.arange(len(amplitudes)) >> qubit & 1 == value, amplitudes, 0)


def _key(bits: int, registers: list[tuple[str, int]]) -> str:
    parts = []
    for _, size in registers:
        parts.append(f"{bits & (1 << size) - 1:0{size}b}")
        bits >>= size
    return " ".join(reversed(parts))
