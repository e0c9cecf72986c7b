"""Outages of the server or of its object store: they are waited out, as long as there is time."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from typing import TypeVar

from ..client import errors, workers
from ..client.deadline import SLICE, Deadline
from ..client.retry import may_pass

logger = logging.getLogger(__name__)

T = TypeVar("T")

FIRST_PAUSE = 1.0
LONGEST_PAUSE = 10.0
"""Time in s before one more try in an outage: it grows from the first to the longest."""

LONGEST_ASKED = 60.0
"""Longest pause in s that the server can ask for."""


class Outage:
    """The outages in one call.

    Args:
        deadline: That of the call.

    Attributes:
        error: What came last in place of an answer; None while there is no outage.
    """

    def __init__(self, deadline: Deadline) -> None:
        self._deadline = deadline
        self._pause = FIRST_PAUSE
        self.error: errors.ClientError | None = None

    def do_all(
        self,
        items: Sequence[T],
        work: Callable[[T], None],
        at_once: int,
        report: Callable[[int], None] = lambda done: None,
    ) -> None:
        """Do some work that asks the server for each of several items.

        In an outage, one item is tried until that succeeds.

        Args:
            items: The items.
            work: Called with each in another thread, and once more after an outage.
            at_once: Largest number of items at the same time.
            report: Called with the number of items that are done.

        Raises:
            DeadlineError: If the time is over; the threads may not have ended yet.
            Exception: What ``work`` has raised first. All others were tried before.
        """
        waiting = deque(items)
        running: dict[Future[None], T] = {}
        failure: Exception | None = None
        done = 0
        while waiting or running:
            if self.error is not None and not running:
                self._sleep()
            self._deadline.check("the next item")
            while waiting and len(running) < (at_once if self.error is None else 1):
                item = waiting.popleft()
                running[workers.start(work, item)] = item
            pause = min(self._deadline.left(), SLICE)
            ended, _ = wait(running, pause, return_when=FIRST_COMPLETED)
            for future in ended:
                item, error = running.pop(future), future.exception()
                if error is None:
                    self.error, self._pause = None, FIRST_PAUSE
                    done += 1
                    report(done)
                elif isinstance(error, errors.ClientError) and may_pass(error):
                    waiting.append(item)
                    self.error = error
                elif isinstance(error, errors.DeadlineError):
                    waiting.append(item)
                elif isinstance(error, Exception):
                    failure = failure or error
                else:  # Ctrl-C, where the system had no thread to give
                    raise error
        if failure is not None:
            raise failure

    def _sleep(self) -> None:
        """Wait before one more try, longer each time, or as long as the server asks for."""
        asked_for = getattr(self.error, "retry_after", None) or 0.0
        pause = max(self._pause, min(asked_for, LONGEST_ASKED))
        logger.warning("No answer; the next try is in %.0f s: %s", pause, self.error)
        self._deadline.sleep(pause)
        self._pause = min(1.5 * self._pause, LONGEST_PAUSE)
