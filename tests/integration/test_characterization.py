"""A night of calibration finds what a twin's calibration states."""

import warnings

import pytest

from qiskit_oqtopus import DeviceSnapshot, OqtopusProvider, QulacsBackend
from qiskit_oqtopus.emulator import Emulator
from qiskit_oqtopus.experiments import Characterization
from tests.devices import chip_device, chip_facts

SIGMAS = 5
"""A value is farther than this from the stated one with probability 6e-7, if its error is that of a
normal distribution: for all 16 * 4 + 64 * 4 values of the tests here, twice, 4e-4."""

STATED = ("T1", "T2", "readout 0->1", "readout 1->0")


def twin_of(rows, columns, timing):
    facts = chip_facts(rows, columns)
    target = DeviceSnapshot.from_device(chip_device(rows, columns), facts).target()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return QulacsBackend.from_target(target, name="chip", seed=11, timing=timing)


def assert_found(table):
    for quantity in STATED:
        rows = table[table["quantity"] == quantity]
        assert len(rows)
        assert (rows["quality"] == "good").all() or quantity in ("T1", "T2")
        assert rows["sigma"].abs().max() < SIGMAS, rows.to_string()


def assert_gates_found(table, low=0.8, high=1.3):
    """Errors of gates are within what the protocol is good for.

    The fits have 3 random sequences per length, from whose spread no good error bar comes; and the
    error of an interleaved gate is that of its average over the group only if its noise has no
    direction, which relaxation has. So the mean over the chip is compared.
    """
    for is_coupling, quantity in ((False, "EPG_sx"), (True, "EPC")):
        rows = table[
            (table["quantity"] == quantity)
            & (table["element"].str.contains("-") == is_coupling)
            & table["stated"].notna()
        ]
        assert len(rows)
        assert low < rows["value"].mean() / rows["stated"].mean() < high


@pytest.mark.slow
@pytest.mark.parametrize("timing", [None, "global_barriers"])
@pytest.mark.parametrize("side", [4, 8])
def test_lifetimes_and_readout_are_those_that_are_stated(side, timing):
    plan = Characterization(
        twin_of(side, side, timing), measure=("readout", "t1", "t2"), seed=1, shots=2000
    )
    table = plan.table(plan.run().block_for_results())
    assert len(table) == 4 * side**2
    assert_found(table)


@pytest.mark.slow
@pytest.mark.parametrize("timing", [None, "global_barriers"])
def test_errors_of_gates_are_those_that_are_stated(timing):
    plan = Characterization(twin_of(4, 4, timing), measure=("rb", "irb"), seed=1, shots=2000)
    assert_gates_found(plan.table(plan.run().block_for_results()))


@pytest.mark.slow
def test_time_makes_no_difference_to_what_is_placed():
    tables = [
        plan.table(plan.run(shots=500).block_for_results())
        for timing in (None, "global_barriers")
        for plan in [Characterization(twin_of(2, 3, timing), seed=1)]
    ]
    # The same seed, and the same noise: so also the same counts.
    assert tables[0].drop(columns="job_id").equals(tables[1].drop(columns="job_id"))


@pytest.mark.parametrize("timing", [None, "global_barriers"])
def test_the_same_over_http_with_all_jobs_under_one_id(timing):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        cloud = Emulator(devices=["grid-16q"], seed=7, noise=True, timing=timing)
    with cloud, OqtopusProvider(url=cloud.url, token=cloud.token) as provider:
        device = provider.backend("grid-16q")
        plan = Characterization(device, measure=("readout", "t1", "t2"), seed=1)
        circuits = plan._transpiled_circuits()
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # the device would say that delays are not side by side
            assert device.check(circuits) == []
            data = plan.run(tags=["night"], workers=1).block_for_results()
        table = plan.table(data)
        (group,) = data.job_ids
        assert set(table["job_id"]) == {group}
        assert len(table) == 4 * 16
        assert table.attrs["device"] == "grid-16q"
        assert table.attrs["calibrated_at"] == device.calibrated_at
        assert_found(table)
        # The id is enough: the same data, and so the same table.
        again = plan._initialize_experiment_data()
        again.add_jobs([provider.job(group)])
        assert plan.table(plan.analysis.run(again).block_for_results()).equals(table)


@pytest.mark.slow
def test_errors_of_gates_are_found_over_http():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        cloud = Emulator(devices=["grid-16q"], seed=7, noise=True, timing="global_barriers")
    with cloud, OqtopusProvider(url=cloud.url, token=cloud.token) as provider:
        device = provider.backend("grid-16q")
        plan = Characterization(device, measure=("rb", "irb"), qubits=[0, 1, 4, 5], seed=1)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert device.check(plan._transpiled_circuits()) == []
        # One program after the other, so that each gets the same counts each time.
        table = plan.table(plan.run(workers=1).block_for_results())
    assert table["value"].notna().all()
    assert_gates_found(table, 0.4, 2.0)  # of four qubits only


def test_programs_that_fail_are_missing_points_and_their_reason_is_kept():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        cloud = Emulator(devices=["line-4q"], seed=7, noise=True)
    with cloud, OqtopusProvider(url=cloud.url, token=cloud.token) as provider:
        device = provider.backend("line-4q")
        plan = Characterization(
            device,
            measure=("readout", "t1"),
            max_gate_error=None,
            max_readout_error=None,
            qubits="all",
            seed=1,
        )
        complete = plan.table(plan.run().block_for_results())
        assert complete["value"].notna().all()
        cloud.faults.fail_program('"readout_1"', times=1, message="no more helium")
        cloud.faults.fail_program('"t1_3"')
        table = plan.table(plan.run().block_for_results())
    assert len(table) == len(complete) == 4 * 3
    readout = table["quantity"].str.startswith("readout")
    lost = table[readout & table["value"].isna()]
    # Of one of the two groups.
    assert sorted(lost["element"].unique()) in (
        [f"Q{q}" for q in group] for group in map(sorted, plan.groups["readout"])
    )
    assert (lost["points"] == "1 of 2").all()
    assert lost["reason"].str.contains("no more helium").all()
    assert (lost["quality"] == "bad").all()
    rest = table[~readout]
    assert (rest["points"] == "11 of 12").all()
    assert rest["value"].notna().all()
