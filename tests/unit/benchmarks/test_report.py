"""Goals are read off the ratios."""

from __future__ import annotations

from tests.benchmarks.report import goals_table, summary
from tests.benchmarks.results import Line, Source, summarize
from tests.benchmarks.timing import Spread, Times
from tests.benchmarks.workload import Goal


def test_goals_are_read_off():
    times = Times({"ours": [1.0] * 7, "raw": [2.0] * 7}, {"ours": [3.0] * 7, "raw": [2.0] * 7})
    goals = [Goal("raw", 0.5, counts=False), Goal("raw", 1.2), Goal("aer", 1.0)]
    lines = summarize("w0", "W0", Source("abc", "a machine"), [times], goals).goal_lines()
    table = goals_table([*lines, Line("W1", "x", None, Spread(2.0, 1.0, 3.0))]).splitlines()[2:]
    assert [row.split("|")[-2].strip() for row in table] == ["yes", "**no**", "-"]
    assert "without `get_counts`" in table[0]
    assert summary(lines).startswith("1 of 2 goals are reached.\n- Not reached: W0, over raw")
