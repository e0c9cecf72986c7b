"""What both backends need of circuits: units of time, registers, parameters, result headers."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterable, Mapping, Sequence
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qiskit.circuit import Delay, QuantumCircuit
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


def seconds_of(delay: Delay, dt: float | None) -> float | None:
    """Return the duration of a delay in s.

    Args:
        delay: The delay.
        dt: Duration of one dt in s, or None where it is not known.

    Returns:
        None if it has no number, an unknown unit, or is no time (infinite, NaN, negative).

    >>> seconds_of(Delay(2, "ms"), None), seconds_of(Delay(4), 0.5), seconds_of(Delay(4), None)
    (0.002, 2.0, None)
    """
    duration: Any = delay.duration
    scale = dt if delay.unit == "dt" else SECONDS_PER_UNIT.get(delay.unit)
    if scale is None:
        return None
    # A bound ParameterExpression is a number too. To ask for int and float first is faster.
    if not isinstance(duration, (float, int, Real)):
        try:
            duration = float(duration)
        except TypeError:
            return None
    seconds = float(duration) * scale
    return seconds if 0 <= seconds < math.inf else None


def circuits_of(run_input: Any, backend_name: str) -> list[QuantumCircuit]:
    """Return the circuits that ``run`` was given.

    Args:
        run_input: A circuit or an iterable of circuits.
        backend_name: Name of the backend, for the error.

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
        """Return what is wrong, for a set that the user knows by another name.

        >>> UnboundError(3, ZeroDivisionError("division by zero")).at("(1, 1)")
        'an expression of its parameters has no value for parameter set (1, 1) (division by zero)'
        """
        return (
            f"an expression of its parameters has no value for parameter set {place} ({self.why})"
        )


def bind_parameters(
    circuit: QuantumCircuit, parameters: NDArray[np.float64]
) -> list[QuantumCircuit]:
    """Return copies of a circuit, one for each set of values of its parameters.

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
    outcomes. In that case each run of bits outside of registers is listed too, with an empty name.
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


MEASURED_QUBITS = "measured_qubits"
"""Key of a result's header: (classical bit, qubit of the device that it was measured on) of each
measured bit, ascending. It is there where each bit is measured once, on qubits of a device."""


def describe_measured_qubits(circuit: QuantumCircuit) -> dict[str, list[list[int]]]:
    """Return the entry :data:`MEASURED_QUBITS` of a header.

    Returns:
        Nothing if a bit is written more than once, or by control flow.
    """
    qubits = {bit: index for index, bit in enumerate(circuit.qubits)}
    clbits = {bit: index for index, bit in enumerate(circuit.clbits)}
    found: dict[int, int] = {}
    for item in circuit.data:
        if item.name == "measure" and clbits[item.clbits[0]] not in found:
            found[clbits[item.clbits[0]]] = qubits[item.qubits[0]]
        elif item.clbits:
            return {}
    return {MEASURED_QUBITS: [[clbit, found[clbit]] for clbit in sorted(found)]}


def result_header(
    name: str,
    qregs: Iterable[Sequence[Any]],
    cregs: Iterable[Sequence[Any]],
    n_qubits: int,
    n_clbits: int,
    global_phase: float,
    metadata: Mapping[str, Any] | None,
) -> dict[str, Any]:
    """Return the header of a circuit's result, with the keys that Aer's has.

    Args:
        name: Name of the circuit.
        qregs: (name, size) of each quantum register.
        cregs: (name, size) of each classical register, see :func:`creg_sizes`.
        n_qubits: Number of qubits.
        n_clbits: Number of classical bits.
        global_phase: In rad.
        metadata: Metadata of the circuit. They are copied: what a caller does to a result must not
            change what the next one says.
    """
    return {
        "name": name,
        "creg_sizes": [list(register) for register in cregs],
        "memory_slots": n_clbits,
        "n_qubits": n_qubits,
        "qreg_sizes": [list(register) for register in qregs],
        "global_phase": global_phase,
        "metadata": copy.deepcopy(metadata) if metadata else {},
    }
