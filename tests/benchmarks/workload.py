"""What is timed, how each competitor is asked to do it, and the goals."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from qiskit import QuantumCircuit
from qiskit.circuit import CONTROL_FLOW_OP_NAMES

MIN_ROUNDS = 7


class Unsupported(Exception):
    """A competitor cannot run a workload, or not in a reasonable time; the message says why."""


@dataclass(frozen=True)
class Seconds:
    """Times of one run in s.

    Attributes:
        run: Until the result is there.
        total: Until it has also been read: the counts of every circuit.
    """

    run: float
    total: float


class Task(ABC):
    """A workload in the hands of a competitor."""

    @abstractmethod
    def answer(self) -> Any:
        """Run once, untimed, and return what is then checked."""

    @abstractmethod
    def once(self) -> Seconds:
        """Run once and return the times."""

    def close(self) -> None:  # noqa: B027 - most have nothing to end
        """End what was started."""


@dataclass(frozen=True)
class Steps(Task):
    """A task that runs in this process, in steps.

    Attributes:
        run: Takes what ``setup`` returned; is timed.
        read: Turns what ``run`` returned into the answer; is timed apart.
        setup: Is done anew before each run, untimed.
        free_reading: Whether reading costs nothing by definition.
    """

    run: Callable[[Any], Any]
    read: Callable[[Any], Any]
    setup: Callable[[], Any] = lambda: None
    free_reading: bool = False

    def answer(self) -> Any:
        """Run once and return what is then checked."""
        return self.read(self.run(self.setup()))

    def once(self) -> Seconds:
        """Run once and return the times."""
        given = self.setup()
        start = time.perf_counter()
        made = self.run(given)
        ran = time.perf_counter()
        if self.free_reading:
            return Seconds(ran - start, ran - start)
        self.read(made)
        return Seconds(ran - start, time.perf_counter() - start)


@dataclass(frozen=True)
class Goal:
    """The highest ratio that reaches a goal.

    Attributes:
        peer: The competitor whose time is the denominator.
        at_most: The ratio; None if it is shown for information.
        counts: Whether the time to read the counts is part of it.
    """

    peer: str
    at_most: float | None
    counts: bool = True


@dataclass(frozen=True)
class Workload:
    """Something that several competitors can do.

    Attributes:
        name: Short name, for example "w4-qft-16".
        title: What it is, in a few words, in Markdown.
        tasks: By competitor, what makes its task; may raise Unsupported.
        check: Takes a competitor and its answer; raises WrongAnswer.
        goals: The goals.
        rounds: Rounds that are timed at least.
    """

    name: str
    title: str
    tasks: Mapping[str, Callable[[], Task]]
    check: Callable[[str, Any], None]
    goals: Sequence[Goal] = ()
    rounds: int = MIN_ROUNDS


def has_control_flow(circuit: QuantumCircuit) -> bool:
    """Whether any instruction has blocks; Qiskit 2.0 has no method for it."""
    return not CONTROL_FLOW_OP_NAMES.isdisjoint(circuit.count_ops())


def _copy(circuit: QuantumCircuit) -> QuantumCircuit:
    if not has_control_flow(circuit):
        return circuit.copy()
    # copy(), and in Qiskit 2.0 deepcopy() too, share the blocks, which are circuits as well.
    made = circuit.copy_empty_like()
    for instruction in circuit.data:
        if instruction.name in CONTROL_FLOW_OP_NAMES and hasattr(instruction.operation, "blocks"):
            operation = instruction.operation
            blocks = [_copy(block) for block in operation.blocks]
            instruction = instruction.replace(operation=operation.replace_blocks(blocks))
        made.append(instruction)
    return made


@dataclass(frozen=True)
class Batch:
    """Circuits that are run as one job.

    Attributes:
        circuits: The circuits.
        shots: Number of shots per circuit.
    """

    circuits: list[QuantumCircuit]
    shots: int

    def fresh(self) -> list[QuantumCircuit]:
        """Return circuits that have not been run before.

        They are new objects, as in a calibration, where each job has circuits of its own: nothing
        that a competitor remembers about the old ones is of use.
        """
        return [_copy(circuit) for circuit in self.circuits]
