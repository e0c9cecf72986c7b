"""The options of the primitives: typed, checked when they are set."""

from __future__ import annotations

import copy
import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from numbers import Real
from typing import Any, TypeVar

import numpy as np

from ..cloud.options import CHECKS
from ..exceptions import OqtopusOptionError
from ..options import MAX_SEED, Check, check_options, integer, one_of, optional, shot_count

PrimitiveOptions = TypeVar("PrimitiveOptions", bound="_Options")


def is_precision(value: Any) -> bool:
    """Return whether a value is a finite number of at least 0."""
    is_number = isinstance(value, Real) and not isinstance(value, bool)
    return is_number and math.isfinite(value) and value >= 0


def precision(name: str, value: Any) -> float:
    """Check for a precision: a finite number that is not negative."""
    if not is_precision(value):
        raise OqtopusOptionError(f"Option {name!r} must be a number of at least 0, not {value!r}.")
    return float(value)


def _seed(name: str, value: Any) -> int | np.random.Generator:
    """Check for a seed: an integer, or a generator that gives each run one."""
    if isinstance(value, np.random.Generator):
        return value
    return int(integer(0, MAX_SEED)(name, value))


def draw_seed(options: PrimitiveOptions) -> PrimitiveOptions:
    """Return options whose seed is an integer, drawn if it is a generator."""
    seed = options.seed
    if isinstance(seed, np.random.Generator):
        return replace_options(options, {"seed": int(seed.integers(2**53))})
    return options


_CHECKS: dict[str, Check] = {
    "default_shots": optional(shot_count()),
    "default_precision": optional(precision),
    "seed": optional(_seed),
    "mitigation": CHECKS["mitigation"],
    "transpiler": CHECKS["transpiler"],
    "transpiler_options": CHECKS["transpiler_options"],
    "name": CHECKS["name"],
    "tags": CHECKS["tags"],
    "route": CHECKS["route"],
    "estimation": one_of(["local", "server"]),
}


class _Options:
    """What the options of both primitives can do."""

    seed: int | np.random.Generator | None

    def __setattr__(self, name: str, value: Any) -> None:
        object.__setattr__(self, name, _check(self, {name: value})[name])

    def update(self, **values: Any) -> None:
        """Set options; none is set if one cannot be.

        Args:
            **values: The options.

        Raises:
            OqtopusOptionError: If an option is unknown or its value cannot be used.
        """
        vars(self).update(_check(self, values))


def _check(options: _Options, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return checked and normalized values of options of a primitive."""
    known = {field.name: _CHECKS[field.name] for field in dataclasses.fields(options)}  # type: ignore[arg-type]
    return check_options(values, known)


@dataclass
class SamplerOptions(_Options):
    """Options of :class:`~qiskit_oqtopus.SamplerV2`.

    Where an option is None, that of the backend applies.

    Attributes:
        default_shots: Number of shots for PUBs that give none of their own.
        seed: On the simulator, seed of the samples. On a device, seed of the order in which the
            shots are listed: OQTOPUS returns counts only. A numpy Generator gives each run a seed.
        mitigation: "pseudo_inverse" for the server's readout mitigation (devices only).
        transpiler: "qiskit" to let the server compile the circuits (devices only).
        transpiler_options: Options of the server's transpiler (devices only).
        name: Name of the OQTOPUS jobs; by default that of each circuit (devices only).
        tags: Words for their descriptions (devices only).
        route: "sse" to have the circuits run in one OQTOPUS job, beside the device (devices only).
    """

    default_shots: int | None = None
    seed: int | np.random.Generator | None = None
    mitigation: str | None = None
    transpiler: str | None = None
    transpiler_options: dict[str, Any] | None = None
    name: str | None = None
    tags: tuple[str, ...] = ()
    route: str | None = None


@dataclass
class EstimatorOptions(_Options):
    """Options of :class:`~qiskit_oqtopus.EstimatorV2`.

    Where one of ``seed`` to ``name`` is None, that of the backend applies.

    Attributes:
        default_precision: Precision for PUBs that give none of their own; None is 1/64, which means
            4,096 shots, on a device, and 0, which is exact, on the simulator.
        estimation: "local" to measure the terms of observables and to compute the expectation
            values here, "server" for OQTOPUS' own estimation jobs (devices only).
        seed: Seed of the noise that a precision above 0 brings about on the simulator. As in
            Qiskit's ``StatevectorEstimator``, each PUB begins with it, so that equal PUBs have
            equal noise. A numpy Generator gives each run a seed.
        mitigation: "pseudo_inverse" for the server's readout mitigation (devices only).
        transpiler: "qiskit" to let the server compile the circuits (devices only).
        transpiler_options: Options of the server's transpiler (devices only).
        name: Name of the OQTOPUS jobs; by default that of each circuit (devices only).
        tags: Words for their descriptions (devices only).
        route: "sse" to have the circuits run in one OQTOPUS job, beside the device (devices only).
    """

    default_precision: float | None = None
    estimation: str = "local"
    seed: int | np.random.Generator | None = None
    mitigation: str | None = None
    transpiler: str | None = None
    transpiler_options: dict[str, Any] | None = None
    name: str | None = None
    tags: tuple[str, ...] = ()
    route: str | None = None


def parse_options(kind: type[PrimitiveOptions], given: Any) -> PrimitiveOptions:
    """Return options from what the user gave.

    Args:
        kind: The class of the options.
        given: None, a mapping, or a dataclass instance with the same names.

    Raises:
        OqtopusOptionError: If it is something else, an option is unknown, or its value cannot be
            used.
    """
    if given is None:
        return kind()
    if dataclasses.is_dataclass(given) and not isinstance(given, type):
        given = {field.name: getattr(given, field.name) for field in dataclasses.fields(given)}
    if not isinstance(given, Mapping):
        raise OqtopusOptionError(
            f"Option 'options' must be a dictionary or {kind.__name__}, not {given!r}."
        )
    return replace_options(kind(), given)


def replace_options(options: PrimitiveOptions, values: Mapping[str, Any]) -> PrimitiveOptions:
    """Return a copy of options with other values.

    Raises:
        OqtopusOptionError: If an option is unknown or its value cannot be used.
    """
    replaced = copy.copy(options)
    vars(replaced).update(_check(options, values))
    return replaced


def to_device_options(options: SamplerOptions | EstimatorOptions) -> dict[str, Any]:
    """Return the options for ``OqtopusBackend.run`` that are not left to the backend."""
    values = {
        "seed_simulator": options.seed,
        "mitigation": options.mitigation,
        "transpiler": options.transpiler,
        "transpiler_options": options.transpiler_options,
        "name": options.name,
        "tags": options.tags or None,
        "route": options.route,
    }
    return {name: value for name, value in values.items() if value is not None}


def refuse_device_options(options: SamplerOptions | EstimatorOptions) -> None:
    """Refuse options that mean something on devices only.

    Raises:
        OqtopusOptionError: If one is set.
    """
    names = [name for name in to_device_options(options) if name != "seed_simulator"]
    if getattr(options, "estimation", "local") != "local":
        names.append("estimation")
    if names:
        noun = "is an option" if len(names) == 1 else "are options"
        raise OqtopusOptionError(
            f"{', '.join(map(repr, names))} {noun} of devices; leave it out on the simulator."
        )
