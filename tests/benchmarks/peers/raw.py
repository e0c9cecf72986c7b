"""Bare Qulacs: circuits prepared by hand and untimed, so that only the physics is left.

Timed are set_zero_state, update_quantum_state and sampling; idle qubits are dropped and one state a
width is used again for all circuits.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import qulacs
from qiskit import QuantumCircuit

from ..workload import Workload
from .peer import Counts, Task

# Qulacs' RX, RY and RZ turn the other way; its RotX, RotY and RotZ are Qiskit's.
_ADDERS: dict[str, Callable[..., None]] = {
    "x": lambda circuit, q: circuit.add_X_gate(q),
    "sx": lambda circuit, q: circuit.add_sqrtX_gate(q),
    "h": lambda circuit, q: circuit.add_H_gate(q),
    "rx": lambda circuit, q, angle: circuit.add_RotX_gate(q, angle),
    "rz": lambda circuit, q, angle: circuit.add_RotZ_gate(q, angle),
    "cx": lambda circuit, control, target: circuit.add_CNOT_gate(control, target),
}


@dataclass(frozen=True)
class Prepared:
    """A circuit in Qulacs' form.

    Attributes:
        gates: The gates, as a ``qulacs.QuantumCircuit``.
        width: Number of active qubits.
        measured: (qubit, clbit) of each measurement.
        num_clbits: Number of classical bits.
    """

    gates: Any
    width: int
    measured: tuple[tuple[int, int], ...]
    num_clbits: int


def prepare(workload: Workload) -> Task:
    """Return the task."""
    prepared = [_convert(circuit) for circuit in workload.circuits]
    states = {item.width: qulacs.QuantumState(item.width) for item in prepared}
    work = [(states[item.width], item.gates) for item in prepared]
    shots = workload.shots

    def run() -> list[list[int]]:
        samples = []
        for state, gates in work:
            state.set_zero_state()
            gates.update_quantum_state(state)
            samples.append(state.sampling(shots))
        return samples

    def counts(samples: list[list[int]]) -> Counts:
        return [_counts(item, drawn) for item, drawn in zip(prepared, samples, strict=True)]

    return Task(run, counts)


def _convert(circuit: QuantumCircuit) -> Prepared:
    places: dict[Any, int] = {}
    gates, measured = [], []
    for instruction in circuit.data:
        if instruction.name == "barrier":
            continue
        qubits = [places.setdefault(bit, len(places)) for bit in instruction.qubits]
        if instruction.name == "measure":
            measured.append((qubits[0], circuit.find_bit(instruction.clbits[0]).index))
        else:
            gates.append((instruction.name, [*qubits, *map(float, instruction.params)]))
    converted = qulacs.QuantumCircuit(len(places))
    for name, arguments in gates:
        _ADDERS[name](converted, *arguments)
    return Prepared(converted, len(places), tuple(measured), circuit.num_clbits)


def _counts(item: Prepared, samples: list[int]) -> Counter[str]:
    counts: Counter[str] = Counter()
    for sample, occurrences in Counter(samples).items():
        key = sum((sample >> qubit & 1) << clbit for qubit, clbit in item.measured)
        counts[f"{key:0{item.num_clbits}b}"] += occurrences
    return counts
