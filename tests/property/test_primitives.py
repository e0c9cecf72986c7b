"""Random PUBs against Qiskit's reference primitives, on the simulator and through the emulator.

Where the outcomes are certain, results are equal bit by bit. Elsewhere they are within 6 standard
errors, a false alarm in 5e8 for each number; 40 shots are added, since a sample knows nothing of
outcomes that it has missed (which happens to one of 40 / shots in e^-40).
"""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from qiskit import ClassicalRegister, QuantumCircuit, QuantumRegister, transpile
from qiskit.circuit import Clbit, Parameter
from qiskit.primitives import StatevectorEstimator, StatevectorSampler
from qiskit.quantum_info import SparsePauliOp

from qiskit_oqtopus import EstimatorV2, OqtopusProvider, QulacsBackend, SamplerV2

emulator = pytest.importorskip("qiskit_oqtopus.emulator")


@pytest.fixture(scope="module")
def cloud():
    with emulator.Emulator(devices=["grid-16q"], seed=5) as running:
        yield running


@pytest.fixture(scope="module")
def provider(cloud):
    with OqtopusProvider(url=cloud.url, token=cloud.token) as opened:
        yield opened


@pytest.fixture(scope="module")
def device(provider):
    return provider.backend("grid-16q")


def data_of(pub_result):
    """Return the data of a sampler PUB as plain values."""
    data = pub_result.data
    return data.shape, {name: (bits.num_bits, bits.array.tolist()) for name, bits in data.items()}


shapes = st.sampled_from([(), (1,), (3,), (2, 2), (1, 2)])


@st.composite
def certain_pubs(draw):
    """A PUB whose outcomes are certain, with classical bits wherever they can be."""
    n = draw(st.integers(1, 4))
    circuit = QuantumCircuit(QuantumRegister(n, "q"), metadata={"tag": draw(st.integers(0, 9))})
    sizes = draw(st.lists(st.integers(0, 9), min_size=1, max_size=3))
    for index, size in enumerate(sizes):
        if draw(st.booleans()):
            circuit.add_bits([Clbit()])
        circuit.add_register(ClassicalRegister(size, f"r{index}"))
    if circuit.num_clbits > 1 and draw(st.booleans()):
        shared = draw(st.permutations(circuit.clbits))[:2]
        circuit.add_register(ClassicalRegister(bits=shared, name="shared"))
    if not circuit.num_clbits:
        circuit.add_register(ClassicalRegister(1, "last"))
    # sx, rz and sx are x for an angle of 0, and for pi they are not.
    flips = [Parameter(f"f{qubit}") for qubit in range(n) if draw(st.booleans())]
    for qubit, angle in enumerate(flips):
        circuit.sx(qubit)
        circuit.rz(angle, qubit)
        circuit.sx(qubit)
    for qubit in range(n):
        if draw(st.booleans()):
            circuit.x(qubit)
    width = draw(st.integers(1, min(n, circuit.num_clbits)))
    qubits = draw(st.permutations(range(n)))[:width]
    circuit.measure(qubits, draw(st.permutations(range(circuit.num_clbits)))[:width])
    shape = draw(shapes) if flips else ()
    size = int(np.prod((*shape, len(flips))))
    drawn = draw(st.lists(st.sampled_from([0.0, np.pi]), min_size=size, max_size=size))
    shots = draw(st.integers(1, 20))
    return circuit, np.reshape(drawn, (*shape, len(flips))), shots


def assert_sampled_as_qiskit_does(sampler, pubs):
    expected = StatevectorSampler().run(pubs).result()
    job = sampler.run(pubs)
    result = job.result()
    assert result.metadata == expected.metadata
    assert len(result) == len(expected)
    for ours, theirs in zip(result, expected, strict=True):
        assert data_of(ours) == data_of(theirs)
        assert ours.metadata == theirs.metadata
        assert type(ours) is type(theirs)
    return job


@settings(max_examples=100)
@given(st.lists(certain_pubs(), min_size=1, max_size=3))
def test_certain_samples_on_the_simulator(pubs):
    assert_sampled_as_qiskit_does(SamplerV2(QulacsBackend(num_qubits=4)), pubs)


# A job on the emulator takes a second, however many PUBs it has.
@pytest.mark.slow
@settings(max_examples=5)
@given(st.lists(certain_pubs(), min_size=5, max_size=10))
def test_certain_samples_on_a_device(cloud, device, pubs):
    job = assert_sampled_as_qiskit_does(SamplerV2(device), pubs)
    with OqtopusProvider(url=cloud.url, token=cloud.token) as other:
        again = other.job(job.job_id()).result()
    for ours, theirs in zip(again, job.result(), strict=True):
        assert data_of(ours) == data_of(theirs)
        assert ours.metadata == theirs.metadata


# Far from those that the transpiler takes for zero.
angles = st.integers(-30, 30).map(lambda tenths: tenths / 10)
labels = st.text("IXYZ", min_size=3, max_size=3)
terms = st.dictionaries(labels, st.floats(0.1, 2), min_size=1, max_size=5)
pairs = st.sampled_from(
    [
        ((), ()),
        ((2,), ()),
        ((), (3,)),
        ((3,), (3,)),
        ((2, 1), (3,)),
        ((2,), (3, 1)),
        ((1, 2), (2, 1)),
        ((2, 1, 1), (1, 2)),
    ]
)


@st.composite
def estimator_pubs(draw):
    """A PUB with three qubits: a circuit, observables, parameter values."""
    circuit = QuantumCircuit(3, metadata={"tag": draw(st.integers(0, 9))})
    parameters = [Parameter(f"p{index}") for index in range(draw(st.integers(0, 3)))]
    for qubit in range(3):
        circuit.ry(draw(angles), qubit)
    for index, parameter in enumerate(parameters):
        circuit.cx(index, (index + 1) % 3)
        circuit.rx(parameter, draw(st.integers(0, 2)))
    circuit.cz(0, 2)
    circuit.rz(draw(angles), 1)
    observables, values = draw(pairs)
    if not parameters:
        values = ()
    count = int(np.prod(observables))
    array = np.empty(observables, dtype=object)
    drawn = draw(st.lists(terms, min_size=count, max_size=count))
    for place, one in zip(np.ndindex(observables), drawn, strict=True):
        array[place] = SparsePauliOp(list(one), list(one.values()))
    size = int(np.prod((*values, len(parameters))))
    drawn = draw(st.lists(angles, min_size=size, max_size=size))
    return circuit, array, np.reshape(drawn, (*values, len(parameters)))


def compiled_pub(pub, backend, seed):
    """Return a PUB for a device, somewhere on it."""
    circuit, observables, values = pub
    compiled = transpile(circuit, backend, seed_transpiler=seed, optimization_level=seed % 4)
    compiled.metadata = circuit.metadata  # Qiskit 2.0 may lose it
    placed = np.empty(observables.shape, dtype=object)
    for place in np.ndindex(observables.shape):
        placed[place] = observables[place].apply_layout(compiled.layout)
    return compiled, placed, values


def references(pubs):
    pubs = [(c, o if o.shape else o[()], v) for c, o, v in pubs]
    return StatevectorEstimator().run(pubs).result()


def unwrapped(pub):
    circuit, observables, values = pub
    return circuit, observables if observables.shape else observables[()], values


@settings(max_examples=40)
@given(st.lists(estimator_pubs(), min_size=1, max_size=2), st.integers(0, 99))
def test_exact_expectation_values_on_the_simulator(device, pubs, seed):
    expected = references(pubs)
    compiled = [compiled_pub(pub, device, seed) for pub in pubs]
    for backend, given_pubs in (
        (QulacsBackend(num_qubits=3), pubs),
        (QulacsBackend(target=device.target), compiled),
    ):
        result = EstimatorV2(backend).run([unwrapped(pub) for pub in given_pubs]).result()
        assert result.metadata == expected.metadata
        for ours, theirs in zip(result, expected, strict=True):
            assert ours.data.shape == theirs.data.shape
            np.testing.assert_allclose(ours.data.evs, theirs.data.evs, atol=1e-9)
            np.testing.assert_array_equal(ours.data.stds, np.zeros(ours.data.shape))
            assert ours.metadata == theirs.metadata


@pytest.mark.slow
@settings(max_examples=4)
@given(
    st.lists(estimator_pubs(), min_size=3, max_size=6),
    st.integers(0, 99),
    st.sampled_from(["local", "server"]),
)
def test_expectation_values_on_a_device(cloud, device, pubs, seed, estimation):
    expected = references(pubs)
    compiled = [unwrapped(compiled_pub(pub, device, seed)) for pub in pubs]
    estimator = EstimatorV2(device, options={"estimation": estimation})
    job = estimator.run(compiled, precision=1 / 32)
    result = job.result()
    for index, (ours, theirs) in enumerate(zip(result, expected, strict=True)):
        assert ours.data.evs.shape == ours.data.stds.shape == theirs.data.shape
        assert ours.metadata["circuit_metadata"] == theirs.metadata["circuit_metadata"]
        assert (ours.metadata["shots"], ours.metadata["target_precision"]) == (1024, 1 / 32)
        sizes = np.vectorize(lambda o: np.abs(o.coeffs).sum(), otypes=[float])(pubs[index][1])
        tolerance = 6 * ours.data.stds + 40 / 1024 * sizes + 1e-6
        assert (np.abs(ours.data.evs - theirs.data.evs) < tolerance).all()
    with OqtopusProvider(url=cloud.url, token=cloud.token) as other:
        again = other.job(job.job_id()).result()
    for ours, theirs in zip(again, result, strict=True):
        assert ours.metadata == theirs.metadata
        assert list(ours.data) == list(theirs.data) == ["evs", "stds", "ensemble_standard_error"]
        for name in ours.data:
            np.testing.assert_array_equal(ours.data[name], theirs.data[name])
