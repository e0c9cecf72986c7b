"""Files that are written whole or not at all."""

import errno
import json
import os
import stat
import threading
from pathlib import Path

import pytest

from qiskit_oqtopus import DeviceSnapshot, files
from qiskit_oqtopus.files import write_whole


def test_a_reader_beside_a_writer_never_finds_half_of_a_file(tmp_path):
    path = tmp_path / "values.json"
    texts = [json.dumps([number] * 20_000) for number in range(3)]
    write_whole(path, texts[0])
    done = threading.Event()

    def write():
        for number in range(60):
            write_whole(path, texts[number % 3])
        done.set()

    writer = threading.Thread(target=write)
    writer.start()
    read = 0
    while not done.is_set() or read < 10:
        assert len(set(json.loads(path.read_text()))) == 1
        read += 1
    writer.join()
    assert os.listdir(tmp_path) == ["values.json"]


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_a_failure_leaves_the_file_as_it_was(tmp_path, monkeypatch, error):
    path = tmp_path / "values.csv"
    write_whole(path, "old")

    def fail(number):
        raise error

    monkeypatch.setattr(files.os, "fsync", fail)
    with pytest.raises(type(error)):
        write_whole(path, "new")
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["values.csv"]


@pytest.mark.skipif(os.name == "nt", reason="modes and links are those of POSIX")
def test_links_and_modes_stay(tmp_path):
    path = tmp_path / "values.csv"
    write_whole(path, "old")
    path.chmod(0o640)
    (tmp_path / "link").symlink_to(path)
    write_whole(tmp_path / "link", "µ")
    assert path.read_bytes() == "µ".encode()
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert (tmp_path / "link").is_symlink()


@pytest.mark.skipif(not os.path.exists("/dev/null"), reason="has no such device")
def test_what_is_no_file_is_written_to(tmp_path):
    write_whole("/dev/null", "text")
    assert not os.path.isfile("/dev/null")
    with pytest.raises(IsADirectoryError):
        write_whole(tmp_path, "text")


def test_a_file_that_cannot_be_replaced_is_written_to(tmp_path, monkeypatch):
    path = tmp_path / "mounted.csv"
    path.write_text("old")

    def refuse(draft, target):
        raise OSError(errno.EBUSY, "Device or resource busy")

    monkeypatch.setattr(Path, "replace", refuse)
    write_whole(path, "new")
    assert path.read_text() == "new"
    assert os.listdir(tmp_path) == ["mounted.csv"]
    with pytest.raises(OSError, match="busy"):
        write_whole(tmp_path / "other.csv", "new")


def test_a_snapshot_survives_a_full_disk(tmp_path, monkeypatch):
    snapshot = DeviceSnapshot("anemone", "QPU", 3)
    snapshot.save(tmp_path / "anemone.json")

    def fail(number):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files.os, "fsync", fail)
    with pytest.raises(OSError, match="No space"):
        DeviceSnapshot("anemone", "QPU", 4).save(tmp_path / "anemone.json")
    assert DeviceSnapshot.load(tmp_path / "anemone.json") == snapshot
