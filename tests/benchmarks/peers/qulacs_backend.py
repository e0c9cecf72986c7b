"""Our backend."""

from __future__ import annotations

from dataclasses import replace

from qiskit import QuantumCircuit

from qiskit_oqtopus import QulacsBackend

from ..workload import Batch, Task
from .peer import backend_task


def prepare(batch: Batch) -> Task:
    """Return the task; the backend is made once, as users do."""
    return backend_task(QulacsBackend(), batch)


def prepare_again(batch: Batch) -> Task:
    """Return the task with circuits that have been run before: the same objects each time."""

    def setup() -> list[QuantumCircuit]:
        # As for fresh ones, so that the caches of the processor are no warmer or colder for these.
        batch.fresh()
        return batch.circuits

    return replace(backend_task(QulacsBackend(), batch), setup=setup)
