"""The OQTOPUS job of one circuit, or of several, and what is known of it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, TypeVar

from qiskit.result.models import ExperimentResult

from ..program.header import ProgramHeader

if TYPE_CHECKING:
    from ..client.models import Job
    from .group import FoundGroup, Member

T = TypeVar("T")


@dataclass
class Entry:
    """One circuit of a job, or those that one Python program runs.

    Attributes:
        index: Position of the circuit in the run; of the first of several.
        job_id: The OQTOPUS job.
        header: What the program says of itself; None until it has been read from the server.
        result: The result, once it was downloaded or is known to have failed.
        job: The server's description of a job that had already ended when it was read. Its links
            may have expired since.
        member: What the description of the job says of its group, if it was read before; the
            header of a program that is read from the server must agree with it.
        further_headers: What the second and later programs say, if another client has sent several
            in one job.
        further_results: Their results.
        name: Name of the job.
        shots: Its shots.
        circuits: Positions of the circuits of which this is the job that counts.
    """

    index: int
    job_id: str
    header: ProgramHeader | None = None
    result: ExperimentResult | None = field(default=None, repr=False)
    job: Job | None = field(default=None, repr=False)
    member: Member | None = None
    further_headers: tuple[ProgramHeader, ...] = ()
    further_results: tuple[ExperimentResult, ...] = field(default=(), repr=False)
    name: str | None = None
    shots: int | None = None
    circuits: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if not self.circuits:
            self.circuits = (self.index,) if self.member is None else tuple(self.member.circuits)

    @classmethod
    def from_job(cls, job: Job, member: Member | None, circuits: Sequence[int] = ()) -> Entry:
        """Return the entry of a job that the server has listed.

        Args:
            job: The job.
            member: What its description says; None if another client wrote it.
            circuits: Positions of the circuits of which it is the job that counts; by default all
                that it runs.
        """
        index = circuits[0] if circuits else 0 if member is None else member.index
        return cls(
            index,
            job.job_id,
            member=member,
            name=job.name,
            shots=job.shots,
            circuits=tuple(circuits),
        )

    @property
    def is_python(self) -> bool:
        """Whether its job is a Python program that runs circuits."""
        return self.member is not None and self.member.last is not None

    def without(self, circuits: Collection[int]) -> Entry | None:
        """Return it without circuits for which another job counts; None if nothing is left."""
        left = [place for place, index in enumerate(self.circuits) if index not in circuits]
        if len(left) == len(self.circuits):
            return self
        if not left:
            return None
        kept = tuple(self.circuits[place] for place in left)
        entry = replace(self, index=kept[0], circuits=kept)
        if self.headers:
            entry.take_headers([self.headers[place] for place in left])
        if self.results:
            entry.take_results([self.results[place] for place in left])
        return entry

    @property
    def headers(self) -> tuple[ProgramHeader, ...]:
        """What each of its programs says of itself: none, one, or several."""
        return () if self.header is None else (self.header, *self.further_headers)

    @property
    def results(self) -> tuple[ExperimentResult, ...]:
        """The result of each of its programs: none, one, or several."""
        return () if self.result is None else (self.result, *self.further_results)

    @property
    def has_failed(self) -> bool:
        """Whether it is known that there are no counts of a program, or none that can be true."""
        return not all(result.success for result in self.results)

    def choose(self, found: Sequence[T]) -> list[T]:
        """Return, of what there is for each program of the job, what it counts for."""
        if self.member is None or self.member.last is None:
            return list(found)
        return [found[index - self.member.index] for index in self.circuits]

    def take_headers(self, headers: Sequence[ProgramHeader]) -> None:
        """Take what each of its programs says of itself."""
        self.header, *further = headers
        self.further_headers = tuple(further)

    def take_results(self, found: Sequence[ExperimentResult]) -> None:
        """Take the result of each of its programs."""
        result, *further = found
        self.further_results = tuple(further)
        self.result = result  # last: from now on there are all of them

    def __getstate__(self) -> dict[str, Any]:
        """Leave the links out: with them anybody can read the files for an hour."""
        return {**self.__dict__, "job": None}


def build_entries(found: FoundGroup, wanted: Collection[int] | None = None) -> list[Entry]:
    """Return the entries of the jobs of a run, one for each job that counts.

    Args:
        found: What was found of the run.
        wanted: Positions of the circuits; None for all.
    """
    circuits: dict[str, list[int]] = {}
    for index, job in found.jobs.items():
        if wanted is None or index in wanted:
            circuits.setdefault(job.job_id, []).append(index)
    return [
        Entry.from_job(found.jobs[indices[0]], found.members[indices[0]], indices)
        for indices in circuits.values()
    ]
