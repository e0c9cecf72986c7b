"""Binding the parameters of a circuit to values (pure)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from qiskit.circuit import QuantumCircuit
from qiskit.exceptions import QiskitError

UNBINDABLE = (ArithmeticError, TypeError, ValueError, RuntimeError, QiskitError)
"""What Qiskit raises where an expression of parameters has no real value: 1/x for 0, the root of
-1, the logarithm of 0."""


class UnboundError(ValueError):
    """An expression of parameters has no value for a set of values of the parameters.

    Args:
        number: Which set, in C order.
        error: What was raised when parameters were bound to it, or what is wrong with the value.
    """

    def __init__(self, number: int, error: Exception | str) -> None:
        self.number = number
        text = error.message if isinstance(error, QiskitError) else str(error)
        self.why = text or type(error).__name__
        super().__init__(self.at(str(number)))

    def at(self, place: str) -> str:
        """Return what is wrong, for a set that is called otherwise.

        >>> UnboundError(3, ZeroDivisionError("division by zero")).at("(1, 1)")
        'an expression of its parameters has no value for parameter set (1, 1) (division by zero)'
        """
        return (
            f"an expression of its parameters has no value for parameter set {place} ({self.why})"
        )


def bound_to(circuit: QuantumCircuit, parameters: NDArray[np.float64]) -> list[QuantumCircuit]:
    """Return a circuit with values for its parameters, for each set of them.

    Args:
        circuit: The circuit.
        parameters: Shape (sets, parameters), in the order of ``circuit.parameters``.

    Raises:
        UnboundError: If an expression of parameters has no value for a set.
    """
    names = list(circuit.parameters)
    circuits = []
    for number, row in enumerate(parameters.tolist()):
        try:
            bound = circuit.assign_parameters(dict(zip(names, row, strict=True)))
        except UNBINDABLE as error:
            raise UnboundError(number, error) from error
        bound.name = circuit.name  # Qiskit counts the copies in their names
        circuits.append(bound)
    return circuits
