"""Stages: the state of few qubits at a time is the state of all of them in the end."""

import threading
from itertools import pairwise

import numpy as np
import pytest
import qulacs
from qiskit.quantum_info import random_statevector

from qiskit_oqtopus.simulator.operations import matrix_of
from qiskit_oqtopus.simulator.optimize import stages
from qiskit_oqtopus.simulator.optimize.cost import cost
from qiskit_oqtopus.simulator.optimize.stages import (
    build_stages,
    move_to_places,
    plan_stages,
    run_stages,
)
from qiskit_oqtopus.simulator.state import Cancelled, Circuit
from tests.operation_lists import NAMES, random_operation, random_operations


@pytest.fixture(params=["as it is", "always", "eager", "fused"])
def policy(request, monkeypatch):
    """Let small circuits take the ways that only large ones take."""
    if request.param != "as it is":
        monkeypatch.setattr(stages, "WORTHWHILE", 0.0)
    if request.param in ("eager", "fused"):
        monkeypatch.setattr(stages, "STAGE_NS", -1e9)
    if request.param == "fused":
        monkeypatch.setattr(stages, "FUSED_QUBITS", 1)
    return request.param


def in_order(vector, places):
    """Return amplitudes with qubit i at bit i."""
    n = len(places)
    axes = [n - 1 - places[qubit] for qubit in reversed(range(n))]
    return vector.reshape((2,) * n).transpose(axes).reshape(-1)


def final_state(operations, num_qubits, cancelled=None):
    """Return the final state by stages, where they pay, and the place of each qubit in it."""
    staged = build_stages(operations, num_qubits)
    if staged is not None:
        state = run_stages(staged, cancelled)
        state.multiply_coef(np.exp(1j * staged.phase))
        return state, list(staged.places)
    state = qulacs.QuantumState(num_qubits)
    Circuit(operations, num_qubits).apply(state)
    return state, list(range(num_qubits))


def assert_same_state(operations, num_qubits):
    state = qulacs.QuantumState(num_qubits)
    Circuit(operations, num_qubits).apply(state)
    exact = state.get_vector()
    final, places = final_state(operations, num_qubits)
    assert sorted(places) == list(range(num_qubits))
    np.testing.assert_allclose(in_order(final.get_vector(), places), exact, rtol=0, atol=1e-12)


@pytest.mark.parametrize("first", range(0, 100, 25))
def test_random_operations_of_every_kind(first, policy):
    for seed in range(first, first + 25):
        rng = np.random.default_rng(seed)
        n = int(rng.integers(1, 9))
        assert_same_state(random_operations(rng, n, int(rng.integers(0, 40))), n)


def test_clusters_that_meet_late(policy):
    rng = np.random.default_rng(1)
    n = 9
    operations = []
    for block in (range(3), range(3, 6), range(6, 9)):
        for _ in range(3):
            operations += [("u", q, *rng.uniform(-7, 7, 3).tolist()) for q in block]
            operations += [("cx", a, b) for a, b in pairwise(block)]
    operations += [("swap", 0, 8), ("cz", 2, 3), ("swap", 3, 5), ("cx", 0, 5), ("ry", 8, 0.3)]
    assert_same_state(operations, n)


@pytest.mark.parametrize("operations", [[], [("x", 2)], [("swap", 0, 1), ("x", 0), ("swap", 1, 2)]])
def test_qubits_that_meet_nobody(operations, policy):
    assert_same_state(operations, 4)


def test_preparation_of_many_qubits(policy):
    vector = random_statevector(2**9, seed=3).data
    qubits = (4, 0, 9, 2, 3, 1, 8, 6, 5)
    operations = [("h", 7), ("prepare", qubits, vector), ("cx", 7, 2), ("ry", 4, 0.3), ("h", 2)]
    assert_same_state(operations, 10)


def test_what_the_last_qubits_cannot_have_touched_runs_at_smaller_size():
    n = 20
    layer = [("ry", q, 0.1 + q) for q in range(n)] + [("cx", q, q + 1) for q in range(n - 1)]
    operations = layer * 3
    stages, _ = plan_stages(operations, n)
    assert sum(len(stage.operations) for stage in stages) == len(operations)
    assert len(stages[-1].qubits) == n
    assert len(stages[-1].operations) < 0.2 * len(operations)
    staged = sum(sum(map(cost, stage.operations)) * 2 ** len(stage.qubits) for stage in stages)
    assert staged < 0.2 * sum(map(cost, operations)) * 2**n


def test_stages_are_used_once_and_hold_each_qubit_once():
    rng = np.random.default_rng(2)
    for _ in range(20):
        stages, places = plan_stages(random_operations(rng, 16, 60), 16)
        used = [part for stage in stages for part in stage.parts]
        assert sorted(used) == list(range(len(stages) - 1))
        assert sorted(stages[-1].qubits) == sorted(places) == list(range(16))
        for stage in stages:
            parts = sum((stages[part].qubits for part in stage.parts), ())
            assert stage.qubits[stage.fresh :] == parts


def test_swaps_are_only_names():
    operations = [("h", 0), ("swap", 0, 1), ("cx", 1, 2), ("swap", 2, 0)]
    stages, _ = plan_stages(operations, 3)
    assert not any(operation[0] == "swap" for s in stages for operation in s.operations)


@pytest.mark.parametrize("name", NAMES)
def test_operations_on_other_places(name):
    operation = random_operation(np.random.default_rng(4), 4, name)
    qubits, matrix = matrix_of(operation)
    places = [7, 3, 5, 4]
    moved, same = matrix_of(move_to_places(operation, places))
    assert tuple(moved) == tuple(places[qubit] for qubit in qubits)
    np.testing.assert_array_equal(same, matrix)


class CountedFlag:
    """A flag that is set once it was looked at so often."""

    def __init__(self, looks):
        self.looks = looks

    def is_set(self):
        self.looks -= 1
        return self.looks < 0


def test_a_cancel_flag_stops_it(policy):
    flag = threading.Event()
    flag.set()
    rng = np.random.default_rng(5)
    operations = random_operations(rng, 8, 100)
    if policy != "as it is":
        with pytest.raises(Cancelled):
            final_state(operations, 8, cancelled=flag)
    # Between two slices of the last stage too.
    n = 18
    operations = [
        (name, *rest) for q in range(n) for name, *rest in [("h", q), ("cx", q, (q + 7) % n)]
    ]
    looks = len(plan_stages(operations * 20, n)[0]) + 1
    with pytest.raises(Cancelled):
        final_state(operations * 20, n, cancelled=CountedFlag(looks))


@pytest.mark.chooses
def test_a_short_circuit_is_not_planned():
    assert build_stages([("h", 0)], 3) is None
