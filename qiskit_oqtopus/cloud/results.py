"""Counts of OQTOPUS as results of Qiskit: each bit back where the circuit had it.

OQTOPUS returns how often it saw each outcome, never in which order. A list of single shots is built
from that in a shuffled order that is always the same for the same job, and the header of the result
says so.
"""

from __future__ import annotations

import copy
import hashlib
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qiskit.result import MeasLevel, Result
from qiskit.result.models import ExperimentResult, ExperimentResultData

from ..circuits import MEASURED_QUBITS, result_header
from ..exceptions import OqtopusProtocolError
from ..program.header import FOREIGN, ProgramHeader

MAX_SHOTS = 10_000_000
"""OQTOPUS takes no more shots; no list of single shots is longer, whatever an answer claims."""

CANCELLED = "CANCELLED"
"""Status of the result of a circuit whose job was cancelled, as in the results of the simulator."""


class ResultError(OqtopusProtocolError):
    """The counts of a job are not counts of the program that was sent."""


def experiment_result(
    header: ProgramHeader,
    counts: Mapping[str, int],
    *,
    job_id: str,
    shots: int | None = None,
    mitigated: bool = False,
) -> ExperimentResult:
    """Return the result of one circuit: a failed one if its counts cannot be those of its shots.

    The counts add up to the shots. Where readout errors are mitigated, they may add up to a little
    less, see :func:`find_miscount`; the list of single shots then has as many entries as they add
    up to.

    Args:
        header: What the program says about itself.
        counts: Bit string -> number of shots, ``c[0]`` being the rightmost character.
        job_id: Id of the OQTOPUS job.
        shots: Number of shots of the job, or None if it is not known and nothing is compared.
        mitigated: Whether the server has mitigated readout errors.

    Raises:
        ResultError: A key has another width than the program has bits, or is not of 0 and 1; or a
            number is negative or not an integer.
    """
    outcomes = _read_outcomes(header, counts)
    width = max(map(len, counts), default=0)
    if shots is not None:
        problem = find_miscount(outcomes.values(), width, shots, mitigated)
        if problem is not None:
            return failed_result(header, problem, job_id)
    data: dict[str, Any] = {"counts": {hex(key): n for key, n in outcomes.items()}}
    description = _describe(header, job_id)
    if header.memory:
        data["memory"] = _expand_memory(header, outcomes)
        description["memory_is_synthetic"] = True
    return _entry(header, description, data)


def find_miscount(numbers: Iterable[int], width: int, shots: int, mitigated: bool) -> str | None:
    """Return why counts cannot be those of a number of shots, or None if they can.

    They add up to the shots. The server's mitigation rounds each count down, so that each of the
    2**width outcomes may lack less than one shot.

    Args:
        numbers: The counts, at least 0.
        width: Number of bits of an outcome.
        shots: Number of shots of the job.
        mitigated: Whether the server has mitigated readout errors.

    >>> find_miscount([54], 8, 100, mitigated=True)
    >>> find_miscount([1], 2, 100, mitigated=False)
    'its counts add up to 1, and the job has 100 shots'
    """
    total = sum(numbers)
    if total == shots:
        return None
    if mitigated and total == 0:
        return (
            f"the server's mitigation has rounded all counts of {shots} shots down to 0; run with "
            "more shots, or without mitigation"
        )
    if mitigated and shots - total < 2**width and total < shots:
        return None
    shown = total if total < 10**40 else "more than 10**40"  # Python writes no longer ones
    problem = f"its counts add up to {shown}, and the job has {shots} shots"
    if mitigated and total < shots:
        problem += f", of which mitigation takes less than {2**width}"
    return problem


def estimation_result(
    header: ProgramHeader, estimation: Mapping[str, Any], *, job_id: str
) -> ExperimentResult:
    """Return the result of one circuit whose observable the server has estimated.

    Its data have ``estimation``: a dict with ``exp_value`` and ``stds``, the server's words for the
    mean and its error.

    Args:
        header: What the program says about itself.
        estimation: What the server says.
        job_id: Id of the OQTOPUS job.

    Raises:
        ResultError: One of the two is missing, or not a finite number.
    """
    values = {}
    for name in ("exp_value", "stds"):
        value = estimation.get(name)
        is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
        values[name] = float(value) if is_number and value is not None else math.nan
        if not math.isfinite(values[name]):
            raise ResultError(f"the estimation has {value!r:.60} as its {name!r}")
    return _entry(header, _describe(header, job_id), {"estimation": values})


def failed_result(header: ProgramHeader, reason: str, job_id: str | None) -> ExperimentResult:
    """Return the entry of a circuit that has no counts.

    Args:
        header: What the program says about itself.
        reason: Why: :data:`CANCELLED`, or what the server said.
        job_id: Id of the OQTOPUS job, or None if there is none.
    """
    status = reason if reason == CANCELLED else f"ERROR: {reason}"
    return _entry(header, _describe(header, job_id), {}, status)


def copy_entry(entry: ExperimentResult) -> ExperimentResult:
    """Return a result that shares nothing that can be changed with another one."""
    data = {
        name: value.copy() if isinstance(value, (dict, list)) else value
        for name, value in entry.data.to_dict().items()
    }
    header = dict(entry.header)
    for name in {"creg_sizes", "qreg_sizes", MEASURED_QUBITS} & header.keys():
        header[name] = [list(pair) for pair in header[name]]
    header["metadata"] = copy.deepcopy(header["metadata"])
    values = {**entry.to_dict(), "data": ExperimentResultData(**data), "header": header}
    return ExperimentResult(**values)


def _entry(
    header: ProgramHeader,
    description: dict[str, Any],
    data: Mapping[str, Any],
    status: str = "DONE",
) -> ExperimentResult:
    return ExperimentResult(
        shots=header.shots,
        success=status == "DONE",
        data=ExperimentResultData(**data),
        meas_level=MeasLevel.CLASSIFIED,
        status=status,
        seed=header.seed,
        header=description,
    )


def combine(
    results: Sequence[ExperimentResult],
    backend_name: str,
    backend_version: str,
    job_id: str,
) -> Result:
    """Return the Result of a group of circuits, in the order given; it has copies of its own.

    Args:
        results: One entry for each circuit, failed ones included.
        backend_name: Name of the backend.
        backend_version: Its version.
        job_id: Id of the group.
    """
    success = all(result.success for result in results)
    return Result(
        backend_name=backend_name,
        backend_version=backend_version,
        job_id=job_id,
        success=success,
        results=[copy_entry(result) for result in results],
        status="COMPLETED" if success else "PARTIAL COMPLETED",
    )


def _describe(header: ProgramHeader, job_id: str | None) -> dict[str, Any]:
    """Return the header that Qiskit reads: the keys of the simulator's, and two of the cloud's."""
    result = result_header(
        header.name,
        header.qregs,
        header.cregs,
        header.n_qubits,
        header.n_clbits,
        header.global_phase,
        header.metadata,
    )
    if header.qubits is not None:
        pairs = zip(header.clbits, header.qubits, strict=True)
        result[MEASURED_QUBITS] = [list(pair) for pair in pairs]
    return {**result, "job_id": job_id, "calibrated_at": header.calibrated_at}


def _read_outcomes(header: ProgramHeader, counts: Any) -> dict[int, int]:
    """Return how often the classical bits of the circuit, read as a number, had each value."""
    if not isinstance(counts, Mapping):
        raise ResultError(f"there are no counts but {counts!r:.60}")
    for key in counts:
        if not isinstance(key, str) or key.strip("01"):
            raise ResultError(f"the outcome {key!r:.60} is not a string of 0 and 1")
    bits = _bits(header, counts)
    moved = bits != tuple(range(len(bits)))
    outcomes: dict[int, int] = {}
    for key, number in counts.items():
        if len(key) != len(bits):
            reason = f"has {len(key)} bits, but the program measures {len(bits)}"
            raise ResultError(f"the outcome {key!r:.60} {reason}")
        _check_number(key, number)
        if number == 0:
            continue
        if moved:
            value = sum(
                1 << bit for bit, digit in zip(bits, key[::-1], strict=True) if digit == "1"
            )
        else:
            value = int(key or "0", 2)
        outcomes[value] = number
    return outcomes


def _check_number(key: Any, number: Any) -> None:
    if type(number) is not int or number < 0:
        raise ResultError(f"the outcome {key!r:.60} has {number!r:.60} as its number of shots")


def _bits(header: ProgramHeader, counts: Mapping[str, int]) -> tuple[int, ...]:
    """Return the classical bit of the circuit for each bit of an outcome, lowest first."""
    if header.kind == FOREIGN and all(len(key) == header.n_clbits for key in counts):
        # Bits that the program does not measure: one gateway pads with "0", the other drops them.
        return tuple(range(header.n_clbits))
    return header.clbits


def _expand_memory(header: ProgramHeader, outcomes: Mapping[int, int]) -> list[str]:
    """Return the outcomes as single shots, in an order that depends only on the job."""
    # Sorted, since the order of JSON objects is not part of what they say.
    keys = sorted(outcomes)
    values = [hex(key) for key in keys]
    order = shot_order(header, [outcomes[key] for key in keys])
    return [values[shot] for shot in order.tolist()]


def shot_order(header: ProgramHeader, counts: Sequence[int]) -> NDArray[np.int64]:
    """Return counts as single shots, in an order that depends only on the job.

    Args:
        header: What the program says about itself.
        counts: How often each outcome was seen, the outcomes being in ascending order.

    Returns:
        The position in ``counts`` of the outcome of each shot; shape (sum of counts,).

    Raises:
        ResultError: There are more than any job has.
    """
    total = sum(counts)
    if total > MAX_SHOTS:
        raise ResultError(f"the counts add up to {total}, and no job has over {MAX_SHOTS} shots")
    shots = np.repeat(np.arange(len(counts), dtype=np.int64), counts)
    origin = header.group if header.seed is None else f"seed {header.seed}"
    seed = hashlib.sha256(f"{origin}/{header.index}".encode("utf-8", "surrogatepass")).digest()
    # numpy keeps the raw bits of a bit generator the same forever, but not its permutations.
    bits = np.random.PCG64(int.from_bytes(seed, "big")).random_raw(total)
    return shots[np.argsort(bits, kind="stable")]
