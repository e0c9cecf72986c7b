"""Data of an experiment of which some circuits have no result."""

from __future__ import annotations

import copy
from collections import Counter
from datetime import datetime
from typing import Any

from qiskit.providers import JobStatus
from qiskit_experiments.framework import ExperimentData

from ..exceptions import OqtopusJobError, OqtopusJobTimeoutError

ERROR = "error"
"""Key of the data of a circuit that failed: why."""

_FAILED_JOBS = "failed_jobs"


class PartialData(ExperimentData):
    """Experiment data that keep what there is: failed circuits and jobs do not stop the analysis.

    An entry of a failed circuit has no counts, and the reason under :data:`ERROR`.
    """

    def _add_job_data(self, job: Any) -> tuple[str, bool]:
        job_id = job.job_id()
        try:
            self._add_result_data(_read_result(job), job_id)
        except Exception as error:  # a job of any provider fails in its own way
            if job.status() not in (JobStatus.CANCELLED, JobStatus.ERROR):
                raise
            self.metadata.setdefault(_FAILED_JOBS, {})[job_id] = str(error)
        self.end_datetime = datetime.now()
        return job_id, True

    def _add_result_data(self, result: Any, job_id: str | None = None) -> None:
        entries = getattr(result, "results", None) or []
        failed = [entry for entry in entries if not entry.success]
        if failed:
            result = copy.copy(result)
            result.results = [entry for entry in entries if entry.success]
        super()._add_result_data(result, job_id)
        for entry in failed:
            header = getattr(entry, "header", None) or {}
            header = header if isinstance(header, dict) else vars(header)
            self._result_data.append(
                {
                    "job_id": job_id or result.job_id,
                    "metadata": dict(header.get("metadata") or {}),
                    "shots": entry.shots,
                    ERROR: str(entry.status),
                }
            )

    def why_missing(self) -> str:
        """Return why circuits have no result, in so far as that is known."""
        reasons = [*self.metadata.get(_FAILED_JOBS, {}).values()]
        reasons += [datum[ERROR] for datum in self.data() if ERROR in datum]
        return Counter(reasons).most_common(1)[0][0] if reasons else "no result of it is known"


def _read_result(job: Any) -> Any:
    """Return the result of a job, with an entry for each circuit that failed.

    Raises:
        Exception: As the job raises it, if there is no result of any circuit.
    """
    try:
        return job.result()
    except OqtopusJobTimeoutError:
        raise
    except OqtopusJobError as error:
        if error.result is None:
            raise
        return error.result
