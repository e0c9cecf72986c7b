"""Compile a circuit of standard gates and terminal measurements: the tight loop.

Most circuits are like that, and small ones cost more to compile than to simulate. This does in less
time what :mod:`.general` and :mod:`qiskit_oqtopus.simulator.compile.noisy` do for them, and leaves
all other circuits to these two.
"""

from __future__ import annotations

import cmath
import math
from collections.abc import Collection, Iterable
from operator import itemgetter
from typing import TYPE_CHECKING, Any

import numpy as np
from qiskit.circuit import Barrier, Delay, Measure, QuantumCircuit

from ...circuits import seconds_of
from ..operations import FIXED_GATES, ROTATION_GATES, Operation, encode_standard
from ..plan import Plan

if TYPE_CHECKING:
    from ..noise.model import NoiseModel


def compile_straight(
    circuit: QuantumCircuit,
    instructions: Iterable[Any],
    phase: float,
    noise: NoiseModel | None = None,
    dt: float | None = None,
) -> Plan | None:
    """Compile a circuit of standard gates, unitaries, delays and terminal measurements.

    Args:
        circuit: The circuit; without free parameters or input variables.
        instructions: Its instructions, or others of the same effect.
        phase: The global phase in rad that goes with them.
        noise: The noise, by the circuit's qubits; None if there is none.
        dt: Duration of one dt in s, or None where it is not known; used with noise only.

    Returns:
        The plan, or None if there is anything else in the circuit, or anything wrong with it.
    """
    operations: list[Operation] = []
    active: dict[Any, int] = {}  # bit -> plan qubit; the indices of idle bits are never asked for
    measured: dict[Any, Any] = {}  # bit -> clbit
    index = {} if noise is None else {bit: i for i, bit in enumerate(circuit.qubits)}
    seen: dict[Any, tuple[Operation, ...]] = {}  # of what has occurred: a fixed gate, and its noise
    # NaN and infinities survive in a sum, so that one look at it is enough: a look at each angle
    # would be a noticeable part of the loop. What is not finite is left to the general way, which
    # says where it is.
    angles_sum = 0.0
    for instruction in instructions:
        name = instruction.name
        qubits = instruction.qubits
        known = None if noise is None else seen.get((name, qubits))
        # A gate of the user's own may bear a standard name: only Qiskit knows which is which.
        if instruction.is_standard_gate():
            if measured and not measured.keys().isdisjoint(qubits):
                return None
            # len() is evaluated first, so that a new bit gets the next number.
            if name in ROTATION_GATES:
                angle = float(instruction.params[0])
                angles_sum += angle
                operations.append((name, active.setdefault(qubits[0], len(active)), angle))
            elif name in FIXED_GATES:
                if known is None:
                    places = [active.setdefault(bit, len(active)) for bit in qubits]
                    operations.append((name, *places))
            elif name == "id" and noise is None:  # an identity does not make its qubit active
                continue
            else:
                places = [active.setdefault(bit, len(active)) for bit in qubits]
                angles = [float(p) for p in instruction.params]
                if not math.isfinite(sum(angles)):  # what comes next may raise for such numbers
                    return None
                encoded, angle = encode_standard(name, tuple(places), angles, instruction)
                operations.extend(encoded)
                phase += angle
        elif name == "measure":
            bit = qubits[0]
            operation = instruction.operation
            # The noise may be that of a measurement with a name of its own, see naming.
            if bit in measured or not isinstance(operation, Measure) or operation.name != name:
                return None
            measured[bit] = instruction.clbits[0]
            continue
        elif name == "unitary":
            # A gate of the user's own with this name has no matrix here, or its own.
            matrix = instruction.matrix
            if matrix is None or not qubits or not measured.keys().isdisjoint(qubits):
                return None
            # Gates with infinite angles leave nothing but NaN when they are merged: one entry shows
            # it. A look at all entries takes longer, which is affordable with noise.
            if not cmath.isfinite(matrix.item(0)):
                return None
            if noise is not None and not np.isfinite(matrix).all():
                return None
            places = [active.setdefault(bit, len(active)) for bit in qubits]
            operations.append(("matrix", tuple(places), matrix, (), ()))
        elif name == "delay":
            if not isinstance(instruction.operation, Delay):
                return None
            if noise is not None:
                seconds = seconds_of(instruction.operation, dt)
                bit = qubits[0]
                if seconds is None or bit in measured:
                    return None
                if bit in active:  # a qubit in 0 does not relax
                    waiting = noise.waiting(index[bit], seconds)
                    if waiting is not None:
                        operations.append(("noise", (active[bit],), *waiting[2:]))
            continue
        elif name == "barrier" and isinstance(instruction.operation, Barrier):
            continue
        else:
            return None
        if known is not None:
            operations += known
        elif noise is not None:
            gate = operations[-1:] if name in FIXED_GATES else []
            after = noise.operation(name, [index[bit] for bit in qubits])
            if after is not None:
                places = [active[bit] for bit in qubits]
                operations.append(("noise", tuple(places), *after[2:]))
                gate += operations[-1:]
            seen[name, qubits] = tuple(gate)
    if not math.isfinite(phase + angles_sum):
        return None
    terminal: list[tuple[int | None, int]] = []
    clbits: list[int] = []
    if measured:
        clbits = _indices(circuit, circuit.clbits, measured.values())
        terminal = [(active.get(bit), clbit) for bit, clbit in zip(measured, clbits, strict=True)]
        if len(terminal) > 1:
            terminal.sort(key=itemgetter(1))
            if len({clbit for _, clbit in terminal}) < len(terminal):
                return None
    plan = Plan(
        tuple(_indices(circuit, circuit.qubits, active)),
        circuit.num_qubits,
        (("unitary", tuple(operations), phase),) if operations or phase else (),
        tuple(terminal),
        (),
        0,
        bool(measured),
    )
    if noise is None:
        return plan
    pairs = zip(measured, clbits, strict=True)
    misread = [wrong for bit, clbit in pairs for wrong in noise.misreadings(index[bit], [clbit])]
    return plan._replace(misread=tuple(misread))


def _indices(circuit: QuantumCircuit, bits: list[Any], wanted: Collection[Any]) -> list[int]:
    """Return the positions of bits in a circuit."""
    if len(wanted) * len(bits) <= 128:
        return [bits.index(bit) for bit in wanted]
    # The first call of find_bit makes an index of all bits, which costs more than a small circuit.
    return [circuit.find_bit(bit).index for bit in wanted]
