"""Submission: the programs of a run are sent in waves, several at a time, each exactly once."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ..client import errors
from ..client.deadline import SLICE, Deadline
from ..client.workers import start
from ..exceptions import OqtopusError, OqtopusOptionError, OqtopusSubmissionError
from ..program.header import SCRIPT
from .delivery import Order, Unsettled, submit_exactly_once, upload
from .errors import oqtopus_error
from .group import cancel_jobs, find_runs
from .wave import Claim, Wave, find_claims, split_into_waves, withdraw

if TYPE_CHECKING:
    from ..client.api import Client
    from ..client.models import Submission

logger = logging.getLogger(__name__)

LOOK_AGAIN = 2.0
"""Time in s after which everything that others submitted before is seen in the list of jobs."""

GRACE = 1.0
"""How long an interrupted submission waits for answers that are under way, in s."""


@dataclass(frozen=True)
class Delivery:
    """What is sent, and how.

    Attributes:
        orders: The programs that have no OQTOPUS job yet, all of one group.
        uploaded: Programs that another process has uploaded but perhaps not submitted, with the ids
            that it has registered for them.
        known: The jobs of the group that were looked at before, if other processes may send to the
            same group; None if nobody else can know its id.
        unsettled: Filled with the submissions of which it could not be found out whether they took
            effect, by OQTOPUS job id.
        workers: How many requests are under way at the same time.
        report: Called with the number of programs sent so far.
        cancel_on_failure: Whether to cancel what was sent if not all can be sent.
    """

    orders: Sequence[Order]
    uploaded: Sequence[tuple[str, Order]] = ()
    known: Collection[str] | None = None
    unsettled: dict[str, Submission] = field(default_factory=dict)
    workers: int = 8
    report: Callable[[int], None] = lambda done: None
    cancel_on_failure: bool = False


def submit_all(client: Client, delivery: Delivery) -> dict[int, str]:
    """Send programs, a bounded number at a time.

    Args:
        client: The connection.
        delivery: What is sent, at least one program.

    Returns:
        The OQTOPUS job id by the index in the group.

    Raises:
        OqtopusSubmissionError: If not all could be sent; it says which were.
    """
    return _Sending(client, delivery).run()


class _Stopped(Exception):  # noqa: N818 - another circuit of the group failed before
    pass


@dataclass
class _Task:
    """A piece of work for a thread, and what is done with its result in the thread that sends."""

    work: Callable[[], Any]
    then: Callable[[Any], None]


class _Sending:
    """One call of :func:`submit_all`."""

    def __init__(self, client: Client, delivery: Delivery) -> None:
        self._given = delivery
        self._orders = [*delivery.orders, *(order for _, order in delivery.uploaded)]
        self._deadline = Deadline()
        self._client = client.within(self._deadline)
        self._waves = deque(split_into_waves(delivery.orders))
        self._uploaded: list[Wave] = []  # whose heads are sent, or wait for that
        self._ready: deque[_Task] = deque(
            self._submission(order, job_id, is_ours=False) for job_id, order in delivery.uploaded
        )
        self._running: dict[Future[Any], _Task] = {}
        self._in_flight: dict[str, Order] = {}
        self._sent: dict[int, str] = {}
        self._unsettled: dict[str, Order] = {}
        self._done = 0
        self._failure: Exception | None = None
        self._is_halted = False

    def run(self) -> dict[int, str]:
        try:
            self._open_wave()
            self._work()
        except BaseException as error:
            self._halt(error)
            raise
        failure = self._failure
        if failure is None:
            return self._sent
        self._remember()
        if isinstance(failure, OqtopusError) and not self._sent and not self._unsettled:
            raise failure
        raise self._build_error(failure) from failure

    def _work(self) -> None:
        while True:
            while self._ready and len(self._running) < self._given.workers:
                if self._failure is not None:
                    break
                task = self._ready.popleft()
                self._running[start(task.work)] = task
            if not self._running:
                return
            done, _ = wait(self._running, timeout=SLICE, return_when=FIRST_COMPLETED)
            for future in done:
                self._take_result(future, self._running.pop(future))

    def _take_result(self, future: Future[Any], task: _Task) -> None:
        error = future.exception()
        if error is None:
            task.then(future.result())
        elif isinstance(error, Exception):
            self._failure = self._failure or error
        else:
            raise error

    # -- waves ----------------------------------------------------------------------------------

    def _open_wave(self) -> None:
        """Upload the next wave, after what is ready already."""
        if self._waves:
            wave = self._waves.popleft()
            self._ready.extend(self._preparation(wave, order) for order in wave.rest)
            if wave.is_uploaded:
                self._lead(wave)

    def _preparation(self, wave: Wave, order: Order) -> _Task:
        def then(job_id: str) -> None:
            wave.ids[order.index] = job_id
            if wave.is_uploaded:
                self._lead(wave)

        return _Task(lambda: self._upload(order), then)

    def _lead(self, wave: Wave) -> None:
        """Send the head of a wave, and upload the next wave meanwhile.

        Where others may send to the same group, one head goes after the other: whoever comes first
        with the first wave comes first with the run.
        """
        self._uploaded.append(wave)
        if self._given.known is None or len(self._uploaded) == 1:
            self._send_next_head(wave)
        self._open_wave()

    def _send_next_head(self, wave: Wave) -> None:
        def then(claim: Claim | None) -> None:
            self._uploaded.remove(wave)
            self._follow(wave, claim)
            if self._given.known is not None and self._uploaded:
                self._send_next_head(self._uploaded[0])

        self._ready.appendleft(_Task(lambda: self._send_head(wave), then))

    def _send_head(self, wave: Wave) -> Claim | None:
        """Submit the head of a wave; return the claim of another process if that comes first."""
        head = wave.build_head()
        job_id = self._upload(head)
        claim = self._find_claim(wave)  # as late as possible
        if claim is not None:
            return claim
        self._submit(head, job_id)
        if self._given.known is None:
            return None
        self._deadline.sleep(LOOK_AGAIN)
        claim = self._find_claim(wave, job_id)
        if claim is None or (job_id < claim.job_id and not claim.is_begun):
            return None
        del self._sent[head.index]
        withdraw(self._client, job_id)
        return claim

    def _find_claim(self, wave: Wave, own: str | None = None) -> Claim | None:
        """Return what another process has submitted for the circuits of a wave."""
        if self._given.known is None:
            return None
        runs = find_runs(self._client, wave.head.member.group_id)
        # Another process may have submitted what this one has uploaded: it follows the manifest.
        known = {*self._given.known, *self._sent.values(), *wave.ids.values(), own or ""}
        wanted = {order.index for order in wave.orders}
        return next(iter(find_claims(self._client, runs, wanted, known)), None)

    def _follow(self, wave: Wave, claim: Claim | None) -> None:
        """Submit the rest of a wave, under the ids of whoever came first."""
        if claim is None:
            self._count()
            self._ready.extendleft(
                self._submission(order, wave.ids[order.index]) for order in reversed(wave.rest)
            )
            return
        group_id = self._group_id
        if not claim.fits(wave.orders):
            self._failure = self._failure or OqtopusOptionError(
                f"Another process runs other circuits under the group id {group_id!r} at this "
                f"moment; their run is '{group_id}/{claim.token}'. Choose another id."
            )
            return
        logger.warning(
            "Another process sends the same circuits of group %s: its job %s comes first",
            group_id,
            claim.job_id,
        )
        left = []
        for order in wave.orders:
            job_id = claim.ids.get(order.index)
            if job_id is None:
                left.append(order)
            else:
                same = order.of_run(claim.token)
                self._ready.appendleft(self._submission(same, job_id, is_ours=False))
        self._send_anew(left)

    def _send_anew(self, orders: Sequence[Order]) -> None:
        idle = not self._waves
        self._waves.extend(split_into_waves(orders))
        if idle:
            self._open_wave()

    # -- one program ----------------------------------------------------------------------------

    def _upload(self, order: Order) -> str:
        self._check()
        return upload(self._client, order)

    def _submission(self, order: Order, job_id: str, *, is_ours: bool = True) -> _Task:
        """Return the task to submit a program that has been uploaded, here or elsewhere."""

        def work() -> bool:
            try:
                self._submit(order, job_id)
            except (errors.NotFoundError, errors.ValidationError) as error:
                if is_ours:
                    raise
                logger.warning("Job %s of another process is of no use: %s", job_id, error)
                return False
            return True

        def then(is_submitted: bool) -> None:
            if is_submitted:
                self._count()
            else:
                self._send_anew([order])

        return _Task(work, then)

    def _submit(self, order: Order, job_id: str) -> None:
        self._check()
        self._in_flight[job_id] = order
        try:
            submit_exactly_once(self._client, job_id, order.body, self._deadline.sleep)
            self._sent[order.index] = job_id
        except Unsettled:
            self._unsettled[job_id] = order
            raise
        finally:
            del self._in_flight[job_id]

    def _count(self) -> None:
        self._done += 1
        self._given.report(self._done)

    def _check(self) -> None:
        if self._failure is not None or self._is_halted:
            raise _Stopped

    # -- when not all can be sent ---------------------------------------------------------------

    def _halt(self, error: BaseException) -> None:
        """Begin nothing new, and leave what was sent in the log and on the error."""
        self._is_halted = True
        try:
            # What is being answered right now need not stay unsettled.
            if self._in_flight:
                wait(self._running, timeout=GRACE)
        finally:
            self._unsettled.update(self._in_flight)
            self._deadline.stop()
            self._remember()
            sent = self._by_circuit(self._sent)
            unsettled = self._by_circuit(self._unsettled_ids())
            kind = self._orders[0].member.kind
            total = len(self._circuits)
            _name_what_was_sent(error, self._group_id, sent, unsettled, total, kind)

    @property
    def _group_id(self) -> str:
        return self._orders[0].member.group_id

    @property
    def _circuits(self) -> list[int]:
        return sorted(index for order in self._orders for index in order.member.circuits)

    def _by_circuit(self, job_ids: Mapping[int, str]) -> dict[int, str]:
        """Return job ids by circuit, from those by the first circuit of each program."""
        return {
            index: job_ids[order.index]
            for order in self._orders
            if order.index in job_ids
            for index in order.member.circuits
        }

    def _unsettled_ids(self) -> dict[int, str]:
        pairs = sorted((order.index, job_id) for job_id, order in self._unsettled.items())
        return {index: job_id for index, job_id in pairs if index not in self._sent}

    def _remember(self) -> None:
        self._given.unsettled.update(
            {job_id: order.body for job_id, order in self._unsettled.items()}
        )

    def _build_error(self, failure: Exception) -> OqtopusSubmissionError:
        kind = self._orders[0].member.kind
        group_id, sent = self._group_id, self._by_circuit(self._sent)
        unsettled = self._by_circuit(self._unsettled_ids())
        again = "backend.run(circuits" if kind == "run" else f"{kind}.run(pubs"
        missing = tuple(index for index in self._circuits if index not in sent)
        reason: BaseException | None = failure
        if isinstance(failure, Unsettled):
            reason = failure.__cause__
        elif isinstance(failure, errors.ClientError):
            reason = oqtopus_error(failure, "Sending a circuit")
        if not sent and not unsettled:
            fate = f"Nothing was sent; run it again, with or without resume={group_id!r}."
        elif self._given.cancel_on_failure:
            kept = cancel_jobs(self._client, self._sent.values())
            fate = "What was sent was cancelled."
            if kept:
                fate = f"What was sent was cancelled, except {', '.join(kept)}, which could not be."
        else:
            fate = (
                f"What was sent is kept: send the rest with {again}, "
                f"resume={group_id!r}), or cancel it with provider.job({group_id!r}).cancel()."
            )
        doubt = ""
        if unsettled:
            doubt = (
                f" Whether {', '.join(dict.fromkeys(unsettled.values()))} was submitted could not "
                "be found out; resume finds it if it was."
            )
        text = (
            f"Group {group_id}: {len(sent)} of {len(self._circuits)} circuits were sent, and these "
            f"were not: {', '.join(map(str, missing))}. {fate}{doubt}"
        )
        if kind == SCRIPT:
            (job_id,) = unsettled.values() or ("",)
            text = "The program was not sent; run it again."
            if job_id:
                text = (
                    "Whether the program was submitted could not be found out: "
                    f"provider.job({job_id!r}) tells, once the server can be asked."
                )
        error = OqtopusSubmissionError(f"{text} Reason: {reason}")
        error.group_id = group_id
        error.job_ids = dict(sorted(sent.items()))
        error.missing = missing
        error.unsettled = unsettled
        return error


@contextmanager
def name_group(group_id: str, total: int) -> Iterator[None]:
    """Name the group on an interrupt that comes before anything of it was sent."""
    try:
        yield
    except KeyboardInterrupt as error:
        _name_what_was_sent(error, group_id, {}, {}, total)
        raise


def _name_what_was_sent(
    error: BaseException,
    group_id: str,
    sent: Mapping[int, str],
    unsettled: Mapping[int, str],
    total: int,
    kind: str = "run",
) -> None:
    """Leave in the log, and on whatever has interrupted a run, what was sent of it.

    Args:
        error: The exception, which gets the attributes ``group_id``, ``job_ids`` and ``unsettled``.
        group_id: The group.
        sent: The OQTOPUS job id of each circuit that was sent, by its index.
        unsettled: Those of which it is not known whether they were submitted.
        total: How many circuits were to be sent.
        kind: Their sender, as in :class:`.Member`.
    """
    text = (
        f"Sending group {group_id} was interrupted: {len(sent)} of {total} circuits were sent"
        + (f", and whether {len(unsettled)} more were is not known" if unsettled else "")
        + ". "
        + (
            "provider.job() finds a program that was sent."
            if kind == SCRIPT
            else f"Run the same circuits with resume={group_id!r} to send the rest."
        )
    )
    logger.warning("%s Sent: %s. Not known: %s", text, dict(sent), dict(unsettled))
    values = {"group_id": group_id, "job_ids": dict(sent), "unsettled": dict(unsettled)}
    error.__dict__.update(values)
    if hasattr(error, "add_note"):  # Python 3.11
        error.add_note(text)
