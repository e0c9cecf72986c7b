"""What is timed: circuits, shots, the exact distribution of each, and the goals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from qiskit import QuantumCircuit

Distribution = Mapping[str, float]
"""Probabilities by bit string, as ``get_counts`` prints them."""


@dataclass(frozen=True)
class Workload:
    """Circuits that are run as one job.

    Attributes:
        name: Short name, for example "W1".
        title: What it is, in a few words.
        circuits: The circuits.
        exact: The distribution of each circuit, from theory and not from a simulator.
        shots: Shots a circuit.
        goals: By peer, the highest ratio of our time to its time that we are content with.
    """

    name: str
    title: str
    circuits: list[QuantumCircuit]
    exact: list[Distribution]
    shots: int
    goals: Mapping[str, float] = field(default_factory=dict)
