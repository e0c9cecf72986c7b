"""Random circuits, and what they should do according to ``qiskit.quantum_info``."""

from __future__ import annotations

import numpy as np
from qiskit import ClassicalRegister, QuantumCircuit, QuantumRegister
from qiskit.circuit import Clbit, Gate, Qubit
from qiskit.circuit.classical import expr, types
from qiskit.circuit.library import (
    DiagonalGate,
    MCPhaseGate,
    MCXGate,
    PauliEvolutionGate,
    PauliGate,
    PermutationGate,
    StatePreparation,
    UnitaryGate,
    get_standard_gate_name_mapping,
)
from qiskit.quantum_info import SparsePauliOp, Statevector, random_statevector, random_unitary

STANDARD_GATES = {
    name: gate for name, gate in get_standard_gate_name_mapping().items() if isinstance(gate, Gate)
}


def random_standard_gate(rng: np.random.Generator, max_qubits: int) -> Gate:
    """Return a standard gate with random angles, sometimes controlled on a random ctrl_state."""
    while True:
        name = rng.choice(sorted(STANDARD_GATES))
        template = STANDARD_GATES[name]
        gate = type(template.to_mutable())(*rng.uniform(-7, 7, len(template.params)))
        if 0 < gate.num_qubits < max_qubits and rng.random() < 0.25:
            num_controls = int(rng.integers(1, max_qubits - gate.num_qubits + 1))
            state = int(rng.integers(0, 2**num_controls))
            gate = gate.control(num_controls, ctrl_state=state)
        if gate.num_qubits <= max_qubits:
            return gate


def random_other_gate(rng: np.random.Generator, max_qubits: int, name: str = "x") -> Gate:
    """Return a gate that is not a standard one; a gate of the user's own is called ``name``."""
    k = int(rng.integers(1, max_qubits + 1))
    kind = rng.integers(9)
    if kind == 0:
        return UnitaryGate(random_unitary(2**k, seed=rng))
    if kind == 1:
        return DiagonalGate(list(np.exp(1j * rng.uniform(0, 7, 2**k))))
    if kind == 2 and k > 1:  # the transpiler of Qiskit 2.0 crashes on a permutation of one qubit
        return PermutationGate(rng.permutation(k).tolist())
    if kind == 3:
        return PauliGate("".join(rng.choice(list("IXYZ"), k)))
    if kind == 4:
        labels = ["".join(rng.choice(list("IXYZ"), k)) for _ in range(3)]
        operator = SparsePauliOp(labels, rng.uniform(-1, 1, 3))
        return PauliEvolutionGate(operator, time=rng.uniform(-2, 2))
    if kind == 5:
        return StatePreparation(random_statevector(2**k, seed=rng).data)
    if kind == 6 and k > 1:
        return MCXGate(k - 1, ctrl_state=int(rng.integers(2 ** (k - 1))))
    if kind == 7 and k > 1:
        return MCPhaseGate(rng.uniform(-4, 4), k - 1)
    custom = QuantumCircuit(k, name=name, global_phase=rng.uniform(0, 6))
    for _ in range(3):
        gate = random_standard_gate(rng, k)
        custom.append(gate, list(rng.permutation(k)[: gate.num_qubits]))
    gate = custom.to_gate()
    return gate.control(1, ctrl_state=int(rng.integers(2))) if k < max_qubits else gate


def random_unitary_circuit(
    rng: np.random.Generator, num_qubits: int, size: int, name: str = "x"
) -> QuantumCircuit:
    """Return a circuit of random gates of every kind, on registers and loose qubits.

    Gates of the user's own have a name that is also that of a standard gate, unless another
    ``name`` is given.
    """
    split = int(rng.integers(0, num_qubits + 1))
    circuit = QuantumCircuit(
        QuantumRegister(split, "a") if split else [],
        [Qubit() for _ in range(num_qubits - split)],
        global_phase=rng.uniform(0, 6),
    )
    for _ in range(size):
        if rng.random() < 0.1:
            circuit.barrier()
        if rng.random() < 0.75:
            gate = random_standard_gate(rng, min(num_qubits, 4))
        else:
            gate = random_other_gate(rng, min(num_qubits, 4), name)
        circuit.append(gate, [int(q) for q in rng.permutation(num_qubits)[: gate.num_qubits]])
    return circuit


def add_classical_bits(rng: np.random.Generator, circuit: QuantumCircuit) -> None:
    """Add registers and loose bits in random order."""
    for i in range(int(rng.integers(1, 4))):
        if rng.random() < 0.3:
            circuit.add_bits([Clbit() for _ in range(int(rng.integers(1, 3)))])
        else:
            circuit.add_register(ClassicalRegister(int(rng.integers(1, 4)), f"c{i}"))


def add_measurements(rng: np.random.Generator, circuit: QuantumCircuit) -> list[tuple[int, int]]:
    """Measure random qubits into random clbits; return the (qubit, clbit) pairs that count.

    Qubits may be measured twice and clbits written twice: the last one counts.
    """
    pairs = {}
    for _ in range(int(rng.integers(1, circuit.num_clbits + 2))):
        qubit, clbit = int(rng.integers(circuit.num_qubits)), int(rng.integers(circuit.num_clbits))
        circuit.measure(qubit, clbit)
        pairs[clbit] = qubit
    return [(qubit, clbit) for clbit, qubit in pairs.items()]


def exact_distribution(state: Statevector, pairs: list[tuple[int, int]]) -> dict[int, float]:
    """Return the probability of each value of the classical bits."""
    distribution: dict[int, float] = {}
    for outcome, probability in enumerate(np.abs(state.data) ** 2):
        value = sum(((outcome >> qubit) & 1) << clbit for qubit, clbit in pairs)
        distribution[value] = distribution.get(value, 0.0) + probability
    return distribution


def assert_drawn_from(counts: dict[int, int], exact: dict[int, float]) -> None:
    """Assert that counts look like draws from a distribution.

    Each bin is compared at 6.5 sigma of its binomial (plus one count for discreteness): for
    the at most 2**10 bins of a test the false-alarm rate is below 1e-6.
    """
    shots = sum(counts.values())
    for value in set(counts) | set(exact):
        p = min(exact.get(value, 0.0), 1.0)
        count = counts.get(value, 0)
        if p < 1e-14:
            assert count == 0, f"impossible outcome {value:b} occurred {count} times"
        sigma = np.sqrt(shots * p * (1 - p))
        # Below ten expected counts the tail is Poisson's, wider than a Gaussian one.
        slack = 6.5 * sigma + 1 + (20 if shots * p < 10 else 0)
        assert abs(count - shots * p) <= slack, (value, count, shots * p)


def random_dynamic_circuit(rng: np.random.Generator, num_qubits: int, size: int) -> QuantumCircuit:
    """Return a circuit with measurements, resets, control flow, expressions and variables."""
    circuit = QuantumCircuit(
        QuantumRegister(num_qubits, "q"), ClassicalRegister(2, "a"), ClassicalRegister(2, "b")
    )
    circuit.add_bits([Clbit()])
    flag = circuit.add_var("flag", expr.lift(False))
    number = circuit.add_var("number", expr.lift(3, types.Uint(4)))
    _Writer(rng, circuit, flag, number).write(size, depth=0, in_loop=False)
    for _ in range(int(rng.integers(0, 4))):
        circuit.measure(int(rng.integers(num_qubits)), int(rng.integers(circuit.num_clbits)))
    return circuit


class _Writer:
    """Appends random statements to a circuit."""

    def __init__(self, rng, circuit, flag, number):
        self.rng, self.circuit, self.flag, self.number = rng, circuit, flag, number

    def condition(self):
        rng, (a, b) = self.rng, self.circuit.cregs
        bit = self.circuit.clbits[int(rng.integers(self.circuit.num_clbits))]
        conditions = [
            lambda: (bit, bool(rng.integers(2))),
            lambda: (a, int(rng.integers(4))),
            lambda: expr.lift(bit),
            lambda: expr.logic_not(self.flag),
            lambda: expr.less(a, b),
            lambda: expr.equal(expr.bit_xor(a, b), int(rng.integers(4))),
            lambda: expr.greater(self.number, int(rng.integers(6))),
            lambda: expr.logic_and(expr.logic_or(self.flag, bit), expr.bit_not(bit)),
            lambda: expr.index(a, int(rng.integers(2))),
            lambda: expr.not_equal(expr.shift_left(self.number, 1), expr.cast(a, types.Uint(4))),
        ]
        return conditions[int(rng.integers(len(conditions)))]()

    def write(self, size, depth, in_loop):
        for _ in range(size):
            self.statement(depth, in_loop)

    def statement(self, depth, in_loop):
        rng, circuit = self.rng, self.circuit
        n = circuit.num_qubits
        kind = rng.random()
        if kind < 0.45 or (depth >= 2 and kind > 0.72):
            gate = random_standard_gate(rng, min(n, 2))
            circuit.append(gate, [int(q) for q in rng.permutation(n)[: gate.num_qubits]])
        elif kind < 0.58:
            circuit.measure(int(rng.integers(n)), int(rng.integers(circuit.num_clbits)))
        elif kind < 0.63:
            circuit.reset(int(rng.integers(n)))
        elif kind < 0.72:
            self.store()
        elif kind < 0.84:
            with circuit.if_test(self.condition()) as otherwise:
                self.write(2, depth + 1, in_loop)
                if in_loop and rng.random() < 0.3:
                    (circuit.break_loop if rng.random() < 0.5 else circuit.continue_loop)()
            if rng.random() < 0.6:
                with otherwise:
                    self.write(2, depth + 1, in_loop)
        elif kind < 0.89:
            register = circuit.cregs[0]
            with circuit.switch(register if rng.random() < 0.5 else self.number) as case:
                with case(0, 2):
                    self.write(1, depth + 1, in_loop)
                with case(1):
                    self.write(1, depth + 1, in_loop)
                if rng.random() < 0.5:
                    with case(case.DEFAULT):
                        self.write(1, depth + 1, in_loop)
        elif kind < 0.96:
            with circuit.for_loop(range(int(rng.integers(1, 4)))) as i:
                if rng.random() < 0.5:
                    circuit.rx(i * 0.7, int(rng.integers(n)))
                self.write(2, depth + 1, True)
        else:
            # Ends after at most three rounds, whatever the body does to the number.
            rounds = circuit.add_var(f"rounds_{rng.integers(2**40)}", expr.lift(0, types.Uint(4)))
            with circuit.while_loop(expr.less(rounds, int(rng.integers(1, 4)))):
                circuit.store(rounds, expr.add(rounds, expr.lift(1, types.Uint(4))))
                self.write(2, depth + 1, True)

    def store(self):
        rng, circuit = self.rng, self.circuit
        a, b = circuit.cregs
        kind = rng.integers(5)
        if kind == 0:
            circuit.store(self.flag, expr.logic_not(self.flag))
        elif kind == 1:
            circuit.store(self.number, expr.add(self.number, expr.cast(a, types.Uint(4))))
        elif kind == 2:
            circuit.store(b, expr.bit_not(a))
        elif kind == 3:
            circuit.store(expr.lift(circuit.clbits[4]), self.flag)
        else:
            circuit.store(expr.index(self.number, int(rng.integers(4))), self.flag)
