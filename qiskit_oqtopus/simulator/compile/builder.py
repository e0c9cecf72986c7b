"""Building the plan of a circuit: active qubits, runs of unitaries, measurements held back.

A measurement or reset is not emitted when it is met, but when something follows on its qubit. If
nothing follows, it is a terminal measurement, which costs nothing but sampling, or a reset that no
classical bit can see.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from qiskit.circuit import CircuitInstruction, Clbit, QuantumCircuit, Qubit

from ..operations import Operation, qubits_of
from ..plan import Plan, Step


@dataclass(frozen=True)
class Scope:
    """The bits of one block: its own bits and what they are in the outermost circuit."""

    qubits: Mapping[Qubit, int]
    clbits: Mapping[Clbit, int]


@dataclass
class Pending:
    """A measurement or reset that has not been emitted, since nothing has followed it yet."""

    kind: str  # "measure", "zero" (a measurement just after a reset) or "reset"
    clbits: list[int]


class PlanBuilder:
    """Collects the steps of a plan.

    Args:
        circuit: The circuit that is compiled.
    """

    def __init__(self, circuit: QuantumCircuit) -> None:
        self.circuit = circuit
        self._active: dict[int, int] = {}  # circuit qubit -> plan qubit, in order of first use
        self._zero: set[int] = set()  # active circuit qubits that were just reset
        self._pending: dict[int, list[Pending]] = {}  # by circuit qubit
        self._owner: dict[int, Pending] = {}  # clbit -> the pending measurement that writes it
        self._steps: list[Step] = []
        self._operations: list[Operation] = []  # the current run of them
        self._touched: set[int] = set()  # plan qubits of the first ``_looked`` ones
        self._looked = 0
        self._phase = 0.0
        self._slots: dict[Any, int] = {}  # classical variables
        self._counters = 0  # of loops
        self._conditional = 0  # depth of blocks that may be skipped or repeated
        self._writes = False  # whether any classical bit is written
        self._resets = False  # whether any reset does anything

    def plan(self, final: bool = False) -> Plan:
        """Return the plan of what was compiled.

        Args:
            final: Whether the final state is looked at: resets at the end are then to be seen.
        """
        if final:
            for qubit, events in list(self._pending.items()):
                resets = [place for place, event in enumerate(events) if event.kind == "reset"]
                if resets:
                    after = events[resets[-1] + 1 :]
                    del events[resets[-1] + 1 :]
                    self._flush(qubit)
                    self._pending[qubit] = after
            self._close()
        terminal: list[tuple[int | None, int]] = []
        for qubit, events in self._pending.items():
            for event in events:
                read = self._active.get(qubit) if event.kind == "measure" else None
                terminal.extend((read, clbit) for clbit in event.clbits)
        return Plan(
            qubits=tuple(self._active),
            num_qubits=self.circuit.num_qubits,
            steps=tuple(self._steps),
            terminal=tuple(sorted(terminal, key=lambda pair: pair[1])),
            variables=(0,) * len(self._slots),
            counters=self._counters,
            has_counts=self._writes,
            resets=self._resets,
        )

    def _measure(self, instruction: CircuitInstruction, scope: Scope) -> None:
        self._writes = True
        qubit = scope.qubits[instruction.qubits[0]]
        clbit = scope.clbits[instruction.clbits[0]]
        if self._conditional:
            self._close()
            self._steps.append(("measure", self._activate(qubit), (clbit,)))
            return
        events = self._pending.setdefault(qubit, [])
        if events and events[-1].kind != "reset":
            event = events[-1]
        else:
            event = Pending("zero" if events else "measure", [])
            events.append(event)
        previous = self._owner.get(clbit)
        if previous is not None:
            previous.clbits.remove(clbit)
        event.clbits.append(clbit)
        self._owner[clbit] = event

    def _reset(self, instruction: CircuitInstruction, scope: Scope) -> None:
        qubit = scope.qubits[instruction.qubits[0]]
        if (qubit not in self._active and not self._conditional) or self._is_zero(qubit):
            return
        self._resets = True
        if self._conditional:
            self._close()
            self._steps.append(("reset", self._activate(qubit)))
            self._zero.add(qubit)
            return
        events = self._pending.setdefault(qubit, [])
        if not events or events[-1].kind == "measure":
            events.append(Pending("reset", []))

    def _activate(self, qubit: int) -> int:
        return self._active.setdefault(qubit, len(self._active))

    def _is_zero(self, qubit: int) -> bool:
        """Whether an active qubit is certainly in state 0, a pending reset included."""
        events = self._pending.get(qubit)
        if events:
            return events[-1].kind != "measure"
        return qubit in self._zero

    def _touch(self, qubits: Sequence[int]) -> tuple[int, ...]:
        """Return the plan qubits of circuit qubits that a gate is about to act on."""
        if self._pending:
            for qubit in qubits:
                self._flush(qubit)
        if self._zero:
            self._zero.difference_update(qubits)
        active = self._active
        return tuple([active.setdefault(qubit, len(active)) for qubit in qubits])

    def _flush(self, qubit: int) -> None:
        """Emit the pending measurements and resets of a qubit: something comes after them."""
        events = self._pending.pop(qubit, None)
        if events is None:
            return
        if self._acts_on(self._active.get(qubit)):
            self._close()
        for event in events:
            if event.kind == "reset":
                self._steps.append(("reset", self._active[qubit]))
                self._zero.add(qubit)
            else:
                read = self._active.get(qubit) if event.kind == "measure" else None
                if read is not None or event.clbits:
                    self._steps.append(("measure", read, tuple(event.clbits)))
                for clbit in event.clbits:
                    del self._owner[clbit]

    def _flush_all(self) -> None:
        for qubit in list(self._pending):
            self._flush(qubit)
        self._close()

    def _acts_on(self, qubit: int | None) -> bool:
        """Whether the current run has an operation on a plan qubit.

        If it has none, it may as well come after a measurement of this qubit, and go on.
        """
        for operation in self._operations[self._looked :]:
            self._touched.update(qubits_of(operation))
        self._looked = len(self._operations)
        return qubit in self._touched

    def _close(self) -> None:
        """End the current run of unitary operations."""
        if self._operations or self._phase:
            self._steps.append(("unitary", tuple(self._operations), self._phase))
            self._operations, self._phase = [], 0.0
            self._touched, self._looked = set(), 0
