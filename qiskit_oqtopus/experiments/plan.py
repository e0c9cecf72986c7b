"""A plan of a characterization as one dict of plain data: what is measured where, when and how."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from qiskit.providers import BackendV2
from qiskit_experiments.framework import BaseExperiment
from qiskit_experiments.library import T1, StandardRB, T2Hahn

from ..exceptions import OqtopusOptionError
from . import bell
from .chip import Chip, check_instructions
from .chsh import CHSH, POINTS
from .comparison import read_stated
from .composite import MIN_LENGTHS, MIN_POINTS
from .elements import choose_couplings, choose_qubits
from .ghz import DEFAULT_PHASES, ParityOscillation
from .grouping import (
    Coupling,
    group_couplings,
    group_qubits,
    sort_by_duration,
    split,
)
from .interleaved import TwirledRB
from .placed import Place, PlacedGroup, ReadoutGroup
from .placement import (
    build_steps,
    build_turns,
    count_steps,
    count_turns,
    place_irb,
    place_rb,
    place_t1,
    place_t2,
)
from .points import (
    IRB_GATES,
    IRB_LENGTHS,
    RB_GATES,
    RB_LENGTHS,
    check_delays,
    check_lengths,
    choose_delays,
    choose_lengths,
)

Plain = dict[str, Any]

MEASURE = ("readout", "t1", "t2", "rb", "irb", "chsh", "parity")
"""What can be measured, in the order in which it is."""

BY_DEFAULT = ("readout", "t1", "t2", "rb", "irb")
"""What is measured if nothing is asked for."""

DECAYS = ("t1", "t2")
BENCHMARKS = ("rb", "irb")

BELL = ("chsh", "parity")
"""What is measured of two qubits that are entangled."""

PAIRS = ("irb", *BELL)
"""What is measured of couplings; all else is of qubits."""

GATES = {"readout": 1, "t1": 1, "t2": 3}
"""Gates of the longest circuit for each qubit."""

PLACES: Mapping[str, Place] = {
    "t1": place_t1,
    "t2": place_t2,
    "rb": place_rb,
    "irb": place_irb,
    "chsh": bell.place_chsh,
    "parity": bell.place_parity,
}
"""What makes circuits of a group."""

Component = PlacedGroup | ReadoutGroup


def resolve(
    backend: BackendV2,
    *,
    measure: Iterable[str] | None,
    qubits: Any,
    couplings: Any,
    limits: Mapping[str, float | None],
    separation: int,
    max_gates: int,
    delays: Any,
    lengths: Any,
    samples: int,
    seed: int | None,
    shots: int,
) -> Plain:
    """Return the plan of what is asked for on a device.

    Raises:
        OqtopusOptionError: If the device cannot do it, or an option has no meaning.
    """
    kinds = _check_measure(measure)
    separation = _check_number("separation", separation, 0)
    max_gates = _check_number("max_gates", max_gates, 1)
    target = backend.target
    places = choose_qubits(backend, qubits, limits)
    of_pairs = [kind for kind in kinds if kind in PAIRS]
    pairs = choose_couplings(backend, couplings, limits, qubits, places) if of_pairs else []
    if measure is None and not pairs:
        kinds.remove("irb")
        of_pairs = []
    one_qubit = [kind for kind in kinds if kind not in PAIRS]
    if one_qubit and not places:
        raise OqtopusOptionError("There is no qubit to measure. Give 'qubits', or other limits.")
    if of_pairs and not pairs:
        raise OqtopusOptionError(
            "There is no coupling to measure. Give 'couplings' or other limits, or leave "
            f"{', '.join(map(repr, of_pairs))} out of 'measure'."
        )
    check_instructions(backend, kinds, places, pairs)
    everywhere = sorted({*places, *(qubit for pair in pairs for qubit in pair)})
    edges = [
        edge for name in target.operation_names for edge in target[name] or () if _is_pair(edge)
    ]
    chip = Chip.from_backend(backend, everywhere, pairs)
    stated = _read_stated(backend, everywhere, pairs)
    lifetimes = {
        kind: {q: stated.get(f"Q{q}", {}).get(kind.upper()) for q in places} for kind in DECAYS
    }
    plain: Plain = {
        "version": 1,
        "device": backend.name,
        "calibrated_at": getattr(backend, "calibrated_at", None),
        "chip": chip.to_plain(),
        "stated": stated,
        "measure": kinds,
        "qubits": places,
        "couplings": [list(pair) for pair in pairs],
        "apart": {
            "qubits": group_qubits(places, edges, separation),
            "rb": [
                group
                for alike in sort_by_duration(places, chip.sx)
                for group in group_qubits(alike, edges, separation)
            ],
            "irb": [
                [list(pair) for pair in group]
                for equal in sort_by_duration(pairs, {p: max(chip.sx[q] for q in p) for p in pairs})
                for alike in sort_by_duration(equal, chip.cx)
                for group in group_couplings(alike, edges, separation)
            ],
        },
        "delays": {
            kind: choose_delays(kind, _pick(delays, kind), places, lifetimes[kind])
            for kind in DECAYS
            if kind in kinds
        },
        "lengths": {
            kind: _choose_lengths(kind, _pick(lengths, kind), max_gates)
            for kind in BENCHMARKS
            if kind in kinds
        },
        "samples": samples,
        "seed": int(np.random.SeedSequence().generate_state(1)[0]) if seed is None else seed,
        "shots": shots,
        "max_gates": max_gates,
    }
    return regroup(plain)


def change(plain: Plain, fields: Mapping[str, Any]) -> Plain:
    """Return a plan with other delays, lengths, samples, seed or max_gates."""
    changed = {**plain, **{k: v for k, v in fields.items() if k not in ("delays", "lengths")}}
    delays, lengths = fields.get("delays"), fields.get("lengths")
    changed["delays"] = {
        kind: known
        if (given := _pick(delays, kind)) is None
        else {"times": check_delays(kind, given), "scale": {}}
        for kind, known in plain["delays"].items()
    }
    changed["lengths"] = {
        kind: known if (given := _pick(lengths, kind)) is None else check_lengths(kind, given)
        for kind, known in plain["lengths"].items()
    }
    return regroup(changed)


def regroup(plain: Plain) -> Plain:
    """Return a plan with the groups of elements that run together.

    Raises:
        OqtopusOptionError: If there are too few points, or a circuit for one element alone has too
            many gates.
    """
    _check_numbers(plain)
    limit = plain["max_gates"]
    groups: dict[str, Any] = {}
    gates: dict[str, list[int]] = {}
    for kind in plain["measure"]:
        counts = count_gates(plain, kind)
        most = max(counts.values())
        if most > limit:
            raise OqtopusOptionError(
                f"A circuit of {kind!r} for one element alone has {most} gates, and 'max_gates' is "
                f"{limit}. Take shorter lengths, or more gates."
            )
        apart = plain["apart"]["irb" if kind in PAIRS else "rb" if kind == "rb" else "qubits"]
        elements = [[_element(each) for each in group] for group in apart]
        found = [part for group in elements for part in split(group, counts, limit)]
        groups[kind] = [
            [list(each) if isinstance(each, tuple) else each for each in part] for part in found
        ]
        gates[kind] = [sum(counts[each] for each in part) for part in found]
    return {**plain, "groups": groups, "gates": gates}


def count_gates(plain: Plain, kind: str) -> dict[Any, int]:
    """Return the gates of the longest circuit by element; delays and measurements are none."""
    if kind == "rb":
        return {
            experiment.physical_qubits[0]: max(
                sum(count_turns(turns).values()) for _, turns in build_turns(experiment)
            )
            for experiment in (build_one(plain, kind, qubit) for qubit in plain["qubits"])
        }
    if kind == "irb":
        pairs = [_element(pair) for pair in plain["couplings"]]
        return {
            tuple(experiment.physical_qubits): max(
                count_steps(steps) for _, _, steps in build_steps(experiment)
            )
            for experiment in (build_one(plain, kind, pair) for pair in pairs)
        }
    if kind in BELL:
        return dict.fromkeys(map(_element, plain["couplings"]), bell.GATES[kind])
    return dict.fromkeys(plain["qubits"], GATES[kind])


def read_chip(plain: Plain) -> Chip:
    """Return what a plan knows of its device."""
    couplings = [_element(pair) for pair in plain["couplings"]]
    qubits = {*plain["qubits"], *(qubit for pair in couplings for qubit in pair)}
    return Chip.from_plain(plain["chip"], sorted(qubits), couplings)


def build_components(plain: Plain) -> list[Component]:
    """Return the experiments of a plan, one for each group."""
    chip = read_chip(plain)
    components: list[Component] = []
    for kind in plain["measure"]:
        for group in plain["groups"][kind]:
            if kind == "readout":
                components.append(ReadoutGroup(group, chip))
                continue
            experiments = [build_one(plain, kind, _element(each)) for each in group]
            components.append(
                PlacedGroup(experiments, PLACES[kind], chip, count_points(plain, kind))
            )
    return components


def build_one(plain: Plain, kind: str, element: Any) -> BaseExperiment:
    """Return the experiment of one element."""
    if kind in DECAYS:
        table = plain["delays"][kind]
        scale = table["scale"].get(str(element), 1.0)
        delays = [scale * time for time in table["times"]]
        return (T1 if kind == "t1" else T2Hahn)([element], delays)
    if kind == "chsh":
        return CHSH(element)
    if kind == "parity":
        return ParityOscillation(element)
    lengths, samples = plain["lengths"][kind], plain["samples"]
    if kind == "rb":
        return StandardRB([element], lengths, num_samples=samples, seed=_seed(plain, 1, element))
    leader = _seed(plain, 2)
    return TwirledRB(element, lengths, samples, _seed(plain, 3, *element), leader)


def count_points(plain: Plain, kind: str) -> int:
    """Return the number of circuits of a group."""
    if kind == "readout":
        return 2
    if kind in DECAYS:
        return len(plain["delays"][kind]["times"])
    if kind in BELL:
        return 2 * POINTS if kind == "chsh" else 1 + DEFAULT_PHASES
    factor = 2 if kind == "irb" else 1
    return factor * len(plain["lengths"][kind]) * int(plain["samples"])


def _seed(plain: Plain, *place: int) -> int:
    return int(np.random.SeedSequence([plain["seed"], *place]).generate_state(1)[0])


def _element(each: Any) -> Any:
    return tuple(each) if isinstance(each, (list, tuple)) else each


def _is_pair(place: Any) -> bool:
    return place is not None and len(place) == 2


# -- what is asked for ----------------------------------------------------------------------------


def _check_measure(measure: Iterable[str] | None) -> list[str]:
    if measure is None:
        return list(BY_DEFAULT)
    asked = [measure] if isinstance(measure, str) else list(measure)
    unknown = [kind for kind in asked if kind not in MEASURE]
    if unknown or not asked:
        raise OqtopusOptionError(
            f"Option 'measure' must have some of {', '.join(MEASURE)}, not "
            f"{unknown[0] if unknown else 'nothing'!r}."
        )
    return [kind for kind in MEASURE if kind in asked]


def _pick(values: Any, kind: str) -> Any:
    """Return the part of delays or lengths that is for one kind of experiment."""
    if isinstance(values, Mapping):
        unknown = set(values) - {*DECAYS, *BENCHMARKS}
        if unknown:
            raise OqtopusOptionError(f"There are no delays or lengths of {unknown.pop()!r}.")
        return values.get(kind)
    return values


def _choose_lengths(kind: str, lengths: Any, max_gates: int) -> list[int]:
    if lengths is not None:
        return check_lengths(kind, lengths)
    if kind == "rb":
        return choose_lengths(RB_LENGTHS, RB_GATES, max_gates)
    return choose_lengths(IRB_LENGTHS, IRB_GATES, max_gates)


def _check_numbers(plain: Plain) -> None:
    for name, least in (("samples", 1), ("seed", 0), ("shots", 1), ("max_gates", 1)):
        plain[name] = _check_number(name, plain[name], least)
    for kind, table in plain["delays"].items():
        if len(table["times"]) < MIN_POINTS:
            raise OqtopusOptionError(
                f"Option 'delays' of {kind} must have at least {MIN_POINTS} different times."
            )
    for kind, lengths in plain["lengths"].items():
        if len(lengths) < MIN_LENGTHS:
            raise OqtopusOptionError(
                f"{kind} needs at least {MIN_LENGTHS} different lengths, and has "
                f"{len(lengths)}: give 'lengths', or more than {plain['max_gates']} 'max_gates'."
            )


def _check_number(name: str, value: Any, least: int) -> int:
    if not isinstance(value, (int, np.integer)) or isinstance(value, bool) or value < least:
        raise OqtopusOptionError(
            f"Option {name!r} must be a whole number of at least {least}, not {value!r}."
        )
    return int(value)


def _read_stated(
    backend: BackendV2, qubits: Iterable[int], couplings: Iterable[Coupling]
) -> dict[str, dict[str, float]]:
    stated = read_stated(backend)
    names = [*(f"Q{qubit}" for qubit in qubits), *(f"Q{a}-Q{b}" for a, b in couplings)]
    return {name: stated[name] for name in names if stated.get(name)}
