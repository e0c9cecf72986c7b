"""The Target of a device: what it allows, its numbers, and what transpile does with it."""

import copy
import math
import pickle

import pytest
from qiskit import QuantumCircuit, transpile
from qiskit.synthesis.qft import synth_qft_full
from qiskit.transpiler import InstructionProperties, generate_preset_pass_manager

from qiskit_oqtopus import OqtopusOptionError
from qiskit_oqtopus.device.snapshot import DeviceSnapshot
from qiskit_oqtopus.device.target import MeasureProperties
from tests.devices import (
    anemone_device,
    anemone_facts,
    describe,
    grid_device,
    grid_facts,
    kawasaki_device,
)


def anemone_target(**options):
    return DeviceSnapshot.from_device(anemone_device(), anemone_facts()).target(**options)


def grid_target(facts=None, **device):
    facts = grid_facts() if facts is None else facts
    return DeviceSnapshot.from_device(grid_device() | device, facts).target()


def assert_inside(circuit, target):
    for instruction in circuit.data:
        qargs = tuple(circuit.find_bit(q).index for q in instruction.qubits)
        name = instruction.operation.name
        assert name == "barrier" or target.instruction_supported(name, qargs), (name, qargs)


# --- what it allows ---


def test_the_recorded_processor():
    target = anemone_target()
    assert target.num_qubits == 3
    assert target.dt == 2e-9
    # Its basis is ["sx", "rz", "rzx90", "id"]: x and cx come from the engine, no id, no rzx90.
    assert set(target.operation_names) == {"x", "sx", "rz", "cx", "measure", "delay"}
    assert set(target["cx"]) == {(0, 1), (2, 1)}
    for name in ("x", "sx", "rz", "measure", "delay"):
        assert set(target[name]) == {(0,), (1,), (2,)}
    assert "2025-04-20" not in target.description  # the list of devices has a newer time
    assert target.description == "OQTOPUS device anemone, calibrated at 2026-11-22T22:17:15Z"


def test_the_recorded_simulator():
    target = grid_target()
    assert target.num_qubits == 16
    assert len(target["cx"]) == 22
    assert (0, 2) in target["cx"]
    assert (2, 0) not in target["cx"]
    assert target["cx"][0, 2].duration == 40e-9
    assert target["cx"][0, 2].error == pytest.approx(0.01)
    assert target["sx"][7,].duration == 20e-9


def test_other_gates_of_the_basis_that_qiskit_knows():
    facts = anemone_facts()
    facts["couplings"][0]["gate_duration"]["cz"] = 48
    facts["qubits"][0]["gate_duration"]["h"] = 32
    device = anemone_device() | {"basis_gates": ["h", "cz", "ccx", "measure", "delay", "warp"]}
    target = DeviceSnapshot.from_device(device, facts).target()
    assert set(target.operation_names) == {"x", "sx", "rz", "cx", "h", "cz", "measure", "delay"}
    assert target["cz"][0, 1].duration == 48e-9
    assert target["cz"][2, 1].duration is None
    assert target["cz"][2, 1].error == 1 - 0.985511964171477
    assert target["h"][0,].duration == 32e-9
    assert target["h"][1,].error == 1 - 0.9995370146509399


def test_an_id_that_is_missing_keeps_its_index_and_has_no_operations():
    facts = grid_facts()
    del facts["qubits"][5]
    target = grid_target(facts)
    assert target.num_qubits == 16
    assert (15,) in target["sx"]
    assert not [qargs for qargs in target.qargs if 5 in qargs]
    assert len(target["cx"]) == 19
    assert target.qubit_properties[5].t1 is None
    assert target.qubit_properties[6].t1 == 1e-4


def test_a_device_without_usable_couplings_has_no_cx():
    facts = anemone_facts()
    for coupling in facts["couplings"]:
        coupling["fidelity"] = 0
    target = DeviceSnapshot.from_device(anemone_device(), facts).target()
    assert "cx" not in target.operation_names
    assert "sx" in target.operation_names


def test_without_facts_everything_is_allowed_and_nothing_is_invented():
    target = DeviceSnapshot.from_device(kawasaki_device(), None).target()
    assert target.num_qubits == 64
    assert target.qubit_properties is None
    assert target.build_coupling_map() is None
    assert set(target.operation_names) == {"x", "sx", "rz", "cx", "measure", "delay"}
    assert target.instruction_supported("cx", (63, 0))
    assert not target.instruction_supported("cx", (64, 0))
    for name in target.operation_names:
        assert target[name] == {None: None}


def test_without_facts_and_number_of_qubits_there_is_no_limit():
    target = DeviceSnapshot.from_device({"device_id": "new"}, None).target()
    assert target.num_qubits is None
    circuit = QuantumCircuit(3)
    circuit.h(0)
    circuit.cx(0, 2)
    assert set(transpile(circuit, target=target).count_ops()) == {"rz", "sx", "cx"}


# --- its numbers ---


def test_times_and_errors_of_qubits():
    target = anemone_target()
    assert target.qubit_properties[0].t1 == 26.45895242063294 / 1e6
    assert target.qubit_properties[2].t2 == 19.34686595199833 / 1e6  # above t1, as reported
    assert target["sx"][1,].duration == 16e-9
    assert target["x"][1,].duration == 24e-9
    assert target["x"][1,].error == target["sx"][1,].error == 1 - 0.9995370146509399


@pytest.mark.parametrize("make", [anemone_target, grid_target])
def test_rz_is_virtual(make):
    for properties in make()["rz"].values():
        assert (properties.duration, properties.error) == (0, 0)


@pytest.mark.parametrize(
    ("durations", "expected"),
    [
        ({"cx": 300, "rzx90": 272}, 300e-9),
        ({"rzx90": 272}, 272e-9),
        ({"cx": None, "rzx90": 272}, 272e-9),
        ({"cx": 300}, 300e-9),
        ({"cz": 40}, None),
        ({}, None),
        (None, None),
    ],
)
def test_duration_of_cx(durations, expected):
    facts = anemone_facts()
    facts["couplings"][0]["gate_duration"] = durations
    target = DeviceSnapshot.from_device(anemone_device(), facts).target()
    assert target["cx"][0, 1].duration == expected
    assert target["cx"][2, 1].duration == 160e-9


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, 0.2247314453125),
        ({"readout_assignment_error": None}, (0.2174072265625 + 0.242431640625) / 2),
        ({"readout_assignment_error": 0}, 0),
        ({"readout_assignment_error": None, "prob_meas1_prep0": None}, None),
        ({"readout_assignment_error": None, "prob_meas0_prep1": None}, None),
    ],
)
def test_measure_error(changes, expected):
    facts = anemone_facts()
    facts["qubits"][0]["meas_error"].update(changes)
    snapshot = DeviceSnapshot.from_device(anemone_device(), facts)
    properties = snapshot.target(include_uncalibrated=True)["measure"][0,]
    assert properties.error == expected
    assert snapshot.target().instruction_supported("measure", (0,)) is (expected is not None)
    if not changes:
        assert properties.prob_meas1_prep0 == 0.2174072265625
        assert properties.prob_meas0_prep1 == 0.242431640625


def test_measure_duration_is_an_option():
    assert anemone_target()["measure"][0,].duration is None
    assert anemone_target(measure_duration=1e-6)["measure"][2,].duration == 1e-6
    unknown = DeviceSnapshot.from_device(kawasaki_device(), None)
    assert unknown.target(measure_duration=1e-6)["measure"][None].duration == 1e-6


def test_dt_is_an_option():
    assert anemone_target(dt=1e-9).dt == 1e-9


@pytest.mark.parametrize("name", ["dt", "measure_duration"])
@pytest.mark.parametrize("value", [0, -1e-9, math.nan, math.inf, "1", True])
def test_what_is_no_time(name, value):
    with pytest.raises(OqtopusOptionError, match=name):
        anemone_target(**{name: value})


# --- MeasureProperties ---


@pytest.mark.parametrize(
    "copied", [copy.copy, copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))]
)
def test_measure_properties_survive_copies(copied):
    properties = MeasureProperties(1e-6, 0.25, 0.5, 0.125)
    twin = copied(properties)
    assert isinstance(twin, InstructionProperties)
    assert (type(twin), repr(twin)) == (MeasureProperties, repr(properties))
    assert (twin.duration, twin.error) == (1e-6, 0.25)
    assert (twin.prob_meas1_prep0, twin.prob_meas0_prep1) == (0.5, 0.125)
    target = anemone_target(measure_duration=1e-6)
    assert describe(copied(target)) == describe(target)


# --- what transpile does with it ---


def circuit_with_delays(n):
    circuit = synth_qft_full(n)
    circuit.delay(100, 0, "ns")
    circuit.delay(50, 1, "dt")
    circuit.id(1)
    circuit.measure_all()
    return circuit


@pytest.mark.parametrize("level", [0, 1, 2, 3])
def test_transpile_stays_inside(level):
    target = grid_target()
    for seed in range(3):
        circuit = transpile(
            circuit_with_delays(5), target=target, optimization_level=level, seed_transpiler=seed
        )
        assert_inside(circuit, target)
        assert circuit.count_ops()["delay"] == 2


@pytest.mark.parametrize("level", [0, 1, 2, 3])
def test_transpile_obeys_the_initial_layout(level):
    target = grid_target()
    layout = [9, 11, 14]
    circuit = transpile(
        circuit_with_delays(3),
        target=target,
        initial_layout=layout,
        optimization_level=level,
        seed_transpiler=7,
    )
    assert_inside(circuit, target)
    assert circuit.layout.initial_index_layout(filter_ancillas=True) == layout


@pytest.mark.parametrize("level", [0, 1, 2, 3])
def test_preset_pass_managers_with_scheduling(level):
    target = anemone_target(measure_duration=1e-6)
    manager = generate_preset_pass_manager(
        optimization_level=level, target=target, seed_transpiler=3, scheduling_method="alap"
    )
    circuit = manager.run(circuit_with_delays(3))
    assert_inside(circuit, target)
    assert circuit.op_start_times


@pytest.mark.parametrize("level", [1, 2, 3])
def test_transpile_avoids_a_qubit_that_was_left_out(level):
    facts = grid_facts()
    del facts["qubits"][0]
    target = grid_target(facts)
    for n in (2, 6):
        circuit = transpile(
            circuit_with_delays(n), target=target, optimization_level=level, seed_transpiler=1
        )
        assert_inside(circuit, target)


@pytest.mark.parametrize("level", [0, 1, 2, 3])
@pytest.mark.parametrize("n_qubits", [64, None])
def test_transpile_without_facts(level, n_qubits):
    target = DeviceSnapshot.from_device(kawasaki_device() | {"n_qubits": n_qubits}, None).target()
    circuit = transpile(
        circuit_with_delays(5), target=target, optimization_level=level, seed_transpiler=1
    )
    assert set(circuit.count_ops()) <= {*target.operation_names, "barrier"}
    assert "id" not in circuit.count_ops()
