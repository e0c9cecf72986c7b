"""Drawing from Qulacs states: the right distribution on every way, reproducibly.

Distributions are compared as :func:`tests.circuits.assert_drawn_from` says, at a false-alarm
rate below 1e-6.
"""

import numpy as np
import pytest
import qulacs

from qiskit_oqtopus.simulator.engines import sampling
from qiskit_oqtopus.simulator.engines.sampling import draw, measure, measure_state, squared
from qiskit_oqtopus.simulator.operations import H
from tests.circuits import assert_drawn_from


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
    weights = squared(state.get_vector())
    return dict(enumerate(weights / weights.sum()))


@pytest.mark.parametrize("shots", [1, 500, 60_000])
def test_the_distribution_is_right(way, shots):
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


def test_bits_go_where_they_belong(way):
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
    probabilities = squared(state.get_vector())
    keys, counts = measure(probabilities, 6, terminal, 40_000, np.random.default_rng(8))
    assert_drawn_from(dict(zip(keys, counts, strict=True)), exact)
