"""Submission: N programs become N OQTOPUS jobs, each exactly once, whatever fails on the way.

Registering returns an id, by which the job is uploaded and submitted. If the answer to a submission
is lost, reading the status of that id settles whether it took effect; a submission is never sent
again blindly.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from threading import Event
from typing import TYPE_CHECKING, Any

from ..client import errors
from ..client.models import Submission
from ..client.storage import pack_json
from ..exceptions import OqtopusSubmissionError
from .errors import oqtopus_error
from .group import Member, cancel_jobs
from .status import REGISTERED

if TYPE_CHECKING:
    from ..client.api import Client

logger = logging.getLogger(__name__)

SETTLE_SECONDS = 60.0
"""How long to ask for the fate of a submission whose answer was lost, in s."""

REGISTRATIONS = 3
"""How many ids are registered for one circuit if the permissions to store expire."""


@dataclass(frozen=True)
class Order:
    """One program to send.

    Attributes:
        member: Its place in the group.
        payload: The input of the job: the program, and the observable if there is one.
        submission: The body of the last step.
    """

    member: Member
    payload: Mapping[str, Any]
    submission: Submission


def submit_all(
    client: Client,
    orders: Sequence[Order],
    *,
    workers: int,
    report: Callable[[int], None],
    cancel_on_failure: bool = False,
) -> dict[int, str]:
    """Send programs, a bounded number at a time.

    Args:
        client: The connection.
        orders: What is sent, all of one group.
        workers: How many programs are sent at the same time.
        report: Called with the number of programs sent so far.
        cancel_on_failure: Whether to cancel what was sent if not all can be sent.

    Returns:
        The OQTOPUS job id by the index in the group.

    Raises:
        OqtopusSubmissionError: If not all could be sent; it says which were.
    """
    group_id = orders[0].member.group_id
    sent: dict[int, str] = {}
    unsettled: list[str] = []
    failure: Exception | None = None
    stop = Event()
    waiting = list(reversed(orders))
    with ThreadPoolExecutor(min(workers, len(orders)), "oqtopus-submit") as pool:
        running: dict[Future[str], Order] = {}
        try:
            while running or (waiting and failure is None):
                while waiting and len(running) < workers and failure is None:
                    order = waiting.pop()
                    running[pool.submit(_submit_one, client, order, stop)] = order
                done, _ = wait(running, return_when=FIRST_COMPLETED)
                for future in done:
                    order = running.pop(future)
                    error = future.exception()
                    if error is None:
                        sent[order.member.index] = future.result()
                        report(len(sent))
                        continue
                    if isinstance(error, Unsettled):
                        unsettled.append(error.args[0])
                    if failure is None and isinstance(error, Exception):
                        failure = error
                        stop.set()
        except BaseException:  # Ctrl-C: what is under way ends, and the log says what was sent
            stop.set()
            _collect(running, sent)
            logger.warning(
                "Submission of group %s was interrupted after %d of %d circuits: %s",
                group_id,
                len(sent),
                len(orders),
                sent,
            )
            raise
    if failure is not None:
        raise _build_error(client, orders, sent, failure, unsettled, cancel_on_failure) from failure
    return sent


def _collect(running: Mapping[Future[str], Order], sent: dict[int, str]) -> None:
    for future, order in running.items():
        if future.exception() is None:
            sent[order.member.index] = future.result()


def _build_error(
    client: Client,
    orders: Sequence[Order],
    sent: Mapping[int, str],
    failure: Exception,
    unsettled: Sequence[str],
    cancel: bool,
) -> OqtopusSubmissionError:
    group_id, kind = orders[0].member.group_id, orders[0].member.kind
    again = "backend.run(circuits" if kind == "run" else f"{kind}.run(pubs"
    missing = tuple(
        sorted(order.member.index for order in orders if order.member.index not in sent)
    )
    reason: BaseException | None = failure
    if isinstance(failure, Unsettled):
        reason = failure.__cause__
    elif isinstance(failure, errors.ClientError):
        reason = oqtopus_error(failure, "Sending a circuit")
    if not sent and not unsettled:
        fate = f"Nothing was sent; run it again, with or without resume={group_id!r}."
    elif cancel:
        kept = cancel_jobs(client, sent.values())
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
            f" Whether {', '.join(unsettled)} was submitted could not be found out; resume finds "
            "it if it was."
        )
    error = OqtopusSubmissionError(
        f"Group {group_id}: {len(sent)} of {len(orders)} circuits were sent, and these were not: "
        f"{', '.join(map(str, missing))}. {fate}{doubt} Reason: {reason}"
    )
    error.group_id = group_id
    error.job_ids = dict(sent)
    error.missing = missing
    return error


class _Stopped(Exception):  # noqa: N818 - another circuit of the group failed before
    pass


class Unsettled(Exception):  # noqa: N818 - becomes part of an OqtopusSubmissionError
    """It could not be found out whether a job was submitted; its argument is the id."""


def _submit_one(client: Client, order: Order, stop: Event) -> str:
    """Register, upload and submit one program; return its id."""
    if stop.is_set():
        raise _Stopped
    job_id = _upload(client, order)
    if stop.is_set():
        raise _Stopped
    _submit_exactly_once(client, job_id, order.submission)
    return job_id


def _upload(client: Client, order: Order) -> str:
    """Register a job and store its program; return its id.

    Once the permission to store has expired, its id is of no use either: another one is registered,
    and the first stays registered forever, which does no harm.
    """
    payload = pack_json(order.payload)
    for _ in range(REGISTRATIONS - 1):
        registration = client.register()
        try:
            client.upload(registration.upload, payload)
        except errors.LinkError as error:
            logger.warning("Job %s is given up: %s", registration.job_id, error)
            continue
        return registration.job_id
    registration = client.register()
    client.upload(registration.upload, payload)
    return registration.job_id


_LOST = (errors.RateLimitError, errors.TransportError, errors.ServerError, errors.ProtocolError)
"""After these a request may have taken effect, or may be taken later."""


def _submit_exactly_once(client: Client, job_id: str, submission: Submission) -> None:
    """Submit a registered job, so that it runs once whatever becomes of the answers.

    A second submission is sent only after the status has been read as "registered".

    Raises:
        ClientError: If the server refuses the submission.
        Unsettled: If it could not be found out whether the job was submitted.
    """
    pauses = _pauses()
    taken = False
    while not taken:
        try:
            client.submit(job_id, submission)
            taken = True
        except _LOST as error:
            taken = _settle(client, job_id, error, pauses)
        except errors.ValidationError as error:
            # "not in valid status for submission": an earlier try may have been taken after all.
            try:
                taken = client.status(job_id) != REGISTERED
            except errors.ClientError:
                raise Unsettled(job_id) from error
            if not taken:
                raise


def _settle(client: Client, job_id: str, lost: errors.ClientError, pauses: Iterator[float]) -> bool:
    """Find out whether a submission whose answer was lost took effect.

    Args:
        client: The connection.
        job_id: The job.
        lost: What came in place of the answer.
        pauses: How long to wait before each question, in s.

    Returns:
        Whether the job was submitted; False only if its status was read as "registered".

    Raises:
        Unsettled: If the status could not be read in time.
    """
    for pause in pauses:
        logger.warning("Whether %s was submitted is not known yet (%s); asking", job_id, lost)
        asked_for = lost.retry_after or 0.0 if isinstance(lost, errors.RateLimitError) else 0.0
        time.sleep(max(pause, min(asked_for, 30.0)))
        try:
            return client.status(job_id) != REGISTERED
        except _LOST as error:
            lost = error
        except errors.ClientError as error:
            raise Unsettled(job_id) from error
    raise Unsettled(job_id) from lost


def _pauses() -> Iterator[float]:
    """Yield longer and longer pauses in s, as long as they end within :data:`SETTLE_SECONDS`."""
    deadline = time.monotonic() + SETTLE_SECONDS
    pause = 0.2
    while time.monotonic() + pause <= deadline:
        yield pause
        pause = min(2 * pause, 5.0)
