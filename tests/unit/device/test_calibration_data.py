"""The older form of device_info: what can be read of it, and what stays as it is."""

import warnings

import pytest

from qiskit_oqtopus.device.snapshot import DeviceSnapshot

from .conftest import read_with_one_warning

DOCUMENT = {
    "n_nodes": 5,
    "calibration_data": {
        "qubit_connectivity": ["(1,4)", "(1, 2)", "(0,1)"],
        "t1": {"0": 55.5, "4": 40.0},
        "t2": {"0": 30.0},
        "roError": {"0": 0.1},
        "two_qubit_gates": {
            "cx1_4": {"gate_error_value": 0.02},
            "(1,2)": {"gate_error_value": 0.03},
            "average": {"gate_error_value": 0.5},
        },
    },
}


def read(facts, **device):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return DeviceSnapshot.from_device({"device_id": "old", **device}, facts)


def with_data(**data):
    return {"n_nodes": 5, "calibration_data": {**DOCUMENT["calibration_data"], **data}}


def test_what_can_have_one_meaning_is_read():
    snapshot = read(DOCUMENT)
    assert snapshot.n_qubits == 5
    assert [qubit.id for qubit in snapshot.qubits] == [0, 1, 2, 3, 4]
    assert snapshot.qubits[0].t1 == 55.5 / 1e6
    assert snapshot.qubits[0].t2 == 30.0 / 1e6
    assert snapshot.qubits[1].t1 is None
    found = {(c.control, c.target): c.fidelity for c in snapshot.couplings}
    assert found == {(1, 4): 0.98, (1, 2): 0.97, (0, 1): None}
    assert snapshot.extra["calibration_data"] == DOCUMENT["calibration_data"]
    assert snapshot.extra["n_nodes"] == 5
    assert DeviceSnapshot.from_dict(snapshot.to_dict()) == snapshot


def test_the_rule_holds_for_it():
    target = read(DOCUMENT).target()
    assert target["cx"].keys() == {(1, 4), (1, 2)}
    assert (3,) in target["measure"]
    assert target["measure"][3,].error is None


def test_the_number_of_qubits_may_come_from_the_list_of_devices():
    facts = {"calibration_data": {"qubit_connectivity": ["(1,4)"], "t1": {"0": 55.5}}}
    snapshot = read(facts, n_qubits=5)
    assert set(snapshot.target()["cx"]) == {(1, 4)}
    snapshot = read(facts)  # nobody says how many there are: those that are named
    assert [qubit.id for qubit in snapshot.qubits] == [0, 1, 4]
    assert snapshot.left_out[0] == "qubit 2: it is not in the list of qubits"


@pytest.mark.parametrize(
    "gates",
    [
        {"cx": {"gate_error_value": 0.02}},
        {"Q1_Q4": {"gate_error_value": 0.02}},
        {"cz1_4": {"gate_error_value": 0.02}, "cx1_4": {"gate_error_value": 0.03}},
        {"cx1_4": 0.02},
        {"cx1_4": {}},
        ["cx1_4"],
        None,
    ],
)
def test_errors_that_could_mean_several_things_are_not_read(gates):
    snapshot = read(with_data(two_qubit_gates=gates))
    assert {c.fidelity for c in snapshot.couplings} == {None}
    assert set(snapshot.target()["cx"]) == {(1, 4), (1, 2), (0, 1)}


@pytest.mark.parametrize(
    "facts",
    [
        {"n_nodes": 3, "calibration_data": {"t1": {"0": 55.5}}},
        {"n_nodes": 3, "calibration_data": {"qubit_connectivity": []}},
        {"n_nodes": 3, "calibration_data": {"qubit_connectivity": "(0,1)"}},
        {"n_nodes": 3, "calibration_data": None},
        {"n_nodes": 3, "calibration_data": [1]},
    ],
)
def test_without_couplings_nothing_is_read_and_all_is_kept(facts):
    snapshot, _ = read_with_one_warning({"device_id": "old"}, facts)
    assert (snapshot.qubits, snapshot.n_qubits) == ((), 3)
    assert snapshot.target().instruction_supported("cx", (2, 0))
    assert snapshot.extra == facts


@pytest.mark.parametrize("pair", ["(1,9)", "(1,1)", "1->2", 7, None, "(1,2,3)", "(" + "9" * 99])
def test_pairs_that_are_none_are_left_out(pair):
    facts = with_data(qubit_connectivity=["(1,4)", pair])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        snapshot = DeviceSnapshot.from_device({"device_id": "old"}, facts)
    assert [(c.control, c.target) for c in snapshot.couplings] == [(1, 4)]
    assert len(snapshot.left_out) == 1


@pytest.mark.parametrize("error", [1.5, "0.1", -1])
def test_errors_that_cannot_be_true_are_doubted(error):
    facts = with_data(two_qubit_gates={"cx1_4": {"gate_error_value": error}})
    snapshot, message = read_with_one_warning({"device_id": "old"}, facts)
    assert snapshot.couplings[0].fidelity is None
    assert "coupling 1->4: fidelity" in message


def test_todays_form_is_not_mixed_with_it():
    facts = DOCUMENT | {"qubits": [{"id": 0}], "couplings": []}
    snapshot = read(facts, n_qubits=5)
    assert [qubit.id for qubit in snapshot.qubits] == [0]
    assert snapshot.extra["calibration_data"] == DOCUMENT["calibration_data"]
