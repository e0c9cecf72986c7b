"""The log of an SSE job: what :mod:`.sse.container` has printed of each circuit."""

from __future__ import annotations

import base64
import hashlib
import logging
import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ...json_text import JsonError, read_json
from ...words import clean

logger = logging.getLogger(__name__)

MAX_OUTCOME_BYTES = 64 * 2**20
"""How large the outcome of one circuit may be when it is unpacked."""

MAX_TEXT = 16 * 2**20
"""Characters of a packed outcome."""

_PLACE = re.compile(r"(\d{1,7}) (\d{1,5})/(\d{1,5}) (\d{1,9}) ([0-9a-f]{64}) ([!-~]+)")

NO_LINE = (
    "its lines are not in the log of the SSE job, or not whole: whether it ran is not known, and "
    "its counts are lost"
)


@dataclass(frozen=True)
class CircuitOutcome:
    """What became of one circuit.

    Attributes:
        answer: What the engine has returned: an object with ``sampling``; None if there is nothing.
        mitigation: The settings of the server's mitigation with which it ran.
        reason: Why there is nothing.
        is_lost: Whether it may have run, and nothing is left of it.
    """

    answer: Mapping[str, Any] | None = None
    mitigation: Mapping[str, Any] = field(default_factory=dict)
    reason: str = ""
    is_lost: bool = False


def find_mark(group_id: str) -> str:
    """Return what the lines of the programs of a group begin with.

    It tells them from the output of others; it is no signature.
    """
    return f"oqtopus-{hashlib.sha256(group_id.encode()).hexdigest()[:16]}"


def clean_log(text: str) -> str:
    r"""Return the text of a log as it was printed: the log is that of a terminal.

    >>> clean_log("one\r\ntwo\r\n")
    'one\ntwo\n'
    """
    return text.replace("\r\n", "\n")


def read_outcomes(log: str, mark: str, total: int) -> list[CircuitOutcome]:
    """Return what became of each circuit of a program.

    Args:
        log: The log.
        mark: What the lines begin with.
        total: Number of circuits of the program.

    Returns:
        An outcome for each circuit. One whose lines are missing or broken is lost.
    """
    pieces: dict[tuple[int, str], dict[int, str]] = {}
    for line in log.replace("\r", "").split("\n"):
        if not line.startswith(f"{mark} "):
            continue
        match = _PLACE.fullmatch(line[len(mark) + 1 :])
        if match is None:
            continue
        index, number, lines, length, digest, text = match.groups()
        if int(index) <= total and int(number) < int(lines) and int(length) <= MAX_TEXT:
            pieces.setdefault((int(index), digest), {})[int(number)] = text
    found: dict[int, CircuitOutcome] = {}
    for (index, digest), by_number in pieces.items():
        text = "".join(by_number[number] for number in sorted(by_number))
        if index in found or hashlib.sha256(text.encode()).hexdigest() != digest:
            continue
        values = _unpack(text)
        if index < total:
            found[index] = _to_outcome(values)
        else:
            logger.info("One circuit ran once more with one shot: %s", clean(str(values)))
    return [
        found.get(index, CircuitOutcome(reason=NO_LINE, is_lost=True)) for index in range(total)
    ]


def _unpack(text: str) -> Mapping[str, Any]:
    """Return the object in the text of an outcome; an empty one if there is none."""
    try:
        inflater = zlib.decompressobj()
        data = inflater.decompress(base64.b85decode(text), MAX_OUTCOME_BYTES)
        values = read_json(data) if inflater.eof else None
    except (ValueError, zlib.error, JsonError):
        return {}
    return values if isinstance(values, dict) else {}


def _to_outcome(values: Mapping[str, Any]) -> CircuitOutcome:
    answer, mitigation = values.get("answer"), values.get("mitigation")
    if isinstance(answer, dict):
        return CircuitOutcome(answer, mitigation if isinstance(mitigation, dict) else {})
    if isinstance(values.get("not_run"), str):
        return CircuitOutcome(reason=f"it did not run: {clean(values['not_run'])}")
    if isinstance(values.get("error"), str):
        return CircuitOutcome(reason=clean(values["error"]))
    return CircuitOutcome(reason=NO_LINE, is_lost=True)
