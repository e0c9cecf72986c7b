"""What ``run`` is given: a circuit, or several."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from qiskit.circuit import QuantumCircuit

from .exceptions import OqtopusCircuitError
from .problem import Problem


def circuits_of(run_input: Any, backend_name: str) -> list[QuantumCircuit]:
    """Return the circuits that ``run`` was given.

    Args:
        run_input: A circuit or an iterable of circuits.
        backend_name: Whose ``run`` it is, for the error.

    Raises:
        OqtopusCircuitError: If there is none, or something else among them.
    """
    if isinstance(run_input, QuantumCircuit):
        return [run_input]
    cure = "give run() a QuantumCircuit or a list of them"
    if not isinstance(run_input, Iterable) or isinstance(run_input, (str, bytes)):
        run_input = [run_input]
    circuits = list(run_input)
    if not circuits:
        raise OqtopusCircuitError([Problem(0, "", "there is no circuit", cure)], backend_name)
    problems = [
        Problem(i, type(item).__name__, f"it is not a QuantumCircuit but {item!r:.80}", cure)
        for i, item in enumerate(circuits)
        if not isinstance(item, QuantumCircuit)
    ]
    if problems:
        raise OqtopusCircuitError(problems, backend_name)
    return circuits
