"""Qiskit's other gates and operations: to plain operations where they have a good native form."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from qiskit.circuit import (
    AnnotatedOperation,
    ControlledGate,
    ControlModifier,
    Instruction,
    InverseModifier,
    PowerModifier,
    QuantumCircuit,
)
from qiskit.circuit.library import (
    DiagonalGate,
    PauliEvolutionGate,
    PauliGate,
    PermutationGate,
    StatePreparation,
    UnitaryGate,
)
from qiskit.quantum_info import SparsePauliOp

from ..naming import is_measured_reset, own_matrix
from ..operations import Encoded, Operation, pauli_ids, permutation

MATRIX_QUBITS = 6
"""A gate on more qubits than this is expanded by its definition, if it has one."""

_EXACT_EVOLUTION = "to_matrix" in vars(PauliEvolutionGate)
"""Whether an evolution means its exponential in this Qiskit, as it does since 2.2."""

_MAX_TERMS = 4096
"""Bound on the Pauli strings of an evolution: each control doubles their number."""

_MAX_POWER = 4096
"""A power of an operation on many qubits is written out: at most this one."""

Native = Callable[[tuple[int, ...]], Encoded]


class UnsupportedOperation(Exception):  # noqa: N818 - becomes a Problem, never seen outside
    """An operation that a noiseless state vector simulator cannot run.

    Attributes:
        cure: What the user can do.
    """

    def __init__(self, reason: str, cure: str) -> None:
        super().__init__(reason)
        self.cure = cure


def encode(operation: Any, fresh: bool) -> Native | QuantumCircuit:
    """Return how an operation is simulated.

    Args:
        operation: An operation of a circuit that is not a standard gate and not a directive.
        fresh: Whether all its qubits are certainly in state 0.

    Returns:
        A function from plan qubits to (operations, phase), or a circuit to compile instead.

    Raises:
        UnsupportedOperation: If there is neither a matrix nor a definition.
    """
    for kind, encoder in _NATIVE.items():
        if isinstance(operation, kind):
            native = encoder(operation, fresh)
            if native is not None:
                return native
    matrix = _small_matrix(operation, MATRIX_QUBITS)
    if matrix is not None:
        return _dense(matrix)
    if isinstance(operation, Instruction):
        if operation.definition is not None:
            return operation.definition
        if is_measured_reset(operation):
            circuit = QuantumCircuit(1, 1)
            circuit.measure(0, 0)
            circuit.reset(0)
            return circuit
    elif hasattr(operation, "to_circuit"):  # Clifford and the like
        expanded: QuantumCircuit = operation.to_circuit()
        return expanded
    else:
        synthesised = _synthesise(operation)
        if synthesised is not None:
            return synthesised
    matrix = _small_matrix(operation, operation.num_qubits)
    if matrix is not None:
        return _dense(matrix)
    raise UnsupportedOperation(
        "it has neither a definition nor a matrix, and it is not an instruction that this "
        "simulator knows",
        "decompose it into gates, or remove it (for the state use run(..., statevector=True))",
    )


def _dense(matrix: np.ndarray) -> Native:
    if not np.isfinite(matrix).all():
        raise UnsupportedOperation("its matrix is not finite", "give it finite numbers")
    return lambda qubits: ([("matrix", qubits, matrix, (), ())], 0.0)


def _small_matrix(operation: Any, max_qubits: int) -> np.ndarray | None:
    """Return the matrix that an operation states for itself, or None."""
    if operation.num_qubits > max_qubits or getattr(operation, "num_clbits", 0):
        return None
    if isinstance(operation, AnnotatedOperation):
        return np.asarray(operation.to_matrix().data)
    return own_matrix(operation) if isinstance(operation, Instruction) else None


def _synthesise(operation: Any) -> QuantumCircuit | None:
    """Let Qiskit's own synthesis expand an operation that has no definition of its own."""
    for modifier in getattr(operation, "modifiers", ()):
        if isinstance(modifier, PowerModifier) and abs(modifier.power) > _MAX_POWER:
            raise UnsupportedOperation(
                f"its power {modifier.power:,} would be written out, and {_MAX_POWER:,} is the "
                "highest one that is",
                "repeat it in a for_loop",
            )
    from qiskit.transpiler import PassManager
    from qiskit.transpiler.passes import HighLevelSynthesis

    circuit = QuantumCircuit(operation.num_qubits)
    circuit.append(operation, circuit.qubits)
    expanded: QuantumCircuit = PassManager([HighLevelSynthesis()]).run(circuit)
    unchanged = len(expanded.data) == 1 and expanded.data[0].operation == operation
    return None if unchanged else expanded


def _unitary(operation: UnitaryGate, fresh: bool) -> Native:
    matrix = operation.to_matrix()
    if operation.num_qubits == 0:
        phase = float(np.angle(matrix[0, 0]))
        return lambda qubits: ([], phase)
    return _dense(matrix)


def _diagonal(operation: DiagonalGate, fresh: bool) -> Native:
    entries = np.array(operation.params, dtype=complex)
    return lambda qubits: ([("diagonal", qubits, entries)], 0.0)


def _permutation(operation: PermutationGate, fresh: bool) -> Native:
    pattern = [int(place) for place in operation.pattern]
    return lambda qubits: (permutation(qubits, pattern), 0.0)


def _pauli(operation: PauliGate, fresh: bool) -> Native:
    letters = pauli_ids(operation.params[0])

    def native(qubits: tuple[int, ...]) -> Encoded:
        names = {1: "x", 2: "y", 3: "z"}
        return [(names[pauli], qubits[i]) for i, pauli in letters], 0.0

    return native


def _evolution(operation: PauliEvolutionGate, fresh: bool) -> Native | None:
    """Encode exp(-i t H) exactly, as ``PauliEvolutionGate.to_matrix`` defines it.

    Commuting terms factor into Pauli rotations. Others are exponentiated together: the
    product formula in the gate's definition is what a device would run, not what the gate means.
    In Qiskit before 2.2, which has no such matrix, the gate means the formula: so it does here.
    """
    hamiltonian = _hamiltonian(operation).simplify(atol=0, rtol=0)
    time = float(operation.time)
    if not math.isfinite(time):
        raise UnsupportedOperation(f"its time {time} is not finite", "give it a finite number")
    labels = tuple(hamiltonian.paulis.to_labels())
    coefficients = tuple(float(c) for c in hamiltonian.coeffs.real)
    if not _commute(hamiltonian):
        if not _EXACT_EVOLUTION:
            return None
        return lambda qubits: ([("evolve", qubits, labels, coefficients, time)], 0.0)

    def native(qubits: tuple[int, ...]) -> Encoded:
        operations: list[Operation] = []
        phase = 0.0
        for label, coefficient in zip(labels, coefficients, strict=True):
            letters = pauli_ids(label)
            if not letters:
                phase -= coefficient * time
                continue
            places = tuple(qubits[i] for i, _ in letters)
            ids = tuple(pauli for _, pauli in letters)
            operations.append(("pauli_rotation", places, ids, 2 * coefficient * time))
        return operations, phase

    return native


def _hamiltonian(operation: PauliEvolutionGate) -> SparsePauliOp:
    """Return the sum of the operators of an evolution."""
    operators = operation.operator
    operators = operators if isinstance(operators, list) else [operators]
    return SparsePauliOp.sum(
        [
            term if isinstance(term, SparsePauliOp) else SparsePauliOp.from_sparse_observable(term)
            for term in operators
        ]
    )


def _annotated(operation: AnnotatedOperation, fresh: bool) -> Native | None:
    """Encode an annotated evolution as the evolution under another Hamiltonian.

    Qiskit would expand it by a product formula. The inverse and whole powers change the time; a
    control multiplies the Hamiltonian by its projector, (1 - Z)/2 or (1 + Z)/2.
    """
    base = operation.base_op
    if not isinstance(base, PauliEvolutionGate) or not _EXACT_EVOLUTION:
        return None
    hamiltonian, time = _hamiltonian(base), float(base.time)
    for modifier in operation.modifiers:
        if isinstance(modifier, InverseModifier):
            time = -time
        elif isinstance(modifier, PowerModifier) and float(modifier.power).is_integer():
            time *= modifier.power
        elif isinstance(modifier, ControlModifier):
            for control in range(modifier.num_ctrl_qubits):
                # The last control stands next to what is controlled, and the first one is qubit 0.
                bit = modifier.ctrl_state >> (modifier.num_ctrl_qubits - 1 - control) & 1
                projector = SparsePauliOp(["I", "Z"], [0.5, -0.5 if bit else 0.5])
                hamiltonian = hamiltonian.tensor(projector)
        else:
            return None
        if len(hamiltonian) > _MAX_TERMS:
            raise UnsupportedOperation(
                f"it is an evolution under a sum of over {_MAX_TERMS} Pauli strings, its controls "
                "included",
                "give it fewer controls",
            )
    return _evolution(PauliEvolutionGate(hamiltonian, time), fresh)


def _commute(hamiltonian: SparsePauliOp) -> bool:
    """Whether all terms commute: the symplectic products of all pairs are even."""
    x, z = hamiltonian.paulis.x.astype(np.int64), hamiltonian.paulis.z.astype(np.int64)
    products = x @ z.T
    return not np.any((products + products.T) % 2)


def _state_preparation(operation: StatePreparation, fresh: bool) -> Native | None:
    """Set the amplitudes directly if the qubits are in state 0; a definition is exact otherwise."""
    vector = np.array(operation.params)
    of_amplitudes = vector.dtype.kind in "fc" and len(vector) == 2**operation.num_qubits
    inverse = operation.name != "state_preparation"
    if not fresh or not of_amplitudes or inverse or operation.num_qubits == 0:
        return None
    amplitudes = vector.astype(complex)
    amplitudes = amplitudes / np.linalg.norm(amplitudes)
    return lambda qubits: ([("prepare", qubits, amplitudes)], 0.0)


def _controlled(operation: ControlledGate, fresh: bool) -> Native | None:
    """Encode a controlled gate by the matrix of its base gate, whatever its ctrl_state."""
    base = operation.base_gate
    num_controls = operation.num_ctrl_qubits
    whole = _small_matrix(operation, 3)
    if whole is not None:  # covers CUGate, whose base gate lacks the fourth angle
        return _dense(whole)
    if base.num_qubits + num_controls != operation.num_qubits or base.num_qubits == 0:
        return None
    try:
        matrix = _small_matrix(base, MATRIX_QUBITS)
    except ValueError:
        # Qiskit gives the base gate of a controlled CUGate four angles, and UGate takes three; the
        # definition is right.
        return None
    if matrix is None:
        return None
    values = tuple((operation.ctrl_state >> i) & 1 for i in range(num_controls))

    def native(qubits: tuple[int, ...]) -> Encoded:
        controls, targets = qubits[:num_controls], qubits[num_controls:]
        return [("matrix", targets, matrix, controls, values)], 0.0

    return native


_NATIVE: dict[type, Callable[[Any, bool], Native | None]] = {
    AnnotatedOperation: _annotated,
    UnitaryGate: _unitary,
    DiagonalGate: _diagonal,
    PermutationGate: _permutation,
    PauliGate: _pauli,
    PauliEvolutionGate: _evolution,
    StatePreparation: _state_preparation,
    ControlledGate: _controlled,
}
