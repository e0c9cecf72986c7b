"""What can go wrong on the wire: one class per thing that a caller can do something about."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..words import MAX_LENGTH, clean

_MAX_MESSAGE = 2 * MAX_LENGTH


class ClientError(Exception):
    """Base class of the errors of the client.

    Whatever a server said in the message, it can be shown to a person: see
    :func:`~qiskit_oqtopus.words.clean`.

    Attributes:
        method: HTTP method of the request, or "" if there was none.
        path: Path below the URL of the API, or the URL of the storage without its query (the
            query of a presigned URL is its signature).
        status: HTTP status of the answer, or None if there was none.
        text: What the server said, or "".
        correlation_id: The server's name for this request, or None.
        sent: Whether the request may have taken effect. False: it certainly has not. True or
            None: it may have; find out before it is sent again.
        retry_after: Seconds that the server asks to wait, or None.
    """

    def __init__(
        self,
        message: str,
        *,
        method: str = "",
        path: str = "",
        status: int | None = None,
        text: str = "",
        correlation_id: str | None = None,
        sent: bool | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(clean(message, limit=_MAX_MESSAGE))
        self.method = method
        self.path = clean(path)
        self.status = status
        self.text = clean(text)
        self.correlation_id = correlation_id
        self.sent = sent
        self.retry_after = retry_after

    def __reduce__(self) -> tuple[Any, ...]:
        return _restore, (type(self), self.args, dict(self.__dict__))


def _restore(cls: type[ClientError], args: tuple[Any, ...], state: dict[str, Any]) -> ClientError:
    error = cls.__new__(cls, *args)
    error.args = args
    error.__dict__.update(state)
    return error


class ConfigurationError(ClientError, ValueError):
    """The client cannot be built, or asked, like this: a URL, a proxy, an argument."""


class CredentialsError(ClientError):
    """The token is missing, wrong or expired."""


class UnapprovedError(CredentialsError):
    """The token is good, but its account is not approved yet: another token does not help."""


class ForbiddenError(ClientError):
    """The token is good, but not for this device or job."""


class LinkError(ForbiddenError):
    """A presigned URL is refused: it has expired, or its signature is wrong. Ask for a new one."""


class NotFoundError(ClientError):
    """There is no such job, device, stored file or path."""


class RateLimitError(ClientError):
    """Too many requests; ``retry_after`` says how long to wait, if the server said so."""


class ValidationError(ClientError):
    """The request is refused as it stands (400, 422 and all other 4xx without a class here).

    Attributes:
        fields: Pairs of (location, message), as in ``("body.shots", "Field required")``; empty
            if the server named none.
    """

    def __init__(
        self, message: str, *, fields: Iterable[tuple[str, str]] = (), **context: Any
    ) -> None:
        super().__init__(message, **context)
        self.fields: tuple[tuple[str, str], ...] = tuple(fields)


class ServerError(ClientError):
    """The server or a gateway before it failed (5xx), or it was not ready to listen (408, 425)."""


class TransportError(ClientError):
    """No answer, or not all of it: connection, proxy, TLS or timeout.

    Attributes:
        temporary: False if trying again cannot help (a certificate that is not trusted).
    """

    def __init__(self, message: str, *, temporary: bool = True, **context: Any) -> None:
        super().__init__(message, **context)
        self.temporary = temporary


class DeadlineError(TransportError):
    """The time that the caller gave is over, or the caller has stopped the call."""

    def __init__(self, message: str, **context: Any) -> None:
        super().__init__(message, temporary=False, **context)


class ProtocolError(ClientError):
    """An answer that cannot be understood, or asks for something that this client never does."""
