"""Runs that are resumed: by any id, with other circuits, after failures, from another process."""

import math
import pickle
import time

import pytest
from qiskit import QuantumCircuit
from qiskit.providers import JobStatus
from qiskit.quantum_info import SparsePauliOp

from qiskit_oqtopus import (
    EstimatorV2,
    OqtopusCircuitError,
    OqtopusJobError,
    OqtopusOptionError,
    OqtopusSubmissionError,
    SamplerV2,
)
from tests.device_circuits import flip

emulator = pytest.importorskip("qiskit_oqtopus.emulator")
pytestmark = pytest.mark.usefixtures("no_faults")


@pytest.fixture(scope="module")
def cloud():
    with emulator.Emulator(devices=["grid-16q", "line-4q"], seed=3) as running:
        yield running


@pytest.fixture
def backend(provider):
    return provider.backend("line-4q")


def executed(cloud):
    return sum(cloud.executions.values())


def test_any_id_of_a_run_resumes_it(cloud, provider, backend):
    single = backend.run(flip(backend), shots=5)
    single.result()
    several = SamplerV2(backend).run([flip(backend), flip(backend)], shots=5)
    several.result()
    before = executed(cloud)
    again = backend.run(flip(backend), shots=5, resume=single.job_id())
    assert again.job_id() == single.job_id()
    for job_id in (several.job_id(), several.job_ids()[1]):
        again = SamplerV2(backend).run([flip(backend)] * 2, shots=5, resume=job_id)
        assert again.job_id() == several.job_id()
        assert again.job_ids() == several.job_ids()
    assert executed(cloud) == before
    with pytest.raises(OqtopusOptionError, match=r"no job '01997cb0.* to resume: nothing was sent"):
        backend.run(flip(backend), resume="01997cb0-8d1c-7000-8000-0123456789ab")
    assert executed(cloud) == before


@pytest.mark.slow
def test_what_the_program_does_not_show_is_compared_too(cloud, backend):
    def attempt(primitive, pubs, others):
        cloud.faults.fail_program("unlucky", times=1)
        job = primitive.run(pubs)
        with pytest.raises(OqtopusJobError):
            job.result()
        with pytest.raises(OqtopusCircuitError, match="metadata or observable differ"):
            primitive.run(others, resume=job.job_id())
        resumed = primitive.run(pubs, resume=job.job_id())
        assert len(resumed.result()) == 2

    def bare(name):
        circuit = QuantumCircuit(4, name=name)
        circuit.x(0)
        return circuit

    estimator = EstimatorV2(backend, options={"estimation": "server", "default_precision": 0.1})
    names = ("lucky", "unlucky")
    attempt(
        estimator,
        [(bare(name), "IIIZ") for name in names],
        [(bare(name), SparsePauliOp("IIIZ", 5.0)) for name in names],
    )
    sampler = SamplerV2(backend, options={"default_shots": 10})
    attempt(
        sampler,
        [flip(backend, 0, name) for name in names],
        [flip(backend, 1, name) for name in names],
    )
    attempt(
        sampler,
        [flip(backend, 0, name, x=1) for name in names],
        [flip(backend, 0, name, x=2) for name in names],
    )


def test_the_latest_of_several_failures_is_told(cloud, provider, backend):
    cloud.faults.slow_queue(math.inf)
    job = SamplerV2(backend).run([flip(backend)] * 2, shots=5)
    assert job.cancel() is True
    assert job.cancel() is True  # it is cancelled still
    cloud.faults.clear()
    cloud.faults.fail_program(times=None, message="the cryostat is warm")
    job = SamplerV2(backend).run([flip(backend)] * 2, shots=5, resume=job.job_id())
    for found in (job, provider.job(job.job_id())):
        with pytest.raises(OqtopusJobError, match="the cryostat is warm"):
            found.result()
        assert found.cancel() is False


def incomplete(cloud, backend):
    """Return the group id of a run of three circuits, of which one was submitted."""

    def go_away(stage, done, total):
        if stage == "submit" and done == 1:
            cloud.faults.status(400, method="POST", path="/jobs/*/submit", times=None)

    backend.set_options(workers=1, progress=go_away)
    with pytest.raises(OqtopusSubmissionError) as caught:
        SamplerV2(backend).run([flip(backend)] * 3, shots=5)
    backend.set_options(workers=8, progress=None)
    cloud.faults.clear()
    return caught.value.group_id


def test_an_incomplete_run_is_not_done(cloud, provider, backend):
    job = provider.job(incomplete(cloud, backend))
    job.wait_for_final_state(timeout=60)
    assert job.status() is JobStatus.ERROR
    assert not job.done()
    with pytest.raises(OqtopusJobError, match="2 of 3 PUBs"):
        job.result()


@pytest.fixture
def account(cloud, monkeypatch):
    """What is unpickled looks for its account here."""
    monkeypatch.setenv("OQTOPUS_URL", cloud.url)
    monkeypatch.setenv("OQTOPUS_API_TOKEN", cloud.token)


def test_a_run_that_another_process_completes(cloud, provider, backend, account):
    group = incomplete(cloud, backend)
    watching = provider.job(group)
    SamplerV2(backend).run([flip(backend)] * 3, shots=5, resume=group)
    time.sleep(1.1)  # it looks for the rest once a second
    restored = pickle.loads(pickle.dumps(watching))
    for job in (watching, restored):
        result = job.result(timeout=60)
        assert [len(job.job_ids()), len(result)] == [3, 3]
        assert job.status() is JobStatus.DONE


def test_results_that_come_after_a_failure(cloud, provider, backend):
    group = incomplete(cloud, backend)
    watching = provider.job(group)
    job, primitive = watching.backend_jobs()[0], watching
    for found in (job, primitive):
        with pytest.raises(OqtopusJobError):
            found.result(timeout=60)
    SamplerV2(backend).run([flip(backend)] * 3, shots=5, resume=group).result()
    time.sleep(1.1)
    assert watching.status() is JobStatus.DONE
    assert job.missing == ()
    assert job.error_message() is None
    assert [entry.success for entry in job.result().results] == [True] * 3
    assert len(primitive.result()) == 3
