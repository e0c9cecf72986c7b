"""What is read of a job, also of one that another client has sent."""

import pytest

from qiskit_oqtopus import (
    OqtopusJobError,
)

from .conftest import submit_foreign


def test_the_reason_why_an_unreadable_program_failed(cloud, provider):
    job = provider.job(submit_foreign(cloud, "OPENQASM 3.0; nonsense"))
    with pytest.raises(OqtopusJobError, match="failed to execute job on device"):
        job.result(timeout=60)


def test_jobs_of_other_clients(cloud, provider):
    """A program without our header, with two registers and an unmeasured bit."""
    text = (
        'OPENQASM 3.0;\ninclude "stdgates.inc";\nqubit[2] q;\nbit[1] a;\nbit[2] b;\n'
        "x q[0];\na[0] = measure q[0];\nb[1] = measure q[1];\n"
    )
    job = provider.job(submit_foreign(cloud, text))
    result = job.result(timeout=60)
    assert result.get_counts("foreign") == {"00 1": 10}
    assert job.group_id is None
