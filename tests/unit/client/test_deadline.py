"""When a call must have ended."""

import threading
import time

import pytest

from qiskit_oqtopus.client.deadline import Deadline
from qiskit_oqtopus.client.errors import DeadlineError


def test_time_runs_out():
    deadline = Deadline(0.05)
    deadline.check("Asking")
    deadline.sleep(10)
    assert deadline.is_over
    assert deadline.left() == 0
    with pytest.raises(DeadlineError, match="Asking: the time of the call is over") as caught:
        deadline.check("Asking")
    assert caught.value.sent is False


def test_being_stopped_ends_every_wait():
    deadline = Deadline()
    threading.Timer(0.05, deadline.stop).start()
    started = time.monotonic()
    deadline.sleep(30)
    assert time.monotonic() - started < 10
    assert (deadline.is_stopped, deadline.left()) == (True, 0)
    with pytest.raises(DeadlineError, match="interrupted"):
        deadline.check("Asking")


def test_not_a_number_is_no_deadline():
    with pytest.raises(ValueError, match="NaN"):
        Deadline(float("nan"))
