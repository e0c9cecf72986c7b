"""Idle times against the schedule that Qiskit makes."""

from itertools import permutations

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.converters import circuit_to_dag
from qiskit.transpiler import InstructionDurations
from qiskit.transpiler.passes import ALAPScheduleAnalysis

from qiskit_oqtopus.device.timing import schedule_late
from qiskit_oqtopus.simulator.compile.timing import find_waits


def wait_late(instructions):
    return find_waits(instructions, schedule_late(instructions).starts)


@pytest.mark.parametrize("seed", range(20))
def test_idle_times_are_those_of_the_alap_schedule(seed):
    rng = np.random.default_rng(seed)
    durations = {"x": 160, "rz": 0, "cx": 700, "measure": 3000, "barrier": 0}
    circuit = QuantumCircuit(4, 4)
    pairs = list(permutations(range(4), 2))
    for _ in range(25):
        one, two = map(int, pairs[rng.integers(12)])
        kind = rng.integers(5)
        if kind == 0:
            circuit.x(one)
        elif kind == 1:
            circuit.rz(0.1, one)
        elif kind == 2:
            circuit.delay(int(rng.integers(1, 900)), one, unit="dt")
        elif kind == 3:
            circuit.cx(one, two)
        else:
            circuit.barrier(one, two)
    if seed % 2:
        circuit.barrier()
    for qubit in range(4):
        circuit.measure(qubit, qubit)
    alap = ALAPScheduleAnalysis(
        InstructionDurations([(n, None, t) for n, t in durations.items()], dt=1e-9)
    )
    dag = circuit_to_dag(circuit)
    alap.run(dag)
    starts = alap.property_set["node_start_time"]
    ends, instructions, expected = {}, [], []
    for node in dag.topological_op_nodes():
        qubits = [circuit.find_bit(qubit).index for qubit in node.qargs]
        length = node.op.duration if node.op.name == "delay" else durations[node.op.name]
        # An unknown duration is one of 0.
        given = None if length == 0 else length * 1e-9
        instructions.append((node.op.name, qubits, given))
        if node.op.name == "barrier":
            expected.append((0.0,) * len(qubits))
            continue
        start = starts[node]
        expected.append(tuple((start - ends.get(qubit, start)) * 1e-9 for qubit in qubits))
        ends.update(dict.fromkeys(qubits, start + length))
    found = wait_late(instructions)
    assert len(found) == len(expected)
    for ours, theirs in zip(found, expected, strict=True):
        assert ours == pytest.approx(theirs, abs=1e-18)
        assert [time == 0 for time in ours] == [time == 0 for time in theirs]


def test_nothing_waits_in_an_empty_circuit():
    assert wait_late([]) == []
    assert wait_late([("barrier", [], 0)]) == [()]
