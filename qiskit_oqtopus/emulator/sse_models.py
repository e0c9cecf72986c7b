"""Stand-ins for the models of ``oqtopus_client.rest``; copied to where programs find them.

Only if oqtopus-client is not installed. They import nothing of this package, and check less than
the models of oqtopus-client, which need pydantic.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from datetime import datetime
from enum import Enum
from typing import Any


class JobsJobType(str, Enum):
    """Types of jobs."""

    ESTIMATION = "estimation"
    SAMPLING = "sampling"
    MULTI_MANUAL = "multi_manual"
    SSE = "sse"


class _Model:
    """What all models can do."""

    @classmethod
    def from_dict(cls, obj: dict[str, Any]) -> Any:
        """Build a model; keys that it does not know are left out."""
        known = {field.name for field in fields(cls)}  # type: ignore[arg-type]
        return cls(**{name: value for name, value in obj.items() if name in known})

    def model_dump(self) -> dict[str, Any]:
        """Return its fields, and those of models in it."""
        return asdict(self)  # type: ignore[call-overload, no-any-return]

    def to_dict(self) -> dict[str, Any]:
        """Return the fields that are not None."""
        return {name: value for name, value in self.model_dump().items() if value is not None}


@dataclass
class JobsS3OperatorItem(_Model):
    """One term of an observable."""

    pauli: str
    coeff: float | None = None


@dataclass(kw_only=True)
class JobsS3SubmitJobInfo(_Model):
    """The programs of a job, and its operator."""

    program: list[str] | None = None
    operator: list[JobsS3OperatorItem] | None = None
    sse_program: str | None = None

    def __post_init__(self) -> None:
        if self.program is not None and (
            not isinstance(self.program, list) or not all(isinstance(p, str) for p in self.program)
        ):
            raise ValueError("program: Input should be a valid list of strings")
        if self.operator is not None:
            self.operator = [
                JobsS3OperatorItem(**item) if isinstance(item, dict) else item
                for item in self.operator
            ]


@dataclass(kw_only=True)
class JobsSubmitJobRequest(_Model):
    """What to run, and how often."""

    name: str | None = None
    description: str | None = None
    device_id: str
    job_type: JobsJobType
    transpiler_info: dict[str, Any] | None = None
    simulator_info: dict[str, Any] | None = None
    mitigation_info: dict[str, Any] | None = None
    shots: int

    def __post_init__(self) -> None:
        self.job_type = JobsJobType(self.job_type)
        if not isinstance(self.shots, int) or not 1 <= self.shots <= 10_000_000:
            raise ValueError("shots: Input should be an integer from 1 to 10000000")


@dataclass(kw_only=True)
class JobsJobInfo(_Model):
    """The files of a job; in a container their content."""

    input: Any
    combined_program: Any = None
    result: Any = None
    transpile_result: Any = None
    sse_log: Any = None
    message: str | None = None


@dataclass(kw_only=True)
class JobsJob(_Model):
    """A job."""

    job_id: str | None = None
    name: str | None = None
    description: str | None = None
    job_type: JobsJobType | None = None
    status: str | None = None
    device_id: str | None = None
    shots: int | None = None
    job_info: JobsJobInfo | None = None
    transpiler_info: dict[str, Any] | None = None
    simulator_info: dict[str, Any] | None = None
    mitigation_info: dict[str, Any] | None = None
    execution_time: float | None = None
    submitted_at: datetime | None = None
    ready_at: datetime | None = None
    running_at: datetime | None = None
    ended_at: datetime | None = None

    def __post_init__(self) -> None:
        if self.job_type is not None:
            self.job_type = JobsJobType(self.job_type)
        if isinstance(self.job_info, dict):
            self.job_info = JobsJobInfo.from_dict(self.job_info)
