"""The noise of a calibration: what it is made of, what is refused, and what Aer makes of it."""

import copy
import math
import pickle
import warnings

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.circuit import Delay, IfElseOp, Instruction, Measure, Parameter, Reset
from qiskit.circuit.library import C4XGate, CXGate, RZGate, SXGate, XGate
from qiskit.providers.fake_provider import GenericBackendV2
from qiskit.quantum_info import (
    SuperOp,
    average_gate_fidelity,
)
from qiskit.transpiler import InstructionProperties, QubitProperties, Target

from qiskit_oqtopus.device.device_info import CouplingFacts, QubitFacts
from qiskit_oqtopus.device.target import MeasureProperties, device_target
from qiskit_oqtopus.exceptions import OqtopusOptionError, OqtopusWarning
from qiskit_oqtopus.simulator.noise.channels import (
    depolarizing,
    relaxation,
    relaxation_infidelity,
    tensor,
)
from qiskit_oqtopus.simulator.noise.model import NoiseModel
from tests.noisy_reference import (
    average_infidelity,
    delay,
    readout,
    superop,
    thermal_relaxation,
)

TOLERANCE = 1e-12


def close(a, b):
    return np.abs(np.asarray(a) - np.asarray(b)).max() <= TOLERANCE


def physical(superop):
    """Whether it is completely positive and preserves the trace."""
    return SuperOp(superop).is_cptp(atol=TOLERANCE, rtol=0)


ANEMONE = {
    "num_qubits": 3,
    "basis_gates": ["sx", "rz", "rzx90", "id"],
    "qubits": [
        QubitFacts(
            id_,
            fidelity=fidelity,
            prob_meas1_prep0=flips[0],
            prob_meas0_prep1=flips[1],
            readout_assignment_error=flips[2],
            t1=t1,
            t2=t2,
            durations={"rz": 0.0, "sx": 1.6e-8, "x": 2.4e-8},
        )
        for id_, fidelity, flips, t1, t2 in [
            (
                0,
                0.9994051214420587,
                (0.2174072265625, 0.242431640625, 0.2247314453125),
                2.645895242063294e-5,
                3.588675637783199e-5,
            ),
            (
                1,
                0.9995370146509399,
                (0.296875, 0.2864990234375, 0.2908935546875),
                4.057616114919819e-5,
                2.779555721607516e-5,
            ),
            (
                2,
                0.9996114330540922,
                (0.166015625, 0.2252197265625, 0.2021484375),
                1.6684034546269388e-5,
                1.934686595199833e-5,
            ),
        ]
    ],
    "couplings": [
        CouplingFacts(0, 1, 0.9617900609715081, {"rzx90": 2.72e-7}),
        CouplingFacts(2, 1, 0.985511964171477, {"rzx90": 1.6e-7}),
    ],
}

SIM_16Q = {
    "num_qubits": 16,
    "basis_gates": ["sx", "x", "rz", "cx"],
    "qubits": [
        QubitFacts(
            id_,
            fidelity=0.999,
            prob_meas1_prep0=0.001,
            prob_meas0_prep1=0.001,
            readout_assignment_error=0.001,
            t1=1e-4,
            t2=1e-4,
            durations={"rz": 2e-8, "sx": 2e-8, "x": 2e-8},
        )
        for id_ in range(16)
    ],
    "couplings": [
        CouplingFacts(*pair, 0.99, {"cx": 4e-8, "rzx90": 4e-8})
        for pair in [(0, 2), (0, 1), (1, 3), (2, 3), (1, 4), (4, 5)]
    ],
}


def model_and_warnings(target, **switches):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model = NoiseModel.from_target(target, **switches)
    assert all(w.category is OqtopusWarning and w.filename == __file__ for w in caught)
    return model, [str(w.message) for w in caught]


def small_target(num_qubits=2, t1=5e-5, t2=4e-5):
    """A Target without instructions."""
    return Target(
        num_qubits=num_qubits,
        dt=1e-9,
        qubit_properties=[QubitProperties(t1=t1, t2=t2)] * num_qubits,
    )


def test_the_calibration_of_a_small_device():
    target = device_target(**ANEMONE)
    model, told = model_and_warnings(target)
    assert told == [
        "Relaxation alone makes more errors than are stated for 2 of 8 gates; they are simulated "
        "with relaxation only: x(2), sx(2)."
    ]
    for name in ("x", "sx", "cx"):
        for qubits, properties in target[name].items():
            noise = superop(model, name, qubits)
            assert physical(noise)
            alone = average_infidelity(
                tensor(*[delay(model, q, properties.duration) for q in qubits])
            )
            stated = max(properties.error, alone)
            assert abs(1 - average_gate_fidelity(SuperOp(noise)) - stated) < TOLERANCE
    assert close(superop(model, "x", (2,)), thermal_relaxation(2.4e-8, *model.lifetimes[2]))
    assert superop(model, "cx", (1, 0)) is None
    for name in ("rz", "measure", "delay", "barrier", "ccx"):
        assert superop(model, name, (0,)) is None
    assert close(
        readout(model, 2), [[1 - 0.166015625, 0.2252197265625], [0.166015625, 0.7747802734375]]
    )


def test_the_calibration_of_a_large_device():
    model, told = model_and_warnings(device_target(**SIM_16Q))
    assert told == []
    for name, qubits, error in [("x", (15,), 1e-3), ("sx", (3,), 1e-3), ("cx", (4, 5), 1e-2)]:
        assert abs(average_infidelity(superop(model, name, qubits)) - error) < TOLERANCE
    assert superop(model, "rz", (3,)) is None  # virtual, whatever duration the device gives
    assert close(readout(model, 7), [[0.999, 0.001], [0.001, 0.999]])


def test_operations_make_the_superoperator():
    model, _ = model_and_warnings(device_target(**ANEMONE))
    kind, qubits, p, relaxations = model.operation("cx", (2, 1))
    assert (kind, qubits) == ("noise", (2, 1))
    assert p > 0
    relaxed = tensor(*[relaxation(*exponents) for exponents in relaxations])
    assert close(relaxed @ depolarizing(p, 2), superop(model, "cx", (2, 1)))
    assert close(relaxed, tensor(delay(model, 2, 1.6e-7), delay(model, 1, 1.6e-7)))
    assert model.operation("x", (2,))[2] == 0.0
    assert model.operation("rz", (0,)) is None
    assert model.operation("cx", (1, 2)) is None
    ((kind, qubits, p, (exponents,)),) = [model.waiting(1, 2e-7)]
    assert (kind, qubits, p) == ("noise", (1,), 0.0)
    assert close(relaxation(*exponents), delay(model, 1, 2e-7))
    assert model.waiting(1, 0.0) is None


def test_direction_matters():
    target = small_target()
    target.add_instruction(
        CXGate(),
        {(0, 1): InstructionProperties(3e-7, 0.02), (1, 0): InstructionProperties(3e-7, 0.05)},
    )
    model, _ = model_and_warnings(target)
    assert average_infidelity(superop(model, "cx", (0, 1))) == pytest.approx(0.02, abs=TOLERANCE)
    assert average_infidelity(superop(model, "cx", [1, 0])) == pytest.approx(0.05, abs=TOLERANCE)


def test_the_first_qubit_of_a_gate_is_the_least_significant():
    target = Target(
        num_qubits=3,
        qubit_properties=[QubitProperties(t1=t1) for t1 in (1e-5, None, 3e-5)],
    )
    target.add_instruction(CXGate(), {(2, 0): InstructionProperties(1e-6)})
    model, _ = model_and_warnings(target)
    expected = SuperOp(thermal_relaxation(1e-6, 1e-5, None)).tensor(
        SuperOp(thermal_relaxation(1e-6, 3e-5, None))
    )
    assert close(superop(model, "cx", (2, 0)), expected.data)


def test_switches():
    target = device_target(**ANEMONE)
    both, _ = model_and_warnings(target)
    relaxing, told = model_and_warnings(target, gate=False)
    assert told == []
    pair = tensor(*[thermal_relaxation(2.72e-7, *both.lifetimes[q]) for q in (0, 1)])
    assert close(superop(relaxing, "cx", (0, 1)), pair)
    assert close(delay(relaxing, 0, 1e-6), delay(both, 0, 1e-6))
    depolarized, told = model_and_warnings(target, relaxation=False)
    assert told == []
    assert depolarized.operation("cx", (0, 1))[3] == ((0.0, 0.0), (0.0, 0.0))
    for name, qubits in (("cx", (0, 1)), ("x", (2,))):
        error = target[name][qubits].error
        noise = superop(depolarized, name, qubits)
        assert average_infidelity(noise) == pytest.approx(error, abs=TOLERANCE)
    assert delay(depolarized, 0, 1e-6) is None
    assert close(readout(depolarized, 0), readout(both, 0))
    sharp, _ = model_and_warnings(target, readout=False)
    assert readout(sharp, 0) is None
    assert close(superop(sharp, "x", (0,)), superop(both, "x", (0,)))
    nothing, _ = model_and_warnings(target, gate=False, relaxation=False, readout=False)
    assert superop(nothing, "cx", (0, 1)) is delay(nothing, 0, 1e-6) is readout(nothing, 0) is None


def test_readout():
    target = small_target(6)
    measurements = {
        (0,): InstructionProperties(1e-6, 0.1),
        (1,): MeasureProperties(1e-6, 0.3, 0.1, 0.2),
        (2,): MeasureProperties(1e-6, 0.3, 0.1, None),
        (3,): MeasureProperties(1e-6, None, None, 0.2),
        (4,): MeasureProperties(1e-6, 0.3, 0.25, 0.5),
        (5,): None,
    }
    target.add_instruction(Measure(), measurements)
    model, told = model_and_warnings(target)
    assert told == []
    assert close(readout(model, 0), [[0.9, 0.1], [0.1, 0.9]])
    assert close(readout(model, 1), [[0.9, 0.2], [0.1, 0.8]])
    assert close(readout(model, 2), [[0.7, 0.3], [0.3, 0.7]])
    assert close(readout(model, 3), [[1.0, 0.2], [0.0, 0.8]])
    assert close(readout(model, 4), [[0.75, 0.5], [0.25, 0.5]])
    assert all(close(readout(model, q).sum(axis=0), 1) for q in range(5))
    assert readout(model, 5) is None


def test_delays():
    model, _ = model_and_warnings(device_target(**ANEMONE))
    t1, t2 = model.lifetimes[1]
    assert close(delay(model, 1, 1e-5), thermal_relaxation(1e-5, t1, t2))
    assert delay(model, 1, 0) is None
    assert delay(model, 7, 1e-5) is None
    with pytest.raises(ValueError, match="at least 0"):
        delay(model, 1, -1e-9)


def test_what_is_not_a_gate():
    """A reset with an error leaves the qubit in 1 with this probability; without, it relaxes."""
    target = small_target()
    target.add_instruction(
        Reset(), {(0,): InstructionProperties(1e-6, 0.2), (1,): InstructionProperties(1e-6)}
    )
    target.add_instruction(Instruction("own", 1, 0, []), {(1,): InstructionProperties(1e-6, 0.2)})
    target.add_instruction(Delay(Parameter("t")), {(0,): InstructionProperties(1e-6, 0.2)})
    target.add_instruction(IfElseOp, name="if_else")
    model, told = model_and_warnings(target)
    assert told == ["The error of what is no gate, measurement or reset is not simulated: own(1)."]
    assert close(superop(model, "reset", (0,)), depolarizing(0.4, 1))
    assert close(superop(model, "reset", (1,)), thermal_relaxation(1e-6, 5e-5, 4e-5))
    assert close(superop(model, "own", (1,)), thermal_relaxation(1e-6, 5e-5, 4e-5))
    assert superop(model, "if_else", (0, 1)) is None


def test_instructions_on_any_qubits():
    target = small_target(3)
    target.add_instruction(SXGate(), {None: InstructionProperties(1e-5, 0.01)})
    target.add_instruction(CXGate(), {None: InstructionProperties(1e-7, 0.9)})
    target.add_instruction(Measure(), {None: InstructionProperties(None, 0.1)})
    model, told = model_and_warnings(target)
    assert len(told) == 2
    assert "relaxation only: sx(0), sx(1), sx(2)." in told[0]
    assert "cx(0, 1), cx(0, 2), cx(1, 0), cx(1, 2), cx(2, 0), cx(2, 1)." in told[1]
    assert close(superop(model, "sx", (2,)), thermal_relaxation(1e-5, 5e-5, 4e-5))
    assert superop(model, "cx", (2, 0)).shape == (16, 16)
    assert close(readout(model, 2), [[0.9, 0.1], [0.1, 0.9]])


def test_impossible_values_are_all_in_one_error():
    target = Target(
        num_qubits=4,
        qubit_properties=[
            QubitProperties(t1=0.0, t2=-1e-5),
            QubitProperties(t1=math.nan, t2=math.inf),
            QubitProperties(t2=0.0),
            QubitProperties(t1=1e-5, t2=1e-5),
        ],
    )
    target.add_instruction(
        SXGate(),
        {
            (0,): InstructionProperties(-1e-8, 1.5),
            (1,): InstructionProperties(math.nan, math.nan),
            (2,): InstructionProperties(math.inf, -0.1),
            (3,): InstructionProperties(1e-8, 0.1),
        },
    )
    target.add_instruction(CXGate(), {(2, 1): InstructionProperties(1e-7, 2.0)})
    target.add_instruction(C4XGate(), {None: InstructionProperties(1e-7, 0.1)})
    target.add_instruction(
        Measure(),
        {
            (0,): MeasureProperties(-1.0, 3.0, 1.25, math.nan),
            (2,): MeasureProperties(None, None, "low", True),
            (3,): None,
        },
    )
    # What is switched off is read as well.
    with pytest.raises(OqtopusOptionError) as caught:
        NoiseModel.from_target(target, gate=False, relaxation=False)
    first, *problems = str(caught.value).split("\n")
    assert first == "The noise of this Target cannot be simulated: 19 problems found."
    for problem in (
        "qubit 0: T1 is 0.0; make it a positive number of seconds, or None if it is not known.",
        "qubit 0: T2 is -1e-05",
        "qubit 1: T1 is nan",
        "qubit 1: T2 is inf",
        "qubit 2: T2 is 0.0",
        "sx(0): error is 1.5; make it a probability in [0, 1], or None if it is not known.",
        "sx(0): duration is -1e-08; make it a number of seconds, at least 0, or None",
        "sx(1): error is nan",
        "sx(1): duration is nan",
        "sx(2): error is -0.1",
        "sx(2): duration is inf",
        "cx(2, 1): error is 2.0",
        "mcx: noise on more than 4 qubits at once cannot be simulated",
        "measure(0): error is 3.0",
        "measure(0): duration is -1.0",
        "measure(0): prob_meas1_prep0 is 1.25",
        "measure(0): prob_meas0_prep1 is nan",
        "measure(2): prob_meas1_prep0 is 'low'",
        "measure(2): prob_meas0_prep1 is True",
    ):
        assert sum(line.startswith("  - " + problem) for line in problems) == 1, problem
    assert len(problems) == 19


def test_one_warning_for_each_kind_of_doubt():
    target = Target(
        num_qubits=3,
        qubit_properties=[QubitProperties(t1=1e-5, t2=3e-5)] * 2 + [QubitProperties()],
    )
    target.add_instruction(
        SXGate(),
        {
            (0,): InstructionProperties(1e-6, 1e-4),
            (1,): InstructionProperties(1e-6, 0.0),
            (2,): InstructionProperties(None, 0.7),
        },
    )
    target.add_instruction(
        XGate(),
        {
            (0,): InstructionProperties(None, 0.1),
            (1,): InstructionProperties(1e-6, 0.66),
            (2,): InstructionProperties(None, 0.1),
        },
    )
    target.add_instruction(RZGate(Parameter("a")), {(0,): InstructionProperties(0.0, 0.0)})
    target.add_instruction(
        CXGate(), {(0, 2): InstructionProperties(None, 0.1), (1, 0): InstructionProperties(1e-6, 1)}
    )
    target.add_instruction(Instruction("own", 1, 0, []), {(0,): InstructionProperties(1e-6, 0.1)})
    model, told = model_and_warnings(target)
    starts = [
        "T2 is above 2 T1, which cannot be; it is simulated as 2 T1: qubit 0, qubit 1.",
        "Relaxation alone makes more errors than are stated for 2 of 8 gates; they are simulated "
        "with relaxation only: sx(0), sx(1).",
        "An error of 1 says that a gate is not calibrated, as it does of 1 of 8 gates; circuits "
        "with them run with the largest error that depolarizing can make, which says nothing of "
        "the device: cx(1, 0).",
        "The stated error is larger than depolarizing can make it; it is simulated with the "
        "largest that there is: sx(2), x(1).",
        "These gates have an error and no duration; their whole error is depolarizing: x(0), "
        "cx(0, 2).",
        "The error of what is no gate, measurement or reset is not simulated: own(0).",
    ]
    assert sorted(told) == sorted(starts)
    assert close(superop(model, "sx", (1,)), thermal_relaxation(1e-6, 1e-5, 2e-5))
    assert close(superop(model, "sx", (2,)), depolarizing(4 / 3, 1))
    assert physical(superop(model, "x", (1,)))
    assert model.operation("x", (0,))[3] == ((0.0, 0.0),)
    _, told = model_and_warnings(target, gate=False)
    assert sorted(told) == sorted(
        [
            starts[0],
            starts[4].replace("their whole error is depolarizing", "their qubits do not relax"),
        ]
    )
    _, told = model_and_warnings(target, relaxation=False)
    assert sorted(told) == sorted([starts[2], starts[3].replace(", x(1)", ""), starts[5]])


def test_a_long_list_is_cut():
    target = small_target(30, t1=1e-5, t2=3e-5)
    _, told = model_and_warnings(target)
    assert told[0].endswith("qubit 18, qubit 19 and 10 more.")


def test_an_error_that_is_that_of_relaxation_is_no_doubt():
    target = small_target(1)
    r = relaxation_infidelity(1e-7, [5e-5], [4e-5])
    target.add_instruction(SXGate(), {(0,): InstructionProperties(1e-7, r)})
    target.add_instruction(XGate(), {(0,): InstructionProperties(0.0, 2 / 3)})
    assert model_and_warnings(target)[1] == []


@pytest.mark.parametrize(
    "target", [Target(), Target(num_qubits=2), device_target(num_qubits=4, basis_gates=["sx"])]
)
def test_a_target_that_says_nothing_of_noise(target):
    model, told = model_and_warnings(target)
    assert len(told) == 1
    assert "no error, lifetime or readout error" in told[0]
    assert superop(model, "sx", (0,)) is delay(model, 0, 1e-6) is readout(model, 0) is None


def test_operations_are_built_once_and_not_pickled():
    model, _ = model_and_warnings(device_target(**ANEMONE))
    size = len(pickle.dumps(model))
    first = model.operation("cx", (0, 1))
    assert model.operation("cx", [0, 1]) is first
    assert len(pickle.dumps(model)) == size
    for other in (pickle.loads(pickle.dumps(model)), copy.deepcopy(model)):
        assert other == model
        assert hash(other) == hash(model)
        assert other.operation("cx", (0, 1)) == first
        assert np.array_equal(readout(other, 1), readout(model, 1))


# Against Aer, which is no dependency of the tests: they are skipped where it is not installed.


def device_targets():
    for facts in (ANEMONE, SIM_16Q):
        yield pytest.param(device_target(**facts), id=f"{facts['num_qubits']}q")
    yield pytest.param(GenericBackendV2(5, seed=1).target, id="generic")


@pytest.mark.parametrize(
    "switches", [(True, True), (True, False), (False, True)], ids=["both", "gate", "relaxation"]
)
@pytest.mark.parametrize("target", list(device_targets()))
def test_models_are_those_of_aer(target, switches):
    device = pytest.importorskip("qiskit_aer.noise.device")
    gate, relaxation = switches
    model, _ = model_and_warnings(target, gate=gate, relaxation=relaxation)
    # What Aer's NoiseModel.from_backend is made of.
    expected = {
        (name, tuple(qubits)): SuperOp(error).data
        for name, qubits, error in device.basic_device_gate_errors(
            target=target, gate_error=gate, thermal_relaxation=relaxation
        )
    }
    for name in target.operation_names:
        for qubits in target[name]:
            ours, theirs = superop(model, name, qubits), expected.get((name, qubits))
            assert (ours is None) == (theirs is None), (name, qubits)
            if ours is not None:
                assert close(ours, theirs), (name, qubits)
    for (qubit,), error in device.basic_device_readout_errors(target=target):
        assert close(readout(model, qubit), error.probabilities.T)


def test_a_circuit_with_a_delay_is_that_of_aer():
    aer = pytest.importorskip("qiskit_aer")
    backend = GenericBackendV2(3, seed=1)
    model, _ = model_and_warnings(backend.target)
    circuit = QuantumCircuit(3)
    circuit.sx(0)
    circuit.cx(0, 2)
    circuit.delay(20_000, 2, unit="ns")
    circuit.sx(2)
    circuit.save_density_matrix()
    simulator = aer.AerSimulator(
        method="density_matrix", noise_model=aer.noise.NoiseModel.from_backend(backend)
    )
    theirs = np.asarray(simulator.run(circuit).result().data()["density_matrix"])
    ours = SuperOp(np.eye(64))
    for gate, qubits in ((SXGate(), (0,)), (CXGate(), (0, 2)), (None, (2,)), (SXGate(), (2,))):
        if gate is None:
            ours = ours.compose(SuperOp(delay(model, 2, 2e-5)), qubits)
        else:
            ours = ours.compose(SuperOp(gate), qubits)
            ours = ours.compose(SuperOp(superop(model, gate.name, qubits)), qubits)
    start = np.zeros((8, 8))
    start[0, 0] = 1
    assert close((ours.data @ start.reshape(-1)).reshape(8, 8).T, theirs)
