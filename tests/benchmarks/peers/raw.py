"""Bare Qulacs: circuits prepared by hand and untimed, so that only the physics is left.

Timed are set_zero_state, update_quantum_state and sampling; idle qubits are dropped and one state
per width is used again for all circuits.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import qulacs
from qiskit import QuantumCircuit
from qulacs.gate import U1, DenseMatrix, to_matrix_gate

from ..workload import Batch, Steps, Task, Unsupported
from .peer import Counts, refuse_dynamic


def _controlled_phase(circuit: Any, control: int, target: int, angle: float) -> None:
    # Measured on 10 to 22 qubits: two thirds of the time of a diagonal gate on two qubits.
    gate = to_matrix_gate(U1(target, angle))
    gate.add_control_qubit(control, 1)
    circuit.add_gate(gate)


# Qulacs' RX, RY and RZ turn the other way; its RotX, RotY and RotZ are Qiskit's.
_ADDERS: dict[str, Callable[..., None]] = {
    "x": lambda circuit, q: circuit.add_X_gate(q),
    "sx": lambda circuit, q: circuit.add_sqrtX_gate(q),
    "h": lambda circuit, q: circuit.add_H_gate(q),
    "rx": lambda circuit, q, angle: circuit.add_RotX_gate(q, angle),
    "ry": lambda circuit, q, angle: circuit.add_RotY_gate(q, angle),
    "rz": lambda circuit, q, angle: circuit.add_RotZ_gate(q, angle),
    "cx": lambda circuit, control, target: circuit.add_CNOT_gate(control, target),
    "swap": lambda circuit, first, second: circuit.add_SWAP_gate(first, second),
    "cp": _controlled_phase,
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


def prepare(batch: Batch) -> Task:
    """Return the task."""
    refuse_dynamic(batch)
    prepared = [convert(circuit) for circuit in batch.circuits]
    states = {item.width: qulacs.QuantumState(item.width) for item in prepared}
    work = [(states[item.width], item.gates) for item in prepared]
    shots = batch.shots

    def run(_: None) -> list[list[int]]:
        samples = []
        for state, gates in work:
            state.set_zero_state()
            gates.update_quantum_state(state)
            samples.append(state.sampling(shots))
        return samples

    def counts(samples: list[list[int]]) -> Counts:
        return [to_counts(item, drawn) for item, drawn in zip(prepared, samples, strict=True)]

    return Steps(run, counts, free_reading=True)


def probabilities(circuit: QuantumCircuit) -> np.ndarray:
    """Return the distribution of a circuit that measures all its active qubits.

    Args:
        circuit: The circuit, with as many classical bits as active qubits.

    Returns:
        Probabilities by the value of the classical bits, shape (2**num_clbits,).
    """
    item = convert(circuit)
    state = qulacs.QuantumState(item.width)
    item.gates.update_quantum_state(state)
    values = (np.abs(state.get_vector()) ** 2).reshape((2,) * item.width)
    qubit_of = {clbit: qubit for qubit, clbit in item.measured}
    # The first axis is the last bit.
    axes = [item.width - 1 - qubit_of[clbit] for clbit in reversed(range(item.num_clbits))]
    return values.transpose(axes).reshape(-1)


def convert(circuit: QuantumCircuit) -> Prepared:
    """Return a circuit in Qulacs' form, without its idle qubits."""
    places: dict[Any, int] = {}
    gates, measured = [], []
    for instruction in circuit.data:
        name = instruction.name
        if name == "barrier":
            continue
        qubits = [places.setdefault(bit, len(places)) for bit in instruction.qubits]
        if name == "measure":
            measured.append((qubits[0], circuit.find_bit(instruction.clbits[0]).index))
        elif name == "unitary":
            gates.append((name, [qubits, instruction.matrix]))
        elif name in _ADDERS:
            gates.append((name, [*qubits, *map(float, instruction.params)]))
        else:
            raise Unsupported(f"{name} has not been prepared by hand")
    converted = qulacs.QuantumCircuit(len(places))
    for name, arguments in gates:
        if name == "unitary":
            converted.add_gate(DenseMatrix(*arguments))
        else:
            _ADDERS[name](converted, *arguments)
    return Prepared(converted, len(places), tuple(measured), circuit.num_clbits)


def to_counts(item: Prepared, samples: list[int]) -> Counter[str]:
    """Return the counts by bit string of sampled basis states."""
    counts: Counter[str] = Counter()
    for sample, occurrences in Counter(samples).items():
        key = sum((sample >> qubit & 1) << clbit for qubit, clbit in item.measured)
        counts[f"{key:0{item.num_clbits}b}"] += occurrences
    return counts
