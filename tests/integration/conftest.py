"""What the tests against a cloud have in common."""

import pytest


@pytest.fixture
def no_faults(cloud):
    """Switch off what a test has switched on."""
    yield
    cloud.faults.clear()
