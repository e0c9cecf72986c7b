"""Circuit metadata as plain JSON, and back, with nothing lost and nothing executed.

JSON has no complex numbers, tuples or numpy arrays, and turns all keys into strings. What it lacks
is written as an object with the key :data:`TAG`, which names one of a closed set of types. Metadata
that are read from the network can therefore only ever become values of these types.

>>> encode({"angle": 0.5, "qubits": (0, 1)})
{'angle': 0.5, 'qubits': {'$oqtopus': 'tuple', 'value': [0, 1]}}
>>> decode(encode({1: 2 + 3j, "when": {"a", "b"}})) == {1: 2 + 3j, "when": {"a", "b"}}
True
"""

from __future__ import annotations

import base64
import binascii
import json
import math
import re
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

import numpy as np

from ..exceptions import OqtopusError

TAG = "$oqtopus"
"""Key of the objects that we write; a user's dict with this key is written as a list of pairs."""

MAX_DEPTH = 64
"""Deepest nesting that is written. Each level is up to three in JSON, whose reader has a limit."""

MAX_INT_BITS = 4096
"""Larger integers are refused: Python itself reads no integers of more than 4,300 digits."""

MAX_AXES = 64
"""Axes of an array: those of numpy."""

MAX_SIZE = 2**40
"""Length of one axis of an array that is read."""

_DTYPE = re.compile(
    r"[|<](?:b1|[iu][1248]|f[248]|c8|c16|[US]\d{1,6}|[mM]8(?:\[\d{0,6}[A-Za-zμ]{1,7}\])?)"
)
"""The numpy types that mean the same on every machine; objects and records are not among them."""


class MetadataError(OqtopusError, ValueError):
    """Metadata cannot be written as JSON, or what was read is not what :func:`encode` writes.

    Attributes:
        path: Where in the metadata, e.g. ``metadata['xval'][3]``.
        reason: What is wrong there.
    """

    def __init__(self, path: str, reason: str = "") -> None:
        super().__init__(f"{path}: {reason}")
        self.path = path
        self.reason = reason

    def __reduce__(self) -> tuple[type[MetadataError], tuple[str, str]]:
        return type(self), (self.path, self.reason)


def encode(value: Any, path: str = "metadata") -> Any:
    """Return a value as what ``json.dumps(..., allow_nan=False)`` writes.

    Args:
        value: None, bool, int, float, str, complex, datetime, numpy scalars and arrays (without
            objects), and lists, tuples, sets, frozensets and dicts of these. Subclasses, which
            could not be given back as what they were, are refused.
        path: What to call the value in an error.

    Raises:
        MetadataError: The value, or one inside it, is none of these.
    """
    return _encode(value, path, 0)


def decode(value: Any, path: str = "metadata") -> Any:
    """Return what was given to :func:`encode`.

    Args:
        value: What :func:`encode` returned, or ``json.loads`` of it.
        path: What to call the value in an error.

    Raises:
        MetadataError: :func:`encode` never writes this.
    """
    return _decode(value, path, 0)


def _tag(name: str, value: Any) -> dict[str, Any]:
    return {TAG: name, "value": value}


def _encode(value: Any, path: str, depth: int) -> Any:
    # Exact types: numpy's float64 is a float too, and an IntEnum is an int.
    kind = type(value)
    if value is None or kind is bool or kind is str:
        return value
    if kind is int:
        if value.bit_length() > MAX_INT_BITS:
            raise MetadataError(path, f"an integer of more than {MAX_INT_BITS} bits")
        return value
    if kind is float:
        return value if math.isfinite(value) else _tag("float", repr(value))
    if depth >= MAX_DEPTH:
        raise MetadataError(path, f"nested more than {MAX_DEPTH} deep, or inside itself")
    if kind is list:
        return _encode_items(value, path, depth)
    if kind is dict:
        return _encode_dict(value, path, depth)
    if kind is tuple:
        return _tag("tuple", _encode_items(value, path, depth))
    if kind is set or kind is frozenset:
        # Sorted, so that the same circuit is always the same text.
        return _tag(kind.__name__, sorted(_encode_items(value, path, depth), key=json.dumps))
    if kind is complex:
        return _tag("complex", [repr(value.real), repr(value.imag)])
    if kind is datetime:
        return _tag("datetime", value.isoformat())
    if kind is np.ndarray:
        return _encode_array("array", value, path)
    if isinstance(value, np.generic):
        return _encode_array("scalar", np.asarray(value), path)
    raise MetadataError(path, f"{kind.__module__}.{kind.__qualname__} cannot be written as JSON")


def _encode_items(values: Iterable[Any], path: str, depth: int) -> list[Any]:
    return [_encode(value, f"{path}[{i}]", depth + 1) for i, value in enumerate(values)]


def _encode_dict(value: dict[Any, Any], path: str, depth: int) -> dict[str, Any]:
    if all(type(key) is str for key in value) and TAG not in value:
        return {key: _encode(item, f"{path}[{key!r}]", depth + 1) for key, item in value.items()}
    keys = _encode_items(value, f"keys of {path}", depth)
    items = [_encode(item, f"{path}[{key!r}]", depth + 1) for key, item in value.items()]
    return _tag("dict", [[key, item] for key, item in zip(keys, items, strict=True)])


def _encode_array(name: str, array: Any, path: str) -> dict[str, Any]:
    array = array.astype(array.dtype.newbyteorder("<"), copy=False)
    if not _DTYPE.fullmatch(array.dtype.str):
        raise MetadataError(path, f"a numpy value of type {array.dtype} cannot be written as JSON")
    data = base64.b64encode(array.tobytes()).decode("ascii")
    return _tag(name, [array.dtype.str, list(array.shape), data])


def _decode(value: Any, path: str, depth: int) -> Any:
    if depth > MAX_DEPTH:
        raise MetadataError(path, f"nested more than {MAX_DEPTH} deep")
    if isinstance(value, list):
        return _decode_items(value, path, depth)
    if not isinstance(value, dict):
        return value
    if TAG not in value:
        return {key: _decode(item, f"{path}[{key!r}]", depth + 1) for key, item in value.items()}
    name = value[TAG]
    reader = _READERS.get(name) if isinstance(name, str) else None
    if reader is None:
        raise MetadataError(path, f"unknown kind of value {name!r}")
    try:
        return reader(value["value"], path, depth)
    except MetadataError:
        raise
    except (KeyError, TypeError, ValueError, OverflowError, binascii.Error) as error:
        raise MetadataError(path, f"not a {name}: {error}") from error


def _decode_items(values: Any, path: str, depth: int) -> list[Any]:
    if not isinstance(values, list):
        raise MetadataError(path, f"a list is missing, there is {values!r:.40}")
    return [_decode(value, f"{path}[{i}]", depth + 1) for i, value in enumerate(values)]


def _decode_pairs(values: Any, path: str, depth: int) -> dict[Any, Any]:
    return {
        _decode(key, f"a key of {path}", depth + 1): _decode(item, f"{path}[{key!r}]", depth + 1)
        for key, item in values
    }


def _decode_complex(value: Any, path: str, depth: int) -> complex:
    real, imag = value
    return complex(float(real), float(imag))


def _decode_array(value: Any, path: str, depth: int) -> Any:
    dtype, shape, data = value
    if not isinstance(dtype, str) or not _DTYPE.fullmatch(dtype):
        raise MetadataError(path, f"numpy type {dtype!r} is not one that is written")
    if len(shape) > MAX_AXES or not all(type(n) is int and 0 <= n < MAX_SIZE for n in shape):
        raise MetadataError(path, f"{shape!r:.60} is not a shape")
    raw = base64.b64decode(data, validate=True)
    kind = np.dtype(dtype)
    count = math.prod(shape)
    # A text of no characters takes no bytes, and would be made one of a character each.
    if len(raw) != kind.itemsize * count or count > max(len(raw), 1):
        raise MetadataError(path, f"{len(raw)} bytes are not an array {dtype} of shape {shape!r}")
    if not raw:  # frombuffer takes no empty buffer
        return np.zeros(shape, dtype=kind)
    array = np.frombuffer(raw, dtype=kind).reshape(shape)
    return array.astype(kind.newbyteorder("="), copy=True)


def _decode_scalar(value: Any, path: str, depth: int) -> Any:
    array = _decode_array(value, path, depth)
    if array.shape != ():
        raise MetadataError(path, f"a scalar has no shape {array.shape}")
    return array[()]


def _decode_float(value: Any, path: str, depth: int) -> float:
    return float(value)


def _decode_datetime(value: Any, path: str, depth: int) -> datetime:
    return datetime.fromisoformat(value)


_READERS: dict[str, Callable[[Any, str, int], Any]] = {
    "float": _decode_float,
    "complex": _decode_complex,
    "datetime": _decode_datetime,
    "dict": _decode_pairs,
    "tuple": lambda value, path, depth: tuple(_decode_items(value, path, depth)),
    "set": lambda value, path, depth: set(_decode_items(value, path, depth)),
    "frozenset": lambda value, path, depth: frozenset(_decode_items(value, path, depth)),
    "array": _decode_array,
    "scalar": _decode_scalar,
}
