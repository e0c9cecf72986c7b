"""Cliffords as rz, sx and cx."""

import math

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.quantum_info import Operator
from qiskit_experiments.library.randomized_benchmarking.clifford_utils import (
    CliffordUtils,
    compose_2q,
)

from qiskit_oqtopus.experiments.cliffords import (
    local_numbers,
    one_qubit_forms,
    twirls,
    two_qubit_form,
)


def draw(circuit, qubit, turns):
    for place, turn in enumerate(turns):
        if place:
            circuit.sx(qubit)
        circuit.rz(turn * math.pi / 2, qubit)


@pytest.mark.parametrize("number", range(24))
def test_each_clifford_of_one_qubit_is_its_form(number):
    circuit = QuantumCircuit(1)
    draw(circuit, 0, one_qubit_forms()[number])
    assert Operator(circuit).equiv(CliffordUtils.clifford_1_qubit_circuit(number))


def test_forms_are_the_shortest_ones():
    pulses = [len(turns) - 1 for turns in one_qubit_forms()]
    assert [pulses.count(n) for n in (0, 1, 2)] == [4, 16, 4]


@pytest.mark.parametrize("number", [0, 11519, *np.random.default_rng(1).integers(11520, size=30)])
def test_cliffords_of_two_qubits_are_their_forms(number):
    circuit = QuantumCircuit(2)
    for place, (first, second) in enumerate(two_qubit_form(int(number))):
        if place:
            circuit.cx(0, 1)
        draw(circuit, 0, one_qubit_forms()[first])
        draw(circuit, 1, one_qubit_forms()[second])
    assert Operator(circuit).equiv(CliffordUtils.clifford_2_qubit_circuit(int(number)))


def test_no_form_has_more_cx_than_it_must_have():
    numbers = [len(two_qubit_form(number)) - 1 for number in range(11520)]
    assert np.bincount(numbers).tolist() == [576, 5184, 5184, 576]


def test_twirls_cancel_over_a_cx_and_are_a_pauli_without_one():
    local = set(local_numbers())
    assert len(local) == 576
    assert len(set(twirls())) == 64
    cx = 16
    for before, after in twirls():
        assert {before, after} <= local
        assert compose_2q(compose_2q(before, cx), after) == cx
        # The numbers below 16 are Paulis.
        assert compose_2q(before, after) < 16
