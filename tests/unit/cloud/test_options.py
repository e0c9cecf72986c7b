"""The options of a run: what they may be, before anything is sent."""

import math

import numpy as np
import pytest

from qiskit_oqtopus import (
    OqtopusOptionError,
)
from qiskit_oqtopus.cloud.options import CHECKS, DEFAULTS, run_options
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


def test_the_defaults_are_good_and_each_has_a_check():
    assert set(CHECKS) == set(DEFAULTS)
    values = {**DEFAULTS, "group_id": None, "resume": None}
    assert run_options(values) == values


def test_every_wrong_option_is_named_at_once():
    with pytest.raises(OqtopusOptionError) as caught:
        run_options({"shots": 10_000_001, "tags": "night", "workers": 0, "colour": "red"})
    for word in ("colour", "'shots' must be an integer from 1 to 10,000,000", "tags", "workers"):
        assert word in str(caught.value)


def test_options_of_the_transpiler_need_one():
    values = {**DEFAULTS, "group_id": None, "resume": None, "transpiler_options": {}}
    with pytest.raises(OqtopusOptionError, match="needs transpiler='qiskit'"):
        run_options(values)


@pytest.mark.parametrize(
    ("tags", "words"),
    [
        ("night", "list of strings"),
        ([1], "list of strings"),
        ([""], "printable"),
        (["a,b"], "commas"),
        ([" a"], "space"),
        (["a\nb"], "printable"),
        (["\udfff"], "printable"),
        (["x" * 400, "y" * 400], "room for 800"),
    ],
)
def test_tags_are_words_that_come_back(tags, words):
    with pytest.raises(OqtopusOptionError, match=words):
        run_options({**DEFAULTS, "tags": tags})


@pytest.mark.parametrize(
    ("experiment", "words"),
    [
        ("T1", "dictionary"),
        ({"delays": np.array([1.0])}, "what JSON can write"),
        ({"delay": math.nan}, "what JSON can write"),
        ({"text": "x" * 2**16}, "at most 65,536"),
    ],
)
def test_an_experiment_is_plain_json_of_64_kib_at_most(experiment, words):
    with pytest.raises(OqtopusOptionError, match=words):
        run_options({**DEFAULTS, "experiment": experiment})


def test_an_experiment_is_nested_no_deeper_than_it_can_be_read():
    deep: dict = {}
    for _ in range(300):
        deep = {"a": deep}
    with pytest.raises(OqtopusOptionError, match="cannot be read back"):
        run_options({**DEFAULTS, "experiment": deep})
