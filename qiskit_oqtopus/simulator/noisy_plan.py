"""A compiled circuit with noise, and by which of the noisy engines it is simulated."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import expm1

from . import memory
from .noise.calibration import Misreading
from .plan import Plan

Wanted = bool | tuple[int, ...]
"""Of which qubits the density matrix is wanted: of these, or True for all, or False."""

_DENSITY_SECONDS = 2e-9
"""Time of a noisy gate on two qubits, for each of the 4**n coefficients of a density matrix."""

_TRAJECTORY_SECONDS = (3e-6, 1.2e-9)
"""Time of it in a trajectory, and for each of the 2**n amplitudes. Only the ratios matter: 1000
shots of different fates take as long as a density matrix of between 10 and 11 qubits."""

_SURELY_DENSITY = 7
"""Up to this many qubits density matrices take a few milliseconds at most: no other is asked."""


@dataclass(frozen=True)
class NoisyPlan:
    """A plan for the noisy engines; it pickles.

    Besides what a :class:`.plan.Plan` has, there may be operations ("noise", qubits, p,
    relaxations), see :meth:`.noise.NoiseModel.operation`, and steps ("misread", clbit, p, q).

    Attributes:
        plan: The plan.
        method: "density_matrix" or "trajectories".
        misread: How terminal measurements are read wrongly.
    """

    plan: Plan
    method: str
    misread: tuple[Misreading, ...] = ()

    @property
    def has_counts(self) -> bool:
        """Whether the circuit writes any classical bit."""
        return self.plan.has_counts


def density_bytes(num_qubits: int, is_static: bool = True) -> int:
    """Return the peak number of bytes that a density matrix takes.

    For each of its 4**n Pauli coefficients: 8 bytes, as many for the next result, and as many for
    what is read from it; branching takes two of them.

    >>> density_bytes(10)
    26214400
    """
    return memory.BASE_BYTES + ((24 if is_static else 48) << 2 * num_qubits)


def trajectory_bytes(num_qubits: int, shots: int) -> int:
    """Return the peak number of bytes that trajectories take: log2(shots) + 2 states are alive.

    >>> trajectory_bytes(20, 1000)
    219152384
    """
    return memory.BASE_BYTES + (16 * (shots.bit_length() + 1) + 32 << num_qubits)


def noisy_plan(
    plan: Plan,
    misread: tuple[Misreading, ...],
    method: str,
    shots: int,
    budget: memory.Budget,
    density_matrix: Wanted = False,
) -> NoisyPlan | tuple[str, str]:
    """Choose the engine for a plan.

    Args:
        plan: The plan.
        misread: How terminal measurements are read wrongly.
        method: "density_matrix", "trajectories", or "automatic": whatever is faster and fits.
        shots: Number of shots.
        budget: Memory that there is.
        density_matrix: Of which qubits the density matrix is wanted.

    Returns:
        The plan, or (reason, cure) if it cannot be simulated.
    """
    active = len(plan.qubits)
    if method == "automatic":
        wanted = density_matrix is not False
        method = "density_matrix" if wanted else _faster(plan, shots, budget)
    density = method == "density_matrix"
    needed = density_bytes(active, plan.is_static) if density else trajectory_bytes(active, shots)
    if not budget.fits(needed):
        what = "density matrix of its" if density else "trajectories of its"
        choice = density and density_matrix is False
        other = "use method='trajectories', " if choice else ""
        return (
            f"the {what} {active} active qubits need{'s' * density} {needed:,} bytes, and "
            f"{budget.available:,} bytes are available",
            f"{other}use fewer active qubits, or raise max_memory_mb if the machine has more",
        )
    if density_matrix is not False:
        problem = _matrix_problem(plan, _qubits_of(density_matrix, plan), budget)
        if problem is not None:
            return problem
    return NoisyPlan(plan, method, misread)


def _qubits_of(wanted: Wanted, plan: Plan) -> Sequence[int]:
    return range(plan.num_qubits) if wanted is True else wanted or ()


def _matrix_problem(
    plan: Plan, qubits: Sequence[int], budget: memory.Budget
) -> tuple[str, str] | None:
    """Return (reason, cure) if there is no density matrix of these qubits."""
    missing = [qubit for qubit in qubits if qubit >= plan.num_qubits]
    if missing:
        return (
            f"density_matrix names qubit {missing[0]}, and it has {plan.num_qubits} qubits",
            "name qubits of the circuit",
        )
    if any(step[0] == "measure" for step in plan.steps):
        return (
            "a circuit with a mid-circuit measurement has no one density matrix",
            "end the circuit before it, or leave density_matrix out",
        )
    # The matrix, and two others on the way to it.
    needed = memory.BASE_BYTES + (48 << 2 * len(qubits))
    if not budget.fits(needed):
        return (
            f"the density matrix of {len(qubits)} qubits needs {needed:,} bytes, and "
            f"{budget.available:,} bytes are available",
            "name the qubits that are wanted, as in density_matrix=[0, 1]",
        )
    return None


def _faster(plan: Plan, shots: int, budget: memory.Budget) -> str:
    """Return the method that takes less time, unless it takes too much memory."""
    n = len(plan.qubits)
    if not budget.fits(density_bytes(n, plan.is_static)):
        return "trajectories"
    if n <= _SURELY_DENSITY:
        return "density_matrix"
    fixed, each = _TRAJECTORY_SECONDS
    # A trajectory is simulated once for all shots to which the same happens.
    trajectories = 1 - shots * expm1(-_mean_events(plan))
    pays = _DENSITY_SECONDS * 4**n <= trajectories * (fixed + each * 2**n)
    return "density_matrix" if pays else "trajectories"


def _mean_events(plan: Plan) -> float:
    """Return about how often noise strikes in a shot, loops being run once."""
    events = 0.0
    for step in plan.steps:
        if step[0] == "unitary":
            for operation in step[1]:
                if operation[0] == "noise":
                    events += operation[2] + sum(map(sum, operation[3]))
    return events
