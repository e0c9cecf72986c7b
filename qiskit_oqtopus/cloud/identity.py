"""Whether the program that a job holds is the one with which it was sent."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ..exceptions import OqtopusProtocolError
from ..program import metadata
from ..program.program import (
    FOREIGN,
    Program,
    ProgramHeader,
    accumulate_fingerprints,
    fingerprint,
)

if TYPE_CHECKING:
    from ..client.models import Job
    from .group import Member


def check_identity(job: Job, header: ProgramHeader, member: Member | None, operator: Any) -> None:
    """Check that a program is the one that the description of its job was written for.

    Args:
        job: The job.
        header: What its program says.
        member: What its description says; None if another client wrote it.
        operator: The operator of its input, as JSON.

    Raises:
        OqtopusProtocolError: If it is another one.
    """
    if member is None:
        return
    if header.kind != FOREIGN:
        # Circuits of a primitive that are sent again keep their kind, and come back as counts.
        kind = "run" if header.resubmits is not None and member.kind == "run" else header.kind
        described = _name_place(member.kind, member.index, member.total, member.group_id)
        found = _name_place(kind, header.index, header.total, header.group)
        if found != described:
            raise OqtopusProtocolError(
                f"OQTOPUS job {job.job_id} holds the program of another one: by its description "
                f"it is {described}, and by its program {found}."
            )
    try:
        terms = None if operator is None else tuple((t["pauli"], t["coeff"]) for t in operator)
        program = Program("", header, terms, metadata.encode(header.metadata))
        digest = fingerprint(program)
    except (TypeError, KeyError, metadata.MetadataError) as error:
        raise OqtopusProtocolError(
            f"The input of OQTOPUS job {job.job_id} cannot be understood: {error!r}"
        ) from error
    if digest != member.digest:
        raise OqtopusProtocolError(
            f"OQTOPUS job {job.job_id} holds another program than was sent: by its description it "
            f"is program {member.digest[:12]}..., and by its input {digest[:12]}... (of circuit "
            f"{member.index} of group {member.group_id})."
        )


def check_python_identity(
    job: Job, header: ProgramHeader, headers: Sequence[ProgramHeader], member: Member
) -> None:
    """Check that a Python program runs the circuits that the description of its job is about.

    Args:
        job: The job.
        header: What the Python program says.
        headers: What the programs of its circuits say.
        member: What the description says.

    Raises:
        OqtopusProtocolError: If it is another one.
    """
    places = [(each.index, each.total, each.group, each.kind) for each in headers]
    described = [(index, member.total, member.group_id, member.kind) for index in member.circuits]
    try:
        programs = [Program("", each, None, metadata.encode(each.metadata)) for each in headers]
        *_, digest = accumulate_fingerprints(programs)
    except (TypeError, ValueError, metadata.MetadataError) as error:
        raise OqtopusProtocolError(
            f"The input of OQTOPUS job {job.job_id} cannot be understood: {error!r}"
        ) from error
    if places != described or header.circuits != len(places) or digest != member.digest:
        raise OqtopusProtocolError(
            f"OQTOPUS job {job.job_id} holds other circuits than its description says: it is "
            f"about circuits {member.index} to {member.last} of {member.total} of {member.kind} "
            f"{member.group_id}, program {member.digest[:12]}..."
        )


def _name_place(kind: str, index: int, total: int, group: str) -> str:
    return f"circuit {index} of {total} of {kind} {group}"
