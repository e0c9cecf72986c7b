"""Our backend."""

from __future__ import annotations

from qiskit_oqtopus import QulacsBackend

from ..workload import Workload
from .peer import Task, backend_task


def prepare(workload: Workload) -> Task:
    """Return the task; the backend is made once, as users do."""
    return backend_task(QulacsBackend(), workload)
