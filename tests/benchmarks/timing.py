"""Interleaved timing: a disturbance of the machine affects everything that is compared."""

from __future__ import annotations

import gc
import time
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import median, quantiles

from .workload import Seconds, Task

ROUND_SECONDS = 0.5
"""About how long a round lasts, in s: shorter tasks are repeated, all competitors in turn."""

LONG_TURN = 0.3
"""If one run of all takes longer than this, in s, the caches of the processor matter little."""


@dataclass(frozen=True)
class Spread:
    """The median and the quartiles of some numbers."""

    median: float
    lower: float
    upper: float


@dataclass(frozen=True)
class Times:
    """Times of several competitors, interleaved.

    Attributes:
        run: By competitor, the time of one run in s in each round: the median of the runs of the
            round, which a short disturbance does not change.
        total: The same with the time to read the counts.
    """

    run: Mapping[str, list[float]]
    total: Mapping[str, list[float]]

    def ratio(self, name: str, other: str, counts: bool = True) -> Spread:
        """Return the ratio of the times of two competitors, taken round by round."""
        seconds = self.total if counts else self.run
        pairs = zip(seconds[name], seconds[other], strict=True)
        return spread([mine / theirs for mine, theirs in pairs])


def spread(values: list[float]) -> Spread:
    """Return the median and the quartiles.

    >>> spread([1.0, 2.0, 3.0, 4.0, 5.0])
    Spread(median=3.0, lower=2.0, upper=4.0)
    """
    if len(values) == 1:
        return Spread(values[0], values[0], values[0])
    lower, _, upper = quantiles(values, n=4, method="inclusive")
    return Spread(median(values), lower, upper)


def compare(
    tasks: Mapping[str, Task],
    rounds: int,
    *,
    expected: float,
    round_seconds: float = ROUND_SECONDS,
) -> Times:
    """Time all competitors, one run of each in turn.

    Args:
        tasks: By competitor, what is timed; each has run once before.
        rounds: Number of rounds.
        expected: About how long one run of all takes together, in s.
        round_seconds: About how long a round of short tasks lasts, in s.

    Returns:
        The times.
    """
    long = expected > LONG_TURN
    if not long:
        start = time.perf_counter()
        _round(tasks, 2, 0, warm=True)
        expected = (time.perf_counter() - start) / 2
    # An even number, so that both orders are equally frequent; long tasks alternate by round.
    turns = max(1, round(round_seconds / expected / 2) * 2)
    run: dict[str, list[float]] = {name: [] for name in tasks}
    total: dict[str, list[float]] = {name: [] for name in tasks}
    for number in range(rounds):
        taken = _round(tasks, turns, number * turns, warm=not long)
        for name in tasks:
            run[name].append(median(turn[name].run for turn in taken))
            total[name].append(median(turn[name].total for turn in taken))
    return Times(run, total)


def _round(
    tasks: Mapping[str, Task], turns: int, first: int, *, warm: bool
) -> list[dict[str, Seconds]]:
    """Return the times of all turns of a round.

    Competitors run in order and then in reverse order. Before a short run is timed, the same
    competitor runs once: it then finds the caches of the processor as it has left them itself, not
    as its neighbor has.
    """
    orders = list(tasks), list(reversed(tasks))
    # Collecting the garbage of other tasks is not part of any run.
    gc.collect()
    gc.disable()
    try:
        return [_turn(tasks, orders[number % 2], warm) for number in range(first, first + turns)]
    finally:
        gc.enable()


def _turn(tasks: Mapping[str, Task], order: list[str], warm: bool) -> dict[str, Seconds]:
    seconds = {}
    for name in order:
        if warm:
            tasks[name].once()
        seconds[name] = tasks[name].once()
    return seconds
