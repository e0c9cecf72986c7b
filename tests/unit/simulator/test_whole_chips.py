"""Circuits on all qubits of a chip that fall into parts: through the backend and the primitives."""

import math
import multiprocessing
import pickle
import threading
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

import numpy as np
import pytest
from qiskit import QuantumCircuit, transpile
from qiskit.circuit import Parameter
from qiskit.circuit.classical import expr, types
from qiskit.circuit.library import GlobalPhaseGate
from qiskit.quantum_info import SparsePauliOp, Statevector

from qiskit_oqtopus import (
    DeviceSnapshot,
    EstimatorV2,
    OqtopusCircuitError,
    OqtopusJobCancelledError,
    QulacsBackend,
    SamplerV2,
)
from qiskit_oqtopus.simulator.compile import control_flow
from qiskit_oqtopus.simulator.compile import product as compile_product
from qiskit_oqtopus.simulator.engines import product, run
from qiskit_oqtopus.simulator.noise.model import NoiseModel
from tests.circuits import assert_drawn_from
from tests.devices import chip_device, chip_facts
from tests.noisy_reference import distribution

pytestmark = [
    pytest.mark.chooses,
    pytest.mark.filterwarnings("ignore::qiskit_oqtopus.exceptions.OqtopusWarning"),
]

SHOTS = 4000


def snapshot(rows, columns):
    return DeviceSnapshot.from_device(chip_device(rows, columns), chip_facts(rows, columns))


@pytest.fixture(scope="module")
def twin():
    return QulacsBackend.from_snapshot(snapshot(12, 12), seed=5)


@pytest.fixture(scope="module")
def ideal():
    return QulacsBackend(num_qubits=144, seed_simulator=5)


def decay(qubits, num_qubits=144):
    """A point of T1 on some qubits."""
    circuit = QuantumCircuit(num_qubits, len(qubits))
    circuit.x(qubits)
    circuit.barrier()
    circuit.delay(20, qubits, unit="us")
    circuit.measure(qubits, range(len(qubits)))
    return circuit


def bell_pairs(number):
    circuit = QuantumCircuit(2 * number)
    circuit.h(range(number))
    circuit.cx(range(number), range(number, 2 * number))
    circuit.measure_all()
    return circuit


def ones(result, bits, index=0):
    """How often each bit is 1."""
    counts = result.get_counts(index)
    return [sum(n for key, n in counts.items() if key[-1 - bit] == "1") for bit in range(bits)]


def test_all_qubits_of_a_chip_decay_as_they_do_alone(twin):
    result = twin.run(decay(range(144)), shots=SHOTS, memory=True).result()
    found = ones(result, 144)
    model = NoiseModel.from_target(twin.target)
    for qubit in range(0, 144, 9):
        p = _one(model, qubit)
        assert_drawn_from({0: SHOTS - found[qubit], 1: found[qubit]}, {0: 1 - p, 1: p})
    memory = result.get_memory()
    assert len(memory) == SHOTS
    assert ones_of(memory, 3) == found[3]


def ones_of(memory, bit):
    return sum(key[-1 - bit] == "1" for key in memory)


def _one(model, qubit):
    """Return the probability of reading 1 at the end of ``decay``, from the reference."""
    exact = distribution(decay([0], 1), _Moved(model, qubit))
    return exact.get(1, 0.0)


class _Moved:
    """The noise of one qubit of a model, as that of qubit 0."""

    def __init__(self, model, qubit):
        self.lifetimes = (model.lifetimes[qubit],)
        self.assignment = {0: model.assignment[qubit]}
        self.preparations = model.preparations
        self.instructions = {
            name: {(0,): table[qubit,]}
            for name, table in model.instructions.items()
            if (qubit,) in table
        }
        self.operation = lambda name, qubits: model.operation(name, [qubit])


def test_correlations_inside_of_parts_stay_and_there_are_none_between(ideal):
    circuit = transpile(bell_pairs(72), ideal, seed_transpiler=1)
    counts = ideal.run(circuit, shots=SHOTS).result().get_counts()
    assert sum(counts.values()) == SHOTS
    joint = dict.fromkeys(range(4), 0)
    for key, n in counts.items():
        bits = [int(bit) for bit in reversed(key)]
        assert bits[:72] == bits[72:]
        joint[bits[0] + 2 * bits[50]] += n
    assert_drawn_from(joint, dict.fromkeys(range(4), 0.25))


def test_registers_and_unmeasured_bits_come_back_where_they_were(ideal):
    circuit = QuantumCircuit(144, 200)
    circuit.x(range(0, 144, 2))
    circuit.measure(range(144), range(199, 55, -1))
    (key,) = ideal.run(circuit, shots=10).result().get_counts()
    assert key == "10" * 72 + "0" * 56


# -- seeds ----------------------------------------------------------------------------------------


def test_a_seed_gives_the_same_counts_for_any_executor_and_chunk(twin, ideal):
    for backend, circuits in (
        (twin, [decay(range(k)) for k in (20, 40, 144)]),
        (ideal, [bell_pairs(k) for k in (12, 30, 72)]),
    ):
        runs = [backend.run(circuits, shots=500, seed_simulator=3, memory=True).result()]
        with ThreadPoolExecutor(2) as pool:
            for size in (1, 2):
                job = backend.run(
                    circuits,
                    shots=500,
                    seed_simulator=3,
                    memory=True,
                    executor=pool,
                    max_job_size=size,
                )
                runs.append(job.result())
        for index in range(3):
            found = [(each.get_counts(index), each.get_memory(index)) for each in runs]
            assert found[0] == found[1] == found[2]
        other = backend.run(circuits, shots=500, seed_simulator=4).result()
        assert other.get_counts(2) != runs[0].get_counts(2)


@pytest.mark.slow
@pytest.mark.parametrize("threads", [1, 2])
def test_a_seed_gives_the_same_counts_in_other_processes(twin, ideal, threads):
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        for backend, circuits in (
            (twin, [decay(range(k)) for k in (20, 144)]),
            (ideal, [bell_pairs(k) for k in (12, 72)]),
        ):
            here = backend.run(circuits, shots=500, seed_simulator=3, memory=True).result()
            there = backend.run(
                circuits,
                shots=500,
                seed_simulator=3,
                memory=True,
                executor=pool,
                max_job_size=1,
                max_parallel_threads=threads,
            ).result()
            for index in range(2):
                assert here.get_counts(index) == there.get_counts(index)
                assert here.get_memory(index) == there.get_memory(index)


def test_another_part_does_not_change_the_draws_of_the_others(twin):
    one, two = [
        ones(twin.run(decay(qubits), shots=1000, seed_simulator=9).result(), 30)
        for qubits in (list(range(2, 32)), [*range(2, 32), 50, 60])
    ]
    assert one == two


def test_circuits_of_a_job_have_draws_of_their_own(twin):
    result = twin.run([decay(range(30))] * 2, shots=1000, seed_simulator=9).result()
    assert ones(result, 30, 0) != ones(result, 30, 1)


def test_product_plans_pickle(ideal):
    compiled = ideal._compile([bell_pairs(30)], ideal._check_values({**ideal.options}))
    (outcome,) = run.run_chunk(pickle.loads(pickle.dumps(compiled)), 0, run.Settings(100, 7))
    assert sum(outcome.counts[1]) == 100


def test_more_shots_than_are_paired_at_once_go_in_blocks(ideal, monkeypatch):
    monkeypatch.setattr(product, "BLOCK_SHOTS", 1000)
    circuit = QuantumCircuit(144, 2)
    circuit.ry(1.0, range(144))
    circuit.measure([5, 77], [0, 1])
    result = ideal.run(circuit, shots=SHOTS + 1, memory=True).result()
    p = math.sin(0.5) ** 2
    exact = {0: (1 - p) ** 2, 1: p * (1 - p), 2: p * (1 - p), 3: p * p}
    counts = {int(key, 2): n for key, n in result.get_counts().items()}
    assert sum(counts.values()) == SHOTS + 1
    assert_drawn_from(counts, exact)
    assert len(result.get_memory()) == SHOTS + 1


# -- states and expectation values ----------------------------------------------------------------


def product_state():
    """Twelve qubits in three parts, with a global phase."""
    circuit = QuantumCircuit(12, global_phase=0.7)
    for start in range(3):
        for qubit in range(start, 12, 3):
            circuit.ry(0.3 + qubit, qubit)
        for qubit in range(start, 9, 3):
            circuit.cx(qubit, qubit + 3)
            circuit.rz(0.2 * qubit, qubit + 3)
    return circuit


def always(monkeypatch):
    monkeypatch.setattr(compile_product, "whole_cost", lambda plan, noisy: math.inf)


def test_the_state_vector_is_the_product_with_its_global_phase(monkeypatch):
    always(monkeypatch)
    circuit = product_state()
    result = QulacsBackend(num_qubits=12).run(circuit, shots=1, statevector=True).result()
    np.testing.assert_allclose(result.get_statevector(), Statevector(circuit).data, atol=1e-12)


def test_loops_with_a_phase_in_each_iteration(monkeypatch):
    always(monkeypatch)
    monkeypatch.setattr(control_flow, "WRITTEN_SIZE", 0)
    circuit = QuantumCircuit(12)
    circuit.h(range(12))
    expected = circuit.copy()
    angle = Parameter("a")
    with circuit.for_loop(range(3), angle):
        circuit.rx(angle, 3)
        circuit.p(0.3, 4)
        circuit.cx(5, 7)
        circuit.append(GlobalPhaseGate(angle), [])
    for value in range(3):
        expected.rx(value, 3)
        expected.p(0.3, 4)
        expected.cx(5, 7)
        expected.global_phase += value
    result = QulacsBackend(num_qubits=12).run(circuit, shots=1, statevector=True).result()
    np.testing.assert_allclose(result.get_statevector(), Statevector(expected).data, atol=1e-12)


def test_a_product_state_that_does_not_fit_says_so(ideal, twin):
    with pytest.raises(OqtopusCircuitError, match=r"all 144 qubits, which needs over 2\^149 bytes"):
        ideal.run(bell_pairs(72), statevector=True)
    circuit = bell_pairs(72).remove_final_measurements(inplace=False)
    with pytest.raises(OqtopusCircuitError, match=r"density matrix of 144 qubits needs over 2\^29"):
        twin.run(decay(range(144)), density_matrix=True)
    values = EstimatorV2(ideal).run([(circuit, SparsePauliOp("Z" * 144))]).result()[0].data
    assert values.evs == pytest.approx(1.0)


def test_the_density_matrix_of_some_qubits_of_a_chip(twin):
    whole = twin.run(decay(range(144)), density_matrix=[100, 3]).result()
    alone = twin.run(decay([3, 100]), density_matrix=[100, 3]).result()
    np.testing.assert_allclose(
        whole.data(0)["density_matrix"], alone.data(0)["density_matrix"], atol=1e-12
    )
    assert sum(whole.get_counts().values()) == whole.results[0].shots


def test_expectation_values_are_products_of_those_of_the_parts(ideal, twin):
    angles = np.linspace(0, 3, 144)
    circuit = QuantumCircuit(144)
    for qubit, angle in enumerate(angles[:140]):
        circuit.ry(angle, qubit)
    circuit.cx(0, 50)
    labels = [("ZZ", [1, 139], 2.0), ("XZ", [7, 8], 0.5), ("Z", [143], 1.0), ("X", [142], 9.0)]
    observable = SparsePauliOp.from_sparse_list(labels, num_qubits=144)
    all_z = SparsePauliOp("Z" * 40 + "I" * 104)
    values = EstimatorV2(ideal).run([(circuit, [observable, all_z])]).result()[0].data.evs
    c, s = np.cos(angles), np.sin(angles)
    np.testing.assert_allclose(
        values, [2 * c[1] * c[139] + 0.5 * s[7] * c[8] + 1.0, np.prod(c[104:140])], atol=1e-12
    )
    noisy = decay(range(144)).remove_final_measurements(inplace=False)
    pair = SparsePauliOp.from_sparse_list([("ZZ", [3, 100], 1.0)], num_qubits=144)
    singles = [SparsePauliOp.from_sparse_list([("Z", [q], 1.0)], num_qubits=144) for q in (3, 100)]
    found = EstimatorV2(twin).run([(noisy, [pair, *singles])]).result()[0].data.evs
    assert found[0] == pytest.approx(found[1] * found[2], abs=1e-12)


def test_one_circuit_for_many_parameters(ideal):
    theta = Parameter("theta")
    circuit = QuantumCircuit(40)
    circuit.ry(theta, range(40))
    circuit.rx(theta / 2, range(0, 40, 2))
    circuit.cx(range(0, 40, 2), range(1, 40, 2))
    values = np.linspace(0, 3, 4)
    observable = SparsePauliOp.from_sparse_list([("ZZ", [0, 1], 1.0)], num_qubits=40)
    found = EstimatorV2(ideal).run([(circuit, [observable], values[:, None])]).result()[0]
    np.testing.assert_allclose(found.data.evs, np.cos(values), atol=1e-12)
    measured = circuit.measure_all(inplace=False)
    sampled = SamplerV2(ideal).run([(measured, values)], shots=SHOTS).result()[0].data.meas
    for place, value in enumerate(values):
        bits = sampled[place].slice_bits([0, 1]).get_int_counts()
        equal = bits.get(0, 0) + bits.get(3, 0)
        p = (1 + np.cos(value)) / 2
        assert_drawn_from({0: equal, 1: SHOTS - equal}, {0: p, 1: 1 - p})


# -- what does not fit ----------------------------------------------------------------------------


def connected(qubits, num_qubits=144):
    circuit = QuantumCircuit(num_qubits)
    circuit.h(range(num_qubits))
    circuit.cx(qubits[:-1], qubits[1:])
    circuit.t(qubits[0])  # Clifford circuits of this width can be run
    circuit.measure_all()
    return circuit


def problem_of(backend, circuit, **options):
    with pytest.raises(OqtopusCircuitError) as caught:
        backend.run(circuit, **options)
    (problem,) = caught.value.problems
    return problem


def test_the_largest_part_is_named_with_what_it_needs(ideal, twin):
    for backend, circuit in (
        (ideal, connected(list(range(100, 50, -1)))),
        (twin, transpile(connected(list(range(48, 96))), twin, optimization_level=0)),
    ):
        problem = problem_of(backend, circuit)
        assert "independent parts" in problem.reason
        assert "qubits 48, 49," in problem.reason or "qubits 51, 52," in problem.reason
        assert "and 34 others" in problem.reason or "and 32 others" in problem.reason
        assert "over 2^" in problem.reason
        assert not any(len(word) > 20 for word in str(problem).split() if word.isdigit())
        assert "BatchExperiment" in problem.cure
        assert "max_memory_mb" not in problem.cure  # no machine has that much


def test_max_memory_mb_is_mentioned_where_it_could_help(ideal):
    circuit = connected(list(range(22)))
    problem = problem_of(ideal, circuit, max_memory_mb=20)
    assert "qubits 0, 1, 2" in problem.reason
    assert "raise max_memory_mb" in problem.cure
    assert ideal.run(circuit, max_memory_mb=500, shots=5).result().success


def test_shots_that_cannot_be_joined_are_refused_with_numbers(ideal):
    problem = problem_of(ideal, bell_pairs(72), shots=10**9)
    assert "144 bits in each of 1,000,000,000 shots, needs" in problem.reason
    assert problem.cure == "use fewer shots"
    problem = problem_of(ideal, bell_pairs(72), shots=2**62)
    assert "at most 68,719,476,736 shots" in problem.reason
    problem = problem_of(ideal, bell_pairs(72), shots=10**6, max_memory_mb=50)
    assert "raise max_memory_mb" in problem.cure


def test_few_outcomes_of_many_shots_are_no_problem(ideal):
    circuit = QuantumCircuit(144, 2)
    circuit.h(range(144))
    circuit.measure([0, 143], [0, 1])
    counts = ideal.run(circuit, shots=10**8).result().get_counts()
    assert_drawn_from({int(k, 2): n for k, n in counts.items()}, dict.fromkeys(range(4), 0.25))


def test_a_job_is_cancelled_between_parts(ideal, monkeypatch):
    reached, go_on = threading.Event(), threading.Event()
    real = product.run_plan

    def slow(*arguments):
        reached.set()
        go_on.wait(5)
        return real(*arguments)

    monkeypatch.setattr(product, "run_plan", slow)
    job = ideal.run(bell_pairs(72), shots=10)
    assert reached.wait(5)
    job.cancel()
    go_on.set()
    with pytest.raises(OqtopusJobCancelledError):
        job.result()


def test_a_part_that_fails_fails_the_circuit(ideal):
    circuit = QuantumCircuit(144, 1)
    circuit.h(range(144))
    number = circuit.add_var("n", expr.lift(0, types.Uint(4)))
    circuit.store(number, expr.div(expr.lift(3, types.Uint(4)), number))
    with circuit.if_test(expr.equal(number, 1)):
        circuit.measure(5, 0)
    other = bell_pairs(30)
    result = ideal.run([circuit, other], shots=10).result()
    assert [entry.success for entry in result.results] == [False, True]
    assert "ZeroDivisionError" in result.results[0].status
