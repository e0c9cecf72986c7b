"""What each case shows: whether we are right, and what the peer did."""

from __future__ import annotations

from collections.abc import Sequence
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

RIGHT, WRONG, REFUSED = "right", "wrong", "refused"
MOST_NAMES = 3


@dataclass(frozen=True)
class Finding:
    """What the peer did with a circuit, or with all circuits of a case.

    Attributes:
        outcome: "right", "wrong" or "refused"; for several circuits of different outcomes how many
            are right.
        difference: What it does differently, in Markdown; may be empty.
    """

    outcome: str
    difference: str = ""


@dataclass(frozen=True)
class Verdict:
    """What a case shows.

    Attributes:
        case: The case.
        peer: What the peer did; None if it was not asked.
        failures: What is wrong with our own answers; empty if nothing is.
        deviation: Largest deviation of our amplitudes from the exact ones; None for counts.
        expected: The counts that the circuit gives, if it has one certain outcome.
    """

    case: Case
    peer: Finding | None
    failures: list[str]
    deviation: float | None = None
    expected: str | None = None


def judge(case: Case, answers: Sequence[Answer]) -> Verdict:
    """Compare our answers to a case with the exact ones and with the peer's.

    Args:
        case: The case.
        answers: The peer's answers, one per circuit; none if it was not asked.

    Returns:
        The verdict.
    """
    return _judge_counts(case, answers) if case.counts else _judge_vectors(case, answers)


# -- state vectors --------------------------------------------------------------------------------


def _judge_vectors(case: Case, answers: Sequence[Answer]) -> Verdict:
    circuits = [build(circuit) for circuit in case.circuits]
    result = QulacsBackend().run(circuits, shots=1, statevector=True).result()
    failures, findings, worst = [], [], 0.0
    for index, (spec, answer) in enumerate(zip(case.circuits, answers, strict=True)):
        ours = result.data(index)["statevector"]
        deviation = float(np.abs(ours - state_vector(spec)).max())
        worst = max(worst, deviation)
        if deviation > TOLERANCE:
            failures.append(f"circuit {index} is off the exact state by {deviation:.1e}")
        instead = None
        if case.instead is not None:
            instead = case.instead[0], state_vector(case.instead[1][index])
        finding = _compare_vector(answer, ours, instead)
        findings.append(finding)
        if case.known and finding.outcome != RIGHT:
            failures.append(f"circuit {index} differs from the peer's state: {finding}")
    return Verdict(case, _combine(findings), failures, worst)


def _compare_vector(
    answer: Answer, ours: np.ndarray, instead: tuple[str, np.ndarray] | None
) -> Finding:
    if answer.error is not None or answer.vector is None:
        return Finding(REFUSED, f"raises `{answer.error}`")
    if _is_equal(answer.vector, ours):
        return Finding(RIGHT, f"warns that it {_name_dropped(answer)}" if answer.dropped else "")
    if answer.dropped:
        return Finding(WRONG, f"{_name_dropped(answer)}, with a warning")
    if instead is not None and _is_equal(answer.vector, instead[1]):
        return Finding(WRONG, f"{instead[0]}, without a warning")
    if abs(abs(np.vdot(answer.vector, ours)) - 1) <= TOLERANCE:
        return Finding(WRONG, "another global phase, without a warning")
    return Finding(WRONG, "another state, without a warning")


def _is_equal(vector: np.ndarray, other: np.ndarray) -> bool:
    return bool(np.abs(vector - other).max() <= TOLERANCE)


def _name_dropped(answer: Answer) -> str:
    names = ", ".join(f"`{name}`" for name in answer.dropped[:MOST_NAMES])
    more = len(answer.dropped) - MOST_NAMES
    return f"leaves out {names}" + (f" and {more} more" if more > 0 else "")


def _combine(findings: Sequence[Finding]) -> Finding:
    """Return one finding for all circuits of a case."""
    outcomes = {finding.outcome for finding in findings}
    right = sum(finding.outcome == RIGHT for finding in findings)
    outcome = outcomes.pop() if len(outcomes) == 1 else f"right in {right} of {len(findings)}"
    texts = list(dict.fromkeys(finding.difference for finding in findings if finding.difference))
    if len(texts) > 1 and all(text.startswith("leaves out") for text in texts):
        texts = ["leaves out the gates that it does not support, with a warning"]
    return Finding(outcome, "; ".join(texts))


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
        return Verdict(case, None, failures)
    (answer,) = answers
    expected = _find_certain(exact[0])
    return Verdict(case, _compare_counts(answer, expected), failures, expected=expected)


def _beyond_chance(counts: dict[str, int], exact: dict[str, float]) -> list[str]:
    wrong = []
    for key in sorted({*counts, *exact}):
        p = min(1.0, exact.get(key, 0.0))
        sigma = sqrt(SHOTS * p * (1 - p))
        if abs(counts.get(key, 0) - SHOTS * p) > SIGMAS * sigma + 1e-6:
            wrong.append(f"{key!r} {counts.get(key, 0)} times instead of {SHOTS * p:.1f}")
    return wrong


def _find_certain(exact: dict[str, float]) -> str:
    """Return the counts of a circuit with one certain outcome."""
    (outcome,) = (key for key, probability in exact.items() if probability > 0.5)
    return f"`{ {outcome: SHOTS} }`"


def _compare_counts(answer: Answer, expected: str) -> Finding:
    if answer.error is not None:
        return Finding(REFUSED, f"raises `{answer.error}`")
    counts = f"`{answer.counts}`"
    warned = f"warns that it {_name_dropped(answer)}" if answer.dropped else ""
    if counts == expected:
        return Finding(RIGHT, warned)
    return Finding(WRONG, "; ".join(filter(None, [f"counts {counts}", warned])))
