"""The input of a job, as the engine reads it: pure functions with the engine's own messages."""

from __future__ import annotations

import io
import json
import re
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .database import JobRecord, JobView
from .object_storage import ObjectStorage

MAX_INPUT = 16 * 2**20
"""Bytes of an input, unpacked. A real server has no such limit; the emulator keeps its memory."""


class JobFailedError(Exception):
    """A job that fails.

    Attributes:
        message: What the client sees.
    """

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


@dataclass(frozen=True)
class JobInput:
    """The input of a job.

    Attributes:
        programs: OpenQASM 3 programs, or None.
        operator: Terms of an observable, Pauli letter by qubit and coefficient, or None.
        sse_program: A Python program, or None.
    """

    programs: tuple[str, ...] | None
    operator: tuple[tuple[Mapping[int, str], float], ...] | None
    sse_program: str | None = None

    @property
    def first(self) -> str:
        """The first program: the only one that runs, unless they are combined.

        Raises:
            JobFailedError: If there is none.
        """
        if self.programs is None:
            raise JobFailedError("'NoneType' object is not subscriptable")
        if not self.programs:
            raise JobFailedError("list index out of range")
        return self.programs[0]


def read_input(zipped: bytes | None) -> JobInput:
    """Read the input of a job.

    Raises:
        JobFailedError: If it is not valid.
    """
    return parse_input(_unpack(zipped or b""))


def parse_input(content: Any) -> JobInput:
    """Read the input of a job, unpacked.

    Raises:
        JobFailedError: If it is not valid.
    """
    errors: list[str] = []
    if not isinstance(content, dict):
        message = "Input should be a valid dictionary or instance of JobInput"
        errors.append(_format_error("", message, "model_type", content))
        content = {}
    programs = _parse_programs(content.get("program"), errors)
    operator = _parse_operator(content.get("operator"), errors)
    sse_program = content.get("sse_program")
    if not isinstance(sse_program, (str, type(None))):
        message = "Input should be a valid string"
        errors.append(_format_error("sse_program", message, "string_type", sse_program))
    if errors:
        noun = "error" if len(errors) == 1 else "errors"
        text = "\n".join(errors)
        raise JobFailedError(
            f"Job input validation failed: {len(errors)} validation {noun} for JobInput\n{text}"
        )
    return JobInput(programs, operator, sse_program)


def view_job(job: JobRecord, object_storage: ObjectStorage) -> JobView:
    """Return a job as faults see it; of an input that cannot be read they see no programs."""
    zipped = object_storage.get(f"{job.job_id}/input.zip")
    try:
        content = _unpack(zipped or b"")
        given = [content["sse_program"]] if job.job_type == "sse" else content["program"]
        programs = tuple(text for text in given if isinstance(text, str))
    except (JobFailedError, LookupError, TypeError):
        programs = ()
    return JobView(
        job.job_id,
        job.index,
        job.name or "",
        job.description or "",
        job.job_type or "",
        job.shots or 0,
        programs,
    )


def _unpack(zipped: bytes) -> Any:
    where = "Job input download failed"
    try:
        with zipfile.ZipFile(io.BytesIO(zipped)) as archive:
            names = archive.namelist()
            if len(names) != 1:
                raise JobFailedError(
                    f"{where}: Expected one file in single ZIP archive, but found {len(names)}."
                )
            with archive.open(names[0]) as entry:
                text = entry.read(MAX_INPUT + 1)
            if len(text) > MAX_INPUT:
                raise JobFailedError(f"{where}: the file has more than {MAX_INPUT} bytes")
            return json.loads(text)
    # RuntimeError: the archive is encrypted or of an unknown method.
    except (ValueError, RecursionError):
        raise JobFailedError(f"{where}: Invalid JSON in ZIP file") from None
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError):
        raise JobFailedError(f"{where}: Invalid ZIP file") from None


def _parse_programs(value: Any, errors: list[str]) -> tuple[str, ...] | None:
    if value is None:
        return None
    if not isinstance(value, list):
        errors.append(_format_error("program", "Input should be a valid list", "list_type", value))
        return None
    for index, text in enumerate(value):
        if not isinstance(text, str):
            where = f"program.{index}"
            errors.append(
                _format_error(where, "Input should be a valid string", "string_type", text)
            )
    return tuple(value)


def _parse_operator(
    value: Any, errors: list[str]
) -> tuple[tuple[Mapping[int, str], float], ...] | None:
    if value is None:
        return None
    if not isinstance(value, list):
        errors.append(_format_error("operator", "Input should be a valid list", "list_type", value))
        return None
    for index, item in enumerate(value):
        errors.extend(_find_term_errors(f"operator.{index}", item))
    if errors:
        return None
    return tuple((parse_paulis(item["pauli"]), float(item["coeff"])) for item in value)


def _find_term_errors(where: str, item: Any) -> list[str]:
    if not isinstance(item, dict):
        message = "Input should be a valid dictionary or instance of OperatorItem"
        return [_format_error(where, message, "model_type", item)]
    errors = [
        _format_error(f"{where}.{name}", "Field required", "missing", item)
        for name in ("pauli", "coeff")
        if name not in item
    ]
    text, coefficient = item.get("pauli", ""), item.get("coeff", 0.0)
    if not isinstance(text, str):
        errors.append(
            _format_error(f"{where}.pauli", "Input should be a valid string", "string_type", text)
        )
    message, kind = "Input should be a valid number", ""
    if isinstance(coefficient, str):
        try:
            float(coefficient)
        except ValueError:
            message += ", unable to parse string as a number"
            kind = "float_parsing"
    elif not isinstance(coefficient, (int, float)):
        kind = "float_type"
    if kind:
        errors.append(_format_error(f"{where}.coeff", message, kind, coefficient))
    return errors


def _format_error(where: str, message: str, kind: str, given: Any) -> str:
    """Return one error in the words of pydantic 2."""
    try:
        shown = repr(given)
    except RecursionError:
        shown = "[[...]]"
    if len(shown) > 50:
        shown = f"{shown[:25]}...{shown[-24:]}"
    return (
        f"{where}\n  {message} [type={kind}, input_value={shown}, "
        f"input_type={type(given).__name__}]\n"
        f"    For further information visit https://errors.pydantic.dev/2.14/v/{kind}"
    )


def parse_paulis(text: str) -> dict[int, str]:
    """Parse a Pauli string as the server does: what it does not know is the identity.

    >>> [parse_paulis(text) for text in ("X 0 Z 1", "X0 X1", "I 0", "ZZ", "z 0")]
    [{0: 'X', 1: 'Z'}, {0: 'X', 1: 'X'}, {}, {}, {}]
    """
    return {int(qubit): letter for letter, qubit in re.findall(r"([XYZ])\s*(\d+)", text)}
