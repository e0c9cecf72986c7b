"""The page about a night of calibration."""

import re
from html.parser import HTMLParser

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pandas
import pytest

from qiskit_oqtopus import DeviceSnapshot, OqtopusOptionError
from qiskit_oqtopus.experiments.comparison import COLUMNS, compare, read_stated
from qiskit_oqtopus.experiments.report import write_report
from tests.devices import chip_device, chip_facts

matplotlib.use("Agg")


@pytest.fixture(scope="module")
def snapshot():
    return DeviceSnapshot.from_device(chip_device(2, 2), chip_facts(2, 2))


@pytest.fixture(scope="module")
def table(snapshot):
    rows = []
    for element, values in read_stated(snapshot).items():
        for quantity, value in values.items():
            unit = "s" if quantity in ("T1", "T2") else ""
            row = (element, quantity, 1.02 * value, 0.01 * value, unit, np.nan, np.nan)
            rows.append((*row, "good", "12 of 12", "", "run-1"))
    rows[0] = ("Q0", "T1", np.nan, np.nan, "s", np.nan, np.nan)
    rows[0] += ("bad", "3 of 12", "job <b>7</b> failed", "run-1")
    found = compare(pandas.DataFrame(rows, columns=list(COLUMNS)), snapshot)
    found.attrs.update(device="chip <2x2>", run_time="2026-11-28 02:13")
    return found


@pytest.fixture(scope="module")
def index(table, snapshot, tmp_path_factory):
    """The page; drawing it takes seconds."""
    folder = tmp_path_factory.mktemp("report") / "night"
    before = plt.get_fignums()
    path = write_report(folder, table, device=snapshot, plan="2 groups <of 2>")
    assert plt.get_fignums() == before  # no figures are left open
    return path


class Page(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.tags, self.addresses, self.text = [], [], ""
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.addresses += [value for name, value in attributes if name in ("src", "srcset", "href")]

    def handle_data(self, data):
        self.text += data


def test_the_page_needs_nothing_else(index, table):
    assert index.name == "index.html"
    page = Page(index.read_text(encoding="utf-8"))
    assert all(re.match(r"#|data:image/png;base64,", address) for address in page.addresses)
    assert "http" not in page.text
    assert "2 groups <of 2>" in page.text
    assert "chip <2x2>" in page.text
    assert "job <b>7</b> failed" in page.text
    assert page.tags.count("tr") == 1 + len(table)
    assert page.tags.count("picture") == page.tags.count("source")


def test_all_of_it_is_there(index, snapshot):
    text = index.read_text(encoding="utf-8")
    for name in ("chip", "found-and-stated", "the-worst-5", "fits-that-failed", "all-values"):
        assert f'id="{name}"' in text
    assert "run-1" in text
    assert "qiskit-experiments" in text
    assert str(snapshot.calibrated_at) in text
    names = {file.name for file in (index.parent / "figures").iterdir()}
    assert {"t1-on-the-chip.png", "t1-of-qubits.png", "epc-of-couplings.png"} <= names


def test_the_tables_can_be_read_by_others(index):
    qubits = pandas.read_csv(index.parent / "qubits.csv", index_col="element")
    couplings = pandas.read_csv(index.parent / "couplings.csv", index_col="element")
    assert list(qubits.index) == ["Q0", "Q1", "Q2", "Q3"]
    assert np.isnan(qubits.loc["Q0", "T1"])
    assert "EPC" not in qubits.columns
    assert list(couplings.columns) == ["EPC", "EPC stderr"]


def test_the_worst_are_the_shortest_times_and_the_largest_errors(index, table):
    text = index.read_text(encoding="utf-8")
    for quantity, is_worst in (("T1", min), ("readout 0->1", max)):
        rows = table[(table["quantity"] == quantity) & table["value"].notna()]
        worst = rows.set_index("element")["value"]
        first = worst[worst == is_worst(worst)].index[0]
        heading = quantity.replace(">", "&gt;") + " of qubits"
        listed = re.search(rf"<h3>{re.escape(heading)}</h3><ol><li><b>(\w+)</b>", text)
        assert listed.group(1) == first


def test_figures_of_fits_that_failed(tmp_path, table):
    figure, _ = plt.subplots()
    rows = table[table["quantity"] == "T1"]
    text = write_report(tmp_path, rows, figures={"T1 of Q0": figure}).read_text("utf-8")
    assert "<h3>T1 of Q0</h3>" in text
    assert (tmp_path / "figures" / "t1-of-q0.png").exists()
    plt.close(figure)


def test_a_table_without_rows(tmp_path, table):
    with pytest.raises(OqtopusOptionError, match="no rows"):
        write_report(tmp_path, table[:0])
