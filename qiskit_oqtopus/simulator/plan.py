"""A compiled circuit: what the engines run, in plain data that pickles."""

from __future__ import annotations

import pickle
from dataclasses import dataclass
from typing import Any, NamedTuple

from .noise.calibration import Misreading
from .operations import DENSE_QUBITS, TRANSFER_QUBITS, Operation, qubits_of

Step = tuple[Any, ...]
"""One step of a program:

======================================  ========================================================
step                                    meaning
======================================  ========================================================
("unitary", operations, phase)          apply operations; multiply by exp(i phase)
("gate", name, qubits, angles)          a standard gate, each of whose angles is a number or an
                                        Angle of the variables (see angle.py)
("measure", qubit, clbits)              projective; qubit None reads 0; clbits may be empty
("reset", qubit)                        bring the qubit to 0
("store", target, expression)           classical assignment (see classical.py)
("jump", step)                          go on at that step
("unless", expression, step)            go on at that step if the expression is false
("loop", counter)                       set a loop counter to its beginning
("next", counter, values, variable,     take the next value, into a variable if not None,
step)                                   or go on at that step when there is none left
("misread", clbit, p, q)                read 1 for a 0 with probability p, and 0 for a 1 with q
======================================  ========================================================
"""


@dataclass(frozen=True)
class Stage:
    """One state: the product of others, and what is applied to it.

    Attributes:
        parts: Positions of the stages whose states are joined.
        fresh: Number of qubits in 0 that join too.
        qubits: The qubit at each place of the state, least significant first: the fresh ones, then
            those of each part.
        operations: What is applied, on places of the state.
    """

    parts: tuple[int, ...]
    fresh: int
    qubits: tuple[int, ...]
    operations: tuple[Operation, ...]


class Stages(NamedTuple):
    """A circuit as stages; the last one has all qubits.

    Attributes:
        stages: The stages.
        places: Place of each qubit in the last state.
        phase: The global phase in rad by which the last state must be multiplied.
    """

    stages: tuple[Stage, ...]
    places: tuple[int, ...]
    phase: float = 0.0


class Plan(NamedTuple):
    """A circuit, compiled. A named tuple, which is made faster than a dataclass.

    Attributes:
        qubits: Circuit index of each simulated qubit; plan qubit i is circuit qubit ``qubits[i]``.
        num_qubits: Number of qubits of the circuit, idle ones included.
        steps: The program, without the terminal measurements.
        terminal: (plan qubit or None, clbit) of each terminal measurement that is visible in the
            end; None is a qubit that no gate has touched, which reads 0.
        variables: Initial values of the classical variables.
        counters: Number of loop counters.
        has_counts: Whether the circuit writes any classical bit, so that counts mean something.
        resets: Whether the circuit has a reset that did anything.
        stages: Another way to the final state that takes less time, or None; its qubits stand at
            other places (see :mod:`.optimize.stages`).
        misread: How terminal measurements are read wrongly.
    """

    qubits: tuple[int, ...]
    num_qubits: int
    steps: tuple[Step, ...]
    terminal: tuple[tuple[int | None, int], ...]
    variables: tuple[Any, ...] = ()
    counters: int = 0
    has_counts: bool = True
    resets: bool = False
    stages: Stages | None = None
    misread: tuple[Misreading, ...] = ()

    @property
    def is_static(self) -> bool:
        """Whether one final state holds the distribution of all shots."""
        for step in self.steps:  # noqa: SIM110 - a generator would cost more than it looks at
            if step[0] != "unitary":
                return False
        return True

    @property
    def has_wide_maps(self) -> bool:
        """Whether an operation works on a copy of the whole state (a wide prepare or evolve)."""
        return any(
            operation[0] in ("prepare", "evolve") and len(operation[1]) > DENSE_QUBITS
            for step in self.steps
            if step[0] == "unitary"
            for operation in step[1]
        )

    @property
    def has_wide_gates(self) -> bool:
        """Whether an operation on a density matrix works on a copy of the whole of it."""
        return any(
            operation[0] != "noise" and len(qubits_of(operation)) > TRANSFER_QUBITS
            for step in self.steps
            if step[0] == "unitary"
            for operation in step[1]
        )

    @property
    def operations(self) -> tuple[Operation, ...]:
        """All operations of a static plan, in order."""
        if len(self.steps) == 1:
            operations: tuple[Operation, ...] = self.steps[0][1]
            return operations
        return tuple(operation for step in self.steps for operation in step[1])

    @property
    def phase(self) -> float:
        """The global phase of a static plan in rad."""
        return float(sum(step[2] for step in self.steps))


Wanted = bool | tuple[int, ...]
"""The qubits whose density matrix is wanted: these, or all of them (True), or none (False)."""


@dataclass(frozen=True)
class NoisyPlan:
    """A plan for the noisy engines; it pickles.

    Besides what other plans have, there may be operations ("noise", qubits, p, relaxations), see
    :meth:`.noise.model.NoiseModel.operation`, and steps ("misread", clbit, p, q).

    Attributes:
        plan: The plan.
        method: "density_matrix" or "trajectories".
    """

    plan: Plan
    method: str

    @property
    def has_counts(self) -> bool:
        """Whether the circuit writes any classical bit."""
        return self.plan.has_counts


class Piece(NamedTuple):
    """Some instructions of a stabilizer circuit, and noise after them under a condition.

    Attributes:
        program: The instructions, as stim writes them.
        qubit: The qubit that the noise strikes; None if there is none, as in the last piece.
        records: The measurements of the circuit, counted from 0, on whose parity it depends.
        parity: It strikes in the shots with this parity.
        probabilities: Those of X, Y and Z.
    """

    program: str
    qubit: int | None = None
    records: tuple[int, ...] = ()
    parity: int = 1
    probabilities: tuple[float, ...] = ()


@dataclass(frozen=True)
class StabilizerPlan:
    """A Clifford circuit for the stabilizer engine; it pickles.

    Attributes:
        pieces: The circuit.
        num_qubits: Number of qubits that it has in stim.
        bits: Each classical bit that is written, and the measurement that is in it in the end.
        misread: How bits are read wrongly in the end.
        num_records: Number of measurements.
        approximations: What is simulated otherwise than other engines do it, in words.
    """

    pieces: tuple[Piece, ...]
    num_qubits: int
    bits: tuple[tuple[int, int], ...]
    misread: tuple[Misreading, ...]
    num_records: int
    approximations: tuple[str, ...] = ()

    @property
    def has_counts(self) -> bool:
        """Whether the circuit writes any classical bit."""
        return bool(self.bits)


Whole = Plan | NoisyPlan | StabilizerPlan
"""A circuit, or a part of one, for one engine."""


class Part(NamedTuple):
    """A part of a circuit that nothing ties to the rest of it.

    Attributes:
        plan: The part as a circuit of its own, with qubits and classical bits of its own numbers.
        qubits: Circuit index of each qubit of the part, ascending.
        clbits: Circuit index of each classical bit of the part, ascending.
    """

    plan: Whole
    qubits: tuple[int, ...]
    clbits: tuple[int, ...]

    @property
    def stream(self) -> int:
        """What tells its random numbers from those of other parts: its lowest qubit.

        A part without qubits is known by its lowest classical bit. 0 is what joins the parts.
        """
        return 1 + min(self.qubits) if self.qubits else 1 + (1 << 32) + min(self.clbits)


@dataclass(frozen=True)
class ProductPlan:
    """A circuit as independent parts, each for an engine of its own; it pickles.

    Attributes:
        parts: The parts, at least two.
        num_qubits: Number of qubits of the circuit, idle ones included.
        has_counts: Whether the circuit writes any classical bit.
    """

    parts: tuple[Part, ...]
    num_qubits: int
    has_counts: bool


def find_width(plan: Runnable) -> int:
    """Return the number of qubits of the largest state that a plan has."""
    if isinstance(plan, ProductPlan):
        return max(find_width(part.plan) for part in plan.parts)
    if isinstance(plan, StabilizerPlan):
        return 0
    return len((plan.plan if isinstance(plan, NoisyPlan) else plan).qubits)


def find_approximations(plan: Runnable) -> frozenset[str]:
    """Return in words what a plan simulates otherwise than it is stated."""
    if isinstance(plan, ProductPlan):
        return frozenset().union(*(find_approximations(part.plan) for part in plan.parts))
    return frozenset(plan.approximations if isinstance(plan, StabilizerPlan) else ())


BLOCK_SHOTS = 1 << 29
"""Parts are joined in blocks of at most this many shots: numpy pairs fewer than 10**9."""

UNPACKED = 256
"""The first plans of a batch are not packed: this many take little memory."""


class Packed(NamedTuple):
    """A plan, packed.

    Attributes:
        data: The plan, pickled.
        has_counts: Whether the circuit writes any classical bit.
    """

    data: bytes
    has_counts: bool


Runnable = Whole | ProductPlan
AnyPlan = Runnable | Packed


def pack(plan: Runnable) -> Packed:
    """Return a plan in the form in which it waits."""
    return Packed(pickle.dumps(plan, pickle.HIGHEST_PROTOCOL), plan.has_counts)


def unpack(plan: AnyPlan) -> Runnable:
    """Return a plan in the form in which it can be run."""
    if not isinstance(plan, Packed):
        return plan
    unpacked: Runnable = pickle.loads(plan.data)  # noqa: S301 - the output of pack
    return unpacked
