"""A plan in words: groups, circuits, jobs, shots and time (pure)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .plan import Plain, count_points, read_chip

GATEWAY_SECONDS = 180 / 3700**2
"""How long a gateway prepares a circuit, in s over its gates squared: it copies the circuit at each
rz and sx, and takes about 3 minutes for 3,700 gates."""

REST = 300e-6
"""How long a qubit rests between two shots until it is in 0 again, and is read, in s; about."""

_NAMES = {
    "readout": "LocalReadoutError",
    "t1": "T1",
    "t2": "T2Hahn",
    "rb": "StandardRB",
    "irb": "InterleavedRB of cx",
    "chsh": "CHSH",
    "parity": "ParityOscillation of two qubits",
}


def describe_plan(plain: Plain, max_circuits: int | None) -> str:
    """Return what a plan does.

    Args:
        plain: The plan.
        max_circuits: How many circuits a job of its backend has at most.
    """
    kinds = plain["measure"]
    rows = [_describe(plain, kind) for kind in kinds]
    circuits = sum(row["circuits"] for row in rows)
    jobs = 1 if not max_circuits else -(-circuits // max_circuits)
    largest = max((gates for kind in kinds for gates in plain["gates"][kind]), default=0)
    seconds = sum(row["seconds"] for row in rows)
    calibrated = plain["calibrated_at"]
    lines = [
        f"Characterization of {plain['device']}"
        + (f", calibrated at {calibrated}" if calibrated else ""),
        f"  {_count(len(plain['qubits']), 'qubit')}, {_count(len(plain['couplings']), 'coupling')}",
    ]
    lines += [
        f"  {_NAMES[kind]}: {row['circuits']} circuits in {row['groups']} "
        f"{'group' if row['groups'] == 1 else 'groups'}{row['points']}"
        for kind, row in zip(kinds, rows, strict=True)
    ]
    lines += [
        f"  {circuits} circuits in {jobs} {'job' if jobs == 1 else 'jobs'}, {plain['shots']} shots "
        f"each, {circuits * plain['shots']:,} in all",
        f"  largest circuit: {_count(largest, 'gate')}",
        f"  time on the device: about {_show(seconds)} (an estimate: pulses, rest between shots, "
        "and what a gateway takes to prepare circuits of that size; without the queue)",
    ]
    return "\n".join(lines)


def _describe(plain: Plain, kind: str) -> dict[str, Any]:
    groups = plain["groups"][kind]
    points = count_points(plain, kind)
    gates = plain["gates"][kind]
    shots = points * len(groups) * plain["shots"]
    # The gates of a circuit of RB are in proportion to its length.
    lengths = plain["lengths"].get(kind, [1])
    share = sum((length / lengths[-1]) ** 2 for length in lengths) / len(lengths)
    return {
        "groups": len(groups),
        "circuits": points * len(groups),
        "points": _describe_points(plain, kind),
        "seconds": shots * (REST + _mean_span(plain, kind))
        + share * points * GATEWAY_SECONDS * sum(number**2 for number in gates),
    }


def _describe_points(plain: Plain, kind: str) -> str:
    if kind in plain["delays"]:
        table = plain["delays"][kind]
        scales = list(table["scale"].values()) or [1.0]
        longest = table["times"][-1]
        low, high = (f"{1e6 * longest * scale:.0f}" for scale in (min(scales), max(scales)))
        many = low if low == high else f"{low} to {high}"
        return f", {len(table['times'])} delays, the longest {many} µs"
    if kind in plain["lengths"]:
        lengths = plain["lengths"][kind]
        return f", {len(lengths)} lengths up to {lengths[-1]}, {plain['samples']} sequences each"
    return ""


def _mean_span(plain: Plain, kind: str) -> float:
    """Return how long the circuits of an experiment are on average in s, about."""
    if kind in plain["delays"]:
        table: Mapping[str, Any] = plain["delays"][kind]
        scales = list(table["scale"].values()) or [1.0]
        return float(max(scales) * sum(table["times"]) / len(table["times"]))
    if kind in plain["lengths"]:
        chip = read_chip(plain)
        lengths = plain["lengths"][kind]
        mean = sum(lengths) / len(lengths)
        sx = max(chip.sx.values(), default=0.0)
        if kind == "rb":
            return float(mean * sx)
        return float(mean * (5 * sx + 2 * max(chip.cx.values(), default=0.0)))
    return 0.0


def _show(seconds: float) -> str:
    """Return a time in words.

    >>> _show(40), _show(4000), _show(40000)
    ('1 min', '67 min', '11.1 h')
    """
    minutes = seconds / 60
    return f"{max(1, round(minutes))} min" if minutes < 120 else f"{minutes / 60:.1f} h"


def _count(number: int, noun: str) -> str:
    """Return a number of things.

    >>> _count(1, "gate"), _count(1709, "gate")
    ('1 gate', '1,709 gates')
    """
    return f"{number:,} {noun}{'s' * (number != 1)}"
