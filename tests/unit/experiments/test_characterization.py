"""A night of calibration as one experiment."""

import json
import re
import warnings

import pytest
from qiskit.providers.fake_provider import GenericBackendV2
from qiskit_experiments.framework import BatchExperiment, ExperimentDecoder, ExperimentEncoder

from qiskit_oqtopus import DeviceSnapshot, OqtopusOptionError, OqtopusWarning, QulacsBackend
from qiskit_oqtopus.experiments import Characterization
from qiskit_oqtopus.experiments.comparison import COLUMNS
from tests.devices import chip_device, chip_facts

from .conftest import chip_target, chip_twin

DELAYS = [1e-6, 10e-6, 20e-6, 40e-6, 80e-6]


@pytest.fixture(scope="module")
def twin():
    return chip_twin(2, 3)


@pytest.fixture(scope="module")
def small(twin):
    return Characterization(
        twin, measure=("readout", "t1", "rb"), qubits=[0, 1, 4], delays=DELAYS, lengths=[1, 30, 90]
    )


@pytest.fixture(scope="module")
def data(small):
    return small.run(seed_simulator=5).block_for_results()


def through_json(value):
    return json.loads(json.dumps(value, cls=ExperimentEncoder), cls=ExperimentDecoder)


def names(plan):
    return [component.experiment_type for component in plan.component_experiment()]


# -- what is measured -----------------------------------------------------------------------------


def test_by_default_all_is_measured_on_all_good_qubits_and_couplings(twin):
    plan = Characterization(twin)
    assert isinstance(plan, BatchExperiment)
    assert list(plan.groups) == ["readout", "t1", "t2", "rb", "irb"]
    for kind in ("readout", "t1", "t2", "rb"):
        assert sorted(q for group in plan.groups[kind] for q in group) == twin_qubits(twin)
    pairs = [tuple(pair) for group in plan.groups["irb"] for pair in group]
    assert sorted(pairs) == sorted(twin.target["cx"])


def twin_qubits(twin):
    return list(range(twin.num_qubits))


def test_limits_are_those_of_good_qubits_and_good_couplings():
    def spoil(facts):
        facts["qubits"][1]["qubit_lifetime"]["t1"] = 3
        facts["couplings"][-1]["fidelity"] = 0.9

    twin = chip_twin(2, 3, spoil)
    plan = Characterization(twin, min_t1=10e-6)
    assert sorted(q for group in plan.groups["t1"] for q in group) == [0, 2, 3, 4, 5]
    pairs = [tuple(pair) for group in plan.groups["irb"] for pair in group]
    assert len(pairs) == len(twin.target["cx"]) - 1 - 3
    assert not any(1 in pair for pair in pairs)
    assert Characterization(twin, max_error=0.2).groups["irb"] != plan.groups["irb"]
    with pytest.raises(OqtopusOptionError, match="no qubit"):
        Characterization(twin, min_t1=1)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"measure": "t3"}, "'t3'"),
        ({"measure": ()}, "'measure'"),
        ({"qubits": "best"}, "'best'"),
        ({"qubits": [7]}, "no qubit 7"),
        ({"qubits": [0, 0]}, "different"),
        ({"qubits": [0, "a"]}, "'qubits'"),
        ({"couplings": "best"}, "'best'"),
        ({"couplings": [(0, 5)]}, "no cx between qubits 0 and 5"),
        ({"couplings": [(0, 1, 2)]}, "pairs"),
        ({"delays": [1e-6, 2e-6, 3e-6, 4e-6]}, "at least 5"),
        ({"delays": [1e-6, -2e-6, 3e-6, 4e-6, 5e-6]}, "at least 0 s"),
        ({"delays": 5}, "list of times"),
        ({"delays": {"t9": DELAYS}}, "'t9'"),
        ({"lengths": [1, 2]}, "at least 3"),
        ({"lengths": [0, 2, 3]}, "at least 1"),
        ({"lengths": [1.5, 2, 3]}, "whole numbers"),
        ({"lengths": {"rb": [1, 50, 4000]}}, "'max_gates' is 2000"),
        ({"samples": 0}, "'samples'"),
        ({"shots": 0}, "'shots'"),
        ({"seed": "a"}, "'seed'"),
        ({"max_gates": 0}, "'max_gates'"),
        ({"separation": -1}, "'separation'"),
    ],
)
def test_what_has_no_meaning_is_an_error(twin, options, message):
    with pytest.raises(OqtopusOptionError, match=re.escape(message)):
        Characterization(twin, **options)


def test_whoever_names_qubits_gets_the_couplings_between_them(twin):
    plan = Characterization(twin, qubits=[0, 1, 5])
    assert plan.groups["irb"] == [[[0, 1]]]
    plan = Characterization(twin, qubits=[0, 5])
    assert "irb" not in plan.groups
    with pytest.raises(OqtopusOptionError, match="no coupling to measure"):
        Characterization(twin, qubits=[0, 5], measure="irb")
    assert Characterization(twin, measure="irb", couplings=[(1, 0)]).groups["irb"] == [[[0, 1]]]


def test_a_coupling_in_both_directions_is_measured_in_the_better_one():
    def double(facts):
        first = facts["couplings"][0]
        a, b = first["control"], first["target"]
        first["fidelity"] = 0.97
        facts["couplings"].append({**first, "control": b, "target": a, "fidelity": 0.99})

    twin = chip_twin(2, 2, double)
    pairs = [tuple(p) for group in Characterization(twin).groups["irb"] for p in group]
    assert (1, 0) in pairs
    assert (0, 1) not in pairs
    assert len(pairs) == 4


def test_all_needs_a_backend_with_what_is_not_calibrated():
    facts = chip_facts(2, 2)
    facts["qubits"][3]["fidelity"] = None
    snapshot = DeviceSnapshot.from_device(chip_device(2, 2), facts)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        known = QulacsBackend.from_target(snapshot.target())
        everything = QulacsBackend.from_target(snapshot.target(include_uncalibrated=True))
    for backend in (known, everything):
        good = Characterization(backend, measure="t1").groups["t1"]
        assert sorted(q for group in good for q in group) == [0, 1, 2]
    with pytest.raises(OqtopusOptionError, match="include_uncalibrated=True"):
        Characterization(known, qubits="all")
    with pytest.raises(OqtopusOptionError, match="include_uncalibrated=True"):
        Characterization(known, qubits=[3])
    plan = Characterization(everything, qubits="all", couplings="all")
    assert sorted(q for group in plan.groups["t1"] for q in group) == [0, 1, 2, 3]
    assert len([pair for group in plan.groups["irb"] for pair in group]) == 4


def test_without_any_calibration_all_qubits_are_measured_with_a_warning():
    backend = GenericBackendV2(4, ["sx", "x", "rz", "cx"], noise_info=False)
    with pytest.warns(OqtopusWarning, match="nothing is known"):
        plan = Characterization(backend, measure=("t1", "rb"))
    assert sorted(q for group in plan.groups["t1"] for q in group) == [0, 1, 2, 3]


def test_a_device_without_cx_is_measured_without_couplings():
    backend = GenericBackendV2(3, ["sx", "x", "rz", "cz"], seed=1)
    with pytest.warns(OqtopusWarning, match="no cx"):
        plan = Characterization(backend, max_readout_error=None, max_gate_error=None)
    assert "irb" not in plan.groups


def test_a_device_that_lacks_an_instruction_is_an_error_that_names_it():
    backend = GenericBackendV2(3, ["sx", "rz", "cx"], seed=1)
    with pytest.raises(OqtopusOptionError, match=r"no 'x' on \(0,\).*'readout'"):
        Characterization(backend)
    assert Characterization(backend, measure="rb").groups["rb"]


# -- points, gates and seeds ----------------------------------------------------------------------


def test_delays_are_chosen_by_the_lifetimes_of_each_qubit(twin):
    plan = Characterization(twin, measure=("t1", "t2"))
    for group in plan.component_experiment():
        for experiment in group.component_experiment():
            stated = twin.target.qubit_properties[experiment.physical_qubits[0]]
            lifetime = stated.t1 if experiment.experiment_type == "T1" else stated.t2
            delays = experiment.experiment_options.delays
            assert len(delays) == 12
            assert delays[0] < 0.1 * lifetime
            assert 3 * lifetime < delays[-1] < 4 * lifetime


def test_a_qubit_without_a_lifetime_gets_the_delays_of_the_others():
    def forget(facts):
        facts["qubits"][0]["qubit_lifetime"]["t1"] = None

    plan = Characterization(chip_twin(2, 2, forget), measure="t1")
    delays = {
        experiment.physical_qubits[0]: experiment.experiment_options.delays[-1]
        for group in plan.component_experiment()
        for experiment in group.component_experiment()
    }
    assert min(delays[q] for q in (1, 2, 3)) <= delays[0] <= max(delays[q] for q in (1, 2, 3))


@pytest.mark.parametrize("max_gates", [300, 1000, 2000])
def test_no_circuit_has_more_gates_than_it_may(max_gates):
    plan = Characterization(chip_twin(4, 4), max_gates=max_gates, samples=1, seed=3)
    sizes = [
        sum(n for name, n in circuit.count_ops().items() if name not in ("measure", "delay"))
        for circuit in plan._transpiled_circuits()
    ]
    assert max_gates / 2 < max(sizes) <= max_gates
    assert plan.num_circuits == len(sizes)
    stated = int(re.search(r"largest circuit: ([\d,]+)", str(plan))[1].replace(",", ""))
    assert max(sizes) <= stated <= max_gates


def test_plans_of_one_seed_are_the_same_and_of_none_differ(twin):
    options = {"measure": "rb", "lengths": [1, 10, 20]}

    def circuits(seed):
        return Characterization(twin, seed=seed, **options)._transpiled_circuits()

    assert circuits(4) == circuits(4)
    assert circuits(4) != circuits(5)
    assert circuits(None) != circuits(None)


def test_a_plan_says_what_it_takes(twin):
    text = str(Characterization(twin, seed=1, shots=500))
    assert text.startswith("Characterization of chip\n  6 qubits, 7 couplings\n")
    for part in ("LocalReadoutError: 4 circuits in 2 groups", "T1: 24 circuits", "T2Hahn: 24"):
        assert part in text
    assert "in 1 job, 500 shots each" in text
    assert "an estimate" in text


# -- plain data -----------------------------------------------------------------------------------


def test_a_plan_comes_back_from_plain_json_without_its_backend(twin):
    plan = Characterization(twin, seed=7, lengths={"irb": [1, 2, 4]})
    plain = json.loads(json.dumps(plan.to_plain()))
    again = Characterization.from_plain(plain)
    assert again.backend is None
    assert again.to_plain() == plan.to_plain()
    assert again._transpiled_circuits() == plan._transpiled_circuits()
    assert [c.metadata for c in again._transpiled_circuits()] == [
        c.metadata for c in plan._transpiled_circuits()
    ]
    assert names(again) == names(plan)
    assert str(again) == str(plan)


@pytest.mark.parametrize(
    "plain", [None, {}, {"version": 2}, {"version": 1}, {"version": 1, "measure": 3}]
)
def test_what_is_no_plan_is_an_error(plain):
    with pytest.raises(OqtopusOptionError, match=r"data of (a|the) plan"):
        Characterization.from_plain(plain)


def test_options_make_the_plan_anew(twin):
    plan = Characterization(twin, measure=("t1", "rb", "irb"), seed=7, shots=300)
    plan.set_run_options(shots=700)
    plan.set_experiment_options(
        lengths={"rb": [1, 4, 300]}, delays=DELAYS, seed=8, samples=1, max_circuits=50
    )
    expected = Characterization(
        twin,
        measure=("t1", "rb", "irb"),
        seed=8,
        samples=1,
        shots=700,
        delays=DELAYS,
        lengths={"rb": [1, 4, 300]},
    )
    assert plan.to_plain() == expected.to_plain()
    assert plan._transpiled_circuits() == expected._transpiled_circuits()
    assert plan.experiment_options.seed == 8
    assert plan.experiment_options.max_circuits == 50
    assert plan.run_options.shots == 700
    assert plan.backend is twin
    with pytest.raises(OqtopusOptionError, match="at least 3"):
        plan.set_experiment_options(lengths=[1])
    with pytest.raises(AttributeError, match="qubits"):
        plan.set_experiment_options(qubits=[1])


def test_it_is_saved_and_loaded_as_every_experiment(small):
    small = small.copy()
    small.set_experiment_options(max_circuits=9)
    for again in (through_json(small), Characterization.from_config(small.config())):
        assert type(again) is Characterization
        assert again.to_plain() == small.to_plain()
        assert again.experiment_options.max_circuits == 9
        assert again._transpiled_circuits() == small._transpiled_circuits()


# -- what is found --------------------------------------------------------------------------------


def test_the_table_has_a_row_per_element_and_quantity(small, data):
    table = small.table(data)
    assert tuple(table.columns) == COLUMNS
    assert table["element"].tolist() == [f"Q{q}" for q in (0, 1, 4) for _ in range(5)]
    assert table["quantity"].tolist()[:5] == ["readout 0->1", "readout 1->0", "T1", "EPC", "EPG_sx"]
    assert set(table["unit"]) == {"s", ""}
    assert table.loc[table["quantity"] == "T1", "points"].tolist() == ["5 of 5"] * 3
    assert table.loc[table["quantity"] == "EPC", "points"].tolist() == ["9 of 9"] * 3
    known = table[table["stated"].notna()]
    sigma = (known["value"] - known["stated"]) / known["stderr"]
    assert known["sigma"].tolist() == pytest.approx(sigma.tolist())
    assert (known["quantity"] != "EPC").all()
    assert set(table["job_id"]) == set(data.job_ids)
    assert table.attrs["device"] == "chip"
    assert set(table.attrs) == {"device", "calibrated_at", "run_time"}
    good = table["quality"] == "good"
    assert (table.loc[good, "reason"] == "").all()
    assert (table.loc[~good, "reason"] != "").all()


def test_errors_of_readout_are_binomial(small, data):
    readout = small.table(data).query("quantity.str.startswith('readout')")
    expected = (readout["value"] * (1 - readout["value"]) / 2000) ** 0.5
    assert readout["stderr"].tolist() == pytest.approx(expected.tolist())


def test_a_table_comes_back_from_saved_data(small, data):
    again = through_json(data)
    table = small.table(data)
    assert type(again.experiment) is Characterization
    assert again.experiment.table(again).equals(table)
    analysed = again.experiment.analysis.run(again).block_for_results()
    assert again.experiment.table(analysed).equals(table)


def test_data_without_analysis_have_no_table(small):
    data = small.run(analysis=None).block_for_results()
    with pytest.raises(OqtopusOptionError, match="no analysis results"):
        small.table(data)


def test_jobs_of_few_circuits_give_the_same_table(small, data):
    parts = small.copy()
    parts.set_experiment_options(max_circuits=7)
    split = parts.run(seed_simulator=5).block_for_results()
    assert len(split.job_ids) > 1
    table = parts.table(split)
    assert table["value"].notna().all()
    assert set(table["job_id"]) <= set(split.job_ids)
    assert "in 5 jobs" in str(parts)


def test_a_bar_is_for_what_is_sent(small):
    assert small.run(progress=True, analysis=None).block_for_results().data()


def test_it_runs_on_any_backend():
    aer = pytest.importorskip("qiskit_aer")
    backend = aer.AerSimulator.from_backend(GenericBackendV2(3, ["sx", "x", "rz", "cx"], seed=1))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", OqtopusWarning)
        plan = Characterization(
            backend,
            measure=("readout", "rb"),
            max_gate_error=None,
            max_readout_error=None,
            lengths=[1, 20, 40],
        )
    table = plan.table(plan.run(shots=500).block_for_results())
    assert table["value"].notna().all()


def test_a_report_is_written(small, data, tmp_path):
    page = small.report(tmp_path, data)
    text = page.read_text(encoding="utf-8")
    assert "StandardRB" in text
    assert (tmp_path / "qubits.csv").exists()


def test_a_report_has_figures_of_fits_that_are_bad(tmp_path):
    def spoil(facts):
        facts["qubits"][1]["meas_error"] = {
            "prob_meas1_prep0": 0.2,
            "prob_meas0_prep1": 0.2,
            "readout_assignment_error": 0.2,
        }

    # T1Analysis calls a fit bad whose amplitude is not about 1.
    plan = Characterization(chip_twin(1, 3, spoil), measure="t1", max_readout_error=None)
    data = plan.run().block_for_results()
    assert plan.table(data).query("quality == 'bad'")["element"].tolist() == ["Q1"]
    text = plan.report(tmp_path, data).read_text(encoding="utf-8")
    assert text.count("<h3>Q1 T1</h3>") == 1
    assert "<h3>Q0 T1</h3>" not in text
    assert (tmp_path / "figures" / "q1-t1.png").exists()
    assert not data.figure_names


def test_the_target_without_a_backend_is_an_error():
    with pytest.raises(OqtopusOptionError, match="BackendV2"):
        Characterization(chip_target(2, 2))
