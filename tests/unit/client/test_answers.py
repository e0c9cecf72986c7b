"""Which error each answer becomes, and what it says."""

from __future__ import annotations

import pickle

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
    ValidationError,
)

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
        (say({"detail": "Forbidden"}, 403), CredentialsError, "Forbidden"),
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
