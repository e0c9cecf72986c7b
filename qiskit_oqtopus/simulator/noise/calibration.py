"""The numbers in a Target from which noise is built, each of them checked (pure)."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from numbers import Real
from typing import Any

from qiskit.circuit import Delay, Gate
from qiskit.circuit.library import Initialize
from qiskit.transpiler import Target

from ...exceptions import OqtopusOptionError
from ..naming import is_readout, is_reset

Qubits = tuple[int, ...]
Lifetimes = tuple[tuple[float | None, float | None], ...]
Instructions = dict[str, dict[Qubits | None, tuple[float | None, float | None]]]
Assignment = dict[int | None, tuple[float, float]]

Misreading = tuple[int, float, float]
"""A clbit, and the probabilities of reading 1 for a 0, and 0 for a 1."""

MAX_QUBITS = 4
"""Noise on k qubits at once is one matrix of shape (4**k, 4**k): 1 MiB for 4 qubits."""

_PROBABILITY = "a probability in [0, 1]"
_DURATION = "a number of seconds, at least 0"
_LIFETIME = "a positive number of seconds"

_IS_ALLOWED: dict[str, Callable[[float], bool]] = {
    _PROBABILITY: lambda value: 0 <= value <= 1,
    _DURATION: lambda value: value >= 0,
    _LIFETIME: lambda value: value > 0,
}


@dataclass(frozen=True)
class Calibration:
    """What a Target says of noise; None is what it does not say.

    Attributes:
        lifetimes: T1 and T2 of each qubit in s, as stated.
        instructions: By name and qubits, the error (average infidelity) and duration in s of each
            instruction other than delays and ``measure`` that has any; other measurements have no
            error here. Qubits None stands for all qubits that are not listed.
        assignment: By qubit (None: all others), the probabilities of reading 1 after preparing 0
            and of reading 0 after preparing 1.
        measure_durations: By qubit (None: all others), the duration of a measurement in s.
        without_use: Name and qubits of each instruction whose error says nothing that is known.
        readouts: The assignment of each measurement that has another name than ``measure``.
        preparations: Names of what brings qubits to a state whatever they were in.
    """

    lifetimes: Lifetimes
    instructions: Instructions
    assignment: Assignment
    measure_durations: dict[int | None, float]
    without_use: tuple[tuple[str, Qubits | None], ...]
    readouts: dict[str, Assignment]
    preparations: frozenset[str]


def place(name: str, qubits: Qubits | None) -> str:
    """Return how an instruction on qubits is named in messages.

    >>> place("cx", (0, 1)), place("x", (2,)), place("sx", None)
    ('cx(0, 1)', 'x(2)', 'sx')
    """
    return name if qubits is None else f"{name}({', '.join(map(str, qubits))})"


def read_calibration(target: Target) -> Calibration:
    """Return the calibration in a Target.

    Args:
        target: Errors are average infidelities or, of measurements, probabilities; times in s.

    Raises:
        OqtopusOptionError: If values are impossible; all of them are listed.
    """
    reader = _Reader(target)
    calibration = Calibration(
        reader.lifetimes(),
        reader.instructions(),
        reader.assignment("measure"),
        reader.measure_durations,
        tuple(reader.without_use),
        reader.readouts(),
        reader.preparations(),
    )
    if reader.problems:
        count = len(reader.problems)
        raise OqtopusOptionError(
            f"The noise of this Target cannot be simulated: {count} "
            f"{'problem' if count == 1 else 'problems'} found.\n"
            + "\n".join(f"  - {problem}" for problem in reader.problems)
        )
    return calibration


class _Reader:
    def __init__(self, target: Target) -> None:
        self._target = target
        self.problems: list[str] = []
        self.without_use: list[tuple[str, Qubits | None]] = []
        self.measure_durations: dict[int | None, float] = {}

    def _number(self, where: str, what: str, value: Any, allowed: str) -> float | None:
        if value is None:
            return None
        if isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(value):
            number = float(value)
            if _IS_ALLOWED[allowed](number):
                return number
        self.problems.append(
            f"{where}: {what} is {value!r}; make it {allowed}, or None if it is not known."
        )
        return None

    def lifetimes(self) -> Lifetimes:
        return tuple(
            (
                self._number(f"qubit {i}", "T1", getattr(qubit, "t1", None), _LIFETIME),
                self._number(f"qubit {i}", "T2", getattr(qubit, "t2", None), _LIFETIME),
            )
            for i, qubit in enumerate(self._target.qubit_properties or ())
        )

    def instructions(self) -> Instructions:
        instructions: Instructions = {}
        for name in self._target.operation_names:
            operation = self._target.operation_from_name(name)
            table: dict[Qubits | None, tuple[float | None, float | None]] = {}
            for qubits, properties in self._target[name].items():
                where = place(name, qubits)
                error = self._number(
                    where, "error", getattr(properties, "error", None), _PROBABILITY
                )
                duration = self._number(
                    where, "duration", getattr(properties, "duration", None), _DURATION
                )
                if name == "measure" and duration:
                    self.measure_durations[qubits and qubits[0]] = duration
                if is_readout(operation):
                    error = None  # see assignment()
                if name == "measure" or isinstance(operation, Delay) or not (error or duration):
                    continue
                if (operation.num_qubits if qubits is None else len(qubits)) > MAX_QUBITS:
                    self.problems.append(
                        f"{where}: noise on more than {MAX_QUBITS} qubits at once cannot be "
                        "simulated; leave its error and duration out."
                    )
                if error and not (isinstance(operation, Gate) or _prepares(operation)):
                    self.without_use.append((name, qubits))
                    error = None
                table[qubits] = (error, duration)
            if table:
                instructions[name] = table
        return instructions

    def assignment(self, name: str) -> Assignment:
        assignment: Assignment = {}
        table = self._target[name] if name in self._target.operation_names else {}
        for qubits, properties in table.items():
            # Properties of any class: Qiskit's own have the error only.
            given = [
                self._number(
                    place(name, qubits), word, getattr(properties, word, None), _PROBABILITY
                )
                for word in ("prob_meas1_prep0", "prob_meas0_prep1")
            ]
            error = getattr(properties, "error", None)
            if None in given and error is not None:
                given = [error, error]
            if given != [None, None]:
                assignment[qubits and qubits[0]] = (given[0] or 0.0, given[1] or 0.0)
        return assignment

    def readouts(self) -> dict[str, Assignment]:
        return {
            name: self.assignment(name)
            for name in self._target.operation_names
            if name != "measure" and is_readout(self._target.operation_from_name(name))
        }

    def preparations(self) -> frozenset[str]:
        names = self._target.operation_names
        return frozenset(n for n in names if _prepares(self._target.operation_from_name(n)))


def _prepares(operation: Any) -> bool:
    return is_reset(operation) or isinstance(operation, Initialize)
