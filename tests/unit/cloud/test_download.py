"""What is read of a job, also of one that another client has sent: nothing that cannot be true."""

import json
import os
import signal
import subprocess
import sys
import threading
import time

import pytest
from qiskit import QuantumCircuit, transpile
from qiskit.providers import JobStatus

from qiskit_oqtopus import (
    OqtopusJobError,
    OqtopusJobTimeoutError,
    OqtopusProtocolError,
    SamplerV2,
)
from tests.device_circuits import flip, value_circuit

from . import stored
from .conftest import FOREIGN, ended, interrupt_after, server_estimation, submit_foreign


def test_the_reason_why_an_unreadable_program_failed(cloud, provider):
    job = provider.job(submit_foreign(cloud, "OPENQASM 3.0; nonsense"))
    with pytest.raises(OqtopusJobError, match="failed to execute job on device"):
        job.result(timeout=60)


def test_jobs_of_other_clients(cloud, provider):
    """A program without our header, with two registers and an unmeasured bit."""
    job = provider.job(submit_foreign(cloud, FOREIGN))
    result = job.result(timeout=60)
    assert result.get_counts("foreign") == {"00 1": 10}
    assert job.group_id is None


# -- counts and shots ----------------------------------------------------------------------------


@pytest.mark.parametrize("counts", [{}, {"1": 1}, {"1": 1000}, {"1": 10**30}, {"1": 0}])
@pytest.mark.parametrize("memory", [False, True])
def test_counts_that_do_not_add_up_to_the_shots_are_a_failure(backend, cloud, counts, memory):
    job = ended(backend.run([flip(backend), flip(backend)], shots=100, memory=memory))
    stored.answer_counts(cloud, job.job_ids()[1], counts)
    with pytest.raises(OqtopusJobError) as caught:
        job.result(timeout=30)
    total = sum(counts.values())
    assert f"its counts add up to {total}, and the job has 100 shots" in str(caught.value)
    assert f"circuit 1 ('flip'), OQTOPUS job {job.job_ids()[1]}" in str(caught.value)
    good, bad = caught.value.result.results
    assert (good.success, good.data.counts) == (True, {"0x1": 100})
    assert (bad.success, bad.data.to_dict()) == (False, {})
    assert bad.header["job_id"] == job.job_ids()[1]
    assert job.status() is JobStatus.ERROR
    assert f"add up to {total}" in job.error_message()
    assert not job.result(partial=True).success


def uniform(backend):
    circuit = QuantumCircuit(4, name="uniform")
    circuit.h(range(4))
    circuit.measure_all()
    return transpile(circuit, backend, initial_layout=range(4))


def test_mitigated_counts_lack_less_than_one_shot_per_outcome(backend):
    job = backend.run(uniform(backend), shots=100, mitigation="pseudo_inverse")
    assert 100 - 2**4 < sum(job.result(timeout=30).get_counts().values()) < 100


@pytest.mark.parametrize(
    ("total", "reason"),
    [
        (85, None),
        (100, None),
        (84, "add up to 84, and the job has 100 shots, of which mitigation takes less than 16"),
        (101, "add up to 101"),
        (0, "rounded all counts of 100 shots down to 0; run with more shots"),
    ],
)
def test_the_bounds_of_mitigation(cloud, backend, elsewhere, total, reason):
    sent = ended(backend.run(uniform(backend), shots=100, mitigation="pseudo_inverse"))
    stored.answer_counts(cloud, sent.job_id(), {"0000": total} if total else {})
    for job in (sent, elsewhere.job(sent.job_id())):
        if reason is None:
            assert job.result(timeout=30).get_counts() == {"0000": total}
            continue
        with pytest.raises(OqtopusJobError) as caught:
            job.result(timeout=30)
        assert reason in str(caught.value)


def test_mitigation_that_the_server_ignores_takes_no_shot(cloud, backend):
    job = ended(backend.run(flip(backend), shots=100))
    stored.set_row(cloud, job.job_id(), mitigation_info={"ro_error_mitigation": "least_square"})
    stored.answer_counts(cloud, job.job_id(), {"1": 99})
    with pytest.raises(OqtopusJobError, match="add up to 99"):
        job.result(timeout=30)


def test_a_program_and_a_job_of_different_shots(cloud, backend, elsewhere):
    sent = ended(backend.run([flip(backend)] * 2, shots=100))
    stored.set_row(cloud, sent.job_ids()[0], shots=1000)
    stored.answer_counts(cloud, sent.job_ids()[0], {"1": 1000})
    for job in (sent, elsewhere.job(sent.job_id())):
        with pytest.raises(OqtopusJobError, match="is for 100 shots, and the job has 1000"):
            job.result(timeout=30)
        assert job.result(partial=True).get_counts(1) == {"01": 100}


def test_shots_of_other_clients(cloud, provider, elsewhere):
    job_id = submit_foreign(cloud, FOREIGN)
    ended(provider.job(job_id))
    stored.answer_counts(cloud, job_id, {"001": 11})
    with pytest.raises(OqtopusJobError, match="add up to 11, and the job has 10 shots"):
        provider.job(job_id).result(timeout=30)
    stored.set_row(cloud, job_id, shots=None)  # nothing to compare with
    assert elsewhere.job(job_id).result(timeout=30).get_counts() == {"00 1": 11}


# -- the kind of an answer -----------------------------------------------------------------------

ESTIMATION = {"sampling": None, "estimation": {"exp_value": 0.5, "stds": 0.1}}
COUNTS = {"sampling": {"counts": {"": 100}}, "estimation": None}


def test_a_sampling_job_that_is_answered_by_an_estimation(cloud, backend, elsewhere):
    sent = ended(backend.run([flip(backend)] * 2, shots=100))
    stored.write(cloud, sent.job_ids()[0], "result", ESTIMATION)
    for job in (sent, elsewhere.job(sent.job_id())):
        with pytest.raises(OqtopusProtocolError, match=r"an estimation.*returns counts") as caught:
            job.result(timeout=30)
        assert sent.job_ids()[0] in str(caught.value)


def test_a_job_of_another_client_that_is_answered_by_an_estimation(cloud, provider):
    job = ended(provider.job(submit_foreign(cloud, FOREIGN)))
    stored.write(cloud, job.job_id(), "result", ESTIMATION)
    with pytest.raises(OqtopusProtocolError, match="returns counts"):
        job.result(timeout=30)


def test_an_answer_of_both_kinds(cloud, backend):
    job = ended(backend.run(flip(backend), shots=100))
    stored.change(cloud, job.job_id(), "result", lambda r: r.update(ESTIMATION | r))
    stored.change(cloud, job.job_id(), "result", lambda r: r.update(estimation={"exp_value": 1}))
    with pytest.raises(OqtopusProtocolError, match="an estimation and counts"):
        job.result(timeout=30)


def test_an_estimation_that_is_answered_by_counts(cloud, backend, elsewhere):
    sent = ended(server_estimation(backend))
    stored.write(cloud, sent.job_id(), "result", COUNTS)
    for job in (sent, elsewhere.job(sent.job_id())):
        with pytest.raises(OqtopusProtocolError, match=r"counts.*returns an estimation"):
            job.result(timeout=30)


# -- what the server's transpiler made ------------------------------------------------------------


def test_the_circuit_of_a_job_that_failed_in_the_transpiler(cloud, provider):
    job = ended(provider.job(submit_foreign(cloud, "OPENQASM 3.0; nonsense", transpiler_info={})))
    with pytest.raises(OqtopusJobError) as caught:
        job.executed_circuit()
    assert f"OQTOPUS job {job.job_id()} failed in the server's transpiler" in str(caught.value)
    assert "Expecting value: line 1 column 1" in str(caught.value)
    assert "transpiler='qiskit'" not in str(caught.value)


def test_the_circuit_of_a_job_that_has_not_been_compiled_yet(cloud, provider):
    cloud.faults.slow_queue(3600)
    job = provider.job(submit_foreign(cloud, FOREIGN, transpiler_info={}))
    with pytest.raises(OqtopusJobError, match="is submitted, and has not been compiled"):
        job.executed_circuit()
    assert job.cancel()
    with pytest.raises(OqtopusJobError, match="is cancelled, and the server has no compiled"):
        job.executed_circuit()


# -- in time -------------------------------------------------------------------------------------

STORE = "/oqtopus/**"
RESULTS = "/oqtopus/**/result.zip"


def test_a_silent_store_does_not_hold_a_timeout(cloud, backend, elsewhere):
    sent = ended(backend.run([flip(backend)] * 3, shots=5))
    found = elsewhere.job(sent.job_id())
    silence = cloud.faults.latency(4, path=STORE)
    for job in (sent, found):
        begun = time.monotonic()
        with pytest.raises(OqtopusJobTimeoutError, match="0 of 3 results have come") as caught:
            job.result(timeout=0.5)
        assert time.monotonic() - begun < 3
        assert job.job_id() in str(caught.value)
        assert "within 0.5 s" in str(caught.value)
    silence.remove()
    assert sent.result(timeout=30).get_counts(2) == {"01": 5}


def test_the_timeout_of_a_primitive_covers_its_data(cloud, backend):
    job = ended(SamplerV2(backend).run([flip(backend)], shots=5))
    silence = cloud.faults.latency(4, path=STORE)
    begun = time.monotonic()
    with pytest.raises(OqtopusJobTimeoutError, match=r"within 0\.5 s"):
        job.result(timeout=0.5)
    assert time.monotonic() - begun < 3
    silence.remove()
    assert job.result(timeout=30)[0].data.c.num_shots == 5


def test_what_has_come_before_the_timeout_is_kept(cloud, backend):
    job = ended(backend.run([flip(backend)] * 3, shots=5))
    slow = cloud.faults.latency(3, path=f"/oqtopus/{job.job_ids()[1]}/result.zip")
    with pytest.raises(OqtopusJobTimeoutError, match="2 of 3 results have come, which are kept"):
        job.result(timeout=1)
    slow.remove()
    before = len(cloud.requests)
    assert job.result(timeout=30).success
    paths = [request.path for request in list(cloud.requests)[before:]]
    assert [path for path in paths if path.endswith("result.zip")] == [
        f"/oqtopus/{job.job_ids()[1]}/result.zip"
    ]


def test_threads_share_the_work_and_each_keeps_its_own_time(cloud, backend):
    job = ended(backend.run([flip(backend)] * 4, shots=5))
    cloud.faults.latency(2, path=RESULTS)
    before = len(cloud.requests)
    came = []
    threads = [threading.Thread(target=lambda: came.append(job.result())) for _ in range(3)]
    for thread in threads:
        thread.start()
    time.sleep(0.5)
    begun = time.monotonic()
    with pytest.raises(OqtopusJobTimeoutError, match="another thread is reading its results"):
        job.result(timeout=0.3)
    assert time.monotonic() - begun < 1.2
    for thread in threads:
        thread.join()
    assert [result.get_counts(3) for result in came] == [{"01": 5}] * 3
    paths = [request.path for request in list(cloud.requests)[before:]]
    assert sum(path.endswith("result.zip") for path in paths) == 4


def test_healthy_results_need_one_list_and_one_download_each(cloud, backend, elsewhere):
    job = ended(backend.run([flip(backend)] * 5, shots=5))
    before = len(cloud.requests)
    job.result(timeout=30)
    requests = list(cloud.requests)[before:]
    assert sum(request.path == "/jobs" for request in requests) == 1
    assert len(requests) == 6
    found = elsewhere.job(job.job_id())
    before = len(cloud.requests)
    found.result(timeout=30)
    assert len(cloud.requests) - before == 11


# -- Ctrl-C --------------------------------------------------------------------------------------

INTERRUPTED = """
import sys
sys.path.insert(0, ".")
from qiskit_oqtopus import OqtopusProvider

job = OqtopusProvider().job(sys.argv[1])
print("begun", flush=True)
try:
    job.result()
except KeyboardInterrupt:
    print("interrupted", flush=True)
"""


def test_ctrl_c_ends_a_download_and_the_process(cloud, backend, account):

    job = ended(backend.run([value_circuit(i % 4) for i in range(40)], shots=5))
    cloud.faults.latency(1, path=STORE)  # 40 programs and 40 results, 16 at a time
    process = subprocess.Popen(
        [sys.executable, "-c", INTERRUPTED, job.job_id()],
        stdout=subprocess.PIPE,
        text=True,
        env=dict(os.environ),
    )
    assert process.stdout.readline() == "begun\n"
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        if any(request.path.startswith("/oqtopus/") for request in list(cloud.requests)[-50:]):
            break
        time.sleep(0.05)
    time.sleep(1.5)
    process.send_signal(signal.SIGINT)
    begun = time.monotonic()
    assert process.stdout.readline() == "interrupted\n"
    process.wait(20)
    assert time.monotonic() - begun < 4
    before = len(cloud.requests)
    time.sleep(1.2)
    assert len(cloud.requests) == before


def test_ctrl_c_keeps_what_has_come(cloud, backend):

    job = ended(backend.run([value_circuit(i % 4) for i in range(40)], shots=5))
    slow = cloud.faults.latency(0.8, path=RESULTS)
    interrupt_after(1.4)
    with pytest.raises(KeyboardInterrupt):
        job.result()
    time.sleep(1.5)  # what was under way ends, and nothing else begins
    before = len(cloud.requests)
    slow.remove()
    time.sleep(0.3)
    assert len(cloud.requests) == before
    result = job.result(timeout=30)
    assert json.dumps([result.get_counts(i) for i in range(4)]) == json.dumps(
        [{"00": 5}, {"01": 5}, {"10": 5}, {"11": 5}]
    )
    paths = [request.path for request in list(cloud.requests)[before:]]
    assert 0 < sum(path.endswith("result.zip") for path in paths) <= 24
