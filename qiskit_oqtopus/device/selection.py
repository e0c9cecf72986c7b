"""Which qubits and couplings of a Target are good enough, and which have unknown errors (pure)."""

from __future__ import annotations

import inspect
import math
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import permutations
from numbers import Real
from typing import Any

from qiskit.circuit import Gate
from qiskit.transpiler import Target

from ..exceptions import OqtopusOptionError, OqtopusWarning, users_stacklevel

MAX_GATE_ERROR = 0.01
"""Largest error of a good one-qubit gate: some ten times that of a calibrated transmon. What is
above it has a qubit that was not calibrated, or not well."""

MAX_READOUT_ERROR = 0.1
"""Largest error of a good readout. With more, an expectation value of the same certainty takes more
than 1 / (1 - 2 * 0.1)**2 = 1.6 times the shots."""

MAX_COUPLING_ERROR = 0.05
"""Largest error of a good two-qubit gate: some five times that of a calibrated coupling."""

Qubits = tuple[int, ...]


def good_qubits(
    target: Target,
    *,
    max_gate_error: float | None = MAX_GATE_ERROR,
    max_readout_error: float | None = MAX_READOUT_ERROR,
    min_t1: float | None = None,
    min_t2: float | None = None,
) -> list[int]:
    """Return the qubits of a Target that are good enough, in ascending order.

    A qubit without operations is not good, and neither is one of which a limited quantity is not
    known. An error that is not known of any qubit says nothing about one of them: it is not
    limited. If nothing at all is known, all qubits that have operations are returned.

    Args:
        target: The Target.
        max_gate_error: Largest error of the worst one-qubit gate, or None for any.
        max_readout_error: Largest error of a measurement, or None for any.
        min_t1: Smallest T1 in s, or None for any.
        min_t2: Smallest T2 in s, or None for any.

    Raises:
        OqtopusOptionError: If a limit is not a number, or below 0.

    Warns:
        OqtopusWarning: If an error that is limited is not known of any qubit.
    """
    for name, value in (
        *(("max_gate_error", max_gate_error), ("max_readout_error", max_readout_error)),
        *(("min_t1", min_t1), ("min_t2", min_t2)),
    ):
        _check_limit(name, value)
    errors = _read_errors(target)
    lifetimes = target.qubit_properties or []
    if not errors.gates_known and not errors.readout_known and not _any_lifetime(lifetimes):
        _warn("nothing is known of any qubit, so that all of them are taken for good")
        return errors.operable
    if not errors.gates_known and max_gate_error is not None:
        _warn("no gate of one qubit has an error, so that 'max_gate_error' is not looked at")
        max_gate_error = None
    if not errors.readout_known and max_readout_error is not None:
        _warn("no measurement has an error, so that 'max_readout_error' is not looked at")
        max_readout_error = None

    def is_good(qubit: int) -> bool:
        t1, t2 = _lifetimes(lifetimes[qubit]) if qubit < len(lifetimes) else (None, None)
        return (
            _is_at_most(errors.gates.get(qubit), max_gate_error)
            and _is_at_most(errors.readout.get(qubit), max_readout_error)
            and (min_t1 is None or (t1 is not None and t1 >= min_t1))
            and (min_t2 is None or (t2 is not None and t2 >= min_t2))
        )

    return [qubit for qubit in errors.operable if is_good(qubit)]


def good_couplings(
    target: Target,
    *,
    max_error: float | None = MAX_COUPLING_ERROR,
    max_gate_error: float | None = MAX_GATE_ERROR,
    max_readout_error: float | None = MAX_READOUT_ERROR,
    min_t1: float | None = None,
    min_t2: float | None = None,
) -> list[tuple[int, int]]:
    """Return the couplings of a Target that are good enough: (control, target), in order.

    Both qubits are good (see :func:`good_qubits`), and so is the best two-qubit gate on them.

    Args:
        target: The Target.
        max_error: Largest error of that gate, or None for any.
        max_gate_error: As for :func:`good_qubits`.
        max_readout_error: As for :func:`good_qubits`.
        min_t1: As for :func:`good_qubits`.
        min_t2: As for :func:`good_qubits`.

    Raises:
        OqtopusOptionError: If a limit is not a number, or below 0.

    Warns:
        OqtopusWarning: If an error that is limited is not known of any qubit or coupling.
    """
    _check_limit("max_error", max_error)
    qubits = good_qubits(
        target,
        max_gate_error=max_gate_error,
        max_readout_error=max_readout_error,
        min_t1=min_t1,
        min_t2=min_t2,
    )
    tables = _read_tables(target, 2)
    known = [table for table in tables if _is_known(table)]
    if tables and not known and max_error is not None:
        _warn("no gate of two qubits has an error, so that 'max_error' is not looked at")
        max_error = None
    found = {pair for table in tables for pair in _places(table, qubits, 2)}

    def best(pair: Qubits) -> float | None:
        errors = [table.get(pair, table.get(None)) for table in known]
        return min((error for error in errors if error is not None), default=None)

    good = set(qubits)
    return sorted(
        (pair[0], pair[1])
        for pair in found
        if good.issuperset(pair) and _is_at_most(best(pair), max_error)
    )


def find_unknown(target: Target) -> list[str]:
    """Return of which qubits and couplings a Target has no errors, although it has those of others.

    Args:
        target: The Target.
    """
    errors = _read_errors(target)
    found: list[str] = []
    if errors.gates_known:
        found += [f"gates of qubit {q}" for q, error in errors.gates.items() if error is None]
    if errors.readout_known:
        found += [f"readout of qubit {q}" for q, error in errors.readout.items() if error is None]
    pairs = {
        place
        for table in _read_tables(target, 2)
        if _is_known(table)
        for place, error in table.items()
        if place is not None and error is None
    }
    return found + [f"coupling {pair}" for pair in sorted(pairs)]


Table = Mapping[Qubits | None, float | None]
"""The errors of one operation by its qubits; None stands for all that are not listed."""


@dataclass(frozen=True)
class _Errors:
    """The errors of qubits that have operations, None where not known.

    Attributes:
        gates: Error of the worst one-qubit gate.
        readout: Error of the measurement.
        gates_known: Whether that of any gate is known.
        readout_known: Whether that of any measurement is known.
    """

    gates: Mapping[int, float | None]
    readout: Mapping[int, float | None]
    gates_known: bool
    readout_known: bool

    @property
    def operable(self) -> list[int]:
        """Qubits that have gates, and a measurement if any qubit has one."""
        return sorted(set(self.gates) & set(self.readout) if self.readout else self.gates)


def _read_errors(target: Target) -> _Errors:
    qubits = range(target.num_qubits or 0)
    gates: dict[int, float | None] = {}
    one = _read_tables(target, 1)
    known = [table for table in one if _is_known(table)]
    for (qubit,) in {place for table in one for place in _places(table, qubits, 1)}:
        errors = [
            table.get((qubit,), table.get(None))
            for table in known
            if (qubit,) in table or None in table
        ]
        # A gate without an error beside gates that have one is not known to be good.
        known_errors = [error for error in errors if error is not None]
        gates[qubit] = max(known_errors) if errors and len(known_errors) == len(errors) else None
    measure: Table = {}
    if "measure" in target.operation_names:
        measure = {
            place: getattr(properties, "error", None)
            for place, properties in target["measure"].items()
        }
    readout = {
        place[0]: measure.get(place, measure.get(None)) for place in _places(measure, qubits, 1)
    }
    return _Errors(dict(sorted(gates.items())), readout, bool(known), _is_known(measure))


def _read_tables(target: Target, width: int) -> list[Table]:
    """Return the errors of each gate on a number of qubits."""
    operations = {name: target.operation_from_name(name) for name in target.operation_names}
    return [
        {place: _error(properties) for place, properties in target[name].items()}
        for name, operation in operations.items()
        if not inspect.isclass(operation)
        and isinstance(operation, Gate)
        and operation.num_qubits == width
    ]


def _error(properties: Any) -> float | None:
    """Return an error. A virtual gate, with error and duration 0, says nothing of its qubit."""
    error: float | None = getattr(properties, "error", None)
    return None if error == 0 and getattr(properties, "duration", None) == 0 else error


def _is_known(table: Table) -> bool:
    return any(error is not None for error in table.values())


def _places(table: Table, qubits: Iterable[int], width: int) -> Iterable[Qubits]:
    """Return where an operation is: on any of some qubits, or on those that it lists."""
    if None in table:
        return permutations(qubits, width)
    return [place for place in table if place is not None]


def _is_at_most(error: float | None, limit: float | None) -> bool:
    return limit is None or (error is not None and error <= limit)


def _lifetimes(properties: Any) -> tuple[float | None, float | None]:
    return getattr(properties, "t1", None), getattr(properties, "t2", None)


def _any_lifetime(lifetimes: Iterable[Any]) -> bool:
    return any(time is not None for each in lifetimes for time in _lifetimes(each))


def _check_limit(name: str, value: Any) -> None:
    good = isinstance(value, Real) and not isinstance(value, bool)
    if value is not None and not (good and not math.isnan(value) and value >= 0):
        raise OqtopusOptionError(
            f"{name!r} must be a number of at least 0, or None, not {value!r}."
        )


def _warn(words: str) -> None:
    warnings.warn(f"In this Target, {words}.", OqtopusWarning, stacklevel=users_stacklevel())
