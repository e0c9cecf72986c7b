"""Which error each answer becomes, and what it says."""

from __future__ import annotations

import gzip
import logging
import pickle
import tracemalloc

import pytest

from qiskit_oqtopus.client import (
    ClientError,
    CredentialsError,
    ForbiddenError,
    LinkError,
    NotFoundError,
    PresignedPost,
    ProtocolError,
    RateLimitError,
    RetryPolicy,
    ServerError,
    TransportError,
    UnapprovedError,
    ValidationError,
)
from qiskit_oqtopus.client.api import MAX_ANSWER_BYTES

from .server import Reply, say

NO_SUCH_KEY = (
    b'<?xml version="1.0" encoding="utf-8"?>\n<Error><Code>NoSuchKey</Code><Message>The specified '
    b"key does not exist.</Message><Key>j/result.zip</Key></Error>"
)
EXPIRED = (
    b"<Error><Code>AccessDenied</Code><Message>Request has expired</Message>"
    b"<X-Amz-Expires>3600</X-Amz-Expires></Error>"
)
EXPIRED_TOKEN = (
    b"<Error><Code>ExpiredToken</Code><Message>The provided token has expired.</Message></Error>"
)
SHOTS = {
    "type": "less_than_equal",
    "loc": ["body", "shots"],
    "msg": "Input should be less than or equal to 10000000",
    "input": 10000001,
    "ctx": {"le": 10000000},
}


def gateway(words, status, kind="ForbiddenException", key="message"):
    return say({key: words}, status, x_amzn_errortype=kind)


@pytest.mark.parametrize(
    ("reply", "kind", "text"),
    [
        # The application.
        (say({"detail": "Unauthorized"}, 401), CredentialsError, "Unauthorized"),
        (say({"detail": "Forbidden"}, 403), UnapprovedError, "Forbidden"),
        (
            say({"message": "Cannot access device_id=qulacs."}, 403),
            ForbiddenError,
            "Cannot access device_id=qulacs.",
        ),
        (
            say({"message": "cannot create job for device=qulacs"}, 403),
            ForbiddenError,
            "cannot create job for device=qulacs",
        ),
        (say({"message": "device_id=x is not found."}, 404), NotFoundError, "device_id=x is not f"),
        (say({"detail": "Not Found"}, 404), NotFoundError, "Not Found"),
        (say({"message": "device not found"}, 400), ValidationError, "device not found"),
        (say({"detail": [SHOTS]}, 422), ValidationError, "body.shots: Input should be less"),
        (say({"message": "Internal Server Error"}, 500), ServerError, "Internal Server Error"),
        # API Gateway before it.
        (gateway("Unauthorized", 401), CredentialsError, "Unauthorized"),
        (gateway("Forbidden", 403), CredentialsError, "Forbidden"),
        (say({"message": "Forbidden"}, 403), CredentialsError, "Forbidden"),
        (say({"detail": "Not today"}, 403), CredentialsError, "Not today"),
        (
            gateway(
                "User is not authorized to access this resource with an explicit deny",
                403,
                "AccessDeniedException",
                "Message",
            ),
            CredentialsError,
            "explicit deny",
        ),
        (gateway("Missing Authentication Token", 403), CredentialsError, "Missing Authentication"),
        (gateway("Something new", 403), CredentialsError, "Something new"),
        (gateway("Too Many Requests", 429), RateLimitError, "Too Many Requests"),
        (gateway("Endpoint request timed out", 504), ServerError, "timed out"),
        # Anything else on the way.
        (Reply(502, b"<html>Bad\n  gateway</html>"), ServerError, "<html>Bad gateway</html>"),
        (Reply(403, b"blocked by policy"), CredentialsError, "blocked by policy"),
        (Reply(403), CredentialsError, ""),
        (Reply(400, b'{"message": ""}'), ValidationError, '{"message": ""}'),
        (Reply(400, b'{"detail": []}'), ValidationError, '{"detail": []}'),
        (Reply(400, b'["no"]'), ValidationError, '["no"]'),
        (Reply(400, b'"plain"'), ValidationError, "plain"),
        (Reply(400, b"\xff\xfe\x00"), ValidationError, "�"),
        (Reply(405), ValidationError, ""),
        (Reply(413, b"too large"), ValidationError, "too large"),
        (Reply(408), ServerError, ""),
        (Reply(425), ServerError, ""),
        (Reply(501), ServerError, ""),
        (Reply(407), TransportError, ""),
    ],
)
def test_errors_of_the_api(serve, connect, reply, kind, text):
    reply.headers["x-correlation-id"] = "c-1"
    server = serve(reply)
    with pytest.raises(ClientError) as info:
        connect(server, retry=RetryPolicy(max_attempts=1)).job("j")
    error = info.value
    assert type(error) is kind
    assert text in error.text
    assert text in str(error)
    assert (error.method, error.path, error.status) == ("GET", "/jobs/j", reply.status)
    assert error.correlation_id == "c-1"
    assert "c-1" in str(error)
    assert not str(error).endswith(".")


def test_fields_of_a_validation_error(serve, connect):
    server = serve(say({"detail": [SHOTS, {"loc": ["body", 0], "msg": "JSON decode error"}]}, 422))
    with pytest.raises(ValidationError) as info:
        connect(server).job("j")
    assert info.value.fields == (
        ("body.shots", "Input should be less than or equal to 10000000"),
        ("body.0", "JSON decode error"),
    )


@pytest.mark.parametrize(
    "detail", [[1, "two", None], [{"msg": 3}], [{"loc": "body", "msg": "x"}], [{}], [[]]]
)
def test_details_of_other_shapes(serve, connect, detail):
    server = serve(say({"detail": detail}, 422))
    with pytest.raises(ValidationError) as info:
        connect(server).job("j")
    assert len(info.value.fields) == len(detail)


@pytest.mark.parametrize(
    ("reply", "kind", "text"),
    [
        (Reply(404, NO_SUCH_KEY), NotFoundError, "NoSuchKey: The specified key does not exist."),
        (Reply(403, EXPIRED), LinkError, "AccessDenied: Request has expired"),
        (Reply(400, EXPIRED_TOKEN), LinkError, "ExpiredToken: The provided token has expired."),
        (Reply(401), LinkError, ""),
        (Reply(400, b"<Error><Code>EntityTooLarge</Code></Error>"), ValidationError, "EntityToo"),
        (Reply(503, b"<Error><Code>SlowDown</Code></Error>"), ServerError, "SlowDown"),
    ],
)
def test_errors_of_the_storage(serve, connect, reply, kind, text):
    server = serve(reply)
    client = connect("https://cloud.example", retry=RetryPolicy(max_attempts=1))
    target = PresignedPost(f"{server.url}/bucket?X-Amz-Signature=SIGNED", {"key": "k"})
    for call in (lambda: client.download(target.url), lambda: client.upload(target, b"zip")):
        with pytest.raises(ClientError) as info:
            call()
        error = info.value
        assert type(error) is kind
        assert text in error.text
        assert error.path == f"{server.url}/bucket"
        assert "SIGNED" not in str(error)
    assert isinstance(error, ForbiddenError) is (kind is LinkError)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308, 304])
def test_redirects_are_not_followed(serve, connect, status):
    elsewhere = serve(say([]))
    server = serve(
        Reply(status, b"", {"Location": f"http://localhost:{elsewhere.port}/devices?t=1"})
    )
    client = connect(server)
    for call in (
        client.devices,
        lambda: client.download(f"{server.url}/x"),
        lambda: client.upload(PresignedPost(server.url, {}), b""),
    ):
        with pytest.raises(ProtocolError, match=r"redirects to host localhost, .*never followed"):
            call()
    assert elsewhere.seen == []
    assert len(server.seen) == 3


def measured(call):
    """The most memory that a call takes, in bytes."""
    tracemalloc.start()
    try:
        call()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


BOMB = gzip.compress(b" " * 300_000_000, mtime=0)


@pytest.mark.parametrize(
    "body", [(b" " * 2**20, 100, ""), (BOMB, 1, "Content-Encoding: gzip\r\n")], ids=["long", "bomb"]
)
def test_the_body_of_a_redirect_is_not_read(serve_raw, connect, body):
    piece, count, encoding = body
    sent = []

    def behave(sock, released):
        sock.recv(65536)
        head = f"HTTP/1.1 302 Found\r\nLocation: /x\r\n{encoding}"
        sock.sendall(f"{head}Content-Length: {len(piece) * count}\r\n\r\n".encode())
        for _ in range(count):
            sock.sendall(piece)
            sent.append(len(piece))

    server = serve_raw(behave)
    client = connect(server)

    def call():
        for question in (client.devices, lambda: client.download(f"{server.url}/r.zip")):
            with pytest.raises(ProtocolError, match="never followed"):
                question()

    assert measured(call) < 5_000_000
    assert sum(sent) < 20_000_000


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize(
    "location",
    [
        b"http://[bad",
        b"//[",
        b"http://[::1",
        b"\xff\xfe",
        b"http://\xe9\xff/",
        b"http://x:99999/",
        b"",
        b"http://" + b"a" * 60_000,
        b"ftp://x/\x1b[31m",
        b"http://ho\x1bst\x07.example/",
    ],
)
def test_locations_that_cannot_be(serve_raw, connect, status, location):
    def behave(sock, released):
        sock.recv(65536)
        sock.sendall(b"HTTP/1.1 %d Moved\r\nLocation: %b\r\n\r\n" % (status, location))

    server = serve_raw(behave)
    client = connect(server)
    for call in (lambda: client.status("j"), lambda: client.download(server.url)):
        with pytest.raises(ProtocolError, match="never followed") as info:
            call()
        assert str(info.value).isprintable()
        assert len(str(info.value)) < 500


@pytest.mark.parametrize("encoding", ["identity", "gzip"])
def test_of_an_error_only_the_beginning_is_read(serve_raw, connect, encoding):
    sent = []

    def behave(sock, released):
        sock.recv(65536)
        size = len(BOMB) if encoding == "gzip" else 200 * 2**20
        sock.sendall(
            f"HTTP/1.1 400 No\r\nContent-Encoding: {encoding}\r\n"
            f"Content-Length: {size}\r\n\r\n".encode()
        )
        if encoding == "gzip":
            sock.sendall(BOMB)
            return
        while sum(sent) < size:
            sock.sendall(b"no " * 2**18)
            sent.append(3 * 2**18)

    client = connect(serve_raw(behave))

    def call():
        with pytest.raises(ValidationError, match="was answered 400") as info:
            client.devices()
        assert info.value.text.startswith("no no") is (encoding == "identity")

    assert measured(call) < 10_000_000
    assert sum(sent) < 30_000_000


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"\x00" * 100,
        b"HTTP/1.1 abc\r\n\r\n",
        b"HTTP/9.9 200 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * 200 + b"\r\n[]",
        b"HTTP/1.1 200 OK\r\nx: " + b"y" * 100_000 + b"\r\n\r\n[]",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n[]",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1" * 10_000_000,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-2\r\n[]",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n[",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1, 2\r\n\r\n[",
        b"HTTP/1.1 200 OK\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\n[",
        b"HTTP/1.1 200 OK\r\nSet-Cookie: \x00=\xff; expires=never\r\n\r\n[",
        b"HTTP/1.1 200 OK\r\nContent-Type: ;charset\r\n\r\n[",
        b"HTTP/1.1 200 OK\r\nno colon\r\n: x\r\n\r\n[",
        b"HTTP/1.1 503 No\r\nRetry-After: " + b"9" * 60_000 + b"\r\n\r\n[",
    ],
    ids=range(16),
)
def test_whatever_is_not_http_is_one_of_our_errors(serve_raw, connect, answer):
    def behave(sock, released):
        sock.recv(65536)
        sock.sendall(answer)

    client = connect(serve_raw(behave), retry=RetryPolicy(max_attempts=1))

    def call():
        with pytest.raises(ClientError) as info:
            client.devices()
        assert str(info.value).isprintable()

    assert measured(call) < 15_000_000


WILD = "\x1b[31mbad\x07\r\nWARNING: all is well\u202e\x9b2J " + "x" * 1_000_000


@pytest.mark.parametrize(
    "reply",
    [
        say({"message": WILD}, 400),
        say({"detail": WILD}, 500),
        say({"detail": [{"loc": [WILD], "msg": WILD}] * 3}, 422),
        Reply(400, WILD.encode()),
        Reply(404, f"<Error><Code>{WILD}</Code></Error>".encode()),
        Reply(200, b"[]", {}),
        say({"job_id": WILD, "status": "x"}),
        say({"job_id": "j", WILD: 1, "status": 2}),
        Reply(200, b'{"\x1b[31m": 1}'),
        Reply(200, b'{"\\u001b": 1, "\\u001b": 2}'),
    ],
    ids=range(10),
)
def test_what_reaches_a_terminal(serve, connect, caplog, reply):
    caplog.set_level(logging.DEBUG)
    reply.headers["x-correlation-id"] = "c\x1b[31m\x7f\x85" + "d" * 5000
    with pytest.raises(ClientError) as info:
        connect(serve(reply), retry=RetryPolicy(max_attempts=1)).job("j")
    error = info.value
    fields = [word for pair in getattr(error, "fields", ()) for word in pair]
    for text in (str(error), error.text, error.correlation_id, *fields):
        assert text.isprintable()
        assert len(text) <= 4000
    assert all(record.getMessage().isprintable() for record in caplog.records)


def test_line_breaks_are_seen(serve, connect):
    server = serve(say({"message": "first\r\n  second\n"}, 400))
    with pytest.raises(ValidationError, match="400: first / second") as info:
        connect(server).job("j")
    assert info.value.text == "first / second"


def test_what_the_server_says_about_a_job_is_clean(serve, connect):
    link = "https://s3.example/r.zip?X-Amz-Signature=SIGNED"
    message = f'<AioRpcError:\n\tdetails = "{link}"\x1b[0m\n>'
    body = {"job_id": "j", "status": "failed", "job_info": {"message": message, "input": link}}
    job = connect(serve(say(body))).job("j")
    assert job.job_info.message == ('<AioRpcError: / details = "https://s3.example/r.zip?***" / >')
    assert job.job_info.input == link


def test_what_people_read_of_jobs_and_devices_is_clean(serve, connect):
    wild = "\x1b[31mred\r\nline\u202e"
    job = {"job_id": "j", "status": wild, "name": wild, "description": wild}
    (seen,) = connect(serve(say([job]))).jobs()
    # Descriptions hold what finds the jobs of a group, and are kept as they are.
    assert (seen.status, seen.name, seen.description) == ("red / line", "red / line", wild)
    device = {"device_id": "d", "status": wild, "device_type": wild, "description": wild}
    (seen,) = connect(serve(say([device]))).devices()
    assert (seen.status, seen.device_type, seen.description) == ("red / line",) * 3


@pytest.mark.parametrize("id_", ["a\x1b[31m", "a\nb", "x" * 2000])
def test_what_is_no_id(serve, connect, id_):
    for call in (
        connect(serve(say([{"job_id": id_, "status": "x"}]))).jobs,
        connect(serve(say([{"device_id": id_}]))).devices,
        connect(serve(say({"job_id": id_, "presigned_url": {}}))).register,
    ):
        with pytest.raises(ProtocolError, match="which is no id") as info:
            call()
        assert str(info.value).isprintable()


@pytest.mark.parametrize("answered", ["B", "a", "A ", "A\x1b[31m"])
def test_an_answer_about_something_else(serve, connect, answered):
    jobs = connect(serve(say({"job_id": answered, "status": "succeeded"})))
    devices = connect(serve(say({"device_id": answered})))
    for call, noun in (
        (lambda: jobs.job("A"), "job"),
        (lambda: jobs.status("A"), "job"),
        (lambda: devices.device("A"), "device"),
    ):
        with pytest.raises(ProtocolError, match=f"about {noun} .* not about 'A'|is no id") as info:
            call()
        assert info.value.status == 200


def test_names_that_occur_twice(serve, connect):
    server = serve(Reply(200, b'{"job_id": "j", "status": "failed", "status": "succeeded"}'))
    with pytest.raises(ProtocolError, match="'status' occurs twice"):
        connect(server).status("j")


def test_answers_of_the_api_are_smaller_than_files(serve, connect):
    server = serve(Reply(200, b"[" + b" " * (MAX_ANSWER_BYTES + 10) + b"]"))
    with pytest.raises(ProtocolError, match="more than 33,554,432 bytes"):
        connect(server).devices()


def test_long_texts_are_cut(serve, connect):
    server = serve(Reply(400, b"x" * 1_000_000))
    with pytest.raises(ValidationError) as info:
        connect(server).job("j")
    assert len(info.value.text) <= 2000


def test_a_wrong_url_is_hinted_at(serve, connect):
    server = serve(Reply(404, b"<html>nginx</html>"))
    with pytest.raises(NotFoundError, match="may not be the URL of an OQTOPUS API"):
        connect(server).devices()


def test_errors_survive_pickling():
    error = ValidationError(
        "m", fields=[("a", "b")], method="GET", path="/p", status=422, text="t", sent=False
    )
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is ValidationError
    assert (copy.args, copy.__dict__) == (error.args, error.__dict__)
    lost = pickle.loads(pickle.dumps(TransportError("m", temporary=False)))
    assert lost.temporary is False
