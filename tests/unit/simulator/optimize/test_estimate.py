"""How much the engines for noise have to do: which one is chosen hangs on it."""

import numpy as np
import pytest
from qiskit import QuantumCircuit

from qiskit_oqtopus.simulator.compile.choose_engine import choose_engine
from qiskit_oqtopus.simulator.compile.noisy import compile_noisy
from qiskit_oqtopus.simulator.engines.dynamic import DynamicRun
from qiskit_oqtopus.simulator.engines.noisy import DensityRun, TrajectoryRun, run_noisy
from qiskit_oqtopus.simulator.memory import Budget, density_bytes
from qiskit_oqtopus.simulator.noise.model import NoiseModel
from qiskit_oqtopus.simulator.optimize.estimate import count_work, estimate
from qiskit_oqtopus.simulator.plan import NoisyPlan
from tests.benchmarks.families import FAMILIES, code, conditional, measured, singles, target

pytestmark = pytest.mark.filterwarnings("ignore::qiskit_oqtopus.exceptions.OqtopusWarning")


def plan_of(circuit):
    plan, problems = compile_noisy(circuit, 0, NoiseModel.from_target(target(circuit.num_qubits)))
    assert not problems
    return plan


def chosen(circuit, shots):
    return choose_engine(plan_of(circuit), "automatic", shots, Budget(density_bytes(14))).method


@pytest.mark.parametrize(
    ("circuit", "shots", "method"),
    [
        # Measurements inside multiply density matrices.
        (code(5, 3), 1000, "trajectories"),
        (measured(6, 24), 1000, "trajectories"),
        (conditional(8, 6), 1000, "trajectories"),
        # Of few qubits they remain small; of many shots each trajectory is another one.
        (measured(4, 12), 100_000, "density_matrix"),
        (code(4, 2), 100_000, "density_matrix"),
        # Gates on one qubit cost a density matrix next to nothing.
        (singles(11, 100), 1000, "density_matrix"),
        (singles(9, 50), 100, "density_matrix"),
        (FAMILIES["bricks-9-20-1000"].build(), 1000, "density_matrix"),
        (FAMILIES["bricks-10-5-1000"].build(), 1000, "trajectories"),
        (FAMILIES["bricks-10-10-100000"].build(), 100_000, "density_matrix"),
    ],
)
def test_the_choice_knows_what_the_engines_do(circuit, shots, method):
    assert chosen(circuit, shots) == method


@pytest.mark.parametrize(
    ("circuit", "shots"),
    [(code(3, 4), 1000), (code(4, 3), 1000), (measured(5, 10), 1000), (measured(4, 12), 20_000)],
    ids=["code-3", "code-4", "measured-5", "measured-4"],
)
def test_the_numbers_of_branches_are_about_right(circuit, shots, monkeypatch):
    plan = plan_of(circuit)
    ends = {}
    finish = DynamicRun._finish

    def look(self, group):
        ends[type(self)] = ends.get(type(self), 0) + len(group)
        finish(self, group)

    monkeypatch.setattr(DynamicRun, "_finish", look)
    for method in ("density_matrix", "trajectories"):
        run_noisy(NoisyPlan(plan, method), shots, np.random.default_rng(1), 1 << 28)
    density, trajectories = count_work(plan, shots)
    assert 1 / 4 < density["ends"] / ends[DensityRun] < 4
    # Trajectories that noise has struck are merged again where they have become equal.
    assert 1 / 2 < trajectories["ends"] / ends[TrajectoryRun] < 12


def test_measurements_of_what_is_known_make_no_branches():
    circuit = QuantumCircuit(2, 6)
    circuit.sx(0)
    for number in range(3):
        circuit.cx(0, 1)
        circuit.measure([0, 1], [2 * number, 2 * number + 1])
    plan = plan_of(circuit)
    # Readings go wrong and noise strikes, but one qubit has one bit.
    assert count_work(plan, 2)[0]["ends"] <= 2
    assert count_work(plan, 10**6)[0]["ends"] < 64


def test_the_estimate_depends_on_nothing_but_plan_and_shots():
    circuit = code(3, 2)
    assert estimate(plan_of(circuit), 500) == estimate(plan_of(circuit), 500)


@pytest.mark.parametrize("shots", [0, 1, 10**9])
def test_any_number_of_shots(shots):
    for build in (measured(3, 30), singles(3, 1), QuantumCircuit(1)):
        assert all(time >= 0 for time in estimate(plan_of(build), shots))
