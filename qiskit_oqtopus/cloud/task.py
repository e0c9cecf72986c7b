"""One circuit to run on a device, and what its program is to say of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from qiskit.circuit import QuantumCircuit


@dataclass(frozen=True)
class Task:
    """One circuit to run on a device; it becomes one OQTOPUS job.

    Attributes:
        circuit: The circuit.
        shots: Number of shots.
        kind: Who sends it: "run", "sampler" or "estimator".
        pub: Index of its PUB, or None.
        position: Its place in the PUB, as
            :class:`~qiskit_oqtopus.program.header.ProgramHeader` has it.
        primitive: What the result of a primitive needs beside the counts, as plain JSON, or None.
        operator: Terms of an observable for the server to estimate, as (Pauli string of OQTOPUS,
            coefficient), or None for counts. The circuit then measures nothing.
    """

    circuit: QuantumCircuit
    shots: int
    kind: str = "run"
    pub: int | None = None
    position: int | None = None
    primitive: Mapping[str, Any] | None = None
    operator: tuple[tuple[str, float], ...] | None = None
