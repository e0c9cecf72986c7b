"""What the tests of experiments have in common."""

import pytest

from qiskit_oqtopus import QulacsBackend

SEED = 20240607


@pytest.fixture
def backend() -> QulacsBackend:
    return QulacsBackend(num_qubits=3, seed_simulator=SEED)
