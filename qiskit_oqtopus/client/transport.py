"""The one place that does I/O: one request, one attempt, on pooled connections."""

from __future__ import annotations

import logging
import os
import ssl
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import requests
import urllib3.exceptions
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase
from requests.cookies import RequestsCookieJar

from ..version import __version__
from .addresses import is_loopback, proxy_host
from .answers import Answer
from .deadline import Deadline
from .errors import ConfigurationError, ProtocolError, TransportError

logger = logging.getLogger(__name__)

_CHUNK = 64 * 1024
_HOSTS = 8
# UnicodeError: a host name that cannot be encoded; some versions of requests let it through.
_ERRORS = (requests.RequestException, urllib3.exceptions.HTTPError, OSError, UnicodeError)
_MALFORMED = (
    requests.exceptions.InvalidURL,
    requests.exceptions.InvalidSchema,
    urllib3.exceptions.LocationValueError,
    UnicodeError,
)
_NEVER_CONNECTED = (
    urllib3.exceptions.NewConnectionError,
    urllib3.exceptions.ConnectTimeoutError,
    urllib3.exceptions.ProxyError,
)


class TokenAuth(AuthBase):
    """Adds the token to a request. Only requests to the API are given one of these."""

    __slots__ = ("_token",)

    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Add the token."""
        request.headers["q-api-token"] = self._token
        return request

    def __repr__(self) -> str:
        return "<TokenAuth>"

    def __reduce__(self) -> Any:
        raise TypeError("A token is not pickled.")


class _WithoutQueries(logging.Filter):
    """Cuts the queries off the addresses that urllib3 logs: links are signed there."""

    def filter(self, record: logging.LogRecord) -> bool:
        if isinstance(record.args, tuple):
            record.args = tuple(
                f"{arg.partition('?')[0]}?..." if isinstance(arg, str) and "?" in arg else arg
                for arg in record.args
            )
        return True


_WITHOUT_QUERIES = _WithoutQueries()
"""One for all sessions: a logger takes the same filter once."""


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
        pool_size: Open connections per host; more requests at once wait for a free one.

    Raises:
        ConfigurationError: If a value cannot be used.
    """

    def __init__(
        self, *, proxy: str | None, connect_timeout: float, read_timeout: float, pool_size: int
    ) -> None:
        for name, value in (("connect_timeout", connect_timeout), ("read_timeout", read_timeout)):
            if not 0 < value < float("inf"):
                raise ConfigurationError(f"{name} must be a number of seconds above 0: {value!r}")
        if pool_size < 1:
            raise ConfigurationError(f"pool_size must be at least 1, not {pool_size!r}")
        self._proxies = _proxies(proxy)
        self._timeout = (connect_timeout, read_timeout)
        self._pool_size = pool_size
        self._pid = os.getpid()
        self._session = self._open()

    def send(self, request: Request, max_bytes: int, deadline: Deadline) -> Answer:
        """Send a request once and return the answer, whatever its status.

        Args:
            request: The request.
            max_bytes: How large the body of the answer may be.
            deadline: When the exchange must have ended.

        Raises:
            DeadlineError: If the time is over.
            TransportError: If there is no answer, or not all of it.
            ProtocolError: If the answer is too large, or not HTTP.
        """
        deadline.check(f"{request.method} {request.path}")
        session = self._current()
        started = time.monotonic()
        failure: TransportError | ProtocolError | None = None
        answer: Answer | None = None
        status: int | None = None
        try:
            prepared = session.prepare_request(_prepare(request))
            settings = session.merge_environment_settings(request.url, {}, True, None, None)
            if self._proxies is not None:
                settings["proxies"] = dict(self._proxies)
            elif is_loopback(urlsplit(request.url).hostname):
                # A proxy of the environment would see the token of a server on this machine.
                settings["proxies"] = {}
            response = session.send(
                prepared, timeout=self._timeout, allow_redirects=False, **settings
            )
            with response:
                status = response.status_code
                answer = Answer(status, response.headers, _read(response, max_bytes))
        except _TooLargeError:
            failure = ProtocolError(
                f"{request.method} {request.path} was answered with more than {max_bytes:,} bytes "
                "(option max_download_bytes)",
                method=request.method,
                path=request.path,
                status=status,
            )
        except _ERRORS as error:
            failure = _failure(request, error, status)
        milliseconds = 1000 * (time.monotonic() - started)
        if failure is not None:
            logger.debug("%s after %.0f ms", failure, milliseconds)
            # Outside the handler, so that the error does not hold the exception of requests,
            # which holds the request and its token.
            raise failure
        assert answer is not None  # noqa: S101 - for the type checker
        logger.debug(
            "%s %s: %d, %.0f ms", request.method, request.path, answer.status, milliseconds
        )
        return answer

    def close(self) -> None:
        """Close the connections; they open again if needed."""
        self._session.close()

    def _current(self) -> requests.Session:
        # Two processes must not talk on the same sockets.
        if self._pid != os.getpid():
            self._session = self._open()
            self._pid = os.getpid()
        return self._session

    def _open(self) -> requests.Session:
        logging.getLogger("urllib3.connectionpool").addFilter(_WITHOUT_QUERIES)
        session = requests.Session()
        session.auth = _NoAuth()
        session.cookies = _NoCookies()
        session.headers["User-Agent"] = f"qiskit-oqtopus/{__version__}"
        session.verify = os.environ.get("SSL_CERT_FILE") or True
        for scheme in ("http://", "https://"):
            adapter = HTTPAdapter(
                pool_connections=_HOSTS,
                pool_maxsize=self._pool_size,
                max_retries=0,
                pool_block=True,
            )
            session.mount(scheme, adapter)
        return session


class _TooLargeError(Exception):
    """An answer is larger than allowed."""


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
    # Otherwise urllib3 1.26 takes half an answer for a whole one.
    response.raw.enforce_content_length = True
    chunks = []
    size = 0
    for chunk in response.iter_content(_CHUNK):
        size += len(chunk)
        if size > max_bytes:
            raise _TooLargeError
        chunks.append(chunk)
    return b"".join(chunks)


def _failure(
    request: Request, error: Exception, status: int | None
) -> TransportError | ProtocolError:
    """Return our error for one of ``requests``, whose own text has URLs with signatures."""
    context: dict[str, Any] = {"method": request.method, "path": request.path, "status": status}
    where = f"{request.method} {request.path}"
    if isinstance(error, requests.exceptions.ContentDecodingError):
        return ProtocolError(f"{where}: the answer is not encoded as it says", **context)
    chain = _chain(error)
    if any(isinstance(link, _MALFORMED) for link in chain):
        return ProtocolError(f"{where}: the URL is malformed", sent=False, **context)
    for link in chain:
        # By name: urllib3 1.26 has one of its own for a host name that does not match.
        if isinstance(link, ssl.CertificateError) or type(link).__name__ == "CertificateError":
            words = getattr(link, "verify_message", "") or "it is for another host"
            return TransportError(
                f"{where}: the certificate of the server is not trusted: {words}; "
                "name a CA of your own in REQUESTS_CA_BUNDLE",
                temporary=False,
                sent=False,
                **context,
            )
    if str(error).startswith("Could not find a suitable TLS CA"):
        return TransportError(
            f"{where}: the CA file that the environment names (REQUESTS_CA_BUNDLE, CURL_CA_BUNDLE "
            "or SSL_CERT_FILE) is not there",
            temporary=False,
            sent=False,
            **context,
        )
    connected = not any(isinstance(link, _NEVER_CONNECTED) for link in chain)
    if isinstance(error, requests.exceptions.ProxyError):
        what = "the proxy could not be used"
    elif isinstance(error, requests.exceptions.ConnectTimeout):
        what, connected = "no connection in time", False
    elif isinstance(error, requests.exceptions.Timeout) or any(
        isinstance(link, (urllib3.exceptions.ReadTimeoutError, TimeoutError)) for link in chain
    ):
        what = "no answer in time" if status is None else "the answer stopped half way"
    elif not connected:
        what = "no connection"
    elif status is not None:
        what = "the answer broke off"
    else:
        what = "the connection broke off before an answer came"
    reason = _reason(chain)
    return TransportError(
        f"{where}: {what}{f' ({reason})' if reason else ''}", sent=connected, **context
    )


def _chain(error: BaseException) -> list[BaseException]:
    """Return an exception and everything that it wraps."""
    seen: list[BaseException] = []
    waiting: list[Any] = [error]
    while waiting and len(seen) < 20:
        item = waiting.pop(0)
        if isinstance(item, BaseException) and not any(item is other for other in seen):
            seen.append(item)
            waiting += [*item.args, getattr(item, "reason", None), item.__cause__, item.__context__]
    return seen


def _reason(chain: list[BaseException]) -> str:
    """Return the words of the operating system, which name no URL."""
    for link in reversed(chain):
        if isinstance(link, ssl.SSLError):
            return f"TLS: {link.reason or 'handshake failed'}"
        if (
            isinstance(link, OSError)
            and link.strerror
            and not isinstance(link, requests.RequestException)
        ):
            return str(link.strerror)
    return ""
