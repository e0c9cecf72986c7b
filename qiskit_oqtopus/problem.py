"""One thing that is wrong with one circuit."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Problem:
    """What is wrong with a circuit, where, and what to do about it.

    Attributes:
        circuit: Position of the circuit in the list that was given to ``run``.
        name: Name of the circuit.
        reason: What is wrong.
        cure: What the caller can do.
        instruction: The instruction concerned, e.g. ``"kraus"``, or None.
        position: Index of the top-level instruction in ``circuit.data``, or None.
        qubits: Indices of the qubits concerned, in the outermost circuit.
        noun: What ``circuit`` counts: "circuit", or "PUB" for those of a primitive.

    >>> print(Problem(0, "bell", "it has no matrix", "decompose it", "box_of_mine", 3, (0, 1)))
    circuit 0 ('bell'), instruction 3 ('box_of_mine' on qubits 0, 1): it has no matrix; decompose it
    """

    circuit: int
    name: str
    reason: str
    cure: str
    instruction: str | None = None
    position: int | None = None
    qubits: tuple[int, ...] = ()
    noun: str = "circuit"

    def __str__(self) -> str:
        where = f"{self.noun} {self.circuit} ({self.name!r})"
        if self.instruction is not None:
            noun = "qubit" if len(self.qubits) == 1 else "qubits"
            on = f" on {noun} {', '.join(map(str, self.qubits))}" if self.qubits else ""
            number = "" if self.position is None else f" {self.position}"
            where += f", instruction{number} ({self.instruction!r}{on})"
        return f"{where}: {self.reason}; {self.cure}"
