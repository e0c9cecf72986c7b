"""The experiments of qiskit-experiments find on a twin what the calibration states.

All expected numbers are those of the Target, max(stated, implied by relaxation). Fitted numbers
are compared at 5 sigma of the fit (a false-alarm rate of 6e-7 each), those of RB at that and a
relative band for what its own theory leaves out.

RB. A Clifford is a sequence of gates with noise channels of entanglement fidelity F = tr(S) / d^2,
S being the superoperator on all d levels. Twirled, each of them multiplies the decay by
a = (d^2 F - 1) / (d^2 - 1), so that the error per Clifford is (d - 1) / d (1 - prod a), the product
being over the gates of the circuits that were run. For depolarizing noise this is exact. Relaxation
is not twirled by itself, since it does not commute with the gates: what comes of that is of the
order of the error per Clifford times the error, for which the band is 5 %.
"""

import math
import warnings

import numpy as np
import pytest
from qiskit.circuit.library import CXGate, SXGate
from qiskit.quantum_info import SuperOp
from qiskit_experiments.framework import ExperimentStatus
from qiskit_experiments.library import (
    T1,
    InterleavedRB,
    LocalReadoutError,
    StandardRB,
    T2Hahn,
    T2Ramsey,
)

from qiskit_oqtopus import DeviceSnapshot, OqtopusWarning, QulacsBackend
from qiskit_oqtopus.simulator.noise.model import NoiseModel
from tests.devices import anemone_device, anemone_facts, grid_device, grid_facts
from tests.noisy_reference import superop

SHOTS = 4000
BAND = 0.05

SOURCES = {"anemone": (anemone_device, anemone_facts), "grid": (grid_device, grid_facts)}


class Device:
    """A twin, and the circuits that it was given."""

    def __init__(self, name):
        device, facts = SOURCES[name]
        snapshot = DeviceSnapshot.from_device(device(), facts())
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", OqtopusWarning)
            self.twin = QulacsBackend.from_snapshot(snapshot, seed=20)
            self.noise = NoiseModel.from_target(snapshot.target())
        self.target = self.twin.target
        self.circuits = []

    def run(self, experiment, shots=SHOTS):
        data = experiment.run(self.twin, backend_run=True, shots=shots).block_for_results()
        assert data.status() is ExperimentStatus.DONE, data.errors()
        return data

    def decay(self, name, qubits, among):
        """Return by how much a gate multiplies the decay of RB on some qubits."""
        noise = superop(self.noise, name, qubits)
        if noise is None:
            return 1.0
        whole = SuperOp(np.eye(4 ** len(among)))
        whole = whole.compose(SuperOp(noise), [among.index(q) for q in qubits])
        squared = 4 ** len(among)
        return (whole.data.trace().real - 1) / (squared - 1)

    def error_per_clifford(self, data, among):
        """Return what the formula above makes of the circuits that were run."""
        logarithm = cliffords = 0
        for circuit, datum in zip(self.circuits, data.data(), strict=True):
            if datum["metadata"].get("interleaved"):
                continue
            cliffords += datum["metadata"]["xval"] + 1  # and the inverse of all
            for item in circuit.data:
                qubits = tuple(circuit.find_bit(bit).index for bit in item.qubits)
                if item.name not in ("measure", "barrier"):
                    logarithm += math.log(self.decay(item.name, qubits, among))
        d = 2 ** len(among)
        return (d - 1) / d * -math.expm1(logarithm / cliffords)


@pytest.fixture(scope="module", params=SOURCES)
def device(request):
    return Device(request.param)


@pytest.fixture
def recorded(device, monkeypatch):
    original = QulacsBackend.run

    def run(self, run_input, **options):
        device.circuits = list(run_input)
        return original(self, run_input, **options)

    monkeypatch.setattr(QulacsBackend, "run", run)
    return device


def value_of(data, name):
    return data.analysis_results(name, dataframe=True, columns="all").iloc[0]["value"]


def assert_found(value, expected, band=0.0):
    # A fit with a large uncertainty would agree with anything.
    assert 0 < value.std_dev < 0.1 * expected
    assert abs(value.nominal_value - expected) < 5 * value.std_dev + band * expected


def qubits_of(device):
    return (0, 1, 2) if device.target.num_qubits == 3 else (5,)


def test_t1(device):
    for qubit in qubits_of(device):
        t1 = device.target.qubit_properties[qubit].t1
        data = device.run(T1([qubit], np.linspace(0.02, 4, 20) * t1))
        assert_found(value_of(data, "T1"), t1)


@pytest.mark.parametrize("num_echoes", [1, 2])
def test_t2_with_echoes(device, num_echoes):
    for qubit in qubits_of(device):
        t2 = device.target.qubit_properties[qubit].t2
        delays = np.linspace(0.02, 3, 20) * t2
        data = device.run(T2Hahn([qubit], delays, num_echoes=num_echoes))
        assert_found(value_of(data, "T2"), t2)


def test_t2_by_ramsey(device):
    for qubit in qubits_of(device):
        t2 = device.target.qubit_properties[qubit].t2
        delays = np.linspace(0.02, 3, 40) * t2
        data = device.run(T2Ramsey([qubit], delays, osc_freq=2.5 / t2))
        assert_found(value_of(data, "T2star"), t2)
        assert_found(value_of(data, "Frequency"), 2.5 / t2)


def test_readout(device):
    qubits = qubits_of(device)
    shots = 40_000
    data = device.run(LocalReadoutError(list(qubits)), shots)
    mitigator = value_of(data, "Local Readout Mitigator")
    for qubit in qubits:
        stated = device.target["measure"][qubit,]
        matrix = mitigator.assignment_matrix([qubit])
        # What was prepared by x is 1 up to the error of x, of which it has at most 3/2.
        error = 1.5 * (1 - device.decay("x", (qubit,), (qubit,))) / 2
        for found, expected, more in (
            (matrix[1, 0], stated.prob_meas1_prep0, 0.0),
            (matrix[0, 1], stated.prob_meas0_prep1, error),
        ):
            sigma = math.sqrt(expected * (1 - expected) / shots)
            assert abs(found - expected) < 5 * sigma + more


RB_SHOTS = 100_000
"""Shots cost little beside the circuits, and readout errors of 0.3 leave little contrast."""


@pytest.mark.slow
def test_rb_of_one_qubit(recorded):
    qubit = 0 if recorded.target.num_qubits == 3 else 5
    experiment = StandardRB([qubit], [1, 300, 700, 1200, 2000, 3000], num_samples=4, seed=5)
    data = recorded.run(experiment, RB_SHOTS)
    expected = recorded.error_per_clifford(data, (qubit,))
    assert_found(value_of(data, "EPC"), expected, BAND)


@pytest.mark.slow
def test_rb_of_two_qubits(recorded):
    pair = (2, 1) if recorded.target.num_qubits == 3 else (4, 5)
    experiment = StandardRB(pair, [1, 8, 16, 30, 50, 80], num_samples=10, seed=5)
    data = recorded.run(experiment, RB_SHOTS)
    expected = recorded.error_per_clifford(data, pair)
    assert_found(value_of(data, "EPC"), expected, BAND)


@pytest.mark.parametrize("gate", [SXGate(), CXGate()], ids=["sx", "cx"])
def test_interleaved_rb(recorded, gate):
    small = recorded.target.num_qubits == 3
    if gate.num_qubits == 1:
        qubits, lengths = (1 if small else 5,), [1, 200, 500, 900, 1500]
    else:
        qubits, lengths = (0, 1) if small else (4, 5), [1, 5, 12, 20, 35, 50]
    experiment = InterleavedRB(gate, qubits, lengths, num_samples=6, seed=5)
    data = recorded.run(experiment, RB_SHOTS)
    d = 2 ** len(qubits)
    expected = (d - 1) / d * (1 - recorded.decay(gate.name, qubits, qubits))
    assert_found(value_of(data, "EPC"), expected, BAND)
