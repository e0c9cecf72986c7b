"""What peers have in common."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from qiskit import QuantumCircuit

from ..workload import Batch, Steps, Task, Unsupported, has_control_flow

Counts = Sequence[Mapping[str, int]]

Prepare = Callable[[Batch], Task]
"""Returns a peer's task for a batch of circuits, untimed."""

MAX_SECONDS = 1.0
"""Longest run of a peer that is compared for information only, in s."""

TOO_LONG = f"a run takes more than {MAX_SECONDS:g} s"

_GATE_SECONDS, _AMPLITUDE_SECONDS = 1e-5, 5e-9
"""About what a gate costs simulators in Python, and each amplitude that it acts on."""


def backend_task(backend: Any, batch: Batch) -> Task:
    """Return the task of any Qiskit backend: run, result, and the counts of every circuit."""

    def run(circuits: list[QuantumCircuit]) -> Any:
        return backend.run(circuits, shots=batch.shots).result()

    def counts(result: Any) -> Counts:
        return [result.get_counts(index) for index in range(len(batch.circuits))]

    return Steps(run, counts, batch.fresh)


def refuse_long(batch: Batch, outcome_seconds: float = 0.0) -> None:
    """Raise Unsupported if a run takes too long for simulators of the idle qubits as well.

    Args:
        batch: The circuits.
        outcome_seconds: What sampling costs for each possible outcome, in s.
    """
    seconds = sum(
        len(circuit.data) * (_GATE_SECONDS + _AMPLITUDE_SECONDS * 2**circuit.num_qubits)
        + outcome_seconds * 2**circuit.num_clbits
        for circuit in batch.circuits
    )
    if seconds > MAX_SECONDS:
        raise Unsupported(TOO_LONG)


def refuse_dynamic(batch: Batch) -> None:
    """Raise Unsupported if anything comes after a measurement of its qubit, or is conditional."""
    for circuit in batch.circuits:
        if has_control_flow(circuit) or "reset" in circuit.count_ops():
            raise Unsupported("no dynamic circuits")
        measured = set()
        for instruction in circuit.data:
            if instruction.name == "barrier":
                continue
            if not measured.isdisjoint(instruction.qubits):
                raise Unsupported("no measurement in the middle of a circuit")
            if instruction.name == "measure":
                measured.update(instruction.qubits)
