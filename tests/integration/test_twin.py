"""Twins of devices of the cloud, and primitives on them."""

import copy
import pickle

import numpy as np
import pytest
from qiskit import QuantumCircuit, transpile
from qiskit.circuit import Parameter
from qiskit.quantum_info import DensityMatrix, SparsePauliOp

from qiskit_oqtopus import (
    EstimatorV2,
    OqtopusCircuitError,
    OqtopusProvider,
    OqtopusWarning,
    QulacsBackend,
    SamplerV2,
)
from qiskit_oqtopus.emulator import Emulator
from tests.devices import describe

pytestmark = pytest.mark.filterwarnings("ignore:Relaxation alone::")


@pytest.fixture(scope="module")
def device():
    with Emulator(["grid-16q"], seed=1) as cloud:
        provider = OqtopusProvider(url=cloud.url, token=cloud.token)
        yield provider.backend("grid-16q")


def bell():
    circuit = QuantumCircuit(2)
    circuit.h(0)
    circuit.cx(0, 1)
    circuit.measure_all()
    return circuit


def test_a_twin_is_what_the_device_is(device):
    with pytest.warns(OqtopusWarning, match="Relaxation alone") as caught:
        twin = device.twin(seed=7, shots=500)
    assert [warning.filename for warning in caught] == [__file__]
    assert isinstance(twin, QulacsBackend)
    assert twin.name == "grid-16q_twin"
    assert describe(twin.target) == describe(device.target)
    assert twin.target is not device.target
    assert twin.qubit_coordinates == device.qubit_coordinates
    compiled = transpile(bell(), device, initial_layout=[5, 9])
    expected = twin.run(compiled).result().get_counts()
    assert sum(expected.values()) == 500
    assert transpile(bell(), twin, initial_layout=[5, 9]) == compiled
    for other in (
        copy.deepcopy(twin),
        pickle.loads(pickle.dumps(twin)),
        QulacsBackend.from_backend(device, seed=7, shots=500),
        QulacsBackend.from_snapshot(device.snapshot(), seed=7, shots=500),
    ):
        assert other.name == twin.name
        assert other.run(compiled).result().get_counts() == expected


def test_a_twin_refuses_what_the_device_refuses(device):
    circuit = QuantumCircuit(16, 2)
    circuit.h(0)
    circuit.cx(0, 15)
    circuit.measure(0, 0)
    circuit.measure(0, 1)
    circuit.reset(3)
    expected = [(p.reason, p.position) for p in device.check([circuit, bell()])]
    with pytest.raises(OqtopusCircuitError) as caught:
        device.twin().run([circuit, bell()])
    assert [(p.reason, p.position) for p in caught.value.problems] == expected
    assert len(expected) > 4


@pytest.mark.slow
def test_a_twin_refuses_a_program_that_is_too_long(device):
    circuit = QuantumCircuit(16, 1)
    circuit.rz(1 / 3, 5)
    angles = circuit.copy_empty_like()
    for _ in range(150_000):
        angles.append(circuit.data[0])
    angles.measure(5, 0)
    (problem,) = device.check(angles)
    assert "bytes, and OQTOPUS takes 4,194,304" in problem.reason
    for options in ({}, {"statevector": False, "noise": False}):
        with pytest.raises(OqtopusCircuitError, match=r"bytes, and OQTOPUS takes 4,194,304"):
            device.twin().run(angles, **options)


def test_a_twin_keeps_its_calibration(device):
    twin = device.twin(seed=7)
    before = describe(twin.target)
    device.refresh()
    assert twin.target is not device.target
    assert describe(twin.target) == before


def test_estimator(device):
    """Exact means of the state with noise; bits are not read wrongly."""
    angle = Parameter("a")
    circuit = QuantumCircuit(2)
    circuit.ry(angle, 0)
    circuit.cx(0, 1)
    twin = device.twin()
    compiled = transpile(circuit, twin, initial_layout=[5, 9], optimization_level=1)
    observable = SparsePauliOp(["XX", "ZI", "YY", "II"], [1.0, 0.5, -0.25, 2.0])
    angles = np.array([[0.3], [1.0], [2.5]])
    result = (
        EstimatorV2(twin)
        .run([(compiled, observable.apply_layout(compiled.layout), angles)])
        .result()
    )
    for value, (number,) in zip(result[0].data.evs, angles, strict=True):
        job = twin.run(compiled.assign_parameters([number]), density_matrix=[5, 9])
        state = DensityMatrix(job.result().data(0)["density_matrix"])
        assert value == pytest.approx(state.expectation_value(observable).real, abs=1e-12)
        ideal = DensityMatrix(circuit.assign_parameters([number])).expectation_value(observable)
        assert 1e-3 < abs(value - ideal) < 0.3


def test_sampler(device):
    twin = device.twin(seed=2)
    compiled = transpile(bell(), twin, initial_layout=[5, 9])
    counts = SamplerV2(twin).run([compiled], shots=4000).result()[0].data.meas.get_counts()
    noiseless = SamplerV2(device.twin(seed=2, noise=False)).run([compiled], shots=4000)
    assert set(noiseless.result()[0].data.meas.get_counts()) == {"00", "11"}
    assert 0.02 < (counts["01"] + counts["10"]) / 4000 < 0.2
