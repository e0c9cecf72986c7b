"""A qubit of which nothing is known is not a perfect one: the rule, and what transpile does."""

import dataclasses
import warnings

import pytest
from qiskit import QuantumCircuit, transpile
from qiskit.transpiler.exceptions import TranspilerError

from qiskit_oqtopus import OqtopusCircuitError, OqtopusWarning, QulacsBackend
from qiskit_oqtopus.device.check import check_circuits
from qiskit_oqtopus.device.device_info import CouplingFacts, QubitFacts
from qiskit_oqtopus.device.snapshot import DeviceSnapshot
from qiskit_oqtopus.device.target import device_target
from tests.lines import GOOD, READOUT, UNKNOWN, ZEROS, line_facts

from .conftest import read_with_one_warning


def line(size, unknown=None, couplings=None):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        facts = line_facts(size, unknown, couplings)
        return DeviceSnapshot.from_device({"device_id": "line", "n_qubits": size}, facts)


def only_measured():
    circuit = QuantumCircuit(1, 1)
    circuit.measure(0, 0)
    return circuit


def flipped():
    circuit = QuantumCircuit(1)
    circuit.x(0)
    circuit.measure_all()
    return circuit


def bell():
    circuit = QuantumCircuit(2)
    circuit.h(0)
    circuit.cx(0, 1)
    circuit.measure_all()
    return circuit


def used(circuit):
    return sorted(
        {
            circuit.find_bit(qubit).index
            for item in circuit.data
            if item.name != "barrier"
            for qubit in item.qubits
        }
    )


# --- what transpile does ---

ONE, TWO = (only_measured, flipped), (bell,)

# For circuits, the place of the unknown qubit in a line of four, and levels: where they run, or
# what Qiskit raises (about "measure", which the trivial layout puts on a qubit without one).
OUTCOMES = [
    (ONE, 0, (0, 1), TranspilerError),
    (ONE, 0, (2, 3), [1]),
    (ONE, 1, (0, 1, 2, 3), [0]),
    (ONE, 2, (0, 1, 2, 3), [0]),
    (ONE, 3, (0, 1, 2, 3), [0]),
    (TWO, 0, (0,), TypeError),
    (TWO, 0, (1, 2, 3), [1, 2]),
    (TWO, 1, (0,), TranspilerError),
    (TWO, 1, (1, 2, 3), [2, 3]),
    (TWO, 2, (0, 1, 2, 3), [0, 1]),
    (TWO, 3, (0, 1, 2, 3), [0, 1]),
]


@pytest.mark.parametrize("kind", UNKNOWN)
@pytest.mark.parametrize("place", range(4))
def test_transpile_avoids_what_is_unknown_or_raises(kind, place):
    target = line(4, {place: UNKNOWN[kind]}).target()
    assert target.num_qubits == 4
    seen = 0
    for circuits, where, levels, expected in OUTCOMES:
        for make in circuits if where == place else ():
            for level in levels:
                options = {"optimization_level": level, "seed_transpiler": 0}
                seen += 1
                if isinstance(expected, list):
                    compiled = transpile(make(), target=target, **options)
                    assert used(compiled) == expected, (make, level)
                    assert check_circuits([compiled], target, None) == []
                else:
                    with pytest.raises(expected):
                        transpile(make(), target=target, **options)
    assert seen == 12


@pytest.mark.parametrize("level", [0, 1, 2, 3])
@pytest.mark.parametrize("place", range(4))
def test_good_qubits_are_a_layout_for_every_level(place, level):
    snapshot = line(4, {place: {}})
    backend = QulacsBackend.from_snapshot(snapshot)
    layout = backend.good_qubits()[:1]
    compiled = transpile(
        flipped(), backend, initial_layout=layout, optimization_level=level, seed_transpiler=0
    )
    assert used(compiled) == layout != [place]
    pair = backend.good_couplings()[0]
    compiled = transpile(bell(), backend, initial_layout=pair, optimization_level=level)
    assert used(compiled) == list(pair)


@pytest.mark.parametrize("level", [0, 1, 2, 3])
def test_a_pair_that_fits_nowhere_is_an_error(level):
    # Qiskit 2 raises errors of several kinds here, one of them a panic of its Rust code.
    with pytest.raises(BaseException) as caught:  # noqa: PT011
        transpile(bell(), target=line(3, {1: {}}).target(), optimization_level=level)
    assert type(caught.value).__name__ in ("TranspilerError", "TypeError", "PanicException")


@pytest.mark.parametrize("level", [0, 1])
def test_what_is_not_measured_raises_too(level):
    circuit = QuantumCircuit(1)
    circuit.x(0)
    with pytest.raises(TranspilerError, match="Unable to translate"):
        transpile(circuit, target=line(3, {0: {}}).target(), optimization_level=level)


# --- the rule ---


@pytest.mark.parametrize("kind", UNKNOWN)
@pytest.mark.parametrize("place", range(3))
def test_an_unknown_qubit_keeps_its_number_and_has_no_operations(kind, place):
    snapshot = line(3, {place: UNKNOWN[kind]})
    target = snapshot.target()
    assert (snapshot.n_qubits, target.num_qubits, len(snapshot.qubits)) == (3, 3, 3)
    assert not [qargs for qargs in target.qargs if place in qargs]
    others = {(i,) for i in range(3)} - {(place,)}
    for name in ("x", "sx", "rz", "measure", "delay"):
        assert set(target[name]) == others
    assert set(snapshot.uncalibrated) == {
        (place,),
        *((i, i + 1) for i in range(2) if place in (i, i + 1)),
    }
    assert snapshot.left_out[0].startswith(f"qubit {place}: its ")
    assert f"qubit {place} is left out" in snapshot.left_out[1]


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("no fields", "its one-qubit fidelity is unknown and its readout error is unknown"),
        ("zeros", "its one-qubit fidelity is 0 and its readout error is 0"),
        ("fidelity 0.25", "its one-qubit fidelity is 0.25 (no better than noise)"),
        ("fidelity 1.3", "its one-qubit fidelity is unknown"),
        ("readout in part", "its readout error is unknown"),
    ],
)
def test_left_out_says_why(kind, reason):
    assert line(2, {1: UNKNOWN[kind]}).left_out == (
        f"qubit 1: {reason}",
        "coupling 0->1: qubit 1 is left out",
    )


@pytest.mark.parametrize("fidelity", [None, 0, 0.25, 1.3, -1, "0.9"])
def test_an_unknown_coupling_costs_the_coupling_only(fidelity):
    snapshot = line(3, couplings={0: {"fidelity": fidelity}})
    target = snapshot.target()
    assert set(target["cx"]) == {(1, 2)}
    assert set(target["measure"]) == {(0,), (1,), (2,)}
    (reason,) = snapshot.left_out
    assert reason.startswith("coupling 0->1: its fidelity is ")
    assert snapshot.target(include_uncalibrated=True)["cx"][0, 1].error is None


@pytest.mark.parametrize("kind", UNKNOWN)
def test_a_quantity_that_no_qubit_has_is_not_missed(kind):
    snapshot = line(3, dict.fromkeys(range(3), UNKNOWN[kind]))
    target = snapshot.target()
    assert snapshot.left_out == ()
    assert set(target["sx"]) == set(target["measure"]) == {(0,), (1,), (2,)}
    assert set(target["cx"]) == {(0, 1), (1, 2)}
    assert (target["sx"][0,].error is None) is not kind.startswith("readout")


def test_a_device_without_fidelities_of_couplings_has_couplings():
    target = line(3, couplings={key: {"fidelity": None} for key in range(2)}).target()
    assert [each.error for each in target["cx"].values()] == [None, None]


def test_a_device_of_zeros_has_no_calibration_at_all():
    facts = line_facts(
        3, dict.fromkeys(range(3), ZEROS), {key: {"fidelity": 0} for key in range(2)}
    )
    snapshot, message = read_with_one_warning({"device_id": "line"}, facts)
    assert snapshot.left_out == ()
    assert "each one-qubit fidelity is 0.5 or less, no better than noise" in message
    target = snapshot.target()
    assert set(target["cx"]) == {(0, 1), (1, 2)}
    assert [target[name][0,].error for name in ("x", "sx", "measure")] == [None] * 3
    assert target["cx"][0, 1].error is None
    assert set(target["measure"]) == {(0,), (1,), (2,)}


def test_lifetimes_cost_no_operations():
    snapshot = line(2, {1: {key: GOOD[key] for key in ("fidelity", "meas_error")}})
    assert snapshot.left_out == ()
    assert snapshot.target().qubit_properties[1].t1 is None
    assert (1,) in snapshot.target()["sx"]


def test_qubits_that_know_different_things():
    halves = {0: {"fidelity": 0.999}, 1: {"meas_error": READOUT}}
    snapshot = line(2, halves)
    assert set(snapshot.uncalibrated) == {(0,), (1,), (0, 1)}
    target = snapshot.target()
    assert (target.num_qubits, target.operation_names) == (2, set())


def test_include_uncalibrated_brings_them_back_without_errors():
    snapshot = line(3, {1: ZEROS | {"meas_error": READOUT}, 2: UNKNOWN["readout 0"]})
    target = snapshot.target(include_uncalibrated=True)
    assert target["sx"][1,].error is None
    assert target["measure"][1,].error == 0.015
    assert target["sx"][2,].error == pytest.approx(0.001)
    measured = target["measure"][2,]
    assert (measured.error, measured.prob_meas1_prep0, measured.prob_meas0_prep1) == (None,) * 3
    assert set(target["cx"]) == {(0, 1), (1, 2)}


def test_what_the_device_does_not_list_is_not_brought_back():
    facts = line_facts(3)
    del facts["qubits"][1]
    snapshot = DeviceSnapshot.from_device({"device_id": "line", "n_qubits": 3}, facts)
    target = snapshot.target(include_uncalibrated=True)
    assert set(target["sx"]) == {(0,), (2,)}


def test_impossible_facts_of_callers():
    qubits = [QubitFacts(0, fidelity=0.99), QubitFacts(1, fidelity=1.3)]
    pairs = [CouplingFacts(0, 1, 0.9)]
    target = device_target(num_qubits=2, basis_gates=(), qubits=qubits, couplings=pairs)
    assert set(target["sx"]) == {(0,)}


# --- snapshots of before, and twins ---


def test_a_snapshot_of_before_says_what_is_left_out(tmp_path):
    snapshot = line(3, {2: {}})
    old = dataclasses.replace(snapshot, left_out=("entry 7 of the list of couplings: broken",))
    old.save(tmp_path / "old.json")
    loaded = DeviceSnapshot.load(tmp_path / "old.json")
    assert loaded.left_out == (*old.left_out, *snapshot.left_out)
    assert DeviceSnapshot.from_dict(loaded.to_dict()) == loaded
    assert set(loaded.target()["sx"]) == {(0,), (1,)}


@pytest.mark.parametrize("kind", UNKNOWN)
def test_the_twin_of_a_snapshot_refuses_with_the_reason(kind):
    snapshot = line(3, {2: UNKNOWN[kind]})
    twin = QulacsBackend.from_snapshot(snapshot)
    circuit = QuantumCircuit(3, 1)
    circuit.x(2)
    circuit.measure(2, 0)
    with pytest.raises(OqtopusCircuitError) as caught:
        twin.run(circuit)
    reason = f"qubit 2 is left out: {snapshot.uncalibrated[2,]}"
    assert [problem.reason for problem in caught.value.problems] == [reason] * 2
    assert "an initial_layout of backend.good_qubits()" in caught.value.problems[0].cure


def test_a_twin_of_all_that_is_known_does_not_warn_of_gaps():
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        QulacsBackend.from_snapshot(line(3, {2: {}}))
    messages = [str(w.message) for w in caught if issubclass(w.category, OqtopusWarning)]
    assert not [message for message in messages if "nothing is known" in message]
