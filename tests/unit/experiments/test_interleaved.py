"""Interleaved RB in step."""

import numpy as np
from qiskit_experiments.library.randomized_benchmarking.clifford_utils import compose_2q

from qiskit_oqtopus.experiments.cliffords import two_qubit_form
from qiskit_oqtopus.experiments.interleaved import TwirledRB
from qiskit_oqtopus.experiments.placement import build_steps


def sequences(seed, lengths=(1, 2, 5, 9), samples=4):
    return TwirledRB([0, 1], lengths, samples, seed, leader=3)._sample_sequences()


def test_sequences_of_couplings_differ_and_have_their_cx_at_the_same_places():
    one = build_steps(TwirledRB([0, 1], (1, 2, 5, 9), 4, 1, leader=3))
    for seed in range(2, 12):
        other = build_steps(TwirledRB([5, 4], (1, 2, 5, 9), 4, seed, leader=3))
        assert [[step is None for step in steps] for _, _, steps in one] == [
            [step is None for step in steps] for _, _, steps in other
        ]
        assert all(a != b for a, b in zip(sequences(1)[3::4], sequences(seed)[3::4], strict=True))


def test_shorter_sequences_begin_longer_ones_as_in_standard_rb():
    found = sequences(5)
    assert [len(sequence) for sequence in found] == [1, 2, 5, 9] * 4
    assert found[0] == found[3][:1]
    assert found[2] == found[3][:5]
    assert sequences(5) == found


def test_each_clifford_is_uniform_and_independent_of_the_one_before():
    # 20,000 Cliffords in 4 classes by their number of cx, and pairs of them. A mean is within 5
    # sigma with a false-alarm probability of 6e-7 each.
    found = sequences(8, lengths=(20,), samples=1000)
    classes = np.array([[len(two_qubit_form(n)) - 1 for n in sequence] for sequence in found])
    expected = np.array([576, 5184, 5184, 576]) / 11520
    shares = np.bincount(classes.ravel(), minlength=4) / classes.size
    assert np.all(np.abs(shares - expected) < 5 * np.sqrt(expected / classes.size))
    # Also within a class: the number without the cx is that of a layer before it, 36 of them.
    layers = np.array([n // 320 for sequence in found for n in sequence])
    assert np.all(
        np.abs(np.bincount(layers, minlength=36) / layers.size - 1 / 36)
        < 5 * np.sqrt(1 / 36 / layers.size)
    )
    products = [
        two_qubit_form(int(compose_2q(a, b)))
        for sequence in found
        for a, b in zip(sequence[::2], sequence[1::2], strict=True)
    ]
    shares = np.bincount([len(form) - 1 for form in products], minlength=4) / len(products)
    assert np.all(np.abs(shares - expected) < 5 * np.sqrt(expected / len(products)))
