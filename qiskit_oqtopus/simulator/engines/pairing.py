"""Joining the outcomes of independent parts of a circuit: exact samples of their product.

The counts of a part are those of shots in an order that nobody knows. Any order of each part is as
likely as any other one, so that parts in random orders, side by side, are the shots of the circuit.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..state import Cancelled, Flag

_SPARSE = 16
"""Where there are more shots than this per pair of outcomes, it is drawn how often each pair
occurs, instead of which shots do."""

_WORD = 64


class Sampled(NamedTuple):
    """What the shots of some parts gave.

    Attributes:
        keys: The different values of the classical bits.
        counts: How often each occurred, shape (len(keys),).
    """

    keys: list[int]
    counts: NDArray[np.int64]


def pair(
    parts: Sequence[tuple[Sequence[int], Sequence[int], Sequence[int]]],
    shots: int,
    generator: np.random.Generator,
    cancelled: Flag | None = None,
) -> tuple[list[int], list[int]]:
    """Return the outcomes of a circuit, given those of its parts.

    Args:
        parts: For each part the different values of its classical bits, how often each occurred,
            and the classical bit of the circuit that each of its bits is.
        shots: Number of shots, the sum of the counts of each part; below 10**9.
        generator: Where the randomness comes from.
        cancelled: Looked at between parts.

    Returns:
        The different values of the classical bits, and how often each occurred.

    Raises:
        Cancelled: If the flag was set.
    """
    bits = sorted({clbit for _, _, clbits in parts for clbit in clbits})
    places = {clbit: place for place, clbit in enumerate(bits)}
    groups: list[Sampled] = []
    for keys, counts, clbits in parts:
        _look(cancelled)
        moved = spread([int(key) for key in keys], [places[clbit] for clbit in clbits])
        part = Sampled(moved, np.array(counts, dtype=np.int64))
        last = groups[-1] if groups else None
        if last is None or (
            len(last.keys) > 1 < len(part.keys) and not _is_sparse(last, part, shots)
        ):
            groups.append(part)
        else:
            groups[-1] = _pair_outcomes(last, part, generator)
    if not groups:  # all bits are always 0
        return [0], [shots]
    joined = groups[0] if len(groups) == 1 else _pair_shots(groups, shots, generator, cancelled)
    return spread(joined.keys, bits), joined.counts.tolist()


def spread(keys: list[int], goals: Sequence[int]) -> list[int]:
    """Move bit i of each number to bit ``goals[i]``.

    >>> spread([0b01, 0b11], [2, 70])
    [4, 1180591620717411303428]
    """
    if not keys or all(place == goal for place, goal in enumerate(goals)):
        return keys
    first = goals[0]
    if all(place + first == goal for place, goal in enumerate(goals)):
        return [key << first for key in keys]
    return [sum(1 << goal for place, goal in enumerate(goals) if key >> place & 1) for key in keys]


def _look(cancelled: Flag | None) -> None:
    if cancelled is not None and cancelled.is_set():
        raise Cancelled


def _is_sparse(a: Sampled, b: Sampled, shots: int) -> bool:
    return len(a.keys) * len(b.keys) * _SPARSE <= shots


def _pair_outcomes(a: Sampled, b: Sampled, generator: np.random.Generator) -> Sampled:
    """Draw how often each pair of outcomes occurs.

    The shots with one outcome of the one part are drawn without replacement from those of the
    other: that is the multivariate hypergeometric distribution.
    """
    if len(a.keys) == 1 or len(b.keys) == 1:
        many, one = (b, a) if len(a.keys) == 1 else (a, b)
        return Sampled([key | one.keys[0] for key in many.keys], many.counts)
    if len(a.keys) > len(b.keys):  # one draw for each outcome of the first one
        a, b = b, a
    left = b.counts.copy()
    rows = []
    for count in a.counts[:-1].tolist():
        drawn = generator.multivariate_hypergeometric(left, count, method="marginals")
        left -= drawn
        rows.append(drawn)
    table = np.array([*rows, left])
    first, second = np.nonzero(table)
    keys = [a.keys[i] | b.keys[j] for i, j in zip(first.tolist(), second.tolist(), strict=True)]
    return Sampled(keys, table[first, second])


def _pair_shots(
    groups: Sequence[Sampled],
    shots: int,
    generator: np.random.Generator,
    cancelled: Flag | None,
) -> Sampled:
    """Put the shots of the parts side by side, each in a random order of its own."""
    width = max(key.bit_length() for group in groups for key in group.keys)
    number = max(1, -(-width // _WORD))
    words = np.zeros((number, shots), dtype=np.uint64)
    for place, group in enumerate(groups):
        _look(cancelled)
        order = np.repeat(np.arange(len(group.keys)), group.counts)
        if place:  # the others are in random orders relative to the first one
            generator.shuffle(order)
        for word, values in enumerate(_to_words(group.keys, number)):
            if values.any():
                words[word] |= values[order]
    _look(cancelled)
    return count_words(words)


def _to_words(keys: Sequence[int], number: int) -> NDArray[np.uint64]:
    """Return numbers as words of 64 bits, the lowest first, shape (number, keys)."""
    data = b"".join([key.to_bytes(8 * number, "little") for key in keys])
    return np.frombuffer(data, dtype="<u8").reshape(len(keys), number).T


def count_words(words: NDArray[np.uint64]) -> Sampled:
    """Return the different columns, ascending, and how often each occurs.

    Args:
        words: Numbers as words of 64 bits, the lowest first, shape (words, numbers).
    """
    if len(words) == 1:
        values, counts = np.unique(words[0], return_counts=True)
        return Sampled(values.tolist(), counts)
    words = words[:, np.lexsort(words)]
    new = np.any(words[:, 1:] != words[:, :-1], axis=0)
    starts = np.concatenate([[0], np.flatnonzero(new) + 1])
    counts = np.diff(np.append(starts, words.shape[1]))
    data: Any = words[:, starts].T.astype("<u8").tobytes()
    size = 8 * len(words)
    keys = [int.from_bytes(data[at : at + size], "little") for at in range(0, len(data), size)]
    return Sampled(keys, counts)
