"""Qiskit provider for the OQTOPUS quantum cloud, with a local Qulacs simulator.

The public names are loaded on first use (PEP 562), so that ``import qiskit_oqtopus`` costs
little more than ``import qiskit``.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from .version import __version__

if TYPE_CHECKING:
    from .exceptions import (
        OqtopusCircuitError,
        OqtopusError,
        OqtopusJobCancelledError,
        OqtopusJobError,
        OqtopusJobTimeoutError,
        OqtopusOptionError,
        OqtopusWarning,
    )
    from .problem import Problem
    from .simulator.backend import QulacsBackend
    from .simulator.job import QulacsJob

_HOMES = {
    "OqtopusCircuitError": "exceptions",
    "OqtopusError": "exceptions",
    "OqtopusJobCancelledError": "exceptions",
    "OqtopusJobError": "exceptions",
    "OqtopusJobTimeoutError": "exceptions",
    "OqtopusOptionError": "exceptions",
    "OqtopusWarning": "exceptions",
    "Problem": "problem",
    "QulacsBackend": "simulator.backend",
    "QulacsJob": "simulator.job",
}

__all__ = [
    "OqtopusCircuitError",
    "OqtopusError",
    "OqtopusJobCancelledError",
    "OqtopusJobError",
    "OqtopusJobTimeoutError",
    "OqtopusOptionError",
    "OqtopusWarning",
    "Problem",
    "QulacsBackend",
    "QulacsJob",
    "__version__",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(set(globals()) | set(__all__))
