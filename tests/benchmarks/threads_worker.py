"""Runs a case for each line of its input, and prints how long a run took in s.

``python -m tests.benchmarks.threads_worker CASE``, with the number of threads in the environment.
"""

from __future__ import annotations

import sys
import time
from typing import Any

from qiskit import QuantumCircuit
from qiskit.circuit import Parameter
from qiskit.circuit.library import CXGate, Measure, RZGate, SXGate, XGate
from qiskit.transpiler import InstructionProperties, QubitProperties, Target

CASES = {
    "twin-10": "A twin, 10 qubits x 300 shots",
    "twin-12": "A twin, 12 qubits x 300 shots",
    "density-9": "A density matrix of 9 qubits",
    "state-16": "A state of 16 qubits",
    "state-20": "A state of 20 qubits",
    "state-22": "A state of 22 qubits",
}
"""By name, what is run."""

SHOTS = 300

MIN_SECONDS = 0.3
"""Longer than the system lets a busy neighbor go before others: the mean has its share of waits."""


def main(case: str) -> None:
    """Run the case until the input ends."""
    from qiskit_oqtopus import QulacsBackend

    kind, _, number = case.partition("-")
    qubits = int(number)
    circuit = layers(qubits, 2)
    backend: Any = QulacsBackend() if kind == "state" else QulacsBackend.from_target(line(qubits))
    options = {"method": "density_matrix"} if kind == "density" else {}
    for _ in sys.stdin:
        start = time.perf_counter()
        runs, taken = 0, 0.0
        while taken < MIN_SECONDS:
            backend.run(circuit, shots=SHOTS, seed_simulator=1, **options).result()
            runs, taken = runs + 1, time.perf_counter() - start
        print(taken / runs, flush=True)


def layers(qubits: int, number: int) -> QuantumCircuit:
    """Return layers of gates of a device, measured."""
    circuit = QuantumCircuit(qubits)
    for layer in range(number):
        for qubit in range(qubits):
            circuit.sx(qubit)
            circuit.rz(0.1 + qubit + layer, qubit)
            circuit.sx(qubit)
        for qubit in range(qubits - 1):
            circuit.cx(qubit, qubit + 1)
    circuit.measure_all()
    return circuit


def line(qubits: int) -> Target:
    """Return a device whose qubits are coupled in a line."""
    properties = [QubitProperties(t1=1e-4, t2=8e-5) for _ in range(qubits)]
    target = Target(num_qubits=qubits, dt=2e-9, qubit_properties=properties)
    places = [(qubit,) for qubit in range(qubits)]
    for gate in (SXGate(), XGate()):
        target.add_instruction(gate, {q: InstructionProperties(3e-8, 3e-4) for q in places})
    virtual = {q: InstructionProperties(0.0, 0.0) for q in places}
    target.add_instruction(RZGate(Parameter("a")), virtual)
    target.add_instruction(Measure(), {q: InstructionProperties(1e-6, 0.02) for q in places})
    pairs = [(qubit, qubit + 1) for qubit in range(qubits - 1)]
    target.add_instruction(CXGate(), {q: InstructionProperties(3e-7, 8e-3) for q in pairs})
    return target


if __name__ == "__main__":
    main(sys.argv[1])
