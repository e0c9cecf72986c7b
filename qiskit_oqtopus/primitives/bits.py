"""From counts to bit arrays (pure).

An outcome is an integer whose bit k is classical bit k of the circuit. Only distinct outcomes are
converted; a single shot is a row of the table of these, which numpy repeats.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from qiskit.circuit import QuantumCircuit

Registers = tuple[tuple[str, tuple[int, ...]], ...]
"""For each register of a circuit, its name and the classical bit of each of its bits."""


def find_registers(circuit: QuantumCircuit) -> Registers:
    """Return the classical registers of a circuit, as results of primitives list them.

    >>> find_registers(QuantumCircuit(1, 2))
    (('c', (0, 1)),)
    """
    index = {bit: number for number, bit in enumerate(circuit.clbits)}
    return tuple((creg.name, tuple(index[bit] for bit in creg)) for creg in circuit.cregs)


def bit_table(outcomes: Sequence[int], num_bits: int) -> NDArray[np.uint8]:
    """Return the bits of outcomes.

    Args:
        outcomes: Integers in [0, 2**num_bits).
        num_bits: Number of bits.

    Returns:
        0 and 1, shape (len(outcomes), num_bits); column k is bit k.

    >>> bit_table([1, 6], 3).tolist()
    [[1, 0, 0], [0, 1, 1]]
    """
    size = -(-num_bits // 8)
    data = b"".join([outcome.to_bytes(size, "little") for outcome in outcomes])
    rows = np.frombuffer(data, dtype=np.uint8).reshape(len(outcomes), size)
    return np.unpackbits(rows, axis=1, count=num_bits, bitorder="little")


def pack_bits(bits: NDArray[np.uint8], columns: Sequence[int]) -> NDArray[np.uint8]:
    """Return some bits of outcomes as ``qiskit.primitives.BitArray`` packs them.

    Args:
        bits: As from :func:`bit_table`.
        columns: Which bits, the lowest first.

    Returns:
        Shape (number of outcomes, bytes): the highest bit first, zeros before it.

    >>> pack_bits(bit_table([0b1_0000_0001], 9), range(9)).tolist()
    [[1, 1]]
    """
    chosen = bits[:, list(columns)[::-1]]
    return np.packbits(np.pad(chosen, ((0, 0), (-len(columns) % 8, 0))), axis=1)
