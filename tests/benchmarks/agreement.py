"""A fast wrong answer is not worth timing: first, every peer must get the physics right."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from scipy.stats import binom

IMPROBABLE = 1e-12
"""A probability below which a deviation is taken for an error. A run makes some 1e5 comparisons, so
that one would fail by chance in 1e7 runs. For large counts this is 7 sigma."""

NEAR_SIGMAS, ROUNDING = 4.0, 1e-6
"""For a smaller deviation, in sigmas and counts, no tail is computed, which takes long."""

VERY_FEW_OUTCOMES = 16
"""With at most so many outcomes, comparing the count of each is enough."""

FEW_OUTCOMES = 1 << 12
"""With at most so many outcomes, the count of each is compared, zeros included."""

HEAVY = (0.25, 0.5, 0.75)
"""The most probable outcomes that have these total probabilities must occur as often."""


class WrongAnswer(AssertionError):
    """A peer's counts are not what the circuit gives."""


def probabilities(by_key: Mapping[str, float]) -> np.ndarray:
    """Return probabilities by bit string as an array.

    >>> probabilities({"00": 0.5, "10": 0.5}).tolist()
    [0.5, 0.0, 0.5, 0.0]
    """
    values = np.zeros(1 << len(next(iter(by_key))))
    for key, probability in by_key.items():
        values[int(key, 2)] = probability
    return values


class Exact:
    """The exact distribution of a circuit's counts, from theory or from another simulator.

    Args:
        values: Probabilities, shape (2**k,) for k classical bits.
    """

    def __init__(self, values: np.ndarray) -> None:
        self._values = values = np.clip(values, 0.0, 1.0)
        self._bits = len(values).bit_length() - 1
        self._ones = [
            float(values.reshape(-1, 2, 1 << bit)[:, 1].sum()) for bit in range(self._bits)
        ]
        order = np.argsort(-values, kind="stable")
        cumulated = np.cumsum(values[order])
        self._heavy = []
        for mass in HEAVY:
            # Some of equally probable outcomes are as good as any others of them.
            size = min(int(np.searchsorted(cumulated, mass)) + 1, len(values))
            member = np.zeros(len(values), dtype=bool)
            member[order[:size]] = True
            self._heavy.append((member, float(cumulated[size - 1])))

    def check(self, where: str, counts: Mapping[str, int], shots: int) -> None:
        """Compare counts with the distribution.

        Args:
            where: Where the counts come from, for the message.
            counts: Counts by bit string.
            shots: How many shots there should be.

        Raises:
            WrongAnswer: If shots are missing, or if the count of an outcome, the ones of a bit or
                the number of heavy outcomes are less probable than 1e-12.
        """
        keys = np.array([int(key.replace(" ", ""), 2) for key in counts], dtype=np.int64)
        numbers = np.array(list(counts.values()), dtype=np.int64)
        if numbers.sum() != shots:
            raise WrongAnswer(f"{where} returned {numbers.sum()} of {shots} shots")
        if len(self._values) <= FEW_OUTCOMES:
            drawn = np.zeros(len(self._values), dtype=np.int64)
            drawn[keys] = numbers
            self._compare(f"{where}, outcome", range(len(drawn)), drawn, self._values, shots)
        else:
            self._compare(f"{where}, outcome", keys, numbers, self._values[keys], shots)
        if len(self._values) <= VERY_FEW_OUTCOMES:
            return
        ones = [numbers[keys >> bit & 1 == 1].sum() for bit in range(self._bits)]
        self._compare(f"{where}, ones of bit", range(self._bits), ones, self._ones, shots)
        found = [numbers[member[keys]].sum() for member, _ in self._heavy]
        expected = [mass for _, mass in self._heavy]
        self._compare(f"{where}, outcomes of the heaviest", HEAVY, found, expected, shots)

    def _compare(
        self,
        what: str,
        which: Sequence[object],
        drawn: Sequence[int],
        expected: Sequence[float],
        shots: int,
    ) -> None:
        drawn, p = np.asarray(drawn), np.clip(np.asarray(expected), 0.0, 1.0)
        near = np.abs(drawn - shots * p) <= NEAR_SIGMAS * np.sqrt(shots * p * (1 - p)) + ROUNDING
        if near.all():
            return
        tails = np.minimum(binom.cdf(drawn, shots, p), binom.sf(drawn - 1, shots, p))
        worst = int(np.argmin(np.where(near, 1.0, tails)))
        if not tails[worst] >= IMPROBABLE:
            raise WrongAnswer(
                f"{what} {which[worst]}: counted {drawn[worst]} times, expected "
                f"{shots * p[worst]:.4g} (probability of so far a deviation: {tails[worst]:.1e})"
            )


def check_counts(
    name: str,
    exact: Sequence[Exact],
    shots: int,
    peer: str,
    counts: Sequence[Mapping[str, int]],
) -> None:
    """Compare a peer's counts of all circuits with the exact distributions.

    Args:
        name: The workload, for the message.
        exact: The distribution of each circuit.
        shots: Number of shots per circuit.
        peer: Which competitor ran it, for the message.
        counts: Counts by bit string of each circuit.

    Raises:
        WrongAnswer: If they do not agree.
    """
    for index, (distribution, drawn) in enumerate(zip(exact, counts, strict=True)):
        distribution.check(f"{name}, circuit {index}: {peer}", drawn, shots)
