"""What is sent again, when, and what never is."""

from __future__ import annotations

import socket
from contextlib import closing
from email.utils import formatdate

import pytest

from qiskit_oqtopus.client import (
    ClientError,
    Device,
    NotFoundError,
    RateLimitError,
    RetryPolicy,
    ServerError,
    TransportError,
    ValidationError,
)
from qiskit_oqtopus.client.storage import pack_json

from .server import FakeTime, Reply, say
from .test_api import JOB_ID, SUBMISSION, registration

ACCEPTED = say({"message": "job submitted"})
RUNNING = say({"job_id": JOB_ID, "status": "running"})
DROP = Reply(fault="drop")


@pytest.fixture
def nobody() -> str:
    """A URL where nobody listens."""
    with closing(socket.socket()) as sock:
        sock.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{sock.getsockname()[1]}"


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504, 599])
def test_reading_is_tried_again(serve, connect, time, status):
    server = serve(Reply(status), Reply(status), RUNNING)
    assert connect(server).status(JOB_ID) == "running"
    assert len(server.seen) == 3
    # 0.5 s and 1 s, of which random() = 0.5 leaves three quarters.
    assert time.slept == [0.375, 0.75]


@pytest.mark.parametrize("fault", ["drop", "cut"])
def test_reading_survives_broken_connections(serve, connect, time, fault):
    server = serve(Reply(200, b'{"job_id', fault=fault), RUNNING)
    assert connect(server).status(JOB_ID) == "running"
    assert len(server.seen) == 2


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 422, 501, 505])
def test_refusals_are_final(serve, connect, time, status):
    server = serve(Reply(status))
    with pytest.raises(ClientError):
        connect(server).status(JOB_ID)
    assert (len(server.seen), time.slept) == (1, [])


def test_giving_up_raises_the_last_error(serve, connect, time):
    server = serve(Reply(500), Reply(502), Reply(503), Reply(504, b"last"))
    with pytest.raises(ServerError, match="504: last"):
        connect(server).status(JOB_ID)
    assert len(server.seen) == 4
    assert time.slept == [0.375, 0.75, 1.5]


def test_growth_is_capped_and_jitter_stays_in_its_half():
    for random, part in ((0.0, 0.5), (0.999999, 1.0)):
        time = FakeTime(random)
        policy = RetryPolicy(max_attempts=2000, random=time.random)
        error = ServerError("", status=500)
        delays = [policy.delay(n, error, replayable=True) for n in (1, 2, 3, 5, 6, 1999)]
        expected = [0.5 * part, part, 2 * part, 8 * part, 8 * part, 8 * part]
        assert delays == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(
    ("value", "slept"),
    [
        ("7", 7.0),
        ("7.5", 7.5),
        ("0", 0.375),
        ("86400", 60.0),
        ("-3", 0.375),
        ("nan", 0.375),
        ("soon", 0.375),
        ("", 0.375),
    ],
)
@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_in_seconds(serve, connect, time, status, value, slept):
    server = serve(Reply(status, b"", {"Retry-After": value}), RUNNING)
    assert connect(server).status(JOB_ID) == "running"
    assert time.slept == [slept]


def test_retry_after_as_a_date_is_measured_by_the_clock_of_the_server(serve, connect, time):
    # The server's clock is an hour ahead. It sends its own Date, and then ours counts nothing.
    skewed = time.now + 3600
    date = formatdate(skewed + 11, usegmt=True)
    reply = Reply(429, b"", {"Retry-After": date})
    server = serve(reply, RUNNING)
    server._http.RequestHandlerClass.date_time_string = lambda self, *_: formatdate(
        skewed, usegmt=True
    )
    assert connect(server).status(JOB_ID) == "running"
    assert time.slept == [11.0]


def test_rate_limit_error_says_for_how_long(serve, connect):
    server = serve(Reply(429, b"", {"Retry-After": "90"}))
    with pytest.raises(RateLimitError) as info:
        connect(server, retry=RetryPolicy(max_attempts=1)).status(JOB_ID)
    assert info.value.retry_after == 90.0


@pytest.mark.parametrize(
    "reply", [DROP, Reply(408), Reply(500), Reply(502), Reply(503), Reply(504)]
)
def test_a_submission_that_may_have_arrived_is_never_sent_again(serve, connect, time, reply):
    server = serve(reply, ACCEPTED)
    with pytest.raises((TransportError, ServerError)) as info:
        connect(server).submit(JOB_ID, SUBMISSION)
    assert info.value.sent is not False
    assert (len(server.seen), time.slept) == (1, [])


def test_a_submission_whose_answer_is_cut_is_never_sent_again(serve, connect):
    server = serve(Reply(200, b'{"mess', fault="cut"), ACCEPTED)
    with pytest.raises(TransportError) as info:
        connect(server).submit(JOB_ID, SUBMISSION)
    assert (info.value.sent, info.value.status) == (True, 200)
    assert len(server.seen) == 1


@pytest.mark.parametrize("status", [425, 429])
def test_a_submission_that_was_refused_for_now_is_sent_again(serve, connect, time, status):
    server = serve(Reply(status, b"", {"Retry-After": "5"}), ACCEPTED)
    connect(server).submit(JOB_ID, SUBMISSION)
    assert (len(server.seen), time.slept) == (2, [5.0])


def test_a_submission_that_never_left_is_sent_again(nobody, connect, time):
    with pytest.raises(TransportError, match="no connection") as info:
        connect(nobody).submit(JOB_ID, SUBMISSION)
    assert info.value.sent is False
    assert len(time.slept) == 3


def test_a_stale_connection_of_the_pool(serve, connect):
    # The server closes the connection after its first answer, without saying so.
    server = serve(RUNNING, DROP, ACCEPTED)
    client = connect(server)
    client.status(JOB_ID)
    with pytest.raises(TransportError) as info:
        client.submit(JOB_ID, SUBMISSION)
    assert info.value.sent is True
    assert len(server.seen) == 2


@pytest.mark.parametrize("fault", [DROP, Reply(503)])
def test_idempotent_steps_are_sent_again(serve, connect, fault):
    storage = serve(fault, Reply(204))
    server = serve(
        fault,
        say(registration(storage.url)),
        fault,
        say({"message": "cancel request accepted"}),
        fault,
        say({"message": "job deleted"}),
    )
    client = connect(server)
    client.upload(client.register().upload, b"payload")
    client.cancel(JOB_ID)
    client.delete(JOB_ID)
    assert [len(server.seen), len(storage.seen)] == [6, 2]
    assert storage.seen[0].parts()[-1] == storage.seen[1].parts()[-1]
    assert storage.seen[1].parts()[-1][3] == b"payload"


def test_a_deletion_whose_answer_was_lost_has_succeeded(serve, connect):
    gone = say({"message": "job not found with the given id"}, 404)
    connect(serve(DROP, gone)).delete(JOB_ID)
    connect(serve(Reply(502), gone)).delete(JOB_ID)


@pytest.mark.parametrize("first", [None, Reply(429)])
def test_a_deletion_of_nothing_fails(serve, connect, first):
    gone = say({"message": "job not found with the given id"}, 404)
    with pytest.raises(NotFoundError):
        connect(serve(*([first] if first else []), gone)).delete(JOB_ID)


def test_a_second_submission_after_all_is_refused_in_words(serve, connect):
    words = f"{JOB_ID} job is not in valid status for submission"
    with pytest.raises(ValidationError, match="not in valid status") as info:
        connect(serve(say({"message": words}, 400))).submit(JOB_ID, SUBMISSION)
    assert info.value.sent is False


def test_downloads_are_tried_again(serve, connect):
    storage = serve(DROP, Reply(503), Reply(200, pack_json({"a": 1})))
    client = connect("https://cloud.example")
    assert client.device_facts(Device("d", device_info=f"{storage.url}/i.zip")) == {"a": 1}
    assert len(storage.seen) == 3


def test_read_timeout(serve, connect):
    server = serve(Reply(fault="hang"))
    client = connect(server, read_timeout=0.1, retry=RetryPolicy(max_attempts=1))
    with pytest.raises(TransportError, match="no answer in time") as info:
        client.submit(JOB_ID, SUBMISSION)
    assert info.value.sent is True


def test_connect_timeout(connect):
    # A listener whose queue is full answers no SYN.
    with closing(socket.socket()) as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        fillers = [socket.socket() for _ in range(4)]
        try:
            for filler in fillers:
                filler.setblocking(False)
                filler.connect_ex(listener.getsockname())
            client = connect(
                f"http://127.0.0.1:{listener.getsockname()[1]}",
                connect_timeout=0.2,
                retry=RetryPolicy(max_attempts=1),
            )
            with pytest.raises(TransportError, match="no connection in time") as info:
                client.submit(JOB_ID, SUBMISSION)
        finally:
            for filler in fillers:
                filler.close()
    assert info.value.sent is False


def test_an_unknown_host(connect):
    with pytest.raises(TransportError) as info:
        connect("https://no-such-host.invalid", retry=RetryPolicy(max_attempts=1)).devices()
    assert info.value.sent is False


def test_another_policy_on_the_same_connections(serve, connect, time):
    server = serve(RUNNING, Reply(500))
    client = connect(server)
    client.status(JOB_ID)
    with pytest.raises(ServerError):
        client.with_retry(RetryPolicy(max_attempts=1)).status(JOB_ID)
    assert (len(server.seen), time.slept) == (2, [])
    assert len({seen.port for seen in server.seen}) == 1


@pytest.mark.parametrize(
    "wrong", [{"max_attempts": 0}, {"base": -1.0}, {"max_delay": float("nan")}]
)
def test_policies_that_cannot_be_used(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        RetryPolicy(**wrong)
