"""Counts of the emulator: how they are keyed, and with the noise of a calibration."""

import pytest
from qiskit import QuantumCircuit, transpile

from qiskit_oqtopus import OqtopusProvider
from qiskit_oqtopus.emulator import Emulator
from qiskit_oqtopus.simulator.noise.model import NoiseModel
from tests.circuits import assert_drawn_from
from tests.devices import anemone_facts
from tests.noisy_reference import distribution

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
