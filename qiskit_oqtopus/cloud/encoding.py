"""From the circuits of a run to the programs that are sent, or to everything that is wrong."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from qiskit.circuit import QuantumCircuit
from qiskit.transpiler import Target

from ..device.check import check_circuits, check_size, encoding_problem
from ..exceptions import Problem
from ..program.program import EncodingError, Program, encode_program, fingerprint
from .group import FoundGroup


@dataclass(frozen=True)
class Task:
    """One circuit to run on a device; it becomes one OQTOPUS job.

    Attributes:
        circuit: The circuit.
        shots: Number of shots.
        kind: Who sends it: "run", "sampler" or "estimator".
        pub: Index of its PUB, or None.
        position: Its place in the PUB, as
            :class:`~qiskit_oqtopus.program.header.ProgramHeader` has it.
        primitive: What the result of a primitive needs beside the counts, as plain JSON, or None.
        operator: Terms of an observable for the server to estimate, as (Pauli string of OQTOPUS,
            coefficient), or None for counts. The circuit then measures nothing.
    """

    circuit: QuantumCircuit
    shots: int
    kind: str = "run"
    pub: int | None = None
    position: int | None = None
    primitive: Mapping[str, Any] | None = None
    operator: tuple[tuple[str, float], ...] | None = None


def encode_tasks(
    tasks: Sequence[Task],
    options: Mapping[str, Any],
    group: str,
    target: Target,
    calibrated_at: str | None,
    created: str,
) -> tuple[list[Program], list[Problem]]:
    """Check circuits and write their programs.

    Args:
        tasks: The circuits.
        options: Options of the run; its ``shots`` are not used.
        group: Id of the group that they become.
        target: What the device can do.
        calibrated_at: When the device was calibrated.
        created: Time of the run, ISO 8601, UTC.

    Returns:
        The programs of the circuits with which nothing is wrong, and what is wrong with the others.
    """
    estimated = any(task.operator is not None for task in tasks)
    problems = check_circuits(
        [task.circuit for task in tasks], target, options["transpiler"], estimated
    )
    wrong = {problem.circuit for problem in problems}
    programs = []
    for index, task in enumerate(tasks):
        if index in wrong:
            continue
        circuit = task.circuit
        try:
            program = encode_program(
                circuit,
                group=group,
                index=index,
                total=len(tasks),
                created=created,
                shots=task.shots,
                kind=task.kind,
                pub=task.pub,
                position=task.position,
                primitive=task.primitive,
                operator=task.operator,
                memory=options["memory"],
                seed=options["seed_simulator"],
                calibrated_at=calibrated_at,
                transpiler=options["transpiler"],
                dt=target.dt,
                basis=frozenset(target.operation_names),
            )
        except EncodingError as error:
            problems.append(encoding_problem(index, circuit, error))
            continue
        problems.extend(check_size(index, circuit, program.text))
        programs.append(program)
    return programs, _by_pub(problems, tasks)


def _by_pub(problems: Iterable[Problem], tasks: Sequence[Task]) -> list[Problem]:
    """Return problems in order, those of a primitive's circuits once for each PUB.

    The circuits of one PUB differ in their angles, and have the same problems.
    """
    named = []
    for problem in problems:
        pub = tasks[problem.circuit].pub
        named.append(problem if pub is None else replace(problem, circuit=pub, noun="PUB"))
    return sorted(dict.fromkeys(named), key=lambda problem: problem.circuit)


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
        if member.digest != fingerprint(programs[index]):
            reason = (
                f"it is not circuit {index} of group {group}: its program, classical bits, "
                "metadata or observable differ"
            )
            problems.append(Problem(index, header.name, reason, cure))
        shots = found.jobs[index].shots
        if shots != header.shots:
            reason = f"circuit {index} of group {group} has {shots} shots, not {header.shots}"
            problems.append(Problem(index, header.name, reason, "resume with the same shots"))
    return problems
