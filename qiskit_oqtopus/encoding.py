"""From the circuits of a run to the programs that are sent, or to everything that is wrong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from qiskit.circuit import QuantumCircuit
from qiskit.transpiler import Target

from .check import MAX_PROGRAM_BYTES, check_circuits
from .problem import Problem
from .program import EncodingError, Program, encode_program
from .retrieval import FoundGroup


def encode_circuits(
    circuits: Sequence[QuantumCircuit],
    options: Mapping[str, Any],
    group: str,
    target: Target,
    calibrated_at: str | None,
    created: str,
) -> tuple[list[Program], list[Problem]]:
    """Check circuits and write their programs.

    Args:
        circuits: The circuits.
        options: Options of the run.
        group: Id of the group that they become.
        target: What the device can do.
        calibrated_at: When the device was calibrated.
        created: Time of the run, ISO 8601, UTC.

    Returns:
        The programs of the circuits with which nothing is wrong, and what is wrong with the others.
    """
    problems = check_circuits(circuits, target, options["transpiler"])
    wrong = {problem.circuit for problem in problems}
    programs = []
    for index, circuit in enumerate(circuits):
        if index in wrong:
            continue
        try:
            program = encode_program(
                circuit,
                group=group,
                index=index,
                total=len(circuits),
                created=created,
                shots=options["shots"],
                memory=options["memory"],
                seed=options["seed_simulator"],
                calibrated_at=calibrated_at,
                transpiler=options["transpiler"],
                dt=target.dt,
                basis=frozenset(target.operation_names),
            )
        except EncodingError as error:
            where = (error.instruction, error.position, error.qubits)
            problems.append(
                Problem(index, circuit.name, error.reason, "change the circuit", *where)
            )
            continue
        size = len(program.text.encode())
        if size > MAX_PROGRAM_BYTES:
            reason = f"its program has {size:,} bytes, and OQTOPUS takes {MAX_PROGRAM_BYTES:,}"
            cure = "split the circuit, or send less metadata"
            problems.append(Problem(index, circuit.name, reason, cure))
        programs.append(program)
    return programs, sorted(problems, key=lambda problem: problem.circuit)


def differences(found: FoundGroup, programs: Sequence[Program]) -> list[Problem]:
    """Return in what programs differ from those of a group that is to be resumed with them."""
    group = found.group_id
    problems = []
    cure = "resume with the very circuits of that run, or start a new one"
    if found.total != len(programs):
        reason = f"group {group} has {found.total} circuits, and {len(programs)} were given"
        problems.append(Problem(0, "", reason, cure))
    for index, member in found.members.items():
        if index >= len(programs):
            continue
        header = programs[index].header
        if member.digest != header.sha256:
            reason = f"it is not circuit {index} of group {group}: the programs differ"
            problems.append(Problem(index, header.name, reason, cure))
        shots = found.jobs[index].shots
        if shots != header.shots:
            reason = f"circuit {index} of group {group} has {shots} shots, not {header.shots}"
            problems.append(Problem(index, header.name, reason, "resume with the same shots"))
    return problems
