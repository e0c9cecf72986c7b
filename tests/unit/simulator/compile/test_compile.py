"""Every way from a circuit to a plan gives what the circuit means, exactly and as counts."""

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.quantum_info import Statevector

from qiskit_oqtopus import QulacsBackend
from qiskit_oqtopus.simulator.compile.compile import compile_circuit
from tests.circuits import (
    add_classical_bits,
    add_measurements,
    assert_drawn_from,
    exact_distribution,
    random_standard_gate,
    random_unitary_circuit,
)
from tests.routes import ROUTES, force

BACKEND = QulacsBackend(num_qubits=6)


pytestmark = [
    pytest.mark.filterwarnings("ignore::scipy.sparse.SparseEfficiencyWarning"),
    pytest.mark.filterwarnings("ignore:No classical bit is written"),
]


def few_qubit_circuit(rng):
    """Return a long circuit on few qubits of many: standard gates, barriers, some of one's own."""
    num_qubits = int(rng.integers(1, 6))
    active = rng.permutation(num_qubits)[: int(rng.integers(1, 3))].tolist()
    circuit = QuantumCircuit(num_qubits, global_phase=rng.uniform(0, 6))
    largest = int(rng.integers(1, len(active) + 1))
    for _ in range(int(rng.integers(1, 80))):
        kind = rng.random()
        if kind < 0.1:
            circuit.barrier(*rng.permutation(num_qubits)[: int(rng.integers(1, num_qubits + 1))])
        elif kind < 0.11:
            named = QuantumCircuit(1, name=str(rng.choice(["x", "barrier", "cx", "measure", "u"])))
            named.h(0)
            circuit.append(named.to_gate(), [active[0]])
        else:
            gate = random_standard_gate(rng, largest)
            circuit.append(gate, rng.permutation(active)[: gate.num_qubits].tolist())
    if rng.random() < 0.3:
        circuit.compose(circuit.inverse(), inplace=True)
    return circuit


def device_circuit(rng):
    """Return a circuit as a device runs it: long runs on one qubit between gates on two."""
    num_qubits = int(rng.integers(3, 7))
    active = rng.permutation(num_qubits)[: int(rng.integers(3, num_qubits + 1))].tolist()
    circuit = QuantumCircuit(num_qubits, global_phase=rng.uniform(0, 6))
    for _ in range(int(rng.integers(5, 30))):
        for qubit in rng.permutation(active)[:3].tolist():
            for name in ["rz", "sx", "rz", "x", "rz"][: int(rng.integers(1, 6))]:
                getattr(circuit, name)(*([rng.uniform(-7, 7)] if name == "rz" else []), qubit)
        kind = rng.random()
        pair = rng.permutation(active)[:2].tolist()
        if kind < 0.1:
            circuit.barrier()
        elif kind < 0.15:
            circuit.ccx(*rng.permutation(active)[:3].tolist())
        elif kind < 0.3:
            circuit.rzz(rng.uniform(-7, 7), *pair)
        else:
            for _ in range(int(rng.integers(1, 4))):
                circuit.cx(*pair)
                circuit.rz(float(rng.choice([0.0, 1e-8, 1.0])), pair[1])
    return circuit


def random_circuit(rng):
    kind = rng.random()
    if kind < 0.4:
        return few_qubit_circuit(rng)
    if kind < 0.6:
        return device_circuit(rng)
    return random_unitary_circuit(rng, int(rng.integers(1, 6)), int(rng.integers(0, 25)))


@pytest.mark.slow
@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize("first", [0, 125])
def test_state_and_counts_of_random_circuits(route, first, monkeypatch):
    # 250 circuits per route, 1,000 in all.
    force(monkeypatch, route)
    for seed in range(first, first + 125):
        rng = np.random.default_rng(seed)
        circuit = random_circuit(rng)
        exact = Statevector(circuit)
        add_classical_bits(rng, circuit)
        pairs = add_measurements(rng, circuit)
        counts = set()
        for _ in range(2):
            result = BACKEND.run(circuit, shots=1000, seed_simulator=seed).result()
            counts.add(tuple(sorted(result.results[0].data.counts.items())))
            state = BACKEND.run(circuit, shots=1, statevector=True).result().get_statevector()
            np.testing.assert_allclose(state, exact.data, atol=1e-10, err_msg=f"seed {seed}")
        assert len(counts) == 1, "the same seed, other counts"
        drawn = {int(key, 16): count for key, count in counts.pop()}
        assert_drawn_from(drawn, exact_distribution(exact, pairs))


@pytest.mark.parametrize("route", ROUTES)
def test_two_runs_share_memory_order_with_the_same_seed(route, monkeypatch):
    force(monkeypatch, route)
    circuit = QuantumCircuit(2)
    for _ in range(40):
        circuit.h(0)
        circuit.cx(0, 1)
        circuit.rx(0.3, 1)
    circuit.measure_all()
    runs = [BACKEND.run(circuit, shots=200, memory=True, seed_simulator=3) for _ in range(3)]
    memories = [run.result().get_memory() for run in runs]
    assert memories[0] == memories[1] == memories[2]


@pytest.mark.parametrize("name", ["barrier", "measure", "x", "cx", "rz", "unitary", "delay", "id"])
@pytest.mark.parametrize("route", ROUTES)
def test_a_gate_of_ones_own_with_a_known_name_is_what_its_definition_says(route, name, monkeypatch):
    force(monkeypatch, route)
    definition = QuantumCircuit(1, name=name)
    definition.h(0)
    definition.t(0)
    circuit = QuantumCircuit(2)
    for _ in range(10):
        circuit.barrier()
        circuit.ry(0.3, 0)
        circuit.append(definition.to_gate(), [0])
        circuit.rx(0.2, 0)
    plain = QuantumCircuit(2)
    for _ in range(10):
        plain.ry(0.3, 0)
        plain.compose(definition, [0], inplace=True)
        plain.rx(0.2, 0)
    for entangled in (False, True):
        if entangled:
            circuit.cx(0, 1)
            plain.cx(0, 1)
        state = BACKEND.run(circuit, statevector=True).result().get_statevector()
        np.testing.assert_allclose(state, Statevector(plain).data, atol=1e-12)


@pytest.mark.parametrize("route", ROUTES)
def test_measurements_inside_are_not_passed_over(route, monkeypatch):
    force(monkeypatch, route)
    circuit = QuantumCircuit(2, 2)
    for _ in range(40):
        circuit.h(0)
        circuit.h(0)
    circuit.h(0)
    circuit.measure(0, 0)
    circuit.h(0)
    circuit.cx(0, 1)
    circuit.measure(1, 1)
    counts = BACKEND.run(circuit, shots=4000, seed_simulator=1).result().get_counts()
    assert_drawn_from(
        {int(key, 2): count for key, count in counts.items()}, dict.fromkeys(range(4), 0.25)
    )


@pytest.mark.parametrize("route", ROUTES)
def test_what_does_nothing_does_nothing(route, monkeypatch):
    force(monkeypatch, route)
    circuit = QuantumCircuit(3, 1, global_phase=0.4)
    circuit.id(0)
    circuit.barrier()
    circuit.delay(100, 1)
    circuit.measure(2, 0)
    plan, _ = compile_circuit(circuit)
    assert plan.qubits == ()
    assert BACKEND.run(circuit, shots=5).result().get_counts() == {"0": 5}
    empty = BACKEND.run(QuantumCircuit(2, global_phase=0.4), statevector=True)
    np.testing.assert_allclose(empty.result().get_statevector(), [np.exp(0.4j), 0, 0, 0])


def test_wide_devices_cost_only_their_active_qubits():
    circuit = QuantumCircuit(1000, 2)
    circuit.h(700)
    circuit.cx(700, 3)
    circuit.measure([700, 3], [1, 0])
    plan, _ = compile_circuit(circuit)
    assert set(plan.qubits) == {700, 3}
    assert [(plan.qubits[place], clbit) for place, clbit in plan.terminal] == [(3, 0), (700, 1)]
