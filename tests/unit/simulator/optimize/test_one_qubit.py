"""Matrices of one qubit as plain numbers, and all forms of the U gate that speed asks for."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from qiskit.circuit.library import UGate
from qiskit.quantum_info import PTM, Operator, random_unitary

from qiskit_oqtopus.simulator.compile.template import _matrices
from qiskit_oqtopus.simulator.noise.pauli import site_transfer
from qiskit_oqtopus.simulator.operations import matrix_of, u_matrix
from qiskit_oqtopus.simulator.optimize.one_qubit import (
    FIXED,
    ROTATIONS,
    evolve_qubit,
    is_unitary,
    product,
    small_of,
)
from tests.operation_lists import random_operation

angles = st.floats(-7, 7)


def close(found, exact):
    return np.abs(np.asarray(found) - np.asarray(exact)).max() < 1e-14


@given(angles, angles, angles)
def test_all_forms_of_the_u_gate_are_those_of_qiskit(theta, phi, lam):
    exact = UGate(theta, phi, lam).to_matrix()
    assert close(u_matrix(theta, phi, lam), exact)
    assert close(ROTATIONS["u"](theta, phi, lam), exact.ravel())
    assert close(_matrices(("u", (0,), (theta, phi, lam)), np.zeros((2, 0))), [exact, exact])
    qubits, transfer = site_transfer(("u", 0, theta, phi, lam), None)
    assert qubits == (0,)
    assert np.abs(transfer - PTM(Operator(exact)).data).max() < 1e-13


@pytest.mark.parametrize("name", ["rx", "ry", "rz"])
@given(angle=angles)
def test_all_forms_of_rotations_are_the_same(name, angle):
    _, exact = matrix_of((name, 0, angle))
    assert close(ROTATIONS[name](angle), exact.ravel())
    assert close(_matrices((name, (0,), (angle,)), np.zeros((1, 0)))[0], exact)
    _, transfer = site_transfer((name, 0, angle), None)
    assert np.abs(transfer - PTM(Operator(exact)).data).max() < 1e-13


@given(st.integers(0, 2**32))
def test_products_and_states_are_those_of_matrices(seed):
    rng = np.random.default_rng(seed)
    names = [*FIXED, *ROTATIONS]
    operations = [random_operation(rng, 1, str(name)) for name in rng.choice(names, 8)]
    matrix, small = np.eye(2), (1 + 0j, 0j, 0j, 1 + 0j)
    for operation in operations:
        _, factor = matrix_of(operation)
        matrix, small = factor @ matrix, product(small_of(factor), small)
    assert np.abs(np.reshape(small, (2, 2)) - matrix).max() < 1e-13
    assert np.abs(np.array(evolve_qubit(operations)) - matrix[:, 0]).max() < 1e-13
    assert is_unitary(small_of(random_unitary(2, seed=seed).data))
    assert not is_unitary(small_of(1.0001 * factor))
