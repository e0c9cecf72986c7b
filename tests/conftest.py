"""What pytest leaves alone, how hypothesis searches, and how circuits are compiled."""

import os
import signal

import pytest
from hypothesis import settings

from qiskit_oqtopus import OqtopusProvider
from qiskit_oqtopus.cloud import notices
from tests.routes import ROUTES, force

# Programs of their own, some for other interpreters.
collect_ignore = ["peers", "contract", "benchmarks"]

# The suite tries the same examples each time, whatever the speed of the machine; to look for new
# ones: HYPOTHESIS_PROFILE=explore.
settings.register_profile("suite", derandomize=True, deadline=None, database=None)
settings.register_profile("explore", deadline=None, max_examples=2000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "suite"))


# A shell starts what runs in the background with Ctrl-C switched off, and some tests send it.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_addoption(parser):
    parser.addoption(
        "--route", choices=sorted(ROUTES), help="compile every circuit this way, if it can be done"
    )


@pytest.fixture(autouse=True)
def _route(request, monkeypatch):
    route = request.config.getoption("--route")
    if route is not None and request.node.get_closest_marker("chooses") is None:
        force(monkeypatch, route)


@pytest.fixture(autouse=True)
def _no_notices(monkeypatch):
    """The first run of a process in an hour asks for notices: here, only tests about them do."""
    monkeypatch.setattr(notices.turn, "take", lambda: False)


@pytest.fixture
def provider(cloud):
    """The provider of a ``cloud``: each module has one of its own, with its devices."""
    with OqtopusProvider(url=cloud.url, token=cloud.token) as opened:
        yield opened
