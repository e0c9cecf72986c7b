"""A cloud without faults for each test, with a device of four and one of sixteen qubits."""

import signal
import threading

import pytest
from qiskit import QuantumCircuit, transpile
from qiskit.quantum_info import SparsePauliOp

from qiskit_oqtopus import EstimatorV2, OqtopusProvider
from qiskit_oqtopus.client.api import Client
from qiskit_oqtopus.client.models import Submission
from qiskit_oqtopus.client.storage import pack_json

FOREIGN = (
    'OPENQASM 3.0;\ninclude "stdgates.inc";\nqubit[2] q;\nbit[1] a;\nbit[2] b;\n'
    "x q[0];\na[0] = measure q[0];\nb[1] = measure q[1];\n"
)


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
def elsewhere(cloud):
    """Another process: it has to read everything from the server."""
    with OqtopusProvider(url=cloud.url, token=cloud.token) as opened:
        yield opened


@pytest.fixture
def account(cloud, monkeypatch):
    """What is unpickled looks for its account here."""
    monkeypatch.setenv("OQTOPUS_URL", cloud.url)
    monkeypatch.setenv("OQTOPUS_API_TOKEN", cloud.token)


def submit_foreign(cloud, program, description="", operator=None, **settings):
    """Return the id of a job that another client has sent, with one or several programs."""
    programs = [program] if isinstance(program, str) else program
    entry = {"program": programs} if operator is None else {"program": programs, **operator}
    values = {
        "name": "foreign",
        "description": description,
        "device_id": "line-4q",
        "job_type": "sampling",
        "shots": 10,
        "transpiler_info": {"transpiler_lib": None},
        **settings,
    }
    with Client(cloud.url, cloud.token) as client:
        registered = client.register()
        client.upload(registered.upload, pack_json(entry))
        client.submit(registered.job_id, Submission(**values))
    return registered.job_id


def interrupt_after(seconds):
    """Press Ctrl-C, in some s."""
    main = threading.main_thread().ident
    threading.Timer(seconds, signal.pthread_kill, (main, signal.SIGINT)).start()


def ended(job):
    """Return a job that has ended."""
    job.wait_for_final_state(60)
    return job


def server_estimation(backend):
    """Return the job of an observable that the server estimates: it is -2."""
    circuit = QuantumCircuit(4)
    circuit.x(0)
    estimator = EstimatorV2(backend, options={"estimation": "server"})
    observable = SparsePauliOp(["IIIZ"], [2.0])
    return estimator.run([(transpile(circuit, backend), observable)], precision=0.1)
