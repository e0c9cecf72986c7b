"""What goes wrong when parameters are bound to values (pure)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from qiskit.circuit import QuantumCircuit
from qiskit.exceptions import QiskitError

UNBINDABLE = (ArithmeticError, TypeError, ValueError, RuntimeError, QiskitError)
"""What Qiskit raises where an expression of parameters has no real value: 1/x for 0, the root of
-1, the logarithm of 0."""


class UnboundError(ValueError):
    """An expression of parameters has no value for a set of values of the parameters."""


def no_value(place: str, error: Exception) -> str:
    """Return what is wrong with a parameter set.

    Args:
        place: Which one it is.
        error: What was raised when parameters were bound to it.

    >>> no_value("3", ZeroDivisionError("division by zero"))
    'an expression of its parameters has no value for parameter set 3 (division by zero)'
    """
    text = error.message if isinstance(error, QiskitError) else str(error)
    return (
        f"an expression of its parameters has no value for parameter set {place} "
        f"({text or type(error).__name__})"
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
            raise UnboundError(no_value(str(number), error)) from error
        bound.name = circuit.name  # Qiskit counts the copies in their names
        circuits.append(bound)
    return circuits
