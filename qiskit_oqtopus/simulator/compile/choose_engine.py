"""From circuits and options to plans for one of the engines."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from qiskit.circuit import QuantumCircuit

from ...exceptions import OqtopusOptionError, Problem
from ...options import one_of
from .. import memory
from ..memory import Budget, density_bytes, trajectory_bytes
from ..optimize.estimate import estimate
from ..plan import NoisyPlan, Part, Plan, ProductPlan, Runnable, StabilizerPlan, Wanted
from .clifford import has_stim
from .compile import compile_circuit, name_stabilizers
from .product import MIN_NOISY_QUBITS, build_product

if TYPE_CHECKING:
    from ..noise.model import NoiseModel

Compile = Callable[[QuantumCircuit, int], tuple[Runnable | None, list[Problem]]]

METHODS = ("automatic", "statevector", "density_matrix", "trajectories", "stabilizer")


def method(name: str, value: Any) -> Any:
    """Check for one of the methods that can be had.

    Raises:
        OqtopusOptionError: If there is no such method, or if it needs what is not installed.
    """
    chosen = one_of(METHODS)(name, value)
    if chosen == "stabilizer" and not has_stim():
        raise OqtopusOptionError(
            f"Option {name!r} is 'stabilizer', which needs stim; install it with: "
            'python -m pip install "qiskit-oqtopus[stabilizer]"'
        )
    return chosen


def density_matrix(name: str, value: Any) -> bool | tuple[int, ...]:
    """Check for True, False, or different qubits.

    >>> density_matrix("density_matrix", [2, 0])
    (2, 0)
    """
    if isinstance(value, bool):
        return value
    try:
        qubits = tuple([int(qubit) for qubit in value])
        good = qubits and min(qubits) >= 0 and len(set(qubits)) == len(qubits)
        good = good and all(a == b for a, b in zip(qubits, value, strict=True))
    except (TypeError, ValueError):
        good = False
    if not good:
        raise OqtopusOptionError(
            f"Option {name!r} must be True, False or a list of different qubits, not {value!r}."
        )
    return qubits


def check_engine(options: Mapping[str, Any], exact: bool = False) -> None:
    """Refuse combinations of options that no engine can serve.

    Args:
        options: Run options.
        exact: Whether expectation values in the final state are wanted.

    Raises:
        OqtopusOptionError: If the density matrix is asked of an engine that has none, and the like.
    """
    method = options["method"]
    if method == "stabilizer":
        wanted = [name for name in ("statevector", "density_matrix") if options[name]]
        if wanted or exact:
            what = f"Option {wanted[0]!r} is {options[wanted[0]]}" if wanted else "An estimation"
            raise OqtopusOptionError(
                f"{what}, but 'method' is 'stabilizer', which draws shots and has no state to "
                "compute it from. Leave 'method' out."
            )
    if options["density_matrix"] and method not in ("automatic", "density_matrix"):
        raise OqtopusOptionError(
            f"Option 'density_matrix' is {options['density_matrix']}, but 'method' is {method!r}. "
            "Leave 'method' out."
        )
    if options["statevector"] and method not in ("automatic", "statevector"):
        raise OqtopusOptionError(
            f"Option 'statevector' is True, but 'method' is {method!r}. Leave 'method' out."
        )
    if options["statevector"] and options["density_matrix"]:
        raise OqtopusOptionError(
            "Options 'statevector' and 'density_matrix' are both True; leave one of them out."
        )


def compiler_for(
    options: Mapping[str, Any],
    *,
    budget: Budget,
    dt: float | None,
    noise: NoiseModel | None = None,
    exact: bool = False,
) -> Compile:
    """Return what compiles circuits for the engine that options choose.

    Args:
        options: Run options.
        budget: Memory that the simulation may take.
        dt: Duration of one dt in s, or None where it is not known.
        noise: The noise, or None.
        exact: Whether expectation values in the final state are wanted.

    Returns:
        A function of a circuit and its position in the list that is run, which returns a plan and
        no problems, or None and everything that is wrong.
    """
    # Exact values take a density matrix; asking for that of no qubits says whether there is one.
    method, wanted = options["method"], () if exact else options["density_matrix"]
    schedule = None if noise is None else _choose_schedule(options)
    if method == "stabilizer":
        from .stabilizer import compile_stabilizer  # few circuits need it

        return partial(
            compile_stabilizer,
            noise=noise,
            shots=options["shots"],
            budget=budget,
            dt=dt,
            schedule=schedule,
        )
    by_state = method != "density_matrix" and (
        exact or (method != "trajectories" and wanted is False)
    )
    if noise is None and by_state:
        return partial(
            compile_circuit,
            statevector=options["statevector"],
            final=exact,
            budget=budget,
            dt=dt,
            shots=0 if exact else options["shots"],
            stabilizer=method == "automatic",
        )
    return partial(
        _compile_for_noise,
        noise=noise,
        method="density_matrix" if exact and noise is not None else method,
        shots=0 if exact else options["shots"],
        budget=budget,
        dt=dt,
        schedule=schedule,
        wanted=wanted,
    )


def _choose_schedule(options: Mapping[str, Any]) -> str | None:
    """Return when things happen, as :func:`.noisy.compile_noisy` takes it."""
    timing: str | None = options["timing"]
    return "late" if options["idle_relaxation"] else timing


def _compile_for_noise(
    circuit: QuantumCircuit,
    index: int,
    *,
    noise: NoiseModel | None,
    method: str,
    shots: int,
    budget: Budget,
    dt: float | None,
    schedule: str | None,
    wanted: Wanted,
) -> tuple[Runnable | None, list[Problem]]:
    """Compile a circuit for the engines that can have noise, whether it has any or not."""
    final = wanted is not False
    plan: Runnable | None
    if noise is None:
        plan, problems = compile_circuit(circuit, index, final=final, dt=dt)
    else:
        from .noisy import compile_noisy  # most circuits have no noise: they do not wait for this

        plan, problems = compile_noisy(circuit, index, noise, dt=dt, schedule=schedule, final=final)
    if not isinstance(plan, Plan):
        return None, problems
    chosen = _divide(plan, method, shots, budget, wanted)
    if isinstance(chosen, tuple):
        return None, [Problem(index, circuit.name, *chosen)]
    return chosen, []


def _divide(
    plan: Plan, method: str, shots: int, budget: Budget, wanted: Wanted
) -> NoisyPlan | StabilizerPlan | ProductPlan | tuple[str, str]:
    """Choose the engine for a plan, or one for each of its independent parts."""
    if len(plan.qubits) < MIN_NOISY_QUBITS:
        return choose_engine(plan, method, shots, budget, wanted)
    plan = plan._replace(stages=None)  # these are for state vectors without noise
    if wanted is not False:
        qubits = range(plan.num_qubits) if wanted is True else wanted
        problem = _matrix_problem(plan, qubits, budget)
        if problem is not None:
            return problem

    def choose(part: Part) -> NoisyPlan | StabilizerPlan | tuple[str, str]:
        assert isinstance(part.plan, Plan)  # noqa: S101 - mypy
        inside = _find_inside(part.qubits, wanted)
        return _choose_any(part.plan, method, shots, budget, inside)

    def fits() -> bool:
        return isinstance(choose_engine(plan, method, shots, budget, wanted), NoisyPlan)

    parts = build_product(plan, shots, budget, choose, fits, noisy=True)
    return _choose_any(plan, method, shots, budget, wanted) if parts is None else parts


def _choose_any(
    plan: Plan, method: str, shots: int, budget: Budget, wanted: Wanted
) -> NoisyPlan | StabilizerPlan | tuple[str, str]:
    """Choose the engine for a plan: stabilizers, if no exact one fits."""
    found = choose_engine(plan, method, shots, budget, wanted)
    if isinstance(found, NoisyPlan) or method != "automatic" or wanted is not False:
        return found
    from .stabilizer import fit_stabilizer  # few circuits come here

    stabilizers = fit_stabilizer(plan, shots, budget)
    return stabilizers or name_stabilizers(found, len(plan.qubits))


def _find_inside(qubits: tuple[int, ...], wanted: Wanted) -> Wanted:
    """Return the qubits of a part whose density matrix is wanted, by their numbers in the part."""
    if isinstance(wanted, bool):
        return wanted and bool(qubits)
    inside = tuple([place for place, qubit in enumerate(qubits) if qubit in wanted])
    # Exact values are asked for as the density matrix of no qubits.
    return inside if inside or not wanted else False


_SURELY_DENSITY = 7
"""Up to this many qubits density matrices take a few milliseconds at most: always take them."""


def choose_engine(
    plan: Plan,
    method: str,
    shots: int,
    budget: Budget,
    density_matrix: Wanted = False,
) -> NoisyPlan | tuple[str, str]:
    """Choose the engine for a plan.

    Args:
        plan: The plan.
        method: "density_matrix", "trajectories", or "automatic": whatever is faster and fits.
        shots: Number of shots.
        budget: Memory that there is.
        density_matrix: The qubits whose density matrix is wanted.

    Returns:
        The plan, or (reason, cure) if it cannot be simulated.
    """
    active = len(plan.qubits)
    if method == "automatic":
        wanted = density_matrix is not False
        method = "density_matrix" if wanted else _choose_method(plan, shots, budget)
    density = method == "density_matrix"
    needed = _bytes_of_densities(plan) if density else trajectory_bytes(active, shots)
    if not budget.fits(needed):
        what = "density matrix of its" if density else "trajectories of its"
        choice = density and density_matrix is False
        other = "use method='trajectories', " if choice else ""
        more = ", or raise max_memory_mb" if budget.may_grow(needed) else ""
        return (
            f"the {what} {active} active qubits need{'s' * density} "
            f"{memory.describe_bytes(needed)}, and "
            f"{memory.describe_bytes(budget.available)} are available",
            f"{other}use fewer active qubits{more}",
        )
    if density_matrix is not False:
        qubits = range(plan.num_qubits) if density_matrix is True else density_matrix
        problem = _matrix_problem(plan, qubits, budget)
        if problem is not None:
            return problem
    return NoisyPlan(plan, method)


def _bytes_of_densities(plan: Plan) -> int:
    n = len(plan.qubits)
    # Few qubits need little either way: their gates are not looked at.
    return density_bytes(n, plan.is_static, n > _SURELY_DENSITY and plan.has_wide_gates)


def _matrix_problem(plan: Plan, qubits: Sequence[int], budget: Budget) -> tuple[str, str] | None:
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
            f"the density matrix of {len(qubits)} qubits needs {memory.describe_bytes(needed)}, "
            f"and {memory.describe_bytes(budget.available)} are available",
            "name the qubits that are wanted, as in density_matrix=[0, 1]",
        )
    return None


def _choose_method(plan: Plan, shots: int, budget: Budget) -> str:
    """Return the method that takes less time, unless it takes too much memory."""
    n = len(plan.qubits)
    if not budget.fits(_bytes_of_densities(plan)):
        return "trajectories"
    # A measurement doubles the matrices at most: half as much as a qubit more.
    if 2 * n + sum([step[0] == "measure" for step in plan.steps]) <= 2 * _SURELY_DENSITY:
        return "density_matrix"
    density, trajectories = estimate(plan, shots)
    return "density_matrix" if density <= trajectories else "trajectories"
