"""The data of an experiment in a new process, from the id of its job."""

import json
import math
import subprocess
import sys

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.circuit.library import CXGate
from qiskit_experiments.framework import BatchExperiment, ExperimentStatus, ParallelExperiment
from qiskit_experiments.library import (
    T1,
    CorrelatedReadoutError,
    InterleavedRB,
    LocalReadoutError,
    ProcessTomography,
    QuantumVolume,
    StandardRB,
    StateTomography,
    T2Hahn,
    T2Ramsey,
    Tphi,
)

from qiskit_oqtopus import (
    OqtopusJobError,
    OqtopusJobNotFoundError,
    OqtopusJobTimeoutError,
    OqtopusOptionError,
    SamplerV2,
)
from qiskit_oqtopus.experiments import Characterization, Rabi, load, run

from .conftest import show_results

DELAYS = np.linspace(0, 1e-4, 7).tolist()


def bell():
    circuit = QuantumCircuit(2)
    circuit.h(0)
    circuit.cx(0, 1)
    return circuit


def experiments():
    return [
        Rabi(2, points=7),
        T1([0], DELAYS),
        T2Hahn([1], DELAYS),
        T2Ramsey([1], DELAYS, osc_freq=1e4),
        Tphi([0], DELAYS, DELAYS),
        StandardRB([0], [1, 5, 9], seed=3),
        InterleavedRB(CXGate(), (0, 1), [1, 3, 5], num_samples=1, seed=5),
        LocalReadoutError([0, 3]),
        CorrelatedReadoutError([0, 1]),
        StateTomography(bell()),
        ProcessTomography(QuantumCircuit(1)),
        QuantumVolume([0, 1], trials=3, seed=1),
        BatchExperiment(
            [ParallelExperiment([T1([0], DELAYS), T2Hahn([5], DELAYS)]), LocalReadoutError([0])]
        ),
    ]


NEW_PROCESS = """
import json, sys
from qiskit_oqtopus import OqtopusProvider
from qiskit_oqtopus.experiments import load
from tests.unit.experiments.conftest import show_results

provider = OqtopusProvider()
for job_id in sys.argv[1:]:
    data = load(provider, job_id)
    print(json.dumps([type(data.experiment).__name__, show_results(data)]))
"""


def in_a_new_process(script, *arguments):
    command = [sys.executable, "-W", "ignore", "-c", script, *arguments]
    process = subprocess.run(command, capture_output=True, text=True, check=False)
    assert process.returncode == 0, process.stderr
    return process.stdout


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:Must use at least 100 trials")
def test_each_known_experiment_is_loaded_in_a_new_process(device):
    found = [run(experiment, device, shots=100) for experiment in experiments()]
    expected = [
        [type(data.experiment).__name__, show_results(data.block_for_results())] for data in found
    ]
    assert all(data.status() is ExperimentStatus.DONE for data in found)
    lines = in_a_new_process(NEW_PROCESS, *[data.job_ids[0] for data in found]).splitlines()
    assert [json.loads(line) for line in lines] == expected


def test_an_experiment_is_loaded_in_a_new_process(device):
    data = run(T1([0], DELAYS), device, shots=100).block_for_results()
    name, results = json.loads(in_a_new_process(NEW_PROCESS, *data.job_ids))
    assert name == "T1"
    assert results == show_results(data)


NEW_TABLE = """
import sys
from qiskit_oqtopus import OqtopusProvider
from qiskit_oqtopus.experiments import load

data = load(OqtopusProvider(), sys.argv[1])
print(data.experiment.table(data).to_csv())
"""


def test_a_characterization_is_loaded_with_its_table(device):
    plan = Characterization(device, qubits=[0, 1], measure=["readout", "t1"], shots=100, seed=1)
    data = plan.run().block_for_results()
    assert in_a_new_process(NEW_TABLE, *data.job_ids).strip() == plan.table(data).to_csv().strip()


def test_the_data_say_when_they_were_measured(provider, device):
    data = run(T1([0], DELAYS), device, shots=20).block_for_results()
    loaded = load(provider, data.job_ids[0])
    assert abs((loaded.start_datetime - data.start_datetime).total_seconds()) < 5
    assert loaded.end_datetime >= loaded.start_datetime
    assert loaded.backend.name == "grid-16q"
    assert loaded.job_ids == data.job_ids


def test_what_was_run_without_a_word_needs_the_experiment(provider, device):
    data = T1([0], DELAYS).run(device, backend_run=True, shots=50).block_for_results()
    (job_id,) = data.job_ids
    with pytest.raises(OqtopusOptionError, match=r"does not say.*experiment=T1"):
        load(provider, job_id)
    given = T1([0], DELAYS)
    loaded = load(provider, job_id, experiment=given)
    assert show_results(loaded) == show_results(data)
    assert given.backend is None  # it is the user's, and was not touched


def test_an_experiment_that_is_given_comes_first(provider, device):
    data = run(T1([0], DELAYS), device, shots=50).block_for_results()
    given = T1([0], DELAYS)
    given.analysis.set_options(plot=False)
    loaded = load(provider, data.job_ids[0], experiment=given)
    assert show_results(loaded) == show_results(data)
    assert not loaded.figure_names


def test_the_job_of_a_sampler_needs_the_experiment(provider, device):
    data = T1([0], DELAYS).run(sampler=SamplerV2(device), shots=50).block_for_results()
    with pytest.raises(OqtopusOptionError, match="does not say"):
        load(provider, data.job_ids[0])
    loaded = load(provider, data.job_ids[0], experiment=T1([0], DELAYS))
    assert show_results(loaded) == show_results(data)


def test_one_circuit_is_not_taken_for_all(provider, device):
    job = run(T1([0], DELAYS), device, shots=20).block_for_results().jobs()[0]
    for job_id in (job.job_ids()[0], job.job_ids()[-1]):
        for experiment in (None, T1([0], DELAYS)):
            with pytest.raises(OqtopusOptionError, match=f"of 7 of one run.*{job.group_id}"):
                load(provider, job_id, experiment)


def test_a_failed_circuit_is_an_error(cloud, provider, device):
    cloud.faults.fail_program(times=1)
    data = run(T1([0], DELAYS), device, shots=20).block_for_results()
    with pytest.raises(OqtopusJobError, match="1 of 7 circuits have no result"):
        load(provider, data.job_ids[0])


def test_a_failed_circuit_is_a_missing_point_of_a_characterization(cloud, provider, device):
    plan = Characterization(device, qubits=[0], measure=["t1"], shots=50)
    cloud.faults.fail_program(times=1)
    data = plan.run().block_for_results()
    loaded = load(provider, data.job_ids[0])
    (points,) = loaded.experiment.table(loaded)["points"]
    assert points == "11 of 12"


def test_no_component_gets_the_data_of_another(provider, device):
    batch = BatchExperiment([T1([0], DELAYS), T1([1], DELAYS)])
    batch.set_experiment_options(max_circuits=len(DELAYS))
    data = batch.run(device, backend_run=True, shots=20).block_for_results()
    for place, missing in enumerate(("component 1", "component 0")):
        with pytest.raises(OqtopusJobError, match=f"no data of {missing} of its BatchExperiment"):
            load(provider, data.jobs()[place].job_id(), experiment=batch)


def test_one_of_the_first_three_programs_is_enough(provider, device):
    plan = Characterization(device, qubits=[0], measure=["t1"], shots=50)
    data = plan.run().block_for_results()
    client = provider._connection.client
    for place in range(3):
        assert load(provider, data.job_ids[0]).experiment.to_plain() == plan.to_plain()
        client.delete(data.jobs()[0].job_ids()[place])
    with pytest.raises(OqtopusJobError, match="first 3 of group"):
        load(provider, data.job_ids[0])
    loaded = load(provider, data.job_ids[0], experiment=plan)
    assert plan.table(loaded)["points"].tolist() == ["9 of 12"]


def test_a_job_that_goes_on_is_waited_for_as_long_as_is_said(cloud, provider, device):
    cloud.faults.slow_queue(math.inf)
    data = run(T1([0], DELAYS), device, shots=20)
    with pytest.raises(OqtopusJobTimeoutError, match=r"0\.5 s"):
        load(provider, data.job_ids[0], timeout=0.5)
    data.jobs()[0].cancel()
    data.block_for_results()


def test_there_is_no_such_job(provider):
    with pytest.raises(OqtopusJobNotFoundError):
        load(provider, "group-that-nobody-has-run")
