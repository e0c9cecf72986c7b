"""From all qubits in 0 to the final state in stages: no qubit takes part before it is needed.

Qubits that have not met yet are separate states, so that an operation costs 2**k for the k qubits
that are joined so far, and not 2**n. Whatever can be done before two states are joined is done
before: what lies outside the light cone of the qubits that come last never runs at full size.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import qulacs

from ..operations import TWO_QUBIT_GATES, Operation
from ..plan import Stage, Stages
from ..state import Cancelled, Circuit, Flag
from .cost import JOIN, STAGE_NS, WORTHWHILE, cost
from .fuse import fuse

FUSED_QUBITS = 13
"""Operations on states of at least this many qubits are fused; on fewer qubits fusing takes longer
than it saves."""

_WINDOW = 16  # operations per qubit that are looked at beyond what can be applied, at most


@dataclass(eq=False)
class _Cluster:
    """Qubits that have met: finished stages, fresh qubits, and operations still to be applied."""

    mask: int
    fresh: list[int] = field(default_factory=list)
    parts: list[tuple[int, tuple[int, ...]]] = field(default_factory=list)
    operations: list[Operation] = field(default_factory=list)
    cost: float = 0.0


def build_stages(operations: Sequence[Operation], num_qubits: int) -> Stages | None:
    """Return the stages from qubits in 0 to the final state; None if planning them does not pay.

    Args:
        operations: See :mod:`qiskit_oqtopus.simulator.operations`.
        num_qubits: Number of qubits, at least 1.
    """
    if not _is_worthwhile(operations):
        return None
    stages, places = plan_stages(operations, num_qubits)
    fused = []
    total = 0.0
    for stage in stages:
        if len(stage.qubits) >= FUSED_QUBITS:
            cheaper, phase = fuse(stage.operations, len(stage.qubits))
            total += phase
            stage = replace(stage, operations=tuple(cheaper))
        fused.append(stage)
    return Stages(tuple(fused), tuple(places), total)


def _is_worthwhile(operations: Sequence[Operation]) -> bool:
    total = 0.0
    for operation in operations:
        total += cost(operation)
        if total >= WORTHWHILE:
            return True
    return False


def run_stages(staged: Stages, cancelled: Flag | None = None) -> Any:
    """Run all stages; return the final ``qulacs.QuantumState``.

    Raises:
        Cancelled: If the flag was set.
    """
    states: dict[int, Any] = {}
    for position, stage in enumerate(staged.stages):
        if cancelled is not None and cancelled.is_set():
            raise Cancelled
        state = qulacs.QuantumState(stage.fresh) if stage.fresh else None
        for part in stage.parts:
            other = states.pop(part)
            state = other if state is None else qulacs.state.tensor_product(other, state)
            del other  # before the next product is allocated
        if stage.operations:
            Circuit(stage.operations, len(stage.qubits)).apply(state, cancelled)
        states[position] = state
    return state


def plan_stages(operations: Sequence[Operation], num_qubits: int) -> tuple[list[Stage], list[int]]:
    """Return the stages, the last of which has all qubits, and the place of each qubit in it."""
    planner = _StagePlanner(num_qubits)
    planner.run(operations)
    place = {qubit: i for i, qubit in enumerate(planner.stages[-1].qubits)}
    return planner.stages, [place[wire] for wire in planner.wires]


class _StagePlanner:
    """Sorts operations into stages.

    Attributes:
        stages: The stages.
        wires: The qubit of the stages that holds each qubit in the end: swaps only rename.
    """

    def __init__(self, num_qubits: int) -> None:
        self.stages: list[Stage] = []
        self.wires = list(range(num_qubits))
        self._clusters = [_Cluster(1 << q, [q]) for q in range(num_qubits)]

    def run(self, operations: Sequence[Operation]) -> None:
        """Take all operations."""
        items = self._rename(operations)
        coming = [0] * (len(items) + 1)
        for i in range(len(items) - 1, -1, -1):
            coming[i] = coming[i + 1] | items[i][0]
        window = _WINDOW * len(self.wires)
        clusters = self._clusters
        delayed: list[tuple[int, int, Operation]] = []
        start = 0
        while True:
            again, delayed = delayed, []
            blocked = taken = 0
            while True:
                if taken < len(again):
                    item = again[taken]
                    taken += 1
                elif coming[start] & ~blocked and len(delayed) < window:
                    item = items[start]
                    start += 1
                else:
                    break
                mask, qubit, operation = item
                cluster = clusters[qubit]
                if mask & blocked or mask & ~cluster.mask:
                    blocked |= mask
                    delayed.append(item)
                else:
                    cluster.operations.append(operation)
                    cluster.cost += cost(operation)
            if not delayed:
                break
            self._join(delayed[0][0])
        whole = self._join((1 << len(self.wires)) - 1)
        if whole.operations or whole.fresh or len(whole.parts) > 1:
            self._finish(whole)

    def _rename(self, operations: Sequence[Operation]) -> list[tuple[int, int, Operation]]:
        """Return (mask of qubits, one of them, operation), with swaps turned into other names.

        To swap the amplitudes would be a noticeable part of a Fourier transform.
        """
        wires = self.wires
        moved = False
        items = []
        for operation in operations:
            name = operation[0]
            if name == "swap":
                _, a, b = operation
                wires[a], wires[b] = wires[b], wires[a]
                moved = True
                continue
            if moved:
                operation = move_to_places(operation, wires)
            qubit = operation[1]
            if name in TWO_QUBIT_GATES:
                items.append((1 << qubit | 1 << operation[2], qubit, operation))
            elif isinstance(qubit, int):
                items.append((1 << qubit, qubit, operation))
            else:
                mask = 0
                for each in (*qubit, *operation[3]) if name == "matrix" else qubit:
                    mask |= 1 << each
                items.append((mask, qubit[0], operation))
        return items

    def _join(self, mask: int) -> _Cluster:
        """Make one cluster of all clusters that have one of these qubits."""
        joined: list[_Cluster] = []
        whole = 0
        rest = mask
        while rest:
            cluster = self._clusters[(rest & -rest).bit_length() - 1]
            joined.append(cluster)
            whole |= cluster.mask
            rest &= ~cluster.mask
        if len(joined) == 1:
            return joined[0]
        size = 1 << whole.bit_count()
        result = _Cluster(whole)
        for cluster in joined:
            own = 1 << cluster.mask.bit_count()
            # Finishing a state now costs a product and saves running its operations at this size.
            if cluster.cost * (size - own) > JOIN * own + STAGE_NS:
                self._finish(cluster)
            result.fresh += cluster.fresh
            result.parts += cluster.parts
            result.operations += cluster.operations
            result.cost += cluster.cost
        rest = whole
        while rest:
            low = rest & -rest
            rest ^= low
            self._clusters[low.bit_length() - 1] = result
        return result

    def _finish(self, cluster: _Cluster) -> None:
        """Make a stage of a cluster."""
        # The small ones first, so that the large products are few.
        cluster.parts.sort(key=lambda part: len(part[1]))
        qubits = (*cluster.fresh, *(qubit for part in cluster.parts for qubit in part[1]))
        place = [0] * len(self.wires)
        for i, qubit in enumerate(qubits):
            place[qubit] = i
        self.stages.append(
            Stage(
                tuple(part for part, _ in cluster.parts),
                len(cluster.fresh),
                qubits,
                tuple([move_to_places(operation, place) for operation in cluster.operations]),
            )
        )
        cluster.parts = [(len(self.stages) - 1, qubits)]
        cluster.fresh, cluster.operations, cluster.cost = [], [], 0.0


def move_to_places(operation: Operation, places: Sequence[int]) -> Operation:
    """Return an operation with each qubit replaced by its place.

    >>> move_to_places(("cx", 0, 1), [5, 3])
    ('cx', 5, 3)
    """
    name = operation[0]
    qubits = operation[1]
    if name in TWO_QUBIT_GATES:
        return (name, places[qubits], places[operation[2]])
    if isinstance(qubits, int):
        return (name, places[qubits], *operation[2:])
    moved = tuple([places[qubit] for qubit in qubits])
    if name == "matrix":
        controls = tuple([places[qubit] for qubit in operation[3]])
        return (name, moved, operation[2], controls, operation[4])
    return (name, moved, *operation[2:])
