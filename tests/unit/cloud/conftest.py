"""A cloud without faults for each test, with a device of four and one of sixteen qubits."""

import pytest

from qiskit_oqtopus.client.api import Client
from qiskit_oqtopus.client.models import Submission
from qiskit_oqtopus.client.storage import pack_json


@pytest.fixture
def home(tmp_path):
    """Home directory of a user without an account."""
    return tmp_path


@pytest.fixture(scope="module")
def _cloud():
    emulator = pytest.importorskip("qiskit_oqtopus.emulator")
    with emulator.Emulator(devices=["grid-16q", "line-4q"], seed=3) as running:
        yield running


@pytest.fixture
def cloud(_cloud):
    yield _cloud
    _cloud.faults.clear()


@pytest.fixture
def backend(provider):
    return provider.backend("line-4q")


@pytest.fixture
def account(cloud, monkeypatch):
    """What is unpickled looks for its account here."""
    monkeypatch.setenv("OQTOPUS_URL", cloud.url)
    monkeypatch.setenv("OQTOPUS_API_TOKEN", cloud.token)


def submit_foreign(cloud, program, description=""):
    """Return the id of a job that another client has sent."""
    with Client(cloud.url, cloud.token) as client:
        registered = client.register()
        client.upload(registered.upload, pack_json({"program": [program]}))
        submission = Submission(
            name="foreign",
            description=description,
            device_id="line-4q",
            job_type="sampling",
            shots=10,
            transpiler_info={"transpiler_lib": None},
        )
        client.submit(registered.job_id, submission)
    return registered.job_id
