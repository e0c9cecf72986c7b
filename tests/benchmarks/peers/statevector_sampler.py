"""Qiskit's reference sampler."""

from __future__ import annotations

from typing import Any

from qiskit import QuantumCircuit
from qiskit.primitives import StatevectorSampler

from ..workload import Batch, Steps, Task
from .peer import Counts, refuse_dynamic, refuse_long

OUTCOME_SECONDS = 2e-5
"""It makes a dictionary of the probabilities of all outcomes."""


def prepare(batch: Batch) -> Task:
    """Return the task."""
    refuse_dynamic(batch)
    refuse_long(batch, OUTCOME_SECONDS)
    sampler = StatevectorSampler()

    def run(circuits: list[QuantumCircuit]) -> Any:
        return sampler.run(circuits, shots=batch.shots).result()

    def counts(result: Any) -> Counts:
        return [pub.join_data().get_counts() for pub in result]

    return Steps(run, counts, batch.fresh)
