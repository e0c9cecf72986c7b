"""Options of the primitives are checked when they are set."""

import math

import numpy as np
import pytest
from qiskit import QuantumCircuit

from qiskit_oqtopus import EstimatorV2, OqtopusOptionError, QulacsBackend, SamplerV2
from qiskit_oqtopus.primitives.options import EstimatorOptions, SamplerOptions, parse_options


@pytest.mark.parametrize("kind", [SamplerOptions, EstimatorOptions])
def test_options_are_checked_whenever_they_are_set(kind):
    options = parse_options(kind, {"seed": 3, "tags": ["night"]})
    assert (options.seed, options.tags) == (3, ("night",))
    assert parse_options(kind, options) == options
    assert parse_options(kind, None) == kind()
    with pytest.raises(
        OqtopusOptionError, match=r"Unknown option 'shotz'; the options are: .*seed"
    ):
        options.shotz = 3
    with pytest.raises(OqtopusOptionError, match="Unknown option"):
        options.update(seed=4, shotz=3)
    with pytest.raises(OqtopusOptionError, match="'seed' must be an integer"):
        options.update(name="x", seed="4")
    assert options == parse_options(kind, {"seed": 3, "tags": ["night"]})
    options.update(seed=4, name="x")
    assert (options.seed, options.name) == (4, "x")
    for wrong in ({"transpiler": "tket"}, {"mitigation": 1}, [("seed", 1)], 3):
        with pytest.raises(OqtopusOptionError):
            parse_options(kind, wrong)


@pytest.mark.parametrize("value", [-0.1, math.nan, math.inf, "0.1", True, 1j])
def test_precisions_are_numbers(value):
    with pytest.raises(OqtopusOptionError, match="default_precision"):
        EstimatorOptions(default_precision=value)


def test_options_are_attributes_of_the_primitives_too():
    sampler = SamplerV2(QulacsBackend(), options={"default_shots": 1e3})
    assert (sampler.default_shots, sampler.seed) == (1000, None)
    sampler.default_shots, sampler.seed = 50, 7
    assert (sampler.options.default_shots, sampler.options.seed) == (50, 7)
    assert sampler.run([bell()]).result()[0].data.meas.num_shots == 50
    with pytest.raises(OqtopusOptionError, match="default_shots"):
        sampler.default_shots = 1.5
    estimator = EstimatorV2(QulacsBackend(), options={"default_precision": 0.1, "seed": 3})
    assert (estimator.default_precision, estimator.seed) == (0.1, 3)
    estimator.default_precision = 0.0
    assert estimator.options.default_precision == 0.0


@pytest.mark.parametrize("as_option", [True, False])
def test_a_generator_gives_each_run_a_seed(as_option):
    def sample(generator):
        sampler = SamplerV2(QulacsBackend(), options={"seed": generator} if as_option else None)
        given = {} if as_option else {"seed": generator}
        return [
            sampler.run([bell()], shots=100, **given).result()[0].data.meas.get_bitstrings()
            for _ in range(2)
        ]

    first = sample(np.random.default_rng(5))
    assert first == sample(np.random.default_rng(5))
    assert first[0] != first[1]


def test_a_generator_is_a_seed_of_the_estimator():
    def estimate(generator):
        estimator = EstimatorV2(QulacsBackend(), options={"seed": generator})
        pub = (bell().remove_final_measurements(inplace=False), "ZZ")
        return [float(estimator.run([pub], precision=0.1).result()[0].data.evs) for _ in range(2)]

    first = estimate(np.random.default_rng(5))
    assert first == estimate(np.random.default_rng(5))
    assert first[0] != first[1]


@pytest.mark.parametrize("shots", [1e2, np.float64(100), np.int64(100)])
def test_shots_that_are_integers_in_another_form(shots):
    sampler = SamplerV2(QulacsBackend())
    for run in (
        lambda: sampler.run([bell()], shots=shots),
        lambda: sampler.run([(bell(), None, shots)]),
        lambda: sampler.run([[bell(), None, shots]]),
    ):
        assert run().result()[0].data.meas.num_shots == 100
    counts = QulacsBackend().run(bell(), shots=shots).result().get_counts()
    assert sum(counts.values()) == 100


def bell():
    circuit = QuantumCircuit(2)
    circuit.h(0)
    circuit.cx(0, 1)
    circuit.measure_all()
    return circuit
