"""Switches for what the emulator does wrong on demand."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from .database import JobView
from .selection import Selector, path_pattern, selects

CORRUPTIONS = (
    "truncated",
    "garbage",
    "empty",
    "two_entries",
    "not_json",
    "not_object",
    "oversized",
    "path",
    "no_counts",
    "more_counts",
)
"""Kinds of broken zips, see :meth:`Faults.corrupt_zip`."""

_SERVER_TEXT = {
    429: "Too Many Requests",
    500: "Internal Server Error",
    502: "Bad Gateway",
    503: "Service Unavailable",
    504: "Endpoint request timed out",
}


@dataclass(eq=False)
class Fault:
    """One fault that is switched on.

    Attributes:
        kind: Name of the method of :class:`Faults` that switched it on.
        times: How often it happens in all; None means without end.
        hits: How often it has happened.
        values: The arguments that it was switched on with.
    """

    kind: str
    times: int | None
    values: Mapping[str, Any] = field(default_factory=dict)
    hits: int = 0
    _remove: Callable[[Fault], None] = field(default=lambda fault: None, repr=False)

    def remove(self) -> None:
        """Switch it off."""
        self._remove(self)


class Faults:
    """Faults on demand. All methods may be called from any thread, before and while the cloud runs.

    Requests are selected by ``method`` ("POST"; None means any) and ``path``: ``*`` stands for one
    part of a path and ``**`` for any number of parts, as in ``"/jobs/*/submit"`` or
    ``"/oqtopus/**"`` (the presigned URLs). Jobs are selected by ``which``: the k-th submitted (int,
    from 0), a text in the name, the description or a program, a predicate of a :class:`JobView`, or
    None for all.
    ``times`` is how often a fault happens, None until it is removed. Each method returns its
    :class:`Fault`, which counts its hits and can be removed.

    Example:
        >>> faults = Faults()
        >>> lost = faults.drop("POST", "/jobs/*/submit", when="after")
        >>> faults.intercept("POST", "/jobs/1/submit").kind
        'drop'
        >>> lost.hits, faults.intercept("POST", "/jobs/1/submit")
        (1, None)
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._faults: list[Fault] = []
        self._generation = 0

    # Requests

    def latency(self, seconds: float, method: str | None = None, path: str = "**") -> Fault:
        """Let each request wait for some seconds; several such faults add up."""
        return self._add("latency", None, method=method, path=path, seconds=seconds)

    def drop(
        self,
        method: str | None = None,
        path: str = "**",
        *,
        when: Literal["before", "after"] = "before",
        times: int | None = 1,
    ) -> Fault:
        """Cut the connection before or after the request took effect; no answer is sent."""
        if when not in ("before", "after"):
            raise ValueError(f"when is 'before' or 'after', not {when!r}")
        return self._add("drop", times, method=method, path=path, when=when)

    def status(
        self,
        code: int,
        body: Any = None,
        *,
        method: str | None = None,
        path: str = "**",
        times: int | None = 1,
        retry_after: float | str | None = None,
    ) -> Fault:
        """Answer with a status instead of doing anything.

        Args:
            code: HTTP status, for example 429 or 503.
            body: JSON, or a text; None means the message of an API gateway.
            method: Method of the requests, for example "POST"; None means any.
            path: Path of the requests, with ``*`` and ``**`` as in the class.
            times: How often it happens; None means until it is removed.
            retry_after: Value of the header ``Retry-After``: seconds or an HTTP date.
        """
        if body is None:
            body = {"message": _SERVER_TEXT.get(code, "error")}
        headers = {} if retry_after is None else {"retry-after": str(retry_after)}
        return self._add(
            "status", times, method=method, path=path, code=code, body=body, headers=headers
        )

    def redirect(
        self,
        to: str,
        *,
        method: str | None = None,
        path: str = "**",
        times: int | None = 1,
        code: int = 307,
    ) -> Fault:
        """Send the client to another host: the path and query are appended to ``to``."""
        to = to.rstrip("/")
        return self._add("redirect", times, method=method, path=path, to=to, code=code)

    def trickle(
        self,
        seconds: float,
        method: str | None = None,
        path: str = "**",
        times: int | None = None,
    ) -> Fault:
        """Send the body of the answer byte by byte, with a pause of some seconds before each."""
        return self._add("trickle", times, method=method, path=path, seconds=seconds)

    def repeat_page(self, times: int | None = None) -> Fault:
        """Answer GET /jobs with the first jobs, whatever page is asked for."""
        return self._add("repeat_page", times)

    # Object storage

    def expire_urls(self, times: int | None = None) -> Fault | None:
        """Let presigned URLs expire.

        Args:
            times: None lets all URLs that were handed out so far expire for good; later ones work.
                A number n lets the next n requests to the object storage find their URL expired.
        """
        if times is not None:
            return self._add("expire_urls", times)
        with self._lock:
            self._generation += 1
        return None

    def url_lifetime(self, seconds: float) -> Fault:
        """Set the lifetime of presigned URLs that are handed out from now on; 0 expires at once."""
        return self._add("url_lifetime", None, seconds=seconds)

    def corrupt_zip(
        self, kind: str = "truncated", path: str = "/**/result.zip", times: int | None = 1
    ) -> Fault:
        """Hand out broken zips from the object storage.

        Args:
            kind: "truncated", "garbage" (no zip at all), "empty" (no entry), "two_entries",
                "not_json", "not_object" (JSON, but a list), "oversized" (unpacks to 1 GiB),
                "path" (good, but its entry is called ``../../../tmp/result.json``), "no_counts"
                (a result without any) or "more_counts" (ten times as many as there were).
            path: Which downloads, "/oqtopus/<job id>/result.zip".
            times: How often it happens; None means until it is removed.
        """
        if kind not in CORRUPTIONS:
            raise ValueError(f"kind is one of {', '.join(CORRUPTIONS)}, not {kind!r}")
        return self._add("corrupt_zip", times, path=path, corruption=kind)

    # Jobs

    def unknown_status(
        self, status: str = "hibernating", which: Selector = None, times: int | None = None
    ) -> Fault:
        """Show a status that no client knows, in ``times`` answers (a list counts as one)."""
        return self._add("unknown_status", times, status=status, which=which)

    def stuck_running(
        self,
        which: Selector = None,
        times: int | None = None,
        *,
        ended: bool = True,
        message: str = "failed to execute job on device",
    ) -> Fault:
        """Let jobs stay in ``running`` forever.

        Args:
            which: The jobs, selected as in the class.
            times: How often it happens; None means until it is removed.
            ended: Whether they have really failed, with ``ended_at`` and a message: the race of
                engine 2.1.1. Otherwise nothing tells them from a long job.
            message: The message of those that have failed.
        """
        return self._add("stuck_running", times, which=which, ended=ended, message=message)

    def crossed_updates(self, which: Selector = None, times: int | None = None) -> Fault:
        """Let jobs that fail keep the status ``running``, with ``ended_at`` and their message.

        This is the race of engine 2.1.1, in which the updates to ``failed`` and to ``running``
        cross: a few of a hundred failures of a real server end so.
        """
        return self._add("crossed_updates", times, which=which)

    def lost_ready(self, which: Selector = None, times: int | None = None) -> Fault:
        """Let jobs stay in ``ready`` for ever, as if the engine had died when it had fetched them.

        The next engine takes up only what is ``submitted``. Such a job can be cancelled.
        """
        return self._add("lost_ready", times, which=which)

    def fail_program(
        self,
        which: Selector = None,
        times: int | None = None,
        *,
        message: str = "failed to execute job on device",
    ) -> Fault:
        """Let jobs fail when their program is run."""
        return self._add("fail_program", times, which=which, message=message)

    def slow_queue(self, seconds: float, which: Selector = None) -> Fault:
        """Let jobs wait in ``submitted`` for some s (or ``math.inf``), until this is removed."""
        return self._add("slow_queue", None, seconds=seconds, which=which)

    # SSE jobs, and the inner jobs that their programs send

    def missing_log(self, which: Selector = None, times: int | None = None) -> Fault:
        """Let SSE jobs succeed without a log."""
        return self._add("missing_log", times, which=which)

    def cut_log(
        self,
        start: int | None = None,
        stop: int | None = None,
        which: Selector = None,
        times: int | None = None,
    ) -> Fault:
        """Let the logs of SSE jobs have only ``log[start:stop]``, in characters."""
        return self._add("cut_log", times, start=start, stop=stop, which=which)

    def fail_inner(
        self,
        inner: Selector = None,
        which: Selector = None,
        times: int | None = None,
        *,
        message: str = "failed to execute job on device",
    ) -> Fault:
        """Let inner jobs fail when they are run: the driver raises SseRuntimeError.

        Args:
            inner: The inner jobs: the k-th of its program (from 0), or as jobs in the class.
            which: The SSE jobs, selected as in the class.
            times: How often it happens; None means until it is removed.
            message: Why they fail.
        """
        return self._add("fail_inner", times, inner=inner, which=which, message=message)

    def slow_inner(
        self,
        seconds: float,
        inner: Selector = None,
        which: Selector = None,
        times: int | None = None,
    ) -> Fault:
        """Let inner jobs, selected as in :meth:`fail_inner`, take some seconds longer.

        Over ``sse_job_timeout`` they fail, and the driver raises SseRuntimeError.
        """
        return self._add("slow_inner", times, seconds=seconds, inner=inner, which=which)

    def drop_inner(
        self, inner: Selector = None, which: Selector = None, times: int | None = None
    ) -> Fault:
        """Let the answer be lost when inner jobs, selected as in :meth:`fail_inner`, have ended.

        The driver raises OSError then, and leaves ``result.json`` as it was.
        """
        return self._add("drop_inner", times, inner=inner, which=which)

    def clock_skew(self, seconds: float) -> Fault:
        """Let the clock of the server be fast (or slow, if negative)."""
        return self._add("clock_skew", None, seconds=seconds)

    # Switches

    def clear(self) -> None:
        """Switch all faults off."""
        with self._lock:
            self._faults.clear()

    @property
    def active(self) -> tuple[Fault, ...]:
        """The faults that are switched on."""
        with self._lock:
            return tuple(self._faults)

    # What the emulator asks

    def delay(self, method: str, path: str) -> float:
        """Return how long a request waits, in s."""
        return sum(
            float(fault.values["seconds"])
            for fault in self._for_request(("latency",), method, path)
            if self._hit(fault)
        )

    def intercept(self, method: str, path: str) -> Fault | None:
        """Return the fault for a request, the one that was switched on first, and count the hit."""
        for fault in self._for_request(("drop", "status", "redirect", "trickle"), method, path):
            if self._hit(fault):
                return fault
        return None

    def expired(self) -> bool:
        """Return whether this request to the object storage finds its URL expired."""
        return any(self._hit(fault) for fault in self._of("expire_urls"))

    def repeats_page(self) -> bool:
        """Return whether this list of jobs is the first page again."""
        return any(self._hit(fault) for fault in self._of("repeat_page"))

    def corruption(self, path: str) -> str | None:
        """Return the kind of the broken zip for this download, or None."""
        for fault in self._of("corrupt_zip"):
            if fault.values["path"].fullmatch(path) and self._hit(fault):
                return str(fault.values["corruption"])
        return None

    def job(self, kind: str, view: Callable[[], JobView]) -> Fault | None:
        """Return the fault of a kind for a job, and count the hit."""
        for fault in self._of(kind):
            if selects(fault.values["which"], view) and self._hit(fault):
                return fault
        return None

    def inner(self, kind: str, inner: JobView, outer: JobView) -> Fault | None:
        """Return the fault of a kind for an inner job, and count the hit."""
        for fault in self._of(kind):
            selected = selects(fault.values["inner"], lambda: inner)
            if selected and selects(fault.values["which"], lambda: outer) and self._hit(fault):
                return fault
        return None

    def queue_delay(self, view: Callable[[], JobView]) -> float:
        """Return how long a job waits in the queue, in s."""
        return sum(
            float(fault.values["seconds"])
            for fault in self._of("slow_queue")
            if selects(fault.values["which"], view)
        )

    @property
    def skew(self) -> float:
        """How fast the clock of the server is, in s."""
        return float(sum(fault.values["seconds"] for fault in self._of("clock_skew")))

    @property
    def lifetime(self) -> float | None:
        """Lifetime of presigned URLs in s, or None if it was not changed."""
        faults = self._of("url_lifetime")
        return float(faults[-1].values["seconds"]) if faults else None

    @property
    def generation(self) -> int:
        """How often all URLs have expired: it is part of what they sign."""
        return self._generation

    def _add(self, kind: str, times: int | None, **values: Any) -> Fault:
        if "path" in values:
            values["path"] = path_pattern(values["path"])
        fault = Fault(kind, times, values, _remove=self._discard)
        with self._lock:
            self._faults.append(fault)
        return fault

    def _discard(self, fault: Fault) -> None:
        with self._lock:
            self._faults = [other for other in self._faults if other is not fault]

    def _of(self, *kinds: str) -> list[Fault]:
        with self._lock:
            return [fault for fault in self._faults if fault.kind in kinds]

    def _for_request(self, kinds: tuple[str, ...], method: str, path: str) -> list[Fault]:
        return [
            fault
            for fault in self._of(*kinds)
            if fault.values["method"] in (None, method) and fault.values["path"].fullmatch(path)
        ]

    def _hit(self, fault: Fault) -> bool:
        """Count a hit; return False if another thread took the last one."""
        with self._lock:
            if fault.times is not None and fault.hits >= fault.times:
                return False
            fault.hits += 1
            if fault.hits == fault.times:
                self._faults = [other for other in self._faults if other is not fault]
        return True
