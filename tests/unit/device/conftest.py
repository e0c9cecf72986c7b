"""Snapshots of the recorded devices, and of devices that describe themselves wrongly."""

import warnings

import pytest

from qiskit_oqtopus import OqtopusWarning
from qiskit_oqtopus.device.snapshot import DeviceSnapshot
from tests.devices import (
    anemone_device,
    anemone_facts,
    grid_device,
    grid_facts,
)


def anemone(facts=None, **device):
    facts = anemone_facts() if facts is None else facts
    return DeviceSnapshot.from_device(anemone_device() | device, facts)


def grid():
    return DeviceSnapshot.from_device(grid_device(), grid_facts())


def read_with_one_warning(device, facts):
    with pytest.warns(OqtopusWarning) as caught:
        snapshot = DeviceSnapshot.from_device(device, facts)
    assert len(caught) == 1
    return snapshot, str(caught[0].message)


@pytest.fixture
def no_warnings():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield
