"""Compile any circuit to a plan: one pass, active qubits only, all problems found at once.

This is the reference that the faster ways to a plan are tested against.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from qiskit.circuit import (
    Barrier,
    BoxOp,
    BreakLoopOp,
    CircuitInstruction,
    Clbit,
    ContinueLoopOp,
    ControlFlowOp,
    Delay,
    ForLoopOp,
    IfElseOp,
    Measure,
    Parameter,
    QuantumCircuit,
    Reset,
    Store,
    SwitchCaseOp,
    WhileLoopOp,
)
from qiskit.circuit.controlflow import CASE_DEFAULT
from qiskit.exceptions import QiskitError

from ...exceptions import Problem
from ..classical import Expression, ExpressionError, Lowering
from ..operations import encode_standard
from .builder import PlanBuilder, Scope
from .gates import UnsupportedOperation, encode

UNROLL_LIMIT = 4096
"""A for loop of at most this many instructions in all is written out; a longer one is counted."""


_FINITE = "bind parameters to finite numbers"


@dataclass
class Loop:
    """The steps of a loop body that jump: each is filled in when its goal is known."""

    breaks: list[int]
    continues: list[int]


class Compiler(PlanBuilder):
    """The state of one compilation: what an instruction means, and where it jumps.

    Args:
        circuit: The circuit.
        index: Its position in the list that is run, for the problems.
        dt: Duration of one dt in s, or None where it is not known.

    Attributes:
        problems: Everything that is wrong with the circuit.
    """

    def __init__(self, circuit: QuantumCircuit, index: int, dt: float | None) -> None:
        super().__init__(circuit)
        self.index = index
        self.problems: list[Problem] = []
        self._dt = dt
        self._loops: list[Loop] = []
        self._position: int | None = None

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
        for position, instruction in enumerate(
            circuit.data if instructions is None else instructions
        ):
            self._position = position
            self._instruction(instruction, scope)
        self._position = None
        self._close()

    def _add_phase(self, circuit: QuantumCircuit) -> None:
        """Take over the global phase of a circuit or definition."""
        phase = float(circuit.global_phase)
        if math.isfinite(phase):
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
            parameters = [float(value) for value in instruction.params]
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
            kind, handler = _HANDLERS.get(name, (None, Compiler._general))
            if kind is not None and not isinstance(instruction.operation, kind):
                handler = Compiler._general
            handler(self, instruction, scope)
        except (UnsupportedOperation, ExpressionError) as error:
            cure = getattr(error, "cure", "rewrite the expression")
            self._problem(str(error), cure, name, qubits)
        except QiskitError as error:
            self._problem(
                f"Qiskit could not expand it: {error.message}",
                "decompose it, or give it a definition",
                name,
                qubits,
            )

    def _general(self, instruction: CircuitInstruction, scope: Scope) -> None:
        """Compile a gate that is neither standard nor a directive: natively, or by definition."""
        operation = instruction.operation
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
        values, variable, body = instruction.operation.params
        legacy = isinstance(variable, Parameter)
        if legacy and variable not in body.parameters:
            legacy, variable = False, None
        jumps = _jumps(body)
        if not jumps and (legacy or len(values) * max(1, len(body.data)) <= UNROLL_LIMIT):
            for value in values:
                self._iteration(value, variable, body, instruction, scope)
            return
        with self._block():
            if legacy:
                self._unroll(values, variable, body, instruction, scope)
                return
            counter = self._counters
            self._counters += 1
            self._steps.append(("loop", counter))
            slot = None if variable is None else self._lowering(scope).slot(variable)
            start = self._jump()
            self._repeat(body, instruction, scope, start)
            self._steps[start] = ("next", counter, values, slot, self._here())

    def _iteration(
        self,
        value: int,
        variable: Any,
        body: QuantumCircuit,
        instruction: CircuitInstruction,
        scope: Scope,
    ) -> None:
        if isinstance(variable, Parameter):
            body = body.assign_parameters({variable: value})
        elif variable is not None:
            self._flush_all()
            slot = self._lowering(scope).slot(variable)
            self._steps.append(("store", ("var", slot), ("value", value)))
        self._body(body, instruction, scope)

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

    def _box(self, instruction: CircuitInstruction, scope: Scope) -> None:
        self._body(instruction.operation.body, instruction, scope)

    def _nothing(self, instruction: CircuitInstruction, scope: Scope) -> None:
        """Barrier and delay: a noiseless state does not change."""


_HANDLERS: dict[str, tuple[type, Callable[[Compiler, CircuitInstruction, Scope], None]]] = {
    "measure": (Measure, Compiler._measure),
    "reset": (Reset, Compiler._reset),
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


def _jumps(body: QuantumCircuit) -> bool:
    """Whether a loop body has a break or continue of its own, not of a loop inside it."""
    for instruction in body.data:
        operation = instruction.operation
        if isinstance(operation, (BreakLoopOp, ContinueLoopOp)):
            return True
        if isinstance(operation, (IfElseOp, SwitchCaseOp, BoxOp)) and any(
            _jumps(block) for block in operation.blocks
        ):
            return True
    return False


def _is_one_of(target: Expression, labels: tuple[Any, ...]) -> Expression:
    condition: Expression | None = None
    for label in labels:
        equal = ("binary", "EQUAL", None, target, ("value", int(label)))
        condition = equal if condition is None else ("binary", "LOGIC_OR", None, condition, equal)
    return condition if condition is not None else ("value", False)


def _writes_bits(target: Expression) -> bool:
    return target[0] == "bits" or (target[0] == "index" and _writes_bits(target[1]))
