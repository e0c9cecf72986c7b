"""Classical registers as results describe them."""

from __future__ import annotations

from typing import Any

from qiskit.circuit import QuantumCircuit


def creg_sizes(circuit: QuantumCircuit) -> list[list[Any]]:
    """Return [name, size] for each register, as Qiskit uses them to put spaces into bit strings.

    Where the registers do not cover all bits, Qiskit would cut the string and merge different
    outcomes. There, each run of bits outside of registers is listed too, with an empty name.
    """
    sizes: list[list[Any]] = [[register.name, register.size] for register in circuit.cregs]
    if not sizes or sum([size for _, size in sizes]) >= circuit.num_clbits:
        return sizes
    sizes = []
    previous = None
    for bit in circuit.clbits:
        registers = circuit.find_bit(bit).registers
        owner = registers[0][0] if registers else None
        if not sizes or owner != previous:
            sizes.append(["" if owner is None else owner.name, 0])
        sizes[-1][1] += 1
        previous = owner
    return sizes
