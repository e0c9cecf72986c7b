"""What was measured, and how it is kept: one file of medians and ratios, a line per row."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from statistics import median
from typing import Any

from .peers import OURS, TITLES
from .timing import Spread, Times
from .workload import Goal

FILE = Path(__file__).with_name("results.json")

_PACKAGES = ("qiskit-oqtopus", "qiskit", "qulacs", "qiskit-aer", "numpy")

_DIGITS = 5


@dataclass(frozen=True)
class Line:
    """A line of the table of goals.

    Attributes:
        title: What was measured, in Markdown.
        over: What it is divided by.
        goal: The highest value that reaches the goal; None if there is no goal.
        value: The value.
    """

    title: str
    over: str
    goal: float | None
    value: Spread

    @property
    def reached(self) -> bool:
        """Whether the median is as low as the goal."""
        return self.goal is not None and self.value.median <= self.goal


@dataclass(frozen=True)
class Curve:
    """How long each competitor takes as one number grows.

    Attributes:
        label: What the number is.
        values: The number.
        seconds: By competitor, the median and quartiles of the time in s at each value; it ends
            early for those that would take too long.
    """

    label: str
    values: list[int]
    seconds: Mapping[str, list[Spread]]


@dataclass(frozen=True)
class Source:
    """Where numbers come from.

    Attributes:
        commit: The commit that was measured.
        environment: Versions and machine.
    """

    commit: str
    environment: str


@dataclass(frozen=True)
class Result:
    """What was measured for one row.

    Attributes:
        name: Its name.
        title: What it is.
        source: Which commit was measured, and where.
        seconds: By competitor, the median time of a run in s, the time to read the counts included.
        ratios: By other competitor, our time over its time, taken round by round.
        bare_ratios: The same without the time to read the counts, where a goal is about that.
        reading: The part of our time that reading the counts takes, from 0 to 1.
        goals: The goals for these ratios.
        missing: Why peers were not compared, by peer.
        lines: Lines that are no ratios of these times.
        curve: The times as a number grows, if that is what was measured.
    """

    name: str
    title: str
    source: Source
    seconds: Mapping[str, float] = field(default_factory=dict)
    ratios: Mapping[str, Spread] = field(default_factory=dict)
    bare_ratios: Mapping[str, Spread] = field(default_factory=dict)
    reading: float = 0.0
    goals: Sequence[Goal] = ()
    missing: Mapping[str, str] = field(default_factory=dict)
    lines: Sequence[Line] = ()
    curve: Curve | None = None

    def goal_lines(self) -> list[Line]:
        """Return its lines of the table of goals."""
        lines = list(self.lines)
        for goal in self.goals:
            ratios = self.ratios if goal.counts else self.bare_ratios
            if goal.peer in ratios:
                over = title(goal.peer) + ("" if goal.counts else ", without `get_counts`")
                lines.append(Line(self.title, over, goal.at_most, ratios[goal.peer]))
        return lines


def summarize(
    name: str,
    title: str,
    source: Source,
    groups: Sequence[Times],
    goals: Sequence[Goal] = (),
    missing: Mapping[str, str] | None = None,
) -> Result:
    """Return the medians and ratios of times.

    Args:
        name: Name of the row.
        title: What it is.
        source: Which commit was measured, and where.
        groups: Times of competitors that were interleaved; each group has our own, and the time
            that is shown for us is that of the first.
        goals: The goals.
        missing: Why peers were not compared, by peer.
    """
    seconds: dict[str, float] = {}
    ratios: dict[str, Spread] = {}
    bare_ratios: dict[str, Spread] = {}
    without_counts = {goal.peer for goal in goals if not goal.counts}
    for times in groups:
        for other, total in times.total.items():
            if other in seconds:
                continue
            seconds[other] = median(total)
            if other != OURS:
                ratios[other] = times.ratio(OURS, other)
            if other in without_counts:
                bare_ratios[other] = times.ratio(OURS, other, counts=False)
    reading = 1 - median(groups[0].run[OURS]) / seconds[OURS] if groups else 0.0
    return Result(
        name, title, source, seconds, ratios, bare_ratios, reading, goals, dict(missing or {})
    )


def title(competitor: str) -> str:
    """Return the name of a competitor for the tables."""
    return TITLES.get(competitor, competitor)


def find_source() -> Source:
    """Return what is measured here and now."""
    versions = [f"Python {platform.python_version()}", *map(_find_version, _PACKAGES)]
    machine = f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores"
    return Source(_find_commit(), f"{', '.join(versions)}; {machine}")


def _find_commit() -> str:
    """Return the commit of this checkout; "-dirty" says that files were changed since."""
    command = ["git", "describe", "--always", "--dirty", "--exclude", "*", "--abbrev=7"]
    try:
        found = subprocess.run(
            command, check=True, capture_output=True, text=True, cwd=Path(__file__).parent
        )
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return found.stdout.strip()


def _find_version(package: str) -> str:
    try:
        return f"{package} {version(package)}"
    except PackageNotFoundError:
        return f"{package} not installed"


def load(path: Path = FILE) -> dict[str, Result]:
    """Read all results that are kept, by name."""
    if not path.exists():
        return {}
    content = json.loads(path.read_text())
    sources = [Source(**source) for source in content["sources"]]
    return {name: _parse(name, row, sources) for name, row in content["rows"].items()}


def save(results: Sequence[Result], order: Sequence[str], path: Path = FILE) -> None:
    """Write results to the file; other rows that it has stay as they are.

    Args:
        results: What was measured.
        order: Names of all rows, in the order of the file; what is not among them leaves it.
        path: The file.
    """
    kept = {**load(path), **{result.name: result for result in results}}
    rows = [kept[name] for name in order if name in kept]
    sources = list(dict.fromkeys(row.source for row in rows))
    lines = [
        "{",
        '"sources": [',
        ",\n".join(json.dumps(vars(source)) for source in sources),
        "],",
        '"rows": {',
        ",\n".join(f"{json.dumps(row.name)}: {json.dumps(_to_json(row, sources))}" for row in rows),
        "}",
        "}",
    ]
    path.write_text("\n".join(lines) + "\n")


def _to_json(row: Result, sources: Sequence[Source]) -> dict[str, Any]:
    """Return what is written of a row: nothing that is empty."""
    values = {
        "title": row.title,
        "source": sources.index(row.source),
        "seconds": row.seconds,
        "ratios": row.ratios,
        "bare_ratios": row.bare_ratios,
        "reading": row.reading,
        "goals": [[goal.peer, goal.at_most, goal.counts] for goal in row.goals],
        "missing": row.missing,
        "lines": [[line.title, line.over, line.goal, line.value] for line in row.lines],
        "curve": None if row.curve is None else vars(row.curve),
    }
    return {name: _round(value) for name, value in values.items() if value or name == "source"}


def _parse(name: str, row: Mapping[str, Any], sources: Sequence[Source]) -> Result:
    values = {**row, "source": sources[row["source"]]}
    for key in ("ratios", "bare_ratios"):
        values[key] = {peer: Spread(*spread) for peer, spread in row.get(key, {}).items()}
    values["goals"] = tuple(Goal(*goal) for goal in row.get("goals", ()))
    values["lines"] = tuple(Line(*line[:3], Spread(*line[3])) for line in row.get("lines", ()))
    if "curve" in row:
        seconds = {
            peer: [Spread(*spread) for spread in spreads]
            for peer, spreads in row["curve"]["seconds"].items()
        }
        values["curve"] = Curve(row["curve"]["label"], row["curve"]["values"], seconds)
    return Result(name, **values)


def _round(value: Any) -> Any:
    """Return a value for JSON, with few digits; spreads are written as three numbers."""
    if isinstance(value, Spread):
        value = [value.median, value.lower, value.upper]
    if isinstance(value, float):
        return float(f"{value:.{_DIGITS}g}")
    if isinstance(value, Mapping):
        return {key: _round(inner) for key, inner in value.items()}
    return [_round(inner) for inner in value] if isinstance(value, (list, tuple)) else value
