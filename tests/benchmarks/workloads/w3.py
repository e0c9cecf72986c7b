"""W3: randomized benchmarking: many circuits of very many gates on one or two qubits of a device.

As the experiments of qiskit-experiments make them: each sample is one random sequence of Cliffords,
cut off at each length and followed by its inverse; barriers keep the Cliffords apart.
"""

from __future__ import annotations

from functools import partial

import numpy as np
from qiskit import QuantumCircuit, transpile
from qiskit.quantum_info import Clifford, random_clifford

from ..sampling import sampling
from ..workload import Batch, Goal, Workload
from .w2 import BASIS, DEVICE_QUBITS

SAMPLES = 10
POOL = 300
"""Cliffords are drawn from as many, so that each is compiled once."""

SEED = 3
SHOTS = 1000

NAMES = {1: "one", 2: "two"}
QUBITS = {1: [7], 2: [7, 8]}
LENGTHS = {
    1: np.linspace(10, 1000, 10, dtype=int),
    2: np.linspace(10, 288, 10, dtype=int),
}
"""Numbers of Cliffords by number of qubits."""


def circuits(width: int) -> list[QuantumCircuit]:
    """Return the circuits on a device of 16 qubits, in its gates: x, sx, rz and cx."""
    rng = np.random.default_rng(SEED)
    pool = [random_clifford(width, seed=rng) for _ in range(POOL)]
    compiled = _compile(pool)
    made, inverses = [], []
    for _ in range(SAMPLES):
        drawn = rng.integers(POOL, size=LENGTHS[width][-1])
        total = Clifford(QuantumCircuit(width))
        sequence = _empty(width)
        for position, index in enumerate(drawn, start=1):
            total = total.compose(pool[index])
            _add(sequence, compiled[index], width)
            if position in LENGTHS[width]:
                made.append(sequence.copy())
                inverses.append(total.adjoint())
    for circuit, inverse in zip(made, _compile(inverses), strict=True):
        _add(circuit, inverse, width)
        circuit.measure(QUBITS[width], range(width))
    return made


def _compile(cliffords: list[Clifford]) -> list[QuantumCircuit]:
    return transpile(
        [clifford.to_circuit() for clifford in cliffords],
        basis_gates=BASIS,
        optimization_level=1,
        seed_transpiler=SEED,
        num_processes=1,
    )


def _empty(width: int) -> QuantumCircuit:
    return QuantumCircuit(DEVICE_QUBITS, width)


def _add(circuit: QuantumCircuit, gates: QuantumCircuit, width: int) -> None:
    circuit.compose(gates, QUBITS[width], inplace=True)
    circuit.barrier(QUBITS[width])


def workload(width: int) -> Workload:
    """Return the workload; the ground state comes back with certainty."""
    made = circuits(width)
    gates = sum(circuit.count_ops().get(name, 0) for circuit in made for name in BASIS)
    ground = np.eye(1, 1 << width)[0]
    return sampling(
        f"w3-{width}q",
        f"W3 {NAMES[width]}-qubit RB, {len(made)} circuits, {gates / 1000:.0f}k gates",
        Batch(made, SHOTS),
        [ground] * len(made),
        [Goal("raw", 1.3), Goal("aer", 0.04)],
    )


WORKLOADS = {f"w3-{width}q": partial(workload, width) for width in (2, 1)}
