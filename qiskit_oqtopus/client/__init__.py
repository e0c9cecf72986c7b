"""HTTP, and nothing else: the User API of OQTOPUS Cloud as typed calls.

Nothing here knows Qiskit. Importing this package does not import ``requests``; the first use of
:class:`Client` does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .errors import (
    ClientError,
    ConfigurationError,
    CredentialsError,
    DeadlineError,
    ForbiddenError,
    LinkError,
    NotFoundError,
    ProtocolError,
    RateLimitError,
    ServerError,
    TransportError,
    UnapprovedError,
    ValidationError,
)
from .models import Device, Job, JobInfo, PresignedPost, Registration, Submission
from .retry import RetryPolicy

if TYPE_CHECKING:
    from .api import Client

__all__ = [
    "Client",
    "ClientError",
    "ConfigurationError",
    "CredentialsError",
    "DeadlineError",
    "Device",
    "ForbiddenError",
    "Job",
    "JobInfo",
    "LinkError",
    "NotFoundError",
    "PresignedPost",
    "ProtocolError",
    "RateLimitError",
    "Registration",
    "RetryPolicy",
    "ServerError",
    "Submission",
    "TransportError",
    "UnapprovedError",
    "ValidationError",
]


def __getattr__(name: str) -> Any:
    if name != "Client":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from .api import Client

    return Client
