"""Programs, as the device reads them."""

from __future__ import annotations

import pytest

from qiskit_oqtopus.emulator.programs import parse_native

from .session import FLIP, NULL, Session


def test_header_comment_survives(user: Session) -> None:
    program = FLIP + '// qiskit-oqtopus {"name": "日本 \\"x\\""}\n'
    for info in (NULL, {}):
        job = user.run({"input.json": {"program": [program]}}, transpiler_info=info)
        assert user.result(job)["sampling"]["counts"] == {"1": 1000}
        assert "日本" in user.file(job, "input")[1].encode().decode("unicode_escape")


DELAY_HEAD = 'OPENQASM 3.0; include "stdgates.inc"; qubit[2] q; bit[2] c;'


@pytest.mark.parametrize(
    ("statement", "delays"),
    [
        ("delay[100ns] q[1];", [(100, "ns", 1)]),
        ("delay[ 1.5 us ] q;", [(1.5, "us", 0), (1.5, "us", 1)]),
        ("delay[2e1dt] q[0], q[1];", [(20, "dt", 0), (20, "dt", 1)]),
        ("delay[3ms];", [(3, "ms", 0), (3, "ms", 1)]),
        ("barrier q;", []),
    ],
)
def test_programs_keep_their_delays(statement, delays):
    circuit = parse_native(f"{DELAY_HEAD} x q[0]; {statement} c = measure q;").circuit
    found = [
        (item.operation.duration, item.operation.unit, circuit.find_bit(item.qubits[0]).index)
        for item in circuit.data
        if item.name == "delay"
    ]
    assert found == delays


@pytest.mark.parametrize("alias", ["", " let all = q;"], ids=["quick", "imported"])
@pytest.mark.parametrize(
    ("statement", "qubits"),
    [("barrier q;", [0, 1]), ("barrier q[1];", [1]), ("barrier q[1], q[0];", [1, 0])],
)
def test_programs_keep_their_barriers(statement, qubits, alias):
    # Only the slow parser knows aliases.
    program = f"{DELAY_HEAD}{alias} x q[0]; {statement} x q[1]; c = measure q;"
    circuit = parse_native(program).circuit
    assert [item.name for item in circuit.data][:3] == ["x", "barrier", "x"]
    assert [circuit.find_bit(bit).index for bit in circuit.data[1].qubits] == qubits
