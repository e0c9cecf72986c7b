"""Checks of option values that the backends share: each error names the option and the cure."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from numbers import Integral, Real
from typing import Any

from qiskit.result import MeasLevel, MeasReturnType

from .exceptions import OqtopusOptionError

Check = Callable[[str, Any], Any]

MAX_SEED = 2**64 - 1

MAX_SHOTS = 2**63 - 1
"""The most that 64 bits can count, for the simulator; devices have a limit of their own."""


def check_options(values: Mapping[str, Any], checks: Mapping[str, Check]) -> dict[str, Any]:
    """Return checked and normalized option values.

    Args:
        values: Option values by name.
        checks: For each known option, a function of (name, value) that returns the value,
            normalized.

    Raises:
        OqtopusOptionError: If options are unknown or their values cannot be used: all of them.
    """
    problems = []
    unknown = sorted(set(values) - set(checks))
    if unknown:
        noun = "option" if len(unknown) == 1 else "options"
        problems.append(
            f"Unknown {noun} {', '.join(map(repr, unknown))}; the options are: "
            f"{', '.join(sorted(checks))}."
        )
    checked = {}
    for name, value in values.items():
        if name in checks:
            try:
                checked[name] = checks[name](name, value)
            except OqtopusOptionError as error:
                problems.append(error.message)
    if problems:
        raise OqtopusOptionError(" ".join(problems))
    return checked


def integer(minimum: int, maximum: int | None = None) -> Check:
    """Return a check for an integer of at least ``minimum`` and at most ``maximum``.

    >>> integer(1)("shots", 100)
    100
    """
    bounds = f"an integer of at least {minimum:,}"
    if maximum is not None:
        bounds = f"an integer from {minimum:,} to {maximum:,}"

    def check(name: str, value: Any) -> int:
        bad = isinstance(value, bool) or not isinstance(value, Integral) or value < minimum
        if bad or (maximum is not None and value > maximum):
            raise OqtopusOptionError(f"Option {name!r} must be {bounds}, not {value!r}.")
        return int(value)

    return check


def shot_count(maximum: int = MAX_SHOTS) -> Check:
    """Return a check for a number of shots; a float that is an integer is one, as in Aer.

    >>> shot_count()("shots", 1e4)
    10000
    """
    check = integer(1, maximum)
    return lambda name, value: check(name, to_integer(value))


def to_integer(value: Any) -> Any:
    """Return a float without a fraction as an integer, and anything else as it is.

    >>> to_integer(1e4), to_integer(1.5), to_integer("a")
    (10000, 1.5, 'a')
    """
    is_number = isinstance(value, Real) and not isinstance(value, (Integral, bool))
    return int(value) if is_number and float(value).is_integer() else value


def seconds(name: str, value: Any) -> float:
    """Check for a time in s: any number, infinity too, but not NaN.

    >>> seconds("timeout", 2)
    2.0
    """
    if isinstance(value, Real) and not isinstance(value, bool):
        try:
            number = float(value)
        except OverflowError:
            number = math.nan
        if not math.isnan(number):
            return number
    raise OqtopusOptionError(f"Option {name!r} must be a number of seconds, not {value!r:.60}.")


def optional(check: Check) -> Check:
    """Return a check that also lets None through."""
    return lambda name, value: None if value is None else check(name, value)


def boolean(name: str, value: Any) -> bool:
    """Check for True or False; numpy's booleans count."""
    if isinstance(value, bool) or type(value).__name__ in ("bool_", "bool"):
        return bool(value)
    raise OqtopusOptionError(f"Option {name!r} must be True or False, not {value!r}.")


def one_of(choices: Iterable[str]) -> Check:
    """Return a check for one of some strings."""
    known = tuple(choices)

    def check(name: str, value: Any) -> str:
        if value not in known:
            options = ", ".join(map(repr, known))
            raise OqtopusOptionError(f"Option {name!r} must be one of {options}, not {value!r}.")
        return str(value)

    return check


def meas_level(name: str, value: Any) -> int:
    """Check for measurement level 2: counts are the only thing that is ever returned."""
    if value is None or (isinstance(value, Integral) and int(value) == MeasLevel.CLASSIFIED):
        return int(MeasLevel.CLASSIFIED)
    given = int(value) if isinstance(value, Integral) else value
    raise OqtopusOptionError(
        f"Option {name!r} must be 2 (classified), not {given!r}: there is no signal behind the "
        "counts, and counts are not returned in its place. Experiments that need level 0 or 1 "
        "(ReadoutAngle, MultiStateDiscrimination) cannot run here."
    )


def meas_return(name: str, value: Any) -> str | None:
    """Check for None, "single" or "avg"; it has no effect at measurement level 2."""
    if value is None:
        return None
    text = value.value if isinstance(value, MeasReturnType) else value
    if text in ("single", "avg"):
        return str(text)
    raise OqtopusOptionError(f"Option {name!r} must be None, 'single' or 'avg', not {value!r}.")
