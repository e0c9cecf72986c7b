"""Quantum trajectories: noise as events that strike state vectors at random.

Each possible event is proposed with a probability that does not depend on the state (see
:class:`.blocks.Site`). So all proposals of all shots are drawn before anything is simulated, and
shots share one state until different things happen to them: a tree, which is walked depth first.
Where no noise strikes, a circuit is simulated once for all its shots.

The averages over trajectories are those of the density matrix (J. Dalibard, Y. Castin, K. Molmer,
Phys. Rev. Lett. 68 (1992) 580): no approximation is made. Counts have the noise of the shots only,
because each shot has its own events.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import qulacs
from numpy.typing import NDArray

from ..operations import Operation
from ..state import Cancelled, Circuit, Flag
from .blocks import Site, build_blocks
from .ensemble import find_p_one

_CERTAIN = 40.0
"""A hazard this large is certainty: exp(-40) is less than one in 10**17."""

_EVENTS = 1 << 20
"""Events that are drawn at once; shots with more events are run in several batches."""

_CHOICES = 256
"""Most things that may happen at one site: Paulis on four qubits."""

_LOWER = np.array([[0, 1], [0, 0]], dtype=complex)

Proposals = list[int]
"""What is proposed in a shot: site times _CHOICES plus choice, ascending."""


@dataclass
class _Node:
    """Shots to which the same has happened so far.

    Attributes:
        state: Their state; not normalized.
        block: Number of whole blocks that were applied.
        inside: Number of operations of the next block that were applied.
        proposed: A heap of what comes next, and for how many shots: (proposal, position of the
            shots' list, position in this list, shots).
        quiet: Number of shots to which nothing more is proposed.
    """

    state: Any
    block: int = 0
    inside: int = 0
    proposed: list[tuple[int, int, int, int]] = field(default_factory=list)
    quiet: int = 0

    @property
    def shots(self) -> int:
        return self.quiet + sum(entry[3] for entry in self.proposed)


class Trajectories:
    """The trajectories of some noisy operations.

    Args:
        operations: Operations and noise.
        num_qubits: Number of qubits of the states.
        cancelled: Looked at between blocks.
    """

    def __init__(
        self, operations: Sequence[Operation], num_qubits: int, cancelled: Flag | None = None
    ) -> None:
        self._num_qubits = num_qubits
        self._cancelled = cancelled
        self._blocks = build_blocks(operations)
        self._whole = [Circuit(block.merge(), num_qubits) for block in self._blocks]
        self._sites: list[tuple[int, int, Site]] = [
            (number, before, site)
            for number, block in enumerate(self._blocks)
            for before, site in block.sites
        ]
        self._hazard = hazard([site.probability for _, _, site in self._sites])
        self._choices = np.array([site.choices for _, _, site in self._sites])
        self._spare: list[Any] = []

    @property
    def events(self) -> float:
        """The mean number of events that are proposed in a shot."""
        return float(self._hazard[-1]) if len(self._hazard) else 0.0

    def run(
        self, state: Any, shots: int, generator: np.random.Generator
    ) -> Iterator[tuple[Any, int]]:
        """Yield each final state, not normalized, and the number of shots that it has.

        At most log2(shots) + 2 states are alive at a time, besides those that were yielded.

        Args:
            state: The ``qulacs.QuantumState`` in which all shots begin; it is used up.
            shots: Number of shots.
            generator: Where the randomness comes from.

        Raises:
            Cancelled: If the flag was set.
        """
        batch = max(1, int(_EVENTS / max(self.events, 1e-9)))
        while shots > batch:
            yield from self._batch(self._copy(state), batch, generator)
            shots -= batch
        yield from self._batch(state, shots, generator)

    def release(self, state: Any) -> None:
        """Give back a state that is no longer needed: using it again is faster than a new one."""
        self._spare.append(state)

    # -- the tree -------------------------------------------------------------------------------

    def _batch(
        self, state: Any, shots: int, generator: np.random.Generator
    ) -> Iterator[tuple[Any, int]]:
        lists = self._draw(shots, generator)
        root = _Node(state, quiet=shots - len(lists))
        root.proposed = [(proposals[0], i, 0, 1) for i, proposals in enumerate(lists)]
        heapq.heapify(root.proposed)
        stack = [root]
        while stack:
            node = stack.pop()
            while node.proposed:
                child = self._next(node, lists, generator)
                if child is None:
                    continue
                # The larger one waits, so that at most log2(shots) do.
                waits, node = sorted((node, child), key=lambda each: -each.shots)
                if node.shots == 0:
                    node = waits
                else:
                    stack.append(waits)
            self._advance(node, len(self._blocks), 0)
            yield node.state, node.quiet

    def _next(
        self, node: _Node, lists: Sequence[Proposals], generator: np.random.Generator
    ) -> _Node | None:
        """Go on to the next proposal; return the shots that accept it, if there are any."""
        proposal = node.proposed[0][0]
        block, inside, site = self._sites[proposal // _CHOICES]
        self._advance(node, block, inside)
        p_one = find_p_one(node.state, site.qubits[0]) if site.kind == "decay" else 1.0
        child = _Node(node.state, block, inside)
        while node.proposed and node.proposed[0][0] == proposal:
            _, which, position, shots = heapq.heappop(node.proposed)
            accepted = shots if p_one == 1.0 else int(generator.binomial(shots, p_one))
            for group, number in ((child, accepted), (node, shots - accepted)):
                if not number:
                    continue
                if position + 1 < len(lists[which]):
                    following = (lists[which][position + 1], which, position + 1, number)
                    heapq.heappush(group.proposed, following)
                else:
                    group.quiet += number
        if not (child.proposed or child.quiet):
            return None
        if node.proposed or node.quiet:
            child.state = self._copy(node.state)
        self._strike(child.state, site, proposal % _CHOICES)
        return child

    def _draw(self, shots: int, generator: np.random.Generator) -> list[Proposals]:
        """Draw what is proposed in each shot to which anything is.

        Sites are independent: they are intervals of a Poisson process of rate 1, in which site i
        has the length -log(1 - p_i) and so at least one point with probability p_i.
        """
        number = int(generator.poisson(shots * self.events))
        if not number:
            return []
        points = generator.random(number) * self.events
        sites = np.minimum(np.searchsorted(self._hazard, points, "right"), len(self._hazard) - 1)
        owners = generator.integers(shots, size=number)
        unique = np.unique(owners * len(self._sites) + sites)  # more points are no more events
        owners, sites = np.divmod(unique, len(self._sites))
        choices = generator.integers(self._choices[sites])
        proposals = sites * _CHOICES + choices
        starts = np.flatnonzero(np.diff(owners)) + 1
        return [part.tolist() for part in np.split(proposals, starts)]

    # -- states ---------------------------------------------------------------------------------

    def _copy(self, state: Any) -> Any:
        copied = self._spare.pop() if self._spare else qulacs.QuantumState(self._num_qubits)
        copied.load(state)
        return copied

    def _advance(self, node: _Node, block: int, inside: int) -> None:
        """Apply what stands before a place: whole blocks, then single operations."""
        if node.inside and node.block < block:
            self._apply_part(node, len(self._blocks[node.block].operations))
            node.block, node.inside = node.block + 1, 0
        for whole in self._whole[node.block : block]:
            if self._cancelled is not None and self._cancelled.is_set():
                raise Cancelled
            whole.apply(node.state, self._cancelled)
        node.block = max(node.block, block)
        if inside > node.inside:
            self._apply_part(node, inside)
            node.inside = inside

    def _apply_part(self, node: _Node, end: int) -> None:
        operations = self._blocks[node.block].operations[node.inside : end]
        Circuit(operations, self._num_qubits).apply(node.state, self._cancelled)

    @staticmethod
    def _strike(state: Any, site: Site, choice: int) -> None:
        """Let something happen to a state."""
        if site.kind == "decay":
            qulacs.gate.DenseMatrix(site.qubits[0], _LOWER).update_quantum_state(state)
            state.normalize(state.get_squared_norm())
            return
        letters = choice + 1 if site.kind == "pauli" else 3
        for qubit in site.qubits:
            letters, letter = divmod(letters, 4)
            if letter:
                _PAULIS[letter - 1](qubit).update_quantum_state(state)


_PAULIS = (qulacs.gate.X, qulacs.gate.Y, qulacs.gate.Z)


def hazard(probabilities: Sequence[float]) -> NDArray[np.float64]:
    """Return the cumulative sum of -log(1 - p).

    >>> hazard([0.5, 0.0, 1.0]).round(3).tolist()
    [0.693, 0.693, 40.693]
    """
    with np.errstate(divide="ignore"):
        each = -np.log1p(-np.array(probabilities, dtype=float))
    return np.cumsum(np.minimum(each, _CERTAIN))
