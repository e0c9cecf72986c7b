"""Exact expectation values from state vectors (pure)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from qiskit.circuit import Barrier, Delay, QuantumCircuit
from qiskit.primitives.containers.estimator_pub import EstimatorPub
from qiskit.quantum_info import Pauli, Statevector

from .observables import Terms
from .pubs import elements_of


def active_qubits(circuit: QuantumCircuit) -> list[int]:
    """Return the qubits that do not stay in 0, or the first if all do."""
    busy = {
        bit
        for item in circuit.data
        if not isinstance(item.operation, (Barrier, Delay))
        for bit in item.qubits
    }
    active = [index for index, bit in enumerate(circuit.qubits) if bit in busy]
    return active or [0]


def on_qubits(circuit: QuantumCircuit, qubits: Sequence[int]) -> QuantumCircuit:
    """Return a circuit without its idle qubits, barriers and delays.

    Args:
        circuit: The circuit.
        qubits: Its active qubits; qubit k of the result is the k-th of these.
    """
    index = {circuit.qubits[qubit]: place for place, qubit in enumerate(qubits)}
    result = QuantumCircuit(len(qubits), name=circuit.name, global_phase=circuit.global_phase)
    for item in circuit.data:
        if not isinstance(item.operation, (Barrier, Delay)):
            result.append(item.operation, [index[bit] for bit in item.qubits])
    return result


def expectation_values(
    pub: EstimatorPub,
    observables: Sequence[Terms],
    active: Sequence[int],
    states: Sequence[NDArray[np.complex128]],
) -> NDArray[np.float64]:
    """Return the exact expectation value of each element of a PUB, in C order.

    Args:
        pub: The PUB.
        observables: Its observables, in C order.
        active: Its active qubits.
        states: State vector of these for each parameter set, in C order.
    """
    reduced = [_on_active(terms, active) for terms in observables]
    labels = {label: k for k, label in enumerate(dict.fromkeys(k for r in reduced for k in r))}
    paulis = [Pauli(label) for label in labels]
    table = np.zeros((len(labels), len(reduced)))
    for column, terms in enumerate(reduced):
        for label, coefficient in terms.items():
            table[labels[label], column] = coefficient
    sets, picked = elements_of(pub)
    values = np.zeros((len(states), len(reduced)))
    for row, amplitudes in enumerate(states):
        state = Statevector(amplitudes)
        means = [state.expectation_value(pauli).real for pauli in paulis]
        values[row] = np.array(means) @ table
    chosen: NDArray[np.float64] = values[sets, picked]
    return chosen


def _on_active(terms: Terms, active: Sequence[int]) -> Terms:
    """Return an observable on the active qubits; the others are in 0, where X and Y are 0."""
    found: Terms = {}
    for label, coefficient in terms.items():
        letters = label[::-1]
        kept = "".join(letters[qubit] for qubit in active)
        idle = len(label.replace("I", "")) - len(kept.replace("I", ""))
        zs = label.count("Z") - kept.count("Z")
        if idle == zs:
            found[kept[::-1]] = found.get(kept[::-1], 0.0) + coefficient
    return found
