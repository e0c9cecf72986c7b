"""Targets as other vendors make them, rebuilt by hand: the tests need none of their packages."""

from math import pi

from qiskit import QuantumCircuit
from qiskit.circuit import Delay, Gate, IfElseOp, Instruction, Measure, Parameter, Reset
from qiskit.circuit.library import (
    CXGate,
    CZGate,
    Initialize,
    RGate,
    RXGate,
    RZGate,
    RZZGate,
    SXGate,
    UGate,
    XGate,
)
from qiskit.providers import QubitProperties
from qiskit.quantum_info import Operator
from qiskit.transpiler import InstructionProperties, Target


def each(num_qubits, error, duration=None):
    """Properties of an instruction on one qubit, the same on all qubits."""
    return {(q,): InstructionProperties(duration, error) for q in range(num_qubits)}


def ibm_fractional():
    """A device of IBM with fractional gates: rzz in [0, pi / 2]; and bounds of other kinds."""
    target = Target(num_qubits=2)
    target.add_instruction(SXGate(), each(2, 1e-3))
    target.add_instruction(XGate(), each(2, 1e-3))
    target.add_instruction(RZGate(Parameter("a")), each(2, 0.0))
    target.add_instruction(RXGate(Parameter("a")), each(2, 1e-3), angle_bounds=[(-pi, pi)])
    bounds = [None, (0, 1), (-1, 1)]
    u = UGate(*[Parameter(name) for name in "abc"])
    target.add_instruction(u, each(2, 1e-3), angle_bounds=bounds)
    pair = {(0, 1): InstructionProperties(None, 0.01)}
    target.add_instruction(CZGate(), pair)
    target.add_instruction(RZZGate(Parameter("a")), pair, angle_bounds=[(0, pi / 2)])
    target.add_instruction(Measure(), each(2, 0.02))
    return target


def ibm_heron():
    """A device of IBM with other measurements and resets in the middle of circuits."""
    lifetimes = [QubitProperties(t1=2e-4, t2=1e-4)] * 2
    target = Target(num_qubits=2, dt=4e-9, qubit_properties=lifetimes)
    target.add_instruction(SXGate(), each(2, 1e-2, 3.2e-8))
    target.add_instruction(XGate(), each(2, 1e-2, 3.2e-8))
    target.add_instruction(RZGate(Parameter("a")), each(2, 0.0, 0.0))
    target.add_instruction(CXGate(), {(0, 1): InstructionProperties(6.8e-8, 0.03)})
    target.add_instruction(Measure(), each(2, 0.05, 2.28e-6))
    target.add_instruction(Instruction("measure_2", 1, 1, []), each(2, 0.125, 1.76e-6))
    target.add_instruction(Reset(), each(2, None, 2.3e-6))
    target.add_instruction(Instruction("reset_2", 1, 0, []), each(2, 0.25, 2.1e-6))
    target.add_instruction(Delay(Parameter("t")), dict.fromkeys([(0,), (1,)]))
    target.add_instruction(IfElseOp, name="if_else")
    return target


class MeasureX(Instruction):
    """The measurement of Alice & Bob in the X basis."""

    def __init__(self):
        super().__init__("measure_x", 1, 1, [])
        self.definition = QuantumCircuit(1, 1)
        self.definition.h(0)
        self.definition.measure(0, 0)
        self.definition.h(0)


def alice_bob():
    """A device of Alice & Bob: it is told once that it can prepare a state, and may any."""
    target = Target(num_qubits=2)
    target.add_instruction(Delay(Parameter("duration")), dict.fromkeys([(0,), (1,)]))
    target.add_instruction(Initialize("-"), each(2, 0.0))
    target.add_instruction(MeasureX(), each(2, 0.25))
    target.add_instruction(Measure(), each(2, 0.0))
    target.add_instruction(XGate(), each(2, 0.0))
    return target


class Move(Gate):
    """IQM's gate between a qubit and a resonator; it has no definition."""

    def __init__(self):
        super().__init__("move", 2, [])


class MoveOfIqm(Move):
    """As IQM has it: the matrix is an attribute."""

    def __init__(self):
        super().__init__()
        self.unitary = Operator([[1, 0, 0, 0], [0, 0, 1j, 0], [0, -1j, 0, 0], [0, 0, 0, 1]])


class MoveWithMatrix(Move):
    """As Qiskit has it."""

    def __array__(self, dtype=None, copy=None):
        return MoveOfIqm().unitary.data


class MoveWithDefinition(Move):
    """A swap."""

    def _define(self):
        self.definition = QuantumCircuit(2)
        self.definition.swap(0, 1)


def deneb(move):
    """IQM's Deneb, and that with its resonator, which is qubit 6."""
    found = []
    for num_qubits in (6, 7):
        target = Target(num_qubits=num_qubits)
        angles = Parameter("theta"), Parameter("phi")
        target.add_instruction(RGate(*angles), each(6, 0.0))
        target.add_instruction(Delay(0), each(6, None))  # stands for a delay of any length
        target.add_instruction(Measure(), each(6, 0.0))
        pairs = [(a, b) for a in range(6) for b in range(6) if a != b]
        if num_qubits == 7:
            pairs += [(a, 6) for a in range(6)]
            target.add_instruction(move, dict.fromkeys([(a, 6) for a in range(6)]))
        target.add_instruction(CZGate(), dict.fromkeys(pairs))
        found.append(target)
    return found
