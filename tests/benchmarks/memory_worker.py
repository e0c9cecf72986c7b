"""Runs one thing in a process of its own, and prints how much memory it took.

``python -m tests.benchmarks.memory_worker PEER wide QUBITS`` or ``PEER batch CIRCUITS``.
"""

from __future__ import annotations

import gc
import json
import sys
import tracemalloc
from math import pi
from pathlib import Path
from typing import Any

import numpy as np
from qiskit import QuantumCircuit
from qiskit.quantum_info import random_unitary

from .workloads.w4 import layered

SHOTS = 1000
BATCH_QUBITS = 5


def main(peer: str, kind: str, number: str) -> None:
    """Print what a run takes, in bytes beyond what there was before it."""
    backend = _backend(peer)
    # What is loaded at the first run does not count for any circuit.
    backend.run(layered(3, 1)[0], shots=SHOTS).result().get_counts()
    print(json.dumps({"wide": _wide, "batch": _batch}[kind](backend, int(number))))


def _wide(backend: Any, qubits: int) -> dict[str, int]:
    """Return the peak of the whole process, as the operating system sees it."""
    circuit = wide(qubits)
    before = _resident("VmRSS")
    backend.run(circuit, shots=SHOTS).result()
    return {"peak": _resident("VmHWM") - before}


def _batch(backend: Any, number: int) -> dict[str, int]:
    """Return what Python and numpy allocate; the states of Qulacs are reused."""
    circuits = [layered(BATCH_QUBITS, 2)[0] for _ in range(number)]
    tracemalloc.start()
    result: Any = backend.run(circuits, shots=SHOTS).result()
    peak = tracemalloc.get_traced_memory()[1]
    kept = _traced()
    del result
    # What Qiskit remembers in the circuits while they are read belongs to them, not to the result.
    left = _traced()
    return {"peak": peak - left, "results": kept - left}


def _traced() -> int:
    gc.collect()
    return tracemalloc.get_traced_memory()[0]


def _backend(peer: str) -> Any:
    if peer == "aer":
        from qiskit_aer import AerSimulator

        return AerSimulator(method="statevector", max_parallel_threads=1)
    from qiskit_oqtopus import QulacsBackend

    return QulacsBackend()


def wide(qubits: int) -> QuantumCircuit:
    """Return a circuit with gates of all kinds: dense and diagonal, on one to three qubits."""
    rng = np.random.default_rng(0)
    circuit = QuantumCircuit(qubits)
    circuit.h(range(qubits))
    for qubit in range(qubits):
        circuit.u(*rng.uniform(-pi, pi, 3).tolist(), qubit)
    for first in range(0, qubits - 1, 2):
        circuit.unitary(random_unitary(4, seed=rng), [first, first + 1])
    for qubit in range(qubits - 1):
        circuit.cx(qubit, qubit + 1)
        circuit.rz(float(rng.uniform(-pi, pi)), qubit)
    for qubit in range(1, qubits - 1, 3):
        circuit.cp(pi / 4, qubit, qubit + 1)
        circuit.rzz(0.3, qubit, qubit - 1)
        circuit.rxx(0.3, qubit, qubit - 1)
    circuit.ccx(0, qubits // 2, qubits - 1)
    circuit.swap(1, qubits - 2)
    circuit.unitary(random_unitary(8, seed=rng), [2, qubits // 2, qubits - 1])
    circuit.measure_all()
    return circuit


def _resident(field: str) -> int:
    # The number of getrusage includes the memory of the parent process.
    status = Path("/proc/self/status").read_text()
    return int(status.split(f"{field}:")[1].split()[0]) * 1024


if __name__ == "__main__":
    main(*sys.argv[1:])
