"""Batches on other people's executors."""

import multiprocessing
import threading
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor

import pytest
from qiskit import QuantumCircuit
from qiskit.providers import JobStatus

from qiskit_oqtopus import (
    OqtopusJobCancelledError,
    OqtopusJobError,
    OqtopusOptionError,
    QulacsBackend,
)


def circuits(count):
    """Return circuits that differ: plain, dynamic, and with every kind of array in the plan."""
    batch = []
    for i in range(count):
        circuit = QuantumCircuit(3, 3, metadata={"i": i})
        circuit.initialize([0.6, 0.8], 2)
        circuit.h(0)
        circuit.rzz(0.3 * i, 0, 1)
        circuit.ch(0, 1)
        if i % 2:
            circuit.measure(0, 0)
            with circuit.if_test((0, 1)):
                circuit.x(2)
        circuit.measure([0, 1, 2], [0, 1, 2])
        batch.append(circuit)
    return batch


@pytest.fixture
def backend():
    return QulacsBackend(num_qubits=3, shots=200, seed_simulator=6)


def assert_same_as_here(backend, batch, **options):
    job = backend.run(batch, memory=True, **options)
    there, here = job.result(), backend.run(batch, memory=True).result()
    for i in range(len(batch)):
        assert there.get_memory(i) == here.get_memory(i)
        assert there.get_counts(i) == here.get_counts(i)
        assert there.results[i].header["metadata"] == {"i": i}
    assert job.status() is JobStatus.DONE


@pytest.mark.slow
@pytest.mark.parametrize("method", ["spawn", "forkserver"])
def test_process_pool(backend, method):
    context = multiprocessing.get_context(method)
    with ProcessPoolExecutor(2, mp_context=context) as pool:
        assert_same_as_here(backend, circuits(9), executor=pool, max_job_size=4)


@pytest.mark.slow
def test_dask(backend):
    distributed = pytest.importorskip("distributed")
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, dashboard_address=None, host="127.0.0.1"
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        assert_same_as_here(backend, circuits(6), executor=client.get_executor(), max_job_size=2)


class Recorder(Executor):
    """Runs at once, in this thread, and remembers the sizes of the chunks."""

    def __init__(self, fail_at=()):
        self.sizes, self.fail_at = [], fail_at

    def submit(self, function, plans, *args):
        self.sizes.append(len(plans))
        future = Future()
        if len(self.sizes) - 1 in self.fail_at:
            future.set_exception(ConnectionError("worker lost"))
        else:
            future.set_result(function(plans, *args))
        return future


@pytest.mark.parametrize(
    ("count", "size", "sizes"),
    [(5, 2, [2, 2, 1]), (5, None, [1] * 5), (70, None, [3] * 23 + [1]), (3, 10, [3])],
)
def test_sizes_of_chunks(backend, count, size, sizes):
    recorder = Recorder()
    assert_same_as_here(backend, circuits(count), executor=recorder, max_job_size=size)
    assert recorder.sizes == sizes


def test_a_lost_chunk_leaves_the_others(backend):
    job = backend.run(circuits(6), executor=Recorder(fail_at=[1]), max_job_size=2)
    result = job.result()
    assert [entry.success for entry in result.results] == [True, True, False, False, True, True]
    assert result.results[2].status == "ERROR: ConnectionError: worker lost"
    assert job.status() is JobStatus.ERROR
    assert sum(result.get_counts(4).values()) == 200


def test_all_chunks_lost(backend):
    job = backend.run(circuits(2), executor=Recorder(fail_at=[0, 1]))
    with pytest.raises(OqtopusJobError, match="worker lost") as caught:
        job.result()
    assert isinstance(caught.value.__cause__, ConnectionError)


def test_an_executor_that_takes_no_work(backend):
    pool = ThreadPoolExecutor(1)
    pool.shutdown()
    with pytest.raises(OqtopusJobError, match="refused") as caught:
        backend.run(circuits(2), executor=pool)
    assert isinstance(caught.value.__cause__, RuntimeError)


def test_a_fork_pool_is_refused_with_the_cure(backend):
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("fork")) as pool:
        for act in (
            lambda: backend.run(circuits(1), executor=pool),
            lambda: backend.set_options(executor=pool),
        ):
            with pytest.raises(OqtopusOptionError, match="spawn"):
                act()


def test_cancel_withdraws_the_chunks_that_have_not_begun(backend):
    gate = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        pool.submit(gate.wait)
        job = backend.run(circuits(3), executor=pool, max_job_size=1)
        assert job.status() is JobStatus.QUEUED
        assert job.cancel() is True
        assert job.status() is JobStatus.CANCELLED
        gate.set()
    with pytest.raises(OqtopusJobCancelledError):
        job.result()


class Held(Executor):
    """The first chunk is at work, the others wait."""

    def __init__(self):
        self.futures = []

    def submit(self, function, *args):
        future = Future()
        if not self.futures:
            future.set_running_or_notify_cancel()
            self.finish = lambda: future.set_result(function(*args))
        self.futures.append(future)
        return future


def test_cancel_says_that_a_chunk_is_at_work(backend):
    held = Held()
    job = backend.run(circuits(3), executor=held, max_job_size=1)
    assert job.status() is JobStatus.RUNNING
    assert job.cancel() is False
    held.finish()
    assert job.status() is JobStatus.CANCELLED
    with pytest.raises(OqtopusJobCancelledError) as caught:
        job.result()
    partial = caught.value.result
    assert [entry.success for entry in partial.results] == [True, False, False]
    assert sum(partial.get_counts(0).values()) == 200


class Junk(Executor):
    """Its submit returns what it is told, for one chunk or for all."""

    def __init__(self, make):
        self.make = make

    def submit(self, function, plans, *args):
        return self.make(function, plans, *args)


def done(value):
    future = Future()
    future.set_result(value)
    return future


@pytest.mark.parametrize("value", [None, "a job", 7, object(), {}])
def test_submit_returns_no_future(backend, value):
    with pytest.raises(OqtopusJobError, match="which is no Future") as caught:
        backend.run(circuits(2), executor=Junk(lambda *args: value))
    assert repr(value)[:50] in str(caught.value)


def test_submit_raises(backend):
    def fail(*args):
        raise AttributeError("no workers")

    with pytest.raises(OqtopusJobError, match="AttributeError: no workers"):
        backend.run(circuits(2), executor=Junk(fail))


def test_submit_returns_one_future_for_all(backend):
    one = Future()
    with pytest.raises(OqtopusJobError, match="the same Future again"):
        backend.run(circuits(2), executor=Junk(lambda *args: one))
    assert one.cancelled()


@pytest.mark.parametrize("value", [None, "counts", 7, [], [None], [1, 2, 3], {"0": 200}])
def test_a_future_has_something_else(backend, value):
    job = backend.run(circuits(2), executor=Junk(lambda *args: done(value)))
    with pytest.raises(OqtopusJobError, match="instead of the outcomes of 1 circuits"):
        job.result(timeout=10)
    assert job.status() is JobStatus.ERROR


def test_junk_in_one_chunk_leaves_the_others(backend):
    def make(function, plans, first, settings):
        return done("junk" if first == 1 else function(plans, first, settings))

    result = backend.run(circuits(3), executor=Junk(make)).result(timeout=10)
    assert [entry.success for entry in result.results] == [True, False, True]
    assert "returned 'junk'" in result.results[1].status


@pytest.mark.parametrize("value", ["pool", 3, object()])
def test_what_has_no_submit_is_no_executor(backend, value):
    with pytest.raises(OqtopusOptionError, match="'executor' must be"):
        backend.run(circuits(1), executor=value)
