"""Experiments of qiskit-experiments with ``sampler=SamplerV2(backend)``: their ids are ours."""

import json

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.providers import JobStatus
from qiskit.quantum_info import Statevector, state_fidelity
from qiskit_experiments.framework import BatchExperiment, ExperimentData, ExperimentStatus
from qiskit_experiments.library import T1, StandardRB, StateTomography

from qiskit_oqtopus import OqtopusProvider, QulacsBackend, SamplerV2
from qiskit_oqtopus.experiments import Rabi, pi_amplitude
from qiskit_oqtopus.primitives.job import PrimitiveJob
from tests.integration.test_cloud_experiments import (
    AMPLITUDES,
    DELAYS,
    LENGTHS,
    PAIR,
    QUBIT,
    SEED,
    assert_within_5_sigma,
    in_new_process,
    plain,
)

emulator = pytest.importorskip("qiskit_oqtopus.emulator")
pytestmark = pytest.mark.usefixtures("no_faults")

SHOTS = 500


@pytest.fixture(scope="module")
def cloud():
    with emulator.Emulator(devices=["grid-16q"], seed=SEED) as running:
        yield running


@pytest.fixture
def backend(cloud):
    with OqtopusProvider(url=cloud.url, token=cloud.token) as opened:
        yield opened.backend("grid-16q")


def run(experiment, backend, **options):
    # Some versions of qiskit-experiments do not pass the shots on to a sampler that they are given.
    sampler = SamplerV2(backend, options={"default_shots": SHOTS})
    data = experiment.run(sampler=sampler, **options).block_for_results()
    assert data.status() is ExperimentStatus.DONE, data.errors()
    return data


def rabi():
    return Rabi([QUBIT], AMPLITUDES)


def t1():
    return T1([QUBIT], DELAYS)


def rb():
    return StandardRB(PAIR, LENGTHS, num_samples=2, seed=SEED)


def tomography():
    circuit = QuantumCircuit(2)
    circuit.h(0)
    circuit.cx(0, 1)
    return StateTomography(circuit, physical_qubits=PAIR)


def test_rabi_finds_the_angle(cloud, backend):
    data = run(rabi(), backend)
    assert_within_5_sigma(pi_amplitude(data), 1.0)
    assert [datum["shots"] for datum in data.data()] == [SHOTS] * len(AMPLITUDES)
    (job,) = data.jobs()
    assert isinstance(job, PrimitiveJob)
    assert data.job_ids == [job.job_id()]
    assert job.backend() is data.backend is backend
    assert data.provider is backend.provider
    assert len(job.job_ids()) == len(AMPLITUDES)
    assert {cloud.executions[job_id] for job_id in job.job_ids()} == {1}


def test_tomography_finds_the_state(backend):
    data = run(tomography(), backend)
    row = data.analysis_results("state", dataframe=True, columns="all").iloc[0]
    bell = Statevector(np.array([1, 0, 0, 1]) / np.sqrt(2))
    # 9 bases of 500 shots: an infidelity of 0.05 would be tens of standard errors.
    assert state_fidelity(row["value"], bell, validate=False) > 0.95


@pytest.mark.slow
@pytest.mark.parametrize(
    ("make", "way"),
    [(rabi, "add_jobs"), (rabi, "provider"), (rb, "provider"), (t1, "add_jobs")],
)
def test_a_new_process_finds_the_same_from_the_ids(cloud, backend, make, way):
    data = run(make(), backend)
    original = plain(data)
    found = in_new_process(cloud, data, way)
    assert found["data"] == json.loads(json.dumps(original["data"]))
    assert found["results"] == original["results"]
    assert found["status"] == "DONE"
    assert found["errors"] == ""


@pytest.mark.parametrize("make", [tomography, lambda: BatchExperiment([rabi(), t1()])])
def test_another_provider_finds_the_same_from_the_ids(cloud, backend, make):
    data = run(make(), backend)
    provider = OqtopusProvider(url=cloud.url, token=cloud.token)
    again = ExperimentData(experiment=make(), provider=provider, job_ids=data.job_ids)
    again = make().analysis.run(again).block_for_results()
    assert again.status() is ExperimentStatus.DONE, again.errors()
    for ours, theirs in zip(again.data(), data.data(), strict=True):
        assert ours["metadata"] == theirs["metadata"]
        assert ours["counts"] == theirs["counts"]
        assert ours["memory"] == theirs["memory"]


def test_a_failed_circuit_is_an_error_with_the_words_of_the_server(cloud, backend):
    cloud.faults.fail_program("rabi_0.5", message="the fridge is warm")
    data = rabi().run(sampler=SamplerV2(backend), shots=SHOTS).block_for_results()
    assert data.status() is ExperimentStatus.ERROR
    assert data.job_status() is JobStatus.ERROR
    assert "the fridge is warm" in data.errors()
    (job,) = data.jobs()
    assert "('rabi_0.5')" in job.error_message()
    partial = job.result(partial=True)
    assert [pub is None for pub in partial].count(True) == 1


def test_jobs_are_cancelled(cloud, backend):
    slow = cloud.faults.slow_queue(float("inf"))
    data = rabi().run(sampler=SamplerV2(backend), shots=SHOTS)
    assert data.job_status() is JobStatus.QUEUED
    assert data.cancel_jobs()
    slow.remove()
    data.block_for_results()
    assert data.job_status() is JobStatus.CANCELLED


def test_on_the_simulator():
    backend = QulacsBackend(num_qubits=2, seed_simulator=3)
    data = run(Rabi([0], AMPLITUDES), backend)
    assert_within_5_sigma(pi_amplitude(data), 1.0)
    assert data.backend is backend
