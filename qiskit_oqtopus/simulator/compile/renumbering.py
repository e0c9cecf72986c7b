"""Steps and operations with other numbers of their qubits, classical bits and goals."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence

from ..classical import Expression
from ..operations import TWO_QUBIT_GATES, Operation
from ..plan import Step


def renumber(
    step: Step, qubits: Mapping[int, int], clbits: Mapping[int, int], kept: Sequence[int]
) -> Step:
    """Return a step with the numbers of a part.

    Args:
        step: The step, with the numbers of the plan.
        qubits: The number of each qubit in the part.
        clbits: The number of each classical bit in the part.
        kept: The steps of the plan that the part has, ascending.
    """
    name = step[0]
    if name == "unitary":
        return (name, tuple([move(operation, qubits) for operation in step[1]]), step[2])
    if name == "gate":
        return (name, step[1], tuple([qubits[qubit] for qubit in step[2]]), step[3])
    if name == "measure":
        qubit = None if step[1] is None else qubits[step[1]]
        return (name, qubit, tuple([clbits[clbit] for clbit in step[2]]))
    if name == "reset":
        return (name, qubits[step[1]])
    if name == "misread":
        return (name, clbits[step[1]], *step[2:])
    if name == "store":
        return (name, _translate(step[1], clbits), _translate(step[2], clbits))
    if name == "jump":
        return (name, bisect_left(kept, step[1]))
    if name == "unless":
        return (name, _translate(step[1], clbits), bisect_left(kept, step[2]))
    if name == "next":
        return (*step[:4], bisect_left(kept, step[4]))
    return step


def _translate(expression: Expression, clbits: Mapping[int, int]) -> Expression:
    name = expression[0]
    if name == "bits":
        return (name, tuple([clbits[clbit] for clbit in expression[1]]))
    if name == "value":
        return expression
    return tuple(
        [_translate(item, clbits) if isinstance(item, tuple) else item for item in expression]
    )


def move(operation: Operation, places: Mapping[int, int]) -> Operation:
    """Return an operation on other qubits."""
    name, first = operation[0], operation[1]
    if isinstance(first, int):
        if name in TWO_QUBIT_GATES:
            return (name, places[first], places[operation[2]])
        return (name, places[first], *operation[2:])
    qubits = tuple([places[qubit] for qubit in first])
    if name == "matrix":
        controls = tuple([places[qubit] for qubit in operation[3]])
        return (name, qubits, operation[2], controls, operation[4])
    return (name, qubits, *operation[2:])
