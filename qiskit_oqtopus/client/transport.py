"""The one place that does I/O: one request, one attempt, on pooled connections."""

from __future__ import annotations

import logging
import os
import threading
import time
import weakref
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.auth import AuthBase
from requests.cookies import RequestsCookieJar

from ..version import __version__
from .addresses import is_loopback, proxy_host
from .answers import Answer
from .connections import BoundedAdapter, WithoutQueries
from .deadline import Deadline
from .errors import ConfigurationError, DeadlineError, ProtocolError, TransportError
from .exchange import Exchange, OverError
from .failures import failure_of
from .secret import Secret

logger = logging.getLogger(__name__)

MAX_ERROR_BYTES = 2**20
"""How much of the body of an error is read, in bytes; the rest is dropped."""

_CHUNK = 64 * 1024
_HOSTS = 8


class TokenAuth(AuthBase):
    """Adds the token to a request. Only requests to the API are given one of these."""

    __slots__ = ("_token",)

    def __init__(self, token: Secret) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Add the token."""
        request.headers["q-api-token"] = self._token.reveal()
        return request

    def __repr__(self) -> str:
        return "<TokenAuth>"

    def __reduce__(self) -> Any:
        raise TypeError("A token is not pickled.")


class _NoAuth(AuthBase):
    """Adds nothing. Without it, requests would send passwords from a .netrc file."""

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Change nothing."""
        return request


class _NoCookies(RequestsCookieJar):
    """Keeps no cookies: requests of many threads must not depend on each other."""

    def set_cookie(self, cookie: Any, *args: Any, **kwargs: Any) -> None:
        """Forget the cookie."""


@dataclass(frozen=True)
class Request:
    """One HTTP request.

    Attributes:
        method: HTTP method.
        url: The whole URL, without the query in ``params``.
        path: What the request is called in logs and errors: it has no secrets.
        auth: Adds the token; None for everything but the API.
        params: The query.
        json: A JSON body.
        form: Form fields of a multipart body, in order.
        file: The file of a multipart body, which comes last: name, content, type.
        headers: More headers.
    """

    method: str
    url: str = field(repr=False)
    path: str
    auth: TokenAuth | None = None
    params: Mapping[str, str] | None = None
    json: Any = field(default=None, repr=False)
    form: Sequence[tuple[str, str]] = field(default=(), repr=False)
    file: tuple[str, bytes, str] | None = field(default=None, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict)


class Transport:
    """Sends requests on pooled connections; safe to share among threads and after a fork.

    TLS certificates are always verified. ``REQUESTS_CA_BUNDLE``, ``CURL_CA_BUNDLE`` or
    ``SSL_CERT_FILE`` can name a CA of your own.

    Args:
        proxy: URL of a proxy for all requests, or None for the ones of the environment
            (``HTTPS_PROXY``, ``NO_PROXY``, ...), which are not used for this machine itself.
        connect_timeout: Seconds to wait for a connection.
        read_timeout: Seconds to wait for each part of an answer.
        total_timeout: Seconds after which an exchange is given up, whatever has come of it.
        pool_size: Open connections per host; more requests at once wait for a free one.

    Raises:
        ConfigurationError: If a value cannot be used.
    """

    def __init__(
        self,
        *,
        proxy: str | None,
        connect_timeout: float,
        read_timeout: float,
        total_timeout: float,
        pool_size: int,
    ) -> None:
        for name, value in (
            ("connect_timeout", connect_timeout),
            ("read_timeout", read_timeout),
            ("total_timeout", total_timeout),
        ):
            if not 0 < value < float("inf"):
                raise ConfigurationError(f"{name} must be a number of seconds above 0: {value!r}")
        if pool_size < 1:
            raise ConfigurationError(f"pool_size must be at least 1, not {pool_size!r}")
        self._proxies = _proxies(proxy)
        self._timeout = (connect_timeout, read_timeout)
        self._total_timeout = total_timeout
        self._pool_size = pool_size
        self._pid = os.getpid()
        self._lock = threading.Lock()
        self._session: requests.Session | None = None

    def send(self, request: Request, max_bytes: int, deadline: Deadline) -> Answer:
        """Send a request once and return the answer, whatever its status.

        Of a redirect nothing but the head is read, and of an error the beginning.

        Args:
            request: The request.
            max_bytes: How large the body of the answer may be.
            deadline: When the exchange must have ended.

        Raises:
            DeadlineError: If the time is over.
            TransportError: If there is no answer, or not all of it.
            ProtocolError: If the answer is too large, or not HTTP.
        """
        where = f"{request.method} {request.path}"
        deadline.check(where)
        session = self._current()
        started = time.monotonic()
        failure: TransportError | ProtocolError | None = None
        interrupt: BaseException | None = None
        answer: Answer | None = None
        status: int | None = None
        with Exchange(deadline, self._total_timeout) as exchange:
            try:
                with self._open(session, request, exchange) as response:
                    status = response.status_code
                    answer = Answer(status, response.headers, _read(response, max_bytes))
            except OverError:
                pass
            except _RefusedError as error:
                failure = ProtocolError(
                    f"{where} was answered with {error}",
                    method=request.method,
                    path=request.path,
                    status=status,
                )
            except Exception as error:  # noqa: BLE001 - whatever a broken answer makes them raise
                failure = failure_of(error, method=request.method, path=request.path, status=status)
            except (KeyboardInterrupt, SystemExit) as error:
                interrupt = error.with_traceback(None)
                interrupt.__context__ = None
            if exchange.is_over and (answer is None or exchange.is_abandoned):
                failure = self._over(request, exchange, deadline)
        milliseconds = 1000 * (time.monotonic() - started)
        # Outside the handlers, so that what is raised does not hold exceptions and frames of
        # requests, which hold the request and its token.
        if interrupt is not None:
            raise interrupt
        if failure is not None:
            logger.debug("%s after %.0f ms", failure, milliseconds)
            raise failure
        assert answer is not None  # noqa: S101 - for the type checker
        logger.debug("%s: %d, %.0f ms", where, answer.status, milliseconds)
        return answer

    def close(self) -> None:
        """Close the connections; they open again if needed."""
        session, self._session = self._session, None
        if session is not None:
            session.close()
            self._quiet()

    def _open(
        self, session: requests.Session, request: Request, exchange: Exchange
    ) -> requests.Response:
        """Send a request and return the answer, of which only the head has been read."""
        prepared = session.prepare_request(_prepare(request))
        settings: Any = session.merge_environment_settings(request.url, {}, True, None, None)
        if self._proxies is not None:
            settings["proxies"] = dict(self._proxies)
        elif is_loopback(urlsplit(request.url).hostname):
            # A proxy of the environment would see the token of a server on this machine.
            settings["proxies"] = {}
        exchange.check()
        left = exchange.left()
        connect_timeout, read_timeout = self._timeout
        timeout = (min(connect_timeout, left), min(read_timeout, left))
        # Not by the session: it would read all of a redirect, to prepare the request that follows.
        adapter = session.get_adapter(request.url)
        return adapter.send(prepared, timeout=timeout, **settings)

    def _over(self, request: Request, exchange: Exchange, deadline: Deadline) -> TransportError:
        """Return the error of an exchange that took too long."""
        context: dict[str, Any] = {
            "method": request.method,
            "path": request.path,
            "sent": None if exchange.has_begun else False,
        }
        where = f"{request.method} {request.path}"
        if deadline.is_over:
            return DeadlineError(f"{where}: {deadline.reason}", **context)
        # A server that has kept a request for that long does so the next time too.
        return TransportError(
            f"{where}: no answer in time, {self._total_timeout:g} s for the whole exchange "
            "(option total_timeout)",
            temporary=False,
            **context,
        )

    def _current(self) -> requests.Session:
        session = self._session
        # Two processes must not talk on the same sockets.
        if session is None or self._pid != os.getpid():
            with self._lock:
                if self._session is None or self._pid != os.getpid():
                    self._pid = os.getpid()
                    self._session = self._build_session()
                session = self._session
        return session

    def _build_session(self) -> requests.Session:
        quiet = WithoutQueries()
        quiet.install()
        self._quiet = weakref.finalize(self, quiet.remove)
        session = requests.Session()
        session.auth = _NoAuth()
        session.cookies = _NoCookies()
        session.headers["User-Agent"] = f"qiskit-oqtopus/{__version__}"
        # What is packed would have to be unpacked before its size is known.
        session.headers["Accept-Encoding"] = "identity"
        session.verify = os.environ.get("SSL_CERT_FILE") or True
        for scheme in ("http://", "https://"):
            adapter = BoundedAdapter(
                pool_connections=_HOSTS,
                pool_maxsize=self._pool_size,
                max_retries=0,
                pool_block=True,
            )
            session.mount(scheme, adapter)
        return session


class _RefusedError(Exception):
    """An answer that is not read; the reason is in words."""


def _proxies(proxy: str | None) -> dict[str, str] | None:
    if not proxy:
        return None
    proxy_host(proxy)
    url = proxy if "://" in proxy else f"http://{proxy}"
    return {"http": url, "https": url}


def _prepare(request: Request) -> requests.Request:
    files = None
    if request.file is not None:
        # requests writes the form fields first and the files after them, as S3 demands.
        files = {"file": request.file}
    return requests.Request(
        request.method,
        request.url,
        headers=dict(request.headers),
        params=dict(request.params) if request.params else None,
        json=request.json,
        data=list(request.form) if request.form else None,
        files=files,
        auth=request.auth,
    )


def _read(response: requests.Response, max_bytes: int) -> bytes:
    """Return the body of an answer, of an error its beginning only.

    Raises:
        _RefusedError: If it is too large, or encoded.
    """
    status = response.status_code
    if 300 <= status < 400:
        return b""
    is_error = not 200 <= status < 300
    encoding = response.headers.get("Content-Encoding", "").strip().lower()
    if encoding not in ("", "identity"):
        if is_error:
            return b""
        raise _RefusedError(f"a body encoded as {encoding[:60]!r}, which was not asked for")
    raw = response.raw
    # Otherwise urllib3 1.26 takes half an answer for a whole one.
    raw.enforce_content_length = True
    limit = min(max_bytes, MAX_ERROR_BYTES) if is_error else max_bytes
    chunks: list[bytes] = []
    size = 0
    while size <= limit:
        # Not stream(), which reads the lines between chunks however long they are.
        chunk = raw.read(_CHUNK, decode_content=False)
        if not chunk:
            return b"".join(chunks)
        chunks.append(chunk)
        size += len(chunk)
    if is_error:
        return b"".join(chunks)[:limit]
    raise _RefusedError(f"more than {max_bytes:,} bytes (option max_download_bytes)")
