"""Compiling control flow: blocks that may be skipped or repeated, and the jumps between them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from qiskit.circuit import (
    BoxOp,
    BreakLoopOp,
    CircuitInstruction,
    Clbit,
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
    SwitchCaseOp,
)
from qiskit.circuit.controlflow import CASE_DEFAULT

from ..classical import Expression, Lowering
from .builder import PlanBuilder, Scope
from .gates import UnsupportedOperation

WRITTEN_SIZE = 8192
"""The for loops of a circuit are written out up to this many instructions in all, which is faster
to run; the others are counted while the circuit runs."""

BOUND_ITERATIONS = 4096
"""Loops that must be written out have at most this many iterations in all."""


@dataclass
class Loop:
    """The steps of a loop body that jump: each is filled in when its goal is known."""

    breaks: list[int]
    continues: list[int]


class ControlFlow(PlanBuilder):
    """The part of a compilation that knows where the circuit jumps.

    Args:
        circuit: The circuit.
        dt: Duration of one dt in s, or None where it is not known.
    """

    _timeless: tuple[type, ...] = (Delay,)
    """Operations that do nothing, whatever their parameters are."""

    def __init__(self, circuit: QuantumCircuit, dt: float | None) -> None:
        super().__init__(circuit)
        self._dt = dt
        self._loops: list[Loop] = []
        self._places: dict[Parameter, int] = {}  # the slot of each counted loop around
        self._values: dict[Parameter, Any] = {}  # the value in each loop that is written out
        self._room = WRITTEN_SIZE
        self._bindings = 0

    def _inline(
        self, body: QuantumCircuit, qubits: tuple[int, ...], clbits: tuple[int, ...]
    ) -> None:
        """Compile the instructions of a block or definition, for these bits of the circuit."""
        raise NotImplementedError

    # -- control flow ---------------------------------------------------------------------------

    def _lowering(self, scope: Scope) -> Lowering:
        return Lowering(lambda bit: self._clbit(bit, scope), self._slots, self._dt)

    def _clbit(self, bit: Clbit, scope: Scope) -> int:
        """Return the outermost index of a clbit; blocks may name bits of the outer circuit."""
        found = scope.clbits.get(bit)
        if found is None:
            location: int = self.circuit.find_bit(bit).index
            return location
        return found

    @contextmanager
    def _block(self) -> Iterator[None]:
        """Compile something that may run any number of times: nothing is known before or after."""
        self._flush_all()
        self._zero.clear()
        self._conditional += 1
        yield
        self._close()
        self._conditional -= 1
        self._zero.clear()

    def _body(self, body: QuantumCircuit, instruction: CircuitInstruction, scope: Scope) -> None:
        self._inline(
            body,
            tuple(scope.qubits[bit] for bit in instruction.qubits),
            tuple(scope.clbits[bit] for bit in instruction.clbits),
        )

    def _jump(self) -> int:
        """Reserve a step whose goal is not known yet; return its position."""
        self._close()
        self._steps.append(())
        return len(self._steps) - 1

    def _here(self) -> int:
        self._close()
        return len(self._steps)

    def _if_else(self, instruction: CircuitInstruction, scope: Scope) -> None:
        operation = instruction.operation
        true_body, false_body = operation.params
        condition = self._lowering(scope).condition(operation.condition)
        with self._block():
            unless = self._jump()
            self._body(true_body, instruction, scope)
            if false_body is not None:
                end = self._jump()
                self._steps[unless] = ("unless", condition, self._here())
                self._zero.clear()
                self._body(false_body, instruction, scope)
                self._steps[end] = ("jump", self._here())
            else:
                self._steps[unless] = ("unless", condition, self._here())

    def _switch(self, instruction: CircuitInstruction, scope: Scope) -> None:
        operation = instruction.operation
        target = self._lowering(scope).target(operation.target)
        ends = []
        with self._block():
            for labels, body in operation.cases_specifier():
                self._zero.clear()
                if CASE_DEFAULT in labels:
                    self._body(body, instruction, scope)
                    break
                unless = self._jump()
                self._body(body, instruction, scope)
                ends.append(self._jump())
                self._steps[unless] = ("unless", _is_one_of(target, labels), self._here())
            for end in ends:
                self._steps[end] = ("jump", self._here())

    def _while(self, instruction: CircuitInstruction, scope: Scope) -> None:
        operation = instruction.operation
        condition = self._lowering(scope).condition(operation.condition)
        with self._block():
            unless = self._jump()
            self._repeat(operation.blocks[0], instruction, scope, unless)
            self._steps[unless] = ("unless", condition, self._here())

    def _repeat(
        self, body: QuantumCircuit, instruction: CircuitInstruction, scope: Scope, start: int
    ) -> None:
        """Compile a loop body that goes back to the step ``start``; the loop ends behind it."""
        loop = Loop([], [])
        self._loops.append(loop)
        self._body(body, instruction, scope)
        self._loops.pop()
        back = self._jump()
        for step in (back, *loop.continues):
            self._steps[step] = ("jump", start)
        for step in loop.breaks:
            self._steps[step] = ("jump", self._here())

    def _for(self, instruction: CircuitInstruction, scope: Scope) -> None:
        """Compile a loop: written out if it is short or no plan can hold it, else counted."""
        values, variable, body = instruction.operation.params
        number = len(values)
        if isinstance(variable, Parameter) and variable not in body.parameters:
            variable = None
        bound = isinstance(variable, Parameter)
        dependent = _find_dependent(variable, body, self._timeless) if bound else None
        if dependent is not None:
            self._bindings += number
            if self._bindings > BOUND_ITERATIONS:
                raise UnsupportedOperation(
                    f"its body must be written out {number:,} times, since its {dependent!r} "
                    "depends on the parameter of the loop and is no standard gate; the loops of "
                    f"a circuit are written out at most {BOUND_ITERATIONS:,} times in that way",
                    "use standard gates, which need not be written out, or fewer iterations",
                )
        leaves = _leaves(body)
        size = number * _size(body, {})
        if dependent is None and (leaves or size > self._room):
            self._count_iterations(values, variable, body, instruction, scope)
        elif leaves:
            with self._block():
                self._unroll(values, variable, body, instruction, scope)
        else:
            left = self._room - size
            if dependent is None:
                self._room = size  # loops inside are part of it
            for value in values:
                self._iteration(value, variable, body, instruction, scope)
            if dependent is None:
                self._room = left

    def _count_iterations(
        self,
        values: Any,
        variable: Any,
        body: QuantumCircuit,
        instruction: CircuitInstruction,
        scope: Scope,
    ) -> None:
        """Compile a loop as steps that go back to its beginning."""
        with self._block():
            counter = self._counters
            self._counters += 1
            self._steps.append(("loop", counter))
            slot = None
            around = dict(self._places), dict(self._values)
            if isinstance(variable, Parameter):
                # A slot of its own: a loop inside may have the same parameter.
                slot = self._slots.setdefault(("for", counter), len(self._slots))
                self._places[variable] = slot
                self._values.pop(variable, None)
            elif variable is not None:
                slot = self._lowering(scope).slot(variable)
            start = self._jump()
            self._repeat(body, instruction, scope, start)
            self._steps[start] = ("next", counter, values, slot, self._here())
            self._places, self._values = around

    def _iteration(
        self,
        value: int,
        variable: Any,
        body: QuantumCircuit,
        instruction: CircuitInstruction,
        scope: Scope,
    ) -> None:
        around = dict(self._places), dict(self._values)
        if isinstance(variable, Parameter):
            self._places.pop(variable, None)
            self._values[variable] = value
        elif variable is not None:
            self._flush_all()
            slot = self._lowering(scope).slot(variable)
            self._steps.append(("store", ("var", slot), ("value", value)))
        self._body(body, instruction, scope)
        self._places, self._values = around

    def _unroll(
        self,
        values: Any,
        variable: Parameter,
        body: QuantumCircuit,
        instruction: CircuitInstruction,
        scope: Scope,
    ) -> None:
        """Write out a loop with break or continue whose body depends on a loop Parameter."""
        breaks: list[int] = []
        for value in values:
            loop = Loop(breaks, [])
            self._loops.append(loop)
            self._iteration(value, variable, body, instruction, scope)
            self._loops.pop()
            for step in loop.continues:
                self._steps[step] = ("jump", self._here())
            self._zero.clear()
        for step in breaks:
            self._steps[step] = ("jump", self._here())

    def _break(self, instruction: CircuitInstruction, scope: Scope) -> None:
        self._leave("breaks")

    def _continue(self, instruction: CircuitInstruction, scope: Scope) -> None:
        self._leave("continues")

    def _leave(self, how: str) -> None:
        if not self._loops:
            raise UnsupportedOperation("it stands outside a loop", "put it inside a loop body")
        getattr(self._loops[-1], how).append(self._jump())


def _leaves(body: QuantumCircuit) -> bool:
    """Whether a loop body has a break or continue of its own, not of a loop inside it."""
    for instruction in body.data:
        operation = instruction.operation
        if isinstance(operation, (BreakLoopOp, ContinueLoopOp)):
            return True
        if isinstance(operation, (IfElseOp, SwitchCaseOp, BoxOp)) and any(
            _leaves(block) for block in operation.blocks
        ):
            return True
    return False


def _is_one_of(target: Expression, labels: tuple[Any, ...]) -> Expression:
    condition: Expression | None = None
    for label in labels:
        equal = ("binary", "EQUAL", None, target, ("value", int(label)))
        condition = equal if condition is None else ("binary", "LOGIC_OR", None, condition, equal)
    return condition if condition is not None else ("value", False)


def _find_dependent(
    variable: Parameter, body: QuantumCircuit, timeless: tuple[type, ...]
) -> str | None:
    """Return the name of an operation that depends on a parameter and is no standard gate."""
    for instruction in body.data:
        if instruction.is_standard_gate():
            continue
        operation = instruction.operation
        found = None
        if isinstance(operation, ControlFlowOp):
            parts = [_find_dependent(variable, block, timeless) for block in operation.blocks]
            found = next((part for part in parts if part is not None), None)
        elif isinstance(operation, timeless) or not _depends(operation, variable):
            continue
        elif type(operation) in (Gate, Instruction) and operation.definition is not None:
            found = _find_dependent(variable, operation.definition, timeless)
        else:
            found = operation.name
        if found is not None:
            return found
    return None


def _depends(operation: Any, variable: Parameter) -> bool:
    return any(
        isinstance(value, ParameterExpression) and variable in value.parameters
        for value in getattr(operation, "params", ())
    )


def _size(body: QuantumCircuit, known: dict[int, int]) -> int:
    """Return the number of instructions of a block if everything in it is written out.

    Args:
        body: The block.
        known: The sizes of definitions that were met before, by their identity.
    """
    size = 0
    for instruction in body.data:
        if instruction.is_standard_gate():
            size += 1
            continue
        operation = instruction.operation
        if isinstance(operation, ControlFlowOp):
            number = len(operation.params[0]) if isinstance(operation, ForLoopOp) else 1
            size += 1 + number * sum(_size(block, known) for block in operation.blocks)
        elif type(operation) in (Gate, Instruction) and operation.definition is not None:
            definition = operation.definition
            if id(definition) not in known:
                known[id(definition)] = _size(definition, known)
            size += known[id(definition)]
        else:
            size += 1
    return size
