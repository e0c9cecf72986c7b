"""Trajectories: their averages are those of the density matrix, whatever the noise.

Counts are compared as in the other tests of sampling, at a false-alarm rate below 1e-6 each.
"""

import math

import numpy as np
import pytest
import qulacs

from qiskit_oqtopus import QulacsBackend
from qiskit_oqtopus.simulator.compile import noisy as noisy_compile
from qiskit_oqtopus.simulator.engines import trajectory
from qiskit_oqtopus.simulator.engines.density import Densities
from qiskit_oqtopus.simulator.engines.trajectory import Trajectories
from qiskit_oqtopus.simulator.noise.model import NoiseModel
from qiskit_oqtopus.simulator.state import Cancelled
from tests.circuits import assert_drawn_from
from tests.noisy import DT, random_dynamic, random_static, random_target
from tests.noisy_reference import distribution

SHOTS = 4000


pytestmark = pytest.mark.filterwarnings("ignore::qiskit_oqtopus.exceptions.OqtopusWarning")


def counts_of(simulator, circuit, shots=SHOTS, **options):
    options = {"method": "trajectories", **options}
    data = simulator.run(circuit, shots=shots, **options).result().data(0)
    return {int(key, 16): count for key, count in data["counts"].items()}


def twin_of(target):
    return QulacsBackend.from_target(target, seed=1), NoiseModel.from_target(target)


@pytest.mark.parametrize("seed", range(40))
def test_counts_of_static_circuits(seed, monkeypatch):
    if seed % 2:  # else the tight loop compiles
        monkeypatch.setattr(noisy_compile, "compile_straight", lambda *circuit: None)
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 5))
    twin, model = twin_of(random_target(rng, n))
    circuit = random_static(rng, n)
    circuit.measure_all()
    assert_drawn_from(counts_of(twin, circuit), distribution(circuit, model, DT))


@pytest.mark.parametrize("seed", range(40))
def test_counts_of_dynamic_circuits(seed):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 4))
    twin, model = twin_of(random_target(rng, n))
    circuit = random_dynamic(rng, n)
    assert_drawn_from(counts_of(twin, circuit, 1000), distribution(circuit, model, DT))


RELAXATIONS = {
    "damping alone": (0.3, 0.15),
    "dephasing alone": (0.0, 0.3),
    "T2 above T1": (0.3, 0.2),
    "T2 below T1": (0.3, 0.7),
    "everything is over": (50.0, 80.0),
}


@pytest.mark.parametrize("p", [0.0, 0.2, 16 / 15])
@pytest.mark.parametrize("exponents", RELAXATIONS.values(), ids=RELAXATIONS)
def test_average_states(exponents, p):
    """16 elements, each a mean of numbers of at most 1: 6 sigma, 16 * 2e-9."""
    operations = [
        ("u", 0, 1.1, 0.4, 2.0),
        ("cx", 0, 1),
        ("noise", (0, 1), p, (exponents, (0.1, 0.2))),
        ("rx", 1, 0.7),
        ("noise", (1,), 0.1, (exponents,)),
        ("cx", 1, 0),
        ("noise", (1, 0), p, (exponents, exponents)),
    ]
    states = Densities(2)
    states.apply(operations)
    trajectories = Trajectories(operations, 2)
    average = np.zeros((4, 4), dtype=complex)
    for state, number in trajectories.run(qulacs.QuantumState(2), SHOTS, np.random.default_rng(1)):
        vector = state.get_vector()
        average += number * np.outer(vector, vector.conj()) / np.vdot(vector, vector)
    assert average.trace().real == pytest.approx(SHOTS)
    assert np.abs(average / SHOTS - states.matrix(0, (0, 1))).max() < 6 * 0.7 / SHOTS**0.5


def test_one_state_serves_all_shots_without_noise():
    trajectories = Trajectories([("h", 0), ("cx", 0, 1)], 2)
    found = list(trajectories.run(qulacs.QuantumState(2), 10**9, np.random.default_rng(1)))
    assert [number for _, number in found] == [10**9]
    assert np.allclose(found[0][0].get_vector(), [0.5**0.5, 0, 0, 0.5**0.5])


def test_few_states_are_alive(monkeypatch):
    made = []
    monkeypatch.setattr(
        trajectory.qulacs, "QuantumState", lambda n: made.append(n) or ORIGINAL(n), raising=True
    )
    operations = [("h", 0)] + [("noise", (0,), 0.2, ((0.1, 0.1),)), ("x", 0)] * 20
    shots = 1000
    trajectories = Trajectories(operations, 1)
    total = 0
    for state, number in trajectories.run(ORIGINAL(1), shots, np.random.default_rng(3)):
        trajectories.release(state)
        total += number
    assert total == shots
    assert len(made) <= math.log2(shots) + 2


ORIGINAL = qulacs.QuantumState


def test_shots_come_in_batches_where_there_are_many_events(monkeypatch):
    target = random_target(np.random.default_rng(4), 3)
    twin, model = twin_of(target)
    circuit = random_static(np.random.default_rng(4), 3, 20)
    circuit.measure_all()
    monkeypatch.setattr(trajectory, "_EVENTS", 500)
    assert_drawn_from(counts_of(twin, circuit), distribution(circuit, model, DT))


def test_a_cancelled_run_stops():
    class Set:
        @staticmethod
        def is_set():
            return True

    run = Trajectories([("h", 0)], 1, Set()).run(ORIGINAL(1), 10, np.random.default_rng(1))
    with pytest.raises(Cancelled):
        next(run)
