"""What the default number of threads costs beside busy neighbors, over one thread.

Each case runs in two processes in turn: in one where nobody has chosen a number of threads, and in
one with OMP_NUM_THREADS=1. The neighbors are processes that never rest, one for each processor.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

from .results import Line, Result, find_source
from .threads_worker import CASES
from .timing import spread

THREADS = "threads"

NO_HARM = 1.15
"""What small states may take over one thread; as much as noise does where nothing is different."""

GOALS = {"twin-10": NO_HARM, "twin-12": NO_HARM, "density-9": NO_HARM, "state-16": NO_HARM}
"""Other cases are shown: larger states are spread."""

_ROOT = Path(__file__).parents[2]
_CHOICES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "QULACS_NUM_THREADS")


def threads(rounds: int) -> Result:
    """Return the ratios, beside busy neighbors and without them."""
    processors = os.cpu_count() or 1
    lines = []
    for neighbors in (0, processors):
        with _busy(neighbors):
            lines += [_measure(case, neighbors, rounds) for case in CASES]
    return Result(THREADS, "Threads", find_source(), lines=lines)


def _measure(case: str, neighbors: int, rounds: int) -> Line:
    with _Worker(case) as default, _Worker(case, OMP_NUM_THREADS="1") as one:
        ratios = []
        for number in range(rounds):
            pair = (default, one) if number % 2 else (one, default)
            seconds = {worker: worker.run() for worker in pair}
            ratios.append(seconds[default] / seconds[one])
    beside = f"beside {neighbors} busy processes" if neighbors else "without busy neighbors"
    goal = GOALS.get(case) if neighbors else None
    return Line(f"{CASES[case]}, {beside}", "one thread", goal, spread(ratios))


class _Worker:
    """A case in a process of its own."""

    def __init__(self, case: str, **environment: str) -> None:
        kept = {name: value for name, value in os.environ.items() if name not in _CHOICES}
        self._process = subprocess.Popen(
            [sys.executable, "-m", f"{__package__}.threads_worker", case],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=kept | environment,
            cwd=_ROOT,
        )
        self.run()

    def run(self) -> float:
        """Run once; return the time in s."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write("run\n")
        self._process.stdin.flush()
        return float(self._process.stdout.readline())

    def __enter__(self) -> _Worker:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()


@contextmanager
def _busy(number: int) -> Iterator[None]:
    """Keep so many processors busy."""
    processes = [
        subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(number)
    ]
    try:
        yield
    finally:
        for process in processes:
            process.kill()
            process.wait()
