"""Loops: counted or written out, the result is the same, and run() takes no time for either."""

import time

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.circuit import AnnotatedOperation, Gate, Parameter, PowerModifier
from qiskit.circuit.classical import expr, types
from qiskit.circuit.library import PauliEvolutionGate
from qiskit.providers import JobStatus
from qiskit.providers.fake_provider import GenericBackendV2
from qiskit.quantum_info import SparsePauliOp

from qiskit_oqtopus import OqtopusCircuitError, OqtopusJobTimeoutError, QulacsBackend
from qiskit_oqtopus.simulator.compile import control_flow
from qiskit_oqtopus.simulator.compile.compile import compile_circuit
from tests.circuits import assert_drawn_from
from tests.dynamic_reference import distribution

BACKEND = QulacsBackend(num_qubits=3, seed_simulator=5)


@pytest.fixture
def counted(monkeypatch):
    """Let every loop be counted that can be."""
    monkeypatch.setattr(control_flow, "WRITTEN_SIZE", 0)


def nested(first, second):
    """Gates that only move amplitudes: first * second flips."""
    circuit = QuantumCircuit(1, 1)
    with circuit.for_loop(range(first)), circuit.for_loop(range(second)):
        circuit.x(0)
    circuit.measure(0, 0)
    return circuit


def angles(first, second):
    """Angles, phases and definitions that depend on two loops, and a parameter used twice."""
    circuit = QuantumCircuit(3, global_phase=0.1)
    circuit.h([0, 1, 2])
    theta = Parameter("theta")
    own = QuantumCircuit(2, name="own", global_phase=theta / 3)
    own.crx(theta * theta, 0, 1)
    own.p(1 - theta, 0)
    with circuit.for_loop(range(first)) as i:
        circuit.rz(0.3 * i + 0.1, 0)
        with circuit.for_loop([2, 7, -1] * second) as j:
            circuit.u(0.1 * i * j, i - j, 0.2, 1)
            circuit.append(own.to_gate({theta: 0.05 * (i + 2 * j)}), [2, 0])
            circuit.cx(0, 1)
            circuit.ryy(np.pi / 7, 1, 2)
        circuit.rzz(i, 0, 2)
    return circuit


def same_parameter(number):
    """The parameter of a loop means another one in the loop inside."""
    turn = Parameter("turn")
    inner = QuantumCircuit(1)
    inner.rx(0.1 * turn, 0)
    body = QuantumCircuit(1)
    body.ry(0.2 * turn, 0)
    body.for_loop(range(5, 5 + number), turn, inner, [0], [])
    body.rz(0.3 * turn, 0)
    circuit = QuantumCircuit(1)
    circuit.for_loop(range(number), turn, body, [0], [])
    return circuit


@pytest.mark.parametrize("circuit", [angles(3, 2), angles(2, 1), same_parameter(3)])
def test_counted_and_written_loops_have_the_same_state(circuit, monkeypatch):
    states = []
    for size in (0, 10**9):
        monkeypatch.setattr(control_flow, "WRITTEN_SIZE", size)
        plan, _ = compile_circuit(circuit)
        assert plan.is_static == (size > 0)
        states.append(BACKEND.run(circuit, statevector=True).result().data(0)["statevector"])
    np.testing.assert_allclose(states[0], states[1], atol=1e-12)


def everything(first, second):
    """Measurements, resets, branches, variables, break and continue inside of two loops."""
    circuit = QuantumCircuit(2, 3)
    tries = circuit.add_var("tries", expr.lift(0, types.Uint(4)))
    with circuit.for_loop(range(first)) as i:
        circuit.ry(0.7 + 0.4 * i, 0)
        with circuit.for_loop(range(second)) as j:
            circuit.rx(0.9 * (i + 1) * (j + 1), 1)
            circuit.measure(1, 0)
            with circuit.if_test((0, 1)) as otherwise:
                circuit.rz(i - j, 0)
                circuit.continue_loop()
            with otherwise:
                circuit.cx(0, 1)
            circuit.measure(0, 1)
            with circuit.switch(expr.bit_and(circuit.cregs[0], 3)) as case:
                with case(2):
                    circuit.ry(0.3 * j, 0)
                    circuit.break_loop()
                with case(case.DEFAULT):
                    circuit.h(0)
            circuit.store(tries, expr.add(tries, 1))
        with circuit.while_loop((0, 1)):
            circuit.reset(1)
            circuit.measure(1, 0)
        with circuit.if_test(expr.greater(tries, 2)):
            circuit.x(1)
            circuit.break_loop()
    circuit.measure([0, 1], [1, 2])
    return circuit


@pytest.mark.parametrize("sizes", [(2, 2), (1, 3), (3, 1)])
@pytest.mark.usefixtures("counted")
def test_whatever_is_inside_of_counted_loops(sizes):
    circuit = everything(*sizes)
    counts = BACKEND.run(circuit, shots=20_000).result().data(0)["counts"]
    assert_drawn_from({int(key, 16): n for key, n in counts.items()}, distribution(circuit))


def loops_of_depth(depth, number):
    circuit = QuantumCircuit(2, 2)

    def add(left, turns):
        with circuit.for_loop(range(number)) as turn:
            if left > 1:
                add(left - 1, [*turns, turn])
                return
            circuit.rx(0.1 * sum([*turns, turn]), 0)
            circuit.cx(0, 1)
            circuit.measure(1, 0)
            with circuit.if_test((0, 1)):
                circuit.rz(turn, 0)

    add(depth, [])
    circuit.measure([0, 1], [0, 1])
    return circuit


LONG = [nested(1000, 10**6), angles(1000, 1000), loops_of_depth(3, 100)]


@pytest.mark.parametrize("circuit", LONG, ids=["flips", "angles", "three levels"])
@pytest.mark.parametrize("method", ["statevector", "density_matrix", "trajectories"])
def test_long_loops_take_no_time_before_there_is_a_job(circuit, method):
    circuit = circuit.copy()
    if not circuit.num_clbits:
        circuit.measure_all()
    # Shots that go ways of their own would be many states.
    start = time.monotonic()
    job = BACKEND.run(circuit, method=method, shots=2)
    assert time.monotonic() - start < 1  # about 0.05 s; written out, minutes
    start = time.monotonic()
    with pytest.raises(OqtopusJobTimeoutError):
        job.result(timeout=0.1)
    job.cancel()
    job.wait_for_final_state(timeout=10)
    assert time.monotonic() - start < 2
    assert job.status() is JobStatus.CANCELLED


def test_long_loops_with_everything_inside():
    plan, _ = compile_circuit(everything(10**6, 10**6))
    assert len(plan.steps) < 100


def test_a_thousand_times_a_thousand():
    assert BACKEND.run(nested(1000, 1001), shots=9).result().get_counts() == {"0": 9}
    assert BACKEND.run(nested(1001, 1001), shots=9).result().get_counts() == {"1": 9}


@pytest.fixture(scope="module")
def twin():
    generic = GenericBackendV2(3, seed=3, control_flow=True)
    return QulacsBackend.from_backend(generic, seed=2)


def on_a_twin(first, second):
    circuit = QuantumCircuit(3, 1)
    with circuit.for_loop(range(first)) as i:
        circuit.rz(0.4 * i, 0)
        circuit.sx(0)
        with circuit.for_loop(range(second)) as j:
            circuit.rz(0.3 * i * j, 1)
            circuit.sx(1)
            circuit.cx(0, 1)
        circuit.delay(3, 2, unit="us")
    return circuit


@pytest.mark.filterwarnings("ignore::qiskit_oqtopus.exceptions.OqtopusWarning")
def test_counted_loops_have_the_noise_of_written_ones(twin, monkeypatch):
    matrices, counts = [], []
    for size in (0, 10**9):
        monkeypatch.setattr(control_flow, "WRITTEN_SIZE", size)
        circuit = on_a_twin(3, 4)
        matrices.append(twin.run(circuit, density_matrix=True).result().data(0)["density_matrix"])
        circuit.measure(1, 0)
        job = twin.run(circuit, method="trajectories", shots=20_000)
        counts.append(job.result().data(0)["counts"])
    np.testing.assert_allclose(matrices[0], matrices[1], atol=1e-12)
    share = abs(matrices[1].reshape((2,) * 6)[:, 1, :, :, 1, :].trace(axis1=0, axis2=2).trace())
    error = max(instruction.error for instruction in twin.target["measure"].values())
    for each in counts:
        assert each["0x1"] / 20_000 == pytest.approx(share, abs=5 * 0.5 / 20_000**0.5 + error)


@pytest.mark.filterwarnings("ignore::qiskit_oqtopus.exceptions.OqtopusWarning")
def test_long_loops_on_a_twin(twin):
    circuit = on_a_twin(1000, 1000)
    circuit.measure(1, 0)
    start = time.monotonic()
    job = twin.run(circuit)
    assert time.monotonic() - start < 1
    start = time.monotonic()
    job.cancel()
    job.wait_for_final_state(timeout=10)
    assert time.monotonic() - start < 2


def evolutions(number):
    time = Parameter("time")
    body = QuantumCircuit(2)
    body.append(PauliEvolutionGate(SparsePauliOp(["XX", "ZI"]), 0.01 * time), [0, 1])
    circuit = QuantumCircuit(2)
    circuit.for_loop(range(number), time, body, [0, 1], [])
    return circuit


def test_what_must_be_written_out_has_a_bound():
    plan, _ = compile_circuit(evolutions(10))
    assert len(plan.operations) % 10 == 0  # Qiskit 2.0 makes two of each evolution
    outer = QuantumCircuit(2)
    with outer.for_loop(range(10**9)):
        outer.compose(evolutions(10), inplace=True)
    assert compile_circuit(outer)[0] is not None
    with pytest.raises(OqtopusCircuitError) as caught:
        BACKEND.run(evolutions(10**6))
    (problem,) = caught.value.problems
    assert problem.instruction == "for_loop"
    assert "1,000,000 times, since its 'PauliEvolution' depends" in problem.reason
    assert f"{control_flow.BOUND_ITERATIONS:,}" in problem.reason


def test_many_loops_in_one_circuit():
    circuit = QuantumCircuit(1, 1)
    for _ in range(20):
        with circuit.for_loop(range(4000)):
            circuit.x(0)
    with circuit.for_loop(range(4001)):
        circuit.x(0)
    circuit.measure(0, 0)
    plan, _ = compile_circuit(circuit)
    assert sum(len(step[1]) for step in plan.steps if step[0] == "unitary") < 10_000
    assert BACKEND.run(circuit, shots=9).result().get_counts() == {"1": 9}


def chain(levels, times):
    """A gate whose definition has another one several times, and so on."""
    gate = Gate("x", 1, [])
    gate.definition = QuantumCircuit(1)
    gate.definition.x(0)
    for _ in range(levels):
        inner, gate = gate, Gate("link", 1, [])
        gate.definition = QuantumCircuit(1)
        for _ in range(times):
            gate.definition.append(inner, [0], copy=False)
    circuit = QuantumCircuit(1)
    circuit.append(gate, [0], copy=False)
    return circuit


@pytest.mark.parametrize(
    ("levels", "times", "reason"),
    [(3, 100, "over 1,000 instructions"), (3000, 1, "nested too deeply")],
)
def test_definitions_that_are_too_long_or_too_deep(levels, times, reason, monkeypatch):
    monkeypatch.setattr("qiskit_oqtopus.simulator.compile.general.MAX_WRITTEN", 1000)
    with pytest.raises(OqtopusCircuitError, match=reason):
        BACKEND.run(chain(levels, times))


def test_powers_have_a_bound():
    body = QuantumCircuit(8)
    body.h(range(8))
    body.cx(0, 7)
    circuit = QuantumCircuit(8)
    circuit.append(AnnotatedOperation(body.to_gate(), [PowerModifier(10**9)]), range(8))
    with pytest.raises(OqtopusCircuitError, match="its power 1,000,000,000 would be written out"):
        BACKEND.run(circuit)


def test_an_angle_without_a_value_fails_its_circuit():
    circuit = QuantumCircuit(1, 1)
    with circuit.for_loop(range(10_000)) as turn:
        circuit.rx(1 / (turn - 5), 0)
    circuit.measure(0, 0)
    job = BACKEND.run(circuit)
    job.wait_for_final_state()
    assert job.status() is JobStatus.ERROR
    assert "no finite value" in job.error_message()


def test_evolutions_that_depend_on_two_loops():
    hamiltonian = SparsePauliOp(["XX", "ZI", "IY"], [1.0, 0.3, 0.7])
    theta = Parameter("theta")
    own = QuantumCircuit(2, name="own")
    own.append(PauliEvolutionGate(hamiltonian, theta), [0, 1])
    own.rz(theta, 0)
    circuit, expected = QuantumCircuit(2), QuantumCircuit(2)
    with circuit.for_loop(range(3)) as i, circuit.for_loop(range(1, 3)) as j:
        circuit.append(own.to_gate({theta: 0.1 * i * j + 0.05}), [1, 0])
        circuit.ry(0.2 * j - i, 0)
    for i in range(3):
        for j in range(1, 3):
            expected.compose(own.assign_parameters([0.1 * i * j + 0.05]), [1, 0], inplace=True)
            expected.ry(0.2 * j - i, 0)
    states = [
        BACKEND.run(each, statevector=True).result().data(0)["statevector"]
        for each in (circuit, expected)
    ]
    np.testing.assert_allclose(states[0], states[1], atol=1e-12)
