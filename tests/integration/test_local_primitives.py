"""SamplerV2 and EstimatorV2 on the local simulator."""

import math
import pickle
import threading
from concurrent.futures import Executor, Future

import numpy as np
import pytest
from qiskit import ClassicalRegister, QuantumCircuit, QuantumRegister, transpile
from qiskit.circuit import Gate, Parameter
from qiskit.circuit.library import efficient_su2
from qiskit.primitives import StatevectorEstimator, StatevectorSampler
from qiskit.providers import JobStatus
from qiskit.providers.fake_provider import GenericBackendV2
from qiskit.quantum_info import DensityMatrix, Pauli, SparsePauliOp, Statevector

from qiskit_oqtopus import (
    EstimatorV2,
    OqtopusCircuitError,
    OqtopusJobCancelledError,
    OqtopusJobError,
    OqtopusJobTimeoutError,
    OqtopusOptionError,
    OqtopusPubError,
    OqtopusWarning,
    QulacsBackend,
    SamplerV2,
)
from qiskit_oqtopus.primitives import local
from tests.circuits import assert_drawn_from


@pytest.fixture
def backend():
    return QulacsBackend(num_qubits=5)


class Losing(Executor):
    """Runs what it is given at once, except for some chunks, which it loses or keeps for ever."""

    def __init__(self, lost=(), kept=()):
        self.lost, self.kept, self.count = lost, kept, 0

    def submit(self, function, /, *args, **kwargs):
        future = Future()
        number, self.count = self.count, self.count + 1
        if number in self.lost:
            future.set_exception(ConnectionError("worker lost"))
        elif number not in self.kept:
            future.set_result(function(*args, **kwargs))
        return future


def ansatz(name="ansatz"):
    circuit = QuantumCircuit(2, name=name)
    circuit.ry(Parameter("angle"), 0)
    circuit.cx(0, 1)
    return circuit


def measured(name="measured"):
    circuit = ansatz(name)
    circuit.measure_all()
    return circuit


# -- sampler -------------------------------------------------------------------------------------


def test_samples_of_several_registers_are_drawn_from_the_state(backend):
    free = efficient_su2(3, reps=1)
    circuit = free.copy()
    circuit.add_register(ClassicalRegister(1, "low"), ClassicalRegister(2, "high"))
    circuit.measure([0, 1, 2], [1, 0, 2])
    values = np.random.default_rng(1).uniform(-3, 3, (2, 3, free.num_parameters))
    result = SamplerV2(backend, options={"seed": 4}).run([(circuit, values)], shots=4000).result()
    data = result[0].data
    assert data.shape == data.low.shape == data.high.shape == (2, 3)
    for index in np.ndindex(2, 3):
        exact = Statevector(free.assign_parameters(values[index]))
        joint = data.low[index].get_int_counts(), data.high[index].get_int_counts()
        assert_drawn_from(joint[0], dict(enumerate(exact.probabilities([1]))))
        assert_drawn_from(joint[1], dict(enumerate(exact.probabilities([0, 2]))))
        # The registers belong together shot by shot.
        low = data.low[index].to_bool_array()[:, 0].astype(int)
        high = np.packbits(
            data.high[index].to_bool_array(order="little"), axis=1, bitorder="little"
        )
        both, numbers = np.unique(low + 2 * high[:, 0], return_counts=True)
        counts = dict(zip(both.tolist(), numbers.tolist(), strict=True))
        assert_drawn_from(counts, dict(enumerate(exact.probabilities([1, 0, 2]))))


def test_measurements_in_the_middle(backend):
    circuit = QuantumCircuit(QuantumRegister(2), ClassicalRegister(1, "a"))
    circuit.add_register(ClassicalRegister(2, "b"))
    circuit.h(0)
    circuit.measure(0, 0)
    with circuit.if_test((0, 1)):
        circuit.x(1)
    circuit.measure([0, 1], [1, 2])
    data = SamplerV2(backend).run([circuit], shots=300).result()[0].data
    joined = {(a, b) for a, b in zip(data.a.get_bitstrings(), data.b.get_bitstrings(), strict=True)}
    assert joined == {("0", "00"), ("1", "11")}


def test_many_bits(backend):
    circuit = QuantumCircuit(1, 70)
    circuit.x(0)
    circuit.measure(0, 66)
    data = SamplerV2(backend).run([circuit], shots=3).result()[0].data
    assert data.c.get_int_counts() == {1 << 66: 3}


def test_a_seed_makes_samples_reproducible(backend):
    pubs = [(measured(), [[0.4], [1.3]]), (measured(), [[0.4], [1.3]])]

    def bits(**options):
        result = SamplerV2(backend, options=options).run(pubs, shots=100).result()
        return [pub.data.meas.array.tolist() for pub in result]

    assert bits(seed=3) == bits(seed=3)
    assert bits(seed=3) != bits(seed=4)
    assert bits() != bits()
    first, second = bits(seed=3)
    assert first != second  # each PUB has random numbers of its own
    # Unsorted, so that a part of the shots is a sample too.
    ones = np.array(first[1])[:, 0]
    assert (np.diff(ones.astype(int)) < 0).any()
    backend.set_options(seed_simulator=8)
    assert bits() == bits()


def test_without_registers_the_result_is_empty_with_a_warning(backend):
    silent = QuantumCircuit(1)
    silent.h(0)
    with pytest.warns(OqtopusWarning, match="PUB 0 has no classical registers") as caught:
        job = SamplerV2(backend).run([silent, (measured(), [0.1])], shots=9)
    assert caught[0].filename == __file__
    result = job.result()
    assert list(result[0].data) == []
    assert result[1].data.meas.num_shots == 9
    assert job.status() is JobStatus.DONE


def test_empty_runs_and_empty_pubs(backend):
    assert len(SamplerV2(backend).run([]).result()) == 0
    empty = (measured(), np.zeros((0, 1)))
    ours = SamplerV2(backend).run([empty], shots=7).result()[0].data
    theirs = StatevectorSampler().run([empty], shots=7).result()[0].data
    assert ours.meas.array.shape == theirs.meas.array.shape == (0, 7, 1)
    none = EstimatorV2(backend).run([(ansatz(), "ZZ", np.zeros((0, 1)))]).result()[0].data
    assert none.evs.shape == (0,)


def test_default_shots(backend):
    def shots(options, **run):
        result = SamplerV2(backend, options=options).run([(measured(), [0.1])], **run).result()
        return result[0].data.meas.num_shots

    assert shots(None) == 1024
    backend.set_options(shots=12)
    assert shots(None) == 12
    assert shots({"default_shots": 13}) == 13
    assert shots({"default_shots": 13}, shots=14) == 14


# -- estimator -----------------------------------------------------------------------------------


def test_precision_is_noise_of_that_size(backend):
    values = np.zeros((4000, 1))
    estimator = EstimatorV2(backend, options={"default_precision": 0.1, "seed": 5})
    pub = (ansatz(), SparsePauliOp(["ZZ", "IZ"], [1.0, 0.5]), values)
    result = estimator.run([pub, pub]).result()
    data = result[0].data
    # 4,000 draws: sigma of their mean is 0.1 / 63, and that of their deviation 0.1 / 89; 6 sigma.
    assert abs(data.evs.mean() - 1.5) < 6 * 0.1 / 63
    assert abs(data.evs.std() - 0.1) < 6 * 0.1 / 89
    np.testing.assert_array_equal(data.stds, 0.1)
    assert result[0].metadata == {"target_precision": 0.1, "circuit_metadata": {}}
    # Each PUB begins with the seed, as in Qiskit, so that the numbers are the same as there.
    np.testing.assert_array_equal(result[1].data.evs, data.evs)
    again = estimator.run([pub], precision=0.1).result()[0].data
    np.testing.assert_array_equal(again.evs, data.evs)
    reference = StatevectorEstimator(default_precision=0.1, seed=5).run([pub]).result()[0].data
    np.testing.assert_allclose(data.evs, reference.evs, atol=1e-12)
    estimator.options.seed = None
    first, second = estimator.run([pub, pub]).result()
    assert (first.data.evs != second.data.evs).all()
    exact = estimator.run([(*pub, 0)]).result()[0].data
    np.testing.assert_allclose(exact.evs, 1.5, atol=1e-12)


def test_resets_leave_mixtures(backend):
    circuit = QuantumCircuit(3)
    circuit.ry(Parameter("angle"), 0)
    circuit.cx(0, 1)
    circuit.cx(1, 2)
    circuit.reset(1)
    circuit.h(1)
    circuit.reset(2)
    observables = ["IIZ", "ZII", "IXI", "XIX", "IZZ"]
    values = np.linspace(0, 3, 4)[:, None, None]
    data = EstimatorV2(backend).run([(circuit, observables, values)]).result()[0].data
    for angle, evs in zip(values.ravel(), data.evs, strict=True):
        state = DensityMatrix(QuantumCircuit(3)).evolve(circuit.assign_parameters([angle]))
        expected = [state.expectation_value(Pauli(label)).real for label in observables]
        np.testing.assert_allclose(evs, expected, atol=1e-12)
    np.testing.assert_array_equal(data.stds, 0)


@pytest.mark.slow
def test_mixtures_of_too_many_states_are_refused():
    circuit = QuantumCircuit(20, name="forgetful")
    circuit.h(range(10))
    for qubit in range(10):
        circuit.cx(qubit, qubit + 10)
        circuit.reset(qubit)  # qubit + 10 is left in a mixture of two states
    circuit.cx(range(10, 19), range(11, 20))  # so that it does not fall into parts
    job = EstimatorV2(QulacsBackend()).run([(circuit, "Z" * 20)])
    with pytest.raises(OqtopusJobError, match=r"'forgetful'.*more than 16 states of 20"):
        job.result()


def test_wide_targets_cost_nothing():
    device = GenericBackendV2(60, coupling_map=[[k, k + 1] for k in range(59)], seed=1)
    backend = QulacsBackend(target=device.target)
    circuit = efficient_su2(3, reps=1)
    values = np.random.default_rng(2).uniform(-3, 3, circuit.num_parameters)
    observable = SparsePauliOp(["ZXI", "IYY", "III"], [1.0, 2.0, 3.0])
    compiled = transpile(circuit, backend, initial_layout=[20, 40, 30], seed_transpiler=1)
    placed = observable.apply_layout(compiled.layout)
    exact = StatevectorEstimator().run([(circuit, observable, values)]).result()[0].data.evs
    found = EstimatorV2(backend).run([(compiled, placed, values)]).result()[0].data.evs
    np.testing.assert_allclose(found, exact, atol=1e-9)


def test_idle_qubits_are_in_0(backend):
    circuit = QuantumCircuit(3)
    circuit.x(1)
    circuit.barrier()
    data = EstimatorV2(backend).run([(circuit, ["ZII", "IZZ", "XII", "IIY", "0I0", "1II"])])
    np.testing.assert_allclose(data.result()[0].data.evs, [1, -1, 0, 0, 1, 0], atol=1e-12)
    bare = EstimatorV2(backend).run([(QuantumCircuit(2), ["ZZ", "XX"])]).result()
    np.testing.assert_array_equal(bare[0].data.evs, [1, 0])


# -- jobs ----------------------------------------------------------------------------------------


def test_a_job_of_one_pub_has_the_id_of_its_job(backend):
    job = SamplerV2(backend).run([(measured(), [0.1])])
    (behind,) = job.backend_jobs()
    assert job.job_id() == behind.job_id()
    assert (job.job_ids(), job.backend()) == ([behind.job_id()], backend)
    two = SamplerV2(backend).run([(measured(), [0.1])] * 2)
    assert two.job_id() not in two.job_ids()
    assert len(two.job_ids()) == 2
    counts = [[pub.data.meas.get_counts() for pub in two.result()] for _ in range(2)]
    assert counts[0] == counts[1]
    assert two.done()
    assert two.error_message() is None


def test_the_jobs_behind_have_results_of_their_own(backend):
    circuit = measured()
    circuit.global_phase = circuit.parameters[0] + 7
    circuit.metadata = {"day": "Monday"}
    job = SamplerV2(backend).run([(circuit, [[0.0], [np.pi]])], shots=10)
    (behind,) = job.backend_jobs()
    found = behind.result()  # first: what it hands out is not lost to the primitive
    assert [found.get_counts(k) for k in range(2)] == [{"00": 10}, {"11": 10}]
    assert [found.results[k].header["metadata"] for k in range(2)] == [{"day": "Monday"}] * 2
    phases = [found.results[k].header["global_phase"] for k in range(2)]
    np.testing.assert_allclose(phases, [7 % math.tau, (7 + np.pi) % math.tau])
    bits = job.result()[0].data.meas
    assert [bits.get_counts(k) for k in range(2)] == [{"00": 10}, {"11": 10}]
    job = EstimatorV2(backend).run([(ansatz(), ["ZZ", "ZI"], [np.pi])])
    values = job.backend_jobs()[0].result().data(0)["expectation_values"]
    np.testing.assert_allclose(values, [1, -1], atol=1e-12)
    np.testing.assert_array_equal(job.result()[0].data.evs, values)


def test_the_pub_that_failed_is_named(backend):
    backend.set_options(executor=Losing(lost=[4]), max_job_size=1)
    values = [[[0.1], [0.2]], [[0.3], [0.4]]]
    pubs = [(measured("first"), [0.0]), (measured("second"), values), (measured("third"), [0.0])]
    job = SamplerV2(backend).run(pubs, shots=5)
    with pytest.raises(OqtopusJobError, match=r"1 of 3 PUBs have no result") as caught:
        job.result()
    where = r"PUB 1 ('second'), parameter set (1, 1): ConnectionError: worker lost"
    assert where in str(caught.value)
    assert str(caught.value) == job.error_message()
    first, second, third = caught.value.result
    assert second is None
    assert first.data.meas.num_shots == third.data.meas.num_shots == 5
    assert job.status() is JobStatus.ERROR
    assert job.result(partial=True)[1] is None
    backend.set_options(executor=Losing(lost=range(9)))
    with pytest.raises(OqtopusJobError, match=r"PUB 0 \('ansatz'\): ConnectionError"):
        EstimatorV2(backend).run([(ansatz(), "ZZ", [0.1])]).result()


def test_cancelling_and_waiting(backend):
    backend.set_options(executor=Losing(kept=[1]), max_job_size=1)
    job = SamplerV2(backend).run([(measured("a"), [0.1]), (measured("b"), [0.1])], shots=5)
    assert not job.in_final_state()
    with pytest.raises(OqtopusJobTimeoutError, match="goes on"):
        job.result(timeout=0.05)
    seen = []
    with pytest.raises(OqtopusJobTimeoutError):
        job.wait_for_final_state(0.1, wait=0.04, callback=lambda *known: seen.append(known))
    assert seen[0][0] == job.job_id()
    assert job.cancel()
    assert job.cancelled()
    with pytest.raises(OqtopusJobCancelledError, match=r"PUB 1 \('b'\): cancelled") as caught:
        job.result()
    assert caught.value.result[0].data.meas.num_shots == 5
    assert job.cancel()  # it is still cancelled


def test_many_threads_may_ask(backend):
    job = EstimatorV2(backend).run([(ansatz(), "ZZ", [[0.1]] * 50)])
    found = []
    threads = [threading.Thread(target=lambda: found.append(job.result())) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [result[0].data.evs.tolist() for result in found] == [found[0][0].data.evs.tolist()] * 6


# -- what is refused -----------------------------------------------------------------------------


def test_problems_are_listed_by_pub_and_nothing_runs(backend):
    odd = ansatz("odd")
    odd.append(Gate("mystery", 1, []), [0])
    backend.set_options(executor=(recorder := Losing(kept=range(9))))
    pubs = [(ansatz(), "ZZ", [0.1]), (odd, "ZZ", [[0.1], [0.2]])]
    with pytest.raises(OqtopusCircuitError) as caught:
        EstimatorV2(backend).run(pubs)
    (problem,) = caught.value.problems
    assert str(problem).startswith("PUB 1 ('odd'), instruction 2 ('mystery' on qubit 0)")
    assert recorder.count == 0


def test_a_result_that_cannot_be_built_spares_the_others(backend, monkeypatch):
    real = local.build_bit_arrays
    room = {"left": False}

    def large(*arguments):
        if arguments[-1] == 11 and not room["left"]:
            raise MemoryError("no room")
        return real(*arguments)

    monkeypatch.setattr(local, "build_bit_arrays", large)
    job = SamplerV2(backend).run([(measured(), [0.0], 10), (measured("big"), [0.0], 11)])
    with pytest.raises(
        OqtopusJobError, match=r"1 of 2 PUBs.*PUB 1 \('big'\): MemoryError: no room"
    ):
        job.result()
    assert job.result(partial=True)[0].data.meas.get_counts() == {"00": 10}
    room["left"] = True
    assert job.result()[1].data.meas.get_counts() == {"00": 11}


def test_what_is_wrong_with_pubs(backend):
    measuring = measured()
    for pubs, words in [
        ([(measuring, "ZZ", [0.1])], "uses classical bits"),
        ([(ansatz(), "ZZZ", [0.1])], "observable 0 has 3 qubits and the circuit has 2"),
        ([(ansatz(), "ZZ", [0.1], -1)], "precision must be"),
        ([(ansatz(), "ZZ")], "PUB 0: "),
    ]:
        with pytest.raises(OqtopusPubError) as caught:
            EstimatorV2(backend).run(pubs)
        assert words in str(caught.value)
    with pytest.raises(OqtopusPubError, match="shots must be"):
        SamplerV2(backend).run([(measuring, [0.1], 0)])
    with pytest.raises(OqtopusPubError) as caught:
        EstimatorV2(backend).run([(ansatz(), "ZZ"), (ansatz(), "ZZ", [0.1]), (ansatz(), "Z", [1])])
    with pytest.raises(OqtopusPubError) as sampled:
        SamplerV2(backend).run([(measuring, [0.1], 0), measuring, (measuring, [0.1])])
    assert [place for place, _ in sampled.value.problems] == [0, 1]
    for error in (caught.value, pickle.loads(pickle.dumps(caught.value))):
        assert error.pub == 0
        assert [place for place, _ in error.problems] == [0, 2]
        lines = str(error).splitlines()
        assert lines[0] == "2 PUBs cannot be run."
        assert lines[2] == "  - PUB 2: observable 0 has 1 qubits and the circuit has 2"


def test_options_of_devices_are_refused(backend):
    with pytest.raises(OqtopusOptionError, match="'mitigation', 'tags' are options of devices"):
        SamplerV2(backend, options={"mitigation": "pseudo_inverse", "tags": ["x"]}).run([])
    with pytest.raises(OqtopusOptionError, match="'estimation' is an option of devices"):
        EstimatorV2(backend).run([], estimation="server")
    with pytest.raises(OqtopusOptionError, match="'resume' is one of devices"):
        SamplerV2(backend).run([], resume="group-group-group-group")


@pytest.mark.parametrize("timeout", [math.inf, 1e300, 30])
def test_each_caller_has_a_result_of_its_own(timeout):
    circuit = QuantumCircuit(1, metadata={"list": [1]})
    circuit.x(0)
    measured = circuit.measure_all(inplace=False)
    backend = QulacsBackend()
    sampled = SamplerV2(backend).run([measured], shots=5)
    estimated = EstimatorV2(backend).run([(circuit, "Z")])
    for _ in range(2):
        result = sampled.result(timeout=timeout)
        assert result[0].data.meas.get_counts() == {"1": 5}
        assert result[0].metadata["circuit_metadata"] == {"list": [1]}
        result[0].data.meas.array[:] = 0
        result[0].metadata["circuit_metadata"].clear()
        data = estimated.result(timeout=timeout)[0].data
        assert data.evs == pytest.approx(-1)
        data.evs[...] = 5


def test_a_timeout_is_a_number_of_seconds():
    circuit = QuantumCircuit(1)
    circuit.measure_all()
    job = SamplerV2(QulacsBackend()).run([circuit], shots=5)
    for timeout in (math.nan, "5"):
        for wait in (job.result, job.wait_for_final_state):
            with pytest.raises(OqtopusOptionError, match="'timeout' must be a number of seconds"):
                wait(timeout)
