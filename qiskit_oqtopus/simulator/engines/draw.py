"""Sampling from large Qulacs states, with little memory beside them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import qulacs
from numpy.typing import NDArray

from .sampling import read_out, sample, squared

_FEW = 32
"""Fewer shots than one in so many amplitudes are drawn by Qulacs, which copies no amplitudes: 0.8
of the time of a QFT of 20 qubits with 1000 shots, 0.7 of 16 qubits."""

_COPIED_QUBITS = 19
"""A larger state is read in slices of at most so many qubits, an eighth of it: a copy of all would
double the memory, and to touch so much new memory costs more (0.7 of GHZ-20 with 1e5 shots)."""


def measure_state(
    state: Any,
    terminal: Sequence[tuple[int | None, int]],
    shots: int,
    generator: np.random.Generator,
) -> tuple[list[int], list[int]]:
    """Sample the terminal measurements of a ``qulacs.QuantumState``.

    Args:
        state: The state; it is not changed.
        terminal: (place of the qubit in the state or None, clbit) of each measurement; None reads
            0.
        shots: How many shots are drawn.
        generator: Where the randomness comes from.

    Returns:
        Values of the classical bits as integers of any width (bit i is clbit i), and their counts.
    """
    pairs = [(qubit, clbit) for qubit, clbit in terminal if qubit is not None]
    if not pairs:
        return [0], [shots]
    return read_out(*draw(state, shots, generator), pairs, state.get_qubit_count())


def draw(
    state: Any, shots: int, generator: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Draw basis states of a ``qulacs.QuantumState``.

    Args:
        state: The state; it is not changed.
        shots: How many are drawn.
        generator: Where the randomness comes from.

    Returns:
        The basis states that occurred, ascending, and how often each did; both of the same shape.
        A basis state of probability 0 never occurs.
    """
    num_qubits = state.get_qubit_count()
    size = 1 << num_qubits
    if shots * _FEW <= size:
        seed = int(generator.integers(1 << 32))
        drawn = np.array(state.sampling(shots, seed), dtype=np.uint64)
        # Where the probabilities do not sum to 1 exactly, Qulacs may draw a state that is not
        # there. To draw all shots anew then, in another way, leaves the distribution right.
        if drawn.max() < size:
            return np.unique(drawn.astype(np.int64), return_counts=True)
    if num_qubits <= _COPIED_QUBITS:
        return sample(squared(state.get_vector()), shots, generator)
    width = min(num_qubits - 3, _COPIED_QUBITS)
    weights = [_weight(_slice(state, width, number)) for number in range(size >> width)]
    chosen, hits = sample(np.array(weights), shots, generator)
    found, counts = [], []
    for number, hit in zip(chosen.tolist(), hits.tolist(), strict=True):
        inside, times = sample(squared(_slice(state, width, number)), hit, generator)
        found.append(inside + (number << width))
        counts.append(times)
    return np.concatenate(found), np.concatenate(counts)


def _slice(state: Any, width: int, number: int) -> NDArray[np.complex128]:
    """Return the amplitudes whose index has the bits of ``number`` above the lowest ``width``."""
    high = list(range(width, state.get_qubit_count()))
    bits = [number >> i & 1 for i in range(len(high))]
    vector: NDArray[np.complex128] = qulacs.state.drop_qubit(state, high, bits).get_vector()
    return vector


def _weight(vector: NDArray[np.complex128]) -> float:
    """Return the sum of the probabilities; in one order, whatever the number of threads."""
    reals = vector.view(np.float64)
    return float(np.einsum("i,i->", reals, reals))
