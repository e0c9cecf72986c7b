"""Groups: the OQTOPUS jobs of one run, tied together by their descriptions.

OQTOPUS has no notion of a batch. Each job of a run carries one line in its description, by which
``GET /jobs?q=<group id>`` finds all of them again from anywhere, with no file on any disk.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from ..exceptions import OqtopusOptionError

MAX_NAME = 256
"""Longest name of an OQTOPUS job in characters; a longer one is an error 500 of the server."""

MAX_DESCRIPTION = 1024
"""Longest description of an OQTOPUS job in characters; likewise."""

MAX_TOTAL = 1_000_000
"""No run has more circuits; a description that says so was not written here."""

_JOB_ID = re.compile(r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}")
_GROUP_ID = re.compile(r"[a-z0-9-]{16,64}")
# A kind is shorter than any group id, so that the two cannot be taken for each other.
_LINE = re.compile(
    r"qiskit-oqtopus (?:(sampler|estimator) )?"
    r"([a-z0-9-]{16,64}) (\d{1,7})/(\d{1,7}) ([0-9a-f]{64})(?: |$)"
)


@dataclass(frozen=True)
class Member:
    """What the description of an OQTOPUS job says of its group.

    Attributes:
        group_id: Id of the group.
        index: Position of the circuit in the run.
        total: Number of circuits of the run.
        digest: What tells its program from others, see :func:`.program.fingerprint`.
        kind: Who sent it: "run", "sampler" or "estimator".
    """

    group_id: str
    index: int
    total: int
    digest: str
    kind: str = "run"

    def description(self, tags: Sequence[str] = ()) -> str:
        """Return the description of the job; tags that do not fit are cut off.

        >>> Member("a" * 16, 0, 2, "0" * 64).description(["night", "T1"])[-17:]
        '0000000 night, T1'
        """
        kind = "" if self.kind == "run" else f"{self.kind} "
        line = f"qiskit-oqtopus {kind}{self.group_id} {self.index}/{self.total} {self.digest}"
        words = ", ".join(tags).encode("utf-8", "replace").decode()  # see Order.submission
        return f"{line} {words}".rstrip()[:MAX_DESCRIPTION]


def parse_description(text: str | None) -> Member | None:
    """Return what a description says of a group, or None if another client wrote it.

    >>> parse_description("qiskit-oqtopus " + "a" * 16 + " 3/50 " + "0" * 64 + " night").index
    3
    >>> parse_description("qiskit-oqtopus sampler " + "a" * 16 + " 3/50 " + "0" * 64).kind
    'sampler'
    >>> parse_description("my own words") is None
    True
    """
    match = _LINE.match(text or "")
    if match is None:
        return None
    kind, group_id, index, total, digest = match.groups()
    if not int(index) < int(total) <= MAX_TOTAL:
        return None
    return Member(group_id, int(index), int(total), digest, kind or "run")


def is_job_id(text: str) -> bool:
    """Whether a text looks like an id that OQTOPUS gives.

    >>> is_job_id("01997cb0-8d1c-7000-8000-0123456789ab"), is_job_id(new_group_id())
    (True, False)
    """
    return bool(_JOB_ID.fullmatch(text))


def new_group_id() -> str:
    """Return a group id that nobody has used."""
    return f"group-{uuid.uuid4()}"


def checked_group_id(option: str, group_id: object) -> str:
    """Return a group id that the user has chosen.

    Raises:
        OqtopusOptionError: If it is not 16 to 64 lower-case letters, digits and hyphens.
    """
    if isinstance(group_id, str) and _GROUP_ID.fullmatch(group_id):
        return group_id
    raise OqtopusOptionError(
        f"Option {option!r} must be 16 to 64 lower-case letters, digits and hyphens, not "
        f"{group_id!r}."
    )
