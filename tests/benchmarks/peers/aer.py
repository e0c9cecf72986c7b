"""Qiskit Aer, on one thread as all others."""

from __future__ import annotations

from ..workload import Batch, Task
from .peer import backend_task


def prepare(batch: Batch) -> Task:
    """Return the task; Aer is imported only if it is asked for."""
    from qiskit_aer import AerSimulator

    backend = AerSimulator(method="statevector", max_parallel_threads=1, max_parallel_experiments=1)
    return backend_task(backend, batch)
