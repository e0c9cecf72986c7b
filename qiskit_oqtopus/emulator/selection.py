"""Which requests and which jobs a fault applies to."""

from __future__ import annotations

import re
from collections.abc import Callable

from .database import JobView

Selector = int | str | Callable[[JobView], bool] | None
"""Which jobs: the k-th submitted (from 0), a text in the name, description or a program (but not
inside of ids and digests), a predicate, or all (None)."""


def path_pattern(path: str) -> re.Pattern[str]:
    """Return the pattern of a path.

    >>> [bool(path_pattern("/jobs/*").fullmatch(path)) for path in ("/jobs/1", "/jobs/1/status")]
    [True, False]
    >>> bool(path_pattern("/jobs/**").fullmatch("/jobs/1/status"))
    True
    """
    parts = re.split(r"(\*\*|\*)", path)
    meaning = {"**": ".*", "*": "[^/]*"}
    return re.compile("".join(meaning.get(part, re.escape(part)) for part in parts))


_DIGESTS = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{32,}")
"""Ids and digests, in which a short word occurs by chance."""


def _occurs(word: str, text: str) -> bool:
    """Return whether a word occurs in a text.

    >>> _occurs("bad", "qubit[2] q; // 0bad" + "0" * 60), _occurs("bad", "a bad circuit")
    (False, True)
    """
    if word not in text:
        return False
    return _DIGESTS.search(word) is not None or word in _DIGESTS.sub("", text)


def selects(which: Selector, view: Callable[[], JobView]) -> bool:
    """Return whether a job is selected; its view is built only if it is needed."""
    if which is None:
        return True
    job = view()
    if isinstance(which, int):
        return job.index == which
    if isinstance(which, str):
        return any(_occurs(which, text) for text in (job.name, job.description, *job.programs))
    return bool(which(job))
