"""Counts of the emulator: how they are keyed, and with the noise of a calibration."""

import math

import pytest
from qiskit import QuantumCircuit, transpile

from qiskit_oqtopus import OqtopusJobError, OqtopusOptionError, OqtopusProvider
from qiskit_oqtopus.device.timing import compare_timing
from qiskit_oqtopus.emulator import Emulator
from qiskit_oqtopus.simulator.noise.model import NoiseModel
from tests.circuits import assert_drawn_from
from tests.devices import anemone_facts, chip_facts, grid_facts
from tests.noisy_reference import distribution
from tests.parallel import DELAYS, ON_DEVICE, parallel_t1

from .session import HEAD, Session

SHOTS = 20_000


def provider_of(cloud):
    return OqtopusProvider(url=cloud.url, token=cloud.token)


def counts_of(job):
    return {int(key, 16): n for key, n in job.result().data(0)["counts"].items()}


def relaxing(backend):
    """A circuit in which gates, a delay and the readout all have errors."""
    circuit = QuantumCircuit(2)
    circuit.x(0)
    circuit.delay(8000, 0, unit="ns")
    circuit.sx(1)
    circuit.cx(0, 1)
    circuit.measure_all()
    return transpile(circuit, backend, initial_layout=[2, 1], optimization_level=0)


@pytest.fixture(scope="module")
def backend():
    with Emulator([anemone_facts()], noise=True, seed=3) as cloud:
        yield provider_of(cloud).backend("anemone")


@pytest.mark.parametrize("mitigation", [None, "pseudo_inverse"])
def test_counts_are_those_of_the_calibration(backend, mitigation):
    circuit = relaxing(backend)
    target = backend.target
    model = NoiseModel.from_target(target, readout=mitigation is None)
    exact = distribution(circuit, model, target.dt)
    counts = counts_of(backend.run(circuit, shots=SHOTS, mitigation=mitigation))
    if mitigation is None:
        assert_drawn_from(counts, exact)
    else:
        # The inverse of the confusion matrices, which have errors of up to 0.3, makes the noise of
        # the shots up to (1 / (1 - 0.6))**2 times as large: 6 sigma.
        for key, p in exact.items():
            assert counts.get(key, 0) / SHOTS == pytest.approx(p, abs=6 * 6.3 * 0.5 / SHOTS**0.5)


def test_twin_and_emulated_device_agree(backend):
    circuit = relaxing(backend)
    twin = backend.twin(seed=5)
    exact = distribution(circuit, NoiseModel.from_target(twin.target), twin.target.dt)
    assert_drawn_from(counts_of(twin.run(circuit, shots=SHOTS)), exact)


def test_estimation_has_noise(backend):
    from qiskit_oqtopus import EstimatorV2

    circuit = QuantumCircuit(3)
    circuit.x(2)
    circuit.delay(16684, 2, unit="ns")  # T1, to the ns
    estimator = EstimatorV2(backend)
    job = estimator.run([(circuit, "ZII")], precision=0.01)
    # <Z> = 1 - 2 / e; read with errors of 0.166 and 0.225; 0.05 are 5 sigma of 1e4 shots.
    p_one = 2.718281828**-1
    p_read = p_one * (1 - 0.2252197265625) + (1 - p_one) * 0.166015625
    assert job.result()[0].data.evs == pytest.approx(1 - 2 * p_read, abs=0.06)


def test_noise_follows_the_facts_of_the_device():
    with Emulator([anemone_facts()], noise=True, seed=3) as cloud:
        device = provider_of(cloud).backend("anemone")
        circuit = QuantumCircuit(3, 1)
        circuit.x(1)
        circuit.measure(1, 0)
        before = counts_of(device.run(circuit, shots=SHOTS))
        assert before[0] / SHOTS == pytest.approx(0.2865, abs=0.03)
        facts = anemone_facts()
        facts["qubits"][1]["meas_error"] = {"prob_meas1_prep0": 0.0, "prob_meas0_prep1": 0.0}
        cloud.devices.set("anemone", facts=facts)
        after = counts_of(device.run(circuit, shots=SHOTS))
        assert after[0] / SHOTS < 0.005


def test_devices_without_facts_have_no_noise():
    plain = {"device_id": "plain", "n_qubits": 2, "device_info": None}
    with Emulator([plain], noise=True) as cloud:
        circuit = QuantumCircuit(2)
        circuit.x(1)
        circuit.measure_all()
        device = provider_of(cloud).backend("plain")
        assert counts_of(device.run(circuit, shots=100)) == {2: 100}


def test_gateways_disagree_on_unmeasured_bits() -> None:
    program = HEAD + "qubit[4] q;\nbit[4] c;\nx q[3];\nc[1] = measure q[3];\nc[3] = measure q[0];\n"
    for gateway, key in (("qulacs", "0010"), ("qubex", "01")):
        with Emulator(["line-4q"], gateway=gateway) as cloud:  # type: ignore[arg-type]
            assert Session(cloud).counts(program) == {key: 1000}


def decay(qubits, num_qubits):
    circuit = QuantumCircuit(num_qubits, len(qubits))
    circuit.x(qubits)
    circuit.delay(20_000, qubits, unit="ns")
    circuit.measure(qubits, range(len(qubits)))
    return circuit


def count_ones(job, bits):
    return [sum(n for key, n in counts_of(job).items() if key >> bit & 1) for bit in range(bits)]


@pytest.mark.filterwarnings("ignore::qiskit_oqtopus.exceptions.OqtopusWarning")
@pytest.mark.parametrize("noise", [True, False])
def test_a_whole_chip_at_once(noise):
    with Emulator([chip_facts(8, 8)], noise=noise, seed=3) as cloud:
        device = provider_of(cloud).backend("chip-64q")
        found = count_ones(device.run(decay(range(64), 64), shots=2000), 64)
        if not noise:
            assert found == [2000] * 64
            return
        alone = device.twin(seed=1).run(decay([50], 64), shots=10**6).result()
        p = alone.get_counts()["1"] / 10**6
        assert_drawn_from({0: 2000 - found[50], 1: found[50]}, {0: 1 - p, 1: p})


@pytest.mark.filterwarnings("ignore::qiskit_oqtopus.exceptions.OqtopusWarning")
def test_a_program_that_is_too_large_fails_with_words_for_its_user():
    with Emulator([chip_facts(8, 8)], noise=True, seed=3) as cloud:
        device = provider_of(cloud).backend("chip-64q")
        circuit = QuantumCircuit(64, 64)
        circuit.x(range(64))
        circuit.rz(0.3, 0)  # a Clifford program of this width can be run
        for row in range(8):
            circuit.cx(range(8 * row, 8 * row + 7), range(8 * row + 1, 8 * row + 8))
        circuit.cx(range(0, 48, 8), range(8, 56, 8))
        circuit.measure(range(64), range(64))
        with pytest.raises(OqtopusJobError) as caught:
            device.run(circuit, shots=10).result()
        text = str(caught.value)
        assert "the emulator cannot simulate the program: of its 2 independent parts" in text
        assert "qubits 0, 1, 2, 3" in text
        assert "fewer" in text
        assert "max_memory_mb" not in text
        with pytest.raises(OqtopusJobError, match="readout mitigation of 64 bits needs 2"):
            device.run(decay(range(64), 64), shots=10, mitigation="pseudo_inverse").result()


@pytest.mark.filterwarnings("ignore::qiskit_oqtopus.exceptions.OqtopusWarning")
@pytest.mark.parametrize(
    ("timing", "delays"), [("global_barriers", ON_DEVICE), (None, DELAYS)], ids=["device", "plain"]
)
def test_delays_of_a_parallel_experiment(timing, delays):
    shots = 100_000
    with Emulator([grid_facts()], noise=True, timing=timing, seed=3) as cloud:
        device = provider_of(cloud).backend("qiqb")
        ones = count_ones(device.run(parallel_t1(), shots=shots), len(delays))
        properties = device.target.qubit_properties
        for found, (qubit, us) in zip(ones, delays.items(), strict=True):
            # The x has an error of 0.001, and the readout too.
            p = 0.999 * math.exp(-us * 1e-6 / properties[qubit].t1) + 0.001
            assert found / shots == pytest.approx(p, abs=0.002 * p + 5 * (p / shots) ** 0.5)


@pytest.mark.filterwarnings("ignore::qiskit_oqtopus.exceptions.OqtopusWarning")
def test_twin_and_emulated_device_take_the_same_time():
    circuit = QuantumCircuit(3, 2)
    circuit.x([1, 2])
    circuit.delay(9000, 1, unit="ns")
    circuit.rz(0.3, 0)
    circuit.delay(6000, 2, unit="ns")
    circuit.measure([1, 2], [0, 1])
    with Emulator([anemone_facts()], noise=True, timing="global_barriers", seed=3) as cloud:
        device = provider_of(cloud).backend("anemone")
        counts = counts_of(device.run(circuit, shots=SHOTS))
        target = device.target
        spans = compare_timing(circuit, target).device.spans
        assert spans == pytest.approx({1: 15.024e-6, 2: 15.024e-6})
        written = QuantumCircuit(3, 2)
        for bit, qubit in enumerate([1, 2]):
            written.x(qubit)
            written.delay(15000, qubit, unit="ns")
            written.measure(qubit, bit)
        exact = distribution(written, NoiseModel.from_target(target), target.dt)
        assert_drawn_from(counts, exact)
        assert_drawn_from(
            counts_of(device.twin(seed=5, timing="global_barriers").run(circuit, shots=SHOTS)),
            exact,
        )


def test_time_does_nothing_without_noise():
    with pytest.raises(OqtopusOptionError, match=r"there is no noise.* Add noise=True"):
        Emulator(["line-4q"], timing="global_barriers")
    with pytest.raises(OqtopusOptionError, match="'timing' must be one of 'global_barriers'"):
        Emulator(["line-4q"], noise=True, timing="alap")  # type: ignore[arg-type]
