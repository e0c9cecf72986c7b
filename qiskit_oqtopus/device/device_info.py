"""What a device says of its qubits and couplings: device_info, read with suspicion (pure).

A number that cannot be true (NaN, infinite, negative, a probability or fidelity outside
[0, 1], a lifetime of zero, not a number at all) is read as None: unknown. It is never replaced
by a default, and never guessed from its neighbours.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..circuits import units_per_second
from ..words import clean

MAX_QUBITS = 100_000
"""An id or a number of qubits at or above this is taken for a broken number, because a Target
of that size would only exhaust the memory."""

MAX_ENTRIES = 200_000
"""Entries of the list of qubits, or of couplings, that are read: all couplings of 400 qubits."""

NS_PER_S = units_per_second("ns")
US_PER_S = units_per_second("us")


@dataclass(frozen=True)
class QubitFacts:
    """One qubit at the time of one calibration; None stands for an unknown value.

    Attributes:
        id: Index of the qubit in programs: ``$id``, and qubit ``id`` of the Target.
        physical_id: Number of the qubit on the chip. It is never used as an index.
        x: Position on the chip, in units of the device's own, to the right.
        y: Position on the chip, upwards.
        fidelity: Average fidelity of a one-qubit gate.
        prob_meas1_prep0: Probability of reading 1 after preparing 0.
        prob_meas0_prep1: Probability of reading 0 after preparing 1.
        readout_assignment_error: Probability of reading the wrong bit.
        t1: Relaxation time in s, as reported.
        t2: Dephasing time in s, as reported (it may exceed ``2 * t1``).
        durations: Gate durations in s by the device's name of the gate.
        extra: Fields of the device that this version does not know.
    """

    id: int
    physical_id: int | None = None
    x: float | None = None
    y: float | None = None
    fidelity: float | None = None
    prob_meas1_prep0: float | None = None
    prob_meas0_prep1: float | None = None
    readout_assignment_error: float | None = None
    t1: float | None = None
    t2: float | None = None
    durations: Mapping[str, float | None] = field(default_factory=dict, hash=False)
    extra: Mapping[str, Any] = field(default_factory=dict, hash=False)

    @property
    def measure_error(self) -> float | None:
        """Readout assignment error, else the mean of the two probabilities, else None.

        >>> QubitFacts(0, prob_meas1_prep0=0.125, prob_meas0_prep1=0.375).measure_error
        0.25
        >>> QubitFacts(0, prob_meas1_prep0=0.125).measure_error is None
        True
        """
        if self.readout_assignment_error is not None:
            return self.readout_assignment_error
        if self.prob_meas1_prep0 is None or self.prob_meas0_prep1 is None:
            return None
        return (self.prob_meas1_prep0 + self.prob_meas0_prep1) / 2


@dataclass(frozen=True)
class CouplingFacts:
    """One directed coupling at the time of one calibration; None stands for an unknown value.

    Attributes:
        control: ``id`` of the control qubit.
        target: ``id`` of the target qubit.
        fidelity: Average fidelity of the two-qubit gate.
        durations: Gate durations in s by the device's name of the gate.
        extra: Fields of the device that this version does not know.
    """

    control: int
    target: int
    fidelity: float | None = None
    durations: Mapping[str, float | None] = field(default_factory=dict, hash=False)
    extra: Mapping[str, Any] = field(default_factory=dict, hash=False)

    @property
    def cx_duration(self) -> float | None:
        """Duration of cx in s: ``cx``, else ``rzx90``, else None.

        A cx is one rzx90 and one-qubit gates around it, so that ``rzx90`` is a lower bound.

        >>> CouplingFacts(0, 1, durations={"rzx90": 2.72e-07}).cx_duration
        2.72e-07
        """
        duration = self.durations.get("cx")
        return self.durations.get("rzx90") if duration is None else duration


@dataclass(frozen=True)
class DeviceFacts:
    """All that could be read from one device_info.

    Attributes:
        qubits: The qubits in ``id`` order.
        couplings: The couplings between them in the order of the device.
        left_out: Why entries of both lists could not be read.
        doubts: What was read as unknown although something was there, for one warning.
        extra: Top-level fields that are not qubits or couplings.
    """

    qubits: tuple[QubitFacts, ...] = ()
    couplings: tuple[CouplingFacts, ...] = ()
    left_out: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()
    extra: Mapping[str, Any] = field(default_factory=dict)


def read_facts(facts: Mapping[str, Any] | None) -> DeviceFacts:
    """Read a decoded device_info; what is wrong with an entry costs only that entry.

    Args:
        facts: The JSON object of the device (durations in ns, lifetimes in us), or None.

    >>> facts = read_facts({"qubits": [{"id": 0, "fidelity": 1.5}], "couplings": []})
    >>> facts.qubits[0].fidelity, facts.doubts
    (None, ('qubit 0: fidelity is 1.5',))
    """
    if facts is None:
        return DeviceFacts()
    reader = _Reader()
    if not isinstance(facts, Mapping):
        reader.doubt("device_info", "contents", f"a {type(facts).__name__}, not an object")
        return DeviceFacts(doubts=tuple(reader.doubts))
    qubits: dict[int, QubitFacts] = {}
    for position, entry in enumerate(reader.entries(facts, "qubits")):
        qubit = reader.qubit(position, entry)
        if qubit is not None and qubit.id in qubits:
            reader.leave_out(f"qubit {qubit.id}: listed again (entry {position})")
        elif qubit is not None:
            qubits[qubit.id] = qubit
    couplings: dict[tuple[int, int], CouplingFacts] = {}
    for position, entry in enumerate(reader.entries(facts, "couplings")):
        coupling = reader.coupling(position, entry, qubits)
        if coupling is None:
            continue
        pair = (coupling.control, coupling.target)
        if pair in couplings:
            reader.leave_out(f"coupling {pair[0]}->{pair[1]}: listed again (entry {position})")
        else:
            couplings[pair] = coupling
    rest = {key: value for key, value in facts.items() if key not in ("qubits", "couplings")}
    return DeviceFacts(
        qubits=tuple(qubits[id_] for id_ in sorted(qubits)),
        couplings=tuple(couplings.values()),
        left_out=tuple(reader.left_out),
        extra=copy_json(rest, "device_info", reader.doubts),
        doubts=tuple(reader.doubts),
    )


def to_index(value: Any) -> int | None:
    """Return ``value`` if it is a usable qubit index, else None.

    >>> to_index(3), to_index(3.0), to_index(True), to_index(-1), to_index("3")
    (3, 3, None, None, None)
    """
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    good = isinstance(value, int) and not isinstance(value, bool) and 0 <= value < MAX_QUBITS
    return value if good else None


def copy_json(value: Any, where: str, doubts: list[str]) -> Any:
    """Return a detached copy of a JSON value in which non-finite numbers are None.

    A NaN is not equal to itself and is not valid JSON: a snapshot that holds one could neither
    be compared nor saved.

    Args:
        value: What came out of a JSON parser.
        where: Name of the value, for the doubts.
        doubts: What was made None is added here.

    >>> copy_json({"depth": [1, float("inf")]}, "qubit 0", doubts := []), doubts
    ({'depth': [1, None]}, ['qubit 0: depth[1] is inf'])
    """

    def copy(value: Any, name: str) -> Any:
        if isinstance(value, Mapping):
            return {str(key): copy(v, f"{name}.{key}".lstrip(".")) for key, v in value.items()}
        if isinstance(value, (list, tuple)):
            return [copy(v, f"{name}[{i}]") for i, v in enumerate(value)]
        if isinstance(value, float) and not math.isfinite(value):
            doubts.append(f"{where}: {clean(name, limit=60)} is {value}")
            return None
        return value

    return copy(value, "")


def to_finite(value: Any) -> float | None:
    """Return ``value`` as a float if it is a finite number, else None."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    try:
        number = float(value)
    except OverflowError:  # an integer of more than 308 digits is valid JSON
        return None
    return number if math.isfinite(number) else None


def _is_probability(value: float) -> bool:
    return 0 <= value <= 1


def _is_not_negative(value: float) -> bool:
    return value >= 0


def _is_positive(value: float) -> bool:
    return value > 0


def _is_any(value: float) -> bool:
    return True


class _Reader:
    """Reads entries and collects what is wrong with them."""

    def __init__(self) -> None:
        self.left_out: list[str] = []
        self.doubts: list[str] = []

    def doubt(self, where: str, name: str, what: Any) -> None:
        text = what if isinstance(what, str) else repr(what)
        self.doubts.append(f"{where}: {clean(name, limit=60)} is {clean(text, limit=60)}")

    def leave_out(self, reason: str) -> None:
        """Leave out an entry that no sound device_info has, and warn about it too."""
        self.left_out.append(reason)
        self.doubts.append(reason)

    def entries(self, facts: Mapping[str, Any], name: str) -> list[Any]:
        value = facts.get(name)
        if isinstance(value, list) and len(value) <= MAX_ENTRIES:
            return value
        if isinstance(value, list):
            self.doubt("device_info", name, f"{len(value):,} entries, and not read")
            return []
        self.doubt("device_info", name, "missing" if value is None else type(value).__name__)
        return []

    def number(
        self,
        where: str,
        name: str,
        value: Any,
        allowed: Callable[[float], bool],
        per_unit: float = 1.0,
    ) -> float | None:
        if value is None:
            return None
        number = to_finite(value)
        if number is None or not allowed(number):
            self.doubt(where, name, value)
            return None
        # Divided, not multiplied by 1e-9: 24 ns are then the float that is written 2.4e-08.
        return number / per_unit

    def section(self, where: str, name: str, value: Any) -> dict[str, Any]:
        """Return the nested object ``value`` as a dict from which the caller may take fields."""
        if isinstance(value, Mapping):
            return dict(value)
        if value is not None:
            self.doubt(where, name, value)
        return {}

    def durations(self, where: str, value: Any) -> dict[str, float | None]:
        section = self.section(where, "gate_duration", value)
        return {
            str(gate): self.number(
                where, f"gate_duration of {gate}", number, _is_not_negative, NS_PER_S
            )
            for gate, number in section.items()
        }

    def qubit(self, position: int, entry: Any) -> QubitFacts | None:
        id_ = to_index(entry.get("id")) if isinstance(entry, Mapping) else None
        if id_ is None:
            self.leave_out(f"entry {position} of the list of qubits: it has no usable id")
            return None
        where = f"qubit {id_}"
        rest = {key: value for key, value in entry.items() if key != "id"}
        physical_id = rest.pop("physical_id", None)
        if physical_id is not None and to_index(physical_id) is None:
            self.doubt(where, "physical_id", physical_id)
        position_ = self.section(where, "position", rest.pop("position", None))
        errors = self.section(where, "meas_error", rest.pop("meas_error", None))
        lifetime = self.section(where, "qubit_lifetime", rest.pop("qubit_lifetime", None))

        def probability(name: str, section: dict[str, Any]) -> float | None:
            return self.number(where, name, section.pop(name, None), _is_probability)

        def lifetime_of(name: str) -> float | None:
            return self.number(where, name, lifetime.pop(name, None), _is_positive, US_PER_S)

        known: dict[str, float | None] = {
            "x": self.number(where, "x", position_.pop("x", None), _is_any),
            "y": self.number(where, "y", position_.pop("y", None), _is_any),
            "fidelity": probability("fidelity", rest),
            "prob_meas1_prep0": probability("prob_meas1_prep0", errors),
            "prob_meas0_prep1": probability("prob_meas0_prep1", errors),
            "readout_assignment_error": probability("readout_assignment_error", errors),
            "t1": lifetime_of("t1"),
            "t2": lifetime_of("t2"),
        }
        durations = self.durations(where, rest.pop("gate_duration", None))
        left = {"position": position_, "meas_error": errors, "qubit_lifetime": lifetime}
        rest.update({name: section for name, section in left.items() if section})
        return QubitFacts(
            id=id_,
            physical_id=to_index(physical_id),
            durations=durations,
            extra=copy_json(rest, where, self.doubts),
            **known,
        )

    def coupling(
        self, position: int, entry: Any, qubits: Mapping[int, QubitFacts]
    ) -> CouplingFacts | None:
        rest = dict(entry) if isinstance(entry, Mapping) else {}
        control, target = to_index(rest.pop("control", None)), to_index(rest.pop("target", None))
        if control is None or target is None or control == target:
            self.leave_out(f"entry {position} of the list of couplings: it has no usable qubits")
            return None
        where = f"coupling {control}->{target}"
        unlisted = [id_ for id_ in (control, target) if id_ not in qubits]
        if unlisted:
            self.left_out.append(f"{where}: qubit {unlisted[0]} is not in the list of qubits")
            return None
        fidelity = rest.pop("fidelity", None)
        # Devices mark a coupling that could not be calibrated by NaN: no reason to warn.
        if isinstance(fidelity, float) and math.isnan(fidelity):
            fidelity = None
        number = self.number(where, "fidelity", fidelity, _is_probability)
        durations = self.durations(where, rest.pop("gate_duration", None))
        return CouplingFacts(
            control, target, number, durations, copy_json(rest, where, self.doubts)
        )
