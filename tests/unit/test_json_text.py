"""JSON from outside."""

import json
import tracemalloc

import pytest

from qiskit_oqtopus import json_text
from qiskit_oqtopus.json_text import JsonError, read_json


def test_a_value():
    text = '{"a": [1, 2.5, "é", null, true], "b": {"c": -0.0}, "d": NaN}'
    value = read_json(text)
    assert json.dumps(value) == json.dumps(json.loads(text))
    assert read_json(b"\xef\xbb\xbf" + b"[1]") == [1]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"00": 1, "01": 2, "00": 3}', "the name '00' occurs twice"),
        ('[{"a": {"sampling": 1, "sampling": 1}}]', "'sampling' occurs twice"),
        ('{"a\\u001b": 1, "\\u0061\\u001b": 2}', "'a' occurs twice"),
        ("[" * 201 + "]" * 201, "nested too deeply"),
        ('{"a":' * 201 + "1" + "}" * 201, "nested too deeply"),
        ("[" * 100_000, "nested too deeply"),
        ("[" * 100_000 + "]" * 100_000, "nested too deeply"),
        ("1" * 5000, "too many digits"),
        ("[1", "character 2"),
        ("", "character 0"),
        (b"\xff\xfe\xfd", "not UTF-8"),
    ],
    ids=range(11),
)
def test_what_is_refused(text, words):
    with pytest.raises(JsonError, match=words) as info:
        read_json(text)
    assert info.value.__context__ is None


def test_nesting_that_is_deep_enough():
    text = "[" * 200 + "]" * 200
    assert json.dumps(read_json(text)) == text
    assert read_json('"' + "[" * 300 + '"') == "[" * 300


def test_constants_that_are_not_json():
    with pytest.raises(JsonError, match="NaN is not JSON"):
        read_json("[NaN]", constants=False)


@pytest.mark.parametrize("piece", [b"[],", b"{},", b"0,", b'"",', b"[[["])
def test_many_values_are_refused_before_they_are_built(piece):
    text = b"[" + piece * json_text.MAX_VALUES + b"0]"
    tracemalloc.start()
    try:
        with pytest.raises(JsonError, match="more than 4,000,000 values"):
            read_json(text)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 1_000_000


def test_counts_of_two_to_the_twentieth_outcomes_are_read():
    counts = {format(number, "020b"): 9 for number in range(2**20)}
    assert read_json(json.dumps({"sampling": {"counts": counts}}).encode())["sampling"] == {
        "counts": counts
    }
