"""Connections of urllib3 that belong to an exchange: they end with it, and log no signatures."""

from __future__ import annotations

import logging
from concurrent.futures import Future
from functools import cache
from typing import Any

import urllib3.exceptions
from requests.adapters import HTTPAdapter
from urllib3.util.connection import allowed_gai_family

from . import workers
from .exchange import TICK, Exchange, this_exchange

_LOGGERS = [
    logging.getLogger(f"urllib3.{name}")
    for name in ("connection", "connectionpool", "poolmanager", "response", "util.retry")
]


class BoundedAdapter(HTTPAdapter):
    """Sends requests on connections that end with the exchange of the thread."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Make the pools of all hosts."""
        super().init_poolmanager(*args, **kwargs)
        _bound(self.poolmanager)

    def proxy_manager_for(self, proxy: Any, **kwargs: Any) -> Any:
        """Return the pools of a proxy."""
        return _bound(super().proxy_manager_for(proxy, **kwargs))


def _bound(manager: Any) -> Any:
    """Let a manager of pools make bounded ones; those of SOCKS have classes of their own."""
    manager.pool_classes_by_scheme = {
        scheme: _bounded_pool(pool) for scheme, pool in manager.pool_classes_by_scheme.items()
    }
    # urllib3 2 leaves the connections of a pool that is given up to the garbage collector.
    manager.pools.dispose_func = lambda pool: pool.close()
    return manager


@cache
def _bounded_pool(pool: type) -> type:
    if issubclass(pool, _BoundedPool):
        return pool
    connection = pool.ConnectionCls  # type: ignore[attr-defined]
    bounded = type(connection.__name__, (_BoundedConnection, connection), {})
    return type(pool.__name__, (_BoundedPool, pool), {"ConnectionCls": bounded})


class _BoundedPool:
    """A pool in which nobody waits for a connection beyond the end of the exchange."""

    def _get_conn(self, timeout: float | None = None) -> Any:
        exchange = _exchange()
        while True:
            try:
                return super()._get_conn(timeout=TICK)  # type: ignore[misc]
            except urllib3.exceptions.EmptyPoolError:
                exchange.check()


class _BoundedConnection:
    """A connection whose every wait ends with the exchange."""

    host: str
    port: int
    timeout: float
    sock: Any
    socket_options: Any
    _dns_host: str

    def _new_conn(self) -> Any:
        exchange = _exchange()
        if hasattr(self, "_socks_options"):
            return self._new_socks_conn(exchange)
        try:
            return exchange.connect(
                self._dns_host.strip("[]"),
                self.port,
                timeout=self.timeout,
                options=self.socket_options or (),
                family=allowed_gai_family(),
            )
        except TimeoutError as error:
            raise urllib3.exceptions.ConnectTimeoutError(self, "timed out") from error
        except OSError as error:
            raise urllib3.exceptions.NewConnectionError(self, "failed") from error  # type: ignore[arg-type]

    def _new_socks_conn(self, exchange: Exchange) -> Any:
        coming: Future[Any] = workers.start(super()._new_conn)  # type: ignore[misc]
        try:
            sock = exchange.wait(coming)
        except BaseException:
            coming.add_done_callback(_close_result)
            raise
        exchange.watch(sock)
        return sock

    def request(self, *args: Any, **kwargs: Any) -> Any:
        exchange = _exchange()
        if self.sock is None:
            self.connect()  # type: ignore[attr-defined]
        else:
            exchange.watch(self.sock)
        exchange.check()
        exchange.has_begun = True
        return super().request(*args, **kwargs)  # type: ignore[misc]


def _close_result(future: Future[Any]) -> None:
    if future.exception() is None:
        future.result().close()


def _exchange() -> Exchange:
    exchange = this_exchange()
    assert exchange is not None  # noqa: S101 - for the type checker
    return exchange


class WithoutQueries(logging.Filter):
    """Cuts the queries off the addresses that urllib3 logs for us: links are signed there.

    What other libraries ask for in this process is logged as it is.
    """

    def install(self) -> None:
        """Begin to look at what urllib3 logs."""
        for logger in _LOGGERS:
            logger.addFilter(self)

    def remove(self) -> None:
        """Leave the loggers of urllib3 as they were."""
        for logger in _LOGGERS:
            logger.removeFilter(self)

    def filter(self, record: logging.LogRecord) -> bool:
        """Let everything pass, some of it without its queries."""
        if this_exchange() is not None:
            # Exceptions hold what urllib3 could not read of an answer, which may be anything.
            record.exc_info = None
            if isinstance(record.args, tuple):
                record.args = tuple(_without_query(arg) for arg in record.args)
        return True


def _without_query(arg: Any) -> Any:
    text = type(arg).__name__ if isinstance(arg, Exception) else arg
    return f"{text.partition('?')[0]}?..." if isinstance(text, str) and "?" in text else text
