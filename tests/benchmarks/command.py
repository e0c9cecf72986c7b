"""The command line: which workloads, which peers, how many rounds, and what is written."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from .against import OTHER, ROUNDS, against_table, measure_against
from .figure import draw
from .measure import measure
from .memory import MEMORY, memory
from .page import page
from .peers import CHOICES, DEFAULT_PEERS, qiskit1
from .report import goals_table, summary, times_table
from .results import FILE, Result, find_source, load, save
from .scaling import SWEEPS, sweep
from .threads import THREADS, threads
from .workload import MIN_ROUNDS, Unsupported
from .workloads import WORKLOADS

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "performance.md"
FIGURE = ROOT / "docs" / "images" / "performance.png"

Measure = Callable[[Sequence[str], int], Result]
"""Takes the peers and the number of rounds."""


def benchmarks() -> dict[str, Measure]:
    """Return everything that can be measured, by name, in the order of the tables."""

    def workload(name: str, peers: Sequence[str], rounds: int) -> Result:
        return measure(WORKLOADS[name](), peers, rounds)

    return {
        **{name: partial(workload, name) for name in WORKLOADS},
        MEMORY: lambda peers, rounds: memory(),
        THREADS: lambda peers, rounds: threads(rounds),
        **{name: partial(sweep, SWEEPS[name]) for name in SWEEPS},
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the benchmarks that are asked for; a slow answer never fails, a wrong one does."""
    options = _parse(arguments)
    if options.against is not None:
        _compare(options.names, options.against, options.rounds, options.again)
        return
    if not options.page:
        qiskit1.directory = options.peer_env
        results = _run(options.names, options.peers, options.rounds)
        _print(results, options.rounds)
        if options.write:
            save(results, list(benchmarks()))
    if options.write or options.page:
        write_documentation()


def write_documentation() -> None:
    """Write the page and the figure from the results that are kept."""
    kept = load()
    for name in benchmarks():
        if name not in kept:
            _progress(f"{name} has no results: the page does not have it")
    results = list(kept.values())
    draw(results, FIGURE)
    PAGE.write_text(page(results))
    _progress(f"wrote {PAGE.relative_to(ROOT)} and {FIGURE.relative_to(ROOT)}")


def _run(names: Sequence[str], peers: Sequence[str], rounds: int) -> list[Result]:
    results = []
    every = benchmarks()
    begin = time.perf_counter()
    for name in names:
        start = time.perf_counter()
        result = every[name](peers, rounds)
        results.append(result)
        now = time.perf_counter()
        _progress(f"[{now - begin:4.0f} s] {name}: {result.title} ({now - start:.0f} s)")
        for line in result.goal_lines():
            goal = "" if line.goal is None else f" (goal {line.goal:g})"
            _progress(f"         over {line.over}: {line.value.median:.3g}{goal}")
    return results


def _compare(names: Sequence[str], other: Path, rounds: int, again: bool) -> None:
    """Print the times of workloads here and in another checkout, and their ratios."""
    results = []
    for name in (name for name in names if name in WORKLOADS):
        try:
            result = measure_against(WORKLOADS[name](), other, rounds, again)
        except Unsupported as reason:
            _progress(f"{name}: cannot be compared: {reason}")
            continue
        results.append(result)
        _progress(f"{name}: {result.ratios[OTHER].median:.3f}")
    print(f"Here: {_describe_source()}\nThere: {other}\n\n{against_table(results)}")


def _describe_source() -> str:
    source = find_source()
    return f"Commit {source.commit}; {source.environment}"


def _print(results: Sequence[Result], rounds: int) -> None:
    print(
        f"Ratios of times, median [quartiles] of at least {rounds} interleaved rounds, "
        f"one thread; lower is better.\n{_describe_source()}\n"
    )
    lines = [line for result in results for line in result.goal_lines()]
    if lines:
        print(f"{goals_table(lines)}\n\n{summary(lines)}\n")
    if any(result.ratios for result in results):
        print("Time of a run of QulacsBackend, and of the others as multiples of it:\n")
        print(times_table(results))
    for result in results:
        for peer, reason in result.missing.items():
            _progress(f"{result.name}: without {peer}: {reason}")


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    names = list(benchmarks())
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks",
        description="Time our simulator against others, interleaved; print goals and ratios.",
    )
    parser.add_argument(
        "names",
        nargs="*",
        metavar="workload",
        help=f"names or their beginnings (w4, w4-qft-16), of {', '.join(names)}; default all",
    )
    parser.add_argument(
        "--rounds",
        type=int,
        default=MIN_ROUNDS,
        help=f"rounds that are timed, at least {MIN_ROUNDS} ({MIN_ROUNDS})",
    )
    parser.add_argument(
        "--peers",
        nargs="+",
        choices=CHOICES,
        default=list(DEFAULT_PEERS),
        help=f"what ours is compared with ({' '.join(DEFAULT_PEERS)}); qiskit-qulacs is run in an "
        "environment of its own with Qiskit 1.4",
    )
    parser.add_argument(
        "--peer-env",
        type=Path,
        default=qiskit1.directory,
        metavar="DIRECTORY",
        help="where that environment is, or will be made (by default inside tox's)",
    )
    parser.add_argument(
        "--against",
        type=Path,
        metavar="DIRECTORY",
        help="compare the workloads with another checkout of the project instead, by at least "
        f"{ROUNDS} rounds; nothing is written",
    )
    parser.add_argument(
        "--again",
        action="store_true",
        help="with --against: run the same circuits again each time, instead of new ones",
    )
    parser.add_argument(
        "--write",
        action="store_true",
        help=f"keep the results as rows of {FILE.relative_to(ROOT)} (other rows stay as they are), "
        "and write docs/performance.md and its figure from all rows",
    )
    parser.add_argument(
        "--page",
        action="store_true",
        help="measure nothing: write the page and the figure from the results that are kept",
    )
    options = parser.parse_args(arguments)
    options.peers = list(dict.fromkeys(options.peers))
    unknown = [given for given in options.names if not any(n.startswith(given) for n in names)]
    if unknown:
        parser.error(f"unknown workloads {', '.join(unknown)}; there are {', '.join(names)}")
    if options.against is not None and not (options.against / "qiskit_oqtopus").is_dir():
        parser.error(f"{options.against} is no checkout of the project: it has no qiskit_oqtopus")
    if options.rounds < MIN_ROUNDS:
        parser.error(f"--rounds must be at least {MIN_ROUNDS}")
    if options.names:
        options.names = [n for n in names if any(n.startswith(given) for given in options.names)]
    else:
        options.names = names
    return options


def _progress(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
