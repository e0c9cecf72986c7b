"""What the server has stored as the result of a job, by the type of the job: counts or means."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from qiskit.result.models import ExperimentResult

from ..program.header import FOREIGN, ProgramHeader
from . import results
from .sse.log import CircuitOutcome

if TYPE_CHECKING:
    from ..client.models import Job

MULTI_MANUAL = "multi_manual"
"""The type of a job of several programs, which run beside each other on one chip."""

ESTIMATION = "estimation"
SSE = "sse"
"""The type of a job that is a Python program, which runs beside the device."""

_ANSWERS = {"sampling": "counts", MULTI_MANUAL: "counts", ESTIMATION: "an estimation"}
"""What the result of a job has, by its type."""

_NOT_RUN = (
    "the server returned no counts of it: of several programs it runs the first one only if its "
    "transpiler is off or it mitigates readout errors"
)


def build_results(
    headers: Sequence[ProgramHeader], job: Job, payload: Mapping[str, Any]
) -> list[ExperimentResult]:
    """Return the result of each program of a job from what the server has stored as its result.

    Args:
        headers: What each program says of itself. There are several for a job of the type
            "multi_manual" only.
        job: The job.
        payload: The stored result.

    Returns:
        As many results. Those of programs of which the server has returned no counts have failed.

    Raises:
        ResultError: If it is not the result of such a job.
    """
    header = headers[0]
    sampling, estimation = payload.get("sampling"), payload.get("estimation")
    sampling = sampling if isinstance(sampling, Mapping) else {}
    counts: Any = sampling.get("counts")
    answers = {"counts": counts, "an estimation": estimation}
    found = {name for name, answer in answers.items() if isinstance(answer, Mapping)}
    wanted = _find_wanted(header, job)
    if not found:
        raise results.ResultError("it has no counts (sampling.counts) and no estimation")
    if len(found | wanted) > 1:
        raise results.ResultError(
            f"it has {' and '.join(sorted(found))}, and the job is one that returns "
            f"{' or '.join(sorted(wanted)) or 'one of them'}"
        )
    if header.shots and job.shots is not None and job.shots != header.shots:
        problem = f"its program is for {header.shots} shots, and the job has {job.shots}"
        return [results.failed_result(each, problem, job.job_id) for each in headers]
    if isinstance(estimation, Mapping):
        return [results.estimation_result(header, estimation, job_id=job.job_id)]
    if job.job_type == MULTI_MANUAL:
        return _divide(headers, job, counts, sampling.get("divided_counts"))
    return [_build(header, job, counts)]


def build_sse_results(
    headers: Sequence[ProgramHeader], job: Job, outcomes: Sequence[CircuitOutcome]
) -> list[ExperimentResult]:
    """Return the result of each circuit that a Python program has run.

    Args:
        headers: What the program of each circuit says of itself.
        job: The job of the Python program.
        outcomes: What became of each circuit.

    Returns:
        As many results. Those of circuits of which there are no counts have failed.
    """
    return [
        _build_sse_result(header, job, outcome)
        for header, outcome in zip(headers, outcomes, strict=True)
    ]


def _build_sse_result(header: ProgramHeader, job: Job, outcome: CircuitOutcome) -> ExperimentResult:
    if outcome.answer is None:
        return results.failed_result(header, outcome.reason, job.job_id)
    # As if it had run in a job of its own.
    own = replace(
        job,
        job_type="sampling",
        shots=header.shots,
        mitigation_info=outcome.mitigation,
    )
    try:
        (result,) = build_results([header], own, outcome.answer)
    except results.ResultError as error:
        problem = f"its result cannot be understood: {error.message}"
        return results.failed_result(header, problem, job.job_id)
    return result


def _find_wanted(header: ProgramHeader, job: Job) -> set[str]:
    """Return what the result of a job must have, as far as it is known."""
    wanted = {_ANSWERS[job.job_type]} if job.job_type in _ANSWERS else set()
    if header.kind != FOREIGN and header.clbits:
        wanted.add("counts")
    elif header.kind == "estimator":  # the server is to estimate: the program measures nothing
        wanted.add("an estimation")
    return wanted


def _divide(
    headers: Sequence[ProgramHeader], job: Job, counts: Any, divided: Any
) -> list[ExperimentResult]:
    """Return the result of each of several programs.

    Without counts by program, those of the job are those of its first program: the server has run
    no other.
    """
    if not divided:
        first = _build(headers[0], job, counts)
        return [
            first,
            *(results.failed_result(each, _NOT_RUN, job.job_id) for each in headers[1:]),
        ]
    if not isinstance(divided, Mapping):
        raise results.ResultError(f"there are no counts by program but {divided!r:.60}")
    expected = [str(index) for index in range(len(headers))]
    if divided.keys() != set(expected):
        numbers = ", ".join(map(str, divided))
        problem = f"the job has {len(headers)} programs, and counts of programs {numbers:.200}"
        return [results.failed_result(each, problem, job.job_id) for each in headers]
    return [
        _build(header, job, divided[index]) for index, header in zip(expected, headers, strict=True)
    ]


def _build(header: ProgramHeader, job: Job, counts: Any) -> ExperimentResult:
    return results.experiment_result(
        header,
        counts,
        job_id=job.job_id,
        shots=job.shots or header.shots or None,
        mitigated=(job.mitigation_info or {}).get("ro_error_mitigation") == "pseudo_inverse",
    )


def name_program(header: ProgramHeader, index: int, total: int) -> ProgramHeader:
    """Return the header of one of several programs: with a name by which its counts are found.

    >>> name_program(ProgramHeader(name="pair"), 1, 2).name
    'pair[1]'
    """
    return header if total == 1 else replace(header, name=f"{header.name}[{index}]")
