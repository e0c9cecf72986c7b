"""Observables are sums of Pauli strings, each measured by one circuit."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from qiskit import QuantumCircuit
from qiskit.quantum_info import Operator, Pauli, SparseObservable, SparsePauliOp

from qiskit_oqtopus.primitives.observables import (
    ObservableError,
    add_measurements,
    plan_measurements,
    to_pauli_terms,
)


@given(st.dictionaries(st.text("IXYZ01+-rl", min_size=3, max_size=3), st.floats(-2, 2), min_size=1))
def test_projectors_are_sums_of_paulis(observable):
    terms = to_pauli_terms(observable)
    ours = sum(c * Operator(Pauli(label)).data for label, c in terms.items())
    theirs = SparsePauliOp.from_sparse_observable(
        SparseObservable.from_list(list(observable.items()))
    )
    np.testing.assert_allclose(ours, theirs.to_matrix(), atol=1e-12)


@pytest.mark.parametrize("coefficient", [1j, math.nan, math.inf])
def test_coefficients_are_real_numbers(coefficient):
    with pytest.raises(ObservableError, match="coefficient of ZZ"):
        to_pauli_terms({"ZZ": coefficient})


def test_projectors_do_not_explode():
    with pytest.raises(ObservableError, match="sum of over"):
        to_pauli_terms({"0" * 40: 1.0})


paulis = st.text("IXYZ", min_size=4, max_size=4)


observables = st.lists(
    st.dictionaries(paulis, st.floats(-2, 2), min_size=1, max_size=6), min_size=1, max_size=4
)


@given(observables)
def test_each_term_is_measured_once_where_it_can_be(given_observables):
    found: list[dict[str, float]] = [{} for _ in given_observables]
    for measurement in plan_measurements(given_observables):
        letters = dict(measurement.basis)
        assert list(letters) == sorted(letters)
        for index, parts in measurement.weights:
            for place, coefficient in parts:
                label = ["I"] * 4
                for bit, (qubit, letter) in enumerate(measurement.basis):
                    if measurement.masks[place] >> bit & 1:
                        label[3 - qubit] = letter
                assert "".join(label) not in found[index]
                found[index]["".join(label)] = coefficient
        used = np.bitwise_or.reduce([*measurement.masks, 0])
        assert used == 2 ** len(letters) - 1 or measurement.masks == (0,)
    assert found == given_observables


@pytest.mark.parametrize("letter", "XYZ")
def test_rotations_turn_a_letter_into_z(letter):
    circuit = add_measurements(QuantumCircuit(1), [(0, letter)])
    rotation = Operator(circuit.remove_final_measurements(inplace=False)).data
    found = rotation.conj().T @ Operator(Pauli("Z")).data @ rotation
    np.testing.assert_allclose(found, Operator(Pauli(letter)).data, atol=1e-12)
