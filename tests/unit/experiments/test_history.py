"""Nights in a row."""

import json
import math
from dataclasses import replace

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pandas
import pytest

from qiskit_oqtopus import DeviceSnapshot, OqtopusOptionError, OqtopusProvider, OqtopusWarning
from qiskit_oqtopus.drawing import plot_history
from qiskit_oqtopus.experiments import Characterization, load_history
from qiskit_oqtopus.experiments.comparison import COLUMNS
from qiskit_oqtopus.experiments.history import (
    CALIBRATED,
    HISTORY,
    MEASURED,
    add_change,
    find_last_night,
    write_night,
)
from qiskit_oqtopus.experiments.report import write_report
from tests.devices import chip_device, chip_facts
from tests.unit.experiments.conftest import chip_twin

matplotlib.use("Agg")


def night(day, t1=5e-5, device="chip", quality="good", **values):
    """Return a table of T1 of Q0 and Q10 and of the EPC of a coupling."""
    rows = [
        ("Q0", "T1", t1, 2e-6, "s", 4e-5, math.nan, quality, "12 of 12", "", "job"),
        ("Q10", "T1", math.nan, math.nan, "s", 4e-5, math.nan, "bad", "0 of 12", 'a, "b"\n', ""),
        ("Q0-Q10", "EPC", 0.01, 0.001, "", math.nan, math.nan, "good", "36 of 36", "", "job"),
    ]
    table = pandas.DataFrame(rows, columns=list(COLUMNS))
    table.attrs = {"device": device, "run_time": f"2026-11-{day:02}T02:13:00+00:00", **values}
    return table


def save(folder, table):
    folder.mkdir(parents=True, exist_ok=True)
    write_night(folder, table)


@pytest.fixture(scope="module")
def snapshot():
    return DeviceSnapshot.from_device(chip_device(2, 2), chip_facts(2, 2))


def test_nights_and_snapshots_are_one_table(tmp_path, snapshot):
    save(tmp_path / "second", night(28, t1=6e-5))
    save(tmp_path / "first", night(27))
    snapshot.save(tmp_path / "beside.json")
    later = replace(snapshot, calibrated_at="2026-11-28T00:00:00Z")
    (tmp_path / "kept").mkdir()
    later.save(tmp_path / "kept" / "any name.json")
    snapshot.save(tmp_path / "kept" / "the same again.json")
    (tmp_path / "other.json").write_text(json.dumps({"format": "another"}))
    history = load_history(tmp_path)
    assert list(history.columns) == list(HISTORY)
    assert history["time"].is_monotonic_increasing
    assert str(history["time"].dt.tz) == "UTC"
    measured = history[history["source"] == MEASURED]
    assert list(measured[measured["element"] == "Q0"]["value"]) == [5e-5, 6e-5]
    first = measured.iloc[0]
    assert first["time"] == pandas.Timestamp("2026-11-27T02:13Z")
    assert (first["device"], first["file"]) == ("chip", "first/values.csv")
    assert tuple(first[["quantity", "stderr", "unit", "stated", "quality"]]) == (
        *("T1", 2e-6, "s", 4e-5),
        "good",
    )
    lost = measured[measured["element"] == "Q10"].iloc[0]
    assert np.isnan(lost["value"])
    assert lost["quality"] == "bad"
    calibrated = history[history["source"] == CALIBRATED]
    assert calibrated["stderr"].isna().all()
    assert (calibrated["value"] == calibrated["stated"]).all()
    one = calibrated[(calibrated["element"] == "Q2") & (calibrated["quantity"] == "T1")]
    assert list(one["value"]) == [snapshot.qubits[2].t1] * 2  # and not three times
    assert list(one["time"].dt.strftime("%Y-%m-%d")) == ["2025-03-18", "2026-11-28"]


def test_what_cannot_be_read_costs_itself_only(tmp_path, snapshot):
    save(tmp_path / "good", night(27))
    for name, text in (("empty", ""), ("alien", "a,b\n1,2\n"), ("binary", "\x00\x01")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "values.csv").write_text(text)
    save(tmp_path / "words", night(28))
    path = tmp_path / "words" / "values.csv"
    path.write_text(path.read_text().replace("0.01", "many"))
    (tmp_path / "broken.json").write_text("{")
    damaged = snapshot.to_dict() | {"qubits": 3}
    (tmp_path / "damaged.json").write_text(json.dumps(damaged))
    with pytest.warns(OqtopusWarning, match="leaves something out") as caught:
        history = load_history(tmp_path)
    (warning,) = caught
    assert len(history) == 3
    assert set(history["file"]) == {"good/values.csv"}
    assert warning.filename == __file__
    assert "broken.json" in str(warning.message)
    assert "and 1 more" in str(warning.message)


def test_a_night_without_a_report_is_named(tmp_path):
    (tmp_path / "tonight").mkdir()
    (tmp_path / "tonight" / "plan.json").write_text("{}")
    with pytest.warns(OqtopusWarning, match="tonight has a plan but no report yet"):
        assert len(load_history(tmp_path)) == 0


def test_an_empty_folder_and_none(tmp_path):
    history = load_history(tmp_path)
    assert list(history.columns) == list(HISTORY)
    assert len(history) == 0
    with pytest.raises(OqtopusOptionError, match="There is no folder"):
        load_history(tmp_path / "nowhere")


def test_the_last_night_is_the_latest_one_before_of_the_same_device(tmp_path):
    table = night(25)
    assert find_last_night(tmp_path / "e", table) is None
    for name, day, device in (
        *(("a", 20, "chip"), ("b", 24, "chip"), ("c", 24, "another")),
        *(("d", 26, "chip"), ("e", 25, "chip")),
    ):
        save(tmp_path / name, night(day, device=device))
    (tmp_path / "f").mkdir()
    (tmp_path / "f" / "values.csv").write_text("broken")
    assert set(find_last_night(tmp_path / "e", table)["file"]) == {"b/values.csv"}
    assert find_last_night(tmp_path / "a", night(20)) is None
    assert find_last_night(tmp_path / "e", night(25, run_time=None)) is None


def test_the_change_has_the_errors_of_both_nights(tmp_path):
    save(tmp_path / "a", night(24))
    last = find_last_night(tmp_path / "b", night(25))
    changed = add_change(night(25, t1=5.5e-5), last)
    assert changed["change"].iloc[0] == pytest.approx(5e-6)
    assert changed["change_stderr"].iloc[0] == pytest.approx(2e-6 * math.sqrt(2))
    assert changed["change_sigma"].iloc[0] == pytest.approx(5 / (2 * math.sqrt(2)))
    assert changed["change"].iloc[1:].isna().tolist() == [True, False]
    # A bad fit says nothing about a change.
    assert math.isnan(add_change(night(25, quality="bad"), last)["change"].iloc[0])
    save(tmp_path / "a", night(24, quality="bad"))
    last = find_last_night(tmp_path / "b", night(25))
    assert math.isnan(add_change(night(25), last)["change"].iloc[0])


def test_the_page_says_what_has_changed(tmp_path):
    nights = tmp_path / "nights"
    text = write_report(nights / "one", night(24)).read_text("utf-8")
    assert "There is no earlier night of this device" in text
    text = write_report(nights / "two", night(25, t1=6e-5)).read_text("utf-8")
    assert "The last night was that of 2026-11-24 02:13 UTC, in the folder one." in text
    assert "Of 2 values that both nights have, 1 changed by more than 3 standard errors" in text
    assert "<li><b>Q0</b> T1: +10.0 ± 2.8 µs (+3.5 σ)</li>" in text
    assert ">change</button>" in text
    assert "<td data-order=" in text
    other = night(26)[2:]
    other["element"] = "Q1-Q2"
    text = write_report(nights / "three", other).read_text("utf-8")
    assert "in the folder two. It has no value in common with this one." in text
    # Written again, it compares with the same night.
    again = write_report(nights / "two", night(25, t1=4e-5)).read_text("utf-8")
    assert "-10.0 ± 2.8 µs (-3.5 σ)" in again
    assert len(load_history(nights)) == 7


@pytest.mark.filterwarnings("ignore")  # of noise that is not simulated as it is stated
def test_nights_on_a_device_and_its_calibrations(cloud, tmp_path):
    with OqtopusProvider(url=cloud.url, token=cloud.token, snapshots=tmp_path / "kept") as provider:
        device = provider.backend("grid-16q")
        for name in ("one", "two"):
            plan = Characterization(device, measure=["readout"], qubits=[0, 3], shots=100)
            data = plan.run(folder=tmp_path / name).block_for_results()
            plan.report(tmp_path / name, data)
            assert Characterization.load(tmp_path / name, device).to_plain() == plan.to_plain()
    history = load_history(tmp_path)
    assert set(history["device"]) == {"grid-16q"}
    assert history["time"].notna().all()
    assert dict(history.groupby("source")["file"].nunique()) == {CALIBRATED: 1, MEASURED: 2}
    axes = plot_history(history, "readout 0->1", [0, 3])
    assert len(axes.containers) == 2
    plt.close("all")


def test_two_nights_of_a_characterization(tmp_path):
    twin = chip_twin(2, 2)
    for name in ("one", "two"):
        plan = Characterization(twin, measure=["t1"], qubits=[0, 3], shots=200, seed=1)
        data = plan.run().block_for_results()
        plan.report(tmp_path / name, data)
    history = load_history(tmp_path)
    assert set(history["element"]) == {"Q0", "Q3"}
    assert len(history) == 4
