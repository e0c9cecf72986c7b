"""Every channel against ``qiskit.quantum_info`` and, where it is installed, Aer."""

import math
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from qiskit.quantum_info import (
    Kraus,
    Operator,
    SuperOp,
    average_gate_fidelity,
    random_quantum_channel,
)

from qiskit_oqtopus.simulator.noise.channels import (
    depolarizing,
    depolarizing_probability,
    reachable_error,
    relaxation_infidelity,
    tensor,
)
from tests.noisy_reference import average_infidelity, gate_noise, thermal_relaxation

TOLERANCE = 1e-12

times = st.floats(-9, -3).map(lambda exponent: 10.0**exponent)
lifetimes = st.tuples(st.none() | times, st.none() | times)
errors = st.floats(0, 1)


def close(a, b):
    return np.abs(np.asarray(a) - np.asarray(b)).max() <= TOLERANCE


def physical(superop):
    """Whether it is completely positive and preserves the trace."""
    return SuperOp(superop).is_cptp(atol=TOLERANCE, rtol=0)


# Channels


@given(times, times, st.floats(0.01, 2))
def test_relaxation_is_amplitude_and_phase_damping(duration, t1, ratio):
    t2 = ratio * t1
    gamma = -math.expm1(-duration / t1)
    kept = math.exp(-duration / (2 * t1))
    amplitude = Kraus([np.diag([1, kept]), [[0, math.sqrt(gamma)], [0, 0]]])
    rest = math.exp(duration / (2 * t1) - duration / t2) if t2 < 2 * t1 else 1.0
    phase = Kraus(
        [math.sqrt((1 + rest) / 2) * np.eye(2), math.sqrt((1 - rest) / 2) * np.diag([1, -1])]
    )
    expected = SuperOp(amplitude).compose(SuperOp(phase))
    assert close(thermal_relaxation(duration, t1, t2), expected.data)


@given(times, times, lifetimes)
def test_relaxing_twice_is_relaxing_for_the_sum(one, other, lifetimes):
    both = thermal_relaxation(one, *lifetimes) @ thermal_relaxation(other, *lifetimes)
    assert close(both, thermal_relaxation(one + other, *lifetimes))


@pytest.mark.parametrize("none", [None, math.inf])
def test_missing_lifetimes(none):
    t = 3e-6
    assert close(thermal_relaxation(t, none, none), np.eye(4))
    dephasing = math.exp(-t / 5e-6)
    assert close(thermal_relaxation(t, none, 5e-6), np.diag([1, dephasing, dephasing, 1]))
    assert close(thermal_relaxation(t, 5e-6, none), thermal_relaxation(t, 5e-6, 1e-5))
    assert close(thermal_relaxation(t, 5e-6, 3e-5), thermal_relaxation(t, 5e-6, 1e-5))
    assert close(thermal_relaxation(0.0, 5e-6, 1e-6), np.eye(4))


def test_after_a_long_time_the_state_is_0():
    reset = SuperOp(Kraus([[[1, 0], [0, 0]], [[0, 1], [0, 0]]])).data
    for duration in (1.0, math.inf):
        assert close(thermal_relaxation(duration, 1e-6, 1e-6), reset)


@pytest.mark.parametrize(
    "values", [(-1e-9, 1, 1), (math.nan, 1, 1), (1, 0, 1), (1, 1, -1), (1, math.nan, 1)]
)
def test_impossible_times_are_refused(values):
    with pytest.raises(ValueError, match="must be"):
        thermal_relaxation(*values)


@pytest.mark.parametrize("k", [1, 2, 3])
def test_depolarizing_is_a_mixture_of_paulis(k):
    d = 2**k
    paulis = [Operator.from_label("".join(letters)).data for letters in product("IXYZ", repeat=k)]
    for p in (0.0, 0.3, 1.0, d * d / (d * d - 1)):
        weights = [max(0.0, 1 - p + p / d**2)] + [p / d**2] * (d * d - 1)
        expected = Kraus([math.sqrt(w) * m for w, m in zip(weights, paulis, strict=True)])
        assert close(depolarizing(p, k), SuperOp(expected).data)
    for p in (-1e-9, 1.0001 * d * d / (d * d - 1), math.nan):
        with pytest.raises(ValueError, match="must be in"):
            depolarizing(p, k)


@pytest.mark.parametrize("seed", range(5))
def test_average_infidelity_and_tensor_of_any_channels(seed):
    one = SuperOp(random_quantum_channel(2, seed=seed))
    two = SuperOp(random_quantum_channel(4, seed=seed + 100))
    for channel in (one, two):
        expected = 1 - average_gate_fidelity(channel)
        assert abs(average_infidelity(channel.data) - expected) < TOLERANCE
    assert close(tensor(one.data, two.data), two.tensor(one).data)
    assert close(tensor(two.data, one.data), one.tensor(two).data)
    assert close(tensor(one.data, one.data, two.data), two.tensor(one).tensor(one).data)


@given(times, st.lists(lifetimes, min_size=1, max_size=3))
def test_infidelity_of_relaxation(duration, lifetimes):
    t1s, t2s = zip(*lifetimes, strict=True)
    channel = tensor(*[thermal_relaxation(duration, *pair) for pair in lifetimes])
    found = relaxation_infidelity(duration, t1s, t2s)
    assert abs(found - average_infidelity(channel)) < TOLERANCE
    assert 0 <= found <= 1 - 0.5 ** len(lifetimes)


def test_small_infidelities_keep_their_digits():
    # To first order (t / T1 + 2 t / T2) / 6.
    assert relaxation_infidelity(1e-18, [1.0], [1.0]) == pytest.approx(5e-19, rel=1e-12)


# Noise of a gate


@given(errors, times, st.lists(lifetimes, min_size=1, max_size=2))
def test_noise_of_a_gate_has_the_stated_error(error, duration, lifetimes):
    t1s, t2s = zip(*lifetimes, strict=True)
    k = len(lifetimes)
    noise = gate_noise(error, duration, t1s, t2s)
    assert physical(noise)
    low = relaxation_infidelity(duration, t1s, t2s)
    high = reachable_error(low, k)
    found = 1 - average_gate_fidelity(SuperOp(noise))
    assert abs(found - min(max(error, low), high)) < TOLERANCE


@given(st.floats(0, 1), times, st.lists(lifetimes, min_size=1, max_size=2))
def test_any_error_within_reach_is_reached(fraction, duration, lifetimes):
    t1s, t2s = zip(*lifetimes, strict=True)
    low = relaxation_infidelity(duration, t1s, t2s)
    high = reachable_error(low, len(lifetimes))
    error = low + fraction * (high - low)
    noise = gate_noise(error, duration, t1s, t2s)
    assert abs(1 - average_gate_fidelity(SuperOp(noise)) - error) < TOLERANCE


@pytest.mark.parametrize("k", [1, 2, 3])
def test_limits_of_the_noise_of_a_gate(k):
    d = 2**k
    nothing = [None] * k
    assert close(gate_noise(0.0, None, nothing, nothing), np.eye(d * d))
    assert close(gate_noise(None, None, [1e-5] * k, [1e-5] * k), np.eye(d * d))
    assert reachable_error(0.0, k) == pytest.approx(d / (d + 1), abs=TOLERANCE)
    assert average_infidelity(gate_noise(1.0, None, nothing, nothing)) == pytest.approx(
        d / (d + 1), abs=TOLERANCE
    )
    # Fully relaxed qubits remember nothing that depolarizing could take.
    assert reachable_error(1 - 1 / d, k) == pytest.approx(1 - 1 / d, abs=TOLERANCE)
    relaxed = tensor(*[thermal_relaxation(3e-7, 1e-5, 2e-5)] * k)
    r = average_infidelity(relaxed)
    for error in (None, 0.0, r / 2, r):
        assert close(gate_noise(error, 3e-7, [1e-5] * k, [2e-5] * k), relaxed)
    assert depolarizing_probability(r, r, k) == 0


# Against Aer, which is no dependency of the tests: they are skipped where it is not installed.


@given(times, times, st.floats(0.01, 1.99))
def test_relaxation_is_that_of_aer(duration, t1, ratio):
    noise = pytest.importorskip("qiskit_aer.noise")
    expected = SuperOp(noise.thermal_relaxation_error(t1, ratio * t1, duration)).data
    # For T2 > T1, Aer goes through Kraus operators and drops those of a weight below 1e-8.
    tolerance = TOLERANCE if ratio <= 1 else 1e-8
    assert np.abs(thermal_relaxation(duration, t1, ratio * t1) - expected).max() <= tolerance


@pytest.mark.parametrize("k", [1, 2, 3])
def test_depolarizing_is_that_of_aer(k):
    noise = pytest.importorskip("qiskit_aer.noise")
    for p in (0.01, 0.5, 1.0):
        assert close(depolarizing(p, k), SuperOp(noise.depolarizing_error(p, k)).data)
