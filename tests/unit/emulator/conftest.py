"""An emulator for all tests of a module, and one that a test may break."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from qiskit_oqtopus.emulator import Emulator

from .session import Session


def plain_device() -> dict[str, object]:
    """A device like the one whose jobs were recorded: 16 qubits that are all alike."""
    return {
        "name": "qulacs",
        "device_id": "qulacs",
        "qubits": [
            {
                "id": i,
                "physical_id": i,
                "position": {"x": i % 4, "y": -(i // 4)},
                "fidelity": 0.999,
                "meas_error": {
                    "prob_meas1_prep0": 0.001,
                    "prob_meas0_prep1": 0.001,
                    "readout_assignment_error": 0.001,
                },
                "qubit_lifetime": {"t1": 100.0, "t2": 100.0},
                "gate_duration": {"rz": 20, "sx": 20, "x": 20},
            }
            for i in range(16)
        ],
        "couplings": [
            {"control": i, "target": j, "fidelity": 0.99, "gate_duration": {"cx": 60}}
            for i in range(16)
            for j in (i + 1, i + 4)
            if j < 16 and (j != i + 1 or j % 4)
        ],
        "calibrated_at": "2026-11-22T22:17:15Z",
    }


@pytest.fixture(scope="module")
def shared_cloud() -> Iterator[Emulator]:
    with Emulator([plain_device()], seed=7) as emulator:
        yield emulator


@pytest.fixture
def shared(shared_cloud: Emulator) -> Session:
    return Session(shared_cloud)


@pytest.fixture
def cloud() -> Iterator[Emulator]:
    with Emulator([plain_device()], seed=7) as emulator:
        yield emulator


@pytest.fixture
def user(cloud: Emulator) -> Session:
    return Session(cloud)
