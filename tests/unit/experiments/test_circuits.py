"""Circuits and gates as plain JSON."""

import json

import numpy as np
import pytest
from qiskit import ClassicalRegister, QuantumCircuit, QuantumRegister
from qiskit.circuit import Parameter
from qiskit.circuit.library import QFTGate
from qiskit.quantum_info import Operator, random_statevector

from qiskit_oqtopus.experiments.circuits import circuit_from_plain, circuit_to_plain
from qiskit_oqtopus.program.metadata import MetadataError
from tests.circuits import random_other_gate, random_standard_gate


def through_json(circuit):
    return circuit_from_plain(json.loads(json.dumps(circuit_to_plain(circuit), allow_nan=False)))


@pytest.mark.parametrize("seed", range(20))
def test_gates_do_the_same_when_they_come_back(seed):
    rng = np.random.default_rng(seed)
    circuit = QuantumCircuit(4, global_phase=0.3)
    for make in (random_standard_gate, random_other_gate) * 6:
        gate = make(rng, 3)
        circuit.append(gate, rng.permutation(4)[: gate.num_qubits].tolist())
    circuit.append(QFTGate(3), [2, 0, 3])
    assert Operator(through_json(circuit)) == Operator(circuit)


def test_standard_circuits_come_back_equal():
    circuit = QuantumCircuit(QuantumRegister(2, "a"), QuantumRegister(1, "b"))
    circuit.add_register(ClassicalRegister(2, "c"), ClassicalRegister(1, "d"))
    circuit.h(0)
    circuit.cx(0, 2)
    circuit.delay(100, 1)
    circuit.delay(1.5, 1, unit="us")
    circuit.barrier(0, 1)
    circuit.reset(1)
    circuit.rz(0.1, 2)
    circuit.measure([0, 2], [2, 0])
    assert through_json(circuit) == circuit


def test_initial_states_come_back():
    state = random_statevector(4, seed=1).data
    circuit = QuantumCircuit(2)
    circuit.initialize(state)
    (item,) = through_json(circuit).data
    np.testing.assert_array_equal(item.operation.params, state)


def test_what_cannot_be_written_is_named():
    wide = QuantumCircuit(13)
    free = QuantumCircuit(1)
    free.rx(Parameter("a"), 0)
    dynamic = QuantumCircuit(1, 1)
    with dynamic.if_test((0, 1)):
        dynamic.x(0)
    for circuit, words in ((wide, "13 qubits"), (free, "'rx'.*not a number"), (dynamic, "if_else")):
        with pytest.raises(MetadataError, match=words):
            circuit_to_plain(circuit)


@pytest.mark.parametrize(
    "change",
    [
        {"qregs": [["q", 10**9]]},
        {"qregs": [["q", 13]]},
        {"qregs": [["q", -1]]},
        {"operations": [["__import__", [], [0], []]]},
        {"operations": [["h", [], [7], []]]},
        {"operations": [["rx", [], [0], []]]},
        {"operations": [["rx", ["a"], [0], []]]},
        {"operations": [["unitary", [[[1, 0], [0, 2]]], [0], []]]},
        {"operations": 3},
        {"global_phase": None},
    ],
)
def test_what_was_not_written_here_is_refused(change):
    circuit = QuantumCircuit(1)
    circuit.h(0)
    with pytest.raises(MetadataError):
        circuit_from_plain({**circuit_to_plain(circuit), **change})
