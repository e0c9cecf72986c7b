"""Competitors are timed in turn."""

from __future__ import annotations

import pytest

from tests.benchmarks.timing import Spread, compare
from tests.benchmarks.workload import Seconds, Task


class _Fixed(Task):
    def __init__(self, name, seconds, log):
        self.name, self.seconds, self.log = name, seconds, log

    def answer(self):
        return None

    def once(self):
        self.log.append(self.name)
        return Seconds(self.seconds, 2 * self.seconds)


@pytest.mark.parametrize(("expected", "order"), [(0.0, "aabb"), (100.0, "abba")])
def test_interleaved(expected, order):
    log: list[str] = []
    tasks = {"a": _Fixed("a", 1.0, log), "b": _Fixed("b", 4.0, log)}
    times = compare(tasks, 7, expected=expected, round_seconds=1e-9)
    text = "".join(log)
    # Short tasks run once before each timed run, and are tried out first.
    assert text.startswith(order)
    assert len(text) == (2 * 7 if order == "abba" else 8 + 4 * 7)
    assert times.ratio("a", "b") == Spread(0.25, 0.25, 0.25)
    assert times.total["a"] == [2.0] * 7
    assert times.run["b"] == [4.0] * 7
