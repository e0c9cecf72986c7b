"""Circuits that fall into parts: taken apart they give what they give as a whole."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from qiskit.quantum_info import DensityMatrix, SparsePauliOp, Statevector

from qiskit_oqtopus import EstimatorV2, QulacsBackend
from qiskit_oqtopus.simulator.noise.model import NoiseModel
from tests import noisy_reference
from tests.circuits import assert_drawn_from, exact_distribution
from tests.dynamic_reference import distribution
from tests.noisy import DT, random_target
from tests.products import RandomProduct, count_loops, random_unitary_product
from tests.routes import force

pytestmark = [
    pytest.mark.chooses,
    pytest.mark.filterwarnings("ignore::qiskit_oqtopus.exceptions.OqtopusWarning"),
]

Seeds = st.integers(0, 2**32 - 1)
SHOTS = 3000


@pytest.fixture(autouse=True, scope="module")
def _apart():
    with pytest.MonkeyPatch.context() as patch:
        force(patch, "parts")
        yield


def integer_counts(result):
    return {int(key, 16): n for key, n in result.results[0].data.counts.items()}


def twin_of(rng, num_qubits):
    target = random_target(rng, num_qubits)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return QulacsBackend.from_target(target), NoiseModel.from_target(target)


@given(Seeds)
@settings(max_examples=60)
def test_states_counts_and_expectation_values(seed):
    rng = np.random.default_rng(seed)
    n, parts = int(rng.integers(2, 8)), int(rng.integers(2, 4))
    circuit = random_unitary_product(rng, n, min(parts, n), 20)
    state = Statevector(circuit)
    labels = ["".join(rng.choice(list("IXYZ"), n)) for _ in range(6)]
    observables = [SparsePauliOp(labels[:4], rng.uniform(-1, 1, 4)), *labels[4:]]
    values = EstimatorV2(QulacsBackend(num_qubits=n)).run([(circuit, observables)]).result()[0]
    exact = [state.expectation_value(SparsePauliOp(each)).real for each in observables]
    np.testing.assert_allclose(values.data.evs, exact, atol=1e-10)

    order = [int(bit) for bit in rng.permutation(n)]
    circuit.measure(range(n), order)
    backend = QulacsBackend(num_qubits=n)
    result = backend.run(circuit, shots=SHOTS, seed_simulator=seed, statevector=True).result()
    np.testing.assert_allclose(result.get_statevector(), state.data, atol=1e-10)
    assert_drawn_from(integer_counts(result), exact_distribution(state, list(enumerate(order))))


@given(Seeds)
@settings(max_examples=60)
@pytest.mark.parametrize("counted", [False, True])
@pytest.mark.parametrize("ties", [0.0, 0.1])
def test_control_flow(ties, counted, seed):
    rng = np.random.default_rng(seed)
    circuit = RandomProduct(rng, 5, int(rng.integers(2, 4)), ties).write(9)
    with pytest.MonkeyPatch.context() as patch:
        if counted:
            count_loops(patch)
        result = QulacsBackend(num_qubits=5).run(circuit, shots=SHOTS, seed_simulator=seed).result()
    assert_drawn_from(integer_counts(result), distribution(circuit))


@given(Seeds)
@settings(max_examples=20)
@pytest.mark.parametrize("method", ["density_matrix", "trajectories"])
def test_noise_and_control_flow(method, seed):
    rng = np.random.default_rng(seed)
    twin, model = twin_of(rng, 4)
    circuit = RandomProduct(rng, 4, 2).write(7)
    result = twin.run(circuit, shots=SHOTS, seed_simulator=seed, method=method).result()
    exact = noisy_reference.distribution(circuit, model, DT)
    assert_drawn_from(integer_counts(result), exact)


@given(Seeds)
@settings(max_examples=20)
def test_density_matrices_and_expectation_values_with_noise(seed):
    rng = np.random.default_rng(seed)
    twin, model = twin_of(rng, 4)
    circuit = random_unitary_product(rng, 4, 2, 10)
    exact = noisy_reference.final_state(circuit, model, DT)
    wanted = [int(qubit) for qubit in rng.permutation(4)[: rng.integers(1, 4)]]
    for asked, state in ((True, exact), (wanted, _reduce(exact, wanted))):
        found = twin.run(circuit, density_matrix=asked).result().data(0)["density_matrix"]
        np.testing.assert_allclose(found, state.data, atol=1e-10)
    labels = ["".join(rng.choice(list("IXYZ"), 4)) for _ in range(4)]
    values = EstimatorV2(twin).run([(circuit, labels)]).result()[0].data.evs
    np.testing.assert_allclose(
        values, [exact.expectation_value(SparsePauliOp(x)).real for x in labels], atol=1e-10
    )


def _reduce(state: DensityMatrix, wanted: list[int]) -> DensityMatrix:
    from qiskit.quantum_info import partial_trace

    others = [qubit for qubit in range(4) if qubit not in wanted]
    reduced = partial_trace(state, others)
    order = sorted(wanted)
    k = len(wanted)
    tensor = reduced.data.reshape((2,) * (2 * k))
    axes = [k - 1 - order.index(qubit) for qubit in reversed(wanted)]
    moved = tensor.transpose([*axes, *(k + axis for axis in axes)])
    return DensityMatrix(moved.reshape(1 << k, 1 << k))
