"""What a picture of a device shows: places, couplings and numbers, from whatever describes it."""

from __future__ import annotations

import math
import re
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import rustworkx

from ..exceptions import OqtopusOptionError

Pair = tuple[int, int]
Number = float | None

_SEED = 7
"""Of the layout where a device states no positions: the same device looks the same each time."""


@dataclass(frozen=True)
class ChipMap:
    """A device as it is drawn.

    Attributes:
        title: Its name, and when it was calibrated.
        places: By qubit, where it stands: to the right and upwards; neighbors are about 1 apart.
        couplings: Pairs of qubits, each of them once.
        left_out: Qubits that cannot be used.
        qubit_columns: By name of a quantity, its values by qubit.
        coupling_columns: By name of a quantity, its values by coupling; where both directions have
            one, the better.
    """

    title: str
    places: Mapping[int, tuple[float, float]]
    couplings: tuple[Pair, ...]
    left_out: frozenset[int] = frozenset()
    qubit_columns: Mapping[str, Mapping[int, float]] = field(default_factory=dict)
    coupling_columns: Mapping[str, Mapping[Pair, float]] = field(default_factory=dict)


def read_chip(device: Any) -> ChipMap:
    """Return what is drawn of a device.

    Args:
        device: A snapshot; a backend or whatever else has ``snapshot()``; or a backend that has
            no more than a Target.

    Raises:
        OqtopusOptionError: If it is none of these, or has no qubits.
    """
    if callable(getattr(device, "snapshot", None)):
        device = device.snapshot() or device
    if hasattr(device, "qubit_coordinates") and hasattr(device, "left_out"):
        return _read_snapshot(device)
    target = getattr(device, "target", None)
    if target is not None and not callable(target) and target.num_qubits:
        return _read_target(device, target)
    raise OqtopusOptionError(
        f"{type(device).__name__} cannot be drawn: give a backend, or a DeviceSnapshot, that "
        "describes its qubits."
    )


def _read_snapshot(snapshot: Any) -> ChipMap:
    number = snapshot.n_qubits or 0
    if not number:
        raise OqtopusOptionError(
            f"Device {snapshot.name!r} does not say how many qubits it has: there is nothing to "
            "draw."
        )
    qubits: dict[str, dict[int, float]] = {}
    for qubit in snapshot.qubits:
        if (qubit.id,) in snapshot.uncalibrated:
            continue
        values = {
            "t1": qubit.t1,
            "t2": qubit.t2,
            "gate_error": None if qubit.fidelity is None else 1 - qubit.fidelity,
            "fidelity": qubit.fidelity,
            "readout_error": qubit.measure_error,
            "prob_meas1_prep0": qubit.prob_meas1_prep0,
            "prob_meas0_prep1": qubit.prob_meas0_prep1,
        }
        _add(qubits, qubit.id, values, qubit.durations)
    couplings: dict[str, dict[Pair, float]] = {}
    for coupling in snapshot.couplings:
        if (coupling.control, coupling.target) in snapshot.uncalibrated:
            continue
        pair = _sort(coupling.control, coupling.target)
        error = None if coupling.fidelity is None else 1 - coupling.fidelity
        values = {"error": error, "fidelity": coupling.fidelity}
        _add(couplings, pair, values, coupling.durations)
    pairs = tuple(dict.fromkeys(_sort(c.control, c.target) for c in snapshot.couplings))
    coordinates = snapshot.qubit_coordinates
    places = {i: (float(x), float(y)) for i, (y, x) in enumerate(coordinates)}
    when = re.sub(r"\.\d+", "", snapshot.calibrated_at or "")  # to the second
    # Without a calibration nothing is left out.
    known = {qubit.id for qubit in snapshot.qubits}
    known -= {place[0] for place in snapshot.uncalibrated if len(place) == 1}
    return ChipMap(
        f"{snapshot.name}\ncalibrated at {when}" if when else snapshot.name,
        places or lay_out(number, pairs),
        pairs,
        frozenset(range(number)) - known if known else frozenset(),
        qubits,
        couplings,
    )


def _read_target(device: Any, target: Any) -> ChipMap:
    """Return what is drawn of a backend of which there is no snapshot."""
    qubits: dict[str, dict[int, float]] = {}
    couplings: dict[str, dict[Pair, float]] = {}
    number = int(target.num_qubits)
    for index, properties in enumerate(target.qubit_properties or []):
        if properties is not None:
            _add(qubits, index, {"t1": properties.t1, "t2": properties.t2}, {})
    pairs: dict[Pair, None] = {}
    usable: set[int] = set()
    for name in target.operation_names:
        column = "readout_error" if name == "measure" else "gate_error"
        for place, properties in (target[name] or {}).items():
            if place is None or len(place) > 2:
                continue
            error = getattr(properties, "error", None)
            if len(place) == 1:
                usable.update(place)
                if name not in ("delay", "reset"):
                    _add_worst(qubits.setdefault(column, {}), place[0], error)
            else:
                pair = _sort(*place)
                pairs[pair] = None
                values = {"error": error}
                _add(couplings, pair, values, {})
    name = getattr(device, "name", None) or type(device).__name__
    stated = list(getattr(device, "qubit_coordinates", None) or ())
    places = {i: (float(x), float(y)) for i, (y, x) in enumerate(stated)}
    return ChipMap(
        str(name),
        places if len(places) == number else lay_out(number, pairs),
        tuple(pairs),
        frozenset(range(number)) - usable if usable else frozenset(),
        {column: values for column, values in qubits.items() if values},
        couplings,
    )


def lay_out(number: int, pairs: Iterable[Pair]) -> dict[int, tuple[float, float]]:
    """Return places for qubits of which none is stated, neighbors about 1 apart.

    >>> len(lay_out(3, [(0, 1), (1, 2)]))
    3
    """
    graph = rustworkx.PyGraph()
    graph.add_nodes_from(range(number))
    pairs = list(pairs)
    graph.add_edges_from_no_data(pairs)
    if not pairs:
        columns = math.ceil(math.sqrt(number))
        return {i: (float(i % columns), -float(i // columns)) for i in range(number)}
    found = rustworkx.spring_layout(graph, num_iter=300, seed=_SEED, k=1 / math.sqrt(number))
    lengths = sorted(math.dist(found[a], found[b]) for a, b in pairs)
    scale = 1 / max(lengths[len(lengths) // 2], 1e-9)
    return {i: (x * scale, y * scale) for i, (x, y) in found.items()}


def _sort(a: int, b: int) -> Pair:
    return (a, b) if a < b else (b, a)


def _add(
    columns: dict[str, dict[Any, float]],
    place: Hashable,
    values: Mapping[str, Number],
    durations: Mapping[str, Number],
) -> None:
    """Enter the values of a qubit or a coupling; of two, the better one stays."""
    named = {f"duration_{name}": value for name, value in durations.items()}
    for name, value in {**values, **named}.items():
        if value is not None:
            column = columns.setdefault(name, {})
            better = max if name == "fidelity" else min
            column[place] = better(value, column.get(place, value))


def _add_worst(column: dict[int, float], qubit: int, error: Number) -> None:
    if error is not None:
        column[qubit] = max(error, column.get(qubit, error))
