"""Which qubits and couplings run together."""

from itertools import combinations

import pytest

from qiskit_oqtopus.experiments.grouping import (
    choose_directions,
    group_couplings,
    group_qubits,
    sort_by_duration,
    split,
)


def grid(side):
    edges = [(q, q + 1) for q in range(side**2) if (q + 1) % side]
    return edges + [(q, q + side) for q in range(side**2 - side)]


def distance(side, a, b):
    return abs(a // side - b // side) + abs(a % side - b % side)


@pytest.mark.parametrize("separation", [0, 1, 2])
def test_qubits_of_a_group_are_apart(separation):
    groups = group_qubits(list(range(64)), grid(8), separation)
    assert sorted(q for group in groups for q in group) == list(range(64))
    assert all(
        distance(8, a, b) > separation for group in groups for a, b in combinations(group, 2)
    )
    assert len(groups) == {0: 1, 1: 2}.get(separation, len(groups))


@pytest.mark.parametrize("separation", [0, 1])
def test_couplings_of_a_group_share_no_qubit_and_no_edge_joins_them(separation):
    edges = grid(8)
    groups = group_couplings(edges, edges, separation)
    assert sorted(pair for group in groups for pair in group) == sorted(edges)
    for group in groups:
        for one, other in combinations(group, 2):
            assert min(distance(8, a, b) for a in one for b in other) > separation
    assert len(groups) <= {0: 6, 1: 12}[separation]


def test_a_neighbour_that_is_not_measured_does_not_join_two_qubits():
    assert group_qubits([0, 2], [(0, 1), (1, 2)], 1) == [[0, 2]]
    assert group_qubits([0, 2], [(0, 1), (1, 2)], 2) == [[0], [2]]


def test_the_direction_of_the_smaller_error_is_chosen_and_unknown_is_the_largest():
    errors = {(0, 1): 0.02, (1, 0): 0.01, (2, 3): 0.3}
    pairs = [(0, 1), (1, 0), (2, 3), (3, 2), (4, 5)]
    assert choose_directions(pairs, errors) == [(1, 0), (2, 3), (4, 5)]


def test_groups_are_split_evenly_by_gates():
    parts = split(list(range(32)), dict.fromkeys(range(32), 180), 2000)
    assert sorted(q for part in parts for q in part) == list(range(32))
    assert sorted(map(len, parts)) == [10, 11, 11]


def test_an_element_with_too_many_gates_is_a_group_of_its_own():
    assert split([0, 1, 2], {0: 10, 1: 500, 2: 10}, 100) == [[0], [1], [2]]


def test_durations_that_differ_by_more_than_2_percent_are_apart():
    durations = {0: 100.0, 1: 101.9, 2: 103.0, 3: 0.0}
    assert sort_by_duration([2, 1, 0, 3], durations) == [[3], [1, 0], [2]]
