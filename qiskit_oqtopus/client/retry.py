"""Whether a request may be sent again, and after how long: a decision without any I/O."""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime

from .errors import ClientError, TransportError

# Not implemented, and HTTP version not supported: asking again gives the same answer.
_PERMANENT = frozenset({501, 505})
_TEMPORARY = frozenset({408, 425, 429})


@dataclass(frozen=True)
class RetryPolicy:
    """Exponential backoff with jitter, or what the server asks for.

    Attributes:
        max_attempts: How often one request is sent at most; 1 switches retries off.
        base: Seconds to wait after the first failure, before jitter.
        factor: By how much each wait is longer than the one before.
        max_delay: Longest wait in seconds, before jitter.
        max_retry_after: Longest wait in seconds that a ``Retry-After`` can ask for.
        clock: Seconds since the epoch, for a ``Retry-After`` that is a date.
        sleep: Waits for seconds; None waits no longer than the deadline of the call.
        random: Uniform numbers in [0, 1).
    """

    max_attempts: int = 4
    base: float = 0.5
    factor: float = 2.0
    max_delay: float = 8.0
    max_retry_after: float = 60.0
    clock: Callable[[], float] = time.time
    sleep: Callable[[float], None] | None = None
    random: Callable[[], float] = random.random

    def __post_init__(self) -> None:
        if self.max_attempts < 1:
            raise ValueError(f"max_attempts must be at least 1, not {self.max_attempts!r}.")
        for name in ("base", "factor", "max_delay", "max_retry_after"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value >= 0):
                raise ValueError(f"{name} must be a number of at least 0, not {value!r}.")

    def delay(self, attempt: int, error: ClientError, *, replayable: bool) -> float | None:
        """Return the seconds to wait before the next attempt, or None to give up.

        A request is sent again if its failure may pass, and if a second copy does no harm:
        because it is replayable (GET, DELETE, an upload of the same bytes), or because the
        first copy certainly had no effect.

        Args:
            attempt: How often the request has been sent, from 1.
            error: How the last attempt failed.
            replayable: Whether a second copy does no harm even if the first had its effect.
        """
        if attempt >= self.max_attempts or not may_pass(error):
            return None
        if not replayable and error.sent is not False:
            return None
        grown = self.base * self.factor ** min(attempt - 1, 64)
        # Half fixed, half random: clients that failed together do not come back together, and none
        # of them comes back at once.
        backoff = min(self.max_delay, grown) * (0.5 + 0.5 * self.random())
        if error.retry_after is None:
            return backoff
        return max(backoff, min(error.retry_after, self.max_retry_after))


def may_pass(error: ClientError) -> bool:
    """Return whether the same request might succeed later."""
    if isinstance(error, TransportError):
        return error.temporary
    status = error.status
    if status is None:
        return False
    return status in _TEMPORARY or (500 <= status < 600 and status not in _PERMANENT)


def parse_retry_after(value: str | None, date: str | None, now: float) -> float | None:
    """Return the seconds of a ``Retry-After`` header, or None if it says nothing usable.

    Args:
        value: The header: seconds, or a date.
        date: The ``Date`` header of the same answer. A date is measured from it, so that the
            clock of this machine need not agree with the server's.
        now: Seconds since the epoch on this machine, where there is no such header.

    >>> parse_retry_after("3", None, 0.0)
    3.0
    >>> parse_retry_after("Thu, 01 Jan 1970 00:00:30 GMT", "Thu, 01 Jan 1970 00:00:10 GMT", 0.0)
    20.0
    >>> parse_retry_after("soon", None, 0.0) is None
    True
    """
    if value is None:
        return None
    try:
        seconds = float(value)
    except ValueError:
        until = _timestamp(value)
        if until is None:
            return None
        since = _timestamp(date) if date is not None else None
        return max(0.0, until - (now if since is None else since))
    return seconds if math.isfinite(seconds) and seconds >= 0 else None


def _timestamp(text: str) -> float | None:
    try:
        moment: datetime = parsedate_to_datetime(text)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=timezone.utc)
        return moment.timestamp()
    # Python 3.9 raised TypeError; OverflowError comes from years that the platform cannot hold.
    except (TypeError, ValueError, IndexError, OverflowError):
        return None
