"""A circuit with all that a header has to say."""

import pytest
from qiskit import QuantumCircuit
from qiskit.circuit import ClassicalRegister, Clbit, QuantumRegister, Qubit

from qiskit_oqtopus.program.program import (
    ProgramHeader,
)

GROUP = ProgramHeader(group="0123456789abcdef", created="2026-02-03T04:05:06Z", shots=100)


@pytest.fixture
def circuit():
    """A circuit with all that a header has to say."""
    result = QuantumCircuit(
        QuantumRegister(1, "a"),
        [Qubit()],
        [Clbit()],
        ClassicalRegister(2, "ｃ"),
        name="名\u2028前\n// qiskit-oqtopus {}",
        global_phase=0.5,
        metadata={"xval": 0.1, "qubits": (1, 2), 3: "\u2028\x85\r\n"},
    )
    result.measure(0, 2)
    return result
