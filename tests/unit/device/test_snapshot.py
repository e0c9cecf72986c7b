"""One calibration of one device: read, saved, loaded, compared."""

import copy
import dataclasses
import io
import json
import math
import pickle
import zipfile

import pytest
from PIL import Image
from qiskit.providers import BackendV2, Options
from qiskit.utils import optionals
from qiskit.visualization import gate_map, plot_error_map, plot_gate_map

from qiskit_oqtopus import OqtopusError
from qiskit_oqtopus.device.snapshot import DeviceSnapshot
from tests.devices import (
    anemone_device,
    anemone_facts,
    describe,
    grid_device,
    grid_facts,
    kawasaki_device,
)

from .conftest import anemone, grid, read_with_one_warning

# --- reading ---


@pytest.mark.usefixtures("no_warnings")
def test_the_recorded_processor():
    snapshot = anemone()
    assert (snapshot.device_id, snapshot.name, snapshot.device_type) == (
        "anemone",
        "anemone",
        "QPU",
    )
    assert snapshot.n_qubits == 3
    assert snapshot.basis_gates == ("sx", "rz", "rzx90", "id")
    assert snapshot.supported_instructions == ("measure", "barrier")
    assert snapshot.left_out == ()
    qubit = snapshot.qubits[1]
    assert (qubit.id, qubit.physical_id) == (1, 2)
    assert (qubit.x, qubit.y) == (0, 0)
    assert qubit.fidelity == 0.9995370146509399
    assert qubit.prob_meas1_prep0 == 0.296875
    assert qubit.prob_meas0_prep1 == 0.2864990234375
    assert qubit.readout_assignment_error == 0.2908935546875
    assert qubit.t1 == 40.57616114919819 / 1e6
    assert qubit.t2 == 27.79555721607516 / 1e6
    assert qubit.durations == {"rz": 0, "sx": 16e-9, "x": 24e-9}
    assert [(c.control, c.target) for c in snapshot.couplings] == [(0, 1), (2, 1)]
    assert snapshot.couplings[1].fidelity == 0.985511964171477
    assert snapshot.couplings[1].durations == {"rzx90": 160e-9}


@pytest.mark.usefixtures("no_warnings")
def test_the_recorded_simulator_names_itself_otherwise():
    snapshot = grid()
    assert (snapshot.device_id, snapshot.name) == ("qulacs", "qulacs")
    assert snapshot.extra["device_id"] == "qiqb"
    assert len(snapshot.qubits) == 16
    assert len(snapshot.couplings) == 22


def test_the_time_of_calibration_is_that_of_the_list_of_devices():
    assert grid().calibrated_at == "2025-03-18T17:11:47Z"
    assert grid().extra["calibrated_at"] == "2025-03-18T17:11:47.798353Z"
    without = DeviceSnapshot.from_device(grid_device() | {"calibrated_at": None}, grid_facts())
    assert without.calibrated_at == "2025-03-18T17:11:47.798353Z"
    assert "calibrated_at" not in without.extra


def test_text_and_zip_give_the_same():
    text = json.dumps(anemone_facts())
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("device_info.json", text)
    with zipfile.ZipFile(packed) as archive:
        from_zip = json.loads(archive.read(archive.namelist()[0]))
    assert anemone(from_zip) == anemone(json.loads(text)) == anemone()


@pytest.mark.usefixtures("no_warnings")
def test_without_facts():
    snapshot = DeviceSnapshot.from_device(kawasaki_device(), None)
    assert snapshot.n_qubits == 64
    assert snapshot.name == "Kawasaki"
    assert snapshot.calibrated_at == "2026-11-22T22:17:15Z"
    assert (snapshot.qubits, snapshot.couplings, snapshot.left_out) == ((), (), ())
    assert snapshot.qubit_coordinates == []


@pytest.mark.parametrize("stated", [-1, 0, "3", 2.5, 2, 10**9])
def test_a_number_of_qubits_that_cannot_be_true(stated):
    snapshot, message = read_with_one_warning(
        anemone_device() | {"n_qubits": stated}, anemone_facts()
    )
    assert snapshot.n_qubits == 3
    assert "n_qubits is " in message


@pytest.mark.usefixtures("no_warnings")
def test_the_number_of_qubits_may_be_missing():
    assert anemone(n_qubits=None).n_qubits == 3
    assert DeviceSnapshot.from_device({"device_id": "new"}, None).n_qubits is None


def with_unknown_fields():
    facts = anemone_facts()
    facts["fridge"] = {"mK": [9.5, 10]}
    facts["qubits"][0]["f01"] = 4.2e9
    facts["qubits"][0]["qubit_lifetime"]["t2_echo"] = 60.0
    facts["couplings"][0]["zz"] = "strong"
    facts["couplings"][0]["gate_duration"]["ecr"] = 200
    return facts


def test_unknown_fields_survive():
    snapshot = anemone(with_unknown_fields(), owner="the lab")
    assert snapshot.extra["fridge"] == {"mK": [9.5, 10]}
    assert snapshot.extra["device"] == {"owner": "the lab"}
    assert snapshot.qubits[0].extra == {"f01": 4.2e9, "qubit_lifetime": {"t2_echo": 60.0}}
    assert snapshot.couplings[0].extra == {"zz": "strong"}
    assert snapshot.couplings[0].durations["ecr"] == 200e-9
    assert DeviceSnapshot.from_dict(snapshot.to_dict()) == snapshot


def test_what_was_read_is_not_shared_or_changed():
    facts, device = with_unknown_fields(), anemone_device()
    before = copy.deepcopy((facts, device))
    snapshot = DeviceSnapshot.from_device(device, facts)
    assert (facts, device) == before
    facts["fridge"]["mK"].append(1)
    assert snapshot.extra["fridge"] == {"mK": [9.5, 10]}


def test_status_and_links_of_the_device_are_no_part_of_it():
    link = {"device_info": "http://storage/device_info.zip?X-Amz-Signature=secret"}
    busy = link | {"n_pending_jobs": 9, "status": "unavailable", "description": "new"}
    assert anemone(**busy) == anemone()
    assert "secret" not in repr(anemone(**busy))


# --- saving and loading ---


def snapshots():
    facts = anemone_facts()
    del facts["qubits"][1]
    facts["qubits"][0]["position"] = None
    return [
        anemone(),
        grid(),
        anemone(facts),
        anemone(with_unknown_fields(), owner="the lab"),
        DeviceSnapshot.from_device(kawasaki_device(), None),
        DeviceSnapshot.from_device({"device_id": "new"}, None),
    ]


@pytest.mark.parametrize("snapshot", snapshots())
def test_save_and_load(snapshot, tmp_path):
    path = tmp_path / "calibration.json"
    snapshot.save(path)
    loaded = DeviceSnapshot.load(str(path))
    assert loaded == snapshot
    assert hash(loaded) == hash(snapshot)
    assert snapshot.diff(loaded) == []
    assert loaded.qubit_coordinates == snapshot.qubit_coordinates
    assert describe(loaded.target()) == describe(snapshot.target())
    assert pickle.loads(pickle.dumps(snapshot)) == copy.deepcopy(snapshot) == snapshot


def test_the_file_is_versioned():
    values = anemone().to_dict()
    assert (values["format"], values["version"]) == ("qiskit-oqtopus device snapshot", 1)
    with pytest.raises(OqtopusError, match=r"version 2.*reads version 1.*newer qiskit-oqtopus"):
        DeviceSnapshot.from_dict(values | {"version": 2})
    assert DeviceSnapshot.from_dict(values | {"note": "by hand"}) == anemone()


@pytest.mark.parametrize("values", [None, [], {}, anemone_facts()])
def test_what_is_no_snapshot(values):
    with pytest.raises(OqtopusError, match="not a qiskit-oqtopus device snapshot"):
        DeviceSnapshot.from_dict(values)


def damaged():
    good = anemone().to_dict()
    yield {key: value for key, value in good.items() if key != "qubits"}
    yield {key: value for key, value in good.items() if key != "device_type"}
    for change in (
        {"t1": "long"},
        {"t1": math.nan},
        {"id": -1},
        {"durations": {"sx": []}},
        {"durations": None},
        {"colour": "blue"},
        {"fidelity": 1.2},
        {"prob_meas1_prep0": 7.0},
        {"t2": -1e-6},
        {"durations": {"sx": -1e-9}},
        {"id": 0.0},
        {"x": 10**400},
    ):
        yield good | {"qubits": [good["qubits"][0] | change]}
    yield good | {"couplings": [{"control": 0}]}
    yield good | {"qubits": 3}
    yield good | {"qubits": [3]}
    yield good | {"qubits": good["qubits"][::-1]}
    yield good | {"qubits": [good["qubits"][0]] * 2}
    yield good | {"n_qubits": 2}
    yield good | {"n_qubits": "3"}
    yield good | {"couplings": [good["couplings"][0] | {"target": 7}]}
    yield good | {"couplings": [good["couplings"][0] | {"target": 0, "control": 0}]}
    yield good | {"couplings": [good["couplings"][0]] * 2}
    yield good | {"n_qubits": 3.0}
    yield good | {"extra": None}
    yield good | {"extra": {"note": math.nan}}
    yield good | {"basis_gates": "cx"}
    yield good | {"basis_gates": [{}]}


@pytest.mark.parametrize("values", list(damaged()))
def test_a_damaged_snapshot(values):
    with pytest.raises(OqtopusError, match="damaged"):
        DeviceSnapshot.from_dict(values)


def test_errors_of_files_name_the_file(tmp_path):
    path = tmp_path / "x.json"
    with pytest.raises(FileNotFoundError):
        DeviceSnapshot.load(path)
    path.write_bytes(b"{\xff")
    with pytest.raises(OqtopusError, match=r"x\.json is not a JSON file"):
        DeviceSnapshot.load(path)
    path.write_text("[" * 100_000)
    with pytest.raises(OqtopusError, match=r"x\.json is not a JSON file"):
        DeviceSnapshot.load(path)
    path.write_text("{}")
    with pytest.raises(OqtopusError, match=r"x\.json: This is not a qiskit-oqtopus device"):
        DeviceSnapshot.load(path)


def test_the_highest_index_is_saved_and_loaded(tmp_path):
    facts = {"qubits": [{"id": 99_999}], "couplings": []}
    snapshot = DeviceSnapshot.from_device({"device_id": "d"}, facts)
    snapshot.save(tmp_path / "x.json")
    assert DeviceSnapshot.load(tmp_path / "x.json") == snapshot


# --- comparing ---


def test_diff_reads_like_a_report():
    facts = anemone_facts()
    facts["qubits"][0]["qubit_lifetime"]["t1"] = 30.0
    facts["qubits"][0]["gate_duration"] = {"sx": 20, "x": 24, "h": 8}
    facts["qubits"][1]["fidelity"] = None
    facts["couplings"][0]["fidelity"] = 0
    facts["couplings"][1]["fidelity"] = 0.99
    after = anemone(facts, calibrated_at="2026-11-23T08:00:00Z", n_qubits=4)
    assert anemone().diff(after) == [
        "n_qubits: 3 -> 4",
        "calibrated_at: 2026-11-22T22:17:15Z -> 2026-11-23T08:00:00Z",
        "qubit 0: t1 26.459 us -> 30 us (+13%)",
        "qubit 0: duration of rz 0 ns -> not given",
        "qubit 0: duration of sx 16 ns -> 20 ns (+25%)",
        "qubit 0: duration of h not given -> 8 ns",
        "qubit 1: fidelity 0.999537 -> unknown",
        "coupling 0->1: fidelity 0.96179 -> 0",
        "coupling 2->1: fidelity 0.985512 -> 0.99",
        "now left out: qubit 3: it is not in the list of qubits",
        "now left out: qubit 1: its one-qubit fidelity is unknown",
        "now left out: coupling 0->1: qubit 1 is left out",
        "now left out: coupling 2->1: qubit 1 is left out",
    ]
    assert "no longer left out: coupling 0->1: qubit 1 is left out" in after.diff(anemone())


def test_diff_of_couplings_that_come_and_go():
    facts = anemone_facts()
    del facts["couplings"][0]
    assert anemone().diff(anemone(facts)) == ["coupling 0->1: gone"]
    assert anemone(facts).diff(anemone()) == ["coupling 0->1: new"]


def test_diff_compares_times_of_calibration_to_the_second():
    row, fraction = "2025-03-18T17:11:47Z", "2025-03-18T17:11:47.798353Z"
    facts = grid_facts()
    del facts["calibrated_at"]
    without = DeviceSnapshot.from_device(grid_device(), facts)
    of_facts = DeviceSnapshot.from_device(grid_device() | {"calibrated_at": None}, grid_facts())
    assert (grid().calibrated_at, of_facts.calibrated_at) == (row, fraction)
    for a in (grid(), without, of_facts):
        for b in (grid(), without, of_facts):
            assert a.diff(b) == []
    later = DeviceSnapshot.from_device(grid_device() | {"calibrated_at": None}, None)
    assert "calibrated_at: 2025-03-18T17:11:47.798353Z -> unknown" in of_facts.diff(later)
    next_second = dataclasses.replace(of_facts, calibrated_at="2025-03-18T17:11:48.000001Z")
    assert any(line.startswith("calibrated_at: ") for line in of_facts.diff(next_second))


def test_supported_gates_count_like_the_basis():
    facts = anemone_facts() | {"supported_gates": ["h", "cz", "sx"]}
    snapshot = anemone(facts, basis_gates=["sx", "rz"], supported_gates=["cz", "sdg"])
    assert snapshot.basis_gates == ("sx", "rz", "cz", "sdg", "h")
    assert {"h", "cz", "sdg"} < set(snapshot.target().operation_names)
    assert snapshot.extra["supported_gates"] == ["h", "cz", "sx"]
    assert anemone(supported_gates=None) == anemone(supported_gates="cz") == anemone()


def test_diff_shows_changes_below_six_digits():
    facts = anemone_facts()
    facts["qubits"][0]["fidelity"] = 0.9994051214420588
    assert anemone().diff(anemone(facts)) == [
        "qubit 0: fidelity 0.9994051214420587 -> 0.9994051214420588"
    ]


def test_diff_is_empty_only_for_equals():
    before = anemone()
    changed = dataclasses.replace(before, couplings=before.couplings[::-1])
    assert before.diff(changed) == ["the same entries in another order"]
    assert before.diff(anemone(with_unknown_fields()))


# --- plotting ---


def test_coordinates_of_the_recorded_devices():
    assert anemone().qubit_coordinates == [(1, 0), (0, 0), (0, 1)]
    coordinates = grid().qubit_coordinates
    assert coordinates[:6] == [(1, 0), (1, 1), (0, 0), (0, 1), (1, 2), (1, 3)]
    assert coordinates[15] == (0, 7)


def test_a_qubit_without_position_stands_apart():
    facts = anemone_facts()
    facts["qubits"][1]["position"] = {"x": None, "y": 0}
    assert anemone(facts, n_qubits=4).qubit_coordinates == [
        (1.707107, 0),
        (0, 0),
        (1, 0.707107),
        (0, 1),
    ]


@pytest.mark.parametrize("second", [0.0, 1e-9, 5e-324])
def test_positions_that_coincide_are_not_used(second):
    facts = anemone_facts()
    for x, qubit in zip((0.0, second, 1.0), facts["qubits"], strict=True):
        qubit["position"] = {"x": x, "y": 0.0}
    assert anemone(facts).qubit_coordinates == []


class Drawn(BackendV2):
    """The least that Qiskit's plots ask of a backend."""

    def __init__(self, snapshot):
        super().__init__(name=snapshot.device_id)
        self._target = snapshot.target()

    @property
    def target(self):
        return self._target

    max_circuits = None

    @classmethod
    def _default_options(cls):
        return Options()

    def run(self, run_input, **options):
        raise NotImplementedError


def grid_with_a_hole():
    facts = grid_facts()
    del facts["qubits"][6]
    return DeviceSnapshot.from_device(grid_device(), facts)


@pytest.mark.parametrize("make", [anemone, grid, grid_with_a_hole])
@pytest.mark.parametrize("plot", [plot_gate_map, plot_error_map])
def test_qiskit_plots_take_the_coordinates(make, plot, monkeypatch):
    # The drawing program (Graphviz) is no Python package: what it is given is looked at.
    placed = {}

    def draw(graph, *, node_attr_fn, edge_attr_fn, **options):
        placed.update({node: node_attr_fn(node)["pos"] for node in graph.node_indices()})
        for edge in graph.edge_indices():
            edge_attr_fn(edge)
        return Image.new("RGB", (10, 10))

    monkeypatch.setattr(optionals.HAS_GRAPHVIZ, "_bool", True)
    monkeypatch.setattr(gate_map, "graphviz_draw", draw)
    snapshot = make()
    assert plot(Drawn(snapshot), qubit_coordinates=snapshot.qubit_coordinates) is not None
    assert placed == {
        i: f'"{column},{row}"' for i, (row, column) in enumerate(snapshot.qubit_coordinates)
    }
