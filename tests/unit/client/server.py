"""A small real HTTP server whose answers are written in the tests."""

from __future__ import annotations

import email.parser
import email.policy
import json
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit


@dataclass
class Seen:
    """A request that arrived."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    port: int

    @property
    def route(self) -> str:
        return urlsplit(self.path).path

    @property
    def query(self) -> dict[str, str]:
        return {k: v[0] for k, v in parse_qs(urlsplit(self.path).query).items()}

    def json(self) -> Any:
        return json.loads(self.body)

    def parts(self) -> list[tuple[str, str | None, str | None, bytes]]:
        """Name, file name, type and content of each part of a multipart body, in order."""
        head = f"Content-Type: {self.headers['content-type']}\r\n\r\n".encode()
        message = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(head + self.body)
        result = []
        for part in message.iter_parts():
            name = part.get_param("name", header="content-disposition")
            kind = part.get("content-type")
            result.append((name, part.get_filename(), kind, part.get_payload(decode=True)))
        return result


@dataclass
class Reply:
    """An answer, or a way not to answer."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    # "drop": close without an answer; "hang": answer nothing; "cut": close within the body.
    fault: str | None = None


def say(value: Any, status: int = 200, **headers: str) -> Reply:
    """Return a JSON answer; underscores in names of headers become hyphens."""
    names = {name.replace("_", "-"): text for name, text in headers.items()}
    return Reply(status, json.dumps(value).encode(), {"Content-Type": "application/json", **names})


class Server:
    """Answers each request by the next reply of its list; the last one is repeated."""

    def __init__(self, *replies: Reply | Callable[[Seen], Reply]) -> None:
        self.replies: list[Reply | Callable[[Seen], Reply]] = list(replies)
        self.seen: list[Seen] = []
        self.released = threading.Event()
        self._lock = threading.Lock()
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._http.daemon_threads = True
        # Clients that hang up are what many tests are about.
        self._http.handle_error = lambda *_: None
        self._thread = threading.Thread(
            target=self._http.serve_forever, kwargs={"poll_interval": 0.01}
        )

    @property
    def port(self) -> int:
        return self._http.server_address[1]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Server:
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.released.set()
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    def _next(self, seen: Seen) -> Reply:
        with self._lock:
            self.seen.append(seen)
            reply = self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
        return reply(seen) if callable(reply) else reply

    def _handler(server) -> type[BaseHTTPRequestHandler]:
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def log_message(self, *args: object) -> None:
                pass

            def answer(self) -> None:
                size = int(self.headers.get("Content-Length") or 0)
                headers = {name.lower(): value for name, value in self.headers.items()}
                reply = server._next(
                    Seen(
                        self.command,
                        self.path,
                        headers,
                        self.rfile.read(size),
                        self.client_address[1],
                    )
                )
                if reply.fault == "hang":
                    server.released.wait(20)
                if reply.fault in ("drop", "hang"):
                    self.close_connection = True
                    self.connection.shutdown(socket.SHUT_RDWR)
                    return
                self.send_response(reply.status)
                for name, value in reply.headers.items():
                    self.send_header(name, value)
                extra = 10 if reply.fault == "cut" else 0
                self.send_header("Content-Length", str(len(reply.body) + extra))
                self.end_headers()
                self.wfile.write(reply.body)
                self.close_connection = reply.fault == "cut"

            do_GET = do_POST = do_DELETE = do_PUT = answer

        return Handler


class FakeTime:
    """A clock that only sleeping moves, and random numbers that are all the same."""

    def __init__(self, random: float = 0.5) -> None:
        self.now = 1_000_000.0
        self.slept: list[float] = []
        self._random = random

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds

    def random(self) -> float:
        return self._random


class RawServer:
    """Gives each connection to a function, which may do with it what HTTP does not allow."""

    def __init__(self, behave: Callable[[socket.socket, threading.Event], None]) -> None:
        self.released = threading.Event()
        self.connections = 0
        self._behave = behave
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._accept, daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def __enter__(self) -> RawServer:
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.released.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                sock, _ = self._listener.accept()
                self.connections += 1
                threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def _serve(self, sock: socket.socket) -> None:
        with sock, suppress(OSError):
            self._behave(sock, self.released)
