"""What the tests of experiments have in common."""

import pytest

from qiskit_oqtopus import QulacsBackend

SEED = 20240607


@pytest.fixture
def backend() -> QulacsBackend:
    return QulacsBackend(num_qubits=3, seed_simulator=SEED)


@pytest.fixture(scope="module")
def _cloud():
    emulator = pytest.importorskip("qiskit_oqtopus.emulator")
    with emulator.Emulator(devices=["grid-16q"], noise=True, seed=SEED) as running:
        yield running


@pytest.fixture
def cloud(_cloud, monkeypatch):
    """A cloud without faults, with the account of it for new processes."""
    monkeypatch.setenv("OQTOPUS_URL", _cloud.url)
    monkeypatch.setenv("OQTOPUS_API_TOKEN", _cloud.token)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    yield _cloud
    _cloud.faults.clear()


@pytest.fixture
def device(provider):
    return provider.backend("grid-16q")


def show_results(data):
    """Return what an analysis has found, to the last digit, so that two can be compared."""
    table = data.analysis_results(dataframe=True, columns="all")
    shown = []
    for name, value, quality in zip(table["name"], table["value"], table["quality"], strict=True):
        if hasattr(value, "assignment_matrix"):
            value = value.assignment_matrix().tolist()
        elif hasattr(value, "data"):
            value = value.data.tolist()
        elif hasattr(value, "nominal_value"):
            value = (value.nominal_value, value.std_dev)
        shown.append(repr((name, value, quality)))
    return shown
