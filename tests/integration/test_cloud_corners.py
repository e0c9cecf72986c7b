"""What is easily overlooked: shared polls, hanging servers, runs that are resumed or incomplete."""

import logging
import math
import pickle
import re
import threading
import time

import numpy as np
import pytest
from qiskit import ClassicalRegister, QuantumCircuit, transpile
from qiskit.circuit import Parameter
from qiskit.circuit.classical import expr
from qiskit.providers import JobStatus
from qiskit.quantum_info import SparsePauliOp

from qiskit_oqtopus import (
    EstimatorV2,
    OqtopusCircuitError,
    OqtopusJobError,
    OqtopusJobTimeoutError,
    OqtopusOptionError,
    OqtopusProvider,
    OqtopusPubError,
    OqtopusSubmissionError,
    SamplerV2,
)
from qiskit_oqtopus.client.api import Client
from qiskit_oqtopus.client.models import Submission
from qiskit_oqtopus.client.storage import pack_json

emulator = pytest.importorskip("qiskit_oqtopus.emulator")
pytestmark = pytest.mark.usefixtures("no_faults")


@pytest.fixture(scope="module")
def cloud():
    with emulator.Emulator(devices=["grid-16q", "line-4q"], seed=3) as running:
        yield running


@pytest.fixture
def backend(provider):
    return provider.backend("line-4q")


def flip(backend, bit=0, name="flip", **metadata):
    circuit = QuantumCircuit(4, 2, name=name, metadata=metadata)
    circuit.x(0)
    circuit.measure(0, bit)
    return transpile(circuit, backend, initial_layout=range(4))


def executed(cloud):
    return sum(cloud.executions.values())


# -- resume ----------------------------------------------------------------------------------------


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


# -- status ----------------------------------------------------------------------------------------


def test_asking_for_one_job_tells_of_the_others(cloud, backend):
    cloud.faults.slow_queue(math.inf, which="slow")
    slow, fast = (SamplerV2(backend).run([flip(backend, 0, n)], shots=5) for n in ("slow", "fast"))
    deadline = time.monotonic() + 20
    while fast.status() is not JobStatus.DONE and time.monotonic() < deadline:
        assert slow.status() is JobStatus.QUEUED  # asked first, and never done
        time.sleep(0.3)
    assert fast.status() is JobStatus.DONE
    before = len(cloud.requests)
    for _ in range(50):
        assert (slow.status(), fast.status()) == (JobStatus.QUEUED, JobStatus.DONE)
    assert len(cloud.requests) - before <= 2


def test_a_status_is_asked_for_once(cloud, backend):
    cloud.faults.slow_queue(math.inf)
    job = backend.run(flip(backend), shots=5)
    cloud.faults.status(503, "down", method="GET", path="/jobs/*", times=None)
    before = len(cloud.requests)
    assert job.status() is JobStatus.QUEUED
    assert len(cloud.requests) == before + 1


def test_a_status_needs_no_account_that_works(provider, backend, caplog):
    job = backend.run(flip(backend), shots=5)

    def broken(job_id):
        raise OqtopusOptionError("the proxy is no proxy")

    provider._connection.client.job = broken
    assert job.status() is JobStatus.QUEUED
    assert "the proxy is no proxy" in caplog.text


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


def test_waiting_goes_on_where_there_are_no_more_threads(cloud, backend, monkeypatch):
    class Exhausted(threading.Thread):
        def start(self):
            if self.name == "oqtopus-poll":
                raise RuntimeError("can't start new thread")
            super().start()

    monkeypatch.setattr(threading, "Thread", Exhausted)
    for _ in range(2):
        job = backend.run(flip(backend), shots=5)
        assert job.result(timeout=60).get_counts() == {"01": 5}


@pytest.mark.parametrize("timeout", [None, 20])
def test_what_a_poll_raises_reaches_who_waits(cloud, provider, backend, timeout):
    cloud.faults.slow_queue(math.inf)
    job = backend.run(flip(backend), shots=5)
    calls = []

    def broken(job_id):
        calls.append(job_id)
        raise OqtopusOptionError("the proxy is no proxy")

    provider._connection.client.job = broken
    with pytest.raises(OqtopusOptionError, match="the proxy is no proxy"):
        job.result(timeout=timeout)
    assert len(calls) == 1


def test_a_timeout_holds_while_the_server_hangs(cloud, provider, backend):
    cloud.faults.slow_queue(math.inf)
    job = backend.run(flip(backend), shots=5)
    released = threading.Event()
    real = provider._connection.client.job

    def hanging(job_id):
        released.wait(30)
        return real(job_id)

    provider._connection.client.job = hanging
    time.sleep(1.3)  # so that it is time to ask again
    try:
        with pytest.raises(OqtopusJobTimeoutError, match=r"within 0\.5 s"):
            job.result(timeout=0.5)
        assert not released.is_set()
    finally:
        released.set()
        provider._connection.client.job = real
    cloud.faults.clear()
    assert job.result(timeout=60).get_counts() == {"01": 5}


def test_the_words_of_a_timeout(cloud, backend):
    cloud.faults.slow_queue(math.inf)
    job = SamplerV2(backend).run([flip(backend)], shots=5)
    with pytest.raises(OqtopusJobTimeoutError, match=r"within 0\.2 s"):
        job.wait_for_final_state(0.2)
    with pytest.raises(OqtopusJobTimeoutError, match=r"within 0\.3 s"):
        job.wait_for_final_state(0.3, wait=0.1, callback=lambda *_: None)


# -- what is lost, and what must not be found ------------------------------------------------------


def test_a_broken_progress_does_not_stop_a_run(cloud, backend, caplog):
    def broken(stage, done, total):
        raise BrokenPipeError("stdout is gone")

    with caplog.at_level(logging.WARNING):
        job = backend.run([flip(backend)] * 3, shots=5, progress=broken)
        assert len(job.result(timeout=60).results) == 3
    stages = re.findall("progress of '(.*?)' is not reported any more", caplog.text)
    assert stages == ["submit", "run", "download"]


def test_pickles_hold_no_links(cloud, provider, backend, account):
    job = SamplerV2(backend).run([flip(backend)], shots=5)
    job.result()
    found = provider.job(job.job_id())
    for thing in (backend, job, found, provider):
        assert b"Signature=" not in pickle.dumps(thing)
    restored = pickle.loads(pickle.dumps(found))
    assert restored.result()[0].data.c.get_counts() == {"01": 5}


def test_metadata_keep_their_order_and_names_their_letters(cloud, provider, backend):
    circuit = flip(backend, z=1, a={"y": 1, "b": 2})
    circuit.name = "half \ud800 pair"
    job = backend.run(circuit, shots=5, tags=["\udfff"])
    job.result(timeout=60)
    header = provider.job(job.job_id()).result().results[0].header
    assert header["name"] == "half \ud800 pair"
    assert list(header["metadata"]) == ["z", "a"]
    assert list(header["metadata"]["a"]) == ["y", "b"]


# -- PUBs ------------------------------------------------------------------------------------------


def test_every_wrong_pub_is_one_clear_error(cloud, backend):
    angle = Parameter("angle")
    sampled = QuantumCircuit(4, 1)
    sampled.rz(angle, 0)
    sampled.measure(0, 0)
    estimated = QuantumCircuit(4)
    estimated.rz(angle, 0)
    named = QuantumCircuit(4)
    named.add_register(ClassicalRegister(1, "self"))
    named.measure(0, 0)
    curve = QuantumCircuit(4, 1)
    curve.rz(1 / angle, 0)
    curve.measure(0, 0)
    before = len(cloud.jobs)
    for primitive, pub, words in [
        (SamplerV2, (sampled, {"x": 0.1}), "for the parameters x, and its circuit has angle"),
        (EstimatorV2, (estimated, "ZZZZ", {"x": 0.1}), "for the parameters x, and its circuit"),
        (SamplerV2, named, "a register has a name that results cannot have"),
        (SamplerV2, (curve, [[1.0], [0.0]]), "has no value for parameter set 1 ("),
        (EstimatorV2, (QuantumCircuit(0), ""), "its circuit has no qubits"),
        (
            EstimatorV2,
            (estimated, np.zeros((0, 1), dtype=object), [[0.1], [0.2]]),
            "it has no elements",
        ),
    ]:
        with pytest.raises(OqtopusPubError) as caught:
            primitive(backend).run([pub])
        assert words in str(caught.value)
        assert caught.value.pub == 0
    with_variable = QuantumCircuit(4, 1)
    with_variable.store(with_variable.add_var("v", expr.lift(False)), expr.lift(True))
    with pytest.raises(OqtopusCircuitError, match="PUB 0"):
        EstimatorV2(backend).run([(with_variable, "ZZZZ")])
    with pytest.raises(OqtopusPubError) as caught:
        EstimatorV2(backend).run([(estimated, "ZZZZ"), (estimated, "ZZZZ", [0.1], 0)])
    assert [place for place, _ in caught.value.problems] == [0]
    with pytest.raises(OqtopusPubError) as caught:
        EstimatorV2(backend).run([(estimated, "ZZZZ", [0.1], 0), (estimated, "Z" * 4, [0.1], 1e-9)])
    assert [place for place, _ in caught.value.problems] == [0, 1]
    assert len(cloud.jobs) == before


def test_a_projector_on_many_qubits_is_one_program(cloud, provider):
    device = provider.backend("grid-16q")
    circuit = QuantumCircuit(16)
    circuit.x(3)
    job = EstimatorV2(device).run([(circuit, ["III" + "0" * 13, "III" + "0" * 9 + "1000"])])
    assert len(job.job_ids()) == 1
    np.testing.assert_allclose(job.result()[0].data.evs, [0, 1], atol=1e-9)


# -- the provider ----------------------------------------------------------------------------------


def test_circuits_are_sent_again_under_an_id_of_their_own(cloud, backend):
    cloud.faults.fail_program("bad")
    job = backend.run([flip(backend), flip(backend, name="bad")], shots=5)
    job.result(timeout=60, partial=True)
    cloud.faults.clear()
    before = len(cloud.jobs)
    with pytest.raises(OqtopusOptionError, match="in use by 2 jobs"):
        job.resubmit(group_id=job.group_id)
    with pytest.raises(OqtopusOptionError, match=r"'memory', 'shots' cannot be given to resubmit"):
        job.resubmit(shots=7, memory=True)
    assert len(cloud.jobs) == before
    again = job.resubmit(group_id="another-id-for-the-failed-one")
    assert again.result(timeout=60).get_counts() == {"01": 5}


def test_options_of_the_transpiler_are_plain_json(cloud, backend):
    before = len(cloud.jobs)
    for value in (math.nan, object(), np.array([0, 1])):
        options = {"transpiler": "qiskit", "transpiler_options": {"initial_layout": value}}
        with pytest.raises(OqtopusOptionError, match="must be what JSON can write"):
            backend.run(flip(backend), **options)
        with pytest.raises(OqtopusOptionError, match="must be what JSON can write"):
            backend.check(flip(backend), **options)
    assert len(cloud.jobs) == before


def test_targets_have_gates_that_can_be_sent():
    with emulator.Emulator(["line-4q"]) as cloud:
        cloud.devices.set("line-4q", basis_gates=("sx", "rz", "sxdg", "r", "ecr", "rzx"))
        with OqtopusProvider(url=cloud.url, token=cloud.token) as provider:
            device = provider.backend("line-4q")
            assert device.operation_names == ["x", "sx", "rz", "cx", "measure", "delay"]
            circuit = QuantumCircuit(2)
            circuit.h(0)
            circuit.ecr(0, 1)
            circuit.measure_all()
            for level in range(4):
                compiled = transpile(circuit, device, optimization_level=level)
                assert device.check(compiled) == []


def test_a_device_that_does_not_say_when_it_was_calibrated(recwarn):
    with emulator.Emulator(["line-4q"]) as cloud:
        cloud.devices.set("line-4q", calibrated_at=None)
        with OqtopusProvider(url=cloud.url, token=cloud.token) as provider:
            device = provider.backend("line-4q")
            device.run(flip(device), shots=5).result(timeout=60)
    assert not [warning for warning in recwarn if "calibrated anew" in str(warning.message)]


def test_jobs_that_come_while_jobs_are_listed():
    with emulator.Emulator(["line-4q"]) as cloud:
        device = OqtopusProvider(url=cloud.url, token=cloud.token).backend("line-4q")
        circuit = flip(device)
        known = [device.run(circuit, shots=1).job_id() for _ in range(105)]
        listed = device.provider.jobs(limit=None)
        found = [next(listed).job_id() for _ in range(50)]
        for _ in range(10):
            device.run(circuit, shots=1)
        found += [job.job_id() for job in listed]
    assert sorted(found) == sorted(known)


def test_signatures_of_links_are_in_no_log(cloud, caplog):
    with caplog.at_level(logging.DEBUG):
        device = OqtopusProvider(url=cloud.url, token=cloud.token).backend("line-4q")
        device.run(flip(device), shots=5).result(timeout=60)
    # The emulator, which is the server here, has a log of its own.
    ours = [r for r in caplog.records if r.name.startswith(("urllib3", "qiskit_oqtopus.client"))]
    assert any(r.name.startswith("urllib3") and "device_info" in r.getMessage() for r in ours)
    assert not any("Signature" in r.getMessage() for r in ours)


def foreign(cloud, program, description=""):
    """Return the id of a job that another client has sent."""
    with Client(cloud.url, cloud.token) as client:
        registered = client.register()
        client.upload(registered.upload, pack_json({"program": [program]}))
        submission = Submission(
            name="foreign",
            description=description,
            device_id="line-4q",
            job_type="sampling",
            shots=10,
            transpiler_info={"transpiler_lib": None},
        )
        client.submit(registered.job_id, submission)
    return registered.job_id


def test_the_reason_why_an_unreadable_program_failed(cloud, provider):
    job = provider.job(foreign(cloud, "OPENQASM 3.0; nonsense"))
    with pytest.raises(OqtopusJobError, match="failed to execute job on device"):
        job.result(timeout=60)


@pytest.mark.parametrize("place", ["5/3", "0/999999999"])
def test_descriptions_that_cannot_be_ours(cloud, provider, place):
    program = (
        'OPENQASM 3.0;\ninclude "stdgates.inc";\nqubit[1] q;\nbit[1] c;\nx q[0];\n'
        "c[0] = measure q[0];\n"
    )
    job_id = foreign(cloud, program, f"qiskit-oqtopus group-11111111-1111 {place} {'a' * 64}")
    job = provider.job(job_id)
    assert job.result(timeout=60).get_counts() == {"1": 10}
    assert job.status() is JobStatus.DONE
    assert job_id in [job.job_id() for job in provider.jobs(limit=5)]


def test_passwords_of_proxies_are_not_pickled(cloud):
    named = OqtopusProvider(url=cloud.url, token=cloud.token, proxy="http://me:secret@127.0.0.1:9")
    assert b"secret" not in pickle.dumps(named)
    plain = OqtopusProvider(url=cloud.url, token=cloud.token, proxy="http://127.0.0.1:9")
    assert b"127.0.0.1:9" in pickle.dumps(plain)
