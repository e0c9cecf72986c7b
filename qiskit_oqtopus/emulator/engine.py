"""The engine: takes jobs from the queue, runs them, and reports as the real one does."""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from typing import Any

from qiskit.circuit import QuantumCircuit

from .database import Database, JobRecord
from .devices import Devices, EmulatedDevice
from .execution import Simulator, mitigate
from .faults import Fault, Faults
from .job_input import JobFailedError, JobInput, check_sse_program, read_input, view_job
from .object_storage import ObjectStorage, pack, pack_json
from .programs import NativeProgram
from .steps import (
    Combined,
    Transpiled,
    check_operator,
    combine,
    compile_for,
    device_program,
    divide,
    estimate,
    find_measured_qubits,
    is_mitigated,
    transpiler_options,
)

logger = logging.getLogger(__name__)

DEFAULT_TRANSPILER = {"transpiler_lib": "qiskit", "transpiler_options": {"optimization_level": 1}}
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
        self._taken: list[str] = []  # jobs that were taken from the queue and have not ended

    def start(self) -> None:
        """Start to look at the queue."""
        self._stopping.clear()
        self._simulator.restart()
        self._thread = threading.Thread(target=self._work, name="oqtopus-engine", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop; the jobs that were taken from the queue go back to it, so that start() runs them.

        The simulation of a job is cancelled. What cannot be cancelled, such as the server's
        transpiler, is waited for no longer than :data:`PATIENCE`, and its outcome is not used.
        """
        self._stopping.set()
        self._simulator.cancel()
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
        if job.job_type == "sse":
            check_sse_program(self._input(job))
            self._begin(job)
            # There is no container to run it in.
            raise JobFailedError("internal server error")
        given = read_input(self._input(job))
        device = self._devices.get(job.device_id)
        if device is None:
            raise JobFailedError("device status is not available")
        combined = None
        if job.job_type == "multi_manual":
            combined = combine(given, device)
            self._file(job, "combined_program", pack("combined_program", combined.text))
        info = job.transpiler_info or DEFAULT_TRANSPILER
        self._database.update(job.job_id, _ACTIVE, transpiler_info=info)
        options = transpiler_options(info)
        first = given.first
        made = None
        if options is not None:
            made = compile_for(
                first if combined is None else combined.circuit,
                options,
                device,
                keep_measurements=job.job_type != "estimation",
            )
            self._file(job, "transpile_result", pack_json("transpile_result.json", made.report))
        if job.job_type == "estimation" and (made is not None or given.operator is None):
            check_operator(given, made.source if made else QuantumCircuit(), made)
        self._begin(job)
        self._execute(job, given, combined, made, device)

    def _execute(
        self,
        job: JobRecord,
        given: JobInput,
        combined: Combined | None,
        made: Transpiled | None,
        device: EmulatedDevice,
    ) -> None:
        if device.status != "available":
            raise JobFailedError("device status is not available")
        self._database.count_execution(job.job_id)
        if self._stuck(job):
            return
        fault = self._fault("fail_program", job)
        if fault is not None:
            raise JobFailedError(str(fault.values["message"]))
        started = time.perf_counter()
        # With the transpiler off, only the first program of several is run: a bug of the server.
        program = device_program(given.first if made is None else made.circuit, device)
        shots = job.shots or 1
        sampling = estimation = None
        if job.job_type == "estimation":
            if made is None:
                check_operator(given, program.circuit, None)
            estimation = estimate(self._simulator, given, program, made, job, device)
        else:
            mitigation = self._mitigation(job, combined, made, program)
            counts = self._simulator.sample(program, shots, device)
            if mitigation:
                counts = mitigate(counts, mitigation, device.readout, shots)
            parts = None
            if combined is not None:
                whole = made is not None and not is_mitigated(job)
                parts = divide(counts, combined.clbits) if whole else {}
            sampling = {"counts": counts, "divided_counts": parts}
        result = {"sampling": sampling, "estimation": estimation}
        seconds = max(round(time.perf_counter() - started, 3), 0.001)
        self._end(job, "succeeded", "job is succeeded", result, seconds)

    @staticmethod
    def _mitigation(
        job: JobRecord, combined: Combined | None, made: Transpiled | None, program: NativeProgram
    ) -> list[int] | None:
        """Return the measured qubits, by the numbers of the program that was sent."""
        if not is_mitigated(job):
            return None
        if combined is not None:
            # The server takes the first program for the whole.
            return find_measured_qubits(combined.first)
        return find_measured_qubits(program.circuit if made is None else made.source)

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

    def _file(self, job: JobRecord, name: str, data: bytes) -> None:
        """Keep a file of a job, unless the job was cancelled or deleted."""
        self._check_stopped()
        now = self._database.get(job.job_id)
        if now is not None and now.status in _ACTIVE:
            self._object_storage.put(f"{job.job_id}/{name}.zip", data)
            self._database.add_file(job.job_id, name)
