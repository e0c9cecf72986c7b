"""Delivery: one program becomes one OQTOPUS job, exactly once, whatever fails on the way.

Registering returns an id, by which the job is uploaded and submitted. The server takes each id
once, from any process. If the answer to a submission is lost, reading the status of that id settles
whether it took effect; a submission is never sent again blindly.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ..client import errors
from ..client.models import Submission
from ..client.storage import pack_json
from ..program.program import FOREIGN, Manifest, Program, with_manifest
from .group import Member
from .status import REGISTERED

if TYPE_CHECKING:
    from ..client.api import Client

logger = logging.getLogger(__name__)

SETTLE_SECONDS = 60.0
"""How long to ask for the fate of a submission whose answer was lost, in s."""

REGISTRATIONS = 3
"""How many ids are registered for one circuit if the permissions to store expire."""

_MANIFEST_BYTES = 2**14
"""No manifest of a wave is longer."""

_MAX_HEAD_BYTES = 4 * 2**20 - _MANIFEST_BYTES

_LOST = (errors.RateLimitError, errors.TransportError, errors.ServerError, errors.ProtocolError)
"""After these a request may have taken effect, or may be taken later."""


@dataclass(frozen=True)
class Order:
    """One program to send.

    Attributes:
        member: Its place in the group.
        program: The program.
        settings: The body of the last step; its description is written when it is sent.
    """

    member: Member
    program: Program
    settings: Submission

    @property
    def index(self) -> int:
        """Its index in the group."""
        return self.member.index

    @property
    def body(self) -> Submission:
        """The body of the last step."""
        return replace(self.settings, description=self.member.description())

    @property
    def can_lead(self) -> bool:
        """Whether its program can carry a manifest: it has a header, and room for more."""
        is_ours = self.program.header.kind != FOREIGN
        return is_ours and len(self.program.text) <= _MAX_HEAD_BYTES

    def as_head(self, manifest: Manifest) -> Order:
        """Return it as the head of a wave with this manifest."""
        return replace(
            self,
            member=replace(self.member, head=True),
            program=with_manifest(self.program, manifest),
        )

    def of_run(self, token: str) -> Order:
        """Return it as a member of the run with another token."""
        return replace(self, member=replace(self.member, token=token))


class Unsettled(Exception):  # noqa: N818 - becomes part of an OqtopusSubmissionError
    """It could not be found out whether a job was submitted; its argument is the id."""


def upload(client: Client, order: Order) -> str:
    """Register a job and store its program; return its id.

    Once the permission to store has expired, its id is of no use either: another one is registered,
    and the first stays registered forever, which does no harm.

    Raises:
        ClientError: If it cannot be stored.
    """
    data = pack_json(order.program.to_input())
    for _ in range(REGISTRATIONS - 1):
        registration = client.register()
        try:
            client.upload(registration.upload, data)
        except errors.LinkError as error:
            logger.warning("Job %s is given up: %s", registration.job_id, error)
            continue
        return registration.job_id
    registration = client.register()
    client.upload(registration.upload, data)
    return registration.job_id


def submit_exactly_once(
    client: Client, job_id: str, body: Submission, sleep: Callable[[float], None]
) -> None:
    """Submit a registered job, so that it runs once whatever becomes of the answers.

    A second submission is sent only after the status has been read as "registered". It is a success
    also if another process has submitted this id.

    Args:
        client: The connection.
        job_id: The job.
        body: What is submitted.
        sleep: Waits for seconds.

    Raises:
        ClientError: If the server refuses the submission.
        Unsettled: If it could not be found out whether the job was submitted.
    """
    pauses = _pauses()
    taken = False
    while not taken:
        try:
            client.submit(job_id, body)
            taken = True
        except errors.DeadlineError as error:
            if error.sent is False:
                raise
            raise Unsettled(job_id) from error
        except _LOST as error:
            taken = _settle(client, job_id, error, pauses, sleep)
        except errors.ValidationError as error:
            # "not in valid status for submission": an earlier try may have been taken after all.
            try:
                taken = client.status(job_id) != REGISTERED
            except errors.ClientError:
                raise Unsettled(job_id) from error
            if not taken:
                raise


def _settle(
    client: Client,
    job_id: str,
    lost: errors.ClientError,
    pauses: Iterator[float],
    sleep: Callable[[float], None],
) -> bool:
    """Find out whether a submission whose answer was lost took effect.

    Args:
        client: The connection.
        job_id: The job.
        lost: What came in place of the answer.
        pauses: How long to wait before each question, in s.
        sleep: Waits for seconds.

    Returns:
        Whether the job was submitted; False only if its status was read as "registered".

    Raises:
        Unsettled: If the status could not be read in time.
    """
    for pause in pauses:
        logger.warning("Whether %s was submitted is not known yet (%s); asking", job_id, lost)
        asked_for = lost.retry_after or 0.0 if isinstance(lost, errors.RateLimitError) else 0.0
        sleep(max(pause, min(asked_for, 30.0)))
        try:
            return client.status(job_id) != REGISTERED
        except errors.DeadlineError as error:
            raise Unsettled(job_id) from error
        except _LOST as error:
            lost = error
        except errors.ClientError as error:
            raise Unsettled(job_id) from error
    raise Unsettled(job_id) from lost


def _pauses() -> Iterator[float]:
    """Yield longer and longer pauses in s, as long as they end within :data:`SETTLE_SECONDS`.

    The time begins with the first question.
    """
    deadline = time.monotonic() + SETTLE_SECONDS
    pause = 0.2
    while time.monotonic() + pause <= deadline:
        yield pause
        pause = min(2 * pause, 5.0)
