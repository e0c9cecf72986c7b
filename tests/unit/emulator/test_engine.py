"""Jobs that were run on a real server, with their results there."""

from __future__ import annotations

from typing import Any

import pytest

from .recorded import JOBS, PROGRAMS
from .session import FLIP, NULL, Session


def same_counts(found: dict[str, int], expected: dict[str, int]) -> None:
    """One outcome is exact; of several, each has the same probability within 5 sigma of both."""
    assert found.keys() == expected.keys()
    shots = sum(expected.values())
    for key, count in expected.items():
        p = count / shots
        assert abs(found[key] - count) <= 5 * (2 * shots * p * (1 - p)) ** 0.5 + 1, key


@pytest.mark.parametrize("name", PROGRAMS)
@pytest.mark.parametrize("mode", ["off", "on"])
def test_program(shared: Session, name: str, mode: str) -> None:
    case = PROGRAMS[name]
    info = NULL if mode == "off" else {}
    job = shared.run({"input.json": {"program": [case["program"]]}}, transpiler_info=info)
    expected = case[mode]
    if isinstance(expected, str):
        assert (job["status"], job["job_info"]["message"]) == ("failed", expected)
        assert "result" not in job["job_info"]
    else:
        assert job["job_info"]["message"] == "job is succeeded"
        result = shared.result(job)
        assert result["estimation"] is None
        assert result["sampling"]["divided_counts"] is None
        same_counts(result["sampling"]["counts"], expected)


@pytest.mark.parametrize("name", JOBS)
def test_job(shared: Session, name: str) -> None:
    case = JOBS[name]
    job = shared.run(case["entries"], **case["submission"])
    assert (job["status"], job["job_info"].get("message")) == (case["status"], case["message"])
    assert ("running_at" in job) == case["ran"]
    if case["transpiler_info"] is not None:
        assert job["transpiler_info"] == case["transpiler_info"]
    if case["files"] is not None:
        assert sorted(set(job["job_info"]) - {"message"}) == case["files"]
    if case["result"] is not None:
        same_result(shared.result(job), case["result"])


def same_result(found: dict[str, Any], expected: dict[str, Any]) -> None:
    if expected["estimation"] is None:
        assert found["estimation"] is None
        total = sum(found["sampling"]["counts"].values())
        assert abs(total - sum(expected["sampling"]["counts"].values())) <= 1
        same_counts(found["sampling"]["counts"], expected["sampling"]["counts"])
        divided = expected["sampling"]["divided_counts"]
        if not divided:
            assert found["sampling"]["divided_counts"] == divided
            return
        assert list(found["sampling"]["divided_counts"]) == list(divided)  # their order, too
        for index, counts in divided.items():
            same_counts(found["sampling"]["divided_counts"][index], counts)
        return
    assert found["sampling"] is None
    error = expected["estimation"]["stds"]
    assert found["estimation"]["stds"] == pytest.approx(error, rel=0.01)
    assert found["estimation"]["exp_value"] == pytest.approx(
        expected["estimation"]["exp_value"], abs=5 * 2**0.5 * error + 1e-12
    )


@pytest.mark.parametrize("name", ["mit_x", "mit_subset_clbits"])
def test_mitigation_rounds_down_as_the_server_does(shared: Session, name: str) -> None:
    """Floats leave a certain outcome a little below 1 here, and not there."""
    job = shared.run(JOBS[name]["entries"], **JOBS[name]["submission"])
    assert shared.result(job) == JOBS[name]["result"]


def test_mitigated_programs_of_one_job(shared: Session) -> None:
    job = shared.run(
        {"input.json": {"program": [FLIP, FLIP]}},
        job_type="multi_manual",
        shots=100,
        transpiler_info={},
        mitigation_info={"ro_error_mitigation": "pseudo_inverse"},
    )
    assert shared.result(job)["sampling"] == {"counts": {"1": 99}, "divided_counts": {}}


def test_server_side_programs_fail(shared: Session) -> None:
    job = shared.run({"input.json": {"program": [FLIP]}}, job_type="sse")
    message = "the sse_program is not specified in the job."
    assert (job["status"], job["job_info"]["message"]) == ("failed", message)
    assert "running_at" not in job
    job = shared.run({"input.json": [1]}, job_type="sse")
    assert "Input should be a valid dictionary" in job["job_info"]["message"]
    job = shared.run({"input.json": {"sse_program": "cHJpbnQoMSk="}}, job_type="sse")
    assert (job["status"], job["job_info"]["message"]) == ("failed", "internal server error")
    assert "running_at" in job
