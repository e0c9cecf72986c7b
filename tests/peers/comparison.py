"""What each case shows: are we right, and what did the peer do."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np

from qiskit_oqtopus import QulacsBackend

from .cases import Case
from .circuits import build
from .environment import Answer
from .reference import distribution, state_vector

TOLERANCE = 1e-10
SHOTS = 1000
SIGMAS = 6.0
SEED = 31

AGREES = "agrees"


@dataclass(frozen=True)
class Verdict:
    """What a case shows.

    Attributes:
        case: The case.
        peer: What the peer did, in Markdown.
        failures: Why we are not content with ourselves; empty if we are.
        deviation: Largest deviation of our amplitudes from the exact ones; None for counts.
        expected: The counts that the circuit gives, if it has one certain outcome.
    """

    case: Case
    peer: str
    failures: list[str]
    deviation: float | None = None
    expected: str | None = None


def judge(case: Case, answers: Sequence[Answer]) -> Verdict:
    """Compare our answers to a case with the exact ones and with the peer's.

    Args:
        case: The case.
        answers: The peer's answers, one a circuit; none if it was not asked.

    Returns:
        The verdict.
    """
    return _judge_counts(case, answers) if case.counts else _judge_vectors(case, answers)


# -- state vectors --------------------------------------------------------------------------------


def _judge_vectors(case: Case, answers: Sequence[Answer]) -> Verdict:
    circuits = [build(circuit) for circuit in case.circuits]
    result = QulacsBackend().run(circuits, shots=1, statevector=True).result()
    failures, said, worst = [], [], 0.0
    for index, (spec, answer) in enumerate(zip(case.circuits, answers, strict=True)):
        ours = result.data(index)["statevector"]
        deviation = float(np.abs(ours - state_vector(spec)).max())
        worst = max(worst, deviation)
        if deviation > TOLERANCE:
            failures.append(f"circuit {index} is off the exact state by {deviation:.1e}")
        said.append(_said_of_vector(answer, ours))
        if case.known and not said[-1].startswith(AGREES):
            failures.append(f"circuit {index} differs from the peer's state: {said[-1]}")
    return Verdict(case, _all_said(said), failures, worst)


def _said_of_vector(answer: Answer, ours: np.ndarray) -> str:
    if answer.error is not None or answer.vector is None:
        return f"raises `{answer.error}`"
    if np.abs(answer.vector - ours).max() <= TOLERANCE:
        return AGREES + (", but warns that it " + _drops(answer) if answer.dropped else "")
    if answer.dropped:
        return f"{_drops(answer)}, with a warning"
    if abs(abs(np.vdot(answer.vector, ours)) - 1) <= TOLERANCE:
        return "wrong global phase, without a warning"
    return "**wrong state, without a warning**"


def _drops(answer: Answer, most: int = 3) -> str:
    names = ", ".join(f"`{name}`" for name in answer.dropped[:most])
    more = len(answer.dropped) - most
    return f"drops {names}" + (f" and {more} more" if more > 0 else "")


def _all_said(said: Sequence[str]) -> str:
    """Return one text for several circuits of a case."""
    distinct = list(dict.fromkeys(said))
    if len(distinct) <= 2:
        return "; ".join(distinct)
    right = sum(text.startswith(AGREES) for text in said)
    kinds: dict[str, Callable[[str], bool]] = {
        "it drops gates with a warning in": lambda text: text.startswith("drops"),
        "it is wrong without a warning in": lambda text: "without a warning" in text,
        "it raises in": lambda text: text.startswith("raises"),
    }
    parts = [(words, sum(map(kind, said))) for words, kind in kinds.items()]
    return "; ".join(
        [f"agrees in {right} of {len(said)}", *(f"{words} {n}" for words, n in parts if n)]
    )


# -- counts ---------------------------------------------------------------------------------------


def _judge_counts(case: Case, answers: Sequence[Answer]) -> Verdict:
    circuits = [build(circuit) for circuit in case.circuits]
    result = QulacsBackend().run(circuits, shots=SHOTS, seed_simulator=SEED).result()
    exact = [distribution(circuit) for circuit in case.circuits]
    failures = []
    for index, probabilities in enumerate(exact):
        wrong = _beyond_chance(result.get_counts(index), probabilities)
        failures += [f"circuit {index}: {text}" for text in wrong]
    if case.ours_only:
        return Verdict(case, "not asked", failures)
    (answer,) = answers
    return Verdict(case, _said_of_counts(answer, exact[0]), failures, expected=_certain(exact[0]))


def _beyond_chance(counts: dict[str, int], exact: dict[str, float]) -> list[str]:
    wrong = []
    for key in sorted({*counts, *exact}):
        p = min(1.0, exact.get(key, 0.0))
        sigma = sqrt(SHOTS * p * (1 - p))
        if abs(counts.get(key, 0) - SHOTS * p) > SIGMAS * sigma + 1e-6:
            wrong.append(f"{key!r} {counts.get(key, 0)} times instead of {SHOTS * p:.1f}")
    return wrong


def _certain(exact: dict[str, float]) -> str:
    """Return the counts of a circuit with one certain outcome."""
    (outcome,) = (key for key, probability in exact.items() if probability > 0.5)
    return f"`{ {outcome: SHOTS} }`"


def _said_of_counts(answer: Answer, exact: dict[str, float]) -> str:
    if answer.error is not None:
        return f"raises `{answer.error}`"
    said = f"`{answer.counts}`"
    if said == _certain(exact):
        said = AGREES
    return said + (f"; {_drops(answer)}, with a warning" if answer.dropped else "")
