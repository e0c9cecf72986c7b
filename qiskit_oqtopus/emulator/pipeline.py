"""The pipeline: from the input of a job to its result, whoever has sent it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from qiskit.circuit import QuantumCircuit

from .database import JobRecord
from .devices import EmulatedDevice
from .execution import Simulator, mitigate
from .job_input import JobFailedError, JobInput
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

DEFAULT_TRANSPILER = {"transpiler_lib": "qiskit", "transpiler_options": {"optimization_level": 1}}

DONE = "job is succeeded"
"""What a client is told of a job that succeeded."""

GONE = "device status is not available"
"""What a client is told of a device that takes no jobs."""

Keep = Callable[[str, Any], None]
"""Takes what becomes known of a job, by name: "transpiler_info", "transpile_result" (both JSON) and
"combined_program" (a text)."""


@dataclass(frozen=True)
class Prepared:
    """A job that is ready to run.

    Attributes:
        job: The job.
        given: Its input.
        device: Where it runs.
        combined: Its programs side by side, if it is multi_manual.
        made: What the server's transpiler has made, if it is on.
    """

    job: JobRecord
    given: JobInput
    device: EmulatedDevice
    combined: Combined | None
    made: Transpiled | None


def prepare(job: JobRecord, given: JobInput, device: EmulatedDevice, keep: Keep) -> Prepared:
    """Combine and transpile the programs of a job.

    Raises:
        JobFailedError: If that is not possible; what became known before has been kept.
    """
    combined = None
    if job.job_type == "multi_manual":
        combined = combine(given, device)
        keep("combined_program", combined.text)
    info = job.transpiler_info or DEFAULT_TRANSPILER
    keep("transpiler_info", info)
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
        keep("transpile_result", made.report)
    if job.job_type == "estimation" and (made is not None or given.operator is None):
        check_operator(given, made.source if made else QuantumCircuit(), made)
    return Prepared(job, given, device, combined, made)


def execute(prepared: Prepared, simulator: Simulator) -> tuple[dict[str, Any], float]:
    """Run a job; return the content of ``result.json``, and the time that it took in s.

    Raises:
        JobFailedError: If the device refuses it.
    """
    job, given, made, device = prepared.job, prepared.given, prepared.made, prepared.device
    started = time.perf_counter()
    # With the transpiler off, only the first program of several is run: a bug of the server.
    program = device_program(given.first if made is None else made.circuit, device)
    shots = job.shots or 1
    sampling = estimation = None
    if job.job_type == "estimation":
        if made is None:
            check_operator(given, program.circuit, None)
        estimation = estimate(simulator, given, program, made, job, device)
    else:
        mitigated = _find_mitigated(prepared, program)
        if mitigated and device.vendor is not None:
            device.vendor.check_mitigation(mitigated, device.facts)
        counts = simulator.sample(program, shots, device)
        if mitigated:
            counts = mitigate(counts, mitigated, device.readout, shots)
        parts = None
        if prepared.combined is not None:
            whole = made is not None and not is_mitigated(job)
            parts = divide(counts, prepared.combined.clbits) if whole else {}
        sampling = {"counts": counts, "divided_counts": parts}
    result = {"sampling": sampling, "estimation": estimation}
    return result, max(round(time.perf_counter() - started, 3), 0.001)


def check_available(device: EmulatedDevice) -> None:
    """Check that a device takes jobs.

    Raises:
        JobFailedError: If not.
    """
    if device.status != "available":
        raise JobFailedError(GONE)


def _find_mitigated(prepared: Prepared, program: NativeProgram) -> list[int] | None:
    """Return the measured qubits, by the numbers of the program that was sent."""
    if not is_mitigated(prepared.job):
        return None
    if prepared.combined is not None:
        # The server takes the first program for the whole.
        return find_measured_qubits(prepared.combined.first)
    made = prepared.made
    return find_measured_qubits(program.circuit if made is None else made.source)
