"""Measurements and resets under other names, on any simulator, with errors of their own."""

import copy
import pickle

import numpy as np
import pytest
from qiskit import QuantumCircuit, transpile
from qiskit.circuit import Gate, Instruction, Measure, Reset
from qiskit.circuit.library import Initialize, XGate
from qiskit.transpiler import InstructionProperties, Target

from qiskit_oqtopus import EstimatorV2, OqtopusCircuitError, QulacsBackend, SamplerV2
from qiskit_oqtopus.simulator.noise.model import NoiseModel
from tests.circuits import assert_drawn_from
from tests.noisy_reference import distribution
from tests.vendors import MeasureX, alice_bob, each, ibm_heron

pytestmark = pytest.mark.filterwarnings("ignore::qiskit_oqtopus.exceptions.OqtopusWarning")

SHOTS = 100_000


class MidCircuitMeasure(Instruction):
    """As in the package of IBM; a Target has a bare Instruction of the name."""

    def __init__(self, name="measure_2"):
        super().__init__(name, 1, 1, [])


class MidCircuitReset(Instruction):
    def __init__(self, name="reset_2"):
        super().__init__(name, 1, 0, [])


class FastMeasure(Measure):
    def __init__(self, label=None, *, _force_mutable=True):
        Instruction.__init__(self, "fast", 1, 1, [], label=label)


class Flush(Reset):
    def __init__(self, label=None, *, _force_mutable=True):
        Instruction.__init__(self, "flush", 1, 0, [], label=label)


def renamed(operation, name):
    operation = operation.to_mutable()
    operation.name = name
    return operation


MEASUREMENTS = [
    Instruction("measure_2", 1, 1, []),
    MidCircuitMeasure(),
    FastMeasure(),
    renamed(Measure(), "measure_7"),
]
RESETS = [Instruction("reset_2", 1, 0, []), MidCircuitReset(), Flush(), renamed(Reset(), "reset_7")]


def names(operations):
    return [f"{type(op).__name__}-{op.name}" for op in operations]


def counts_of(backend, circuit, **options):
    counts = backend.run(circuit, shots=SHOTS, seed_simulator=5, **options).result().get_counts()
    return {int(key.replace(" ", ""), 2): number for key, number in counts.items()}


# Without noise


@pytest.mark.parametrize("measure", MEASUREMENTS, ids=names(MEASUREMENTS))
@pytest.mark.parametrize("reset", RESETS, ids=names(RESETS))
def test_on_a_plain_simulator(measure, reset):
    circuit = QuantumCircuit(2, 3)
    circuit.h(0)
    circuit.append(measure, [0], [0])
    circuit.append(reset, [0])
    circuit.append(measure, [0], [1])
    circuit.x(0)
    circuit.append(measure, [0], [2])
    assert_drawn_from(counts_of(QulacsBackend(), circuit), {0b100: 0.5, 0b101: 0.5})
    for method in ("density_matrix", "trajectories"):
        found = counts_of(QulacsBackend(method=method), circuit)
        assert_drawn_from(found, {0b100: 0.5, 0b101: 0.5})


@pytest.mark.parametrize("measure", MEASUREMENTS, ids=names(MEASUREMENTS))
def test_in_control_flow_and_definitions(measure):
    inner = QuantumCircuit(1, 1)
    inner.append(measure, [0], [0])
    circuit = QuantumCircuit(1, 2)
    circuit.x(0)
    circuit.append(inner.to_instruction(), [0], [0])
    with circuit.if_test((0, 1)):
        circuit.append(measure, [0], [1])
    assert counts_of(QulacsBackend(), circuit) == {0b11: SHOTS}


@pytest.mark.parametrize("name", ["measure_reset", "measure_reset_2"])
def test_a_reset_that_tells_what_it_has_measured(name):
    circuit = QuantumCircuit(1, 2)
    circuit.x(0)
    circuit.append(Instruction(name, 1, 1, []), [0], [0])
    circuit.measure(0, 1)
    assert counts_of(QulacsBackend(), circuit) == {0b01: SHOTS}


def test_primitives():
    circuit = QuantumCircuit(1, 1)
    circuit.x(0)
    circuit.append(MidCircuitMeasure(), [0], [0])
    bits = SamplerV2(QulacsBackend()).run([circuit], shots=10).result()[0].data.c
    assert bits.get_counts() == {"1": 10}
    circuit = QuantumCircuit(1)
    circuit.x(0)
    circuit.append(MidCircuitReset(), [0])
    assert EstimatorV2(QulacsBackend()).run([(circuit, "Z")]).result()[0].data.evs == 1


@pytest.mark.parametrize(
    "operation",
    [
        Instruction("measure_x", 1, 1, []),  # nobody knows of which basis
        Instruction("measure", 2, 2, []),
        Instruction("reset_2", 2, 0, []),
        Gate("reset_2", 1, []),
    ],
)
def test_what_does_not_say_what_it_does_is_refused(operation):
    circuit = QuantumCircuit(2, 2)
    bits = range(operation.num_qubits)
    circuit.append(operation, bits, range(operation.num_clbits))
    circuit.append(operation, bits, range(operation.num_clbits))
    with pytest.raises(OqtopusCircuitError, match="neither a definition nor a matrix") as caught:
        QulacsBackend().run(circuit)
    assert len(caught.value.problems) == 1  # once for all that are the same


# With noise


def with_operations(measure, reset):
    """A device that has these two, and the usual ones, each with an error of its own."""
    target = ibm_heron()
    for operation, error in ((measure, 0.125), (reset, 0.25)):
        if operation.name not in target.operation_names:
            target.add_instruction(operation, each(2, error, 1e-6))
    return target


def in_the_middle(measure, reset):
    """Every kind of measurement and reset, in and outside of control flow."""
    circuit = QuantumCircuit(2, 6)
    circuit.sx(0)
    circuit.append(measure, [0], [0])
    circuit.measure(0, 1)
    circuit.cx(0, 1)
    circuit.append(reset, [0])
    circuit.append(measure, [0], [2])
    with circuit.if_test((0, 1)):
        circuit.append(measure, [1], [3])
        circuit.append(reset, [1])
    circuit.measure(1, 4)
    circuit.append(measure, [1], [5])
    return circuit


@pytest.mark.parametrize("measure", MEASUREMENTS, ids=names(MEASUREMENTS))
@pytest.mark.parametrize("reset", RESETS, ids=names(RESETS))
@pytest.mark.parametrize("method", ["density_matrix", "trajectories"])
def test_each_has_its_own_errors(measure, reset, method):
    target = with_operations(measure, reset)
    circuit = in_the_middle(measure, reset)
    exact = distribution(circuit, NoiseModel.from_target(target))
    twin = QulacsBackend.from_target(target, method=method)
    assert_drawn_from(counts_of(twin, circuit), exact)


@pytest.mark.parametrize("measure", MEASUREMENTS, ids=names(MEASUREMENTS))
def test_readout_at_the_end(measure):
    """Also in circuits that nothing else keeps from the fastest way."""
    twin = QulacsBackend.from_target(with_operations(measure, Reset()))
    circuit = QuantumCircuit(2, 2)
    circuit.append(measure, [0], [0])
    circuit.measure(1, 1)
    exact = {0: 0.875 * 0.95, 1: 0.125 * 0.95, 2: 0.875 * 0.05, 3: 0.125 * 0.05}
    assert_drawn_from(counts_of(twin, circuit), exact)
    assert counts_of(twin, circuit, readout_noise=False) == {0: SHOTS}
    assert counts_of(twin, circuit, noise=False) == {0: SHOTS}


@pytest.mark.parametrize("reset", RESETS, ids=names(RESETS))
def test_a_reset_with_an_error(reset):
    twin = QulacsBackend.from_target(with_operations(Measure(), reset), readout_noise=False)
    circuit = QuantumCircuit(2, 2)
    circuit.x(0)
    circuit.append(reset, [0])
    circuit.append(reset, [1])  # a qubit that was in 0 anyway
    circuit.measure([0, 1], [0, 1])
    exact = {0: 0.75**2, 1: 0.75 * 0.25, 2: 0.75 * 0.25, 3: 0.25**2}
    assert_drawn_from(counts_of(twin, circuit), exact)
    assert counts_of(twin, circuit, gate_noise=False) == {0: SHOTS}


def test_they_are_compiled_and_copied():
    twin = QulacsBackend.from_target(ibm_heron(), seed=3)
    circuit = in_the_middle(MidCircuitMeasure(), MidCircuitReset())
    compiled = transpile(circuit, twin, optimization_level=0)
    expected = twin.run(compiled).result().get_counts()
    for other in (copy.deepcopy(twin), pickle.loads(pickle.dumps(twin))):
        assert other.run(compiled).result().get_counts() == expected


def test_measurements_that_wait():
    """Others wait for measure_2 as long as it takes, and not as long as measure does."""
    target = ibm_heron()
    twin = QulacsBackend.from_target(
        target, readout_noise=False, gate_noise=False, idle_relaxation=True
    )
    circuit = QuantumCircuit(2, 2)
    circuit.x(0)
    circuit.barrier()
    circuit.append(MidCircuitMeasure(), [1], [1])
    circuit.barrier()
    circuit.measure(0, 0)
    alive = np.exp(-(3.2e-8 + 1.76e-6) / 2e-4)
    assert_drawn_from(counts_of(twin, circuit), {1: alive, 0: 1 - alive})


def test_a_target_that_has_only_another_name():
    """Its measurement is Qiskit's own, and so is that of circuits."""
    target = Target(num_qubits=1)
    target.add_instruction(XGate(), each(1, 0.0))
    target.add_instruction(Measure(), each(1, 0.25), name="readout")
    circuit = QuantumCircuit(1, 1)
    circuit.measure(0, 0)
    twin = QulacsBackend.from_target(target)
    assert_drawn_from(counts_of(twin, circuit), {0: 0.75, 1: 0.25})


def test_a_measurement_in_another_basis_is_what_its_definition_says():
    circuit = QuantumCircuit(2, 2)
    circuit.initialize("+", 0)
    circuit.append(MeasureX(), [0], [0])
    circuit.measure(1, 1)
    assert counts_of(QulacsBackend(), circuit) == {0: SHOTS}
    twin = QulacsBackend.from_target(alice_bob())
    assert_drawn_from(counts_of(twin, circuit), {0: 0.75, 1: 0.25})  # its error, not measure's


def test_a_prepared_state_has_its_error():
    target = alice_bob()
    other = Target(num_qubits=1)
    other.add_instruction(Initialize("-"), {(0,): InstructionProperties(1e-6, 0.125)})
    other.add_instruction(target.operation_from_name("measure"), each(1, 0.0))
    circuit = QuantumCircuit(1, 1)
    circuit.initialize("1", 0)
    circuit.measure(0, 0)
    twin = QulacsBackend.from_target(other)
    assert_drawn_from(counts_of(twin, circuit), {1: 0.875, 0: 0.125})
