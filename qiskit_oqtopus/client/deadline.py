"""When a call must have ended: at a moment, or as soon as somebody stops it."""

from __future__ import annotations

import math
import threading
import time

from .errors import DeadlineError

SLICE = 0.25
"""Longest time in s that a thread waits at once: not every interrupt ends a wait."""


class Deadline:
    """A moment after which nothing of a call is begun or waited for; shared by all its threads.

    One object bounds a whole call, whatever it consists of: waiting for locks, questions to the
    server, pauses between them, downloads.

    Args:
        seconds: Time from now, in s; None or infinity for no end.

    Raises:
        ValueError: If ``seconds`` is not a number (NaN).

    >>> Deadline(None).left()
    inf
    >>> Deadline(-1).is_over
    True
    """

    def __init__(self, seconds: float | None = None) -> None:
        seconds = math.inf if seconds is None else seconds
        if math.isnan(seconds):
            raise ValueError("a deadline must be a number of seconds, not NaN")
        self._at = time.monotonic() + seconds
        self._stopped = threading.Event()

    def stop(self) -> None:
        """End the call now: whatever of it is under way in other threads begins nothing new."""
        self._stopped.set()

    @property
    def is_stopped(self) -> bool:
        """Whether somebody has stopped the call."""
        return self._stopped.is_set()

    @property
    def is_over(self) -> bool:
        """Whether the time is over, or somebody has stopped the call."""
        return self.is_stopped or time.monotonic() >= self._at

    def left(self) -> float:
        """Return the time that is left, in s: 0 if it is over, infinity if there is no end."""
        return 0.0 if self.is_stopped else max(self._at - time.monotonic(), 0.0)

    def check(self, action: str) -> None:
        """Raise if the time is over.

        Args:
            action: What would be begun now, for the error.

        Raises:
            DeadlineError: If the time is over, or the call was stopped.
        """
        if self.is_over:
            raise DeadlineError(f"{action}: {self.reason}", sent=False)

    @property
    def reason(self) -> str:
        """What ends the call, in words."""
        return "the call was interrupted" if self.is_stopped else "the time of the call is over"

    def sleep(self, seconds: float) -> None:
        """Wait, but not beyond the deadline; being stopped ends the wait at once."""
        end = time.monotonic() + min(seconds, self.left())
        while not self._stopped.wait(min(SLICE, max(end - time.monotonic(), 0.0))):
            if time.monotonic() >= end:
                return

    def __repr__(self) -> str:
        return f"<Deadline: {self.left():.1f} s left>"
