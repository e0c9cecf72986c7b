"""What a run costs, counted in calls of Python and C functions: nothing is timed.

The calls are counted in a fresh process, in all its threads.
"""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

_SCRIPT = """
import json, sys, threading
from itertools import count

calls = count()
def profile(frame, event, argument):
    if event in ("call", "c_call"):
        next(calls)
threading.setprofile(profile)

import numpy as np
from qiskit import QuantumCircuit
from qiskit_oqtopus import QulacsBackend

backend = QulacsBackend(seed_simulator=1)

def circuit(qubits, gates):
    rng = np.random.default_rng(3)
    circuit = QuantumCircuit(qubits)
    circuit.h(range(qubits))
    for kind in rng.integers(3, size=gates):
        first, second = rng.permutation(qubits)[:2].tolist()
        [circuit.t, circuit.sx, lambda q: circuit.cx(q, second)][kind](first)
    circuit.measure_all()
    return circuit

def cost(circuits, shots):
    backend.run(circuits[0], shots=shots).result()
    before = next(calls)
    sys.setprofile(profile)
    backend.run(circuits, shots=shots).result()
    sys.setprofile(None)
    return next(calls) - before

print(json.dumps({
    "circuits": [cost([circuit(2, 5) for _ in range(n)], 100) for n in (100, 200, 400)],
    "gates": [cost([circuit(5, n)], 100) for n in (1000, 2000, 4000)],
    "shots": [cost([circuit(3, 10)], n) for n in (10**4, 10**5, 10**6)],
}))
"""


@pytest.fixture(scope="module")
def calls():
    printed = subprocess.run(
        [sys.executable, "-c", _SCRIPT], check=True, capture_output=True, text=True
    )
    return json.loads(printed.stdout)


@pytest.mark.parametrize("what", ["circuits", "gates"])
def test_proportional(calls, what):
    few, more, most = calls[what]
    # Twice as many further ones cost twice the calls; 5 % and 100 calls are for what is not even.
    assert most - more <= 2.1 * (more - few) + 100


def test_shots_are_sampled_not_run(calls):
    few, more, most = calls["shots"]
    assert abs(more - few) < 50
    assert abs(most - few) < 50
