"""What a Target does not support of circuits: operations, qubits, directions and angles."""

from __future__ import annotations

import inspect
import math
from collections.abc import Sequence
from functools import cached_property
from itertools import product
from typing import Any

from qiskit.circuit import (
    Barrier,
    BreakLoopOp,
    ContinueLoopOp,
    ControlFlowOp,
    ForLoopOp,
    Gate,
    Measure,
    Parameter,
    ParameterExpression,
    QuantumCircuit,
    Store,
)
from qiskit.transpiler import Target

from ..exceptions import Problem
from .naming import (
    Aliases,
    any_fixed,
    find_aliases,
    fixed_angles,
    has_angles,
    is_measurement,
    is_reset,
    name_of,
    says_what_it_does,
)

_ALWAYS = (Barrier, Store, BreakLoopOp, ContinueLoopOp)
"""Operations that need no hardware. Break and continue stand in loops, which are checked."""

_COMPILE = "compile it with transpile(circuit, backend)"

# Qiskit knows how to bring an angle within bounds only for those gates for which it was told.
_WRAP = (
    "choose an angle that the device takes; transpile(circuit, backend) does so if the device's "
    "own package is installed"
)


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


_MOST_VALUES = 4096
"""So many values of an angle in for_loops are compared with bounds at most."""


class _Checker:
    def __init__(self, target: Target) -> None:
        self.problems: list[Problem] = []
        self._target = target
        self._bounded: frozenset[str] = frozenset()
        # Qiskit 2.0 has no bounds.
        if hasattr(target, "has_angle_bounds") and target.has_angle_bounds():
            bounded = target.gate_has_angle_bounds
            self._bounded = frozenset(n for n in target.operation_names if bounded(n))
        # Standard gates, of any angles, and Qiskit's own measurement.
        self._supported: set[tuple[str, tuple[int, ...]]] = set()
        self._loops: dict[Parameter, Sequence[float]] = {}  # values of the loops around
        self._where: tuple[int, str, int | None] = (0, "", None)

    @cached_property
    def _aliases(self) -> Aliases:
        return find_aliases(self._target)

    def check(self, index: int, circuit: QuantumCircuit) -> None:
        """Add the problems of a circuit."""
        self._where = (index, circuit.name, None)
        size = self._target.num_qubits
        if size and circuit.num_qubits > size:
            self.problems.append(self._find_oversize(circuit, size))
            return
        places = {bit: i for i, bit in enumerate(circuit.qubits)}
        for position, instruction in enumerate(circuit.data):
            self._where = (index, circuit.name, position)
            self._instruction(instruction, places)

    def _find_oversize(self, circuit: QuantumCircuit, size: int) -> Problem:
        """Return why a circuit that has more qubits than the Target cannot be run."""
        index, name, _ = self._where
        places = {bit: i for i, bit in enumerate(circuit.qubits)}
        for position, instruction in enumerate(circuit.data):
            qubits = tuple([places[bit] for bit in instruction.qubits])
            if max(qubits, default=0) >= size and self._is_of_another(instruction):
                reason = f"it is on a qubit that the Target, which has {size}, does not have"
                cure = "make the twin by from_target, of a Target that has it on these qubits"
                if not says_what_it_does(instruction.operation):
                    reason = f"it has neither a definition nor a matrix, and {reason}"
                    cure = f"give it one of both, and {cure}"
                return Problem(index, name, reason, cure, instruction.name, position, qubits)
        reason = f"it has {circuit.num_qubits} qubits and the device has {size}"
        return Problem(index, name, reason, "use fewer qubits, or another device")

    def _is_of_another(self, instruction: Any) -> bool:
        """Whether a circuit was compiled for another Target, as for one with a resonator.

        No compiler takes away a gate that has no definition.
        """
        if instruction.is_standard_gate() or instruction.name in self._target.operation_names:
            return False
        operation = instruction.operation
        return isinstance(operation, Gate) and operation.definition is None

    def _instruction(self, instruction: Any, places: dict[Any, int]) -> None:
        qubits = tuple([places[bit] for bit in instruction.qubits])
        name = instruction.name
        usual = instruction.is_standard_gate()
        if not usual:
            operation = instruction.operation
            if isinstance(operation, ControlFlowOp):
                self._blocks(operation, qubits)
            if isinstance(operation, _ALWAYS):
                return
            name = name_of(instruction)
            usual = getattr(operation, "base_class", None) is Measure
        if usual and (name, qubits) in self._supported:
            return
        refusal = self._refuse(instruction, name, qubits, usual)
        if refusal is not None:
            index, circuit, position = self._where
            self.problems.append(Problem(index, circuit, *refusal, name, position, qubits))

    def _blocks(self, operation: ControlFlowOp, qubits: tuple[int, ...]) -> None:
        """Check what is in control flow."""
        around = self._loops
        if isinstance(operation, ForLoopOp) and isinstance(operation.params[1], Parameter):
            self._loops = {**around, operation.params[1]: operation.params[0]}
        for block in operation.blocks:
            inner = dict(zip(block.qubits, qubits, strict=True))
            for each in block.data:
                self._instruction(each, inner)
        self._loops = around

    def _refuse(
        self, instruction: Any, name: str, qubits: tuple[int, ...], usual: bool
    ) -> tuple[str, str] | None:
        """Return (reason, cure) if the Target does not have this very operation on these qubits."""
        target, params = self._target, instruction.params
        here = name in target.operation_names and target.instruction_supported(name, qubits)
        if here and _is_same(instruction, target.operation_from_name(name)):
            angles = fixed_angles(target.operation_from_name(name))
            if has_angles(angles, params):
                if name in self._bounded:
                    return self._refuse_angles(params, name)
                if usual and not any_fixed(angles):
                    self._supported.add((name, qubits))
                return None
        others = [
            alias
            for alias in self._aliases.get(name, ())
            if alias.is_on(qubits) and _is_same(instruction, target.operation_from_name(alias.name))
        ]
        for alias in others:
            if has_angles(alias.angles, params):
                return self._refuse_angles(params, alias.name)
        if others and not here:
            listed = ", ".join(alias.name for alias in others)
            return f"the device has it at fixed angles only, as {listed}", "give it one of these"
        return self._refuse_name(name, qubits, here), _COMPILE

    def _refuse_angles(self, params: Sequence[Any], name: str) -> tuple[str, str] | None:
        """Return (reason, cure) if angles are outside of the bounds that a name has."""
        if name not in self._bounded:
            return None
        free = {p for v in params if isinstance(v, ParameterExpression) for p in v.parameters}
        if not free <= self._loops.keys():
            return None  # without a value it is refused anyhow
        ranges = [self._loops[parameter] for parameter in free]
        if math.prod(map(len, ranges)) > _MOST_VALUES:
            reason = f"the device takes some angles only, and loops give it over {_MOST_VALUES:,}"
            return reason, "write the loops out"
        for values in product(*ranges):
            angles = _bind(params, dict(zip(free, values, strict=True)))
            if not self._target.supported_angle_bound(name, angles):
                listed = ", ".join(f"{angle:.10g}" for angle in angles)
                return f"the device does not take it at {listed} rad, but at other angles", _WRAP
        return None

    def _refuse_name(self, name: str, qubits: tuple[int, ...], here: bool) -> str:
        target = self._target
        if here:
            return f"it is not the {name} of the device, but another of the same name"
        if name not in target.operation_names and name not in self._aliases:
            return f"the device has no such operation, only {', '.join(target.operation_names)}"
        if len(qubits) == 2:
            if self._is_supported(name, qubits[::-1]):
                return "the device couples these qubits in the other direction only"
            return "the device does not couple these qubits"
        return "the device does not have it on " + (
            "this qubit" if len(qubits) == 1 else "these qubits"
        )

    def _is_supported(self, name: str, qubits: tuple[int, ...]) -> bool:
        target = self._target
        known = name in target.operation_names and target.instruction_supported(name, qubits)
        return known or any(alias.is_on(qubits) for alias in self._aliases.get(name, ()))


def _is_same(instruction: Any, known: Any) -> bool:
    """Return whether an operation is of the kind of a Target's, whatever its parameters."""
    operation = instruction.operation
    if inspect.isclass(known):
        return isinstance(operation, known)
    for is_kind in (is_measurement, is_reset):
        if is_kind(known):
            return is_kind(operation)
    base = getattr(operation, "base_class", type(operation))
    return base is getattr(known, "base_class", type(known))


def _bind(params: Sequence[Any], values: dict[Parameter, float]) -> list[float]:
    """Return angles with values of parameters; NaN where there is no number."""
    angles = []
    for value in params:
        if isinstance(value, ParameterExpression):
            value = value.bind({p: values[p] for p in value.parameters})
        try:
            angles.append(float(value))
        except (TypeError, RuntimeError):  # complex: refused when it is compiled
            angles.append(math.nan)
    return angles
