"""Delivery: one program is submitted exactly once, whatever becomes of the answers."""

import pytest

from qiskit_oqtopus.client import (
    ForbiddenError,
    LinkError,
    PresignedPost,
    RateLimitError,
    Registration,
    ServerError,
    Submission,
    TransportError,
    ValidationError,
)
from qiskit_oqtopus.cloud import delivery
from qiskit_oqtopus.cloud.delivery import Order, Unsettled, submit_exactly_once, upload
from qiskit_oqtopus.cloud.group import Member
from qiskit_oqtopus.program.program import Program, ProgramHeader


class Server:
    """A client whose answers to submissions and questions are those of a list, then good ones."""

    def __init__(self, submissions=(), statuses=(), uploads=()):
        self.answers = {
            "submit": list(submissions),
            "status": list(statuses),
            "upload": list(uploads),
        }
        self.calls = []
        self.registered = 0

    def answer(self, call, default):
        self.calls.append(call)
        waiting = self.answers[call]
        answer = waiting.pop(0) if waiting else default
        if isinstance(answer, Exception):
            raise answer
        return answer

    def register(self):
        self.registered += 1
        return Registration(f"job-{self.registered}", PresignedPost("https://s3.example", {}))

    def upload(self, target, payload):
        self.answer("upload", None)

    def submit(self, job_id, submission):
        self.answer("submit", None)

    def status(self, job_id):
        return self.answer("status", "submitted")


class FakeClock:
    """Time that passes only while somebody sleeps."""

    def __init__(self):
        self.now = 0.0

    def monotonic(self):
        return self.now

    def sleep(self, seconds):
        self.now += seconds


@pytest.fixture
def send(monkeypatch):
    # The module's own clock: the servers of other tests need the real one.
    clock = FakeClock()
    monkeypatch.setattr(delivery, "time", clock)

    def send_one(server):
        member = Member("g" * 16, 0, 1, "0" * 64)
        settings = Submission("name", None, "SC", "sampling", 10)
        order = Order(member, Program("OPENQASM 3.0;", ProgramHeader()), settings)
        job_id = upload(server, order)
        submit_exactly_once(server, job_id, order.body, clock.sleep)
        return job_id, [call for call in server.calls if call != "upload"]

    return send_one


@pytest.mark.parametrize(
    ("submissions", "statuses", "calls"),
    [
        ([], [], ["submit"]),
        # The answer was lost, and the submission was not.
        ([TransportError("lost")], ["submitted"], ["submit", "status"]),
        ([ServerError("500")], ["succeeded"], ["submit", "status"]),
        # The submission itself was lost: only now is it sent again.
        ([TransportError("lost")], ["registered"], ["submit", "status", "submit"]),
        ([RateLimitError("slow", retry_after=2)], ["registered"], ["submit", "status", "submit"]),
        # The status cannot be read for a while.
        (
            [TransportError("lost")],
            [ServerError("500"), RateLimitError("slow"), "registered"],
            ["submit", "status", "status", "status", "submit"],
        ),
        # An earlier try of the client was taken after all.
        ([ValidationError("not in valid status")], ["ready"], ["submit", "status"]),
        (
            [TransportError("lost"), ValidationError("not in valid status")],
            ["registered", "running"],
            ["submit", "status", "submit", "status"],
        ),
    ],
)
def test_a_job_is_submitted_exactly_once(send, submissions, statuses, calls):
    assert send(Server(submissions, statuses)) == ("job-1", calls)


@pytest.mark.parametrize(
    ("submissions", "statuses"),
    [
        ([ForbiddenError("no")], []),
        ([ValidationError("no such device")], ["registered"]),
        ([TransportError("lost"), ForbiddenError("no")], ["registered"]),
    ],
)
def test_a_refused_submission_is_certain(send, submissions, statuses):
    with pytest.raises((ForbiddenError, ValidationError)):
        send(Server(submissions, statuses))


@pytest.mark.parametrize(
    ("submissions", "statuses"),
    [
        ([TransportError("lost")], [ServerError("500")] * 1000),
        ([TransportError("lost")], [ForbiddenError("no")]),
        ([ValidationError("not in valid status")], [ServerError("500")]),
    ],
)
def test_what_could_not_be_settled_names_the_job(send, submissions, statuses):
    server = Server(submissions, statuses)
    with pytest.raises(Unsettled, match="job-1"):
        send(server)
    assert server.calls.count("submit") == 1


def test_another_id_is_registered_where_the_permission_to_store_has_expired(send):
    server = Server(uploads=[LinkError("expired")])
    assert send(server) == ("job-2", ["submit"])
    with pytest.raises(LinkError, match="expired"):
        send(Server(uploads=[LinkError("expired")] * 3))
