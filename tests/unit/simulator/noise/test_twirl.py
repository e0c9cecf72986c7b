"""The Pauli twirl: compared with the average of a channel over all Paulis."""

import itertools

import numpy as np
import pytest

from qiskit_oqtopus.simulator.compile.stabilizer import build_stabilizer
from qiskit_oqtopus.simulator.engines.stabilizer import run_stabilizer
from qiskit_oqtopus.simulator.noise.channels import depolarizing, relaxation, tensor
from qiskit_oqtopus.simulator.noise.twirl import twirl
from qiskit_oqtopus.simulator.operations import PAULIS
from qiskit_oqtopus.simulator.plan import Plan
from tests.circuits import assert_drawn_from

RELAXATIONS = {
    "damping alone": (0.3, 0.15),
    "dephasing alone": (0.0, 0.3),
    "both": (0.3, 0.7),
    "nothing": (0.0, 0.0),
    "everything is over": (50.0, 80.0),
}


def paulis(k):
    """Return the Paulis of k qubits; digit j of the position in base 4 is that of qubit j."""
    found = []
    for letters in itertools.product(range(4), repeat=k):
        matrix = np.eye(1)
        for letter in reversed(letters):  # the last letter is the digit of qubit 0
            matrix = np.kron(PAULIS[letter], matrix)
        found.append(matrix)
    return found


def superop(unitary):
    return np.kron(unitary.conj(), unitary)


@pytest.mark.parametrize("p", [0.0, 0.2, 1.0])
@pytest.mark.parametrize("first", RELAXATIONS.values(), ids=RELAXATIONS)
@pytest.mark.parametrize("others", [(), ((0.2, 0.4),), ((0.2, 0.4), (0.1, 0.05))], ids=[1, 2, 3])
def test_probabilities_are_those_of_the_average_over_all_paulis(first, others, p):
    relaxations = (first, *others)
    k = len(relaxations)
    channel = tensor(*[relaxation(*each) for each in relaxations]) @ depolarizing(p, k)
    average = sum(superop(pauli).conj().T @ channel @ superop(pauli) for pauli in paulis(k)) / 4**k
    found = twirl(p, relaxations)
    mixed = sum(p * superop(pauli) for p, pauli in zip(found, paulis(k), strict=True))
    np.testing.assert_allclose(mixed, average, atol=1e-12)


@pytest.mark.parametrize("k", [1, 2, 3])
def test_the_largest_depolarizing_is_a_channel(k):
    found = np.array(twirl(4**k / (4**k - 1), ((0.0, 0.0),) * k))
    np.testing.assert_allclose(found, [0, *[1 / (4**k - 1)] * (4**k - 1)], atol=1e-12)
    operations = (("noise", tuple(range(k)), 4**k / (4**k - 1), ((0.0, 0.0),) * k),)
    plan = Plan(tuple(range(k)), k, (("unitary", operations, 0.0),), ((0, 0),))
    keys, counts = run_stabilizer(build_stabilizer(plan), 4000, np.random.default_rng(1))
    p_one = 4**k / 2 / (4**k - 1)
    assert_drawn_from(dict(zip(keys, counts, strict=True)), {0: 1 - p_one, 1: p_one})


@pytest.mark.parametrize("k", [1, 2, 3])
@pytest.mark.parametrize("basis", ["x", "y", "z"])
def test_each_pauli_strikes_the_qubits_that_it_is_on(k, basis):
    """Each qubit has other noise; which of them are turned over in a basis is exact."""
    relaxations = ((0.3, 0.2), (0.1, 0.6), (0.0, 0.1))[:k]
    qubits = (2, 0, 1)[:k]
    before = {"x": ["h"], "y": ["h", "s"], "z": []}[basis]
    after = {"x": ["h"], "y": ["sdg", "h"], "z": []}[basis]
    operations = (
        *((name, qubit) for qubit in range(3) for name in before),
        ("noise", qubits, 0.3, relaxations),
        *((name, qubit) for qubit in range(3) for name in after),
    )
    terminal = tuple((qubit, qubit) for qubit in range(3))
    plan = Plan((0, 1, 2), 3, (("unitary", operations, 0.0),), terminal)
    keys, counts = run_stabilizer(build_stabilizer(plan), 20_000, np.random.default_rng(2))
    exact = {}
    commuting = {"x": (0, 1), "y": (0, 2), "z": (0, 3)}[basis]
    for number, probability in enumerate(twirl(0.3, relaxations)):
        turned = [number >> 2 * place & 3 not in commuting for place in range(k)]
        key = sum(1 << qubit for qubit, is_turned in zip(qubits, turned, strict=True) if is_turned)
        exact[key] = exact.get(key, 0.0) + probability
    assert_drawn_from(dict(zip(keys, counts, strict=True)), exact)
