"""Clifford circuits that are too wide for state vectors, beside Aer's stabilizer states."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from qiskit import QuantumCircuit, transpile
from qiskit.circuit import Reset
from qiskit.circuit.random import random_clifford_circuit
from qiskit.transpiler import Target

from qiskit_oqtopus import OqtopusWarning, QulacsBackend
from qiskit_oqtopus.simulator.noise.model import NoiseModel
from qiskit_oqtopus.simulator.noise.twirl import twirl
from tests.surface_code import surface_code

from ..agreement import WrongAnswer
from ..peers import OURS
from ..peers.peer import backend_task
from ..workload import Batch, Goal, Task, Unsupported, Workload
from .chip import chip

AER = "AerSimulator, `stabilizer`"
AT_MOST = 0.02
SHOTS = 10_000
CODE_SHOTS = 500
"""Aer takes as long for each shot with noise: with more of them, the ratio would be better."""

SEED = 9
SIGMAS = 6.0


def ghz(num_qubits: int) -> QuantumCircuit:
    """Return a GHZ state."""
    circuit = QuantumCircuit(num_qubits)
    circuit.h(0)
    circuit.cx(range(num_qubits - 1), range(1, num_qubits))
    circuit.measure_all()
    return circuit


def mirror(num_qubits: int, size: int) -> QuantumCircuit:
    """Return a random circuit, its inverse, and flips."""
    half = random_clifford_circuit(num_qubits, size, gates=["cx", "h", "s", "x"], seed=SEED)
    circuit = half.compose(half.inverse())
    circuit.x(range(0, num_qubits, 3))
    circuit.measure_all()
    return circuit


def grid() -> Target:
    """Return the Target of a chip of 144 qubits that can reset them."""
    target = chip(12, 12)
    target.add_instruction(Reset(), {(qubit,): None for qubit in range(144)})
    return target


def code(distance: int, rounds: int) -> QuantumCircuit:
    """Return a memory of the surface code, compiled for the grid."""
    size = 2 * distance - 1
    layout = [12 * row + column for row in range(size) for column in range(size)]
    return transpile(
        surface_code(distance, rounds),
        target=grid(),
        initial_layout=layout,
        optimization_level=1,
        seed_transpiler=SEED,
    )


@dataclass
class SameMoments:
    """Compares the means of all bits, and of the parities of neighbours, with those of the first.

    Attributes:
        name: The workload.
        shots: Number of shots.
        first: Those of the first competitor.
    """

    name: str
    shots: int
    first: np.ndarray | None = None

    def __call__(self, peer: str, answer: Any) -> None:
        """Raise WrongAnswer if one is more than 6 sigma away."""
        (counts,) = answer
        rows = np.array([[int(bit) for bit in reversed(key)] for key in counts])
        weights = np.array(list(counts.values())) / self.shots
        moments = weights @ np.hstack([rows, rows[:, 1:] ^ rows[:, :-1]])
        self.first = moments if self.first is None else self.first
        # The difference of two means of bits, whose variances are at most 1/4.
        if np.abs(moments - self.first).max() > SIGMAS * (0.5 / self.shots) ** 0.5:
            raise WrongAnswer(f"{self.name}: {peer} has other means of bits")


def ours(device: Target | None, batch: Batch) -> Task:
    """Return our task, on the twin of a device or without noise."""
    if device is None:
        return backend_task(QulacsBackend(method="stabilizer"), batch)
    warnings.simplefilter("ignore", OqtopusWarning)  # of what is approximated, in each run
    return backend_task(QulacsBackend.from_target(device, method="stabilizer"), batch)


def aer(device: Target | None, batch: Batch) -> Task:
    """Return the task of Aer, with the same Pauli errors."""
    try:
        from qiskit_aer import AerSimulator
    except ImportError as error:
        raise Unsupported("qiskit-aer is not installed") from error
    noise = None if device is None else _build_noise(device, batch.circuits[0])
    backend = AerSimulator(
        method="stabilizer", noise_model=noise, max_parallel_threads=1, max_parallel_experiments=1
    )
    return backend_task(backend, batch)


def _build_noise(device: Target, circuit: QuantumCircuit) -> Any:
    """Return Aer's model of the Pauli errors of all instructions of a circuit."""
    from qiskit_aer import noise

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", OqtopusWarning)
        model = NoiseModel.from_target(device)
    found = noise.NoiseModel(basis_gates=["rz", "sx", "x", "cx", "reset"])
    for name, qubits in {
        (each.name, tuple([circuit.find_bit(bit).index for bit in each.qubits]))
        for each in circuit.data
    }:
        for _, p, q in model.misreadings(qubits[0], [0]) if name == "measure" else []:
            found.add_readout_error(noise.ReadoutError([[1 - p, p], [q, 1 - q]]), list(qubits))
        operation = model.operation(name, qubits)
        if operation is not None:
            width = len(qubits)
            errors = [
                ("".join(["IXYZ"[i >> 2 * j & 3] for j in reversed(range(width))]), probability)
                for i, probability in enumerate(twirl(*operation[2:]))
            ]
            found.add_quantum_error(noise.pauli_error(errors), [name], list(qubits))
    return found


def workload(
    name: str,
    title: str,
    build: Callable[[], QuantumCircuit],
    shots: int = SHOTS,
    device: Callable[[], Target] | None = None,
) -> Workload:
    """Return a workload."""
    batch = Batch([build()], shots)
    target = None if device is None else device()
    tasks = {OURS: partial(ours, target, batch), AER: partial(aer, target, batch)}
    return Workload(name, title, tasks, SameMoments(name, shots), [Goal(AER, AT_MOST)])


WORKLOADS = {
    "clifford-ghz": partial(
        workload, "clifford-ghz", "Clifford GHZ-144, 1e4 shots", partial(ghz, 144)
    ),
    "clifford-mirror": partial(
        workload,
        "clifford-mirror",
        "Clifford mirror circuit on 64 qubits, 1e4 shots",
        partial(mirror, 64, 640),
    ),
    "clifford-code": partial(
        workload,
        "clifford-code",
        f"Clifford surface code of distance 5, three rounds with noise, {CODE_SHOTS} shots",
        partial(code, 5, 3),
        CODE_SHOTS,
        grid,
    ),
}
