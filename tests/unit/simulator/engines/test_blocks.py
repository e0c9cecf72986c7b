"""Blocks do what their operations do, whatever strikes them."""

import numpy as np
import pytest
from qiskit.quantum_info import Statevector

from qiskit_oqtopus import QulacsBackend
from qiskit_oqtopus.simulator.engines.blocks import build_blocks
from tests.circuits import assert_drawn_from, random_unitary_circuit


@pytest.mark.parametrize("seed", range(20))
def test_blocks_do_what_the_operations_do(seed):
    circuit = random_unitary_circuit(np.random.default_rng(seed), 4, 12)
    exact = dict(enumerate(Statevector(circuit).probabilities()))
    circuit.measure_all()
    simulator = QulacsBackend(seed_simulator=seed)
    result = simulator.run(circuit, shots=4000, method="trajectories").result()
    counts = {int(key, 16): count for key, count in result.data(0)["counts"].items()}
    assert_drawn_from(counts, exact)


def test_blocks_take_in_what_fits():
    noise = ("noise", (0, 1), 0.1, ((0.1, 0.1), (0.0, 0.2)))
    found = build_blocks(
        [("h", 0), ("h", 2), ("cx", 0, 1), noise, ("cx", 1, 2), ("x", 0), ("x", 2)]
    )
    assert [block.qubits for block in found] == [(0, 1), (1, 2)]
    first, second = found
    assert [operation[0] for operation in first.operations] == ["h", "cx", "diagonal", "x"]
    kinds = [(before, site.kind, site.qubits) for before, site in first.sites]
    assert kinds == [
        (2, "pauli", (0, 1)),
        (2, "decay", (0,)),
        (3, "flip", (0,)),
        (3, "flip", (1,)),
    ]
    assert [operation[0] for operation in second.operations] == ["h", "cx", "x"]
    assert not second.sites
