"""A circuit that is run again is not compiled again, unless anything in it has changed."""

import gc
import threading

import numpy as np
import pytest
from qiskit import ClassicalRegister, QuantumCircuit
from qiskit.circuit import Clbit, Gate, Parameter
from qiskit.circuit.library import HGate, RZGate, UnitaryGate, XGate
from qiskit.quantum_info import Statevector, random_unitary

from qiskit_oqtopus import QulacsBackend
from qiskit_oqtopus.simulator.compile import compile
from qiskit_oqtopus.simulator.compile.cache import MAX_SEEN, PlanCache, content_of

BACKEND = QulacsBackend(num_qubits=6)


@pytest.fixture
def plans(monkeypatch):
    cache = PlanCache()
    monkeypatch.setattr(compile, "_plans", cache)
    return cache


@pytest.fixture
def compiled(monkeypatch):
    """Return the names of the circuits that were compiled gate by gate."""
    names = []
    original = compile.compile_straight

    def counted(circuit, *arguments):
        names.append(circuit.name)
        return original(circuit, *arguments)

    monkeypatch.setattr(compile, "compile_straight", counted)
    return names


def ansatz(seed=0, num_qubits=4):
    rng = np.random.default_rng(seed)
    circuit = QuantumCircuit(num_qubits, num_qubits, name=f"ansatz-{seed}")
    for _ in range(3):
        for qubit in range(num_qubits):
            circuit.ry(rng.uniform(0, 6), qubit)
        for qubit in range(num_qubits - 1):
            circuit.cx(qubit, qubit + 1)
        circuit.barrier()
    circuit.append(UnitaryGate(random_unitary(4, seed=seed)), [0, 2])
    return circuit


def state_of(circuit):
    return BACKEND.run(circuit, statevector=True, shots=1).result().get_statevector()


@pytest.mark.filterwarnings("ignore:No classical bit is written")
@pytest.mark.chooses
def test_the_third_run_does_not_compile(plans, compiled):
    circuit = ansatz()
    for _ in range(5):
        np.testing.assert_allclose(state_of(circuit), Statevector(circuit).data, atol=1e-12)
    assert len(compiled) == 2  # who runs a circuit once does not pay for keeping its plan
    assert plans.size > 0


def replace(circuit, index, operation):
    circuit.data[index] = circuit.data[index].replace(operation=operation)


CHANGES = {
    "append": lambda circuit: circuit.x(0),
    "parameter": lambda circuit: replace(circuit, 1, RZGate(0.2)),
    "gate": lambda circuit: replace(circuit, 0, HGate()),
    "swap of two gates": lambda circuit: circuit.data.insert(0, circuit.data.pop(5)),
    "qubit": lambda circuit: circuit.data.__setitem__(
        0, circuit.data[0].replace(qubits=[circuit.qubits[3]])
    ),
    "deletion": lambda circuit: circuit.data.pop(2),
    "global phase": lambda circuit: setattr(circuit, "global_phase", 1.0),
    "matrix": lambda circuit: replace(circuit, -1, UnitaryGate(random_unitary(4, seed=99))),
    "own gate": lambda circuit: circuit.append(own_gate(), [0]),
    "new qubit": lambda circuit: circuit.add_bits(QuantumCircuit(1).qubits),
    "inverse in place": lambda circuit: circuit.compose(circuit.inverse(), inplace=True),
}


def own_gate():
    definition = QuantumCircuit(1)
    definition.h(0)
    return definition.to_gate(label="mine")


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
@pytest.mark.filterwarnings("ignore:No classical bit is written")
def test_a_changed_circuit_is_compiled_anew(plans, change):
    circuit = ansatz()
    for _ in range(3):
        state_of(circuit)
    change(circuit)
    for _ in range(3):
        np.testing.assert_allclose(state_of(circuit), Statevector(circuit).data, atol=1e-12)


@pytest.mark.filterwarnings("ignore:No classical bit is written")
def test_a_gate_that_changes_inside_is_never_kept(plans):
    class Turn(Gate):
        def __init__(self):
            super().__init__("turn", 1, [])
            self.matrix = np.eye(2)

        def __array__(self, dtype=None, copy=None):
            return np.array(self.matrix, dtype=dtype)

    gate = Turn()
    circuit = ansatz()
    circuit.append(gate, [0], copy=False)
    assert content_of(circuit) is None
    before = [state_of(circuit) for _ in range(3)]
    gate.matrix = XGate().to_matrix()
    after = state_of(circuit)
    assert not np.allclose(before[-1], after)
    np.testing.assert_allclose(after, Statevector(circuit).data, atol=1e-12)


def test_measurements_that_move_are_seen(plans):
    circuit = ansatz()
    circuit.measure(0, 0)
    for _ in range(3):
        BACKEND.run(circuit, shots=10).result()
    circuit.data[-1] = circuit.data[-1].replace(clbits=[circuit.clbits[3]])
    plan, _ = compile.compile_circuit(circuit)
    assert [clbit for _, clbit in plan.terminal] == [3]
    circuit.add_register(ClassicalRegister(2, "more"))
    plan, _ = compile.compile_circuit(circuit)
    assert plan.num_clbits == 6
    circuit.add_bits([Clbit()])
    assert compile.compile_circuit(circuit)[0].num_clbits == 7


@pytest.mark.filterwarnings("ignore:No classical bit is written")
def test_parameters_that_are_bound_in_place(plans):
    circuit = ansatz()
    angle = Parameter("a")
    circuit.rx(angle, 0)
    bound = circuit.assign_parameters({angle: 0.3})
    for _ in range(3):
        np.testing.assert_allclose(state_of(bound), Statevector(bound).data, atol=1e-12)
    circuit.assign_parameters({angle: 0.9}, inplace=True)
    for _ in range(3):
        np.testing.assert_allclose(state_of(circuit), Statevector(circuit).data, atol=1e-12)


def test_the_options_that_a_plan_depends_on_are_part_of_the_key(plans):
    circuit = ansatz()
    circuit.measure_all()
    for _ in range(3):
        counts = BACKEND.run(circuit, shots=50, seed_simulator=1).result().get_counts()
    job = BACKEND.run(circuit, shots=50, seed_simulator=1, statevector=True)
    exact = Statevector(circuit.remove_final_measurements(inplace=False)).data
    np.testing.assert_allclose(job.result().get_statevector(), exact, atol=1e-12)
    assert sum(counts.values()) == 50


def test_the_cache_is_bounded():
    plan, _ = compile.compile_circuit(ansatz())
    circuits = [ansatz(seed) for seed in range(30)]
    small = PlanCache(max_bytes=50_000)
    for _ in range(2):
        for circuit in circuits:
            small.put(circuit, False, plan)
            small.put(circuit, False, plan)
            assert small.size <= 50_000
    kept = [circuit for circuit in circuits if small.get(circuit, False) is not None]
    assert 0 < len(kept) < 30
    assert kept == circuits[-len(kept) :]
    few = PlanCache(max_seen=3)
    for circuit in circuits:
        few.put(circuit, False, plan)
    assert len(few._entries) == 3
    huge = PlanCache(max_bytes=10)
    huge.put(circuits[0], False, plan)
    huge.put(circuits[0], False, plan)
    assert huge.get(circuits[0], False) is None
    assert MAX_SEEN > 0


def test_plans_go_with_their_circuits():
    plan, _ = compile.compile_circuit(ansatz())
    cache = PlanCache()
    for seed in range(20):
        circuit = ansatz(seed)
        cache.put(circuit, False, plan)
        cache.put(circuit, False, plan)
        del circuit
        gc.collect()
    last = ansatz(99)
    cache.put(last, False, plan)
    assert len(cache._entries) == 1
    assert cache.size == 0
    cache.clear()
    assert len(cache._entries) == 0


def test_many_threads_may_use_it(plans):
    circuits = [ansatz(seed) for seed in range(8)]
    for circuit in circuits:
        circuit.measure_all()
    expected = [BACKEND.run(c, shots=100, seed_simulator=5).result().get_counts() for c in circuits]
    failures = []

    def work():
        for _ in range(20):
            for circuit, counts in zip(circuits, expected, strict=True):
                result = BACKEND.run(circuit, shots=100, seed_simulator=5).result()
                if result.get_counts() != counts:
                    failures.append(circuit.name)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
