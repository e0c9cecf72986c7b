"""What the Target of a vendor says, as the facts of a device: of x, sx, rz and cx, translated."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import permutations
from typing import Any

from qiskit.circuit import Gate, QuantumCircuit
from qiskit.exceptions import QiskitError
from qiskit.transpiler import Target

from ..device.device_info import NS_PER_S, US_PER_S

READOUT = ("prob_meas1_prep0", "prob_meas0_prep1")
"""The two errors of a measurement, which only some Targets have apart."""

Pair = tuple[int, int]
Translate = Callable[[QuantumCircuit], QuantumCircuit]


@dataclass(frozen=True)
class _Step:
    """A gate of the vendor.

    Attributes:
        qubits: Where it acts.
        error: Its error, or None.
        duration: Its duration in s, or None.
    """

    qubits: tuple[int, ...]
    error: float | None
    duration: float | None


def find_pairs(target: Target) -> list[Pair]:
    """Return the pairs of qubits that have a gate, each in both directions."""
    pairs: set[Pair] = set()
    for name in _find_gates(target, 2):
        for qubits in target[name]:
            if qubits is None:
                return list(permutations(range(target.num_qubits), 2))
            pairs |= {tuple(qubits), tuple(qubits[::-1])}
    return sorted(pairs)


def find_facts(
    name: str, target: Target, pairs: Sequence[Pair], translate: Translate
) -> dict[str, Any]:
    """Return the facts of a device, in the form of ``device_info``.

    The fidelity of a qubit is that of the worst gate that x and sx become. The fidelity of a
    coupling is the product of those of the two-qubit gates that a cx becomes; a direction that
    takes more one-qubit gates than the other also pays for these. A gate takes as long as all that
    it becomes. A qubit that cannot be measured is left out, and so is a pair on which there is no
    cx.

    Args:
        name: Name of the device.
        target: The Target.
        pairs: Pairs of qubits, each in both directions.
        translate: Translates circuits to the gates of the Target, on the same qubits.

    Raises:
        QiskitError: If x, sx or rz cannot be translated.
    """
    listed = [q for q in range(target.num_qubits) if _is_usable(target, q)]
    gates = {
        gate: _translate_each(target, translate, gate, [(q,) for q in listed])
        for gate in ("x", "sx", "rz")
    }
    cx: dict[tuple[int, ...], list[_Step]] = {}
    for layer in _divide([p for p in pairs if set(p) <= set(listed)]):
        cx |= _translate_pairs(target, translate, layer)
    return {
        "name": name,
        "device_id": name,
        "qubits": [
            _qubit(target, q, {gate: steps[q,] for gate, steps in gates.items()}) for q in listed
        ],
        "couplings": [
            {
                "control": pair[0],
                "target": pair[1],
                "fidelity": _pair_fidelity(steps, cx.get(pair[::-1], steps)),
                "gate_duration": _durations({"cx": steps}),
            }
            for pair, steps in sorted(cx.items())
        ],
    }


def _is_usable(target: Target, qubit: int) -> bool:
    """Return whether a qubit can be measured, and has a gate of its own."""
    return target.instruction_supported("measure", (qubit,)) and any(
        target.instruction_supported(name, (qubit,)) for name in _find_gates(target, 1)
    )


def _find_gates(target: Target, num_qubits: int) -> list[str]:
    """Return the names of the gates on one qubit, or on two."""
    operations = {name: target.operation_from_name(name) for name in target.operation_names}
    return [
        name
        for name, gate in operations.items()
        if not inspect.isclass(gate) and isinstance(gate, Gate) and gate.num_qubits == num_qubits
    ]


def _divide(pairs: Sequence[Pair]) -> Iterator[list[Pair]]:
    """Divide pairs into layers in which each qubit occurs once."""
    left = list(pairs)
    while left:
        busy: set[int] = set()
        layer = []
        for pair in left:
            if busy.isdisjoint(pair):
                busy.update(pair)
                layer.append(pair)
        yield layer
        chosen = set(layer)
        left = [pair for pair in left if pair not in chosen]


def _translate_pairs(
    target: Target, translate: Translate, pairs: Sequence[Pair]
) -> dict[tuple[int, ...], list[_Step]]:
    try:
        return _translate_each(target, translate, "cx", pairs)
    except QiskitError:
        if len(pairs) == 1:
            return {}
    found: dict[tuple[int, ...], list[_Step]] = {}
    for pair in pairs:
        found |= _translate_pairs(target, translate, [pair])
    return found


def _translate_each(
    target: Target, translate: Translate, gate: str, places: Sequence[tuple[int, ...]]
) -> dict[tuple[int, ...], list[_Step]]:
    """Return what a gate becomes at each place; no two places share a qubit."""
    circuit = QuantumCircuit(target.num_qubits)
    for place in places:
        # Any angle: that of a gate which is a special case elsewhere would look too good.
        getattr(circuit, gate)(*([0.3] if gate == "rz" else []), *place)
    made = translate(circuit)
    steps: dict[tuple[int, ...], list[_Step]] = {place: [] for place in places}
    owner = {qubit: place for place in places for qubit in place}
    for item in made.data:
        qubits = tuple(made.find_bit(qubit).index for qubit in item.qubits)
        steps[owner[qubits[0]]].append(_step(target, item.operation.name, qubits))
    return steps


def _step(target: Target, name: str, qubits: tuple[int, ...]) -> _Step:
    properties = _find_properties(target, name, qubits)
    return _Step(
        qubits,
        _number(getattr(properties, "error", None), 1.0),
        _number(getattr(properties, "duration", None), math.inf),
    )


def _find_properties(target: Target, name: str, qubits: tuple[int, ...]) -> Any:
    """Return what is known of an instruction on some qubits, or else of it anywhere, or None."""
    known = target[name] if name in target.operation_names else {}
    return known.get(qubits) or known.get(None)


def _number(value: Any, largest: float) -> float | None:
    """Return a number that may be true, or None."""
    if value is None or not math.isfinite(value) or not 0 <= value <= largest:
        return None
    return float(value)


def _qubit(target: Target, qubit: int, gates: dict[str, list[_Step]]) -> dict[str, Any]:
    errors = [s.error for gate in ("x", "sx") for s in gates[gate] if s.error is not None]
    measured = _find_properties(target, "measure", (qubit,))
    readout = {name: _number(getattr(measured, name, None), 1.0) for name in READOUT}
    readout["readout_assignment_error"] = _number(getattr(measured, "error", None), 1.0)
    lifetimes = (target.qubit_properties or [None] * target.num_qubits)[qubit]
    times = {name: _number(getattr(lifetimes, name, None), math.inf) for name in ("t1", "t2")}
    return {
        "id": qubit,
        "physical_id": qubit,
        "fidelity": round(1 - max(errors), 12) if errors else None,
        "meas_error": readout,
        "qubit_lifetime": {
            name: None if time is None else round(time * US_PER_S, 9)
            for name, time in times.items()
        },
        "gate_duration": _durations(gates),
    }


def _pair_fidelity(steps: Sequence[_Step], opposite: Sequence[_Step]) -> float | None:
    """Return the fidelity of a cx, of which the one in the opposite direction is known, too."""
    two = [step.error for step in steps if len(step.qubits) == 2]
    if not two or None in two:
        return None
    fidelity = math.prod(1 - (error or 0.0) for error in two)
    ones, others = (
        [s.error or 0.0 for s in each if len(s.qubits) == 1] for each in (steps, opposite)
    )
    if len(ones) > len(others):
        extra = _product(ones) / (_product(others) or 1.0)
        fidelity *= min(extra, 1.0)
    return round(fidelity, 12)


def _product(errors: Iterable[float]) -> float:
    return math.prod(1 - error for error in errors)


def _durations(gates: dict[str, list[_Step]]) -> dict[str, float]:
    """Return how long gates take in ns, as far as that is known."""
    found = {gate: _duration(steps) for gate, steps in gates.items()}
    return {gate: round(time * NS_PER_S, 6) for gate, time in found.items() if time is not None}


def _duration(steps: Sequence[_Step]) -> float | None:
    """Return when the last of some gates has ended, each of which begins as soon as it can."""
    ends: dict[int, float] = {}
    for step in steps:
        if step.duration is None:
            return None
        end = max(ends.get(qubit, 0.0) for qubit in step.qubits) + step.duration
        ends.update(dict.fromkeys(step.qubits, end))
    return max(ends.values(), default=0.0)
