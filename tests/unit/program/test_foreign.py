"""Programs of other clients: what they declare and measure, and how long reading may take."""

from __future__ import annotations

import time
import tracemalloc
from contextlib import suppress

import pytest

from qiskit_oqtopus.program.program import HeaderError, ProgramHeader, foreign_header

HEAD = 'OPENQASM 3.0;\ninclude "stdgates.inc";\n'


def read(program):
    return foreign_header(HEAD + program, ProgramHeader(shots=1))


@pytest.mark.parametrize(
    ("program", "qregs", "n_qubits", "cregs", "clbits"),
    [
        ("qubit[3] q; bit[2] c; c[1] = measure q[0];", [("q", 3)], 3, [("c", 2)], (1,)),
        ("qubit[2]q;bit[2]c;c=measure q;", [("q", 2)], 2, [("c", 2)], (0, 1)),
        ("qubit q; bit c; c = measure q;", [], 1, [], (0,)),
        ("qubit a; qubit[2] b; bit c = measure a;", [("b", 2)], 3, [], (0,)),
        ("qreg q[2]; creg c[2]; measure q -> c;", [("q", 2)], 2, [("c", 2)], (0, 1)),
        ("qreg q[2]; creg c[2]; measure q[1] -> c[0];", [("q", 2)], 2, [("c", 2)], (0,)),
        ("bit[5] c; c[1:3] = measure q;", [], 0, [("c", 5)], (1, 2, 3)),
        ("bit[5] c; c[0:2:4] = measure q;", [], 0, [("c", 5)], (0, 2, 4)),
        ("bit[5] c; c[{0, 4}] = measure q;", [], 0, [("c", 5)], (0, 4)),
        ("bit c; x $7; rz(pi/2) $3; c = measure $3;", [], 8, [], (0,)),
        ("const int[64] n = 3; qubit[n] q; bit[n] c; measure q;", [("q", 3)], 3, [("c", 3)], ()),
        (
            "bit a; bit b; bit[2] c; bit d; d = measure $0; a = measure $1;",
            [],
            2,
            [("", 2), ("c", 2), ("", 1)],
            (0, 4),
        ),
        (
            "/* qubit[9] x; */ qubit q; // bit[9] y;\n#pragma bit[9] z;\nbit[1] c;\nc = measure q;",
            [],
            1,
            [("c", 1)],
            (0,),
        ),
        (
            "gate g(t) a { rz(t) a; } qubit[2] q; bit[2] c; g(0.1) q[0]; inv @ g(2) q[1]; "
            "if (c == 1) { c[1] = measure q[1]; } else { x q; } c[0] = measure q[0];",
            [("q", 2)],
            2,
            [("c", 2)],
            (0,),
        ),
        (
            "qubit[2] q; bit[2] c; gphase(pi); barrier q[{0, 1}]; delay[10ns] q[0]; reset q;"
            "U(1, 2, 3) q[0]; pow(2) @ x q[0]; c = measure q;",
            [("q", 2)],
            2,
            [("c", 2)],
            (0, 1),
        ),
    ],
    ids=range(15),
)
def test_declarations(program, qregs, n_qubits, cregs, clbits):
    header = read(program)
    assert header.qregs == tuple(qregs)
    assert header.n_qubits == n_qubits
    assert header.cregs == tuple(cregs)
    assert header.clbits == clbits
    assert header.global_phase == 0


@pytest.mark.parametrize(
    ("program", "reason"),
    [
        ("qubit[10000000] q;", "more than 100,000 qubits"),
        ("bit[10000000] c;", "more than 100,000 bits"),
        ("qubit[60000] a; qubit[60000] b;", "more than 100,000 qubits"),
        ("bit[99999999999999999999] c;", "is not a number"),
        ("bit[2 * 10000000] c;", "'2 \\* 10000000' is not a number"),
        ("const int n = 10000000; bit[n] c;", "more than 100,000 bits"),
        ("bit[0] c;", "has no bits"),
        ("bit c; bit c;", "declared twice"),
        ("x $100000;", "qubit \\$100000"),
        (f"qubit q; rz({'(' * 5000}1{')' * 5000}) q;", "nested more than 100 deep"),
        ("if (true) {" * 5000 + "}" * 5000, "nested more than 100 deep"),
        ("c = measure q;", "'c' is measured into"),
        ("bit[2] c; c[2] = measure q;", "no place among 2 bits"),
        ("bit[2] c; c[0:2] = measure q;", "no place among 2 bits"),
        ("bit[2] c; c[x] = measure q;", "'x' is not a number"),
        ("bit[100000] c;" + "c = measure q;" * 11, "more than 1,000,000 times"),
        ("qubit q; foo q;", "begins with 'foo q'"),
        ("qubit q; x q", "ends within a statement"),
        ("qubit q; x q;)", "has no beginning"),
        ("foo { x q; }", "no block begins"),
        ("x q;\n" * 1_000_000, "more than 4,194,304 characters"),
    ],
    ids=range(21),
)
def test_what_is_refused(program, reason):
    started = time.process_time()
    tracemalloc.start()
    try:
        with pytest.raises(HeaderError, match=f"cannot be parsed: .*{reason}") as info:
            read(program)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert str(info.value).isprintable()
    assert peak < 30_000_000
    # An importer would take minutes.
    assert time.process_time() - started < 5


@pytest.mark.parametrize(
    "program",
    [
        "gate g0(t) a { rz(t) a; }"
        + "".join(f"gate g{n + 1}(t) a {{ g{n}(t) a; g{n}(t) a; }}" for n in range(60))
        + "qubit q; inv @ g60(1) q;",
        "qubit[20] q; ctrl(19) @ pow(0.3) @ U(1, 2, 3) q;",
        "qubit[100000] q;" + "x q;" * 10_000,
        "for int i in [0:1000000000] { x $0; } bit[2] c;",
        "qubit q; rz(9 ** 9 ** 9 ** 9) q;",
        "rz(0.1) $0;\n" * 100_000,
    ],
    ids=range(6),
)
def test_nothing_is_expanded(program):
    started = time.process_time()
    read(program)
    assert time.process_time() - started < 5


@pytest.mark.parametrize(
    "piece",
    ["/*", "/", '"', ";", "\n", "\t", "inv @ ", "ctrl ", "bit ", "const int x = ", "measure "],
)
def test_no_text_takes_long(piece):
    started = time.process_time()
    text = piece * (2_000_000 // len(piece))
    with suppress(HeaderError):
        foreign_header(text, ProgramHeader())
    assert time.process_time() - started < 5
