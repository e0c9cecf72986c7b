"""Cliffords by qiskit-experiments' numbers, as rz, sx and cx (pure integer arithmetic)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import product

from qiskit import QuantumCircuit
from qiskit_experiments.library.randomized_benchmarking.clifford_utils import (
    CliffordUtils,
    compose_1q,
    compose_2q,
    inverse_2q,
    num_from_1q_circuit,
    num_from_2q_circuit,
)

Turns = tuple[int, ...]
"""A one-qubit Clifford: rz, sx, rz, sx, ..., rz in the order of time. The numbers are the angles of
the rz in quarter turns, 0 to 3; between two of them is an sx. The global phase is left out."""

Segment = tuple[int, int]
"""One-qubit Cliffords that are made at the same time, on the first and the second qubit."""

_PAULIS = ("id", "x", "y", "z")


@lru_cache(maxsize=1)
def one_qubit_forms() -> Sequence[Turns]:
    """Return the shortest form of each one-qubit Clifford, with as few rz as can be.

    >>> [len(turns) - 1 for turns in one_qubit_forms()].count(1)  # those with one sx
    16
    """
    quarters = [0, *(_number(name) for name in ("s", "z", "sdg"))]
    sx = _number("sx")
    forms: dict[int, Turns] = {}
    for pulses in range(3):
        choices = product(range(4), repeat=pulses + 1)
        for turns in sorted(choices, key=lambda turns: (sum(turn > 0 for turn in turns), turns)):
            number = quarters[turns[0]]
            for turn in turns[1:]:
                number = compose_1q(compose_1q(number, sx), quarters[turn])
            forms.setdefault(int(number), turns)
    return [forms[number] for number in range(CliffordUtils.NUM_CLIFFORD_1_QUBIT)]


@lru_cache(maxsize=11520)
def two_qubit_form(number: int) -> tuple[Segment, ...]:
    """Return a two-qubit Clifford as segments; between two of them is a cx from first to second.

    Args:
        number: The number of the Clifford.
    """
    layers = CliffordUtils.NUM_CLIFFORD_2_QUBIT // 36, 16, 1
    segments: list[Segment] = [(0, 0)]
    for step in layers:
        index, number = divmod(number, step)
        first, *others = _layer_form(index * step)
        segments[-1] = _follow(segments[-1], first)
        segments += others
    return tuple(segments)


@lru_cache(maxsize=72)
def _layer_form(number: int) -> tuple[Segment, ...]:
    """Return the form of a Clifford that is one of the layers of which numbers are made."""
    circuit = CliffordUtils.clifford_2_qubit_circuit(number)
    hadamard = _number("h")
    segments: list[Segment] = [(0, 0)]
    for item in circuit.data:
        places = [circuit.find_bit(qubit).index for qubit in item.qubits]
        if item.operation.name != "cx":
            gate = _number(item.operation.name)
            segments[-1] = _follow(segments[-1], (gate, 0) if places == [0] else (0, gate))
        elif places == [0, 1]:
            segments.append((0, 0))
        else:
            segments[-1] = _follow(segments[-1], (hadamard, hadamard))
            segments.append((hadamard, hadamard))
    return tuple(segments)


def _follow(before: Segment, after: Segment) -> Segment:
    return int(compose_1q(before[0], after[0])), int(compose_1q(before[1], after[1]))


@lru_cache(maxsize=32)
def _number(name: str) -> int:
    """Return the number of a one-qubit gate."""
    circuit = QuantumCircuit(1)
    getattr(circuit, name)(0)
    return int(num_from_1q_circuit(circuit))


@lru_cache(maxsize=1)
def local_numbers() -> Sequence[int]:
    """Return the numbers of the 576 two-qubit Cliffords that are a Clifford on each qubit."""
    tables = []
    for place in (0, 1):
        numbers = []
        for number in range(CliffordUtils.NUM_CLIFFORD_1_QUBIT):
            circuit = QuantumCircuit(2)
            circuit.compose(CliffordUtils.clifford_1_qubit_circuit(number), [place], inplace=True)
            numbers.append(int(num_from_2q_circuit(circuit)))
        tables.append(numbers)
    return [int(compose_2q(first, second)) for first, second in product(*tables)]


@lru_cache(maxsize=1)
def twirls() -> Sequence[tuple[int, int]]:
    """Return pairs of local Cliffords (A, B): A, then cx, then B is cx, and A, B is a Pauli.

    A is a Pauli, and before it an s or nothing on the first qubit and an sx or nothing on the
    second one.
    """
    pairs = []
    for first, second, s, sx in product(_PAULIS, _PAULIS, (False, True), (False, True)):
        circuit = QuantumCircuit(2)
        if s:
            circuit.s(0)
        if sx:
            circuit.sx(1)
        getattr(circuit, first)(0)
        getattr(circuit, second)(1)
        before = num_from_2q_circuit(circuit)
        pairs.append((int(before), int(inverse_2q(compose_2q(compose_2q(_cx(), before), _cx())))))
    return pairs


@lru_cache(maxsize=1)
def _cx() -> int:
    circuit = QuantumCircuit(2)
    circuit.cx(0, 1)
    return int(num_from_2q_circuit(circuit))
