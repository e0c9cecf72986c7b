"""The command line: which workloads, which peers, how many rounds."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from .agreement import check
from .peers import DEFAULT_PEERS, OURS, PEERS
from .report import Row, environment, table
from .timing import compare
from .workload import Workload
from .workloads import WORKLOADS


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the benchmarks that are asked for; no time is ever a failure, a wrong answer is."""
    options = _parse(arguments)
    rows = []
    for name in options.workloads:
        workload = WORKLOADS[name]()
        _progress(f"{workload.name}: {workload.title}")
        rows.append(_measure(workload, options.peers, options.rounds))
    print(environment(options.rounds))
    print()
    print(table(rows, options.peers))


def _measure(workload: Workload, names: Sequence[str], rounds: int) -> Row:
    tasks = {name: PEERS[name].prepare(workload) for name in (OURS, *names)}
    for name, task in tasks.items():
        check(workload, name, task.counts(task.run()))
    _progress(f"{workload.name}: {', '.join(tasks)} agree; timing {rounds} rounds")
    times = compare({name: task.run for name, task in tasks.items()}, rounds)
    return Row(workload, times)


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks",
        description="Time our backend against others, interleaved; print ratios.",
    )
    parser.add_argument(
        "workloads", nargs="*", metavar="workload", help=f"of {', '.join(WORKLOADS)}; default all"
    )
    parser.add_argument("--rounds", type=int, default=7, help="rounds that are timed (7)")
    parser.add_argument(
        "--peers",
        nargs="+",
        choices=sorted(set(PEERS) - {OURS}),
        default=list(DEFAULT_PEERS),
        help=f"what ours is compared with ({' '.join(DEFAULT_PEERS)})",
    )
    options = parser.parse_args(arguments)
    unknown = [name for name in options.workloads if name not in WORKLOADS]
    if unknown:
        parser.error(f"unknown workloads {', '.join(unknown)}; there are {', '.join(WORKLOADS)}")
    if options.rounds < 1:
        parser.error("--rounds must be at least 1")
    options.workloads = options.workloads or list(WORKLOADS)
    return options


def _progress(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
