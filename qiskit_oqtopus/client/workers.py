"""Threads that nobody has to wait for: daemons, used again, as many as there is work."""

from __future__ import annotations

import os
import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from typing import Any, TypeVar

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
