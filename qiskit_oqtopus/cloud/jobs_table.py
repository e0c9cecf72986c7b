"""Jobs as rows: for the command line, and as a table of pandas."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from ..device.dataframe import import_pandas

if TYPE_CHECKING:
    from pandas import DataFrame

COLUMNS = (
    "job_id",
    "name",
    "device",
    "status",
    "circuits",
    "shots",
    "created",
    "execution_time",
    "tags",
)
"""What a row says of a job."""


def describe_job(job: Any) -> dict[str, Any]:
    """Return the row of a job.

    Args:
        job: A job of a device, of a primitive on one, or of a script, which has no circuits.

    Returns:
        Values by :data:`COLUMNS`: the status is the name of Qiskit's, ``shots`` is None if circuits
        have different numbers, ``created`` is in UTC, and ``execution_time`` is the time on the
        device in s, None as long as it is not known.
    """
    work = job.backend_jobs()[0] if hasattr(job, "backend_jobs") else job
    return {
        "job_id": job.job_id(),
        "name": work.name,
        "device": job.backend().name,
        "status": job.status().name,
        "circuits": getattr(work, "num_circuits", None),
        "shots": work.shots,
        "created": work.creation_date,
        "execution_time": work.execution_time,
        "tags": list(work.tags),
    }


def build_jobs_table(jobs: Iterable[Any]) -> DataFrame:
    """Return a table of jobs, one row for each, indexed by job id.

    Raises:
        ModuleNotFoundError: If pandas is not installed.
    """
    pandas = import_pandas()
    table = pandas.DataFrame([describe_job(job) for job in jobs], columns=list(COLUMNS))
    table = table.astype({"circuits": "Int64", "shots": "Int64", "execution_time": "float64"})
    table["created"] = pandas.to_datetime(table["created"], utc=True)
    return table.set_index("job_id")
