"""What twins refuse because a Target does not have it: angles, fixed gates, resonators."""

import math
from math import pi

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from qiskit import QuantumCircuit, transpile
from qiskit.circuit import ForLoopOp, Gate, Measure, Parameter
from qiskit.circuit.library import RGate, RXGate, RZGate, SXGate, UnitaryGate
from qiskit.providers import BackendV2, Options
from qiskit.quantum_info import Operator
from qiskit.transpiler import InstructionProperties, Target

from qiskit_oqtopus import (
    EstimatorV2,
    OqtopusCircuitError,
    OqtopusOptionError,
    QulacsBackend,
    SamplerV2,
)
from tests.vendors import (
    Move,
    MoveOfIqm,
    MoveWithDefinition,
    MoveWithMatrix,
    alice_bob,
    deneb,
    each,
    ibm_fractional,
)

pytestmark = pytest.mark.filterwarnings("ignore::qiskit_oqtopus.exceptions.OqtopusWarning")

Bounded = pytest.mark.skipif(
    not hasattr(Target, "has_angle_bounds"), reason="this Qiskit has no bounds of angles"
)

RX, RZZ, U = ("rx", (0,), 1), ("rzz", (0, 1), 1), ("u", (1,), 3)


def problems_of(twin, circuit, **options):
    with pytest.raises(OqtopusCircuitError) as caught:
        twin.run(circuit, **options)
    return caught.value.problems


def gate_of(name, qubits, angles):
    circuit = QuantumCircuit(2)
    getattr(circuit, name)(*angles, *qubits)
    circuit.measure_all()
    return circuit


def runs(call):
    try:
        call()
    except OqtopusCircuitError:
        return False
    return True


# Bounds of angles


@pytest.fixture(scope="module")
def fractional():
    return QulacsBackend.from_target(ibm_fractional(), seed=1) if Bounded.args[0] is False else None


near = st.sampled_from([0.0, 1.0, -1.0, pi / 2, -pi / 2, pi, -pi]).flatmap(
    lambda x: st.sampled_from([x, np.nextafter(x, 9.0), np.nextafter(x, -9.0)])
)
angle = st.one_of(near, st.floats(-7, 7)).map(float)


@Bounded
@given(gate=st.sampled_from([RX, RZZ, U]), angles=st.lists(angle, min_size=3), noise=st.booleans())
def test_a_twin_runs_what_the_target_says_that_it_supports(fractional, gate, angles, noise):
    name, qubits, number = gate
    angles = angles[:number]
    supported = fractional.target.instruction_supported(
        name, qubits, parameters=angles, check_angle_bounds=True
    )
    circuit = gate_of(name, qubits, angles)
    assert runs(lambda: fractional.run(circuit, shots=1, noise=noise).result()) == supported


@Bounded
@pytest.mark.parametrize("noise", [True, False])
def test_angles_outside_are_refused(fractional, noise):
    circuit = gate_of("rzz", (0, 1), [2.0])
    circuit.rx(4.0, 0)
    problems = problems_of(fractional, circuit, noise=noise)
    assert [(p.instruction, p.qubits) for p in problems] == [("rzz", (0, 1)), ("rx", (0,))]
    assert str(problems[0]).endswith(
        "the device does not take it at 2 rad, but at other angles; choose an angle that the "
        "device takes; transpile(circuit, backend) does so if the device's own package is installed"
    )


@Bounded
@pytest.mark.parametrize("noise", [True, False])
@pytest.mark.parametrize("primitive", [SamplerV2, EstimatorV2])
def test_primitives_check_the_values_of_parameters(primitive, noise):
    twin = QulacsBackend.from_target(ibm_fractional(), noise=noise)
    theta = Parameter("theta")
    circuit = QuantumCircuit(2)
    circuit.rzz(2 * theta, 0, 1)
    if primitive is SamplerV2:
        circuit.measure_all()

    def run(values):
        pub = (circuit, values) if primitive is SamplerV2 else (circuit, "ZZ", values)
        return primitive(twin).run([pub]).result()

    many = np.linspace(0, pi / 4, 40)
    run(many)
    with pytest.raises(OqtopusCircuitError) as caught:
        run([*many, 1.0, 2.0, 0.1, 3.0])
    (problem,) = caught.value.problems  # and not one for each set
    assert (problem.noun, problem.circuit, problem.instruction) == ("PUB", 0, "rzz")
    assert "does not take it at 2 rad" in problem.reason


@Bounded
def test_the_same_values_in_another_gate_are_nobodys_business(fractional):
    circuit = gate_of("rz", (0,), [6.0])
    fractional.run(circuit).result()
    circuit = gate_of("rzz", (0, 1), [math.nan])
    (problem,) = problems_of(fractional, circuit)
    assert "not finite" in problem.reason


def looped(values, factor, inner=None):
    """A circuit with rzz(factor * a) for all values a, or rzz(factor * a * b) with inner ones."""
    a, b = Parameter("a"), Parameter("b")
    circuit = QuantumCircuit(2, 2)
    with circuit.for_loop(values, a):
        if inner is None:
            circuit.rzz(factor * a, 0, 1)
        else:
            with circuit.for_loop(inner, b):
                circuit.rzz(factor * a * b, 0, 1)
    circuit.measure([0, 1], [0, 1])
    return circuit


@Bounded
@pytest.mark.parametrize("noise", [True, False])
def test_angles_in_loops(noise):
    target = ibm_fractional()
    target.add_instruction(ForLoopOp, name="for_loop")
    twin = QulacsBackend.from_target(target, noise=noise)
    twin.run(looped(range(4), 0.5)).result()
    twin.run(looped([0, 1, 3], 0.25, range(3))).result()
    (problem,) = problems_of(twin, looped(range(5), 0.5))
    assert (problem.instruction, problem.qubits) == ("rzz", (0, 1))
    assert "does not take it at 2 rad" in problem.reason
    (problem,) = problems_of(twin, looped(range(3), 0.5, range(3)))
    assert "does not take it at 2 rad" in problem.reason
    (problem,) = problems_of(twin, looped(range(5000), 1e-4))
    assert "loops give it over 4,096; write the loops out" in str(problem)


# Gates of fixed angles


@pytest.fixture
def fixed():
    target = Target(num_qubits=2)
    target.add_instruction(RXGate(pi / 2), each(2, 0.3), name="rx_90")
    target.add_instruction(RXGate(-pi / 2), {(0,): InstructionProperties(None, 0.1)}, name="rx_m90")
    target.add_instruction(RGate(pi, Parameter("phi")), each(2, 0.2), name="r_180")
    target.add_instruction(RZGate(Parameter("a")), each(2, 0.0))
    target.add_instruction(Measure(), each(2, 0.0))
    return target


@pytest.mark.parametrize(
    ("name", "angles", "error"),
    [
        ("rx", [pi / 2], 0.3),
        ("rx", [pi / 2 + 1e-13], 0.3),
        ("rx", [-pi / 2], 0.1),
        ("r", [pi, 0.7], 0.2),
        ("rz", [0.4], 0.0),
    ],
)
def test_a_gate_under_a_name_of_the_targets_own(fixed, name, angles, error):
    twin = QulacsBackend.from_target(fixed)
    circuit = QuantumCircuit(1)
    getattr(circuit, name)(*angles, 0)
    state = twin.run(circuit, density_matrix=True).result().data(0)["density_matrix"]
    ideal = Operator(circuit).data[:, 0]
    depolarized = (1 - 2 * error) * np.outer(ideal, ideal.conj()) + error * np.eye(2)
    assert np.abs(state - depolarized).max() < 1e-12


@pytest.mark.parametrize("noise", [True, False])
def test_other_angles_are_refused(fixed, noise):
    circuit = QuantumCircuit(2)
    circuit.rx(0.4, 0)
    circuit.rx(-pi / 2, 1)
    circuit.r(3, 0.7, 0)
    circuit.measure_all()
    found = problems_of(QulacsBackend.from_target(fixed, noise=noise), circuit)
    reason = "the device has it at fixed angles only, as "
    assert [(p.instruction, p.qubits, p.reason) for p in found] == [
        ("rx", (0,), reason + "rx_90, rx_m90"),
        ("rx", (1,), reason + "rx_90"),
        ("r", (0,), reason + "r_180"),
    ]
    assert {p.cure for p in found} == {"give it one of these"}


def test_in_loops_there_is_no_fixed_angle(fixed):
    fixed.add_instruction(ForLoopOp, name="for_loop")
    a = Parameter("a")
    circuit = QuantumCircuit(2, 1)
    with circuit.for_loop([1], a):
        circuit.rx(a * pi / 2, 0)
    (problem,) = problems_of(QulacsBackend.from_target(fixed), circuit)
    assert "fixed angles only" in problem.reason


def test_the_name_in_circuits_comes_first(fixed):
    """Where the Target has rx of any angle, rx(pi / 2) is that."""
    fixed.add_instruction(RXGate(Parameter("a")), {(1,): InstructionProperties(None, 0.05)})
    twin = QulacsBackend.from_target(fixed)
    for qubit, error in ((0, 0.3), (1, 0.05)):
        circuit = QuantumCircuit(2)
        circuit.rx(pi / 2, qubit)
        result = twin.run(circuit, density_matrix=[qubit]).result()
        assert np.trace(Operator(result.data(0)["density_matrix"]).power(2).data) == pytest.approx(
            1 - 2 * error + 2 * error**2
        )


def test_a_gate_of_one_matrix_beside_those_of_any(fixed):
    fixed.add_instruction(UnitaryGate, name="unitary")
    fixed.add_instruction(UnitaryGate([[0, 1], [1, 0]]), each(2, 0.0), name="flip")
    circuit = QuantumCircuit(2)
    circuit.unitary([[0, 1], [1, 0]], [0])
    circuit.measure_all()
    counts = QulacsBackend.from_target(fixed).run(circuit, shots=10).result().get_counts()
    assert counts == {"01": 10}


def test_another_gate_of_the_name_is_refused(fixed):
    own = Gate("rx", 1, [pi / 2])
    own.definition = QuantumCircuit(1)
    circuit = QuantumCircuit(1, 1)
    circuit.append(own, [0])
    circuit.measure(0, 0)
    (problem,) = problems_of(QulacsBackend.from_target(fixed), circuit)
    assert problem.instruction == "rx"


def test_what_is_no_angle_is_not_compared():
    twin = QulacsBackend.from_target(alice_bob(), seed=1)
    circuit = QuantumCircuit(2, 2)
    circuit.initialize("0", 0)
    circuit.initialize("1", 1)
    circuit.delay(100, 0, "ns")
    circuit.measure([0, 1], [0, 1])
    assert twin.run(circuit, shots=10).result().get_counts() == {"10": 10}


# Qubits and a resonator


class Star(BackendV2):
    """A backend that compiles for qubits, and runs circuits with a resonator."""

    def __init__(self, move, resonators=True):
        super().__init__(name="star")
        self._targets = deneb(move)
        self._resonators = resonators

    @property
    def target(self):
        return self._targets[0]

    @property
    def target_with_resonators(self):
        if not self._resonators:
            raise ValueError("The backend does not have computational resonators.")
        return self._targets[1]

    max_circuits = None

    @classmethod
    def _default_options(cls):
        return Options()

    def run(self, run_input, **options):
        raise NotImplementedError


def through_the_resonator(move):
    """A Bell state of qubits 0 and 3."""
    circuit = QuantumCircuit(7, 2)
    for qubit in (0, 3):
        circuit.r(pi / 2, pi / 2, qubit)
    circuit.append(move, [0, 6])
    circuit.cz(3, 6)
    circuit.append(move, [0, 6])
    circuit.r(-pi / 2, pi / 2, 3)
    circuit.measure([0, 3], [0, 1])
    return circuit


@pytest.mark.parametrize("move", [MoveOfIqm(), MoveWithMatrix(), MoveWithDefinition()])
@pytest.mark.parametrize("noise", [True, False])
def test_a_move_that_says_what_it_does(move, noise):
    star = Star(move)
    for twin in (
        QulacsBackend.from_backend(star, noise=noise),
        QulacsBackend.from_backend(QulacsBackend.from_backend(star, noise=noise)),
        QulacsBackend.from_target(star.target_with_resonators, noise=noise),
    ):
        result = twin.run(through_the_resonator(move), shots=500).result()
        assert set(result.get_counts()) == {"00", "11"}
    twin = QulacsBackend.from_backend(star)
    assert twin.num_qubits == 6
    ghz = QuantumCircuit(3)
    ghz.h(0)
    ghz.cx(0, 1)
    ghz.cx(1, 2)
    ghz.delay(100, 0, "ns")
    ghz.measure_all()
    assert set(twin.run(transpile(ghz, twin)).result().get_counts()) == {"000", "111"}


def test_a_move_of_which_nothing_is_known():
    star = Star(Move())
    for twin in (
        QulacsBackend.from_backend(star),
        QulacsBackend.from_target(star.target_with_resonators),
    ):
        (problem,) = problems_of(twin, through_the_resonator(Move()))
        assert (problem.instruction, problem.qubits) == ("move", (0, 6))
        assert "neither a definition nor a matrix" in problem.reason


@pytest.mark.parametrize("move", [Move(), MoveWithMatrix()])
def test_a_resonator_that_the_target_does_not_have(move):
    twin = QulacsBackend.from_backend(Star(move, resonators=False))
    (problem,) = problems_of(twin, through_the_resonator(move))
    assert (problem.instruction, problem.qubits) == ("move", (0, 6))
    assert ("neither a definition nor a matrix" in problem.reason) == (type(move) is Move)
    assert "on a qubit that the Target, which has 6, does not have" in problem.reason
    assert "transpile" not in problem.cure
    assert "from_target" in problem.cure


@pytest.mark.parametrize("wide", [False, True])
def test_a_circuit_that_was_not_compiled(wide):
    twin = QulacsBackend.from_backend(Star(Move()))
    circuit = QuantumCircuit(8)
    if wide:
        circuit.mcx([0, 1, 2, 3, 4, 5, 6], 7)
        circuit.unitary(Operator.from_label("X"), [7])
    (problem,) = problems_of(twin, circuit)
    assert "it has 8 qubits and the device has 7; use fewer qubits" in str(problem)


def test_an_impossible_bound_is_none_of_the_simulators():
    """A Target that is only compiled for binds nobody: QulacsBackend(target) runs anything."""
    target = Target(num_qubits=1)
    target.add_instruction(SXGate(), each(1, 0.0))
    circuit = QuantumCircuit(1)
    circuit.rx(0.4, 0)
    circuit.measure_all()
    QulacsBackend(target).run(circuit).result()
    with pytest.raises(OqtopusOptionError):
        QulacsBackend.from_target("target")
