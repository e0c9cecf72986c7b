"""W8: circuits with the noise of a calibration: the twin of a device beside Aer's."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from qiskit import QuantumCircuit, transpile
from qiskit.circuit.random import random_circuit
from qiskit.providers import BackendV2, Options
from qiskit.quantum_info import DensityMatrix, Operator, SuperOp
from qiskit.transpiler import Target

from qiskit_oqtopus import OqtopusWarning, QulacsBackend
from qiskit_oqtopus.device.device_info import CouplingFacts, QubitFacts
from qiskit_oqtopus.device.target import device_target
from qiskit_oqtopus.simulator.noise.model import NoiseModel
from tests.noisy_reference import readout, superop

from ..agreement import Exact, WrongAnswer, check_counts
from ..peers import OURS
from ..peers.peer import backend_task
from ..workload import Batch, Goal, Task, Unsupported, Workload
from . import w3
from .w2 import BASIS, DEVICE_QUBITS

SHOTS = 1000
DEPTH = 20
WIDE_DEPTH = 5
CIRCUITS = 5
SEED = 8
SIGMAS = 6.0

MATRIX = "AerSimulator, `density_matrix`"
TRAJECTORIES = "AerSimulator, `statevector`"


def target(num_qubits: int) -> Target:
    """Return a line of qubits; the durations are short enough for errors to be what is stated."""
    durations = {"rz": 0.0, "sx": 2e-8, "x": 2e-8}
    return device_target(
        num_qubits=num_qubits,
        basis_gates=BASIS,
        qubits=[
            QubitFacts(
                qubit,
                fidelity=0.999,
                t1=1e-4,
                t2=1e-4,
                durations=durations,
                prob_meas1_prep0=0.01,
                prob_meas0_prep1=0.03,
            )
            for qubit in range(num_qubits)
        ],
        couplings=[
            CouplingFacts(q, q + 1, 0.99, durations={"cx": 4e-8}) for q in range(num_qubits - 1)
        ],
    )


class Device(BackendV2):
    """A backend that is no more than its Target, for Aer to read."""

    def __init__(self, target: Target) -> None:
        super().__init__(name="device")
        self._target = target

    @property
    def target(self) -> Target:
        """The Target."""
        return self._target

    @property
    def max_circuits(self) -> None:
        """No limit."""
        return None

    @classmethod
    def _default_options(cls) -> Options:
        return Options()

    def run(self, run_input: Any, **options: Any) -> Any:
        """Refuse: nothing is behind it."""
        raise Unsupported("a Target runs nothing")


def random_circuits(num_qubits: int, depth: int, number: int) -> list[QuantumCircuit]:
    """Return random circuits of gates on one and two qubits, compiled."""
    made = []
    for index in range(number):
        circuit = random_circuit(num_qubits, depth, max_operands=2, seed=SEED + index)
        circuit.measure_all()
        made.append(transpile(circuit, target=target(num_qubits), seed_transpiler=SEED))
    return made


def exact(circuit: QuantumCircuit, noise: NoiseModel) -> np.ndarray:
    """Return the distribution of the classical bits by Qiskit's own density matrices."""
    places: dict[Any, int] = {}
    for item in circuit.data:
        if item.name != "barrier":
            for bit in item.qubits:
                places.setdefault(bit, len(places))
    state = DensityMatrix.from_label("0" * len(places))
    clbits: dict[int, int] = {}
    confusions = []
    for item in circuit.data:
        where = [places[bit] for bit in item.qubits if bit in places]
        qubits = tuple(circuit.find_bit(bit).index for bit in item.qubits)
        if item.name == "measure":
            clbit = circuit.find_bit(item.clbits[0]).index
            clbits[clbit] = where[0]
            confusions.append((clbit, readout(noise, qubits[0])))
        elif item.name != "barrier":
            state = state.evolve(Operator(item.operation), where)
            channel = superop(noise, item.name, qubits)
            if channel is not None:
                state = state.evolve(SuperOp(channel), where)
    order = [clbits[clbit] for clbit in sorted(clbits)]
    values = state.probabilities(order).reshape((2,) * len(order))
    for clbit, confusion in confusions:
        axis = len(order) - 1 - clbit
        values = np.moveaxis(np.tensordot(confusion, values, (1, axis)), 0, axis)
    return values.reshape(-1)


def ours(device: Target, batch: Batch) -> Task:
    """Return the task of the twin."""
    return backend_task(_twin(device), batch)


def _twin(device: Target) -> QulacsBackend:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", OqtopusWarning)
        return QulacsBackend.from_target(device)


def aer(device: Target, method: str, batch: Batch) -> Task:
    """Return the task of Aer with the noise that it reads from the same Target."""
    try:
        from qiskit_aer import AerSimulator
    except ImportError as error:
        raise Unsupported("qiskit-aer is not installed") from error
    backend = AerSimulator.from_backend(
        Device(device), method=method, max_parallel_threads=1, max_parallel_experiments=1
    )
    return backend_task(backend, batch)


@dataclass
class MeansOfBits:
    """Compares the mean of each bit with that of the first peer, where exact is out of reach."""

    name: str
    shots: int = SHOTS
    first: np.ndarray | None = None

    def __call__(self, peer: str, answer: Any) -> None:
        """Raise WrongAnswer if a mean is more than 6 sigma away."""
        means = np.array([_means(counts) for counts in answer])
        self.first = means if self.first is None else self.first
        # The difference of two means of bits, whose variances are at most 1/4.
        if np.abs(means - self.first).max() > SIGMAS * (0.5 / self.shots) ** 0.5:
            raise WrongAnswer(f"{self.name}: {peer} has other means of bits")


def _means(counts: Any) -> np.ndarray:
    rows = np.array([[int(bit) for bit in key] for key in counts])
    return np.array(list(counts.values())) @ rows / sum(counts.values())


def workload(
    name: str, title: str, qubits: int, method: str, make: Callable[[], Any], goal: float
) -> Workload:
    """Return a workload."""
    device, circuits = target(qubits), make()
    batch = Batch(circuits, SHOTS)
    peer = MATRIX if method == "density_matrix" else TRAJECTORIES
    check: Callable[[str, Any], None] = MeansOfBits(name)
    if method == "density_matrix":
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", OqtopusWarning)
            noise = NoiseModel.from_target(device)
        distributions = [Exact(exact(circuit, noise)) for circuit in circuits]
        check = partial(check_counts, name, distributions, SHOTS)
    tasks = {OURS: partial(ours, device, batch), peer: partial(aer, device, method, batch)}
    return Workload(name, title, tasks, check, [Goal(peer, goal)])


def rb() -> list[QuantumCircuit]:
    """Return two-qubit RB of all lengths, two samples."""
    return w3.circuits(2)[: 2 * len(w3.LENGTHS[2])]


WORKLOADS = {
    **{
        f"w8-{n}": partial(
            workload,
            f"w8-{n}",
            f"W8 noise, {CIRCUITS} circuits of {n} qubits, depth {DEPTH}",
            n,
            "density_matrix",
            partial(random_circuits, n, DEPTH, CIRCUITS),
            0.25,
        )
        for n in (3, 4, 5)
    },
    "w8-rb": partial(
        workload,
        "w8-rb",
        "W8 noisy two-qubit RB, 20 circuits",
        DEVICE_QUBITS,
        "density_matrix",
        rb,
        0.35,
    ),
    "w8-12": partial(
        workload,
        "w8-12",
        f"W8 noise, 12 qubits, depth {WIDE_DEPTH}",
        12,
        "statevector",
        partial(random_circuits, 12, WIDE_DEPTH, 1),
        1.0,
    ),
}
