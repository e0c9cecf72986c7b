"""Jobs of other clients, by their types: several programs, an estimation, a program of its own."""

import pytest
from qiskit.primitives import PrimitiveResult
from qiskit.providers import JobStatus

from qiskit_oqtopus import OqtopusError, OqtopusJobError, OqtopusProtocolError
from qiskit_oqtopus.cloud.sse.batches import BatchSettings, build_python
from qiskit_oqtopus.primitives.job import PrimitiveJob
from qiskit_oqtopus.program.program import ProgramHeader, encode_program
from tests.device_circuits import value_circuit

from . import stored
from .conftest import FOREIGN, ended, submit_foreign

HEAD = 'OPENQASM 3.0;\ninclude "stdgates.inc";\n'
FLIP = HEAD + "qubit[1] q;\nbit[1] c;\nx q[0];\nc = measure q;\n"
PARTIAL = HEAD + "qubit[1] q;\nbit[3] c;\nx q[0];\nc[1] = measure q[0];\n"
MITIGATION = {"ro_error_mitigation": "pseudo_inverse"}


def submit_several(cloud, *programs, **settings):
    settings = {"transpiler_info": {}, **settings}
    return submit_foreign(cloud, programs, job_type="multi_manual", **settings)


# -- several programs ----------------------------------------------------------------------------


def test_each_program_of_a_job_has_its_entry(cloud, provider):
    job = provider.job(submit_several(cloud, FOREIGN, FLIP, PARTIAL[:-1]))
    result = job.result(timeout=60)
    assert [result.get_counts(index) for index in range(3)] == [
        {"00 1": 10},
        {"1": 10},
        {"010": 10},
    ]
    assert [entry.header["name"] for entry in result.results] == [
        "foreign[0]",
        "foreign[1]",
        "foreign[2]",
    ]
    assert result.get_counts("foreign[1]") == {"1": 10}
    assert {entry.header["job_id"] for entry in result.results} == {job.job_id()}
    assert job.job_ids() == [job.job_id()]
    assert (job.status(), job.error_message()) == (JobStatus.DONE, None)
    assert [header.name for header in job.headers()] == ["foreign[0]", "foreign[1]", "foreign[2]"]
    assert job.result().to_dict() == result.to_dict()


def test_one_program_keeps_the_name_of_the_job(cloud, provider):
    job = provider.job(submit_several(cloud, FLIP))
    assert job.result(timeout=60).get_counts("foreign") == {"1": 10}


@pytest.mark.parametrize(
    "settings", [{"transpiler_info": {"transpiler_lib": None}}, {"mitigation_info": MITIGATION}]
)
def test_programs_that_the_server_did_not_run_have_failed(cloud, provider, settings):
    """A bug of the server: with these settings it runs the first program only, and says so not."""
    job = provider.job(submit_several(cloud, FLIP, FLIP, shots=1000, **settings))
    with pytest.raises(OqtopusJobError) as caught:
        job.result(timeout=60)
    text = str(caught.value)
    assert "1 of 2 circuits have no result" in text
    assert f"program 1 ('foreign[1]') of OQTOPUS job {job.job_id()}" in text
    assert "it runs the first one only if its transpiler is off or it mitigates" in text
    first, second = caught.value.result.results
    assert first.success
    assert first.data.counts["0x1"] >= 999
    assert (second.success, second.data.to_dict()) == (False, {})
    assert job.status() is JobStatus.ERROR
    assert "program 1" in job.error_message()


@pytest.mark.parametrize(
    ("divided", "reason"),
    [
        ({"1": {"1": 10}, "0": {"000": 4}}, "program 0 .*: its counts add up to 4"),
        ({"1": {}, "0": {"000": 10}}, "program 1 .*: its counts add up to 0"),
        ({"0": {"000": 10}}, "the job has 2 programs, and counts of programs 0"),
        ({"2": {"1": 10}, "1": {"1": 10}, "0": {"000": 10}}, "counts of programs 2, 1, 0"),
    ],
)
def test_counts_by_program_that_cannot_be(cloud, provider, elsewhere, divided, reason):
    job_id = submit_several(cloud, FOREIGN, FLIP)
    ended(provider.job(job_id))
    stored.change(cloud, job_id, "result", lambda r: r["sampling"].update(divided_counts=divided))
    with pytest.raises(OqtopusJobError, match=reason):
        elsewhere.job(job_id).result(timeout=30)


@pytest.mark.parametrize("divided", [[1], {"0": 3}, {"0": {"0": -1}}, {"0": {"0": "10"}}])
def test_counts_by_program_that_are_none(cloud, provider, elsewhere, divided):
    job_id = submit_several(cloud, FLIP)
    ended(provider.job(job_id))
    stored.change(cloud, job_id, "result", lambda r: r["sampling"].update(divided_counts=divided))
    with pytest.raises(OqtopusProtocolError, match=job_id):
        elsewhere.job(job_id).result(timeout=30)


def test_several_programs_that_failed_or_were_cancelled(cloud, provider):
    job = provider.job(submit_several(cloud, FLIP, "OPENQASM 3.0; nonsense"))
    with pytest.raises(OqtopusJobError, match="failed to combine programs"):
        job.result(timeout=60)
    cloud.faults.slow_queue(3600)
    job = provider.job(submit_several(cloud, FLIP, FLIP))
    assert job.cancel()
    result = job.result(timeout=30, partial=True)
    assert [entry.status for entry in result.results] == ["CANCELLED"] * 2


def test_several_programs_are_not_sent_again_as_one(cloud, provider):
    job = ended(provider.job(submit_several(cloud, FLIP, FLIP)))
    with pytest.raises(OqtopusJobError, match="Only sampling jobs can be sent again"):
        job.resubmit(only="all")


# -- an estimation -------------------------------------------------------------------------------


def submit_estimation(cloud, program=FLIP, **settings):
    operator = {"operator": [{"pauli": "Z 0", "coeff": 2.0}, {"pauli": "I", "coeff": 0.5}]}
    return submit_foreign(cloud, program, operator=operator, job_type="estimation", **settings)


def test_an_estimation_is_a_primitive_result_with_one_pub(cloud, provider, elsewhere):
    job_id = submit_estimation(cloud, shots=1000)
    job = provider.job(job_id)
    result = job.result(timeout=60)
    assert isinstance(result, PrimitiveResult)
    (pub,) = result
    assert (pub.data.evs.shape, pub.data.stds.shape) == ((), ())
    assert (float(pub.data.evs), float(pub.data.stds)) == (-1.5, 0.0)
    assert pub.metadata == {"shots": 1000, "circuit_metadata": {}}
    assert (job.job_id(), job.status()) == (job_id, JobStatus.DONE)
    listed = elsewhere.jobs(limit=1)[0]
    assert isinstance(listed, PrimitiveJob)
    assert float(listed.result(timeout=30)[0].data.evs) == -1.5


def test_an_estimation_that_failed_or_was_cancelled(cloud, provider):
    job = provider.job(submit_estimation(cloud, "OPENQASM 3.0; nonsense"))
    with pytest.raises(OqtopusJobError, match=f"PUB 0, OQTOPUS job {job.job_id()}: failed to exe"):
        job.result(timeout=60)
    cloud.faults.slow_queue(3600)
    job = provider.job(submit_estimation(cloud))
    assert job.cancel()
    assert job.result(timeout=30, partial=True)[0] is None


def test_an_estimation_that_is_answered_by_counts(cloud, provider, elsewhere):
    job_id = submit_estimation(cloud)
    ended(provider.job(job_id))
    stored.write(cloud, job_id, "result", {"sampling": {"counts": {"1": 10}}, "estimation": None})
    with pytest.raises(OqtopusProtocolError, match=r"counts.*returns an estimation"):
        elsewhere.job(job_id).result(timeout=30)


# -- a program that runs on the server -----------------------------------------------------------


def test_a_python_program_that_should_run_circuits_and_is_another_one(cloud, provider, elsewhere):
    description = f"qiskit-oqtopus {16 * 'a'}/00000000 0-1/2 {64 * '0'}"
    job_id = submit_foreign(cloud, FLIP, description)
    ended(provider.job(job_id))
    stored.set_row(cloud, job_id, job_type="sse")
    for text in ("print(1)", None, build_python_text(index=1)):
        stored.write(cloud, job_id, "input", {"sse_program": text})
        job = elsewhere.job(job_id)
        assert job.status() is JobStatus.DONE
        for ask in (job.result, job.headers):
            with pytest.raises(OqtopusError, match=f"OQTOPUS job {job_id}"):
                ask()


def build_python_text(index):
    header = ProgramHeader(group=16 * "a", index=index, total=3, shots=5)
    program = encode_program(value_circuit(1), header)
    return build_python([program], BatchSettings("line-4q", {}, {})).text


def test_an_sse_job_that_failed_says_why(cloud, provider):
    job = provider.job(submit_foreign(cloud, FLIP, job_type="sse"))
    with pytest.raises(OqtopusJobError, match="the sse_program is not specified in the job"):
        job.result(timeout=60)
