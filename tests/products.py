"""Random circuits that fall into parts: interleaved qubits and bits, loops around all of them."""

from __future__ import annotations

import numpy as np
from qiskit import ClassicalRegister, QuantumCircuit, QuantumRegister
from qiskit.circuit.classical import expr, types

from qiskit_oqtopus.simulator.compile import control_flow


def random_unitary_product(
    rng: np.random.Generator, num_qubits: int, parts: int, size: int
) -> QuantumCircuit:
    """Return gates of which none acts on qubits of two parts; qubits are dealt at random."""
    circuit = QuantumCircuit(num_qubits, num_qubits, global_phase=rng.uniform(0, 6))
    hands = _deal(rng, list(range(num_qubits)), parts)
    for _ in range(size):
        add_gate(rng, circuit, hands[int(rng.integers(parts))])
    return circuit


def _deal(rng: np.random.Generator, items: list, parts: int) -> list[list]:
    shuffled = [items[i] for i in rng.permutation(len(items))]
    return [shuffled[i::parts] for i in range(parts)]


def add_gate(rng: np.random.Generator, circuit: QuantumCircuit, qubits: list[int]) -> None:
    """Append a gate on some of the qubits."""
    kind = rng.integers(5 if len(qubits) > 1 else 2)
    chosen = [int(q) for q in rng.permutation(qubits)]
    if kind == 0:
        circuit.rz(rng.uniform(-4, 4), chosen[0])
    elif kind == 1:
        circuit.u(*rng.uniform(-4, 4, 3), chosen[0])
    elif kind == 2:
        circuit.rxx(rng.uniform(-4, 4), *chosen[:2])
    elif kind == 3:
        circuit.cx(*chosen[:2])
    else:
        circuit.ecr(*chosen[:2])


class RandomProduct:
    """Writes a circuit with measurements, control flow, variables and loops around all parts.

    Args:
        rng: Where the randomness comes from.
        num_qubits: Number of qubits.
        parts: Number of parts, as long as nothing ties them.
        ties: Probability that a statement ties two parts.
    """

    def __init__(
        self, rng: np.random.Generator, num_qubits: int, parts: int, ties: float = 0.0
    ) -> None:
        self.rng, self.parts, self.ties = rng, parts, ties
        self.circuit = QuantumCircuit(
            QuantumRegister(num_qubits, "q"),
            ClassicalRegister(3, "a"),
            ClassicalRegister(parts, "b"),
        )
        self.qubits = _deal(rng, list(range(num_qubits)), parts)
        self.clbits = _deal(rng, list(range(3 + parts)), parts)
        self.numbers = [
            self.circuit.add_var(f"n{i}", expr.lift(0, types.Uint(3))) for i in range(parts)
        ]

    def write(self, size: int) -> QuantumCircuit:
        """Return the circuit."""
        for _ in range(size):
            self.statement(int(self.rng.integers(self.parts)))
        for part in range(self.parts):
            self.measure(part)
        return self.circuit

    def measure(self, part: int) -> None:
        bits = self.clbits[part]
        if self.rng.random() < self.ties:
            bits = list(range(self.circuit.num_clbits))
        self.circuit.measure(int(self.rng.choice(self.qubits[part])), int(self.rng.choice(bits)))

    def condition(self, part: int):
        rng, circuit = self.rng, self.circuit
        if rng.random() < self.ties:
            return (circuit.cregs[0], int(rng.integers(8)))
        bit = circuit.clbits[int(rng.choice(self.clbits[part]))]
        return [
            (bit, int(rng.integers(2))),
            expr.logic_not(bit),
            expr.less(self.numbers[part], expr.lift(2, types.Uint(3))),
        ][int(rng.integers(3))]

    def statement(self, part: int, depth: int = 0) -> None:
        rng, circuit = self.rng, self.circuit
        kind = rng.random()
        if kind < 0.4 or (depth and kind > 0.7):
            add_gate(rng, circuit, self.qubits[part])
        elif kind < 0.55:
            self.measure(part)
        elif kind < 0.6:
            circuit.reset(int(rng.choice(self.qubits[part])))
        elif kind < 0.7:
            number = self.numbers[part]
            circuit.store(number, expr.add(number, expr.lift(1, types.Uint(3))))
        elif kind < 0.82:
            with circuit.if_test(self.condition(part)) as otherwise:
                self.statement(part, depth + 1)
            if rng.random() < 0.5:
                with otherwise:
                    self.statement(part, depth + 1)
        elif kind < 0.86:
            with circuit.switch(circuit.clbits[int(rng.choice(self.clbits[part]))]) as case:
                with case(0):
                    self.statement(part, depth + 1)
                with case(case.DEFAULT):
                    self.statement(part, depth + 1)
        elif kind < 0.9:
            number = self.numbers[part]
            with circuit.while_loop(expr.less(number, expr.lift(2, types.Uint(3)))):
                circuit.sx(self.qubits[part][0])
                self.measure(part)
                circuit.store(number, expr.add(number, expr.lift(1, types.Uint(3))))
        elif kind < 0.95:
            circuit.barrier()
        else:
            with circuit.for_loop(range(2)) as _:
                for each in range(self.parts):
                    self.statement(each, depth + 1)


def count_loops(monkeypatch) -> None:
    """Let loops be counted at run time, which otherwise only long ones are."""
    monkeypatch.setattr(control_flow, "WRITTEN_SIZE", 0)
