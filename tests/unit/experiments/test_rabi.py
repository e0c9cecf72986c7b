"""The Rabi experiment."""

import json
import math

import numpy as np
import pytest
from qiskit.primitives import BackendSamplerV2
from qiskit.providers.fake_provider import GenericBackendV2
from qiskit.quantum_info import Statevector
from qiskit.transpiler import Target
from qiskit_experiments.curve_analysis.standard_analysis import OscillationAnalysis
from qiskit_experiments.framework import (
    BatchExperiment,
    ExperimentData,
    ExperimentDecoder,
    ExperimentEncoder,
    ExperimentStatus,
    ParallelExperiment,
)

from qiskit_oqtopus import OqtopusError, OqtopusOptionError, QulacsBackend
from qiskit_oqtopus.experiments import Rabi, pi_amplitude

from .conftest import SEED


@pytest.fixture(scope="module")
def device_target() -> Target:
    return GenericBackendV2(16, basis_gates=["x", "sx", "rz", "cx"], seed=1).target


def rate_of(data: ExperimentData):
    return data.analysis_results("rabi_rate", dataframe=True).iloc[0]["value"]


def assert_within_5_sigma(value, expected: float) -> None:
    assert 0 < value.std_dev < 0.05
    assert abs(value.nominal_value - expected) < 5 * value.std_dev


def through_json(value):
    return json.loads(json.dumps(value, cls=ExperimentEncoder), cls=ExperimentDecoder)


def test_default_amplitudes():
    amplitudes = Rabi([0]).experiment_options.amplitudes
    np.testing.assert_array_equal(amplitudes, np.linspace(0, 2, 51))


def test_a_first_rabi_is_short():
    rabi = Rabi(0, points=20, max_amplitude=2.0)
    assert rabi.physical_qubits == (0,)
    np.testing.assert_array_equal(rabi.experiment_options.amplitudes, np.linspace(0, 2, 20))
    assert rabi.experiment_options == Rabi([0], np.linspace(0, 2, 20)).experiment_options
    for rabi, amplitudes in (
        (Rabi(np.int64(3)), np.linspace(0, 2, 51)),
        (Rabi([3], points=5), np.linspace(0, 2, 5)),
        (Rabi([3], max_amplitude=-1), np.linspace(0, -1, 51)),
    ):
        assert rabi.physical_qubits == (3,)
        np.testing.assert_array_equal(rabi.experiment_options.amplitudes, amplitudes)


def test_a_short_rabi_is_saved_and_loaded():
    rabi = Rabi(0, points=20, max_amplitude=1.5)
    loaded = through_json(rabi)
    assert loaded.physical_qubits == (0,)
    assert loaded.experiment_options == rabi.experiment_options


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"points": 4}, "'points' must be an integer of at least 5"),
        ({"points": 5.5}, "'points'"),
        ({"max_amplitude": math.nan}, "'max_amplitude' must be a finite number"),
        ({"max_amplitude": "2"}, "'max_amplitude'"),
        ({"max_amplitude": 0}, "1 different"),
        ({"points": 5, "amplitudes": [0, 1, 2, 3, 4]}, "not both"),
    ],
)
def test_points_and_largest_amplitude_are_checked(options, words):
    with pytest.raises(OqtopusOptionError, match=words):
        Rabi(0, **options)


def test_circuits_rotate_by_pi_times_amplitude():
    amplitudes = [-0.5, 0.25, 0, 1.5, 1, 7]
    circuits = Rabi([4], amplitudes).circuits()
    assert len(circuits) == len(amplitudes)
    for circuit, amplitude in zip(circuits, amplitudes, strict=True):
        assert circuit.metadata == {"xval": amplitude}
        assert type(circuit.metadata["xval"]) is float
        assert dict(circuit.count_ops()) == {"rx": 1, "measure": 1}
        assert (circuit.num_qubits, circuit.num_clbits) == (1, 1)
        state = Statevector(circuit.remove_final_measurements(inplace=False))
        p1 = 0.5 - 0.5 * math.cos(math.pi * amplitude)
        assert state.probabilities()[1] == pytest.approx(p1, abs=1e-12)


def test_analysis_is_that_of_the_library():
    rabi = Rabi([0])
    assert type(rabi.analysis) is OscillationAnalysis
    assert rabi.analysis.plotter.figure_options.xlabel == "Amplitude"
    assert rabi.analysis.plotter.figure_options.ylabel == "P(1)"


def test_fit(backend):
    data = Rabi([0], backend=backend).run(backend_run=True, shots=1000).block_for_results()
    assert data.status() is ExperimentStatus.DONE
    row = data.analysis_results("rabi_rate", dataframe=True, columns="all").iloc[0]
    assert_within_5_sigma(row["value"], 0.5)
    assert row["quality"] == "good"
    assert 0.3 < row["chisq"] < 2
    pi = pi_amplitude(data)
    assert_within_5_sigma(pi, 1.0)
    rate = row["value"]
    assert pi.nominal_value == pytest.approx(1 / (2 * rate.nominal_value))
    assert pi.std_dev == pytest.approx(rate.std_dev / (2 * rate.nominal_value**2))
    assert len(data.figure_names) == 1


def test_amplitudes_in_any_order_and_repeated(backend):
    amplitudes = np.random.default_rng(1).permutation(np.repeat(np.linspace(-1, 2, 25), 2))
    data = Rabi([1], amplitudes).run(backend, backend_run=True).block_for_results()
    assert_within_5_sigma(rate_of(data), 0.5)


@pytest.mark.parametrize("route", ["backend_run", "default", "sampler"])
def test_routes_on_a_device_target(route, device_target):
    backend = QulacsBackend(device_target, seed_simulator=SEED)
    # qiskit-experiments 0.14.0 does not pass the shots on to a sampler that it is given.
    sampler = BackendSamplerV2(backend=backend, options={"default_shots": 500})
    arguments = {
        "backend_run": {"backend": backend, "backend_run": True},
        "default": {"backend": backend},
        "sampler": {"sampler": sampler},
    }[route]
    rabi = Rabi([11], np.linspace(0, 2, 21))
    assert rabi.transpile_options.optimization_level == 0
    data = rabi.run(**arguments, shots=500).block_for_results()
    assert data.status() is ExperimentStatus.DONE, data.errors()
    assert [
        datum["metadata"]["xval"] for datum in data.data()
    ] == rabi.experiment_options.amplitudes
    assert {sum(datum["counts"].values()) for datum in data.data()} == {500}
    assert_within_5_sigma(pi_amplitude(data), 1.0)


def test_transpiled_circuits_are_in_the_basis_on_the_qubit(device_target):
    backend = QulacsBackend(device_target)
    for circuit in Rabi([11], backend=backend)._transpiled_circuits():
        assert set(circuit.count_ops()) <= {"x", "sx", "rz", "measure"}
        used = {circuit.find_bit(bit).index for item in circuit.data for bit in item.qubits}
        assert used == {11}


@pytest.mark.parametrize("composite", [ParallelExperiment, BatchExperiment])
@pytest.mark.parametrize("flatten", [True, False])
def test_composite(composite, flatten, device_target):
    backend = QulacsBackend(device_target, seed_simulator=SEED)
    parts = [Rabi([5], np.linspace(0, 2, 15)), Rabi([2], np.linspace(0, 3, 20))]
    experiment = composite(parts, backend=backend, flatten_results=flatten)
    data = experiment.run(backend_run=True).block_for_results()
    assert data.status() is ExperimentStatus.DONE, data.errors()
    if flatten:
        values = [pi_amplitude(data, qubit) for qubit in (5, 2)]
        with pytest.raises(OqtopusOptionError, match=r"2 results 'rabi_rate'.*5, 2.*'qubit'"):
            pi_amplitude(data)
        with pytest.raises(OqtopusError, match=r"qubit 3.*5, 2"):
            pi_amplitude(data, 3)
    else:
        values = [pi_amplitude(data.child_data(index)) for index in (0, 1)]
        with pytest.raises(OqtopusError, match=r"child_data\(index\)"):
            pi_amplitude(data)
    for value in values:
        assert_within_5_sigma(value, 1.0)


def test_pi_amplitude_without_analysis(backend):
    data = Rabi([0]).run(backend, backend_run=True, analysis=None).block_for_results()
    with pytest.raises(OqtopusError, match="not analysed"):
        pi_amplitude(data)


def test_pi_amplitude_without_oscillation(backend):
    rabi = Rabi([0])
    rabi.analysis.set_options(fixed_parameters={"freq": 0.0})
    data = rabi.run(backend, backend_run=True).block_for_results()
    with pytest.raises(OqtopusError, match="no oscillation"):
        pi_amplitude(data)


@pytest.mark.parametrize(
    ("amplitudes", "reason"),
    [
        ([0, 1, 2, 3], "4 different ones"),
        ([0, 1, 2, 3, 3, 3], "4 different ones"),
        ([], "must be a list"),
        ([0, 1, math.nan, 2, 3, 4], "nan at index 2"),
        ([0, 1, 2, 3, 4, -math.inf], "-inf at index 5"),
        (np.zeros((5, 2)), r"\(5, 2\)"),
        (0.5, r"its shape is \(\)"),
        ([[0, 1], [2], 3, 4, 5], "not one list of numbers"),
        ("0123456", "it is '0123456'"),
        (["0", "1", "2", "3", "4"], "finite real"),
        ([0, 1, 2, 3, 4j], "finite real"),
        ([True, False], "finite real"),
        ([0, 1, 2, 3, None], "finite real"),
        ({"a": 1}, "finite real"),
    ],
)
def test_bad_amplitudes(amplitudes, reason):
    with pytest.raises(OqtopusOptionError, match=reason) as caught:
        Rabi([0], amplitudes)
    assert "'amplitudes' must be" in str(caught.value)
    rabi = Rabi([0])
    with pytest.raises(OqtopusOptionError, match=reason):
        rabi.set_experiment_options(amplitudes=amplitudes)
    assert len(rabi.experiment_options.amplitudes) == 51


@pytest.mark.parametrize("amplitudes", [range(5), (0, 1, 2, 3, 4), iter(range(5)), np.arange(5)])
def test_amplitudes_of_any_type(amplitudes):
    rabi = Rabi([0])
    rabi.set_experiment_options(amplitudes=amplitudes)
    assert rabi.experiment_options.amplitudes == [0.0, 1.0, 2.0, 3.0, 4.0]


def test_unknown_option():
    with pytest.raises(AttributeError, match="amplitude"):
        Rabi([0]).set_experiment_options(amplitude=[1])


@pytest.mark.parametrize("qubits", [[], [0, 1]])
def test_exactly_one_qubit(qubits):
    with pytest.raises(OqtopusOptionError, match=r"exactly one qubit.*ParallelExperiment"):
        Rabi(qubits)


@pytest.mark.parametrize(
    "rabi",
    [
        Rabi([0]),
        Rabi((3,), np.linspace(0, 1, 11)),
        Rabi(physical_qubits=range(1), amplitudes=(0, 1, 2, 3, 4.5)),
    ],
    ids=["default", "array", "keywords"],
)
def test_round_trip(rabi):
    rabi.set_run_options(shots=123)
    rabi.set_transpile_options(optimization_level=1)
    for other in (through_json(rabi), Rabi.from_config(rabi.config()), rabi.copy()):
        assert type(other) is Rabi
        assert other.config() == rabi.config()
        assert other.physical_qubits == rabi.physical_qubits
        assert other.circuits() == rabi.circuits()
        assert other.run_options.shots == 123
        assert other.transpile_options.optimization_level == 1
        assert other.analysis.options.result_parameters == rabi.analysis.options.result_parameters
        figure_options = other.analysis.plotter.figure_options
        assert (figure_options.xlabel, figure_options.ylabel) == ("Amplitude", "P(1)")


def test_copy_is_independent():
    rabi = Rabi([0])
    other = rabi.copy()
    other.set_experiment_options(amplitudes=range(5))
    assert len(rabi.experiment_options.amplitudes) == 51
    assert other.config() != rabi.config()


def test_options_set_later_are_saved():
    rabi = Rabi([0], range(5))
    rabi.set_experiment_options(amplitudes=range(7), max_circuits=3)
    loaded = through_json(rabi)
    assert loaded.experiment_options.amplitudes == [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0]
    assert loaded.experiment_options.max_circuits == 3


def test_experiment_data_round_trip(backend):
    data = Rabi([2], backend=backend).run(backend_run=True).block_for_results()
    loaded = through_json(data)
    assert loaded.experiment.config().experiment_options == {}
    assert loaded.data() == data.data()
    before, after = pi_amplitude(data), pi_amplitude(loaded, 2)
    assert after.nominal_value == before.nominal_value
    # The standard deviation is computed again, from variances: its last digit may differ.
    assert after.std_dev == pytest.approx(before.std_dev, rel=1e-12)
    assert loaded.job_ids == data.job_ids
