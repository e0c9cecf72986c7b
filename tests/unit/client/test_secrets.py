"""The token goes to the API and is seen nowhere else."""

from __future__ import annotations

import gc
import logging
import os
import pickle
import signal
import threading
import traceback

import pytest
import requests

from qiskit_oqtopus.client import (
    Client,
    ClientError,
    ConfigurationError,
    PresignedPost,
    RetryPolicy,
    TransportError,
)
from qiskit_oqtopus.client.deadline import Deadline
from qiskit_oqtopus.client.storage import pack_json

from .conftest import TOKEN
from .server import Reply, say
from .test_api import JOB_ID, SUBMISSION

SECRET = TOKEN.split(".")[1]


def wrapped_by(error):
    """The error, all that it wraps, and everything that they hold."""
    seen, waiting = [], [error]
    while waiting:
        item = waiting.pop()
        if item is None or any(item is other for other in seen):
            continue
        seen.append(item)
        waiting += [item.__cause__, item.__context__]
    return seen


@pytest.mark.parametrize(
    "reply",
    [
        Reply(fault="drop"),
        Reply(fault="hang"),
        Reply(200, b"[", fault="cut"),
        Reply(200, f"<p>{TOKEN}</p>".encode()),
        say({"message": f"bad token {TOKEN}"}, 400),
        say({"message": f"bad secret {SECRET}"}, 403),
        say({"detail": [{"loc": ["header"], "msg": f"{TOKEN}?"}]}, 422),
        say({"detail": f"{TOKEN}"}, 500),
        Reply(302, b"", {"Location": f"https://x/?{TOKEN}"}),
        Reply(401, b"no", {"WWW-Authenticate": "Bearer"}),
    ],
)
def test_no_error_holds_the_token(serve, connect, caplog, reply):
    caplog.set_level(logging.DEBUG)
    client = connect(serve(reply), read_timeout=0.1, retry=RetryPolicy(max_attempts=1))
    with pytest.raises(ClientError) as info:
        client.submit(JOB_ID, SUBMISSION)
    error = info.value
    for item in wrapped_by(error):
        assert isinstance(item, (ClientError, ValueError))
        assert SECRET not in f"{item!r} {item} {vars(item)}"
    assert SECRET.encode() not in pickle.dumps(error)
    assert SECRET not in "".join(traceback.format_exception(error))
    assert SECRET not in caplog.text


def shown_by_traceback(error):
    """The local variables of every frame, as tracebacks of rich and pytest -l show them."""
    shown = []
    for item in wrapped_by(error):
        for frame, _ in traceback.walk_tb(item.__traceback__):
            assert "/requests/" not in frame.f_code.co_filename
            assert "/urllib3/" not in frame.f_code.co_filename
            if "/qiskit_oqtopus/" in frame.f_code.co_filename:
                shown += [f"{name} = {value!r}" for name, value in frame.f_locals.items()]
    assert shown
    return "\n".join(shown)


FAULTS = {
    "401": Reply(401, b"no"),
    "echo": say({"message": f"bad token {TOKEN}"}, 403),
    "echo in a field": say({"job_id": TOKEN, "status": "x"}),
    "echo that is not JSON": Reply(200, f"<p>{TOKEN}</p>".encode()),
    "echo in headers": Reply(
        500, b"", {"x-correlation-id": TOKEN, "Retry-After": TOKEN, "Date": TOKEN}
    ),
    "not JSON": Reply(200, b"["),
    "redirect": Reply(302, b"", {"Location": f"https://{TOKEN}.example/{TOKEN}"}),
    "broken redirect": Reply(302, b"", {"Location": "http://[bad"}),
    "too large": Reply(200, b"x" * 200_000),
    "encoded": Reply(200, b"x", {"Content-Encoding": "gzip"}),
    "drop": Reply(fault="drop"),
    "hang": Reply(fault="hang"),
    "cut": Reply(200, b"[", fault="cut"),
    "retries": Reply(503, b"x"),
}


@pytest.mark.parametrize("reply", FAULTS.values(), ids=FAULTS)
def test_no_traceback_with_local_variables_holds_the_token(serve, connect, caplog, reply):
    caplog.set_level(logging.DEBUG)
    client = connect(serve(reply), read_timeout=0.2, max_download_bytes=100_000)
    failures = []
    for call in (
        lambda: client.job("j"),
        client.devices,
        client.register,
        lambda: client.submit(JOB_ID, SUBMISSION),
        lambda: client.delete(JOB_ID),
        lambda: client.within(Deadline(0.2)).jobs(),
    ):
        try:
            call()
        except ClientError as error:
            failures.append(error)
    assert failures
    for error in failures:
        assert SECRET not in shown_by_traceback(error)
        assert SECRET not in f"{error!r} {vars(error)}"
    assert SECRET not in caplog.text


@pytest.mark.parametrize("url", ["https://no-such-host.invalid", "http://127.0.0.1:1"])
def test_no_traceback_of_a_connection_that_fails_holds_the_token(connect, url):
    with pytest.raises(TransportError) as info:
        connect(url).devices()
    assert SECRET not in shown_by_traceback(info.value)


@pytest.mark.parametrize("wrong", [{"url": "ftp://x"}, {"pool_size": 0}, {"proxy": "gopher://x"}])
def test_no_traceback_of_a_client_that_cannot_be_built_holds_the_token(wrong):
    with pytest.raises(ConfigurationError) as info:
        Client(**{"url": "https://cloud.example", "token": TOKEN, **wrong})
    assert SECRET not in shown_by_traceback(info.value)
    with pytest.raises(ConfigurationError) as info:
        Client("https://cloud.example", f" {TOKEN}\n")
    assert SECRET not in shown_by_traceback(info.value)


def test_no_traceback_of_an_interrupt_holds_the_token(serve, connect):
    client = connect(serve(Reply(fault="hang")), read_timeout=20.0)
    threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT)).start()
    with pytest.raises(KeyboardInterrupt) as info:
        client.devices()
    assert SECRET not in shown_by_traceback(info.value)


def test_no_repr_and_no_pickle_holds_the_token(serve, connect):
    client = connect(serve(say([])))
    assert SECRET not in f"{client} {client!r} {vars(client)['_auth']!r} {client._transport!r}"
    assert client.url in repr(client)
    for value in (client, client._auth):
        with pytest.raises(TypeError):
            pickle.dumps(value)


def test_one_line_per_request_without_secrets(serve, connect, caplog):
    storage = serve(Reply(200, pack_json({})))
    server = serve(say([]))
    client = connect(server)
    with caplog.at_level(logging.DEBUG, "qiskit_oqtopus"):
        client.jobs(q="x")
        client.download(f"{storage.url}/r.zip?Signature=SIGNED")
    first, second = (record.getMessage() for record in caplog.records)
    assert first.startswith("GET /jobs: 200, ")
    assert second.startswith(f"GET {storage.url}/r.zip: 200, ")
    assert "SIGNED" not in caplog.text


@pytest.mark.parametrize(
    "signed", ["http://127.0.0.1:1/x?Signature=SIGNED", "https://no.invalid/?S=SIGNED"]
)
def test_no_error_holds_a_signature(connect, signed):
    client = connect("https://cloud.example", retry=RetryPolicy(max_attempts=1))
    for call in (
        lambda: client.download(signed),
        lambda: client.upload(PresignedPost(signed, {"signature": "SIGNED"}), b""),
    ):
        with pytest.raises(TransportError) as info:
            call()
        for item in wrapped_by(info.value):
            assert "SIGNED" not in f"{item!r} {vars(item)}"
    assert "SIGNED" not in repr(PresignedPost(signed, {"signature": "SIGNED"}))


@pytest.mark.parametrize("lines", [b"x: y", b"no colon", b": SIGNED"])
def test_no_log_of_urllib3_holds_a_signature(serve_raw, connect, caplog, lines):
    caplog.set_level(logging.DEBUG)

    def behave(sock, released):
        sock.recv(65536)
        sock.sendall(b"HTTP/1.1 200 OK\r\n%b\r\nContent-Length: 1\r\n\r\n[" % lines)

    url = f"{serve_raw(behave).url}/r.zip?Signature=SIGNED"
    with pytest.raises(ClientError):
        connect("https://cloud.example").download(url)
    assert any(record.name.startswith("urllib3") for record in caplog.records)
    assert "SIGNED" not in caplog.text


def test_what_others_ask_for_is_logged_whole(serve, connect, caplog):
    caplog.set_level(logging.DEBUG)
    logger = logging.getLogger("urllib3.connectionpool")
    before = list(logger.filters)
    server = serve(say([]))
    with connect(server) as client:
        client.devices()
        requests.get(f"{server.url}/theirs?page=2", timeout=5)
        assert "/theirs?page=2" in caplog.text
    assert logger.filters == before
    client = Client(server.url, TOKEN)
    client.devices()
    del client
    gc.collect()
    assert logger.filters == before


def test_a_storage_on_the_host_of_the_api_gets_no_token_either(serve, connect):
    server = serve(Reply(200, pack_json({})))
    connect(server).download(f"{server.url}/x.zip")
    assert "q-api-token" not in server.seen[0].headers


def test_passwords_of_netrc_stay_there(serve, connect, tmp_path, monkeypatch):
    path = tmp_path / "netrc"
    path.write_text("machine 127.0.0.1 login me password hunter2\n")
    path.chmod(0o600)
    monkeypatch.setenv("NETRC", str(path))
    server = serve(say([]))
    client = connect(server)
    client.devices()
    with pytest.raises(ClientError):
        client.download(server.url)
    assert not any("authorization" in seen.headers for seen in server.seen)


def test_a_proxy_of_the_environment_does_not_see_a_server_on_this_machine(
    serve, connect, monkeypatch
):
    server, proxy = serve(say([])), serve(say([]))
    monkeypatch.setenv("HTTP_PROXY", proxy.url)
    monkeypatch.setenv("http_proxy", proxy.url)
    connect(server).devices()
    assert (len(server.seen), len(proxy.seen)) == (1, 0)


def test_a_proxy_that_is_named_is_used(serve, connect):
    proxy = serve(say([]))
    client = connect("http://cloud.example", insecure=True, proxy=proxy.url)
    assert client.devices() == []
    assert proxy.seen[0].path == "http://cloud.example/devices"


def test_the_proxy_of_the_environment_is_used(serve, connect, monkeypatch):
    proxy = serve(say([]))
    monkeypatch.setenv("http_proxy", proxy.url)
    assert connect("http://cloud.example", insecure=True).devices() == []
    assert len(proxy.seen) == 1


def test_a_password_of_a_proxy_is_in_no_error(connect):
    client = connect(
        "https://cloud.example",
        proxy="http://me:hunter2@127.0.0.1:1",
        retry=RetryPolicy(max_attempts=1),
    )
    with pytest.raises(TransportError, match="proxy could not be used") as info:
        client.submit(JOB_ID, SUBMISSION)
    assert info.value.sent is False
    for item in wrapped_by(info.value):
        assert "hunter2" not in f"{item!r} {vars(item)}"
    with pytest.raises(ConfigurationError) as wrong:
        Client("https://x.example", TOKEN, proxy="gopher://me:hunter2@proxy")
    assert "hunter2" not in str(wrong.value)


@pytest.mark.parametrize("token", ["", "a b.hunter2", "hunter2\n", "hunter2\r\nx: y", "hünter2"])
def test_what_is_no_token(token):
    with pytest.raises(ConfigurationError) as info:
        Client("https://cloud.example", token)
    assert "nter2" not in str(info.value)


@pytest.mark.parametrize(
    "wrong",
    [
        {"connect_timeout": 0},
        {"read_timeout": -1},
        {"read_timeout": float("inf")},
        {"read_timeout": float("nan")},
        {"pool_size": 0},
        {"max_download_bytes": 0},
        {"proxy": "http://"},
    ],
)
def test_options_that_cannot_be_used(wrong):
    with pytest.raises(ConfigurationError, match=next(iter(wrong)).split("_")[0]):
        Client("https://cloud.example", TOKEN, **wrong)
