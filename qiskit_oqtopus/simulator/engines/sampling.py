"""From probabilities to counts: exact sampling, without a loop over the shots in Python."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import qulacs
from numpy.typing import NDArray

from ...exceptions import OqtopusError

Probabilities = NDArray[np.float64]

_SMALL_QUBITS = 6

_FEW_OUTCOMES = 256
"""With at most this many outcomes, the number of shots of each is drawn, instead of each shot."""

_MANY_SHOTS = 4
"""So it is with more shots per outcome than this."""

MARGINAL_QUBITS = 13
"""Up to this many qubits the outcomes are summed over the unmeasured qubits before sampling."""


class Streams:
    """Independent random streams of one job: stream ``i`` depends on (seed, i) and nothing else.

    The counter-based generator Philox (Salmon et al., SC'11) takes the pair as its key, so
    that a stream is the same in any process, chunk or order. One generator per thread is re-keyed,
    since making a new one is a noticeable part of a small circuit.

    Args:
        seed: An integer in [0, 2**64).
    """

    def __init__(self, seed: int) -> None:
        self._seed = seed

    def __getitem__(self, index: int) -> np.random.Generator:
        """Return the stream ``index`` at its beginning; valid until the thread asks for another."""
        return _generator.set_key(self._seed, index, 0, 0)

    def of_part(self, index: int, stream: int, block: int = 0) -> np.random.Generator:
        """Return a stream of circuit ``index`` that no other one meets, at its beginning.

        Args:
            index: Position of the circuit in the job.
            stream: Number of the stream; 0 is that of the circuit as a whole.
            block: Number of the block of shots.
        """
        return _generator.set_key(self._seed, index, stream, block)


class _Generator(threading.local):
    """A generator whose key can be changed."""

    def __init__(self) -> None:
        self._philox = np.random.Philox(key=0)
        self._state = self._philox.state
        self._generator = np.random.Generator(self._philox)
        self._is_elsewhere = False  # not at the beginning of its key

    def set_key(self, seed: int, index: int, stream: int, block: int) -> np.random.Generator:
        """Set key and counter; return the generator at the beginning of that stream.

        Streams of one key are 2**128 numbers apart or more: the counter has 256 bits.
        """
        state = self._state["state"]
        state["key"][:] = seed, index
        if self._is_elsewhere or stream or block:  # most circuits have one stream each
            state["counter"][2:] = block, stream
            self._is_elsewhere = bool(stream or block)
        self._philox.state = self._state
        return self._generator


_generator = _Generator()


def to_probabilities(vector: NDArray[np.complex128]) -> Probabilities:
    """Return ``abs(vector)**2``, without a complex array in between."""
    probabilities: Probabilities = np.square(vector.real)
    if vector.size <= _BLOCK:
        probabilities += np.square(vector.imag)
        return probabilities
    for start in range(0, vector.size, _BLOCK):
        part = slice(start, start + _BLOCK)
        probabilities[part] += np.square(vector.imag[part])
    return probabilities


_BLOCK = 1 << 20


def sample(
    probabilities: Probabilities,
    shots: int,
    generator: np.random.Generator,
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Draw ``shots`` outcomes.

    Args:
        probabilities: Shape (k,); need not sum exactly to 1. Overwritten if k is large.
        shots: How many outcomes are drawn.
        generator: Where the randomness comes from.

    Returns:
        The outcomes that occurred, ascending, and how often each did; both of the same shape.
        An outcome of probability 0 never occurs.
    """
    size = len(probabilities)
    if size <= _FEW_OUTCOMES or shots > _MANY_SHOTS * size:
        return _multinomial(probabilities, shots, generator)
    np.cumsum(probabilities, out=probabilities)
    total = probabilities[-1]
    _check_total(total)
    # Sorted uniforms without sorting: normalized partial sums of exponentials
    # (Devroye, Non-Uniform Random Variate Generation, 1986, section V.3.1).
    sums = np.cumsum(generator.standard_exponential(shots + 1))
    uniforms = sums[:-1] / sums[-1] * total
    outcomes = np.searchsorted(probabilities, uniforms, side="right")
    np.minimum(outcomes, np.searchsorted(probabilities, total), out=outcomes)
    ends = np.flatnonzero(outcomes[1:] != outcomes[:-1]) + 1
    bounds = np.concatenate([[0], ends, [shots]])
    return outcomes[bounds[:-1]], bounds[1:] - bounds[:-1]


def _check_total(total: float) -> None:
    """Refuse what is no distribution: what was drawn from it would mean nothing.

    Raises:
        OqtopusError: If a sum of probabilities is 0, infinite or no number.
    """
    if not 0 < total < math.inf:
        raise OqtopusError(
            f"the probabilities of its outcomes add up to {total}; look for a matrix that is not "
            "unitary or not finite"
        )


def _multinomial(
    probabilities: Probabilities, shots: int, generator: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    # Impossible outcomes are left out: numpy gives the last one what rounding leaves over.
    possible = np.flatnonzero(probabilities)
    weights = probabilities[possible]
    total = weights.sum()
    _check_total(total)
    drawn = generator.multinomial(shots, weights / total)
    occurred = np.flatnonzero(drawn)
    return possible[occurred], drawn[occurred]


@lru_cache(maxsize=64)
def _marginal_map(num_qubits: int, measured: tuple[int, ...]) -> NDArray[np.int64]:
    return gather_bits(np.arange(1 << num_qubits), measured)


def marginal(
    probabilities: Probabilities, num_qubits: int, measured: tuple[int, ...]
) -> Probabilities:
    """Sum over all qubits but the measured ones; measured[j] becomes bit j of the outcome."""
    if measured == tuple(range(num_qubits)):
        return probabilities
    places = _marginal_map(num_qubits, measured)
    return np.asarray(np.bincount(places, probabilities, minlength=1 << len(measured)), dtype=float)


def marginals(
    probabilities: Probabilities, num_qubits: int, measured: tuple[int, ...]
) -> Probabilities:
    """Do what :func:`marginal` does for each row; ``measured`` is ascending."""
    if len(measured) == num_qubits:
        return probabilities
    others = tuple(num_qubits - q for q in range(num_qubits) if q not in measured)
    tensor = probabilities.reshape((-1,) + (2,) * num_qubits)
    return np.asarray(tensor.sum(axis=others), dtype=float).reshape(len(probabilities), -1)


def draw_many(
    weights: Probabilities, shots: NDArray[np.int64], generator: np.random.Generator
) -> NDArray[np.int64]:
    """Draw from many small distributions at once.

    Args:
        weights: Shape (rows, k); a row need not sum exactly to 1.
        shots: How many outcomes are drawn from each row, shape (rows,).
        generator: Where the randomness comes from.

    Returns:
        How often each outcome occurred, shape (rows, k); an outcome of weight 0 never does.
    """
    drawn = generator.multinomial(shots, weights / weights.sum(axis=1, keepdims=True))
    impossible = np.where(weights > 0, 0, drawn)
    if impossible.any():  # numpy gives the last outcome what rounding leaves over
        drawn -= impossible
        drawn[np.arange(len(drawn)), weights.argmax(axis=1)] += impossible.sum(axis=1)
    return np.asarray(drawn)


def gather_bits(values: NDArray[np.int64], places: Sequence[int]) -> NDArray[np.int64]:
    """Return the integers whose bit j is bit ``places[j]`` of the values.

    >>> gather_bits(np.array([0b100, 0b110]), (2, 1))
    array([1, 3])
    """
    gathered = np.zeros_like(values)
    for j, place in enumerate(places):
        gathered |= ((values >> place) & 1) << j
    return gathered


def measure(
    probabilities: Probabilities,
    num_qubits: int,
    terminal: Sequence[tuple[int | None, int]],
    shots: int,
    generator: np.random.Generator,
) -> tuple[list[int], list[int]]:
    """Sample the terminal measurements of one state.

    Args:
        probabilities: Shape (2**num_qubits,), qubit 0 least significant. May be overwritten.
        num_qubits: Number of simulated qubits.
        terminal: (qubit or None, clbit) of each measurement; None reads 0.
        shots: How many shots are drawn.
        generator: Where the randomness comes from.

    Returns:
        Values of the classical bits as integers of any width (bit i is clbit i), and their counts.
    """
    pairs = [(qubit, clbit) for qubit, clbit in terminal if qubit is not None]
    if not pairs:
        return [0], [shots]
    measured = tuple(sorted({qubit for qubit, _ in pairs}))
    if num_qubits <= MARGINAL_QUBITS:
        natural = list(enumerate(measured)) == pairs
        if natural and len(measured) == num_qubits <= _SMALL_QUBITS and probabilities[-1] > 0:
            # All qubits into the bits of their numbers: nothing needs to be moved, which is
            # most of the cost of a small circuit.
            drawn = generator.multinomial(shots, probabilities / probabilities.sum()).tolist()
            keys = [key for key, count in enumerate(drawn) if count]
            return keys, [drawn[key] for key in keys]
        outcomes, counts = sample(marginal(probabilities, num_qubits, measured), shots, generator)
        place = {qubit: j for j, qubit in enumerate(measured)}
        moves = [(place[qubit], clbit) for qubit, clbit in pairs]
        return spread_bits(outcomes, moves), counts.tolist()
    return read_out(*sample(probabilities, shots, generator), pairs, num_qubits)


def read_out(
    outcomes: NDArray[np.int64],
    counts: NDArray[np.int64],
    pairs: Sequence[tuple[int, int]],
    num_qubits: int,
) -> tuple[list[int], list[int]]:
    """Return the values of the classical bits for sampled basis states, and their counts.

    Args:
        outcomes: Basis states, each at most once.
        counts: How often each occurred, same shape.
        pairs: (qubit, clbit) of each measurement.
        num_qubits: Number of qubits of the state.
    """
    keys = spread_bits(outcomes, pairs)
    if len({qubit for qubit, _ in pairs}) == num_qubits:
        return keys, counts.tolist()
    merged: dict[int, int] = {}
    for key, count in zip(keys, counts.tolist(), strict=True):
        merged[key] = merged.get(key, 0) + count
    return list(merged), list(merged.values())


def measure_qubit(
    amplitudes: tuple[complex, complex],
    terminal: tuple[int | None, int],
    shots: int,
    generator: np.random.Generator,
) -> tuple[list[int], list[int]]:
    """Sample one measurement of a state of one qubit, as :func:`measure` would.

    Plain numbers, since the fixed cost of numpy would be most of the time.

    Args:
        amplitudes: Those of 0 and 1.
        terminal: (qubit or None, clbit); None reads 0.
        shots: How many shots are drawn.
        generator: Where the randomness comes from.

    Returns:
        Values of the classical bits as integers, and their counts.
    """
    qubit, clbit = terminal
    zero, one = amplitudes
    p_one = one.real * one.real + one.imag * one.imag
    p_zero = zero.real * zero.real + zero.imag * zero.imag
    _check_total(p_zero + p_one)
    if qubit is None or p_one == 0:
        return [0], [shots]
    ones = int(generator.binomial(shots, p_one / (p_zero + p_one)))
    if 0 < ones < shots:
        return [0, 1 << clbit], [shots - ones, ones]
    return [1 << clbit if ones else 0], [shots]


def spread_bits(outcomes: NDArray[np.int64], pairs: Iterable[tuple[int, int]]) -> list[int]:
    """Move bit ``source`` of each outcome to bit ``goal`` of a Python integer, for each pair.

    >>> spread_bits(np.array([0b01, 0b10]), [(0, 70), (1, 0)])
    [1180591620717411303424, 1]
    """
    masks: dict[int, int] = {}  # by how far bits move: neighbours often move together
    highest = 0
    for source, goal in pairs:
        masks[goal - source] = masks.get(goal - source, 0) | 1 << source
        highest = max(highest, goal)
    # Wider than 62 bits does not fit numpy's integers: the same arithmetic on Python's.
    values = outcomes.astype(object) if highest > 62 else outcomes
    keys = np.zeros_like(values)
    for shift, mask in masks.items():
        moved = values & mask
        keys |= moved << shift if shift >= 0 else moved >> -shift
    spread: list[int] = keys.tolist()
    return spread


def shuffle_shots(counts: Sequence[int], generator: np.random.Generator) -> NDArray[np.int64]:
    """Return which outcome each shot has, in random order.

    Args:
        counts: How often each outcome occurred.
        generator: Where the randomness comes from.

    Returns:
        Positions in ``counts``, shape (sum(counts),).
    """
    order = np.repeat(np.arange(len(counts)), counts)
    generator.shuffle(order)
    return order


_FEW = 32
"""With at least this many amplitudes per shot, Qulacs draws the shots: it copies no amplitudes."""

_COPIED_QUBITS = 19
"""A larger state is read in slices of at most this many qubits, or of an eighth of it: a copy of
all would double the memory, and touching that much new memory takes longer than the sampling."""


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
        # there. Drawing all shots again, in another way, leaves the distribution right.
        if drawn.max() < size:
            return np.unique(drawn.astype(np.int64), return_counts=True)
    if num_qubits <= _COPIED_QUBITS:
        return sample(to_probabilities(state.get_vector()), shots, generator)
    width = min(num_qubits - 3, _COPIED_QUBITS)
    weights = [_weight(_slice(state, width, number)) for number in range(size >> width)]
    chosen, hits = sample(np.array(weights), shots, generator)
    found, counts = [], []
    for number, hit in zip(chosen.tolist(), hits.tolist(), strict=True):
        inside, times = sample(to_probabilities(_slice(state, width, number)), hit, generator)
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
