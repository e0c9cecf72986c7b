"""Groups: what descriptions say, and what is not one of ours."""

import pytest
from qiskit.providers import JobStatus

from .conftest import submit_foreign


@pytest.mark.parametrize("place", ["5/3", "0/999999999"])
def test_descriptions_that_cannot_be_ours(cloud, provider, place):
    program = (
        'OPENQASM 3.0;\ninclude "stdgates.inc";\nqubit[1] q;\nbit[1] c;\nx q[0];\n'
        "c[0] = measure q[0];\n"
    )
    job_id = submit_foreign(
        cloud, program, f"qiskit-oqtopus group-11111111-1111 {place} {'a' * 64}"
    )
    job = provider.job(job_id)
    assert job.result(timeout=60).get_counts() == {"1": 10}
    assert job.status() is JobStatus.DONE
    assert job_id in [job.job_id() for job in provider.jobs(limit=5)]
