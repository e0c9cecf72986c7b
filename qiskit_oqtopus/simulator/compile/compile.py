"""Compile a circuit to a plan, by whatever way is the fastest for it."""

from __future__ import annotations

from qiskit.circuit import QuantumCircuit

from ...exceptions import Problem
from .. import memory
from ..optimize import stages
from ..plan import Plan
from . import consolidate
from .straight import compile_straight


def compile_circuit(
    circuit: QuantumCircuit,
    index: int = 0,
    *,
    budget: memory.Budget | None = None,
    statevector: bool = False,
    final: bool = False,
    dt: float | None = None,
) -> tuple[Plan | None, list[Problem]]:
    """Compile one circuit.

    Args:
        circuit: The circuit.
        index: Its position in the list that is run, for the problems.
        budget: Memory that the simulation may take; None for no limit.
        statevector: Whether the state before the terminal measurements is wanted.
        final: Whether expectation values in that state are wanted, or its density matrix.
        dt: Duration of one dt in s, or None where it is not known.

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
    wrong = None
    if budget is not None:
        wrong = memory_problem(plan, budget, statevector)
    if wrong is None and statevector:
        wrong = purity_problem(plan)
    if wrong is not None:
        return None, [Problem(index, circuit.name, *wrong)]
    return _add_stages(plan), []


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


def memory_problem(plan: Plan, budget: memory.Budget, statevector: bool) -> tuple[str, str] | None:
    """Return (reason, cure) if the plan takes more memory than there is."""
    active = len(plan.qubits)
    if active <= memory.SMALL_QUBITS and not statevector and not budget.is_set:
        return None
    branching = not plan.is_static or plan.has_wide_maps
    needed = memory.required_bytes(active, branching)
    if not budget.fits(needed):
        return (
            f"its {active} active qubits need {needed:,} bytes, "
            f"and {budget.available:,} bytes are available",
            f"use at most {memory.max_qubits(budget.available)} active qubits, or raise "
            "max_memory_mb if the machine has more",
        )
    needed = memory.required_bytes(plan.num_qubits)
    if statevector and not budget.fits(needed):
        return (
            f"statevector=True returns the state of all {plan.num_qubits} qubits, which needs "
            f"{needed:,} bytes, and {budget.available:,} bytes are available",
            "remove the idle qubits from the circuit, or leave statevector out",
        )
    return None


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
