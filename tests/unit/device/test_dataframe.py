"""The numbers of a calibration as tables."""

import math

import pytest

from qiskit_oqtopus import DeviceSnapshot
from tests.devices import chip_device, chip_facts


def test_values_are_in_seconds_and_probabilities():
    snapshot = DeviceSnapshot.from_device(chip_device(2, 2), chip_facts(2, 2))
    qubits, couplings = snapshot.to_dataframe()
    assert list(qubits.index) == ["Q0", "Q1", "Q2", "Q3"]
    for fact in snapshot.qubits:
        row = qubits.loc[f"Q{fact.id}"]
        assert row["t1"] == fact.t1
        assert row["gate_error"] == pytest.approx(1 - fact.fidelity)
        assert row["readout_error"] == fact.measure_error
        assert row["duration_sx"] == fact.durations["sx"]
    for coupling in snapshot.couplings:
        row = couplings.loc[f"Q{coupling.control}-Q{coupling.target}"]
        assert (row["control"], row["target"]) == (coupling.control, coupling.target)
        assert row["error"] == pytest.approx(1 - coupling.fidelity)


def test_what_is_not_known_is_nan():
    facts = {"qubits": [{"id": 0, "qubit_lifetime": {"t1": 20.0}}, {"id": 2}], "couplings": []}
    qubits, couplings = DeviceSnapshot.from_device({"device_id": "x"}, facts).to_dataframe()
    assert qubits.loc["Q0", "t1"] == pytest.approx(2e-5)
    assert math.isnan(qubits.loc["Q2", "t1"])
    assert str(qubits.loc["Q2", "physical_id"]) == "<NA>"
    assert len(couplings) == 0
    assert "error" in couplings.columns


def test_a_device_without_a_calibration_has_empty_tables():
    qubits, couplings = DeviceSnapshot("x", "QPU", 3).to_dataframe()
    assert len(qubits) == len(couplings) == 0
    assert qubits["t1"].dtype == couplings["error"].dtype == float
