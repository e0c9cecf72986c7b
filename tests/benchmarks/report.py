"""The tables, in Markdown."""

from __future__ import annotations

from collections.abc import Sequence

from .peers import AGAIN, OURS, PEERS
from .results import Line, Result, title
from .timing import Spread

HEADS = ("workload", "over", "goal", "measured", "reached")


def goals_table(lines: Sequence[Line]) -> str:
    """Return a line for each goal: what, over what, the goal, the median and quartiles, reached."""
    rows = [
        [
            line.title,
            line.over,
            "-" if line.goal is None else f"<= {line.goal:g}",
            format_spread(line.value),
            "-" if line.goal is None else "yes" if line.reached else "**no**",
        ]
        for line in lines
    ]
    return table([list(HEADS), *rows])


def times_table(results: Sequence[Result]) -> str:
    """Return what a run takes: ours as a time, the others as multiples of it."""
    timed = [result for result in results if not result.ratios.keys().isdisjoint(PEERS)]
    others = [name for name in PEERS if any(name in result.ratios for result in timed)]
    rows = [["workload", title(OURS), "of it `get_counts`", *map(title, others)]]
    for result in timed:
        reading = f"{result.reading:.0%}" if result.reading else "-"
        cells = [result.title, format_seconds(result.seconds[OURS]), reading]
        for name in others:
            ratio = result.ratios.get(name)
            cells.append("-" if ratio is None else _format_multiple(1 / ratio.median, name))
        rows.append(cells)
    return table(rows)


def _format_multiple(multiple: float, name: str) -> str:
    digits = 2 if name == AGAIN or multiple < 10 else 0
    return f"{multiple:.{digits}f}"


def summary(lines: Sequence[Line]) -> str:
    """Return how many goals are reached, and which are not."""
    goals = [line for line in lines if line.goal is not None]
    missed = [line for line in goals if not line.reached]
    text = f"{len(goals) - len(missed)} of {len(goals)} goals are reached."
    for line in missed:
        text += (
            f"\n- Not reached: {line.title}, over {line.over}: {line.value.median:.3g} "
            f"instead of {line.goal:g}."
        )
    return text


def table(rows: Sequence[Sequence[str]]) -> str:
    """Return rows as a table in Markdown; the first are the heads."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    rule = ["-" * width for width in widths]
    return "\n".join(_line(row, widths) for row in [rows[0], rule, *rows[1:]])


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    padded = (cell.ljust(width) for cell, width in zip(cells, widths, strict=True))
    return f"| {' | '.join(padded)} |"


def format_spread(value: Spread) -> str:
    """Return the median, with the quartiles if there is more than one number.

    >>> format_spread(Spread(1.5, 1.25, 2.0))
    '1.5 [1.25, 2]'
    """
    if value.lower == value.upper == value.median:
        return f"{value.median:.3g}"
    return f"{value.median:.3g} [{value.lower:.3g}, {value.upper:.3g}]"


def format_seconds(seconds: float) -> str:
    """Return a time with its unit.

    >>> format_seconds(0.0123), format_seconds(4.5)
    ('12.3 ms', '4.5 s')
    """
    scales = (("s", 1.0), ("ms", 1e-3), ("us", 1e-6))
    unit, size = next((scale for scale in scales if seconds >= scale[1]), scales[-1])
    return f"{seconds / size:.3g} {unit}"
