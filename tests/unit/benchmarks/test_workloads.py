"""Workloads: their references are right, and notice a wrong peer."""

from __future__ import annotations

import numpy as np
import pytest
from qiskit.quantum_info import Statevector

from tests.benchmarks.agreement import WrongAnswer
from tests.benchmarks.peers import raw
from tests.benchmarks.workloads import WORKLOADS
from tests.benchmarks.workloads.w4 import ansatz, fourier, volume


@pytest.mark.parametrize("build", [fourier, volume, ansatz])
def test_the_references_agree_with_qiskit(build):
    circuit, exact = build(6)
    np.testing.assert_allclose(raw.probabilities(circuit), exact, atol=1e-12)
    circuit.remove_final_measurements()
    np.testing.assert_allclose(Statevector(circuit).probabilities(), exact, atol=1e-12)


@pytest.mark.parametrize("name", ["w1", "w2", "w7-mid", "w7-if"])
def test_a_workload_notices_a_wrong_peer(name):
    workload = WORKLOADS[name]()
    answer = workload.tasks["ours"]().answer()
    workload.check("ours", answer)
    with pytest.raises(WrongAnswer, match=f"{name}, circuit .*: ours"):
        workload.check("ours", [{key[::-1]: 1000} for counts in answer for key in [max(counts)]])


def test_fresh_circuits_are_equal_and_new():
    batch = WORKLOADS["w7-if"]().tasks["ours"].args[0]
    (fresh,), (circuit,) = batch.fresh(), batch.circuits
    assert fresh == circuit
    inner = [next(c for c in each.data if c.name == "if_else") for each in (fresh, circuit)]
    assert inner[0].operation.blocks[0] is not inner[1].operation.blocks[0]
