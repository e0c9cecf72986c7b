"""Compile a circuit with the noise of a calibration: each instruction, then its noise."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from qiskit.circuit import (
    Barrier,
    CircuitInstruction,
    ControlFlowOp,
    Delay,
    QuantumCircuit,
    Store,
)
from qiskit.circuit.classical import expr

from ...circuits import seconds_of
from ...device.timing import GLOBAL_BARRIERS, Instruction, schedule_global_barriers, schedule_late
from ...exceptions import Problem
from ...program.openqasm import EncodingError
from ..classical import ExpressionError, evaluator
from ..naming import is_measurement, is_readout, is_reset, name_of
from ..noise.calibration import Misreading
from ..noise.model import NoiseModel
from ..operations import Operation
from ..plan import Plan
from .builder import Scope
from .gates import UnsupportedOperation
from .general import Compiler
from .straight import compile_straight
from .timing import find_waits

_NOISELESS = (Barrier, Store, ControlFlowOp)
"""What is inside control flow has its own noise."""


def compile_noisy(
    circuit: QuantumCircuit,
    index: int,
    noise: NoiseModel,
    *,
    dt: float | None = None,
    schedule: str | None = None,
    final: bool = False,
) -> tuple[Plan | None, list[Problem]]:
    """Compile one circuit with noise.

    Args:
        circuit: The circuit.
        index: Its position in the list that is run, for the problems.
        noise: The noise, by the circuit's qubits.
        dt: Duration of one dt in s, or None where it is not known.
        schedule: When things happen, so that qubits relax while they wait for others: "late" or
            "global_barriers", see :mod:`qiskit_oqtopus.device.timing`; None if they do not relax.
        final: Whether the final state is wanted, and not only what is measured.

    Returns:
        The plan and no problems, or None and everything that is wrong.
    """
    if not (schedule or noise.aliases or circuit.num_parameters or circuit.num_input_vars):
        phase = float(circuit.global_phase)
        plan = compile_straight(circuit, circuit.data, phase, noise, dt)
        if plan is not None:
            return plan, []
    compiler = NoisyCompiler(circuit, index, dt, noise, schedule, final)
    compiler.run()
    if compiler.problems:
        return None, compiler.problems
    return compiler.plan(final), []


class NoisyCompiler(Compiler):
    """A compilation in which ("noise", ...) operations follow those of gates and replace delays.

    Reading wrongly is classical: ("misread", clbit, p, q) is a step after a measurement that
    something follows, and terminal measurements are in :attr:`.plan.Plan.misread`.

    Args:
        circuit: The circuit.
        index: Its position in the list that is run, for the problems.
        dt: Duration of one dt in s, or None where it is not known.
        noise: The noise, by the circuit's qubits.
        schedule: When things happen, or None, as for :func:`compile_noisy`.
        final: Whether the final state is looked at, and not only what is measured.
    """

    _timeless = ()

    def __init__(
        self,
        circuit: QuantumCircuit,
        index: int,
        dt: float | None,
        noise: NoiseModel,
        schedule: str | None = None,
        final: bool = False,
    ) -> None:
        super().__init__(circuit, index, dt)
        self._noise = noise
        self._final = final
        self._inside = 0  # depth of definitions, whose gates are not those of the device
        self._readout = ""  # what is being compiled: what reads, if it is or has a measurement
        self._readouts: dict[int, str] = {}  # clbit -> what has read into it
        self._idle = None if schedule is None else self._idle_times(schedule)

    def plan(self, final: bool = False) -> Plan:
        """Return the plan of what was compiled.

        Args:
            final: Whether the final state is looked at: resets at the end are then to be seen.
        """
        plan = super().plan(final)
        misread = [
            misreading
            for qubit, events in self._pending.items()
            for event in events
            for misreading in self._misreadings(qubit, event.clbits)
        ]
        return plan._replace(misread=tuple(misread))

    def run(self, instructions: Iterable[Any] | None = None) -> None:
        """Compile the circuit; problems are recorded, not raised."""
        super().run(instructions)
        if self._idle is not None and self._final:
            for qubit, seconds in zip(self._find_unmeasured(), self._idle[-1], strict=True):
                self._wait(qubit, seconds)

    # -- instructions ---------------------------------------------------------------------------

    def _instruction(self, instruction: CircuitInstruction, scope: Scope) -> None:
        if self._inside:
            self._compile(instruction, scope)
            return
        qubits = tuple([scope.qubits[bit] for bit in instruction.qubits])
        if self._idle is not None and self._position is not None:
            for qubit, seconds in zip(qubits, self._idle[self._position], strict=True):
                self._wait(qubit, seconds)
        name = self._name_of(instruction, qubits)
        if instruction.is_standard_gate():
            super()._instruction(instruction, scope)
            self._strike(name, qubits)
            return
        operation = instruction.operation
        if isinstance(operation, Delay):
            try:
                self._wait(qubits[0], self._seconds(self._with_values(operation), scope))
            except UnsupportedOperation as error:
                self._problem(str(error), error.cure, "delay", qubits)
        elif isinstance(operation, _NOISELESS):
            super()._instruction(instruction, scope)
        else:
            self._inside += 1
            self._readout = name
            self._compile(instruction, scope)
            self._inside -= 1
            if is_reset(operation):
                self._strike_reset(name, qubits)
            elif not is_readout(operation):
                self._strike(name, qubits)

    def _name_of(self, instruction: CircuitInstruction, qubits: tuple[int, ...]) -> str:
        """Return what the Target calls an instruction."""
        name = name_of(instruction)
        if name not in self._noise.aliases:
            return name
        return self._noise.name_of(name, qubits, instruction.params)

    def _compile(self, instruction: CircuitInstruction, scope: Scope) -> None:
        """Compile what is, or is in, one instruction of the device, and has no noise of its own."""
        if instruction.is_standard_gate() or not is_measurement(instruction.operation):
            super()._instruction(instruction, scope)
            return
        start = len(self._steps)
        self._readouts[scope.clbits[instruction.clbits[0]]] = self._readout
        super()._instruction(instruction, scope)
        self._misread_from(start, scope.qubits[instruction.qubits[0]])

    def _strike(self, name: str, qubits: tuple[int, ...]) -> None:
        """Append the noise of an instruction."""
        self._append(self._noise.operation(name, qubits), qubits)

    def _strike_reset(self, name: str, qubits: tuple[int, ...]) -> None:
        """Append the error of a reset, if it has one: in 0, its qubit does not relax."""
        noise = self._noise.operation(name, qubits)
        if noise is not None and noise[2]:
            self._append(noise, qubits)

    def _append(self, noise: Operation | None, qubits: tuple[int, ...]) -> None:
        if noise is not None:
            places = self._touch(qubits)  # begins a new list of operations if they were measured
            self._operations.append(("noise", places, *noise[2:]))

    def _wait(self, qubit: int, seconds: float) -> None:
        """Append the relaxation of a qubit, unless it is in 0 and stays there."""
        fresh = qubit not in self._active and not self._conditional
        if not (fresh or self._is_zero(qubit)):
            self._append(self._noise.waiting(qubit, seconds), (qubit,))

    def _flush(self, qubit: int) -> None:
        start = len(self._steps)
        super()._flush(qubit)
        self._misread_from(start, qubit)

    def _misread_from(self, start: int, qubit: int) -> None:
        """Let measurements of a qubit among the last steps be read wrongly."""
        steps = self._steps[start:]
        del self._steps[start:]
        for step in steps:
            self._steps.append(step)
            if step[0] == "measure":
                wrong = self._misreadings(qubit, step[2])
                self._steps.extend(("misread", *misreading) for misreading in wrong)

    def _misreadings(self, qubit: int, clbits: Iterable[int]) -> list[Misreading]:
        return [
            misreading
            for clbit in clbits
            for misreading in self._noise.misreadings(qubit, [clbit], self._readouts[clbit])
        ]

    # -- time -----------------------------------------------------------------------------------

    def _seconds(self, operation: Delay, scope: Scope) -> float:
        """Return the duration of a delay in s.

        Raises:
            UnsupportedOperation: If it has none.
        """
        duration: Any = operation.duration
        seconds: float | None
        if isinstance(duration, expr.Expr):
            try:
                seconds = float(evaluator(self._lowering(scope).lower(duration))(0, ()))
            except ExpressionError as error:
                raise UnsupportedOperation(
                    f"its duration has no value: {error}", "give it a number and a unit"
                ) from error
        elif operation.unit == "dt" and self._dt is None:
            raise UnsupportedOperation(
                "its duration is in dt, and the Target has no dt", "give it in s, ms, us, ns or ps"
            )
        else:
            seconds = seconds_of(operation, self._dt)
        if seconds is None or not 0 <= seconds < math.inf:
            raise UnsupportedOperation(
                f"its duration {duration} is not a time", "give it a number, at least 0, and a unit"
            )
        return seconds

    def _find_unmeasured(self) -> list[int]:
        """Return the qubits that are not measured in the end."""
        last = {}
        for instruction in self.circuit.data:
            if not isinstance(instruction.operation, Barrier):
                measured = not instruction.is_standard_gate() and is_readout(instruction.operation)
                last.update(dict.fromkeys(instruction.qubits, measured))
        return [i for i, bit in enumerate(self.circuit.qubits) if not last.get(bit)]

    def _idle_times(self, schedule: str) -> list[tuple[float, ...]] | None:
        """Return how long the qubits of each instruction have waited for others.

        If the final state is looked at, how long those of :meth:`_find_unmeasured` wait for the
        end, or for the measurements of others to begin, comes last.
        """
        places = {bit: i for i, bit in enumerate(self.circuit.qubits)}
        timed: list[Instruction] = []
        reads: list[float] = []
        for position, instruction in enumerate(self.circuit.data):
            qubits = tuple([places[bit] for bit in instruction.qubits])
            name = self._name_of(instruction, qubits)
            if instruction.is_standard_gate():
                timed.append((name, qubits, self._noise.duration(name, qubits)))
                continue
            operation = instruction.operation
            if isinstance(operation, ControlFlowOp):
                reason = (
                    "what happens when is not known beforehand, so that idle qubits cannot relax"
                )
                self._refuse_schedule(schedule, EncodingError(reason, position, name, qubits))
                return None
            seconds: float | None = None
            if isinstance(operation, Delay):
                try:
                    seconds = self._seconds(operation, Scope(places, {}))
                except UnsupportedOperation:
                    seconds = 0.0  # it is a problem when it is compiled
            elif isinstance(operation, Barrier):
                name = "barrier"
            else:
                seconds = self._noise.duration(name, qubits)
                if is_readout(operation):
                    name = "measure"
                    reads.append(seconds or 0.0)
            timed.append((name, qubits, seconds))
        if self._final:
            timed.append(("measure", tuple(self._find_unmeasured()), max(reads, default=0.0)))
        if schedule != GLOBAL_BARRIERS:
            return find_waits(timed, schedule_late(timed).starts)
        try:
            return find_waits(timed, schedule_global_barriers(timed).starts)
        except EncodingError as error:
            self._refuse_schedule(schedule, error)
            return None

    def _refuse_schedule(self, schedule: str, error: EncodingError) -> None:
        """Record that the circuit has no such schedule."""
        self._position = error.position
        option = "timing" if schedule == GLOBAL_BARRIERS else "idle_relaxation"
        self._problem(error.reason, f"leave {option} out", error.instruction, error.qubits)
        self._position = None
