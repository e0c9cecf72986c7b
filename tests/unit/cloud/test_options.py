"""The options of a run: what they may be, before anything is sent."""

import math

import numpy as np
import pytest

from qiskit_oqtopus import (
    OqtopusOptionError,
)
from tests.device_circuits import flip


def test_options_of_the_transpiler_are_plain_json(cloud, backend):
    before = len(cloud.jobs)
    for value in (math.nan, object(), np.array([0, 1])):
        options = {"transpiler": "qiskit", "transpiler_options": {"initial_layout": value}}
        with pytest.raises(OqtopusOptionError, match="must be what JSON can write"):
            backend.run(flip(backend), **options)
        with pytest.raises(OqtopusOptionError, match="must be what JSON can write"):
            backend.check(flip(backend), **options)
    assert len(cloud.jobs) == before
