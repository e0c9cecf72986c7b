"""The independent parts of a plan: what no operation and no classical value ties together.

Qubits, classical bits and variables are joined by whatever acts on several of them. What is left
apart is a product, and each factor is a plan of its own.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from ..angle import Angle
from ..classical import Expression
from ..noise.calibration import Misreading
from ..operations import ROTATION_GATES, Operation, qubits_of
from ..plan import Part, Plan, Step
from .regions import Regions, find_regions
from .renumbering import move, renumber

Site = int
"""A qubit q of the plan is q, a classical bit c of a plan of n qubits is n + c, and a variable v is
-1 - v."""


def split(plan: Plan) -> tuple[Part, ...] | None:
    """Return the independent parts of a plan, or None if it has only one.

    Args:
        plan: The plan, without stages.

    Returns:
        The parts by their lowest qubits; those without qubits come last. The global phase is that
        of the first one. Bits that are always 0 are in none of them.
    """
    groups = _Groups(len(plan.qubits))
    regions = find_regions(plan.steps)
    splitter = _Splitter(plan, groups, regions)
    splitter.tie()
    if groups.count < 2:
        return None
    parts = splitter.build()
    return parts if len(parts) > 1 else None


class _Groups:
    """Disjoint sets of sites.

    Args:
        num_qubits: Number of qubits, which are there from the beginning.

    Attributes:
        count: Number of sets.
    """

    def __init__(self, num_qubits: int) -> None:
        self._parents: dict[Site, Site] = {qubit: qubit for qubit in range(num_qubits)}
        self.count = num_qubits

    def find(self, site: Site) -> Site:
        """Return the site that stands for the set of a site."""
        parents = self._parents
        if site not in parents:
            parents[site] = site
            self.count += 1
        while parents[site] != site:
            parents[site] = parents[parents[site]]
            site = parents[site]
        return site

    def tie(self, sites: Iterable[Site]) -> None:
        """Join the sets of some sites."""
        first: Site | None = None
        for site in sites:
            root = self.find(site)
            if first is None:
                first = root
            elif root != first:
                self._parents[root] = first
                self.count -= 1


@dataclass
class _Draft:
    """A part that is being built.

    Attributes:
        steps: What it has of each step of the plan.
        qubits: Its qubits, as numbers of the plan.
        clbits: Its classical bits.
        moved: The steps that have the numbers of the part already.
    """

    steps: dict[int, Step] = field(default_factory=dict)
    qubits: list[int] = field(default_factory=list)
    clbits: set[int] = field(default_factory=set)
    moved: set[int] = field(default_factory=set)


class _Splitter:
    """One search for the parts of a plan.

    Args:
        plan: The plan.
        groups: The sets of sites, to be joined.
        regions: What must stay together.
    """

    def __init__(self, plan: Plan, groups: _Groups, regions: Regions) -> None:
        self._plan = plan
        self._n = len(plan.qubits)
        self._groups = groups
        self._regions = regions
        self._owned = self._find_owned()
        self._places: dict[int, int] = {}  # of each qubit in its part

    def tie(self) -> None:
        """Join what the steps and the measurements at the end tie."""
        tie = self._groups.tie
        steps = self._plan.steps
        for at, step in self._plain_steps():
            if step[0] == "unitary":
                # Fixed gates and their noise are the same objects wherever they occur.
                seen = set()
                for operation in step[1]:
                    if operation[0] in ROTATION_GATES or id(operation) in seen:
                        continue
                    seen.add(id(operation))
                    qubits = qubits_of(operation)
                    if len(qubits) > 1:
                        tie(qubits)
                        if self._groups.count == 1:
                            break  # all qubits are together: other gates tie no more
            else:
                tie(self._sites(at, step))
        for first, last in self._regions.tied:
            tie(site for at in range(first, last + 1) for site in self._sites(at, steps[at]))
        terminal = self._plan.terminal
        if self._groups.count == 1 and all(read is not None for read, _ in terminal):
            return
        for read, clbit in terminal:
            tie((self._n + clbit,) if read is None else (read, self._n + clbit))

    def build(self) -> tuple[Part, ...]:
        """Return the parts."""
        plan, find = self._plan, self._groups.find
        drafts: dict[Site, _Draft] = {}
        for qubit in sorted(range(self._n), key=lambda qubit: plan.qubits[qubit]):
            draft = drafts.setdefault(find(qubit), _Draft())
            self._places[qubit] = len(draft.qubits)
            draft.qubits.append(qubit)
        home = next(iter(drafts), None)
        self._deal_steps(drafts, home)
        wrong: dict[int, list[Misreading]] = {}
        for misreading in plan.misread:
            wrong.setdefault(misreading[0], []).append(misreading)
        terminal: dict[Site, list[tuple[int | None, int]]] = {}
        for read, clbit in plan.terminal:
            root = find(self._n + clbit)
            if root not in drafts and clbit in wrong:
                drafts[root] = _Draft()
            if root in drafts:
                terminal.setdefault(root, []).append((read, clbit))
                drafts[root].clbits.add(clbit)
        return tuple(
            self._finish(draft, terminal.get(root, []), wrong)
            for root, draft in drafts.items()
            if draft.qubits or draft.clbits
        )

    # -- what a step touches ----------------------------------------------------------------------

    def _plain_steps(self) -> Iterator[tuple[int, Step]]:
        """Yield the steps that are in no region, but not those that only make a loop."""
        tied, loops = self._regions.owners, self._regions.loop_steps
        for at, step in enumerate(self._plan.steps):
            if at not in tied and at not in loops:
                yield at, step

    def _find_owned(self) -> set[Site]:
        """Return the bits and variables that tie: those that are written, and not only by a loop.

        What is never written has one value for all. So has the variable of a loop of known length:
        each part gets a copy of the loop.
        """
        owned = {self._n + clbit for _, clbit in self._plan.terminal}
        for at, step in enumerate(self._plan.steps):
            if step[0] == "measure":
                owned.update(self._n + clbit for clbit in step[2])
            elif step[0] == "store":
                owned.update(self._written(step[1]))
            elif step[0] == "next" and step[3] is not None and at not in self._regions.loop_steps:
                owned.add(-1 - step[3])
        return owned

    def _written(self, target: Expression) -> Iterator[Site]:
        if target[0] == "index":
            yield from self._written(target[1])
        else:
            yield from self._read(target)

    def _read(self, expression: Expression) -> Iterator[Site]:
        """Yield the bits and variables in an expression."""
        name = expression[0]
        if name == "bits":
            yield from (self._n + clbit for clbit in expression[1])
        elif name == "var":
            yield -1 - expression[1]
        elif name != "value":
            for argument in expression[1:]:
                if isinstance(argument, tuple):
                    yield from self._read(argument)

    def _sites(self, at: int, step: Step) -> list[Site]:
        """Return what a step ties."""
        return [site for site in self._touched(step) if 0 <= site < self._n or site in self._owned]

    def _touched(self, step: Step) -> list[Site]:
        """Return all that a step acts on, writes or reads."""
        name = step[0]
        if name == "unitary":
            return [qubit for operation in step[1] for qubit in qubits_of(operation)]
        if name == "gate":
            return [*step[2], *(-1 - slot for angle in step[3] for slot in _slots(angle))]
        if name == "measure":
            qubit = [] if step[1] is None else [step[1]]
            return qubit + [self._n + clbit for clbit in step[2]]
        if name == "reset":
            return [step[1]]
        if name == "misread":
            return [self._n + step[1]]
        if name == "store":
            return [*self._read(step[1]), *self._read(step[2])]
        if name == "unless":
            return list(self._read(step[1]))
        if name == "next" and step[3] is not None:
            return [-1 - step[3]]
        return []

    # -- dealing out ------------------------------------------------------------------------------

    def _deal_steps(self, drafts: dict[Site, _Draft], home: Site | None) -> None:
        """Give each step to its part; a step of the phase alone goes to ``home``."""
        steps = self._plan.steps

        def draft(sites: Sequence[Site]) -> _Draft | None:
            root = self._groups.find(sites[0]) if sites else home
            if root is None:
                return None
            return drafts.setdefault(root, _Draft())

        for at, step in self._plain_steps():
            if step[0] == "unitary":
                self._deal_operations(drafts, home, at, step)
            elif (owner := draft(self._sites(at, step))) is not None:
                self._give(owner, at, step)
        for first, last in self._regions.tied:
            sites = [site for at in range(first, last + 1) for site in self._sites(at, steps[at])]
            owner = draft(sites)
            if owner is not None:
                for at in range(first, last + 1):
                    self._give(owner, at, steps[at])
        for owner in drafts.values():
            self._give_loops(owner)

    def _deal_operations(
        self, drafts: dict[Site, _Draft], home: Site | None, at: int, step: Step
    ) -> None:
        dealt: dict[Site, list[Operation]] = {}
        known: dict[int, tuple[list[Operation], Operation]] = {}
        for operation in step[1]:
            found = known.get(id(operation))
            if found is None:
                root = self._groups.find(qubits_of(operation)[0])
                moved = move(operation, self._places)
                found = known[id(operation)] = dealt.setdefault(root, []), moved
            found[0].append(found[1])
        if step[2] and home is not None:
            dealt.setdefault(home, [])
        for root, operations in dealt.items():
            phase = step[2] if root == home else 0.0
            drafts[root].steps[at] = ("unitary", tuple(operations), phase)
            drafts[root].moved.add(at)

    def _give(self, owner: _Draft, at: int, step: Step) -> None:
        owner.steps[at] = step
        owner.clbits.update(site - self._n for site in self._touched(step) if site >= self._n)

    def _give_loops(self, owner: _Draft) -> None:
        """Give a part the loops that have something for it to do, or whose variables it reads."""
        loops = self._regions.loops
        if not loops:
            return
        steps = self._plan.steps
        read = {site for step in owner.steps.values() for site in self._touched(step) if site < 0}
        own = sorted(owner.steps)
        for first, last in loops:
            variable = steps[first + 1][3]
            inside = bisect_right(own, first) < bisect_left(own, last)
            if inside or (variable is not None and -1 - variable in read):
                for at in (first, first + 1, last):
                    owner.steps[at] = steps[at]

    def _finish(
        self,
        draft: _Draft,
        terminal: list[tuple[int | None, int]],
        wrong: Mapping[int, list[Misreading]],
    ) -> Part:
        plan = self._plan
        qubits = self._places
        clbits = {clbit: place for place, clbit in enumerate(sorted(draft.clbits))}
        kept = sorted(draft.steps)
        steps = tuple(
            [
                draft.steps[at]
                if at in draft.moved
                else renumber(draft.steps[at], qubits, clbits, kept)
                for at in kept
            ]
        )
        part = Plan(
            qubits=tuple(range(len(draft.qubits))),
            num_qubits=len(draft.qubits),
            steps=steps,
            terminal=tuple(
                [(None if q is None else qubits[q], clbits[clbit]) for q, clbit in terminal]
            ),
            variables=plan.variables,
            counters=plan.counters,
            has_counts=plan.has_counts and bool(clbits),
            resets=any(step[0] == "reset" for step in steps),
            misread=tuple(
                [
                    (place, *each[1:])
                    for clbit, place in clbits.items()
                    for each in wrong.get(clbit, ())
                ]
            ),
        )
        return Part(
            part, tuple([plan.qubits[qubit] for qubit in draft.qubits]), tuple(sorted(clbits))
        )


def _slots(angle: float | Angle) -> list[int]:
    """Return the variables on which an angle depends."""
    if not isinstance(angle, Angle):
        return []
    if angle.expression is not None:
        return [slot for _, slot in angle.expression[1]]
    return [slot for slot, _ in angle.slopes]
