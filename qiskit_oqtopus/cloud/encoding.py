"""From the circuits of a run to the programs that are sent, or to all that is wrong with them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from qiskit.circuit import QuantumCircuit
from qiskit.transpiler import Target

from ..device.check import (
    NOTHING,
    LeftOut,
    check_circuits,
    check_metadata,
    check_size,
    encoding_problem,
)
from ..exceptions import Problem
from ..program.header import EXPERIMENT_TEXTS
from ..program.program import (
    EncodingError,
    Program,
    ProgramHeader,
    accumulate_fingerprints,
    encode_program,
    fingerprint,
)
from .group import FoundGroup


@dataclass(frozen=True)
class Task:
    """One circuit to run on a device; it becomes one OQTOPUS job.

    Attributes:
        circuit: The circuit.
        shots: Number of shots.
        kind: The sender: "run", "sampler" or "estimator".
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
    header: ProgramHeader,
    target: Target,
    transpiler: str | None,
    left_out: LeftOut = NOTHING,
) -> tuple[list[Program], list[Problem]]:
    """Check circuits and write their programs.

    Args:
        tasks: The circuits.
        header: What the run says of all of them.
        target: What the device can do.
        transpiler: None if circuits run as they are, or the server's transpiler.
        left_out: Why qubits and couplings are not in the Target, as far as that is known.

    Returns:
        The programs of the circuits that can be sent, and what is wrong with the others.
    """
    estimated = any(task.operator is not None for task in tasks)
    circuits = [task.circuit for task in tasks]
    problems = check_circuits(circuits, target, transpiler, estimated, left_out)
    wrong = {problem.circuit for problem in problems}
    basis = frozenset(target.operation_names)
    programs = []
    for index, task in enumerate(tasks):
        circuit = task.circuit
        if index in wrong:
            problems.extend(check_metadata(index, circuit))
            continue
        try:
            program = encode_program(
                circuit,
                replace(
                    header,
                    index=index,
                    total=len(tasks),
                    shots=task.shots,
                    kind=task.kind,
                    pub=task.pub,
                    position=task.position,
                    primitive=task.primitive,
                    experiment=header.experiment if index < EXPERIMENT_TEXTS else None,
                ),
                operator=task.operator,
                transpiler=transpiler,
                dt=target.dt,
                basis=basis,
            )
        except EncodingError as error:
            problems.append(encoding_problem(index, circuit, error))
            continue
        problems.extend(check_size(index, circuit, program.text))
        programs.append(program)
    return programs, _group_by_pub(problems, tasks)


def _group_by_pub(problems: Iterable[Problem], tasks: Sequence[Task]) -> list[Problem]:
    """Return problems in order of the circuits, those of a primitive once for each PUB.

    The circuits of one PUB differ in their angles, and have the same problems.
    """
    named = []
    for problem in problems:
        pub = tasks[problem.circuit].pub
        named.append(problem if pub is None else replace(problem, circuit=pub, noun="PUB"))
    return sorted(dict.fromkeys(named), key=lambda problem: problem.circuit)


def find_differences(found: FoundGroup, programs: Sequence[Program]) -> list[Problem]:
    """Return how programs differ from those of the group that is to be resumed with them."""
    group = found.group_id
    problems = []
    cure = "resume with the same circuits as in that run, or start a new one"
    if found.total != len(programs):
        reason = f"group {group} has {found.total} circuits, and {len(programs)} were given"
        problems.append(Problem(0, "", reason, cure))
    for index, member in found.members.items():
        if index >= len(programs):
            continue
        header = programs[index].header
        if member.last is not None:
            if find_circuits(programs, member.index, member.digest) != member.circuits:
                reason = (
                    f"the circuits from {member.index} to {member.last} of group {group} are "
                    "others: a program, classical bits, metadata or shots differ"
                )
                problems.append(Problem(member.index, header.name, reason, cure))
            continue
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
    return list(dict.fromkeys(problems))


def find_circuits(programs: Sequence[Program], first: int, digest: str) -> range | None:
    """Return which circuits a Python program runs, by its digest.

    Args:
        programs: The programs of all circuits of the run.
        first: The first one that it runs.
        digest: The digest of the Python program.

    Returns:
        The positions of the circuits; None if it runs others.
    """
    digests = accumulate_fingerprints(programs[first:])
    return next(
        (range(first, end) for end, d in enumerate(digests, first + 1) if d == digest), None
    )
