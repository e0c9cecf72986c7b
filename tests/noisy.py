"""Random calibrations, and random circuits of what they have."""

import numpy as np
from qiskit import ClassicalRegister, QuantumCircuit, QuantumRegister
from qiskit.circuit import (
    Clbit,
    Delay,
    ForLoopOp,
    IfElseOp,
    Measure,
    Parameter,
    Reset,
    SwitchCaseOp,
    WhileLoopOp,
)
from qiskit.circuit.classical import expr, types
from qiskit.circuit.library import CXGate, ECRGate, IGate, RXXGate, RZGate, SXGate, UGate, XGate
from qiskit.transpiler import InstructionProperties, QubitProperties, Target

from qiskit_oqtopus.device.target import MeasureProperties

DT = 1e-9


def random_target(rng: np.random.Generator, num_qubits: int) -> Target:
    """Return a Target of strong noise, all-to-all, with control flow; some numbers are missing."""

    def maybe(value):
        return None if rng.random() < 0.15 else float(value)

    def numbers(error):
        return InstructionProperties(maybe(rng.uniform(1e-8, 3e-7)), maybe(rng.uniform(0, error)))

    qubits = [
        QubitProperties(
            t1=maybe(10 ** rng.uniform(-6.5, -5)), t2=maybe(10 ** rng.uniform(-6.5, -4.5))
        )
        for _ in range(num_qubits)
    ]
    target = Target(num_qubits=num_qubits, dt=DT, qubit_properties=qubits)
    singles = [(q,) for q in range(num_qubits)]
    pairs = [(a, b) for a in range(num_qubits) for b in range(num_qubits) if a != b]
    angles = [Parameter(name) for name in "abc"]
    for gate in (XGate(), SXGate(), IGate(), UGate(*angles)):
        target.add_instruction(gate, {q: numbers(0.1) for q in singles})
    target.add_instruction(RZGate(angles[0]), {q: InstructionProperties(0.0, 0.0) for q in singles})
    if pairs:
        for gate in (CXGate(), ECRGate(), RXXGate(angles[0])):
            target.add_instruction(gate, {q: numbers(0.2) for q in pairs})
    target.add_instruction(
        Measure(), {q: MeasureProperties(None, 0.1, *rng.uniform(0, 0.3, 2)) for q in singles}
    )
    target.add_instruction(Reset(), dict.fromkeys(singles))
    target.add_instruction(Delay(Parameter("t")), dict.fromkeys(singles))
    for kind, name in (
        (IfElseOp, "if_else"),
        (ForLoopOp, "for_loop"),
        (WhileLoopOp, "while_loop"),
        (SwitchCaseOp, "switch_case"),
    ):
        target.add_instruction(kind, name=name)
    return target


def add_random(rng: np.random.Generator, circuit: QuantumCircuit, size: int) -> None:
    """Append gates and delays."""
    n = circuit.num_qubits
    for _ in range(size):
        kind, qubits = rng.integers(8 if n > 1 else 5), [int(q) for q in rng.permutation(n)]
        if kind == 0:
            circuit.u(*rng.uniform(-4, 4, 3), qubits[0])
        elif kind == 1:
            circuit.rz(rng.uniform(-4, 4), qubits[0])
        elif kind == 2:
            getattr(circuit, str(rng.choice(["x", "sx", "id"])))(qubits[0])
        elif kind in (3, 4):
            unit = str(rng.choice(["s", "ms", "us", "ns", "ps", "dt"]))
            scale = {"s": 1, "ms": 1e3, "us": 1e6, "ns": 1e9, "ps": 1e12, "dt": 1e9}[unit]
            time = rng.uniform(0, 1e-6) * scale
            circuit.delay(round(time) if unit == "dt" else time, qubits[0], unit=unit)
        elif kind == 5:
            circuit.rxx(rng.uniform(-4, 4), *qubits[:2])
        else:
            (circuit.cx if kind == 6 else circuit.ecr)(*qubits[:2])


def random_static(rng: np.random.Generator, num_qubits: int, size: int = 12) -> QuantumCircuit:
    """Return a circuit of gates and delays."""
    circuit = QuantumCircuit(num_qubits)
    add_random(rng, circuit, size)
    return circuit


def random_dynamic(rng: np.random.Generator, num_qubits: int) -> QuantumCircuit:
    """Return a circuit with measurements, resets and control flow inside."""
    circuit = QuantumCircuit(QuantumRegister(num_qubits, "q"), ClassicalRegister(2, "a"), [Clbit()])
    number = circuit.add_var("number", expr.lift(0, types.Uint(3)))
    a = circuit.cregs[0]

    def qubit():
        return int(rng.integers(num_qubits))

    def clbit():
        return int(rng.integers(circuit.num_clbits))

    for _ in range(4):
        add_random(rng, circuit, 2)
        kind = rng.integers(6)
        if kind == 0:
            circuit.measure(qubit(), clbit())
        elif kind == 1:
            circuit.reset(qubit())
        elif kind == 2:
            circuit.measure(qubit(), clbit())
            with circuit.if_test((circuit.clbits[clbit()], 1)) as otherwise:
                add_random(rng, circuit, 2)
                circuit.store(number, expr.add(number, expr.lift(1, types.Uint(3))))
            with otherwise:
                circuit.measure(qubit(), clbit())
        elif kind == 3:
            with circuit.for_loop(range(2)):
                add_random(rng, circuit, 1)
                circuit.measure(qubit(), clbit())
        elif kind == 4:
            circuit.measure(qubit(), a[0])
            with circuit.switch(a) as case:
                with case(1, 2):
                    circuit.x(qubit())
                with case(case.DEFAULT):
                    circuit.reset(qubit())
        else:
            # Ends, since the number grows.
            with circuit.while_loop(expr.less(number, expr.lift(2, types.Uint(3)))):
                circuit.sx(qubit())
                circuit.measure(qubit(), clbit())
                circuit.store(number, expr.add(number, expr.lift(1, types.Uint(3))))
    for _ in range(2):
        circuit.measure(qubit(), clbit())
    return circuit
