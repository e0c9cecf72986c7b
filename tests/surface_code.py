"""A memory of the surface code on a grid of qubits."""

from __future__ import annotations

from qiskit import QuantumCircuit


def surface_code(distance: int, rounds: int) -> QuantumCircuit:
    """Return rounds of syndromes of an unrotated surface code, and the readout of its data.

    Qubit r * (2 * distance - 1) + c is in row r and column c of a grid. Data are where r + c is
    even, Z checks in odd rows and X checks in even ones, so that all gates are between neighbours.
    Data begin in 0: without noise Z checks read 0, and X checks the same in all rounds.
    """
    size = 2 * distance - 1
    sites = [(r, c) for r in range(size) for c in range(size)]
    data = [site for site in sites if sum(site) % 2 == 0]
    checks = [site for site in sites if sum(site) % 2]
    number = {site: place for place, site in enumerate(sites)}
    circuit = QuantumCircuit(size**2, rounds * len(checks) + len(data))
    in_rows = [number[site] for site in checks if site[0] % 2 == 0]
    for step in range(rounds):
        circuit.h(in_rows)
        for down, right in ((-1, 0), (0, -1), (0, 1), (1, 0)):
            for r, c in checks:
                neighbour = number.get((r + down, c + right))
                if neighbour is None:
                    continue
                pair = (number[r, c], neighbour)
                circuit.cx(*(pair if r % 2 == 0 else pair[::-1]))
        circuit.h(in_rows)
        for place, site in enumerate(checks):
            circuit.measure(number[site], step * len(checks) + place)
            circuit.reset(number[site])
    for place, site in enumerate(data):
        circuit.measure(number[site], rounds * len(checks) + place)
    return circuit
