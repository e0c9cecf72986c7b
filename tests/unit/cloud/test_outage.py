"""Outages while results are read: they are waited out, politely, as long as there is time."""

import logging
import socket

import pytest

from qiskit_oqtopus import OqtopusJobTimeoutError, OqtopusProvider, SamplerV2
from qiskit_oqtopus.cloud import outage
from qiskit_oqtopus.primitives import job as primitive_job
from tests.device_circuits import flip

from .conftest import ended

STORE = "/oqtopus/**"


@pytest.fixture
def brief(monkeypatch):
    """Pauses of a test's length."""
    monkeypatch.setattr(outage, "FIRST_PAUSE", 0.1)
    monkeypatch.setattr(outage, "LONGEST_PAUSE", 0.2)


@pytest.fixture
def hasty(cloud):
    """A backend whose requests are sent again at once."""
    with OqtopusProvider(url=cloud.url, token=cloud.token) as opened:
        client = opened._connection.client
        client._retry = type(client._retry)(max_attempts=2, base=0.01, max_delay=0.01)
        yield opened.backend("line-4q")


@pytest.mark.parametrize("timeout", [None, 60])
def test_an_outage_of_the_store_is_waited_out(cloud, hasty, brief, caplog, timeout):
    job = ended(hasty.run([flip(hasty)] * 20, shots=5))
    fault = cloud.faults.status(503, "down", path=STORE, times=60)
    assert job.result(timeout=timeout).get_counts(19) == {"01": 5}
    assert fault.hits == 60
    warnings = [r for r in caplog.records if r.levelno == logging.WARNING]
    assert len(warnings) >= 5
    assert "the next try is in" in caplog.text


def test_an_outage_of_the_api_while_results_are_read(cloud, hasty, brief):
    job = ended(hasty.run([flip(hasty)] * 3, shots=5))
    cloud.faults.drop("GET", "/jobs", times=9)
    assert job.result(timeout=30).get_counts(2) == {"01": 5}


def test_in_an_outage_one_result_is_tried_at_a_time(cloud, hasty, brief):
    job = ended(hasty.run([flip(hasty)] * 20, shots=5))
    fault = cloud.faults.status(503, "down", path=STORE, times=None)
    with pytest.raises(OqtopusJobTimeoutError, match="503"):
        job.result(timeout=1.5)
    # All 16 at once, twice each, and then one, twice, every 0.2 s at most.
    assert fault.hits <= 32 + 2 * 10


def test_a_store_that_refuses_connections(cloud, hasty, brief):
    """Links lead to a port on which nobody listens, until somebody does."""
    job = ended(hasty.run([flip(hasty)] * 3, shots=5))
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    client = hasty._connection.client
    real, tried = client._transport.send, []

    def send(request, *args):
        if "/oqtopus/" in request.url and len(tried) < 10:
            tried.append(request.path)
            request = type(request)(request.method, f"http://127.0.0.1:{port}/x", request.path)
        return real(request, *args)

    client._transport.send = send
    assert job.result(timeout=30).get_counts(2) == {"01": 5}
    assert len(tried) == 10


@pytest.mark.parametrize("code", [403, 404])
def test_a_refusal_is_no_outage(cloud, hasty, code):
    job = ended(hasty.run(flip(hasty), shots=5))
    cloud.faults.status(code, "no", path=STORE, times=None)
    with pytest.raises(Exception, match=str(code)) as caught:
        job.result(timeout=30)
    assert not isinstance(caught.value, OqtopusJobTimeoutError)


def test_reasons_of_a_primitive_do_not_wait_an_outage_out(cloud, backend, monkeypatch):
    monkeypatch.setattr(primitive_job, "LONGEST_LOOK", 0.5)
    job = ended(SamplerV2(backend).run([flip(backend)], shots=5))
    cloud.faults.status(503, "down", path=STORE, times=None)
    assert job.error_message() is None
