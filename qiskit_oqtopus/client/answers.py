"""What an answer of the server says, and which error that is. No I/O."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from ..words import MAX_LENGTH, clean
from .errors import (
    ClientError,
    CredentialsError,
    ForbiddenError,
    LinkError,
    NotFoundError,
    ProtocolError,
    RateLimitError,
    ServerError,
    TransportError,
    UnapprovedError,
    ValidationError,
)
from .retry import parse_retry_after
from .storage import parse_json

_MAX_FIELDS = 100
_MAX_WORD = 200
_CORRELATION_HEADERS = ("x-correlation-id", "x-amzn-requestid", "x-amz-request-id")

# What Amazon's API Gateway says in a 403 of its own; the same key holds the words of the
# application, which are about a device or a job.
_GATEWAY_REFUSALS = re.compile(
    r"forbidden$|unauthorized$|access denied|missing authentication token"
    r"|user(: \S+)? is not authorized|explicit deny|invalid (api )?key|the security token",
    re.IGNORECASE,
)
_XML_PARTS = re.compile(r"<(Code|Message)>([^<]*)</\1>")


@dataclass(frozen=True)
class Answer:
    """One HTTP answer.

    Attributes:
        status: HTTP status.
        headers: Its headers; the lookup must not care about case.
        body: Its body, without content encoding.
    """

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)


@dataclass(frozen=True)
class Said:
    """The words in the body of an error.

    Attributes:
        text: The words.
        application: Whether the application itself said them in a ``message``, and not a
            gateway or a framework around it.
        framework: Whether the framework of the application said them in a ``detail``.
        fields: Pairs of (location, message), if the body names what is wrong.
    """

    text: str
    application: bool = False
    framework: bool = False
    fields: tuple[tuple[str, str], ...] = ()


def read_words(body: bytes, secrets: Iterable[str] = ()) -> Said:
    """Return what the body of an error says: ``message``, ``Message``, ``detail`` or raw text.

    Args:
        body: The body.
        secrets: Texts that are struck out, should the server repeat them.

    >>> read_words(b'{"message": "device not found"}')
    Said(text='device not found', application=True, framework=False, fields=())
    >>> read_words(b'{"detail": [{"loc": ["body", "shots"], "msg": "Field required"}]}').fields
    (('body.shots', 'Field required'),)
    >>> read_words(b"<Error><Code>NoSuchKey</Code><Message>Gone.</Message></Error>").text
    'NoSuchKey: Gone.'
    """
    raw = " ".join(body[: 16 * MAX_LENGTH].decode("utf-8", "replace").split())
    try:
        value = parse_json(body, "the answer") if len(body) <= 2**20 else None
    except ProtocolError:
        value = None
    if isinstance(value, dict):
        for key in ("message", "Message", "detail"):
            said = value.get(key)
            if isinstance(said, str) and said.strip():
                own = key == "message" and _GATEWAY_REFUSALS.match(said.strip()) is None
                text = clean(said.strip(), secrets)
                return Said(text, application=own, framework=key == "detail")
            if key == "detail" and isinstance(said, list) and said:
                return _read_details(said, secrets)
    elif isinstance(value, str):
        raw = value
    parts = dict(_XML_PARTS.findall(raw))
    if parts:
        raw = ": ".join(parts[key] for key in ("Code", "Message") if key in parts)
    return Said(clean(raw.strip(), secrets))


def _read_details(details: list[Any], secrets: Iterable[str]) -> Said:
    fields = []
    for item in details[:_MAX_FIELDS]:
        if isinstance(item, dict):
            loc = item.get("loc")
            where = ".".join(map(str, loc)) if isinstance(loc, list) else str(loc or "")
            words = str(item.get("msg", item))
        else:
            where, words = "", str(item)
        fields.append((clean(where, secrets, _MAX_WORD), clean(words, secrets)))
    text = "; ".join(f"{where}: {words}" if where else words for where, words in fields)
    return Said(clean(text), fields=tuple(fields))


def error_of(
    answer: Answer, *, method: str, path: str, storage: bool, now: float, secrets: Iterable[str]
) -> ClientError | None:
    """Return the error that an answer stands for, or None if it is a success.

    Args:
        answer: The answer.
        method: Method of the request.
        path: Path of the request, without secrets.
        storage: Whether the object storage answered, which knows signatures and no tokens.
        now: Seconds since the epoch.
        secrets: Texts that are struck out, should the server repeat them.
    """
    status = answer.status
    if 200 <= status < 300:
        return None
    said = read_words(answer.body, secrets)
    text = said.text
    correlation_id = correlation_id_of(answer, secrets)
    context: dict[str, Any] = {
        "method": method,
        "path": path,
        "status": status,
        "text": text,
        "correlation_id": correlation_id,
        # A refusal has no effect. A server that fails may fail after the deed; so may a
        # gateway that gave up waiting for it.
        "sent": None if status == 408 or status >= 500 else False,
        "retry_after": parse_retry_after(
            answer.headers.get("Retry-After"), answer.headers.get("Date"), now
        ),
    }
    if 300 <= status < 400 or status < 200:
        context["sent"] = None
        where = _host(answer.headers.get("Location", ""), secrets)
        return ProtocolError(
            f"{method} {path} was answered {status}: the server redirects{where}, and redirects "
            "are never followed, for the token's sake",
            **context,
        )
    tail = f" (correlation id {correlation_id})" if correlation_id else ""
    message = f"{method} {path} was answered {status}{': ' + text if text else ''}{tail}"
    if status == 404:
        if not storage and not said.application:
            message += "; this may not be the URL of an OQTOPUS API"
        return NotFoundError(message, **context)
    if status == 429:
        return RateLimitError(message, **context)
    if status >= 500 or status in (408, 425):
        return ServerError(message, **context)
    if status == 407:
        return TransportError(f"{message}; the proxy wants a login", temporary=False, **context)
    if storage and (status in (401, 403) or text.startswith("ExpiredToken")):
        return LinkError(message, **context)
    if status == 403 and said.framework and text == "Forbidden":
        return UnapprovedError(message, **context)
    if status == 401 or (status == 403 and not _application_refuses(answer, said)):
        return CredentialsError(message, **context)
    if status == 403:
        return ForbiddenError(message, **context)
    return ValidationError(message, fields=said.fields, **context)


def _application_refuses(answer: Answer, said: Said) -> bool:
    return said.application and "x-amzn-errortype" not in answer.headers


def correlation_id_of(answer: Answer, secrets: Iterable[str]) -> str | None:
    """Return the server's name for the request as it may be shown, or None."""
    for name in _CORRELATION_HEADERS:
        value = answer.headers.get(name)
        if value:
            return clean(value, secrets, _MAX_WORD)
    return None


def _host(location: str, secrets: Iterable[str]) -> str:
    try:
        host = urlsplit(location).hostname
    except ValueError:
        host = None
    return f" to host {clean(host, secrets, _MAX_WORD)}" if host else ""
