"""The program that is sent, its header, and what is refused rather than changed."""

import json
import math
import pickle
import time
from dataclasses import replace

import pytest
from qiskit import QuantumCircuit, transpile
from qiskit.circuit import ClassicalRegister, Clbit, Gate, Parameter, QuantumRegister, Qubit
from qiskit.circuit.library import CXGate, GlobalPhaseGate, Initialize, PermutationGate

from qiskit_oqtopus.exceptions import OqtopusProtocolError
from qiskit_oqtopus.program.openqasm import delay_ns, encode_body
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

GROUP = ProgramHeader(group="0123456789abcdef", created="2026-02-03T04:05:06Z", shots=100)


def lines(circuit, **options):
    """Return the program without the lines that are always the same."""
    text = encode_body(circuit, **options).text
    assert text.endswith("\n")
    head, include, *rest = text[:-1].split("\n")
    assert (head, include) == ("OPENQASM 3.0;", 'include "stdgates.inc";')
    return rest


def measured(num_qubits=2):
    """Return a circuit to which a test adds something, and which it then measures."""
    return QuantumCircuit(num_qubits, num_qubits)


# -- the program ------------------------------------------------------------------------------


def test_the_whole_text_of_a_program():
    circuit = QuantumCircuit(QuantumRegister(6, "data"), ClassicalRegister(4, "out"))
    circuit.rz(math.pi / 3, 5)
    circuit.sx(5)
    circuit.x(3)
    circuit.cx(5, 3)
    circuit.delay(100, 3, "ns")
    circuit.barrier(5, 3)
    circuit.measure(5, 3)
    circuit.measure(3, 1)
    body = encode_body(circuit)
    assert body.clbits == (1, 3)
    assert body.text == (
        "OPENQASM 3.0;\n"
        'include "stdgates.inc";\n'
        "qubit[6] q;\n"
        "bit[2] c;\n"
        "rz(1.0471975511965976) q[5];\n"
        "sx q[5];\n"
        "x q[3];\n"
        "cx q[5], q[3];\n"
        "delay[100ns] q[3];\n"
        "barrier q[5], q[3];\n"
        "c[0] = measure q[3];\n"
        "c[1] = measure q[5];\n"
    )


def test_a_transpiled_circuit_keeps_its_physical_qubits():
    circuit = QuantumCircuit(2)
    circuit.x(0)
    circuit.measure_all()
    compiled = transpile(
        circuit, basis_gates=["x", "sx", "rz", "cx"], coupling_map=[[5, 3]], initial_layout=[5, 3]
    )
    for transpiler in (None, "qiskit"):
        text = encode_body(compiled, transpiler=transpiler).text
        assert "x q[5];\n" in text
        assert "c[0] = measure q[5];\nc[1] = measure q[3];\n" in text
        assert "$" not in text
        assert "//" not in text


def test_loose_and_shared_bits_and_many_registers():
    shared = ClassicalRegister(2, "a")
    circuit = QuantumCircuit(
        [Qubit()], QuantumRegister(1, "r"), [Clbit()], shared, ClassicalRegister(bits=[shared[1]])
    )
    circuit.x(1)
    circuit.measure(1, shared[1])
    assert lines(circuit) == ["qubit[2] q;", "bit[1] c;", "x q[1];", "c[0] = measure q[1];"]
    assert encode_body(circuit).clbits == (2,)


@pytest.mark.parametrize("angle", [0.1 + 0.2, -1e-17, 1e300, 5e-324, -0.0, 3])
def test_angles_are_exact(angle):
    circuit = measured(1)
    circuit.rz(angle, 0)
    circuit.measure(0, 0)
    text = lines(circuit)[2]
    assert float(text.removeprefix("rz(").removesuffix(") q[0];")) == angle


@pytest.mark.parametrize(
    ("duration", "unit", "dt", "text"),
    [
        (1, "s", None, "1000000000"),
        (0.25, "ms", None, "250000"),
        (0.1, "us", None, "100"),
        (0.07, "us", None, "70"),
        (3.5, "ns", None, "3.5"),
        (500, "ps", None, "0.5"),
        (160, "dt", 2e-9, "320"),
        (3, "dt", 2.2222e-10, "0.66666"),
        (0, "ns", None, None),
        (0, "dt", None, None),
        (1e-18, "s", None, None),
    ],
)
def test_delays_are_in_ns(duration, unit, dt, text):
    assert delay_ns(duration, unit, dt) == text
    if unit != "dt" or isinstance(duration, int):
        circuit = measured(1)
        circuit.delay(duration, 0, unit)
        circuit.measure(0, 0)
        expected = [] if text is None else [f"delay[{text}ns] q[0];"]
        assert lines(circuit, dt=dt)[2:-1] == expected


def test_a_bound_delay():
    length = Parameter("t")
    circuit = measured(1)
    circuit.delay(length, 0, "us")
    circuit.measure(0, 0)
    bound = circuit.assign_parameters({length: 1.5})
    assert lines(bound)[2] == "delay[1500ns] q[0];"


def test_delays_after_a_measurement_are_dropped():
    circuit = measured()
    circuit.measure(0, 0)
    circuit.delay(100, 0)
    circuit.delay(100, 1, "ns")
    circuit.measure(1, 1)
    assert lines(circuit)[2:] == [
        "delay[100ns] q[1];",
        "c[0] = measure q[0];",
        "c[1] = measure q[1];",
    ]


def test_barriers_stay_on_the_qubits_that_are_not_measured():
    circuit = measured(3)
    circuit.barrier(0)
    circuit.measure(0, 0)
    circuit.barrier()
    circuit.measure([1, 2], [1, 2])
    circuit.barrier()
    assert lines(circuit)[2:4] == ["barrier q[0];", "barrier q[1], q[2];"]
    assert len(lines(circuit)) == 7


def test_gates_on_other_qubits_after_a_measurement_come_before_it():
    circuit = measured()
    circuit.measure(0, 1)
    circuit.x(1)
    circuit.measure(1, 0)
    expected = ["x q[1];", "c[0] = measure q[1];", "c[1] = measure q[0];"]
    assert lines(circuit)[2:] == expected


def test_gates_of_the_basis_that_need_no_definition():
    circuit = measured(3)
    circuit.cz(0, 1)
    circuit.u(0.1, 0.2, 0.3, 2)
    circuit.id(0)
    circuit.measure(0, 0)
    basis = frozenset(["cz", "u", "id", "rzx90", "ecr"])
    text = lines(circuit, basis=basis)
    assert text[2:] == ["cz q[0], q[1];", "U(0.1, 0.2, 0.3) q[2];", "c[0] = measure q[0];"]
    with pytest.raises(EncodingError, match="'cz' on qubits 0, 1") as caught:
        encode_body(circuit)
    assert (caught.value.position, caught.value.instruction) == (0, "cz")
    assert caught.value.qubits == (0, 1)
    copy = pickle.loads(pickle.dumps(caught.value))
    assert (str(copy), copy.position, copy.qubits) == (str(caught.value), 0, (0, 1))


# -- what is refused --------------------------------------------------------------------------


def refused_in_both_modes():
    def then_x(circuit):
        circuit.measure(0, 0)
        circuit.x(0)

    def then_cx(circuit):
        circuit.measure(1, 0)
        circuit.cx(0, 1)

    def twice(circuit):
        circuit.measure(0, 0)
        circuit.measure(0, 1)

    def same_clbit(circuit):
        circuit.measure(0, 0)
        circuit.measure(1, 0)

    def reset(circuit):
        circuit.reset(0)

    def reset_after(circuit):
        circuit.measure(0, 0)
        circuit.reset(0)

    def initialize(circuit):
        circuit.append(Initialize([0, 1]), [0])

    def conditional(circuit):
        with circuit.if_test((circuit.clbits[0], 1)):
            circuit.x(0)

    def loop(circuit):
        with circuit.for_loop(range(2)):
            circuit.x(0)

    def fake_x(circuit):
        circuit.append(Gate("x", 1, []), [0])

    def opaque(circuit):
        circuit.append(Gate("mystery", 1, []), [0])

    def nan(circuit):
        circuit.rz(math.nan, 0)

    def measuring_instruction(circuit):
        inner = QuantumCircuit(1, 1, name="inner")
        inner.measure(0, 0)
        circuit.append(inner.to_instruction(), [0], [0])

    def unbound(circuit):
        circuit.rz(Parameter("θ"), 0)

    def unbound_phase(circuit):
        circuit.global_phase = Parameter("φ")

    found = dict(locals())
    return found.items()


@pytest.mark.parametrize("transpiler", [None, "qiskit"])
@pytest.mark.parametrize(("name", "change"), refused_in_both_modes())
def test_what_would_mean_something_else_is_refused(name, change, transpiler):
    circuit = QuantumCircuit(3, 3, name=name)
    change(circuit)
    circuit.measure(2, 2)
    with pytest.raises(EncodingError) as caught:
        encode_body(circuit, transpiler=transpiler)
    assert caught.value.reason
    assert caught.value.instruction is not None or "unbound" in caught.value.reason


def test_control_and_phase_that_are_not_standard_gates_are_refused():
    for gate in (CXGate(ctrl_state=0), GlobalPhaseGate(0.3)):
        circuit = measured()
        circuit.append(gate, range(gate.num_qubits))
        circuit.measure(0, 0)
        with pytest.raises(EncodingError, match="none of cx, rz, sx, x, barrier"):
            encode_body(circuit)


def test_nothing_measured_is_refused():
    with pytest.raises(EncodingError, match="measures nothing"):
        encode_body(QuantumCircuit(1, 1))


def test_delays_that_have_no_length_are_refused():
    circuit = measured(1)
    circuit.delay(100, 0, "dt")
    circuit.measure(0, 0)
    with pytest.raises(EncodingError, match=r"'delay' on qubits 0.*dt is, is not known"):
        encode_body(circuit)
    for duration, unit in ((-1, "ns"), (math.nan, "ns"), (math.inf, "s"), (1, "expr"), ("a", "s")):
        with pytest.raises(EncodingError):
            delay_ns(duration, unit, None)


# -- with the transpiler of the server --------------------------------------------------------


def test_other_gates_are_written_as_standard_ones():
    half = QuantumCircuit(1, name="x")  # a name that is also that of a standard gate
    half.h(0)
    circuit = QuantumCircuit(QuantumRegister(1, "a"), QuantumRegister(2, "b"))
    circuit.add_register(ClassicalRegister(2, "one"), ClassicalRegister(2, "two"))
    circuit.append(half.to_gate(), [2])
    circuit.append(PermutationGate([1, 0]), [0, 1])
    circuit.sxdg(1)
    circuit.id(0)
    circuit.delay(0, 0)
    circuit.barrier()
    circuit.measure([0, 2], [3, 0])
    body = encode_body(circuit, transpiler="qiskit")
    assert body.clbits == (0, 3)
    assert lines(circuit, transpiler="qiskit") == [
        "qubit[3] q;",
        "bit[2] c;",
        "h q[2];",
        "swap q[0], q[1];",
        "s q[1];",
        "h q[1];",
        "s q[1];",
        "id q[0];",
        "barrier q[0], q[1], q[2];",
        "c[0] = measure q[2];",
        "c[1] = measure q[0];",
    ]


def test_the_transpiler_of_the_server_takes_no_delays():
    circuit = measured(1)
    circuit.delay(100, 0, "dt")
    circuit.measure(0, 0)
    with pytest.raises(EncodingError, match="does not take delays"):
        encode_body(circuit, transpiler="qiskit")


def test_a_gate_that_contains_itself_is_refused():
    gate = Gate("ouroboros", 1, [])
    inner = QuantumCircuit(1)
    inner.append(gate, [0], copy=False)
    gate.definition = inner
    circuit = measured(1)
    circuit.append(gate, [0], copy=False)
    circuit.measure(0, 0)
    with pytest.raises(EncodingError):
        encode_body(circuit, transpiler="qiskit")


# -- the header -------------------------------------------------------------------------------


@pytest.fixture
def circuit():
    """A circuit with all that a header has to say."""
    result = QuantumCircuit(
        QuantumRegister(1, "a"),
        [Qubit()],
        [Clbit()],
        ClassicalRegister(2, "ｃ"),
        name="名\u2028前\n// qiskit-oqtopus {}",
        global_phase=0.5,
        metadata={"xval": 0.1, "qubits": (1, 2), 3: "\u2028\x85\r\n"},
    )
    result.measure(0, 2)
    return result


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


def test_a_program_without_a_header_has_none():
    for text in ("", "\n", "hello", "OPENQASM 3.0;\n// a comment\n", "// qiskit-oqtopus is nice"):
        assert parse_program(text) is None
        assert program_body(text) == text


def changed(program, name, value):
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
    text = changed(encode_program(circuit, GROUP), name, value)
    with pytest.raises(HeaderError, match=r"header|program"):
        parse_program(text)
    assert issubclass(HeaderError, OqtopusProtocolError)


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
