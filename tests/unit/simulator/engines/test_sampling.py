"""Sampling: the right distribution, and never an impossible outcome."""

import numpy as np
import pytest
import qulacs
from hypothesis import given
from hypothesis import strategies as st
from qiskit import QuantumCircuit
from qiskit.circuit.library import UnitaryGate

from qiskit_oqtopus import (
    OqtopusJobError,
    QulacsBackend,
)
from qiskit_oqtopus.simulator.engines import sampling
from qiskit_oqtopus.simulator.engines.sampling import (
    MARGINAL_QUBITS,
    Streams,
    draw,
    marginal,
    measure,
    measure_state,
    sample,
    spread_bits,
    to_probabilities,
)
from qiskit_oqtopus.simulator.operations import H
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


@pytest.fixture(params=["few shots", "copied", "in slices"])
def way(request, monkeypatch):
    """Take each of the three ways, whatever the number of shots and qubits."""
    monkeypatch.setattr(sampling, "_FEW", 1e9 if request.param != "few shots" else 1e-9)
    monkeypatch.setattr(sampling, "_COPIED_QUBITS", 4 if request.param == "in slices" else 30)
    return request.param


def state_of(num_qubits, seed, zeros=()):
    """Return a random state with some qubits in 0."""
    state = qulacs.QuantumState(num_qubits)
    state.set_Haar_random_state(seed)
    for qubit in zeros:
        qulacs.gate.P0(qubit).update_quantum_state(state)
    state.normalize(state.get_squared_norm())
    return state


def distribution(state):
    weights = to_probabilities(state.get_vector())
    return dict(enumerate(weights / weights.sum()))


@pytest.mark.parametrize("shots", [1, 500, 60_000])
def test_states_are_drawn_from_their_distribution(way, shots):
    for n, zeros in ((7, ()), (8, (7,)), (6, (0, 5)), (5, (0, 1, 2, 3, 4))):
        state = state_of(n, n, zeros)
        exact = distribution(state)
        outcomes, counts = draw(state, shots, np.random.default_rng(n))
        assert counts.sum() == shots
        assert counts.min() > 0
        assert np.all(np.diff(outcomes) > 0)
        assert all(exact[outcome] > 0 for outcome in outcomes.tolist())
        assert_drawn_from(dict(zip(outcomes.tolist(), counts.tolist(), strict=True)), exact)


@pytest.mark.parametrize("factor", [0.3, 0.999])
def test_states_that_are_not_normalized(way, factor):
    state = state_of(6, 1)
    exact = distribution(state)
    state.multiply_coef(factor)
    outcomes, counts = draw(state, 20_000, np.random.default_rng(2))
    assert_drawn_from(dict(zip(outcomes.tolist(), counts.tolist(), strict=True)), exact)


def test_the_generator_decides_and_the_state_stays(way):
    state = state_of(7, 3)
    before = state.get_vector()
    first, again, other = (draw(state, 300, np.random.default_rng(seed)) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first[0], other[0])
    np.testing.assert_array_equal(state.get_vector(), before)
    # A later draw from the same generator is another one.
    generator = np.random.default_rng(1)
    draw(state, 300, generator)
    assert not np.array_equal(draw(state, 300, generator)[0], first[0])


def test_one_state_only(way):
    state = qulacs.QuantumState(9)
    for basis in (0, 300, 511):
        state.set_computational_basis(basis)
        outcomes, counts = draw(state, 1000, np.random.default_rng(4))
        assert (outcomes.tolist(), counts.tolist()) == ([basis], [1000])


def test_bits_of_a_state_go_where_they_belong(way):
    state = qulacs.QuantumState(6)
    state.set_computational_basis(0b100010)
    terminal = [(5, 0), (0, 1), (1, 70), (None, 3), (5, 4)]
    keys, counts = measure_state(state, terminal, 50, np.random.default_rng(5))
    assert (keys, counts) == ([1 | 1 << 70 | 1 << 4], [50])
    assert measure_state(state, [(None, 2)], 50, np.random.default_rng(5)) == ([0], [50])


def test_some_qubits_only(way):
    state = state_of(6, 6)
    qulacs.gate.DenseMatrix([2], H).update_quantum_state(state)
    terminal = [(4, 0), (2, 1)]
    exact: dict[int, float] = {}
    for outcome, p in distribution(state).items():
        key = (outcome >> 4 & 1) | (outcome >> 2 & 1) << 1
        exact[key] = exact.get(key, 0.0) + p
    keys, counts = measure_state(state, terminal, 40_000, np.random.default_rng(7))
    assert len(keys) == len(set(keys))
    assert_drawn_from(dict(zip(keys, counts, strict=True)), exact)
    # As the other function for the same purpose has it.
    probabilities = to_probabilities(state.get_vector())
    keys, counts = measure(probabilities, 6, terminal, 40_000, np.random.default_rng(8))
    assert_drawn_from(dict(zip(keys, counts, strict=True)), exact)


def test_a_matrix_that_leaves_nothing_has_no_outcomes():
    circuit = QuantumCircuit(2, 1)
    circuit.append(UnitaryGate(np.zeros((2, 2)), check_input=False), [0])
    circuit.measure(0, 0)
    for wide in (False, True):
        if wide:
            circuit.h(1)
        with pytest.raises(OqtopusJobError, match="probabilities of its outcomes add up to 0"):
            QulacsBackend().run(circuit).result()
