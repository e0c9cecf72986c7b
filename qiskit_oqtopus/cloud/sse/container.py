"""Runs circuits beside the device, one after another, and prints what became of each.

This file is sent as the text of an SSE program. It uses only what the container of OQTOPUS has,
and prints each outcome as soon as it is there, so that a log whose end is missing has the others.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import importlib
import json
import os
import sys
import time
import zlib
from pathlib import Path
from typing import Any

BEGAN = time.monotonic()
WIDTH = 4000
LONGEST_REASON = 2000


def run_circuits(data: str, mark: str, seconds: float) -> None:
    """Run all circuits for which there is time, and print what became of each.

    Args:
        data: JSON lines, compressed, in base 85: settings of all circuits, then a line for each.
        mark: What the printed lines begin with.
        seconds: Time in s, counted from the start of the program, in which the last circuit is
            expected to end.
    """
    _silence_stderr()
    first, *circuits = zlib.decompress(base64.b85decode(data)).split(b"\n")
    settings = json.loads(first)
    result = Path(os.environ.get("OUT_PATH", ".")) / "result.json"
    slowest = 0.0
    good: int | None = None
    kept: bytes | None = None
    has_failed = False
    for index, line in enumerate(circuits):
        start = time.monotonic()
        outcome: dict[str, Any]
        if index and start - BEGAN + slowest > seconds:
            outcome = {"not_run": f"the program has stopped before its limit of {seconds:g} s"}
        else:
            try:
                answer = _run(settings, line)
                outcome = {"answer": answer, "mitigation": settings["mitigation_info"]}
            except Exception as error:  # noqa: BLE001 - the others are to run
                outcome = {"error": f"{type(error).__name__}: {error}"[:LONGEST_REASON]}
                has_failed = True
            else:
                good, kept, has_failed = index, _read(result), False
            slowest = max(slowest, time.monotonic() - start)
        _print(mark, index, outcome)
    # OQTOPUS takes what the last call has left there for the outcome of the whole program.
    if has_failed and good is not None and not _write(result, kept):
        with contextlib.suppress(Exception):
            _run(settings, circuits[good], shots=1)
            _print(mark, len(circuits), {"repeated": good})


def _run(settings: dict[str, Any], line: bytes, shots: int | None = None) -> dict[str, Any]:
    """Run a circuit, with other shots than its own, and return its result as OQTOPUS writes it."""
    circuit = json.loads(line)
    # Not at the top: the machine on which the program is written has neither.
    driver = importlib.import_module("sse_driver")
    models = importlib.import_module("oqtopus_client.rest.models")
    request = models.JobsSubmitJobRequest(
        name=circuit["name"],
        device_id=settings["device_id"],
        job_type="sampling",
        shots=shots or circuit["shots"],
        transpiler_info=settings["transpiler_info"],
        simulator_info={},
        mitigation_info=settings["mitigation_info"],
    )
    info = models.JobsS3SubmitJobInfo(program=[circuit["program"]])
    job = driver.submit_job(request, info)
    result = _to_plain(job.job_info).get("result")
    answer = {} if result is None else _to_plain(result)
    if not answer.get("sampling"):
        raise RuntimeError("the engine has returned no result")
    return answer


def _to_plain(model: Any) -> dict[str, Any]:
    """Return the fields of a model of pydantic, or of another object."""
    if hasattr(model, "model_dump"):
        model = model.model_dump()
    return model if isinstance(model, dict) else vars(model)


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError:
        return None


def _write(path: Path, content: bytes | None) -> bool:
    """Write a file if there is anything to write; return whether it is written."""
    try:
        return content is not None and path.write_bytes(content) == len(content)
    except OSError:
        return False


def _silence_stderr() -> None:
    """Keep warnings of libraries out of the log, where they would stand inside our lines."""
    with contextlib.suppress(OSError):
        sys.stderr.flush()
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)


def _print(mark: str, index: int, outcome: dict[str, Any]) -> None:
    r"""Print an outcome as lines of ASCII: the terminal turns \n into \r\n, others print too."""
    packed = zlib.compress(json.dumps(outcome).encode(), 9)
    text = base64.b85encode(packed).decode()
    digest = hashlib.sha256(text.encode()).hexdigest()
    lines = range(0, len(text), WIDTH)
    for number, start in enumerate(lines):
        place = f"{index} {number}/{len(lines)} {len(text)} {digest}"
        sys.stdout.write(f"\n{mark} {place} {text[start : start + WIDTH]}\n")
    sys.stdout.flush()
