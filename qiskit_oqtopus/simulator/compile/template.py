"""A circuit with parameters, compiled once for many sets of values.

What does not depend on the values is compiled once; the angles of all sets are computed as arrays,
and so are the products of neighbouring one-qubit gates, of which one matrix is left to apply.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import repeat
from math import pi
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qiskit.circuit import QuantumCircuit

from ...circuits import UNBINDABLE
from ..angle import Angle, Angles, angle_of
from ..operations import (
    ROTATION_GATES,
    Matrix,
    Operation,
    encode_standard,
    matrix_of,
    qubits_of,
)
from ..plan import Plan
from .straight import compile_straight

Gate = tuple[str, tuple[int, ...], tuple[Any, ...]]
"""Name, plan qubits, and a float or :class:`Angle` for each of its angles."""


Step = tuple[Any, ...]
"""One step of a template:

==========================  ====================================================================
step                        meaning
==========================  ====================================================================
("operation", operation)    an operation, the same for all sets
("gate", gate)              a gate on several qubits with angles
("run", qubit, factors)     neighbouring one-qubit gates, in order of application: each a matrix of
                            shape (2, 2) or a gate with angles
==========================  ====================================================================
"""


@dataclass(frozen=True)
class Template:
    """A circuit with parameters, compiled; it pickles.

    Attributes:
        plan: The circuit without its operations.
        steps: What is applied.
    """

    plan: Plan
    steps: tuple[Step, ...]

    def plans(self, values: NDArray[np.float64]) -> list[Plan]:
        """Return the plan for each set of values; global phases are left out.

        Args:
            values: Shape (sets, parameters), in the order of ``circuit.parameters``.

        Raises:
            UnboundError: If an angle has no finite value for a set.
        """
        with np.errstate(over="ignore", invalid="ignore"):  # values that are not finite are found
            columns = [_column(step, values) for step in self.steps]
        if not columns:
            return [self.plan] * len(values)
        return [
            self.plan._replace(steps=(("unitary", operations, 0.0),))
            for operations in zip(*columns, strict=False)
        ]


def compile_template(circuit: QuantumCircuit, values: Sequence[float]) -> Template | None:
    """Compile a circuit of standard gates, unitaries and terminal measurements.

    Args:
        circuit: The circuit.
        values: One of the sets that it will be run for: a circuit need not have a value for others.

    Returns:
        The template, or None if there is anything else in the circuit, if anything else than a
        standard gate has a parameter, or if the circuit has no value for the set.
    """
    parameters = list(circuit.parameters)
    bindings = dict(zip(parameters, values, strict=True))
    try:
        example = circuit.assign_parameters(bindings)
    except UNBINDABLE:
        return None
    plan = None
    if not example.num_parameters and not example.num_input_vars:
        plan = compile_straight(example, example.data, 0.0)
    if plan is None:
        return None
    places = {parameter: i for i, parameter in enumerate(parameters)}
    builder = _Builder({circuit.qubits[qubit]: i for i, qubit in enumerate(plan.qubits)})
    for instruction in circuit.data:
        if instruction.is_parameterized():
            if not instruction.is_standard_gate():
                return None
            if not instruction.qubits:  # a global phase
                continue
            angles = tuple([angle_of(value, places) for value in instruction.params])
            builder.gate((instruction.name, builder.places(instruction), angles))
        elif instruction.is_standard_gate():
            values = [float(value) for value in instruction.params]
            qubits = builder.places(instruction)
            builder.operations(encode_standard(instruction.name, qubits, values, instruction)[0])
        elif instruction.name == "unitary":
            builder.operations(
                [("matrix", builder.places(instruction), instruction.matrix, (), ())]
            )
    return Template(plan._replace(steps=()), builder.finish())


class _Builder:
    """Collects the steps of a template: runs of one-qubit gates are held back until they end."""

    def __init__(self, active: dict[Any, int]) -> None:
        self._active = active
        self._steps: list[Step] = []
        self._runs: dict[int, list[Operation | Gate]] = {}

    def places(self, instruction: Any) -> tuple[int, ...]:
        return tuple([self._active.get(bit, -1) for bit in instruction.qubits])

    def gate(self, gate: Gate) -> None:
        qubits = gate[1]
        if len(qubits) == 1:
            self._runs.setdefault(qubits[0], []).append(gate)
        else:
            self._end(qubits)
            self._steps.append(("gate", gate))

    def operations(self, operations: Sequence[Operation]) -> None:
        for operation in operations:
            qubits = qubits_of(operation)
            if len(qubits) == 1:
                self._runs.setdefault(qubits[0], []).append(operation)
            else:
                self._end(qubits)
                self._steps.append(("operation", operation))

    def finish(self) -> tuple[Step, ...]:
        self._end(tuple(self._runs))
        return tuple(self._steps)

    def _end(self, qubits: tuple[int, ...]) -> None:
        for qubit in qubits:
            run = self._runs.pop(qubit, None)
            if run is not None:
                self._steps.append(_to_step(qubit, run))


def _to_step(qubit: int, run: list[Operation | Gate]) -> Step:
    """Return a run as a step; fixed neighbours are multiplied at once."""
    if len(run) == 1 and not _has_angles(run[0]):
        return ("operation", run[0])
    factors: list[Matrix | Gate] = []
    for item in run:
        if _has_angles(item):
            factors.append(item)
            continue
        matrix = matrix_of(item)[1]
        if factors and isinstance(factors[-1], np.ndarray):
            factors[-1] = matrix @ factors[-1]
        else:
            factors.append(matrix)
    if len(factors) == 1 and isinstance(factors[0], np.ndarray):
        return ("operation", ("matrix", (qubit,), factors[0], (), ()))
    return ("run", qubit, tuple(factors))


def _has_angles(item: Operation | Gate) -> bool:
    return len(item) == 3 and isinstance(item[2], tuple) and isinstance(item[1], tuple)


def _column(step: Step, values: NDArray[np.float64]) -> Iterable[Operation]:
    """Return the operation of a step for each set of values."""
    kind = step[0]
    if kind == "operation":
        return repeat(step[1], len(values))
    if kind == "gate":
        name, qubits, angles = step[1]
        rows = zip(*[_values(angle, values).tolist() for angle in angles], strict=True)
        return [encode_standard(name, qubits, row)[0][0] for row in rows]
    qubit, factors = step[1:]
    if len(factors) == 1 and factors[0][0] in ROTATION_GATES:
        name, _, (angle,) = factors[0]
        return [(name, qubit, value) for value in _values(angle, values).tolist()]
    product: Matrix | None = None
    for factor in factors:
        matrix = factor if isinstance(factor, np.ndarray) else _matrices(factor, values)
        product = matrix if product is None else matrix @ product
    return _to_u_gates(qubit, np.asarray(product))


def _to_u_gates(qubit: int, matrices: Matrix) -> list[Operation]:
    """Return unitary matrices, shape (sets, 2, 2), as gates U(theta, phi, lambda) up to a phase.

    Three numbers reach Qulacs sooner than a matrix. The angles follow from the entries of Qiskit's
    ``UGate``. The phase of a small entry is not well known, so lambda is taken from the larger
    entries.
    """
    a, b, c, d = (matrices[:, i, j] for i in (0, 1) for j in (0, 1))
    phase = np.angle(a)
    theta = 2 * np.arctan2(np.abs(c), np.abs(a))
    phi = np.angle(c) - phase
    lam = np.where(np.abs(c) < np.abs(a), np.angle(d) - phi, np.angle(-b)) - phase
    rows = zip(theta.tolist(), phi.tolist(), lam.tolist(), strict=True)
    return [("u", qubit, *angles) for angles in rows]


def _values(angle: float | Angle, values: NDArray[np.float64]) -> Angles:
    return angle.values(values) if isinstance(angle, Angle) else np.full(len(values), angle)


def _matrices(gate: Gate, values: NDArray[np.float64]) -> Matrix:
    """Return the matrix of a one-qubit gate for each set of values, shape (sets, 2, 2)."""
    name, _, angles = gate
    theta, phi, lam, phase = _U_ANGLES[name](*[_values(angle, values) for angle in angles])
    cosine, sine = np.cos(theta / 2), np.sin(theta / 2)
    matrices = np.empty((len(values), 2, 2), dtype=complex)
    matrices[:, 0, 0] = cosine
    matrices[:, 0, 1] = -np.exp(1j * lam) * sine
    matrices[:, 1, 0] = np.exp(1j * phi) * sine
    matrices[:, 1, 1] = np.exp(1j * (phi + lam)) * cosine
    return matrices if phase is None else matrices * np.exp(1j * phase)[:, np.newaxis, np.newaxis]


_U_ANGLES: dict[str, Callable[..., tuple[Any, Any, Any, Any]]] = {
    "rx": lambda a: (a, -pi / 2, pi / 2, None),
    "ry": lambda a: (a, 0.0, 0.0, None),
    "rz": lambda a: (0.0 * a, 0.0, a, -a / 2),
    "p": lambda a: (0.0 * a, 0.0, a, None),
    "u1": lambda a: (0.0 * a, 0.0, a, None),
    "r": lambda a, b: (a, b - pi / 2, pi / 2 - b, None),
    "u2": lambda a, b: (0.0 * a + pi / 2, a, b, None),
    "u3": lambda a, b, c: (a, b, c, None),
    "u": lambda a, b, c: (a, b, c, None),
}
"""Each one-qubit gate as exp(i phase) U(theta, phi, lam): these four angles from its own ones."""
