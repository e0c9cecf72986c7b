"""W7: dynamic circuits on 5 qubits: where other simulators run shot by shot."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from math import pi

import numpy as np
from qiskit import QuantumCircuit

from ...dynamic_reference import distribution
from ..sampling import sampling
from ..workload import Batch, Goal, Workload

QUBITS = 5
SHOTS = 1000
ROUNDS = 3
SEED = 7


def syndromes() -> QuantumCircuit:
    """Return rounds of syndrome measurements of a repetition code, its ancillas reset each time."""
    angles = np.random.default_rng(SEED).uniform(0.2 * pi, 0.5 * pi, (ROUNDS, 3))
    circuit = QuantumCircuit(QUBITS, 2 * ROUNDS + 3)
    for number, errors in enumerate(angles):
        for qubit, angle in enumerate(errors):
            circuit.rx(float(angle), qubit)
        for pair, ancilla in enumerate((3, 4)):
            circuit.cx(pair, ancilla)
            circuit.cx(pair + 1, ancilla)
            circuit.measure(ancilla, 2 * number + pair)
            circuit.reset(ancilla)
    circuit.measure(range(3), range(2 * ROUNDS, 2 * ROUNDS + 3))
    return circuit


def feed_forward() -> QuantumCircuit:
    """Return a chain: each qubit is measured, and what the next ones suffer depends on it."""
    angles = np.random.default_rng(SEED).uniform(0.2 * pi, 0.8 * pi, (QUBITS, 3))
    circuit = QuantumCircuit(QUBITS, QUBITS)
    for qubit, angle in enumerate(angles[:, 0]):
        circuit.ry(float(angle), qubit)
    for qubit in range(QUBITS - 1):
        circuit.cx(qubit, qubit + 1)
        circuit.rx(float(angles[qubit, 1]), qubit)
        circuit.measure(qubit, qubit)
        with circuit.if_test((qubit, 1)) as otherwise:
            circuit.x(qubit + 1)
            circuit.rz(float(angles[qubit, 2]), qubit + 1)
        with otherwise:
            circuit.h(qubit + 1)
    circuit.measure(QUBITS - 1, QUBITS - 1)
    return circuit


def forgetful_rounds(rounds: int = ROUNDS) -> QuantumCircuit:
    """Return rounds that write over the outcomes of those before: the same 16 each time."""
    circuit = QuantumCircuit(QUBITS, QUBITS)
    for _ in range(rounds):
        circuit.h(range(QUBITS))
        for qubit in range(QUBITS - 1):
            circuit.measure(qubit, qubit)
            with circuit.if_test((qubit, 1)):
                circuit.x(qubit + 1)
        circuit.reset(QUBITS - 1)
    circuit.measure(range(QUBITS), range(QUBITS))
    return circuit


def recorded_rounds(rounds: int = ROUNDS, start: int = 0) -> QuantumCircuit:
    """Return rounds of measurements of all qubits, each into bits of its own."""
    circuit = QuantumCircuit(QUBITS, QUBITS * rounds)
    for qubit in range(QUBITS):
        if start >> qubit & 1:
            circuit.x(qubit)
    for number in range(rounds):
        for qubit in range(QUBITS):
            circuit.rx(0.3 + 0.1 * qubit, qubit)
        for qubit in range(QUBITS - 1):
            circuit.cx(qubit, qubit + 1)
        circuit.measure(range(QUBITS), range(QUBITS * number, QUBITS * (number + 1)))
        circuit.reset(0)
    return circuit


def dense_distribution(circuit: QuantumCircuit) -> np.ndarray:
    """Return the exact distribution of a circuit, shape (2**clbits,)."""
    exact = np.zeros(1 << circuit.num_clbits)
    for key, probability in distribution(circuit).items():
        exact[key] = probability
    return exact


def exact_records() -> np.ndarray:
    """Return the distribution of the recorded rounds: each begins with what the last one found."""
    size = 1 << QUBITS
    # Qubit 0 was reset.
    rows = np.array([dense_distribution(recorded_rounds(1, start & ~1)) for start in range(size)])
    exact = rows[0]
    for _ in range(ROUNDS - 1):
        last = np.arange(len(exact)) // (len(exact) // size)
        exact = (exact[:, np.newaxis] * rows[last]).T.reshape(-1)
    return np.asarray(exact)


KINDS: dict[str, tuple[str, Callable[[], QuantumCircuit], Callable[[], np.ndarray], float]] = {
    "mid": (
        "mid-circuit measurement and reset",
        syndromes,
        lambda: dense_distribution(syndromes()),
        0.05,
    ),
    "if": ("if_else", feed_forward, lambda: dense_distribution(feed_forward()), 0.16),
    "forget": (
        "outcomes that are written over",
        forgetful_rounds,
        lambda: dense_distribution(forgetful_rounds(1)),
        0.25,
    ),
    "record": ("outcomes that are kept", recorded_rounds, exact_records, 0.06),
}


def workload(kind: str) -> Workload:
    """Return a workload; exact is what following every outcome gives."""
    title, build, exact, over_aer = KINDS[kind]
    return sampling(
        f"w7-{kind}",
        f"W7 {title}, {QUBITS} qubits x {SHOTS} shots",
        Batch([build()], SHOTS),
        [exact()],
        [Goal("aer", over_aer)],
    )


WORKLOADS = {f"w7-{kind}": partial(workload, kind) for kind in KINDS}
