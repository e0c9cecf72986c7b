"""Backends of vendors behind OQTOPUS: the same counts as directly, and what cannot be run."""

import threading
import time

import pytest
from qiskit import QuantumCircuit, transpile
from qiskit.circuit import ClassicalRegister, Measure, Parameter, QuantumRegister
from qiskit.circuit.library import CXGate, ECRGate, RZGate, SXGate, XGate
from qiskit.primitives import BackendSamplerV2
from qiskit.providers import BackendV2, JobV1, Options, QubitProperties
from qiskit.providers.fake_provider import GenericBackendV2
from qiskit.transpiler import CouplingMap, InstructionProperties, Target

from qiskit_oqtopus import (
    EstimatorV2,
    OqtopusJobError,
    OqtopusOptionError,
    OqtopusProvider,
    QulacsBackend,
)
from qiskit_oqtopus.emulator import Emulator
from tests.devices import grid_facts
from tests.vendors import MoveOfIqm, alice_bob, deneb, each

from .session import FLIP, HEAD, Session

SHOTS = 10_000
LINE = CouplingMap.from_line(5)


def provider_of(cloud):
    return OqtopusProvider(url=cloud.url, token=cloud.token)


def manila():
    fakes = pytest.importorskip("qiskit_ibm_runtime.fake_provider")
    return fakes.FakeManilaV2()


def aer():
    backend = pytest.importorskip("qiskit_aer").AerSimulator(n_qubits=6)
    backend.set_options(seed_simulator=5)
    return backend


def with_cz():
    return GenericBackendV2(
        5, ["sx", "x", "rz", "cz"], coupling_map=CouplingMap.from_line(5), seed=2
    )


def ions():
    return GenericBackendV2(5, ["rx", "rz", "rzz"], seed=3)


def twin():
    with Emulator([grid_facts()]) as cloud:
        return provider_of(cloud).backends()[0].twin(seed=5)


BACKENDS = [manila, with_cz, ions, aer, twin]


def asymmetric():
    """Gates, and bits that are read into two registers in an order of their own."""
    low, high = ClassicalRegister(2, "low"), ClassicalRegister(2, "high")
    circuit = QuantumCircuit(QuantumRegister(3, "q"), low, high, name="asymmetric")
    circuit.x(0)
    circuit.h(1)
    circuit.cx(1, 2)
    circuit.rx(0.7, 2)
    circuit.measure(0, high[1])
    circuit.measure(1, low[0])
    circuit.measure(2, high[0])
    return circuit


def assert_alike(counts, others):
    """Both drawn from one distribution: each key within 5 sigma, a false alarm in 2e6 keys."""
    shots, more = sum(counts.values()), sum(others.values())
    for key in counts.keys() | others.keys():
        a, b = counts.get(key, 0), others.get(key, 0)
        p = (a + b) / (shots + more)
        sigma = (p * (1 - p) * (1 / shots + 1 / more)) ** 0.5
        assert abs(a / shots - b / more) <= 5 * sigma + 2 / shots, key


@pytest.mark.parametrize("gateway", ["qulacs", "qubex"])
@pytest.mark.parametrize("make", BACKENDS)
def test_counts_are_those_of_the_backend(make, gateway):
    vendor = make()
    if vendor.name is None:
        vendor.name = "twin"
    with Emulator([vendor, "line-4q"], gateway=gateway) as cloud:
        provider = provider_of(cloud)
        assert {b.name for b in provider.backends()} >= {vendor.name, "line-4q"}
        backend = provider.backend(vendor.name)
        circuit = transpile(asymmetric(), backend, optimization_level=1, seed_transpiler=1)
        behind = backend.run(circuit, shots=SHOTS).result().get_counts()
        directly = vendor.run(
            transpile(circuit, vendor, optimization_level=0, routing_method="none"), shots=SHOTS
        )
        assert_alike(behind, directly.result().get_counts())
        example = provider.backend("line-4q")
        there = transpile(asymmetric(), example, optimization_level=1, seed_transpiler=1)
        counts = example.run(there, shots=100).result().get_counts()
        assert {len(key) for key in counts} == {len(key) for key in behind} == {5}


def silent():
    """A device of two qubits with a cx in one direction and no delay."""
    target = Target(
        num_qubits=2, qubit_properties=[QubitProperties(t1=1e-4, t2=5e-5), QubitProperties()]
    )
    target.add_instruction(SXGate(), {(0,): _known(1e-3, 2e-8), (1,): _known(2e-3, 2e-8)})
    target.add_instruction(XGate(), {(0,): _known(4e-3, 3e-8), (1,): _known(1e-3, 3e-8)})
    target.add_instruction(RZGate(Parameter("a")), each(2, 0.0, 0.0))
    target.add_instruction(CXGate(), {(0, 1): _known(0.01, 3e-7)})
    target.add_instruction(Measure(), {(0,): _known(0.02, 1e-6), (1,): _known(0.03, 1e-6)})
    return target


def _known(error, duration):
    return InstructionProperties(duration, error)


class Doubtful(BackendV2):
    """A backend that answers whatever it is told to."""

    def __init__(self, answer, target=None, name="doubtful"):
        super().__init__(name=name)
        self._target = silent() if target is None else target
        self.answer = answer
        self.sent = []

    @property
    def target(self):
        return self._target

    @property
    def max_circuits(self):
        return 1

    @classmethod
    def _default_options(cls):
        return Options()

    def run(self, circuit, **options):
        self.sent.append((circuit, options))
        return Answered(self, self.answer)


class Answered(JobV1):
    """A job whose result is a function."""

    def __init__(self, backend, answer):
        super().__init__(backend, "vendor-1")
        self._answer = answer
        self.cancelled = False

    def submit(self):
        pass

    def status(self):
        pass

    def cancel(self):
        self.cancelled = True

    def result(self):
        return self._answer()


class Counted:
    def __init__(self, counts):
        self._counts = counts

    def get_counts(self):
        return self._counts


def flip():
    circuit = QuantumCircuit(1, 1)
    circuit.x(0)
    circuit.measure(0, 0)
    return circuit


def failure(vendor, circuit=None, shots=100, **options):
    with Emulator([vendor]) as cloud:
        backend = provider_of(cloud).backend(vendor.name)
        with pytest.raises(OqtopusJobError) as caught:
            backend.run(flip() if circuit is None else circuit, shots=shots, **options).result()
        return str(caught.value)


# What a device says of itself


def test_facts_are_those_of_the_target():
    with Emulator(Doubtful(None, silent())) as cloud:
        device = provider_of(cloud).backend("doubtful")
        first, second = device.snapshot().qubits
        forth, back = device.snapshot().couplings
    # x and sx as they are: the worse of both.
    assert (first.fidelity, second.fidelity) == (0.996, 0.998)
    assert (first.readout_assignment_error, second.readout_assignment_error) == (0.02, 0.03)
    assert (first.t1, first.t2, second.t1) == (1e-4, 5e-5, None)
    assert first.durations == {"x": 3e-8, "sx": 2e-8, "rz": 0.0}
    assert (forth.control, forth.target, forth.fidelity) == (0, 1, 0.99)
    assert forth.durations == {"cx": 3e-7}
    # Reversed: an h before and after, on both qubits, is one sx each time.
    assert (back.control, back.target) == (1, 0)
    assert back.fidelity == pytest.approx(0.99 * 0.999**2 * 0.998**2)
    assert back.durations["cx"] == pytest.approx(3.4e-7)


def test_direction_that_exists_only_reversed_runs():
    simulator = QulacsBackend.from_target(silent(), seed_simulator=1)
    simulator.name = "one-way"
    circuit = QuantumCircuit(2, 2)
    circuit.x(1)
    circuit.cx(1, 0)
    circuit.measure([0, 1], [0, 1])
    with Emulator([simulator]) as cloud:
        counts = (
            provider_of(cloud).backend("one-way").run(circuit, shots=2000).result().get_counts()
        )
    assert counts["11"] > 1700


def test_cx_of_two_qubit_gates_that_are_no_cx():
    target = Target(num_qubits=2)
    target.add_instruction(SXGate(), each(2, 1e-3, 1e-8))
    target.add_instruction(RZGate(Parameter("a")), each(2, 0.0, 0.0))
    target.add_instruction(ECRGate(), {(1, 0): _known(0.02, 5e-7)})
    target.add_instruction(Measure(), each(2, 0.0))
    with Emulator([Doubtful(None, target)]) as cloud:
        snapshot = provider_of(cloud).backend("doubtful").snapshot()
    pairs = {(c.control, c.target): c.fidelity for c in snapshot.couplings}
    assert pairs[1, 0] == 0.98
    assert 0.97 < pairs[0, 1] < 0.98


def test_ions_have_all_couplings():
    vendor = ions()
    with Emulator([vendor]) as cloud:
        couplings = provider_of(cloud).backend(vendor.name).snapshot().couplings
    assert len(couplings) == 20
    for c in couplings:
        error = vendor.target["rzz"][c.control, c.target].error
        assert c.fidelity == pytest.approx(1 - error)


@pytest.mark.parametrize("name", ["FakeManilaV2", "FakeTorino"])
def test_facts_of_fakes_of_ibm(name):
    vendor = getattr(pytest.importorskip("qiskit_ibm_runtime.fake_provider"), name)()
    target = vendor.target
    gate = "cx" if "cx" in target.operation_names else "cz"
    with Emulator([vendor]) as cloud:
        snapshot = provider_of(cloud).backend(vendor.name).snapshot()
    assert [q.id for q in snapshot.qubits] == list(range(vendor.num_qubits))
    for q in snapshot.qubits:
        assert q.readout_assignment_error == pytest.approx(target["measure"][q.id,].error)
        worst = max(target["sx"][q.id,].error, target["x"][q.id,].error)
        assert q.fidelity == pytest.approx(1 - worst)
        assert q.t1 == pytest.approx(target.qubit_properties[q.id].t1)
    assert {(c.control, c.target) for c in snapshot.couplings} == set(target[gate])
    for c in snapshot.couplings:
        properties = target[gate][c.control, c.target]
        assert c.fidelity == pytest.approx(1 - properties.error)
        assert c.durations["cx"] >= properties.duration - 1e-15


def test_backend_that_knows_no_errors():
    vendor = aer()
    with Emulator([vendor]) as cloud:
        device = provider_of(cloud).backend(vendor.name)
        assert len(device.target.build_coupling_map().get_edges()) == 30
        assert device.target["cx"][0, 5].error is None


def test_qubits_without_gates_are_left_out():
    target = deneb(MoveOfIqm())[1]  # qubit 6 is a resonator
    with Emulator([Doubtful(None, target)]) as cloud:
        device = provider_of(cloud).backend("doubtful")
        assert [q.id for q in device.snapshot().qubits] == [0, 1, 2, 3, 4, 5]
        assert len(device.snapshot().couplings) == 30


# What is refused when the emulator is made


def wide():
    return GenericBackendV2(65, ["rx", "rz", "rzz"], noise_info=False)


def wide_everywhere():
    return renamed(QulacsBackend(num_qubits=65))


def deaf():
    target = Target(num_qubits=1)
    target.add_instruction(SXGate(), each(1, 0.0))
    target.add_instruction(RZGate(Parameter("a")), each(1, 0.0))
    return Doubtful(None, target)


def nameless():
    return Doubtful(None, name=None)


def endless():
    target = Target()
    target.add_instruction(XGate(), None)
    return Doubtful(None, target)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (wide, "couples all of its 65 qubits"),
        (wide_everywhere, "couples all of its 65 qubits"),
        (deaf, "no qubit with both a gate and a measurement"),
        (nameless, "has no name"),
        (endless, "does not say how many qubits"),
        (lambda: Doubtful(None, alice_bob()), "cannot be a device of OQTOPUS"),
    ],
)
def test_backends_that_cannot_be_devices(make, words):
    with pytest.raises(OqtopusOptionError, match=words):
        Emulator([make()])


def test_sixty_four_qubits_may_all_be_coupled():
    vendor = QulacsBackend(num_qubits=64)
    vendor.name = "wide"
    with Emulator([vendor]) as cloud:
        assert len(provider_of(cloud).backend("wide").snapshot().couplings) == 64 * 63


def test_only_on_loopback_unless_shared():
    everywhere = "0.0.0.0"  # noqa: S104
    with pytest.raises(OqtopusOptionError, match="on your account"):
        Emulator([Doubtful(None)], host=everywhere)
    Emulator([Doubtful(None)], host=everywhere, share_vendors=True)
    Emulator(["line-4q"], host=everywhere)


def test_samplers_of_unknown_devices():
    vendor = ions()
    with pytest.raises(OqtopusOptionError, match="'line-4q'"):
        Emulator([vendor, "line-4q"], samplers={"line-4q": BackendSamplerV2(backend=vendor)})
    with pytest.raises(OqtopusOptionError, match="more than once"):
        Emulator([vendor, vendor])


# How programs run


class WithoutRun(GenericBackendV2):
    """As those of IBM, which has taken it out."""

    def run(self, *arguments, **options):
        raise NotImplementedError("use primitives")


def test_sampler_in_place_of_run():
    vendor = WithoutRun(5, ["rx", "rz", "rzz"], seed=3)
    assert "use primitives" in failure(vendor)
    sampler = BackendSamplerV2(backend=ions())
    with Emulator([vendor], samplers={vendor.name: sampler}) as cloud:
        backend = provider_of(cloud).backend(vendor.name)
        circuit = transpile(asymmetric(), backend, optimization_level=0)
        behind = backend.run(circuit, shots=SHOTS).result().get_counts()
    directly = ions().run(transpile(circuit, ions(), optimization_level=0), shots=SHOTS)
    assert_alike(behind, directly.result().get_counts())


@pytest.mark.parametrize(("gateway", "key"), [("qulacs", "0101"), ("qubex", "101")])
def test_programs_of_other_clients_are_keyed_as_here(gateway, key):
    """Bits in any order, one qubit in two of them, and one bit that is not measured."""
    program = HEAD + (
        "qubit[2] q;\nbit[4] c;\nx q[1];\nc[2] = measure q[1];\n"
        "c[0] = measure q[1];\nc[1] = measure q[0];\n"
    )
    vendor = Doubtful(lambda: Counted({"10": 50}))
    with Emulator([vendor], gateway=gateway) as cloud:
        assert Session(cloud).counts(program, shots=50) == {key: 50}
    circuit, options = vendor.sent[0]
    assert circuit.count_ops()["measure"] == 2
    assert options == {"shots": 50}


def test_qubits_stay_and_nothing_is_optimized():
    circuit = QuantumCircuit(2, 1)
    circuit.x(1)
    circuit.x(1)
    circuit.barrier()
    circuit.measure(1, 0)
    vendor = Doubtful(lambda: Counted({"0": 100}))
    with Emulator([vendor]) as cloud:
        provider_of(cloud).backend("doubtful").run(circuit, shots=100).result()
    ((sent, _),) = vendor.sent
    names = [(i.operation.name, [sent.find_bit(q).index for q in i.qubits]) for i in sent.data]
    assert names == [("x", [1]), ("x", [1]), ("barrier", [0, 1]), ("measure", [1])]


def test_delays_go_through_in_steps_of_the_device():
    vendor = Doubtful(lambda: Counted({"0": 100}), manila().target)
    circuit = QuantumCircuit(1, 1)
    circuit.delay(1, 0, unit="us")
    circuit.measure(0, 0)
    with Emulator([vendor]) as cloud:
        provider_of(cloud).backend("doubtful").run(circuit, shots=100).result()
    delay = vendor.sent[0][0].data[0].operation
    assert delay.unit == "dt"
    assert delay.duration % 16 == 0
    assert delay.duration * vendor.target.dt == pytest.approx(1e-6, abs=8 * vendor.target.dt)


def test_delays_fail_where_there_are_none():
    circuit = QuantumCircuit(1, 1)
    circuit.delay(1, 0, unit="us")
    circuit.measure(0, 0)
    assert "has no delay on qubit 0" in failure(Doubtful(None), circuit)


def test_cx_without_a_coupling_fails():
    program = HEAD + "qubit[5] q;\nbit[1] c;\ncx q[0], q[3];\nc[0] = measure q[3];\n"
    with Emulator([with_cz()]) as cloud:
        job = Session(cloud).run({"input.json": {"program": [program]}})
        assert job["status"] == "failed"
        assert "no coupling between qubits 0 and 3" in job["job_info"]["message"]


@pytest.mark.parametrize("job_type", ["estimation", "multi_manual", "sse"])
def test_only_sampling_jobs_run(job_type):
    with Emulator([ions()], sse=True) as cloud:
        given = {"program": [FLIP], "sse_program": "pass"}
        job = Session(cloud).run({"input.json": given}, job_type=job_type)
        assert job["status"] == "failed"
        assert f"sampling jobs only, not {job_type}" in job["job_info"]["message"]


def test_estimator_runs_by_sampling_jobs():
    simulator = renamed(QulacsBackend.from_target(silent(), seed_simulator=1))
    circuit = QuantumCircuit(2)
    circuit.x(1)
    with Emulator([simulator]) as cloud:
        estimator = EstimatorV2(provider_of(cloud).backend("renamed"))
        (result,) = estimator.run([(circuit, "ZI")], precision=0.02).result()
    assert result.data.evs == pytest.approx(-0.94, abs=0.1)  # the readout errs in 3 %; 5 sigma


def test_transpiler_of_the_server_compiles_for_it():
    vendor = with_cz()
    circuit = QuantumCircuit(3, 3)
    circuit.h(0)
    circuit.cx(0, 1)
    circuit.cx(0, 2)
    circuit.measure(range(3), range(3))
    with Emulator([vendor]) as cloud:
        backend = provider_of(cloud).backend(vendor.name)
        counts = backend.run(circuit, shots=1000, transpiler="qiskit").result().get_counts()
    assert counts["000"] + counts["111"] > 800


# What the vendor does wrong


def raising(error):
    def answer():
        raise error

    return answer


def test_errors_of_the_vendor_arrive_without_secrets():
    text = (
        "quota exceeded\x1b[31m for Bearer abc.def, api_key=k-123 at "
        "https://vendor.example/jobs?sig=hidden"
    )
    message = failure(Doubtful(raising(RuntimeError(text))))
    assert "device doubtful: RuntimeError: quota exceeded for Bearer ***" in message
    assert "https://vendor.example/jobs" in message
    assert not any(word in message for word in ("abc.def", "k-123", "hidden", "\x1b"))


def test_results_without_success_fail_with_their_reason():
    class Failed:
        success = False
        status = "ERROR: no such gate"

    assert "ERROR: no such gate" in failure(Doubtful(Failed))


@pytest.mark.parametrize(
    ("counts", "words"),
    [
        ({"1": 99}, "counts of 99 shots instead of 100"),
        ({"1": 0.5, "0": 0.5}, "no count"),
        ({"01": 100}, "no count of 1 bits"),
        ({"1": 101, "0": -1}, "no count"),
        (None, "None instead of counts"),
    ],
)
def test_counts_that_cannot_be_fail(counts, words):
    assert words in failure(Doubtful(lambda: Counted(counts)))


def test_mitigation_needs_both_readout_errors():
    message = failure(Doubtful(None), mitigation="pseudo_inverse")
    assert "nothing can be mitigated" in message
    simulator = QulacsBackend.from_target(silent(), seed_simulator=1)
    assert "nothing can be mitigated" in failure(renamed(simulator), mitigation="pseudo_inverse")
    backend = renamed(twin())
    with Emulator([backend]) as cloud:
        device = provider_of(cloud).backend(backend.name)
        counts = device.run(flip(), shots=1000, mitigation="pseudo_inverse").result().get_counts()
    assert counts["1"] > 970


def renamed(backend):
    backend.name = "renamed"
    return backend


def test_stop_cancels_what_runs_at_the_vendor():
    begun, end = threading.Event(), threading.Event()

    def answer():
        begun.set()
        end.wait(20)
        return Counted({"1": 100})

    vendor = Doubtful(answer)
    jobs = []
    run = vendor.run
    vendor.run = lambda *a, **o: jobs.append(run(*a, **o)) or jobs[-1]
    cloud = Emulator([vendor]).start()
    try:
        provider_of(cloud).backend("doubtful").run(flip(), shots=100)
        assert begun.wait(10)
        started = time.monotonic()
        cloud.stop()
        assert time.monotonic() - started < 5
        assert jobs[0].cancelled
        assert {job.status for job in cloud.jobs.values()} == {"submitted"}
    finally:
        end.set()
        cloud.stop()
