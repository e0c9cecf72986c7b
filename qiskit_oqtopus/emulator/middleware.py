"""What each request passes first: it is logged, and faults are applied to it."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from .authentication import is_object_storage
from .faults import Fault, Faults


@dataclass(frozen=True)
class LoggedRequest:
    """A request that came in.

    Attributes:
        method: "GET", ...
        path: Its path.
        query: Its query, without "?".
        headers: Its headers, names in lower case; tokens are replaced by "TOKEN".
        token: Whether a token of this cloud was in its headers, its path or its query.
        storage: Whether it went to the object storage, which must not see a token.
        at: When it came in, in s since 1970.
        status: Status of the answer, or None if there is none (yet).
        fault: Kind of the fault that was applied to it, or None.
    """

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    token: bool
    storage: bool
    at: float
    status: int | None = None
    fault: str | None = None


MAX_LOGGED = 100_000

MAX_BODY = 2**20
"""Bytes that a request to the API may have."""

MAX_UPLOAD = 64 * 2**20
"""Bytes that an upload to the object storage may have, with the fields of its form."""

_DRAINED = 256 * 2**20
"""A request of more bytes is not read to its end before it is refused."""

logger = logging.getLogger(__name__)


class RequestLog:
    """The last requests that came in, the oldest first. May be read from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._requests: deque[LoggedRequest] = deque(maxlen=MAX_LOGGED)

    def __len__(self) -> int:
        return len(self._requests)

    def __iter__(self) -> Iterator[LoggedRequest]:
        with self._lock:
            return iter(self._requests.copy())

    def __getitem__(self, index: int) -> LoggedRequest:
        return self._requests[index]

    def clear(self) -> None:
        """Forget all requests."""
        with self._lock:
            self._requests.clear()

    def append(self, request: LoggedRequest) -> None:
        """Add a request."""
        with self._lock:
            self._requests.append(request)

    def note_answer(self, request: LoggedRequest, status: int | None, fault: str | None) -> None:
        """Note the answer to a request, unless the log has been cleared since."""
        with self._lock:
            for index in range(len(self._requests) - 1, -1, -1):
                if self._requests[index] is request:
                    self._requests[index] = replace(request, status=status, fault=fault)
                    return


class AbortableProtocol(H11Protocol):
    """HTTP/1.1 whose application can cut the connection, for which ASGI has no message."""

    def connection_made(self, transport: Any) -> None:
        """Give the application a function that cuts this connection."""
        super().connection_made(transport)
        app = self.app

        async def with_abort(scope: Any, receive: Any, send: Any) -> None:
            scope["oqtopus.abort"] = transport.abort
            await app(scope, receive, send)

        self.app = with_abort


class Middleware:
    """Logs requests, and applies faults to them.

    Args:
        app: The application that answers.
        faults: What goes wrong.
        log: Where requests are noted.
        tokens: Returns the tokens of all users.
        clock: The time in s since 1970.
        api_latency: Time that each request to the API takes at least, in s.
    """

    def __init__(
        self,
        app: ASGIApp,
        faults: Faults,
        log: RequestLog,
        tokens: Callable[[], tuple[str, ...]],
        clock: Callable[[], float],
        api_latency: float = 0.0,
    ) -> None:
        self._app = app
        self._faults = faults
        self._log = log
        self._tokens = tokens
        self._clock = clock
        self._api_latency = api_latency

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request."""
        if scope["type"] != "http":
            return
        method, path = scope["method"], scope["path"]
        logged = self._note(scope)
        status: int | None = None

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                # The server's own name for a request, so that its operators can find it.
                correlation = (b"x-correlation-id", f"emulator-{id(logged):x}".encode())
                message = {**message, "headers": [*message["headers"], correlation]}
                self._log.note_answer(logged, status, None if fault is None else fault.kind)
            await send(message)

        fault: Fault | None = None
        delay = self._faults.delay(method, path)
        delay += 0.0 if logged.storage else self._api_latency
        if delay:
            await asyncio.sleep(delay)
        fault = self._faults.intercept(method, path)
        if fault is None:
            await self._answer(scope, receive, noting, logged.storage)
        elif fault.kind == "trickle":
            send_slowly = _trickle(noting, fault.values["seconds"])
            await self._answer(scope, receive, send_slowly, logged.storage)
        elif fault.kind == "drop":
            self._log.note_answer(logged, None, "drop")
            await self._drop(fault, scope, receive)
        else:
            await _drain(receive)
            await _answer(fault, scope)(scope, receive, noting)

    async def _answer(self, scope: Scope, receive: Receive, send: Send, storage: bool) -> None:
        """Let the application answer, unless the request is too large or its sender leaves."""
        limit = MAX_UPLOAD if storage else MAX_BODY
        received = 0

        async def counting() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > limit:
                if message.get("more_body", False):
                    await _drain(receive)
                raise HTTPException(413, f"the request has more than {limit} bytes")
            return message

        try:
            await self._app(scope, counting, send)
        except ClientDisconnect:
            logger.warning("A client left while it sent %s %s", scope["method"], scope["path"])

    async def _drop(self, fault: Fault, scope: Scope, receive: Receive) -> None:
        if fault.values["when"] == "after":

            async def nowhere(message: Message) -> None:
                """Nobody hears the answer."""

            await self._app(scope, receive, nowhere)
        scope["oqtopus.abort"]()
        # Before it knows that the connection is lost, uvicorn would answer 500 in our name.
        while (await receive())["type"] != "http.disconnect":
            pass

    def _note(self, scope: Scope) -> LoggedRequest:
        tokens = self._tokens()
        headers = {
            name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]
        }
        query = scope["query_string"].decode("latin-1")
        seen = (scope["path"], query, *headers.values())
        has_token = any(token in text for token in tokens for text in seen)
        if has_token:
            for token in tokens:
                headers = {name: value.replace(token, "TOKEN") for name, value in headers.items()}
                query = query.replace(token, "TOKEN")
        logged = LoggedRequest(
            scope["method"],
            scope["path"],
            query,
            headers,
            has_token,
            is_object_storage(scope["path"]),
            self._clock(),
        )
        self._log.append(logged)
        return logged


def _trickle(send: Send, seconds: float) -> Send:
    """Return a function that sends bodies byte by byte, with a pause before each."""

    async def send_slowly(message: Message) -> None:
        if message["type"] != "http.response.body":
            await send(message)
            return
        for byte in message.get("body", b""):
            await asyncio.sleep(seconds)
            await send({**message, "body": bytes([byte]), "more_body": True})
        await send({**message, "body": b""})

    return send_slowly


async def _drain(receive: Receive) -> None:
    """Read the request to its end: an earlier answer would look like a broken connection."""
    more, left = True, _DRAINED
    while more and left > 0:
        message = await receive()
        left -= len(message.get("body", b""))
        more = message["type"] == "http.request" and message.get("more_body", False)


def _answer(fault: Fault, scope: Scope) -> Response:
    values = fault.values
    if fault.kind == "redirect":
        query = scope["query_string"].decode("latin-1")
        location = values["to"] + scope["path"] + (f"?{query}" if query else "")
        return Response(status_code=values["code"], headers={"location": location})
    if isinstance(values["body"], str):
        return PlainTextResponse(values["body"], values["code"], values["headers"])
    return JSONResponse(values["body"], values["code"], values["headers"])
