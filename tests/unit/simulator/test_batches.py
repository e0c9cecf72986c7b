"""Large batches: circuits that wait for their turn take little memory, and nothing else changes."""

import gc
import tracemalloc

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.providers.fake_provider import GenericBackendV2

from qiskit_oqtopus import QulacsBackend
from qiskit_oqtopus.simulator.plan import UNPACKED

NUMBER = UNPACKED + 40


def rotation(angle, name=None):
    circuit = QuantumCircuit(2, 3, name=name)
    circuit.ry(angle, 1)
    circuit.unitary([[1, 0], [0, 1j]], 1)
    circuit.measure([1, 0], [2, 0])
    return circuit


def ansatz(rng, num_qubits=4, layers=3):
    circuit = QuantumCircuit(num_qubits)
    for _ in range(layers):
        for qubit in range(num_qubits):
            circuit.ry(float(rng.uniform(-3, 3)), qubit)
            circuit.rz(float(rng.uniform(-3, 3)), qubit)
        circuit.cx(range(num_qubits - 1), range(1, num_qubits))
    circuit.measure_all()
    return circuit


@pytest.fixture(params=["ideal", "noisy", "dynamic"])
def batch(request):
    if request.param == "noisy":
        backend = QulacsBackend.from_backend(GenericBackendV2(2, seed=1))
        circuits = []
        for index in range(NUMBER):
            circuit = QuantumCircuit(2, 3, name=f"c{index}")
            circuit.sx(1)
            circuit.delay(index, 1, "us")
            circuit.rz(index / 100, 1)
            circuit.sx(1)
            circuit.measure([1, 0], [2, 0])
            circuits.append(circuit)
        return backend, circuits
    circuits = [rotation(index / 100, f"c{index}") for index in range(NUMBER)]
    if request.param == "dynamic":
        for circuit in circuits:
            with circuit.if_test((2, 1)):
                circuit.x(0)
            circuit.measure(0, 1)
    return QulacsBackend(), circuits


@pytest.mark.filterwarnings("ignore:Relaxation alone")
def test_circuits_late_in_a_batch_give_what_they_give_unpacked(batch, monkeypatch):
    backend, circuits = batch
    options = {"shots": 200, "seed_simulator": 7, "memory": True}
    packed = backend.run(circuits, **options).result()
    monkeypatch.setattr("qiskit_oqtopus.simulator.backend.UNPACKED", NUMBER)
    plain = backend.run(circuits, **options).result()
    for index, circuit in enumerate(circuits):
        assert packed.get_memory(index) == plain.get_memory(index)
        assert packed.get_counts(index) == plain.get_counts(index)
        assert packed.results[index].header["name"] == circuit.name


def test_states_of_circuits_late_in_a_batch():
    circuits = [rotation(index / 100) for index in range(NUMBER)]
    result = QulacsBackend().run(circuits, statevector=True).result()
    for index in (0, UNPACKED - 1, UNPACKED, NUMBER - 1):
        angle = index / 200
        expected = [np.cos(angle), 0, 1j * np.sin(angle), 0]
        assert np.allclose(result.data(index)["statevector"], expected, atol=1e-14)


@pytest.mark.slow
@pytest.mark.chooses  # where few gates were merged, matrices would take more
def test_the_memory_of_a_batch_is_that_of_its_results():
    rng = np.random.default_rng(1)
    backend = QulacsBackend()
    backend.run(ansatz(rng)).result()
    needed = []
    for number in (500, 1500):
        circuits = [ansatz(rng) for _ in range(number)]
        gc.collect()
        tracemalloc.start()
        try:
            result = backend.run(circuits).result()
            peak = tracemalloc.get_traced_memory()[1]
            gc.collect()
            kept = tracemalloc.get_traced_memory()[0]
            assert len(result.results) == number
        finally:
            tracemalloc.stop()
        needed.append((peak, kept))
    (few_peak, few_kept), (many_peak, many_kept) = needed
    # Plans alone, unpacked, would take twice what the results take.
    assert many_peak - few_peak < 1.15 * (many_kept - few_kept)


def test_outcomes_may_be_asked_for_twice():
    job = QulacsBackend().run(rotation(1.0), shots=10)
    assert len(job.outcomes()) == len(job.outcomes()) == 1
    counts = job.result().get_counts()
    assert sum(counts.values()) == 10
    assert job.result().get_counts() == counts
    assert len(job.outcomes()) == 1


def test_a_result_that_could_not_be_made_is_made_later(monkeypatch):
    from qiskit_oqtopus.simulator import job as job_module

    real = job_module.experiment_result
    broken = {"left": 3}

    def sometimes(*arguments):
        broken["left"] -= 1
        if broken["left"] == 0:
            raise MemoryError("no room")
        return real(*arguments)

    monkeypatch.setattr(job_module, "experiment_result", sometimes)
    job = QulacsBackend().run([rotation(3.14159265)] * 5, shots=10)
    with pytest.raises(MemoryError):
        job.result()
    result = job.result()
    assert [sum(result.get_counts(index).values()) for index in range(5)] == [10] * 5
