"""Random circuits with parameters, and their templates."""

from qiskit import QuantumCircuit
from qiskit.circuit import Gate, Parameter
from qiskit.circuit.library import UnitaryGate, get_standard_gate_name_mapping
from qiskit.quantum_info import random_unitary

from qiskit_oqtopus.simulator.compile.template import compile_template

A, B, C = Parameter("a"), Parameter("b"), Parameter("c")
ANGLES = [A, 2 * A - B + 0.5, A * B, A.sin() + C, -C, 0.3, (A + B) / 3 - 1, B**2]
TURNING = sorted(
    name
    for name, gate in get_standard_gate_name_mapping().items()
    if isinstance(gate, Gate) and gate.params and gate.num_qubits
)


def random_parametric_circuit(rng, num_qubits=4, size=25):
    circuit = QuantumCircuit(num_qubits)
    mapping = get_standard_gate_name_mapping()
    plain = ["h", "t", "sx", "cx", "cz", "swap", "ecr", "x", "s", "ccx", "id"]
    for _ in range(size):
        name = str(rng.choice(TURNING if rng.random() < 0.6 else plain))
        gate = mapping[name]
        angles = [ANGLES[rng.integers(len(ANGLES))] for _ in gate.params]
        places = rng.permutation(num_qubits)[: gate.num_qubits].tolist()
        circuit.append(gate.base_class(*angles), places)
        if rng.random() < 0.1:
            circuit.barrier()
    circuit.append(UnitaryGate(random_unitary(4, seed=1)), [1, 0])
    return circuit


def template_of(circuit):
    return compile_template(circuit, [0.5] * circuit.num_parameters)
