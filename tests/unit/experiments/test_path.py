"""The best path of couplings."""

from itertools import pairwise, permutations

import numpy as np
import pytest
from qiskit.circuit.library import CXGate, Measure
from qiskit.transpiler import InstructionProperties, Target

from qiskit_oqtopus import OqtopusOptionError
from qiskit_oqtopus.experiments.path import find_path


def target(errors, num_qubits=None, unmeasured=()):
    size = num_qubits or 1 + max(max(pair) for pair in errors)
    found = Target(num_qubits=size)
    properties = {pair: InstructionProperties(error=error) for pair, error in errors.items()}
    found.add_instruction(CXGate(), properties)
    found.add_instruction(Measure(), {(q,): None for q in range(size) if q not in unmeasured})
    return found


def grid(side, rng):
    pairs = [(q, q + 1) for q in range(side * side) if (q + 1) % side]
    pairs += [(q, q + side) for q in range(side * (side - 1))]
    return {pair: float(rng.uniform(0.002, 0.1)) for pair in pairs}


@pytest.mark.parametrize("length", [2, 3, 5])
def test_no_simple_path_is_better(length):
    errors = grid(3, np.random.default_rng(length))
    both = errors | {(b, a): error for (a, b), error in errors.items()}

    def succeeds(path):
        if not all(pair in both for pair in pairwise(path)):
            return 0.0
        return float(np.prod([1 - both[pair] for pair in pairwise(path)]))

    best = max(succeeds(path) for path in permutations(range(9), length))
    found = find_path(target(errors), length)
    assert len(set(found)) == length
    assert succeeds(found) == pytest.approx(best)


def test_a_large_chip_takes_no_time():
    errors = grid(12, np.random.default_rng(0))
    path = find_path(target(errors), 20)
    assert len(set(path)) == 20
    assert all(pair in errors or pair[::-1] in errors for pair in pairwise(path))


def test_the_better_direction_is_taken():
    assert find_path(target({(0, 1): 0.05, (1, 0): 0.01}), 2) == [1, 0]


def test_what_is_not_known_is_not_good():
    errors = {(0, 1): 0.05, (1, 2): None, (2, 3): 0.05, (3, 4): 0.2}
    assert find_path(target(errors), 3) == [2, 3, 4]
    assert find_path(target(dict.fromkeys(errors)), 3) == [0, 1, 2]  # nothing at all is known


def test_qubits_that_cannot_be_read_are_left_out():
    errors = {(0, 1): 0.01, (1, 2): 0.02, (2, 3): 0.02}
    assert find_path(target(errors, unmeasured={0}), 3) == [1, 2, 3]


def test_where_all_qubits_are_coupled_any_path_will_do():
    ideal = Target(num_qubits=3)
    ideal.add_instruction(CXGate())
    ideal.add_instruction(Measure())
    assert find_path(ideal, 3) == [0, 1, 2]
    with pytest.raises(OqtopusOptionError, match="No path of 4 qubits"):
        find_path(ideal, 4)


def test_there_is_no_such_path():
    with pytest.raises(OqtopusOptionError, match="No path of 4 qubits"):
        find_path(target({(0, 1): 0.01, (2, 3): 0.01}), 4)
    with pytest.raises(OqtopusOptionError, match="No path of 2 qubits"):
        find_path(Target(num_qubits=5), 2)
