"""Batches: circuits that run in one SSE job, as the text of one Python program.

The program is :mod:`.sse.container`, followed by the OpenQASM programs of the circuits, compressed,
and a last line that says which circuits of the run they are.
"""

from __future__ import annotations

import base64
import json
import re
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from ...json_text import JsonError, read_json
from ...program.header import MAX_CIRCUITS, HeaderError, ProgramHeader
from ...program.program import Program, with_header
from . import container
from .log import find_mark

MAX_BYTES, LARGEST = 100_000, 110_000
"""Bytes of a program as JSON: by default, and at most, because of what stands beside it."""

WHY_SMALL = (
    "OQTOPUS gives the whole job to the container as one environment variable, of which Linux "
    "takes 131,071 bytes."
)

SECONDS, LONGEST = 240.0, 540.0
"""Time in s after which no program begins a circuit: by default, so that others wait less, and at
most. The server kills it after 600 s, and a circuit takes up to 60 s."""

SECONDS_PER_CIRCUIT = 0.5
"""Time of a circuit in s by which circuits are divided into programs: 0.4 s was measured."""

MAX_TEXT = 32 * 2**20
"""Bytes of all OpenQASM in one program: the container has 256 MiB of memory."""

_MAX_INFLATED = 2 * MAX_TEXT
_HEADER_BYTES = 1500
_DATA = re.compile(r'^DATA = "([^"\n]*)"$', re.MULTILINE)


@dataclass(frozen=True)
class BatchSettings:
    """How the circuits of a run are divided, and how they run.

    Attributes:
        device_id: The device.
        transpiler_info: BatchSettings of the server's transpiler.
        mitigation_info: BatchSettings of the server's mitigation.
        max_bytes: How large a program may be as JSON.
        seconds: Time in s after which a program begins no circuit.
        seconds_per_circuit: Time that a circuit is expected to take, in s.
    """

    device_id: str
    transpiler_info: Mapping[str, Any]
    mitigation_info: Mapping[str, Any]
    max_bytes: int = MAX_BYTES
    seconds: float = SECONDS
    seconds_per_circuit: float = SECONDS_PER_CIRCUIT


def json_size(text: str) -> int:
    """Return how many bytes a text has as JSON, in which what is not ASCII is escaped."""
    return len(json.dumps(text))


def split_into_batches(
    programs: Sequence[Program], settings: BatchSettings
) -> Iterator[list[Program]]:
    """Divide programs that follow each other, each batch as long as size and time allow.

    The same programs and settings give the same batches, also from the beginning of any batch on.
    A program that is too large on its own is a batch of its own: see :func:`find_size`.
    """
    longest = min(max(1, int(settings.seconds / settings.seconds_per_circuit)), MAX_CIRCUITS)
    batch: list[Program] = []
    packer = _Packer(settings)
    for program in programs:
        size = packer.add(program)
        is_full = len(batch) == longest or packer.length > MAX_TEXT
        if batch and (is_full or size > settings.max_bytes):
            yield batch
            batch, packer = [], _Packer(settings)
            packer.add(program)
        batch.append(program)
    if batch:
        yield batch


def find_size(program: Program, settings: BatchSettings) -> int:
    """Return how many bytes the Python program of one circuit has as JSON, at most."""
    return _Packer(settings).add(program)


def build_python(programs: Sequence[Program], settings: BatchSettings) -> Program:
    """Return the Python program that runs circuits which follow each other in a run.

    Args:
        programs: The programs of the circuits, at least one.
        settings: How they run.
    """
    first = programs[0].header
    packer = _Packer(settings)
    for program in programs:
        packer.add(program)
    header = ProgramHeader(
        kind=first.kind,
        group=first.group,
        index=first.index,
        total=first.total,
        created=first.created,
        shots=max(program.header.shots for program in programs),
        circuits=len(programs),
    )
    return with_header(_assemble(packer.finish(), first.group, settings.seconds), header)


def read_programs(text: str) -> list[str]:
    """Return the OpenQASM programs that a Python program runs.

    Raises:
        HeaderError: If there are none.
    """
    match = None
    for match in _DATA.finditer(text):  # noqa: B007 - the last one
        pass
    if match is None:
        raise HeaderError("the program holds no circuits")
    try:
        inflater = zlib.decompressobj()
        data = inflater.decompress(base64.b85decode(match[1]), _MAX_INFLATED)
        if not inflater.eof:
            raise HeaderError("the circuits of the program are not whole, or too large")
        circuits = [read_json(line) for line in data.split(b"\n")[1:]]
        return [str(circuit["program"]) for circuit in circuits]
    except (ValueError, KeyError, TypeError, zlib.error, JsonError) as error:
        raise HeaderError(f"the circuits of the program cannot be read: {error!r}") from error


class _Packer:
    """Compresses programs, and says after each how large the Python program is.

    Attributes:
        length: Bytes of what is compressed.
    """

    def __init__(self, settings: BatchSettings) -> None:
        self.length = 0
        self._settings = settings
        self._compressor = zlib.compressobj(9)
        values = {
            "device_id": settings.device_id,
            "transpiler_info": settings.transpiler_info,
            "mitigation_info": settings.mitigation_info,
        }
        self._parts: list[bytes] = []
        self._packed = 0
        self._compress(_to_line(values))

    def _compress(self, data: bytes) -> None:
        part = self._compressor.compress(data)
        self._parts.append(part)
        self._packed += len(part)
        self.length += len(data)

    def add(self, program: Program) -> int:
        """Add a program; return how many bytes the Python program has as JSON then, at most."""
        header = program.header
        values = {"name": header.name, "shots": header.shots, "program": program.text}
        self._compress(b"\n" + _to_line(values))
        packed = self._packed + len(self._compressor.copy().flush())
        return _frame_size(self._settings.seconds) + -(-packed * 5 // 4) + 5

    def finish(self) -> str:
        """Return all of them in base 85."""
        return base64.b85encode(b"".join(self._parts) + self._compressor.flush()).decode()


def _to_line(values: Mapping[str, Any]) -> bytes:
    return json.dumps(values, separators=(",", ":")).encode()


def _assemble(data: str, group_id: str, seconds: float) -> str:
    return (
        f'{_read_container()}\n\nDATA = "{data}"\n'
        f'run_circuits(DATA, "{find_mark(group_id)}", {seconds!r})\n'
    )


@cache
def _frame_size(seconds: float) -> int:
    """Return how many bytes a Python program has as JSON without its circuits."""
    return json_size(_assemble("", "", seconds)) + _HEADER_BYTES


@cache
def _read_container() -> str:
    return Path(container.__file__).read_text(encoding="utf-8")
