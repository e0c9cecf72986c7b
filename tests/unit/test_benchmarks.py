"""The benchmarks themselves: wrong answers stop them, and their page is that of their results."""

from __future__ import annotations

import numpy as np
import pytest
from qiskit.quantum_info import Statevector

from ..benchmarks.agreement import Exact, WrongAnswer, probabilities
from ..benchmarks.command import PAGE, benchmarks
from ..benchmarks.page import page
from ..benchmarks.peers import raw
from ..benchmarks.report import goals_table, summary
from ..benchmarks.results import Curve, Line, Result, load, save
from ..benchmarks.timing import Spread, Times, compare
from ..benchmarks.workload import Goal, Seconds, Task
from ..benchmarks.workloads import WORKLOADS
from ..benchmarks.workloads.w4 import ansatz, fourier, volume

SHOTS = 1000


def _drawn(values, shots=SHOTS, seed=1):
    width = len(values).bit_length() - 1
    numbers = np.random.default_rng(seed).multinomial(shots, values)
    return {f"{key:0{width}b}": int(n) for key, n in enumerate(numbers) if n}


@pytest.mark.parametrize("build", [fourier, volume, ansatz])
@pytest.mark.parametrize("qubits", [3, 13])
def test_right_counts_agree(build, qubits):
    # Each comparison fails with a probability of 2e-12, and there are less than 100.
    _, exact = build(qubits)
    Exact(exact).check("here", _drawn(exact / exact.sum()), SHOTS)


@pytest.mark.parametrize("qubits", [5, 13])
def test_wrong_counts_do_not(qubits):
    _, exact = volume(qubits)
    uniform = np.full(len(exact), 1 / len(exact))
    for wrong in (uniform, np.roll(exact, 1), exact[::-1]):
        with pytest.raises(WrongAnswer):
            Exact(exact).check("here", _drawn(wrong / wrong.sum()), SHOTS)


def test_impossible_and_missing_shots():
    bell = Exact(probabilities({"00": 0.5, "11": 0.5}))
    bell.check("here", {"00": 480, "11": 520}, SHOTS)
    for wrong in ({"00": 500, "11": 499, "01": 1}, {"00": 500, "11": 499}, {"00": 380, "11": 620}):
        with pytest.raises(WrongAnswer, match="here"):
            bell.check("here", wrong, SHOTS)


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


class _Fixed(Task):
    def __init__(self, name, seconds, log):
        self.name, self.seconds, self.log = name, seconds, log

    def answer(self):
        return None

    def once(self):
        self.log.append(self.name)
        return Seconds(self.seconds, 2 * self.seconds)


@pytest.mark.parametrize(("expected", "order"), [(0.0, "aabb"), (100.0, "abba")])
def test_interleaved(expected, order):
    log: list[str] = []
    tasks = {"a": _Fixed("a", 1.0, log), "b": _Fixed("b", 4.0, log)}
    times = compare(tasks, 7, expected=expected, round_seconds=1e-9)
    text = "".join(log)
    # Short ones run before each time that is taken, and are tried out at first.
    assert text.startswith(order)
    assert len(text) == (2 * 7 if order == "abba" else 8 + 4 * 7)
    assert times.ratio("a", "b") == Spread(0.25, 0.25, 0.25)
    assert times.total["a"] == [2.0] * 7
    assert times.run["b"] == [4.0] * 7


def test_goals_are_read_off():
    times = Times({"ours": [1.0] * 7, "raw": [2.0] * 7}, {"ours": [3.0] * 7, "raw": [2.0] * 7})
    goals = [Goal("raw", 0.5, counts=False), Goal("raw", 1.2), Goal("aer", 1.0)]
    lines = Result("w0", "W0", [times], goals).goal_lines()
    table = goals_table([*lines, Line("W1", "x", None, Spread(2.0, 1.0, 3.0))]).splitlines()[2:]
    assert [row.split("|")[-2].strip() for row in table] == ["yes", "**no**", "-"]
    assert "without `get_counts`" in table[0]
    assert summary(lines).startswith("1 of 2 goals are reached.\n- Not reached: W0, over raw")


def test_results_are_kept(tmp_path):
    times = Times({"ours": [0.1, 0.2]}, {"ours": [0.1, 0.3]})
    line = Line("memory", "a state", 3.0, Spread(2.0, 2.0, 2.0))
    curve = Curve("shots", [1, 10], {"ours": [[0.1], [0.2]]})
    result = Result("w0", "W0", [times], [Goal("raw", 2.0)], {"x": "why"}, [line], curve, "here")
    save(result, tmp_path)
    assert load("w0", tmp_path) == result
    assert load("w1", tmp_path) is None


def test_the_page_is_that_of_the_results():
    # If this fails: python -m tests.benchmarks --page
    results = [result for result in map(load, benchmarks()) if result is not None]
    assert page(results) == PAGE.read_text()
