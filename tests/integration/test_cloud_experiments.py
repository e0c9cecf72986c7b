"""The experiments of qiskit-experiments, with their own analyses, through a local OQTOPUS Cloud.

Without noise an experiment is asserted to find what is there. Then its data are read again by
another process, which is told the ids of the jobs and nothing else.
"""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.primitives import BackendSamplerV2
from qiskit.providers import JobStatus
from qiskit.quantum_info import Statevector, state_fidelity
from qiskit_experiments.database_service import LocalExperimentService
from qiskit_experiments.framework import (
    BatchExperiment,
    ExperimentData,
    ExperimentStatus,
    ParallelExperiment,
)
from qiskit_experiments.library import T1, LocalReadoutError, StandardRB, StateTomography

from qiskit_oqtopus import OqtopusJob
from qiskit_oqtopus.experiments import Rabi, pi_amplitude

emulator = pytest.importorskip("qiskit_oqtopus.emulator")
pytestmark = pytest.mark.usefixtures("no_faults")

SEED = 11
SHOTS = 500
DELAYS = np.linspace(1e-6, 50e-6, 6)
AMPLITUDES = np.linspace(0, 2, 21)
LENGTHS = [1, 10, 20]

# The hardware's own number of qubit 5 is 3; a cx of the device goes from 5 to 9 only.
QUBIT, PAIR = 5, (9, 5)

NEW_PROCESS = """
import json, sys
from qiskit_experiments.framework import ExperimentData, ExperimentDecoder
from qiskit_oqtopus import OqtopusProvider

asked = json.load(sys.stdin)
experiment = json.loads(asked["experiment"], cls=ExperimentDecoder).experiment()
provider = OqtopusProvider()
if asked["way"] == "add_jobs":
    data = ExperimentData(experiment=experiment)
    data.add_jobs([provider.job(job_id) for job_id in asked["job_ids"]])
else:
    data = ExperimentData(experiment=experiment, provider=provider, job_ids=asked["job_ids"])
data = experiment.analysis.run(data).block_for_results()
rows = data.analysis_results(dataframe=True, columns="all")
found = {
    "status": data.status().name,
    "errors": data.errors(),
    "results": [[name, repr(value)] for name, value in zip(rows["name"], rows["value"])],
    "data": [[dict(d["counts"]), d["shots"], d["metadata"]] for d in data.data()],
    "backend": data.backend.name if data.backend else None,
}
json.dump(found, sys.stdout)
"""


@pytest.fixture(scope="module")
def cloud():
    with emulator.Emulator(devices=["grid-16q"], seed=SEED) as running:
        yield running


@pytest.fixture
def backend(provider):
    return provider.backend("grid-16q")


def run(experiment, *, shots: int = SHOTS, **options) -> ExperimentData:
    options = options or {"backend_run": True, "seed_simulator": SEED}
    data = experiment.run(shots=shots, **options).block_for_results()
    assert data.status() is ExperimentStatus.DONE, data.errors()
    return data


def result_of(data: ExperimentData, name: str, row: int = 0):
    return data.analysis_results(name, dataframe=True, columns="all").iloc[row]


def counts_of(data: ExperimentData) -> list[dict[str, int]]:
    return [dict(datum["counts"]) for datum in data.data()]


def by_amplitude(data: ExperimentData) -> dict[float, dict[str, int]]:
    return {datum["metadata"]["xval"]: dict(datum["counts"]) for datum in data.data()}


def assert_within_5_sigma(value, expected: float) -> None:
    assert value.std_dev > 0
    assert abs(value.nominal_value - expected) < 5 * value.std_dev


def plain(data: ExperimentData) -> dict:
    """Return what NEW_PROCESS prints of data."""
    rows = data.analysis_results(dataframe=True, columns="all")
    return {
        "status": data.status().name,
        "errors": data.errors(),
        "results": [
            [name, repr(value)] for name, value in zip(rows["name"], rows["value"], strict=True)
        ],
        "data": [[dict(d["counts"]), d["shots"], d["metadata"]] for d in data.data()],
        "backend": data.backend.name,
    }


def in_new_process(cloud, data: ExperimentData, way: str) -> dict:
    """Analyse the jobs of an experiment again, in a process that knows only their ids."""
    experiment = json.dumps(data.experiment.config(), cls=data._json_encoder)
    asked = {"experiment": experiment, "job_ids": data.job_ids, "way": way}
    finished = subprocess.run(
        [sys.executable, "-c", NEW_PROCESS],
        input=json.dumps(asked),
        env={**os.environ, "OQTOPUS_URL": cloud.url, "OQTOPUS_API_TOKEN": cloud.token},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    return json.loads(finished.stdout)


def measured_qubits(cloud, job: OqtopusJob) -> set[str]:
    """Return the qubits that the programs of a job measure, as the cloud was told."""
    programs = [cloud.view(cloud.jobs[job_id]).programs[0] for job_id in job.job_ids()]
    return {
        line.split("measure ")[1].rstrip(";")
        for program in programs
        for line in program.split("\n")
        if " = measure " in line
    }


# -- what they find ------------------------------------------------------------------------------


def test_rabi(cloud, backend):
    data = run(Rabi([QUBIT], AMPLITUDES, backend=backend))
    row = result_of(data, "rabi_rate")
    assert row["quality"] == "good"
    assert_within_5_sigma(row["value"], 0.5)
    assert_within_5_sigma(pi_amplitude(data), 1.0)
    assert [str(component) for component in row["components"]] == [f"Q{QUBIT}"]
    (job,) = data.jobs()
    assert measured_qubits(cloud, job) == {f"q[{QUBIT}]"}
    assert data.provider is backend.provider
    assert job.backend() is backend
    assert job.error_message() is None
    assert {cloud.executions[job_id] for job_id in job.job_ids()} == {1}


def test_rabi_takes_its_options_for_the_cloud(cloud, backend):
    experiment = Rabi([QUBIT], AMPLITUDES, backend=backend)
    experiment.set_run_options(shots=200, tags=["calibration"], name="rabi of the night")
    data = experiment.run(backend_run=True).block_for_results()
    assert [datum["shots"] for datum in data.data()] == [200] * len(AMPLITUDES)
    jobs = [cloud.jobs[job_id] for job in data.jobs() for job_id in job.job_ids()]
    assert {job.name for job in jobs} == {"rabi of the night"}
    assert all("calibration" in job.description for job in jobs)


def test_t1_stays_excited(cloud, backend):
    data = run(T1([QUBIT], DELAYS, backend=backend))
    assert counts_of(data) == [{"1": SHOTS}] * len(DELAYS)
    xvals = [datum["metadata"]["xval"] for datum in data.data()]
    np.testing.assert_allclose(xvals, DELAYS, rtol=1e-3)
    # The delays were sent, in ns; the experiment rounds them to the device's dt.
    (job,) = data.jobs()
    programs = [cloud.view(cloud.jobs[job_id]).programs[0] for job_id in job.job_ids()]
    sent = [float(program.split("delay[")[1].split("ns]")[0]) for program in programs]
    np.testing.assert_allclose(np.array(sent) * 1e-9, xvals, rtol=1e-9)
    assert result_of(data, "T1")["quality"] == "bad"


@pytest.mark.parametrize("qubits", [(QUBIT,), PAIR], ids=["one", "pair"])
def test_rb_finds_no_error(cloud, backend, qubits):
    data = run(StandardRB(qubits, LENGTHS, num_samples=2, seed=SEED, backend=backend))
    outcome = "0" * len(qubits)
    assert counts_of(data) == [{outcome: SHOTS}] * (2 * len(LENGTHS))
    assert result_of(data, "EPC")["value"].nominal_value == pytest.approx(0, abs=1e-6)
    (job,) = data.jobs()
    assert measured_qubits(cloud, job) == {f"q[{qubit}]" for qubit in qubits}


def test_state_tomography_finds_the_state(backend):
    circuit = QuantumCircuit(2)
    circuit.h(0)
    circuit.cx(0, 1)
    circuit.s(1)
    data = run(StateTomography(circuit, physical_qubits=PAIR, backend=backend), shots=5000)
    # The fitter returns a physical state, and the noise of the shots leaves some infidelity.
    assert result_of(data, "state_fidelity")["value"] > 0.97
    found = result_of(data, "state")["value"]
    assert state_fidelity(found, Statevector(circuit), validate=False) > 0.97


def test_local_readout_finds_no_error(backend):
    qubits = [QUBIT, 14, 2]
    data = run(LocalReadoutError(qubits, backend=backend))
    mitigator = result_of(data, "Local Readout Mitigator")["value"]
    np.testing.assert_array_equal(mitigator.assignment_matrix(), np.eye(8))
    assert mitigator.qubits == qubits


def test_composite_experiments(backend):
    first, second = Rabi([QUBIT], AMPLITUDES), Rabi([10], AMPLITUDES)
    for composite in (
        ParallelExperiment([first, second], backend=backend, flatten_results=False),
        BatchExperiment([first, second], backend=backend, flatten_results=False),
    ):
        data = run(composite)
        for index in range(2):
            assert_within_5_sigma(pi_amplitude(data.child_data(index)), 1.0)


# -- the other routes ----------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore:The SamplerV2 class is deprecated")
@pytest.mark.parametrize("route", ["default", "sampler"])
def test_rabi_by_the_routes_of_samplers(cloud, backend, route):
    # By default, it is the SamplerV2 of qiskit-ibm-runtime in its local mode.
    options = {
        "default": {"backend": backend},
        # qiskit-experiments does not pass the shots on to a sampler that it is given.
        "sampler": {"sampler": BackendSamplerV2(backend=backend, options={"default_shots": SHOTS})},
    }[route]
    before = set(cloud.jobs)
    data = run(Rabi([QUBIT], AMPLITUDES), **options)
    assert [datum["shots"] for datum in data.data()] == [SHOTS] * len(AMPLITUDES)
    assert result_of(data, "rabi_rate")["quality"] == "good"
    assert_within_5_sigma(pi_amplitude(data), 1.0)
    sent = set(cloud.jobs) - before
    assert len(sent) == len(AMPLITUDES)
    assert {cloud.executions[job_id] for job_id in sent} == {1}


# -- again, from the ids of the jobs -------------------------------------------------------------


def rabi(backend):
    return Rabi([QUBIT], AMPLITUDES, backend=backend)


def rb(backend):
    return StandardRB(PAIR, LENGTHS, num_samples=2, seed=SEED, backend=backend)


def t1(backend):
    return T1([QUBIT], DELAYS, backend=backend)


@pytest.mark.slow
@pytest.mark.parametrize("way", ["add_jobs", "provider"])
@pytest.mark.parametrize("make", [rabi, rb, t1])
def test_a_new_process_finds_the_same_from_the_ids(cloud, backend, make, way):
    data = run(make(backend))
    original = plain(data)
    found = in_new_process(cloud, data, way)
    assert found["data"] == json.loads(json.dumps(original["data"]))
    assert found["results"] == original["results"]
    assert found["status"] == original["status"] == "DONE"
    assert found["errors"] == ""
    if way == "add_jobs":  # the other way, qiskit-experiments never asks a job for its backend
        assert found["backend"] == "grid-16q"


def test_each_circuit_is_a_job_that_can_be_added(cloud, backend, provider):
    data = run(rabi(backend))
    (job,) = data.jobs()
    again = ExperimentData(experiment=rabi(backend))
    again.add_jobs([provider.job(job_id) for job_id in job.job_ids()])
    again.block_for_results()
    # They are added as they come, so that their order is any.
    assert by_amplitude(again) == by_amplitude(data)
    again = Rabi([QUBIT], AMPLITUDES).analysis.run(again).block_for_results()
    assert_within_5_sigma(pi_amplitude(again), 1.0)


def test_data_saved_by_their_service_load_their_jobs_from_the_provider(
    cloud, backend, provider, tmp_path
):
    # Without results of an analysis: those, qiskit-experiments 0.14.2 cannot read from its disk.
    data = rabi(backend).run(analysis=None, backend_run=True, shots=SHOTS).block_for_results()
    data.service = LocalExperimentService(str(tmp_path))
    data.save()
    service = LocalExperimentService(str(tmp_path))
    loaded = ExperimentData.load(data.experiment_id, service=service, provider=provider)
    assert loaded.job_ids == data.job_ids
    assert counts_of(loaded) == counts_of(data)
    again = Rabi([QUBIT], AMPLITUDES).analysis.run(loaded).block_for_results()
    assert_within_5_sigma(pi_amplitude(again), 1.0)


# -- when jobs fail, are cancelled, or are slow --------------------------------------------------


def test_a_failed_circuit_is_an_error_with_the_words_of_the_server(cloud, backend):
    cloud.faults.fail_program("rabi_0.5", message="the fridge is warm")
    data = rabi(backend).run(backend_run=True).block_for_results()
    assert data.status() is ExperimentStatus.ERROR
    assert data.job_status() is JobStatus.ERROR
    assert "the fridge is warm" in data.errors()
    (job,) = data.jobs()
    assert "the fridge is warm" in job.error_message()
    assert "'rabi_0.5'" in job.error_message()
    # What did not fail is there, for those who ask for it.
    partial = job.result(partial=True)
    assert [entry.success for entry in partial.results].count(False) == 1


def test_jobs_are_cancelled(cloud, backend):
    slow = cloud.faults.slow_queue(float("inf"))
    data = rabi(backend).run(backend_run=True)
    assert data.job_status() is JobStatus.QUEUED
    assert data.cancel_jobs()
    slow.remove()
    data.block_for_results()
    assert data.job_status() is JobStatus.CANCELLED
    assert {job_status.name for job in data.jobs() for job_status in job.statuses()} == {
        "CANCELLED"
    }


def test_a_timeout_leaves_the_jobs_running(cloud, backend, provider):
    slow = cloud.faults.slow_queue(float("inf"))
    data = rabi(backend).run(backend_run=True)
    (job_id,) = data.job_ids
    data.block_for_results(timeout=0.5)
    assert provider.job(job_id).status() is JobStatus.QUEUED
    slow.remove()
    assert len(provider.job(job_id).result(timeout=60).results) == len(AMPLITUDES)
