"""What the API sends and takes, as frozen dataclasses.

The parsers are tolerant: a missing field and a null are both None, unknown fields stay in
``extra``, and unknown words (a new status, a new device type) stay as they are. A known field of
an unexpected type counts as missing, and stays in ``extra`` too. Only an object without its id is
an error. What is meant for people is made fit for their eyes: see
:func:`~qiskit_oqtopus.words.clean`.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, TypeVar

from ..words import clean
from .errors import ProtocolError

T = TypeVar("T")

MAX_ID = 1024
"""Characters of the id of a job or a device."""

MAX_PAGE_SIZE = 100
"""Jobs in the largest page of a list that the server gives."""


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _words(value: Any) -> str | None:
    """Return what is meant for people, as they may see it."""
    return clean(value) if isinstance(value, str) else None


def _json_text(value: Any) -> str | None:
    # A server that sends the object itself instead of its text means the same.
    return json.dumps(value) if isinstance(value, dict) else _text(value)


@dataclass(frozen=True)
class Device:
    """A device of the account, as ``GET /devices`` lists it.

    Attributes:
        device_id: Its id, which is also its name.
        device_type: "QPU" or "simulator".
        status: "available" or "unavailable".
        available_at: Time of the last change of the status, ISO 8601.
        n_pending_jobs: Length of its queue.
        n_qubits: Number of qubits.
        basis_gates: Names of its gates; not all are gates of Qiskit.
        supported_instructions: Names of what else it can do.
        device_info: JSON text, or a presigned URL to it, or None: see ``Client.device_facts``.
        calibrated_at: Time of the last calibration, ISO 8601.
        description: Words about it.
        extra: Fields that this version does not know.
    """

    device_id: str
    device_type: str | None = field(default=None, metadata={"convert": _words})
    status: str | None = field(default=None, metadata={"convert": _words})
    available_at: str | None = None
    n_pending_jobs: int | None = None
    n_qubits: int | None = None
    basis_gates: tuple[str, ...] = ()
    supported_instructions: tuple[str, ...] = ()
    device_info: str | None = field(default=None, repr=False, metadata={"convert": _json_text})
    calibrated_at: str | None = None
    description: str | None = field(default=None, metadata={"convert": _words})
    extra: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def from_json(cls, obj: Any) -> Device:
        """Return the device in a JSON object.

        Raises:
            ProtocolError: If this is not an object, or it has no ``device_id``.

        >>> Device.from_json({"device_id": "SC", "status": "asleep", "colour": "red"}).extra
        {'colour': 'red'}
        """
        return _read(cls, obj, "a device", required=("device_id",))


@dataclass(frozen=True)
class JobInfo:
    """Presigned URLs of what belongs to a job, and what the server says about how it went.

    The URLs are signed again for each answer, and expire: use them at once, never keep them.

    Attributes:
        input: URL of what was sent, or None.
        result: URL of the result, or None.
        transpile_result: URL of the output of the server's transpiler, or None.
        combined_program: URL of the program that a ``multi_manual`` job ran, or None.
        sse_log: URL of the log of an SSE job that has succeeded, or None.
        message: What the server says about the end of the job, or None.
        extra: Fields that this version does not know.
    """

    input: str | None = field(default=None, repr=False)
    result: str | None = field(default=None, repr=False)
    transpile_result: str | None = field(default=None, repr=False)
    combined_program: str | None = field(default=None, repr=False)
    sse_log: str | None = field(default=None, repr=False)
    message: str | None = field(default=None, metadata={"convert": _words})
    extra: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @classmethod
    def from_json(cls, obj: Any) -> JobInfo:
        """Return the information in a JSON object.

        Raises:
            ProtocolError: If this is not an object.
        """
        return _read(cls, obj, "job_info")


@dataclass(frozen=True)
class Job:
    """A job, or as much of it as was asked for.

    Attributes:
        job_id: Its id.
        status: "registered", "submitted", "ready", "running", "succeeded", "failed",
            "cancelled", or a word that this version does not know.
        name: Its name.
        description: Words about it.
        job_type: "sampling", "estimation", "multi_manual" or "sse".
        device_id: The device on which it runs.
        shots: Number of shots.
        transpiler_info: Settings of the server's transpiler.
        simulator_info: Settings of the simulator.
        mitigation_info: Settings of the error mitigation.
        job_info: URLs of what belongs to it.
        submitted_at: ISO 8601, UTC, whole seconds; so are the other times.
        ready_at: When the device fetched it.
        running_at: When it began.
        ended_at: When it ended.
        execution_time: Seconds on the device.
        extra: Fields that this version does not know.
    """

    job_id: str
    status: str = field(metadata={"convert": _words})
    name: str | None = field(default=None, metadata={"convert": _words})
    description: str | None = None
    job_type: str | None = None
    device_id: str | None = None
    shots: int | None = None
    transpiler_info: Mapping[str, Any] | None = None
    simulator_info: Mapping[str, Any] | None = None
    mitigation_info: Mapping[str, Any] | None = None
    job_info: JobInfo | None = None
    submitted_at: str | None = None
    ready_at: str | None = None
    running_at: str | None = None
    ended_at: str | None = None
    execution_time: float | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def from_json(cls, obj: Any) -> Job:
        """Return the job in a JSON object.

        Raises:
            ProtocolError: If this is not an object, or it has no ``job_id`` or no ``status``.

        >>> Job.from_json({"job_id": "06b0", "status": "registered"}).shots is None
        True
        """
        return _read(cls, obj, "a job", required=("job_id", "status"))


@dataclass(frozen=True)
class PresignedPost:
    """Where an input is uploaded, and the form fields that allow it.

    Attributes:
        url: The URL to post to.
        fields: The form fields, in the order of the server. A None is not sent.
    """

    url: str = field(repr=False)
    fields: Mapping[str, str | None] = field(repr=False)

    @classmethod
    def from_json(cls, obj: Any) -> PresignedPost:
        """Return the target in a JSON object.

        Raises:
            ProtocolError: If this is not an object with ``url`` and ``fields``.
        """
        given = _Fields(obj, "presigned_url")
        url = given.require("url")
        form = given.take("fields", _mapping)
        if form is None:
            raise ProtocolError("presigned_url has no 'fields'")
        for name, value in form.items():
            if isinstance(value, (dict, list)):
                raise ProtocolError(f"the form field {name!r} of presigned_url is not a text")
        return cls(url, {k: v if v is None else _form_text(v) for k, v in form.items()})


@dataclass(frozen=True)
class Registration:
    """A job that has an id and no input yet.

    Attributes:
        job_id: Its id.
        upload: Where its input goes.
    """

    job_id: str
    upload: PresignedPost

    @classmethod
    def from_json(cls, obj: Any) -> Registration:
        """Return the registration in a JSON object.

        Raises:
            ProtocolError: If this is not an object with ``job_id`` and ``presigned_url``.
        """
        given = _Fields(obj, "a registration")
        job_id = given.require("job_id")
        return cls(job_id, PresignedPost.from_json(given.take("presigned_url", lambda v: v)))


@dataclass(frozen=True)
class Submission:
    """The body of the request that submits a job, whose program has been uploaded before.

    Attributes:
        name: At most 256 characters; a longer one makes the server fail.
        description: At most 1,024 characters; a longer one makes the server fail.
        device_id: The device on which it runs.
        job_type: "sampling", "estimation", "multi_manual" or "sse".
        shots: 1 to 10,000,000.
        transpiler_info: ``{"transpiler_lib": None}`` switches the transpiler of the server off;
            ``{}`` or None means its default, which is on.
        simulator_info: Settings of the simulator.
        mitigation_info: Settings of the error mitigation.
    """

    name: str | None
    description: str | None
    device_id: str
    job_type: str
    shots: int
    transpiler_info: Mapping[str, Any] | None = None
    simulator_info: Mapping[str, Any] | None = None
    mitigation_info: Mapping[str, Any] | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the body of the request; what is None is left out.

        >>> Submission("n", None, "SC", "sampling", 10, {"transpiler_lib": None}).to_json()
        {'name': 'n', 'device_id': 'SC', 'job_type': 'sampling', 'shots': 10, \
'transpiler_info': {'transpiler_lib': None}}
        """
        body = {
            "name": self.name,
            "description": self.description,
            "device_id": self.device_id,
            "job_type": self.job_type,
            "shots": self.shots,
            "transpiler_info": _to_dict(self.transpiler_info),
            "simulator_info": _to_dict(self.simulator_info),
            "mitigation_info": _to_dict(self.mitigation_info),
        }
        return {key: value for key, value in body.items() if value is not None}


@dataclass(frozen=True)
class Announcement:
    """What the operator of a cloud announces, such as maintenance.

    Attributes:
        title: What it is about.
        content: Words.
        start_time: When it begins to hold, ISO 8601, or None.
        end_time: When it ends, ISO 8601, or None.
        extra: Fields that this version does not know.
    """

    title: str | None = field(default=None, metadata={"convert": _words})
    content: str | None = field(default=None, metadata={"convert": _words})
    start_time: str | None = field(default=None, metadata={"convert": _words})
    end_time: str | None = field(default=None, metadata={"convert": _words})
    extra: Mapping[str, Any] = field(default_factory=dict, hash=False)

    @classmethod
    def from_json(cls, obj: Any) -> Announcement:
        """Return the announcement in a JSON object.

        Raises:
            ProtocolError: If this is not an object.
        """
        return _read(cls, obj, "an announcement")


class _Fields:
    """The fields of one JSON object, each taken once; what is left over is unknown."""

    def __init__(self, obj: Any, what: str) -> None:
        if not isinstance(obj, Mapping):
            raise ProtocolError(f"{what} is JSON of type {type(obj).__name__}, not an object")
        self._left = dict(obj)
        self._what = what

    def take(self, name: str, convert: Callable[[Any], T | None]) -> T | None:
        """Return a field, or None; one of an unexpected type stays among the unknown."""
        value = self._left.get(name)
        if value is None:
            self._left.pop(name, None)
            return None
        converted = convert(value)
        if converted is not None:
            del self._left[name]
        return converted

    def require(self, name: str) -> str:
        """Return a text that must be there."""
        value = self.take(name, _text)
        if not value:
            raise ProtocolError(f"{self._what} has no {name!r}")
        if name.endswith("_id") and not (value.isprintable() and len(value) <= MAX_ID):
            raise ProtocolError(f"{self._what} has {name!r} = {value[:100]!r}, which is no id")
        return value

    def rest(self) -> dict[str, Any]:
        """Return what was not taken."""
        return self._left


def _read(cls: Callable[..., T], obj: Any, what: str, required: Sequence[str] = ()) -> T:
    """Return the dataclass that a JSON object describes.

    Args:
        cls: The class; each of its fields is read as what its annotation says, and ``extra`` takes
            what is left over.
        obj: The object.
        what: What the object is called in an error.
        required: Names of the fields that must be there.

    Raises:
        ProtocolError: If this is not an object, or a field is missing.
    """
    left = _Fields(obj, what)
    values: dict[str, Any] = {}
    for item in fields(cls):  # type: ignore[arg-type]
        if item.name == "extra":
            continue
        convert = item.metadata.get("convert") or _CONVERTERS[str(item.type)]
        if item.name in required:
            values[item.name] = convert(left.require(item.name))
            continue
        value = left.take(item.name, convert)
        if value is not None:
            values[item.name] = value
    return cls(**values, extra=left.rest())


def _count(value: Any) -> int | None:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    # An integer may be too large for a float, which isfinite would convert it to.
    if isinstance(value, float) and not (math.isfinite(value) and value.is_integer()):
        return None
    return int(value) if value >= 0 else None


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    try:
        return float(value)
    except OverflowError:
        return None


def _names(value: Any) -> tuple[str, ...] | None:
    if isinstance(value, list) and all(isinstance(name, str) for name in value):
        return tuple(value)
    return None


def _mapping(value: Any) -> dict[str, Any] | None:
    return value if isinstance(value, dict) else None


def _job_info(value: Any) -> JobInfo | None:
    return JobInfo.from_json(value) if isinstance(value, dict) else None


_CONVERTERS: dict[str, Callable[[Any], Any]] = {
    "str": _text,
    "str | None": _text,
    "int | None": _count,
    "float | None": _number,
    "tuple[str, ...]": _names,
    "Mapping[str, Any] | None": _mapping,
    "JobInfo | None": _job_info,
}
"""What reads a field, by its annotation: it returns None for a value of an unexpected type."""


def _form_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _to_dict(value: Mapping[str, Any] | None) -> dict[str, Any] | None:
    return None if value is None else dict(value)
