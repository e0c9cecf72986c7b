"""Operations on a Qulacs state vector."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np
import qulacs
from numpy.typing import NDArray

from .operations import DENSE_QUBITS, Operation, evolution_matrix, preparation_matrix

_SLICE = 1 << 24
"""Amplitude updates between two looks at the cancel flag: well below a second of work."""


def _add_pauli_rotation(
    circuit: Any, qubits: Sequence[int], letters: Sequence[int], angle: float
) -> None:
    # Qulacs rotates by exp(+i angle P / 2).
    circuit.add_multi_Pauli_rotation_gate(list(qubits), list(letters), -angle)


def _add_phase(circuit: Any, qubits: Sequence[int], angle: float) -> None:
    # A quarter of the state, where a diagonal of two qubits would multiply all of it.
    gate = qulacs.gate.to_matrix_gate(qulacs.gate.U1(qubits[0], angle))
    gate.add_control_qubit(qubits[1], 1)
    circuit.add_gate(gate)


def _add_diagonal(circuit: Any, qubits: Sequence[int], entries: NDArray[np.complex128]) -> None:
    circuit.add_gate(qulacs.gate.DiagonalMatrix(list(qubits), entries))


_ADD: dict[str, Callable[..., None]] = {
    "x": qulacs.QuantumCircuit.add_X_gate,
    "y": qulacs.QuantumCircuit.add_Y_gate,
    "z": qulacs.QuantumCircuit.add_Z_gate,
    "h": qulacs.QuantumCircuit.add_H_gate,
    "s": qulacs.QuantumCircuit.add_S_gate,
    "sdg": qulacs.QuantumCircuit.add_Sdag_gate,
    "t": qulacs.QuantumCircuit.add_T_gate,
    "tdg": qulacs.QuantumCircuit.add_Tdag_gate,
    "sx": qulacs.QuantumCircuit.add_sqrtX_gate,
    "sxdg": qulacs.QuantumCircuit.add_sqrtXdag_gate,
    "rx": qulacs.QuantumCircuit.add_RotX_gate,
    "ry": qulacs.QuantumCircuit.add_RotY_gate,
    "rz": qulacs.QuantumCircuit.add_RotZ_gate,
    "u": qulacs.QuantumCircuit.add_U3_gate,
    "cx": qulacs.QuantumCircuit.add_CNOT_gate,
    "cz": qulacs.QuantumCircuit.add_CZ_gate,
    "swap": qulacs.QuantumCircuit.add_SWAP_gate,
    "pauli_rotation": _add_pauli_rotation,
    "phase": _add_phase,
    "diagonal": _add_diagonal,
}
"""Operations that a circuit of Qulacs can hold as they are. The methods are unbound: binding them
all for each circuit costs more than a small circuit."""


class Flag(Protocol):
    """Something like ``threading.Event``, set when the work is no longer wanted."""

    def is_set(self) -> bool:
        """Return whether it is set."""


class Cancelled(Exception):  # noqa: N818 - control flow inside the simulator, never an error
    """The work was cancelled between two gates."""


class Circuit:
    """Operations in Qulacs' own form, applied in slices that a cancel flag can stop.

    Args:
        operations: What is applied, in order.
        num_qubits: Number of qubits of the states that it is applied to.
    """

    def __init__(self, operations: Sequence[Operation], num_qubits: int) -> None:
        self._num_qubits = num_qubits
        self._parts: list[Any] = []
        circuit = self._new_part()
        for name, *arguments in operations:
            add = _ADD.get(name)
            if add is not None:
                add(circuit, *arguments)
            else:
                getattr(self, f"_{name}")(*arguments)
                circuit = self._circuit

    def _new_part(self) -> Any:
        self._circuit = qulacs.QuantumCircuit(self._num_qubits)
        self._parts.append(self._circuit)
        return self._circuit

    def _matrix(
        self,
        qubits: Sequence[int],
        matrix: NDArray[np.complex128],
        controls: Sequence[int],
        values: Sequence[int],
    ) -> None:
        if not controls:
            self._circuit.add_dense_matrix_gate(list(qubits), matrix)
            return
        gate = qulacs.gate.DenseMatrix(list(qubits), matrix)
        for control, value in zip(controls, values, strict=True):
            gate.add_control_qubit(control, value)
        self._circuit.add_gate(gate)

    def _prepare(self, qubits: Sequence[int], amplitudes: NDArray[np.complex128]) -> None:
        if len(qubits) <= DENSE_QUBITS:
            self._matrix(qubits, preparation_matrix(amplitudes), (), ())
            return

        def prepare(vectors: NDArray[np.complex128]) -> NDArray[np.complex128]:
            return np.outer(amplitudes, vectors[0])

        self._on_vector(qubits, prepare)

    def _evolve(
        self, qubits: Sequence[int], labels: Sequence[str], coefficients: Any, time: float
    ) -> None:
        if len(qubits) <= DENSE_QUBITS:
            self._matrix(qubits, evolution_matrix(labels, coefficients, time), (), ())
            return

        def evolve(vectors: NDArray[np.complex128]) -> NDArray[np.complex128]:
            from qiskit.quantum_info import SparsePauliOp
            from scipy.sparse.linalg import expm_multiply

            hamiltonian = SparsePauliOp(list(labels), np.array(coefficients))
            generator = -1j * time * hamiltonian.to_matrix(sparse=True)
            evolved: NDArray[np.complex128] = expm_multiply(
                generator, vectors, traceA=generator.trace()
            )
            return evolved

        self._on_vector(qubits, evolve)

    def _on_vector(
        self,
        qubits: Sequence[int],
        function: Callable[[NDArray[np.complex128]], NDArray[np.complex128]],
    ) -> None:
        """Add a linear map on the state as an array of shape (2**k, 2**(n - k)), k qubits first."""
        n = self._num_qubits
        axes = [n - 1 - qubit for qubit in reversed(qubits)]
        places = list(range(len(axes)))

        def apply(state: Any) -> None:
            tensor = np.moveaxis(state.get_vector().reshape((2,) * n), axes, places)
            changed = function(tensor.reshape(1 << len(axes), -1)).reshape((2,) * n)
            state.load(np.moveaxis(changed, places, axes).reshape(-1))

        self._parts.append(apply)
        self._new_part()

    def apply(self, state: Any, cancelled: Flag | None = None) -> None:
        """Apply the operations to a ``qulacs.QuantumState``.

        Raises:
            Cancelled: If the flag was set; the state is then somewhere in between.
        """
        step = max(1, _SLICE >> self._num_qubits)
        for part in self._parts:
            if not isinstance(part, qulacs.QuantumCircuit):
                part(state)
                continue
            count = part.get_gate_count()
            if count <= step:
                part.update_quantum_state(state)
                continue
            for start in range(0, count, step):
                if cancelled is not None and cancelled.is_set():
                    raise Cancelled
                part.update_quantum_state(state, start, min(start + step, count))
