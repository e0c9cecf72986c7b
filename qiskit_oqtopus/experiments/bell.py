"""Circuits that entangle the qubits of many couplings at once, placed on physical qubits.

As those of :mod:`.placement`, they go forward in layers over all qubits and have no barriers: an
rz, which is a barrier over all qubits on a real device, stands in the same layer for all of them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from qiskit.circuit import CircuitInstruction
from qiskit_experiments.framework import BaseExperiment

from .chip import Chip
from .chsh import FIRST
from .placement import Pen, Placed

Step = float | None
"""What is done to a qubit: an rz by an angle, or None for an sx."""

GATES = {"chsh": 10, "parity": 8}
"""Gates of the longest circuit of each coupling."""

Read = Callable[[Mapping[str, Any]], tuple[list[Step], list[Step]]]


def place_chsh(chip: Chip, experiments: Sequence[BaseExperiment]) -> list[Placed]:
    """Return the circuits of several CHSH; each qubit is turned by sx, rz and sx."""

    def read(metadata: Mapping[str, Any]) -> tuple[list[Step], list[Step]]:
        first, second = FIRST[metadata["basis"]], metadata["xval"]
        return [None, math.pi - first, None], [None, math.pi - second, None]

    return _place("chsh", chip, experiments, read)


def place_parity(chip: Chip, experiments: Sequence[BaseExperiment]) -> list[Placed]:
    """Return the circuits of several ParityOscillation of two qubits."""

    def read(metadata: Mapping[str, Any]) -> tuple[list[Step], list[Step]]:
        if metadata["series"] == "population":
            return [], []
        steps: list[Step] = [math.pi / 2 - metadata["xval"], None]
        return steps, steps

    return _place("parity", chip, experiments, read)


def _place(
    name: str, chip: Chip, experiments: Sequence[BaseExperiment], read: Read
) -> list[Placed]:
    pairs = [(int(a), int(b)) for a, b in (each.physical_qubits for each in experiments)]
    pen = Pen(chip, [qubit for pair in pairs for qubit in pair])
    settings = [[circuit.metadata for circuit in each.circuits()] for each in experiments]
    placed = []
    for number, metadata in enumerate(zip(*settings, strict=True)):
        rows = {
            qubit: steps
            for pair, setting in zip(pairs, metadata, strict=True)
            for qubit, steps in zip(pair, read(setting), strict=True)
        }
        circuit = pen.write(f"{name}_{number}", _draw(pen, pairs, rows))
        placed.append((circuit, [dict(setting) for setting in metadata]))
    return placed


def _draw(
    pen: Pen, pairs: Sequence[tuple[int, int]], rows: Mapping[int, Sequence[Step]]
) -> Iterator[CircuitInstruction]:
    controls: dict[int, Sequence[Step]] = {
        control: [math.pi / 2, None, math.pi / 2] for control, _ in pairs
    }
    yield from _draw_steps(pen, controls)
    for pair in pairs:
        yield pen.cx[pair]
    yield from _draw_steps(pen, rows)


def _draw_steps(pen: Pen, rows: Mapping[int, Sequence[Step]]) -> Iterator[CircuitInstruction]:
    for layer in zip(*rows.values(), strict=True):
        for qubit, step in zip(rows, layer, strict=True):
            yield pen.sx[qubit] if step is None else pen.turn(qubit, step)
