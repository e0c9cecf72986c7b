"""Qiskit's own primitives around the simulator, against its reference primitives."""

import numpy as np
import pytest
from qiskit import ClassicalRegister, QuantumCircuit, QuantumRegister, generate_preset_pass_manager
from qiskit.circuit.library import efficient_su2
from qiskit.primitives import BackendEstimatorV2, BackendSamplerV2, StatevectorEstimator
from qiskit.quantum_info import SparsePauliOp, Statevector

from qiskit_oqtopus import QulacsBackend
from tests.circuits import assert_drawn_from


@pytest.fixture
def backend():
    return QulacsBackend(num_qubits=5)


def test_sampler_with_registers_and_parameter_sets(backend):
    ansatz = efficient_su2(3, reps=1)
    circuit = ansatz.copy_empty_like()
    circuit.compose(ansatz, inplace=True)
    circuit.add_register(ClassicalRegister(1, "low"), ClassicalRegister(2, "high"))
    circuit.measure([0, 1, 2], [0, 1, 2])
    values = np.random.default_rng(1).uniform(-3, 3, (2, 3, ansatz.num_parameters))
    sampler = BackendSamplerV2(backend=backend, options={"seed_simulator": 4})
    result = sampler.run([(circuit, values)], shots=4000).result()
    data = result[0].data
    assert data.low.shape == data.high.shape == (2, 3)
    for index in np.ndindex(2, 3):
        exact = Statevector(ansatz.assign_parameters(values[index]))
        low = dict(enumerate(exact.probabilities([0])))
        high = dict(enumerate(exact.probabilities([1, 2])))
        assert_drawn_from(data.low[index].get_int_counts(), low)
        assert_drawn_from(data.high[index].get_int_counts(), high)


def test_sampler_with_mid_circuit_measurement(backend):
    circuit = QuantumCircuit(QuantumRegister(2), ClassicalRegister(1, "a"))
    circuit.add_register(ClassicalRegister(2, "b"))
    circuit.h(0)
    circuit.measure(0, 0)
    with circuit.if_test((0, 1)):
        circuit.x(1)
    circuit.measure([0, 1], [1, 2])
    data = BackendSamplerV2(backend=backend).run([circuit], shots=300).result()[0].data
    joined = {(a, b) for a, b in zip(data.a.get_bitstrings(), data.b.get_bitstrings(), strict=True)}
    assert joined == {("0", "00"), ("1", "11")}


@pytest.mark.parametrize("level", [0, 1, 3])
def test_estimator_agrees_with_the_reference(backend, level):
    ansatz = efficient_su2(4, reps=1)
    observable = SparsePauliOp(["ZZII", "IXXI", "YIIY", "IIII"], [0.5, -1.0, 0.7, 0.2])
    values = np.random.default_rng(2).uniform(-3, 3, (5, ansatz.num_parameters))
    exact = StatevectorEstimator().run([(ansatz, observable, values)]).result()[0].data.evs
    manager = generate_preset_pass_manager(level, backend=backend, seed_transpiler=1)
    compiled = manager.run(ansatz)
    estimator = BackendEstimatorV2(backend=backend, options={"seed_simulator": 9})
    pub = (compiled, observable.apply_layout(compiled.layout), values)
    found = estimator.run([pub], precision=0.01).result()[0].data
    # Three terms of at most 1.0 each with 10,000 shots: sigma <= 0.014; 6 sigma.
    np.testing.assert_allclose(found.evs, exact, atol=6 * 0.014)
