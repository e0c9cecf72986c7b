"""Outcomes of independent parts, joined."""

import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qiskit_oqtopus.simulator.engines import pairing
from qiskit_oqtopus.simulator.engines.pairing import pair
from qiskit_oqtopus.simulator.state import Cancelled
from tests.circuits import assert_drawn_from


def drawn(rng, probabilities, shots):
    counts = rng.multinomial(shots, probabilities)
    keys = np.flatnonzero(counts)
    return keys.tolist(), counts[keys].tolist()


@pytest.mark.parametrize("shots", [50, 2000, 10**6])
def test_the_joint_distribution_is_the_product(shots):
    """At 50 shots they are put side by side, at 10**6 pairs of outcomes are drawn."""
    rng = np.random.default_rng(shots)
    probabilities = [[0.5, 0.2, 0.1, 0.2], [0.9, 0.1], [0.3, 0.7]]
    bits = [(4, 1), (0,), (70,)]
    exact = {}
    for index in np.ndindex(4, 2, 2):
        key = (index[0] & 1) << 4 | (index[0] >> 1) << 1 | index[1] | index[2] << 70
        exact[key] = np.prod([p[i] for p, i in zip(probabilities, index, strict=True)])
    totals = {}
    for _ in range(10**5 // shots or 1):
        parts = [(*drawn(rng, p, shots), b) for p, b in zip(probabilities, bits, strict=True)]
        keys, counts = pair(parts, shots, rng)
        assert sum(counts) == shots
        assert len(set(keys)) == len(keys)
        for key, count in zip(keys, counts, strict=True):
            totals[key] = totals.get(key, 0) + count
    assert_drawn_from(totals, exact)


@given(st.data())
def test_each_part_keeps_its_counts(data):
    number = data.draw(st.integers(1, 6))
    shots = data.draw(st.sampled_from([1, 7, 300, 5000]))
    rng = np.random.default_rng(data.draw(st.integers(0, 1000)))
    places = rng.permutation(200)[: 2 * number].tolist()
    parts = []
    for i in range(number):
        weights = rng.random(4) * (rng.random(4) < 0.7) + np.array([1e-3, 0, 0, 0])
        parts.append((*drawn(rng, weights / weights.sum(), shots), places[2 * i : 2 * i + 2]))
    keys, counts = pair(parts, shots, rng)
    assert sum(counts) == shots
    for part_keys, part_counts, clbits in parts:
        found = {}
        for key, count in zip(keys, counts, strict=True):
            value = sum((key >> clbit & 1) << i for i, clbit in enumerate(clbits))
            found[value] = found.get(value, 0) + count
        assert found == dict(zip(part_keys, part_counts, strict=True))


def test_what_always_reads_the_same_costs_no_draw():
    rng = np.random.default_rng(1)
    before = rng.bit_generator.state
    assert pair([([1], [5], (3,)), ([0, 1], [2, 3], (0,))], 5, rng) == ([0b1000, 0b1001], [2, 3])
    assert pair([], 5, rng) == ([0], [5])
    assert rng.bit_generator.state == before


def test_a_cancelled_flag_ends_it():
    flag = threading.Event()
    flag.set()
    with pytest.raises(Cancelled):
        pair([([0, 1], [2, 3], (0,))], 5, np.random.default_rng(1), flag)


def test_many_words():
    rng = np.random.default_rng(5)
    parts = [([0, 1], [60, 40], (i,)) for i in range(300)]
    keys, counts = pair(parts, 100, rng)
    assert len(keys) == 100
    assert set(counts) == {1}
    assert keys == sorted(keys)
    ones = [sum(key >> i & 1 for key in keys) for i in range(300)]
    assert set(ones) == {40}
    assert pairing.spread([0b11], (299, 2)) == [1 << 299 | 4]
