"""No connection outlives the client that opened it."""

from __future__ import annotations

import gc
import socket
import threading
import time as real_time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import psutil
import pytest

from qiskit_oqtopus.client import ClientError, PresignedPost, RetryPolicy
from qiskit_oqtopus.client.deadline import Deadline

from .server import Reply, say
from .test_exchange import TRICKLES, full_listener

FAULTS = {
    "drop": Reply(fault="drop"),
    "hang": Reply(fault="hang"),
    "cut": Reply(200, b"[", fault="cut"),
    "redirect": Reply(302, b"x" * 1000, {"Location": "/x"}),
    "redirect without end": Reply(302, b"x", {"Location": "/x"}, fault="cut"),
    "too large": Reply(200, b"x" * 500_000),
    "encoded": Reply(200, b"x" * 1000, {"Content-Encoding": "gzip"}),
    "error": Reply(500, b"x" * 3_000_000),
    "not JSON": Reply(200, b"["),
    "fine": say([]),
}


def open_sockets(server):
    """How many connections to a server this process has opened."""
    port = int(server.url.rpartition(":")[2])
    process = psutil.Process()
    # The name until psutil 6.
    connections = getattr(process, "net_connections", None) or process.connections
    return [c for c in connections("tcp") if c.raddr and c.raddr.port == port]


def call_often(client, server):
    def call(number):
        with suppress(ClientError):
            client.devices()
        with suppress(ClientError):
            client.download(f"{server.url}/r.zip")
        with suppress(ClientError):
            client.within(Deadline(0.1)).upload(PresignedPost(server.url, {}), b"x" * 100_000)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(call, range(8)))


@pytest.fixture
def _no_garbage():
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("_no_garbage")
@pytest.mark.parametrize("reply", FAULTS.values(), ids=FAULTS)
def test_a_closed_client_has_no_sockets(serve, connect, reply):
    server = serve(reply)
    client = connect(
        server,
        read_timeout=0.2,
        max_download_bytes=100_000,
        retry=RetryPolicy(max_attempts=2, base=0.0),
    )
    call_often(client, server)
    client.close()
    assert open_sockets(server) == []


@pytest.mark.usefixtures("_no_garbage")
@pytest.mark.parametrize("behave", TRICKLES.values(), ids=TRICKLES)
def test_abandoned_exchanges_leave_no_sockets(serve_raw, connect, behave):
    server = serve_raw(behave)
    client = connect(server, total_timeout=0.3, retry=RetryPolicy(max_attempts=1))
    call_often(client, server)
    client.close()
    assert open_sockets(server) == []


@pytest.mark.usefixtures("_no_garbage")
def test_connections_that_never_came_leave_no_sockets(connect):
    with full_listener() as port:
        server = connect(f"http://127.0.0.1:{port}", total_timeout=0.3)
        before = len(open_sockets(server))
        with pytest.raises(ClientError):
            server.within(Deadline(0.3)).devices()
        server.close()
        assert len(open_sockets(server)) == before


def test_threads_that_are_busy_while_the_client_is_closed(serve, connect):
    server = serve(lambda seen: real_time.sleep(0.01) or say([]))
    client = connect(server, retry=RetryPolicy(max_attempts=5, base=0.0))
    ends = []

    def work():
        for _ in range(20):
            client.devices()
        ends.append(True)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for _ in range(10):
        real_time.sleep(0.02)
        client.close()
    for thread in threads:
        thread.join(20)
    client.close()
    assert ends == [True] * 4
    assert open_sockets(server) == []


def test_other_libraries_are_left_alone():
    assert socket.socket.shutdown is not None
    import urllib3

    manager = urllib3.PoolManager()
    pool = manager.connection_from_url("http://127.0.0.1:1")
    assert type(pool).__module__.startswith("urllib3")
    assert pool.ConnectionCls.__module__.startswith("urllib3")
