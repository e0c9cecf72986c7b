"""A run that keeps in a folder what it is, and goes on after whatever ended it."""

import json
import subprocess
import sys

import numpy as np
import pytest
from qiskit.circuit.library import CXGate
from qiskit.exceptions import QiskitError
from qiskit_experiments.framework import BatchExperiment
from qiskit_experiments.library import T1, FineXAmplitude, InterleavedRB

from qiskit_oqtopus import (
    OqtopusError,
    OqtopusOptionError,
    OqtopusWarning,
    QulacsBackend,
)
from qiskit_oqtopus.experiments import Characterization
from qiskit_oqtopus.experiments.folder import load_from_folder, run_in_folder

from .conftest import show_results

DELAYS = np.linspace(1e-6, 1e-4, 10).tolist()


def several_t1():
    return BatchExperiment([T1([qubit], DELAYS) for qubit in range(2)])


def plan_for(device):
    return Characterization(device, qubits=[0, 1, 5], measure=["readout", "t1"], shots=50, seed=1)


def group_of(folder):
    (group,) = json.loads((folder / "plan.json").read_text())["groups"]
    return group


def executions_of(cloud, folder):
    """Return how often each circuit of the run in a folder was executed."""
    text = f" {group_of(folder)}/"
    return [n for job_id, n in cloud.executions.items() if text in cloud.jobs[job_id].description]


def submitted(cloud, folder):
    text = f" {group_of(folder)}/"
    return sum(text in (job.description or "") for job in cloud.jobs.values())


KILLED = """
import sys
from qiskit_oqtopus import OqtopusProvider
from tests.unit.experiments.test_folder import plan_for, run_in_folder, several_t1

def tell(stage, done, total):
    print(stage, done, flush=True)

device = OqtopusProvider().backend("grid-16q")
if sys.argv[2] == "Characterization":
    plan_for(device).run(folder=sys.argv[1], progress=tell, workers=1)
else:
    run_in_folder(several_t1(), device, sys.argv[1], shots=50, progress=tell, workers=1)
"""


def kill_in_the_middle(folder, name, sent=6):
    """Run something in another process, and kill it once some circuits have been sent."""
    command = [sys.executable, "-W", "ignore", "-c", KILLED, str(folder), name]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        for line in process.stdout:
            if line.strip() == f"submit {sent}":
                break
        process.kill()


def test_a_killed_run_goes_on_with_what_is_missing(cloud, device, tmp_path):
    folder = tmp_path / "a" / "night"
    kill_in_the_middle(folder, "several_t1")
    sent = submitted(cloud, folder)
    assert 6 <= sent < 20
    experiment = load_from_folder(folder, device)
    assert submitted(cloud, folder) == sent  # loading sends nothing
    assert isinstance(experiment, BatchExperiment)
    data = run_in_folder(experiment, device, folder).block_for_results()
    assert executions_of(cloud, folder) == [1] * 20
    assert [datum["shots"] for datum in data.data()] == [50] * 20
    again = run_in_folder(load_from_folder(folder, device), device, folder).block_for_results()
    assert executions_of(cloud, folder) == [1] * 20
    assert show_results(again) == show_results(data)


@pytest.mark.slow
def test_a_killed_characterization_goes_on_with_the_same_table(cloud, device, tmp_path):
    kill_in_the_middle(tmp_path, "Characterization")
    assert submitted(cloud, tmp_path) < 28
    plan = Characterization.load(tmp_path, device)
    assert plan.to_plain() == plan_for(device).to_plain()
    data = plan.run(folder=tmp_path).block_for_results()
    assert set(executions_of(cloud, tmp_path)) == {1}
    assert len(executions_of(cloud, tmp_path)) == plan.num_circuits
    table = plan.table(data)
    assert table["quality"].isin(["good", "bad"]).all()
    assert set(table["job_id"]) == {group_of(tmp_path)}
    again = Characterization.load(tmp_path, device)
    assert again.table(again.run(folder=tmp_path).block_for_results()).equals(table)


def test_the_plan_is_written_before_anything_is_sent(cloud, device, tmp_path):
    cloud.faults.status(503, method="POST", path="/jobs", times=None)
    plan = plan_for(device)
    before = len(cloud.jobs)
    device._connection.client  # noqa: B018 - opened
    with pytest.raises(OqtopusError):
        plan.run(folder=tmp_path, workers=1)
    text = (tmp_path / "plan.json").read_text()
    written = json.loads(text)
    assert len(cloud.jobs) == before
    assert written["device"] == "grid-16q"
    assert written["calibrated_at"] == device.calibrated_at
    assert written["options"]["shots"] == 50
    assert written["experiment"]["plain"] == plan.to_plain()
    assert cloud.token not in text
    assert not (tmp_path / "jobs.json").exists()
    cloud.faults.clear()
    data = plan.run(folder=tmp_path).block_for_results()  # the same call goes on
    assert group_of(tmp_path) == data.job_ids[0] == written["groups"][0]
    jobs = json.loads((tmp_path / "jobs.json").read_text())
    assert list(jobs["jobs"].values()) == data.jobs()[0].job_ids()


def test_what_could_be_sent_is_noted_when_the_rest_could_not(cloud, device, tmp_path):
    cloud.faults.status(400, method="POST", path="/jobs/*/submit", times=None)
    experiment = several_t1()
    with pytest.raises(OqtopusError):
        run_in_folder(experiment, device, tmp_path, workers=1)
    cloud.faults.clear()
    run_in_folder(experiment, device, tmp_path).block_for_results()
    assert executions_of(cloud, tmp_path) == [1] * 20


def test_without_a_folder_nothing_is_written(device, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    plan_for(device).run().block_for_results()
    assert list(tmp_path.iterdir()) == []


def test_another_calibration_is_a_warning(device, tmp_path, recwarn):
    plan = plan_for(device)
    plan.run(folder=tmp_path).block_for_results()
    plan.run(folder=tmp_path).block_for_results()
    assert not [w for w in recwarn if "calibrat" in str(w.message)]
    written = json.loads((tmp_path / "plan.json").read_text())
    written["calibrated_at"] = "2020-01-01T00:00:00Z"
    (tmp_path / "plan.json").write_text(json.dumps(written))
    with pytest.warns(OqtopusWarning, match="calibrated at .*begun with.*2020-01-01"):
        Characterization.load(tmp_path, device).run(folder=tmp_path).block_for_results()


def test_a_folder_has_one_plan(device, tmp_path):
    plan = plan_for(device)
    plan.run(folder=tmp_path).block_for_results()
    with pytest.raises(OqtopusOptionError, match="has a plan already"):
        plan_for(device).run(folder=tmp_path)  # it would get the data of another night
    with pytest.raises(OqtopusOptionError, match="begun with shots=50"):
        plan.run(folder=tmp_path, shots=60)
    plan.set_experiment_options(seed=7)
    with pytest.raises(OqtopusOptionError, match="has been changed"):
        plan.run(folder=tmp_path)
    with pytest.raises(OqtopusOptionError, match="'resume' is not given with a folder"):
        plan.run(folder=tmp_path, resume=group_of(tmp_path))


def test_what_cannot_run_leaves_the_folder_free(device, tmp_path):
    with pytest.raises(QiskitError, match=r"cx .* not supported on qubits \(0, 15\)"):
        run_in_folder(InterleavedRB(CXGate(), (0, 15), [1, 2]), device, tmp_path)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(OqtopusOptionError, match="colour"):
        run_in_folder(T1([0], DELAYS), device, tmp_path, colour="red")
    with pytest.raises(OqtopusOptionError, match="FineXAmplitude"):
        run_in_folder(FineXAmplitude([0]), device, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_needs_a_device(backend, tmp_path):
    for where in (backend, None):
        with pytest.raises(OqtopusOptionError, match=r"needs a device of OQTOPUS Cloud"):
            run_in_folder(T1([0], DELAYS), where, tmp_path)
    plan = Characterization(QulacsBackend(num_qubits=2), qubits="all", measure=["readout"])
    with pytest.raises(OqtopusOptionError, match="needs a device of OQTOPUS Cloud"):
        plan.run(folder=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_plan_is_looked_at_without_its_device(cloud, device, tmp_path):
    plan = plan_for(device)
    plan.run(folder=tmp_path).block_for_results()
    requests = len(cloud.requests)
    assert Characterization.load(tmp_path).to_plain() == plan.to_plain()
    assert len(cloud.requests) == requests


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"device": "another"}, "'another', not for 'grid-16q'"),
        ({"schema": 2}, "later qiskit-oqtopus"),
        ({"groups": []}, "not a plan"),
        ({"groups": [3]}, "not a plan"),
        ({"options": {"resume": "x"}}, "not a plan"),
        ({"experiment": {"class": "os"}}, "'os'"),
    ],
)
def test_a_plan_that_was_not_written_here_is_refused(change, words, device, tmp_path):
    run_in_folder(T1([0], DELAYS), device, tmp_path, shots=5).block_for_results()
    path = tmp_path / "plan.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    with pytest.raises(OqtopusError, match=words):
        load_from_folder(tmp_path, device)
    path.write_text("{")
    with pytest.raises(OqtopusOptionError, match="cannot be read"):
        load_from_folder(tmp_path)


def test_the_plan_of_another_experiment_is_no_characterization(device, tmp_path):
    with pytest.raises(OqtopusOptionError, match="There is no plan in"):
        Characterization.load(tmp_path, device)
    run_in_folder(T1([0], DELAYS), device, tmp_path, shots=5).block_for_results()
    with pytest.raises(OqtopusOptionError, match="is a T1"):
        Characterization.load(tmp_path, device)
