"""The header: what is written and read, and what is refused."""

import json
from dataclasses import replace

import pytest

from qiskit_oqtopus.exceptions import OqtopusProtocolError
from qiskit_oqtopus.program.program import (
    MARK,
    EncodingError,
    HeaderError,
    encode_program,
    parse_program,
    program_body,
    with_header,
)

from .conftest import GROUP


def test_a_header_that_could_not_be_read_is_not_written(circuit):
    for wrong in ({"index": 1}, {"kind": "other"}, {"shots": 1.5}, {"seed": "a"}):
        with pytest.raises(EncodingError, match="header cannot be written"):
            encode_program(circuit, replace(GROUP, **wrong))


def test_what_a_later_version_adds_is_kept(circuit):
    program = encode_program(circuit, GROUP)
    text = program.text.replace('"schema":1', '"schema":1,"colour":"red"')
    header = parse_program(text)
    assert header.extra == {"colour": "red"}
    again = with_header(program_body(text), header)
    assert parse_program(again.text) == header


def with_value(program, name, value):
    body, line = program.text[:-1].rsplit("\n", 1)
    values = {**json.loads(line[len(MARK) :]), name: value}
    return f"{body}\n{MARK}{json.dumps(values)}\n"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("schema", 2),
        ("schema", None),
        ("kind", "foreign"),
        ("kind", ["run"]),
        ("group", 3),
        ("index", 1),
        ("index", -1),
        ("index", True),
        ("total", 1.0),
        ("name", None),
        ("qregs", [["a"]]),
        ("cregs", [["a", -1]]),
        ("cregs", {"a": 1}),
        ("n_clbits", 2),
        ("global_phase", "0"),
        ("clbits", [1, 1]),
        ("clbits", [2, 1]),
        ("clbits", [0.0]),
        ("memory", 1),
        ("seed", 1.5),
        ("metadata", []),
        ("metadata", {"$oqtopus": "pickle", "value": ""}),
        ("metadata", {"$oqtopus": "tuple", "value": []}),
        ("pub", -1),
        ("sha256", "0" * 64),
    ],
)
def test_a_broken_header_is_refused(circuit, name, value):
    text = with_value(encode_program(circuit, GROUP), name, value)
    with pytest.raises(HeaderError, match=r"header|program"):
        parse_program(text)
    assert issubclass(HeaderError, OqtopusProtocolError)
