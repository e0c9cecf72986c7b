"""A fast wrong answer is not worth timing: every peer must first get the physics right."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import sqrt

from .workload import Workload

SIGMAS = 6.0
ROUNDING = 1e-6
"""Counts that a probability may be off by where its sigma is 0 but for rounding."""


class WrongAnswer(AssertionError):
    """A peer's counts are not what the circuit gives."""


def check(workload: Workload, peer: str, counts: Sequence[Mapping[str, int]]) -> None:
    """Compare a peer's counts with the exact distributions.

    Args:
        workload: What was run.
        peer: Who ran it, for the message.
        counts: Counts by bit string of each circuit.

    Raises:
        WrongAnswer: If a count is more than 6 sigma away from its mean, an impossible outcome
            occurs, or shots are missing.
    """
    for index, (exact, drawn) in enumerate(zip(workload.exact, counts, strict=True)):
        where = f"{workload.name}, circuit {index}: {peer}"
        if sum(drawn.values()) != workload.shots:
            raise WrongAnswer(f"{where} returned {sum(drawn.values())} of {workload.shots} shots")
        for outcome in sorted({*exact, *drawn}):
            p = exact.get(outcome, 0.0)
            mean, sigma = workload.shots * p, sqrt(workload.shots * p * (1 - p))
            if abs(drawn.get(outcome, 0) - mean) > SIGMAS * sigma + ROUNDING:
                raise WrongAnswer(
                    f"{where} counted {outcome} {drawn.get(outcome, 0)} times, "
                    f"expected {mean:.1f} +- {sigma:.1f}"
                )
