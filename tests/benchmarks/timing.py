"""Interleaved timing: what disturbs the machine disturbs all that is compared alike."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import median, quantiles

ROUND_SECONDS = 0.5
"""A round lasts about this long: what is shorter is repeated, all competitors in turn."""

WARM_UP_RUNS = 2


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
        seconds: By competitor, the time of one run in s in each round: the median of the runs of
            the round, which a moment taken by another process does not touch.
    """

    seconds: Mapping[str, list[float]]

    def ratio(self, name: str, other: str) -> Spread:
        """Return the ratio of the times of two competitors, taken round by round."""
        pairs = zip(self.seconds[name], self.seconds[other], strict=True)
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


def compare(competitors: Mapping[str, Callable[[], object]], rounds: int) -> Times:
    """Time all competitors, one run of each in turn.

    Args:
        competitors: By name, what is timed.
        rounds: Number of rounds.

    Returns:
        The times.
    """
    for _ in range(WARM_UP_RUNS):
        warm = _turn(competitors)
    turns = max(1, round(ROUND_SECONDS / (2 * sum(warm.values()))))
    seconds: dict[str, list[float]] = {name: [] for name in competitors}
    for _ in range(rounds):
        taken = _round(competitors, turns)
        for name in competitors:
            seconds[name].append(median(turn[name] for turn in taken))
    return Times(seconds)


def _round(competitors: Mapping[str, Callable[[], object]], turns: int) -> list[dict[str, float]]:
    # A collection of other people's garbage is no part of anybody's run.
    gc.collect()
    gc.disable()
    try:
        return [_turn(competitors) for _ in range(turns)]
    finally:
        gc.enable()


def _turn(competitors: Mapping[str, Callable[[], object]]) -> dict[str, float]:
    """Return the time of one run of each competitor in s, the mean of two.

    They run in order and then in reverse order: who always runs after the same neighbour finds the
    caches as that one leaves them.
    """
    seconds = dict.fromkeys(competitors, 0.0)
    for name in (*competitors, *reversed(list(competitors))):
        start = time.perf_counter()
        competitors[name]()
        seconds[name] += (time.perf_counter() - start) / 2
    return seconds
