"""The path of couplings of a device along which few gates go wrong (pure)."""

from __future__ import annotations

import math
from collections.abc import Mapping

from qiskit.circuit import Gate
from qiskit.transpiler import Target

from ..exceptions import OqtopusOptionError

KEPT = 5000
"""Of the paths of each length, how many of the best ones are made longer. The best path of all is
found for sure where there never are more."""


def find_path(target: Target, length: int) -> list[int]:
    """Return different qubits, each coupled to the next, with the smallest errors of their gates.

    That is the path with the smallest sum of -log(1 - error) over its couplings, i.e. with the
    largest probability that none of them fails. Of several gates on a coupling the best one counts,
    and of a gate that is there in one direction only, that direction counts for both.

    Qubits that cannot be measured are left out, and so are couplings of unknown errors.

    Args:
        target: The Target of the device. If it knows no error at all, any path will do.
        length: How many qubits.

    Raises:
        OqtopusOptionError: If there is no such path.

    >>> from qiskit.transpiler import InstructionProperties, Target
    >>> from qiskit.circuit.library import CXGate, Measure
    >>> line = Target(num_qubits=4)
    >>> errors = {(0, 1): 0.03, (1, 2): 0.01, (2, 3): 0.02}
    >>> properties = {pair: InstructionProperties(error=error) for pair, error in errors.items()}
    >>> line.add_instruction(CXGate(), properties)
    >>> line.add_instruction(Measure(), {(qubit,): None for qubit in range(4)})
    >>> find_path(line, 3)
    [1, 2, 3]
    """
    size = target.num_qubits
    if _has_all_couplings(target) and (size is None or size >= length):
        return list(range(length))
    costs = _read_costs(target)
    paths: list[tuple[float, tuple[int, ...]]] = [(0.0, (qubit,)) for qubit in sorted(costs)]
    for _ in range(length - 1):
        longer = [
            (cost + more, (*path, qubit))
            for cost, path in paths
            for qubit, more in costs[path[-1]].items()
            if qubit not in path
        ]
        paths = sorted(longer)[:KEPT]
    if not paths:
        raise OqtopusOptionError(
            f"No path of {length} qubits along couplings with known errors was found. Take fewer, "
            "or give the qubits in their order as physical_qubits."
        )
    return list(paths[0][1])


def _has_all_couplings(target: Target) -> bool:
    return any(
        _is_two_qubit_gate(target, name) and None in (target[name] or {None: None})
        for name in target.operation_names
    )


def _is_two_qubit_gate(target: Target, name: str) -> bool:
    operation = target.operation_from_name(name)
    return isinstance(operation, Gate) and operation.num_qubits == 2


def _read_costs(target: Target) -> Mapping[int, Mapping[int, float]]:
    """Return -log(1 - error) from each qubit to its neighbours."""
    errors: dict[tuple[int, int], list[float]] = {}
    for name in target.operation_names:
        if _is_two_qubit_gate(target, name):
            for pair, properties in (target[name] or {}).items():
                if pair and all(
                    target.instruction_supported("measure", (qubit,)) for qubit in pair
                ):
                    error = getattr(properties, "error", None)
                    known = errors.setdefault(pair, [])
                    if error is not None and math.isfinite(error):
                        known.append(error)
    is_known = any(errors.values())
    best = {pair: min(known, default=1.0 if is_known else 0.0) for pair, known in errors.items()}
    costs: dict[int, dict[int, float]] = {}
    for (one, other), error in best.items():
        if error < 1:  # an error that is not known is none that could be small
            costs.setdefault(one, {})[other] = -math.log1p(-error)
            if (other, one) not in best:
                costs.setdefault(other, {})[one] = -math.log1p(-error)
    return costs
