"""A program and its header: written, read again, and told from what was not sent."""

import json
import pickle
import time
from dataclasses import replace

import pytest
from qiskit import QuantumCircuit

from qiskit_oqtopus.program.openqasm import encode_body
from qiskit_oqtopus.program.program import (
    MARK,
    EncodingError,
    HeaderError,
    ProgramHeader,
    digest,
    encode_program,
    foreign_header,
    parse_program,
    program_body,
    with_header,
)

from .conftest import GROUP


def test_the_header_is_one_ascii_line_at_the_end(circuit):
    program = encode_program(circuit, GROUP)
    body, line = program.text[:-1].rsplit("\n", 1)
    assert line.startswith(MARK + '{"calibrated_at":null,"clbits":[2],')
    assert program.text.isascii()
    assert len(program.text.splitlines()) == program.text.count("\n")
    values = json.loads(line[len(MARK) :])
    assert values["schema"] == 1
    assert list(values) == sorted(values)
    assert values["sha256"] == digest(body + "\n") == program.header.sha256
    assert program_body(program.text) == body + "\n" == encode_body(circuit).text


@pytest.mark.parametrize("transpiler", [None, "qiskit"])
def test_the_header_comes_back(circuit, transpiler):
    options = {
        "index": 3,
        "total": 9,
        "kind": "sampler",
        "memory": True,
        "seed": -(2**70),
        "calibrated_at": "2026-02-03 04:05:06",
        "pub": 2,
        "position": 1,
        "resubmits": "f" * 16,
    }
    program = encode_program(circuit, replace(GROUP, **options), transpiler=transpiler)
    header = parse_program(program.text)
    assert header == program.header
    for name, value in options.items():
        assert getattr(header, name) == value
    assert header.name == circuit.name
    assert header.metadata == circuit.metadata
    assert header.qregs == (("a", 1),)
    assert header.cregs == (("", 1), ("ｃ", 2))
    assert (header.n_qubits, header.n_clbits, header.clbits) == (2, 3, (2,))
    assert header.global_phase == 0.5
    assert pickle.loads(pickle.dumps(header)) == header
    assert parse_program(program.text + "\n") == header


def test_the_metadata_of_a_header_is_a_copy(circuit):
    circuit.metadata["list"] = [1]
    header = encode_program(circuit, GROUP).header
    circuit.metadata["list"].append(2)
    assert header.metadata["list"] == [1]


def test_metadata_that_cannot_be_sent(circuit):
    circuit.metadata["it"] = object()
    with pytest.raises(EncodingError, match=r"metadata\['it'\]: builtins.object"):
        encode_program(circuit, GROUP)


def test_a_program_without_a_header_has_none():
    for text in ("", "\n", "hello", "OPENQASM 3.0;\n// a comment\n", "// qiskit-oqtopus is nice"):
        assert parse_program(text) is None
        assert program_body(text) == text


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace("measure q[0]", "measure q[1]"),
        lambda text: text[:-10],
        lambda text: text + "x q[0];\n",
        lambda text: text.replace('"seed":null,', ""),
        lambda text: text.replace('"global_phase":0.5', '"global_phase":NaN'),
        lambda text: text.replace('"seed":null', '"seed":' + "[" * 100_000),
        lambda text: text.replace("\n", "\r\n"),
    ],
    ids=["body", "truncated", "not last", "missing", "NaN", "deep", "line ends"],
)
def test_a_program_that_is_not_what_was_sent_is_refused(circuit, change):
    with pytest.raises(HeaderError):
        parse_program(change(encode_program(circuit, GROUP).text))


# -- programs of other clients ----------------------------------------------------------------

HEAD = 'OPENQASM 3.0;\ninclude "stdgates.inc";\n'


@pytest.mark.parametrize(
    ("program", "cregs", "n_clbits", "clbits"),
    [
        ("qubit[2] q;\nbit[2] c;\nx q[0];\nc = measure q;\n", [("c", 2)], 2, (0, 1)),
        (
            "qubit[3] q;\nbit[1] a;\nbit[2] b;\na[0] = measure q[0];\nb[1] = measure q[2];\n",
            [("a", 1), ("b", 2)],
            3,
            (0, 2),
        ),
        ("bit[2] c;\nx $5;\nc[0] = measure $5;\nc[1] = measure $3;\n", [("c", 2)], 2, (0, 1)),
        (
            "bit c0;\nbit c1;\nqubit[2] q;\nc0 = measure q[0];\nc1 = measure q[1];\n",
            [],
            2,
            (0, 1),
        ),
        ("qubit[2] q;\nbit[2] c;\nx q[0];\n", [("c", 2)], 2, ()),
        ("qubit[2] q;\nx q[0];\n", [], 0, ()),
        (
            "gate mine a { x a; }\nqubit[1] q;\nbit[1] c;\nmine q[0];\ndelay[10dt] q[0];\n"
            "c[0] = measure q[0];\n",
            [("c", 1)],
            1,
            (0,),
        ),
    ],
)
def test_registers_of_a_foreign_program(program, cregs, n_clbits, clbits):
    header = foreign_header(HEAD + program, ProgramHeader(name="bell", shots=1000))
    assert header.cregs == tuple(cregs)
    assert (header.n_clbits, header.clbits) == (n_clbits, clbits)
    assert (header.kind, header.name, header.shots) == ("foreign", "bell", 1000)
    assert header.metadata == {}


@pytest.mark.parametrize(
    "program",
    [
        "",
        "hello",
        'OPENQASM 2.0;\ninclude "qelib1.inc";\nqreg q[1];\n',
        HEAD + "qubit[1] q;\nfoo q[0];\n",
    ],
)
def test_a_foreign_program_that_cannot_be_parsed(program):
    with pytest.raises(HeaderError, match="cannot be parsed"):
        foreign_header(program, ProgramHeader())


def test_a_foreign_header_is_not_written():
    header = foreign_header(HEAD + "qubit[1] q;\n", ProgramHeader())
    with pytest.raises(EncodingError, match="'kind' = 'foreign'"):
        with_header("", header)
    with_header("", replace(header, kind="run"))


# -- pace -------------------------------------------------------------------------------------


def test_a_thousand_circuits_are_encoded_at_once():
    circuit = QuantumCircuit(16, 16)
    for qubit in range(8):
        circuit.rz(0.1 * qubit, qubit)
        circuit.sx(qubit)
        circuit.x(qubit)
        circuit.cx(qubit, qubit + 8)
    circuit.measure(range(16), range(16))
    start = time.process_time()
    for _ in range(1000):
        parse_program(encode_program(circuit, GROUP).text)
    # Takes 0.2 s; the bound only tells a change of its order on a machine that has other work.
    assert time.process_time() - start < 2
