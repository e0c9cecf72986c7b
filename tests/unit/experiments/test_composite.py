"""Data belong to their component, whatever is missing."""

import copy
import math

import numpy as np
import pytest
from qiskit.providers import JobStatus
from qiskit.result import Result
from qiskit.result.models import ExperimentResultData
from qiskit_experiments.framework import CompositeAnalysis, ExperimentStatus

from qiskit_oqtopus import OqtopusJobError, OqtopusOptionError
from qiskit_oqtopus.exceptions import OqtopusJobCancelledError
from qiskit_oqtopus.experiments import Characterization
from qiskit_oqtopus.experiments.composite import count_bits, split_data
from qiskit_oqtopus.experiments.partial_data import PartialData

from .conftest import chip_twin

LIFETIMES = (8.0, 32.0, 128.0)  # us; no two are alike


def set_lifetimes(facts):
    for q, t1 in zip(facts["qubits"], LIFETIMES, strict=True):
        q["qubit_lifetime"] = {"t1": t1, "t2": t1}
        q["fidelity"] = 0.99 - 0.002 * q["id"]


@pytest.fixture(scope="module")
def plan():
    return Characterization(
        chip_twin(1, 3, set_lifetimes),
        measure=("readout", "t1", "t2", "rb"),
        delays=[4e-6, 10e-6, 25e-6, 60e-6, 150e-6, 400e-6],
        lengths=[1, 30, 60, 120],
        samples=1,
        shots=4000,
        max_gate_error=0.05,
        seed=2,
    )


@pytest.fixture(scope="module")
def circuits(plan):
    return plan._transpiled_circuits()


@pytest.fixture(scope="module")
def result(plan, circuits):
    return plan.backend.run(circuits, shots=4000).result()


def analyze(plan, result):
    data = PartialData(experiment=plan)
    data.add_data(result)
    return plan.analysis.run(data).block_for_results()


def values(plan, result):
    data = analyze(plan, result)
    assert data.status() == ExperimentStatus.DONE, data.errors()
    table = plan.table(data)
    return {(row.element, row.quantity): row for row in table.itertuples()}


@pytest.fixture(scope="module")
def complete(plan, result):
    found = values(plan, result)
    assert len(found) == 3 * (2 + 1 + 1 + 2)
    assert all(row.quality in ("good", "bad") and row.value > 0 for row in found.values())
    for (_, quantity), row in found.items():
        total = {"readout": 2, "T1": 6, "T2": 6, "EPC": 4, "EPG_sx": 4}[quantity.split()[0]]
        assert row.points == f"{total} of {total}"
    for number, t1 in enumerate(LIFETIMES):
        assert found[f"Q{number}", "T1"].value == pytest.approx(t1 * 1e-6, rel=0.3)
    return found


def fail(entry):
    failed = copy.copy(entry)
    failed.success, failed.status, failed.data = False, "ERROR: it broke", ExperimentResultData()
    return failed


def change(result, entries):
    return Result(
        backend_name=result.backend_name,
        backend_version=result.backend_version,
        job_id=result.job_id,
        success=False,
        results=entries,
    )


def touched(circuit, plan):
    """The elements in a circuit, and its first kind of quantity."""
    group = plan.component_experiment(circuit.metadata["composite_index"][0])
    names = {"t1": ("T1",), "t2": ("T2",), "rb": ("EPC", "EPG_sx")}
    quantities = names.get(circuit.name.split("_")[0], ("readout 0->1", "readout 1->0"))
    return {(f"Q{qubit}", name) for qubit in group.physical_qubits for name in quantities}


def assert_same(row, expected):
    for name in ("value", "stderr", "quality", "points", "reason"):
        one, other = getattr(row, name), getattr(expected, name)
        assert one == other or (math.isnan(one) and math.isnan(other))


@pytest.mark.slow
@pytest.mark.parametrize("how", ["failed", "left out"])
def test_each_circuit_that_is_missing_costs_its_own_elements_one_point(
    plan, circuits, result, complete, how
):
    for number, circuit in enumerate(circuits):
        entries = list(result.results)
        if how == "failed":
            entries[number] = fail(entries[number])
        else:
            del entries[number]
        found = values(plan, change(result, entries))
        assert found.keys() == complete.keys()
        own = touched(circuit, plan)
        for place, row in found.items():
            expected = complete[place]
            if place not in own:
                assert_same(row, expected)
                continue
            total = int(expected.points.split()[-1])
            assert row.points == f"{total - 1} of {total}"
            if place[1].startswith("readout"):
                assert math.isnan(row.value)
                assert row.quality == "bad"
                assert row.reason.startswith("1 of 2 circuits have a result")
                assert ("it broke" in row.reason) == (how == "failed")
            elif place[1] in ("T1", "T2") and row.quality == expected.quality == "good":
                assert abs(row.value - expected.value) < 5 * math.hypot(row.stderr, expected.stderr)


def test_each_group_that_is_missing_leaves_all_others_as_they_are(plan, circuits, result, complete):
    numbers = [circuit.metadata["composite_index"][0] for circuit in circuits]
    for group in range(plan.num_experiments):
        entries = [
            entry for entry, number in zip(result.results, numbers, strict=True) if number != group
        ]
        own = touched(circuits[numbers.index(group)], plan)
        for place, row in values(plan, change(result, entries)).items():
            if place in own:
                assert math.isnan(row.value)
                assert math.isnan(row.stderr)
                assert row.quality == "bad"
                assert row.points.startswith("0 of")
                assert "no result of it is known" in row.reason
            else:
                assert_same(row, complete[place])


def test_each_component_that_is_missing_leaves_its_neighbours_as_they_are(plan, result, complete):
    for number, group in enumerate(plan.component_experiment()):
        if group.experiment_type != "ParallelExperiment":
            continue
        for index, experiment in enumerate(group.component_experiment()):
            entries = copy.deepcopy(result.results)
            for entry in entries:
                metadata = entry.header["metadata"]
                if metadata["composite_index"] == [number]:
                    for values_of in metadata["composite_metadata"][0].values():
                        if isinstance(values_of, list):
                            del values_of[index]
            quantities = {"T1": {"T1"}, "T2Hahn": {"T2"}}.get(
                experiment.experiment_type, {"EPC", "EPG_sx"}
            )
            for place, row in values(plan, change(result, entries)).items():
                if place[0] == f"Q{experiment.physical_qubits[0]}" and place[1] in quantities:
                    assert math.isnan(row.value)
                else:
                    assert_same(row, complete[place])


def test_the_stock_analysis_gives_data_to_a_neighbour(plan, result):
    """Why there is an analysis of its own. When this fails, it has been mended."""
    data = PartialData(experiment=plan)
    data.add_data(result)
    group = next(g for g in plan.component_experiment() if getattr(g, "num_experiments", 1) == 2)
    number = plan.component_experiment().index(group)
    part = split_data(data.data(), plan.num_experiments)[number]
    for datum in part:
        datum["metadata"] = {
            key: value[1:] if isinstance(value, list) else value
            for key, value in datum["metadata"].items()
        }
    stock = CompositeAnalysis([], flatten_results=True)._marginalized_component_data(part)
    assert len(stock) == 1  # that of the second one, for the first one


def test_a_fit_runs_with_5_points_and_not_with_4(plan, circuits, result):
    t1 = [number for number, circuit in enumerate(circuits) if circuit.name.startswith("t1_")]
    for missing in (1, 2):
        gone = t1[: len(t1) // 2][:missing]
        entries = [fail(e) if n in gone else e for n, e in enumerate(result.results)]
        rows = values(plan, change(result, entries))
        for place in touched(circuits[t1[0]], plan):
            assert math.isnan(rows[place].value) == (missing == 2)
            assert rows[place].points == f"{6 - missing} of 6"
        if missing == 2:
            assert rows[place].reason == "4 of 6 circuits have a result: ERROR: it broke"


def test_a_fit_of_rb_runs_with_3_lengths_and_not_with_2(plan, circuits, result):
    rb = [number for number, circuit in enumerate(circuits) if circuit.name.startswith("rb_")]
    for missing in (1, 2):
        gone = rb[: len(rb) // 2][:missing]
        entries = [fail(e) if n in gone else e for n, e in enumerate(result.results)]
        rows = values(plan, change(result, entries))
        for place in touched(circuits[rb[0]], plan):
            assert math.isnan(rows[place].value) == (missing == 2)
        if missing == 2:
            assert rows[place].reason == "2 lengths have a result: ERROR: it broke"


def test_a_fit_that_cannot_be_made_is_one_bad_row(plan, result, complete, monkeypatch):
    target = plan.component_experiment(2).component_experiment(0)
    monkeypatch.setattr(target.analysis, "_run_curve_fit", lambda data: 1 / 0)
    rows = values(plan, result)
    (bad,) = [row for place, row in rows.items() if row.reason.startswith("the fit failed")]
    assert (bad.element, bad.quantity) == (f"Q{target.physical_qubits[0]}", "T1")
    assert "division by zero" in bad.reason
    for place, row in rows.items():
        if row is not bad:
            assert_same(row, complete[place])


class Job:
    """A job that ends as it is told to."""

    def __init__(self, error, status=JobStatus.ERROR):
        self.error, self.ended = error, status

    def job_id(self):
        return "the-job"

    def status(self):
        return self.ended

    def result(self):
        raise self.error


def run_job(plan, job):
    data = PartialData(experiment=plan)
    data.add_jobs([job])
    return plan.analysis.run(data).block_for_results()


def test_a_job_of_which_circuits_failed_is_analysed(plan, result, complete):
    entries = [fail(result.results[0]), *result.results[1:]]
    error = OqtopusJobError("a circuit failed")
    error.result = change(result, entries)
    rows = plan.table(run_job(plan, Job(error)))
    assert rows["value"].isna().sum() == 2 * len(plan.component_experiment(0).physical_qubits)
    assert set(rows["job_id"]) == {"the-job"}


@pytest.mark.parametrize(
    "error", [OqtopusJobCancelledError("it was cancelled"), RuntimeError("it was cancelled")]
)
def test_a_job_without_any_result_gives_rows_with_the_reason(plan, error):
    table = plan.table(run_job(plan, Job(error, JobStatus.CANCELLED)))
    assert len(table) == 18
    assert table["value"].isna().all()
    assert table["reason"].str.contains("it was cancelled").all()


def test_a_job_that_has_not_ended_is_not_taken_for_one_that_failed(plan):
    data = run_job(plan, Job(RuntimeError("no network"), JobStatus.RUNNING))
    assert "no network" in data.errors()
    with pytest.raises(OqtopusOptionError, match="no analysis results"):
        plan.table(data)


def test_bits_are_counted_by_their_places():
    rng = np.random.default_rng(1)
    counts = {f"{key:07b}": int(rng.integers(1, 50)) for key in rng.permutation(128)[:90]}
    for groups in ([[0], [6], [3]], [[1, 0], [2, 5], [6, 3]]):
        for places, found in zip(groups, count_bits(counts, groups), strict=True):
            expected = {}
            for key, number in counts.items():
                own = "".join(key[-1 - place] for place in reversed(places))
                expected[own] = expected.get(own, 0) + number
            assert found == expected


def test_figures_are_drawn_of_bad_fits_or_of_all_if_asked_for(plan, result):
    data = analyze(plan, result)
    assert not data.figure_names
    again = plan.analysis.run(data, figures="always").block_for_results()
    assert len(again.figure_names) == 3 * 3
    assert plan.analysis.options.figures == "never"
    with pytest.raises(OqtopusOptionError, match="'figures'"):
        plan.analysis.set_options(figures="some")
