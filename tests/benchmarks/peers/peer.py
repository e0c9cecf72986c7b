"""What a peer is."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..workload import Workload

Counts = Sequence[Mapping[str, int]]


@dataclass(frozen=True)
class Task:
    """A workload in the hands of a peer.

    Attributes:
        run: What is timed.
        counts: Turns what ``run`` returned into counts by bit string, untimed.
    """

    run: Callable[[], Any]
    counts: Callable[[Any], Counts] = lambda output: output


@dataclass(frozen=True)
class Peer:
    """A way to run a workload.

    Attributes:
        prepare: Returns the task for a workload; untimed.
    """

    prepare: Callable[[Workload], Task]


def backend_task(backend: Any, workload: Workload) -> Task:
    """Return the task of any Qiskit backend: run, result, and the counts of every circuit."""

    def run() -> Counts:
        result = backend.run(workload.circuits, shots=workload.shots).result()
        return [result.get_counts(index) for index in range(len(workload.circuits))]

    return Task(run)
