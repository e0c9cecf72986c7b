"""W6: primitives: one circuit with parameters for many sets of values."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import qulacs
from qiskit import QuantumCircuit
from qiskit.circuit import ParameterVector
from qiskit.primitives import BackendSamplerV2, StatevectorEstimator
from qiskit.quantum_info import SparsePauliOp

from qiskit_oqtopus import EstimatorV2, QulacsBackend, SamplerV2

from ..agreement import WrongAnswer
from ..peers import OURS
from ..workload import Goal, Steps, Task, Unsupported, Workload

LAYERS = 3
SETS = 100
SAMPLED_SETS = 200
SHOTS = 1024
SEED = 11
AERS = "EstimatorV2 of Aer"
AERS_SAMPLER = "SamplerV2 of Aer"
REFERENCE = "StatevectorEstimator"
WRAPPED = "BackendSamplerV2 around QulacsBackend"

GOALS = {
    12: {"raw": 0.65, AERS: 0.55, REFERENCE: 0.15},
    16: {"raw": 0.45, AERS: 0.55, REFERENCE: 0.5},
}

STRINGS_QUBITS = 8
STRINGS = (100, 400, 1600)
MANY_STRINGS = 1000
"""Observables for each of many parameter sets."""


def ansatz(num_qubits: int) -> QuantumCircuit:
    """Return layers of RY, RZ and a ladder of CX."""
    angles = iter(ParameterVector("t", 2 * LAYERS * num_qubits))
    circuit = QuantumCircuit(num_qubits)
    for _ in range(LAYERS):
        for qubit in range(num_qubits):
            circuit.ry(next(angles), qubit)
        for qubit in range(num_qubits):
            circuit.rz(next(angles), qubit)
        for qubit in range(num_qubits - 1):
            circuit.cx(qubit, qubit + 1)
    return circuit


def ising(num_qubits: int) -> SparsePauliOp:
    """Return the transverse-field Ising chain."""
    bonds = [("ZZ", [i, i + 1], -1.0) for i in range(num_qubits - 1)]
    fields = [("X", [i], -0.7) for i in range(num_qubits)]
    return SparsePauliOp.from_sparse_list(bonds + fields, num_qubits)


def values(circuit: QuantumCircuit, sets: int) -> np.ndarray:
    """Return angles, shape (sets, parameters)."""
    return np.random.default_rng(SEED).uniform(-np.pi, np.pi, (sets, circuit.num_parameters))


@dataclass(frozen=True)
class Raw:
    """Bare Qulacs: a circuit a set and the observable prepared by hand, untimed."""

    circuit: QuantumCircuit
    observable: SparsePauliOp
    angles: np.ndarray

    def task(self) -> Task:
        """Return the task."""
        n = self.circuit.num_qubits
        prepared = [_by_hand(self.circuit.assign_parameters(row)) for row in self.angles]
        observable = qulacs.Observable(n)
        for label, coefficient in self.observable.to_list():
            letters = [f"{c} {q}" for q, c in enumerate(reversed(label)) if c != "I"]
            observable.add_operator(coefficient.real, " ".join(letters))
        state = qulacs.QuantumState(n)

        def run(_: Any) -> list[float]:
            found = []
            for circuit in prepared:
                state.set_zero_state()
                circuit.update_quantum_state(state)
                found.append(observable.get_expectation_value(state))
            return found

        return Steps(run, lambda found: found, free_reading=True)


def _by_hand(circuit: QuantumCircuit) -> Any:
    made = qulacs.QuantumCircuit(circuit.num_qubits)
    for item in circuit.data:
        qubits = [circuit.find_bit(bit).index for bit in item.qubits]
        if item.name == "cx":
            made.add_CNOT_gate(*qubits)
        else:
            turn = made.add_RotY_gate if item.name == "ry" else made.add_RotZ_gate
            turn(qubits[0], float(item.params[0]))
    return made


def _primitive(make: Callable[[], Any], pub: tuple[Any, ...], **options: Any) -> Task:
    primitive = make()

    def run(_: Any) -> Any:
        return primitive.run([pub], **options).result()[0].data

    return Steps(run, lambda data: data, free_reading=True)


def _aer(kind: str) -> Any:
    try:
        from qiskit_aer import primitives
    except ImportError as error:
        raise Unsupported("qiskit-aer is not installed") from error
    backend = {"method": "statevector", "max_parallel_threads": 1}
    if kind == "estimator":
        options = {"default_precision": 0.0, "backend_options": backend}
        return primitives.EstimatorV2(options=options)
    return primitives.SamplerV2(options={"backend_options": backend})


def estimation(num_qubits: int) -> Workload:
    """Return exact expectation values of the Ising chain."""
    circuit, observable = ansatz(num_qubits), ising(num_qubits)
    angles = values(circuit, SETS)
    return _estimation(
        f"w6-{num_qubits}",
        f"W6 Ising chain, {SETS} parameter sets, n = {num_qubits}",
        (circuit, observable, angles),
        {"raw": Raw(circuit, observable, angles).task},
        GOALS[num_qubits],
    )


def single(num_qubits: int) -> Workload:
    """Return the expectation value of the Ising chain for one parameter set."""
    circuit, observable = ansatz(num_qubits), ising(num_qubits)
    angles = values(circuit, 1)
    return _estimation(
        f"w6-single-{num_qubits}",
        f"W6 Ising chain, one parameter set, n = {num_qubits}",
        (circuit, observable, angles[0]),
        {"raw": Raw(circuit, observable, angles).task},
        {"raw": None, AERS: 0.5},
    )


def observables(number: int) -> Workload:
    """Return the means of many Pauli strings in one state; the most also beside a part of them."""
    circuit = ansatz(STRINGS_QUBITS)
    angles = values(circuit, 1)[0]
    others: dict[str, Callable[[], Task]] = {}
    goals: dict[str, float | None] = {AERS: 0.6}
    if number == STRINGS[-1]:
        part = STRINGS[-2]
        name = f"{part:,} observables"
        others[name] = partial(_primitive, _ours, (circuit, strings(part), angles))
        goals[name] = 5.0
    return _estimation(
        f"w6-observables-{number}",
        f"W6 {number:,} Pauli strings, one parameter set, n = {STRINGS_QUBITS}",
        (circuit, strings(number), angles),
        others,
        goals,
    )


def broadcast() -> Workload:
    """Return the means of many Pauli strings for many parameter sets, beside a tenth of them."""
    circuit = ansatz(STRINGS_QUBITS)
    angles = values(circuit, SETS)
    many, few = ([[label] for label in strings(n)] for n in (MANY_STRINGS, MANY_STRINGS // 10))
    name = f"{len(few):,} observables"
    return _estimation(
        "w6-broadcast",
        f"W6 {MANY_STRINGS:,} Pauli strings, {SETS} parameter sets, n = {STRINGS_QUBITS}",
        (circuit, many, angles),
        {name: partial(_primitive, _ours, (circuit, few, angles))},
        {name: 12.0},
    )


def strings(number: int) -> list[str]:
    """Return different Pauli strings at random."""
    rng = np.random.default_rng(SEED)
    found: dict[str, None] = {}
    while len(found) < number:
        found["".join(rng.choice(list("IXYZ"), STRINGS_QUBITS))] = None
    return list(found)


def _ours() -> EstimatorV2:
    return EstimatorV2(QulacsBackend())


def _estimation(
    name: str,
    title: str,
    pub: tuple[Any, ...],
    others: Mapping[str, Callable[[], Task]],
    goals: Mapping[str, float | None],
) -> Workload:
    """Return a PUB for our estimator, those that have a goal here, and others."""
    known: dict[str, Callable[[], Task]] = {
        AERS: partial(_primitive, partial(_aer, "estimator"), pub),
        REFERENCE: partial(_primitive, StatevectorEstimator, pub),
        **others,
    }
    exact: dict[tuple[int, ...], np.ndarray] = {}

    def check(peer: str, answer: Any) -> None:
        found = np.asarray(getattr(answer, "evs", answer))
        if found.size == 1:
            found = found.reshape(())  # raw Qulacs has a list
        if not np.allclose(found, exact.setdefault(found.shape, found), atol=1e-9):
            raise WrongAnswer(f"{name}: {peer} has other expectation values")

    return Workload(
        name,
        title,
        {
            OURS: partial(_primitive, _ours, pub),
            **{peer: known[peer] for peer in goals},
        },
        check,
        [Goal(peer, at_most) for peer, at_most in goals.items()],
    )


def sampled() -> Workload:
    """Return samples of a circuit of 10 qubits."""
    circuit = ansatz(10)
    circuit.measure_all()
    pub = (circuit, values(circuit, SAMPLED_SETS))
    tasks = {
        OURS: partial(_primitive, lambda: SamplerV2(QulacsBackend()), pub, shots=SHOTS),
        AERS_SAMPLER: partial(_primitive, partial(_aer, "sampler"), pub, shots=SHOTS),
        WRAPPED: partial(
            _primitive, lambda: BackendSamplerV2(backend=QulacsBackend()), pub, shots=SHOTS
        ),
    }
    means: list[np.ndarray] = []

    def check(peer: str, answer: Any) -> None:
        bits = np.unpackbits(answer.meas.array, axis=-1)
        if bits.shape[:2] != (SAMPLED_SETS, SHOTS):
            raise WrongAnswer(f"w6-sampler: {peer} has an array of shape {bits.shape}")
        means.append(bits.mean(axis=1))
        # 6 sigma of the difference of two means of bits with a variance of at most 1/4.
        if np.abs(means[-1] - means[0]).max() > 6 * (0.5 / SHOTS) ** 0.5:
            raise WrongAnswer(f"w6-sampler: {peer} has other means of bits")

    return Workload(
        "w6-sampler",
        f"W6 sampler, {SAMPLED_SETS} parameter sets x {SHOTS} shots, n = 10",
        tasks,
        check,
        [Goal(AERS_SAMPLER, 0.5), Goal(WRAPPED, 0.5)],
    )


WORKLOADS = {
    **{f"w6-{n}": partial(estimation, n) for n in GOALS},
    **{f"w6-single-{n}": partial(single, n) for n in GOALS},
    **{f"w6-observables-{number}": partial(observables, number) for number in STRINGS},
    "w6-broadcast": broadcast,
    "w6-sampler": sampled,
}
