"""What OQTOPUS' own scenario tests check of a job of each type."""

from __future__ import annotations

from typing import Any

import pytest

from .session import BELL, FLIP, NULL, Session

PROGRAMS = {
    "sampling": {"program": [BELL]},
    "multi_manual": {"program": [BELL, FLIP]},
    "estimation": {"program": [BELL], "operator": [{"pauli": "Z 0 Z 1", "coeff": 1.5}]},
}
DEFAULT = {"transpiler_lib": "qiskit", "transpiler_options": {"optimization_level": 1}}
CUSTOM = {"transpiler_lib": "qiskit", "transpiler_options": {"optimization_level": 2}}
NATIVE = BELL.replace("h q[0];", "rz(pi/2) q[0];\nsx q[0];\nrz(pi/2) q[0];")
MITIGATION = {"ro_error_mitigation": "pseudo_inverse"}


def run(user: Session, job_type: str, entry: Any, **changes: Any) -> dict[str, Any]:
    """Run a job, and check what every job has."""
    given = {
        "name": f"a {job_type} job",
        "description": f"It is a {job_type} job.",
        "shots": 700,
        "simulator_info": {},
        "mitigation_info": {},
        **changes,
    }
    job = user.run({"input.json": entry}, job_type=job_type, **given)
    assert job["job_type"] == job_type
    for name in ("name", "description", "shots", "simulator_info", "mitigation_info"):
        assert job[name] == given[name]
    assert job["submitted_at"] <= job["ready_at"] <= job["running_at"] <= job["ended_at"]
    return job


@pytest.mark.parametrize("job_type", PROGRAMS)
@pytest.mark.parametrize(("sent", "echoed"), [({}, DEFAULT), (CUSTOM, CUSTOM), (NULL, NULL)])
@pytest.mark.parametrize("mitigation", [{}, MITIGATION])
def test_jobs_that_succeed(
    shared: Session, job_type: str, sent: Any, echoed: Any, mitigation: Any
) -> None:
    entry = PROGRAMS[job_type]
    if sent is NULL:
        entry = {**entry, "program": [NATIVE, *entry["program"][1:]]}
    job = run(shared, job_type, entry, transpiler_info=sent, mitigation_info=mitigation)
    assert (job["status"], job["job_info"]["message"]) == ("succeeded", "job is succeeded")
    assert job["transpiler_info"] == echoed
    assert job["execution_time"] > 0
    assert ("transpile_result" in job["job_info"]) == (sent is not NULL)
    assert ("combined_program" in job["job_info"]) == (job_type == "multi_manual")
    assert "sse_log" not in job["job_info"]
    result = shared.result(job)
    if job_type == "estimation":
        assert result["sampling"] is None
        assert result["estimation"]["exp_value"] == pytest.approx(1.5, abs=0.1)
        return
    assert result["estimation"] is None
    assert sum(result["sampling"]["counts"].values()) in (range(697, 701) if mitigation else [700])


def test_server_side_programs_have_no_log_if_they_fail(shared: Session) -> None:
    job = run(shared, "sse", {"sse_program": "print(1)"}, transpiler_info={})
    assert (job["status"], job["job_info"]["message"]) == ("failed", "internal server error")
    assert set(job["job_info"]) == {"input", "message"}
    assert "execution_time" not in job
