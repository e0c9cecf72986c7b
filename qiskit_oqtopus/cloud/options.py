"""The options of a run on a device: their defaults, and what they may be."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ..exceptions import OqtopusOptionError
from ..json_text import JsonError, read_json
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
    seconds,
    shot_count,
)
from ..program.header import MAX_EXPERIMENT, experiment_text
from .group import MAX_TAGS, check_group_id, check_run_id
from .progress import check_progress
from .results import MAX_SHOTS
from .sse.batches import LARGEST, LONGEST, MAX_BYTES, SECONDS, SECONDS_PER_CIRCUIT, WHY_SMALL


def check_tags(name: str, value: Any) -> tuple[str, ...]:
    """Check for tags as they can be written into descriptions, read and searched.

    >>> check_tags("tags", ["night", "T1", "night"])
    ('night', 'T1')

    Raises:
        OqtopusOptionError: If it is something else.
    """
    if not isinstance(value, (list, tuple)) or not all(isinstance(tag, str) for tag in value):
        raise OqtopusOptionError(f"Option {name!r} must be a list of strings, not {value!r}.")
    for tag in value:
        if not tag or "," in tag or tag != tag.strip() or not tag.isprintable():
            raise OqtopusOptionError(
                f"Option {name!r} has {tag!r:.100}: a tag is one or more printable characters, "
                "without commas and without space at its ends."
            )
    tags = tuple(dict.fromkeys(value))
    if len(", ".join(tags)) > MAX_TAGS:
        raise OqtopusOptionError(
            f"Option {name!r} has {len(', '.join(tags))} characters, and the description of a job "
            f"has room for {MAX_TAGS}: give fewer or shorter ones."
        )
    return tags


def _text(name: str, value: Any) -> str:
    if isinstance(value, str):
        return value
    raise OqtopusOptionError(f"Option {name!r} must be a string, not {value!r}.")


def _limit(name: str, value: Any) -> float:
    number = seconds(name, value)
    if 0 < number <= LONGEST:
        return number
    raise OqtopusOptionError(
        f"Option {name!r} must be more than 0 s and at most {LONGEST:g} s, not {value!r:.60}: the "
        "server kills a program after 600 s, and nothing of it is left then."
    )


def _max_bytes(name: str, value: Any) -> int:
    try:
        return int(integer(1, LARGEST)(name, value))
    except OqtopusOptionError as error:
        raise OqtopusOptionError(f"{error.message} {WHY_SMALL}") from None


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


def _experiment(name: str, value: Any) -> dict[str, Any]:
    values = _json_mapping(name, value)
    text = experiment_text(values)
    if len(text) > MAX_EXPERIMENT:
        raise OqtopusOptionError(
            f"Option {name!r} is {len(text):,} bytes of JSON; at most {MAX_EXPERIMENT:,} are sent. "
            "Leave it out, and give the experiment when its data are loaded."
        )
    try:
        # As it comes back: what JSON turns into something else must not have another digest.
        read: dict[str, Any] = read_json(text, constants=False)
    except JsonError as error:
        raise OqtopusOptionError(f"Option {name!r} cannot be read back: {error}.") from error
    return read


_OPTIONS: dict[str, tuple[Check, Any]] = {
    "shots": (shot_count(MAX_SHOTS), 1024),
    "memory": (boolean, False),
    "seed_simulator": (optional(integer(0, MAX_SEED)), None),
    "meas_level": (meas_level, 2),
    "meas_return": (meas_return, None),
    "mitigation": (optional(one_of(["pseudo_inverse"])), None),
    "transpiler": (optional(one_of(["qiskit"])), None),
    "transpiler_options": (optional(_json_mapping), None),
    "name": (optional(_text), None),
    "tags": (check_tags, ()),
    "on_incomplete": (one_of(["keep", "cancel"]), "keep"),
    "unavailable": (one_of(["warn", "raise"]), "warn"),
    "workers": (integer(1, 64), 8),
    "progress": (check_progress, None),
    "route": (optional(one_of(["sse"])), None),
    "sse_max_bytes": (_max_bytes, MAX_BYTES),
    "sse_seconds": (_limit, SECONDS),
    "seconds_per_circuit": (_limit, SECONDS_PER_CIRCUIT),
}
"""The check and the default of each option."""

CHECKS: dict[str, Check] = {name: check for name, (check, _) in _OPTIONS.items()}

DEFAULTS: dict[str, Any] = {name: default for name, (_, default) in _OPTIONS.items()}

RUN_CHECKS = {
    **CHECKS,
    "group_id": optional(check_group_id),
    "resume": optional(check_run_id),
    "experiment": optional(_experiment),
    "rerun_lost": boolean,
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
    if checked.get("rerun_lost") and (checked["resume"] is None or checked["route"] is None):
        raise OqtopusOptionError(
            "Option 'rerun_lost' needs route='sse' and resume=: it is for circuits of a run that "
            "may have run, and of which nothing is left."
        )
    return checked
