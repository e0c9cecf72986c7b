"""Expectation values and their errors, from counts."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qiskit_oqtopus.primitives.expectation import estimate


def test_the_error_is_that_of_the_mean():
    # Two terms from the same shots, with a covariance that a sum of their errors would miss.
    rng = np.random.default_rng(5)
    probabilities = np.array([0.4, 0.1, 0.2, 0.3])
    weights = [(0, [(0, 1.0), (1, -0.7), (2, 4.0)])]
    signs = np.array([[1, -1, 1, -1], [1, 1, -1, -1]])
    values = 4.0 + signs[0] - 0.7 * signs[1]
    exact = probabilities @ values
    sigma = math.sqrt(probabilities @ (values - exact) ** 2 / 400)
    trials = []
    for _ in range(4000):
        draw = rng.multinomial(400, probabilities)
        found = estimate(dict(enumerate(draw.tolist())), 2, [1, 2, 0], weights)
        trials.append((found.means[0], found.variances[0]))
    means, variances = np.array(trials).T
    # Standard errors of a mean, of a variance and of a mean variance, over 4,000 trials; 6 sigma.
    assert abs(means.mean() - exact) < 6 * sigma / math.sqrt(4000)
    assert abs(means.var() / sigma**2 - 1) < 6 * math.sqrt(2 / 4000)
    assert abs(variances.mean() / sigma**2 - 1) < 6 * variances.std() / sigma**2 / math.sqrt(4000)


@given(st.dictionaries(st.integers(0, 2**70 - 1), st.integers(1, 50), min_size=1, max_size=20))
def test_estimates_are_sample_means(counts):
    masks = [3, 2**69 + 1, 0]
    weights = [(4, [(0, 2.0), (2, 1.0)]), (1, [(1, -1.0)]), (0, [])]
    found = estimate(counts, 70, masks, weights)
    shots = [outcome for outcome, number in counts.items() for _ in range(number)]
    sign = [[1 - 2 * ((shot & mask).bit_count() % 2) for shot in shots] for mask in masks]
    samples = [2.0 * np.array(sign[0]) + 1.0, -1.0 * np.array(sign[1]), np.zeros(len(shots))]
    np.testing.assert_allclose(found.means, [np.mean(s) for s in samples], atol=1e-12)
    if len(shots) > 1:
        variances = [np.var(s, ddof=1) / len(shots) for s in samples]
        np.testing.assert_allclose(found.variances, variances, atol=1e-12)


def test_a_single_shot_says_nothing_about_the_error():
    found = estimate({1: 1}, 1, [1, 0], [(0, [(0, 1.0)]), (1, [(1, 3.0)])])
    assert found.means.tolist() == [-1.0, 3.0]
    assert math.isnan(found.variances[0])
    assert found.variances[1] == 0


def test_blocks_of_outcomes_add_up(monkeypatch):
    counts = {outcome: outcome + 1 for outcome in range(64)}
    weights = [(0, [(0, 1.0), (1, 2.0)])]
    whole = estimate(counts, 6, [5, 63], weights)
    monkeypatch.setattr("qiskit_oqtopus.primitives.expectation.BLOCK", 30)
    parts = estimate(counts, 6, [5, 63], weights)
    np.testing.assert_allclose(parts.means, whole.means, atol=1e-12)
    np.testing.assert_allclose(parts.variances, whole.variances, atol=1e-12)


def test_no_counts_are_no_estimate():
    with pytest.raises(ValueError, match="no counts"):
        estimate({}, 1, [1], [(0, [(0, 1.0)])])
