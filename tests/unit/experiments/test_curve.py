"""The curve of an experiment as a table."""

import numpy as np
import pytest
from qiskit.circuit.library import CXGate
from qiskit_experiments.framework import ParallelExperiment
from qiskit_experiments.library import (
    T1,
    InterleavedRB,
    LocalReadoutError,
    StandardRB,
    T2Hahn,
    T2Ramsey,
)

from qiskit_oqtopus import OqtopusError
from qiskit_oqtopus.experiments import Rabi, data_table

from .conftest import chip_twin

DELAYS = np.linspace(1e-6, 1e-4, 12)


@pytest.fixture(scope="module")
def twin():
    return chip_twin(2, 2)


def run(experiment, backend, **options):
    return experiment.run(backend, backend_run=True, **options).block_for_results()


def test_the_table_of_a_rabi(backend):
    data = run(Rabi(0, points=20, max_amplitude=2.0), backend, shots=1000)
    table = data_table(data)
    assert list(table) == ["amplitude", "P(1)", "stderr", "fit"]
    np.testing.assert_allclose(table["amplitude"], np.linspace(0, 2, 20))
    ones = np.array([datum["counts"].get("1", 0) for datum in data.data()])
    np.testing.assert_allclose(table["P(1)"], (ones + 0.5) / 1001)
    exact = 0.5 - 0.5 * np.cos(np.pi * table["amplitude"])
    # 5 sigma of the measured points, whose error is at most 0.016; of the fit much less.
    assert np.all(np.abs(table["P(1)"] - exact) < 0.08)
    assert np.all(np.abs(table["fit"] - exact) < 0.03)
    assert np.all(table["stderr"].between(0, 0.016))


@pytest.mark.parametrize(
    ("experiment", "x", "y"),
    [
        (T1([0], DELAYS), "delay", "P(1)"),
        (T2Hahn([0], DELAYS), "delay", "P(0)"),
        (T2Ramsey([0], DELAYS, osc_freq=3e4), "delay", "P(1)"),
        (StandardRB([0], [1, 50, 200, 400], seed=1), "clifford length", "P(0)"),
    ],
    ids=lambda value: getattr(value, "experiment_type", None),
)
def test_any_experiment_of_one_curve_has_a_table(experiment, x, y, twin):
    data = run(experiment, twin, shots=500)
    table = data_table(data)
    assert list(table) == [x, y, "stderr", "fit"]
    assert len(table) == len(data.data())
    np.testing.assert_allclose(table[x], [datum["metadata"]["xval"] for datum in data.data()])
    assert np.mean(np.abs(table["fit"] - table[y]) < 5 * table["stderr"]) > 0.9


def test_a_component_has_the_table_of_its_curve(twin):
    parts = [T1([0], DELAYS), T1([3], DELAYS)]
    data = run(ParallelExperiment(parts, flatten_results=False), twin)
    table = data_table(data.child_data(1))
    assert list(table) == ["delay", "P(1)", "stderr", "fit"]
    assert table["fit"].notna().all()


def test_without_a_fit_there_is_none(backend, monkeypatch):
    def fail(*args, **kwargs):
        raise ValueError("no minimum")

    monkeypatch.setattr("lmfit.minimize", fail)
    table = data_table(run(Rabi(0, points=6), backend))
    assert table["fit"].isna().all()
    assert table["P(1)"].notna().all()


def test_what_is_not_one_curve_is_refused(backend, twin):
    parts = [Rabi(0, points=5), Rabi(1, points=5)]
    for experiment, where, words in (
        (LocalReadoutError([0]), backend, "not those of a curve"),
        (InterleavedRB(CXGate(), [0, 1], [1, 2, 3], seed=1), twin, "2 curves.*interleaved"),
        (ParallelExperiment(parts), backend, "2 of 'curve_data'.*child_data"),
    ):
        with pytest.raises(OqtopusError, match=words):
            data_table(run(experiment, where, shots=20))
    with pytest.raises(OqtopusError, match="not analysed"):
        data_table(run(Rabi(0, points=5), backend, analysis=None))
