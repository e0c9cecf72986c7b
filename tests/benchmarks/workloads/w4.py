"""W4: few large circuits: a Fourier transform, quantum volume and a layered ansatz."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from math import pi

import numpy as np
from qiskit import QuantumCircuit, transpile
from qiskit.circuit.library import quantum_volume
from qiskit.quantum_info import Statevector
from qiskit.transpiler import CouplingMap, Target

from ..peers import qulacs_optimizer
from ..peers.raw import probabilities
from ..sampling import sampling
from ..workload import Batch, Goal, Workload

SIZES = (10, 16, 20, 22)
SHOTS = 1024
SEED = 4

DEPTH = 10
"""Of quantum volume: with more qubits it is no longer a square, so that it takes less long."""

LAYERS, LAYERS_OF_LARGE = 10, 5
"""Of the ansatz: few on many qubits, for the same reason."""

STATEVECTOR_QUBITS = 16
"""On more, Qiskit's own state vector would take minutes."""

Built = tuple[QuantumCircuit, np.ndarray]
"""A circuit, and its probabilities, shape (2**num_qubits,)."""


def fourier(qubits: int) -> Built:
    """Return the Fourier transform of a product state; exact is the fast one of numpy.

    A basis state would come out uniform, whatever the angles of the gates.
    """
    angles = np.random.default_rng(SEED).uniform(0.05 * pi, 0.2 * pi, qubits)
    circuit = QuantumCircuit(qubits)
    amplitudes = np.ones(1)
    for qubit, angle in enumerate(angles):
        circuit.ry(float(angle), qubit)
        amplitudes = np.kron([np.cos(angle / 2), np.sin(angle / 2)], amplitudes)
    for target in reversed(range(qubits)):
        circuit.h(target)
        for control in reversed(range(target)):
            circuit.cp(pi / 2 ** (target - control), control, target)
    for qubit in range(qubits // 2):
        circuit.swap(qubit, qubits - 1 - qubit)
    exact = np.abs(np.fft.ifft(amplitudes, norm="ortho")) ** 2
    circuit.measure_all()
    return circuit, exact


def volume(qubits: int) -> Built:
    """Return layers of random unitaries on random pairs of qubits."""
    circuit = quantum_volume(qubits, DEPTH, seed=SEED)
    return _measured(circuit)


def layered(qubits: int, layers: int) -> Built:
    """Return layers of RY and RZ on all qubits and a ladder of CX, at random angles."""
    rng = np.random.default_rng(SEED)
    circuit = QuantumCircuit(qubits)
    for _ in range(layers):
        for qubit in range(qubits):
            first, second = rng.uniform(-pi, pi, 2)
            circuit.ry(float(first), qubit)
            circuit.rz(float(second), qubit)
        for qubit in range(qubits - 1):
            circuit.cx(qubit, qubit + 1)
    return _measured(circuit)


def _measured(circuit: QuantumCircuit) -> Built:
    """Measure all qubits.

    On many qubits exact is what raw Qulacs gives: with fewer it agrees with Qiskit's state vector,
    and here the other peers must agree with it.
    """
    small = circuit.num_qubits <= STATEVECTOR_QUBITS
    exact = Statevector(circuit).probabilities() if small else None
    circuit.measure_all()
    return circuit, probabilities(circuit) if exact is None else exact


def ansatz(qubits: int) -> Built:
    """Return the layered ansatz that is timed."""
    return layered(qubits, LAYERS if qubits <= STATEVECTOR_QUBITS else LAYERS_OF_LARGE)


KINDS: dict[str, tuple[str, Callable[[int], Built]]] = {
    "qft": ("QFT", fourier),
    "qv": ("quantum volume", volume),
    "layered": ("layered ansatz", ansatz),
}

RAW_SMALL = {"qft": 4.5, "qv": 3.0, "layered": 3.0}
RAW_LARGE = {"qft": 1.2, "qv": 1.2, "layered": 0.4}


def workload(kind: str, qubits: int) -> Workload:
    """Return a workload."""
    title, build = KINDS[kind]
    circuit, exact = build(qubits)
    small = qubits == SIZES[0]
    if small:
        goals = [Goal("raw", RAW_SMALL[kind], counts=False), Goal("aer", 0.5)]
    else:
        goals = [Goal("raw", RAW_LARGE[kind]), Goal("aer", 0.65)]
    made = sampling(
        f"w4-{kind}-{qubits}",
        f"W4 {title}, n = {qubits}",
        Batch([circuit], SHOTS),
        [exact],
        goals,
        # With more qubits, nothing that can be remembered takes a noticeable part of the time.
        again=qubits <= STATEVECTOR_QUBITS,
    )
    return _with_optimizer(made, circuit) if qubits == STATEVECTOR_QUBITS else made


def _with_optimizer(workload: Workload, circuit: QuantumCircuit) -> Workload:
    """Let Qulacs' own optimizer, whose time counts, take part; nobody has set a goal for it."""
    task = partial(qulacs_optimizer.prepare, Batch([circuit], SHOTS))
    return replace(
        workload,
        tasks={**workload.tasks, qulacs_optimizer.NAME: task},
        goals=[*workload.goals, Goal(qulacs_optimizer.NAME, None)],
    )


def brick_wall() -> Workload:
    """Return layers of RX, RY and RZ on all qubits and CX side by side: the other layered ansatz.

    Aer takes about as long for it as raw Qulacs, and twice as long for the one of :func:`layered`.
    """
    qubits = STATEVECTOR_QUBITS
    rng = np.random.default_rng(SEED)
    circuit = QuantumCircuit(qubits)
    for layer in range(LAYERS):
        for qubit in range(qubits):
            for rotate in (circuit.rx, circuit.ry, circuit.rz):
                rotate(float(rng.uniform(-pi, pi)), qubit)
        for qubit in range(layer % 2, qubits - 1, 2):
            circuit.cx(qubit, qubit + 1)
    circuit, exact = _measured(circuit)
    made = sampling(
        f"w4-brick-{qubits}",
        f"W4 layered ansatz, three rotations and a brick wall, n = {qubits}",
        Batch([circuit], SHOTS),
        [exact],
        [Goal("raw", RAW_LARGE["layered"]), Goal("aer", 0.65)],
    )
    return _with_optimizer(made, circuit)


def compiled() -> Workload:
    """Return quantum volume as a device runs it; nobody has set a goal for it."""
    qubits = SIZES[0]
    circuit, exact = volume(qubits)
    line = Target.from_configuration(
        basis_gates=["x", "sx", "rz", "cx", "measure"],
        num_qubits=qubits,
        coupling_map=CouplingMap.from_line(qubits),
    )
    return sampling(
        f"w4-device-{qubits}",
        f"W4 quantum volume, n = {qubits}, compiled for a device",
        Batch([transpile(circuit, target=line, seed_transpiler=SEED)], SHOTS),
        [exact],
        [Goal("raw", None), Goal("aer", None)],
    )


WORKLOADS = {
    **{
        f"w4-{kind}-{qubits}": partial(workload, kind, qubits) for qubits in SIZES for kind in KINDS
    },
    f"w4-brick-{STATEVECTOR_QUBITS}": brick_wall,
    f"w4-device-{SIZES[0]}": compiled,
}
