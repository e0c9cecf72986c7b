"""Noisy circuits of many kinds: for each of them one of the two engines for noise is the faster."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import numpy as np
from qiskit import QuantumCircuit
from qiskit.circuit import IfElseOp, Reset
from qiskit.transpiler import Target

from qiskit_oqtopus.device.device_info import CouplingFacts, QubitFacts
from qiskit_oqtopus.device.target import device_target

_BASIS = ["rz", "sx", "x", "cx"]


class Family(NamedTuple):
    """Circuits that differ in nothing but size.

    Attributes:
        title: What they are.
        build: Makes one of them.
        shots: Number of shots.
    """

    title: str
    build: Callable[[], QuantumCircuit]
    shots: int


def target(num_qubits: int) -> Target:
    """Return a line of qubits with usual errors, coupled both ways, with resets and conditions."""
    durations = {"rz": 0.0, "sx": 2e-8, "x": 2e-8}
    made = device_target(
        num_qubits=num_qubits,
        basis_gates=_BASIS,
        qubits=[
            QubitFacts(
                qubit,
                fidelity=0.999,
                t1=1e-4,
                t2=1e-4,
                durations=durations,
                prob_meas1_prep0=0.01,
                prob_meas0_prep1=0.03,
            )
            for qubit in range(num_qubits)
        ],
        couplings=[
            CouplingFacts(a, b, 0.99, durations={"cx": 4e-8})
            for q in range(num_qubits - 1)
            for a, b in ((q, q + 1), (q + 1, q))
        ],
    )
    made.add_instruction(Reset(), {(qubit,): None for qubit in range(num_qubits)})
    made.add_instruction(IfElseOp, name="if_else")
    return made


def bricks(num_qubits: int, depth: int) -> QuantumCircuit:
    """Return layers of gates on all qubits and on every other pair."""
    angles = np.random.default_rng(depth).uniform(0, 6, (depth, num_qubits))
    circuit = QuantumCircuit(num_qubits, num_qubits)
    for layer, row in enumerate(angles.tolist()):
        for qubit, angle in enumerate(row):
            circuit.rz(angle, qubit)
            circuit.sx(qubit)
        for qubit in range(layer % 2, num_qubits - 1, 2):
            circuit.cx(qubit, qubit + 1)
    circuit.measure(range(num_qubits), range(num_qubits))
    return circuit


def singles(num_qubits: int, depth: int) -> QuantumCircuit:
    """Return layers of gates on one qubit."""
    angles = np.random.default_rng(depth).uniform(0, 6, (depth, num_qubits))
    circuit = QuantumCircuit(num_qubits, num_qubits)
    for row in angles.tolist():
        for qubit, angle in enumerate(row):
            circuit.rz(angle, qubit)
            circuit.sx(qubit)
    circuit.measure(range(num_qubits), range(num_qubits))
    return circuit


def ghz(num_qubits: int) -> QuantumCircuit:
    """Return a GHZ state."""
    circuit = QuantumCircuit(num_qubits, num_qubits)
    circuit.sx(0)
    for qubit in range(num_qubits - 1):
        circuit.cx(qubit, qubit + 1)
    circuit.measure(range(num_qubits), range(num_qubits))
    return circuit


def code(distance: int, rounds: int) -> QuantumCircuit:
    """Return syndrome rounds of a repetition code whose data are in no Pauli eigenstate."""
    num_qubits, checks = 2 * distance - 1, distance - 1
    circuit = QuantumCircuit(num_qubits, checks * rounds + distance)
    data, ancillas = range(0, num_qubits, 2), range(1, num_qubits, 2)
    for qubit in data:
        circuit.rz(0.4, qubit)
        circuit.sx(qubit)
        circuit.rz(0.3, qubit)
    for number in range(rounds):
        for place, ancilla in enumerate(ancillas):
            circuit.cx(ancilla - 1, ancilla)
            circuit.cx(ancilla + 1, ancilla)
            circuit.measure(ancilla, checks * number + place)
            circuit.reset(ancilla)
    circuit.measure(data, range(checks * rounds, checks * rounds + distance))
    return circuit


def measured(num_qubits: int, number: int) -> QuantumCircuit:
    """Return gates and measurements inside, each into a bit of its own."""
    angles = np.random.default_rng(number).uniform(0, 6, number).tolist()
    circuit = QuantumCircuit(num_qubits, number + num_qubits)
    for place, angle in enumerate(angles):
        qubit = place % num_qubits
        circuit.sx(qubit)
        circuit.rz(angle, qubit)
        circuit.sx(qubit)
        if qubit + 1 < num_qubits:
            circuit.cx(qubit, qubit + 1)
        circuit.measure(qubit, place)
    circuit.measure(range(num_qubits), range(number, number + num_qubits))
    return circuit


def conditional(num_qubits: int, number: int) -> QuantumCircuit:
    """Return measurements, each of which decides about a gate."""
    circuit = QuantumCircuit(num_qubits, num_qubits)
    for place in range(number):
        qubit = place % (num_qubits - 1)
        circuit.rz(0.1 * place, qubit)
        circuit.sx(qubit)
        circuit.cx(qubit, qubit + 1)
        circuit.measure(qubit, qubit)
        with circuit.if_test((circuit.clbits[qubit], 1)):
            circuit.x(qubit + 1)
    circuit.measure(range(num_qubits), range(num_qubits))
    return circuit


def _families() -> dict[str, Family]:
    kinds: list[tuple[Callable[..., QuantumCircuit], str, tuple[tuple[int, ...], ...]]] = [
        (
            bricks,
            "bricks",
            (
                (8, 20, 100),
                (8, 4, 1000),
                (9, 20, 1000),
                (10, 5, 1000),
                (10, 20, 100),
                (10, 10, 100000),
                (11, 10, 1000),
            ),
        ),
        (singles, "singles", ((9, 50, 100), (11, 100, 1000), (12, 20, 1000))),
        (code, "code", ((3, 8, 1000), (4, 3, 1000), (4, 2, 100000), (5, 2, 100))),
        (measured, "measured", ((4, 12, 100000), (6, 24, 100), (6, 24, 1000), (7, 14, 1000))),
        (conditional, "conditional", ((4, 24, 1000), (6, 12, 1000), (8, 6, 1000))),
    ]
    found = {}
    for build, name, sizes in kinds:
        for size, depth, shots in sizes:
            title = f"{name}({size}, {depth}) x {shots} shots"
            found[f"{name}-{size}-{depth}-{shots}"] = Family(
                title, partial(build, size, depth), shots
            )
    found["ghz-10-1000"] = Family("ghz(10) x 1000 shots", partial(ghz, 10), 1000)
    return found


FAMILIES = _families()
"""By name, all of them."""
