"""Density matrices against ``qiskit.quantum_info``."""

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.quantum_info import DensityMatrix, partial_trace

from qiskit_oqtopus import OqtopusCircuitError, OqtopusOptionError, QulacsBackend
from qiskit_oqtopus.simulator import backend
from qiskit_oqtopus.simulator.compile import noisy as noisy_compile
from qiskit_oqtopus.simulator.engines import density
from qiskit_oqtopus.simulator.noise.model import NoiseModel
from tests.circuits import assert_drawn_from, random_unitary_circuit
from tests.noisy import DT, random_dynamic, random_static, random_target
from tests.noisy_reference import distribution, final_state

TOLERANCE = 1e-12


SHOTS = 20_000


# What a random calibration states cannot always be simulated as it is; that is tested elsewhere.
pytestmark = pytest.mark.filterwarnings("ignore::qiskit_oqtopus.exceptions.OqtopusWarning")


def twin_of(target, **options):
    return QulacsBackend.from_target(target, seed=1, **options), NoiseModel.from_target(target)


def counts_of(simulator, circuit, shots=SHOTS, **options):
    data = simulator.run(circuit, shots=shots, **options).result().data(0)
    return {int(key, 16): count for key, count in data["counts"].items()}


def matrix_of(simulator, circuit, density_matrix=True, **options):
    result = simulator.run(circuit, density_matrix=density_matrix, **options).result()
    return result.data(0)["density_matrix"]


@pytest.mark.parametrize("seed", range(100))
def test_exact_states_of_noisy_circuits(seed, monkeypatch):
    monkeypatch.setattr(density, "_MERGED_QUBITS", 1 if seed % 2 else 99)
    if seed % 3 == 0:  # else the tight loop compiles
        monkeypatch.setattr(noisy_compile, "compile_straight", lambda *circuit: None)
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 5))
    twin, model = twin_of(random_target(rng, n))
    circuit = random_static(rng, n)
    expected = final_state(circuit, model, DT)
    found = matrix_of(twin, circuit)
    assert found.shape == (2**n, 2**n)
    assert np.abs(found - expected.data).max() < TOLERANCE
    kept = [int(q) for q in rng.permutation(n)[: int(rng.integers(1, n + 1))]]
    reduced = partial_trace(expected, [q for q in range(n) if q not in kept])
    # Qiskit leaves the qubits in ascending order.
    places = [sorted(kept).index(q) for q in kept]
    reduced = reduced.evolve(_permutation(places), range(len(kept)))
    assert np.abs(matrix_of(twin, circuit, kept) - reduced.data).max() < TOLERANCE


def _permutation(places):
    """Return the circuit that brings qubit ``places[j]`` to qubit j."""
    circuit = QuantumCircuit(len(places))
    holds = list(range(len(places)))
    for j, wanted in enumerate(places):
        found = holds.index(wanted)
        if found != j:
            circuit.swap(j, found)
            holds[j], holds[found] = holds[found], holds[j]
    return circuit


@pytest.mark.parametrize("seed", range(40))
def test_counts_of_dynamic_circuits(seed):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 4))
    twin, model = twin_of(random_target(rng, n), method="density_matrix")
    circuit = random_dynamic(rng, n)
    assert_drawn_from(counts_of(twin, circuit), distribution(circuit, model, DT))


@pytest.mark.parametrize("method", ["density_matrix", "trajectories"])
def test_branches_that_do_not_fit_wait(method, monkeypatch):
    monkeypatch.setattr(backend, "branch_bytes", lambda max_memory_mb: 1)
    rng = np.random.default_rng(5)
    twin, model = twin_of(random_target(rng, 2), method=method)
    circuit = random_dynamic(rng, 2)
    exact = distribution(circuit, model, DT)
    assert_drawn_from(counts_of(twin, circuit, shots=1000), exact)


@pytest.mark.parametrize("seed", range(40))
def test_noiseless_circuits_of_any_gates(seed):
    rng = np.random.default_rng(seed)
    circuit = random_unitary_circuit(rng, int(rng.integers(1, 6)), 8)
    found = matrix_of(QulacsBackend(), circuit)
    assert np.abs(found - DensityMatrix(circuit).data).max() < 1e-10
    circuit.measure_all()
    counts = counts_of(QulacsBackend(seed_simulator=1), circuit, method="density_matrix")
    exact = dict(enumerate(DensityMatrix(circuit.remove_final_measurements(False)).probabilities()))
    assert_drawn_from(counts, exact)


def test_wide_gates():
    circuit = QuantumCircuit(5)
    circuit.initialize(np.arange(1, 33) / np.linalg.norm(np.arange(1, 33)))
    circuit.mcp(0.7, [0, 3, 1, 4], 2)
    circuit.h(range(5))
    expected = DensityMatrix(circuit.decompose(["initialize"]))
    assert np.abs(matrix_of(QulacsBackend(), circuit) - expected.data).max() < 1e-10


def test_readout_of_a_qubit_in_two_bits_and_of_idle_qubits():
    rng = np.random.default_rng(3)
    twin, model = twin_of(random_target(rng, 3))
    circuit = QuantumCircuit(3, 5)
    circuit.sx(0)
    circuit.measure([0, 0, 2, 1, 0], [1, 3, 0, 4, 2])
    assert_drawn_from(counts_of(twin, circuit), distribution(circuit, model, DT))
    wide = QuantumCircuit(2, 70)
    twin, model = twin_of(random_target(rng, 2))
    wide.x(0)
    wide.measure([0, 1], [69, 66])
    assert_drawn_from(counts_of(twin, wide), distribution(wide, model, DT))


def test_measured_qubits_that_nothing_has_touched_cost_nothing():
    target = random_target(np.random.default_rng(1), 40)
    twin = QulacsBackend.from_target(target, seed=1)
    circuit = QuantumCircuit(40, 40)
    circuit.measure(range(40), range(40))
    data = twin.run(circuit, shots=4000).result().get_counts()
    ones = np.mean([[int(bit) for bit in key[::-1]] for key in data for _ in range(data[key])], 0)
    stated = [target["measure"][q,].prob_meas1_prep0 for q in range(40)]
    assert np.abs(ones - stated).max() < 5.5 * 0.5 / 4000**0.5  # 40 bits: 2e-6 * 40 at most


def test_states_after_a_reset_and_without_anything():
    rng = np.random.default_rng(8)
    twin, model = twin_of(random_target(rng, 2))
    circuit = QuantumCircuit(2)
    circuit.u(1, 2, 3, 0)
    circuit.cx(0, 1)
    circuit.reset(0)
    circuit.sx(0)
    assert np.abs(matrix_of(twin, circuit) - final_state(circuit, model).data).max() < TOLERANCE
    zero = np.zeros((4, 4))
    zero[0, 0] = 1
    assert np.array_equal(matrix_of(twin, QuantumCircuit(2)), zero)
    one = QuantumCircuit(2, 1)
    one.x(1)
    one.measure(0, 0)
    ideal = matrix_of(twin, one, [1, 0], noise=False)
    assert np.abs(ideal - np.diag([0, 1, 0, 0])).max() < TOLERANCE


@pytest.mark.parametrize("measured", [False, True])
def test_resets_at_the_end_are_part_of_the_state(measured):
    circuit = QuantumCircuit(3, 2)
    circuit.ry(0.7, 0)
    circuit.cx(0, 1)
    circuit.x(2)
    if measured:
        circuit.measure(1, 0)
    circuit.reset(0)
    if measured:
        circuit.measure(0, 1)
        state = QulacsBackend().run(circuit, density_matrix=True, shots=4000, seed_simulator=1)
        counts = state.result().get_counts()
        assert set(counts) == {"00", "01"}
        # The probability of 1 is sin(0.35)**2; 6 sigma.
        p = np.sin(0.35) ** 2
        assert abs(counts["01"] / 4000 - p) < 6 * np.sqrt(p * (1 - p) / 4000)
    gates = circuit.copy_empty_like()
    for item in circuit.data:
        if item.name != "measure":
            gates.append(item)
    expected = DensityMatrix(QuantumCircuit(3)).evolve(gates.remove_final_measurements(False))
    assert np.abs(matrix_of(QulacsBackend(), circuit) - expected.data).max() < TOLERANCE
    circuit.h(0)
    circuit.measure(0, 0)
    circuit.reset(0)
    with pytest.raises(OqtopusCircuitError, match="mid-circuit measurement has no one density"):
        QulacsBackend().run(circuit, density_matrix=True)


def test_states_of_what_was_measured_are_refused():
    twin, _ = twin_of(random_target(np.random.default_rng(1), 2))
    circuit = QuantumCircuit(2, 1)
    circuit.x(0)
    circuit.measure(0, 0)
    circuit.x(0)
    with pytest.raises(OqtopusCircuitError, match="mid-circuit measurement has no one density"):
        twin.run(circuit, density_matrix=True)
    with pytest.raises(OqtopusCircuitError, match="density_matrix names qubit 2, and it has 2"):
        twin.run(QuantumCircuit(2), density_matrix=[2])
    for value in ("all", [0, 0], [-1], [], [0.5], 3):
        with pytest.raises(OqtopusOptionError, match="must be True, False or a list of different"):
            twin.run(QuantumCircuit(2), density_matrix=value)


def test_memory_is_checked_before_anything_is_allocated():
    circuit = QuantumCircuit(11, 1)
    circuit.cx(range(10), range(1, 11))
    simulator = QulacsBackend(max_memory_mb=64)
    with pytest.raises(OqtopusCircuitError) as caught:
        simulator.run(circuit, method="density_matrix")
    text = str(caught.value)
    assert "the density matrix of its 11 active qubits needs 101,711,872 bytes" in text
    assert "67,108,864 bytes are available" in text
    assert "use method='trajectories'" in text
    circuit = QuantumCircuit(11, 1)
    circuit.h(0)
    with pytest.raises(OqtopusCircuitError, match="the density matrix of 11 qubits needs"):
        simulator.run(circuit, density_matrix=True)
    simulator.run(circuit, density_matrix=[0, 10]).result()
