"""A slow, direct interpreter of dynamic circuits: exact probabilities by following every outcome.

It works on Qiskit's own objects with ``qiskit.quantum_info`` and shares no code with the package.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from qiskit import ClassicalRegister, QuantumCircuit
from qiskit.circuit import Clbit, IfElseOp, Parameter, SwitchCaseOp
from qiskit.circuit.classical import expr, types
from qiskit.circuit.controlflow import CASE_DEFAULT
from qiskit.quantum_info import Statevector


@dataclass
class Way:
    """One way through the circuit: its weight, quantum state and classical memory."""

    probability: float
    state: Statevector
    bits: dict[Clbit, int]
    variables: dict = field(default_factory=dict)


def distribution(circuit: QuantumCircuit) -> dict[int, float]:
    """Return the exact probability of each final value of the classical bits."""
    start = Way(
        1.0, Statevector.from_int(0, 2**circuit.num_qubits), dict.fromkeys(circuit.clbits, 0)
    )
    ends = _block(circuit, [start], {q: i for i, q in enumerate(circuit.qubits)})["next"]
    result: dict[int, float] = {}
    for way in ends:
        value = sum(way.bits[bit] << i for i, bit in enumerate(circuit.clbits))
        result[value] = result.get(value, 0.0) + way.probability
    return result


def _block(body, ways, places):
    """Run a block; return the ways by how they leave it: next, break or continue."""
    leaving = {"next": [], "break": [], "continue": []}
    for instruction in body.data:
        if not ways:
            break
        ends = {"next": [], "break": [], "continue": []}
        for way in ways:
            for how, found in _instruction(instruction, way, places).items():
                ends[how].extend(found)
        leaving["break"] += ends["break"]
        leaving["continue"] += ends["continue"]
        ways = ends["next"]
    leaving["next"] = ways
    return leaving


def _inner(instruction, body, places):
    """Bodies made by the builder interface name their clbits as the outer circuit does."""
    return {bit: places[outer] for bit, outer in zip(body.qubits, instruction.qubits, strict=True)}


def _instruction(instruction, way, places):
    operation = instruction.operation
    name = operation.name
    qubits = [places[bit] for bit in instruction.qubits]
    if name in ("barrier", "delay"):
        return {"next": [way]}
    if name in ("break_loop", "continue_loop"):
        return {name.split("_")[0]: [way]}
    if name in ("measure", "reset"):
        ends = []
        for outcome in (0, 1):
            projector = np.diag([1 - outcome, outcome]).astype(complex)
            data = way.state.evolve(_operator(projector), qubits).data
            weight = np.linalg.norm(data) ** 2
            if weight < 1e-12:
                continue
            state = Statevector(data / np.sqrt(weight))
            bits = dict(way.bits)
            if name == "measure":
                bits[instruction.clbits[0]] = outcome
            elif outcome:
                state = state.evolve(_operator(np.array([[0, 1], [1, 0]], complex)), qubits)
            ends.append(replace(way, probability=way.probability * weight, state=state, bits=bits))
        return {"next": ends}
    if name == "store":
        lvalue, rvalue = operation.params
        return {"next": [_store(way, lvalue, _value(rvalue, way))]}
    if isinstance(operation, IfElseOp):
        true, false = operation.params
        body = true if _condition(operation.condition, way) else false
        if body is None:
            return {"next": [way]}
        return _block(body, [way], _inner(instruction, body, places))
    if isinstance(operation, SwitchCaseOp):
        value = int(_target(operation.target, way))
        for labels, body in operation.cases_specifier():
            if CASE_DEFAULT in labels or value in labels:
                return _block(body, [way], _inner(instruction, body, places))
        return {"next": [way]}
    if name == "box":
        return _block(operation.body, [way], _inner(instruction, operation.body, places))
    if name == "for_loop":
        values, variable, body = operation.params
        ways, out = [way], []
        for value in values:
            bound, ready = body, ways
            if isinstance(variable, Parameter) and variable in body.parameters:
                bound = body.assign_parameters({variable: value})
            elif isinstance(variable, expr.Var):
                ready = [_store(each, variable, value) for each in ways]
            ends = _block(bound, ready, _inner(instruction, bound, places))
            out += ends["break"]
            ways = ends["next"] + ends["continue"]
        return {"next": out + ways}
    if name == "while_loop":
        body = operation.blocks[0]
        ways, out = [way], []
        while ways:
            out += [each for each in ways if not _condition(operation.condition, each)]
            ways = [each for each in ways if _condition(operation.condition, each)]
            ends = _block(body, ways, _inner(instruction, body, places))
            out += ends["break"]
            ways = ends["next"] + ends["continue"]
        return {"next": out}
    return {"next": [replace(way, state=way.state.evolve(operation, qubits))]}


def _operator(matrix):
    from qiskit.quantum_info import Operator

    return Operator(matrix)


def _register(register, way):
    return sum(way.bits[bit] << i for i, bit in enumerate(register))


def _target(target, way):
    if isinstance(target, expr.Expr):
        return _value(target, way)
    return way.bits[target] if isinstance(target, Clbit) else _register(target, way)


def _condition(condition, way):
    if isinstance(condition, expr.Expr):
        return bool(_value(condition, way))
    target, value = condition
    return _target(target, way) == value


def _value(node, way):
    if isinstance(node, expr.Value):
        return node.value
    if isinstance(node, expr.Var):
        if isinstance(node.var, (Clbit, ClassicalRegister)):
            return _target(node.var, way)
        return way.variables[node.var]
    if isinstance(node, expr.Cast):
        value = _value(node.operand, way)
        if node.type.kind is types.Bool:
            return bool(value)
        if node.type.kind is types.Uint:
            return int(value) % 2**node.type.width
        return float(value)
    if isinstance(node, expr.Index):
        return (_value(node.target, way) >> _value(node.index, way)) & 1
    wrap = 2**node.type.width if node.type.kind is types.Uint else None
    if isinstance(node, expr.Unary):
        value = _value(node.operand, way)
        if node.op.name == "LOGIC_NOT":
            return not value
        if node.op.name == "BIT_NOT":
            return (wrap - 1 - value) if wrap else not value
        return -value
    a, b = _value(node.left, way), _value(node.right, way)
    value = {
        "BIT_AND": lambda: a & b,
        "BIT_OR": lambda: a | b,
        "BIT_XOR": lambda: a ^ b,
        "LOGIC_AND": lambda: bool(a and b),
        "LOGIC_OR": lambda: bool(a or b),
        "EQUAL": lambda: a == b,
        "NOT_EQUAL": lambda: a != b,
        "LESS": lambda: a < b,
        "LESS_EQUAL": lambda: a <= b,
        "GREATER": lambda: a > b,
        "GREATER_EQUAL": lambda: a >= b,
        "SHIFT_LEFT": lambda: a << b,
        "SHIFT_RIGHT": lambda: a >> b,
        "ADD": lambda: a + b,
        "SUB": lambda: a - b,
        "MUL": lambda: a * b,
        "DIV": lambda: a // b if wrap else a / b,
    }[node.op.name]()
    return value % wrap if wrap else value


def _store(way, lvalue, value):
    bits, variables = dict(way.bits), dict(way.variables)
    if isinstance(lvalue, expr.Index):
        place = _value(lvalue.index, way)
        old = _value(lvalue.target, way)
        changed = (old & ~(1 << place)) | (int(value) << place)
        return _store(way, lvalue.target, changed)
    if isinstance(lvalue.var, Clbit):
        bits[lvalue.var] = int(value)
    elif isinstance(lvalue.var, ClassicalRegister):
        for i, bit in enumerate(lvalue.var):
            bits[bit] = (int(value) >> i) & 1
    else:
        variables[lvalue.var] = value
    return replace(way, bits=bits, variables=variables)
