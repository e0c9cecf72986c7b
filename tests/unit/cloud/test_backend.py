"""A device as a backend: what is in its Target, and what may be chosen about that."""

import copy
import json
import pickle
import warnings

import pytest
from qiskit import QuantumCircuit, transpile
from qiskit.circuit.library import XGate
from qiskit.transpiler import PassManager
from qiskit.transpiler.exceptions import TranspilerError
from qiskit.transpiler.passes import ALAPScheduleAnalysis, PadDynamicalDecoupling

from qiskit_oqtopus import (
    OqtopusCircuitError,
    OqtopusOptionError,
    OqtopusProvider,
    OqtopusWarning,
)
from qiskit_oqtopus.client.models import Device
from qiskit_oqtopus.cloud.backend import build_snapshot
from tests.devices import describe
from tests.lines import UNKNOWN, line_facts

emulator = pytest.importorskip("qiskit_oqtopus.emulator")


def flipped():
    circuit = QuantumCircuit(1)
    circuit.x(0)
    circuit.measure_all()
    return circuit


def flip(qubit, size):
    circuit = QuantumCircuit(size, 1)
    circuit.x(qubit)
    circuit.measure(qubit, 0)
    return circuit


def as_text(facts):
    """Return a device whose device_info is sent as it is, with NaN where there is one."""
    return {"device_id": "line", "n_qubits": 4, "device_info": json.dumps(facts)}


@pytest.fixture
def connect():
    """Return a provider of a cloud with some devices."""
    opened = []

    def start(*devices):
        opened.append(emulator.Emulator(list(devices)).start())
        return OqtopusProvider(url=opened[-1].url, token=opened[-1].token)

    yield start
    for cloud in opened:
        cloud.stop()


def test_targets_have_gates_that_can_be_sent():
    with emulator.Emulator(["line-4q"]) as cloud:
        cloud.devices.set("line-4q", basis_gates=("sx", "rz", "sxdg", "r", "ecr", "rzx"))
        with OqtopusProvider(url=cloud.url, token=cloud.token) as provider:
            device = provider.backend("line-4q")
            assert device.operation_names == ["x", "sx", "rz", "cx", "measure", "delay"]
            circuit = QuantumCircuit(2)
            circuit.h(0)
            circuit.ecr(0, 1)
            circuit.measure_all()
            for level in range(4):
                compiled = transpile(circuit, device, optimization_level=level)
                assert device.check(compiled) == []


# --- what is not calibrated ---


def test_circuits_do_not_go_to_the_qubit_of_which_nothing_is_known(connect):
    good = {"fidelity": 0.999, "meas_error": {"prob_meas1_prep0": 0.01, "prob_meas0_prep1": 0.02}}
    qubits = [{"id": 0, **good}, {"id": 1, **good}, {"id": 2}]
    couplings = [{"control": c, "target": c + 1, "fidelity": 0.98} for c in (0, 1)]
    facts = {"name": "x", "device_id": "x", "qubits": qubits, "couplings": couplings}
    device = connect(facts).backend("x")
    assert device.num_qubits == 3
    compiled = transpile(flipped(), device, seed_transpiler=0)
    assert compiled.layout.final_index_layout() in ([0], [1])
    assert device.check(compiled) == []
    assert device.run(compiled, shots=10).result().get_counts() == {"1": 10}
    assert device.good_qubits() == [0, 1]
    assert device.good_couplings(max_gate_error=0.01) == [(0, 1)]


@pytest.mark.parametrize("kind", UNKNOWN)
@pytest.mark.filterwarnings("ignore:Device 'line' describes itself")
def test_check_and_run_and_twin_refuse_with_the_reason(connect, kind):
    device = connect(as_text(line_facts(4, {3: UNKNOWN[kind]}))).backend("line")
    reason = f"qubit 3 is left out: {device.snapshot().uncalibrated[3,]}"
    assert f"qubit 3: {device.snapshot().uncalibrated[3,]}" in device.snapshot().left_out
    problems = device.check(flip(3, 4))
    assert [problem.reason for problem in problems] == [reason, reason]
    for backend in (device, device.twin(), pickle.loads(pickle.dumps(device.twin()))):
        with pytest.raises(OqtopusCircuitError, match="qubit 3 is left out: its"):
            backend.run(flip(3, 4))
    assert device.good_qubits() == device.twin().good_qubits() == [0, 1, 2]


def test_check_of_a_circuit_that_is_not_compiled_names_the_cure(connect):
    device = connect(line_facts(4, {0: {}})).backend("line")
    circuit = QuantumCircuit(2)
    circuit.h(0)
    circuit.measure_all()
    with pytest.raises(TypeError):
        transpile(bell(), device, optimization_level=0)
    cure = device.check(circuit)[0].cure
    assert "optimization_level 2" in cure
    assert "initial_layout=backend.good_qubits()[:2]" in cure
    layout = device.good_qubits()[:2]
    compiled = transpile(bell(), device, optimization_level=0, initial_layout=layout)
    assert device.check(compiled) == []


def bell():
    circuit = QuantumCircuit(2)
    circuit.h(0)
    circuit.cx(0, 1)
    circuit.measure_all()
    return circuit


def test_include_uncalibrated_is_for_whoever_calibrates(connect):
    provider = connect(line_facts(4, {3: {}}, {0: {"fidelity": 0.1}}))
    with pytest.warns(
        OqtopusWarning, match=r"qubit 3, coupling 0->1.*prefers them.*initial_layout"
    ) as caught:
        device = provider.backend("line", include_uncalibrated=True)
    assert [warning.filename for warning in caught] == [__file__]
    assert device.target["x"][3,].error is None
    assert device.target["measure"][3,].error is None
    assert device.target["cx"][2, 3].error == pytest.approx(0.02)
    assert device.target["cx"][0, 1].error is None
    assert device.snapshot() == provider.backend("line").snapshot()
    assert device.check(flip(3, 4)) == []
    assert device.run(flip(3, 4), shots=10).result().get_counts() == {"1": 10}
    assert transpile(flipped(), device, seed_transpiler=0).layout.final_index_layout() == [3]
    assert device.good_qubits() == [0, 1, 2]
    twin = device.twin()
    with pytest.raises(OqtopusCircuitError, match="qubit 3 is left out: its one-qubit fidelity"):
        twin.run(flip(3, 4))
    circuit = QuantumCircuit(4, 1)
    circuit.cx(0, 1)
    circuit.measure(0, 0)
    with pytest.raises(OqtopusCircuitError, match=r"this coupling is left out.*0\.1 \(no better"):
        twin.run(circuit)
    assert twin.num_qubits == 4


def test_include_uncalibrated_stays_and_warns_again_at_refresh(connect):
    provider = connect(line_facts(4, {3: {}}))
    with pytest.warns(OqtopusWarning, match="include_uncalibrated=True"):
        device = provider.backend("line", include_uncalibrated=True)
    for same in (copy.deepcopy(device), pickle.loads(pickle.dumps(device))):
        assert describe(same.target) == describe(device.target)
    with pytest.warns(OqtopusWarning, match="include_uncalibrated=True"):
        device.refresh()
    assert (3,) in device.target["x"]


@pytest.mark.filterwarnings("error::qiskit_oqtopus.exceptions.OqtopusWarning")
def test_include_uncalibrated_does_not_warn_where_all_is_known(connect):
    provider = connect("line-4q")
    device = provider.backend("line-4q", include_uncalibrated=True)
    assert describe(device.target) == describe(provider.backend("line-4q").target)


@pytest.mark.parametrize("name", ["qulacs_simulator", "qulacs"])
@pytest.mark.parametrize("options", [{"include_uncalibrated": True}, {"measure_duration": 1e-6}])
def test_the_local_simulator_has_no_calibration(connect, name, options):
    with pytest.raises(OqtopusOptionError, match="cannot be given for the local simulator"):
        connect("line-4q").backend(name, **options)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"include_uncalibrated": "yes"}, "'include_uncalibrated' must be True or False"),
        ({"measure_duration": 0}, "measure_duration must be a positive number of seconds"),
        ({"measure_duration": "1us"}, "measure_duration must be a positive number of seconds"),
    ],
)
def test_options_that_cannot_be_used(connect, options, words):
    with pytest.raises(OqtopusOptionError, match=words):
        connect("line-4q").backend("line-4q", **options)


# --- the duration of a measurement ---


def echo():
    circuit = QuantumCircuit(3)
    circuit.h(0)
    circuit.cx(0, 1)
    circuit.cx(1, 2)
    circuit.cx(0, 1)
    circuit.measure_all()
    return circuit


@pytest.mark.parametrize("kind", ["no fields", "zeros"])
@pytest.mark.filterwarnings("ignore")
def test_measure_duration_is_what_schedulers_need(connect, kind):
    provider = connect(line_facts(4, {3: UNKNOWN[kind]}))
    layout = {"initial_layout": [0, 1, 2], "seed_transpiler": 1}
    with pytest.raises(TranspilerError, match="Duration of measure on qubits"):
        transpile(echo(), provider.backend("line"), scheduling_method="alap", **layout)
    device = provider.backend("line", measure_duration=1e-6)
    device.refresh()
    assert {each.duration for each in device.target["measure"].values()} == {1e-6}
    for backend in (device, device.twin(seed=1, noise=False)):
        scheduled = transpile(echo(), backend, scheduling_method="alap", **layout)
        assert scheduled.count_ops()["delay"] > 0
        assert scheduled.op_start_times
        compiled = transpile(echo(), backend, **layout)
        decouple = PassManager(
            [
                ALAPScheduleAnalysis(target=backend.target),
                PadDynamicalDecoupling(target=backend.target, dd_sequence=[XGate(), XGate()]),
            ]
        )
        decoupled = decouple.run(compiled)
        assert decoupled.count_ops()["x"] > compiled.count_ops().get("x", 0)
        for circuit in (scheduled, decoupled):
            counts = backend.run(circuit, shots=200).result().get_counts()
            assert set(counts) == {"000", "101"}


# --- what devices say ---


def test_supported_gates_of_the_list_of_devices_count():
    row = {"device_id": "x", "n_qubits": 2, "basis_gates": ["sx"], "supported_gates": ["cz", "sx"]}
    device = Device.from_json(row | {"link": "https://storage/x?Signature=secret"})
    snapshot = build_snapshot(device, None)
    assert snapshot.basis_gates == ("sx", "cz")
    assert "secret" not in repr(snapshot)
    assert build_snapshot(Device.from_json(row | {"supported_gates": 7}), None).basis_gates == (
        "sx",
    )


def test_an_older_device_info_does_not_break_the_list(connect):
    data = {"qubit_connectivity": ["(1,4)"], "t1": {"0": 55.5}}
    old = {
        "device_id": "old",
        "n_qubits": 5,
        "device_info": json.dumps({"n_nodes": 5, "calibration_data": data}),
    }
    provider = connect("line-4q", old)
    assert [b.name for b in provider.backends()] == ["line-4q", "old", "qulacs_simulator"]
    device = provider.backend("old")
    assert device.snapshot().extra["calibration_data"] == data
    assert set(device.target["cx"]) == {(1, 4)}
    assert device.target.qubit_properties[0].t1 == 55.5 / 1e6


def test_a_fraction_of_a_second_is_no_new_calibration(connect):
    facts = line_facts(4) | {"calibrated_at": "2026-11-22T22:17:15.755183Z"}
    row = {"device_id": "line", "n_qubits": 4, "device_info": json.dumps(facts)}
    cloud = emulator.Emulator([row]).start()
    try:
        device = OqtopusProvider(url=cloud.url, token=cloud.token).backend("line")
        assert device.calibrated_at == "2026-11-22T22:17:15.755183Z"
        cloud.devices.set("line", calibrated_at="2026-11-22T22:17:15Z")
        with warnings.catch_warnings():
            warnings.simplefilter("error", OqtopusWarning)
            device.run(flip(0, 4), shots=10)
        cloud.devices.set("line", calibrated_at="2026-11-22T22:17:16Z")
        with pytest.warns(OqtopusWarning, match="was recalibrated"):
            device.run(flip(0, 4), shots=10)
    finally:
        cloud.stop()
