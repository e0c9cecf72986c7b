"""Compile a circuit of standard gates and terminal measurements: the tight loop.

Most circuits are like that, and small ones cost more to compile than to simulate. This does what
:mod:`general` does for them, and leaves all other circuits to it: W1 and W2 take 0.86 of the time.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

from qiskit.circuit import Barrier, Delay, Measure, QuantumCircuit

from ..operations import ENCODERS, FIXED_GATES, ROTATION_GATES, Operation
from ..plan import Plan

_IDLE = {"barrier": Barrier, "delay": Delay}
"""What does nothing to a noiseless state."""


def compile_straight(
    circuit: QuantumCircuit, instructions: Iterable[Any], phase: float
) -> Plan | None:
    """Compile a circuit of standard gates, unitaries and terminal measurements.

    Args:
        circuit: The circuit; without free parameters or input variables.
        instructions: Its instructions, or others of the same effect.
        phase: The global phase in rad that goes with them.

    Returns:
        The plan, or None if there is anything else in the circuit.
    """
    operations: list[Operation] = []
    active: dict[Any, int] = {}  # bit -> plan qubit; the indices of idle bits are never asked for
    measured: dict[Any, Any] = {}  # bit -> clbit
    for instruction in instructions:
        name = instruction.name
        qubits = instruction.qubits
        # A gate of the user's own may bear a standard name: only Qiskit knows which is which.
        if instruction.is_standard_gate():
            if measured and not measured.keys().isdisjoint(qubits):
                return None
            if name == "id":  # an identity does not make its qubit active
                continue
            # len() is evaluated first, so that a new bit gets the next number.
            if name in ROTATION_GATES:
                place = active.setdefault(qubits[0], len(active))
                angle = float(instruction.params[0])
                if angle - angle:  # NaN or infinite: the general way says where
                    return None
                operations.append((name, place, angle))
                continue
            places = [active.setdefault(bit, len(active)) for bit in qubits]
            if name in FIXED_GATES:
                operations.append((name, *places))
                continue
            angles = [float(p) for p in instruction.params]
            if (total := sum(angles)) - total:
                return None
            if (encoder := ENCODERS.get(name)) is not None:
                encoded, angle = encoder(tuple(places), angles)
                operations.extend(encoded)
                phase += angle
            else:
                matrix = instruction.operation.to_matrix()
                operations.append(("matrix", tuple(places), matrix, (), ()))
        elif name == "measure":
            bit = qubits[0]
            if bit in measured or not isinstance(instruction.operation, Measure):
                return None
            measured[bit] = instruction.clbits[0]
        elif name == "unitary":
            # A gate of the user's own with this name has no matrix here, or its own.
            matrix = instruction.matrix
            if matrix is None or not qubits or not measured.keys().isdisjoint(qubits):
                return None
            # Gates with infinite angles leave nothing else when they are merged.
            if (first := matrix.item(0)) - first:
                return None
            places = [active.setdefault(bit, len(active)) for bit in qubits]
            operations.append(("matrix", tuple(places), matrix, (), ()))
        elif name not in _IDLE or not isinstance(instruction.operation, _IDLE[name]):
            return None
    if phase - phase:
        return None
    terminal: list[tuple[int | None, int]] = []
    if measured:
        clbits = _indices(circuit, circuit.clbits, measured.values())
        terminal = [(active.get(bit), clbit) for bit, clbit in zip(measured, clbits, strict=True)]
        if len(terminal) > 1:
            terminal.sort(key=_clbit)
            if len({clbit for _, clbit in terminal}) < len(terminal):
                return None
    return Plan(
        tuple(_indices(circuit, circuit.qubits, active)),
        circuit.num_qubits,
        circuit.num_clbits,
        (("unitary", tuple(operations), phase),) if operations or phase else (),
        tuple(terminal),
        (),
        0,
        bool(measured),
    )


def _indices(circuit: QuantumCircuit, bits: list[Any], wanted: Collection[Any]) -> list[int]:
    """Return the positions of bits in a circuit."""
    if len(wanted) * len(bits) <= 128:
        return [bits.index(bit) for bit in wanted]
    # Its first call makes an index of all bits, which costs more than a small circuit (W2: 10 %).
    return [circuit.find_bit(bit).index for bit in wanted]


def _clbit(pair: tuple[int | None, int]) -> int:
    return pair[1]
