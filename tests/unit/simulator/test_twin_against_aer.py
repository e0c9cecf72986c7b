"""Twins against ``AerSimulator.from_backend``; Aer is no dependency of the tests.

Two samples of N shots from one distribution p have a total variation distance of at most
sum_k sqrt(2 p_k (1 - p_k) / N) / 2 on average, and exceed the average by e with a probability of
at most exp(-e**2 N) (McDiarmid; a shot changes it by at most 1 / N). For the mean over C circuits
it is exp(-e**2 N C).
"""

import math
import warnings

import numpy as np
import pytest
from qiskit import QuantumCircuit, transpile
from qiskit.providers import BackendV2, Options

from qiskit_oqtopus import DeviceSnapshot, OqtopusWarning, QulacsBackend
from tests.devices import anemone_device, anemone_facts, grid_device, grid_facts

CIRCUITS, SHOTS = 50, 10_000
FALSE_ALARM = 1e-7


class Device(BackendV2):
    """A backend that is no more than its Target."""

    def __init__(self, target):
        super().__init__(name="device")
        self._target = target

    @property
    def target(self):
        return self._target

    @property
    def max_circuits(self):
        return None

    @classmethod
    def _default_options(cls):
        return Options()

    def run(self, run_input, **options):
        raise NotImplementedError


def random_circuit(rng, target):
    """A circuit of basis gates and delays on up to 5 coupled qubits."""
    pairs = list(target["cx"])
    start = pairs[rng.integers(len(pairs))]
    qubits = set(start)
    for pair in pairs * 2:
        if len(qubits) < 5 and qubits & set(pair):
            qubits |= set(pair)
    inside = [pair for pair in pairs if set(pair) <= qubits]
    circuit = QuantumCircuit(target.num_qubits, len(qubits))
    for _ in range(30):
        qubit = int(rng.choice(sorted(qubits)))
        kind = rng.integers(5)
        if kind == 0:
            circuit.rz(rng.uniform(-3, 3), qubit)
        elif kind == 1:
            circuit.sx(qubit)
        elif kind == 2:
            circuit.x(qubit)
        elif kind == 3:
            circuit.cx(*inside[rng.integers(len(inside))])
        else:
            circuit.delay(int(rng.integers(1, 2000)), qubit, unit="dt")
    circuit.measure(sorted(qubits), range(len(qubits)))
    return circuit


def counts_of(result, index):
    return {int(key, 16): n for key, n in result.data(index)["counts"].items()}


@pytest.mark.slow
@pytest.mark.parametrize(
    "source", [(anemone_device, anemone_facts), (grid_device, grid_facts)], ids=["anemone", "grid"]
)
def test_counts_are_those_of_aer(source):
    device, facts = source
    target = DeviceSnapshot.from_device(device(), facts()).target()
    aer = pytest.importorskip("qiskit_aer")
    rng = np.random.default_rng(2)
    circuits = [random_circuit(rng, target) for _ in range(CIRCUITS)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", OqtopusWarning)
        twin = QulacsBackend.from_target(target, seed=1)
    simulator = aer.AerSimulator.from_backend(Device(target), method="density_matrix")
    theirs = simulator.run(
        transpile(circuits, simulator, optimization_level=0), shots=SHOTS, seed_simulator=1
    ).result()
    ours = twin.run(circuits, shots=SHOTS).result()
    distances, expected = [], []
    for i in range(CIRCUITS):
        a, b = counts_of(ours, i), counts_of(theirs, i)
        distances.append(sum(abs(a.get(k, 0) - b.get(k, 0)) for k in set(a) | set(b)) / 2 / SHOTS)
        p = np.array([a.get(k, 0) + b.get(k, 0) for k in set(a) | set(b)]) / (2 * SHOTS)
        expected.append(np.sum(np.sqrt(2 * p * (1 - p) / SHOTS)) / 2)
    excess = math.sqrt(-math.log(FALSE_ALARM / CIRCUITS) / SHOTS)
    assert all(np.array(distances) < np.array(expected) + excess)
    excess = math.sqrt(-math.log(FALSE_ALARM) / (SHOTS * CIRCUITS))
    assert np.mean(distances) < np.mean(expected) + excess
