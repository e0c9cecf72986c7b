"""The simulator that comes with Qiskit."""

from __future__ import annotations

from qiskit.providers.basic_provider import BasicSimulator

from ..workload import Batch, Task, Unsupported
from .peer import backend_task, refuse_dynamic, refuse_long


def prepare(batch: Batch) -> Task:
    """Return the task."""
    refuse_dynamic(batch)
    refuse_long(batch)
    backend = BasicSimulator()
    known = {*backend.target.operation_names, "barrier"}
    if unknown := {name for circuit in batch.circuits for name in circuit.count_ops()} - known:
        raise Unsupported(f"does not know {', '.join(sorted(unknown))}")
    return backend_task(backend, batch)
