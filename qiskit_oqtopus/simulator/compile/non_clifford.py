"""What of a circuit the stabilizer engine cannot run, by name and position."""

from __future__ import annotations

from qiskit.circuit import (
    BreakLoopOp,
    CircuitInstruction,
    ContinueLoopOp,
    ControlFlowOp,
    ForLoopOp,
    IfElseOp,
    QuantumCircuit,
    Store,
    SwitchCaseOp,
    WhileLoopOp,
)

from ...exceptions import Problem
from ..classical import ExpressionError
from ..operations import qubits_of
from ..plan import Step
from .builder import Scope
from .clifford import MATRIX_QUBITS, to_gates
from .feedforward import to_parity
from .general import Compiler

_REFUSED = (ForLoopOp, WhileLoopOp, SwitchCaseOp, BreakLoopOp, ContinueLoopOp, Store)

_OTHER = "leave method out, or use another one"

_TRANSPILE = (
    "if its circuit was Clifford before, transpile with optimization_level=1: levels 2 and 3 make "
    f"gates of other angles; otherwise {_OTHER}"
)


def find_non_clifford(circuit: QuantumCircuit, index: int, dt: float | None) -> list[Problem]:
    """Return everything in a circuit that the stabilizer engine cannot run.

    Args:
        circuit: The circuit; it can be compiled.
        index: Its position in the list that is run.
        dt: Duration of one dt in s, or None where it is not known.
    """
    search = _Search(circuit, index, dt)
    search.run()
    return search.problems


class _Search(Compiler):
    """A compilation that looks at what each instruction becomes."""

    _inside = False  # in a definition, whose gates are not those of the circuit
    _nested = False  # under a condition

    def _instruction(self, instruction: CircuitInstruction, scope: Scope) -> None:
        if self._inside:
            super()._instruction(instruction, scope)
            return
        if not instruction.is_standard_gate():
            operation = instruction.operation
            if isinstance(operation, _REFUSED):
                what = "Pauli gates under if_test are all that may depend on classical bits"
                self._refuse(what, _OTHER, instruction, scope)
                return
            if isinstance(operation, IfElseOp):
                self._condition(instruction, scope)
                return
            if isinstance(operation, ControlFlowOp):
                super()._instruction(instruction, scope)
                return
        self._close()
        start = len(self._steps)
        self._inside = True
        super()._instruction(instruction, scope)
        self._inside = False
        self._close()
        if self._nested and not all(map(_is_pauli, self._steps[start:])):
            reason = "under a condition there may only be x, y, z and id"
            self._refuse(reason, _OTHER, instruction, scope)
        elif not all(map(_is_clifford, self._steps[start:])):
            reason = "it is not Clifford, and method='stabilizer' runs nothing else"
            cure = _TRANSPILE
            if any(map(_is_wide, self._steps[start:])):
                reason = f"no matrix on more than {MATRIX_QUBITS} qubits is known to be Clifford"
                cure = f"decompose it, or {_OTHER}"
            self._refuse(reason, cure, instruction, scope)

    def _condition(self, instruction: CircuitInstruction, scope: Scope) -> None:
        try:
            condition = self._lowering(scope).condition(instruction.operation.condition)
        except ExpressionError:
            condition = ("value", 0)  # it is a problem when it is compiled
        if to_parity(condition) is None or self._nested:
            reason = "its condition is neither one bit nor an XOR of bits"
            if self._nested:
                reason = "a condition under another one is an AND of both, and no XOR"
            self._refuse(reason, _OTHER, instruction, scope)
            return
        self._nested = True
        super()._instruction(instruction, scope)
        self._nested = False

    def _refuse(
        self, reason: str, cure: str, instruction: CircuitInstruction, scope: Scope
    ) -> None:
        name = instruction.name
        if (name, reason) in self._said:  # once is enough for all that are the same
            return
        self._said.add((name, reason))
        qubits = tuple([scope.qubits[bit] for bit in instruction.qubits])
        self._problem(reason, cure, name, qubits)


def _is_clifford(step: Step) -> bool:
    if step[0] == "unitary":
        return all(to_gates(operation) is not None for operation in step[1])
    return step[0] in ("measure", "reset")


def _is_wide(step: Step) -> bool:
    return step[0] == "unitary" and any(len(qubits_of(op)) > MATRIX_QUBITS for op in step[1])


def _is_pauli(step: Step) -> bool:
    if step[0] != "unitary":
        return False
    found = [to_gates(operation) for operation in step[1]]
    return all(
        gates is not None and all(name in ("X", "Y", "Z") for name, _ in gates) for gates in found
    )
