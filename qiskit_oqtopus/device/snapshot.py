"""One calibration of one device: to read, save, load and compare it, and to build its Target."""

from __future__ import annotations

import json
import math
import os
import re
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from functools import cached_property
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qiskit.transpiler import Target

from ..drawing.card import build_card
from ..exceptions import OqtopusError, OqtopusWarning, users_stacklevel
from ..files import write_whole
from .calibration_data import translate
from .dataframe import build_dataframes
from .device_info import (
    MAX_QUBITS,
    NS_PER_S,
    US_PER_S,
    CouplingFacts,
    QubitFacts,
    copy_json,
    read_facts,
    to_finite,
    to_index,
)
from .target import DT, device_target
from .uncalibrated import find_left_out, find_worthless

if TYPE_CHECKING:
    from pandas import DataFrame

FORMAT = "qiskit-oqtopus device snapshot"
VERSION = 1

_STATED_BY_THE_LIST = frozenset(
    {
        *("device_id", "device_type", "status", "available_at", "n_pending_jobs", "n_qubits"),
        *("basis_gates", "supported_instructions", "device_info", "calibrated_at"),
        *("supported_gates", "description"),
    }
)
"""Known fields of an entry of the list of devices; only others go to extra."""

_NUMBERS = frozenset(
    {
        *("x", "y", "fidelity", "prob_meas1_prep0", "prob_meas0_prep1"),
        *("readout_assignment_error", "t1", "t2"),
    }
)
_SHARES = _NUMBERS - {"x", "y", "t1", "t2"}
"""Probabilities, and what else is at most 1."""

_WIDEST_PLOT = 1000.0


@dataclass(frozen=True, repr=False)
class DeviceSnapshot:
    """One calibration of one device.

    Attributes:
        device_id: The id of the device.
        device_type: ``"QPU"``, ``"simulator"`` or whatever the server says.
        n_qubits: Number of qubit indices, or None if the device does not say.
        basis_gates: The gates that the device names, as ``basis_gates`` or ``supported_gates``.
        supported_instructions: The other instructions that the device names.
        calibrated_at: When it was calibrated, ISO 8601, as the server says, or None.
        qubits: The qubits that the device lists in ``id`` order; empty if it gives no facts.
        couplings: The couplings between them, directed.
        left_out: Why each qubit or coupling that the Target leaves out is not known well enough.
        name: The name that the device gives itself, else its id.
        extra: Fields that this version does not know (``"device"``: those of the list of
            devices).
    """

    device_id: str
    device_type: str
    n_qubits: int | None
    basis_gates: tuple[str, ...] = ()
    supported_instructions: tuple[str, ...] = ()
    calibrated_at: str | None = None
    qubits: tuple[QubitFacts, ...] = ()
    couplings: tuple[CouplingFacts, ...] = ()
    left_out: tuple[str, ...] = ()
    name: str = ""
    extra: Mapping[str, Any] = field(default_factory=dict, hash=False)

    @classmethod
    def from_device(
        cls, device: Mapping[str, Any], facts: Mapping[str, Any] | None
    ) -> DeviceSnapshot:
        """Read a device as the server describes it.

        Args:
            device: An entry of the list of devices (``device_id``, ``device_type``,
                ``n_qubits``, ``basis_gates``, ``supported_gates``, ``supported_instructions``,
                ``calibrated_at``).
            facts: Its decoded ``device_info``, or None.

        Numbers that cannot be true become None, with one :class:`OqtopusWarning` for the
        device.
        """
        nodes = device.get("n_qubits")
        if nodes is None and isinstance(facts, Mapping):
            nodes = facts.get("n_nodes")
        if isinstance(facts, Mapping):
            facts = translate(facts, to_index(nodes))
        read = read_facts(facts)
        rest = dict(read.extra)
        device_id = str(device.get("device_id") or rest.get("device_id") or "")
        name = str(rest.pop("name", None) or device_id)
        calibrated_at = device.get("calibrated_at") or rest.get("calibrated_at")
        # Kept only if it differs from what the list of devices says.
        for key, value in (("device_id", device_id), ("calibrated_at", calibrated_at)):
            if rest.get(key) in (None, value):
                rest.pop(key, None)
        unknown = {key: value for key, value in device.items() if key not in _STATED_BY_THE_LIST}
        doubts = list(read.doubts)
        if unknown:
            rest["device"] = copy_json(unknown, "the list of devices", doubts)
        n_qubits = _number_of_qubits(nodes, read.qubits, doubts)
        reasons = find_left_out(n_qubits, read.qubits, read.couplings)
        doubts += find_worthless(read.qubits, read.couplings, reasons)
        supported = (*_names(device.get("supported_gates")), *_names(rest.get("supported_gates")))
        snapshot = cls(
            device_id=device_id,
            device_type=str(device.get("device_type") or ""),
            n_qubits=n_qubits,
            basis_gates=tuple(dict.fromkeys((*_names(device.get("basis_gates")), *supported))),
            supported_instructions=_names(device.get("supported_instructions")),
            calibrated_at=None if calibrated_at is None else str(calibrated_at),
            qubits=read.qubits,
            couplings=read.couplings,
            left_out=(*_to_lines(reasons), *read.left_out),
            name=name,
            extra=rest,
        )
        if doubts:
            message = _warning(device_id, doubts)
            warnings.warn(message, OqtopusWarning, stacklevel=users_stacklevel())
        return snapshot

    @cached_property
    def uncalibrated(self) -> Mapping[tuple[int, ...], str]:
        """Why qubits and couplings have no operations, by (qubit,) or (control, target).

        See :func:`.uncalibrated.find_left_out`.
        """
        return find_left_out(self.n_qubits, self.qubits, self.couplings)

    def target(
        self,
        *,
        measure_duration: float | None = None,
        dt: float = DT,
        include_uncalibrated: bool = False,
    ) -> Target:
        """Return a new Target of this calibration, see :func:`.target.device_target`.

        Args:
            measure_duration: Duration of every measurement in s; devices do not report it.
            dt: Sampling time in s.
            include_uncalibrated: Whether what the device lists but does not know well enough has
                operations nevertheless, without errors. The transpiler prefers it then.

        Raises:
            OqtopusOptionError: If a time is not a positive number.
        """
        when = f", calibrated at {self.calibrated_at}" if self.calibrated_at else ""
        return device_target(
            num_qubits=self.n_qubits,
            basis_gates=self.basis_gates,
            qubits=self.qubits,
            couplings=self.couplings,
            measure_duration=measure_duration,
            dt=dt,
            description=f"OQTOPUS device {self.device_id}{when}",
            include_uncalibrated=include_uncalibrated,
        )

    @property
    def qubit_coordinates(self) -> list[tuple[float, float]]:
        """(row, column) of each qubit index, for ``plot_gate_map`` and ``plot_error_map``.

        The positions of the device, moved so that they start at 0 and scaled so that the
        nearest two qubits are 1 apart, as the plots expect; rows count upwards. Indices without
        a position stand in a row of their own below the others. The list is empty, so that the
        plots choose a layout themselves, if no qubit has a position or two (almost) share one.
        """
        points = {q.id: (q.y, q.x) for q in self.qubits if q.x is not None and q.y is not None}
        if not points or len(set(points.values())) < len(points):
            return []
        low = [min(p[axis] for p in points.values()) for axis in (0, 1)]
        extent = max(max(p[axis] for p in points.values()) - low[axis] for axis in (0, 1))
        spacing = min((math.dist(a, b) for a, b in combinations(points.values(), 2)), default=1.0)
        if not extent <= _WIDEST_PLOT * spacing or not spacing:
            return []
        placed = {
            id_: (round((row - low[0]) / spacing, 6), round((column - low[1]) / spacing, 6))
            for id_, (row, column) in points.items()
        }
        unplaced = [i for i in range(self.n_qubits or 0) if i not in placed]
        if unplaced:
            placed = {id_: (round(row + 1, 6), column) for id_, (row, column) in placed.items()}
            placed.update({id_: (0.0, float(column)) for column, id_ in enumerate(unplaced)})
        return [placed[i] for i in sorted(placed)]

    def __repr__(self) -> str:
        when = f", calibrated at {self.calibrated_at}" if self.calibrated_at else ""
        counts = f"{self.n_qubits} qubits, {len(self.couplings)} couplings"
        out = f", {len(self.left_out)} left out" if self.left_out else ""
        return f"<DeviceSnapshot {self.name or self.device_id}: {counts}{out}{when}>"

    def _repr_html_(self) -> str:
        """Return what a notebook shows; nothing is asked for."""
        facts = {
            "device": self.device_id,
            "calibrated at": self.calibrated_at,
            "qubits": self.n_qubits,
            "couplings": len(self.couplings),
            "left out": len(self.left_out) or None,
        }
        return build_card(f"DeviceSnapshot {self.name}", facts, device=self)

    def to_dataframe(self) -> tuple[DataFrame, DataFrame]:
        """Return the stated values of all qubits and couplings as tables.

        See :func:`.dataframe.build_dataframes`: times in s, errors as probabilities.

        Raises:
            ModuleNotFoundError: If pandas is not installed.
        """
        return build_dataframes(self.qubits, self.couplings)

    def to_dict(self) -> dict[str, Any]:
        """Return the snapshot as values for JSON, times in s; there are no credentials in it."""
        body: dict[str, Any] = json.loads(json.dumps(asdict(self), allow_nan=False))
        return {"format": FORMAT, "version": VERSION, **body}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> DeviceSnapshot:
        """Return the snapshot that :meth:`to_dict` turned into these values.

        Raises:
            OqtopusError: If they are no snapshot, or one of a newer version.
        """
        if not isinstance(values, Mapping) or values.get("format") != FORMAT:
            raise OqtopusError(f"This is not a {FORMAT}: its 'format' must say so.")
        if values.get("version") != VERSION:
            raise OqtopusError(
                f"This {FORMAT} has version {values.get('version')!r} and this package reads "
                f"version {VERSION}; install a newer qiskit-oqtopus."
            )
        known = {f.name for f in fields(cls)}
        body = {key: value for key, value in values.items() if key in known}
        try:
            for key in ("basis_gates", "supported_instructions", "left_out"):
                if not isinstance(body[key], (list, tuple)):
                    raise ValueError(f"{key} is no list")
                if not all(isinstance(text, str) for text in body[key]):
                    raise ValueError(f"{key} has something that is no string")
                body[key] = tuple(body[key])
            if not isinstance(body.get("extra", {}), Mapping):
                raise ValueError("extra is no object")
            body["qubits"] = tuple(QubitFacts(**_check_entry(entry)) for entry in body["qubits"])
            body["couplings"] = tuple(
                CouplingFacts(**_check_entry(entry)) for entry in body["couplings"]
            )
            snapshot = cls(**body)
            _check_indices(snapshot)
            # Files of before keep uncalibrated qubits without a word.
            missing = set(_to_lines(snapshot.uncalibrated)) - set(snapshot.left_out)
            if missing:
                lines = [x for x in _to_lines(snapshot.uncalibrated) if x in missing]
                snapshot = replace(snapshot, left_out=(*snapshot.left_out, *lines))
            json.dumps(snapshot.to_dict(), allow_nan=False)  # else it could not be saved again
            return snapshot
        except (KeyError, TypeError, ValueError, ArithmeticError, RecursionError) as error:
            raise OqtopusError(f"This {FORMAT} is damaged: {error}.") from error

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the snapshot to a JSON file, whole or not at all.

        Raises:
            OSError: If the file cannot be written.
        """
        write_whole(path, json.dumps(self.to_dict(), indent=1) + "\n")

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> DeviceSnapshot:
        """Read a snapshot from a JSON file.

        Raises:
            OSError: If the file cannot be read.
            OqtopusError: If it is no snapshot, or one of a newer version.
        """
        try:
            return cls.from_dict(json.loads(Path(path).read_text(encoding="utf-8")))
        except (ValueError, RecursionError) as error:
            raise OqtopusError(f"{path} is not a JSON file: {error}.") from error
        except OqtopusError as error:
            raise OqtopusError(f"{path}: {error.message}") from error

    def diff(self, other: DeviceSnapshot) -> list[str]:
        """Return what changes from this snapshot to another one, one line per change.

        The list is empty exactly if the snapshots are equal. Times of calibration are equal if they
        are so to the second: the list of devices has whole seconds, and device_info has fractions.

        >>> before = DeviceSnapshot("anemone", "QPU", 1, qubits=(QubitFacts(0, t1=2.0e-05),))
        >>> after = DeviceSnapshot("anemone", "QPU", 1, qubits=(QubitFacts(0, t1=2.5e-05),))
        >>> before.diff(after)
        ['qubit 0: t1 20 us -> 25 us (+25%)']
        """
        if is_same_second(self.calibrated_at, other.calibrated_at):
            return _cut_times(self)._list_changes(_cut_times(other))
        return self._list_changes(other)

    def _list_changes(self, other: DeviceSnapshot) -> list[str]:
        lines = [
            f"{f.name}: {_show(getattr(self, f.name))} -> {_show(getattr(other, f.name))}"
            for f in fields(self)
            if f.name not in ("qubits", "couplings", "left_out", "extra")
            and getattr(self, f.name) != getattr(other, f.name)
        ]
        lines += _find_changes(_by_place(self), _by_place(other))
        before, after = set(self.left_out), set(other.left_out)  # there may be 100,000
        lines += [f"no longer left out: {x}" for x in self.left_out if x not in after]
        lines += [f"now left out: {x}" for x in other.left_out if x not in before]
        lines += _find_changes_of_mapping("extra", self.extra, other.extra)
        if not lines and self != other:
            lines.append("the same entries in another order")
        return lines


def is_same_second(a: Any, b: Any) -> bool:
    """Return whether two times of calibration differ in fractions of a second at most.

    >>> is_same_second("2025-04-20T10:03:16Z", "2025-04-20T10:03:16.755183+00:00")
    True
    """
    return bool(_cut_time(a) == _cut_time(b))


def _cut_time(moment: Any) -> Any:
    text = moment if isinstance(moment, str) else ""
    found = re.fullmatch(r"(.{10})[T ](\d\d:\d\d:\d\d)(?:[.,]\d+)?(?:Z|\+00:?00)?", text)
    return moment if found is None else f"{found[1]}T{found[2]}Z"


def _cut_times(snapshot: DeviceSnapshot) -> DeviceSnapshot:
    """Return a snapshot without fractions of a second in its time of calibration."""
    when, extra = _cut_time(snapshot.calibrated_at), dict(snapshot.extra)
    if _cut_time(extra.get("calibrated_at")) == when:
        extra.pop("calibrated_at", None)
    return replace(snapshot, calibrated_at=when, extra=extra)


def _check_entry(entry: Mapping[str, Any]) -> dict[str, Any]:
    """Return a qubit or coupling of a file if it can be true: somebody may have edited it."""
    for name in ("id", "control", "target"):
        if name in entry and (type(entry[name]) is not int or to_index(entry[name]) is None):
            raise ValueError(f"{name} is {entry[name]!r}")
    numbers = {name: entry[name] for name in _NUMBERS if name in entry} | entry["durations"]
    for name, value in numbers.items():
        if value is not None and to_finite(value) is None:
            raise ValueError(f"{name} is {value!r}")
        if value is not None and name not in ("x", "y") and value < 0:
            raise ValueError(f"{name} is {value!r}, which is below 0")
    for name in _SHARES:
        if entry.get(name) is not None and entry[name] > 1:
            raise ValueError(f"{name} is {entry[name]!r}, which is above 1")
    return dict(entry)


def _check_indices(snapshot: DeviceSnapshot) -> None:
    ids = [q.id for q in snapshot.qubits]
    size = snapshot.n_qubits
    if size is not None and not (type(size) is int and 0 < size <= MAX_QUBITS):
        raise ValueError(f"n_qubits is {size!r}")
    if ids != sorted(set(ids)) or (ids and (size is None or ids[-1] >= size)):
        raise ValueError("the ids of its qubits are not in order and below n_qubits")
    if not {i for c in snapshot.couplings for i in (c.control, c.target)} <= set(ids):
        raise ValueError("a coupling has a qubit that is not listed")
    pairs = [(c.control, c.target) for c in snapshot.couplings]
    if len(set(pairs)) < len(pairs) or any(control == target for control, target in pairs):
        raise ValueError("a coupling is listed twice, or between a qubit and itself")


def _number_of_qubits(value: Any, qubits: tuple[QubitFacts, ...], doubts: list[str]) -> int | None:
    """Return the number of qubit indices: programs may name every id that is listed."""
    stated = to_index(value)
    if value is not None and not stated:
        doubts.append(f"n_qubits is {value!r}"[:80])
    listed = qubits[-1].id + 1 if qubits else 0
    if stated and listed > stated:
        doubts.append(f"n_qubits is {stated}, but its qubits go up to {listed - 1}")
    return max(stated or 0, listed) or None


def _to_lines(reasons: Mapping[tuple[int, ...], str]) -> Iterator[str]:
    for place, reason in reasons.items():
        noun = "qubit" if len(place) == 1 else "coupling"
        yield f"{noun} {'->'.join(map(str, place))}: {reason}"


def _names(value: Any) -> tuple[str, ...]:
    return tuple(map(str, value)) if isinstance(value, (list, tuple)) else ()


def _warning(device_id: str, doubts: list[str]) -> str:
    shown = "; ".join(doubts[:10])
    more = f"; and {len(doubts) - 10} more" if len(doubts) > 10 else ""
    return (
        f"Device {device_id!r} describes itself in a way that cannot be right, and what is "
        f"concerned is treated as unknown: {shown}{more}."
    )


def _by_place(snapshot: DeviceSnapshot) -> dict[str, QubitFacts | CouplingFacts]:
    places: dict[str, QubitFacts | CouplingFacts] = {f"qubit {q.id}": q for q in snapshot.qubits}
    places.update({f"coupling {c.control}->{c.target}": c for c in snapshot.couplings})
    return places


def _find_changes(
    before: Mapping[str, QubitFacts | CouplingFacts],
    after: Mapping[str, QubitFacts | CouplingFacts],
) -> Iterator[str]:
    for place in [*before, *(place for place in after if place not in before)]:
        if place not in after:
            yield f"{place}: gone"
        elif place not in before:
            yield f"{place}: new"
        else:
            old, new = before[place], after[place]
            for f in fields(old):
                a, b = getattr(old, f.name), getattr(new, f.name)
                if isinstance(a, Mapping):
                    label = f"{place}: {'duration of' if f.name == 'durations' else f.name}"
                    yield from _find_changes_of_mapping(label, a, b)
                elif a != b:
                    yield f"{place}: {f.name} {_show_change(f.name, a, b)}"


def _find_changes_of_mapping(
    label: str, a: Mapping[str, Any], b: Mapping[str, Any]
) -> Iterator[str]:
    unit = "durations" if label.endswith("duration of") else ""
    for key in [*a, *(key for key in b if key not in a)]:
        if key not in b:
            yield f"{label} {key} {_show(a[key], unit)} -> not given"
        elif key not in a:
            yield f"{label} {key} not given -> {_show(b[key], unit)}"
        elif a[key] != b[key]:
            yield f"{label} {key} {_show_change(unit, a[key], b[key])}"


def _show_change(name: str, a: Any, b: Any) -> str:
    old, new = _show(a, name), _show(b, name)
    if old == new:  # equal to 6 digits
        old, new = repr(a), repr(b)
    text = f"{old} -> {new}"
    if name in ("t1", "t2", "durations") and a and b:
        text += f" ({b / a - 1:+.0%})"
    return text


def _show(value: Any, name: str = "") -> str:
    if value is None:
        return "unknown"
    if isinstance(value, float) and name in ("t1", "t2"):
        return f"{value * US_PER_S:.6g} us"
    if isinstance(value, float) and name == "durations":
        return f"{value * NS_PER_S:.6g} ns"
    return f"{value:.6g}" if isinstance(value, float) else str(value)
