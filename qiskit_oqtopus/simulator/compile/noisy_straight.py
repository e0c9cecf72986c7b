"""Compile a circuit of standard gates, delays and terminal measurements with noise: the tight loop.

It does what :mod:`noisy_compile` does for such circuits in a third of the time (two-qubit RB), and
leaves all others to it.
"""

from __future__ import annotations

from math import isfinite
from typing import Any

from qiskit.circuit import Barrier, Delay, Measure, QuantumCircuit

from ..noise.calibration import Misreading
from ..noise.model import NoiseModel
from ..operations import FIXED_GATES, ROTATION_GATES, Operation, encode_standard
from ..plan import Plan
from .timing import seconds_of


def compile_noisy_straight(
    circuit: QuantumCircuit, noise: NoiseModel, dt: float | None
) -> tuple[Plan, tuple[Misreading, ...]] | None:
    """Compile a circuit of standard gates, barriers, delays and terminal measurements.

    Args:
        circuit: The circuit.
        noise: The noise, by the circuit's qubits.
        dt: Duration of one dt in s, or None where it is not known.

    Returns:
        The plan and how its terminal measurements are read wrongly, or None if there is anything
        else in the circuit, or anything wrong with it.
    """
    if circuit.num_parameters or circuit.num_vars or not isfinite(circuit.global_phase):
        return None
    index = {bit: i for i, bit in enumerate(circuit.qubits)}
    active: dict[Any, int] = {}  # bit -> plan qubit
    measured: dict[Any, Any] = {}  # bit -> clbit
    operations: list[Operation] = []
    known: dict[tuple[Any, ...], Any] = {}  # what gates become that have occurred
    for instruction in circuit.data:
        name = instruction.name
        qubits = instruction.qubits
        # A gate of the user's own may bear a standard name: only Qiskit knows which is which.
        if instruction.is_standard_gate():
            if measured and not measured.keys().isdisjoint(qubits):
                return None
            site = known.get((name, qubits))
            if site is None:
                places = tuple([active.setdefault(bit, len(active)) for bit in qubits])
                its_noise = noise.operation(name, [index[bit] for bit in qubits])
                after = () if its_noise is None else (("noise", places, *its_noise[2:]),)
                gate = ((name, *places),) if name in FIXED_GATES else ()
                site = known[name, qubits] = (places, gate + after)
            places, fixed = site
            if name in ROTATION_GATES:
                angle = float(instruction.params[0])
                if angle - angle:  # NaN or infinite: the general way says where
                    return None
                operations.append((name, places[0], angle))
            elif name not in FIXED_GATES and name != "id":
                angles = [float(p) for p in instruction.params]
                if (total := sum(angles)) - total:
                    return None
                operations.extend(encode_standard(name, places, angles))
            operations.extend(fixed)
            continue
        operation = instruction.operation
        bit = qubits[0] if qubits else None
        if isinstance(operation, Measure):
            if bit in measured:
                return None
            measured[bit] = instruction.clbits[0]
        elif isinstance(operation, Delay):
            seconds = seconds_of(operation, dt)
            if seconds is None or bit in measured:
                return None
            waiting = noise.waiting(index[bit], seconds) if bit in active else None
            if waiting is not None:  # what is in 0 does not relax
                operations.append(("noise", (active[bit],), *waiting[2:]))
        elif not isinstance(operation, Barrier):
            return None
    clbits = {bit: circuit.find_bit(clbit).index for bit, clbit in measured.items()}
    if len(set(clbits.values())) < len(clbits):
        return None
    misread = tuple(
        misreading
        for bit, clbit in clbits.items()
        for misreading in noise.misreadings(index[bit], [clbit])
    )
    plan = Plan(
        tuple([index[bit] for bit in active]),
        circuit.num_qubits,
        circuit.num_clbits,
        (("unitary", tuple(operations), 0.0),) if operations else (),
        tuple([(active.get(bit), clbits[bit]) for bit in sorted(clbits, key=clbits.__getitem__)]),
        has_counts=bool(measured),
    )
    return plan, misread
