"""Which error it is if an exchange fails: from the exceptions of requests and urllib3 to ours."""

from __future__ import annotations

import ssl
from typing import Any

import requests
import urllib3.exceptions

from .errors import ProtocolError, TransportError

_KNOWN = (requests.RequestException, urllib3.exceptions.HTTPError, OSError)
_MALFORMED = (
    requests.exceptions.InvalidURL,
    requests.exceptions.InvalidSchema,
    urllib3.exceptions.LocationValueError,
    # A host name that cannot be encoded; some versions of requests let it through.
    UnicodeError,
)
_NEVER_CONNECTED = (
    urllib3.exceptions.NewConnectionError,
    urllib3.exceptions.ConnectTimeoutError,
    urllib3.exceptions.ProxyError,
    # Somebody has closed the client at this moment.
    urllib3.exceptions.ClosedPoolError,
)


def failure_of(
    error: Exception, *, method: str, path: str, status: int | None
) -> TransportError | ProtocolError:
    """Return our error for one of ``requests``, whose own text has URLs with signatures.

    Args:
        error: What was raised while a request was sent and its answer was read.
        method: Method of the request.
        path: Path of the request, without secrets.
        status: HTTP status of the answer, if it had begun.
    """
    context: dict[str, Any] = {"method": method, "path": path, "status": status}
    where = f"{method} {path}"
    chain = _chain(error)
    if any(isinstance(link, _MALFORMED) for link in chain):
        return ProtocolError(f"{where}: the URL is malformed", sent=False, **context)
    if not isinstance(error, _KNOWN):
        kind = type(error).__name__
        return ProtocolError(f"{where}: the answer cannot be read ({kind})", **context)
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
