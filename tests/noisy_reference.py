"""A slow, direct interpreter of noisy circuits: exact probabilities by density matrices.

It follows every outcome on Qiskit's own objects with ``qiskit.quantum_info``. What is tested with
it is how noise gets into circuits and through the engines. The noise of a calibration is here as
superoperators and confusion matrices, built of the package's channels, which have tests of their
own.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from qiskit.circuit import IfElseOp, Measure, Reset, SwitchCaseOp
from qiskit.circuit.controlflow import CASE_DEFAULT
from qiskit.quantum_info import DensityMatrix, Operator, SuperOp

from qiskit_oqtopus.circuits import SECONDS_PER_UNIT
from qiskit_oqtopus.simulator.noise.channels import (
    depolarizing,
    depolarizing_probability,
    relaxation,
    relaxation_exponents,
    relaxation_infidelity,
    tensor,
)

from .dynamic_reference import Way, _condition, _store, _target, _value

_PROJECTORS = [Operator(np.diag([1.0, 0.0])), Operator(np.diag([0.0, 1.0]))]
_RESET = SuperOp(np.array([[1, 0, 0, 1], [0, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0]]))


def thermal_relaxation(duration, t1, t2):
    """Return the relaxation of one qubit to state 0 (temperature zero), shape (4, 4).

    Populations of 1 decay as exp(-t / T1) and coherences as exp(-t / T2): amplitude damping
    followed by phase damping (Nielsen and Chuang, section 8.3.5 and 8.3.6).

    Args:
        duration: Time t in s.
        t1: Relaxation time T1 in s; None or infinity if there is no amplitude damping.
        t2: Dephasing time T2 in s. More than 2 T1 is not physical and taken as 2 T1. None or
            infinity is the limit that T1 sets, 2 T1: no dephasing beyond the damping.

    Raises:
        ValueError: If the duration is negative or a lifetime is not positive, or one is NaN.
    """
    return relaxation(*relaxation_exponents(duration, t1, t2))


def gate_noise(error, duration, t1s, t2s):
    """Return the noise of a gate: depolarizing of its qubits, then relaxation of each of them.

    Its average infidelity is the stated error; where relaxation alone has more, it is that of the
    relaxation, and above :func:`reachable_error` it is that. The order, which matters to order
    p t / T1 only, is that of Qiskit Aer's ``NoiseModel.from_backend``.

    Args:
        error: Average infidelity of the gate, or None where only relaxation is known.
        duration: Duration of the gate in s, or None where there is no relaxation.
        t1s: Relaxation time of each of the k qubits in s, or None, see :func:`thermal_relaxation`.
        t2s: Dephasing time of each qubit in s, or None.

    Returns:
        The superoperator, shape (4**k, 4**k).

    Raises:
        ValueError: As :func:`thermal_relaxation` does.
    """
    duration = duration or 0.0
    k = len(t1s)
    p = 0.0
    if error is not None:
        p = depolarizing_probability(error, relaxation_infidelity(duration, t1s, t2s), k)
    each = [thermal_relaxation(duration, t1, t2) for t1, t2 in zip(t1s, t2s, strict=True)]
    return np.asarray(tensor(*each) @ depolarizing(p, k))


def average_infidelity(superop):
    """Return 1 - F, where F is the average fidelity of a channel with the identity."""
    d = math.isqrt(len(superop))
    # Not 1 - tr(S) / d**2: small infidelities keep their digits.
    return float(np.sum(1 - np.diagonal(superop).real)) / (d * (d + 1))


def superop(model, name, qubits):
    """Return the noise that follows an ideal instruction, shape (4**k, 4**k); None if none does."""
    qubits = tuple(qubits)
    if model.operation(name, qubits) is None:
        return None
    table = model.instructions.get(name, {})
    error, duration = table.get(qubits) or table.get(None) or (None, None)
    if error and name in model.preparations:
        duration = None  # its error is all that it does to a qubit in 0
    t1s, t2s = zip(*[_lifetimes(model, qubit) for qubit in qubits], strict=True)
    return gate_noise(error, duration, t1s, t2s)


def delay(model, qubit, seconds):
    """Return the relaxation of a qubit that waits, shape (4, 4); None if there is none."""
    lifetimes = _lifetimes(model, qubit)
    if seconds == 0 or lifetimes == (None, None):
        return None
    return thermal_relaxation(seconds, *lifetimes)


def _lifetimes(model, qubit):
    return model.lifetimes[qubit] if qubit < len(model.lifetimes) else (None, None)


def readout(model, qubit, name="measure"):
    """Return the probability M[observed, prepared] of reading a bit, shape (2, 2); None if exact.

    Columns sum to 1.
    """
    assignment = model.assignment if name == "measure" else model.readouts[name]
    flip_0, flip_1 = assignment.get(qubit) or assignment.get(None) or (0.0, 0.0)
    if not (flip_0 or flip_1):
        return None
    return np.array([[1 - flip_0, flip_1], [flip_0, 1 - flip_1]])


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
        noise = delay(self.model, qubit, seconds)
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
            scale = self.dt if unit == "dt" else SECONDS_PER_UNIT[unit]
            return [self.wait(way, qubits[0], operation.duration * scale)]
        if isinstance(operation, Reset) or name == "reset_2":
            state = way.state.evolve(_RESET, qubits)
            if (self.model.instructions.get(name, {}).get(tuple(qubits)) or (None,))[0]:
                state = state.evolve(SuperOp(superop(self.model, name, qubits)), qubits)
            return [replace(way, state=state)]
        if isinstance(operation, Measure) or name == "measure_2":
            return self.measure(way, qubits[0], instruction.clbits[0], name)
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
        noise = superop(self.model, name, qubits)
        if noise is not None:
            state = state.evolve(SuperOp(noise), qubits)
        return [replace(way, state=state)]

    @staticmethod
    def inner(body, qubits):
        return dict(zip(body.qubits, qubits, strict=True))

    def measure(self, way, qubit, clbit, name):
        wrong = readout(self.model, qubit, name)
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
