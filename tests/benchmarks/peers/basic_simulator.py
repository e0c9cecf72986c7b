"""The simulator that comes with Qiskit."""

from __future__ import annotations

from qiskit.providers.basic_provider import BasicSimulator

from ..workload import Workload
from .peer import Task, backend_task


def prepare(workload: Workload) -> Task:
    """Return the task."""
    return backend_task(BasicSimulator(), workload)
