"""What commands print: tables for people, JSON for programs."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any

import click

from ..words import clean

as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
"""The option ``--json``."""


def print_table(rows: Sequence[Mapping[str, Any]], columns: Sequence[str], empty: str) -> None:
    """Print rows below each other, with a line of names above.

    Args:
        rows: Values by name.
        columns: The names, in their order.
        empty: What is printed if there are no rows.
    """
    if not rows:
        click.echo(empty)
        return
    cells = [[name.upper() for name in columns]]
    cells += [[to_text(row.get(name)) for name in columns] for row in rows]
    right = [all(_is_number(line[at]) for line in cells[1:]) for at in range(len(columns))]
    widths = [max(len(line[at]) for line in cells) for at in range(len(columns))]
    for line in cells:
        padded = [
            text.rjust(width) if is_right else text.ljust(width)
            for text, width, is_right in zip(line, widths, right, strict=True)
        ]
        click.echo("  ".join(padded).rstrip())


def print_json(value: Any) -> None:
    """Print a value as JSON; numbers that JSON does not have are null."""
    click.echo(json.dumps(to_plain(value), indent=2, ensure_ascii=False))


def to_text(value: Any) -> str:
    """Return a value of a table as text, on one line.

    >>> to_text(None), to_text(0.0123456), to_text(["a", "b"])
    ('-', '0.01235', 'a, b')
    """
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "-"
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, datetime):
        return value.astimezone().strftime("%Y-%m-%d %H:%M:%S")
    if isinstance(value, (list, tuple)):
        return ", ".join(map(to_text, value))
    return clean(str(value))


def to_plain(value: Any) -> Any:
    """Return a value as JSON has it.

    >>> to_plain({"a": (1, float("nan"))})
    {'a': [1, None]}
    """
    if isinstance(value, Mapping):
        return {str(key): to_plain(each) for key, each in value.items()}
    if isinstance(value, (datetime, date)):
        return value.isoformat()
    if hasattr(value, "tolist"):  # numpy
        return to_plain(value.tolist())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, Iterable):
        return [to_plain(each) for each in value]
    return str(value)


def _is_number(text: str) -> bool:
    """Return whether a text is a number, or what stands for an unknown one."""
    try:
        float(text)
    except ValueError:
        return text == "-"
    return True
