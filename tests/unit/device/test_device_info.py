"""What a device says of its qubits and couplings: what is read, doubted and left out."""

import math

import pytest

from qiskit_oqtopus.device.device_info import MAX_QUBITS, read_facts
from tests.devices import (
    anemone_device,
    anemone_facts,
    grid_device,
    grid_facts,
)

from .conftest import anemone, read_with_one_warning


@pytest.mark.usefixtures("no_warnings")
def test_ids_need_not_be_sorted():
    facts = anemone_facts()
    facts["qubits"].reverse()
    assert anemone(facts) == anemone()


@pytest.mark.usefixtures("no_warnings")
def test_an_id_that_is_missing_is_left_out_with_its_couplings():
    facts = anemone_facts()
    del facts["qubits"][2]
    snapshot = anemone(facts)
    assert snapshot.n_qubits == 3
    assert [q.id for q in snapshot.qubits] == [0, 1]
    assert [(c.control, c.target) for c in snapshot.couplings] == [(0, 1)]
    assert snapshot.left_out == (
        "qubit 2: it is not in the list of qubits",
        "coupling 2->1: qubit 2 is not in the list of qubits",
    )


@pytest.mark.parametrize("fidelity", [0, 0.0, math.nan])
@pytest.mark.usefixtures("no_warnings")
def test_a_coupling_that_could_not_be_calibrated_is_left_out(fidelity):
    facts = anemone_facts()
    facts["couplings"][1]["fidelity"] = fidelity
    snapshot = anemone(facts)
    assert snapshot.couplings[1].fidelity == (0 if fidelity == 0 else None)
    assert set(snapshot.target()["cx"]) == {(0, 1)}
    words = "0" if fidelity == 0 else "unknown"
    assert snapshot.left_out == (f"coupling 2->1: its fidelity is {words}",)


BAD_FRACTIONS = [math.nan, math.inf, -math.inf, -0.1, 1.0001, "0.9", True, [0.9], 10**400]


BAD_TIMES = [math.nan, math.inf, -1, "16", False, {}, 10**400]


def bad_numbers():
    for value in BAD_FRACTIONS:
        yield ("qubits", 0), "fidelity", value
        for name in ("prob_meas1_prep0", "prob_meas0_prep1", "readout_assignment_error"):
            yield ("qubits", 0, "meas_error"), name, value
        if value == value:  # a coupling with NaN is left out
            yield ("couplings", 0), "fidelity", value
    for value in BAD_TIMES:
        yield ("qubits", 0, "gate_duration"), "sx", value
        yield ("couplings", 0, "gate_duration"), "rzx90", value
        for name in ("t1", "t2"):
            yield ("qubits", 0, "qubit_lifetime"), name, value
    yield ("qubits", 0, "qubit_lifetime"), "t1", 0
    for value in (math.nan, math.inf, "0", True):
        yield ("qubits", 0, "position"), "x", value
    yield ("qubits", 0), "physical_id", -1
    for name in ("position", "meas_error", "qubit_lifetime", "gate_duration"):
        yield ("qubits", 0), name, 5


@pytest.mark.parametrize(("path", "name", "value"), list(bad_numbers()), ids=lambda x: str(x)[:20])
def test_a_number_that_cannot_be_true_is_unknown(path, name, value):
    facts, without = anemone_facts(), anemone_facts()
    for root, number in ((facts, value), (without, None)):
        place = root
        for step in path:
            place = place[step]
        place[name] = number
    snapshot, message = read_with_one_warning(anemone_device(), facts)
    assert snapshot == anemone(without)
    assert ("coupling 0->1" if path[0] == "couplings" else "qubit 0") in message
    assert name in message


def test_many_bad_numbers_give_one_short_warning():
    facts = grid_facts()
    for qubit in facts["qubits"]:
        qubit["fidelity"] = math.nan
        qubit["qubit_lifetime"]["t1"] = -1.0
    snapshot, message = read_with_one_warning(grid_device(), facts)
    assert {q.fidelity for q in snapshot.qubits} == {None}
    assert message.startswith("Device 'qulacs' describes itself")
    assert "qubit 0: fidelity is nan; qubit 0: t1 is -1.0" in message
    assert message.endswith("and 22 more.")


@pytest.mark.parametrize(
    "facts", [{}, [], "x", {"qubits": {}}, {"qubits": [None]}, {"qubits": None, "couplings": 3}]
)
def test_useless_facts_cost_only_the_numbers(facts):
    snapshot, message = read_with_one_warning(anemone_device(), facts)
    assert snapshot.qubits == snapshot.couplings == ()
    assert snapshot.n_qubits == 3
    assert "'anemone'" in message
    assert snapshot.target().num_qubits == 3


@pytest.mark.parametrize("id_", [None, -1, "0", 1.5, True, 10**9])
def test_a_qubit_without_usable_id_is_left_out(id_):
    facts = anemone_facts()
    facts["qubits"][2]["id"] = id_
    snapshot, message = read_with_one_warning(anemone_device(), facts)
    reason = "entry 2 of the list of qubits: it has no usable id"
    assert reason in snapshot.left_out
    assert reason in message
    assert [q.id for q in snapshot.qubits] == [0, 1]


def test_entries_listed_again_and_couplings_to_nowhere_are_left_out():
    facts = anemone_facts()
    facts["qubits"].append(facts["qubits"][0] | {"fidelity": 0.5})
    facts["couplings"] += [
        facts["couplings"][0],
        {"control": 1, "target": 1},
        {"control": 0},
        "0->1",
    ]
    snapshot, _ = read_with_one_warning(anemone_device(), facts)
    assert snapshot.qubits == anemone().qubits
    assert snapshot.couplings == anemone().couplings
    assert snapshot.left_out == (
        "qubit 0: listed again (entry 3)",
        "coupling 0->1: listed again (entry 2)",
        *(f"entry {i} of the list of couplings: it has no usable qubits" for i in (3, 4, 5)),
    )


def test_a_nan_among_unknown_fields_is_unknown():
    facts = anemone_facts()
    facts["fridge"] = {"mK": [9.5, math.nan]}
    snapshot, message = read_with_one_warning(anemone_device(), facts)
    assert snapshot.extra["fridge"] == {"mK": [9.5, None]}
    assert "fridge.mK[1] is nan" in message


@pytest.mark.parametrize("name", ["qubits", "couplings"])
def test_a_list_that_no_device_has_is_not_read(name):
    facts = {"qubits": [], "couplings": [], name: [None] * 1_000_000}
    read = read_facts(facts)
    assert (read.qubits, read.couplings) == ((), ())
    assert read.doubts == (f"device_info: {name} is 1,000,000 entries, and not read",)


@pytest.mark.parametrize("id_", [10**10, 10**4000, 1e300, MAX_QUBITS])
def test_an_id_that_would_need_a_gigantic_target(id_):
    read = read_facts({"qubits": [{"id": id_}, {"id": 0}], "couplings": []})
    assert [qubit.id for qubit in read.qubits] == [0]


def test_doubts_can_be_shown():
    wild = "\x1b[31m\n" + "x" * 1_000_000
    qubit = {"id": 0, "fidelity": wild, "gate_duration": {wild: "x"}, "own": {wild: float("nan")}}
    doubts = read_facts({"qubits": [qubit], "couplings": []}).doubts
    assert len(doubts) == 3
    assert all(doubt.isprintable() and len(doubt) < 200 for doubt in doubts)
