"""What both backends ask of a circuit: to be one, its registers, and values for its parameters."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qiskit.circuit import QuantumCircuit
from qiskit.exceptions import QiskitError

from .exceptions import OqtopusCircuitError, Problem

SECONDS_PER_UNIT = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9, "ps": 1e-12}
"""Units of durations in Qiskit circuits, in s; "dt" is the Target's own."""


def units_per_second(unit: str) -> int:
    """Return how many of a unit of :data:`SECONDS_PER_UNIT` are one second: an exact number.

    Division by it gives the float nearest to the time in s: 24 ns are 24 / 10**9 = 2.4e-08 s.
    Multiplication by 1e-9, which no float holds exactly, does not always.

    >>> units_per_second("ns")
    1000000000
    """
    return round(1 / SECONDS_PER_UNIT[unit])


def circuits_of(run_input: Any, backend_name: str) -> list[QuantumCircuit]:
    """Return the circuits that ``run`` was given.

    Args:
        run_input: A circuit or an iterable of circuits.
        backend_name: Whose ``run`` it is, for the error.

    Raises:
        OqtopusCircuitError: If there is none, or something else among them.
    """
    if isinstance(run_input, QuantumCircuit):
        return [run_input]
    cure = "give run() a QuantumCircuit or a list of them"
    if not isinstance(run_input, Iterable) or isinstance(run_input, (str, bytes)):
        run_input = [run_input]
    circuits = list(run_input)
    if not circuits:
        raise OqtopusCircuitError([Problem(0, "", "there is no circuit", cure)], backend_name)
    problems = [
        Problem(i, type(item).__name__, f"it is not a QuantumCircuit but {item!r:.80}", cure)
        for i, item in enumerate(circuits)
        if not isinstance(item, QuantumCircuit)
    ]
    if problems:
        raise OqtopusCircuitError(problems, backend_name)
    return circuits


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


def creg_sizes(circuit: QuantumCircuit) -> list[list[Any]]:
    """Return [name, size] for each register, as Qiskit uses them to put spaces into bit strings.

    Where the registers do not cover all bits, Qiskit would cut the string and merge different
    outcomes. There, each run of bits outside of registers is listed too, with an empty name.
    """
    sizes: list[list[Any]] = [[register.name, register.size] for register in circuit.cregs]
    if not sizes or sum([size for _, size in sizes]) >= circuit.num_clbits:
        return sizes
    sizes = []
    previous = None
    for bit in circuit.clbits:
        registers = circuit.find_bit(bit).registers
        owner = registers[0][0] if registers else None
        if not sizes or owner != previous:
            sizes.append(["" if owner is None else owner.name, 0])
        sizes[-1][1] += 1
        previous = owner
    return sizes
