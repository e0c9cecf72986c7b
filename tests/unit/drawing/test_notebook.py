"""What consoles and notebooks show of objects: short, static, and without asking anybody."""

import xml.etree.ElementTree as ElementTree

import pytest
from qiskit import QuantumCircuit

from qiskit_oqtopus import (
    DeviceSnapshot,
    EstimatorV2,
    OqtopusOptionError,
    OqtopusProvider,
    QulacsBackend,
    SamplerV2,
)
from qiskit_oqtopus.emulator import Emulator
from tests.devices import chip_device, chip_facts


@pytest.fixture(scope="module")
def cloud():
    with Emulator(["grid-16q"], seed=3) as running:
        yield running


@pytest.fixture
def backend(provider):
    return provider.backend("grid-16q")


def show(thing, cloud=None):
    """Return the HTML of an object as text, and look that it is well formed and asks nobody."""
    before = None if cloud is None else len(cloud.requests)
    html = thing._repr_html_()
    repr(thing)
    assert cloud is None or len(cloud.requests) == before
    return "".join(ElementTree.fromstring(html).itertext())  # noqa: S314 - our own


def test_a_snapshot_is_one_line():
    snapshot = DeviceSnapshot.from_device(chip_device(12, 12), chip_facts(12, 12))
    assert len(repr(snapshot)) < 120
    assert "144 qubits" in repr(snapshot)
    assert str(snapshot.calibrated_at) in repr(snapshot)
    assert "143" in show(snapshot)


def test_a_backend(cloud, backend):
    words = "16 qubits, calibrated at 2026-11-20T02:15:00Z, 0 pending"
    assert repr(backend) == f"<OqtopusBackend grid-16q: {words}>"
    text = show(backend, cloud)
    assert "OqtopusBackend grid-16q" in text
    assert "2026-11-20T02:15:00Z" in text


def test_simulators_and_twins(backend):
    assert "qulacs_simulator" in show(QulacsBackend())
    assert "svg" not in QulacsBackend()._repr_html_()
    assert "svg" in backend.twin()._repr_html_()


def test_a_status(cloud, backend):
    text = show(backend.status(), cloud)
    assert "Status of grid-16q" in text
    assert "available" in text


def test_a_provider_shows_no_token(cloud, provider):
    text = show(provider, cloud)
    assert cloud.url in text
    assert cloud.token not in text
    assert "account file" in show(OqtopusProvider())


def test_a_job(cloud, provider, backend):
    circuit = QuantumCircuit(16, 1)
    circuit.measure(0, 0)
    job = backend.run([circuit, circuit], name="rabi", shots=100)
    job.result()
    assert repr(job) == f"<OqtopusJob {job.job_id()} on grid-16q: DONE, 2 circuits>"
    text = show(job, cloud)
    for words in (job.job_id(), "grid-16q", "DONE", "rabi"):
        assert words in text
    again = provider.job(job.job_id())
    assert "2 circuits" in repr(again)
    show(again, cloud)


def test_a_local_job():
    circuit = QuantumCircuit(1, 1)
    circuit.measure(0, 0)
    job = QulacsBackend().run(circuit)
    job.result()
    assert repr(job) == f"<QulacsJob {job.job_id()} on qulacs_simulator: DONE, 1 circuit>"
    assert job.job_id() in show(job)


def test_primitives():
    assert repr(SamplerV2(QulacsBackend())) == "<SamplerV2 on qulacs_simulator: defaults>"
    estimator = EstimatorV2(QulacsBackend(), options={"default_precision": 0.1})
    assert repr(estimator) == "<EstimatorV2 on qulacs_simulator: default_precision=0.1>"


def test_primitives_take_the_backend_as_mode_too():
    backend = QulacsBackend()
    assert SamplerV2(mode=backend).backend() is backend
    assert EstimatorV2(mode=backend).backend() is backend
    for arguments in ((), (backend,)):
        with pytest.raises(OqtopusOptionError, match="backend"):
            SamplerV2(*arguments, mode=backend if arguments else None)
