"""The pages of ``GET /jobs``, read so that no job is missed while others come and go."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from ..client.errors import ProtocolError
from ..client.models import MAX_PAGE_SIZE

if TYPE_CHECKING:
    from ..client.api import Client
    from ..client.models import Job

_RESTARTS = 3
"""How often a list is read from its beginning again because it moved under the reader."""


def list_jobs(client: Client, **search: Any) -> Iterator[Job]:
    """Yield the jobs on the pages of ``GET /jobs``, each once; pages are read when they are needed.

    Each page begins with the last job of the one before. If it does not, a job was deleted
    meanwhile and the others have moved up; then the list is read from its beginning again.

    Args:
        client: The connection.
        **search: What to look for, as for :meth:`.Client.jobs`.

    Raises:
        ClientError: If the server cannot be asked.
        ProtocolError: If a whole page brings nothing new: such pages would never end.
    """
    seen: set[str] = set()
    rows = furthest = restarts = 0
    last: str | None = None
    while True:
        page, size = _find_window(rows)
        jobs = client.jobs(page=page, size=size, **search)
        ids = [job.job_id for job in jobs]
        if last is not None and last not in ids and restarts < _RESTARTS:
            rows, last = 0, None
            restarts += 1
            continue
        fresh = False
        for job in jobs:
            if job.job_id not in seen:
                seen.add(job.job_id)
                fresh = True
                yield job
        if len(jobs) < size:
            return
        rows = page * size
        if not fresh and rows > furthest:
            raise ProtocolError(
                f"GET /jobs: page {page} of {size} jobs has only jobs of earlier pages; the list "
                "would never end"
            )
        furthest = max(furthest, rows)
        last = ids[-1]


def find_searchable(text: str) -> str:
    r"""Return the longest part of a text for which ``GET /jobs?q=`` finds jobs that have it.

    The server searches by LIKE, in which a backslash makes another character of the next one. What
    its other wild cards find too must be sorted out by whoever asks.

    >>> find_searchable(r"a_b\100%")
    '100%'
    """
    return max(text.split("\\"), key=len)


def _find_window(rows: int) -> tuple[int, int]:
    """Return (page, size) of the request that reads on, with the last row once more.

    Pages are numbered in units of their size, so that sizes differ a little from page to page.

    >>> [_find_window(rows) for rows in (0, 100, 198)]
    [(1, 100), (2, 99), (3, 98)]
    """
    if rows == 0:
        return 1, MAX_PAGE_SIZE
    sizes = range(MAX_PAGE_SIZE // 2 + 1, MAX_PAGE_SIZE + 1)
    size = max(sizes, key=lambda size: ((rows - 1) // size + 1) * size)
    return (rows - 1) // size + 1, size
