"""Targets: the one of an ideal simulator, and one that is made wider."""

from __future__ import annotations

from qiskit.circuit import (
    BoxOp,
    BreakLoopOp,
    ContinueLoopOp,
    ForLoopOp,
    IfElseOp,
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
