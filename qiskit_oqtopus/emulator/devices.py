"""The devices of the emulator: shipped examples, files, dictionaries and snapshots."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from importlib import resources
from pathlib import Path
from typing import Any

from qiskit.primitives import BaseSamplerV2
from qiskit.providers import BackendV2

from ..exceptions import OqtopusOptionError
from .vendor import Vendor

EXAMPLES = ("line-4q", "grid-16q")
"""Names of the shipped examples. Their numbers are ours: no such device exists."""

BASIS_GATES = ("sx", "x", "rz", "cx")
SUPPORTED_INSTRUCTIONS = ("measure", "barrier")


@dataclass(frozen=True)
class EmulatedDevice:
    """One device.

    Attributes:
        device_id: Its id.
        facts: The content of ``device_info``, or None.
        device_type: "QPU" or "simulator"; None for what the gateway runs.
        status: "available" or "unavailable", as it really is.
        n_qubits: Number of qubits, or None.
        basis_gates: Gates that it claims to have.
        supported_instructions: Other instructions that it claims to have.
        description: A text.
        calibrated_at: Time of the calibration, or None.
        device_info: The literal text of ``device_info``, which may be broken, or None to let the
            emulator write the facts.
        vendor: The backend that runs its programs, or None for the local simulator.
    """

    device_id: str
    facts: Mapping[str, Any] | None = None
    device_type: str | None = None
    status: str = "available"
    n_qubits: int | None = None
    basis_gates: tuple[str, ...] = BASIS_GATES
    supported_instructions: tuple[str, ...] = SUPPORTED_INSTRUCTIONS
    description: str = "Emulated device"
    calibrated_at: str | None = None
    device_info: str | None = None
    vendor: Vendor | None = field(default=None, repr=False)

    @property
    def couplings(self) -> list[tuple[int, int]] | None:
        """Directed couplings that work, or None if nothing is known about them."""
        if self.vendor is not None:
            return self.vendor.couplings
        if self.facts is None:
            return None
        pairs = self.facts.get("couplings", [])
        return [(c["control"], c["target"]) for c in pairs if (c.get("fidelity") or 0) > 0]

    def readout(self, qubit: int) -> tuple[float, float]:
        """Return the probabilities of 1 for a prepared 0, and of 0 for a prepared 1."""
        for facts in (self.facts or {}).get("qubits", []):
            if facts["id"] == qubit:
                errors = facts.get("meas_error") or {}
                return (
                    float(errors.get("prob_meas1_prep0") or 0.0),
                    float(errors.get("prob_meas0_prep1") or 0.0),
                )
        return 0.0, 0.0


class Devices:
    """The devices of the cloud; may be used from any thread.

    Args:
        devices: The devices.
        lag: Time until a change of a status is shown, in s.
    """

    def __init__(self, devices: list[EmulatedDevice], lag: float = 0.0) -> None:
        self._lag = lag
        self._lock = threading.Lock()
        self._devices = {device.device_id: device for device in devices}
        self._before: dict[str, tuple[float, str]] = {}

    def __iter__(self) -> Any:
        return iter(list(self._devices.values()))

    def get(self, device_id: str | None) -> EmulatedDevice | None:
        """Return a device, or None."""
        return None if device_id is None else self._devices.get(device_id)

    def set(self, device_id: str, **changes: Any) -> EmulatedDevice:
        """Change a device, as in ``set("grid-16q", status="unavailable")``.

        Raises:
            KeyError: If there is no such device.
        """
        with self._lock:
            old = self._devices[device_id]
            self._before[device_id] = (time.monotonic() + self._lag, old.status)
            self._devices[device_id] = replace(old, **changes)
            return self._devices[device_id]

    def shown_status(self, device: EmulatedDevice) -> str:
        """Return the status that the cloud shows: for a while, the one before the last change."""
        until, old = self._before.get(device.device_id, (0.0, ""))
        return old if time.monotonic() < until else device.status


def parse_device(
    source: Any, samplers: Mapping[str, BaseSamplerV2] | None = None
) -> EmulatedDevice:
    """Return a device that is given in any of several forms.

    Args:
        source: The name of a shipped example; a path of a JSON file with the facts of a device (as
            in ``device_info``) or with a saved ``DeviceSnapshot``; such facts as a dictionary; a
            dictionary as in GET /devices, with ``device_info`` as a dictionary, a text or None; a
            ``DeviceSnapshot``; any ``BackendV2`` of Qiskit; or an :class:`EmulatedDevice`.
        samplers: By the name of a ``BackendV2``, what runs its circuits in place of ``run``.

    Raises:
        OqtopusOptionError: If it is none of these.
    """
    if isinstance(source, BackendV2):
        return _parse_backend(Vendor(source, (samplers or {}).get(source.name)))
    if isinstance(source, EmulatedDevice):
        return source
    if isinstance(source, str) and source in EXAMPLES:
        text = resources.files(__package__).joinpath("examples", f"{source}.json").read_text()
        return replace(_parse_mapping(json.loads(text), source), device_type="QPU")
    if isinstance(source, (str, Path)):
        return _parse_file(Path(source))
    if hasattr(source, "qubits") and hasattr(source, "couplings"):
        return _parse_snapshot(source)
    if isinstance(source, Mapping):
        return _parse_mapping(source, "emulated")
    raise OqtopusOptionError(
        f"A device is the name of an example ({', '.join(EXAMPLES)}), a path, a dictionary, a "
        f"DeviceSnapshot or a BackendV2, not {source!r}."
    )


def _parse_file(path: Path) -> EmulatedDevice:
    try:
        content = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise OqtopusOptionError(
            f"Device {str(path)!r} is neither an example ({', '.join(EXAMPLES)}) nor a JSON file "
            f"that can be read: {error}"
        ) from error
    if not isinstance(content, dict):
        raise OqtopusOptionError(f"Device file {str(path)!r} holds no JSON object.")
    if any("t1" in qubit for qubit in content.get("qubits", ()) if isinstance(qubit, dict)):
        # Facts of the cloud have qubit_lifetime.t1 instead.
        from ..device.snapshot import DeviceSnapshot

        return _parse_snapshot(DeviceSnapshot.load(path))
    return _parse_mapping(content, path.stem)


def _parse_mapping(content: Mapping[str, Any], name: str) -> EmulatedDevice:
    if "qubits" in content:
        facts = dict(content)
        facts.setdefault("name", name)
        facts.setdefault("device_id", facts["name"])
        return EmulatedDevice(
            device_id=str(facts["device_id"]),
            facts=facts,
            n_qubits=max((qubit["id"] for qubit in facts["qubits"]), default=-1) + 1,
            calibrated_at=facts.get("calibrated_at"),
            description=str(facts.get("description", "Emulated device")),
        )
    row = {key: value for key, value in content.items() if key in _ROW}
    info = row.pop("device_info", None)
    for key in ("basis_gates", "supported_instructions"):
        if key in row:
            row[key] = tuple(row[key])
    made = EmulatedDevice(device_id=str(row.pop("device_id", name)))
    if isinstance(info, Mapping):
        known = _parse_mapping(info, made.device_id)
        made = replace(known, device_id=made.device_id)
    elif isinstance(info, str):
        made = replace(made, device_info=info)
    return replace(made, **row)


_ROW = frozenset(EmulatedDevice.__dataclass_fields__) - {"facts", "vendor"}


def _parse_backend(vendor: Vendor) -> EmulatedDevice:
    """Return a device that is a vendor's backend."""
    delay = ("delay",) if vendor.has_delay else ()
    return EmulatedDevice(
        device_id=vendor.name,
        facts=vendor.facts,
        device_type="QPU",
        n_qubits=vendor.num_qubits,
        supported_instructions=(*SUPPORTED_INSTRUCTIONS, *delay),
        description=f"{vendor.name} behind OQTOPUS",
        vendor=vendor,
    )


def _parse_snapshot(snapshot: Any) -> EmulatedDevice:
    """Return a device with the facts of a snapshot."""

    def durations(values: Mapping[str, float | None]) -> dict[str, float]:
        return {gate: round(value * 1e9, 6) for gate, value in values.items() if value is not None}

    def times(value: float | None) -> float | None:
        return None if value is None else round(value * 1e6, 9)

    facts = {
        "name": snapshot.name or snapshot.device_id,
        "device_id": snapshot.device_id,
        "qubits": [
            {
                "id": qubit.id,
                "physical_id": qubit.physical_id,
                "position": {"x": qubit.x, "y": qubit.y},
                "fidelity": qubit.fidelity,
                "meas_error": {
                    "prob_meas1_prep0": qubit.prob_meas1_prep0,
                    "prob_meas0_prep1": qubit.prob_meas0_prep1,
                    "readout_assignment_error": qubit.readout_assignment_error,
                },
                "qubit_lifetime": {"t1": times(qubit.t1), "t2": times(qubit.t2)},
                "gate_duration": durations(qubit.durations),
            }
            for qubit in snapshot.qubits
        ],
        "couplings": [
            {
                "control": coupling.control,
                "target": coupling.target,
                "fidelity": coupling.fidelity,
                "gate_duration": durations(coupling.durations),
            }
            for coupling in snapshot.couplings
        ],
        "calibrated_at": snapshot.calibrated_at,
    }
    return EmulatedDevice(
        device_id=snapshot.device_id,
        facts=facts if snapshot.qubits else None,
        device_type=snapshot.device_type,
        n_qubits=snapshot.n_qubits,
        basis_gates=tuple(snapshot.basis_gates),
        supported_instructions=tuple(snapshot.supported_instructions),
        calibrated_at=snapshot.calibrated_at,
    )
