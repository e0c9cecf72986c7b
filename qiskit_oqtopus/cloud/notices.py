"""What the operator of a cloud tells everybody: announcements, and when a token expires."""

from __future__ import annotations

import logging
import threading
import time
import warnings
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

from ..client.deadline import Deadline
from ..client.retry import RetryPolicy
from ..client.workers import start
from ..exceptions import OqtopusWarning, users_stacklevel

if TYPE_CHECKING:
    from ..client.api import Client
    from ..client.models import Announcement

logger = logging.getLogger(__name__)

LONGEST = 2.0
"""Time in s that a run waits for notices at most, once its circuits are submitted."""

INTERVAL = 3600.0
"""Time in s after which a process asks for notices again."""

SOON = timedelta(days=7)
"""A token that expires within this time is worth a warning."""


def read_announcements(client: Client) -> list[Announcement]:
    """Return what is announced for now.

    Raises:
        ClientError: If the server cannot be asked.
    """
    return client.announcements(datetime.now(timezone.utc))


def read_expiration(client: Client) -> datetime | None:
    """Return when the token expires, in UTC; None if the server does not say.

    Raises:
        ClientError: If the server cannot be asked.
    """
    text = client.token_expiration()
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        logger.debug("The token expires at %r, which is no time", text[:40])
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)
    return moment.astimezone(timezone.utc)


class _Turn:
    """Whose turn it is to ask: one run in an hour, of all runs of a process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._next = 0.0

    def take(self) -> bool:
        with self._lock:
            now = time.monotonic()
            if now < self._next:
                return False
            self._next = now + INTERVAL
            return True


turn = _Turn()


def warn_of_notices(client: Client) -> None:
    """Warn of announcements and of a token that expires soon, at most once in an hour.

    It takes at most :data:`LONGEST` seconds, and no failure is the caller's: there is a line in the
    log at DEBUG.

    Args:
        client: The connection.

    Warns:
        OqtopusWarning: With the words of each announcement; if the token expires within a week.
    """
    if not turn.take():
        return
    deadline = Deadline(LONGEST)
    client = client.with_retry(RetryPolicy(max_attempts=1)).within(deadline)
    announced, expires = start(read_announcements, client), start(read_expiration, client)
    try:
        announcements = announced.result(deadline.left())
        expiration = expires.result(deadline.left())
    except Exception as error:  # noqa: BLE001 - the circuits are submitted: nothing may stop them
        logger.debug("Notices could not be read: %s", error)
        return
    finally:
        deadline.stop()
    for words in _describe(announcements, expiration):
        warnings.warn(words, OqtopusWarning, stacklevel=users_stacklevel())


def _describe(announcements: list[Announcement], expiration: datetime | None) -> Iterator[str]:
    for each in announcements:
        until = f" (until {each.end_time})" if each.end_time else ""
        content = f": {each.content}" if each.content else ""
        yield f"The cloud announces{until}: {each.title or 'no title'}{content}"
    if expiration is not None and expiration - datetime.now(timezone.utc) < SOON:
        yield (
            f"Your API token expires at {expiration:%Y-%m-%d %H:%M} UTC. Get a new one from the "
            "operator before then."
        )
