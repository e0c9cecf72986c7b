"""Everything that is wrong is said at once, before anything runs."""

import pickle

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.circuit import Gate, Instruction, Measure, Parameter
from qiskit.circuit.classical import types
from qiskit.quantum_info import Kraus

from qiskit_oqtopus import OqtopusCircuitError, OqtopusError, QulacsBackend
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
    circuit.h(range(40))
    circuit.measure(range(40), range(40))
    (problem,) = problems(circuit)
    assert "40 active qubits" in problem.reason
    assert f"{memory.required_bytes(40):,} bytes" in problem.reason


def test_the_memory_limit_of_the_user_counts():
    circuit = QuantumCircuit(18)
    circuit.h(range(18))
    circuit.measure_all()
    (problem,) = problems(circuit, max_memory_mb=12)
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
