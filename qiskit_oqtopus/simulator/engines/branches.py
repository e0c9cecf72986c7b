"""Branches of a dynamic circuit: what was measured so far, and the state vector that is left."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .ensemble import Ensemble
from .fingerprint import RESOLUTION


@dataclass
class Branches:
    """Branches that stand at the same step.

    Attributes:
        states: The state vectors.
        bits: Classical bits of each branch as an integer.
        variables: Values of the classical variables of each branch.
        counters: Positions in the loops of each branch.
        shots: Number of shots of each branch, shape (branches,), all positive; in a mixture, where
            nothing is drawn, the probability of each branch.
    """

    states: Ensemble
    bits: list[int]
    variables: list[tuple[Any, ...]]
    counters: list[tuple[int, ...]]
    shots: NDArray[Any]

    def __len__(self) -> int:
        return len(self.bits)

    def copy(self, branch: int) -> Branches:
        """Return a copy of one branch."""
        return self.with_states(self.states.take([branch]), [branch])

    def part(self, branches: Sequence[int]) -> Branches:
        """Return some branches, which leave this group."""
        return self.with_states(self.states.part(branches), branches)

    def with_states(self, states: Ensemble, branches: Sequence[int]) -> Branches:
        """Return new states with the classical values and shots of some branches."""
        return Branches(
            states,
            [self.bits[i] for i in branches],
            [self.variables[i] for i in branches],
            [self.counters[i] for i in branches],
            self.shots[list(branches)],
        )

    def split(
        self, qubit: int, p_one: NDArray[np.float64], generator: np.random.Generator
    ) -> tuple[Branches, int]:
        """Return the branches after a measurement of a qubit: those with 0 first, and how many."""
        ones = generator.binomial(self.shots, p_one)
        zero_branches, one_branches = np.flatnonzero(ones < self.shots), np.flatnonzero(ones)
        states = self.states.split(qubit, zero_branches, one_branches, p_one)
        result = self.with_states(states, [*zero_branches.tolist(), *one_branches.tolist()])
        result.shots = np.concatenate([(self.shots - ones)[zero_branches], ones[one_branches]])
        return result, len(zero_branches)

    def merge(self) -> tuple[Branches, int]:
        """Merge branches that will go on in the same way: it does not matter which one has a shot.

        Their classical values are equal, and no number in their states differs by more than
        :data:`.fingerprint.SAME`.

        Returns:
            The branches that are left, and how many states were looked at.
        """
        branches, classes = self._repeated()
        if not len(branches):
            return self, 0
        looked = len(branches)
        marks = self.states.fingerprints(branches.tolist())
        order = np.lexsort((marks, classes))
        branches, classes, marks = branches[order], classes[order], marks[order]
        starts = np.ones(len(branches), dtype=bool)
        close = np.diff(marks) <= RESOLUTION
        starts[1:] = (np.diff(classes) != 0) | ~close
        firsts = branches[np.flatnonzero(starts)[np.cumsum(starts) - 1]]
        pairs = np.flatnonzero(~starts)
        if not len(pairs):
            return self, looked
        same = pairs[self.states.are_same(firsts[pairs].tolist(), branches[pairs].tolist())]
        if not len(same):
            return self, looked
        shots = self.shots.copy()
        np.add.at(shots, firsts[same], shots[branches[same]])
        kept = np.ones(len(self), dtype=bool)
        kept[branches[same]] = False
        self.shots = shots
        return self.part(np.flatnonzero(kept).tolist()), looked

    def _repeated(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the branches whose classical values others have too, and a number for these."""
        none = np.empty(0, dtype=np.int64)
        if len(set(self.bits)) == len(self.bits):
            return none, none  # almost always: so this is looked at first
        numbers: dict[Any, int] = {}
        values = zip(self.bits, self.variables, self.counters, strict=True)
        classes = np.array([numbers.setdefault(value, len(numbers)) for value in values])
        repeated = np.flatnonzero(np.bincount(classes)[classes] > 1)
        return repeated, classes[repeated]


def join(groups: Sequence[Branches]) -> Branches:
    """Return groups of branches as one group."""
    first, *others = groups
    if not others:
        return first
    return Branches(
        first.states.join([group.states for group in others]),
        [bits for group in groups for bits in group.bits],
        [variables for group in groups for variables in group.variables],
        [counters for group in groups for counters in group.counters],
        np.concatenate([group.shots for group in groups]),
    )


@dataclass(eq=False)
class Context:
    """Branches that are run to their ends before the contexts below them on the stack.

    Attributes:
        waiting: Groups of branches by the step at which they wait.
        base: A branch that is run shot by shot, from a copy each time, once nothing is waiting.
        at: The step at which the base stands.
        left: How many shots of the base are left.
    """

    waiting: dict[int, list[Branches]]
    base: Branches | None = None
    at: int = 0
    left: int = 0

    def next_shot(self) -> Branches | None:
        """Return the next shot of the base, if there is one: a copy, or the base as the last."""
        if self.base is None:
            return None
        self.left -= 1
        single = self.base if self.left == 0 else self.base.copy(0)
        if self.left == 0:
            self.base = None
        single.shots = np.array([1])
        return single
