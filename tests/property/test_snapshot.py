"""Any JSON that a device may send: read, saved and compared without loss or crash."""

import copy
import json
import warnings

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qiskit_oqtopus import OqtopusWarning
from qiskit_oqtopus.device.snapshot import DeviceSnapshot
from tests.devices import anemone_device, anemone_facts, describe

numbers = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 40),
    st.integers(),
    st.floats(),
    st.floats(0, 1),
    st.text(max_size=5),
)
anything = st.recursive(
    numbers,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=6,
)


def record(**fields):
    return st.fixed_dictionaries({}, optional={**fields, "unknown": anything})


durations = record(rz=numbers, sx=numbers, x=numbers, cx=numbers, rzx90=numbers) | anything
qubits = record(
    id=st.integers(0, 6) | numbers,
    physical_id=numbers,
    position=record(x=numbers, y=numbers) | anything,
    fidelity=numbers,
    meas_error=record(
        prob_meas1_prep0=numbers, prob_meas0_prep1=numbers, readout_assignment_error=numbers
    )
    | anything,
    qubit_lifetime=record(t1=numbers, t2=numbers) | anything,
    gate_duration=durations,
)
couplings = record(
    control=st.integers(0, 6) | numbers,
    target=st.integers(0, 6) | numbers,
    fidelity=numbers,
    gate_duration=durations,
)
facts = st.none() | record(
    name=numbers,
    device_id=numbers,
    calibrated_at=numbers,
    qubits=st.lists(qubits | anything, max_size=8) | anything,
    couplings=st.lists(couplings | anything, max_size=8) | anything,
)
devices = record(
    device_id=st.text(max_size=5) | numbers,
    device_type=numbers,
    n_qubits=st.integers(0, 8) | numbers,
    basis_gates=st.lists(st.sampled_from(["sx", "cz", "id", "rzx90", "h", "ccx", "é"])) | anything,
    supported_instructions=st.lists(st.text(max_size=3)) | anything,
    calibrated_at=numbers,
)


def read(device, facts):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        snapshot = DeviceSnapshot.from_device(device, facts)
    assert [w.category for w in caught] in ([], [OqtopusWarning])
    return snapshot


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return tmp_path_factory.mktemp("snapshots") / "snapshot.json"


@pytest.mark.slow
@settings(max_examples=400, deadline=None)
@given(device=devices, facts=facts)
def test_whatever_a_device_says_is_read_saved_and_made_a_target(path, device, facts):
    before = copy.deepcopy((device, facts))
    snapshot = read(device, facts)
    assert repr((device, facts)) == repr(before)
    snapshot.save(path)
    json.loads(path.read_text(), parse_constant=pytest.fail)  # no NaN: any JSON reader can read it
    loaded = DeviceSnapshot.load(path)
    assert loaded == snapshot
    assert snapshot.diff(loaded) == []
    target = snapshot.target()
    assert describe(loaded.target()) == describe(target)
    assert target.num_qubits == snapshot.n_qubits
    coordinates = snapshot.qubit_coordinates
    assert len(coordinates) in (0, snapshot.n_qubits)
    assert len(set(coordinates)) == len(coordinates)


@settings(max_examples=400, deadline=None)
@given(device=devices, facts=facts)
def test_numbers_of_a_target_are_possible_or_unknown(device, facts):
    snapshot = read(device, facts)
    target = snapshot.target()
    listed = {q.id for q in snapshot.qubits}
    for name in target.operation_names:
        for qargs, properties in target[name].items():
            assert qargs is None or set(qargs) <= listed
            if properties is not None:
                assert properties.error is None or 0 <= properties.error <= 1
                assert properties.duration is None or properties.duration >= 0
    for qubit in target.qubit_properties or ():
        assert qubit.t1 is None or qubit.t1 > 0
        assert qubit.t2 is None or qubit.t2 > 0


@settings(max_examples=300, deadline=None)
@given(before=facts, after=facts, data=st.data())
def test_diff_is_empty_exactly_for_equal_snapshots(before, after, data):
    a, b = read(anemone_device(), before), read(anemone_device(), after)
    assert bool(a.diff(b)) == (a != b)
    changed = anemone_facts()
    qubit = data.draw(st.sampled_from(changed["qubits"]))
    qubit[data.draw(st.sampled_from(["fidelity", "physical_id", "new"]))] = data.draw(numbers)
    a, b = read(anemone_device(), anemone_facts()), read(anemone_device(), changed)
    assert bool(a.diff(b)) == (a != b)
    assert all("\n" not in line or "new" in line for line in a.diff(b))
