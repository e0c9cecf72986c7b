"""One account's connection to one OQTOPUS Cloud, opened on first use and never pickled open."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from ..client.secret import Secret
from ..exceptions import OqtopusCredentialsError, OqtopusOptionError

if TYPE_CHECKING:
    from ..client.api import Client
    from ..client.models import Submission
    from ..device.snapshot_folder import SnapshotFolder
    from .credentials import Account


class Connection:
    """Opens a client when one is needed; safe to share among threads.

    A pickle carries the URL and the profile, never the token: the account is looked up
    again on the other side.

    Args:
        url: URL of the API, or None to find it.
        token: The token, or None to find it.
        profile: Section of the account file, or None for the default one.
        client_options: Options of :class:`~qiskit_oqtopus.client.api.Client`.
        snapshots: Keeps the calibrations that its backends see, or None.
    """

    def __init__(
        self,
        url: str | None = None,
        token: str | Secret | None = None,
        profile: str | None = None,
        client_options: dict[str, Any] | None = None,
        snapshots: SnapshotFolder | None = None,
    ) -> None:
        self.snapshots = snapshots
        self._url = url
        self._token = None if token is None else Secret(token)
        self._profile = profile
        self._client_options = dict(client_options or {})
        self._expected_url: str | None = None
        self._lock = threading.Lock()
        self._client: Client | None = None
        self.unsettled: dict[str, dict[str, Submission]] = {}
        """Submissions that may have taken effect, by OQTOPUS job id, of each interrupted group."""

    def account(self) -> Account | None:
        """Return the account, or None if there is none anywhere.

        Raises:
            OqtopusCredentialsError: If there is half an account, or not the one that was pickled.
        """
        from .credentials import find_account

        account = find_account(url=self._url, token=self._token, profile=self._profile)
        expected = self._expected_url
        if expected is not None and (account is None or account.url != expected):
            found = "there is none" if account is None else f"it is for {account.url}"
            raise OqtopusCredentialsError(
                f"This object was pickled with an account for {expected}; tokens are not pickled, "
                f"so the account is looked up here, and {found}. Set OQTOPUS_URL and "
                "OQTOPUS_API_TOKEN, or save the account on this machine."
            )
        return account

    @property
    def client(self) -> Client:
        """The client, opened on first use.

        Raises:
            OqtopusCredentialsError: If there is no account.
        """
        with self._lock:
            if self._client is None:
                account = self.account()
                if account is None:
                    raise OqtopusCredentialsError(describe_no_account(self._profile))
                from ..client.api import Client
                from ..client.errors import ConfigurationError

                options = dict(self._client_options)
                options.setdefault("proxy", account.proxy)
                try:
                    self._client = Client(account.url, account.token, **options)
                except ConfigurationError as error:
                    raise OqtopusOptionError(f"The account cannot be used: {error}") from error
            return self._client

    def close(self) -> None:
        """Close the pooled connections; they open again if needed."""
        with self._lock:
            client, self._client = self._client, None
        if client is not None:
            client.close()

    def __repr__(self) -> str:
        return f"<Connection(url={self._url!r}, profile={self._profile!r})>"

    def describe(self) -> str:
        """Return whose account is used, as far as it is known without looking."""
        where = self._client_url() or "that of the environment or of the account file"
        return f"{where} (profile {self._profile})" if self._profile else where

    def __getstate__(self) -> dict[str, Any]:
        """Leave out the token, the password of a proxy and the open client."""
        url = self._client_url()
        options = dict(self._client_options)
        # What stands before the "@" is a password; the account may name the proxy.
        if "@" in str(options.get("proxy") or ""):
            del options["proxy"]
        return {
            "url": self._url if self._token is None else None,
            "profile": self._profile,
            "client_options": options,
            "expected_url": url,
            "snapshots": self.snapshots,
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(  # type: ignore[misc]
            state["url"], None, state["profile"], state["client_options"], state["snapshots"]
        )
        self._expected_url = state["expected_url"]

    def _client_url(self) -> str | None:
        if self._url is not None:
            return self._url
        return None if self._client is None else self._client.url


def describe_no_account(profile: str | None = None) -> str:
    """Return that there is no account, where one was looked for, and what to do without."""
    from .credentials import places

    return (
        f"There is no OQTOPUS account. Looked at: {'; '.join(places(profile))}. Accounts come from "
        "the operator of an OQTOPUS Cloud; save yours with qiskit_oqtopus.save_account(url, token) "
        "or 'qiskit-oqtopus account save'. Without one, QulacsBackend simulates on this machine, "
        "and qiskit_oqtopus.emulator.Emulator is a cloud on it."
    )
