"""The table that is printed."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

from .peers import OURS
from .timing import Spread, Times
from .workload import Workload

_PACKAGES = ("qiskit-oqtopus", "qiskit", "qulacs", "qiskit-aer", "numpy")


@dataclass(frozen=True)
class Row:
    """A workload and its times."""

    workload: Workload
    times: Times


def environment(rounds: int) -> str:
    """Return what was measured with what."""
    versions = [f"Python {platform.python_version()}", *map(_version, _PACKAGES)]
    return (
        f"Ratios of times, median [lower quartile, upper quartile] of {rounds} interleaved "
        f"rounds, one thread; lower is better.\n{', '.join(versions)}"
    )


def _version(package: str) -> str:
    try:
        return f"{package} {version(package)}"
    except PackageNotFoundError:
        return f"{package} not installed"


def table(rows: Sequence[Row], peers: Sequence[str]) -> str:
    """Return a table in Markdown: one line a workload, one ratio and one goal a peer."""
    heads = ["workload", *(text for peer in peers for text in (f"{OURS}/{peer}", "goal"))]
    lines = [heads]
    for row in rows:
        cells = [f"{row.workload.name} {row.workload.title}"]
        for peer in peers:
            goal = row.workload.goals.get(peer)
            cells.append(_spread(row.times.ratio(OURS, peer)))
            cells.append("-" if goal is None else f"<= {goal:g}")
        lines.append(cells)
    widths = [max(len(line[column]) for line in lines) for column in range(len(heads))]
    rule = ["-" * width for width in widths]
    return "\n".join(_line(line, widths) for line in [heads, rule, *lines[1:]])


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    return (
        "| "
        + " | ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True))
        + " |"
    )


def _spread(ratio: Spread) -> str:
    return f"{ratio.median:.3g} [{ratio.lower:.3g}, {ratio.upper:.3g}]"
