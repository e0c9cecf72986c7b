"""The work of the cloud benchmark: many small circuits whose outcomes are known.

Imported by ``cloud.py`` and by ``cloud_ours.py``; the peer gets the circuits as OpenQASM 3.
"""

from __future__ import annotations

import math

from qiskit import QuantumCircuit

DEVICE = "grid-16q"
SHOTS = 100

QUBITS = (5, 9, 8, 4)
"""A coupled square of the device."""

_COUPLED = ((5, 9), (8, 9), (8, 4), (5, 4))


def circuit(index: int) -> QuantumCircuit:
    """Return circuit ``index``, of the device's gates on its physical qubits."""
    made = QuantumCircuit(16, len(QUBITS), name=f"circuit_{index}")
    made.metadata = {"index": index, "xval": index / 1000}
    for _ in range(2):  # the block is its own inverse
        for pair in _COUPLED:
            made.cx(*pair)
            made.cx(*pair)
        for qubit in QUBITS:
            for _ in range(2):
                made.sx(qubit)
                made.rz(math.pi, qubit)
    for position, qubit in enumerate(QUBITS):
        if index >> position & 1:
            made.x(qubit)
    made.measure(QUBITS, range(len(QUBITS)))
    return made


def expected(index: int) -> dict[str, int]:
    """Return the counts of circuit ``index``.

    >>> expected(5)
    {'0101': 100}
    """
    width = len(QUBITS)
    return {f"{index % 2**width:0{width}b}": SHOTS}
