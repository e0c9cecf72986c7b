"""One request and its answer, which end by a moment whatever the other side does."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Iterable
from concurrent.futures import Future, wait
from contextlib import suppress
from typing import TypeVar

from . import workers
from .deadline import Deadline

T = TypeVar("T")

TICK = 0.1
"""How late, in s, the end of an exchange may be noticed."""

_IDLE_TICKS = 100
_SHORTEST_TIMEOUT = 1e-3


class OverError(Exception):
    """The time of the exchange is over."""


class Exchange:
    """What one thread asks one server, from the wait for a connection to the end of the answer.

    A time-out of a socket bounds each of its operations, so that a server which sends one byte a
    second is never too slow. Here another thread looks at the clock, and shuts the connection down
    when the time is over: whatever waits for it then fails at once.

    Args:
        deadline: When the whole call must have ended.
        seconds: Longest time of this exchange, in s.

    Attributes:
        is_abandoned: Whether it was given up.
        has_begun: Whether a part of the request may have been sent.
    """

    def __init__(self, deadline: Deadline, seconds: float) -> None:
        self._deadline = deadline
        self._until = time.monotonic() + seconds
        self._lock = threading.Lock()
        self._line: socket.socket | None = None
        self.is_abandoned = False
        self.has_begun = False

    def left(self) -> float:
        """Return the time that is left, in s."""
        return min(self._deadline.left(), max(self._until - time.monotonic(), 0.0))

    @property
    def is_over(self) -> bool:
        """Whether the time is over, or the call was stopped."""
        return self.is_abandoned or self.left() <= 0

    def check(self) -> None:
        """Raise :class:`OverError` if the time is over."""
        if self.is_over:
            raise OverError

    def wait(self, future: Future[T]) -> T:
        """Return the result of a future.

        Raises:
            OverError: If the time is over before it is there.
        """
        while not wait([future], min(TICK, self.left())).done:
            self.check()
        return future.result()

    def connect(
        self,
        host: str,
        port: int,
        *,
        timeout: float,
        options: Iterable[tuple[int, int, int | bytes]],
        family: int,
    ) -> socket.socket:
        """Return a socket that is connected to the first address of a host that takes it.

        Args:
            host: Its name or address.
            port: Its port.
            timeout: Longest time for each of its addresses, in s.
            options: Options of the socket.
            family: The kind of addresses, or ``AF_UNSPEC`` for all.

        Raises:
            OverError: If the time is over.
            OSError: If no address takes it.
        """
        # Nothing can interrupt the search for a name.
        search = workers.start(socket.getaddrinfo, host, port, family, socket.SOCK_STREAM)
        failure = OSError(f"{host} has no address")
        for kind, type_, protocol, _, address in self.wait(search):
            self.check()
            sock = socket.socket(kind, type_, protocol)
            try:
                for option in options:
                    sock.setsockopt(*option)
                sock.settimeout(max(min(timeout, self.left()), _SHORTEST_TIMEOUT))
                self.watch(sock)
                sock.connect(address)
                sock.settimeout(timeout)
            except OSError as error:
                failure = error
                sock.close()
            except BaseException:
                sock.close()
                raise
            else:
                return sock
        self.check()
        raise failure

    def watch(self, sock: socket.socket) -> None:
        """Take note of the connection that the exchange is on."""
        # A second handle: that of TLS comes only after the handshake, and the own one could be
        # closed, and its number used for another file, at the moment when it is shut down.
        line = socket.fromfd(sock.fileno(), sock.family, sock.type, sock.proto)
        with self._lock:
            old, self._line = self._line, line
            if self.is_abandoned:
                _shut_down(line)
        if old is not None:
            old.close()

    def abandon(self) -> None:
        """Shut the connection down, so that the thread which waits for it wakes up."""
        with self._lock:
            self.is_abandoned = True
            if self._line is not None:
                _shut_down(self._line)

    def __enter__(self) -> Exchange:
        _here.exchange = self
        _watch.add(self)
        return self

    def __exit__(self, *exc_info: object) -> None:
        _watch.remove(self)
        _here.exchange = None
        with self._lock:
            line, self._line = self._line, None
        if line is not None:
            line.close()


def _shut_down(line: socket.socket) -> None:
    with suppress(OSError):
        line.shutdown(socket.SHUT_RDWR)


_here = threading.local()


def this_exchange() -> Exchange | None:
    """Return the exchange that this thread is in, or None."""
    exchange: Exchange | None = getattr(_here, "exchange", None)
    return exchange


class _Watch:
    """Abandons the exchanges whose time is over, in a thread that ends when there are none."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._exchanges: set[Exchange] = set()
        self._is_running = False

    def add(self, exchange: Exchange) -> None:
        with self._lock:
            self._exchanges.add(exchange)
            if self._is_running:
                return
            thread = threading.Thread(target=self._run, name="oqtopus-watch", daemon=True)
            # The system has no thread to give, or the interpreter is ending: the time-outs of the
            # socket remain.
            with suppress(RuntimeError):
                thread.start()
                self._is_running = True

    def remove(self, exchange: Exchange) -> None:
        with self._lock:
            self._exchanges.discard(exchange)

    def _run(self) -> None:
        idle = 0
        while True:
            time.sleep(TICK)
            with self._lock:
                exchanges = list(self._exchanges)
                idle = 0 if exchanges else idle + 1
                if idle > _IDLE_TICKS:
                    self._is_running = False
                    return
            for exchange in exchanges:
                if exchange.is_over and not exchange.is_abandoned:
                    exchange.abandon()


_watch = _Watch()


def _forget() -> None:
    global _watch
    _watch = _Watch()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
