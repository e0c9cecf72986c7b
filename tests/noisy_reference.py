"""A slow, direct interpreter of noisy circuits: exact probabilities by density matrices.

It follows every outcome on Qiskit's own objects with ``qiskit.quantum_info``. What is tested with
it is how noise gets into circuits and through the engines; the channels of a calibration are taken
from the package, and have tests of their own.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from qiskit.circuit import IfElseOp, SwitchCaseOp
from qiskit.circuit.controlflow import CASE_DEFAULT
from qiskit.quantum_info import DensityMatrix, Operator, SuperOp

from .dynamic_reference import Way, _condition, _store, _target, _value

_SECONDS = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9, "ps": 1e-12}
_PROJECTORS = [Operator(np.diag([1.0, 0.0])), Operator(np.diag([0.0, 1.0]))]
_RESET = SuperOp(np.array([[1, 0, 0, 1], [0, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0]]))


def final_state(circuit, model, dt=None, idle=None):
    """Return the density matrix of a circuit without measurements and control flow."""
    (way,) = _ways(circuit, model, dt, idle)
    return way.state


def distribution(circuit, model, dt=None, idle=None):
    """Return the exact probability of each final value of the classical bits."""
    result = {}
    for way in _ways(circuit, model, dt, idle):
        value = sum(way.bits[bit] << i for i, bit in enumerate(circuit.clbits))
        result[value] = result.get(value, 0.0) + way.state.trace().real
    return result


def _ways(circuit, model, dt, idle):
    zero = DensityMatrix.from_int(0, 2**circuit.num_qubits)
    start = Way(1.0, zero, dict.fromkeys(circuit.clbits, 0))  # the state has the weight
    places = {bit: i for i, bit in enumerate(circuit.qubits)}
    return _Interpreter(model, dt, idle).block(circuit, [start], places)


class _Interpreter:
    def __init__(self, model, dt, idle):
        self.model, self.dt, self.idle = model, dt, idle

    def block(self, body, ways, places):
        for position, instruction in enumerate(body.data):
            ends = []
            for way in ways:
                if self.idle is not None:
                    for bit, seconds in zip(instruction.qubits, self.idle[position], strict=True):
                        way = self.wait(way, places[bit], seconds)
                ends += self.instruction(instruction, way, places)
            ways = _merged(ends)
        return ways

    def wait(self, way, qubit, seconds):
        noise = self.model.delay(qubit, seconds)
        return (
            way if noise is None else replace(way, state=way.state.evolve(SuperOp(noise), [qubit]))
        )

    def instruction(self, instruction, way, places):
        operation = instruction.operation
        name = operation.name
        qubits = [places[bit] for bit in instruction.qubits]
        if name == "barrier":
            return [way]
        if name == "delay":
            unit = operation.unit
            scale = self.dt if unit == "dt" else _SECONDS[unit]
            return [self.wait(way, qubits[0], operation.duration * scale)]
        if name == "reset":
            return [replace(way, state=way.state.evolve(_RESET, qubits))]
        if name == "measure":
            return self.measure(way, qubits[0], instruction.clbits[0])
        if name == "store":
            lvalue, rvalue = operation.params
            return [_store(way, lvalue, _value(rvalue, way))]
        if isinstance(operation, IfElseOp):
            true, false = operation.params
            body = true if _condition(operation.condition, way) else false
            return [way] if body is None else self.block(body, [way], self.inner(body, qubits))
        if isinstance(operation, SwitchCaseOp):
            value = int(_target(operation.target, way))
            for labels, body in operation.cases_specifier():
                if CASE_DEFAULT in labels or value in labels:
                    return self.block(body, [way], self.inner(body, qubits))
            return [way]
        if name == "for_loop":
            values, _, body = operation.params
            ways = [way]
            for _ in values:
                ways = self.block(body, ways, self.inner(body, qubits))
            return ways
        if name == "while_loop":
            body, ways, out = operation.blocks[0], [way], []
            while ways:
                out += [each for each in ways if not _condition(operation.condition, each)]
                ways = [each for each in ways if _condition(operation.condition, each)]
                ways = self.block(body, ways, self.inner(body, qubits))
            return out
        if name == "box":
            return self.block(operation.body, [way], self.inner(operation.body, qubits))
        state = way.state.evolve(operation, qubits)
        noise = self.model.superop(name, qubits)
        if noise is not None:
            state = state.evolve(SuperOp(noise), qubits)
        return [replace(way, state=state)]

    @staticmethod
    def inner(body, qubits):
        return dict(zip(body.qubits, qubits, strict=True))

    def measure(self, way, qubit, clbit):
        wrong = self.model.readout(qubit)
        wrong = np.eye(2) if wrong is None else wrong
        ends = []
        for true in (0, 1):
            projected = way.state.evolve(_PROJECTORS[true], [qubit])
            for seen in (0, 1):
                if wrong[seen, true]:
                    state = DensityMatrix(projected.data * wrong[seen, true])
                    ends.append(replace(way, state=state, bits={**way.bits, clbit: seen}))
        return ends


def _merged(ways):
    """Return ways, of which those with the same classical memory are one."""
    found = {}
    for way in ways:
        if way.state.trace().real > 1e-14:
            memory = (*way.bits.values(), *map(str, way.variables.values()))
            if memory in found:
                data = found[memory].state.data + way.state.data
                way = replace(way, state=DensityMatrix(data))
            found[memory] = way
    return list(found.values())
