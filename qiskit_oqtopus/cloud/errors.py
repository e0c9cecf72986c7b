"""Where HTTP ends and Qiskit begins: errors of the client become errors of the package."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from ..client import errors
from ..exceptions import (
    OqtopusCloudError,
    OqtopusConnectionError,
    OqtopusCredentialsError,
    OqtopusForbiddenError,
    OqtopusNotFoundError,
    OqtopusProtocolError,
    OqtopusRateLimitError,
    OqtopusServerError,
    OqtopusValidationError,
)

# The first class that fits counts.
_KINDS: dict[type[errors.ClientError], tuple[type[OqtopusCloudError], str]] = {
    errors.ConfigurationError: (OqtopusValidationError, "Change what the message names"),
    errors.UnapprovedError: (
        OqtopusForbiddenError,
        "The account is not approved yet: ask the operator of this OQTOPUS Cloud; another token "
        "does not help",
    ),
    errors.CredentialsError: (
        OqtopusCredentialsError,
        "Check the token, or save a new one with qiskit_oqtopus.save_account(url, token)",
    ),
    errors.LinkError: (OqtopusForbiddenError, "Ask for the job again: links live for an hour"),
    errors.ForbiddenError: (
        OqtopusForbiddenError,
        "Ask the operator of this OQTOPUS Cloud for access",
    ),
    errors.NotFoundError: (OqtopusNotFoundError, "Check the id and the account"),
    errors.RateLimitError: (OqtopusRateLimitError, "Wait a while, then try again"),
    errors.ValidationError: (OqtopusValidationError, "Change what the message names"),
    errors.ServerError: (OqtopusServerError, "Try again later; nothing on your side is wrong"),
    errors.TransportError: (OqtopusConnectionError, "Check the network and the URL"),
    errors.ProtocolError: (
        OqtopusProtocolError,
        "Is this the URL of an OQTOPUS Cloud, and is this package new enough for it?",
    ),
}


_UNAVAILABLE = re.compile(r"device .* is not available")


def _find_cure(error: errors.ClientError, cure: str) -> str:
    """Return what to do about an error, given what is done about others of its class."""
    if isinstance(error, errors.ValidationError) and _UNAVAILABLE.fullmatch(error.text):
        return "Try again when it is: backend.status() says whether it takes jobs"
    if type(error) is errors.CredentialsError and error.status == 403:
        # A gateway says the same of a wrong token and of an account that may not do this.
        return f"{cure}; if it is right, ask the operator of this OQTOPUS Cloud for access"
    return cure


def oqtopus_error(error: errors.ClientError, action: str) -> OqtopusCloudError:
    """Return the error of the package for an error of the client.

    Args:
        error: What the client raised.
        action: What was being done, as in "Reading the devices".
    """
    for kind, (target, cure) in _KINDS.items():
        if isinstance(error, kind):
            result = target(f"{action} failed: {error}. {_find_cure(error, cure)}.")
            result.status = error.status
            return result
    result = OqtopusCloudError(f"{action} failed: {error}.")
    result.status = error.status
    return result


@contextmanager
def translate_errors(action: str) -> Iterator[None]:
    """Turn errors that the client raises inside into errors of the package.

    Args:
        action: What is being done, as in "Reading the devices".

    Raises:
        OqtopusCloudError: For an error of the client, which is its cause.
    """
    try:
        yield
    except errors.ClientError as error:
        raise oqtopus_error(error, action) from error
