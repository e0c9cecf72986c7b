"""Results beside what a calibration states."""

import math

import pandas
import pytest

from qiskit_oqtopus import DeviceSnapshot, OqtopusOptionError, QulacsBackend
from qiskit_oqtopus.experiments.comparison import COLUMNS, compare, read_stated, wide_table
from tests.devices import chip_device, chip_facts


@pytest.fixture
def snapshot():
    return DeviceSnapshot.from_device(chip_device(2, 2), chip_facts(2, 2))


def table(*rows):
    found = pandas.DataFrame(rows, columns=["element", "quantity", "value", "stderr"])
    return found.reindex(columns=COLUMNS)


def test_what_a_snapshot_states(snapshot):
    stated = read_stated(snapshot)
    qubit, coupling = snapshot.qubits[1], snapshot.couplings[0]
    assert stated["Q1"]["T1"] == qubit.t1
    assert stated["Q1"]["readout 0->1"] == qubit.prob_meas1_prep0
    assert stated["Q1"]["EPG_sx"] == pytest.approx(1 - qubit.fidelity)
    element = f"Q{coupling.control}-Q{coupling.target}"
    assert stated[element] == {"EPC": pytest.approx(1 - coupling.fidelity)}


def test_a_target_states_what_it_has(snapshot):
    stated = read_stated(QulacsBackend.from_snapshot(snapshot))
    whole = read_stated(snapshot)
    for element, values in stated.items():
        for quantity, value in values.items():
            assert value == pytest.approx(whole[element][quantity])
    assert set(stated["Q0"]) == set(whole["Q0"])


def test_unknown_values_are_not_there():
    bare = DeviceSnapshot.from_device({"device_id": "x"}, {"qubits": [{"id": 0}], "couplings": []})
    assert read_stated(bare) == {"Q0": {}}


def test_compare_says_how_many_standard_errors_lie_between(snapshot):
    t1 = snapshot.qubits[0].t1
    before = table(("Q0", "T1", t1 + 3e-6, 1e-6), ("Q9", "T1", 1e-5, 1e-6), ("Q0", "EPC", 0.1, 0.0))
    before.attrs["device"] = "other"
    found = compare(before, snapshot)
    assert found["sigma"].tolist()[0] == pytest.approx(3)
    assert found["difference"].tolist()[0] == pytest.approx(3e-6)
    assert all(map(math.isnan, found["stated"].tolist()[1:]))
    assert found.attrs["device"] == snapshot.name
    assert before.attrs["device"] == "other"
    assert before["stated"].isna().all()


def test_compare_with_what_states_nothing():
    with pytest.raises(OqtopusOptionError, match="states no values"):
        compare(table(), 7)


def test_one_row_per_element():
    rows = [("Q1", "T1", 1.0, 0.1), ("Q0", "T1", 2.0, 0.2), ("Q1-Q0", "EPC", 0.5, math.nan)]
    wide = wide_table(table(*rows))
    assert list(wide.index) == ["Q1", "Q0", "Q1-Q0"]
    assert wide.loc["Q0", "T1"] == 2.0
    assert wide.loc["Q0", "T1 stderr"] == 0.2
    assert math.isnan(wide.loc["Q0", "EPC"])
    assert wide["T1"].name == "T1"


def test_an_empty_table_stays_one():
    assert wide_table(table()).empty
