"""SamplerV2 and EstimatorV2 on devices, against a local OQTOPUS Cloud over real HTTP."""

import copy
import json
import math
import os
import pickle
import subprocess
import sys
import warnings

import numpy as np
import pytest
from qiskit import ClassicalRegister, QuantumCircuit, transpile
from qiskit.circuit import Clbit, Parameter
from qiskit.primitives import BasePrimitiveJob, BitArray
from qiskit.primitives.containers.estimator_pub import EstimatorPub
from qiskit.primitives.containers.sampler_pub import SamplerPub
from qiskit.providers import JobStatus
from qiskit.providers.fake_provider import GenericBackendV2
from qiskit.quantum_info import SparsePauliOp

from qiskit_oqtopus import (
    EstimatorV2,
    OqtopusCircuitError,
    OqtopusCloudError,
    OqtopusError,
    OqtopusJob,
    OqtopusJobCancelledError,
    OqtopusJobError,
    OqtopusJobTimeoutError,
    OqtopusOptionError,
    OqtopusProvider,
    OqtopusPubError,
    OqtopusSubmissionError,
    OqtopusWarning,
    SamplerV2,
)
from qiskit_oqtopus.client.storage import pack_json
from qiskit_oqtopus.primitives.job import PrimitiveJob

emulator = pytest.importorskip("qiskit_oqtopus.emulator")
pytestmark = pytest.mark.usefixtures("no_faults")

NEW_PROCESS = """
import json, sys
from qiskit_oqtopus import OqtopusProvider

result = OqtopusProvider().job(sys.argv[1]).result()
found = []
for pub in result:
    data = {
        name: [value.num_bits, value.array.tolist()] if hasattr(value, "array") else value.tolist()
        for name, value in pub.data.items()
    }
    found.append([list(pub.data.shape), data, pub.metadata])
json.dump([found, result.metadata], sys.stdout)
"""


@pytest.fixture(scope="module")
def cloud():
    with emulator.Emulator(devices=["grid-16q", "line-4q"], seed=11) as running:
        yield running


@pytest.fixture
def backend(provider):
    return provider.backend("grid-16q")


def other_provider(cloud):
    return OqtopusProvider(url=cloud.url, token=cloud.token)


def turned(backend, name="turned", **metadata):
    """A compiled circuit of one angle, with two registers."""
    circuit = QuantumCircuit(2, name=name, metadata=metadata)
    circuit.add_register(ClassicalRegister(1, "low"), ClassicalRegister(2, "high"))
    circuit.ry(Parameter("angle"), 0)
    circuit.cx(0, 1)
    circuit.measure([0, 1], [0, 2])
    return transpile(circuit, backend, initial_layout=[5, 9], seed_transpiler=1)


def state(backend, name="state", **metadata):
    """A compiled circuit of one angle, without measurements, and an observable for it."""
    circuit = QuantumCircuit(2, name=name, metadata=metadata)
    circuit.ry(Parameter("angle"), 0)
    circuit.cx(0, 1)
    compiled = transpile(circuit, backend, initial_layout=[5, 9], seed_transpiler=1)
    observable = SparsePauliOp(["ZZ", "XX", "II"], [1.0, 0.5, 2.0])
    return compiled, observable.apply_layout(compiled.layout)


def plain(result):
    """Return what NEW_PROCESS prints of a result."""
    found = []
    for pub in result:
        data = {
            name: [value.num_bits, value.array.tolist()]
            if isinstance(value, BitArray)
            else value.tolist()
            for name, value in pub.data.items()
        }
        found.append([list(pub.data.shape), data, pub.metadata])
    return json.loads(json.dumps([found, result.metadata]))


def sent(cloud, job):
    """Return what the cloud was told of the programs of a job."""
    return [cloud.view(cloud.jobs[job_id]) for job_id in job.job_ids()]


# -- ids and retrieval ---------------------------------------------------------------------------


@pytest.mark.parametrize("primitive", ["sampler", "estimator"])
def test_a_new_process_finds_the_same_result(cloud, backend, primitive):
    values = np.linspace(0, 3, 4).reshape(2, 2)
    if primitive == "sampler":
        pubs = [(turned(backend, x=1.5), values, 60), (turned(backend), [1.0])]
        job = SamplerV2(backend).run(pubs, shots=90)
    else:
        circuit, observable = state(backend, x=1.5)
        pubs = [(circuit, observable, values, 0.1), (circuit, observable, [1.0])]
        job = EstimatorV2(backend).run(pubs, precision=0.2)
    assert isinstance(job, BasePrimitiveJob)
    assert job.job_id().startswith("group-")
    assert (job.backend(), job.backend_jobs()[0].job_id()) == (backend, job.job_id())
    result = job.result(timeout=60)
    assert plain(job.result()) == plain(result)
    assert job.done()
    assert job.in_final_state()
    assert not job.running()
    assert not job.cancelled()
    assert job.error_message() is None
    finished = subprocess.run(
        [sys.executable, "-c", NEW_PROCESS, job.job_id()],
        env={**os.environ, "OQTOPUS_URL": cloud.url, "OQTOPUS_API_TOKEN": cloud.token},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    assert json.loads(finished.stdout) == plain(result)


def test_one_program_has_the_id_of_its_oqtopus_job(cloud, backend):
    job = SamplerV2(backend).run([(turned(backend), [0.5], 30)])
    assert job.job_ids() == [job.job_id()]
    assert job.job_id() in cloud.jobs
    again = other_provider(cloud).job(job.job_id())
    assert isinstance(again, PrimitiveJob)
    assert plain(again.result()) == plain(job.result())


def test_one_id_out_of_a_group_has_its_counts(cloud, backend):
    job = SamplerV2(backend).run([(turned(backend), [[0.0], [math.pi]], 30)])
    job.result()
    one = other_provider(cloud).job(job.job_ids()[1])
    assert isinstance(one, OqtopusJob)
    assert one.result().get_counts() == {"10 1": 30}


def test_jobs_are_listed_as_what_they_are(cloud, backend):
    sampled = SamplerV2(backend).run([(turned(backend), [[0.0], [1.0]], 5)])
    estimated = EstimatorV2(backend).run([(*state(backend), [[0.0], [1.0]])], precision=0.5)
    plain_run = backend.run(turned(backend).assign_parameters([0.0]), shots=5)
    for job in (sampled, estimated, plain_run):
        job.result()
    found = list(other_provider(cloud).jobs(limit=3))
    assert {job.job_id(): type(job) for job in found} == {
        sampled.job_id(): PrimitiveJob,
        estimated.job_id(): PrimitiveJob,
        plain_run.job_id(): OqtopusJob,
    }


def test_an_estimation_of_the_server_is_read_as_a_plain_job(cloud, backend):
    circuit, observable = state(backend)
    job = EstimatorV2(backend).run([(circuit, observable, [[0.0], [1.0]])], estimation="server")
    evs = job.result()[0].data.evs
    one = other_provider(cloud).job(job.job_ids()[1]).result()
    assert one.results[0].data.estimation["exp_value"] == evs[1]
    with pytest.raises(OqtopusJobError, match="Only sampling jobs"):
        job.backend_jobs()[0].resubmit("all")


def test_pickles_and_copies(cloud, backend, monkeypatch):
    monkeypatch.setenv("OQTOPUS_URL", cloud.url)
    monkeypatch.setenv("OQTOPUS_API_TOKEN", cloud.token)
    sampler = SamplerV2(backend, options={"default_shots": 7, "tags": ["a"]})
    other = pickle.loads(pickle.dumps(copy.deepcopy(sampler)))
    assert other.options == sampler.options
    job = other.run([turned(backend).assign_parameters([math.pi])])
    assert job.result()[0].data.high.get_counts() == {"10": 7}
    assert plain(pickle.loads(pickle.dumps(job)).result()) == plain(job.result())


# -- what is sent --------------------------------------------------------------------------------


def test_each_element_is_a_job_with_the_shots_of_its_pub(cloud, backend):
    pubs = [(turned(backend, "a"), [[0.1], [0.2], [0.3]], 11), (turned(backend, "b"), [0.1])]
    job = SamplerV2(backend, options={"default_shots": 13}).run(pubs)
    assert [view.shots for view in sent(cloud, job)] == [11, 11, 11, 13]
    assert [view.name for view in sent(cloud, job)] == ["a", "a", "a", "b"]
    result = job.result()
    assert result[0].data.low.num_shots == 11
    assert result[1].metadata["shots"] == 13


def test_shots_of_the_run_and_of_the_backend_are_defaults(cloud, backend):
    circuit = turned(backend).assign_parameters([0.1])
    copied = copy.deepcopy(backend)
    copied.set_options(shots=17)
    jobs = [SamplerV2(copied).run([circuit]), SamplerV2(copied).run([circuit], shots=19)]
    assert [sent(cloud, job)[0].shots for job in jobs] == [17, 19]


def test_options_reach_the_server(cloud, backend):
    sampler = SamplerV2(backend, options={"name": "night", "tags": ["t1", "t2"]})
    circuit = QuantumCircuit(2, name="plain")
    circuit.h(0)
    circuit.measure_all()
    job = sampler.run([circuit], transpiler="qiskit", mitigation="pseudo_inverse", name="day")
    (job_id,) = job.job_ids()
    record = cloud.jobs[job_id]
    assert (record.name, record.transpiler_info["transpiler_lib"]) == ("day", "qiskit")
    assert record.mitigation_info == {"ro_error_mitigation": "pseudo_inverse"}
    assert "t1, t2" in record.description
    assert sampler.options.name == "night"
    assert set(job.result()[0].data.meas.get_counts()) == {"00", "01"}


def test_terms_share_circuits_and_measure_only_their_qubits(cloud, backend):
    circuit = QuantumCircuit(3)
    circuit.h([0, 1, 2])
    compiled = transpile(circuit, backend, initial_layout=[2, 5, 9])
    labels = [["ZII", "IZI", "ZZI"], ["XII", "IXI", "III"]]
    placed = [
        [SparsePauliOp(label).apply_layout(compiled.layout) for label in row] for row in labels
    ]
    job = EstimatorV2(backend).run([(compiled, placed)], precision=0.1)
    programs = [view.programs[0] for view in sent(cloud, job)]
    measured = [
        {line.split("measure ")[1] for line in program.split("\n") if " = measure " in line}
        for program in programs
    ]
    # Qubits 1 and 2 of the circuit are 5 and 9 of the device; qubit 0 is in no term.
    assert measured == [{"q[5];", "q[9];"}] * 2
    assert all(view.shots == 100 for view in sent(cloud, job))
    data = job.result()[0].data
    np.testing.assert_array_equal(data.evs[1], [1.0, 1.0, 1.0])
    np.testing.assert_array_equal(data.stds[1], 0.0)
    np.testing.assert_array_equal(data.stds, data.ensemble_standard_error)


def test_an_identity_sends_a_program_too(cloud, backend):
    circuit, _ = state(backend)
    job = EstimatorV2(backend).run([(circuit, {"I" * 16: 2.5}, [0.3])], precision=0.5)
    assert len(job.job_ids()) == 1
    data = job.result()[0].data
    assert (data.evs, data.stds) == (2.5, 0.0)


def test_the_server_gets_its_own_words(cloud, backend):
    circuit, observable = state(backend)
    options = {"estimation": "server", "seed": 3}
    job = EstimatorV2(backend, options=options).run([(circuit, observable, [0.0])], precision=0.01)
    (view,) = sent(cloud, job)
    assert (view.job_type, view.shots) == ("estimation", 10_000)
    program = view.programs[0]
    assert "measure" not in program
    assert "bit[" not in program.replace("qubit[", "")
    data = job.result()[0].data
    # cos(0) + 0.5 sin(0) + 2: XX has noise of 0.5 / 100 here, and numbers have single precision.
    assert abs(data.evs - 3.0) < 6 * 0.005
    assert float(np.float32(data.evs)) == data.evs
    assert 0.0049 < data.stds < 0.0051


def test_the_server_may_compile_what_is_measured(cloud, backend):
    circuit = QuantumCircuit(2)
    circuit.h(0)
    circuit.cx(0, 1)
    circuit.s(1)
    pub = (circuit, SparsePauliOp(["XY", "ZZ", "YX"], [1.0, 0.5, 2.0]))
    estimator = EstimatorV2(backend, options={"transpiler": "qiskit"})
    for estimation in ("local", "server"):
        job = estimator.run([pub], precision=0.1, estimation=estimation)
        np.testing.assert_allclose(job.result()[0].data.evs, 3.5, atol=1e-6)
        assert cloud.jobs[job.job_ids()[0]].transpiler_info["transpiler_lib"] == "qiskit"


def test_projectors_are_measured(backend):
    circuit, _ = state(backend)
    place = {5: "0", 9: "1"}
    label = "".join(place.get(qubit, "I") for qubit in reversed(range(16)))
    both = "".join({5: "1", 9: "1"}.get(qubit, "I") for qubit in reversed(range(16)))
    job = EstimatorV2(backend).run([(circuit, [label, both], [math.pi])], precision=0.1)
    np.testing.assert_allclose(job.result()[0].data.evs, [0.0, 1.0], atol=1e-12)


def test_mitigated_elements_have_the_same_number_of_shots(backend):
    sampler = SamplerV2(backend, options={"mitigation": "pseudo_inverse"})
    result = sampler.run([(turned(backend), [[0.0], [0.7], [1.5]], 1000)]).result()
    data = result[0].data
    assert result[0].metadata["shots"] == 1000
    # Each of the outcomes, eight at most, is rounded down.
    assert 992 <= data.low.num_shots == data.high.num_shots <= 1000


# -- failures ------------------------------------------------------------------------------------


def test_the_pubs_that_failed_are_named_and_the_others_have_results(cloud, backend):
    cloud.faults.fail_program(
        lambda view: view.name == "b" and '"position":2,' in view.programs[0],
        message="the fridge is warm",
    )
    values = np.linspace(0, 3, 4).reshape(2, 2)
    pubs = [(turned(backend, name), values, 20) for name in "abc"]
    job = SamplerV2(backend).run(pubs)
    for one in (job, other_provider(cloud).job(job.job_id())):
        with pytest.raises(OqtopusJobError, match="1 of 3 PUBs") as caught:
            one.result()
        text = str(caught.value)
        assert "PUB 1 ('b'), element (1, 0), OQTOPUS job " in text
        assert "the fridge is warm" in text
        assert text == one.error_message()
        assert one.status() is JobStatus.ERROR
        first, failed, last = caught.value.result
        assert failed is None
        assert first.data.low.shape == last.data.low.shape == (2, 2)
        partial = one.result(partial=True)
        assert [pub is None for pub in partial] == [False, True, False]
    cloud.faults.clear()
    # Only what failed is sent again.
    resumed = SamplerV2(backend).run(pubs, resume=job.job_id())
    assert len(resumed.result()) == 3
    assert sum(a != b for a, b in zip(job.job_ids(), resumed.job_ids(), strict=True)) == 1
    assert plain(other_provider(cloud).job(job.job_id()).result()) == plain(resumed.result())


def test_a_parameter_set_that_failed_is_named(cloud, backend):
    cloud.faults.fail_program(lambda view: '"position":1,' in view.programs[0])
    job = EstimatorV2(backend).run([(*state(backend), [[0.0], [1.0]])], precision=0.2)
    with pytest.raises(OqtopusJobError, match=r"PUB 0 \('state'\), parameter set 1, OQTOPUS job"):
        job.result()


def test_jobs_are_cancelled(cloud, backend):
    slow = cloud.faults.slow_queue(math.inf)
    job = SamplerV2(backend).run([(turned(backend), [[0.0], [1.0]], 5)])
    assert job.status() is JobStatus.QUEUED
    seen = []
    with pytest.raises(OqtopusJobTimeoutError, match="goes on"):
        job.result(timeout=0.2)
    with pytest.raises(OqtopusJobTimeoutError):
        job.wait_for_final_state(0.3, wait=0.1, callback=lambda *known: seen.append(known))
    assert seen[0] == (job.job_id(), JobStatus.QUEUED, job)
    assert job.cancel()
    slow.remove()
    assert job.cancelled()
    with pytest.raises(OqtopusJobCancelledError, match="cancelled"):
        job.result()
    with pytest.raises(OqtopusJobCancelledError):
        other_provider(cloud).job(job.job_id()).result()


def test_a_job_that_was_deleted_fails_its_pub_only(cloud, provider, backend):
    job = SamplerV2(backend).run([(turned(backend, name), [0.0], 5) for name in "ab"])
    job.result()
    provider._connection.client.delete(job.job_ids()[1])
    with pytest.raises(OqtopusJobError, match="PUB 1: a circuit of it has no job"):
        other_provider(cloud).job(job.job_id()).result()
    again = other_provider(cloud).job(job.job_id())
    assert again.result(partial=True)[0].data.low.num_shots == 5


def test_a_broken_header_is_an_error(cloud, provider, backend, monkeypatch):
    monkeypatch.setattr(
        "qiskit_oqtopus.primitives.pub_record.SamplerRecord.to_json", lambda self: {"sizes": "?"}
    )
    job = SamplerV2(backend).run([(turned(backend), [0.0], 5)])
    monkeypatch.undo()
    with pytest.raises(OqtopusCloudError, match="says of the primitive"):
        job.result()


@pytest.mark.parametrize("primitive", ["sampler", "estimator"])
def test_an_interrupted_submission_is_resumed(cloud, backend, primitive):
    def go_away(stage, done, total):
        if stage == "submit" and done == 1:
            cloud.faults.status(400, method="POST", path="/jobs/*/submit", times=None)

    shaky = copy.deepcopy(backend)
    shaky.set_options(workers=1, progress=go_away)
    circuit, observable = state(backend)
    if primitive == "sampler":
        make, pubs = SamplerV2, [(turned(backend), [[0.0], [1.0]], 5)]
    else:
        make, pubs = EstimatorV2, [(circuit, observable, [[0.0], [1.0]], 0.2)]
    with pytest.raises(OqtopusSubmissionError, match=rf"{primitive}\.run\(pubs, resume=") as caught:
        make(shaky).run(pubs)
    group = caught.value.group_id
    cloud.faults.clear()
    with pytest.raises(OqtopusJobError, match="PUB 0: a circuit of it has no job"):
        other_provider(cloud).job(group).result()
    if primitive == "estimator":
        # The programs would be the same, but not their purpose.
        with pytest.raises(OqtopusCircuitError, match="metadata or observable differ"):
            make(backend).run([(circuit, 2 * observable, [[0.0], [1.0]], 0.2)], resume=group)
    with pytest.raises(OqtopusOptionError, match="either"):
        make(backend).run(pubs, resume=group, group_id="another-group-id-0")
    job = make(backend).run(pubs, resume=group)
    assert job.job_id() == group
    assert plain(other_provider(cloud).job(group).result()) == plain(job.result())
    assert {cloud.executions[job_id] for job_id in job.job_ids()} == {1}


def test_group_ids_can_be_chosen(cloud, backend):
    pubs = [(turned(backend), [[0.0], [1.0]], 5)]
    job = SamplerV2(backend).run(pubs, group_id="my-very-own-group")
    assert job.job_id() == "my-very-own-group"
    with pytest.raises(OqtopusOptionError, match="in use"):
        SamplerV2(backend).run(pubs, group_id="my-very-own-group")


# -- what is refused -----------------------------------------------------------------------------


def wrong_sampler_pubs(backend):
    circuit = turned(backend)
    bare = QuantumCircuit(16)
    bare.sx(0)
    loose = QuantumCircuit(16)
    loose.add_bits([Clbit()])
    loose.measure(0, 0)
    named = QuantumCircuit(16)
    named.add_register(ClassicalRegister(1, "shape"))
    named.measure(0, 0)
    return [
        (circuit, "run() takes a list"),
        ((circuit, [0.0]), "you need to wrap it with []: sampler.run([pub])"),
        (SamplerPub.coerce((circuit, [0.0])), "run() takes a list"),
        ([], "there is no PUB"),
        ([(circuit, [0.0], 0)], "PUB 0: shots must be"),
        ([(circuit, [0.0], -3)], "PUB 0: shots must be"),
        ([(circuit, [0.0], 1.5)], "PUB 0: shots must be"),
        ([(circuit, [0.0], True)], "PUB 0: shots must be"),
        ([(circuit, [0.0], 10**7 + 1)], "PUB 0: shots must be at most 10,000,000"),
        ([SamplerPub.coerce((circuit, [0.0])), (circuit, [math.nan])], "PUB 1: a value of angle"),
        ([circuit], "PUB 0: The number of values"),
        ([(circuit, [1j])], "PUB 0: "),
        ([(circuit, np.zeros((0, 1)))], "PUB 0: it has no elements"),
        ([(circuit, [0.0], 1, 2, 3)], "PUB 0: The length of pub"),
        (["circuit"], "PUB 0: it has no circuit"),
        ([()], "PUB 0: it has no circuit"),
        ([bare], "PUB 0: its circuit has no classical registers"),
        ([loose], "PUB 0: its circuit has no classical registers"),
        ([named], "PUB 0: a register has a name"),
    ]


def test_wrong_sampler_pubs_are_refused(cloud, backend):
    before = len(cloud.requests)
    for pubs, message in wrong_sampler_pubs(backend):
        with pytest.raises(OqtopusPubError) as caught:
            SamplerV2(backend).run(pubs)
        assert message in str(caught.value)
        assert isinstance(caught.value, ValueError)
        assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)
    with pytest.raises(OqtopusPubError, match="shots must be"):
        SamplerV2(backend).run([turned(backend)], shots=0)
    assert len(cloud.requests) == before


def wrong_estimator_pubs(backend):
    circuit, observable = state(backend)
    width = "I" * 16
    measured = circuit.copy()
    measured.measure_active()
    good = EstimatorPub.coerce((circuit, observable, [0.0]))
    return [
        ([(circuit, observable, [0.0], 0)], "PUB 0: a precision of 0 is not possible"),
        ([(circuit, observable, [0.0], 1e-4)], "10,000,000 shots at most"),
        ([(circuit, observable, [0.0], -0.1)], "PUB 0: precision must be"),
        ([(circuit, observable, [0.0], math.nan)], "PUB 0: precision must be"),
        ([(circuit, observable, [0.0], math.inf)], "PUB 0: precision must be"),
        ([(circuit, observable, [0.0], "0.1")], "PUB 0: precision must be"),
        ([good, (circuit, SparsePauliOp("ZZ"), [0.0])], "PUB 1: observable 0 has 2 qubits"),
        ([(circuit, SparsePauliOp("ZZ"), [0.0])], "observable.apply_layout(circuit.layout)"),
        ([(circuit, [[width, "Z" * 17]], [0.0])], "PUB 0: "),
        ([(circuit, "Z" * 17, [0.0])], "PUB 0: observable 0 has 17 qubits"),
        ([(circuit, SparsePauliOp([width], [1j]), [0.0])], "PUB 0: "),
        ([(circuit, {width: math.nan}, [0.0])], "PUB 0: "),
        ([(circuit, 3, [0.0])], "PUB 0: "),
        ([(circuit, observable)], "PUB 0: The number of values"),
        ([(circuit, [observable, observable], [[0.0], [1.0], [2.0]])], "not broadcastable"),
        ([(circuit, observable, [math.inf])], "PUB 0: a value of angle"),
        ([(measured, observable, [0.0])], "uses classical bits"),
        ([(circuit,)], "PUB 0: it has no observables"),
        ([circuit], "PUB 0: it has no observables"),
        ((circuit, observable, [0.0]), "you need to wrap it with []: estimator.run([pub])"),
        (good, "An invalid Estimator pub-like was given"),
        ([], "there is no PUB"),
    ]


def test_wrong_estimator_pubs_are_refused(cloud, backend):
    pubs = wrong_estimator_pubs(backend)
    before = len(cloud.requests)
    for wrong, message in pubs:
        with pytest.raises(OqtopusPubError) as caught:
            EstimatorV2(backend).run(wrong)
        assert message in str(caught.value), message
    with pytest.raises(OqtopusPubError, match="precision of 0 is not possible"):
        EstimatorV2(backend).run([(*state(backend), [0.0])], precision=0)
    assert len(cloud.requests) == before


def test_circuits_that_were_not_compiled_are_listed_by_pub(cloud, backend):
    plain_circuit = QuantumCircuit(2, 2, name="plain")
    plain_circuit.h(0)
    plain_circuit.rz(Parameter("angle"), 0)
    plain_circuit.measure([0, 1], [0, 1])
    pubs = [(turned(backend), [0.0]), (plain_circuit, [[0.0], [1.0]])]
    before = len(cloud.requests)
    with pytest.raises(OqtopusCircuitError) as caught:
        SamplerV2(backend).run(pubs)
    (problem,) = caught.value.problems  # once, and not for each parameter set
    assert str(problem).startswith("PUB 1 ('plain'), instruction 0 ('h' on qubit 0)")
    bare = plain_circuit.remove_final_measurements(inplace=False)
    with pytest.raises(OqtopusCircuitError, match=r"PUB 0 \('plain'\), instruction 0"):
        EstimatorV2(backend).run([(bare, "ZX", [0.0])])
    assert len(cloud.requests) == before


def test_what_the_server_cannot_estimate_is_refused(backend):
    circuit = QuantumCircuit(3, name="idle")
    circuit.h(0)
    circuit.cx(0, 2)
    estimator = EstimatorV2(backend, options={"estimation": "server"})
    with pytest.raises(OqtopusCircuitError, match=r"PUB 0 .*qubit 1 without a gate"):
        estimator.run([(circuit, "ZIZ")], transpiler="qiskit")
    circuit.x(1)
    job = estimator.run([(circuit, "ZIZ")], transpiler="qiskit", precision=0.1)
    assert job.result()[0].data.evs == 1.0


def test_options_are_refused(backend):
    with pytest.raises(OqtopusOptionError, match="'shotz'; the options are: default_shots"):
        SamplerV2(backend, options={"shotz": 3})
    with pytest.raises(OqtopusOptionError, match="'estimation' must be one of"):
        EstimatorV2(backend, options={"estimation": "magic"})
    with pytest.raises(OqtopusOptionError, match="Unknown option 'method'"):
        SamplerV2(backend).run([turned(backend)], method="fast")
    for make, name in ((SamplerV2, "BackendSamplerV2"), (EstimatorV2, "BackendEstimatorV2")):
        with pytest.raises(OqtopusOptionError, match=name):
            make(GenericBackendV2(2))
        with pytest.raises(OqtopusError):
            make("grid-16q")


def test_warnings_are_about_the_line_of_the_user(cloud, backend):
    circuit = turned(backend).assign_parameters([0.0])
    bare, observable = state(backend)
    pub = (bare.assign_parameters([0.0]), observable)
    cloud.devices.set("grid-16q", calibrated_at="2026-11-24T00:00:00Z")
    runs = [
        lambda: backend.run(circuit, shots=5),
        lambda: SamplerV2(backend).run([circuit], shots=5),
        lambda: EstimatorV2(backend).run([pub], precision=0.5),
    ]
    for run in runs:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            run()
        (found,) = [warning for warning in caught if warning.category is OqtopusWarning]
        assert found.filename == __file__


# -- counts that cannot be true ------------------------------------------------------------------


def answer(cloud, job_id, name, content):
    """Let a job that has ended have another result or program."""
    cloud._object_storage.put(f"{job_id}/{name}.zip", pack_json(content))


def answer_counts(cloud, job_id, counts):
    answer(cloud, job_id, "result", {"sampling": {"counts": counts}, "estimation": None})


@pytest.mark.parametrize("counts", [{}, {"00": 1}, {"00": 101}, {"00": 10**12}])
def test_a_sampler_does_not_cut_its_shots_to_counts_that_cannot_be(cloud, backend, counts):
    pubs = [(turned(backend, "a"), np.zeros((10, 1))), (turned(backend, "b"), [0.0])]
    job = SamplerV2(backend).run(pubs, shots=100)
    job.wait_for_final_state(60)
    answer_counts(cloud, job.job_ids()[3], counts)
    for one in (job, other_provider(cloud).job(job.job_id())):
        with pytest.raises(OqtopusJobError, match="1 of 2 PUBs") as caught:
            one.result()
        text = str(caught.value)
        assert f"PUB 0 ('a'), element 3, OQTOPUS job {job.job_ids()[3]}" in text
        assert f"add up to {sum(counts.values())}, and the job has 100 shots" in text
        first, second = caught.value.result
        assert first is None
        assert second.data.low.num_shots == 100
        assert one.status() is JobStatus.ERROR


@pytest.mark.parametrize("number", [1, 10**12])
def test_an_estimator_takes_no_counts_that_cannot_be(cloud, backend, number):
    circuit, observable = state(backend)
    pubs = [(circuit, observable, [[0.0], [1.0]]), (circuit, observable, [0.0])]
    job = EstimatorV2(backend).run(pubs, precision=0.1)
    job.wait_for_final_state(60)
    width = len(job.backend_jobs()[0].headers()[2].clbits)
    answer_counts(cloud, job.job_ids()[2], {"0" * width: number})
    with pytest.raises(OqtopusJobError, match="1 of 2 PUBs") as caught:
        job.result()
    assert f"parameter set 1, OQTOPUS job {job.job_ids()[2]}: its counts" in str(caught.value)
    first, second = caught.value.result
    assert (first, second.metadata["shots"]) == (None, 100)
