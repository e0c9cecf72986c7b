"""From circuits and options to plans for one of the engines."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from qiskit.circuit import QuantumCircuit

from ...exceptions import OqtopusOptionError
from ...problem import Problem
from ..memory import Budget
from ..noisy_plan import NoisyPlan, Wanted, noisy_plan
from ..plan import Plan
from .compile import compile_circuit

if TYPE_CHECKING:
    from ..noise.model import NoiseModel

Compile = Callable[[QuantumCircuit, int], tuple[Plan | NoisyPlan | None, list[Problem]]]

METHODS = ("automatic", "statevector", "density_matrix", "trajectories")


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


def check_engine(options: Mapping[str, Any]) -> None:
    """Refuse combinations of options that no engine can serve.

    Raises:
        OqtopusOptionError: If the density matrix is asked of an engine that has none, and the like.
    """
    method = options["method"]
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
    # Of no qubits: what has no density matrix has no expectation values.
    method, wanted = options["method"], () if exact else options["density_matrix"]
    if noise is not None:
        from .noisy import compile_noisy  # most have no noise: they do not wait for it

        return partial(
            compile_noisy,
            noise=noise,
            method="density_matrix" if exact else method,
            shots=options["shots"],
            budget=budget,
            dt=dt,
            idle=options["idle_relaxation"],
            density_matrix=wanted,
        )
    plain = partial(
        compile_circuit, statevector=options["statevector"], final=exact, budget=budget, dt=dt
    )
    if method != "density_matrix" and (exact or (method != "trajectories" and wanted is False)):
        return plain
    return partial(
        _compile_for_others,
        method=method,
        shots=options["shots"],
        budget=budget,
        dt=dt,
        wanted=wanted,
    )


def _compile_for_others(
    circuit: QuantumCircuit,
    index: int,
    method: str,
    shots: int,
    budget: Budget,
    dt: float | None,
    wanted: Wanted,
) -> tuple[NoisyPlan | None, list[Problem]]:
    """Compile a circuit without noise for an engine that could have some."""
    plan, problems = compile_circuit(circuit, index, final=wanted is not False, dt=dt)
    if plan is None:
        return None, problems
    made = noisy_plan(plan, (), method, shots, budget, wanted)
    if isinstance(made, NoisyPlan):
        return made, []
    return None, [Problem(index, circuit.name, *made)]
