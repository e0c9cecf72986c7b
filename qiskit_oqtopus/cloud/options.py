"""The options of a run on a device: their defaults, and what they may be."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ..exceptions import OqtopusOptionError
from ..options import (
    MAX_SEED,
    Check,
    boolean,
    check_options,
    integer,
    meas_level,
    meas_return,
    one_of,
    optional,
)
from .group import check_group_id
from .progress import check_progress
from .results import MAX_SHOTS

TRANSPILERS = ("qiskit",)
MITIGATIONS = ("pseudo_inverse",)


def _tags(name: str, value: Any) -> tuple[str, ...]:
    if isinstance(value, (list, tuple)) and all(isinstance(tag, str) for tag in value):
        return tuple(value)
    raise OqtopusOptionError(f"Option {name!r} must be a list of strings, not {value!r}.")


def _text(name: str, value: Any) -> str:
    if isinstance(value, str):
        return value
    raise OqtopusOptionError(f"Option {name!r} must be a string, not {value!r}.")


def _json_mapping(name: str, value: Any) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise OqtopusOptionError(f"Option {name!r} must be a dictionary, not {value!r}.")
    values = dict(value)
    try:
        json.dumps(values, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise OqtopusOptionError(
            f"Option {name!r} must be what JSON can write ({error}): numbers that are finite, "
            "strings, lists, not numpy arrays."
        ) from error
    return values


CHECKS: dict[str, Check] = {
    "shots": integer(1, MAX_SHOTS),
    "memory": boolean,
    "seed_simulator": optional(integer(0, MAX_SEED)),
    "meas_level": meas_level,
    "meas_return": meas_return,
    "mitigation": optional(one_of(MITIGATIONS)),
    "transpiler": optional(one_of(TRANSPILERS)),
    "transpiler_options": optional(_json_mapping),
    "name": optional(_text),
    "tags": _tags,
    "on_incomplete": one_of(["keep", "cancel"]),
    "unavailable": one_of(["warn", "raise"]),
    "workers": integer(1, 64),
    "progress": check_progress,
}

RUN_CHECKS: dict[str, Check] = {
    **CHECKS,
    "group_id": optional(check_group_id),
    "resume": optional(check_group_id),
}

DEFAULTS: dict[str, Any] = {
    "shots": 1024,
    "memory": False,
    "seed_simulator": None,
    "meas_level": 2,
    "meas_return": None,
    "mitigation": None,
    "transpiler": None,
    "transpiler_options": None,
    "name": None,
    "tags": (),
    "on_incomplete": "keep",
    "unavailable": "warn",
    "workers": 8,
    "progress": None,
}


def run_options(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return checked and normalized options of a run.

    Raises:
        OqtopusOptionError: If an option is unknown, or a value cannot be used.
    """
    checked = check_options(values, RUN_CHECKS)
    if checked["transpiler_options"] is not None and checked["transpiler"] is None:
        raise OqtopusOptionError(
            "Option 'transpiler_options' needs transpiler='qiskit': without it the server "
            "does not compile."
        )
    return checked
