"""The zip archives of the object storage: packed and unpacked in memory, never on disk."""

from __future__ import annotations

import io
import json
import zipfile
import zlib
from collections.abc import Mapping
from typing import Any

from ..json_text import JsonError, read_json
from .errors import ProtocolError

DEFAULT_MAX_BYTES = 256 * 2**20

# Fixed, so that the same input gives the same bytes; the earliest date that zip can hold.
_EPOCH = (1980, 1, 1, 0, 0, 0)
# Others (bzip2, lzma) inflate by more than a thousand times inside one read, before any limit
# can be checked.
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)

# Chance puts the mark of an entry into packed data now and then, but not this often.
_MANY_ENTRIES = 100


def pack_json(obj: Mapping[str, Any], name: str = "input.json") -> bytes:
    """Return a zip archive with one entry that holds a JSON object.

    Args:
        obj: The object; for a sampling job ``{"program": [<OpenQASM 3>]}``.
        name: Name of the entry.

    Raises:
        TypeError: If the object holds something that JSON cannot.
        ValueError: If the object holds NaN or an infinity, which JSON does not know.

    >>> unpack_json(pack_json({"program": ["OPENQASM 3.0;"]}))
    {'program': ['OPENQASM 3.0;']}
    """
    text = json.dumps(obj, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    info = zipfile.ZipInfo(name, _EPOCH)
    info.compress_type = zipfile.ZIP_DEFLATED
    info.external_attr = 0o600 << 16
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(info, text.encode("utf-8"))
    return buffer.getvalue()


def unpack_json(data: bytes, max_bytes: int = DEFAULT_MAX_BYTES) -> dict[str, Any]:
    """Return the JSON object in a zip archive with exactly one entry.

    Args:
        data: The archive.
        max_bytes: How large the entry may be when unpacked.

    Raises:
        ProtocolError: If this is not such an archive, or the entry is too large.
    """
    return parse_object(unpack_entry(data, max_bytes), "the zip archive")


def unpack_entry(data: bytes, max_bytes: int) -> bytes:
    """Return the content of the only entry of a zip archive.

    The name of the entry is not looked at: nothing is ever written to disk.

    Raises:
        ProtocolError: If there is not exactly one entry, or it is broken, encrypted, too large
            or compressed in an unusual way.
    """
    if data.count(b"PK\x01\x02") > _MANY_ENTRIES:
        # zipfile would build an object for each.
        raise ProtocolError("the zip archive has many entries instead of one")
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = archive.infolist()
            if len(entries) != 1:
                raise ProtocolError(f"the zip archive has {len(entries)} entries instead of one")
            entry = entries[0]
            if entry.filename.endswith("/"):
                raise ProtocolError("the only entry of the zip archive is a directory")
            if entry.compress_type not in _METHODS:
                raise ProtocolError(
                    f"the entry of the zip archive is compressed by method {entry.compress_type}; "
                    "only stored and deflated entries are read"
                )
            if entry.file_size > max_bytes:
                raise _too_large(max_bytes)
            with archive.open(entry) as stream:
                # The size in the header may lie.
                content = stream.read(max_bytes + 1)
    # RuntimeError: the entry is encrypted. The others: headers that contradict each other.
    except (
        zipfile.BadZipFile,
        zipfile.LargeZipFile,
        zlib.error,
        RuntimeError,
        NotImplementedError,
        EOFError,
        ValueError,
        OSError,
        OverflowError,
        IndexError,
    ) as error:
        raise ProtocolError(f"the zip archive cannot be read: {error}") from error
    if len(content) > max_bytes:
        raise _too_large(max_bytes)
    return content


def parse_object(data: bytes | str, where: str) -> dict[str, Any]:
    """Return the JSON object in a text.

    Args:
        data: The text.
        where: What the text is called in an error.

    Raises:
        ProtocolError: If this is not a JSON object.
    """
    value = parse_json(data, where)
    if not isinstance(value, dict):
        raise ProtocolError(f"{where} holds JSON of type {type(value).__name__}, not an object")
    return value


def parse_json(data: bytes | str, where: str) -> Any:
    """Return the JSON value in a text.

    Raises:
        ProtocolError: If this is not JSON, or too much of it: see
            :func:`~qiskit_oqtopus.json_text.read_json`.
    """
    try:
        return read_json(data)
    except JsonError as error:
        problem = str(error)
    raise ProtocolError(f"{where} does not hold JSON: {problem}")


def _too_large(max_bytes: int) -> ProtocolError:
    return ProtocolError(
        f"the zip archive unpacks to more than {max_bytes:,} bytes (option max_download_bytes)"
    )
