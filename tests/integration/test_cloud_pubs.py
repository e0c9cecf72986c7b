"""PUBs on a device: what cannot run is one clear error, and a projector is one program."""

import numpy as np
import pytest
from qiskit import ClassicalRegister, QuantumCircuit
from qiskit.circuit import Parameter
from qiskit.circuit.classical import expr

from qiskit_oqtopus import (
    EstimatorV2,
    OqtopusCircuitError,
    OqtopusPubError,
    SamplerV2,
)

emulator = pytest.importorskip("qiskit_oqtopus.emulator")
pytestmark = pytest.mark.usefixtures("no_faults")


@pytest.fixture(scope="module")
def cloud():
    with emulator.Emulator(devices=["grid-16q", "line-4q"], seed=3) as running:
        yield running


@pytest.fixture
def backend(provider):
    return provider.backend("line-4q")


def test_every_wrong_pub_is_one_clear_error(cloud, backend):
    angle = Parameter("angle")
    sampled = QuantumCircuit(4, 1)
    sampled.rz(angle, 0)
    sampled.measure(0, 0)
    estimated = QuantumCircuit(4)
    estimated.rz(angle, 0)
    named = QuantumCircuit(4)
    named.add_register(ClassicalRegister(1, "self"))
    named.measure(0, 0)
    curve = QuantumCircuit(4, 1)
    curve.rz(1 / angle, 0)
    curve.measure(0, 0)
    before = len(cloud.jobs)
    for primitive, pub, words in [
        (SamplerV2, (sampled, {"x": 0.1}), "for the parameters x, and its circuit has angle"),
        (EstimatorV2, (estimated, "ZZZZ", {"x": 0.1}), "for the parameters x, and its circuit"),
        (SamplerV2, named, "a register has a name that results cannot have"),
        (SamplerV2, (curve, [[1.0], [0.0]]), "has no value for parameter set 1 ("),
        (EstimatorV2, (QuantumCircuit(0), ""), "its circuit has no qubits"),
        (
            EstimatorV2,
            (estimated, np.zeros((0, 1), dtype=object), [[0.1], [0.2]]),
            "it has no elements",
        ),
    ]:
        with pytest.raises(OqtopusPubError) as caught:
            primitive(backend).run([pub])
        assert words in str(caught.value)
        assert caught.value.pub == 0
    with_variable = QuantumCircuit(4, 1)
    with_variable.store(with_variable.add_var("v", expr.lift(False)), expr.lift(True))
    with pytest.raises(OqtopusCircuitError, match="PUB 0"):
        EstimatorV2(backend).run([(with_variable, "ZZZZ")])
    with pytest.raises(OqtopusPubError) as caught:
        EstimatorV2(backend).run([(estimated, "ZZZZ"), (estimated, "ZZZZ", [0.1], 0)])
    assert [place for place, _ in caught.value.problems] == [0]
    with pytest.raises(OqtopusPubError) as caught:
        EstimatorV2(backend).run([(estimated, "ZZZZ", [0.1], 0), (estimated, "Z" * 4, [0.1], 1e-9)])
    assert [place for place, _ in caught.value.problems] == [0, 1]
    assert len(cloud.jobs) == before


def test_a_projector_on_many_qubits_is_one_program(cloud, provider):
    device = provider.backend("grid-16q")
    circuit = QuantumCircuit(16)
    circuit.x(3)
    job = EstimatorV2(device).run([(circuit, ["III" + "0" * 13, "III" + "0" * 9 + "1000"])])
    assert len(job.job_ids()) == 1
    np.testing.assert_allclose(job.result()[0].data.evs, [0, 1], atol=1e-9)
