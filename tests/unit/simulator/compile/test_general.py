"""Everything that is wrong is said at once, before anything runs."""

import math
import pickle

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.circuit import Gate, Instruction, Measure, Parameter
from qiskit.circuit.classical import types
from qiskit.circuit.library import CUGate, PauliEvolutionGate, UnitaryGate, XXPlusYYGate
from qiskit.providers.fake_provider import GenericBackendV2
from qiskit.quantum_info import Kraus, SparsePauliOp

from qiskit_oqtopus import (
    OqtopusCircuitError,
    OqtopusError,
    QulacsBackend,
    SamplerV2,
)
from qiskit_oqtopus.simulator import memory

BACKEND = QulacsBackend(num_qubits=4)


def problems(run_input, **options):
    with pytest.raises(OqtopusCircuitError) as caught:
        BACKEND.run(run_input, **options)
    assert isinstance(caught.value, OqtopusError)
    for problem in caught.value.problems:
        assert str(problem) in str(caught.value)
    return caught.value.problems


def test_unbound_parameters_are_named():
    circuit = QuantumCircuit(1, name="ansatz")
    circuit.rx(Parameter("beta"), 0)
    circuit.rz(Parameter("alpha"), 0)
    (problem,) = problems(circuit)
    assert "alpha, beta" in problem.reason
    assert "assign_parameters" in problem.cure
    assert problem.name == "ansatz"


def test_all_problems_of_all_circuits_in_one_error():
    opaque = QuantumCircuit(3, name="opaque")
    opaque.h(0)
    opaque.append(Gate("mystery", 2, []), [2, 0])
    opaque.append(Instruction("save_state", 3, 0, []), [0, 1, 2])
    noisy = QuantumCircuit(1, name="noisy")
    noisy.append(Kraus([np.eye(2) * np.sqrt(0.5), np.eye(2)[::-1] * np.sqrt(0.5)]), [0])
    fine = QuantumCircuit(1, 1)
    fine.measure(0, 0)
    found = problems([opaque, fine, noisy])
    assert [(p.circuit, p.instruction, p.position, p.qubits) for p in found] == [
        (0, "mystery", 1, (2, 0)),
        (0, "save_state", 2, (0, 1, 2)),
        (2, "kraus", 0, (0,)),
    ]
    assert all("statevector=True" in p.cure for p in found)


def test_a_gate_inside_a_definition_inside_a_block():
    inner = QuantumCircuit(1, name="inner")
    inner.append(Gate("mystery", 1, []), [0])
    circuit = QuantumCircuit(2, 1)
    circuit.x(0)
    with circuit.if_test((0, 1)):
        circuit.append(inner.to_instruction(), [1])
    (problem,) = problems(circuit)
    assert (problem.instruction, problem.position, problem.qubits) == ("mystery", 1, (1,))


@pytest.mark.parametrize("run_input", [[], (), iter([])])
def test_no_circuit(run_input):
    (problem,) = problems(run_input)
    assert problem.reason == "there is no circuit"


@pytest.mark.parametrize("run_input", ["h q[0];", 3, None, [QuantumCircuit(1), "circuit"], {1: 2}])
def test_not_a_circuit(run_input):
    found = problems(run_input)
    assert "is not a QuantumCircuit" in found[0].reason


def test_input_variables_have_no_value():
    circuit = QuantumCircuit(1)
    circuit.add_input("given", types.Bool())
    (problem,) = problems(circuit)
    assert "given" in problem.reason


def test_too_many_active_qubits_with_the_bytes():
    circuit = QuantumCircuit(40, 40)
    circuit.cx(range(39), range(1, 40))
    circuit.measure(range(40), range(40))
    (problem,) = problems(circuit, method="statevector")
    assert "40 active qubits" in problem.reason
    assert memory.describe_bytes(memory.required_bytes(40)) in problem.reason


def test_the_memory_limit_of_the_user_counts():
    circuit = QuantumCircuit(18)
    circuit.cx(range(17), range(1, 18))
    circuit.measure_all()
    (problem,) = problems(circuit, max_memory_mb=12, method="statevector")
    assert "12,582,912 bytes are available" in problem.reason
    assert "at most 17 active qubits" in problem.cure
    assert BACKEND.run(circuit, max_memory_mb=14, shots=1).result().success


def test_a_wide_circuit_with_few_active_qubits_runs_but_its_whole_state_does_not_fit():
    circuit = QuantumCircuit(100, 1)
    circuit.x(77)
    circuit.delay(10, 3)
    circuit.id(5)
    circuit.barrier()
    circuit.measure(77, 0)
    assert BACKEND.run(circuit, shots=3).result().get_counts() == {"1": 3}
    (problem,) = problems(circuit, statevector=True)
    assert "all 100 qubits" in problem.reason


def test_a_gate_named_x_is_not_an_x():
    impostor = QuantumCircuit(1, name="x")
    impostor.h(0)
    impostor.h(0)
    circuit = QuantumCircuit(1, 1)
    circuit.append(impostor.to_gate(), [0])
    circuit.measure(0, 0)
    assert BACKEND.run(circuit, shots=9).result().get_counts() == {"0": 9}
    opaque = QuantumCircuit(1, 1)
    opaque.append(Gate("x", 1, []), [0])
    (problem,) = problems(opaque)
    assert problem.instruction == "x"


def test_an_instruction_named_measure_is_not_a_measurement():
    circuit = QuantumCircuit(1, 1)
    circuit.append(Instruction("measure", 1, 1, []), [0], [0])
    (problem,) = problems(circuit)
    assert problem.instruction == "measure"
    real = QuantumCircuit(1, 1)
    real.append(Measure(), [0], [0])
    assert BACKEND.run(real).result().success


def test_the_error_survives_pickling():
    with pytest.raises(OqtopusCircuitError) as caught:
        BACKEND.run([])
    restored = pickle.loads(pickle.dumps(caught.value))
    assert restored.problems == caught.value.problems
    assert str(restored) == str(caught.value)


def padded(circuit, gates):
    for k in range(gates):
        circuit.rz(0.1 * k, k % circuit.num_qubits)
    circuit.measure_all()
    return circuit


@pytest.mark.parametrize("angle", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("num_qubits", [1, 2, 3, 10, 17])
@pytest.mark.parametrize("gates", [0, 40, 100])
def test_angles_are_finite(angle, num_qubits, gates):
    circuit = QuantumCircuit(num_qubits, name="bad")
    circuit.h(range(num_qubits))
    circuit.rx(angle, 0)
    padded(circuit, gates)
    with pytest.raises(OqtopusCircuitError) as caught:
        QulacsBackend().run([padded(QuantumCircuit(1), 2), circuit])
    (problem,) = caught.value.problems
    assert (problem.circuit, problem.position, problem.qubits) == (1, num_qubits, (0,))
    assert f"its parameters ({angle}) are not finite" in str(problem)


@pytest.mark.parametrize(
    "gate",
    [
        CUGate(0.1, math.nan, 0.2, 0.3),
        XXPlusYYGate(math.inf, 0.1),
        UnitaryGate(np.full((4, 4), math.nan), check_input=False),
        PauliEvolutionGate(SparsePauliOp(["XX", "ZI"]), math.nan),
    ],
)
def test_other_gates_are_finite(gate):
    circuit = QuantumCircuit(2)
    circuit.append(gate, [0, 1])
    padded(circuit, 2)
    with pytest.raises(OqtopusCircuitError, match=r"instruction 0 \(.* not finite"):
        QulacsBackend().run(circuit)


def test_global_phases_are_finite():
    circuit = padded(QuantumCircuit(1, global_phase=math.nan), 1)
    with pytest.raises(OqtopusCircuitError, match="a global phase of nan is not finite"):
        QulacsBackend().run(circuit)


@pytest.mark.filterwarnings("ignore::qiskit_oqtopus.exceptions.OqtopusWarning")
def test_angles_and_delays_are_finite_on_twins_too():
    twin = QulacsBackend.from_backend(GenericBackendV2(3, seed=1))
    for name in ("rz", "cx"):
        circuit = QuantumCircuit(3)
        circuit.sx(0)
        if name == "rz":
            circuit.rz(math.nan, 0)
        else:
            circuit.delay(math.nan, 0, unit="us")
        circuit.measure_all()
        with pytest.raises(OqtopusCircuitError, match=r"PUB 0 .*nan"):
            SamplerV2(twin).run([circuit])


@pytest.mark.filterwarnings("ignore::qiskit_oqtopus.exceptions.OqtopusWarning")
def test_matrices_are_finite_on_twins_too():
    target = GenericBackendV2(2, seed=1).target
    target.add_instruction(UnitaryGate, None, name="unitary")
    circuit = QuantumCircuit(1)
    circuit.append(UnitaryGate(np.diag([1, math.inf]), check_input=False), [0])
    circuit.measure_all()
    with pytest.raises(OqtopusCircuitError, match="its matrix is not finite"):
        QulacsBackend.from_target(target).run(circuit)


@pytest.mark.filterwarnings("ignore::qiskit_oqtopus.exceptions.OqtopusWarning")
def test_global_phases_are_finite_on_twins_too():
    circuit = QuantumCircuit(1, global_phase=math.nan)
    circuit.sx(0)
    circuit.measure_all()
    with pytest.raises(OqtopusCircuitError, match="a global phase of nan is not finite"):
        QulacsBackend.from_backend(GenericBackendV2(2, seed=1)).run(circuit)
