"""Circuits of many experiments at once, each on its own physical qubits, right in time on a device.

The gateway of real devices treats each rz as a barrier over all qubits, starts everything else as
soon as its qubits are free, and reads all qubits together at the end (:mod:`.device.timing`). So
circuits here go forward in layers over all qubits, first the rz of a layer and then its pulses, and
have no barriers. They end together: while others go on, a qubit waits before its first pulse, in 0.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from functools import reduce
from typing import Any

from qiskit import ClassicalRegister, QuantumCircuit, QuantumRegister
from qiskit.circuit import CircuitInstruction, Delay
from qiskit.circuit.library import CXGate, Measure, RZGate, SXGate, XGate
from qiskit_experiments.framework import BaseExperiment
from qiskit_experiments.library.randomized_benchmarking.clifford_utils import (
    compose_1q,
    compose_2q,
    inverse_1q,
    inverse_2q,
)

from .chip import Chip
from .cliffords import Turns, one_qubit_forms, two_qubit_form

Placed = tuple[QuantumCircuit, list[dict[str, Any]]]
"""A circuit, and the metadata of each of the experiments in it."""

_ANGLES = (0.0, math.pi / 2, math.pi, -math.pi / 2)


class Pen:
    """Writes circuits that measure some qubits at their end.

    Args:
        chip: The device.
        measured: The qubits that are measured, in the order of the classical bits.
    """

    def __init__(self, chip: Chip, measured: Sequence[int]) -> None:
        self._chip = chip
        self._qubits = QuantumRegister(chip.num_qubits, "q")
        self._clbits = ClassicalRegister(len(measured), "c")
        measure, x, sx, cx = Measure(), XGate(), SXGate(), CXGate()
        turns = [RZGate(angle) for angle in _ANGLES]
        places = {qubit: (self._qubits[qubit],) for qubit in measured}
        self._end = [
            CircuitInstruction(measure, places[qubit], (self._clbits[bit],))
            for bit, qubit in enumerate(measured)
        ]
        # Instructions are made once: of the circuits for RB they are most of the work.
        self.x = {qubit: CircuitInstruction(x, place) for qubit, place in places.items()}
        self.sx = {qubit: CircuitInstruction(sx, place) for qubit, place in places.items()}
        self.rz = {
            qubit: [CircuitInstruction(turn, place) for turn in turns]
            for qubit, place in places.items()
        }
        self.cx = {
            pair: CircuitInstruction(cx, (self._qubits[pair[0]], self._qubits[pair[1]]))
            for pair in chip.cx
        }

    def delay(self, qubit: int, seconds: float) -> list[CircuitInstruction]:
        """Return a delay, or nothing if it has no length."""
        duration, unit = self._chip.to_duration(seconds)
        if duration <= 0:
            return []
        return [CircuitInstruction(Delay(duration, unit), (self._qubits[qubit],))]

    def turn(self, qubit: int, angle: float) -> CircuitInstruction:
        """Return an rz by any angle in rad."""
        return CircuitInstruction(RZGate(angle), (self._qubits[qubit],))

    def write(self, name: str, instructions: Iterator[CircuitInstruction]) -> QuantumCircuit:
        """Return a circuit with measurements at its end."""
        circuit = QuantumCircuit(self._qubits, self._clbits, name=name)
        for instruction in instructions:
            circuit._append(instruction)
        for instruction in self._end:
            circuit._append(instruction)
        return circuit


def place_readout(chip: Chip, qubits: Sequence[int]) -> list[QuantumCircuit]:
    """Return the circuits of LocalReadoutError: all qubits in 0, and all in 1."""
    pen = Pen(chip, qubits)
    circuits = []
    for label, pulses in (("0", []), ("1", [pen.x[qubit] for qubit in qubits])):
        state = label * len(qubits)
        circuit = pen.write(f"readout_{label}", iter(pulses))
        circuit.metadata = {"state_label": state}
        circuits.append(circuit)
    return circuits


def place_t1(chip: Chip, experiments: Sequence[BaseExperiment]) -> list[Placed]:
    """Return the circuits of several T1: x, delay."""

    def steps(qubit: int, delay: float) -> list[float | str]:
        return ["x", chip.round(delay)]

    return _place_decays("t1", chip, experiments, steps, 1)


def place_t2(chip: Chip, experiments: Sequence[BaseExperiment]) -> list[Placed]:
    """Return the circuits of several T2Hahn with one echo: sx, delay, x, delay, sx."""

    def steps(qubit: int, delay: float) -> list[float | str]:
        half = chip.round(delay / 2)
        return ["sx", half, "x", half, "sx"]

    return _place_decays("t2", chip, experiments, steps, 2)


def _place_decays(
    name: str, chip: Chip, experiments: Sequence[BaseExperiment], steps: Any, parts: int
) -> list[Placed]:
    qubits = [experiment.physical_qubits[0] for experiment in experiments]
    delays = [list(experiment.experiment_options.delays) for experiment in experiments]
    pen = Pen(chip, qubits)
    lengths: dict[str, Mapping[int, float]] = {"x": chip.x, "sx": chip.sx}
    pulses = {"x": pen.x, "sx": pen.sx}
    placed = []
    for number in range(max(map(len, delays), default=0)):
        rows: dict[int, list[CircuitInstruction]] = {}
        plans: dict[int, list[float | str]] = {
            qubit: steps(qubit, times[number]) for qubit, times in zip(qubits, delays, strict=True)
        }
        spans = {
            qubit: sum(lengths[s][qubit] if isinstance(s, str) else s for s in plan)
            for qubit, plan in plans.items()
        }
        longest = max(spans.values())
        for qubit, plan in plans.items():
            row = pen.delay(qubit, chip.round(longest - spans[qubit]))
            for step in plan:
                row += [pulses[step][qubit]] if isinstance(step, str) else pen.delay(qubit, step)
            rows[qubit] = row
        circuit = pen.write(f"{name}_{number}", _by_turns(list(rows.values())))
        metadata = [{"xval": parts * chip.round(times[number] / parts)} for times in delays]
        placed.append((circuit, metadata))
    return placed


def _by_turns(rows: Sequence[Sequence[CircuitInstruction]]) -> Iterator[CircuitInstruction]:
    for number in range(max(map(len, rows), default=0)):
        for row in rows:
            if number < len(row):
                yield row[number]


# -- randomized benchmarking ----------------------------------------------------------------------


def build_turns(experiment: BaseExperiment) -> list[tuple[int, Turns]]:
    """Return the sequences of a StandardRB as one string of rz and sx each, with their lengths."""
    forms = one_qubit_forms()
    found = []
    for sequence in experiment._sample_sequences():
        numbers = [int(number) for number in sequence]
        inverse = int(inverse_1q(reduce(compose_1q, numbers, 0)))
        turns = [0]
        for number in (*numbers, inverse):
            first, *others = forms[number]
            turns[-1] = (turns[-1] + first) % 4
            turns += others
        found.append((len(numbers), tuple(turns)))
    return found


def count_turns(turns: Turns) -> dict[str, int]:
    """Return how many rz and sx there are; the first rz is always there."""
    return {"rz": 1 + sum(turn > 0 for turn in turns[1:]), "sx": len(turns) - 1}


def place_rb(chip: Chip, experiments: Sequence[BaseExperiment]) -> list[Placed]:
    """Return the circuits of several StandardRB of one qubit: in each layer an rz and an sx."""
    qubits = [experiment.physical_qubits[0] for experiment in experiments]
    pen = Pen(chip, qubits)
    strings = [build_turns(experiment) for experiment in experiments]
    placed = []
    for number in range(len(strings[0])):
        rows = {qubit: string[number][1] for qubit, string in zip(qubits, strings, strict=True)}
        metadata = []
        for qubit, string in zip(qubits, strings, strict=True):
            length, turns = string[number]
            counts = [[[[qubit], gate], n] for gate, n in count_turns(turns).items() if n]
            metadata.append({"xval": length, "group": "Clifford", "count_ops": counts})
        placed.append((pen.write(f"rb_{number}", _draw_turns(pen, rows)), metadata))
    return placed


def _draw_turns(pen: Pen, rows: Mapping[int, Turns]) -> Iterator[CircuitInstruction]:
    layers = max(len(turns) for turns in rows.values())
    for layer in range(layers, 0, -1):  # counted from the end
        there = [(qubit, turns) for qubit, turns in rows.items() if len(turns) >= layer]
        for qubit, turns in there:
            # Where no rz is before it, a first pulse would not wait for the others. So the first
            # rz is written even if it does nothing.
            if turns[-layer] or layer == len(turns):
                yield pen.rz[qubit][turns[-layer]]
        if layer > 1:
            for qubit, _ in there:
                yield pen.sx[qubit]


Step = tuple[Turns, Turns] | None
"""What both qubits of a coupling do until the next cx or Clifford; None is a cx."""


def build_steps(experiment: BaseExperiment) -> list[tuple[int, bool, list[Step]]]:
    """Return the sequences of an InterleavedRB of cx: length, whether interleaved, and steps.

    A cx has a Clifford of one qubit on each side of it, and nothing is merged over the end of a
    Clifford: so an interleaved cx adds itself and nothing else.
    """
    forms = one_qubit_forms()
    cx = int(experiment._interleaved_cliff)
    found: list[tuple[int, bool, list[Step]]] = []
    for sequence in experiment._sample_sequences():
        numbers = [int(number) for number in sequence]
        for interleaved in (False, True):
            steps: list[Step] = []
            product = 0
            for number in numbers:
                steps += _expand(number, forms)
                product = int(compose_2q(product, number))
                if interleaved:
                    steps.append(None)
                    product = int(compose_2q(product, cx))
            steps += _expand(int(inverse_2q(product)), forms)
            found.append((len(numbers), interleaved, steps))
    return found


def _expand(number: int, forms: Sequence[Turns]) -> list[Step]:
    first, *others = two_qubit_form(number)
    steps: list[Step] = [(forms[first[0]], forms[first[1]])]
    for one, other in others:
        steps += [None, (forms[one], forms[other])]
    return steps


def count_steps(steps: Sequence[Step]) -> int:
    """Return how many gates there are at most, delays left out."""
    return sum(
        1 if step is None else sum(n for turns in step for n in count_turns(turns).values())
        for step in steps
    )


PULSES = 2
"""Layers of sx in each step between two cx: as many as the longest Clifford of one qubit has. With
a number of layers of its own, each coupling would make the others wait."""


def place_irb(chip: Chip, experiments: Sequence[BaseExperiment]) -> list[Placed]:
    """Return the circuits of several InterleavedRB of cx, whose cx are in the same layers."""
    pairs = [tuple(experiment.physical_qubits) for experiment in experiments]
    pen = Pen(chip, [qubit for pair in pairs for qubit in pair])
    strings = [build_steps(experiment) for experiment in experiments]
    placed = []
    for number in range(len(strings[0])):
        rows = {pair: string[number][2] for pair, string in zip(pairs, strings, strict=True)}
        metadata = [
            {
                "xval": string[number][0],
                "group": "Clifford",
                "interleaved": string[number][1],
            }
            for string in strings
        ]
        placed.append((pen.write(f"irb_{number}", _draw_steps(pen, chip, rows)), metadata))
    return placed


def _draw_steps(
    pen: Pen, chip: Chip, rows: Mapping[tuple[int, ...], Sequence[Step]]
) -> Iterator[CircuitInstruction]:
    waits = {qubit: pen.delay(qubit, chip.round(chip.sx[qubit])) for pair in rows for qubit in pair}
    for steps in zip(*rows.values(), strict=True):
        if steps[0] is None:
            for pair in rows:
                yield pen.cx[pair]  # type: ignore[index]
            continue
        row = {
            qubit: turns
            for pair, step in zip(rows, steps, strict=True)
            for qubit, turns in zip(pair, step, strict=True)
        }
        for layer in range(PULSES + 1, 0, -1):
            for qubit, turns in row.items():
                if len(turns) >= layer and turns[-layer]:
                    yield pen.rz[qubit][turns[-layer]]
            if layer == 1:
                break
            for qubit, turns in row.items():
                if len(turns) >= layer:
                    yield pen.sx[qubit]
                else:
                    # A qubit without a pulse keeps in step even where no rz makes it wait.
                    yield from waits[qubit]
