"""Every way from a circuit to a plan gives what the circuit means, exactly and as counts."""

from collections import Counter

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.circuit import Gate
from qiskit.quantum_info import Statevector

from qiskit_oqtopus import QulacsBackend
from qiskit_oqtopus.simulator.compile import consolidate
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


# -- the consolidated way -------------------------------------------------------------------------


def long_circuit(angle):
    """Return 200 gates on two qubits whose product differs from the identity by ``angle``."""
    circuit = QuantumCircuit(5, 2)
    for k in range(50):
        circuit.rz(0.1 * k, 1)
        circuit.cx(1, 3)
    circuit.rx(angle, 3)
    for k in reversed(range(50)):
        circuit.cx(1, 3)
        circuit.rz(-0.1 * k, 1)
    return circuit


@pytest.mark.parametrize("angle", [0.0, 1e-12, 1e-9, 1e-7, 1e-6, 1e-5, 0.1])
def test_a_product_next_to_the_identity_is_not_dropped(angle):
    # Qiskit's pass drops what is within 1e-6 of the identity.
    circuit = long_circuit(angle)
    assert consolidate.consolidate(circuit) is not None
    state = BACKEND.run(circuit, statevector=True).result().get_statevector()
    np.testing.assert_allclose(state, Statevector(circuit).data, atol=1e-13)


def device_like():
    """Return a circuit of long runs between gates on two of three qubits."""
    circuit = QuantumCircuit(5, 3)
    for first, second in [(1, 3), (3, 0), (0, 1)] * 4:
        for qubit in (first, second):
            for k in range(5):
                circuit.rz(0.1 + k, qubit)
                circuit.sx(qubit)
        circuit.cx(first, second)
        circuit.cx(second, first)
    return circuit


def test_runs_between_gates_on_two_qubits_become_matrices():
    circuit = device_like()
    circuit.barrier()
    circuit.measure([1, 3, 0], [0, 1, 2])
    instructions, _ = consolidate.consolidate(circuit)
    assert Counter(instruction.name for instruction in instructions) == {
        "unitary": 12,
        "measure": 3,
    }


@pytest.mark.parametrize("angle", [1e-12, 1e-9, 1e-7, 1e-6, 1e-5, 0.1])
def test_a_matrix_next_to_the_identity_is_not_dropped(angle):
    circuit = device_like()
    # Between gates on other pairs, so that nothing else goes into its matrix.
    circuit.cx(0, 1)
    circuit.cx(3, 4)
    circuit.cx(3, 0)
    circuit.rx(angle, 0)
    circuit.cx(3, 0)
    circuit.cx(0, 1)
    circuit.cx(3, 4)
    if angle > 1e-5:  # Qiskit drops what is nearer to the identity
        assert consolidate.consolidate(circuit) is not None
    state = BACKEND.run(circuit, statevector=True).result().get_statevector()
    np.testing.assert_allclose(state, Statevector(circuit).data, atol=1e-13)


def test_a_foreign_gate_does_not_hide_a_matrix_that_was_dropped():
    circuit = device_like()
    circuit.cx(0, 1)
    circuit.cx(3, 4)
    circuit.cx(3, 0)
    circuit.rx(1e-7, 0)
    circuit.cx(3, 0)
    circuit.cx(0, 1)
    circuit.cx(3, 4)
    named = QuantumCircuit(2, name="swap")  # of a standard name, and not merged
    named.h(0)
    named.cz(0, 1)
    circuit.append(named.to_instruction(), [2, 4])
    merged = consolidate.consolidate(circuit)
    if merged is not None:  # what is near enough to be dropped depends on the version of Qiskit
        assert Counter(instruction.name for instruction in merged[0])["unitary"] == 16
    state = BACKEND.run(circuit, statevector=True).result().get_statevector()
    np.testing.assert_allclose(state, Statevector(circuit).data, atol=1e-13)


def test_a_gate_of_no_qubits_under_a_standard_name_is_left_alone():
    circuit = QuantumCircuit(1)
    for _ in range(70):
        circuit.append(Gate("swap", 0, []), [])
    assert consolidate.consolidate(circuit) is None


@pytest.mark.chooses
def test_many_qubits_or_few_runs_are_left_alone():
    wide = QuantumCircuit(16)
    for _ in range(30):
        wide.rz(0.1, range(16))
        wide.sx(range(16))
        wide.cx(0, 1)
    assert consolidate.consolidate(wide) is None
    few = QuantumCircuit(3)
    for _ in range(40):
        few.rz(0.1, 0)
        few.cx(0, 1)
        few.cx(1, 2)
    assert consolidate.consolidate(few) is None


def test_a_product_that_undoes_the_guard_is_not_dropped():
    circuit = QuantumCircuit(2)
    for _ in range(20):
        circuit.cx(0, 1)
        circuit.cx(0, 1)
    circuit.append(consolidate._GUARD.inverse(), [0])
    for _ in range(20):
        circuit.cx(0, 1)
        circuit.cx(0, 1)
    state = BACKEND.run(circuit, statevector=True).result().get_statevector()
    np.testing.assert_allclose(state, Statevector(circuit).data, atol=1e-13)


@pytest.mark.chooses
def test_long_circuits_become_one_matrix():
    circuit = long_circuit(0.1)
    circuit.measure([1, 3], [0, 1])
    plan, _ = compile_circuit(circuit)
    assert len(plan.operations) == 2  # the matrix, and what takes the guard back
    one = QuantumCircuit(3, 1)
    for k in range(100):
        one.rz(0.1 * k, 1)
        one.sx(1)
        one.barrier(1)
    one.measure(1, 0)
    plan, _ = compile_circuit(one)
    assert [operation[0] for operation in plan.operations] == ["u"]


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
