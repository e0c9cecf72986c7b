"""Where devices come from, and how they give their facts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import requests

from qiskit_oqtopus.device.snapshot import DeviceSnapshot
from qiskit_oqtopus.emulator import EmulatedDevice, Emulator
from qiskit_oqtopus.emulator.devices import EXAMPLES, parse_device
from qiskit_oqtopus.exceptions import OqtopusOptionError

from .conftest import plain_device
from .session import Session, unzipped


def row(source: Any, **options: Any) -> dict[str, Any]:
    with Emulator([source], **options) as cloud:
        (found,) = Session(cloud).call("GET", "/devices")[1]
        status, alone = Session(cloud).call("GET", f"/devices/{found['device_id']}")
        # Links are signed anew, and both hold times in seconds: the second may have passed.
        told = [{**each, "device_info": None} for each in (alone, found)]
        assert (status, told[0]) == (200, told[1])
        if str(found["device_info"]).startswith("http"):
            answer = requests.get(found["device_info"], timeout=5)
            name, text = unzipped(answer.content)
            assert name == "device_info.json"
            found["device_info"] = json.loads(text)
        return dict(found)


def test_row_of_a_device() -> None:
    found = row("line-4q")
    facts = found.pop("device_info")
    assert found == {
        "device_id": "line-4q",
        "device_type": "QPU",
        "status": "available",
        "available_at": None,
        "n_pending_jobs": 0,
        "n_qubits": 4,
        "basis_gates": ["sx", "x", "rz", "cx"],
        "supported_instructions": ["measure", "barrier"],
        "calibrated_at": facts["calibrated_at"],
        "description": "Emulated device",
    }
    assert json.loads(row("line-4q", device_info="text")["device_info"]) == facts
    assert row("line-4q", device_info="null")["device_info"] is None


@pytest.mark.parametrize(("gateway", "kind"), [("qulacs", "simulator"), ("qubex", "QPU")])
def test_devices_are_what_their_gateway_runs(gateway: str, kind: str) -> None:
    facts = plain_device()
    assert row(facts, gateway=gateway)["device_type"] == kind
    named = {"device_id": "chip", "device_type": "annealer", "device_info": facts}
    assert row(named, gateway=gateway)["device_type"] == "annealer"
    assert row("line-4q", gateway=gateway)["device_type"] == "QPU"


@pytest.mark.parametrize(("name", "size", "couplings"), [("line-4q", 4, 3), ("grid-16q", 16, 24)])
def test_examples(name: str, size: int, couplings: int) -> None:
    assert name in EXAMPLES
    facts = parse_device(name).facts
    assert facts is not None
    assert [qubit["id"] for qubit in facts["qubits"]] == list(range(size))
    assert len({qubit["qubit_lifetime"]["t1"] for qubit in facts["qubits"]}) == size  # a spread
    for qubit in facts["qubits"]:
        lifetime = qubit["qubit_lifetime"]
        assert 0 < lifetime["t2"] <= 2 * lifetime["t1"]
        assert 0.99 < qubit["fidelity"] < 1
        assert 0 < qubit["meas_error"]["prob_meas1_prep0"] < 0.1
    pairs = {frozenset((c["control"], c["target"])) for c in facts["couplings"]}
    assert len(pairs) == len(facts["couplings"]) == couplings  # directed, and once each
    assert sum(c["fidelity"] < 0.9 for c in facts["couplings"]) == 1  # the bad one


def test_forms_of_a_device(tmp_path: Path) -> None:
    facts = plain_device()
    path = tmp_path / "calibration.json"
    path.write_text(json.dumps(facts))
    for source in (path, str(path), facts, parse_device(facts)):
        found = row(source)
        assert found["device_info"] == facts
        assert (found["device_id"], found["n_qubits"]) == ("qulacs", 16)
    anonymous = {"qubits": facts["qubits"], "couplings": []}
    assert row(anonymous)["device_id"] == "emulated"
    bare = {
        "device_id": "SC",
        "device_type": "simulator",
        "n_qubits": None,
        "basis_gates": ["sx", "rz"],
        "device_info": None,
    }
    found = row(bare)
    assert {key: found[key] for key in bare} == bare
    assert row({"device_id": "odd", "device_info": "{broken"})["device_info"] == "{broken"
    inner = row({"device_id": "renamed", "device_info": facts, "description": "mine"})
    assert (inner["device_id"], inner["description"]) == ("renamed", "mine")
    assert inner["device_info"] == facts


def test_snapshots(tmp_path: Path) -> None:
    facts = plain_device()
    snapshot = DeviceSnapshot.from_device(row(facts), facts)
    path = tmp_path / "snapshot.json"
    snapshot.save(path)
    for source in (snapshot, path):
        found = row(source)
        again = DeviceSnapshot.from_device(found, found["device_info"])
        assert again.diff(snapshot) == []
        assert again.target() is not None


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("grid-17q", "neither an example"),
        (7, "name of an example"),
    ],
)
def test_sources_that_are_not_devices(source: Any, reason: str) -> None:
    for sources in ([source], source):
        with pytest.raises(OqtopusOptionError, match=reason):
            Emulator(sources)


def test_one_device_needs_no_list() -> None:
    facts = plain_device()
    for source in (facts, DeviceSnapshot.from_device(row(facts), facts)):
        (device,) = Emulator(source).devices
        assert device.device_id == row(facts)["device_id"]


def test_files_that_are_not_devices(tmp_path: Path) -> None:
    path = tmp_path / "list.json"
    path.write_text("[]")
    with pytest.raises(OqtopusOptionError, match="no JSON object"):
        Emulator([path])


def test_options_that_cannot_be_used() -> None:
    wrong: list[dict[str, Any]] = [{"gateway": "x"}, {"device_info": "x"}, {"noise": "on"}]
    for options in wrong:
        with pytest.raises(OqtopusOptionError):
            Emulator(**options)
    with pytest.raises(OqtopusOptionError, match="more than once"):
        Emulator(["line-4q", "line-4q"])


def test_a_device_without_facts_runs_programs() -> None:
    with Emulator([EmulatedDevice("bare", n_qubits=3)]) as cloud:
        program = (
            'OPENQASM 3.0;\ninclude "stdgates.inc";\nqubit[3] q;\nbit[3] c;\n'
            "x q[0];\ncx q[0], q[2];\nc = measure q;\n"
        )
        assert Session(cloud).counts(program, transpiler_info={}) == {"101": 1000}


def test_a_new_calibration_shows_at_once() -> None:
    with Emulator([plain_device()], device_info="text") as cloud:
        user = Session(cloud)
        facts = {**plain_device(), "calibrated_at": "2027-01-01T00:00:00Z"}
        cloud.devices.set("qulacs", facts=facts, calibrated_at="2027-01-01T00:00:00Z")
        found = user.call("GET", "/devices/qulacs")[1]
        assert found["calibrated_at"] == "2027-01-01T00:00:00Z"
        assert json.loads(found["device_info"]) == facts
        with pytest.raises(KeyError):
            cloud.devices.set("nope", status="unavailable")
