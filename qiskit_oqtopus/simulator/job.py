"""A job of the local simulator: it runs in the background and keeps whatever was computed."""

from __future__ import annotations

import atexit
import logging
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future
from functools import partial
from typing import TYPE_CHECKING, Any

from qiskit.providers import JobStatus, JobV1
from qiskit.result import Result
from qiskit.result.models import ExperimentResult

from ..drawing.card import build_card
from ..exceptions import (
    OqtopusJobCancelledError,
    OqtopusJobError,
    OqtopusJobTimeoutError,
)
from ..options import optional, seconds
from .engines.run import Outcome, Settings, run_chunk
from .plan import UNPACKED, AnyPlan
from .result import (
    SimulatorResult,
    copy_header,
    experiment_result,
    pack_block,
    reason,
    unpack_block,
)
from .state import Cancelled

if TYPE_CHECKING:
    from .backend import QulacsBackend

Start = Callable[[], None]

logger = logging.getLogger(__name__)

DEFAULT_CHUNKS = 32
"""An executor gets a batch in at most this many chunks unless max_job_size says otherwise."""

_BLOCK = 64
"""After this many circuits their plans are dropped."""


class Dispatcher:
    """Starts a thread for each job that nobody has begun to wait for.

    A thread for every job would cost more than a small job, and would fight over Python's lock with
    the thread that waits for the job. Even waking one thread is a noticeable part of a job of one
    small circuit: while jobs come one after the other, the dispatcher looks for them by itself.
    """

    PERIOD = 0.002
    """Time between two looks in s: a job that nobody waits for may start this late."""

    PATIENCE = 0.3
    """After this many seconds without a job the dispatcher sleeps until it is woken."""

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


class QulacsJob(JobV1):
    """A job of a :class:`~qiskit_oqtopus.QulacsBackend`; its ``run`` method returns it.

    The circuits run in the background, in a thread or on the executor that was given. All methods
    may be called from any thread.
    """

    _async = True

    def __init__(
        self,
        backend: QulacsBackend,
        job_id: str,
        plans: Sequence[AnyPlan],
        headers: Sequence[dict[str, Any]],
        settings: Settings,
        executor: Executor | None = None,
        max_job_size: int | None = None,
        keep_outcomes: bool = False,
    ) -> None:
        super().__init__(backend, job_id)
        self._plans: list[Any] = list(plans)
        self._headers = list(headers)
        self._settings = settings
        self._executor = executor
        self._keep_outcomes = keep_outcomes  # else result() may pack them
        self._chunk_size = max_job_size or -(-len(plans) // DEFAULT_CHUNKS)
        self._outcomes: list[Outcome | None] = [None] * len(plans)
        self._done = 0  # circuits that this process has run itself
        self._futures: list[Future[list[Outcome]]] = []
        self._unfinished = 0
        self._cancelled = threading.Event()
        self._finished = threading.Event()
        self._lock = threading.Lock()
        self._packed: dict[int, bytes] = {}  # position of the first circuit of a block -> block
        self._started: float | None = None
        self._claimed = False

    def submit(self) -> None:
        """Start the job. ``run`` has done this already.

        Raises:
            OqtopusJobError: If it was started before, or if the executor takes no work.
        """
        if self._started is not None:
            raise OqtopusJobError(f"Job {self.job_id()} has been submitted before; run it again.")
        self._started = time.perf_counter()
        if self._executor is None:
            _live_jobs.add(self)
            dispatcher.put(self._start_unless_claimed)
        else:
            self._submit_chunks(self._executor)

    def _claim(self) -> bool:
        """Return whether it is the caller that runs the job."""
        with self._lock:
            mine, self._claimed = not self._claimed, True
        return mine

    def _start_unless_claimed(self) -> None:
        if not self._claim():
            return
        try:
            self._start_thread()
        except RuntimeError:  # the system has no more threads: this one, the dispatcher's, does it
            self._work()

    def _start_thread(self) -> None:
        # A daemon, so that Ctrl-C and exit do not wait; _stop_all ends it between two gates.
        name = f"qulacs-{self.job_id()[:8]}"
        threading.Thread(target=self._work, name=name, daemon=True).start()

    def _work_here(self) -> None:
        """Run the job in this thread, which would only wait otherwise: this is faster."""
        try:
            self._run_blocks()
        except BaseException:  # Ctrl-C ends the wait, not the job
            self._start_thread()
            raise
        self._finish()

    def _work(self) -> None:
        try:
            self._run_blocks()
        # Nothing catches what a thread raises: whatever it is, result() raises it.
        except BaseException as error:  # noqa: BLE001
            self._outcomes[self._done :] = [Outcome(error=error)] * (len(self._plans) - self._done)
        self._finish()

    def _run_blocks(self) -> None:
        """Run all circuits that have not been run; their plans make room for the results."""
        while self._done < len(self._plans):
            block = slice(self._done, self._done + _BLOCK)
            plans = self._plans[block]
            outcomes = run_chunk(plans, self._done, self._settings, self._cancelled)
            self._outcomes[block] = outcomes
            self._plans[block] = [None] * len(plans)
            self._done += len(plans)

    def _submit_chunks(self, executor: Executor) -> None:
        starts = range(0, len(self._plans), self._chunk_size)
        self._unfinished = len(starts)
        for position, start in enumerate(starts):
            chunk = self._plans[start : start + self._chunk_size]
            try:
                future = executor.submit(run_chunk, chunk, start, self._settings)
                self._futures.append(_check_future(future, self._futures))
            # Executors are other people's code: each has its own way to refuse work.
            except Exception as error:
                for earlier in self._futures:
                    earlier.cancel()
                raise OqtopusJobError(
                    f"The executor {executor!r} took {position} of {len(starts)} chunks and then "
                    f"refused: {type(error).__name__}: {error}. Nothing is running; give run() an "
                    "executor that is alive, or none."
                ) from error
        for future, start in zip(self._futures, starts, strict=True):
            future.add_done_callback(partial(self._collect, start))

    def _collect(self, start: int, future: Future[list[Outcome]]) -> None:
        """Keep what a chunk has computed, or why it has not."""
        size = min(self._chunk_size, len(self._outcomes) - start)
        try:
            outcomes = _read_future(future, size)
        # Nothing catches what a callback raises: whatever it is, result() raises it.
        except Exception as error:  # noqa: BLE001
            outcomes = [Outcome(error=error)] * size
        with self._lock:
            self._outcomes[start : start + size] = outcomes
            self._unfinished -= 1
            last = self._unfinished == 0
        if last:
            self._finish()

    def _finish(self) -> None:
        _live_jobs.discard(self)
        self._plans = []
        self._finished.set()

    # -- what a user calls ----------------------------------------------------------------------

    def result(self, timeout: float | None = None) -> Result:
        """Wait for the job and return its result.

        If some circuits failed and others did not, the result has ``success=False``, and so has
        the entry of each failed circuit, with the reason as its ``status``; asking for the
        counts of a failed circuit raises. The other circuits have their data.

        Each call returns a result of its own: what one caller changes no other one sees. Only
        arrays, such as state vectors, are the same ones, and cannot be changed.

        Args:
            timeout: Longest time to wait in s; None waits as long as it takes.

        Returns:
            The results of all circuits, in the order in which they were given.

        Raises:
            OqtopusOptionError: If the timeout is not a number.
            OqtopusJobTimeoutError: If the time is over. The job goes on.
            OqtopusJobCancelledError: If the job was cancelled; ``result`` on the error has
                the circuits that were finished before.
            OqtopusJobError: If all circuits failed; its cause is the first failure.
        """
        self._wait(timeout)
        result = self._build()
        errors = self._errors()
        if not errors:
            return result
        cancelled = any(isinstance(error, Cancelled) for error in errors)
        if len(errors) < len(self._outcomes) and not cancelled:
            logger.warning("%s", self.error_message())
            return result
        kind = OqtopusJobCancelledError if cancelled else OqtopusJobError
        failure = kind(self.error_message())
        failure.result = result
        cause = next((error for error in errors if not isinstance(error, Cancelled)), None)
        raise failure from cause

    def outcomes(self) -> list[Outcome]:
        """Wait for the job, and return what came of each circuit; for primitives.

        A result in Qiskit's own form would have hexadecimal keys, which take longer to write than
        the shots to sample.
        """
        self._wait(None)
        with self._lock:
            outcomes = [outcome or Outcome(error=Cancelled()) for outcome in self._outcomes]
            for start, packed in self._packed.items():
                outcomes[start : start + _BLOCK] = unpack_block(packed)[1]
        return outcomes

    def status(self) -> JobStatus:
        """Return the status of the job; never raises."""
        if not self._finished.is_set():
            if self._started is None:
                return JobStatus.INITIALIZING
            waiting = self._futures and not any(f.running() or f.done() for f in self._futures)
            return JobStatus.QUEUED if waiting else JobStatus.RUNNING
        errors = self._errors()
        if not errors:
            return JobStatus.DONE
        if any(isinstance(error, Cancelled) for error in errors):
            return JobStatus.CANCELLED
        return JobStatus.ERROR

    def cancel(self) -> bool:
        """Ask the job to stop.

        Without an executor it stops between two gates. With one, the chunks that have not been
        started are withdrawn; those at work run to their ends.

        Returns:
            Whether nothing more will be computed. It is False if chunks are at work on the
            executor. If the job had ended, whether it had been cancelled before.
        """
        if self._finished.is_set():
            return self.status() is JobStatus.CANCELLED
        self._cancelled.set()
        withdrawn = [future.cancel() for future in list(self._futures) if not future.done()]
        return all(withdrawn)

    def wait_for_final_state(
        self, timeout: float | None = None, wait: float = 5, callback: Any = None
    ) -> None:
        """Wait until the job has ended, in whatever way.

        Args:
            timeout: Longest time to wait in s; None waits as long as it takes.
            wait: Time between two calls of the callback in s.
            callback: Called as ``callback(job_id, status, job)`` while the job is waited for.

        Raises:
            OqtopusJobTimeoutError: If the time is over. The job goes on.
        """
        timeout = _check_timeout(timeout)
        if callback is None:
            self._wait(timeout)
            return
        end = None if timeout is None else time.monotonic() + timeout
        while not self._finished.is_set():
            callback(self.job_id(), self.status(), self)
            left = wait if end is None else min(wait, end - time.monotonic())
            if left <= 0:
                self._wait(0)
                return
            self._finished.wait(left)

    def error_message(self) -> str | None:
        """Return which circuits failed and why; None while none is known to have failed."""
        failed = [
            f"circuit {index} ({self._headers[index]['name']!r}): {reason(outcome.error)}"
            for index, outcome in enumerate(self._outcomes)
            if outcome is not None and outcome.error is not None
        ]
        if not failed:
            return None
        return (
            f"Job {self.job_id()}: {len(failed)} of {len(self._outcomes)} circuits have no "
            f"result. " + "; ".join(failed)
        )

    def __repr__(self) -> str:
        return f"<QulacsJob {self.job_id()} on {self.backend().name}: {self._describe()}>"

    def _repr_html_(self) -> str:
        """Return what a notebook shows."""
        return build_card(
            f"QulacsJob {self.job_id()}",
            {"simulator": self.backend().name, "is": self._describe()},
        )

    def _describe(self) -> str:
        number = len(self._outcomes)
        return f"{self.status().name}, {number} circuit{'s' * (number != 1)}"

    # -- inside -----------------------------------------------------------------------------------

    def _errors(self) -> list[BaseException]:
        return [outcome.error for outcome in self._outcomes if outcome and outcome.error]

    def _wait(self, timeout: float | None) -> None:
        timeout = _check_timeout(timeout)
        if self._started is None:
            raise OqtopusJobError(f"Job {self.job_id()} has not been submitted.")
        if timeout is None and self._executor is None and self._claim():
            self._work_here()
        if not self._finished.wait(timeout):
            raise OqtopusJobTimeoutError(
                f"Job {self.job_id()} did not end within {timeout} s. It goes on: wait again, or "
                "call cancel()."
            )

    def _build(self) -> Result:
        """Return a new result."""
        entries: list[ExperimentResult] = []
        with self._lock:
            for start in range(0, len(self._outcomes), _BLOCK):
                entries += self._build_block(start)
        success = all(entry.success for entry in entries)
        backend = self.backend()
        return SimulatorResult(
            backend_name=backend.name,
            backend_version=backend.backend_version,
            job_id=self.job_id(),
            success=success,
            results=entries,
            status="COMPLETED" if success else "PARTIAL COMPLETED",
            time_taken=sum(entry.time_taken for entry in entries),
        )

    def _build_block(self, start: int) -> list[ExperimentResult]:
        """Return new entries for a block of circuits; those of a large job are packed then.

        Two copies of the data of all circuits would take most of the memory of a batch.
        """
        block = slice(start, start + _BLOCK)
        packed = self._packed.get(start)
        if packed is not None:
            headers, outcomes = unpack_block(packed)
            return [
                experiment_result(header, outcome, self._settings)
                for header, outcome in zip(headers, outcomes, strict=True)
            ]
        headers = self._headers[block]
        outcomes = [outcome or Outcome(error=Cancelled()) for outcome in self._outcomes[block]]
        entries = [
            experiment_result(copy_header(header), outcome, self._settings)
            for header, outcome in zip(headers, outcomes, strict=True)
        ]
        if start >= UNPACKED and not self._keep_outcomes:
            packed = pack_block(headers, outcomes)
            if packed is not None:
                self._packed[start] = packed
                self._outcomes[block] = [_PACKED] * len(outcomes)
                self._headers[block] = [{}] * len(headers)
        return entries


_PACKED = Outcome()
"""Stands for the outcome of a circuit that has not failed, and is packed."""

_METHODS = ("add_done_callback", "cancel", "cancelled", "done", "exception", "result", "running")


def _check_future(future: Any, others: Sequence[Any]) -> Any:
    """Return what an executor's submit has returned.

    Raises:
        TypeError: If it is no future, or one that was returned before.
    """
    if not all(callable(getattr(future, name, None)) for name in _METHODS):
        raise TypeError(f"its submit() returned {future!r:.100}, which is no Future")
    if any(future is other for other in others):
        raise TypeError(f"its submit() returned the same Future again, {future!r:.100}")
    return future


def _read_future(future: Future[list[Outcome]], size: int) -> list[Outcome]:
    """Return the outcomes of a chunk.

    Args:
        future: It is done.
        size: Number of circuits of the chunk.

    Raises:
        OqtopusJobError: If it has something else.
    """
    if future.cancelled():
        return [Outcome(error=Cancelled())] * size
    error = future.exception()
    if error is not None:
        return [Outcome(error=error)] * size
    outcomes: Any = future.result()
    is_list = isinstance(outcomes, (list, tuple))
    if not is_list or len(outcomes) != size or not all(isinstance(o, Outcome) for o in outcomes):
        raise OqtopusJobError(
            f"the executor returned {outcomes!r:.100} instead of the outcomes of {size} circuits"
        )
    return list(outcomes)


_live_jobs: weakref.WeakSet[QulacsJob] = weakref.WeakSet()


@atexit.register
def _stop_all() -> None:
    """Stop what is still running when the interpreter exits: its result is out of reach."""
    jobs = list(_live_jobs)
    for job in jobs:
        job._cancelled.set()
    for job in jobs:
        job._finished.wait(10)


def _check_timeout(timeout: Any) -> float | None:
    """Return a timeout in s, None if it never ends."""
    limit = optional(seconds)("timeout", timeout)
    return None if limit is None or limit > threading.TIMEOUT_MAX else float(limit)
