"""Compile any circuit to a plan: one pass, active qubits only, all problems found at once.

This is the reference that the faster ways to a plan are tested against.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from qiskit.circuit import (
    Barrier,
    BoxOp,
    BreakLoopOp,
    CircuitInstruction,
    ContinueLoopOp,
    ControlFlowOp,
    Delay,
    ForLoopOp,
    Gate,
    IfElseOp,
    Instruction,
    Parameter,
    ParameterExpression,
    QuantumCircuit,
    Store,
    SwitchCaseOp,
    WhileLoopOp,
)
from qiskit.exceptions import QiskitError

from ...exceptions import Problem
from ..angle import Angle, angle_of
from ..classical import Expression, ExpressionError
from ..naming import is_measurement, is_reset
from ..operations import encode_standard
from .builder import Scope
from .control_flow import ControlFlow
from .gates import UnsupportedOperation, encode

MAX_WRITTEN = 1 << 19
"""Definitions and blocks are written out as at most this many instructions in all."""

_FINITE = "bind parameters to finite numbers"


class _TooLongError(Exception):
    """The definitions and blocks of a circuit have too many instructions."""


class Compiler(ControlFlow):
    """The state of one compilation: what an instruction means, and where it jumps.

    Args:
        circuit: The circuit.
        index: Its position in the list that is run, for the problems.
        dt: Duration of one dt in s, or None where it is not known.

    Attributes:
        problems: Everything that is wrong with the circuit.
    """

    def __init__(self, circuit: QuantumCircuit, index: int, dt: float | None) -> None:
        super().__init__(circuit, dt)
        self.index = index
        self.problems: list[Problem] = []
        self._position: int | None = None
        self._said: set[tuple[str, str]] = set()  # name and problem of operations
        self._written = 0  # instructions of definitions and of blocks

    # -- the circuit as a whole -----------------------------------------------------------------

    def run(self, instructions: Iterable[Any] | None = None) -> None:
        """Compile the circuit; problems are recorded, not raised.

        Args:
            instructions: What is compiled instead of the circuit's own instructions: others of the
                same effect.
        """
        circuit = self.circuit
        free = _free_parameters(circuit)
        if free:
            names = ", ".join(sorted(parameter.name for parameter in free))
            self._problem(
                f"unbound parameters: {names}", "bind them with circuit.assign_parameters(...)"
            )
            return
        if circuit.num_input_vars:
            names = ", ".join(sorted(var.name for var in circuit.iter_input_vars()))
            self._problem(
                f"input variables without a value: {names}",
                "give each a value with circuit.add_var(name, value) instead of add_input",
            )
            return
        scope = Scope(
            {bit: i for i, bit in enumerate(circuit.qubits)},
            {bit: i for i, bit in enumerate(circuit.clbits)},
        )
        self._add_phase(circuit)
        try:
            for position, instruction in enumerate(
                circuit.data if instructions is None else instructions
            ):
                self._position = position
                self._instruction(instruction, scope)
        except _TooLongError:
            self._problem(
                f"written out, its definitions and blocks have over {MAX_WRITTEN:,} instructions",
                "repeat gates by a for_loop, which is not written out",
            )
        except RecursionError:
            self._problem(
                "its definitions or blocks are nested too deeply", "decompose the circuit"
            )
        self._position = None
        self._close()

    def _add_phase(self, circuit: QuantumCircuit) -> None:
        """Take over the global phase of a circuit or definition."""
        (phase,) = self._bind([circuit.global_phase])
        if isinstance(phase, Angle):
            self._close()
            self._steps.append(("gate", "global_phase", (), (phase,)))
        elif math.isfinite(phase):
            self._phase += phase
        else:
            self._problem(f"a global phase of {phase} is not finite", _FINITE)

    def _problem(
        self,
        reason: str,
        cure: str,
        instruction: str | None = None,
        qubits: tuple[int, ...] = (),
    ) -> None:
        self.problems.append(
            Problem(
                self.index, self.circuit.name, reason, cure, instruction, self._position, qubits
            )
        )

    # -- instructions ---------------------------------------------------------------------------

    def _instruction(self, instruction: CircuitInstruction, scope: Scope) -> None:
        name = instruction.name
        # A gate of the user's own may bear a standard name: only Qiskit knows which is which.
        if instruction.is_standard_gate():
            if name == "id":  # an identity does not make its qubit active
                return
            sites = tuple([scope.qubits[bit] for bit in instruction.qubits])
            qubits = self._touch(sites)
            angles = instruction.params
            if instruction.is_parameterized():
                angles = self._bind(angles)
                if any(isinstance(angle, Angle) for angle in angles):
                    self._close()
                    self._steps.append(("gate", name, qubits, angles))
                    return
            parameters = [float(value) for value in angles]
            if not all(map(math.isfinite, parameters)):
                listed = ", ".join(map(str, parameters))
                self._problem(f"its parameters ({listed}) are not finite", _FINITE, name, sites)
                return
            operations, phase = encode_standard(name, qubits, parameters, instruction)
            self._operations.extend(operations)
            self._phase += phase
            return
        qubits = tuple(scope.qubits[bit] for bit in instruction.qubits)
        try:
            _find_handler(name, instruction.operation)(self, instruction, scope)
        except (UnsupportedOperation, ExpressionError) as error:
            cure = getattr(error, "cure", "rewrite the expression")
            if (name, str(error)) not in self._said:  # once is enough for all that are the same
                self._said.add((name, str(error)))
                self._problem(str(error), cure, name, qubits)
        except QiskitError as error:
            self._problem(
                f"Qiskit could not expand it: {error.message}",
                "decompose it, or give it a definition",
                name,
                qubits,
            )

    def _bind(self, parameters: Sequence[Any]) -> tuple[float | Angle, ...]:
        """Return parameters as they are in the loops around: angles, if loops are counted."""
        return tuple([angle_of(self._with_value(value), self._places) for value in parameters])

    def _with_value(self, value: Any) -> Any:
        """Return a parameter with the values of the loops that are written out."""
        if not isinstance(value, ParameterExpression):
            return value
        known = {p: self._values[p] for p in value.parameters if p in self._values}
        bound = value.bind(known) if known else value
        return bound if bound.parameters else bound.numeric()

    def _with_values(self, operation: Any) -> Any:
        """Return an operation with the values of the loops that are written out.

        Qiskit's own ``assign_parameters`` changes definitions inside of blocks in place, so that
        all iterations would have the values of one.
        """
        parameters = getattr(operation, "params", ())
        if not any(isinstance(value, ParameterExpression) for value in parameters):
            return operation
        changed = operation.copy()
        changed.params = [self._with_value(value) for value in parameters]
        return changed

    def _general(self, instruction: CircuitInstruction, scope: Scope) -> None:
        """Compile a gate that is neither standard nor a directive: natively, or by definition."""
        operation = instruction.operation
        if self._values and type(operation) not in (Gate, Instruction):
            operation = self._with_values(operation)
        qubits = tuple(scope.qubits[bit] for bit in instruction.qubits)
        fresh = all(
            self._is_zero(qubit) or (qubit not in self._active and not self._conditional)
            for qubit in qubits
        )
        encoded = encode(operation, fresh)
        if isinstance(encoded, QuantumCircuit):
            clbits = tuple(scope.clbits[bit] for bit in instruction.clbits)
            self._inline(encoded, qubits, clbits)
            return
        places = self._touch(qubits)
        operations, phase = encoded(places)
        self._operations.extend(operations)
        self._phase += phase

    def _inline(
        self, body: QuantumCircuit, qubits: tuple[int, ...], clbits: tuple[int, ...]
    ) -> None:
        self._written += len(body.data)
        if self._written > MAX_WRITTEN:
            raise _TooLongError
        scope = Scope(
            dict(zip(body.qubits, qubits, strict=True)), dict(zip(body.clbits, clbits, strict=True))
        )
        self._add_phase(body)
        for instruction in body.data:
            self._instruction(instruction, scope)

    def _store(self, instruction: CircuitInstruction, scope: Scope) -> None:
        lvalue, rvalue = instruction.operation.params
        lowering = self._lowering(scope)
        target, value = lowering.store(lvalue), lowering.lower(rvalue)
        self._flush_all()
        self._steps.append(("store", target, value))
        self._writes = self._writes or _writes_bits(target)

    def _box(self, instruction: CircuitInstruction, scope: Scope) -> None:
        self._body(instruction.operation.body, instruction, scope)

    def _nothing(self, instruction: CircuitInstruction, scope: Scope) -> None:
        """Barrier and delay: a noiseless state does not change."""


_Handler = Callable[[Compiler, CircuitInstruction, Scope], None]

_HANDLERS: dict[str, tuple[type, _Handler]] = {
    "barrier": (Barrier, Compiler._nothing),
    "delay": (Delay, Compiler._nothing),
    "store": (Store, Compiler._store),
    "if_else": (IfElseOp, Compiler._if_else),
    "switch_case": (SwitchCaseOp, Compiler._switch),
    "while_loop": (WhileLoopOp, Compiler._while),
    "for_loop": (ForLoopOp, Compiler._for),
    "break_loop": (BreakLoopOp, Compiler._break),
    "continue_loop": (ContinueLoopOp, Compiler._continue),
    "box": (BoxOp, Compiler._box),
}


def _find_handler(name: str, operation: Any) -> _Handler:
    """Return what compiles an operation that is no standard gate."""
    if is_measurement(operation):
        return Compiler._measure
    if is_reset(operation):
        return Compiler._reset
    kind, handler = _HANDLERS.get(name, (object, Compiler._general))
    return handler if isinstance(operation, kind) else Compiler._general


def _free_parameters(circuit: QuantumCircuit) -> set[Parameter]:
    """Return the parameters without a value; Qiskit 2.0 counts the parameters of loops too."""
    if not circuit.num_parameters:
        return set()
    free = set(circuit.parameters)
    for instruction in circuit.data:
        if isinstance(instruction.operation, ControlFlowOp):
            blocks = instruction.operation.blocks
            inside = set().union(*(block.parameters for block in blocks))
            free -= inside - set().union(*(_free_parameters(block) for block in blocks))
            if isinstance(instruction.operation, ForLoopOp):
                free.discard(instruction.operation.params[1])
    return free


def _writes_bits(target: Expression) -> bool:
    return target[0] == "bits" or (target[0] == "index" and _writes_bits(target[1]))
