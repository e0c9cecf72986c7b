"""Compile a circuit to a plan, by whatever way is the fastest for it."""

from __future__ import annotations

from qiskit.circuit import QuantumCircuit

from ...exceptions import Problem
from .. import memory
from ..optimize import stages
from ..optimize.cost import STABILIZER_QUBITS, SURELY, stabilizer_cost, state_cost
from ..plan import Part, Plan, ProductPlan, Runnable, StabilizerPlan
from . import consolidate, product
from .clifford import is_surely_other
from .straight import compile_straight


def compile_circuit(
    circuit: QuantumCircuit,
    index: int = 0,
    *,
    budget: memory.Budget | None = None,
    statevector: bool = False,
    final: bool = False,
    dt: float | None = None,
    shots: int | None = None,
    stabilizer: bool = False,
) -> tuple[Runnable | None, list[Problem]]:
    """Compile one circuit.

    Args:
        circuit: The circuit.
        index: Its position in the list that is run, for the problems.
        budget: Memory that the simulation may take; None for no limit.
        statevector: Whether the state before the terminal measurements is wanted.
        final: Whether expectation values in that state are wanted, or its density matrix.
        dt: Duration of one dt in s, or None where it is not known.
        shots: Number of shots, 0 if nothing is sampled; None leaves the circuit whole.
        stabilizer: Whether the stabilizer engine may run it, where that takes less time.

    Returns:
        The plan and no problems, or None and everything that is wrong.
    """
    plan = None
    if not circuit.num_parameters and not circuit.num_input_vars:
        plan = _compile_shortcut(circuit)
    if plan is None:
        from .general import Compiler  # most circuits need no more than the tight loop

        compiler = Compiler(circuit, index, dt)
        compiler.run()
        if compiler.problems:
            return None, compiler.problems
        plan = compiler.plan(final)
    wrong = purity_problem(plan) if statevector else None
    if wrong is not None:
        return None, [Problem(index, circuit.name, *wrong)]
    found: Runnable | tuple[str, str]
    if budget is None:
        found = _add_stages(plan)
    else:
        stabilizer = stabilizer and bool(shots) and not statevector
        found = divide(plan, budget, statevector, shots, stabilizer)
    if isinstance(found, tuple) and not isinstance(found, Plan):
        return None, [Problem(index, circuit.name, *found)]
    return found, []


def divide(
    plan: Plan,
    budget: memory.Budget,
    statevector: bool = False,
    shots: int | None = None,
    stabilizer: bool = False,
) -> Plan | StabilizerPlan | ProductPlan | tuple[str, str]:
    """Return a plan as it is run without noise: as a whole, or as independent parts.

    Args:
        plan: The plan, without stages.
        budget: Memory that the simulation may take.
        statevector: Whether the state of all qubits is wanted.
        shots: Number of shots, 0 if nothing is sampled; None leaves the plan whole.
        stabilizer: Whether the stabilizer engine may run it, or parts of it.

    Returns:
        The plan, or (reason, cure) if there is no memory for it.
    """
    if statevector:
        wrong = vector_problem(plan, budget)
        if wrong is not None:
            return wrong
    if shots is not None and len(plan.qubits) >= product.MIN_QUBITS:

        def choose(part: Part) -> Plan | StabilizerPlan | tuple[str, str]:
            assert isinstance(part.plan, Plan)  # noqa: S101 - mypy
            return _choose(part.plan, budget, shots if stabilizer else 0)

        def fits() -> bool:
            return memory_problem(plan, budget) is None

        parts = product.build_product(plan, shots, budget, choose, fits, noisy=False)
        if parts is not None:
            return parts
    return _choose(plan, budget, shots if stabilizer and shots else 0)


def _choose(
    plan: Plan, budget: memory.Budget, stabilizer_shots: int
) -> Plan | StabilizerPlan | tuple[str, str]:
    """Choose the engine for a plan: for stabilizers, if there are shots for it, or for states."""
    # A circuit of few qubits without measurements inside costs nothing to decide on.
    wide = len(plan.qubits) >= STABILIZER_QUBITS or len(plan.steps) > 1
    shots = 0 if not wide or is_surely_other(plan) else stabilizer_shots
    if shots and SURELY * stabilizer_cost(plan, shots) < state_cost(plan):
        from .stabilizer import fit_stabilizer  # most circuits are not Clifford

        found = fit_stabilizer(plan, shots, budget)
        if found is not None:
            return found
    problem = memory_problem(plan, budget)
    if problem is None:
        return _add_stages(plan)
    return name_stabilizers(problem, len(plan.qubits)) if stabilizer_shots else problem


def _compile_shortcut(circuit: QuantumCircuit) -> Plan | None:
    """Return the plan of a circuit that has a faster way to it than the general one, or None."""
    instructions = circuit.data
    if len(instructions) >= consolidate.MIN_INSTRUCTIONS:
        merged = consolidate.consolidate(circuit)
        if merged is not None:
            return compile_straight(circuit, *merged)
    return compile_straight(circuit, instructions, float(circuit.global_phase))


def _add_stages(plan: Plan) -> Plan:
    """Return a plan with a faster way to its final state, where there is one."""
    n = len(plan.qubits)
    if n < stages.FUSED_QUBITS or n == 0 or not plan.is_static or plan.has_wide_maps:
        return plan
    return plan._replace(stages=stages.build_stages(plan.operations, n))


def memory_problem(plan: Plan, budget: memory.Budget) -> tuple[str, str] | None:
    """Return (reason, cure) if the plan takes more memory than there is."""
    active = len(plan.qubits)
    if active <= memory.SMALL_QUBITS and not budget.is_set:
        return None
    branching = not plan.is_static or plan.has_wide_maps
    needed = memory.required_bytes(active, branching)
    if budget.fits(needed):
        return None
    more = ", or raise max_memory_mb" if budget.may_grow(needed) else ""
    return (
        f"its {active} active qubits need {memory.describe_bytes(needed)}, and "
        f"{memory.describe_bytes(budget.available)} are available",
        f"use at most {memory.max_qubits(budget.available)} active qubits{more}",
    )


_HOPELESS_QUBITS = 36
"""The state of so many qubits takes a TiB: no machine at hand has it."""


def name_stabilizers(problem: tuple[str, str], active: int) -> tuple[str, str]:
    """Name the way to run very many qubits, in the cure of a circuit that takes too much memory."""
    if active < _HOPELESS_QUBITS:
        return problem
    reason, cure = problem
    return reason, (
        f"{cure}; if all of its gates are Clifford, transpile it with optimization_level=1 and "
        "run it with method='stabilizer'"
    )


def vector_problem(plan: Plan, budget: memory.Budget) -> tuple[str, str] | None:
    """Return (reason, cure) if the state of all qubits takes more memory than there is."""
    needed = memory.required_bytes(plan.num_qubits)
    if budget.fits(needed):
        return None
    return (
        f"statevector=True returns the state of all {plan.num_qubits} qubits, which needs "
        f"{memory.describe_bytes(needed)}, and {memory.describe_bytes(budget.available)} are "
        "available",
        "remove the idle qubits from the circuit, or leave statevector out",
    )


def purity_problem(plan: Plan) -> tuple[str, str] | None:
    """Return (reason, cure) if there is no one state vector before the terminal measurements."""
    measured = any(step[0] == "measure" for step in plan.steps)
    if not measured and not plan.resets:
        return None
    what = "a mid-circuit measurement" if measured else "a reset"
    return (
        f"statevector=True has no answer for a circuit with {what}",
        "leave statevector out, or end the circuit before it",
    )
