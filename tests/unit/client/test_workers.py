"""Daemon threads that are used again."""

import os
import subprocess
import sys
import threading
import time

import pytest

from qiskit_oqtopus.client import workers
from qiskit_oqtopus.client.deadline import Deadline


def test_results_and_exceptions_come_back():
    assert workers.start(divmod, 7, 2).result(5) == (3, 1)
    with pytest.raises(ZeroDivisionError):
        workers.start(divmod, 7, 0).result(5)


def test_a_thread_is_used_again(monkeypatch):
    monkeypatch.setattr(workers, "_pool", workers._Pool())
    first = workers.start(threading.get_ident).result(5)
    time.sleep(0.1)
    assert first == workers.start(threading.get_ident).result(5)


def test_as_many_threads_as_there_is_work():
    barrier = threading.Barrier(20)
    futures = [workers.start(barrier.wait) for _ in range(20)]
    assert sorted(future.result(10) for future in futures) == list(range(20))


def test_threads_end_when_they_have_no_work(monkeypatch):
    monkeypatch.setattr(workers, "IDLE_SECONDS", 0.05)
    pool = workers._Pool()
    ends = []
    pool.start(lambda: ends.append(threading.current_thread()))
    deadline = time.monotonic() + 10
    while (not ends or ends[0].is_alive()) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not ends[0].is_alive()
    pool.start(lambda: ends.append(threading.current_thread()))
    while len(ends) < 2 and time.monotonic() < deadline:
        time.sleep(0.01)
    assert len(ends) == 2


def test_a_thread_that_hangs_does_not_keep_the_process():
    script = """
import time
from qiskit_oqtopus.client import workers
from qiskit_oqtopus.client.deadline import Deadline
workers.start(time.sleep, 600)
"""
    subprocess.run([sys.executable, "-c", script], check=True, timeout=60)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_forked_process_has_threads_of_its_own():
    workers.start(int).result(5)
    script = """
import os
from qiskit_oqtopus.client import workers
from qiskit_oqtopus.client.deadline import Deadline
workers.start(int).result(5)
pid = os.fork()
if pid == 0:
    os._exit(0 if workers.start(int, "7").result(20) == 7 else 1)
assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
"""
    subprocess.run([sys.executable, "-c", script], check=True, timeout=60)


def test_each_item_once_and_no_more_at_once_than_allowed():
    running, most = [], []

    def work(item):
        running.append(item)
        most.append(len(running))
        time.sleep(0.01)
        running.remove(item)
        return item**2

    assert workers.start_each(work, range(20), 3, Deadline()) == [n**2 for n in range(20)]
    assert max(most) <= 3
    assert workers.start_each(work, [], 3, Deadline()) == []


def test_a_call_that_raises_ends_the_others():
    calls = []

    def work(item):
        calls.append(item)
        time.sleep(0.01)
        return 1 // item

    with pytest.raises(ZeroDivisionError):
        workers.start_each(work, range(1000), 2, Deadline())
    assert len(calls) < 1000
