"""The User API of OQTOPUS Cloud: one method per operation."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timezone
from typing import Any, TypeVar

from ..words import clean
from . import storage
from .addresses import api_path, check_url, is_token, public_url, split_url, storage_url
from .answers import Answer, correlation_id_of, error_of
from .deadline import Deadline
from .errors import (
    ClientError,
    ConfigurationError,
    DeadlineError,
    NotFoundError,
    ProtocolError,
)
from .models import (
    MAX_PAGE_SIZE,
    Announcement,
    Device,
    Job,
    PresignedPost,
    Registration,
    Submission,
)
from .retry import RetryPolicy
from .secret import Secret
from .transport import Request, TokenAuth, Transport

logger = logging.getLogger(__name__)

T = TypeVar("T")

MAX_ANSWER_BYTES = 32 * 2**20
"""How large an answer of the API may be, in bytes: a page of jobs has less than one of them."""

# A shorter text is found by chance, as in tests.
_SHORTEST_TOKEN = 16


class Client:
    """One account at one OQTOPUS Cloud; safe to share among threads.

    Every method raises a subclass of :class:`~.errors.ClientError` if the server answers with an
    error, does not answer, or gives an answer that cannot be understood. Requests that do no harm
    when they are repeated are repeated as the retry policy says. A submission is not, once it may
    have arrived.

    Args:
        url: URL of the API. ``http://`` is for this machine only, unless ``insecure``.
        token: The token; it is sent to this URL and nowhere else.
        proxy: URL of a proxy, or None for the ones of the environment.
        connect_timeout: Seconds to wait for a connection.
        read_timeout: Seconds to wait for each part of an answer.
        total_timeout: Seconds after which a request is given up even if parts of its answer still
            come, or parts of what is uploaded still go; it may be sent again then.
        retry: When to try again, or None for the default policy.
        pool_size: Open connections per host.
        max_download_bytes: How large a file of the object storage, and what is unpacked from it,
            may be. Answers of the API have at most :data:`MAX_ANSWER_BYTES`.
        insecure: Whether the token may be sent over ``http://`` to another machine.

    Raises:
        ConfigurationError: If a value cannot be used.
    """

    # Of a client that could not be built: tracebacks may show it.
    _url = ""

    def __init__(
        self,
        url: str,
        token: str | Secret,
        *,
        proxy: str | None = None,
        connect_timeout: float = 5.0,
        read_timeout: float = 30.0,
        total_timeout: float = 120.0,
        retry: RetryPolicy | None = None,
        pool_size: int = 16,
        max_download_bytes: int = storage.DEFAULT_MAX_BYTES,
        insecure: bool = False,
    ) -> None:
        # The same name, so that no traceback with local variables shows the text.
        token = Secret(token)
        self._url = check_url(url, proxy=proxy, insecure=insecure)
        _check_token(token)
        if max_download_bytes < 1:
            raise ConfigurationError(
                f"max_download_bytes must be at least 1, not {max_download_bytes!r}"
            )
        self._auth = TokenAuth(token)
        self._token = token
        self._retry = RetryPolicy() if retry is None else retry
        self._max_bytes = max_download_bytes
        self._deadline = Deadline()
        self._transport = Transport(
            proxy=proxy,
            connect_timeout=connect_timeout,
            read_timeout=read_timeout,
            total_timeout=total_timeout,
            pool_size=pool_size,
        )

    @property
    def url(self) -> str:
        """URL of the API, without a slash at its end."""
        return self._url

    def devices(self) -> list[Device]:
        """Return the devices of the account."""
        return self._get("/devices", lambda body: _parse_each(body, Device.from_json))

    def device(self, device_id: str) -> Device:
        """Return one device.

        Raises:
            NotFoundError: If there is no such device.
            ForbiddenError: If the account may not use it, or may use only some devices and
                there is no such device.
        """

        def parse(body: Any) -> Device:
            device = Device.from_json(body)
            _check_id("device", device_id, device.device_id)
            return device

        return self._get(api_path("devices", device_id), parse)

    def device_facts(self, device: Device) -> dict[str, Any] | None:
        """Return what is known about the qubits and couplings of a device, or None.

        ``device_info`` holds the JSON itself, or a presigned URL of a zip archive with it.

        Raises:
            ProtocolError: If it is neither.
        """
        info = device.device_info
        if info is None or not info.strip():
            return None
        if info.lstrip().startswith("{"):
            return storage.parse_object(info, f"device_info of {device.device_id}")
        if split_url(info) is not None:
            return self.download(info)
        raise ProtocolError(
            f"device_info of {device.device_id} is neither a JSON object nor an http(s) URL"
        )

    def register(self) -> Registration:
        """Return a new job id, and where its input goes.

        After a lost answer this is sent again. The id that was lost with the answer stays without
        an input and "registered" forever, and never runs.
        """
        return self._call(self._request("POST", "/jobs"), Registration.from_json)

    def upload(self, target: PresignedPost, payload: bytes) -> None:
        """Store the input of a job.

        Args:
            target: Where, from :meth:`register`.
            payload: A zip archive, from :func:`~.storage.pack_json`.

        Raises:
            LinkError: If the permission has expired.
        """
        request = Request(
            "POST",
            storage_url(target.url),
            public_url(target.url),
            form=[(name, value) for name, value in target.fields.items() if value is not None],
            file=("input.zip", payload, "application/zip"),
        )
        self._send(request, storage_host=True)

    def submit(self, job_id: str, submission: Submission) -> None:
        """Submit a registered job to run. It is never sent again if the first may have arrived.

        Raises:
            ClientError: If its ``sent`` is not False, the job may have been submitted nevertheless;
                then :meth:`status` tells.
            ValidationError: Also if the job was submitted or cancelled before.
        """
        request = self._request(
            "POST", api_path("jobs", job_id, "submit"), json=submission.to_json()
        )
        self._call(request, _check_object, replayable=False)

    def job(self, job_id: str) -> Job:
        """Return one job."""
        return self._get_job(job_id, api_path("jobs", job_id))

    def status(self, job_id: str) -> str:
        """Return the status of one job."""
        return self._get_job(job_id, api_path("jobs", job_id, "status")).status

    def jobs(
        self,
        *,
        page: int = 1,
        size: int = MAX_PAGE_SIZE,
        fields: Sequence[str] = (),
        status: str | None = None,
        q: str | None = None,
        start_time: str | datetime | None = None,
        end_time: str | datetime | None = None,
        order: str = "DESC",
    ) -> list[Job]:
        """Return one page of the jobs of the account.

        Args:
            page: Number of the page, from 1.
            size: Jobs per page, 1 to 100. A page with fewer is the last one.
            fields: What to return of each job; ``job_id`` and ``status`` are always among it. The
                request always names the fields: without them, one job that was cancelled before
                it was submitted makes the whole list fail.
            status: Only jobs of this status.
            q: Only jobs with this text in id, name or description, in upper or lower case.
            start_time: Only jobs submitted then or later: ISO 8601, or a datetime (a naive one
                is local time).
            end_time: Only jobs submitted then or earlier.
            order: "DESC" for the newest first, "ASC" for the oldest first.

        Raises:
            ConfigurationError: If ``page``, ``size`` or ``order`` cannot be used (the server
                would fail, or take something else).
        """
        if page < 1:
            raise ConfigurationError(f"page must be at least 1, not {page!r}")
        if not 1 <= size <= MAX_PAGE_SIZE:
            raise ConfigurationError(f"size must be from 1 to {MAX_PAGE_SIZE}, not {size!r}")
        if order not in ("ASC", "DESC"):
            raise ConfigurationError(f"order must be 'ASC' or 'DESC', not {order!r}")
        names = dict.fromkeys(["job_id", "status", *fields])
        params = {"page": str(page), "size": str(size), "order": order, "fields": ",".join(names)}
        filters = {
            "status": status,
            "q": q,
            "start_time": _format_time(start_time),
            "end_time": _format_time(end_time),
        }
        params.update({name: value for name, value in filters.items() if value is not None})
        return self._get("/jobs", lambda body: _parse_each(body, Job.from_json), params)

    def cancel(self, job_id: str) -> None:
        """Cancel a job; one that is cancelled already stays so.

        Never cancel a job that is only registered: afterwards the server fails to read it.

        Raises:
            ValidationError: If the job has ended.
        """
        # Safe to send again: the server accepts the cancellation of a cancelled job.
        self._call(self._request("POST", api_path("jobs", job_id, "cancel")), _check_object)

    def delete(self, job_id: str) -> None:
        """Delete a job that has ended, with all that is stored of it.

        Raises:
            NotFoundError: If there is no such job.
            ValidationError: If the job has not ended.
        """
        request = self._request("DELETE", api_path("jobs", job_id))
        doubts: list[ClientError] = []
        try:
            self._call(request, _check_object, failures=doubts)
        except NotFoundError:
            # The answer to an earlier attempt was lost, and that attempt did it.
            if not any(error.sent is not False for error in doubts):
                raise

    def announcements(self, now: datetime) -> list[Announcement]:
        """Return what is announced for a time.

        Args:
            now: The time.

        Returns:
            The announcements; none if the server does not know this request.
        """

        def parse(body: Any) -> list[Announcement]:
            _check_object(body)
            return _parse_each(body.get("announcements") or [], Announcement.from_json)

        try:
            return self._get("/announcements", parse, {"current_time": _format_time(now) or ""})
        except NotFoundError:
            return []

    def token_expiration(self) -> str | None:
        """Return when the token expires, ISO 8601, or None.

        It is None if the token does not expire, or if the server does not know this request.
        """

        def parse(body: Any) -> str | None:
            _check_object(body)
            expiration = body.get("api_token_expiration")
            return expiration if isinstance(expiration, str) else None

        try:
            return self._get("/api-token/status", parse)
        except NotFoundError:
            return None

    def download(self, url: str) -> dict[str, Any]:
        """Return the JSON object in a stored zip archive.

        Args:
            url: A presigned URL.

        Raises:
            LinkError: If the URL has expired.
            ProtocolError: If it is not http(s), or leads to anything but a zip archive with one
                JSON object.
        """
        return self._download(url, storage.unpack_json)

    def download_text(self, url: str) -> str:
        """Return the text in a stored zip archive; what is not UTF-8 in it becomes U+FFFD.

        Args:
            url: A presigned URL.

        Raises:
            LinkError: If the URL has expired.
            ProtocolError: If it is not http(s), or leads to anything but a zip archive with one
                entry.
        """
        return self._download(url, storage.unpack_entry).decode("utf-8", "replace")

    def _download(self, url: str, unpack: Callable[[bytes, int], T]) -> T:
        request = Request("GET", storage_url(url), public_url(url))
        answer = self._send(request, storage_host=True)
        with self._name_request(request, answer):
            return unpack(answer.body, self._max_bytes)

    def with_retry(self, retry: RetryPolicy) -> Client:
        """Return a client that retries in another way, on the same connections."""
        return self._copy(_retry=retry)

    def within(self, deadline: Deadline) -> Client:
        """Return a client all of whose calls end by a deadline, on the same connections.

        Its methods raise :class:`~.errors.DeadlineError` then.
        """
        return self._copy(_deadline=deadline)

    def _copy(self, **changes: Any) -> Client:
        other = object.__new__(Client)
        other.__dict__.update(self.__dict__, **changes)
        return other

    def close(self) -> None:
        """Close the connections; they open again if the client is used again."""
        self._transport.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Client(url={self._url!r})>"

    def __reduce__(self) -> Any:
        raise TypeError("A Client holds a token and connections; pickle the account's name instead")

    def _request(
        self, method: str, path: str, *, params: dict[str, str] | None = None, json: Any = None
    ) -> Request:
        return Request(
            method,
            self._url + path,
            path,
            auth=self._auth,
            params=params,
            json=json,
            headers={"Accept": "application/json"},
        )

    def _get(self, path: str, parse: Callable[[Any], T], params: dict[str, str] | None = None) -> T:
        return self._call(self._request("GET", path, params=params), parse)

    def _get_job(self, job_id: str, path: str) -> Job:
        def parse(body: Any) -> Job:
            job = Job.from_json(body)
            _check_id("job", job_id, job.job_id)
            return job

        return self._get(path, parse)

    def _call(
        self,
        request: Request,
        parse: Callable[[Any], T],
        *,
        replayable: bool = True,
        failures: list[ClientError] | None = None,
    ) -> T:
        answer = self._send(request, replayable=replayable, failures=failures)
        where = f"the answer to {request.method} {request.path}"
        with self._name_request(request, answer):
            return parse(storage.parse_json(answer.body, where))

    def _send(
        self,
        request: Request,
        *,
        storage_host: bool = False,
        replayable: bool = True,
        failures: list[ClientError] | None = None,
    ) -> Answer:
        """Send a request until it succeeds, or the policy gives up."""
        policy = self._retry
        max_bytes = self._max_bytes
        if not storage_host:
            max_bytes = min(max_bytes, MAX_ANSWER_BYTES)
        failures = [] if failures is None else failures
        attempt = 1
        while True:
            error: ClientError | None
            try:
                answer = self._transport.send(request, max_bytes, self._deadline)
            except ClientError as problem:
                error = problem
            else:
                if not storage_host:
                    answer = _strike_out(answer, self._token)
                error = error_of(
                    answer,
                    method=request.method,
                    path=request.path,
                    storage=storage_host,
                    now=policy.clock(),
                    secrets=self._token,
                )
                if error is None:
                    return answer
            delay = policy.delay(attempt, error, replayable=replayable)
            if delay is None:
                raise error
            failures.append(error)
            logger.debug("Attempt %d failed, the next in %.2f s: %s", attempt, delay, error)
            (policy.sleep or self._deadline.sleep)(delay)
            if self._deadline.is_over:
                raise _give_up(error, failures, self._deadline) from error
            attempt += 1

    @contextmanager
    def _name_request(self, request: Request, answer: Answer) -> Iterator[None]:
        """Add to a ProtocolError that is raised inside which request it is about."""
        try:
            yield
        except ProtocolError as error:
            if not error.method:
                message = f"{request.method} {request.path}: {error.args[0]}"
                error.args = (clean(message, self._token),)
                error.method, error.path = request.method, request.path
                error.status = answer.status
                error.correlation_id = correlation_id_of(answer, self._token)
            raise


def _give_up(
    error: ClientError, failures: Sequence[ClientError], deadline: Deadline
) -> ClientError:
    """Return the error of a call whose time is over before a request could be sent again."""
    return DeadlineError(
        f"{deadline.reason}; before that: {error}",
        method=error.method,
        path=error.path,
        status=error.status,
        text=error.text,
        correlation_id=error.correlation_id,
        sent=None if any(failure.sent is not False for failure in failures) else False,
    )


def _strike_out(answer: Answer, token: Secret) -> Answer:
    """Return an answer without the token, wherever the server repeats it.

    What is read of it then may be shown, by an error or by a traceback with local variables.
    """
    if len(token.reveal()) < _SHORTEST_TOKEN:
        return answer
    return replace(answer, body=answer.body.replace(token.reveal().encode(), b"***"))


def _check_id(noun: str, asked: str, answered: str) -> None:
    if answered != asked:
        raise ProtocolError(
            f"the answer is about {noun} {clean(answered, limit=100)!r}, and not about {asked!r}"
        )


def _format_time(value: str | datetime | None) -> str | None:
    if isinstance(value, datetime):
        return value.astimezone(timezone.utc).isoformat().replace("+00:00", "Z")
    return value


def _parse_each(body: Any, parse: Callable[[Any], T]) -> list[T]:
    if not isinstance(body, list):
        raise ProtocolError(f"expected a JSON array, not {type(body).__name__}")
    return [parse(item) for item in body]


def _check_object(body: Any) -> None:
    if not isinstance(body, dict):
        raise ProtocolError(f"expected a JSON object, not {type(body).__name__}")


def _check_token(token: Secret) -> None:
    # requests would repeat the token in its error.
    if not is_token(token.reveal()):
        raise ConfigurationError("the token must be of printable ASCII characters without spaces")
