"""The command line: make the second environment, run the client, and judge its calls."""

from __future__ import annotations

import argparse
import math
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from qiskit_oqtopus.emulator import Emulator

from .environment import CLIENT, ClientEnvironment

ROOT = Path(__file__).parents[2]
DEVICE = "grid-16q"
SHOTS = 1000

SUCCEEDED = "succeeded"
LIFE = [True, True, True, True]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the client; return the exit code: 0 if every call did what it does on the real cloud."""
    options = _parse(arguments)
    environment = ClientEnvironment(options.client_env)
    _say(f"The environment with {CLIENT} (made once, then kept)")
    environment.create()
    failures = 0
    for form in ("url", "text"):
        found, problems = _run(environment, form)
        _say(f"device_info as {form}: {len(found)} calls, {len(problems)} problems")
        for problem in problems:
            _say(f"FAILED: {problem}")
        failures += len(problems)
    return 1 if failures else 0


def _run(environment: ClientEnvironment, form: Any) -> tuple[dict[str, Any], list[str]]:
    busy = {"device_id": "busy", "device_info": None, "n_qubits": 4, "status": "unavailable"}
    with Emulator([DEVICE, "line-4q", busy], device_info=form, sse=True) as cloud:
        cloud.faults.slow_queue(math.inf, "held back")
        # The client's settings say that it retries 429, but it does so for 5xx only.
        cloud.faults.status(429, path="/devices/busy", retry_after=0)
        cloud.faults.status(503, path="/devices/busy", times=2)
        found = environment.run(cloud.url, cloud.token, DEVICE)
        problems = [
            f"{name}: {found.get(name)!r}"
            for name, expected in EXPECTED.items()
            if name not in found or not expected(found[name])
        ]
        problems += [
            f"there is no expectation for {name}" for name in found.keys() - EXPECTED.keys()
        ]
        problems += [
            f"a token went to the storage: {request.method} {request.path}"
            for request in cloud.requests
            if request.storage and request.token
        ]
        agents = {r.headers["user-agent"] for r in cloud.requests if not r.storage}
        if agents != {"oqtopus-client/1.3.0"}:
            problems.append(f"requests of others: {agents}")
        twice = {job: n for job, n in cloud.executions.items() if n != 1}
        problems += [f"job {job} ran {n} times" for job, n in twice.items()]
    return found, problems


def _is(expected: Any) -> Callable[[Any], bool]:
    return lambda found: bool(found == expected)


def _has(**expected: Any) -> Callable[[Any], bool]:
    return lambda found: all(
        check(found[name]) if callable(check) else found[name] == check
        for name, check in expected.items()
    )


def _bell(counts: Mapping[str, int]) -> bool:
    """Whether these are counts of a Bell pair, within 5 sigma."""
    sigma = math.sqrt(SHOTS) / 2
    return (
        counts.keys() == {"00", "11"}
        and sum(counts.values()) == SHOTS
        and abs(counts["00"] - SHOTS / 2) < 5 * sigma
    )


def _mitigated(counts: Mapping[str, int]) -> bool:
    # Without noise there is nothing to mitigate: correction takes too much from "00" or "11".
    return counts.keys() <= {"00", "01", "10", "11"} and SHOTS - 4 <= sum(counts.values()) <= SHOTS


def _multi(found: Any) -> bool:
    counts, divided = found["counts"], found["divided"]
    return bool(
        counts.keys() == {"100", "111"}
        and list(divided) == ["1", "0"]
        and divided["1"] == {"1": SHOTS}
        and divided["0"] == {"0": counts["100"], "3": counts["111"]}
    )


_SAMPLED = {"status": SUCCEEDED, "name": "bell", "shots": SHOTS, "times": LIFE}
_LOGGED = {
    "status": SUCCEEDED,
    "transpiled": True,
    "file": True,
    "entry": "sse_runtime.log",
    "read": True,
}

EXPECTED: dict[str, Callable[[Any], bool]] = {
    "devices": _is(
        {
            "ids": ["busy", DEVICE, "line-4q"],
            "status": "available",
            "n_qubits": 16,
            "basis_gates": ["sx", "x", "rz", "cx"],
            "calibrated": True,
            "info_qubits": 16,
            "info_name": DEVICE,
        }
    ),
    "sampling": _has(**_SAMPLED, counts=_bell, transpiled=True),
    "sampling_null": _has(**_SAMPLED, counts=_bell, transpiled=False),
    "sampling_mitigated": _has(**_SAMPLED, counts=_mitigated, transpiled=True),
    "estimation": _is({"exp_value": 2.700000047683716, "stds": 0.0, "status": SUCCEEDED}),
    "multi_manual": _multi,
    "failed": _is({"status": "failed", "message": "Expecting value: line 1 column 1 (char 0)"}),
    "sse": _has(**_LOGGED, counts=_bell, log="10 10\r\n1000 1000\r\n"),
    "sse_with_client": _has(
        **_LOGGED,
        counts=lambda counts: counts == {"1": SHOTS},
        log="HTTP 0: sse_container execution failed: "
        "To execute sampling on OQTOPUS server is failed. "
        "reason: Expecting value: line 1 column 1 (char 0)\r\n"
        f"inside succeeded {{'1': {SHOTS}}} True\r\n",
    ),
    "sse_failed": _is(
        {
            "status": "failed",
            "message": "user program execution error",
            "log": "SSE log is not available for job ID.",
        }
    ),
    "batch": _is(
        {
            "counts": [{"1": shots} for shots in range(1, 6)],
            "listed": [SUCCEEDED] * 3,
            "known": True,
        }
    ),
    "list_jobs": _is({"typed": True, "some": True}),
    "cancel_and_delete": _is(
        {
            "before": "submitted",
            "accepted": "cancel request accepted",
            "after": "cancelled",
            "deleted": "job deleted",
            "gone": 404,
        }
    ),
    "unknown_job": _is(404),
    "unknown_device": _is(400),
    "long_name": _is(500),
    "bad_token": _is(401),
    "rate_limit": _is({"limited": 429, "device": "busy", "waited": True}),
}


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.contract",
        description=f"Run {CLIENT}, unmodified, against the emulator.",
    )
    default = Path(os.environ.get("TOX_ENV_DIR", ROOT / ".tox")) / "oqtopus-client"
    parser.add_argument(
        "--client-env",
        type=Path,
        default=default,
        metavar="DIRECTORY",
        help="where the environment with oqtopus-client is, or will be made (default: in tox's)",
    )
    return parser.parse_args(arguments)


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
