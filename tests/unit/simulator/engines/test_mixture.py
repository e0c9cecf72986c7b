"""Final states of circuits with resets, which are mixtures."""

import itertools

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.circuit.library import efficient_su2
from qiskit.circuit.random import random_circuit
from qiskit.quantum_info import DensityMatrix, Pauli, random_pauli_list

from qiskit_oqtopus import EstimatorV2, QulacsBackend
from qiskit_oqtopus.simulator.engines import mixture

TOLERANCE = 1e-12


def random_resets(rng, num_qubits, layers, probability=0.3):
    circuit = QuantumCircuit(num_qubits)
    for _ in range(layers):
        seed = int(rng.integers(2**31))
        layer = random_circuit(num_qubits, 2, max_operands=min(num_qubits, 3), seed=seed)
        circuit.compose(layer, inplace=True)
        for qubit in np.flatnonzero(rng.random(num_qubits) < probability):
            circuit.reset(int(qubit))
    return circuit


def estimated(circuit, labels):
    return EstimatorV2(QulacsBackend()).run([(circuit, labels)]).result()[0].data.evs


def expected(circuit, labels):
    state = DensityMatrix(QuantumCircuit(circuit.num_qubits)).evolve(circuit)
    return [state.expectation_value(Pauli(label)).real for label in labels]


@pytest.mark.parametrize("seed", range(40))
def test_few_qubits(seed):
    rng = np.random.default_rng([1, seed])
    num_qubits = int(rng.integers(1, 4))
    circuit = random_resets(rng, num_qubits, layers=int(rng.integers(1, 6)))
    labels = ["".join(letters) for letters in itertools.product("IXYZ", repeat=num_qubits)]
    assert np.abs(estimated(circuit, labels) - expected(circuit, labels)).max() < TOLERANCE


@pytest.mark.parametrize("num_qubits", [6, 7, 8])
def test_more_branches_than_dimensions(num_qubits, monkeypatch):
    # The bound on branches is that of the dimensions: only what is compressed does not exceed it.
    monkeypatch.setattr(mixture, "MAX_BRANCHES", 1 << (num_qubits - 1))
    rng = np.random.default_rng([2, num_qubits])
    circuit = random_resets(rng, num_qubits, layers=5, probability=0.5)
    labels = random_pauli_list(num_qubits, 20, seed=3, phase=False).to_labels()
    assert np.abs(estimated(circuit, labels) - expected(circuit, labels)).max() < TOLERANCE


def test_all_qubits_are_reset():
    # Never more than 64 states are needed, and without a look all of 2**12 would come.
    circuit = QuantumCircuit(12)
    ansatz = efficient_su2(12, reps=2)
    circuit.compose(
        ansatz.assign_parameters(np.linspace(0, 3, ansatz.num_parameters)), inplace=True
    )
    circuit.reset(range(12))
    assert np.abs(estimated(circuit, ["Z" * 12, "X" + "I" * 11]) - [1, 0]).max() < TOLERANCE


def test_nothing_is_refused_before_it_was_looked_for_less(monkeypatch):
    # Each round forgets what the last one has left, so that two states do; at 8 nothing is kept.
    monkeypatch.setattr(mixture, "MAX_BRANCHES", 8)
    circuit = QuantumCircuit(4)
    for _ in range(20):
        circuit.ry(0.7, 0)
        for target in (1, 2, 3):
            circuit.cx(0, target)
        circuit.reset([0, 1, 2, 3])
    circuit.x(2)
    assert np.abs(estimated(circuit, ["IZII", "ZIII"]) - [-1, 1]).max() < TOLERANCE


def test_density_matrices_give_the_same():
    rng = np.random.default_rng(4)
    circuit = random_resets(rng, 4, layers=4)
    labels = random_pauli_list(4, 20, seed=3, phase=False).to_labels()
    backend = QulacsBackend(method="density_matrix")
    evs = EstimatorV2(backend).run([(circuit, labels)]).result()[0].data.evs
    assert np.abs(evs - expected(circuit, labels)).max() < TOLERANCE


def test_an_ancilla_that_is_reset_again_and_again():
    circuit = QuantumCircuit(3)
    circuit.h(0)
    with circuit.for_loop(range(50)):
        circuit.crx(0.3, 0, 1)
        circuit.cx(1, 2)
        circuit.reset(1)
    unrolled = QuantumCircuit(3)
    unrolled.h(0)
    for _ in range(50):
        unrolled.crx(0.3, 0, 1)
        unrolled.cx(1, 2)
        unrolled.reset(1)
    labels = ["IIX", "IIZ", "IZI", "IXI", "ZII", "ZIZ", "XIX"]
    assert np.abs(estimated(circuit, labels) - expected(unrolled, labels)).max() < TOLERANCE


def test_resets_at_the_end_count():
    circuit = QuantumCircuit(2)
    circuit.x([0, 1])
    circuit.reset(0)
    assert estimated(circuit, ["IZ", "ZI"]).tolist() == [1.0, -1.0]


def test_an_initialization_inside_of_a_circuit():
    circuit = QuantumCircuit(2)
    circuit.h(0)
    circuit.cx(0, 1)
    circuit.initialize([np.sqrt(0.2), np.sqrt(0.8)], 0)
    assert np.abs(estimated(circuit, ["IZ", "ZI", "ZZ"]) - [-0.6, 0.0, 0.0]).max() < TOLERANCE
