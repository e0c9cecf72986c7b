"""JSON from outside: its size is bounded before it is built, and nothing in it is said twice."""

from __future__ import annotations

import json
from typing import Any

from .words import clean

MAX_VALUES = 4_000_000
"""Most values and names in one text: counts of 2**21 outcomes. Each takes about 100 bytes."""

MAX_DEPTH = 200
"""Deepest nesting of arrays and objects: that of metadata, of which each level is three here."""


class JsonError(ValueError):
    """A text is not JSON, or it is more of it than is read; the reason is in words."""


def read_json(text: bytes | str, *, constants: bool = True) -> Any:
    """Return the value in a JSON text.

    Args:
        text: The text: UTF-8 (or 16 or 32) where it is bytes. Its size is the caller's to bound.
        constants: Whether NaN and infinities are taken, which are not JSON.

    Raises:
        JsonError: If it is not JSON, if an object has a name twice, or if it has more than
            :data:`MAX_VALUES` values, is nested more than :data:`MAX_DEPTH` deep, or has a number
            of too many digits.

    >>> read_json('{"00": 1, "00": 2}')
    Traceback (most recent call last):
    qiskit_oqtopus.json_text.JsonError: the name '00' occurs twice in an object
    """
    commas, opening = _count(text)
    if commas + opening > MAX_VALUES:
        raise JsonError(f"it has more than {MAX_VALUES:,} values")
    refuse = None if constants else _refuse_constant
    try:
        value = json.loads(text, object_pairs_hook=_build_object, parse_constant=refuse)
    except RecursionError:
        problem = "it is nested too deeply"
    except UnicodeDecodeError:
        problem = "it is not UTF-8"
    except json.JSONDecodeError as error:
        problem = f"{error.msg} (character {error.pos})"
    except JsonError as error:
        problem = str(error)
    except ValueError:
        problem = "it has a number of too many digits"
    else:
        if opening > MAX_DEPTH and is_deep(value):
            raise JsonError("it is nested too deeply")
        return value
    # Outside the handlers: the exceptions of json hold the whole text, whatever is in it.
    raise JsonError(problem)


def _count(text: bytes | str) -> tuple[int, int]:
    """Return how many commas and opening brackets a text has: at least as many as values."""
    if isinstance(text, str):
        return text.count(","), text.count("[") + text.count("{")
    return text.count(b","), text.count(b"[") + text.count(b"{")


def _build_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        seen = set()
        for name, _ in pairs:
            if name in seen:
                raise JsonError(f"the name {clean(name, limit=60)!r} occurs twice in an object")
            seen.add(name)
    return result


def is_deep(value: Any, levels: int = MAX_DEPTH) -> bool:
    """Return whether arrays and objects are nested deeper than so many levels."""
    level = [value] if isinstance(value, (dict, list)) else []
    for _ in range(levels):
        level = [
            inner
            for item in level
            for inner in (item.values() if isinstance(item, dict) else item)
            if isinstance(inner, (dict, list))
        ]
        if not level:
            return False
    return True


def _refuse_constant(name: str) -> Any:
    raise JsonError(f"{name} is not JSON")
