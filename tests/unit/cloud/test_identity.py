"""A job holds the program with which it was sent, or there is no result."""

import pytest

from qiskit_oqtopus import OqtopusProtocolError, SamplerV2
from tests.device_circuits import flip

from . import stored
from .conftest import FOREIGN, ended, server_estimation, submit_foreign


def swap(cloud, first, second, name="input"):
    one, other = (stored.read(cloud, job_id, name) for job_id in (first, second))
    stored.write(cloud, first, name, other)
    stored.write(cloud, second, name, one)


def test_the_programs_of_two_jobs_that_were_swapped(cloud, backend, elsewhere):
    circuits = [flip(backend, bit, f"c{bit}") for bit in range(2)]
    sent = ended(backend.run(circuits, shots=10))
    first, second = sent.job_ids()
    swap(cloud, first, second)
    found = elsewhere.job(sent.job_id())
    for read in (found.result, found.headers, lambda: found.resubmit(only="all")):
        with pytest.raises(OqtopusProtocolError) as caught:
            read()
        text = str(caught.value)
        group = sent.job_id()
        assert first in text or second in text
        assert f"circuit 0 of 2 of run {group}" in text
        assert f"circuit 1 of 2 of run {group}" in text
    # This process knows what it has sent, and reads no program.
    assert sent.result(timeout=30).get_counts("c1") == {"10": 10}


def test_the_program_of_another_group(cloud, backend, elsewhere):
    jobs = [ended(backend.run(flip(backend, bit), shots=10)) for bit in range(2)]
    swap(cloud, jobs[0].job_id(), jobs[1].job_id())
    with pytest.raises(OqtopusProtocolError, match=jobs[1].group_id) as caught:
        elsewhere.job(jobs[0].job_id()).result(timeout=30)
    assert jobs[0].group_id in str(caught.value)


def test_another_circuit_under_the_same_place(cloud, backend, elsewhere):
    jobs = [
        ended(backend.run(flip(backend), shots=10)),
        ended(backend.run(flip(backend, x=2), shots=10)),
    ]
    (text,) = stored.read(cloud, jobs[1].job_id(), "input")["program"]
    text = text.replace(jobs[1].group_id, jobs[0].group_id)
    stored.write(cloud, jobs[0].job_id(), "input", {"program": [text]})
    with pytest.raises(OqtopusProtocolError, match="another program than was sent"):
        elsewhere.job(jobs[0].job_id()).result(timeout=30)


@pytest.mark.parametrize(
    "operator", [None, [], [{"pauli": "Z 0", "coeff": 3.0}], ["Z 0"], 5, [{"pauli": "Z 0"}]]
)
def test_another_operator(cloud, backend, elsewhere, operator):
    job_id = ended(server_estimation(backend)).job_id()
    assert elsewhere.job(job_id).result(timeout=30)[0].data.evs == -2
    stored.change(cloud, job_id, "input", lambda content: content.update(operator=operator))
    with pytest.raises(OqtopusProtocolError, match=job_id):
        elsewhere.job(job_id).result(timeout=30)


def test_what_was_sent_again_is_what_its_description_says(cloud, provider, backend, elsewhere):
    metadata = {"when": (1, 2.5, 3j), "set": {1, 2}, "n": float("nan"), 5: [None, "ü\ud800"]}
    sampler = SamplerV2(backend).run([flip(backend, m=metadata), flip(backend)], shots=5)
    foreign = provider.job(submit_foreign(cloud, FOREIGN))
    first = ended(sampler).backend_jobs()[0].resubmit(only="all")
    again = first.resubmit(only="all") if ended(first) else None
    other = ended(foreign).resubmit(only="all")
    for job in (first, again, other):
        assert elsewhere.job(ended(job).job_id()).result(timeout=30).success
    assert elsewhere.job(sampler.job_id()).result(timeout=30)[0].data.c.num_shots == 5
