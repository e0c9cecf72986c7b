"""Rows are compared with another checkout by its public names."""

from __future__ import annotations

import pickle
from dataclasses import replace
from functools import partial

import pytest

from tests.benchmarks.against import (
    OTHER,
    RemoteTask,
    against_table,
    build_request,
    measure_against,
)
from tests.benchmarks.command import ROOT
from tests.benchmarks.workload import Task, Unsupported, Workload
from tests.benchmarks.workloads import WORKLOADS


@pytest.mark.parametrize("name", ["w7-if", "w8-3", "w6-12", "w9-package"])
def test_requests_have_no_objects_of_ours(name):
    request = build_request(WORKLOADS[name]())
    assert request["kind"] == {"w6": "estimator", "w9": "import"}.get(name[:2], "run")
    assert b"qiskit_oqtopus" not in pickle.dumps({**request, "statement": None})
    if name == "w8-3":
        _, readout = request["target"]
        assert readout == {(qubit,): (0.01, 0.03) for qubit in range(3)}


def test_workloads_that_cannot_be_sent_are_refused():
    workload = Workload("w0", "W0", {"ours": partial(Task)}, lambda peer, answer: None)
    with pytest.raises(Unsupported, match="no circuits"):
        build_request(workload)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["w1", "w8-3", "w6-sampler"])
def test_a_checkout_is_compared_with_itself(name, monkeypatch):
    monkeypatch.setattr("tests.benchmarks.against.ROUNDS", 2)
    workload = replace(WORKLOADS[name](), rounds=1)
    result = measure_against(workload, ROOT, rounds=1)
    # Both are equal, apart from what else the machine does.
    assert 0.2 < result.ratios[OTHER].median < 5
    (row,) = against_table([result]).splitlines()[2:]
    assert row.startswith(f"| {name}: {result.title} ")


def test_the_package_must_be_that_of_the_checkout(tmp_path):
    request = build_request(WORKLOADS["w1"]())
    with pytest.raises(RuntimeError, match="process of a checkout failed"):
        RemoteTask.start(tmp_path, request)
