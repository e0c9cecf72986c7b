"""The life of a job: waiting, cancelling, failing, and what stays available."""

import math
import subprocess
import sys
import threading
import time

import pytest
from qiskit import QuantumCircuit
from qiskit.exceptions import QiskitError
from qiskit.providers import JobError, JobStatus, JobTimeoutError

from qiskit_oqtopus import (
    OqtopusJobCancelledError,
    OqtopusJobError,
    OqtopusJobTimeoutError,
    OqtopusOptionError,
    OqtopusWarning,
    QulacsBackend,
)
from qiskit_oqtopus.simulator import job as job_module
from qiskit_oqtopus.simulator.engines import run as execute


def measured(value=0, name=None):
    circuit = QuantumCircuit(1, 1, name=name)
    if value:
        circuit.x(0)
    circuit.measure(0, 0)
    return circuit


def large(num_qubits=24, layers=200):
    """Return a circuit that takes minutes."""
    circuit = QuantumCircuit(num_qubits)
    for _ in range(layers):
        circuit.rx(0.1, range(num_qubits))
        circuit.cx(range(num_qubits - 1), range(1, num_qubits))
    circuit.measure_all()
    return circuit


@pytest.fixture
def backend():
    return QulacsBackend(num_qubits=24, shots=10)


def test_a_job_from_its_beginning_to_its_end(backend):
    job = backend.run(measured(1))
    assert job.backend() is backend
    assert len(job.job_id()) == 36
    result = job.result()
    assert job.status() is JobStatus.DONE
    assert job.done()
    assert job.in_final_state()
    assert not job.running()
    assert not job.cancelled()
    assert job.error_message() is None
    assert result.to_dict() == job.result().to_dict()
    assert (result.job_id, result.backend_name) == (job.job_id(), "qulacs_simulator")
    assert result.success
    assert job.cancel() is False
    assert job.job_id() in repr(job)
    with pytest.raises(OqtopusJobError, match="submitted before"):
        job.submit()


def test_ids_are_different(backend):
    assert len({backend.run(measured()).job_id() for _ in range(20)}) == 20


@pytest.mark.parametrize("batch", [False, True])
def test_cancel_stops_a_large_circuit_between_two_gates(backend, batch):
    job = backend.run([measured(1), large(), measured(1)] if batch else large())
    time.sleep(0.3)
    assert job.status() is JobStatus.RUNNING
    start = time.monotonic()
    assert job.cancel() is True
    job.wait_for_final_state(timeout=60)
    assert time.monotonic() - start < 30  # one gate takes well below a second
    assert job.status() is JobStatus.CANCELLED
    assert job.cancelled()
    with pytest.raises(OqtopusJobCancelledError) as caught:
        job.result()
    partial = caught.value.result
    assert [entry.success for entry in partial.results] == (
        [True, False, False] if batch else [False]
    )
    if batch:
        assert partial.get_counts(0) == {"1": 10}


def test_cancel_stops_an_endless_loop(backend):
    circuit = QuantumCircuit(1, 1)
    with circuit.while_loop((0, 0)):
        circuit.x(0)
    circuit.measure(0, 0)
    job = backend.run(circuit)
    with pytest.raises(OqtopusJobTimeoutError):
        job.result(timeout=0.1)
    job.cancel()
    job.wait_for_final_state(timeout=30)
    assert job.status() is JobStatus.CANCELLED


def test_a_timeout_leaves_the_job_running(backend):
    job = backend.run(large())
    with pytest.raises(OqtopusJobTimeoutError, match="goes on") as caught:
        job.result(timeout=0.05)
    assert isinstance(caught.value, JobTimeoutError)
    with pytest.raises(OqtopusJobTimeoutError):
        job.wait_for_final_state(timeout=0.05)
    with pytest.raises(OqtopusJobTimeoutError):
        job.wait_for_final_state(timeout=0.05, wait=0.01, callback=lambda *args: None)
    assert job.status() is JobStatus.RUNNING
    job.cancel()
    job.wait_for_final_state()


def test_the_callback_of_a_wait_sees_id_status_and_job(backend):
    job = backend.run(large())
    seen = []

    def callback(job_id, status, given):
        seen.append((job_id, status, given))
        given.cancel()

    job.wait_for_final_state(timeout=60, wait=0.01, callback=callback)
    assert seen[0] == (job.job_id(), JobStatus.RUNNING, job)


def test_many_threads_may_ask(backend):
    job = backend.run([measured(i % 2) for i in range(30)])
    results = []
    threads = [threading.Thread(target=lambda: results.append(job.result())) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 8
    assert all(result.to_dict() == results[0].to_dict() for result in results)


def spoil(result):
    """Change everything in a result that can be changed."""
    for entry in result.results:
        entry.header["metadata"].get("list", []).append(3)
        entry.header["creg_sizes"][0][1] = 9
        entry.header.clear()
        entry.data.counts.clear()
        entry.data.memory.append("0x7")
        entry.status = "SPOILT"
    result.results.pop()


@pytest.mark.parametrize("number", [1, 300])
def test_results_share_nothing_that_can_be_changed(backend, number):
    circuits = [measured(i % 2, f"c{i}") for i in range(number)]
    circuits[0].metadata = {"list": [1]}
    circuits[-1].metadata = {"list": [2], "function": lambda: None}  # cannot be pickled
    job = backend.run(circuits, memory=True)
    for _ in range(3):
        result = job.result()
        assert [result.get_counts(i) for i in range(number)] == [
            {str(i % 2): 10} for i in range(number)
        ]
        assert result.get_memory(0) == ["0"] * 10
        assert result.results[-1].header["metadata"]["list"] == [2]
        assert {entry.status for entry in result.results} == {"DONE"}
        spoil(result)


def test_arrays_are_shared_and_cannot_be_changed(backend):
    circuit = QuantumCircuit(2)
    circuit.h(0)
    job = backend.run(circuit, statevector=True)
    first, second = job.result().data(0)["statevector"], job.result().data(0)["statevector"]
    assert first is second
    with pytest.raises(ValueError, match="read-only"):
        first[0] = 0


def test_large_jobs_with_arrays_or_failures_have_results_of_their_own(backend):
    circuits = [measured(i % 2) for i in range(400)]
    job = backend.run(circuits, statevector=True, memory=True)
    for _ in range(2):
        result = job.result()
        assert result.get_counts(399) == {"1": 10}
        assert result.data(399)["statevector"].tolist() == pytest.approx([0, 1])
        spoil(result)
    assert len(job.outcomes()) == 400


def test_the_partial_result_of_an_error_is_a_new_one(backend):
    job = backend.run([measured(1), large()])
    time.sleep(0.3)
    job.cancel()
    for _ in range(2):
        with pytest.raises(OqtopusJobCancelledError) as caught:
            job.result()
        assert caught.value.result.get_counts(0) == {"1": 10}
        caught.value.result.results[0].data.counts.clear()


def test_the_failure_of_one_circuit_spares_the_others(backend, monkeypatch):
    real = execute._run_static

    def failing(plan, *args):
        if len(plan.qubits) == 2:
            raise MemoryError("no room for two qubits")
        return real(plan, *args)

    monkeypatch.setattr(execute, "_run_static", failing)
    bad = QuantumCircuit(2, 2, name="bad")
    bad.cx(0, 1)
    bad.measure([0, 1], [0, 1])
    job = backend.run([measured(1, "good"), bad])
    result = job.result()
    assert job.status() is JobStatus.ERROR
    assert not result.success
    assert result.get_counts("good") == {"1": 10}
    assert result.results[1].status == "ERROR: MemoryError: no room for two qubits"
    with pytest.raises(QiskitError, match="no room for two qubits"):
        result.get_counts("bad")
    assert "circuit 1 ('bad')" in job.error_message()


def test_if_nothing_succeeds_result_raises_with_the_cause(backend, monkeypatch):
    def failing(*args):
        raise MemoryError("no room")

    monkeypatch.setattr(execute, "_run_static", failing)
    job = backend.run(measured(1))
    with pytest.raises(OqtopusJobError, match="no room") as caught:
        job.result()
    assert isinstance(caught.value, JobError)
    assert isinstance(caught.value.__cause__, MemoryError)
    assert job.status() is JobStatus.ERROR


def test_the_interpreter_exits_at_once_with_a_job_running():
    script = """
import time
from qiskit import QuantumCircuit
from qiskit_oqtopus import QulacsBackend
circuit = QuantumCircuit(22)
for _ in range(3000):
    circuit.rx(0.1, range(22))
circuit.measure_all()
QulacsBackend(num_qubits=22).run(circuit)
time.sleep(0.5)
"""
    subprocess.run([sys.executable, "-c", script], check=True, timeout=120)


def test_ctrl_c_ends_the_wait_and_not_the_job(backend, monkeypatch):
    real, calls = job_module.run_chunk, []

    def interrupted_once(*args):
        calls.append(args)
        if len(calls) == 1:
            raise KeyboardInterrupt
        return real(*args)

    monkeypatch.setattr(job_module, "run_chunk", interrupted_once)
    # Whoever waits without a limit runs the job, unless a thread has begun: here none does.
    monkeypatch.setattr(job_module.dispatcher, "put", lambda job: None)
    job = backend.run(measured(1))
    with pytest.raises(KeyboardInterrupt):
        job.result()
    assert job.result(timeout=30).get_counts() == {"1": 10}


def test_a_job_that_nobody_waits_for_runs(backend):
    job = backend.run(measured(1))
    deadline = time.monotonic() + 30
    while not job.in_final_state() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert job.status() is JobStatus.DONE


def test_jobs_run_where_no_more_threads_can_be_had(backend, monkeypatch):
    class Exhausted(threading.Thread):
        def start(self):
            if self.name.startswith("qulacs-") and self.name != "qulacs-dispatcher":
                raise RuntimeError("can't start new thread")
            super().start()

    monkeypatch.setattr(job_module.threading, "Thread", Exhausted)
    jobs = [backend.run(measured(), shots=10) for _ in range(3)]
    for job in jobs:
        job.wait_for_final_state(timeout=30)
        assert sum(job.result().get_counts().values()) == 10


@pytest.mark.parametrize("timeout", [float("nan"), "5", True])
def test_a_timeout_is_a_number(timeout):
    circuit = QuantumCircuit(1)
    circuit.measure_all()
    job = QulacsBackend().run(circuit, shots=5)
    for wait in (job.result, job.wait_for_final_state):
        with pytest.raises(OqtopusOptionError, match="'timeout' must be a number of seconds"):
            wait(timeout)
    assert job.result(timeout=math.inf).get_counts() == {"0": 5}


def test_counts_of_a_circuit_that_measures_nothing():
    good, forgotten = measured(), QuantumCircuit(1, name="forgotten")
    with pytest.warns(OqtopusWarning, match=r"No classical bit .* 1 \('forgotten'\)"):
        result = QulacsBackend().run([good, forgotten], shots=10).result()
    assert sum(result.get_counts(0).values()) == 10
    for ask in (None, 1, "forgotten", forgotten):
        with pytest.raises(OqtopusJobError, match=r"'forgotten' has no counts.*measure_all"):
            result.get_counts(ask)
    with pytest.raises(QiskitError, match="nobody"):
        result.get_counts("nobody")
