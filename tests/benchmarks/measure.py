"""One workload: every competitor must be right, then all are timed."""

from __future__ import annotations

import time
from collections.abc import Sequence

from .peers import AGAIN, CHOICES, OURS
from .peers.peer import MAX_SECONDS, TOO_LONG
from .results import Result, find_source, summarize
from .timing import Times, compare
from .workload import Task, Unsupported, Workload


def measure(workload: Workload, peers: Sequence[str], rounds: int) -> Result:
    """Check and time a workload.

    Args:
        workload: The workload.
        peers: Which peers take part; competitors of the workload that are not peers always do.
        rounds: Number of rounds that are timed, unless the workload asks for more.

    Returns:
        The medians and ratios of the times.

    Raises:
        WrongAnswer: If any competitor is wrong.
    """
    # Those with a goal are interleaved with us often; slow ones would make these rounds long.
    wanted = [name for name in workload.tasks if name in peers or name not in CHOICES]
    goals = {goal.peer for goal in workload.goals}
    first = [name for name in wanted if name in goals or name in (OURS, AGAIN)]
    second = [OURS, *(name for name in wanted if name not in first)]
    groups = []
    missing: dict[str, str] = {}
    for names in (first, second):
        found = _time(workload, names, first, max(rounds, workload.rounds), missing)
        if found is not None:
            groups.append(found)
    return summarize(
        workload.name,
        workload.title,
        find_source(),
        groups,
        [goal for goal in workload.goals if goal.peer in wanted],
        missing,
    )


def _time(
    workload: Workload,
    names: Sequence[str],
    needed: Sequence[str],
    rounds: int,
    missing: dict[str, str],
) -> Times | None:
    tasks: dict[str, Task] = {}
    try:
        for name in names:
            try:
                tasks[name] = workload.tasks[name]()
            except Unsupported as reason:
                missing[name] = str(reason)
        if len(tasks) < 2:
            return None
        taken: dict[str, float] = {}
        for name, task in tasks.items():
            start = time.perf_counter()
            answer = task.answer()
            taken[name] = time.perf_counter() - start
            workload.check(name, answer)
        for name in [name for name in tasks if name not in needed and taken[name] > MAX_SECONDS]:
            missing[name] = TOO_LONG
            del taken[name]
            tasks.pop(name).close()
        return compare(tasks, rounds, expected=sum(taken.values()))
    finally:
        for task in tasks.values():
            task.close()
