"""Bare Qulacs with its own optimizer, whose time counts."""

from __future__ import annotations

from typing import Any

import qulacs
from qulacs.circuit import QuantumCircuitOptimizer

from ..workload import Batch, Steps, Task
from .peer import Counts, refuse_dynamic
from .raw import convert, to_counts

NAME = "qulacs-optimizer"


def prepare(batch: Batch) -> Task:
    """Return the task: circuits are converted by hand, untimed, and then optimized and run.

    The light optimization is the fastest one for the circuits of W4: ``optimize`` with blocks of
    two or three qubits takes longer to run and to optimize.
    """
    refuse_dynamic(batch)
    prepared = [convert(circuit) for circuit in batch.circuits]
    states = [qulacs.QuantumState(item.width) for item in prepared]
    optimizer = QuantumCircuitOptimizer()
    shots = batch.shots

    def setup() -> list[Any]:
        return [item.gates.copy() for item in prepared]  # they are optimized in place

    def run(circuits: list[Any]) -> list[list[int]]:
        samples = []
        for state, gates in zip(states, circuits, strict=True):
            optimizer.optimize_light(gates)
            state.set_zero_state()
            gates.update_quantum_state(state)
            samples.append(state.sampling(shots))
        return samples

    def counts(samples: list[list[int]]) -> Counts:
        return [to_counts(item, drawn) for item, drawn in zip(prepared, samples, strict=True)]

    return Steps(run, counts, setup, free_reading=True)
