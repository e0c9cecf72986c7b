"""The steps of a job: what they leave behind, and where they fail."""

from __future__ import annotations

import json

from .recorded import JOBS
from .session import NULL, Session


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
            "before": {"n_qubits": 3, "n_gates": 3, "n_gates_1q": 2, "n_gates_2q": 1, "depth": 3},
            "after": {"n_qubits": 16, "n_gates": 5, "n_gates_1q": 4, "n_gates_2q": 1, "depth": 5},
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
