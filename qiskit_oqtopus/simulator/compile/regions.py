"""Which steps of a plan must stay together because of its jumps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..plan import Step

Interval = tuple[int, int]
"""The first and the last of some neighbouring steps."""


@dataclass(frozen=True)
class Regions:
    """What the jumps of a plan mean for its parts.

    Attributes:
        tied: Steps of which each may run or not as others say, so that they stay together.
        loops: The loops of known length around or beside these: first step ("loop"), and last
            ("jump"). Each part may have its own copy.
        jumps: Whether there is any jump.
        owners: All steps in ``tied``.
        loop_steps: The steps that make the loops, without their bodies.
    """

    tied: tuple[Interval, ...]
    loops: tuple[Interval, ...]
    jumps: bool
    owners: frozenset[int]
    loop_steps: frozenset[int]


_NONE = Regions((), (), False, frozenset(), frozenset())


def find_regions(steps: Sequence[Step]) -> Regions:
    """Return the regions of the steps of a plan."""
    tied: list[Interval] = []
    loops: list[Interval] = []
    backward = set()
    for at, step in enumerate(steps):
        if step[0] == "next":
            last = step[4] - 1
            if steps[at - 1] == ("loop", step[1]) and steps[last] == ("jump", at):
                loops.append((at - 1, last))
                backward.add(last)
            else:
                tied.append((at - 1, last))
    for at, step in enumerate(steps):
        if step[0] in ("jump", "unless") and at not in backward:
            goal = step[-1]
            tied.append((goal, at) if goal <= at else (at, goal - 1))
    if not tied and not loops:
        return _NONE
    while True:
        tied = _merge(tied)
        left = [loop for loop in loops if not any(_tears(region, loop) for region in tied)]
        if len(left) == len(loops):
            break
        tied += [loop for loop in loops if loop not in left]
        loops = left
    loops = [loop for loop in loops if not any(_holds(region, loop) for region in tied)]
    return Regions(
        tuple(tied),
        tuple(loops),
        True,
        frozenset(at for first, last in tied for at in range(first, last + 1)),
        frozenset(at for first, last in loops for at in (first, first + 1, last)),
    )


def _merge(intervals: list[Interval]) -> list[Interval]:
    """Return intervals that have no step in common."""
    merged: list[Interval] = []
    for first, last in sorted(intervals):
        if merged and first <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(last, merged[-1][1]))
        else:
            merged.append((first, last))
    return merged


def _holds(region: Interval, loop: Interval) -> bool:
    return region[0] <= loop[0] and loop[1] <= region[1]


def _tears(region: Interval, loop: Interval) -> bool:
    """Whether a region is partly in a loop: it leaves the loop, or goes on with it early."""
    apart = region[1] < loop[0] or loop[1] < region[0]
    inside = loop[0] + 1 < region[0] and region[1] < loop[1]
    return not (apart or inside or _holds(region, loop))
