"""What the operator announces, and tokens that expire: asked once, after the circuits are sent."""

import logging
import time
import warnings
from datetime import datetime, timedelta, timezone

import pytest
from qiskit import QuantumCircuit

from qiskit_oqtopus import OqtopusProvider, OqtopusWarning
from qiskit_oqtopus.cloud import notices
from qiskit_oqtopus.emulator import Emulator

NOW = datetime.now(timezone.utc).replace(microsecond=0)
DAY = timedelta(days=1)


@pytest.fixture
def cloud():
    with Emulator(["line-4q"]) as running:
        yield running


@pytest.fixture(autouse=True)
def _first_run(monkeypatch, _no_notices):
    monkeypatch.setattr(notices, "turn", notices._Turn())


def run(provider):
    circuit = QuantumCircuit(4, 1)
    circuit.measure(0, 0)
    return provider.backend("line-4q").run(circuit)


def asked(cloud):
    return [r for r in cloud.requests if r.path in ("/announcements", "/api-token/status")]


def test_announcements_of_now(cloud, provider):
    cloud.announce("Maintenance", "No jobs until noon.", start=NOW - DAY, end=NOW + DAY)
    cloud.announce("Last week", end=NOW - DAY)
    cloud.announce("Next week", start=NOW + DAY)
    cloud.announce("For ever")
    found = provider.announcements()
    assert [each.title for each in found] == ["Maintenance", "For ever"]
    assert found[0].content == "No jobs until noon."


def test_when_the_token_expires(cloud, provider):
    assert provider.token_expires_at() is None
    cloud.expire_tokens(NOW + DAY)
    assert provider.token_expires_at() == NOW + DAY


def test_a_server_without_these_endpoints_has_nothing_to_say(cloud, provider):
    cloud.faults.status(404, path="/announcements")
    cloud.faults.status(404, path="/api-token/status")
    assert provider.announcements() == []
    assert provider.token_expires_at() is None
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        run(provider).result()


def test_a_run_warns_once_in_an_hour(cloud, provider):
    cloud.announce("Maintenance", "No jobs until noon.")
    cloud.expire_tokens(NOW + 2 * DAY)
    with pytest.warns(OqtopusWarning) as caught:
        run(provider).result()
    words = [str(warning.message) for warning in caught]
    assert any("Maintenance: No jobs until noon." in text for text in words)
    assert any("token expires" in text for text in words)
    assert all(warning.filename == __file__ for warning in caught)
    assert len(asked(cloud)) == 2
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        run(provider).result()
    assert len(asked(cloud)) == 2


def test_they_are_asked_for_after_the_circuits_are_submitted(cloud, provider):
    run(provider)
    paths = [request.path for request in cloud.requests]
    submitted = max(i for i, path in enumerate(paths) if path.endswith("/submit"))
    assert min(paths.index("/announcements"), paths.index("/api-token/status")) > submitted


def test_a_token_that_lasts_is_not_worth_a_word(cloud, provider):
    cloud.expire_tokens(NOW + 30 * DAY)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        run(provider).result()


@pytest.mark.parametrize("fault", ["status", "trickle"])
def test_a_server_that_fails_or_hangs_keeps_no_run_waiting(cloud, provider, caplog, fault):
    caplog.set_level(logging.DEBUG, notices.logger.name)
    if fault == "status":
        cloud.faults.status(500, path="/announcements")
    else:
        cloud.faults.latency(60.0, path="/api-token/status")
    began = time.monotonic()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        job = run(provider)
    assert time.monotonic() - began < 10
    assert [record.levelname for record in caplog.records] == ["DEBUG"]
    cloud.faults.clear()
    assert job.result().success


def test_a_warning_that_is_an_error_loses_no_job(cloud, provider):
    cloud.announce("Maintenance")
    with warnings.catch_warnings():
        warnings.simplefilter("error", OqtopusWarning)
        with pytest.raises(OqtopusWarning, match="Maintenance"):
            run(provider)
    (job,) = provider.jobs()
    assert job.result().success


def test_nobody_asks_without_an_account(cloud):
    assert OqtopusProvider(url=cloud.url, token=cloud.token)
    assert not asked(cloud)
