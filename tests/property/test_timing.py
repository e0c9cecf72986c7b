"""The two schedules of a circuit against those of Qiskit, and against explicit delays."""

import warnings

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from qiskit import QuantumCircuit
from qiskit.circuit import Delay, Measure, Parameter
from qiskit.circuit.library import CXGate, RZGate, SXGate, XGate
from qiskit.converters import circuit_to_dag
from qiskit.transpiler import InstructionProperties, QubitProperties, Target
from qiskit.transpiler.passes import ALAPScheduleAnalysis, ASAPScheduleAnalysis

from qiskit_oqtopus import OqtopusWarning, QulacsBackend
from qiskit_oqtopus.device.timing import compare_timing

DT = 2e-9
WIDTH = 3
QUBITS = st.integers(0, WIDTH - 1)


def lab():
    """A Target of coupled qubits; durations are whole numbers of dt."""
    properties = [QubitProperties(t1=(30 + 5 * q) * 1e-6, t2=25e-6) for q in range(WIDTH)]
    target = Target(num_qubits=WIDTH, dt=DT, qubit_properties=properties)
    for gate, length in ((XGate(), 12), (SXGate(), 8)):
        one = {(q,): InstructionProperties((length + q) * DT, 1e-3) for q in range(WIDTH)}
        target.add_instruction(gate, one)
    virtual = {(q,): InstructionProperties(0.0, 0.0) for q in range(WIDTH)}
    target.add_instruction(RZGate(Parameter("angle")), virtual)
    pairs = [(a, b) for a in range(WIDTH) for b in range(WIDTH) if a != b]
    both = {(a, b): InstructionProperties((90 + a) * DT, 0.01) for a, b in pairs}
    target.add_instruction(CXGate(), both)
    readout = {(q,): InstructionProperties(500 * DT, 0.0) for q in range(WIDTH)}
    target.add_instruction(Measure(), readout)
    target.add_instruction(Delay(Parameter("t")), {(q,): None for q in range(WIDTH)})
    return target


TARGET = lab()
PULSE = st.tuples(st.sampled_from(["x", "sx"]), QUBITS)
COUPLE = st.tuples(st.just("cx"), st.permutations(range(WIDTH)))
WAIT = st.tuples(st.just("delay"), QUBITS, st.integers(1, 20_000))
WALL = st.tuples(st.just("barrier"), st.sets(QUBITS, min_size=1)) | st.tuples(st.just("rz"), QUBITS)


def build(steps):
    circuit = QuantumCircuit(WIDTH, WIDTH)
    for name, *rest in steps:
        if name == "cx":
            circuit.cx(*rest[0][:2])
        elif name == "delay":
            circuit.delay(rest[1], rest[0], unit="dt")
        elif name == "rz":
            circuit.rz(0.4, rest[0])
        elif name == "barrier":
            circuit.barrier(sorted(rest[0]))
        else:
            getattr(circuit, name)(rest[0])
    return circuit


def measured(circuit):
    circuit = circuit.copy()
    circuit.measure(range(WIDTH), range(WIDTH))
    return circuit


def schedule_by_qiskit(circuit, analysis):
    """Return when each instruction starts, in dt, by the position in the circuit."""
    # A pass finds no way back to the circuit's own instructions: their order on each qubit is one.
    dag = circuit_to_dag(circuit)
    schedule = analysis(TARGET.durations())
    schedule.run(dag)
    queues = {}
    for node in dag.topological_op_nodes():
        queues.setdefault(node.qargs[0], []).append(schedule.property_set["node_start_time"][node])
    return [queues[item.qubits[0]].pop(0) for item in circuit.data]


def in_dt(schedule):
    return [round(start / DT, 6) for start in schedule.starts]


@given(st.lists(PULSE | COUPLE | WAIT, max_size=12))
def test_without_barriers_and_rz_a_device_starts_things_as_soon_as_qiskit_does(steps):
    circuit = measured(build(steps))
    gates = len(steps)
    device = in_dt(compare_timing(circuit, TARGET).device)
    asap = schedule_by_qiskit(circuit, ASAPScheduleAnalysis)
    assert device[:gates] == asap[:gates]
    # All are read when the last of them can be.
    assert device[gates:] == [max(asap[gates:])] * WIDTH


@given(st.lists(PULSE | COUPLE | WAIT | WALL, max_size=12))
def test_what_is_asked_for_is_what_qiskit_schedules_as_late_as_possible(steps):
    circuit = measured(build(steps))
    timing = compare_timing(circuit, TARGET)
    alap = schedule_by_qiskit(circuit, ALAPScheduleAnalysis)
    asap = schedule_by_qiskit(circuit, ASAPScheduleAnalysis)
    first = min(alap)
    assert in_dt(timing.asked) == [start - first for start in alap]
    if asap == alap and not any(name in ("barrier", "rz") for name, *_ in steps):
        assert in_dt(timing.device) == asap


@given(st.lists(PULSE | COUPLE | WAIT | WALL, max_size=12))
def test_no_qubit_is_read_earlier_than_asked(steps):
    timing = compare_timing(measured(build(steps)), TARGET)
    assert timing.device.spans.keys() == timing.asked.spans.keys()
    for qubit, span in timing.device.spans.items():
        assert span > timing.asked.spans[qubit] - 1e-12


def write_out(circuit):
    """Return a circuit that has the waiting of the device as delays, and no barriers."""
    timing = compare_timing(measured(circuit), TARGET)
    steps = [item for item in circuit.data if item.name != "barrier"]
    starts = [
        start
        for item, start in zip(circuit.data, timing.device.starts, strict=False)
        if item.name != "barrier"
    ]
    written = QuantumCircuit(WIDTH)
    ends = [0.0] * WIDTH

    def wait(qubit, until):
        if until - ends[qubit] > 1e-12:
            written.delay(until - ends[qubit], qubit, unit="s")
        ends[qubit] = until

    for item, start in zip(steps, starts, strict=True):
        qubits = [circuit.find_bit(bit).index for bit in item.qubits]
        for qubit in qubits:
            wait(qubit, start)
            if item.name != "delay":
                ends[qubit] = start + TARGET[item.name][tuple(qubits)].duration
        if item.name != "delay":
            written.append(item.operation, qubits)
    for qubit in range(WIDTH):
        wait(qubit, timing.device.starts[-1])
    return written


@settings(max_examples=60)
@given(st.lists(PULSE | COUPLE | WAIT | WALL, max_size=12))
def test_the_twin_does_what_explicit_delays_do(steps):
    circuit = build(steps)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", OqtopusWarning)
        twin = QulacsBackend.from_target(TARGET, density_matrix=True)
    options = ({"timing": "global_barriers"}, circuit), ({}, write_out(circuit))
    found, expected = (
        twin.run(each, **option).result().data(0)["density_matrix"] for option, each in options
    )
    assert np.abs(found - expected).max() < 1e-10
