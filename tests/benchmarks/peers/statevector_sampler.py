"""Qiskit's reference sampler."""

from __future__ import annotations

from qiskit.primitives import StatevectorSampler

from ..workload import Workload
from .peer import Counts, Task


def prepare(workload: Workload) -> Task:
    """Return the task."""
    sampler = StatevectorSampler()

    def run() -> Counts:
        result = sampler.run(workload.circuits, shots=workload.shots).result()
        return [pub.join_data().get_counts() for pub in result]

    return Task(run)
