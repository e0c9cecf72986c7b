"""Calibrations that are kept as they are seen."""

import os
import pickle
import subprocess
import sys
import warnings
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from qiskit_oqtopus import DeviceSnapshot, OqtopusOptionError, OqtopusWarning
from qiskit_oqtopus.device.snapshot_folder import SnapshotFolder, name_file
from tests.devices import chip_device, chip_facts


@pytest.fixture
def snapshot():
    return DeviceSnapshot.from_device(chip_device(2, 2), chip_facts(2, 2))


def test_each_calibration_is_kept_once_and_whole(tmp_path, snapshot):
    folder = SnapshotFolder(tmp_path / "new" / "kept")
    later = replace(snapshot, calibrated_at="2026-11-21T02:15:00Z")
    for each in (snapshot, later, snapshot):
        folder.keep(each)
    names = sorted(path.name for path in folder.path.iterdir())
    assert names == ["chip-4q_2025-03-18T17-11-47Z.json", "chip-4q_2026-11-21T02-15-00Z.json"]
    assert DeviceSnapshot.load(folder.path / names[0]) == snapshot
    # A file that is there is left as it is, by other objects too.
    before = (folder.path / names[0]).stat().st_mtime_ns
    SnapshotFolder(folder.path).keep(snapshot)
    assert (folder.path / names[0]).stat().st_mtime_ns == before


def test_fractions_of_a_second_are_no_other_calibration():
    assert name_file("a", "2026-11-20T02:15:00.123+00:00") == name_file("a", "2026-11-20T02:15:00Z")


def test_what_is_not_known_is_not_kept(tmp_path, snapshot):
    folder = SnapshotFolder(tmp_path)
    folder.keep(replace(snapshot, calibrated_at=None))
    folder.keep(replace(snapshot, qubits=(), couplings=()))  # device_info could not be read
    assert list(tmp_path.iterdir()) == []
    folder.keep(snapshot)
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("name", ["../../etc/x", "a/b", ".hidden", "a" * 500, "a\x00b", "é", ".."])
def test_a_name_of_the_server_is_no_path(tmp_path, snapshot, name):
    inner = tmp_path / "inner"
    SnapshotFolder(inner).keep(replace(snapshot, device_id=name, calibrated_at=f"{name}/2026"))
    assert [path.name for path in tmp_path.iterdir()] == ["inner"]
    (file,) = inner.iterdir()
    assert not file.name.startswith(".")
    assert DeviceSnapshot.load(file).device_id == name


def test_names_that_differ_are_not_one_file(tmp_path, snapshot):
    folder = SnapshotFolder(tmp_path)
    for name in ("a/b", "a_b", "a:b", ".a_b"):
        folder.keep(replace(snapshot, device_id=name))
    assert len(list(tmp_path.iterdir())) == 4


def test_a_folder_that_cannot_be_written_is_one_warning(tmp_path, snapshot):
    (tmp_path / "file").write_text("")
    folder = SnapshotFolder(tmp_path / "file" / "kept")
    with pytest.warns(OqtopusWarning, match="Calibrations cannot be kept"):
        folder.keep(snapshot)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        folder.keep(snapshot)
        folder.keep(replace(snapshot, calibrated_at="2026-11-20T02:00:00Z"))


def test_a_folder_that_was_away_is_written_once_it_is_back(tmp_path, snapshot):
    (tmp_path / "kept").write_text("")
    folder = SnapshotFolder(tmp_path / "kept")
    with pytest.warns(OqtopusWarning):
        folder.keep(snapshot)
    (tmp_path / "kept").unlink()
    folder.keep(snapshot)
    assert len(list(folder.path.iterdir())) == 1


def test_many_threads_and_processes(tmp_path, snapshot):
    snapshot.save(tmp_path / "source.json")
    script = (
        "import sys; from qiskit_oqtopus import DeviceSnapshot; "
        "from qiskit_oqtopus.device.snapshot_folder import SnapshotFolder; "
        "SnapshotFolder(sys.argv[2]).keep(DeviceSnapshot.load(sys.argv[1]))"
    )
    command = [sys.executable, "-c", script, str(tmp_path / "source.json"), str(tmp_path / "kept")]
    others = [subprocess.Popen(command, env=os.environ) for _ in range(2)]
    folders = [SnapshotFolder(tmp_path / "kept") for _ in range(4)]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda i: folders[i % 4].keep(snapshot), range(40)))
    assert [each.wait(60) for each in others] == [0, 0]
    (file,) = (tmp_path / "kept").iterdir()
    assert DeviceSnapshot.load(file) == snapshot


def test_it_travels_to_other_processes(tmp_path, snapshot):
    folder = pickle.loads(pickle.dumps(SnapshotFolder(tmp_path)))
    folder.keep(snapshot)
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("path", ["", 3, True, b"x"])
def test_not_a_path(path):
    with pytest.raises(OqtopusOptionError, match="'snapshots' must be"):
        SnapshotFolder(path)
