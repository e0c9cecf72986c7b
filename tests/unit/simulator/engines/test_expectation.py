"""Exact expectation values are those of the state vector."""

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.quantum_info import SparsePauliOp, Statevector

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


@pytest.mark.parametrize("transformed", [False, True])
def test_expectation_values_with_idle_qubits(transformed, monkeypatch):
    if transformed:  # diagonals as sums over a transform, as for very many observables
        monkeypatch.setattr(expectation, "DIAGONAL_BYTES", 0)
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


def test_walsh_hadamard_is_its_own_inverse():
    vector = np.random.default_rng(0).normal(size=64)
    twice = walsh_hadamard(walsh_hadamard(vector.copy()))
    np.testing.assert_allclose(twice, 64 * vector, atol=1e-12)
