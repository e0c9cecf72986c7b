"""Who starts the jobs that nobody waits for."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable

Start = Callable[[], None]


class Dispatcher:
    """Starts a thread for each job that nobody has begun to wait for.

    A thread for every job would cost more than a small job, and would fight with the thread that
    waits for it over Python's lock. Even to wake one thread costs a third of a job of one small
    circuit: while jobs come one after the other, the dispatcher looks for them by itself.
    """

    PERIOD = 0.002
    """Time between two looks in s: so late may a job start that nobody waits for."""

    PATIENCE = 0.3
    """After so many seconds without a job it sleeps until it is woken."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._jobs: deque[Start] = deque()
        self._awake = threading.Event()
        self._thread: threading.Thread | None = None

    def put(self, start: Start) -> None:
        """Let a job start.

        Args:
            start: Starts it, unless somebody runs it already.
        """
        with self._lock:
            # Not alive either in a process that was forked off.
            if self._thread is None or not self._thread.is_alive():
                self._jobs, self._awake = deque(), threading.Event()
                self._thread = threading.Thread(
                    target=self._run,
                    args=(self._jobs, self._awake),
                    name="qulacs-dispatcher",
                    daemon=True,
                )
                self._thread.start()
            self._jobs.append(start)
            if not self._awake.is_set():
                self._awake.set()

    def _run(self, jobs: deque[Start], awake: threading.Event) -> None:
        last = 0.0
        while True:
            awake.wait()
            while jobs:
                start = jobs.popleft()
                start()
                del start  # nothing here keeps a job alive
                last = time.monotonic()
            time.sleep(self.PERIOD)
            with self._lock:
                if not jobs and time.monotonic() - last > self.PATIENCE:
                    awake.clear()


dispatcher = Dispatcher()
