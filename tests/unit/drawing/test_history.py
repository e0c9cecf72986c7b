"""Quantities from night to night."""

import math

import matplotlib
import matplotlib.pyplot as plt
import pandas
import pytest

from qiskit_oqtopus import OqtopusOptionError
from qiskit_oqtopus.drawing import plot_history

matplotlib.use("Agg")


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


@pytest.fixture
def history():
    rows = []
    for day in range(1, 5):
        time = pandas.Timestamp(f"2026-11-{day:02}T02:00Z")
        quality = "bad" if day == 3 else "good"
        for qubit in (0, 1, 12):
            value = (20 + day + qubit) * 1e-6
            rows.append((time, f"Q{qubit}", "T1", value, 1e-6, "s", quality, "measured"))
            stated = (time, f"Q{qubit}", "T1", 3e-5, math.nan, "s", "", "calibrated")
            rows.append(stated)
        rows.append((time, "Q0-Q1", "EPC", 0.01 * day, 0.001, "", "good", "measured"))
        rows.append((time, "Q5", "T1", math.nan, math.nan, "s", "bad", "measured"))
    columns = ["time", "element", "quantity", "value", "stderr", "unit", "quality", "source"]
    table = pandas.DataFrame(rows, columns=columns)
    table["device"] = "chip"
    return table


def test_points_of_nights_and_steps_of_calibrations(history):
    axes = plot_history(history, "T1", [0, 12])
    assert axes.get_ylabel() == "T1 (µs)"
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["Q0", "Q12", "stated"]
    points = [container.lines[0].get_ydata() for container in axes.containers]
    assert points[0] == pytest.approx([21, 22, 24])  # that of the bad fit is a cross
    assert points[1] == pytest.approx([33, 34, 36])
    crosses = [line for line in axes.lines if line.get_marker() == "x"]
    assert [list(line.get_ydata()) for line in crosses] == [
        pytest.approx([23]),
        pytest.approx([35]),
    ]
    steps = [line for line in axes.lines if line.get_drawstyle() == "steps-post"]
    assert [list(line.get_ydata()) for line in steps] == [pytest.approx([30] * 5)] * 2
    assert axes.get_title(loc="left") == "chip"


def test_couplings_and_all_that_there_are(history):
    axes = plot_history(history, "EPC", [(0, 1)])
    assert axes.get_ylabel() == "EPC (%)"
    assert axes.containers[0].lines[0].get_ydata() == pytest.approx([1, 2, 3, 4])
    _, own = plt.subplots()
    assert plot_history(history, "T1", ax=own) is own
    assert len(own.containers) == 3


def test_what_is_not_there(history):
    with pytest.raises(OqtopusOptionError, match="no quantity 'T3'; it has: T1, EPC"):
        plot_history(history, "T3")
    with pytest.raises(OqtopusOptionError, match="no T1 of Q7; it has that of: Q0, Q1, Q12"):
        plot_history(history, "T1", [0, 7])
    with pytest.raises(OqtopusOptionError, match="no T1 of Q5"):  # no value in any night
        plot_history(history, "T1", [5])
    with pytest.raises(OqtopusOptionError, match="no T1 of anything"):
        plot_history(history, "T1", [])
    with pytest.raises(OqtopusOptionError, match="no rows"):
        plot_history(history[:0], "T1")


def test_one_device_of_several(history):
    other = history.assign(device="other", value=1e-6)
    both = pandas.concat([history, other])
    with pytest.raises(OqtopusOptionError, match="several devices: chip, other"):
        plot_history(both, "T1", [0])
    axes = plot_history(both, "T1", [0], device="other")
    assert axes.containers[0].lines[0].get_ydata() == pytest.approx([1, 1, 1])
    with pytest.raises(OqtopusOptionError, match="no device 'third'"):
        plot_history(both, "T1", device="third")
