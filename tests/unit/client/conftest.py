from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from qiskit_oqtopus.client import Client, RetryPolicy

from .server import FakeTime, RawServer, Server

TOKEN = "4f1c9b.s3cr3t-of-the-account"  # noqa: S105


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.fixture
def time() -> FakeTime:
    return FakeTime()


@pytest.fixture
def serve() -> Iterator[Callable[..., Server]]:
    """Start a server with these replies; it stops with the test."""
    with ExitStack() as stack:
        yield lambda *replies: stack.enter_context(Server(*replies))


@pytest.fixture
def serve_raw() -> Iterator[Callable[..., RawServer]]:
    """Start a server that behaves in this way; it stops with the test."""
    with ExitStack() as stack:
        yield lambda behave: stack.enter_context(RawServer(behave))


@pytest.fixture
def connect(time: FakeTime) -> Iterator[Callable[..., Client]]:
    """Return a client of a server, whose retries wait on the fake clock."""
    with ExitStack() as stack:

        def build(server: Server | str, **options: Any) -> Client:
            url = server if isinstance(server, str) else server.url
            options.setdefault(
                "retry", RetryPolicy(clock=time.clock, sleep=time.sleep, random=time.random)
            )
            options.setdefault("read_timeout", 5.0)
            return stack.enter_context(Client(url, TOKEN, **options))

        yield build
