"""Progress of long work: the user's callback, or a bar on the terminal."""

from __future__ import annotations

import logging
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from ..exceptions import OqtopusOptionError

logger = logging.getLogger(__name__)

Report = Callable[..., None]
"""Called with how much is done so far, and with a note that stands beside a bar."""


def check_progress(name: str, value: Any) -> Any:
    """Check for what :func:`report_progress` takes.

    Raises:
        OqtopusOptionError: If it is something else.
    """
    if value is None or isinstance(value, bool) or callable(value):
        return value
    raise OqtopusOptionError(
        f"Option {name!r} must be None, True or a function of (stage, done, total), not {value!r}."
    )


def is_watched() -> bool:
    """Return whether somebody sees what is shown: on a terminal, or in a notebook."""
    return sys.stderr.isatty() or "ipykernel" in sys.modules


def _guard(progress: Callable[[str, int, int], Any], stage: str, total: int) -> Report:
    """Return a function that reports until that fails: the work must not fail with it."""
    failed = False
    last: int | None = None

    def report(done: int, note: str = "") -> None:
        nonlocal failed, last
        if failed or done == last:
            return
        last = done
        try:
            progress(stage, done, total)
        # It is the user's function, and may raise anything.
        except Exception:
            failed = True
            logger.warning("The progress of %r is not reported any more", stage, exc_info=True)

    return report


def _open_bar(stage: str, total: int) -> Any:
    """Return a bar; in a notebook it is a widget, if ipywidgets is installed."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "IProgress not found")  # then it is text
        from tqdm.auto import tqdm
    layout = "{l_bar}{bar}| {n_fmt}/{total_fmt} [{elapsed}{postfix}]"
    return tqdm(total=total or None, desc=stage, bar_format=layout if total else None)


@contextmanager
def report_progress(progress: Any, stage: str, total: int) -> Iterator[Report]:
    """Report the progress of one stage of work.

    Args:
        progress: None for nothing, True for a tqdm bar, or a function called as
            ``progress(stage, done, total)``. If it raises, the error goes to the log, and it is not
            called again.
        stage: What is being done, as in "submit".
        total: How much there is to do.

    Yields:
        A function to call with how much is done, and with a note that only a bar shows.
    """
    if progress is None or progress is False:
        yield lambda done, note="": None
    elif progress is True:
        with _open_bar(stage, total) as bar:

            def report(done: int, note: str = "") -> None:
                bar.set_postfix_str(note, refresh=False)
                bar.update(done - bar.n)
                if note:
                    bar.refresh()

            yield report
    else:
        yield _guard(progress, stage, total)
