"""Circuits as plain data, and how they become Qiskit circuits: under Qiskit 1.4 and 2 alike.

Both interpreters import this module, so it uses nothing that only one of the two Qiskits has.

A circuit is a dict with ``qregs`` and ``cregs`` (lists of [name, size]), ``global_phase`` in rad
and ``instructions``. An instruction is a dict with ``name``, ``qubits`` and ``clbits`` (indices),
and ``params`` or what else its name calls for, see :func:`append` and :func:`operation`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from qiskit import ClassicalRegister, QuantumCircuit, QuantumRegister
from qiskit.circuit import Gate
from qiskit.circuit.library import (
    Barrier,
    Diagonal,
    Initialize,
    PauliEvolutionGate,
    PauliGate,
    UnitaryGate,
    get_standard_gate_name_mapping,
)
from qiskit.circuit.library.generalized_gates.permutation import PermutationGate
from qiskit.quantum_info import SparsePauliOp

Spec = dict[str, Any]

_STANDARD = get_standard_gate_name_mapping()


def build(circuit: Spec) -> QuantumCircuit:
    """Return the circuit that plain data describe."""
    registers = [QuantumRegister(size, name) for name, size in circuit["qregs"]]
    registers += [ClassicalRegister(size, name) for name, size in circuit["cregs"]]
    built = QuantumCircuit(*registers, global_phase=circuit["global_phase"])
    for instruction in circuit["instructions"]:
        append(built, instruction)
    return built


def append(circuit: QuantumCircuit, instruction: Spec) -> None:
    """Append one instruction to a circuit."""
    name, qubits, clbits = instruction["name"], instruction["qubits"], instruction["clbits"]
    if name == "measure":
        circuit.measure(qubits, clbits)
    elif name == "reset":
        circuit.reset(qubits)
    elif name == "delay":
        circuit.delay(100, qubits, unit="ns")
    elif name == "if":
        with circuit.if_test((circuit.clbits[clbits[0]], instruction["value"])):
            for inner in instruction["body"]:
                append(circuit, inner)
    else:
        circuit.append(operation(instruction), qubits)


def operation(instruction: Spec) -> Any:
    """Return the operation of an instruction on qubits alone."""
    name, width = instruction["name"], len(instruction["qubits"])
    if name in _SPECIAL:
        made = _SPECIAL[name](instruction, width)
    else:
        made = _STANDARD[name].base_class(*instruction["params"])
    if "controls" in instruction:
        number, state = instruction["controls"]
        made = made.control(number, ctrl_state=state)
    return made


class XGate(Gate):
    """A user's own gate whose class bears the name of one of Qiskit's; it is a Hadamard."""

    def __init__(self) -> None:
        super().__init__("crossed", 1, [])

    def _define(self) -> None:
        self.definition = QuantumCircuit(1)
        self.definition.h(0)


def _custom(instruction: Spec, width: int) -> Gate:
    body = QuantumCircuit(width, name=instruction["label"])
    body.global_phase = instruction.get("global_phase", 0.0)
    for inner in instruction["body"]:
        append(body, inner)
    return body.to_gate()


def complex_array(pairs: Any) -> np.ndarray:
    """Return numbers written as [real, imaginary]."""
    array = np.array(pairs)
    return array[..., 0] + 1j * array[..., 1]


def pairs(array: np.ndarray) -> Any:
    """Write complex numbers as [real, imaginary]."""
    return np.stack([array.real, array.imag], axis=-1).tolist()


_SPECIAL = {
    "barrier": lambda instruction, width: Barrier(width),
    "unitary": lambda instruction, width: UnitaryGate(complex_array(instruction["matrix"])),
    "diagonal": lambda instruction, width: Diagonal(
        complex_array(instruction["matrix"]).tolist()
    ).to_gate(),
    "initialize": lambda instruction, width: Initialize(complex_array(instruction["matrix"])),
    "pauli": lambda instruction, width: PauliGate(instruction["label"]),
    "pauli_evolution": lambda instruction, width: PauliEvolutionGate(
        SparsePauliOp(instruction["label"]), instruction["params"][0]
    ),
    "permutation": lambda instruction, width: PermutationGate(instruction["params"]),
    "custom": _custom,
    "own_x_class": lambda instruction, width: XGate(),
}
