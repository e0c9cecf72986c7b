"""Medians and ratios are kept in one small file, row by row."""

from __future__ import annotations

from tests.benchmarks.command import FIGURE, benchmarks
from tests.benchmarks.page import page
from tests.benchmarks.results import FILE, Curve, Line, Result, Source, load, save, summarize
from tests.benchmarks.timing import Spread, Times
from tests.benchmarks.workload import Goal

HERE = Source("abc", "a machine")


def test_medians_and_ratios_are_those_of_the_rounds():
    first = Times(
        {"ours": [1.0, 2.0, 3.0], "raw": [1.0] * 3}, {"ours": [2.0] * 3, "raw": [1.0] * 3}
    )
    second = Times({"ours": [4.0] * 3, "aer": [8.0] * 3}, {"ours": [4.0] * 3, "aer": [8.0] * 3})
    goals = [Goal("raw", 1.0, counts=False), Goal("raw", 2.0)]
    result = summarize("w0", "W0", HERE, [first, second], goals)
    # Our own time is that of the first group; each ratio is taken within its group.
    assert result.seconds == {"ours": 2.0, "raw": 1.0, "aer": 8.0}
    assert result.ratios == {"raw": Spread(2.0, 2.0, 2.0), "aer": Spread(0.5, 0.5, 0.5)}
    assert result.bare_ratios == {"raw": Spread(2.0, 1.5, 2.5)}
    assert result.reading == 0.0


def _row(name, source, **values):
    return Result(name, name.upper(), source, **values)


def test_results_are_kept(tmp_path):
    path = tmp_path / "results.json"
    assert load(path) == {}
    spread = Spread(0.5, 0.25, 1.0)
    rows = [
        _row(
            "w0",
            HERE,
            seconds={"ours": 0.1, "raw": 0.2},
            ratios={"raw": spread},
            bare_ratios={"raw": spread},
            reading=0.25,
            goals=(Goal("raw", 2.0, counts=False), Goal("aer", None)),
            missing={"aer": "why"},
        ),
        _row("memory", HERE, lines=(Line("memory", "a state", 3.0, spread),)),
        _row("scaling", HERE, curve=Curve("shots", [1, 10], {"ours": [spread, spread]})),
    ]
    save(rows, ["w0", "w1", "memory", "scaling"], path)
    assert load(path) == {row.name: row for row in rows}
    assert list(load(path)) == ["w0", "memory", "scaling"]


def test_a_partial_run_changes_its_rows_only(tmp_path):
    path = tmp_path / "results.json"
    order = ["w0", "w1", "w2"]
    save([_row(name, HERE, seconds={"ours": 0.1}) for name in order], order, path)
    before = path.read_text().splitlines()
    there = Source("def", "another machine")
    save([_row("w1", there, seconds={"ours": 0.2})], order, path)
    kept = load(path)
    assert [kept[name].source for name in order] == [HERE, there, HERE]
    assert kept["w1"].seconds == {"ours": 0.2}
    # One line per row: a diff shows what was measured anew.
    changed = set(before) ^ set(path.read_text().splitlines())
    assert {line[:5] for line in changed if line.startswith('"')} == {'"w1":'}
    text = page(list(kept.values()))
    assert "- Commit abc: a machine (rows w0, w2)" in text
    assert "- Commit def: another machine (rows w1)" in text
    save([], ["w0", "w2"], path)  # a row that does not exist any more
    assert list(load(path)) == ["w0", "w2"]


def test_the_kept_results_are_small():
    assert len(FILE.read_text().splitlines()) <= 300
    assert FIGURE.stat().st_size < 100_000
    assert set(load()) <= set(benchmarks())
