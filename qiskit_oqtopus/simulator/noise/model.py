"""The calibration in a Target as noise: which channel follows which gate on which qubits (pure)."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, fields
from itertools import permutations
from typing import Any

from qiskit.transpiler import Target

from ...exceptions import OqtopusWarning, users_stacklevel
from ..naming import Aliases, find_aliases
from ..operations import Operation
from .calibration import (
    Assignment,
    Calibration,
    Instructions,
    Lifetimes,
    Misreading,
    Qubits,
    place,
    read_calibration,
)
from .channels import (
    depolarizing_probability,
    reachable_error,
    relaxation_exponents,
    relaxation_infidelity,
)

_ROUNDING = 1 + 1e-9
"""Numbers that differ by less than this factor were meant to be equal."""

_SHOWN = 20
"""Places that a warning names at most; hundreds of couplings would fill the screen."""

_FEW = 3
"""So many places of what nearly every device has, and nobody can change."""

_COMMON = "Relaxation alone"
"""How the warning of such places begins."""


@dataclass(frozen=True)
class NoiseModel:
    """The noise that the calibration in a Target implies; plain data, see :meth:`from_target`.

    After each gate, its qubits are depolarized and relax for its duration, such that the average
    infidelity of both together is the error that the Target states (see
    :func:`.channels.depolarizing_probability`). Delays relax. An error, duration or lifetime that
    is not known makes no noise; none is made up. ``rz``, which is virtual on OQTOPUS devices and
    has error 0 and duration 0 in their Targets, is free.

    A measurement has its readout error and no relaxation: decay during the readout is part of its
    calibrated error. So it is with a reset that has an error: depolarizing leaves the qubit in 1
    with this probability. In this and gate by gate, the model is that of Qiskit Aer's
    ``NoiseModel.from_backend`` at temperature zero, but impossible values are refused rather than
    cut off, and what a Target says of an instruction on any qubits is used.

    Attributes:
        lifetimes: T1 and T2 of each qubit in s, None where not known; empty without relaxation.
        instructions: By name and qubits, the error (average infidelity) and duration in s of each
            instruction that has any, None where not known or switched off. Qubits None stands for
            all qubits that are not listed.
        assignment: By qubit (None: all others), the probabilities of reading 1 after preparing 0
            and of reading 0 after preparing 1.
        measure_durations: By qubit (None: all others), the duration of a measurement in s, for
            the schedule of what waits for it.
        readouts: The assignment of each measurement that has another name than ``measure``.
        preparations: Names of what brings qubits to a state: resets and the like.
        aliases: By the name in circuits, names of the Target's own, see :mod:`..naming`.

    >>> model = NoiseModel(((3e-5, 2e-5),), {"sx": {(0,): (1e-3, 2e-8)}}, {0: (0.25, 0.125)})
    >>> model.operation("sx", (0,))[:2], model.operation("rz", (0,))
    (('noise', (0,)), None)
    >>> model.misreadings(0, [5])
    [(5, 0.25, 0.125)]
    """

    lifetimes: Lifetimes = ()
    instructions: Instructions = field(default_factory=dict, hash=False)
    assignment: Assignment = field(default_factory=dict, hash=False)
    measure_durations: dict[int | None, float] = field(default_factory=dict, hash=False)
    readouts: dict[str, Assignment] = field(default_factory=dict, hash=False)
    preparations: frozenset[str] = frozenset()
    aliases: Aliases = field(default_factory=dict, hash=False)
    _operations: dict[tuple[str, Qubits], Operation | None] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    @classmethod
    def from_target(
        cls,
        target: Target,
        *,
        gate: bool = True,
        relaxation: bool = True,
        readout: bool = True,
        told: set[str] | None = None,
    ) -> NoiseModel:
        """Return the noise of a device by its Target.

        Args:
            target: Errors are average infidelities (of a measurement: the probability of reading
                the wrong bit), times are in s. A measurement whose properties have both
                ``prob_meas1_prep0`` and ``prob_meas0_prep1`` is read with these, others with
                their error for both.
            gate: Whether gates have their stated error. Without it, they relax for their duration.
            relaxation: Whether qubits relax, in gates and delays. Without it, the whole error of
                a gate is depolarizing.
            readout: Whether bits are read wrongly.
            told: Warnings of what most devices have, to which this adds those that it gives: one
                that is in it is not given again.

        Raises:
            OqtopusOptionError: If values are impossible (a probability outside [0, 1], a negative
                duration, a lifetime that is not positive, NaN or infinity); all are listed, also
                those of noise that is switched off.

        Warns:
            OqtopusWarning: Once for each kind of value that is possible and not simulated as it is
                stated, with all that it concerns: T2 above 2 T1 (simulated as 2 T1); an error below
                that of relaxation alone (which remains); an error of 1, which stands for a gate
                that is not calibrated; another error above what depolarizing can reach (where it
                ends); an error without a duration, on qubits that relax (all of it is
                depolarizing); an error of what is neither a gate nor a measurement nor a reset (not
                used). Also if the Target states no noise at all.
        """
        calibration = read_calibration(target)
        told = set() if told is None else told
        for doubt in _find_doubts(target, calibration, gate=gate, relaxation=relaxation):
            if doubt in told:
                continue
            if doubt.startswith(_COMMON):
                told.add(doubt)
            warnings.warn(doubt, OqtopusWarning, stacklevel=users_stacklevel())
        return cls(
            calibration.lifetimes if relaxation else (),
            calibration.instructions if gate else _drop_errors(calibration.instructions),
            calibration.assignment if readout else {},
            calibration.measure_durations,
            calibration.readouts if readout else {},
            calibration.preparations,
            find_aliases(target),
        )

    def name_of(self, name: str, qubits: Sequence[int], parameters: Sequence[Any] = ()) -> str:
        """Return the name in the Target of what circuits call ``name``.

        Args:
            name: The name in circuits.
            qubits: Its qubits.
            parameters: Its angles.
        """
        for alias in self.aliases.get(name, ()):
            if alias.fits(tuple(qubits), parameters):
                return alias.name
        return name

    def operation(self, name: str, qubits: Sequence[int]) -> Operation | None:
        """Return the noise that follows an ideal instruction as the engines take it.

        Args:
            name: Name of the instruction in the Target.
            qubits: Its qubits, in order: cx on (0, 1) is not cx on (1, 0).

        Returns:
            ``("noise", qubits, p, relaxations)``: depolarizing of all qubits with probability p,
            then for each qubit t / T1 and t / T2 (see :func:`.channels.relaxation_exponents`). None
            if there is no noise, as of delays (see :meth:`waiting`), measurements and whatever is
            not in the Target.
        """
        key = (name, tuple(qubits))
        if key not in self._operations:
            self._operations[key] = self._operation(*key)
        return self._operations[key]

    def _operation(self, name: str, qubits: Qubits) -> Operation | None:
        error, duration = self._numbers(name, qubits)
        if name in self.preparations and error is not None:
            duration = None
        relaxations = self._relaxations(qubits, duration or 0.0)
        p = 0.0
        if error is not None:
            infidelity = relaxation_infidelity(
                duration or 0.0, *_lifetimes_of(self.lifetimes, qubits)
            )
            p = depolarizing_probability(error, infidelity, len(qubits))
        if not p and not any(map(any, relaxations)):
            return None
        return ("noise", qubits, p, relaxations)

    def waiting(self, qubit: int, seconds: float) -> Operation | None:
        """Return the relaxation of a qubit that waits, as :meth:`operation` does.

        Args:
            qubit: The qubit.
            seconds: Time in s.

        Raises:
            ValueError: If the time is negative or NaN.
        """
        relaxations = self._relaxations((qubit,), seconds)
        return ("noise", (qubit,), 0.0, relaxations) if any(relaxations[0]) else None

    def duration(self, name: str, qubits: Sequence[int]) -> float | None:
        """Return the duration of an instruction in s, or None where it is not known."""
        if name == "measure":
            return self.measure_durations.get(qubits[0], self.measure_durations.get(None))
        return self._numbers(name, tuple(qubits))[1]

    def _numbers(self, name: str, qubits: Qubits) -> tuple[float | None, float | None]:
        table = self.instructions.get(name, {})
        return table.get(qubits) or table.get(None) or (None, None)

    def _relaxations(self, qubits: Qubits, seconds: float) -> tuple[tuple[float, float], ...]:
        t1s, t2s = _lifetimes_of(self.lifetimes, qubits)
        return tuple(
            [relaxation_exponents(seconds, t1, t2) for t1, t2 in zip(t1s, t2s, strict=True)]
        )

    def misreadings(
        self, qubit: int, clbits: Sequence[int], name: str = "measure"
    ) -> list[Misreading]:
        """Return how bits are read wrongly that a qubit is measured into; none if they are not.

        Args:
            qubit: The qubit.
            clbits: The bits.
            name: Name of the measurement in the Target.
        """
        assignment = self.assignment if name == "measure" else self.readouts.get(name, {})
        wrong = assignment.get(qubit) or assignment.get(None) or (0.0, 0.0)
        return [(clbit, *wrong) for clbit in clbits] if any(wrong) else []

    def __reduce__(self) -> tuple[type[NoiseModel], tuple[Any, ...]]:
        # Without the operations: they take memory, and are quickly built again.
        values = tuple(getattr(self, item.name) for item in fields(self) if item.init)
        return type(self), values


def _lifetimes_of(
    lifetimes: Lifetimes, qubits: Sequence[int]
) -> tuple[list[float | None], list[float | None]]:
    """Return T1 and T2 of the qubits."""
    known = [lifetimes[q] if q < len(lifetimes) else (None, None) for q in qubits]
    return [t1 for t1, _ in known], [t2 for _, t2 in known]


def _drop_errors(instructions: Instructions) -> Instructions:
    return {
        name: {qubits: (None, duration) for qubits, (_, duration) in table.items()}
        for name, table in instructions.items()
    }


def _find_doubts(
    target: Target, calibration: Calibration, *, gate: bool, relaxation: bool
) -> Iterator[str]:
    """Yield a warning for each kind of value that is not simulated as it is stated."""
    lifetimes = calibration.lifetimes
    below, beyond, untimed, uncalibrated = [], [], [], []
    stated = 0
    silent = not (calibration.assignment or any(calibration.readouts.values()))
    silent = silent and not any(any(pair) for pair in lifetimes)
    for name, qubits, error, duration in _iterate_places(target, calibration.instructions):
        if error is None:
            continue
        stated += 1
        silent = silent and not error
        relaxes = relaxation and name not in calibration.preparations
        t1s, t2s = _lifetimes_of(lifetimes if relaxes else (), qubits)
        if error and duration is None and (any(t1s) or any(t2s)):
            untimed.append(place(name, qubits))
        infidelity = relaxation_infidelity(duration or 0.0, t1s, t2s)
        if infidelity > error * _ROUNDING:
            below.append(place(name, qubits))
        elif error == 1:
            uncalibrated.append(place(name, qubits))
        elif error > reachable_error(infidelity, len(qubits)) * _ROUNDING:
            beyond.append(place(name, qubits))
    beyond_t1 = [
        f"qubit {i}"
        for i, (t1, t2) in enumerate(lifetimes)
        if t1 is not None and t2 is not None and t2 > 2 * t1 * _ROUNDING
    ]
    if relaxation and beyond_t1:
        listed = _list_places(beyond_t1)
        yield f"T2 is above 2 T1, which cannot be; it is simulated as 2 T1: {listed}."
    if gate and below:
        yield (
            f"Relaxation alone makes more errors than are stated for {len(below)} of {stated} "
            f"gates; they are simulated with relaxation only: {_list_places(below, _FEW)}."
        )
    if gate and uncalibrated:
        yield (
            f"An error of 1 says that a gate is not calibrated, as it does of {len(uncalibrated)} "
            f"of {stated} gates; circuits with them run with the largest error that depolarizing "
            f"can make, which says nothing of the device: {_list_places(uncalibrated)}."
        )
    if gate and beyond:
        yield (
            "The stated error is larger than depolarizing can make it; it is simulated with the "
            f"largest that there is: {_list_places(beyond)}."
        )
    if untimed:
        part = "their whole error is depolarizing" if gate else "their qubits do not relax"
        yield f"These gates have an error and no duration; {part}: {_list_places(untimed)}."
    if gate and calibration.without_use:
        listed = _list_places([place(name, qubits) for name, qubits in calibration.without_use])
        yield f"The error of what is no gate, measurement or reset is not simulated: {listed}."
    if silent:
        yield (
            "The Target states no error, lifetime or readout error, so that its noise is none at "
            "all; add them to it, or use a device or snapshot that has a calibration."
        )


def _iterate_places(
    target: Target, instructions: Instructions
) -> Iterator[tuple[str, Qubits, float | None, float | None]]:
    """Yield name, qubits, error and duration of each instruction, on any qubits where it is so."""
    for name, table in instructions.items():
        for qubits, numbers in table.items():
            if qubits is not None:
                yield name, qubits, *numbers
                continue
            width = target.operation_from_name(name).num_qubits
            if width <= 2:  # there are too many ways to choose more
                for some in permutations(range(target.num_qubits or 0), width):
                    yield name, some, *numbers


def _list_places(places: Sequence[str], shown: int = _SHOWN) -> str:
    more = f" and {len(places) - shown} more" if len(places) > shown else ""
    return ", ".join(places[:shown]) + more
