"""The benchmarks themselves: wrong answers stop them, and their page is that of their results."""

from __future__ import annotations

import pickle
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from qiskit.quantum_info import Statevector

from tests.benchmarks.against import (
    OTHER,
    RemoteTask,
    against_table,
    build_request,
    measure_against,
)
from tests.benchmarks.agreement import Exact, WrongAnswer, probabilities
from tests.benchmarks.command import FIGURE, PAGE, ROOT, benchmarks
from tests.benchmarks.page import page
from tests.benchmarks.peers import raw
from tests.benchmarks.report import goals_table, summary
from tests.benchmarks.results import FILE, Curve, Line, Result, Source, load, save, summarize
from tests.benchmarks.timing import Spread, Times, compare
from tests.benchmarks.workload import Goal, Seconds, Task, Unsupported, Workload
from tests.benchmarks.workloads import WORKLOADS
from tests.benchmarks.workloads.w4 import ansatz, fourier, volume

SHOTS = 1000
HERE = Source("abc", "a machine")


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
    lines = summarize("w0", "W0", HERE, [times], goals).goal_lines()
    table = goals_table([*lines, Line("W1", "x", None, Spread(2.0, 1.0, 3.0))]).splitlines()[2:]
    assert [row.split("|")[-2].strip() for row in table] == ["yes", "**no**", "-"]
    assert "without `get_counts`" in table[0]
    assert summary(lines).startswith("1 of 2 goals are reached.\n- Not reached: W0, over raw")


def test_medians_and_ratios_are_those_of_the_rounds():
    first = Times(
        {"ours": [1.0, 2.0, 3.0], "raw": [1.0] * 3}, {"ours": [2.0] * 3, "raw": [1.0] * 3}
    )
    second = Times({"ours": [4.0] * 3, "aer": [8.0] * 3}, {"ours": [4.0] * 3, "aer": [8.0] * 3})
    goals = [Goal("raw", 1.0, counts=False), Goal("raw", 2.0)]
    result = summarize("w0", "W0", HERE, [first, second], goals)
    # Our own time is that of the first group; each ratio is taken within its group.
    assert result.seconds == {"ours": 2.0, "raw": 1.0, "aer": 8.0}
    assert result.ratios == {"raw": Spread(2.0, 2.0, 2.0), "aer": Spread(0.5, 0.5, 0.5)}
    assert result.bare_ratios == {"raw": Spread(2.0, 1.5, 2.5)}
    assert result.reading == 0.0


def _row(name, source, **values):
    return Result(name, name.upper(), source, **values)


def test_results_are_kept(tmp_path):
    path = tmp_path / "results.json"
    assert load(path) == {}
    spread = Spread(0.5, 0.25, 1.0)
    rows = [
        _row(
            "w0",
            HERE,
            seconds={"ours": 0.1, "raw": 0.2},
            ratios={"raw": spread},
            bare_ratios={"raw": spread},
            reading=0.25,
            goals=(Goal("raw", 2.0, counts=False), Goal("aer", None)),
            missing={"aer": "why"},
        ),
        _row("memory", HERE, lines=(Line("memory", "a state", 3.0, spread),)),
        _row("scaling", HERE, curve=Curve("shots", [1, 10], {"ours": [spread, spread]})),
    ]
    save(rows, ["w0", "w1", "memory", "scaling"], path)
    assert load(path) == {row.name: row for row in rows}
    assert list(load(path)) == ["w0", "memory", "scaling"]


def test_a_partial_run_changes_its_rows_only(tmp_path):
    path = tmp_path / "results.json"
    order = ["w0", "w1", "w2"]
    save([_row(name, HERE, seconds={"ours": 0.1}) for name in order], order, path)
    before = path.read_text().splitlines()
    there = Source("def", "another machine")
    save([_row("w1", there, seconds={"ours": 0.2})], order, path)
    kept = load(path)
    assert [kept[name].source for name in order] == [HERE, there, HERE]
    assert kept["w1"].seconds == {"ours": 0.2}
    # One line per row: a diff shows what was measured anew.
    changed = set(before) ^ set(path.read_text().splitlines())
    assert {line[:5] for line in changed if line.startswith('"')} == {'"w1":'}
    text = page(list(kept.values()))
    assert "- Commit abc: a machine (rows w0, w2)" in text
    assert "- Commit def: another machine (rows w1)" in text
    save([], ["w0", "w2"], path)  # a row that is no more
    assert list(load(path)) == ["w0", "w2"]


def test_the_kept_results_are_small():
    assert len(FILE.read_text().splitlines()) <= 300
    assert FIGURE.stat().st_size < 100_000
    assert set(load()) <= set(benchmarks())


def test_the_page_is_that_of_the_results():
    # If this fails: python -m tests.benchmarks --page
    assert page(list(load().values())) == PAGE.read_text()


def test_the_page_says_what_each_code_is():
    text = PAGE.read_text()
    for name, result in load().items():
        assert not result.goal_lines() or f"**{name.partition('-')[0].capitalize()}**: " in text


# -- another checkout ------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["w7-if", "w8-3", "w6-12", "w9-package"])
def test_requests_have_no_objects_of_ours(name):
    request = build_request(WORKLOADS[name]())
    assert request["kind"] == {"w6": "estimator", "w9": "import"}.get(name[:2], "run")
    assert b"qiskit_oqtopus" not in pickle.dumps({**request, "statement": None})
    if name == "w8-3":
        _, readout = request["target"]
        assert readout == {(qubit,): (0.01, 0.03) for qubit in range(3)}


def test_what_cannot_be_sent_is_said():
    workload = Workload("w0", "W0", {"ours": partial(Task)}, lambda peer, answer: None)
    with pytest.raises(Unsupported, match="no circuits"):
        build_request(workload)


@pytest.mark.parametrize("name", ["w1", "w8-3", "w6-sampler"])
def test_a_checkout_is_compared_with_itself(name, monkeypatch):
    monkeypatch.setattr("tests.benchmarks.against.ROUNDS", 2)
    workload = replace(WORKLOADS[name](), rounds=1)
    result = measure_against(workload, ROOT, rounds=1)
    # They are equal but for what else the machine does.
    assert 0.2 < result.ratios[OTHER].median < 5
    (row,) = against_table([result]).splitlines()[2:]
    assert row.startswith(f"| {name}: {result.title} ")


def test_the_package_must_be_that_of_the_checkout(tmp_path):
    request = build_request(WORKLOADS["w1"]())
    with pytest.raises(RuntimeError, match="process of a checkout failed"):
        RemoteTask.start(tmp_path, request)
