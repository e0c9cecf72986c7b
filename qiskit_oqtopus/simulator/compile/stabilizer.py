"""Plans of Clifford circuits, for the stabilizer engine."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from qiskit.circuit import CONTROL_FLOW_OP_NAMES, QuantumCircuit

from ...exceptions import Problem
from ..memory import Budget, describe_bytes, stabilizer_bytes
from ..noise.twirl import twirl
from ..operations import Operation
from ..plan import Piece, Plan, StabilizerPlan, Step
from .clifford import has_stim, to_gates, write_noise
from .feedforward import Parity, to_parity
from .general import Compiler
from .noisy import compile_noisy
from .straight import compile_straight

if TYPE_CHECKING:
    from ..noise.model import NoiseModel

TWIRLED = "relaxation is twirled into Pauli errors"
AVERAGED = "bits that a condition reads are read wrongly with the mean of both probabilities"


def compile_stabilizer(
    circuit: QuantumCircuit,
    index: int,
    *,
    noise: NoiseModel | None,
    shots: int,
    budget: Budget,
    dt: float | None,
    schedule: str | None,
) -> tuple[StabilizerPlan | None, list[Problem]]:
    """Compile a circuit for the stabilizer engine, which must be able to run it.

    Args:
        circuit: The circuit.
        index: Its position in the list that is run, for the problems.
        noise: The noise, by the circuit's qubits; None if there is none.
        shots: Number of shots.
        budget: Memory that there is.
        dt: Duration of one dt in s, or None where it is not known.
        schedule: When things happen, see :func:`.noisy.compile_noisy`.

    Returns:
        The plan and no problems, or None and everything that is wrong.
    """
    plan: Plan | None
    if noise is None:
        plan, problems = _compile(circuit, index, dt)
    else:
        plan, problems = compile_noisy(circuit, index, noise, dt=dt, schedule=schedule)
    if plan is None:
        return None, problems
    found = build_stabilizer(plan)
    # Loops of which nothing is left in a plan, since they were written out, are loops nevertheless.
    if found is None or not CONTROL_FLOW_OP_NAMES.isdisjoint(circuit.count_ops()):
        from .non_clifford import find_non_clifford  # circuits without any do not wait for this

        problems = find_non_clifford(circuit, index, dt)
        if found is None and not problems:
            reason = "noise on several qubits at once depends on a condition"
            problems = [Problem(index, circuit.name, reason, "leave method out")]
        if problems or found is None:
            return None, problems
    needed = stabilizer_bytes(found.num_qubits, found.num_records, shots)
    if budget.fits(needed):
        return found, []
    more = ", or raise max_memory_mb" if budget.may_grow(needed) else ""
    reason = (
        f"its {len(plan.qubits)} active qubits and {found.num_records} measurements need "
        f"{describe_bytes(needed)} for {shots:,} shots, and {describe_bytes(budget.available)} are "
        "available"
    )
    return None, [Problem(index, circuit.name, reason, f"use fewer shots{more}")]


def _compile(
    circuit: QuantumCircuit, index: int, dt: float | None
) -> tuple[Plan | None, list[Problem]]:
    """Compile a circuit instruction by instruction: what is merged may be Clifford by chance."""
    plan = None
    if not circuit.num_parameters and not circuit.num_input_vars:
        plan = compile_straight(circuit, circuit.data, float(circuit.global_phase))
    if plan is not None:
        return plan, []
    compiler = Compiler(circuit, index, dt)
    compiler.run()
    return (None, compiler.problems) if compiler.problems else (compiler.plan(), [])


def fit_stabilizer(plan: Plan, shots: int, budget: Budget) -> StabilizerPlan | None:
    """Return a plan as a stabilizer circuit; None if it is not Clifford, or does not fit."""
    found = build_stabilizer(plan) if has_stim() else None
    if found is None:
        return None
    needed = stabilizer_bytes(found.num_qubits, found.num_records, shots)
    return found if budget.fits(needed) else None


def build_stabilizer(plan: Plan) -> StabilizerPlan | None:
    """Return a plan as a stabilizer circuit, or None if it is not Clifford."""
    writer = _Writer(plan)
    return writer.finish() if writer.write() else None


class _Writer:
    """Writes a plan as the text of a stim circuit.

    Args:
        plan: The plan, without stages.
    """

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._zero = len(plan.qubits)  # a qubit that stays in 0
        self._lines: list[str] = []
        self._pieces: list[Piece] = []
        self._records = 0
        self._bits: dict[int, int] = {}  # clbit -> the measurement that is in it
        self._places: dict[int, int] = {}  # clbit -> the line of this measurement
        self._misread: dict[int, tuple[float, float]] = {}  # by clbit
        self._approximations: dict[str, None] = {}
        self._read = {
            clbit
            for step in plan.steps
            if step[0] == "unless" and (parity := to_parity(step[1])) is not None
            for clbit in parity.clbits
        }

    def write(self) -> bool:
        """Write the plan; return False if it is not Clifford."""
        steps = self._plan.steps
        at = 0
        while at < len(steps):
            name, *arguments = steps[at]
            at += 1
            if name == "unitary":
                if not all(map(self._operation, arguments[0])):
                    return False
            elif name == "measure":
                self._measure(*arguments)
            elif name == "reset":
                self._lines.append(f"R {arguments[0]}\n")
            elif name == "misread":
                self._wrong(*arguments)
            elif name == "unless":
                end = self._branch(at, *arguments)
                if end is None:
                    return False
                at = end
            else:
                return False
        for qubit, clbit in self._plan.terminal:
            self._measure(qubit, (clbit,))
        for clbit, p, q in self._plan.misread:
            self._misread[clbit] = (p, q)
        return True

    def finish(self) -> StabilizerPlan:
        """Return what was written."""
        return StabilizerPlan(
            (*self._pieces, Piece("".join(self._lines))),
            self._zero + 1,
            tuple(sorted(self._bits.items())),
            tuple([(clbit, p, q) for clbit, (p, q) in sorted(self._misread.items())]),
            self._records,
            tuple(self._approximations),
        )

    # -- steps ------------------------------------------------------------------------------------

    def _operation(self, operation: Operation) -> bool:
        """Write an operation; return False if it is not Clifford."""
        if operation[0] == "noise":
            _, qubits, p, relaxations = operation
            self._note(relaxations)
            self._lines.append(write_noise(qubits, p, relaxations))
            return True
        gates = to_gates(operation)
        if gates is None:
            return False
        self._lines += [f"{name} {' '.join(map(str, targets))}\n" for name, targets in gates]
        return True

    def _note(self, relaxations: Iterable[tuple[float, float]]) -> None:
        # A Z now and then, which is all that dephasing is, is a Pauli error.
        if any(decay for decay, _ in relaxations):
            self._approximations[TWIRLED] = None

    def _measure(self, qubit: int | None, clbits: Iterable[int]) -> None:
        place = self._zero if qubit is None else qubit
        written = tuple(clbits)
        for clbit in written:
            self._bits[clbit] = self._records
            self._places[clbit] = len(self._lines)
            self._misread.pop(clbit, None)
            self._lines.append(f"M {place}\n")
            self._records += 1
        if not written:  # that nobody reads it does not undo it
            self._lines.append(f"M {place}\n")
            self._records += 1

    def _wrong(self, clbit: int, p: float, q: float) -> None:
        """Let the last measurement into a bit be read wrongly."""
        if clbit not in self._read:
            self._misread[clbit] = (p, q)
            return
        if p != q:
            self._approximations[AVERAGED] = None
        place = self._places[clbit]
        self._lines[place] = f"M({(p + q) / 2!r}){self._lines[place][1:]}"

    # -- conditions -------------------------------------------------------------------------------

    def _branch(self, start: int, condition: tuple[object, ...], goal: int) -> int | None:
        """Write what is under a condition, and what is under its opposite.

        Returns:
            The step where both meet again, or None if there is more than Paulis and their noise.
        """
        parity = to_parity(condition)
        if parity is None:
            return None
        steps = self._plan.steps
        stop, end = goal, goal
        if goal > start and steps[goal - 1][0] == "jump":
            stop, end = goal - 1, steps[goal - 1][1]
            if end < goal:
                return None
        # Both are on the bits as they are now: a body of Paulis writes none.
        body = self._body(steps[start:stop], parity)
        other = self._body(steps[goal:end], parity.plus(frozenset(), 1))
        return end if body and other else None

    def _body(self, steps: Iterable[Step], parity: Parity) -> bool:
        """Write steps under a condition; return False if there is more than Paulis."""
        records = sorted(self._bits[clbit] for clbit in parity.clbits if clbit in self._bits)
        for step in steps:
            if step[0] != "unitary":
                return False
            for operation in step[1]:
                if operation[0] == "noise":
                    if len(operation[1]) > 1:
                        return False
                    self._strike(operation, tuple(records), 1 ^ parity.constant)
                    continue
                gates = to_gates(operation)
                if gates is None or any(name not in ("X", "Y", "Z") for name, _ in gates):
                    return False
                for name, targets in gates:
                    for target in targets:
                        if parity.constant:
                            self._lines.append(f"{name} {target}\n")
                        for record in records:
                            back = record - self._records
                            self._lines.append(f"C{name} rec[{back}] {target}\n")
        return True

    def _strike(self, noise: Operation, records: tuple[int, ...], parity: int) -> None:
        """Write noise that strikes in the shots in which some measurements have a parity."""
        _, (qubit,), p, relaxations = noise
        self._note(relaxations)
        if records:
            probabilities = twirl(p, relaxations)[1:]
            piece = Piece("".join(self._lines), qubit, records, parity, probabilities)
            self._pieces.append(piece)
            self._lines.clear()
            # No condition comes before a measurement that is still to be read wrongly.
            self._places.clear()
        elif not parity:
            self._lines.append(write_noise((qubit,), p, relaxations))
