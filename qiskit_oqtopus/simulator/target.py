"""Targets: the one of an ideal simulator, and what a Target does not support."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any

from qiskit.circuit import (
    Barrier,
    BoxOp,
    BreakLoopOp,
    ContinueLoopOp,
    ControlFlowOp,
    ForLoopOp,
    IfElseOp,
    ParameterExpression,
    QuantumCircuit,
    Store,
    SwitchCaseOp,
    WhileLoopOp,
)
from qiskit.circuit.library import (
    DiagonalGate,
    Initialize,
    MCPhaseGate,
    MCXGate,
    PauliEvolutionGate,
    PauliGate,
    PermutationGate,
    StatePreparation,
    UnitaryGate,
    get_standard_gate_name_mapping,
)
from qiskit.transpiler import Target

from ..exceptions import Problem

OPERATIONS_OF_ANY_SIZE = {
    "unitary": UnitaryGate,
    "diagonal": DiagonalGate,
    "permutation": PermutationGate,
    "initialize": Initialize,
    "state_preparation": StatePreparation,
    "pauli": PauliGate,
    "PauliEvolution": PauliEvolutionGate,
    "mcx": MCXGate,
    "mcphase": MCPhaseGate,
    "if_else": IfElseOp,
    "for_loop": ForLoopOp,
    "while_loop": WhileLoopOp,
    "switch_case": SwitchCaseOp,
    "break_loop": BreakLoopOp,
    "continue_loop": ContinueLoopOp,
    "box": BoxOp,
    "store": Store,
}
"""Operations without a fixed number of qubits, by Qiskit's own names."""


def ideal_target(num_qubits: int) -> Target:
    """Return a Target on which all operations are perfect, instant and act on any qubits.

    Args:
        num_qubits: Number of qubits.

    Returns:
        A Target without couplings, durations, errors or dt.
    """
    target = Target(description="Ideal qubits, all-to-all", num_qubits=num_qubits)
    for name, operation in get_standard_gate_name_mapping().items():
        target.add_instruction(operation, None, name=name)
    for name, operation in OPERATIONS_OF_ANY_SIZE.items():
        target.add_instruction(operation, None, name=name)
    return target


def widen(target: Target, num_qubits: int) -> Target:
    """Return a Target of global operations, which has no number of qubits, with a number of qubits.

    Args:
        target: A Target whose ``num_qubits`` is None or 0, so that no operation names qubits.
        num_qubits: Number of qubits.
    """
    result = Target(
        description=target.description,
        num_qubits=num_qubits,
        dt=target.dt,
        granularity=target.granularity,
        min_length=target.min_length,
        pulse_alignment=target.pulse_alignment,
        acquire_alignment=target.acquire_alignment,
    )
    for name in target.operation_names:
        result.add_instruction(target.operation_from_name(name), None, name=name)
    return result


_ALWAYS = (Barrier, Store, BreakLoopOp, ContinueLoopOp)
"""Operations that need no hardware. Break and continue stand in loops, which are checked."""

_COMPILE = "compile it with transpile(circuit, backend)"


def find_unsupported(
    circuits: Sequence[QuantumCircuit], target: Target, estimated: bool = False
) -> list[Problem]:
    """Return everything in circuits that a Target does not have, or not on these qubits.

    Args:
        circuits: The circuits.
        target: What a device can do.
        estimated: Not used: whether something is measured is no question of support.
    """
    checker = _Checker(target)
    for index, circuit in enumerate(circuits):
        checker.check(index, circuit)
    return checker.problems


class _Checker:
    def __init__(self, target: Target) -> None:
        self.problems: list[Problem] = []
        self._target = target
        self._supported: set[tuple[str, tuple[int, ...]]] = set()  # standard gates, of any angles
        self._where: tuple[int, str, int | None] = (0, "", None)

    def check(self, index: int, circuit: QuantumCircuit) -> None:
        """Add the problems of a circuit."""
        self._where = (index, circuit.name, None)
        size = self._target.num_qubits
        if size and circuit.num_qubits > size:
            reason = f"it has {circuit.num_qubits} qubits and the device has {size}"
            self.problems.append(Problem(index, circuit.name, reason, _COMPILE))
            return
        places = {bit: i for i, bit in enumerate(circuit.qubits)}
        for position, instruction in enumerate(circuit.data):
            self._where = (index, circuit.name, position)
            self._instruction(instruction, places)

    def _instruction(self, instruction: Any, places: dict[Any, int]) -> None:
        qubits = tuple([places[bit] for bit in instruction.qubits])
        name = instruction.name
        if instruction.is_standard_gate():
            if (name, qubits) in self._supported or self._has(instruction, qubits):
                return
        else:
            operation = instruction.operation
            if isinstance(operation, ControlFlowOp):
                for block in operation.blocks:
                    inner = dict(zip(block.qubits, qubits, strict=True))
                    for each in block.data:
                        self._instruction(each, inner)
            if isinstance(operation, _ALWAYS) or self._has(instruction, qubits):
                return
        self._refuse(name, qubits)

    def _has(self, instruction: Any, qubits: tuple[int, ...]) -> bool:
        """Whether the Target has this very operation on these qubits, not just one of its name."""
        target, name = self._target, instruction.name
        if name not in target.operation_names:
            return False
        known = target.operation_from_name(name)
        if inspect.isclass(known):
            same, fixed = isinstance(instruction.operation, known), False
        else:
            base = getattr(instruction.operation, "base_class", type(instruction.operation))
            same = base is getattr(known, "base_class", type(known))
            fixed = not all(isinstance(value, ParameterExpression) for value in known.params)
            if same and fixed:
                same = instruction.operation == known
        if not (same and target.instruction_supported(name, qubits)):
            return False
        if instruction.is_standard_gate() and not fixed:
            self._supported.add((name, qubits))
        return True

    def _refuse(self, name: str, qubits: tuple[int, ...]) -> None:
        index, circuit, position = self._where
        target = self._target
        if name in target.operation_names and target.instruction_supported(name, qubits):
            reason = f"it is not the {name} of the device, but another of the same name"
        elif name not in target.operation_names:
            reason = f"the device has no such operation, only {', '.join(target.operation_names)}"
        elif len(qubits) == 2 and target.instruction_supported(name, qubits[::-1]):
            reason = "the device couples these qubits in the other direction only"
        elif len(qubits) == 2:
            reason = "the device does not couple these qubits"
        else:
            reason = "the device does not have it on " + (
                "this qubit" if len(qubits) == 1 else "these qubits"
            )
        self.problems.append(Problem(index, circuit, reason, _COMPILE, name, position, qubits))
