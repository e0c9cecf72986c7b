"""Jobs that were run on a real server, with what came of them there."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from .session import NULL, Session

RECORDED = json.loads(Path(__file__).with_name("recorded.json").read_text())
PROGRAMS = {case["name"]: case for case in RECORDED["programs"]}
JOBS = {case["name"]: case for case in RECORDED["jobs"]}


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


def test_combined_program_and_transpile_result(shared: Session) -> None:
    job = shared.run(JOBS["mm_bell_and_x"]["entries"], **JOBS["mm_bell_and_x"]["submission"])
    head = 'OPENQASM 3.0;\ninclude "stdgates.inc";\n'
    end = "c[0] = measure {0}0{1};\nc[1] = measure {0}1{1};\nc[2] = measure {0}2{1};\n"
    assert shared.file(job, "combined_program") == (
        "combined_program",
        head + "bit[3] c;\nqubit[3] q;\nh q[0];\ncx q[0], q[1];\nx q[2];\n" + end.format("q[", "]"),
    )
    name, text = shared.file(job, "transpile_result")
    assert name == "transpile_result.json"
    assert json.loads(text) == {
        "transpiled_program": head
        + "bit[3] c;\nrz(pi/2) $0;\nsx $0;\nrz(pi/2) $0;\ncx $0, $1;\nx $2;\n"
        + end.format("$", ""),
        "stats": {
            "before": {"n_qubits": 3, "n_gates": 6, "n_gates_1q": 5, "n_gates_2q": 1, "depth": 3},
            "after": {"n_qubits": 16, "n_gates": 8, "n_gates_1q": 7, "n_gates_2q": 1, "depth": 5},
        },
        "virtual_physical_mapping": {
            "qubit_mapping": {"0": 0, "1": 1, "2": 2},
            "bit_mapping": {"0": 0, "1": 1, "2": 2},
        },
    }


def test_a_program_of_more_than_4_mib_fails(shared: Session) -> None:
    program = 'OPENQASM 3.0;\ninclude "stdgates.inc";\nqubit[1] q;\n' + "x q[0];\n" * 530_000
    for info, ran in ((NULL, True), ({}, False)):
        job = shared.run({"input.json": {"program": [program]}}, transpiler_info=info)
        assert job["status"] == "failed"
        assert "RESOURCE_EXHAUSTED" in job["job_info"]["message"]
        assert "4194304" in job["job_info"]["message"]
        assert ("running_at" in job) == ran


def test_server_side_programs_fail(shared: Session) -> None:
    job = shared.run({"input.json": {"sse_program": "cHJpbnQoMSk="}}, job_type="sse")
    assert (job["status"], job["job_info"]["message"]) == ("failed", "internal server error")
    assert "running_at" in job
