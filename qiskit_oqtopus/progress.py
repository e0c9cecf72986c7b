"""Progress of long work: a callback of the user's, or a bar on the terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from .exceptions import OqtopusOptionError

Report = Callable[[int], None]
"""Called with how much is done so far."""


@contextmanager
def reported(progress: Any, stage: str, total: int) -> Iterator[Report]:
    """Report the progress of one stage of work.

    Args:
        progress: None for nothing, True for a tqdm bar, or a function called as
            ``progress(stage, done, total)``.
        stage: What is being done, as in "submit".
        total: How much there is to do.

    Yields:
        A function to call with how much is done.

    Raises:
        OqtopusOptionError: If ``progress`` is something else.
    """
    if progress is None or progress is False:
        yield lambda done: None
    elif progress is True:
        from tqdm import tqdm

        with tqdm(total=total, desc=stage) as bar:

            def report(done: int) -> None:
                bar.update(done - bar.n)

            yield report
    elif callable(progress):
        yield lambda done: progress(stage, done, total)
    else:
        raise OqtopusOptionError(
            "Option 'progress' must be None, True or a function of (stage, done, total), not "
            f"{progress!r}."
        )
