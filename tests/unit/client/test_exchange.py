"""An exchange ends when it was told to, whatever the other side does."""

from __future__ import annotations

import os
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time as real_time
from contextlib import closing, contextmanager

import pytest

from qiskit_oqtopus.client import (
    PresignedPost,
    RetryPolicy,
    ServerError,
    TransportError,
)
from qiskit_oqtopus.client.deadline import Deadline
from qiskit_oqtopus.client.errors import DeadlineError

from .server import Reply, say
from .test_api import JOB_ID, SUBMISSION
from .test_transport import certificate  # noqa: F401 - a fixture

ONCE = RetryPolicy(max_attempts=1)
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
BODIES = (
    HEAD + b"Content-Length: 100000\r\n\r\n[",
    HEAD + b"Transfer-Encoding: chunked\r\n\r\n",
    HEAD + b"Connection: close\r\n\r\n[",
    b"HTTP/1.1 500 Oops\r\nContent-Length: 100000\r\n\r\n",
)


@contextmanager
def within_seconds(seconds):
    started = real_time.monotonic()
    yield
    assert real_time.monotonic() - started < seconds


def drip(start, drops):
    """A server that answers at once with a beginning, and then with a byte every 50 ms."""

    def behave(sock, released):
        sock.recv(65536)
        sock.sendall(start)
        for place in range(10_000):
            if released.wait(0.05):
                return
            sock.sendall(drops[place % len(drops) :][:1])

    return behave


def never_answer(sock, released):
    released.wait(30)


TRICKLES = {
    "nothing": never_answer,
    "status line": drip(b"", b"HTTP/1.1 200 OK"),
    "headers": drip(HEAD, b"x: y\r\n"),
    "continue": drip(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "body": drip(BODIES[0], b" "),
    "chunks": drip(BODIES[1], b"1\r\n \r\n"),
    "size of a chunk": drip(BODIES[1], b"0"),
    "body without a length": drip(BODIES[2], b" "),
    "error": drip(BODIES[3], b" "),
}


@pytest.mark.parametrize("behave", TRICKLES.values(), ids=TRICKLES)
def test_a_deadline_ends_an_answer_that_trickles(serve_raw, connect, behave):
    server = serve_raw(behave)
    client = connect(server)
    for call in (
        lambda deadline: client.within(deadline).devices(),
        lambda deadline: client.within(deadline).download(f"{server.url}/r.zip"),
    ):
        with within_seconds(5), pytest.raises(DeadlineError, match="time of the call") as info:
            call(Deadline(0.4))
        assert (info.value.sent, info.value.temporary) == (None, False)
        assert info.value.__cause__ is info.value.__context__ is None


@pytest.mark.parametrize("kind", ["nothing", "headers", "body", "body without a length"])
def test_without_a_deadline_an_exchange_has_a_total_time(serve_raw, connect, time, kind):
    server = serve_raw(TRICKLES[kind])
    client = connect(server, total_timeout=0.3)
    with within_seconds(8), pytest.raises(TransportError, match="total_timeout") as info:
        client.devices()
    assert not isinstance(info.value, DeadlineError)
    assert (info.value.sent, info.value.temporary) == (None, False)
    # A server that does that does it again.
    assert (server.connections, len(time.slept)) == (1, 0)
    with pytest.raises(TransportError, match="total_timeout"):
        client.submit(JOB_ID, SUBMISSION)
    assert server.connections == 2


def test_somebody_who_stops_the_call_ends_its_exchange(serve_raw, connect):
    deadline = Deadline()
    threading.Timer(0.3, deadline.stop).start()
    with within_seconds(5), pytest.raises(DeadlineError, match="interrupted"):
        connect(serve_raw(TRICKLES["body"])).within(deadline).devices()


def test_an_upload_that_nobody_reads(serve_raw, connect):
    server = serve_raw(never_answer)
    client = connect(server).within(Deadline(0.4))
    with within_seconds(5), pytest.raises(DeadlineError) as info:
        client.upload(PresignedPost(server.url, {}), b"x" * 30_000_000)
    assert info.value.sent is None


def test_a_name_that_is_looked_up_for_ever(connect, monkeypatch):
    released = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_: released.wait(30))
    client = connect("https://cloud.example", retry=ONCE)
    try:
        with within_seconds(5), pytest.raises(DeadlineError) as info:
            client.within(Deadline(0.3)).submit(JOB_ID, SUBMISSION)
        assert info.value.sent is False
    finally:
        released.set()


@contextmanager
def full_listener():
    """A port whose queue is full, so that it answers no SYN."""
    with closing(socket.socket()) as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        fillers = [socket.socket() for _ in range(4)]
        try:
            for filler in fillers:
                filler.setblocking(False)
                filler.connect_ex(listener.getsockname())
            yield listener.getsockname()[1]
        finally:
            for filler in fillers:
                filler.close()


@pytest.mark.parametrize("stop", [False, True])
def test_many_addresses_that_do_not_answer(connect, monkeypatch, stop):
    deadline = Deadline(None if stop else 0.5)
    with full_listener() as port:
        address = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_: [address] * 20)
        client = connect(f"http://127.0.0.1:{port}", connect_timeout=1.0).within(deadline)
        if stop:
            threading.Timer(0.5, deadline.stop).start()
        with within_seconds(4), pytest.raises(DeadlineError) as info:
            client.submit(JOB_ID, SUBMISSION)
    assert info.value.sent is False


def test_a_handshake_that_does_not_go_on(serve_raw, connect):
    server = serve_raw(never_answer)
    client = connect(server.url.replace("http", "https"), total_timeout=0.3, retry=ONCE)
    with within_seconds(4), pytest.raises(TransportError, match="total_timeout") as info:
        client.submit(JOB_ID, SUBMISSION)
    assert info.value.sent is False


def test_an_encrypted_answer_that_trickles(serve_raw, connect, certificate, monkeypatch):  # noqa: F811
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)

    def behave(sock, released):
        with context.wrap_socket(sock, server_side=True) as encrypted:
            TRICKLES["body"](encrypted, released)

    client = connect(serve_raw(behave).url.replace("http", "https"))
    with within_seconds(5), pytest.raises(DeadlineError):
        client.within(Deadline(0.5)).devices()


def test_waiting_for_a_connection_of_the_pool(serve_raw, connect):
    server = serve_raw(never_answer)
    client = connect(server, pool_size=1, read_timeout=20.0, retry=ONCE)
    deadline = Deadline()

    def wait_for_it():
        with pytest.raises(DeadlineError):
            client.within(deadline).devices()

    other = threading.Thread(target=wait_for_it)
    other.start()
    while not server.connections:
        real_time.sleep(0.01)
    with within_seconds(5), pytest.raises(DeadlineError) as info:
        client.within(Deadline(0.3)).submit(JOB_ID, SUBMISSION)
    assert info.value.sent is False
    deadline.stop()
    other.join(5)
    assert not other.is_alive()


def test_an_abandoned_connection_is_not_used_again(serve, connect):
    slow = [Reply(fault="hang")]
    server = serve(lambda seen: slow.pop() if slow else say([]))
    client = connect(server)
    with pytest.raises(DeadlineError):
        client.within(Deadline(0.3)).devices()
    assert client.devices() == []
    first, second = (seen.port for seen in server.seen)
    assert first != second


def test_no_attempt_begins_after_the_deadline(serve, connect):
    server = serve(Reply(503, b"maintenance", {"Retry-After": "30"}), say([]))
    client = connect(server, retry=RetryPolicy())
    with within_seconds(5), pytest.raises(DeadlineError, match="503: maintenance") as info:
        client.within(Deadline(0.5)).devices()
    assert (info.value.status, info.value.sent) == (503, None)
    assert isinstance(info.value.__cause__, ServerError)
    assert len(server.seen) == 1


def test_being_stopped_ends_a_pause(serve, connect):
    server = serve(Reply(429, b"", {"Retry-After": "30"}), say([]))
    deadline = Deadline()
    threading.Timer(0.3, deadline.stop).start()
    client = connect(server, retry=RetryPolicy()).within(deadline)
    with within_seconds(5), pytest.raises(DeadlineError, match="interrupted") as info:
        client.submit(JOB_ID, SUBMISSION)
    assert info.value.sent is False
    assert len(server.seen) == 1


def test_nothing_is_sent_after_the_deadline(serve, connect):
    server = serve(say([]))
    with pytest.raises(DeadlineError) as info:
        connect(server).within(Deadline(0)).devices()
    assert (info.value.sent, server.seen) == (False, [])


def test_an_interrupt_ends_an_exchange(serve_raw, connect):
    client = connect(serve_raw(never_answer), read_timeout=20.0)
    threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT)).start()
    with within_seconds(5), pytest.raises(KeyboardInterrupt):
        client.devices()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_deadlines_hold_in_a_forked_process(serve_raw):
    script = f"""
import os, time
from qiskit_oqtopus.client.api import Client
from qiskit_oqtopus.client.deadline import Deadline
from qiskit_oqtopus.client.errors import DeadlineError
client = Client({serve_raw(TRICKLES["headers"]).url!r}, "t")
def ask():
    try:
        client.within(Deadline(0.3)).devices()
    except DeadlineError:
        return
    os._exit(3)
ask()
pid = os.fork()
if pid == 0:
    ask()
    os._exit(0)
assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
"""
    subprocess.run([sys.executable, "-c", script], check=True, timeout=60)


@pytest.mark.parametrize("wrong", [0, -1, float("nan"), float("inf")])
def test_a_total_time_that_cannot_be_used(connect, wrong):
    with pytest.raises(ValueError, match="total_timeout"):
        connect("https://cloud.example", total_timeout=wrong)
