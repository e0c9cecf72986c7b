"""Random circuits of every gate and classical layout, exactly and as counts."""

from collections import Counter

import numpy as np
import pytest
from qiskit import transpile
from qiskit.quantum_info import Statevector

from qiskit_oqtopus import QulacsBackend
from qiskit_oqtopus.simulator import backend
from qiskit_oqtopus.simulator.engines import ensemble
from tests.circuits import (
    add_classical_bits,
    add_measurements,
    assert_drawn_from,
    exact_distribution,
    random_dynamic_circuit,
    random_unitary_circuit,
)
from tests.dynamic_reference import distribution

BACKEND = QulacsBackend(num_qubits=10)

# Qiskit's own PauliEvolutionGate.to_matrix, which the reference calls, warns inside scipy.
pytestmark = [
    pytest.mark.filterwarnings("ignore::scipy.sparse.SparseEfficiencyWarning"),
    pytest.mark.filterwarnings("ignore:No classical bit is written"),
]


def integer_counts(result, index=0):
    return {int(key, 16): n for key, n in result.results[index].data.counts.items()}


@pytest.mark.parametrize("first", range(0, 600, 50))
def test_state_counts_and_memory_of_random_circuits(first):
    for seed in range(first, first + 50):
        rng = np.random.default_rng(seed)
        circuit = random_unitary_circuit(rng, int(rng.integers(1, 7)), int(rng.integers(0, 12)))
        exact = Statevector(circuit)
        add_classical_bits(rng, circuit)
        pairs = add_measurements(rng, circuit)
        job = BACKEND.run(circuit, shots=3000, seed_simulator=seed, statevector=True, memory=True)
        result = job.result()
        state = result.get_statevector()
        np.testing.assert_allclose(state, exact.data, atol=1e-10, err_msg=f"seed {seed}")
        assert_drawn_from(integer_counts(result), exact_distribution(exact, pairs))
        assert Counter(result.get_memory()) == result.get_counts()


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["batch", "states", "batch-bounded", "states-bounded"])
@pytest.mark.parametrize("first", range(0, 200, 50))
def test_random_dynamic_circuits_on_every_engine(engine, first, monkeypatch):
    if engine.startswith("states"):
        monkeypatch.setattr(ensemble, "BATCH_QUBITS", 0)
    if engine.endswith("bounded"):
        # Room for three states of three qubits: branches must wait, or run shot by shot.
        monkeypatch.setattr(backend, "branch_bytes", lambda limit: 3 * 16 * 2**3)
    for seed in range(first, first + 50):
        rng = np.random.default_rng(seed)
        circuit = random_dynamic_circuit(rng, int(rng.integers(2, 5)), int(rng.integers(2, 10)))
        exact = distribution(circuit)
        result = BACKEND.run(circuit, shots=2000, seed_simulator=seed).result()
        if "counts" not in result.data():
            assert list(exact) == [0]  # nothing is ever written
            continue
        counts = integer_counts(result)
        assert sum(counts.values()) == 2000
        assert_drawn_from(counts, exact)


@pytest.mark.parametrize("level", range(4))
def test_transpiled_circuits_stay_inside_the_target_and_are_equivalent(level):
    names = set(BACKEND.target.operation_names)
    for seed in range(40):
        rng = np.random.default_rng(seed)
        # Not "x": the transpiler of Qiskit 2.0 takes any gate of that name for an X.
        circuit = random_unitary_circuit(rng, int(rng.integers(1, 5)), 8, name="mine")
        exact = Statevector(circuit)
        circuit.measure_all()
        compiled = transpile(circuit, BACKEND, optimization_level=level, seed_transpiler=seed)
        assert {inst.name for inst in compiled.data} <= names | {"barrier"}
        result = BACKEND.run(compiled, shots=3000, seed_simulator=seed).result()
        pairs = [(q, q) for q in range(circuit.num_qubits)]
        assert_drawn_from(integer_counts(result), exact_distribution(exact, pairs))


@pytest.mark.parametrize("level", range(4))
def test_transpiled_dynamic_circuits_are_equivalent(level):
    for seed in range(25):
        circuit = random_dynamic_circuit(np.random.default_rng(seed), 3, 6)
        exact = distribution(circuit)
        compiled = transpile(circuit, BACKEND, optimization_level=level, seed_transpiler=seed)
        result = BACKEND.run(compiled, shots=2000, seed_simulator=seed).result()
        if "counts" in result.data():
            assert_drawn_from(integer_counts(result), exact)
