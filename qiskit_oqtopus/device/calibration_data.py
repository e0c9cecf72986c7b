"""An older form of device_info, ``calibration_data``, in the words of today's form (pure).

It occurs in documents and tests of OQTOPUS::

    {"n_nodes": 5, "calibration_data": {"qubit_connectivity": ["(1,4)"], "t1": {"0": 55.5},
     "two_qubit_gates": {"cx1_4": {"gate_error_value": 0.02}}}}

Only what can have one meaning is read: couplings that are written as pairs of numbers, lifetimes by
qubit, and errors of gates whose names have exactly one such pair. Without couplings nothing is
read, because then nothing says which there are.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from .device_info import MAX_ENTRIES, to_finite, to_index

_PAIR = re.compile(r"(?:[A-Za-z]+[_ -]?)?\(? *(\d{1,9}) *[,_-] *(\d{1,9}) *\)?", re.ASCII)
"""A pair of qubits, which the letters of a gate may precede: (1,4), 1-4, cx1_4, cz(1, 4)."""


def translate(facts: Mapping[str, Any], num_qubits: int | None) -> Mapping[str, Any]:
    """Return a device_info with lists of qubits and couplings, if it has calibration data instead.

    Args:
        facts: The device_info.
        num_qubits: Number of qubits, where ``n_nodes`` does not say it.

    >>> data = {"qubit_connectivity": ["(0,1)"], "t1": {"0": 55.5}}
    >>> found = translate({"n_nodes": 2, "calibration_data": data}, None)
    >>> found["qubits"][0], found["couplings"]
    ({'id': 0, 'qubit_lifetime': {'t1': 55.5}}, [{'control': 0, 'target': 1}])
    """
    data = facts.get("calibration_data")
    if not isinstance(data, Mapping) or "qubits" in facts or "couplings" in facts:
        return facts
    connectivity = data.get("qubit_connectivity")
    if not isinstance(connectivity, list) or not 0 < len(connectivity) <= MAX_ENTRIES:
        return facts
    pairs = [_find_pair(text) for text in connectivity]
    lifetimes = {name: _by_qubit(data.get(name)) for name in ("t1", "t2")}
    size = to_index(facts.get("n_nodes")) or num_qubits
    named = {id_ for pair in pairs if pair for id_ in pair}
    ids = range(size) if size else sorted(named.union(*lifetimes.values()))
    errors = _read_errors(data.get("two_qubit_gates"))
    qubits: list[dict[str, Any]] = []
    for id_ in ids:
        known = {name: values[id_] for name, values in lifetimes.items() if id_ in values}
        qubits.append({"id": id_, "qubit_lifetime": known} if known else {"id": id_})
    couplings: list[Any] = []
    for pair, text in zip(pairs, connectivity, strict=True):
        if pair is None:
            couplings.append(text)  # which is no coupling, and is doubted as such
            continue
        coupling: dict[str, Any] = {"control": pair[0], "target": pair[1]}
        error = errors.get(pair, errors.get(pair[::-1]))
        if error is not None:
            number = to_finite(error)
            coupling["fidelity"] = error if number is None else 1 - number
        couplings.append(coupling)
    return {**facts, "qubits": qubits, "couplings": couplings}


def _find_pair(text: Any) -> tuple[int, int] | None:
    found = _PAIR.fullmatch(text.strip()) if isinstance(text, str) and len(text) < 100 else None
    return (int(found[1]), int(found[2])) if found else None


def _by_qubit(values: Any) -> dict[int, Any]:
    if not isinstance(values, Mapping):
        return {}
    return {
        int(key): value
        for key, value in values.items()
        if isinstance(key, str) and re.fullmatch(r"\d{1,9}", key, re.ASCII)
    }


def _read_errors(gates: Any) -> dict[tuple[int, int], Any]:
    """Return what is said of the errors of pairs; nothing of those that two gates name."""
    found: dict[tuple[int, int], list[Any]] = {}
    for name, gate in gates.items() if isinstance(gates, Mapping) else ():
        pair = _find_pair(name)
        if pair is not None and isinstance(gate, Mapping):
            found.setdefault(pair, []).append(gate.get("gate_error_value"))
    return {pair: errors[0] for pair, errors in found.items() if len(errors) == 1}
