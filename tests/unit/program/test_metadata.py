"""Metadata goes through JSON and comes back as what it was."""

import json
import math
import pickle
from collections import OrderedDict
from datetime import datetime, timedelta, timezone
from fractions import Fraction

import numpy as np
import pytest
from qiskit.circuit import Parameter

from qiskit_oqtopus.exceptions import OqtopusError
from qiskit_oqtopus.program.metadata import MAX_DEPTH, TAG, MetadataError, decode, encode


def trip(value):
    return decode(json.loads(json.dumps(encode(value), allow_nan=False)))


def assert_same(first, second):
    assert type(first) is type(second)
    if isinstance(first, np.ndarray | np.generic):
        assert first.dtype == second.dtype
        np.testing.assert_array_equal(first, second)
    elif isinstance(first, dict):
        assert first.keys() == second.keys()
        for key, value in first.items():
            assert_same(value, second[key])
    elif isinstance(first, list | tuple):
        assert len(first) == len(second)
        for one, other in zip(first, second, strict=True):
            assert_same(one, other)
    else:
        assert repr(first) == repr(second) or first == second


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        -(2**70),
        -0.0,
        1e-310,
        math.inf,
        -math.inf,
        math.nan,
        "ガ\u2028\n\ud800\x00",
        1 - 0j,
        complex(math.nan, -math.inf),
        (),
        (1, [2.0, (None,)]),
        {1, "a", (2, 3)},
        frozenset({1.5}),
        {1: 2, (1, 2): {None: True}, -1: "b"},
        {TAG: "complex", "value": [1, 2]},
        datetime(2026, 2, 3, 4, 5, 6, 7),
        datetime(2026, 2, 3, tzinfo=timezone(timedelta(hours=9))),
        np.float64(0.1),
        np.float32(0.1),
        np.bool_(True),
        np.int8(-3),
        np.uint64(2**64 - 1),
        np.complex64(1 + 2j),
        np.str_("ü"),
        np.datetime64("2026-01-02T03", "h"),
        np.arange(6, dtype=">i4").astype("i4").reshape(2, 3).T,
        np.array(2.5),
        np.zeros((0, 3)),
        np.array(["a", "bcd"]),
        np.array([[math.nan, 1j]]),
        {"composite_metadata": [{"qubits": (np.int64(3),), "xval": np.linspace(0, 1, 3)}]},
    ],
    # Not the repr: that of a set differs from one worker process to another.
    ids=lambda value: type(value).__name__,
)
def test_round_trip(value):
    assert_same(value, trip(value))


def test_arrays_of_another_byte_order_keep_their_values():
    np.testing.assert_array_equal(trip(np.array([1, 256], dtype=">i2")), [1, 256])


def test_a_decoded_array_can_be_written_to():
    array = trip(np.arange(3))
    array[0] = 7
    assert array[0] == 7


def test_sets_are_written_in_one_order():
    assert encode({"b", "a", "c"}) == encode({"c", "b", "a"})


class Text(str):
    __slots__ = ()


@pytest.mark.parametrize(
    "value",
    [
        object(),
        Parameter("θ"),
        Fraction(1, 2),
        b"bytes",
        range(3),
        Text("a"),
        OrderedDict(a=1),
        np.array([object()]),
        np.array([(1, 2.0)], dtype=[("a", int), ("b", float)]),
        np.ma.masked_array([1, 2], [True, False]),
        1 << 20_000,
        lambda: None,
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_cannot_be_given_back_is_refused_with_its_place(value):
    with pytest.raises(MetadataError, match=r"metadata\['a'\]\[1\]") as caught:
        encode({"a": [0, value]})
    assert caught.value.path == "metadata['a'][1]"
    assert isinstance(caught.value, OqtopusError)
    copy = pickle.loads(pickle.dumps(caught.value))
    assert (copy.path, copy.reason) == (caught.value.path, caught.value.reason)


def test_metadata_inside_itself_is_refused():
    value = []
    value.append(value)
    with pytest.raises(MetadataError, match="deep"):
        encode(value)


def test_the_deepest_metadata_that_is_written_can_be_read():
    value = 0
    for level in range(MAX_DEPTH):
        value = {0: value} if level % 2 else (value,)
    assert trip(value) == value
    with pytest.raises(MetadataError, match="deep"):
        encode([value])


@pytest.mark.parametrize(
    "value",
    [
        {TAG: "object", "value": "os.system"},
        {TAG: ["list"], "value": 1},
        {TAG: "complex"},
        {TAG: "complex", "value": 3},
        {TAG: "complex", "value": ["a", "b"]},
        {TAG: "datetime", "value": "yesterday"},
        {TAG: "datetime", "value": 3},
        {TAG: "float", "value": "x"},
        {TAG: "tuple", "value": "abc"},
        {TAG: "set", "value": [[]]},
        {TAG: "dict", "value": [[1]]},
        {TAG: "dict", "value": [[[], 1]]},
        {TAG: "array", "value": ["|O", [1], "AAAAAAAAAAA="]},
        {TAG: "array", "value": ["<f8", [2], "AAAAAAAAAAA="]},
        {TAG: "array", "value": ["<f8", [-1], "AAAAAAAAAAA="]},
        {TAG: "array", "value": ["<f8", [1], "not base64"]},
        {TAG: "array", "value": ["<f8", [10**30, 0], ""]},
        {TAG: "array", "value": ["<M8[parsec]", [], "AAAAAAAAAAA="]},
        {TAG: "scalar", "value": ["<f8", [1], "AAAAAAAAAAA="]},
        {TAG: "array", "value": None},
    ],
    ids=repr,
)
def test_what_is_never_written_is_not_read(value):
    with pytest.raises(MetadataError):
        decode([value])


def test_reading_too_deep_a_list_is_refused():
    value = []
    for _ in range(200):
        value = [value]
    with pytest.raises(MetadataError, match="deep"):
        decode(value)
