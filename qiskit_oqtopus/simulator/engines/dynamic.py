"""Dynamic circuits: a tree of branches over measurement outcomes, with the shots split among them.

A branch is a state vector, the classical memory that led to it, and the number of shots that took
that way. A measurement splits a branch in two and its shots binomially, so that the cost is that
of the outcomes that occur, not of the shots. Branches at the same step of the program advance
together; the earliest step goes first, so that the ways through an if_else meet again behind it.
Branches that differ in nothing any more, as after a reset, become one.

The number of state vectors alive is bounded. Where a split would exceed the bound, branches are
finished one after the other; where even one split is too much, shot by shot.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..angle import Angle
from ..classical import evaluator, storer
from ..operations import Operation, encode_standard
from ..plan import Plan
from ..state import Cancelled, Flag
from .branches import Branches, Context, join
from .ensemble import BATCH_QUBITS, Ensemble, prepare, zero_state
from .sampling import (
    MARGINAL_QUBITS,
    draw_many,
    marginal,
    marginals,
    measure,
    spread_bits,
)

_VECTORIZED_BRANCHES = 3
"""More branches than this are sampled together."""

_WORTHWHILE = 1 / 16
"""The share of branches that a look must find equal to others to have paid."""

_LONGEST_REST = 16
"""At most this many times equal branches are not looked for, however often there were none."""


class DynamicRun:
    """One run of one dynamic plan.

    Args:
        plan: What is run.
        generator: Where the randomness comes from.
        branch_bytes: Bound on the state vectors alive at once; two are always allowed.
        cancelled: Looked at between gates.

    Attributes:
        counts: How often each value of the classical bits occurred.
    """

    def __init__(
        self,
        plan: Plan,
        generator: np.random.Generator,
        branch_bytes: int,
        cancelled: Flag | None = None,
    ) -> None:
        self.counts: dict[int, int] = {}
        self._plan = plan
        self._num_qubits = max(1, len(plan.qubits))
        self._generator = generator
        self._cancelled = cancelled
        self._capacity = max(2, branch_bytes // (16 << self._num_qubits))
        self._compiled: dict[int, Any] = {}  # step -> prepared unitary or classical function
        self._stack: list[Context] = []
        self._held = 0  # number of states that wait in the contexts of the stack
        self._looks_left_out = 0  # for equal branches
        self._in_vain = 0  # looks at the end of the last ones that found too few
        self._phase = 0.0
        self._keep_final = False
        self._final: NDArray[np.complex128] | None = None

    def run(self, shots: int) -> dict[int, int]:
        """Run all shots and return their counts.

        Raises:
            Cancelled: If the flag was set.
        """
        plan = self._plan
        start = Branches(
            self._zero_state(),
            [0],
            [plan.variables],
            [(0,) * plan.counters],
            np.array([shots]),
        )
        self._push(0, start)
        while self._stack:
            context = self._stack[-1]
            if context.waiting:
                self._advance(context)
            elif (shot := context.next_shot()) is not None:
                self._held -= context.base is None
                self._wait(context, context.at, shot)
            else:
                self._stack.pop()
        return self.counts

    def _zero_state(self) -> Ensemble:
        return zero_state(self._num_qubits)

    def _push(self, at: int, group: Branches) -> None:
        """Let a group run to its end before all others."""
        self._stack.append(Context({}))
        self._wait(self._stack[-1], at, group)

    def _wait(self, context: Context, at: int, group: Branches) -> None:
        """Let a group wait at a step."""
        context.waiting.setdefault(at, []).append(group)
        self._held += len(group)

    def statevector(self) -> NDArray[np.complex128]:
        """Return the final state of a program without measurement or reset, shape (2**n,)."""
        self._keep_final = True
        self.run(1)
        assert self._final is not None  # noqa: S101 - one shot has one end
        return self._final

    def _advance(self, context: Context) -> None:
        """Run the group at the earliest step until it meets another one, divides or ends."""
        waiting = context.waiting
        at = min(waiting)
        group = join(waiting.pop(at))
        self._held -= len(group)
        others = min(waiting, default=None)
        while True:
            if self._cancelled is not None and self._cancelled.is_set():
                raise Cancelled
            if at == len(self._plan.steps):
                self._finish(group)
                return
            moved = self._step(group, at)
            if len(moved) == 1:
                ((at, group),) = moved
                if others is None or at < others:
                    continue
            for goal, part in moved:
                self._wait(context, goal, part)
            return

    def _step(self, group: Branches, at: int) -> list[tuple[int, Branches]]:
        """Run one step; return where which branches go on."""
        name, *arguments = self._plan.steps[at]
        goals: list[tuple[int, Branches]] = getattr(self, f"_{name}")(group, at, *arguments)
        return goals

    def _prepare(self, at: int, make: Callable[..., Any], *arguments: Any) -> Any:
        if at not in self._compiled:
            self._compiled[at] = make(*arguments)
        return self._compiled[at]

    # -- one method a step ----------------------------------------------------------------------

    def _unitary(
        self, group: Branches, at: int, operations: Any, phase: float
    ) -> list[tuple[int, Branches]]:
        circuit = self._prepare(at, prepare, operations, self._num_qubits)
        group.states.apply(circuit, self._cancelled)
        self._phase += phase  # has a meaning only if there is just one branch
        return [(at + 1, group)]

    def _gate(
        self, group: Branches, at: int, name: str, qubits: tuple[int, ...], angles: Any
    ) -> list[tuple[int, Branches]]:
        chosen = [
            tuple(angle.value(each) if isinstance(angle, Angle) else angle for angle in angles)
            for each in group.variables
        ]
        parts = []
        for values in dict.fromkeys(chosen):
            members = [i for i, each in enumerate(chosen) if each == values]
            part = group if len(members) == len(group) else group.part(members)
            operations, phase = encode_standard(name, qubits, values)
            self._apply(part, operations)
            self._phase += phase
            parts.append(part)
        return [(at + 1, join(parts))]

    def _apply(self, group: Branches, operations: Sequence[Operation]) -> None:
        """Apply operations that are applied only once."""
        group.states.apply(prepare(operations, self._num_qubits), self._cancelled)

    def _measure(
        self, group: Branches, at: int, qubit: int | None, clbits: Any
    ) -> list[tuple[int, Branches]]:
        mask = sum(1 << clbit for clbit in clbits)
        num_zeros = len(group)
        if qubit is not None:
            split = self._split(group, at, qubit, group.states.ones(qubit))
            if split is None:
                return []
            group, num_zeros = split
        zeros, ones = group.bits[:num_zeros], group.bits[num_zeros:]
        group.bits = [bits & ~mask for bits in zeros] + [bits | mask for bits in ones]
        return [(at + 1, self._merge(group))]

    def _reset(self, group: Branches, at: int, qubit: int) -> list[tuple[int, Branches]]:
        p_one = group.states.ones(qubit)
        if ((p_one == 0) | (p_one == 1)).all():  # as after a measurement: there is nothing to split
            group.states.flip(qubit, np.flatnonzero(p_one).tolist())
            return [(at + 1, self._merge(group))]
        split = self._split(group, at, qubit, p_one)
        if split is None:
            return []
        group, num_zeros = split
        group.states.flip(qubit, range(num_zeros, len(group)))
        return [(at + 1, self._merge(group))]

    def _store(
        self, group: Branches, at: int, target: Any, expression: Any
    ) -> list[tuple[int, Branches]]:
        store, value = self._prepare(at, lambda: (storer(target), evaluator(expression)))
        for i, (bits, variables) in enumerate(zip(group.bits, group.variables, strict=True)):
            stored = store(bits, variables, value(bits, variables))
            group.bits[i], group.variables[i] = stored
        return [(at + 1, group)]

    def _jump(self, group: Branches, at: int, goal: int) -> list[tuple[int, Branches]]:
        return [(goal, group)]

    def _unless(
        self, group: Branches, at: int, expression: Any, goal: int
    ) -> list[tuple[int, Branches]]:
        condition = self._prepare(at, evaluator, expression)
        holds = [
            bool(condition(bits, variables))
            for bits, variables in zip(group.bits, group.variables, strict=True)
        ]
        return self._divide(group, holds, at + 1, goal)

    def _loop(self, group: Branches, at: int, counter: int) -> list[tuple[int, Branches]]:
        group.counters = [_replace(counters, counter, 0) for counters in group.counters]
        return [(at + 1, group)]

    def _next(
        self,
        group: Branches,
        at: int,
        counter: int,
        values: Sequence[int],
        variable: int | None,
        goal: int,
    ) -> list[tuple[int, Branches]]:
        goes_on = []
        for i, counters in enumerate(group.counters):
            position = counters[counter]
            goes_on.append(position < len(values))
            if position < len(values):
                group.counters[i] = _replace(counters, counter, position + 1)
                if variable is not None:
                    value = values[position]
                    group.variables[i] = _replace(group.variables[i], variable, value)
        return self._divide(group, goes_on, at + 1, goal)

    def _divide(
        self, group: Branches, chosen: list[bool], yes: int, no: int
    ) -> list[tuple[int, Branches]]:
        """Send each branch to one of two steps."""
        if all(chosen):
            return [(yes, group)]
        if not any(chosen):
            return [(no, group)]
        return [
            (goal, group.part([i for i, choice in enumerate(chosen) if choice is wanted]))
            for goal, wanted in ((yes, True), (no, False))
        ]

    # -- measurement ----------------------------------------------------------------------------

    def _split(
        self, group: Branches, at: int, qubit: int, p_one: NDArray[np.float64]
    ) -> tuple[Branches, int] | None:
        """Split branches by the outcome of a qubit; None if they must wait for others."""
        undecided = int(np.count_nonzero((group.shots > 1) & (p_one > 0) & (p_one < 1)))
        if self._has_room(group, at, undecided):
            return group.split(qubit, p_one, self._generator)
        return None

    def _merge(self, group: Branches) -> Branches:
        """Merge equal branches, if there are any: a collapse is what makes them equal.

        Looking costs about as much as the collapse. After looks in vain, others are left out.
        """
        if len(group) < 2:
            return group
        if self._looks_left_out > 0:
            self._looks_left_out -= 1
            return group
        merged, looked = group.merge()
        if looked:
            in_vain = len(group) - len(merged) < _WORTHWHILE * looked
            self._in_vain = self._in_vain + 1 if in_vain else 0
            self._looks_left_out = min(self._in_vain, _LONGEST_REST) * (self._in_vain > 1)
        return merged

    def _has_room(self, group: Branches, at: int, undecided: int) -> bool:
        """Return whether this many more branches may come of a group; if not, let it wait.

        The worst case decides, not the draw: drawing again after a look would bias the counts.
        """
        alive = len(group) + self._held
        if undecided == 0 or alive + undecided <= self._capacity:
            return True
        if len(group) > 1:
            for branch in range(len(group)):
                self._push(at, group.part([branch]))
        else:
            self._stack.append(Context({}, base=group, at=at, left=int(group.shots[0])))
            self._held += 1
        return False

    def _finish(self, group: Branches) -> None:
        """Sample the terminal measurements of branches that have reached the end."""
        if self._keep_final:
            self._final = group.states.vector(0) * np.exp(1j * self._phase)
            return
        plan, n = self._plan, self._num_qubits
        mask = ~sum(1 << clbit for _, clbit in plan.terminal)
        pairs = [(qubit, clbit) for qubit, clbit in plan.terminal if qubit is not None]
        if pairs and len(group) > _VECTORIZED_BRANCHES and n <= MARGINAL_QUBITS:
            self._finish_together(group, pairs, mask)
            return
        for i, (bits, shots) in enumerate(zip(group.bits, group.shots.tolist(), strict=True)):
            keys, counts = [0], [shots]
            if pairs:
                probabilities = group.states.probabilities(i)
                keys, counts = measure(probabilities, n, pairs, shots, self._generator)
            for key, count in zip(keys, counts, strict=True):
                self._count((bits & mask) | key, count)

    def _finish_together(self, group: Branches, pairs: list[tuple[int, int]], mask: int) -> None:
        """Draw the shots of many branches at once."""
        n = self._num_qubits
        measured = tuple(sorted({qubit for qubit, _ in pairs}))
        place = {qubit: j for j, qubit in enumerate(measured)}
        size = 1 << len(measured)
        if n <= BATCH_QUBITS:
            weights = marginals(group.states.all_probabilities(), n, measured)
            drawn = draw_many(weights, group.shots, self._generator)
            occurred = np.flatnonzero(drawn)
            counts = drawn.ravel()[occurred]
        else:
            branch = np.repeat(np.arange(len(group)), group.shots)
            outcomes = self._outcomes(group, branch, measured)
            occurred, counts = np.unique(branch * size + outcomes, return_counts=True)
        keys = spread_bits(occurred % size, [(place[qubit], clbit) for qubit, clbit in pairs])
        kept = [bits & mask for bits in group.bits]
        owners = (occurred // size).tolist()
        for owner, key, count in zip(owners, keys, counts.tolist(), strict=True):
            self._count(kept[owner] | key, count)

    def _outcomes(
        self, group: Branches, branch: NDArray[np.int64], measured: tuple[int, ...]
    ) -> NDArray[np.int64]:
        """Return the outcome of each shot by a search in the distribution of its branch."""
        cumulative = np.empty((len(group), 1 << len(measured)))
        for i in range(len(group)):
            weights = marginal(group.states.probabilities(i), self._num_qubits, measured)
            np.cumsum(weights, out=cumulative[i])
        thresholds = self._generator.random(len(branch)) * cumulative[branch, -1]
        outcomes = np.empty(len(branch), dtype=np.int64)
        ends = np.cumsum(group.shots)
        for i, (start, end) in enumerate(zip(ends - group.shots, ends, strict=True)):
            part = slice(start, end)
            found = np.searchsorted(cumulative[i], thresholds[part], side="right")
            last = np.searchsorted(cumulative[i], cumulative[i, -1])
            outcomes[part] = np.minimum(found, last)
        return outcomes

    def _count(self, key: int, count: int) -> None:
        self.counts[key] = self.counts.get(key, 0) + count


def _replace(values: tuple[Any, ...], position: int, value: Any) -> tuple[Any, ...]:
    return (*values[:position], value, *values[position + 1 :])
