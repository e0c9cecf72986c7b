"""Exact expectation values are those of the state vector."""

from itertools import product

import numpy as np
import pytest
import qulacs
from qiskit import QuantumCircuit
from qiskit.circuit.library import efficient_su2
from qiskit.primitives import StatevectorEstimator
from qiskit.primitives.containers.observables_array import ObservablesArray
from qiskit.quantum_info import SparsePauliOp, Statevector

from qiskit_oqtopus import EstimatorV2, QulacsBackend
from qiskit_oqtopus.simulator.engines import expectation
from qiskit_oqtopus.simulator.engines.expectation import Observables, walsh_hadamard
from qiskit_oqtopus.simulator.engines.run import Settings, run_chunk

# -- expectation values ----------------------------------------------------------------------------
from tests.parametric import random_parametric_circuit, template_of


def random_observables(rng, num_qubits, number):
    terms = []
    for _ in range(number):
        labels = {"".join(rng.choice(list("IXYZ"), num_qubits)) for _ in range(6)}
        labels |= {"".join(rng.choice(list("IZ"), num_qubits)) for _ in range(3)}
        terms.append({label: rng.normal() for label in labels})
    return terms


def exact_values(terms, state):
    operators = [
        SparsePauliOp.from_list(list(t.items()), num_qubits=state.num_qubits) for t in terms
    ]
    return [state.expectation_value(operator).real for operator in operators]


@pytest.mark.parametrize("changed", [{}, {"DIAGONAL_BYTES": 0}, {"_MAX_GROUPS": 2}])
def test_expectation_values_with_idle_qubits(changed, monkeypatch):
    for name, value in changed.items():  # as for very many observables
        monkeypatch.setattr(expectation, name, value)
    for seed in range(20):
        rng = np.random.default_rng(seed)
        circuit = QuantumCircuit(5)
        turned = random_parametric_circuit(rng, 3, 12)
        circuit.compose(turned, rng.permutation(5)[:3].tolist(), inplace=True)
        values = rng.uniform(-3, 3, (3, circuit.num_parameters))
        terms = random_observables(rng, 5, int(rng.integers(1, 5)))
        settings = Settings(shots=1, seed=0, observables=Observables(tuple(terms)))
        plans = template_of(circuit).plans(values)
        for row, outcome in zip(values, run_chunk(plans, 0, settings), strict=True):
            assert outcome.error is None
            state = Statevector(circuit.assign_parameters(row))
            np.testing.assert_allclose(
                outcome.expectation_values, exact_values(terms, state), atol=1e-12
            )


def test_expectation_values_without_active_qubits():
    terms = ({"II": 0.5, "ZI": 1.0, "XI": 7.0}, {"ZZ": -2.0}, {})
    settings = Settings(shots=1, seed=0, observables=Observables(terms))
    (plan,) = template_of(QuantumCircuit(2)).plans(np.zeros((1, 0)))
    (outcome,) = run_chunk([plan], 0, settings)
    np.testing.assert_array_equal(outcome.expectation_values, [1.5, -2.0, 0.0])


def test_many_observables_have_their_own_values():
    n = 5
    circuit = efficient_su2(n, reps=2)
    values = np.random.default_rng(1).uniform(-3, 3, (2, circuit.num_parameters))
    labels = ["".join(label) for label in product("IXYZ", repeat=n)]
    sums = [{"Z" * n: 0.5, "I" * n: -2.0, "X" * n: 3.0}, {"XYZZY": 2.0, labels[7]: 1.0}]
    observables = ObservablesArray([[observable] for observable in [*labels, *sums]])
    pub = (circuit, observables, values)
    evs = EstimatorV2(QulacsBackend()).run([pub]).result()[0].data.evs
    exact = StatevectorEstimator().run([pub]).result()[0].data.evs
    np.testing.assert_allclose(evs, exact, atol=1e-12)


def test_no_observable_costs_anything_in_a_basis_where_it_has_no_term(monkeypatch):
    transformed = []

    def count(vector):
        transformed.append(len(vector))
        return walsh_hadamard(vector)

    monkeypatch.setattr(expectation, "walsh_hadamard", count)
    labels = ["".join(label) for label in product("XYZ", "IXYZ", "IXYZ", "IXYZ", "IXYZ")]
    terms = [{label: 1.0} for label in labels]
    active = Observables(tuple(terms)).on(range(5))
    state = qulacs.QuantumState(5)
    state.set_Haar_random_state(3)
    found = active.values(state)
    # At most one basis for each string of five letters, and few diagonals in each.
    assert len(transformed) <= 3**5 * expectation.DIAGONAL_ROWS
    exact = exact_values(terms, Statevector(state.get_vector()))
    np.testing.assert_allclose(found, exact, atol=1e-12)


@pytest.mark.parametrize("bits", [0, 1, 3, 6, 12, 14])
def test_walsh_hadamard_is_its_own_inverse(bits):
    vector = np.random.default_rng(0).normal(size=1 << bits)
    once = walsh_hadamard(vector)
    mask = (1 << bits) * 5 // 7
    signs = [(-1) ** (j & mask).bit_count() for j in range(1 << bits)]
    assert once[mask] == pytest.approx(vector @ signs, abs=1e-11)
    np.testing.assert_allclose(walsh_hadamard(once) / (1 << bits), vector, atol=1e-12)
