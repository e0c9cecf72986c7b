"""Circuits that fall into independent parts: whether that pays, and an engine for each part."""

from __future__ import annotations

from collections.abc import Callable

from ..memory import Budget, describe_bytes, join_bytes
from ..optimize.cost import NOISY_PART_NS, PART_NS, whole_cost
from ..plan import BLOCK_SHOTS, Part, Plan, ProductPlan, Whole

MIN_QUBITS = 11
"""A plan of fewer qubits is not looked at: as a whole it takes less time than to look."""

MIN_NOISY_QUBITS = 7
"""The same with noise."""

MAX_BLOCKS = 128
"""The most blocks of shots that are run one after the other."""

_NAMED_QUBITS = 16

Chosen = Whole | tuple[str, str]
"""A plan for an engine, or (reason, cure) if there is no memory for it."""


def build_product(
    plan: Plan,
    shots: int,
    budget: Budget,
    choose: Callable[[Part], Chosen],
    whole_fits: Callable[[], bool],
    noisy: bool,
) -> ProductPlan | tuple[str, str] | None:
    """Return a plan as independent parts.

    Args:
        plan: The plan, without stages.
        shots: Number of shots; 0 if nothing is sampled.
        budget: Memory that there is.
        choose: Chooses the engine of a part.
        whole_fits: Whether there is memory for the plan as a whole.
        noisy: Whether the engines are those for noise.

    Returns:
        The parts; None if the plan is to be run as a whole; or (reason, cure).
    """
    from .parts import split  # most circuits are too small to come here

    parts = split(plan)
    if parts is None:
        return None
    apart = len(parts) * (NOISY_PART_NS if noisy else PART_NS)
    if (shots > BLOCK_SHOTS or whole_cost(plan, noisy) < apart) and whole_fits():
        return None
    wrong = _find_joining_problem(parts, shots, budget)
    if wrong is not None:
        return wrong
    chosen: list[Part] = []
    for part in sorted(parts, key=lambda part: -len(part.qubits)):
        found = choose(part)
        if isinstance(found, tuple) and not isinstance(found, Plan):
            reason, cure = found
            return (
                f"of its {len(parts)} independent parts, that of {describe_qubits(part.qubits)} "
                f"is too large: {reason}",
                f"{cure}; BatchExperiment runs groups of fewer qubits one after the other",
            )
        chosen.append(part._replace(plan=found))
    order = {part.stream: place for place, part in enumerate(parts)}
    chosen.sort(key=lambda part: order[part.stream])
    return ProductPlan(tuple(chosen), plan.num_qubits, plan.has_counts)


def describe_qubits(qubits: tuple[int, ...]) -> str:
    """Return qubits as they are named in messages.

    >>> describe_qubits((7, 5)), describe_qubits(tuple(range(30)))[-20:]
    ('qubits 5, 7', '14, 15 and 14 others')
    """
    named = ", ".join(map(str, sorted(qubits)[:_NAMED_QUBITS]))
    more = len(qubits) - _NAMED_QUBITS
    return f"qubits {named}" + (f" and {more} others" if more > 0 else "")


def _find_joining_problem(
    parts: tuple[Part, ...], shots: int, budget: Budget
) -> tuple[str, str] | None:
    """Return (reason, cure) if the outcomes of the parts cannot be joined."""
    if shots > MAX_BLOCKS * BLOCK_SHOTS:
        return (
            f"its {len(parts)} independent parts are simulated apart, which takes at most "
            f"{MAX_BLOCKS * BLOCK_SHOTS:,} shots, not {shots:,}",
            "use fewer shots",
        )
    bits = sum(len(part.clbits) for part in parts)
    needed = join_bytes(min(shots, BLOCK_SHOTS), bits)
    if budget.fits(needed):
        return None
    more = ", or raise max_memory_mb" if budget.may_grow(needed) else ""
    return (
        f"joining the outcomes of its {len(parts)} independent parts, {bits} bits in each of "
        f"{shots:,} shots, needs {describe_bytes(needed)}, and "
        f"{describe_bytes(budget.available)} are available",
        f"use fewer shots{more}",
    )
