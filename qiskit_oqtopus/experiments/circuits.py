"""Circuits and gates as plain JSON, and back: a closed set of operations, and no code.

Operations are written by the names of Qiskit's standard gates. Other gates of few qubits are given
by their matrix, and what else there is by what it is defined by: what comes back does the same, and
may have other names.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from qiskit.circuit import (
    Barrier,
    ClassicalRegister,
    Delay,
    Gate,
    Instruction,
    QuantumCircuit,
    QuantumRegister,
)
from qiskit.circuit.library import Initialize, UnitaryGate
from qiskit.circuit.library.standard_gates import get_standard_gate_name_mapping
from qiskit.exceptions import QiskitError
from qiskit.quantum_info import Operator

from ..program import metadata as metadata_json
from ..program.metadata import MetadataError

MAX_QUBITS = 12
"""More are not written or read: the state of so many is computed when a tomography is made."""

MAX_DEPTH = 20
"""How often a definition is looked up inside another one."""

MAX_MATRIX = 4
"""Qubits of a gate whose matrix is written: 2 KiB for 3 of them."""

_GATES = get_standard_gate_name_mapping()

_ARRAYS = {"unitary": UnitaryGate, "initialize": Initialize}
"""Operations that one array says all of."""


def circuit_to_plain(circuit: QuantumCircuit, path: str = "circuit") -> dict[str, Any]:
    """Return a circuit as plain JSON.

    Args:
        circuit: A circuit without parameters and control flow.
        path: What to call it in an error.

    Raises:
        MetadataError: If it has too many qubits, or an operation that cannot be written.
    """
    if circuit.num_qubits > MAX_QUBITS:
        raise MetadataError(path, f"{circuit.num_qubits} qubits, and at most {MAX_QUBITS}")
    operations: list[list[Any]] = []
    phase = _write(circuit, list(range(circuit.num_qubits)), operations, path, 0)
    return {
        "qregs": _write_registers(circuit.qregs, circuit.qubits),
        "cregs": _write_registers(circuit.cregs, circuit.clbits),
        "global_phase": phase,
        "operations": operations,
    }


def circuit_from_plain(plain: Any, path: str = "circuit") -> QuantumCircuit:
    """Return the circuit that was given to :func:`circuit_to_plain`.

    Raises:
        MetadataError: If that never writes this.
    """
    try:
        circuit = QuantumCircuit(
            *(QuantumRegister(_size(size), name) for name, size in plain["qregs"]),
            *(ClassicalRegister(_size(size), name) for name, size in plain["cregs"]),
            global_phase=float(plain["global_phase"]),
        )
        if circuit.num_qubits > MAX_QUBITS:
            raise MetadataError(path, f"{circuit.num_qubits} qubits, and at most {MAX_QUBITS}")
        for name, params, qubits, clbits in plain["operations"]:
            circuit.append(_build(name, params, len(qubits), path), qubits, clbits)
    except MetadataError:
        raise
    # Whatever Qiskit raises for what makes no sense, it is not a circuit that was written here.
    except Exception as error:
        raise MetadataError(path, f"not a circuit: {error}") from error
    return circuit


def _size(value: Any) -> int:
    if type(value) is not int or not 0 <= value <= 100 * MAX_QUBITS:
        raise ValueError(f"{value!r:.40} is no size of a register")
    return value


def _write_registers(registers: Any, bits: Any) -> list[list[Any]]:
    """Return the registers, or one of all bits where they do not have each bit once, in order."""
    if [bit for register in registers for bit in register] == list(bits):
        return [[register.name, register.size] for register in registers]
    return [["bits", len(bits)]]


def _write(
    circuit: QuantumCircuit,
    qubits: list[int],
    operations: list[list[Any]],
    path: str,
    depth: int,
    clbits: list[int] | None = None,
) -> float:
    """Add the operations of a circuit, on these qubits, to a list; return its global phase."""
    clbits = list(range(circuit.num_clbits)) if clbits is None else clbits
    phase = _number(circuit.global_phase, path)
    for item in circuit.data:
        at = [qubits[circuit.find_bit(bit).index] for bit in item.qubits]
        into = [clbits[circuit.find_bit(bit).index] for bit in item.clbits]
        operation = item.operation
        where = f"{path}, operation {operation.name!r}"
        params = _write_params(operation, where)
        if params is not None:
            operations.append([operation.name, params, at, into])
            continue
        if isinstance(operation, Gate) and operation.num_qubits <= MAX_MATRIX:
            # Not its definition, which may be an approximation: that of an evolution is.
            operations.append(["unitary", [_write_matrix(operation, where)], at, into])
            continue
        definition = getattr(operation, "definition", None)
        if definition is None or depth >= MAX_DEPTH:
            raise MetadataError(where, "neither a standard gate nor defined by standard gates")
        phase += _write(definition, at, operations, path, depth + 1, into)
    return phase


def _write_params(operation: Instruction, path: str) -> list[Any] | None:
    """Return the parameters of an operation; None if it has to be written as its definition."""
    name = operation.name
    if isinstance(operation, Barrier):
        return []
    if isinstance(operation, Delay):
        return [_number(operation.duration, path), operation.unit]
    if name in _ARRAYS and isinstance(operation, _ARRAYS[name]):
        array = np.array(operation.params[0] if name == "unitary" else operation.params)
        if array.dtype.kind not in "iufc":  # a label
            return None
        return [metadata_json.encode(array, path)]
    standard = _GATES.get(name)
    if standard is None or operation.base_class is not standard.base_class:
        return None
    return [_number(value, path) for value in operation.params]


def _write_matrix(operation: Gate, path: str) -> Any:
    try:
        matrix = Operator(operation).data
    except QiskitError as error:
        raise MetadataError(path, f"it has no matrix: {error.message}") from error
    return metadata_json.encode(matrix, path)


def _number(value: Any, path: str) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError) as error:
        raise MetadataError(path, f"the parameter {value} is not a number") from error
    if not math.isfinite(number):
        raise MetadataError(path, f"the parameter {value} is not finite")
    return int(number) if type(value) is int else number


def _build(name: Any, params: list[Any], num_qubits: int, path: str) -> Instruction:
    if name == "barrier":
        return Barrier(num_qubits)
    if name == "delay":
        duration, unit = params
        return Delay(duration, unit)
    if name in _ARRAYS:
        array = np.asarray(metadata_json.decode(params[0], path), dtype=complex)
        if array.shape[:1] != (2**num_qubits,):
            raise ValueError(f"an array of shape {array.shape} for {num_qubits} qubits")
        return _ARRAYS[name](array)
    if name not in _GATES:
        raise ValueError(f"there is no operation {name!r:.60}")
    return _GATES[name].base_class(*(float(value) for value in params))
