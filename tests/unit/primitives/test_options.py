"""Options of the primitives are checked when they are set."""

import math

import pytest

from qiskit_oqtopus import OqtopusOptionError
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
