"""Experiments as plain JSON, and back."""

import json

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.circuit.library import CXGate
from qiskit.quantum_info import Clifford, DensityMatrix, Statevector
from qiskit_experiments.framework import BatchExperiment, ParallelExperiment
from qiskit_experiments.library import (
    T1,
    CorrelatedReadoutError,
    FineXAmplitude,
    InterleavedRB,
    LocalReadoutError,
    ProcessTomography,
    QuantumVolume,
    StandardRB,
    StateTomography,
    T2Hahn,
    T2Ramsey,
    Tphi,
)

from qiskit_oqtopus import (
    DeviceSnapshot,
    OqtopusOptionError,
    OqtopusProtocolError,
    QulacsBackend,
)
from qiskit_oqtopus.experiments import CHSH, Characterization, ParityOscillation, Rabi
from qiskit_oqtopus.experiments.catalog import CLASSES, from_plain, to_plain
from tests.devices import chip_device, chip_facts

DELAYS = np.linspace(0, 1e-4, 7)


def bell():
    circuit = QuantumCircuit(2)
    circuit.h(0)
    circuit.cx(0, 1)
    return circuit


def changed_t1():
    experiment = T1((3,), DELAYS)
    experiment.set_experiment_options(delays=[1e-6, 2e-6, np.float64(3e-6)])
    experiment.set_run_options(shots=np.int64(77), tags=["not part of it"])
    experiment.set_transpile_options(optimization_level=1)
    experiment.analysis.set_options(plot=False, p0={"tau": 1e-5})
    return experiment


def changed_tphi():
    experiment = Tphi([0], DELAYS, DELAYS)
    experiment.set_experiment_options(delays_t1=[1e-6, 2e-6, 3e-6])
    experiment.component_experiment(1).analysis.set_options(plot=False)
    return experiment


def parallel(**options):
    return ParallelExperiment([T1([0], DELAYS), T2Hahn([1], DELAYS, num_echoes=2)], **options)


EXPERIMENTS = [
    CHSH((4, 5), points=24),
    ParityOscillation([3, 1, 2], phases=np.linspace(0, 2, 7)),
    ParityOscillation(n=4, backend=QulacsBackend(num_qubits=4)),
    Rabi([2]),
    Rabi(2, points=20, max_amplitude=1.5),
    Rabi([2], np.linspace(0, 1, 6)),
    T1([0], DELAYS),
    changed_t1(),
    T2Hahn([1], DELAYS),
    T2Ramsey([1], list(DELAYS), osc_freq=1e5),
    Tphi([0], DELAYS, DELAYS, t2type="ramsey", osc_freq=1e4),
    changed_tphi(),
    StandardRB([0, 1], range(1, 10, 3), seed=3),
    InterleavedRB(CXGate(), (4, 5), [1, 2], seed=5, circuit_order="RRRIII"),
    InterleavedRB(bell(), (4, 5), [1, 2], seed=5),
    InterleavedRB(Clifford(bell()), (4, 5), [1, 2], seed=5),
    LocalReadoutError([0, 3]),
    LocalReadoutError(backend=QulacsBackend(num_qubits=3)),
    CorrelatedReadoutError(range(2)),
    StateTomography(bell()),
    StateTomography(bell(), measurement_indices=[1], basis_indices=[[0], [1]]),
    StateTomography(Statevector([1, 0]), target=DensityMatrix(np.eye(2) / 2)),
    ProcessTomography(bell(), physical_qubits=[3, 4]),
    QuantumVolume([0, 1, 2], trials=5, seed=1),
    parallel(flatten_results=False),
    BatchExperiment([parallel(), changed_t1(), LocalReadoutError([0])], experiment_type="night"),
    BatchExperiment([BatchExperiment([changed_tphi()]), Rabi([0])]),
]


def through_json(experiment):
    return from_plain(json.loads(json.dumps(to_plain(experiment), allow_nan=False)))


@pytest.mark.parametrize("experiment", EXPERIMENTS, ids=lambda e: type(e).__name__)
def test_an_experiment_comes_back(experiment):
    found = through_json(experiment)
    assert type(found) is type(experiment)
    assert found.experiment_type == experiment.experiment_type
    assert found.physical_qubits == experiment.physical_qubits
    assert to_plain(found) == to_plain(experiment)
    assert type(found.analysis) is type(experiment.analysis)
    circuits, expected = found.circuits(), experiment.circuits()
    assert [circuit.metadata for circuit in circuits] == [c.metadata for c in expected]
    assert len(circuits) == len(expected)


def test_options_that_were_set_come_back():
    found = through_json(changed_t1())
    assert found.experiment_options.delays == [1e-6, 2e-6, 3e-6]
    assert found.run_options.shots == 77
    assert "tags" not in found.run_options
    assert found.transpile_options.optimization_level == 1
    assert found.analysis.options.plot is False
    assert found.analysis.options.p0 == {"tau": 1e-5}
    tphi = through_json(changed_tphi())
    assert tphi.component_experiment(0).experiment_options.delays == [1e-6, 2e-6, 3e-6]
    assert tphi.component_experiment(1).analysis.options.plot is False
    assert tphi.analysis.component_analysis(1) is tphi.component_experiment(1).analysis


def test_a_characterization_comes_back():
    snapshot = DeviceSnapshot.from_device(chip_device(2, 2), chip_facts(2, 2))
    backend = QulacsBackend.from_snapshot(snapshot)
    plan = Characterization(backend, measure=["readout", "t1"], shots=30, seed=1)
    found = through_json(plan)
    assert type(found) is Characterization
    assert found.to_plain() == plan.to_plain()


def test_every_class_of_the_table_is_there():
    assert {type(experiment).__name__ for experiment in EXPERIMENTS} == {
        *CLASSES,
    } - {"Characterization"}


class Own(T1):
    """Not the T1 that is known, whatever it does."""


Own.__name__ = "T1"


def by_hand():
    experiment = T1([0], DELAYS)
    experiment.analysis = LocalReadoutError([0]).analysis
    return experiment


def with_object():
    experiment = T1([0], DELAYS)
    experiment.analysis.set_options(figure_names=object())
    return experiment


@pytest.mark.parametrize(
    ("experiment", "words"),
    [
        (FineXAmplitude([0]), r"'FineXAmplitude'.*StandardRB.*experiments\.load"),
        (Own([0], DELAYS), "not the T1 that is known"),
        (StandardRB([0], [1, 2], seed=np.random.default_rng()), "argument 'seed'"),
        (by_hand(), "set by hand"),
        (with_object(), "analysis option 'figure_names'"),
        (StateTomography(QuantumCircuit(13), target=None), "13 qubits"),
        (BatchExperiment([T1([0], DELAYS), FineXAmplitude([0])]), "'FineXAmplitude'"),
    ],
)
def test_what_plain_json_cannot_say_is_named(experiment, words):
    with pytest.raises(OqtopusOptionError, match=words):
        to_plain(experiment)


def nested(depth):
    plain = {"class": "LocalReadoutError", "arguments": {"physical_qubits": [0]}}
    for _ in range(depth):
        inner = {"$experiment": "experiment", "value": plain}
        plain = {"class": "BatchExperiment", "arguments": {"experiments": [inner]}}
    return plain


T1_OF_0 = {"class": "T1", "arguments": {"physical_qubits": [0], "delays": [1e-6, 2e-6]}}


@pytest.mark.parametrize(
    ("plain", "words"),
    [
        (5, "not an object"),
        ({}, "class None"),
        ({"class": "os"}, "'os'.*one of those known"),
        ({"class": ["T1"]}, "one of those known"),
        ({"class": "T1"}, "arguments"),
        ({"class": "T1", "arguments": {}}, "missing"),
        ({"class": "T1", "arguments": {"physical_qubits": [0], "colour": 1}}, "colour"),
        ({**T1_OF_0, "changes": {"options": {"colour": 1}}}, "colour"),
        ({**T1_OF_0, "changes": {"analysis": 3}}, "cannot be made"),
        ({"class": "T1", "arguments": {"delays": {"$experiment": "pickle"}}}, "'pickle'"),
        ({"class": "T1", "arguments": {"delays": {"$oqtopus": "pickle"}}}, "'pickle'"),
        ({"class": "Characterization", "plain": {"version": 99}}, "plan of this version"),
        (nested(30), "16 deep"),
    ],
)
def test_what_was_not_written_here_is_refused(plain, words):
    with pytest.raises(OqtopusProtocolError, match=words):
        from_plain(plain)


def test_run_options_of_others_are_not_taken():
    plain = {**T1_OF_0, "changes": {"run": {"resume": "x" * 20, "shots": 3}}}
    assert set(vars(from_plain(plain).run_options)) == {"meas_level", "shots"}
