"""The provider, its backends and its jobs against a local OQTOPUS Cloud over real HTTP."""

import copy
import datetime
import pickle
import warnings

import numpy as np
import pytest
from qiskit import ClassicalRegister, QuantumCircuit, QuantumRegister, transpile
from qiskit.circuit import Clbit, Gate, Parameter
from qiskit.providers import JobStatus, JobTimeoutError

from qiskit_oqtopus import (
    OqtopusBackend,
    OqtopusCircuitError,
    OqtopusCredentialsError,
    OqtopusJobError,
    OqtopusJobNotFoundError,
    OqtopusNotFoundError,
    OqtopusOptionError,
    OqtopusProvider,
    OqtopusWarning,
    QulacsBackend,
)

emulator = pytest.importorskip("qiskit_oqtopus.emulator")


@pytest.fixture(scope="module")
def cloud():
    with emulator.Emulator(devices=["grid-16q", "line-4q"]) as running:
        yield running


@pytest.fixture
def backend(provider):
    return provider.backend("grid-16q")


def registers_circuit(backend, name="registers", metadata=None):
    """Return a compiled circuit with a layout of classical bits that is easily got wrong."""
    circuit = QuantumCircuit(
        QuantumRegister(3, "q"), ClassicalRegister(2, "a"), ClassicalRegister(3, "b"), name=name
    )
    circuit.x(0)
    circuit.h(1)
    circuit.cx(1, 2)
    circuit.measure([0, 1, 2], [4, 0, 1])
    circuit.metadata = metadata or {}
    return transpile(circuit, backend, initial_layout=[5, 6, 7], seed_transpiler=1)


def comparable(result):
    """Return a Result as plain data."""
    values = result.to_dict()
    for entry in values["results"]:
        entry.pop("time_taken", None)
    return values


def test_the_first_lines_of_a_user(cloud):
    provider = OqtopusProvider(url=cloud.url, token=cloud.token)
    backend = provider.backend("grid-16q")
    circuit = QuantumCircuit(2, name="bell")
    circuit.h(0)
    circuit.cx(0, 1)
    circuit.measure_all()
    job = backend.run(transpile(circuit, backend), shots=500)
    assert job.backend() is backend
    result = job.result(timeout=60)
    assert set(result.get_counts()) == {"00", "11"}
    assert sum(result.get_counts("bell").values()) == 500
    assert job.status() is JobStatus.DONE
    assert job.error_message() is None
    again = OqtopusProvider(url=cloud.url, token=cloud.token).job(job.job_id())
    assert comparable(again.result()) == comparable(result)
    assert again.job_ids() == [job.job_id()]


def test_a_batch_and_everything_about_it_comes_back(cloud, backend):
    metadata = [
        {"xval": 0.1 * i, "array": np.arange(3.0), "pair": (1, 2 + 1j), "nan": float("inf")}
        for i in range(12)
    ]
    circuits = [registers_circuit(backend, f"c{i}", metadata[i]) for i in range(12)]
    job = backend.run(circuits, shots=200, memory=True, seed_simulator=5, tags=["night run"])
    result = job.result(timeout=120)
    assert len(job.job_ids()) == len(set(job.job_ids())) == 12
    assert job.job_id() == job.group_id
    for i, entry in enumerate(result.results):
        counts = result.get_counts(f"c{i}")
        assert set(counts) == {"100 00", "100 11"}
        assert sum(counts.values()) == 200
        assert entry.header["metadata"]["pair"] == (1, 2 + 1j)
        assert entry.header["metadata"]["xval"] == metadata[i]["xval"]
        np.testing.assert_array_equal(entry.header["metadata"]["array"], np.arange(3.0))
        assert entry.header["memory_is_synthetic"] is True
        assert entry.header["calibrated_at"] == backend.calibrated_at
        assert len(entry.data.memory) == 200
    other = OqtopusProvider(url=cloud.url, token=cloud.token).job(job.job_id())
    assert other.job_ids() == job.job_ids()
    np.testing.assert_equal(comparable(other.result()), comparable(result))
    # One id out of the group gives the one result.
    one = OqtopusProvider(url=cloud.url, token=cloud.token).job(job.job_ids()[7])
    assert one.result().get_counts("c7") == result.get_counts(7)


def test_loose_bits_and_bits_in_two_registers_survive(cloud, backend):
    bits = [Clbit() for _ in range(4)]
    circuit = QuantumCircuit(2, name="odd")
    circuit.add_bits(bits[:1])
    circuit.add_register(ClassicalRegister(bits=bits[1:3], name="a"))
    circuit.add_register(ClassicalRegister(bits=bits[2:], name="b"))
    circuit.x(1)
    circuit.measure([1, 0], [2, 3])
    compiled = transpile(circuit, backend, initial_layout=[0, 1])
    job = backend.run(compiled, shots=10)
    local = QulacsBackend(num_qubits=2).run(circuit, shots=10).result()
    assert job.result(timeout=60).data()["counts"] == local.data()["counts"]
    assert job.result().get_counts() == local.get_counts()


@pytest.mark.parametrize("level", range(4))
def test_what_transpile_makes_passes_the_check(backend, level):
    circuit = QuantumCircuit(4)
    circuit.h(0)
    circuit.delay(100, 1, "ns")
    circuit.delay(50, 2, "dt")
    circuit.cx(0, 3)
    circuit.swap(1, 2)
    circuit.measure_all()
    layout = None if level else [0, 1, 2, 3]
    compiled = transpile(
        circuit, backend, optimization_level=level, seed_transpiler=2, initial_layout=layout
    )
    assert backend.check(compiled) == []
    assert backend.run(compiled, shots=20).result(timeout=60).success


def test_all_problems_of_all_circuits_at_once(cloud, backend):
    before = len(cloud.requests)
    uncompiled = QuantumCircuit(2, 2, name="uncompiled")
    uncompiled.h(0)
    uncompiled.cx(0, 1)
    uncompiled.measure([0, 1], [0, 0])
    middle = QuantumCircuit(16, 2, name="middle")
    middle.measure(0, 0)
    middle.x(0)
    middle.reset(1)
    middle.cx(0, 15)
    middle.measure(0, 1)
    silent = QuantumCircuit(1, name="silent")
    silent.rz(Parameter("phi"), 0)
    strange = QuantumCircuit(1, 1, name="strange", metadata={"f": object()})
    strange.append(Gate("mystery", 1, []), [0])
    strange.measure(0, 0)
    with pytest.raises(OqtopusCircuitError) as caught:
        backend.run([uncompiled, middle, silent, strange])
    text = str(caught.value)
    for words in (
        "'h' on qubit 0",
        "classical bit 0 is written twice",
        "after the measurement of qubit 0",
        "cannot reset",
        "does not couple",
        "measured twice",
        "unbound parameters: phi",
        "measures nothing",
        "metadata",
        "'mystery'",
    ):
        assert words in text, words
    assert len(cloud.requests) == before
    assert caught.value.problems == tuple(backend.check([uncompiled, middle, silent, strange]))


def test_options_are_checked(backend):
    compiled = registers_circuit(backend)
    for options in (
        {"shots": 0},
        {"shots": 10_000_001},
        {"meas_level": 1},
        {"transpiler": "tket"},
        {"transpiler_options": {"optimization_level": 2}},
        {"mitigation": "magic"},
        {"group_id": "Too Short"},
        {"tags": "night"},
        {"progress": 3},
        {"shotz": 3},
    ):
        with pytest.raises(OqtopusOptionError):
            backend.run(compiled, **options)


def test_backends_and_names(provider, cloud):
    names = [backend.name for backend in provider.backends()]
    assert names == ["grid-16q", "line-4q", "qulacs_simulator"]
    assert [b.name for b in provider.backends(min_qubits=5)] == ["grid-16q", "qulacs_simulator"]
    assert [b.name for b in provider.backends(name="line-4q")] == ["line-4q"]
    assert provider.backends(filters=lambda b: b.name == "line-4q")[0].num_qubits == 4
    assert isinstance(provider.backend("qulacs"), QulacsBackend)
    assert isinstance(provider.backend("qulacs_simulator"), QulacsBackend)
    with pytest.raises(OqtopusNotFoundError, match="'grid-16q', 'line-4q', 'qulacs_simulator'"):
        provider.backend("anemone")
    assert provider.get_backend("line-4q").name == "line-4q"
    assert provider.least_busy(simulator=None).name in names


def test_a_wrong_token_is_never_an_empty_list(cloud):
    provider = OqtopusProvider(url=cloud.url, token="not.it")
    for act in (provider.backends, lambda: provider.job("x" * 20), lambda: list(provider.jobs())):
        with pytest.raises(OqtopusCredentialsError) as caught:
            act()
        assert "not.it" not in str(caught.value)


def test_without_an_account_there_is_the_local_simulator(monkeypatch, tmp_path):
    for name in ("OQTOPUS_URL", "OQTOPUS_BASE_URL", "OQTOPUS_API_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    provider = OqtopusProvider()
    assert [backend.name for backend in provider.backends()] == ["qulacs_simulator"]
    assert isinstance(provider.backend("qulacs"), QulacsBackend)
    with pytest.raises(OqtopusCredentialsError, match="save_account"):
        provider.job("group-of-nobody-at-all")


def test_jobs_newest_first(provider, backend):
    first = backend.run(registers_circuit(backend, "older"), shots=5, name="listing")
    second = backend.run([registers_circuit(backend)] * 3, shots=5, name="listing")
    for job in (first, second):
        job.wait_for_final_state(60)
    listed = list(provider.jobs(limit=2, name="listing"))
    assert [job.job_id() for job in listed] == [second.job_id(), first.job_id()]
    assert listed[0].result().get_counts(2) == second.result().get_counts(2)
    assert len(list(provider.jobs(limit=1, backend="grid-16q", status="succeeded"))) == 1
    past = datetime.datetime(2020, 1, 1, tzinfo=datetime.timezone.utc)
    assert list(provider.jobs(until=past)) == []
    assert len(list(provider.jobs(limit=1, since=past, status=JobStatus.DONE))) == 1


def test_no_such_job(provider):
    for job_id in ("0190a000-0000-7000-8000-000000000000", "group-that-never-was-sent"):
        with pytest.raises(OqtopusJobNotFoundError, match=job_id):
            provider.job(job_id)


def test_a_chosen_group_id(provider, backend):
    circuits = [registers_circuit(backend)] * 2
    job = backend.run(circuits, shots=5, group_id="my-own-night-of-november")
    assert job.job_id() == "my-own-night-of-november"
    with pytest.raises(OqtopusOptionError, match="in use"):
        backend.run(circuits, shots=5, group_id="my-own-night-of-november")
    resumed = backend.run(circuits, shots=5, resume="my-own-night-of-november")
    assert resumed.job_ids() == job.job_ids()
    other = [registers_circuit(backend), transpile(circuits[0], backend)]
    other[1].rz(0.3, 5)
    with pytest.raises(OqtopusCircuitError):
        backend.run(circuits[:1], shots=5, resume="my-own-night-of-november")


def test_the_server_compiles_on_request(backend):
    circuit = QuantumCircuit(2, name="bell")
    circuit.h(0)
    circuit.cx(0, 1)
    circuit.measure_all()
    job = backend.run(circuit, shots=100, transpiler="qiskit")
    assert set(job.result(timeout=60).get_counts("bell")) == {"00", "11"}
    assert set(job.executed_circuit().count_ops()) <= {"rz", "sx", "x", "cx", "measure", "barrier"}
    plain = backend.run(transpile(circuit, backend), shots=10)
    plain.result(timeout=60)
    with pytest.raises(OqtopusJobError, match="not compiled"):
        plain.executed_circuit()


def test_mitigation(backend):
    job = backend.run(registers_circuit(backend), shots=1000, mitigation="pseudo_inverse")
    assert sum(job.result(timeout=60).get_counts().values()) <= 1000


def test_times_and_queue(backend):
    job = backend.run(registers_circuit(backend), shots=10)
    job.result(timeout=60)
    assert set(job.time_per_step()) >= {"submitted", "ended"}
    assert job.queue_info()["succeeded"] == 1


def test_progress_is_reported(backend):
    seen = []
    job = backend.run(
        [registers_circuit(backend)] * 4, shots=5, progress=lambda *step: seen.append(step)
    )
    job.result(timeout=60)
    for stage in ("submit", "run", "download"):
        assert (stage, 4, 4) in seen


def test_pickles_and_copies(cloud, backend, monkeypatch):
    copied = copy.deepcopy(backend)
    copied.set_options(shots=7)
    assert backend.options.shots == 1024
    assert sum(copied.run(registers_circuit(backend)).result(60).get_counts().values()) == 7
    data = pickle.dumps(backend)
    assert cloud.token.encode() not in data
    assert cloud.token.split(".")[1].encode() not in data
    monkeypatch.setenv("OQTOPUS_URL", cloud.url)
    monkeypatch.setenv("OQTOPUS_API_TOKEN", cloud.token)
    restored = pickle.loads(data)
    assert isinstance(restored, OqtopusBackend)
    assert restored.run(registers_circuit(backend), shots=3).result(60).success


def test_a_job_is_pickled_and_copied(cloud, backend, monkeypatch):
    job = backend.run([registers_circuit(backend)] * 2, shots=6)
    monkeypatch.setenv("OQTOPUS_URL", cloud.url)
    monkeypatch.setenv("OQTOPUS_API_TOKEN", cloud.token)
    for other in (copy.deepcopy(job), pickle.loads(pickle.dumps(job))):
        assert other.job_ids() == job.job_ids()
        assert other.result(60).get_counts(1) == job.result(60).get_counts(1)


def test_jobs_of_one_device_share_their_backend(provider, backend, cloud):
    ids = [backend.run(registers_circuit(backend), shots=3).job_id() for _ in range(3)]
    before = len(cloud.requests)
    jobs = [provider.job(job_id) for job_id in ids]
    assert len({id(job.backend()) for job in jobs}) == 1
    # One request a job, and the device with its calibration once.
    assert len(cloud.requests) - before <= len(ids) + 2


def test_no_secrets_in_reprs(cloud, provider, backend):
    job = backend.run(registers_circuit(backend), shots=3)
    secret = cloud.token.split(".")[1]
    for thing in (provider, backend, job, backend._connection, backend._connection.client):
        assert secret not in repr(thing)


def test_parallel_transpilation(backend):
    circuits = [registers_circuit(backend) for _ in range(3)]
    assert backend.check(transpile(circuits, backend, num_processes=2)) == []


def test_refresh_and_status(backend):
    with warnings.catch_warnings():
        warnings.simplefilter("error", OqtopusWarning)
        backend.refresh()
    status = backend.status()
    assert (status.operational, status.device_id) == (True, "grid-16q")


@pytest.mark.slow
def test_a_timeout_leaves_the_job(cloud):
    with emulator.Emulator(devices=["line-4q"], realistic=True) as slow:
        provider = OqtopusProvider(url=slow.url, token=slow.token)
        backend = provider.backend("line-4q")
        circuit = QuantumCircuit(4, 1)
        circuit.x(0)
        circuit.measure(0, 0)
        job = backend.run(circuit, shots=5)
        with pytest.raises(JobTimeoutError, match="goes on"):
            job.result(timeout=0.2)
        assert job.status() in (JobStatus.QUEUED, JobStatus.RUNNING)
        assert job.cancel() is True
        assert job.status() is JobStatus.CANCELLED
        with pytest.raises(OqtopusJobError):
            job.result(timeout=10)
