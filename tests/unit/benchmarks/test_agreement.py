"""Right counts agree with the exact distribution, and wrong ones do not."""

from __future__ import annotations

import numpy as np
import pytest

from tests.benchmarks.agreement import Exact, WrongAnswer, probabilities
from tests.benchmarks.workloads.w4 import ansatz, fourier, volume

SHOTS = 1000


def _drawn(values, shots=SHOTS, seed=1):
    width = len(values).bit_length() - 1
    numbers = np.random.default_rng(seed).multinomial(shots, values)
    return {f"{key:0{width}b}": int(n) for key, n in enumerate(numbers) if n}


@pytest.mark.parametrize("build", [fourier, volume, ansatz])
@pytest.mark.parametrize("qubits", [3, 13])
def test_right_counts_agree(build, qubits):
    # Each comparison fails with a probability of 2e-12, and there are fewer than 100.
    _, exact = build(qubits)
    Exact(exact).check("here", _drawn(exact / exact.sum()), SHOTS)


@pytest.mark.parametrize("qubits", [5, 13])
def test_wrong_counts_do_not_agree(qubits):
    _, exact = volume(qubits)
    uniform = np.full(len(exact), 1 / len(exact))
    for wrong in (uniform, np.roll(exact, 1), exact[::-1]):
        with pytest.raises(WrongAnswer):
            Exact(exact).check("here", _drawn(wrong / wrong.sum()), SHOTS)


def test_impossible_and_missing_shots():
    bell = Exact(probabilities({"00": 0.5, "11": 0.5}))
    bell.check("here", {"00": 480, "11": 520}, SHOTS)
    for wrong in ({"00": 500, "11": 499, "01": 1}, {"00": 500, "11": 499}, {"00": 380, "11": 620}):
        with pytest.raises(WrongAnswer, match="here"):
            bell.check("here", wrong, SHOTS)
