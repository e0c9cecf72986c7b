"""The engine: takes jobs from the queue, runs them, and reports as the measured one reports."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Any

from qiskit.circuit import QuantumCircuit

from .database import JobRecord, JobView, Store
from .devices import Devices, EmulatedDevice
from .execution import Simulator
from .faults import Faults
from .job_input import JobFailedError, JobInput, read_input
from .object_storage import Storage, packed, packed_json
from .programs import NativeProgram
from .steps import (
    Combined,
    Transpiled,
    check_operator,
    combine,
    device_program,
    divided,
    estimated,
    is_mitigated,
    measured_qubits,
    sampled,
    transpiled,
    transpiler_options,
)

logger = logging.getLogger(__name__)

DEFAULT_TRANSPILER = {"transpiler_lib": "qiskit", "transpiler_options": {"optimization_level": 1}}
_ACTIVE = ("ready", "running")


class Engine:
    """Runs the jobs of all devices, one after the other, in a thread.

    Args:
        store: Jobs.
        storage: Their files.
        devices: The devices.
        faults: What goes wrong.
        view: Makes what faults see of a job.
        gateway: How counts are keyed.
        interval: Seconds between two looks at the queue; 0 is at once.
        size: Jobs of a device that are taken at a look; None is all.
        seed: Seed of the counts, or None.
        noise: Whether programs run with noise.
    """

    def __init__(
        self,
        store: Store,
        storage: Storage,
        devices: Devices,
        faults: Faults,
        view: Callable[[JobRecord], JobView],
        *,
        gateway: str,
        interval: float,
        size: int | None,
        seed: int | None,
        noise: bool,
    ) -> None:
        self._store = store
        self._storage = storage
        self._devices = devices
        self._faults = faults
        self._view = view
        self._interval = interval
        self._size = size
        self._simulator = Simulator(gateway, seed, noise)
        for device in devices:
            self._simulator.backend(device)  # warnings about its noise come here, not in the thread
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Start to look at the queue."""
        self._stopping.clear()
        self._thread = threading.Thread(target=self._work, name="oqtopus-engine", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Finish the jobs that were taken, and stop."""
        self._stopping.set()
        self._store.wake()
        if self._thread is not None:
            self._thread.join()

    def _work(self) -> None:
        while not self._stopping.is_set():
            if self._interval and self._stopping.wait(self._interval):
                return
            jobs, due = self._store.fetch(self._size, self._ready_at)
            for job in jobs:
                self._run(job)
            if not jobs and not self._interval:
                # Faults may change without notice: look again at least this often.
                pause = None if due is None else min(max(due - time.monotonic(), 0.001), 0.05)
                self._store.wait_for_queue(pause, self._stopping.is_set)

    def _ready_at(self, job: JobRecord) -> float:
        return job.queued + self._faults.queue_delay(lambda: self._view(job))

    def _run(self, job: JobRecord) -> None:
        try:
            self._process(job)
        except JobFailedError as failure:
            self._end(job, "failed", failure.message)
        # The engine has to go on with the next job, and a bug of ours must be seen as one.
        except Exception as error:
            logger.exception("The emulator's engine failed in job %s", job.job_id)
            self._end(job, "failed", f"internal server error: {type(error).__name__}: {error}")

    def _process(self, job: JobRecord) -> None:
        """Run one job.

        Raises:
            JobFailedError: With the message that the client gets to see.
        """
        if job.job_type == "sse":
            # There is no container to run it in.
            self._begin(job)
            raise JobFailedError("internal server error")
        given = read_input(self._storage.get(f"{job.job_id}/input.zip"))
        device = self._devices.get(job.device_id)
        if device is None:
            raise JobFailedError("device status is not available")
        combined = None
        if job.job_type == "multi_manual":
            combined = combine(given, device)
            self._file(job, "combined_program", packed("combined_program", combined.text))
        info = job.transpiler_info or DEFAULT_TRANSPILER
        self._store.update(job.job_id, _ACTIVE, transpiler_info=info)
        options = transpiler_options(info)
        first = given.first
        made = None
        if options is not None:
            made = transpiled(
                first if combined is None else combined.circuit,
                options,
                device,
                keep_measurements=job.job_type != "estimation",
            )
            self._file(job, "transpile_result", packed_json("transpile_result.json", made.report))
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
        self._store.count_execution(job.job_id)
        if self._stuck(job):
            return
        fault = self._faults.job("fail_program", lambda: self._view(job))
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
            estimation = estimated(self._simulator, given, program, made, job, device)
        else:
            mitigation = self._mitigation(job, combined, made, program)
            counts = sampled(self._simulator, program, shots, mitigation, device)
            parts = None
            if combined is not None:
                whole = made is not None and not is_mitigated(job)
                parts = divided(counts, combined.clbits) if whole else {}
            sampling = {"counts": counts, "divided_counts": parts}
        result = {"sampling": sampling, "estimation": estimation}
        seconds = round(time.perf_counter() - started, 3)
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
            return measured_qubits(combined.first)
        return measured_qubits(program.circuit if made is None else made.source)

    def _begin(self, job: JobRecord) -> None:
        self._store.update(job.job_id, ("ready",), status="running", running_at=self._store.now())

    def _stuck(self, job: JobRecord) -> bool:
        """Return whether the job stays in ``running`` for ever."""
        fault = self._faults.job("stuck_running", lambda: self._view(job))
        if fault is None:
            return False
        if fault.values["ended"]:
            message = fault.values["message"]
            self._store.update(
                job.job_id, ("running",), message=message, ended_at=self._store.now()
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
        values: dict[str, Any] = {"status": status, "message": message}
        if result is not None:
            self._file(job, "result", packed_json("result.json", result))
            values["execution_time"] = seconds
        self._store.update(job.job_id, _ACTIVE, ended_at=self._store.now(), **values)

    def _file(self, job: JobRecord, name: str, data: bytes) -> None:
        """Keep a file of a job that is still wanted."""
        now = self._store.get(job.job_id)
        if now is not None and now.status in _ACTIVE:
            self._storage.put(f"{job.job_id}/{name}.zip", data)
            self._store.add_file(job.job_id, name)
