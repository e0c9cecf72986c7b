"""What requests may contain: pure functions, with the answers of the server's own validation."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from ..json_text import is_deep

# The limits and words of the server, on purpose not taken from the client that is tested with it.
MAX_SHOTS = 10_000_000
MAX_PAGE = 100
JOB_TYPES = ("estimation", "sampling", "multi_manual", "sse")
STATUSES = (
    "registered",
    "submitted",
    "ready",
    "running",
    "cancelling",
    "succeeded",
    "failed",
    "cancelled",
)
FIELDS = (
    "job_id",
    "name",
    "description",
    "job_type",
    "status",
    "device_id",
    "shots",
    "job_info",
    "transpiler_info",
    "simulator_info",
    "mitigation_info",
    "execution_time",
    "submitted_at",
    "ready_at",
    "running_at",
    "ended_at",
)
"""Fields that GET /jobs may be asked for."""


class InvalidError(Exception):
    """A request that is answered with an error.

    Attributes:
        status: HTTP status.
        body: JSON of the answer.
    """

    def __init__(self, status: int, body: Any) -> None:
        super().__init__(f"{status}: {body}")
        self.status = status
        self.body = body


@dataclass(frozen=True)
class Query:
    """The query of GET /jobs."""

    page: int
    size: int
    newest_first: bool
    fields: tuple[str, ...] | None
    status: str | None
    pattern: re.Pattern[str] | None
    start: float | None
    end: float | None


def _error(kind: str, where: tuple[Any, ...], message: str, given: Any, **context: Any) -> Any:
    error = {"type": kind, "loc": list(where), "msg": message, "input": given}
    return {**error, "ctx": context} if context else error


_MOST_LEVELS = 950
"""Of arrays and objects in a submission: a real server stops at about 1000."""


def parse_submission(raw: bytes) -> dict[str, Any]:
    """Parse the body of a submission.

    Raises:
        InvalidError: With 422 and what is wrong, one entry per field.

    >>> try:
    ...     parse_submission(b'{"device_id": "a", "job_type": "sampling", "shots": 0}')
    ... except InvalidError as error:
    ...     error.status, error.body["detail"][0]["msg"]
    (422, 'Input should be greater than or equal to 1')
    """
    if not raw:
        raise InvalidError(422, {"detail": [_error("missing", ("body",), "Field required", None)]})
    try:
        body = json.loads(raw)
    except RecursionError:
        raise InvalidError(400, {"detail": "There was an error parsing the body"}) from None
    except ValueError as error:
        reason = error.msg if isinstance(error, json.JSONDecodeError) else str(error)
        position = error.pos if isinstance(error, json.JSONDecodeError) else 0
        wrong = _error("json_invalid", ("body", position), "JSON decode error", {}, error=reason)
        raise InvalidError(422, {"detail": [wrong]}) from None
    _check_answerable(body)
    if not isinstance(body, dict):
        message = "Input should be a valid dictionary or object to extract fields from"
        wrong = _error("model_attributes_type", ("body",), message, body)
        raise InvalidError(422, {"detail": [wrong]})
    errors: list[Any] = []
    values: dict[str, Any] = {}
    for name, (required, check) in _SUBMISSION.items():
        if name not in body:
            if required:
                errors.append(_error("missing", ("body", name), "Field required", body))
            values[name] = None
            continue
        values[name], wrong = check(("body", name), body[name])
        if wrong is not None:
            errors.append(wrong)
    if errors:
        raise InvalidError(422, {"detail": errors})
    return values


def _check_answerable(body: Any) -> None:
    """Refuse what no answer could repeat: half of a surrogate pair, NaN, and deep nesting.

    Whoever accepted it would answer each later question about the job with 500.

    Raises:
        InvalidError: With 422 and the fields, or 400.
    """
    if is_deep(body, _MOST_LEVELS):  # how deep Python reads JSON differs from version to version
        raise InvalidError(400, {"detail": "There was an error parsing the body"})
    parts = body.items() if isinstance(body, dict) else [("", body)]
    errors = []
    for name, value in parts:
        try:
            json.dumps({name: value}, ensure_ascii=False, allow_nan=False).encode()
        except UnicodeEncodeError:
            message = "Input should be a valid string, unable to parse raw data as a unicode string"
            where = ("body", name.encode(errors="replace").decode())
            errors.append(_error("string_unicode", where, message, None))
        except ValueError:
            errors.append(
                _error("finite_number", ("body", name), "Input should be a finite number", None)
            )
        except RecursionError:
            raise InvalidError(400, {"detail": "There was an error parsing the body"}) from None
    if errors:
        raise InvalidError(422, {"detail": errors})


_Check = Callable[[tuple[Any, ...], Any], tuple[Any, Any]]


def _text(where: tuple[Any, ...], value: Any) -> tuple[Any, Any]:
    if isinstance(value, str):
        return value, None
    return None, _error("string_type", where, "Input should be a valid string", value)


def _mapping(where: tuple[Any, ...], value: Any) -> tuple[Any, Any]:
    if isinstance(value, dict):
        return value, None
    return None, _error("dict_type", where, "Input should be a valid dictionary", value)


def _or_null(check: _Check) -> _Check:
    return lambda where, value: (None, None) if value is None else check(where, value)


def _choice(choices: tuple[str, ...]) -> _Check:
    expected = ", ".join(f"'{c}'" for c in choices[:-1]) + f" or '{choices[-1]}'"

    def check(where: tuple[Any, ...], value: Any) -> tuple[Any, Any]:
        if value in choices:
            return value, None
        message = f"Input should be {expected}"
        return None, _error("enum", where, message, value, expected=expected)

    return check


def _shots(where: tuple[Any, ...], value: Any) -> tuple[Any, Any]:
    given = value
    if isinstance(value, str):
        try:
            value = int(value)
        except ValueError:
            message = "Input should be a valid integer, unable to parse string as an integer"
            return None, _error("int_parsing", where, message, given)
    if isinstance(value, float):
        if not value.is_integer():
            message = "Input should be a valid integer, got a number with a fractional part"
            return None, _error("int_from_float", where, message, given)
        value = int(value)
    if not isinstance(value, int):
        return None, _error("int_type", where, "Input should be a valid integer", given)
    value = int(value)
    if value < 1:
        message = "Input should be greater than or equal to 1"
        return None, _error("greater_than_equal", where, message, given, ge=1)
    if value > MAX_SHOTS:
        message = f"Input should be less than or equal to {MAX_SHOTS}"
        return None, _error("less_than_equal", where, message, given, le=MAX_SHOTS)
    return value, None


_SUBMISSION: dict[str, tuple[bool, _Check]] = {
    "name": (False, _or_null(_text)),
    "description": (False, _or_null(_text)),
    "device_id": (True, _text),
    "job_type": (True, _choice(JOB_TYPES)),
    "shots": (True, _shots),
    "transpiler_info": (False, _or_null(_mapping)),
    "simulator_info": (False, _or_null(_mapping)),
    "mitigation_info": (False, _or_null(_mapping)),
}


def parse_listing(query: Mapping[str, str]) -> Query:
    """Parse the query of GET /jobs.

    Raises:
        InvalidError: 422 for an unknown status, 400 for unknown fields, and 500 for what the server
            does not check (a page or size out of range, a time that cannot be parsed).

    >>> parse_listing({"order": "desc"}).newest_first  # anything but "DESC" is oldest first
    False
    """
    status = query.get("status")
    if status is not None:
        wrong = _choice(STATUSES)(("query", "status"), status)[1]
        if wrong is not None:
            raise InvalidError(422, {"detail": [wrong]})
    fields = None
    if "fields" in query:
        fields = tuple(name.strip() for name in query["fields"].split(","))
        unknown = [name for name in fields if name not in FIELDS]
        if unknown:
            raise InvalidError(400, {"message": f"fields {unknown} is invalid"})
    try:
        page, size = int(query.get("page", 1)), int(query.get("size", MAX_PAGE))
        start, end = _time(query.get("start_time")), _time(query.get("end_time"))
    except ValueError:
        raise internal_error() from None
    if page < 1 or not 1 <= size <= MAX_PAGE:
        raise internal_error()
    newest_first = query.get("order", "ASC") == "DESC"
    pattern = like_pattern(query["q"]) if query.get("q") else None
    return Query(page, size, newest_first, fields, status, pattern, start, end)


def like_pattern(text: str) -> re.Pattern[str]:
    r"""Return the pattern of a search: the server puts the text into ``LIKE '%...%'`` as it is.

    Upper and lower case are the same; ``%`` is any text, ``_`` any character, and a backslash takes
    the meaning of what follows.

    >>> [bool(like_pattern(text).fullmatch("rabi_12")) for text in ("RABI", "b%1", "i_1", r"i\_1")]
    [True, True, True, True]
    >>> [bool(like_pattern(text).fullmatch("rabi-12")) for text in ("i_1", r"i\_1")]
    [True, False]
    """
    meaning = {"%": ".*", "_": "."}
    parts = re.findall(r"\\.|.", f"%{text}%", re.DOTALL)
    return re.compile(
        "".join(meaning.get(part, re.escape(part[-1])) for part in parts),
        re.IGNORECASE | re.DOTALL,
    )


def internal_error() -> InvalidError:
    """Return the error for everything that the server does not foresee."""
    return InvalidError(500, {"message": "Internal Server Error"})


def _time(text: str | None) -> float | None:
    if text is None:
        return None
    # Python 3.10 reads no "Z".
    when = datetime.fromisoformat(text[:-1] + "+00:00" if text.endswith("Z") else text)
    return (when if when.tzinfo else when.replace(tzinfo=timezone.utc)).timestamp()
