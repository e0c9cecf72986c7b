"""What was measured, and how it is kept: a JSON file for each workload."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from .peers import OURS, TITLES
from .timing import Spread, Times
from .workload import Goal

DIRECTORY = Path(__file__).with_name("results")

_PACKAGES = ("qiskit-oqtopus", "qiskit", "qulacs", "qiskit-aer", "numpy")

_DIGITS = 5


@dataclass(frozen=True)
class Line:
    """A line of the table of goals.

    Attributes:
        title: What was measured, in Markdown.
        over: What it is divided by.
        goal: The highest value that we are content with; None if it is shown for information.
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
    """How long everybody takes as one number grows.

    Attributes:
        label: What the number is.
        values: The number.
        seconds: By competitor, times in s of each round at each value; it ends early for those
            that would take too long.
    """

    label: str
    values: list[int]
    seconds: Mapping[str, list[list[float]]]


@dataclass(frozen=True)
class Result:
    """What was measured of a workload.

    Attributes:
        name: Its name.
        title: What it is.
        groups: Times of competitors that were interleaved; each group has our own.
        goals: The goals for these times.
        missing: Why peers were not compared, by peer.
        lines: Lines that are no ratios of these times.
        curve: The times as a number grows, if that is what was measured.
        environment: What it was measured with.
    """

    name: str
    title: str
    groups: list[Times] = field(default_factory=list)
    goals: Sequence[Goal] = ()
    missing: Mapping[str, str] = field(default_factory=dict)
    lines: Sequence[Line] = ()
    curve: Curve | None = None
    environment: str = ""

    def goal_lines(self) -> list[Line]:
        """Return its lines of the table of goals."""
        lines = list(self.lines)
        for goal in self.goals:
            ratio = self.ratio(OURS, goal.peer, goal.counts)
            if ratio is not None:
                over = title(goal.peer) + ("" if goal.counts else ", without `get_counts`")
                lines.append(Line(self.title, over, goal.at_most, ratio))
        return lines

    def timed(self, competitor: str) -> bool:
        """Whether there are times of a competitor."""
        return any(competitor in times.run for times in self.groups)

    def ratio(self, name: str, other: str, counts: bool = True) -> Spread | None:
        """Return the ratio of times that were interleaved, or None if they were not measured."""
        for times in self.groups:
            if {name, other} <= set(times.run):
                return times.ratio(name, other, counts)
        return None


def title(competitor: str) -> str:
    """Return the name of a competitor for the tables."""
    return TITLES.get(competitor, competitor)


def environment() -> str:
    """Return what is measured with what."""
    versions = [f"Python {platform.python_version()}", *map(_version, _PACKAGES)]
    machine = f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores"
    return f"{', '.join(versions)}; {machine}"


def _version(package: str) -> str:
    try:
        return f"{package} {version(package)}"
    except PackageNotFoundError:
        return f"{package} not installed"


def save(result: Result, directory: Path = DIRECTORY) -> None:
    """Write a result to its file."""
    directory.mkdir(exist_ok=True)
    text = json.dumps(_rounded(asdict(result)), indent=1)
    _file(result.name, directory).write_text(text + "\n")


def load(name: str, directory: Path = DIRECTORY) -> Result | None:
    """Read a result, if there is one."""
    file = _file(name, directory)
    if not file.exists():
        return None
    found = json.loads(file.read_text())
    found["groups"] = [Times(**times) for times in found["groups"]]
    found["goals"] = [Goal(**goal) for goal in found["goals"]]
    found["lines"] = [Line(**{**line, "value": Spread(**line["value"])}) for line in found["lines"]]
    found["curve"] = found["curve"] and Curve(**found["curve"])
    return Result(**found)


def _file(name: str, directory: Path) -> Path:
    return directory / f"{name}.json"


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return float(f"{value:.{_DIGITS}g}")
    if isinstance(value, dict):
        return {key: _rounded(inner) for key, inner in value.items()}
    return [_rounded(inner) for inner in value] if isinstance(value, (list, tuple)) else value
