"""The experiments of qiskit-experiments, with their own analyses, on the local simulator.

There is no noise, so an experiment is asserted to find what is there: no error, a fidelity of 1,
the oscillation that its own circuits contain. Where nothing can be fitted (a decay that does not
decay), its data are asserted instead.
"""

import copy
import json
import sys
import types

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.circuit.library import CXGate, RZXGate, SXGate, XGate
from qiskit.primitives import BackendSamplerV2
from qiskit.providers import JobStatus
from qiskit.providers.fake_provider import GenericBackendV2
from qiskit.quantum_info import Operator, Statevector, process_fidelity, state_fidelity
from qiskit_experiments.framework import (
    BatchExperiment,
    ExperimentData,
    ExperimentDecoder,
    ExperimentEncoder,
    ExperimentStatus,
    ParallelExperiment,
)
from qiskit_experiments.framework.package_deps import HAS_SKLEARN
from qiskit_experiments.library import (
    T1,
    CorrelatedReadoutError,
    FineAmplitude,
    FineDrag,
    FineFrequency,
    FineSXAmplitude,
    FineSXDrag,
    FineXAmplitude,
    FineXDrag,
    HalfAngle,
    InterleavedRB,
    LayerFidelity,
    LayerFidelityUnitary,
    LocalReadoutError,
    MitigatedProcessTomography,
    MitigatedStateTomography,
    MultiStateDiscrimination,
    ProcessTomography,
    PurityRB,
    QuantumVolume,
    RamseyXY,
    ReadoutAngle,
    StandardRB,
    StateTomography,
    T2Hahn,
    T2Ramsey,
    Tphi,
    ZZRamsey,
)

from qiskit_oqtopus import OqtopusOptionError, QulacsBackend
from qiskit_oqtopus.experiments import Rabi, pi_amplitude

SEED = 11
SHOTS = 1000
# The fitters return physical states, which lie on one side of a pure one: the infidelity that the
# noise of the shots leaves is of order 1/sqrt(shots).
TOMOGRAPHY_SHOTS = 20_000
DELAYS = np.linspace(1e-6, 50e-6, 10)
ROUTES = ["backend_run", "default", "sampler"]


@pytest.fixture(params=["ideal", "device"])
def backend(request) -> QulacsBackend:
    """All-to-all with every gate, or 16 qubits in a line with few gates, dt and durations."""
    if request.param == "ideal":
        return QulacsBackend(num_qubits=8, seed_simulator=SEED)
    line = [[i, i + 1] for i in range(15)]
    device = GenericBackendV2(
        16,
        basis_gates=["x", "sx", "rz", "cx"],
        coupling_map=line + [[b, a] for a, b in line],
        seed=1,
    )
    return QulacsBackend(device.target, seed_simulator=SEED)


def run(experiment, backend: QulacsBackend, route: str = "backend_run", **options):
    shots = options.setdefault("shots", SHOTS)
    # qiskit-experiments 0.14.0 does not pass the shots on to a sampler that it is given.
    sampler = BackendSamplerV2(backend=backend, options={"default_shots": shots})
    arguments = {
        "backend_run": {"backend": backend, "backend_run": True},
        "default": {"backend": backend},
        "sampler": {"sampler": sampler},
    }[route]
    data = experiment.run(**arguments, **options).block_for_results()
    assert data.status() is ExperimentStatus.DONE, data.errors()
    return data


def result_of(data: ExperimentData, name: str, row: int = 0):
    return data.analysis_results(name, dataframe=True, columns="all").iloc[row]


def counts_of(data: ExperimentData) -> list[dict[str, int]]:
    return [datum["counts"] for datum in data.data()]


def bell() -> QuantumCircuit:
    circuit = QuantumCircuit(2)
    circuit.h(0)
    circuit.cx(0, 1)
    return circuit


def assert_within_5_sigma(value, expected: float) -> None:
    assert value.std_dev > 0
    assert abs(value.nominal_value - expected) < 5 * value.std_dev


# -- decays that do not decay --------------------------------------------------------------------


@pytest.mark.parametrize("route", ROUTES)
def test_t1_stays_excited(backend, route):
    data = run(T1([3], DELAYS), backend, route)
    assert counts_of(data) == [{"1": SHOTS}] * len(DELAYS)
    xvals = [datum["metadata"]["xval"] for datum in data.data()]
    np.testing.assert_allclose(xvals, DELAYS, rtol=1e-3)
    assert result_of(data, "T1")["quality"] == "bad"


@pytest.mark.parametrize("num_echoes", [0, 1, 2])
def test_t2hahn_stays_coherent(backend, num_echoes):
    data = run(T2Hahn([3], DELAYS, num_echoes=num_echoes), backend)
    assert counts_of(data) == [{"0": SHOTS}] * len(DELAYS)
    assert result_of(data, "T2")["quality"] == "bad"


def test_t2ramsey_sees_its_own_oscillation(backend):
    frequency = 1e5
    data = run(T2Ramsey([3], np.linspace(0, 50e-6, 26), osc_freq=frequency), backend)
    xvals = np.array([datum["metadata"]["xval"] for datum in data.data()])
    p1 = np.array([counts.get("1", 0) for counts in counts_of(data)]) / SHOTS
    exact = 0.5 + 0.5 * np.cos(2 * np.pi * frequency * xvals)
    sigma = np.sqrt(exact * (1 - exact) / SHOTS) + 1e-9
    assert np.all(np.abs(p1 - exact) < 5 * sigma)
    # The fit reports no error here; the points allow for about 70 Hz.
    assert result_of(data, "Frequency")["value"].nominal_value == pytest.approx(frequency, abs=350)


def test_tphi_hahn_runs_both_of_its_parts(backend):
    data = run(Tphi([3], DELAYS, DELAYS), backend)
    assert len(data.data()) == 2 * len(DELAYS)
    expected = {0: "1", 1: "0"}  # of the T1 and of the T2 part
    for datum in data.data():
        (part,) = datum["metadata"]["composite_index"]
        assert datum["counts"] == {expected[part]: SHOTS}


def test_tphi_ramsey_runs_both_of_its_parts(backend):
    # Without an oscillation of its own its analysis cannot guess a frequency, and fails.
    frequency = 1e5
    delays = np.linspace(0, 50e-6, 26)
    data = run(Tphi([3], DELAYS, delays, t2type="ramsey", osc_freq=frequency), backend)
    parts = [datum["metadata"]["composite_index"] for datum in data.data()]
    assert parts == [[0]] * len(DELAYS) + [[1]] * len(delays)
    assert counts_of(data)[: len(DELAYS)] == [{"1": SHOTS}] * len(DELAYS)
    assert result_of(data, "Frequency")["value"].nominal_value == pytest.approx(frequency, abs=350)


# -- oscillations and rotation angles ------------------------------------------------------------


@pytest.mark.parametrize("route", ROUTES)
def test_rabi(backend, route):
    data = run(Rabi([5], np.linspace(0, 2, 21)), backend, route)
    assert result_of(data, "rabi_rate")["quality"] == "good"
    assert_within_5_sigma(result_of(data, "rabi_rate")["value"], 0.5)
    assert_within_5_sigma(pi_amplitude(data), 1.0)


def test_ramsey_xy(backend):
    data = run(RamseyXY([2], osc_freq=2e6), backend)
    row = result_of(data, "freq")
    # A virtual detuning is a detuning for this analysis: it finds the one that was put in.
    assert_within_5_sigma(row["value"], 2e6)
    assert row["quality"] == "good"


def test_zz_ramsey(backend):
    data = run(ZZRamsey((2, 3)), backend)
    row = result_of(data, "zz")
    # The delays reach 10 µs and the frequency resolution of the scan is 100 kHz.
    assert abs(row["value"].nominal_value) < 2e3


@pytest.mark.parametrize(
    ("experiment", "name"),
    [
        (FineXAmplitude([4]), "d_theta"),
        (FineSXAmplitude([4]), "d_theta"),
        (HalfAngle([4]), "d_hac"),
        (FineFrequency([4], delay_duration=160), "d_theta"),
        (FineDrag([4], XGate()), "d_theta"),
        (FineXDrag([4]), "d_theta"),
        (FineSXDrag([4]), "d_theta"),
    ],
    ids=lambda value: type(value).__name__ if not isinstance(value, str) else value,
)
def test_error_amplification_finds_no_error(backend, experiment, name):
    row = result_of(run(experiment, backend), name)
    assert_within_5_sigma(row["value"], 0.0)
    assert row["value"].std_dev < 5e-3
    assert row["quality"] == "good"


def test_fine_amplitude_of_any_gate(backend):
    experiment = FineAmplitude([4], SXGate())
    angles = {"angle_per_gate": np.pi / 2, "phase_offset": np.pi}
    experiment.analysis.set_options(fixed_parameters=angles)
    experiment.set_experiment_options(add_cal_circuits=False, repetitions=[0, 1, 2, 3, 4, 5, 7, 9])
    assert_within_5_sigma(result_of(run(experiment, backend), "d_theta")["value"], 0.0)


def test_fine_zx_amplitude(backend):
    # The library has no FineZXAmplitude any more, but it has its sequence.
    experiment = FineAmplitude([2, 3], RZXGate(np.pi / 2), measurement_qubits=[3])
    angles = {"angle_per_gate": np.pi / 2, "phase_offset": np.pi}
    experiment.analysis.set_options(fixed_parameters=angles, outcome="1")
    experiment.set_experiment_options(
        add_cal_circuits=False, repetitions=[0, 1, 2, 3, 4, 5, 7, 9, 11, 13]
    )
    assert_within_5_sigma(result_of(run(experiment, backend), "d_theta")["value"], 0.0)


# -- randomized benchmarking ---------------------------------------------------------------------


@pytest.mark.parametrize("route", ROUTES)
def test_standard_rb_of_one_qubit(backend, route):
    data = run(StandardRB([6], [1, 10, 50, 100], num_samples=2, seed=1), backend, route)
    assert counts_of(data) == [{"0": SHOTS}] * 8
    assert result_of(data, "alpha")["value"].nominal_value == pytest.approx(1, abs=1e-6)
    assert result_of(data, "EPC")["value"].nominal_value == pytest.approx(0, abs=1e-6)


def test_standard_rb_of_two_qubits(backend):
    data = run(StandardRB([4, 3], [1, 5, 10], num_samples=2, seed=1), backend)
    assert counts_of(data) == [{"00": SHOTS}] * 6
    for name in ("EPC", "EPG_cx"):
        assert result_of(data, name)["value"].nominal_value == pytest.approx(0, abs=1e-6)


def test_interleaved_rb(backend):
    data = run(InterleavedRB(CXGate(), [3, 4], [1, 5, 10], num_samples=2, seed=1), backend)
    assert counts_of(data) == [{"00": SHOTS}] * 12
    assert result_of(data, "EPC")["value"].nominal_value == pytest.approx(0, abs=1e-6)
    assert result_of(data, "alpha_c")["value"].nominal_value == pytest.approx(1, abs=1e-6)


def test_purity_rb(backend):
    data = run(PurityRB([3], [1, 10, 30], num_samples=2, seed=1), backend)
    assert result_of(data, "alpha")["value"].nominal_value == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize(
    "experiment",
    [
        LayerFidelity(
            [2, 3, 4, 5],
            [[(2, 3), (5, 4)], [(3, 4)]],
            [2, 5, 10],
            num_samples=2,
            seed=1,
            two_qubit_gate="cx",
            one_qubit_basis_gates=["rz", "sx", "x"],
        ),
        LayerFidelityUnitary(
            [2, 3, 4, 5],
            [[(2, 3), (5, 4)], [(3, 4)]],
            [2, 5, 10],
            two_qubit_gates=[CXGate()],
            num_samples=2,
            seed=1,
            two_qubit_basis_gates=["cx"],
            one_qubit_basis_gates=["rz", "sx", "x"],
        ),
    ],
    ids=lambda experiment: type(experiment).__name__,
)
def test_layer_fidelity(backend, experiment):
    data = run(experiment, backend, shots=200)
    assert result_of(data, "LF")["value"].nominal_value == pytest.approx(1, abs=1e-6)
    assert result_of(data, "EPLG")["value"].nominal_value == pytest.approx(0, abs=1e-6)


# -- tomography ----------------------------------------------------------------------------------


@pytest.mark.parametrize("route", ROUTES)
def test_state_tomography(backend, route):
    # Not the Bell state, which does not change when its qubits are swapped.
    circuit = bell()
    circuit.rx(0.7, 0)
    circuit.s(1)
    data = run(
        StateTomography(circuit, physical_qubits=[4, 3]), backend, route, shots=TOMOGRAPHY_SHOTS
    )
    assert result_of(data, "state_fidelity")["value"] > 0.99
    assert state_fidelity(result_of(data, "state")["value"], Statevector(circuit)) > 0.99


def test_state_tomography_of_some_qubits(backend):
    circuit = QuantumCircuit(3)
    circuit.h(0)
    circuit.cx(0, 1)
    circuit.cx(1, 2)
    circuit.rx(0.4, 2)
    data = run(StateTomography(circuit, measurement_indices=[2]), backend, shots=TOMOGRAPHY_SHOTS)
    assert result_of(data, "state_fidelity")["value"] > 0.99


def test_state_tomography_with_conditional_clbit(backend):
    circuit = QuantumCircuit(2, 1)
    circuit.h(0)
    circuit.cx(0, 1)
    circuit.measure(0, 0)
    experiment = StateTomography(
        circuit, measurement_indices=[1], conditional_circuit_clbits=True, target=None
    )
    data = run(experiment, backend, shots=TOMOGRAPHY_SHOTS)
    states = data.analysis_results("state", dataframe=True, columns="all")
    for _, row in states.iterrows():
        expected = Statevector.from_label(str(row["conditional_circuit_outcome"]))
        assert state_fidelity(row["value"], expected) > 0.99
        assert row["conditional_probability"] == pytest.approx(0.5, abs=0.02)
    assert len(states) == 2


def test_process_tomography(backend):
    circuit = QuantumCircuit(2)
    circuit.cx(0, 1)
    circuit.sx(1)
    data = run(ProcessTomography(circuit, physical_qubits=[4, 3]), backend, shots=TOMOGRAPHY_SHOTS)
    assert result_of(data, "process_fidelity")["value"] > 0.99
    assert process_fidelity(result_of(data, "state")["value"], Operator(circuit)) > 0.99


def test_mitigated_state_tomography(backend):
    data = run(
        MitigatedStateTomography(bell(), physical_qubits=[3, 4]), backend, shots=TOMOGRAPHY_SHOTS
    )
    assert result_of(data, "state_fidelity")["value"] > 0.99
    mitigator = result_of(data, "Local Readout Mitigator")["value"]
    np.testing.assert_array_equal(mitigator.assignment_matrix(), np.eye(4))


def test_mitigated_process_tomography(backend):
    data = run(
        MitigatedProcessTomography(SXGate(), physical_qubits=[3]), backend, shots=TOMOGRAPHY_SHOTS
    )
    assert result_of(data, "process_fidelity")["value"] > 0.99


# -- readout and quantum volume ------------------------------------------------------------------


def test_local_readout_error(backend):
    data = run(LocalReadoutError([5, 2, 3]), backend)
    mitigator = result_of(data, "Local Readout Mitigator")["value"]
    np.testing.assert_array_equal(mitigator.assignment_matrix(), np.eye(8))


def test_correlated_readout_error(backend):
    data = run(CorrelatedReadoutError([5, 2, 3]), backend)
    mitigator = result_of(data, "Correlated Readout Mitigator")["value"]
    np.testing.assert_array_equal(mitigator.assignment_matrix(), np.eye(8))
    assert [counts for datum in counts_of(data) for counts in datum] == [
        datum["metadata"]["state_label"] for datum in data.data()
    ]


def test_quantum_volume(backend):
    experiment = QuantumVolume([2, 3, 4], trials=100, seed=1)
    data = run(experiment, backend, shots=200)
    hop = result_of(data, "mean_HOP")["value"]
    # Without noise the heavy outputs have (1 + ln 2) / 2 of the probability, for many qubits.
    assert 0.75 < hop.nominal_value < 0.9
    assert result_of(data, "quantum_volume")["value"] == 8
    assert result_of(data, "quantum_volume")["success"]


# -- experiments that need a signal --------------------------------------------------------------


@pytest.fixture(params=[ReadoutAngle, MultiStateDiscrimination])
def signal_experiment(request, monkeypatch):
    # An analysis imports scikit-learn when it is made; the run is refused before it is used.
    stub = types.ModuleType("sklearn.discriminant_analysis")
    stub.QuadraticDiscriminantAnalysis = object
    monkeypatch.setitem(sys.modules, "sklearn", types.ModuleType("sklearn"))
    monkeypatch.setitem(sys.modules, stub.__name__, stub)
    monkeypatch.setattr(HAS_SKLEARN, "_bool", True)
    return request.param([0])


def test_measurement_level_1_is_refused(backend, signal_experiment):
    with pytest.raises(OqtopusOptionError, match=r"'meas_level' must be 2.*ReadoutAngle"):
        signal_experiment.run(backend, backend_run=True)


def test_measurement_level_1_is_refused_on_the_default_route(backend, signal_experiment):
    data = signal_experiment.run(backend, analysis=None).block_for_results()
    assert data.status() is ExperimentStatus.ERROR
    assert data.data() == []
    with pytest.raises(OqtopusOptionError, match=r"'meas_level' must be 2"):
        data.jobs()[0].result()


# -- what holds an experiment together -----------------------------------------------------------


@pytest.mark.parametrize("composite", [ParallelExperiment, BatchExperiment])
def test_different_experiments_in_one(backend, composite):
    parts = [T1([1], DELAYS), Rabi([4], np.linspace(0, 2, 15)), FineXAmplitude([3])]
    data = run(composite(parts, flatten_results=False), backend)
    t1, rabi, fine = data.child_data()
    assert counts_of(t1) == [{"1": SHOTS}] * len(DELAYS)
    assert_within_5_sigma(pi_amplitude(rabi), 1.0)
    assert_within_5_sigma(result_of(fine, "d_theta")["value"], 0.0)


def test_jobs_belong_to_the_backend(backend):
    data = run(Rabi([0]), backend)
    (job,) = data.jobs()
    assert data.job_ids == [job.job_id()]
    assert job.backend() is backend
    assert data.backend is backend
    assert job.status() is JobStatus.DONE
    assert {datum["job_id"] for datum in data.data()} == {job.job_id()}


def test_many_jobs(backend):
    experiment = Rabi([0], np.linspace(0, 2, 11))
    experiment.set_experiment_options(max_circuits=4)
    data = run(experiment, backend)
    assert len(data.jobs()) == len(set(data.job_ids)) == 3
    assert sorted(datum["metadata"]["xval"] for datum in data.data()) == list(np.linspace(0, 2, 11))
    assert_within_5_sigma(pi_amplitude(data), 1.0)


def test_copied_backend_gives_the_same(backend):
    twin = copy.deepcopy(backend)
    experiment = Rabi([3], np.linspace(0, 2, 11))
    assert counts_of(run(experiment, twin)) == counts_of(run(experiment, backend))


def test_seed_of_the_run_options(backend):
    experiment = Rabi([3], np.linspace(0, 2, 11))
    first, again, other = (
        counts_of(run(experiment, backend, seed_simulator=seed)) for seed in (1, 1, 2)
    )
    assert first == again != other


def test_save_and_load(backend):
    data = run(Rabi([3]), backend)
    saved = json.dumps(data, cls=ExperimentEncoder)
    loaded = json.loads(saved, cls=ExperimentDecoder)
    assert isinstance(loaded, ExperimentData)
    assert type(loaded.experiment) is Rabi
    assert counts_of(loaded) == counts_of(data)
    assert str(pi_amplitude(loaded)) == str(pi_amplitude(data))
    repeated = run(loaded.experiment, backend)
    assert counts_of(repeated) == counts_of(data)
