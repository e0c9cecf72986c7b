"""What the tests against a cloud have in common; each module has a ``cloud`` with its devices."""

import pytest

from qiskit_oqtopus import OqtopusProvider


@pytest.fixture
def provider(cloud):
    with OqtopusProvider(url=cloud.url, token=cloud.token) as opened:
        yield opened


@pytest.fixture
def no_faults(cloud):
    """Switch off what a test has switched on."""
    yield
    cloud.faults.clear()
