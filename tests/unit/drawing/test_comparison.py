"""Found values beside the stated ones."""

import math

import matplotlib
import matplotlib.pyplot as plt
import pandas
import pytest

from qiskit_oqtopus import OqtopusOptionError
from qiskit_oqtopus.drawing import plot_comparison

matplotlib.use("Agg")


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


def table():
    rows = [
        ("Q0", "T1", 2.0e-5, 1e-6, "s", 2.1e-5, "good"),
        ("Q1", "T1", 3.0e-5, 1e-6, "s", math.nan, "bad"),
        ("Q2", "T1", math.nan, math.nan, "s", 4e-5, "bad"),
        ("Q0", "readout 0->1", 0.01, 0.001, "", 0.012, "good"),
    ]
    columns = ["element", "quantity", "value", "stderr", "unit", "stated", "quality"]
    found = pandas.DataFrame(rows, columns=columns)
    found.attrs["device"] = "chip"
    return found


def test_all_elements_are_shown_in_microseconds():
    axes = plot_comparison(table(), "T1")
    assert axes.get_ylabel() == "T1 (µs)"
    assert [label.get_text() for label in axes.get_xticklabels()] == ["Q0", "Q1", "Q2"]
    assert axes.get_title(loc="left") == "chip"
    (stated,) = [line for line in axes.lines if line.get_label() == "stated"]
    assert stated.get_ydata()[[0, 2]] == pytest.approx([21, 40])


def test_bad_fits_are_told_from_good_ones():
    axes = plot_comparison(table(), "T1")
    texts = [text.get_text() for text in axes.get_legend().get_texts()]
    assert texts == ["stated", "found", "found, bad fit"]


def test_probabilities_are_shown_in_percent():
    axes = plot_comparison(table(), "readout 0->1")
    assert axes.get_ylabel() == "readout 0->1 (%)"
    assert axes.containers[0].lines[0].get_ydata() == pytest.approx([1.0])


def test_a_quantity_that_is_not_in_the_table():
    with pytest.raises(OqtopusOptionError, match="T1, readout 0->1"):
        plot_comparison(table(), "T3")
