"""Orders: what is sent for the circuits of a run, a job for each or Python programs of many."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ..client.models import Submission
from ..exceptions import Problem
from ..program.program import Program, ProgramHeader, accumulate_fingerprints, fingerprint
from .answer import SSE
from .delivery import Order
from .group import MAX_NAME, Member
from .sse.batches import WHY_SMALL, BatchSettings, build_python, find_size, split_into_batches

if TYPE_CHECKING:
    from .backend import OqtopusBackend
    from .resumption import Present


def sse_settings(backend: OqtopusBackend, values: Mapping[str, Any]) -> BatchSettings:
    """Return how the circuits of a run are divided into Python programs, and how they run."""
    transpiler_info, mitigation_info = find_infos(values)
    return BatchSettings(
        backend.name,
        transpiler_info,
        mitigation_info,
        values["sse_max_bytes"],
        values["sse_seconds"],
        values["seconds_per_circuit"],
    )


def find_too_large(programs: Sequence[Program], settings: BatchSettings) -> list[Problem]:
    """Return the circuits that fit into no Python program; one for each PUB of a primitive."""
    found: dict[int, Problem] = {}
    for program in programs:
        size = find_size(program, settings)
        if size > settings.max_bytes:
            problem = _describe_size(program.header, size, settings.max_bytes)
            found.setdefault(problem.circuit, problem)
    return list(found.values())


def _describe_size(header: ProgramHeader, size: int, most: int) -> Problem:
    pub = header.pub
    return Problem(
        header.index if pub is None else pub,
        header.name,
        f"as an SSE program it has {size:,} bytes, of at most {most:,}: {WHY_SMALL[:-1]}",
        "run it without route='sse', or send less metadata",
        noun="circuit" if pub is None else "PUB",
    )


def find_infos(values: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the settings of the server's transpiler and of its mitigation."""
    transpiler_info = {"transpiler_lib": values["transpiler"]}
    if values["transpiler"] is not None:
        options = values["transpiler_options"]
        transpiler_info["transpiler_options"] = (
            {"optimization_level": 1} if options is None else options
        )
    mitigation = values["mitigation"]
    return transpiler_info, {} if mitigation is None else {"ro_error_mitigation": mitigation}


def build_orders(
    backend: OqtopusBackend,
    programs: Sequence[Program],
    present: Present,
    token: str,
    values: Mapping[str, Any],
) -> list[Order]:
    """Return what is sent for the circuits that are not there: a job for each."""
    return [
        build_order(
            backend,
            program,
            Member(
                header.group, header.index, header.total, fingerprint(program), header.kind, token
            ),
            header.name,
            values,
            find_infos(values),
        )
        for program in programs
        if (header := program.header).index not in present.jobs
    ]


def build_sse_orders(
    backend: OqtopusBackend,
    programs: Sequence[Program],
    present: Present,
    token: str,
    values: Mapping[str, Any],
) -> list[Order]:
    """Return what is sent for the circuits that are not there: Python programs that run them."""
    settings = sse_settings(backend, values)
    batches = [[programs[index] for index in circuits] for circuits in present.uploaded]
    there = present.circuits
    followers: list[Program] = []  # each of which follows the one before it
    for program in (*programs, None):
        if program is not None and program.header.index not in there:
            followers.append(program)
        elif followers:
            batches += split_into_batches(followers, settings)
            followers = []
    orders = []
    for batch in sorted(batches, key=lambda batch: batch[0].header.index):
        python = build_python(batch, settings)
        *_, digest = accumulate_fingerprints(batch)
        first, last = batch[0].header, batch[-1].header
        member = Member(
            *(first.group, first.index, first.total, digest, first.kind, token), last=last.index
        )
        more = f" and {len(batch) - 1} more" if len(batch) > 1 else ""
        # What the engine shall do with the circuits stands in the program.
        infos: tuple[dict[str, Any], dict[str, Any]] = ({"transpiler_lib": None}, {})
        orders.append(build_order(backend, python, member, f"{first.name}{more}", values, infos))
    return orders


def build_order(
    backend: OqtopusBackend,
    program: Program,
    member: Member,
    name: str,
    values: Mapping[str, Any],
    infos: tuple[Mapping[str, Any], Mapping[str, Any]],
) -> Order:
    """Return what is sent for a program.

    Args:
        backend: The device.
        program: The program.
        member: Its place in the group.
        name: Name of the OQTOPUS job, if the options give none.
        values: The options ``name`` and ``tags``.
        infos: The settings of the server's transpiler and of its mitigation.
    """
    job_type = "sampling" if program.operator is None else "estimation"
    settings = Submission(
        # A database does not take half of a surrogate pair.
        name=(values["name"] or name).encode("utf-8", "replace").decode()[:MAX_NAME],
        description=None,
        device_id=backend.name,
        job_type=SSE if program.header.is_python else job_type,
        shots=program.header.shots,
        transpiler_info=infos[0],
        simulator_info={},
        mitigation_info=infos[1],
    )
    return Order(replace(member, tags=values["tags"]), program, settings)
