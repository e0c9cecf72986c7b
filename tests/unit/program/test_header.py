"""The header: what is written and read, and what is refused."""

import json
from dataclasses import replace

import pytest

from qiskit_oqtopus.exceptions import OqtopusProtocolError
from qiskit_oqtopus.program.header import digest_experiment
from qiskit_oqtopus.program.program import (
    MARK,
    EncodingError,
    HeaderError,
    encode_program,
    fingerprint,
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
        ("circuits", 0),
        ("circuits", 2),
        ("circuits", "1"),
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
        ("clbits", [10**10]),
        ("n_clbits", 10**10),
        ("n_qubits", 100_001),
        ("shots", 10**7 + 1),
        ("total", 10**6 + 1),
        ("index", 10**10),
        ("pub", 10**10),
        ("position", 10**400),
        ("seed", 2**5000),
        ("global_phase", 10**400),
        ("name", "x" * 10_001),
        ("qregs", [["a", 10**10]]),
        ("qregs", [["a", 60_000], ["b", 60_000]]),
        ("cregs", [["a", 1]] * 100_001),
        ("cregs", [["x" * 10_001, 1]]),
        ("metadata", {"$oqtopus": "array", "value": ["<U0", [10**10], ""]}),
        ("metadata", {"$oqtopus": "array", "value": ["<f8", [10**4000] * 9, ""]}),
        ("metadata", {"$oqtopus": "array", "value": ["<f8", [0] * 100, ""]}),
    ],
    ids=lambda value: str(value)[:20],
)
def test_a_broken_header_is_refused(circuit, name, value):
    text = with_value(encode_program(circuit, GROUP), name, value)
    with pytest.raises(HeaderError, match=r"header|program"):
        parse_program(text)
    assert issubclass(HeaderError, OqtopusProtocolError)


def test_the_largest_header_is_read(circuit):
    values = {"shots": 10**7, "total": 10**6, "n_qubits": 100_000, "global_phase": 10**300}
    text = encode_program(circuit, GROUP).text
    for name, value in values.items():
        body, line = text[:-1].rsplit("\n", 1)
        text = f"{body}\n{MARK}{json.dumps({**json.loads(line[len(MARK) :]), name: value})}\n"
    header = parse_program(text)
    assert (header.shots, header.total, header.global_phase) == (10**7, 10**6, 1e300)


@pytest.mark.parametrize(
    "line",
    [
        '{"schema": 1, "schema": 1}',
        "[" * 100_000,
        '{"a": ' * 300 + "1" + "}" * 300,
        '{"a": NaN}',
        "1" * 5000,
        '{"schema": 1, "kind": "\x1b[31m"}',
    ],
    ids=range(6),
)
def test_a_header_that_is_not_json(line):
    with pytest.raises(HeaderError) as info:
        parse_program(f"OPENQASM 3.0;\n{MARK}{{{line[1:]}\n")
    assert str(info.value).isprintable()


def test_what_a_header_quotes_is_short(circuit):
    text = with_value(encode_program(circuit, GROUP), "clbits", [*range(10**6), -1])
    with pytest.raises(HeaderError, match="'clbits' = ") as info:
        parse_program(text)
    assert len(str(info.value)) < 200


def test_an_experiment_comes_back_with_its_digest(circuit):
    experiment = {"class": "T1", "delays": [0.0, 1.5e-05], "ü": None}
    digest = digest_experiment(experiment)
    header = replace(GROUP, experiment=experiment, experiment_sha256=digest)
    parsed = parse_program(encode_program(circuit, header).text)
    assert (parsed.experiment, parsed.experiment_sha256) == (experiment, digest)
    # The digest is that of what it says, whatever the order of the names.
    assert digest_experiment(dict(reversed(experiment.items()))) == digest


def test_programs_without_an_experiment_stay_as_they_were(circuit):
    assert "experiment" not in encode_program(circuit, GROUP).text


def test_another_experiment_than_its_digest_is_refused(circuit):
    digest = digest_experiment({"class": "T1"})
    program = encode_program(
        circuit, replace(GROUP, experiment={"class": "T1"}, experiment_sha256=digest)
    )
    with pytest.raises(HeaderError, match="another experiment than its digest"):
        parse_program(with_value(program, "experiment", {"class": "T2Hahn"}))
    with pytest.raises(HeaderError, match="'experiment'"):
        parse_program(with_value(program, "experiment", "T2Hahn"))


def test_the_digest_of_a_program_is_that_of_the_circuit_alone(circuit):
    plain = encode_program(circuit, GROUP)
    digest = digest_experiment({})
    described = encode_program(circuit, replace(GROUP, experiment={}, experiment_sha256=digest))
    assert fingerprint(plain) == fingerprint(described)
