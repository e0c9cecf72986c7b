"""``python -m tests.benchmarks.cloud``: many circuits in one run, beside oqtopus-client.

A local OQTOPUS Cloud in this process answers each request after a fixed latency, and runs jobs at
once. Each client works in a process of its own on a cloud of its own: ours, and oqtopus-client in
an environment that is made once with pip.

With ``--routes``, it is our ordinary route beside that of SSE, on a cloud that has the pace of a
real one.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qiskit import qasm3

from qiskit_oqtopus.emulator import Emulator

from ..contract.environment import CLIENT, ClientEnvironment
from .cloud_work import DEVICE, SHOTS, circuit, expected
from .report import table

ROOT = Path(__file__).parents[2]
OURS = "qiskit-oqtopus"
PEER = CLIENT
PEER_PYTHON = (3, 11)
"""The oldest Python that it can be installed on."""

ROUTE_CIRCUITS = (50, 200)
"""How many circuits the routes are given."""

WORKERS = (None, 16)
"""Requests at the same time, the same for both clients; None is the default of each."""

MAX_REQUESTS = 4.0
MIN_RATIO = 5.0
"""The goals: requests per circuit, apart from polling by the page; throughput over the peer's."""

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@dataclass(frozen=True)
class Contestant:
    """A client, and how many circuits it is given.

    Attributes:
        name: For the table.
        command: Is followed by the files of the request and of the answer.
        circuits: How many circuits.
        workers: How many requests at the same time; None for the client's own default.
        route: None, or "sse" to have the circuits run by one job.
    """

    name: str
    command: Sequence[str | Path]
    circuits: int
    workers: int | None
    route: str | None = None

    @property
    def title(self) -> str:
        """Name and workers, or the route."""
        if self.route is not None:
            return f"{self.name}, route {self.route!r}"
        return f"{self.name}, {self.workers or 'default'} workers"


@dataclass(frozen=True)
class Outcome:
    """What a run cost.

    Attributes:
        contestant: The client.
        seconds: From the first request to the last result.
        stages: Parts of it by name in s, where they are known.
        cpu: CPU time of the client in s.
        cloud_cpu: CPU time of the local cloud in s.
        memory: Peak memory of the client in bytes.
        memory_before: The same before the run, circuits and imports included.
        requests: Number of requests by kind.
    """

    contestant: Contestant
    seconds: float
    stages: dict[str, float]
    cpu: float
    cloud_cpu: float
    memory: int
    memory_before: int
    requests: Counter[str]

    @property
    def throughput(self) -> float:
        """Circuits per second."""
        return self.contestant.circuits / self.seconds

    @property
    def pages(self) -> int:
        """Number of pages of the list of jobs that were read."""
        return self.requests["GET /jobs"]

    @property
    def requests_per_circuit(self) -> float:
        """Requests per circuit, without those pages and without looking at the device."""
        number = sum(n for kind, n in self.requests.items() if "/devices" not in kind)
        return (number - self.pages) / self.contestant.circuits


def main(arguments: Sequence[str] | None = None) -> None:
    """Run all contestants and print the table."""
    options = _parse(arguments)
    ours = [sys.executable, "-m", "tests.benchmarks.cloud_ours"]
    if options.routes:
        print(_compare_routes(ours, options.latency))
        return
    contestants = [Contestant(OURS, ours, options.circuits, workers) for workers in WORKERS]
    if not options.no_peer:
        if sys.version_info < PEER_PYTHON:
            sys.exit(f"{PEER} needs Python {'.'.join(map(str, PEER_PYTHON))}; or use --no-peer.")
        _progress(f"The environment with {PEER} (made once, then kept)")
        ClientEnvironment(options.peer_env).create()
        peer = [options.peer_env / "bin" / "python", Path(__file__).with_name("cloud_peer.py")]
        contestants += [
            Contestant(PEER, peer, options.peer_circuits, workers) for workers in WORKERS
        ]
    outcomes = []
    for contestant in contestants:
        _progress(f"{contestant.title}: {contestant.circuits} circuits")
        outcomes.append(_compete(contestant, options.latency))
    print(_report(outcomes, options.latency))


def _compare_routes(command: Sequence[str], latency: float) -> str:
    """Run circuits by each route at the pace of a real server; return the table."""
    heads = ["circuits", "route", "jobs", "requests: POST", "GET", "wall time"]
    rows = []
    for circuits in ROUTE_CIRCUITS:
        for route in (None, "sse"):
            contestant = Contestant(OURS, command, circuits, None, route)
            _progress(f"{contestant.title}: {circuits} circuits")
            outcome = _compete(contestant, latency, realistic=True)
            numbers = outcome.requests
            posts = sum(n for kind, n in numbers.items() if kind.startswith("POST"))
            rows.append(
                [
                    str(circuits),
                    route or "ordinary",
                    str(numbers["POST /jobs/*/submit"]),
                    str(posts),
                    str(sum(numbers.values()) - posts),
                    f"{outcome.seconds:.1f} s",
                ]
            )
    title = f"{SHOTS} shots, {1000 * latency:g} ms latency per request, the pace of a real server"
    return f"{title}\n\n{table([heads, *rows])}"


def _compete(contestant: Contestant, latency: float, realistic: bool = False) -> Outcome:
    with (
        Emulator([DEVICE], realistic=realistic, sse=contestant.route is not None) as cloud,
        tempfile.TemporaryDirectory() as name,
    ):
        cloud.faults.latency(latency)
        request, answer = Path(name, "request.json"), Path(name, "answer.json")
        circuits = [circuit(index) for index in range(contestant.circuits)]
        asked = {
            "circuits": contestant.circuits,
            "programs": [qasm3.dumps(made) for made in circuits],
            "device": DEVICE,
            "shots": SHOTS,
            "workers": contestant.workers,
            "route": contestant.route,
        }
        request.write_text(json.dumps(asked))
        cpu = time.process_time()
        subprocess.run(
            [*contestant.command, request, answer],
            check=True,
            cwd=ROOT,
            env=_environment(OQTOPUS_URL=cloud.url, OQTOPUS_API_TOKEN=cloud.token),
        )
        cpu = time.process_time() - cpu
        requests = Counter(_to_kind(logged.method, logged.path) for logged in cloud.requests)
        executions = Counter(cloud.executions.values())
        found = json.loads(answer.read_text())
    wanted = [expected(index) for index in range(contestant.circuits)]
    jobs = contestant.circuits if contestant.route is None else requests["POST /jobs/*/submit"]
    if found["counts"] != wanted or executions != {1: jobs}:
        sys.exit(f"{contestant.title}: wrong counts, or not one execution per job ({executions})")
    return Outcome(
        contestant,
        found["seconds"],
        found.get("stages", {}),
        found["cpu"],
        cpu,
        found["memory"],
        found["memory_before"],
        requests,
    )


def _to_kind(method: str, path: str) -> str:
    """Return a request without the ids in its path.

    >>> _to_kind("POST", "/jobs/01927422-86d4-7597-b724-b08a5e7781fc/submit")
    'POST /jobs/*/submit'
    """
    return f"{method} {_UUID.sub('*', path)}"


def _environment(**values: str) -> dict[str, str]:
    """Return our environment variables, without those that change modules or accounts."""
    drop = {"PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV"}
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in drop and not name.startswith("OQTOPUS_")
    }
    return {**kept, "NO_PROXY": "127.0.0.1", "OMP_NUM_THREADS": "1", **values}


# -- the report ----------------------------------------------------------------------------------


def _report(outcomes: Sequence[Outcome], latency: float) -> str:
    ours = [outcome for outcome in outcomes if outcome.contestant.name == OURS]
    peers = [outcome for outcome in outcomes if outcome.contestant.name == PEER]
    count = ours[0].contestant.circuits
    heads = [
        "client",
        "circuits",
        "wall time",
        f"for {count}",
        "circuits/s",
        "requests/circuit",
        "pages",
        "peak memory",
        "client CPU",
        "cloud CPU",
    ]
    lines = [
        f"{count} circuits in one run, {SHOTS} shots, {1000 * latency:g} ms latency per request, "
        "jobs run at once",
        "",
        table([heads, *(_row(outcome, count) for outcome in outcomes)]),
        "",
    ]
    if any(peer.contestant.circuits != count for peer in peers):
        lines += [f'The column "for {count}" is extrapolated where it says "~".', ""]
    for outcome in outcomes:
        stages = ", ".join(f"{name} {seconds:.2f} s" for name, seconds in outcome.stages.items())
        kinds = ", ".join(f"{kind} {number}" for kind, number in outcome.requests.most_common())
        lines.append(f"{outcome.contestant.title}: {stages and stages + '; '}{kinds}")
    lines.append("")
    for outcome in ours:
        asked = outcome.requests_per_circuit
        lines.append(
            _goal(f"requests per circuit, {outcome.contestant.title}", asked, MAX_REQUESTS, False)
        )
    for outcome, peer in zip(ours, peers, strict=False):
        ratio = outcome.throughput / peer.throughput
        name = f"throughput: {outcome.contestant.title} / {peer.contestant.title}"
        lines.append(_goal(name, ratio, MIN_RATIO, True))
    return "\n".join(lines)


def _row(outcome: Outcome, count: int) -> list[str]:
    circuits = outcome.contestant.circuits
    extrapolated = "" if circuits == count else "~"
    return [
        outcome.contestant.title,
        str(circuits),
        f"{outcome.seconds:.2f} s",
        f"{extrapolated}{count / outcome.throughput:.1f} s",
        f"{outcome.throughput:.1f}",
        f"{outcome.requests_per_circuit:.3f}",
        f"{outcome.pages}",
        f"{outcome.memory / 2**20:.0f} MiB ({outcome.memory_before / 2**20:.0f} before)",
        f"{1000 * outcome.cpu / circuits:.1f} ms/circuit",
        f"{1000 * outcome.cloud_cpu / circuits:.1f} ms/circuit",
    ]


def _goal(name: str, value: float, goal: float, at_least: bool) -> str:
    met = value >= goal if at_least else value <= goal
    sign = ">=" if at_least else "<="
    return f"{'met   ' if met else 'MISSED'} {name}: {value:.4g} (goal {sign} {goal:g})"


def _parse(arguments: Sequence[str] | None) -> Any:
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.cloud",
        description="Send many circuits through a local OQTOPUS Cloud, beside oqtopus-client.",
    )
    parser.add_argument("--circuits", type=int, default=1000, help="circuits of our run (1000)")
    parser.add_argument(
        "--peer-circuits", type=int, default=None, help="circuits of the peer's run (as ours)"
    )
    parser.add_argument(
        "--latency", type=float, default=0.02, help="latency per request in s (0.02)"
    )
    parser.add_argument("--no-peer", action="store_true", help="run ours only")
    parser.add_argument(
        "--routes", action="store_true", help="compare our routes, at the pace of a real server"
    )
    parser.add_argument(
        "--peer-env",
        type=Path,
        default=Path(os.environ.get("TOX_ENV_DIR", ROOT / ".tox")) / "oqtopus-client",
        metavar="DIRECTORY",
        help="where the environment of the peer is, or will be made (by default inside tox's)",
    )
    options = parser.parse_args(arguments)
    options.peer_env = options.peer_env.absolute()
    options.peer_circuits = options.peer_circuits or options.circuits
    if min(options.circuits, options.peer_circuits) < 1:
        parser.error("numbers must be at least 1")
    return options


def _progress(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
