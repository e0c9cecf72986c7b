"""Pauli transfer matrices are those of ``qiskit.quantum_info``."""

import numpy as np
import pytest
from qiskit.quantum_info import PTM, SuperOp, random_quantum_channel

from qiskit_oqtopus.simulator.noise.pauli import transfer_matrix


@pytest.mark.parametrize("k", [1, 2])
def test_transfer_matrices_are_those_of_qiskit(k):
    channel = SuperOp(random_quantum_channel(2**k, seed=k))
    assert np.abs(transfer_matrix(channel.data) - PTM(channel).data).max() < 1e-12
