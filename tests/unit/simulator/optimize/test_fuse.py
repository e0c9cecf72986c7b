"""Fusing changes what is applied, never the state: checked against the operations as they were."""

import copy
from collections import Counter
from math import pi

import numpy as np
import pytest
import qulacs
from qiskit.quantum_info import random_statevector, random_unitary

from qiskit_oqtopus.simulator.operations import SWAP, X
from qiskit_oqtopus.simulator.optimize.cost import OPERATION_NS, cost
from qiskit_oqtopus.simulator.optimize.fuse import fuse
from qiskit_oqtopus.simulator.state import Circuit
from tests.operation_lists import NAMES, random_operation, random_operations

# What is worth fusing depends on the number of qubits that the fuser is told; the states of the
# tests are smaller.
TOLD = [13, 17, 20]


def total_cost(operations, num_qubits):
    """Return the time that operations take on a state of so many qubits, in ns."""
    return sum(cost(operation) * 2**num_qubits + OPERATION_NS for operation in operations)


def applied(operations, num_qubits, seed):
    state = qulacs.QuantumState(num_qubits)
    state.set_Haar_random_state(seed)
    Circuit(operations, num_qubits).apply(state)
    return state.get_vector()


def assert_fused(operations, num_qubits, told, seed=0):
    before = copy.deepcopy(operations)
    exact = applied(operations, num_qubits, seed)
    fused, phase = fuse(operations, told)
    state = applied(fused, num_qubits, seed) * np.exp(1j * phase)
    np.testing.assert_allclose(state, exact, rtol=0, atol=1e-12)
    assert total_cost(fused, told) <= 1.2 * total_cost(operations, told)
    np.testing.assert_equal(operations, before)  # plans are used again
    return fused


@pytest.mark.parametrize("told", TOLD)
@pytest.mark.parametrize("first", range(0, 150, 30))
def test_random_operations_of_every_kind(first, told):
    for seed in range(first, first + 30):
        rng = np.random.default_rng(seed)
        n = int(rng.integers(2, 9))
        assert_fused(random_operations(rng, n, int(rng.integers(1, 60))), n, told, seed)


@pytest.mark.parametrize("name", NAMES)
def test_each_kind_alone_and_beside_itself(name):
    rng = np.random.default_rng(3)
    for told in TOLD:
        one, other = (random_operation(rng, 4, name) for _ in range(2))
        assert_fused([one], 4, told)
        assert_fused([one, other, one], 4, told)


@pytest.mark.parametrize(
    "operation",
    [("cx", 0, 1), ("cz", 1, 0), ("x", 0), ("swap", 0, 1), ("h", 1), ("y", 0), ("ccx",)],
)
def test_what_is_cheap_alone_stays(operation):
    if operation == ("ccx",):
        operation = ("matrix", (2,), X, (0, 1), (1, 1))
    for told in TOLD:
        fused, _ = fuse([operation], told)
        assert total_cost(fused, told) <= 1.2 * total_cost([operation], told)
        assert len(fused) <= 2


def test_nothing():
    for told in TOLD:
        assert fuse([], told) == ([], 0.0)


def test_runs_on_one_qubit_become_one_operation():
    rng = np.random.default_rng(5)
    names = ["x", "y", "z", "h", "s", "sdg", "t", "tdg", "sx", "sxdg", "rx", "ry", "rz", "u"]
    run = [random_operation(rng, 1, name) for name in rng.permutation(names * 4).tolist()]
    assert len(assert_fused(run, 1, 13)) == 1


@pytest.mark.parametrize("told", TOLD)
def test_what_cancels_is_gone(told):
    pairs = [("h", 0), ("t", 1), ("cz", 0, 1), ("s", 2), ("sx", 3)]
    inverses = [("h", 0), ("tdg", 1), ("cz", 0, 1), ("sdg", 2), ("sxdg", 3)]
    commuting = [("cz", 0, 1), ("rz", 0, 0.3), ("cx", 0, 2), ("rz", 0, -0.3), ("cz", 0, 1)]
    for operation, inverse in zip(pairs, inverses, strict=True):
        assert assert_fused([operation, inverse], 4, told) == []
    assert assert_fused(commuting, 4, told) == [("cx", 0, 2)]
    assert assert_fused([("x", 0), ("sx", 0), ("sx", 0)], 1, told) == []


@pytest.mark.parametrize("told", TOLD)
def test_diagonals_are_gathered(told):
    rng = np.random.default_rng(7)
    diagonal = ["z", "s", "t", "rz", "cz", "diagonal", "z_rotation"]
    for n in (3, 6, 8):
        operations = [random_operation(rng, n, name) for name in rng.permutation(diagonal * 20)]
        assert len(assert_fused(operations, n, told)) == 1
        # Also around what they commute with: the controls of other operations.
        unitary = random_unitary(2, seed=1).data
        controlled = [("cx", 0, n), ("matrix", (n,), unitary, (1,), (0,))]
        half = len(operations) // 2
        around = [*operations[:half], *controlled, *operations[half:]]
        fused = assert_fused(around, n + 1, told)
        assert Counter(operation[0] for operation in fused)["diagonal"] <= 1
        assert len(fused) <= 3


def test_more_diagonals_than_fit_into_one():
    rng = np.random.default_rng(8)
    n = 16
    operations = [("cz", a, b) for a in range(n) for b in range(a)]
    operations += [("rz", q, float(rng.uniform(0, 6))) for q in range(n)]
    operations += [("h", q) for q in range(n)]
    operations += [("pauli_rotation", (q, (q + 5) % n), (3, 3), 0.1 * q) for q in range(n)]
    fused = assert_fused(operations, n, n)
    assert sum(operation[0] == "diagonal" for operation in fused) <= 14


@pytest.mark.parametrize("told", TOLD)
def test_diagonals_among_permutations(told):
    permutations = [("cx", 0, 1), ("swap", 1, 2), ("x", 0)]
    diagonals = [("rz", 0, 0.3), ("cz", 0, 2), ("diagonal", (1, 2), np.exp([0.1j, 0.2j, 0, 1j]))]
    assert_fused([("h", 0), ("ry", 2, 0.4), *diagonals, *permutations, *diagonals], 3, told)
    assert_fused([("h", 0), ("rz", 0, 0.3), ("h", 0), ("rz", 0, 0.3)], 1, told)


@pytest.mark.parametrize("told", TOLD)
def test_only_swaps(told):
    swaps = [("swap", 0, 1), ("swap", 1, 2), ("swap", 0, 1)]
    assert assert_fused(swaps, 3, told) == swaps


@pytest.mark.parametrize("told", TOLD)
def test_blocks_on_two_qubits_become_one_matrix(told):
    rng = np.random.default_rng(9)
    general = ["u", "rx", "ry", "cx", "cz", "swap", "controlled", "two", "xx_rotation"]
    block = [random_operation(rng, 2, name) for name in rng.permutation(general * 3).tolist()]
    assert len(assert_fused(block, 2, told)) == 1
    # Two matrices of which each is dearer alone, in both orders of the qubits.
    one, other = random_unitary(4, seed=1).data, random_unitary(4, seed=2).data
    matrices = [("matrix", (0, 1), one, (), ()), ("matrix", (1, 0), other, (), ())]
    assert len(assert_fused(matrices, 2, told)) == 1


def test_layers_of_rotations_are_written_with_hadamards_on_many_qubits():
    rng = np.random.default_rng(10)
    n = 8
    layer = [("u", q, *rng.uniform(-7, 7, 3).tolist()) for q in range(n)]
    ladder = [("cx", q, q + 1) for q in range(n - 1)]
    fused = assert_fused([*layer, *ladder, *layer, *ladder, *layer], n, 20)
    assert Counter(operation[0] for operation in fused)["h"] >= 5 * n
    assert total_cost(fused, 20) < 0.95 * total_cost([*layer * 3, *ladder * 2], 20)


@pytest.mark.parametrize("told", TOLD)
@pytest.mark.parametrize("small", [0.0, 1e-16, 1e-14, 1e-12, 1e-9, 1e-7, 1e-4])
def test_matrices_that_are_almost_diagonal_or_almost_not(small, told):
    rng = np.random.default_rng(11)
    for middle in (("rx", 0, small), ("ry", 0, pi - small), ("ry", 0, pi / 2 + small)):
        frame = [("u", 0, *rng.uniform(-7, 7, 3).tolist()), ("rz", 0, 0.7)]
        back = [("rz", 0, -0.7), ("u", 0, -frame[0][2], -frame[0][4], -frame[0][3])]
        # The frame cancels but for rounding; on as many qubits as must stand side by side.
        ladder = [("cx", q, q + 1) for q in range(7)]
        for run in ([*frame, middle, *back], [*frame, middle, *back, ("x", 0)]):
            layer = [(name, q, *rest) for q in range(8) for name, _, *rest in run]
            assert_fused([("h", 0), *ladder, *layer, *ladder, *layer], 8, told)


def test_matrices_that_are_not_unitary_to_full_precision_are_left_alone():
    # Qiskit takes matrices as unitary that are so to 1e-8.
    loose = np.diag([1, 1 + 3e-9]).astype(complex)
    h = np.array([[1, 1], [1, -1]], dtype=complex) * (0.5**0.5 + 1e-9)
    matrix = ("matrix", (0,), h, (), ())
    for loosened in [
        [matrix],
        [matrix, ("h", 0), matrix],
        [("matrix", (0,), loose, (), ()), ("h", 0)],
        [("matrix", (0,), loose[::-1, ::-1], (), ()), ("h", 0)],
        [("h", 0), ("diagonal", (0,), np.diagonal(loose)), ("h", 0)],
        [("diagonal", (0, 1), np.array([1, 1, 1, 1 - 2e-9], dtype=complex)), ("h", 0), ("h", 1)],
        [("matrix", (0, 1), np.kron(h, h), (), ()), ("rx", 0, 0.1), matrix, ("cx", 0, 1)],
    ]:
        for told in TOLD:
            assert_fused([("t", 0), *loosened, ("t", 0)], 2, told)


def test_preparations_and_evolutions_are_applied_as_they_are():
    prepare = ("prepare", (0, 1), random_statevector(4, seed=1).data)
    evolve = ("evolve", (1, 2), ("XI", "ZZ"), (0.3, 0.7), 1.1)
    operations = [prepare, ("h", 2), ("cx", 0, 2), ("rz", 2, 0.3), evolve, ("rz", 1, 0.1), ("h", 1)]
    for told in TOLD:
        fused = assert_fused(operations, 3, told)
        assert any(operation is prepare for operation in fused)
        assert any(operation is evolve for operation in fused)


def test_costs_know_every_kind():
    rng = np.random.default_rng(12)
    for name in NAMES:
        assert cost(random_operation(rng, 4, name)) > 0
    assert cost(("matrix", (0, 1), SWAP, (), ())) > cost(("swap", 0, 1))
