"""What the tests of experiments have in common."""

import warnings

import pytest
from qiskit.transpiler import Target

from qiskit_oqtopus import DeviceSnapshot, QulacsBackend
from tests.devices import chip_device, chip_facts

SEED = 20240607


@pytest.fixture
def backend() -> QulacsBackend:
    return QulacsBackend(num_qubits=3, seed_simulator=SEED)


def chip_target(rows: int, columns: int, change=lambda facts: None) -> Target:
    """The Target of a chip, whose facts may be changed before."""
    facts = chip_facts(rows, columns)
    change(facts)
    return DeviceSnapshot.from_device(chip_device(rows, columns), facts).target()


def chip_twin(rows: int, columns: int, change=lambda facts: None, **options) -> QulacsBackend:
    """The twin of a chip; what its calibration lacks is not said."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        target = chip_target(rows, columns, change)
        return QulacsBackend.from_target(target, name="chip", seed=SEED, **options)
