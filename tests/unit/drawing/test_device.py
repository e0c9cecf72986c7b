"""The map of a chip, from whatever describes it."""

import math
import subprocess
import sys

import matplotlib
import matplotlib.pyplot as plt
import pandas
import pytest

from qiskit_oqtopus import DeviceSnapshot, OqtopusOptionError, QulacsBackend
from qiskit_oqtopus.drawing import draw_device
from qiskit_oqtopus.emulator import Emulator
from tests.devices import chip_device, chip_facts

matplotlib.use("Agg")


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


def snapshot(rows=3, columns=4, **changes):
    facts = chip_facts(rows, columns)
    for name, change in changes.items():
        change(facts[name])
    return DeviceSnapshot.from_device(chip_device(rows, columns), facts)


def labels(axes):
    return [text.get_text() for text in axes.texts]


def bars(axes):
    return [a.get_ylabel() for a in axes.figure.axes if a is not axes]


def test_every_qubit_has_its_number_and_each_coupling_one_line():
    axes = draw_device(snapshot())
    assert labels(axes) == [str(i) for i in range(12)]
    lines, discs = axes.collections
    assert len(lines.get_segments()) == 17
    assert len(discs.get_paths()) == 12
    assert bars(axes) == ["two-qubit gate error (%)", "readout error (%)"]


def test_the_title_says_when_it_was_calibrated():
    whole = snapshot()
    name, when = draw_device(whole).get_title().split("\n")
    assert name == whole.name
    assert when == f"calibrated at {whole.calibrated_at}"


@pytest.mark.parametrize(
    ("column", "label"),
    [("t1", "T1 (µs)"), ("gate_error", "one-qubit gate error (%)"), ("fidelity", "fidelity")],
)
def test_any_column_of_the_calibration_colours_the_qubits(column, label):
    assert label in bars(draw_device(snapshot(), qubits=column))


def test_the_scale_is_that_of_the_values():
    whole = snapshot()
    axes = draw_device(whole, qubits="t1")
    bar = next(a for a in axes.figure.axes if a.get_ylabel() == "T1 (µs)")
    t1 = [qubit.t1 * 1e6 for qubit in whole.qubits]
    assert bar.get_ylim() == pytest.approx((min(t1), max(t1)))


def test_values_of_ones_own():
    series = pandas.Series({"Q0": 3e-5, "Q5": 4e-5, "Q0-Q1": 0.1}, name="T1")
    axes = draw_device(snapshot(), qubits=series, couplings={(1, 0): 0.01, "Q1-Q2": 0.02})
    discs = axes.collections[1]
    gray = matplotlib.colors.to_rgba("#9aa0a6")
    known = [i for i, colour in enumerate(discs.get_facecolor()) if tuple(colour) != gray]
    assert known == [0, 5]


def test_qubits_that_are_not_listed_have_a_dashed_edge_and_are_gray():
    def remove(qubits):
        del qubits[5]

    def unknown(couplings):
        couplings[:] = [c for c in couplings if 5 not in (c["control"], c["target"])]

    axes = draw_device(snapshot(qubits=remove, couplings=unknown))
    discs = axes.collections[1]
    styles = discs.get_linestyle()
    assert [i for i in range(12) if styles[i][1] is not None] == [5]
    assert tuple(discs.get_facecolor()[5]) == matplotlib.colors.to_rgba("#9aa0a6")


def test_a_number_that_is_unknown_is_gray_and_no_minimum():
    def lose(qubits):
        del qubits[0]["qubit_lifetime"]
        qubits[1]["qubit_lifetime"]["t1"] = math.nan

    with pytest.warns(match="t1"):
        whole = snapshot(qubits=lose)
    discs = draw_device(whole, qubits="t1").collections[1]
    gray = matplotlib.colors.to_rgba("#9aa0a6")
    assert [tuple(c) == gray for c in discs.get_facecolor()[:3]] == [True, True, False]


def test_a_backend_with_no_more_than_a_target_is_laid_out_by_its_couplings():
    twin = QulacsBackend.from_snapshot(snapshot())
    axes = draw_device(twin)
    assert labels(axes) == [str(i) for i in range(12)]
    places = {tuple(text.get_position()) for text in axes.texts}
    assert len(places) == 12


@pytest.fixture(scope="module")
def cloud():
    with Emulator() as running:
        yield running


def test_a_backend_draws_itself(provider):
    device = provider.backends()[0]
    axes = device.draw("t1")
    assert len(labels(axes)) == device.num_qubits
    assert "T1 (µs)" in bars(axes)
    assert labels(device.twin().draw()) == labels(axes)


def test_a_qubit_that_is_not_calibrated_has_a_dashed_edge():
    def lose(qubits):
        del qubits[5]["fidelity"]

    discs = draw_device(snapshot(qubits=lose)).collections[1]
    assert [i for i in range(12) if discs.get_linestyle()[i][1] is not None] == [5]


def test_a_coupling_that_is_not_calibrated_is_gray_and_no_maximum():
    def lose(couplings):
        couplings[3]["fidelity"] = 0

    axes = draw_device(snapshot(couplings=lose))
    bar = next(a for a in axes.figure.axes if "two-qubit" in a.get_ylabel())
    assert bar.get_ylim()[1] < 20
    gray = matplotlib.colors.to_rgba("#9aa0a6")
    assert sum(tuple(c) == gray for c in axes.collections[0].get_edgecolor()) == 1


def test_a_name_is_no_formula():
    draw_device(DeviceSnapshot("$\\frac$", "QPU", 2, name="$\\frac$")).figure.canvas.draw()


def test_a_device_without_a_calibration_is_drawn_gray():
    bare = DeviceSnapshot("x", "QPU", 5)
    axes = draw_device(bare)
    assert labels(axes) == list("01234")
    assert bars(axes) == []


def test_it_draws_where_it_is_told_to():
    figure, axes = plt.subplots()
    assert draw_device(snapshot(), ax=axes) is axes
    assert axes.figure is figure


def test_a_column_that_is_not_stated():
    with pytest.raises(OqtopusOptionError, match=r"'t9'.*gate_error"):
        draw_device(snapshot(), qubits="t9")
    with pytest.raises(OqtopusOptionError, match="name of a column"):
        draw_device(snapshot(), qubits=7)


@pytest.mark.parametrize("thing", [None, 7, DeviceSnapshot("x", "QPU", None)])
def test_what_cannot_be_drawn(thing):
    with pytest.raises(OqtopusOptionError, match="draw"):
        draw_device(thing)


def test_no_import_of_matplotlib_before_something_is_drawn():
    code = (
        "import sys, qiskit_oqtopus.drawing\n"
        "assert not {'matplotlib', 'pandas'} & set(sys.modules), sorted(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
