"""What an instruction is, whatever it is called: a measurement, a reset, a gate of fixed angles."""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping, Sequence
from numbers import Real
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from qiskit.circuit import (
    CircuitInstruction,
    Gate,
    Instruction,
    Measure,
    ParameterExpression,
    Reset,
)
from qiskit.circuit.library import StatePreparation
from qiskit.quantum_info import Operator
from qiskit.transpiler import Target

Qubits = tuple[int, ...]
Angles = tuple[float | None, ...]
"""The angles of a gate in rad; None is one that may have any value."""

_SAME_ANGLE = 1e-10
"""Angles in rad that differ by less are equal: those of Qiskit's gates are, too."""


class Alias(NamedTuple):
    """A name that a Target has for what is called otherwise in circuits.

    Attributes:
        name: The name in the Target, as "rx_90".
        angles: The angles with which the Target has it.
        places: The qubits on which it is meant; None among them stands for all.
    """

    name: str
    angles: Angles
    places: frozenset[Qubits | None]

    def is_on(self, qubits: Qubits) -> bool:
        """Return whether it is meant on these qubits."""
        return qubits in self.places or None in self.places

    def fits(self, qubits: Qubits, parameters: Sequence[Any]) -> bool:
        """Return whether an operation with these parameters on these qubits is meant."""
        return self.is_on(qubits) and has_angles(self.angles, parameters)


Aliases = Mapping[str, tuple[Alias, ...]]
"""By the name in circuits, the names in the Target."""


def find_aliases(target: Target) -> dict[str, tuple[Alias, ...]]:
    """Return what a Target has under names of its own.

    A name that circuits use comes first: where a Target has ``rx`` of any angle on a qubit,
    ``rx(pi / 2)`` is that there, and not an ``rx_90`` beside it.

    Args:
        target: The Target.
    """
    found: dict[str, tuple[Alias, ...]] = {}
    for name in target.operation_names:
        operation = target.operation_from_name(name)
        if inspect.isclass(operation):
            continue
        called = _name_in_circuits(operation)
        if called == name:
            continue
        known = called in target.operation_names and not any_fixed(
            fixed_angles(target.operation_from_name(called))
        )
        places = frozenset(
            qubits
            for qubits in target[name]
            if not (known and qubits and target.instruction_supported(called, qubits))
        )
        found[called] = (*found.get(called, ()), Alias(name, fixed_angles(operation), places))
    return found


def name_of(instruction: CircuitInstruction) -> str:
    """Return the name of an instruction of a circuit.

    Of measurements and resets with a name of their own, Qiskit tells it nowhere but here.
    """
    name: str = instruction.name
    return str(instruction.operation.name) if name in ("measure", "reset") else name


def _name_in_circuits(operation: Any) -> str:
    # A name that Qiskit's own measurement or reset was given may be lost when it is compiled.
    for kind, name in ((Measure, "measure"), (Reset, "reset")):
        if getattr(operation, "base_class", None) is kind:
            return name
    return str(operation.name)


def fixed_angles(operation: Any) -> Angles:
    """Return the angles with which a Target has a gate.

    What is no angle is any: the label or the amplitudes of a state, the duration of a delay. So is
    all of an operation of any size, of which a Target has the class.

    >>> from qiskit.circuit import Parameter
    >>> from qiskit.circuit.library import Initialize, RGate
    >>> fixed_angles(RGate(0.5, Parameter("phi"))), fixed_angles(Initialize("-"))
    ((0.5, None), (None,))
    """
    if inspect.isclass(operation):
        return ()
    if not isinstance(operation, Gate) or isinstance(operation, StatePreparation):
        return (None,) * len(operation.params)
    return tuple([_number(value) for value in operation.params])


def _number(value: Any) -> float | None:
    if isinstance(value, ParameterExpression):
        return None if value.parameters else float(value)
    return float(value) if isinstance(value, Real) else None


def any_fixed(angles: Angles) -> bool:
    """Return whether any of the angles has one value only."""
    return any(angle is not None for angle in angles)


def has_angles(angles: Angles, parameters: Sequence[Any]) -> bool:
    """Return whether the parameters of an operation are the angles of a Target's.

    >>> has_angles((0.5, None), [0.5, 2.0]), has_angles((0.5,), [0.6])
    (True, False)
    """
    if not any_fixed(angles):
        return True
    if len(angles) != len(parameters):
        return False
    for angle, value in zip(angles, map(_number, parameters), strict=True):
        if angle is not None and (value is None or abs(value - angle) > _SAME_ANGLE):
            return False
    return True


def is_measurement(operation: Any) -> bool:
    """Return whether an operation measures one qubit in the basis of 0 and 1.

    That is a ``Measure`` of any subclass, and what the Targets of IBM have as ``measure_2``: an
    ``Instruction`` that says nothing of itself. What has a definition is what this says.

    Args:
        operation: An operation of a circuit or a Target, or its class.
    """
    return _is_a(operation, Measure, "measure", 1)


def is_reset(operation: Any) -> bool:
    """Return whether an operation brings one qubit to 0, as :func:`is_measurement` does."""
    return _is_a(operation, Reset, "reset", 0)


def is_measured_reset(operation: Any) -> bool:
    """Return whether an operation is what IBM calls ``measure_reset``: one after the other."""
    if not is_readout(operation) or operation.definition is not None:
        return False
    return re.fullmatch(r"measure_reset(_\d+)?", operation.name) is not None


def _is_a(operation: Any, kind: type, word: str, num_clbits: int) -> bool:
    if not isinstance(operation, Instruction) or isinstance(operation, Gate):
        return False
    if not (isinstance(operation, kind) or re.fullmatch(rf"{word}_\d+", operation.name)):
        return False
    shape = (operation.num_qubits, operation.num_clbits)
    return shape == (1, num_clbits) and operation.definition is None


def is_readout(operation: Any) -> bool:
    """Return whether a Target's operation reads one qubit into one bit, in whatever basis.

    Args:
        operation: An operation of a Target, or its class.
    """
    if not isinstance(operation, Instruction):
        return False
    return (operation.num_qubits, operation.num_clbits) == (1, 1)


def says_what_it_does(operation: Any) -> bool:
    """Return whether an operation of a circuit can be simulated by what it says of itself."""
    if not isinstance(operation, Instruction):
        return True  # Clifford and the like
    if is_measurement(operation) or is_reset(operation) or is_measured_reset(operation):
        return True
    return operation.definition is not None or own_matrix(operation) is not None


def own_matrix(operation: Instruction) -> NDArray[np.complex128] | None:
    """Return the matrix that an operation states for itself, or None.

    IQM's ``MoveGate`` has it as ``unitary``.
    """
    if hasattr(operation, "__array__"):
        return np.asarray(operation.__array__(dtype=complex))
    matrix = getattr(operation, "unitary", None)
    return np.asarray(matrix.data) if isinstance(matrix, Operator) else None
