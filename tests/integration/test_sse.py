"""Experiments and primitives by route="sse", and a client that is killed, through the emulator."""

import os
import subprocess
import sys
import threading

import numpy as np
import pytest
from qiskit import QuantumCircuit, transpile
from qiskit.quantum_info import SparsePauliOp
from qiskit_experiments.library import T1, StandardRB

from qiskit_oqtopus import EstimatorV2, OqtopusOptionError, OqtopusProvider, SamplerV2
from qiskit_oqtopus.experiments import Characterization, Rabi, load
from tests.device_circuits import value_circuit

emulator = pytest.importorskip("qiskit_oqtopus.emulator")
pytestmark = pytest.mark.usefixtures("no_faults")

SEED = 11


@pytest.fixture(scope="module")
def cloud():
    with emulator.Emulator(devices=["grid-16q", "line-4q"], seed=SEED, sse=True) as running:
        yield running


@pytest.fixture(scope="module")
def noisy_cloud():
    with emulator.Emulator(devices=["grid-16q"], seed=SEED, sse=True, noise=True) as running:
        yield running


@pytest.fixture
def noisy(noisy_cloud):
    """A device with the noise that its calibration states."""
    with OqtopusProvider(url=noisy_cloud.url, token=noisy_cloud.token) as provider:
        yield provider.backend("grid-16q")


@pytest.fixture
def backend(provider):
    return provider.backend("grid-16q")


def fit(experiment, name, **options):
    data = experiment.run(backend_run=True, shots=1000, **options).block_for_results()
    assert not data.errors()
    return data, data.analysis_results(name, dataframe=True).iloc[0]["value"]


def make_rabi(backend):
    return Rabi([5], backend=backend, amplitudes=np.linspace(0, 2, 20))


def make_t1(backend):
    return T1([5], np.linspace(1e-6, 80e-6, 10), backend=backend)


def make_rb(backend):
    # Long: with 400 Cliffords at most, one fit in 24 finds no error bars.
    lengths = [1, 200, 500, 1000, 1500]
    return StandardRB([5], lengths, num_samples=3, seed=SEED, backend=backend)


# How far two runs may be apart: 8 standard deviations of a difference, from 30 runs or more.
@pytest.mark.parametrize(
    ("make", "name", "tolerance"),
    [(make_rabi, "rabi_rate", 0.04), (make_t1, "T1", 1.2e-5), (make_rb, "alpha", 1.5e-3)],
)
def test_experiments_find_the_same(noisy_cloud, noisy, make, name, tolerance):
    data, value = fit(make(noisy), name)
    before = len(noisy_cloud.jobs)
    found, other = fit(make(noisy), name, route="sse")
    assert len(noisy_cloud.jobs) == before + 1
    assert abs(value.nominal_value - other.nominal_value) < tolerance
    assert found.job_ids == [found.jobs()[0].job_id()]
    # The same circuits in the same order: each within 7 sigma of its other run (3e-12 each).
    assert len(found.data()) == len(data.data()) == len(data.experiment.circuits())
    for one, two in zip(data.data(), found.data(), strict=True):
        assert one["metadata"] == two["metadata"]
        ones = np.array([one["counts"].get("1", 0), two["counts"].get("1", 0)])
        share = (ones.sum() + 1) / 2002
        assert abs(ones[0] - ones[1]) < 7 * np.sqrt(2000 * share * (1 - share))


def test_a_characterization_is_one_job_and_found_by_its_id(cloud, backend, provider, tmp_path):
    plan = Characterization(backend, qubits=[0, 1], measure=["readout", "t1"], shots=50, seed=1)
    before = len(cloud.jobs)
    data = plan.run(folder=tmp_path, route="sse").block_for_results()
    assert len(cloud.jobs) == before + 1
    table = plan.table(data)
    found = load(provider, data.job_ids[0])
    assert found.experiment.table(found).equals(table)
    again = Characterization.load(tmp_path, backend).run(folder=tmp_path).block_for_results()
    assert len(cloud.jobs) == before + 1
    assert again.job_ids == data.job_ids


def test_primitives(cloud, backend, provider):
    circuit = QuantumCircuit(2)
    circuit.x(0)
    compiled = transpile(circuit, backend, initial_layout=[0, 1])
    observable = SparsePauliOp(["IZ", "XX"], [2.0, 0.0]).apply_layout(compiled.layout)
    estimator = EstimatorV2(backend, options={"route": "sse"})
    before = len(cloud.jobs)
    job = estimator.run([(compiled, observable)], precision=0.05)
    assert len(cloud.jobs) == before + 1
    exact = job.result(timeout=60)[0].data.evs
    assert abs(exact + 2.0) < 0.2
    assert provider.job(job.job_id()).result(timeout=60)[0].data.evs == exact
    measured = circuit.measure_all(inplace=False)
    pub = transpile(measured, backend, initial_layout=[0, 1])
    sampler = SamplerV2(backend, options={"route": "sse"})
    job = sampler.run([pub, pub], shots=100)
    assert len(cloud.jobs) == before + 2
    for result in (job.result(timeout=60), provider.job(job.job_id()).result(timeout=60)):
        assert [each.data.meas.num_shots for each in result] == [100, 100]
    with pytest.raises(OqtopusOptionError, match="leave out estimation='server'"):
        EstimatorV2(backend, options={"route": "sse", "estimation": "server"}).run(
            [(compiled, observable)]
        )


KILLED = """
import sys, time
from qiskit_oqtopus import OqtopusProvider
from tests.integration.test_sse import circuits

def tell(stage, done, total):
    print(stage, done, flush=True)

device = OqtopusProvider().backend("line-4q")
job = device.run(
    circuits(), route="sse", shots=20, group_id=sys.argv[1], progress=tell, workers=1,
    sse_seconds=4.0, seconds_per_circuit=0.5,
)
print(job.job_id(), flush=True)
time.sleep(60)
"""


def circuits():
    return [value_circuit(index % 4, f"circuit-{index}") for index in range(24)]


@pytest.mark.slow
@pytest.mark.parametrize("last", ["submit 1", "submit 3"])
def test_a_client_that_is_killed(cloud, provider, last):
    group = f"{last.replace(' ', '-')}-0123456789"
    environment = {**os.environ, "OQTOPUS_URL": cloud.url, "OQTOPUS_API_TOKEN": cloud.token}
    command = [sys.executable, "-W", "ignore", "-c", KILLED, group]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        for line in process.stdout:
            if line.strip() in (last, group):
                break
        process.kill()
    with OqtopusProvider(url=cloud.url, token=cloud.token) as elsewhere:
        backend = elsewhere.backend("line-4q")
        job = backend.run(
            circuits(),
            route="sse",
            shots=20,
            resume=group,
            sse_seconds=4.0,
            seconds_per_circuit=0.5,
        )
        result = job.result(timeout=60)
        assert [result.get_counts(index) for index in range(24)] == [
            {f"{index % 4:02b}": 20} for index in range(24)
        ]
    assert len(job.job_ids()) == 3
    ours = [job_id for job_id, j in cloud.jobs.items() if f" {group}/" in (j.description or "")]
    assert sorted(ours) == sorted(job.job_ids())
    assert [cloud.executions[job_id] for job_id in ours] == [1, 1, 1]
    found = provider.job(group).result(timeout=60)
    assert found.to_dict() == result.to_dict()


def test_two_processes_resume_a_run_at_the_same_moment(cloud, provider):
    group = "night-of-the-13th"
    backend = provider.backend("line-4q")
    options = {"route": "sse", "shots": 20, "sse_seconds": 4.0, "seconds_per_circuit": 0.5}
    cloud.faults.fail_inner(3, message="no answer", times=3)
    first = backend.run(circuits(), group_id=group, **options)
    failed = first.result(timeout=60, partial=True)
    assert [i for i, each in enumerate(failed.results) if not each.success] == [3, 11, 19]
    # A duplicate that the device has fetched can be cancelled no more, as in ordinary runs.
    cloud.faults.slow_queue(4)
    jobs = [None, None]
    barrier = threading.Barrier(2)

    def resume(place):
        with OqtopusProvider(url=cloud.url, token=cloud.token) as opened:
            device = opened.backend("line-4q")
            barrier.wait()
            jobs[place] = device.run(circuits(), resume=group, **options)
            jobs[place].result(timeout=60)

    threads = [threading.Thread(target=resume, args=(place,)) for place in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    one, other = (job.result(timeout=60) for job in jobs)
    assert one.success
    assert one.to_dict() == other.to_dict()
    ours = [
        job_id
        for job_id, job in cloud.jobs.items()
        if f" {group}/" in (job.description or "") and job.status == "succeeded"
    ]
    assert len(ours) == 6
    assert provider.job(group).result(timeout=60).to_dict() == one.to_dict()
