"""How long the engines for noise take with a plan, from the plan alone.

What an engine will do is counted: how many gates it applies and how many measurements it makes, in
how many branches. The numbers of branches are those of an average circuit: a measurement finds one
bit more if a gate has brought the qubit, or one that it has met, into a superposition since then;
noise and wrong readings turn some of the outcomes. A loop is counted once, and all branches are
taken to go both ways of a condition.
"""

from __future__ import annotations

from math import expm1, log2

from ..operations import TRANSFER_QUBITS, Operation, matrix_of, qubits_of
from ..plan import Plan
from .cost import CACHED_QUBITS, DENSITY_NS, TRAJECTORY_NS, UNCACHED

_QUIET = frozenset({"x", "y", "z", "s", "sdg", "t", "tdg", "rz", "cx", "cz", "swap", "phase"})
"""Gates that make no superposition of basis states."""

_TURNED = 4
"""Values in which noise has turned more bits than this are taken to be all different."""

Work = dict[str, float]
"""By the names of :data:`.cost.DENSITY_NS` or :data:`.cost.TRAJECTORY_NS`, how often it is done."""


def estimate(plan: Plan, shots: int) -> tuple[float, float]:
    """Return about how long density matrices and trajectories take with a plan, in ns."""
    n = max(1, len(plan.qubits))
    density, trajectories = count_work(plan, shots)
    return (
        sum(density[name] * (fixed + each * 4**n) for name, (fixed, each) in DENSITY_NS.items()),
        sum(
            trajectories[name] * (fixed + each * 2**n)
            for name, (fixed, each) in TRAJECTORY_NS.items()
        ),
    )


def count_work(plan: Plan, shots: int) -> tuple[Work, Work]:
    """Return what density matrices and trajectories have to do."""
    return _Walk(max(1, len(plan.qubits)), max(1, shots)).count(plan)


class _Walk:
    """A walk through a plan, which counts the work of both engines.

    Args:
        num_qubits: Number of qubits of the plan.
        shots: Number of shots.
    """

    def __init__(self, num_qubits: int, shots: int) -> None:
        self._shots = shots
        self._density = dict.fromkeys(DENSITY_NS, 0.0)
        self._trajectories = dict.fromkeys(TRAJECTORY_NS, 0.0)
        self._uncached = 1 + UNCACHED * max(0, num_qubits - CACHED_QUBITS)
        self._hidden = [0.0] * num_qubits  # by qubit, bits that a measurement may find
        self._met: list[set[int]] = [set() for _ in range(num_qubits)]
        self._flips = [0.0] * num_qubits  # by qubit, events that its next outcome shows
        self._block = list(range(-num_qubits, 0))  # by qubit, the number of its block
        self._blocks = 0
        self._gates = 0
        self._bits = [0.0, 0.0]  # found in density matrices; in trajectories, by resets as well
        self._outcomes = 0  # bits that noise may have turned
        self._turned = 0.0  # how many of them it has, in a shot
        self._events = 0.0  # of noise, in a shot
        self._matrices = self._states = 1.0  # branches of both engines

    def count(self, plan: Plan) -> tuple[Work, Work]:
        """Return the work of a plan."""
        density, trajectories = self._density, self._trajectories
        for name, *arguments in plan.steps:
            density["steps"] += 1
            trajectories["steps"] += 1
            if name == "unitary":
                self._unitary(arguments[0])
            elif name == "gate":
                self._gate(arguments[1], quiet=False)
            elif name == "measure" and arguments[0] is not None:
                self._measure(arguments[0])
            elif name == "reset":
                self._reset(arguments[0])
            elif name == "misread":
                self._turned += sum(arguments[1:]) / 2
                self._branch()
        density["ends"], trajectories["ends"] = self._matrices, self._states
        gates_before_an_event = self._gates / max(1, self._blocks)
        trajectories["singles"] = self._shots * self._events * gates_before_an_event
        return density, trajectories

    # -- branches -------------------------------------------------------------------------------

    def _branch(self) -> None:
        """Find how many branches there are now."""
        if self._bits[1] or self._turned:
            self._matrices, values = map(self._occurring, self._bits)
        else:
            values = 1.0
        struck = -self._shots * expm1(-self._events)
        self._states = min(self._shots, values + struck)

    def _occurring(self, bits: float) -> float:
        """Return how many values of the outcomes occur, if noise turns some of the bits."""
        shots, outcomes = self._shots, self._outcomes
        values = 2.0 ** min(bits, 60.0)
        p = min(0.5, self._turned / max(1, outcomes))
        ways, probability, left = 1.0, (1 - p) ** outcomes, 1.0
        occurring = 0.0
        for turned in range(min(outcomes, _TURNED) + 1):
            occurring -= values * ways * expm1(-shots * probability / values)
            left -= ways * probability
            ways *= (outcomes - turned) / (turned + 1)
            probability *= p / (1 - p)
        return max(1.0, min(shots, occurring + shots * max(0.0, left)))

    def _find(self, qubit: int) -> float:
        """Return what a collapse finds: in the qubit, or else in one that it has met."""
        hidden = self._hidden
        if not hidden[qubit] and self._met[qubit]:
            qubit = max(self._met[qubit], key=hidden.__getitem__)
        found, hidden[qubit] = hidden[qubit], 0.0
        return found

    # -- steps ----------------------------------------------------------------------------------

    def _unitary(self, operations: tuple[Operation, ...]) -> None:
        self._density["operations"] += len(operations)
        self._trajectories["operations"] += len(operations)
        before = self._events
        for operation in operations:
            name = operation[0]
            if name == "noise":
                self._noise(*operation[1:])
                continue
            qubits = qubits_of(operation)
            self._gates += 1
            if len(qubits) == 1:
                qubit = qubits[0]
                if name not in _QUIET and self._hidden[qubit] < 1:
                    self._hidden[qubit] = min(1.0, self._hidden[qubit] + _entropy(operation))
                if self._block[qubit] >= 0:
                    continue
            if self._events != before:
                self._branch()
                before = self._events
            self._gate(qubits, quiet=name in _QUIET)
        self._branch()

    def _noise(
        self, qubits: tuple[int, ...], p: float, relaxations: tuple[tuple[float, float], ...]
    ) -> None:
        # About half of the decays that are proposed find their qubit in 1.
        events = p + sum([max(decay, dephasing) / 2 for decay, dephasing in relaxations])
        self._events += events
        for qubit in qubits:
            self._flips[qubit] += events / 2

    def _gate(self, qubits: tuple[int, ...], *, quiet: bool) -> None:
        """Count a gate on several qubits, or the first one on a qubit."""
        if len(qubits) > 1:
            kind = "wide" if len(qubits) > TRANSFER_QUBITS else "pairs"
            self._density[kind] += self._matrices * self._uncached
            for qubit in qubits:
                self._met[qubit].update(qubits)
                if not quiet:
                    self._hidden[qubit] = 1.0
        if len(qubits) == 1 or len({self._block[qubit] for qubit in qubits}) > 1:
            self._trajectories["blocks"] += self._states
            self._blocks += 1
            # What stands alone on a qubit goes into the next block on two.
            for qubit in qubits:
                self._block[qubit] = self._blocks

    def _measure(self, qubit: int) -> None:
        found = self._find(qubit)
        self._bits = [bits + found for bits in self._bits]
        self._outcomes += 1
        self._turned += self._flips[qubit]
        self._flips[qubit] = 0.0
        self._branch()
        self._density["reads"] += self._matrices
        self._trajectories["reads"] += self._states

    def _reset(self, qubit: int) -> None:
        self._bits[1] += self._find(qubit)
        self._met[qubit].clear()
        self._flips[qubit] = 0.0
        self._branch()
        self._trajectories["reads"] += self._states


def _entropy(operation: Operation) -> float:
    """Return how many bits a measurement finds after a gate on a qubit in a basis state."""
    p = abs(matrix_of(operation)[1][1, 0]) ** 2
    return 0.0 if min(p, 1 - p) < 1e-9 else float(-p * log2(p) - (1 - p) * log2(1 - p))
