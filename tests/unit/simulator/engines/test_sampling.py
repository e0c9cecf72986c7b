"""Sampling: the right distribution, and never an impossible outcome."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qiskit_oqtopus.simulator.engines.run import expand
from qiskit_oqtopus.simulator.engines.sampling import (
    MARGINAL_QUBITS,
    Streams,
    marginal,
    measure,
    sample,
    spread_bits,
)
from tests.circuits import assert_drawn_from


@pytest.mark.parametrize(("size", "shots"), [(8, 5000), (64, 10), (4096, 9000), (2**14, 9000)])
def test_the_distribution_is_right_on_every_route(size, shots):
    rng = np.random.default_rng(size)
    weights = rng.exponential(size=size) * (rng.random(size) < 0.5)
    exact = dict(enumerate(weights / weights.sum()))
    outcomes, counts = sample(weights.copy(), shots, rng)
    assert counts.sum() == shots
    assert np.all(counts > 0)
    assert np.all(np.diff(outcomes) > 0)
    assert np.all(weights[outcomes] > 0)
    # Coarse bins, so that many shots fall into each.
    bins = 8
    coarse, drawn = {}, {}
    for outcome, p in exact.items():
        coarse[outcome % bins] = coarse.get(outcome % bins, 0) + p
    for outcome, count in zip(outcomes.tolist(), counts.tolist(), strict=True):
        drawn[outcome % bins] = drawn.get(outcome % bins, 0) + count
    assert_drawn_from(drawn, coarse)


@given(st.integers(1, 200), st.integers(1, 500), st.integers(0, 2**32), st.floats(1e-300, 1e300))
def test_impossible_outcomes_never_occur(size, shots, seed, scale):
    rng = np.random.default_rng(seed)
    weights = scale * 10.0 ** rng.uniform(-20, 0, size) * (rng.random(size) < 0.3)
    weights[rng.integers(size)] = scale
    outcomes, counts = sample(weights.copy(), shots, rng)
    assert counts.sum() == shots
    assert np.all(weights[outcomes] > 0)


@given(st.data())
def test_bits_go_where_they_belong(data):
    width = data.draw(st.integers(1, 8))
    pairs = data.draw(
        st.lists(st.tuples(st.integers(0, width - 1), st.integers(0, 90)), unique_by=lambda p: p[1])
    )
    values = data.draw(st.lists(st.integers(0, 2**width - 1), max_size=5))
    found = spread_bits(np.array(values, dtype=np.int64), pairs)
    expected = [sum(((v >> source) & 1) << goal for source, goal in pairs) for v in values]
    assert found == expected


@given(st.integers(1, 6), st.data())
def test_marginal_sums_over_the_rest(n, data):
    measured = tuple(data.draw(st.permutations(range(n)))[: data.draw(st.integers(1, n))])
    probabilities = np.random.default_rng(n).random(2**n)
    found = marginal(probabilities, n, measured)
    expected = np.zeros(2 ** len(measured))
    for index, p in enumerate(probabilities):
        expected[sum(((index >> q) & 1) << j for j, q in enumerate(measured))] += p
    np.testing.assert_allclose(found, expected)


def test_large_and_small_registers_measure_alike():
    n = MARGINAL_QUBITS + 1
    probabilities = np.zeros(2**n)
    probabilities[[0b101, (1 << (n - 1)) | 0b001]] = 0.5
    terminal = [(0, 3), (n - 1, 0), (None, 1)]
    keys, counts = measure(probabilities, n, terminal, 100, np.random.default_rng(1))
    assert dict(zip(keys, counts, strict=True)).keys() == {0b1000, 0b1001}
    assert sum(counts) == 100


@given(st.integers(1, 5), st.data())
def test_expand_puts_qubits_in_their_places(n, data):
    qubits = tuple(data.draw(st.permutations(range(n)))[: data.draw(st.integers(0, n))])
    amplitudes = np.arange(1, 2 ** len(qubits) + 1) * (1 + 2j)
    found = expand(amplitudes, qubits, n)
    expected = np.zeros(2**n, dtype=complex)
    for index, amplitude in enumerate(amplitudes):
        expected[sum(((index >> j) & 1) << q for j, q in enumerate(qubits))] = amplitude
    np.testing.assert_array_equal(found, expected)


def test_streams_depend_on_seed_and_index_only():
    streams = Streams(5)
    first = streams[3].random(4)
    streams[0].random(100)
    np.testing.assert_array_equal(streams[3].random(4), first)
    np.testing.assert_array_equal(Streams(5)[3].random(4), first)
    others = [streams[2].random(4), Streams(6)[3].random(4), Streams(3)[5].random(4)]
    assert not any(np.array_equal(first, other) for other in others)
    assert len(Streams(2**64 - 1)[0].random(3)) == 3


@pytest.mark.parametrize("top", [3, 61, 62, 63, 64, 90])
def test_many_outcomes_into_bits_in_another_order(top):
    terminal = [(0, top), (1, 0), (None, 1), (2, 2)]
    keys, counts = measure(np.ones(8), 3, terminal, 4000, np.random.default_rng(1))
    bits = [0, 1 << top, 1, 1 | 1 << top]
    assert sorted(keys) == sorted([*bits, *(bit | 4 for bit in bits)])
    assert all(type(key) is int for key in keys)
    assert sum(counts) == 4000
    # Each is binomial(4000, 1/8): 6 sigma, a false alarm in 6e7 runs.
    assert all(abs(count - 500) < 6 * (4000 * 7 / 64) ** 0.5 for count in counts)
