"""Branches that differ in nothing any more are merged: their number, and the counts."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from qiskit import QuantumCircuit
from qiskit.circuit.classical import expr, types

from qiskit_oqtopus import QulacsBackend
from qiskit_oqtopus.simulator.engines import ensemble
from qiskit_oqtopus.simulator.engines.branches import Branches
from qiskit_oqtopus.simulator.engines.dynamic import DynamicRun
from qiskit_oqtopus.simulator.engines.ensemble import Batch, ensemble_of
from qiskit_oqtopus.simulator.noise.model import NoiseModel
from tests import noisy_reference
from tests.circuits import assert_drawn_from
from tests.dynamic_reference import distribution
from tests.noisy import DT, random_target

BACKEND = QulacsBackend(shots=1000, seed_simulator=4)


def integer_counts(result):
    return {int(key, 16): count for key, count in result.data(0)["counts"].items()}


def rounds_of_feed_forward(rounds=3):
    """16 outcomes after each round, whatever the outcomes of the rounds before were."""
    circuit = QuantumCircuit(5, 5)
    for _ in range(rounds):
        circuit.h(range(5))
        for qubit in range(4):
            circuit.measure(qubit, qubit)
            with circuit.if_test((circuit.clbits[qubit], 1)):
                circuit.x(qubit + 1)
        circuit.reset(4)
    circuit.measure(range(5), range(5))
    return circuit


def repetition_code(distance, rounds):
    """Syndromes of a repetition code, written over in each round; a bit may flip in each."""
    data, ancillas = range(distance), range(distance, 2 * distance - 1)
    coin = 2 * distance - 1
    circuit = QuantumCircuit(2 * distance, 2 * distance - 1)
    circuit.ry(0.7, 0)
    for qubit in data[1:]:
        circuit.cx(0, qubit)
    for number in range(rounds):
        circuit.ry(0.9, coin)
        circuit.cx(coin, number % distance)
        circuit.reset(coin)
        for place, ancilla in enumerate(ancillas):
            circuit.cx(place, ancilla)
            circuit.cx(place + 1, ancilla)
            circuit.measure(ancilla, place)
            circuit.reset(ancilla)
    circuit.measure(data, range(distance - 1, 2 * distance - 1))
    return circuit


@pytest.fixture
def widest(monkeypatch):
    """Return the largest number of branches that stood at a step so far."""
    numbers = []
    step = DynamicRun._step

    def look(self, group, at):
        numbers.append(len(group))
        return step(self, group, at)

    monkeypatch.setattr(DynamicRun, "_step", look)
    return lambda: max(numbers)


@pytest.fixture(params=["batch", "states"])
def kind(request, monkeypatch):
    """Which of the two forms of state vectors branches have."""
    if request.param == "states":
        monkeypatch.setattr(ensemble, "BATCH_QUBITS", 0)


@pytest.mark.usefixtures("kind")
def test_outcomes_that_are_written_over_are_forgotten(widest):
    circuit = rounds_of_feed_forward()
    result = BACKEND.run(circuit, method="statevector").result()
    assert widest() <= 32  # 16, and twice as many while one more qubit is measured
    # False alarms: below 1e-6, as wherever assert_drawn_from is used.
    assert_drawn_from(integer_counts(result), distribution(rounds_of_feed_forward(1)))


@pytest.mark.parametrize(("distance", "states"), [(3, 8), (5, 32)])
def test_syndrome_rounds_keep_as_many_branches_as_there_are_syndromes(distance, states, widest):
    circuit = repetition_code(distance, 2 * distance)
    BACKEND.run(circuit, shots=2000, method="statevector").result()
    # A syndrome and its complement belong to two states; a reset doubles their number at most,
    # and a syndrome that is about to be written over is still there.
    assert widest() <= 2 * 2 * states


@pytest.mark.usefixtures("kind")
def test_counts_of_syndrome_rounds():
    circuit = repetition_code(2, 4)
    result = BACKEND.run(circuit, shots=20000, method="statevector").result()
    assert_drawn_from(integer_counts(result), distribution(circuit))


STATEMENTS = st.lists(
    st.tuples(
        st.sampled_from(["h", "ry", "cx", "measure", "measure", "reset", "if", "store"]),
        st.integers(0, 2),
        st.integers(0, 1),
    ),
    min_size=4,
    max_size=16,
)


def forgetful(statements):
    """Return a circuit of three qubits whose two bits are written again and again."""
    circuit = QuantumCircuit(3, 2)
    number = circuit.add_var("number", expr.lift(0, types.Uint(2)))
    for name, qubit, clbit in statements:
        if name == "h":
            circuit.h(qubit)
        elif name == "ry":
            circuit.ry(0.8, qubit)
        elif name == "cx":
            circuit.cx(qubit, (qubit + 1) % 3)
        elif name == "measure":
            circuit.measure(qubit, clbit)
        elif name == "reset":
            circuit.reset(qubit)
        elif name == "if":
            with circuit.if_test((circuit.clbits[clbit], 1)):
                circuit.x(qubit)
        else:
            with circuit.if_test((circuit.clbits[clbit], 1)):
                circuit.store(number, expr.add(number, expr.lift(1, types.Uint(2))))
    with circuit.if_test(expr.equal(number, 1)):
        circuit.x(0)
    circuit.measure([0, 1], [0, 1])
    return circuit


# 100 examples of at most four bins: false alarms below 1e-6 in all of them together.
@pytest.mark.parametrize("qubits", [0, 6])
@settings(
    max_examples=100,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(statements=STATEMENTS)
def test_counts_of_circuits_that_forget(qubits, monkeypatch, statements):
    monkeypatch.setattr(ensemble, "BATCH_QUBITS", qubits)
    circuit = forgetful(statements)
    assert_drawn_from(integer_counts(BACKEND.run(circuit).result()), distribution(circuit))


@pytest.mark.filterwarnings("ignore::qiskit_oqtopus.exceptions.OqtopusWarning")
@pytest.mark.parametrize("method", ["density_matrix", "trajectories"])
def test_counts_and_branches_with_noise(method, widest):
    target = random_target(np.random.default_rng(8), 2)
    circuit = QuantumCircuit(2, 2)
    for _ in range(6):
        circuit.sx(0)
        circuit.cx(0, 1)
        circuit.measure([0, 1], [0, 1])
        with circuit.if_test((circuit.clbits[1], 1)):
            circuit.x(1)
        circuit.reset([0, 1])
    circuit.sx(0)
    circuit.measure([0, 1], [0, 1])
    twin = QulacsBackend.from_target(target, seed=1)
    result = twin.run(circuit, shots=4000, method=method).result()
    exact = noisy_reference.distribution(circuit, NoiseModel.from_target(target), DT)
    assert_drawn_from(integer_counts(result), exact)
    assert widest() <= 160  # bits, and what noise makes of two qubits; a thousand otherwise


def test_the_same_seed_gives_the_same_counts_wherever_it_runs():
    circuits = [rounds_of_feed_forward(), repetition_code(3, 3), rounds_of_feed_forward(2)]
    expected = BACKEND.run(circuits).result().get_counts()
    with ThreadPoolExecutor(2) as executor:
        for size in (1, 2):
            job = BACKEND.run(circuits, executor=executor, max_job_size=size)
            assert job.result().get_counts() == expected


def branches(rows, bits, variables=None, counters=None, num_qubits=2):
    rows = np.array(rows, dtype=complex)
    number = len(rows)
    return Branches(
        ensemble_of(rows, num_qubits),
        list(bits),
        list(variables or [()] * number),
        list(counters or [()] * number),
        np.arange(1, number + 1),
    )


PLUS, MINUS = [0.5, 0.5, 0.5, 0.5], [0.5, -0.5, 0.5, -0.5]


@pytest.mark.usefixtures("kind")
def test_a_phase_makes_no_difference():
    turned = np.exp(1.1j) * np.array(PLUS) + 3e-13
    merged, looked = branches([PLUS, MINUS, turned, PLUS], [1, 1, 1, 2]).merge()
    assert looked == 3
    assert merged.bits == [1, 1, 2]
    assert merged.shots.tolist() == [1 + 3, 2, 4]
    np.testing.assert_allclose(merged.states.vector(0), PLUS, atol=1e-12)
    np.testing.assert_allclose(merged.states.vector(1), MINUS, atol=1e-12)


@pytest.mark.usefixtures("kind")
@pytest.mark.parametrize(
    "group",
    [
        lambda: branches([PLUS, PLUS], [0, 1]),
        lambda: branches([PLUS, PLUS], [1, 1], variables=[(0, 2), (0, 3)]),
        lambda: branches([PLUS, PLUS], [1, 1], counters=[(0,), (1,)]),
        lambda: branches([PLUS, MINUS], [1, 1]),
        lambda: branches([PLUS, np.add(PLUS, [4e-12, 0, -4e-12, 0])], [1, 1]),
        lambda: branches([PLUS, [0.5, 0.5j, 0.5, 0.5j]], [1, 1]),
    ],
    ids=["bits", "variables", "counters", "states", "nearly", "phases"],
)
def test_what_differs_in_anything_stays_apart(group):
    assert len(group().merge()[0]) == 2


def test_looks_in_vain_become_rare(monkeypatch):
    looks = []
    fingerprints = Batch.fingerprints

    def look(self, of):
        looks.append(len(of))
        return fingerprints(self, of)

    monkeypatch.setattr(Batch, "fingerprints", look)
    circuit = QuantumCircuit(2, 1)
    for number in range(60):
        # The other qubit remembers all that is forgotten.
        circuit.ry(0.1 + 0.01 * number, 0)
        circuit.cry(0.3 + 0.02 * number, 0, 1)
        circuit.rx(0.3, 1)
        circuit.measure(0, 0)
        circuit.ry(0.4, 0)
    circuit.measure(0, 0)
    BACKEND.run(circuit, shots=300).result()
    assert 2 <= len(looks) < 25
