"""Qiskit provider for the OQTOPUS quantum cloud, with a local Qulacs simulator.

The public names are loaded on first use (PEP 562), so that ``import qiskit_oqtopus`` costs
little more than ``import qiskit``.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from .version import __version__

if TYPE_CHECKING:
    from .cloud.backend import OqtopusBackend
    from .cloud.credentials import save_account
    from .cloud.job import OqtopusJob
    from .cloud.script import ScriptJob, ScriptResult
    from .device.snapshot import DeviceSnapshot
    from .exceptions import (
        OqtopusCircuitError,
        OqtopusCloudError,
        OqtopusConnectionError,
        OqtopusCredentialsError,
        OqtopusError,
        OqtopusForbiddenError,
        OqtopusJobCancelledError,
        OqtopusJobError,
        OqtopusJobNotFoundError,
        OqtopusJobTimeoutError,
        OqtopusNotFoundError,
        OqtopusOptionError,
        OqtopusProtocolError,
        OqtopusPubError,
        OqtopusRateLimitError,
        OqtopusServerError,
        OqtopusSubmissionError,
        OqtopusValidationError,
        OqtopusWarning,
        Problem,
    )
    from .primitives.estimator import EstimatorV2
    from .primitives.sampler import SamplerV2
    from .provider import OqtopusProvider
    from .simulator.backend import QulacsBackend
    from .simulator.job import QulacsJob

_HOMES = {
    "DeviceSnapshot": "device.snapshot",
    "EstimatorV2": "primitives.estimator",
    "OqtopusBackend": "cloud.backend",
    "OqtopusJob": "cloud.job",
    "OqtopusProvider": "provider",
    "QulacsBackend": "simulator.backend",
    "QulacsJob": "simulator.job",
    "SamplerV2": "primitives.sampler",
    "ScriptJob": "cloud.script",
    "ScriptResult": "cloud.script",
    "save_account": "cloud.credentials",
}
"""Modules of the public names; all others are in ``exceptions``."""

__all__ = [
    "DeviceSnapshot",
    "EstimatorV2",
    "OqtopusBackend",
    "OqtopusCircuitError",
    "OqtopusCloudError",
    "OqtopusConnectionError",
    "OqtopusCredentialsError",
    "OqtopusError",
    "OqtopusForbiddenError",
    "OqtopusJob",
    "OqtopusJobCancelledError",
    "OqtopusJobError",
    "OqtopusJobNotFoundError",
    "OqtopusJobTimeoutError",
    "OqtopusNotFoundError",
    "OqtopusOptionError",
    "OqtopusProtocolError",
    "OqtopusProvider",
    "OqtopusPubError",
    "OqtopusRateLimitError",
    "OqtopusServerError",
    "OqtopusSubmissionError",
    "OqtopusValidationError",
    "OqtopusWarning",
    "Problem",
    "QulacsBackend",
    "QulacsJob",
    "SamplerV2",
    "ScriptJob",
    "ScriptResult",
    "__version__",
    "save_account",
]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    home = _HOMES.get(name, "exceptions")
    value = getattr(importlib.import_module(f"{__name__}.{home}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(set(globals()) | set(__all__))
