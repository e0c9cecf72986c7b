"""Threads that nobody has to wait for: daemons, used again, as many as there is work."""

from __future__ import annotations

import os
import queue
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from typing import Any, TypeVar

from .deadline import Deadline

S = TypeVar("S")
T = TypeVar("T")

IDLE_SECONDS = 10.0
"""How long a thread without work waits for some before it ends, in s."""


class _Pool:
    """Threads of one process.

    ``concurrent.futures`` joins its threads when the interpreter ends, so that a request that hangs
    would keep the process alive.
    """

    def __init__(self) -> None:
        self._tasks: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._idle = threading.Semaphore(0)

    def start(self, task: Callable[[], None]) -> None:
        self._tasks.put(task)
        if not self._idle.acquire(blocking=False):
            try:
                threading.Thread(target=self._work, name="oqtopus-worker", daemon=True).start()
            except RuntimeError:
                # The system has no thread to give, or the interpreter is ending.
                with suppress(queue.Empty):
                    self._tasks.get_nowait()()

    def _work(self) -> None:
        while True:
            try:
                task = self._tasks.get(timeout=IDLE_SECONDS)
            except queue.Empty:
                # Somebody who has taken this thread for idle has put a task, or is about to.
                if self._idle.acquire(blocking=False):
                    return
                continue
            task()
            del task
            self._idle.release()


_pool = _Pool()


def _forget() -> None:
    global _pool
    _pool = _Pool()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)


def start(function: Callable[..., T], /, *args: Any) -> Future[T]:
    """Call a function in a daemon thread.

    How many run at the same time is up to the caller: there is no queue.

    Args:
        function: The function.
        *args: Its arguments.

    Returns:
        Its result or exception, when it has ended.
    """
    future: Future[T] = Future()
    future.set_running_or_notify_cancel()

    def task() -> None:
        try:
            result = function(*args)
        except BaseException as error:  # noqa: BLE001 - it is raised where the result is asked for
            future.set_exception(error)
        else:
            future.set_result(result)

    _pool.start(task)
    return future


def start_each(
    function: Callable[[S], T], items: Sequence[S], at_once: int, deadline: Deadline
) -> list[T]:
    """Call a function with each item in daemon threads, and wait for all results.

    Args:
        function: The function.
        items: What it is called with.
        at_once: How many calls are made at the same time.
        deadline: It is stopped if the wait is interrupted or a call raises; then no further call
            is made.

    Returns:
        The results, in the order of the items.

    Raises:
        Exception: What a call has raised, the first of them.
    """
    results: dict[int, T] = {}
    places = iter(range(len(items)))

    def work() -> None:
        for place in places:
            if deadline.is_stopped:
                return
            results[place] = function(items[place])

    try:
        for future in [start(work) for _ in range(min(at_once, len(items)))]:
            future.result()
    except BaseException:
        deadline.stop()
        raise
    return [results[place] for place in range(len(items))]
