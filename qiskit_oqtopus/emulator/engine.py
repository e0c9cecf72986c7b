"""The engine: takes jobs from the queue, runs them, and reports as the real one does."""

from __future__ import annotations

import functools
import logging
import threading
import time
from collections import Counter
from typing import Any

from .container import Container
from .database import Database, JobRecord, JobView
from .devices import Devices, EmulatedDevice
from .execution import Simulator
from .faults import Fault, Faults
from .job_input import JobFailedError, read_input, view_job
from .object_storage import ObjectStorage, pack, pack_json
from .pipeline import DONE, GONE, check_available, execute, prepare
from .server_side import BROKEN, ServerSide

logger = logging.getLogger(__name__)

_ACTIVE = ("ready", "running")


PATIENCE = 1.0
"""Longest time for which the end of the engine waits for what it is doing, in s."""


class _StoppedError(Exception):
    """The engine was stopped while it worked on a job."""


class Engine:
    """Runs the jobs of all devices, one after the other, in a thread.

    After a look at the queue that has found as many jobs as it takes at once it looks again as soon
    as it has run them; otherwise it waits first.

    Args:
        database: Jobs.
        object_storage: Their files.
        devices: The devices.
        faults: What goes wrong.
        gateway: How counts are keyed.
        interval: Time to wait after a look at the queue that has found less than ``size`` jobs, in
            s; 0 is at once.
        size: Largest number of jobs that are taken per device at one look; None means all.
        job_time: Shortest time that a job takes, in s.
        seed: Seed of the counts, or None.
        noise: Whether programs run with noise.
        timing: When things happen then, or None.
        container: Where the programs of SSE jobs run; None means that there is no such place.
        inner_timeout: Longest time that a job which such a program sends may take, in s.
        program_start: Time until such a program begins, in s.
    """

    def __init__(
        self,
        database: Database,
        object_storage: ObjectStorage,
        devices: Devices,
        faults: Faults,
        *,
        gateway: str,
        interval: float,
        size: int | None,
        job_time: float,
        seed: int | None,
        noise: bool,
        timing: str | None = None,
        container: Container | None = None,
        inner_timeout: float = 60.0,
        program_start: float = 0.0,
    ) -> None:
        self._database = database
        self._object_storage = object_storage
        self._devices = devices
        self._faults = faults
        self._interval = interval
        self._size = size
        self._job_time = job_time
        self._simulator = Simulator(gateway, seed, noise, timing)
        for device in devices:
            self._simulator.backend(device)  # warns about its noise here, not in the thread
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._container = container
        self._server_side: ServerSide | None = None
        if container is not None:
            self._server_side = ServerSide(
                self._simulator,
                container,
                faults,
                inner_timeout=inner_timeout,
                program_start=program_start,
                job_time=job_time,
                find_device=self._device,
                wait=self._stopping.wait,
                check_stopped=self._check_stopped,
            )
        self._taken: list[str] = []  # jobs that were taken from the queue and have not ended

    @property
    def inner_jobs(self) -> dict[str, list[JobView]]:
        """What the program of each SSE job has sent, by the id of that job: a copy."""
        return {} if self._server_side is None else self._server_side.inner_jobs

    def start(self) -> None:
        """Start to look at the queue."""
        self._stopping.clear()
        self._simulator.restart()
        self._thread = threading.Thread(target=self._work, name="oqtopus-engine", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop; the jobs that were taken from the queue go back to it, so that start() runs them.

        The simulation of a job is cancelled, and the program of an SSE job killed. What cannot be
        cancelled, such as the server's transpiler, is waited for no longer than :data:`PATIENCE`,
        and its outcome is not used.
        """
        self._stopping.set()
        self._simulator.cancel()
        if self._container is not None:
            self._container.kill()
        self._database.wake()
        if self._thread is not None:
            self._thread.join(PATIENCE)
        self._thread = None
        self._database.requeue(self._taken)
        self._taken = []

    def _check_stopped(self) -> None:
        """End the work on a job if the engine was stopped, also if it has been started again."""
        if self._stopping.is_set() or threading.current_thread() is not self._thread:
            raise _StoppedError

    def _work(self) -> None:
        try:
            while True:
                self._check_stopped()
                self._look()
        except _StoppedError:
            return

    def _look(self) -> None:
        """Look at the queue once, run what is found, and wait for the next look."""
        jobs, due = self._database.fetch(self._size, self._ready_at)
        self._taken = [job.job_id for job in jobs]
        for job in jobs:
            started = time.monotonic()
            self._run(job)
            self._stopping.wait(max(0.0, started + self._job_time - time.monotonic()))
            self._taken = self._taken[1:]
        if self._interval:
            found = Counter(job.device_id for job in jobs)
            if self._size is None or max(found.values(), default=0) < self._size:
                self._stopping.wait(self._interval)
        elif not jobs:
            # Faults may change without notice, so look again at least this often.
            pause = None if due is None else min(max(due - time.monotonic(), 0.001), 0.05)
            self._database.wait_for_queue(pause, self._stopping.is_set)

    def _ready_at(self, job: JobRecord) -> float:
        return job.queued + self._faults.queue_delay(lambda: view_job(job, self._object_storage))

    def _run(self, job: JobRecord) -> None:
        if self._fault("lost_ready", job) is not None:
            return
        try:
            self._process(job)
        except _StoppedError:
            raise
        except JobFailedError as failure:
            self._end(job, "failed", failure.message)
        # The engine goes on with the next job, and a bug of ours must be seen as one.
        except Exception as error:
            self._check_stopped()
            logger.exception("The emulator's engine failed in job %s", job.job_id)
            self._end(job, "failed", f"internal server error: {type(error).__name__}: {error}")

    def _process(self, job: JobRecord) -> None:
        """Run one job.

        Raises:
            JobFailedError: If it fails, with the message that the client sees.
        """
        given = read_input(self._input(job))
        device = self._device(job)
        if device.vendor is not None:
            device.vendor.check(job.job_type)
        if job.job_type == "sse":
            self._process_sse(job, given.sse_program)
            return
        prepared = prepare(job, given, device, functools.partial(self._keep, job))
        self._begin(job)
        check_available(device)
        self._database.count_execution(job.job_id)
        if self._stuck(job):
            return
        self._check_faults(job)
        self._end(job, "succeeded", DONE, *execute(prepared, self._simulator))

    def _process_sse(self, job: JobRecord, program: str | None) -> None:
        """Run an SSE job.

        Raises:
            JobFailedError: If it fails; that of its last inner job has been kept then as well.
        """
        if program is None:
            raise JobFailedError("the sse_program is not specified in the job.")
        self._begin(job)
        if self._server_side is None:
            raise JobFailedError(BROKEN)
        self._database.count_execution(job.job_id)
        if self._stuck(job):
            return
        self._check_faults(job)
        ended = self._server_side.run(job, program)
        for name, value in ended.known.items():
            self._keep(job, name, value)
        if ended.failure is not None:
            raise JobFailedError(ended.failure)
        if self._fault("missing_log", job) is None:
            cut = self._fault("cut_log", job)
            log = ended.log if cut is None else ended.log[cut.values["start"] : cut.values["stop"]]
            self._file(job, "sse_log", pack("sse_runtime.log", log))
        self._end(job, "succeeded", DONE, ended.result, ended.seconds)

    def _device(self, job: JobRecord) -> EmulatedDevice:
        device = self._devices.get(job.device_id)
        if device is None:
            raise JobFailedError(GONE)
        return device

    def _check_faults(self, job: JobRecord) -> None:
        fault = self._fault("fail_program", job)
        if fault is not None:
            raise JobFailedError(str(fault.values["message"]))

    def _begin(self, job: JobRecord) -> None:
        self._check_stopped()
        self._database.update(
            job.job_id, ("ready",), status="running", running_at=self._database.now()
        )

    def _stuck(self, job: JobRecord) -> bool:
        """Return whether a fault lets the job stay in ``running`` forever."""
        fault = self._fault("stuck_running", job)
        if fault is None:
            return False
        if fault.values["ended"]:
            message = fault.values["message"]
            self._database.update(
                job.job_id, ("running",), message=message, ended_at=self._database.now()
            )
        return True

    def _end(
        self,
        job: JobRecord,
        status: str,
        message: str,
        result: Any = None,
        seconds: float | None = None,
    ) -> None:
        """Report the end of a job, unless it was cancelled or deleted in between."""
        self._check_stopped()
        values: dict[str, Any] = {"message": message}
        if status != "failed" or self._fault("crossed_updates", job) is None:
            values["status"] = status
        else:
            self._begin(job)  # the update that comes last
        if result is not None:
            self._file(job, "result", pack_json("result.json", result))
            values["execution_time"] = seconds
        self._database.update(job.job_id, _ACTIVE, ended_at=self._database.now(), **values)

    def _input(self, job: JobRecord) -> bytes | None:
        return self._object_storage.get(f"{job.job_id}/input.zip")

    def _fault(self, kind: str, job: JobRecord) -> Fault | None:
        """Return the fault of a kind for a job, and count the hit."""
        return self._faults.job(kind, lambda: view_job(job, self._object_storage))

    def _keep(self, job: JobRecord, name: str, value: Any) -> None:
        """Keep what the pipeline finds out about a job."""
        if name == "transpiler_info":
            self._database.update(job.job_id, _ACTIVE, transpiler_info=value)
        elif name == "transpile_result":
            self._file(job, name, pack_json("transpile_result.json", value))
        else:
            self._file(job, name, pack(name, value))

    def _file(self, job: JobRecord, name: str, data: bytes) -> None:
        """Keep a file of a job, unless the job was cancelled or deleted."""
        self._check_stopped()
        now = self._database.get(job.job_id)
        if now is not None and now.status in _ACTIVE:
            self._object_storage.put(f"{job.job_id}/{name}.zip", data)
            self._database.add_file(job.job_id, name)
