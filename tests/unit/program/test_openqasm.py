"""The program that is sent, and what is refused rather than changed."""

import math
import pickle

import pytest
from qiskit import QuantumCircuit, transpile
from qiskit.circuit import ClassicalRegister, Clbit, Gate, Parameter, QuantumRegister, Qubit
from qiskit.circuit.library import CXGate, GlobalPhaseGate, Initialize, PermutationGate

from qiskit_oqtopus.program.openqasm import Measurements, delay_ns, encode_body
from qiskit_oqtopus.program.program import (
    EncodingError,
)


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


def test_measurements_come_once_and_last():
    measurements = Measurements()
    assert measurements.add(3, 1) == []
    assert measurements.refuse_gate([0, 1]) is None
    reason, cure = measurements.refuse_gate([0, 3])
    assert reason.startswith("it comes after the measurement of qubit 3")
    assert cure.startswith("measure at the end")
    assert [reason for reason, _ in measurements.add(3, 1)] == [
        "this qubit is measured twice",
        "classical bit 1 is written twice",
    ]
