"""For Python programs that OQTOPUS runs beside the device (jobs of type ``sse``): loops.

``provider.run_script(program, device, bundle=True)`` sends this file along, so that the program can
import it there under its own name. It needs only what the container has: it imports nothing of this
package, and no Qiskit.

    from qiskit_oqtopus.sse import emit, sample

    for angle in (0.1, 0.2, 0.3):
        counts = sample(program.format(angle), shots=1000)
        emit("ones", [angle, counts.get("1", 0)])
"""

from __future__ import annotations

import importlib
import json
import os
import re
import sys
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

__all__ = ["Estimate", "InnerJobError", "emit", "estimate", "sample", "time_left"]

LIMIT = 600.0
"""Time in s after which OQTOPUS kills a program, unless its operator has changed that."""

_PREFIX = "payload="
_TERM = re.compile(r"(?:[IXYZ] ?\d+(?: +|$))*|I")
_HINT = (
    ". Without the transpiler a device runs only x, sx, rz, cx, measure, barrier and delay; "
    'transpiler="qiskit" takes other gates'
)


class InnerJobError(RuntimeError):
    """OQTOPUS has not run a circuit, or has not run it to its end."""


class Estimate(NamedTuple):
    """An expectation value, and its standard error, as OQTOPUS reports both."""

    value: float
    error: float


def sample(
    program: str,
    shots: int = 1024,
    *,
    transpiler: str | None = None,
    transpiler_options: Mapping[str, Any] | None = None,
    mitigation: str | None = None,
) -> dict[str, int]:
    """Run an OpenQASM 3 program, and return its counts.

    Args:
        program: The program.
        shots: Number of shots, from 1 to 10,000,000.
        transpiler: None runs the program as it is; "qiskit" lets OQTOPUS transpile it, which may
            merge and drop gates.
        transpiler_options: Options of that, such as ``{"optimization_level": 1}``, the default.
        mitigation: "pseudo_inverse" lets OQTOPUS correct readout errors; None does not.

    Returns:
        How often each outcome occurred; the first classical bit is the rightmost one.

    Raises:
        InnerJobError: If it fails. The program may go on, and its log is kept if any other circuit
            has succeeded before or succeeds later.
        RuntimeError: If this is not a program of an SSE job.
        TypeError: If an argument is of another type.
        ValueError: If an argument has a value that cannot be used.
    """
    settings = _read_settings(transpiler, transpiler_options, mitigation)
    result = _run("sampling", program, shots, None, settings)
    return {str(key): int(count) for key, count in result["counts"].items()}


def estimate(
    program: str,
    operator: Mapping[str, float] | Iterable[tuple[str, float]],
    shots: int = 1024,
    *,
    transpiler: str | None = None,
    transpiler_options: Mapping[str, Any] | None = None,
    mitigation: str | None = None,
) -> Estimate:
    """Estimate the expectation value of an operator in the state that a program prepares.

    Args:
        program: An OpenQASM 3 program; its measurements at the end are ignored.
        operator: Coefficients by Pauli string, such as ``{"Z 0 Z 1": 0.5, "X 0": -1.0, "I": 2.0}``;
            the numbers are those of the program's qubits.
        shots: Number of shots for each group of terms that are measured together.
        transpiler: As for :func:`sample`.
        transpiler_options: As for :func:`sample`.
        mitigation: As for :func:`sample`.

    Raises:
        InnerJobError: As :func:`sample` does.
        RuntimeError: If this is not a program of an SSE job.
        TypeError: If an argument is of another type.
        ValueError: If a Pauli string is none (OQTOPUS would take it for the identity), or an
            argument has a value that cannot be used.
    """
    terms = operator.items() if isinstance(operator, Mapping) else operator
    items = [_check_term(pauli, coefficient) for pauli, coefficient in terms]
    if not items:
        raise ValueError("The operator has no terms.")
    settings = _read_settings(transpiler, transpiler_options, mitigation)
    result = _run("estimation", program, shots, items, settings)
    return Estimate(float(result["exp_value"]), float(result["stds"]))


def emit(name: str, value: Any) -> None:
    """Print a result, so that ``job.payloads()`` finds ``{"name": name, "value": value}``.

    Args:
        name: What it is.
        value: Anything that JSON can say, and numpy's numbers and arrays.

    Raises:
        TypeError: If JSON cannot say it.
        ValueError: If there is NaN or infinity in it.
    """
    if not isinstance(name, str):
        raise TypeError(f"The name of a result is a text, not {name!r}.")
    line = json.dumps({"name": name, "value": value}, default=_to_plain, allow_nan=False)
    # In one piece, and on a line of its own whatever was printed before.
    sys.stdout.write(f"\n{_PREFIX}{line}\n")
    sys.stdout.flush()


def time_left(limit: float = LIMIT) -> float:
    """Return how long this program may still run before OQTOPUS kills it, in s.

    A program that is killed leaves nothing, not even its log. A circuit takes up to 60 s.

    Args:
        limit: Time in s that a program has from its start.
    """
    return max(0.0, _BEGAN + limit - time.monotonic())


# Jobs


def _run(
    job_type: str,
    program: str,
    shots: int,
    operator: list[dict[str, Any]] | None,
    settings: dict[str, dict[str, Any]],
) -> dict[str, Any]:
    """Run a job, and return the part of its result that belongs to its type."""
    if os.environ.get("OQTOPUS_ENV") != "sse_container":
        raise RuntimeError(
            "This runs only in a program of an SSE job: provider.run_script(program, device, "
            "bundle=True) sends one."
        )
    if not isinstance(program, str):
        raise TypeError(f"The program is OpenQASM 3 text, not {type(program).__name__}.")
    # Only the container has these.
    driver = importlib.import_module("sse_driver")
    models = importlib.import_module("oqtopus_client.rest.models")
    request = models.JobsSubmitJobRequest(
        name="",
        device_id=json.loads(os.environ["JOB_JSON"])["device_id"],
        job_type=job_type,
        shots=_to_integer(shots),
        simulator_info={},
        **settings,
    )
    upload = models.JobsS3SubmitJobInfo(program=[program], operator=operator)
    before = _read_result()
    try:
        job = driver.submit_job(request, upload)
    # The driver's own error, and those of its connection: they have no common class.
    except Exception as error:
        _restore_result(before)
        off = settings["transpiler_info"]["transpiler_lib"] is None
        hint = _HINT if off and "on device" in str(error) else ""
        raise InnerJobError(f"{error}{hint}") from error
    found: Any = _to_mapping(job.job_info.result).get(job_type)
    if found is None:
        raise InnerJobError("OQTOPUS has returned no result.")
    return _to_mapping(found)


def _to_mapping(value: Any) -> dict[str, Any]:
    """Return what the driver gives: values, or models of oqtopus-client."""
    return dict(value.to_dict() if hasattr(value, "to_dict") else value or {})


def _read_settings(
    transpiler: str | None, options: Mapping[str, Any] | None, mitigation: str | None
) -> dict[str, dict[str, Any]]:
    if transpiler not in (None, "qiskit"):
        raise ValueError(f'The transpiler is None or "qiskit", not {transpiler!r}.')
    if mitigation not in (None, "pseudo_inverse"):
        raise ValueError(f'The mitigation is None or "pseudo_inverse", not {mitigation!r}.')
    if options is not None and transpiler is None:
        raise ValueError('The transpiler_options need transpiler="qiskit".')
    chosen = {"optimization_level": 1} if options is None else dict(options)
    return {
        "transpiler_info": {"transpiler_lib": transpiler}
        | ({} if transpiler is None else {"transpiler_options": chosen}),
        "mitigation_info": {} if mitigation is None else {"ro_error_mitigation": mitigation},
    }


def _check_term(pauli: str, coefficient: float) -> dict[str, Any]:
    if not isinstance(pauli, str) or not _TERM.fullmatch(pauli):
        raise ValueError(f'A term is a text like "X 0 Z 1" or "I", not {pauli!r}.')
    qubits = re.findall(r"\d+", pauli)
    if len({int(qubit) for qubit in qubits}) < len(qubits):
        raise ValueError(f"Term {pauli!r} names a qubit twice.")
    return {"pauli": pauli, "coeff": float(coefficient)}


def _to_integer(shots: Any) -> int:
    """Return a whole number as Python's own; the models take no other."""
    if isinstance(shots, bool) or int(shots) != shots:
        raise ValueError(f"The number of shots is an integer, not {shots!r}.")
    return int(shots)


def _to_plain(value: Any) -> Any:
    """Return numpy's numbers and arrays as numbers and lists."""
    if hasattr(value, "tolist"):
        return value.tolist()
    raise TypeError(f"JSON cannot say {value!r}.")


# The last job decides whether the program has succeeded, and with it its log


def _read_result() -> bytes | None:
    """Return what the last job has left, if it has succeeded."""
    try:
        content = _result_path().read_bytes()
        return content if json.loads(content)["status"] == "succeeded" else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _restore_result(content: bytes | None) -> None:
    """Leave again what was left before a job that failed, so that its failure costs no log."""
    if content is not None:
        try:
            _result_path().write_bytes(content)
        except OSError:
            return  # then this failure decides


def _result_path() -> Path:
    return Path(os.environ.get("OUT_PATH", "."), "result.json")


# Time


def _find_start() -> float:
    """Return when this process began, in s of the monotonic clock; now, if nobody says so."""
    now = time.monotonic()
    try:
        started = int(Path("/proc/self/stat").read_text().rpartition(")")[2].split()[19])
        running = float(Path("/proc/uptime").read_text().split()[0])
        age = running - started / os.sysconf("SC_CLK_TCK")
    except (OSError, ValueError, IndexError, AttributeError):
        return now
    return now - age if 0.0 <= age < LIMIT else now


_BEGAN = _find_start()
