"""Running experiments whose programs say what they are."""

import logging

import numpy as np
import pytest
from qiskit_experiments.framework import BatchExperiment
from qiskit_experiments.library import T1, FineXAmplitude, LocalReadoutError

from qiskit_oqtopus import OqtopusOptionError, OqtopusWarning
from qiskit_oqtopus.experiments import Characterization, Rabi, run
from qiskit_oqtopus.experiments.catalog import to_plain

DELAYS = np.linspace(0, 1e-4, 7).tolist()


def test_elsewhere_it_is_the_run_of_the_experiment(backend):
    data = run(T1([0], DELAYS), backend, shots=50, seed_simulator=3).block_for_results()
    again = T1([0], DELAYS).run(backend, backend_run=True, shots=50, seed_simulator=3)
    again.block_for_results()
    assert [d["counts"] for d in data.data()] == [d["counts"] for d in again.data()]
    # Any experiment will do: nothing has to be written down.
    assert run(FineXAmplitude([0]), backend).block_for_results().data()


def test_the_programs_say_what_they_are(provider, device):
    experiment = T1([5], DELAYS)
    data = run(experiment, device, shots=30, tags=["night"]).block_for_results()
    (job,) = data.jobs()
    described = experiment.copy()
    described.set_run_options(shots=30)
    assert job.experiment() == to_plain(described)
    assert job.tags == ("night",)
    # The next run is another one.
    assert "experiment" not in data.experiment.run_options
    assert "experiment" not in experiment.run_options
    assert data.experiment.run_options.shots == 30


def test_options_of_one_run_do_not_stay(device):
    experiment = BatchExperiment([LocalReadoutError([0]), LocalReadoutError([1])])
    first = run(experiment, device, shots=30, group_id="g" * 20).block_for_results()
    second = run(first.experiment, device, resume="g" * 20).block_for_results()
    assert first.jobs()[0].job_ids() == second.jobs()[0].job_ids()
    for data in (first, second):
        for part in (data.experiment, *data.experiment.component_experiment()):
            assert not {"group_id", "resume", "experiment"} & set(part.run_options)


def test_a_rabi_and_a_characterization_do_it_themselves(device, provider):
    rabi = Rabi(0, points=5).run(device, backend_run=True, shots=20).block_for_results()
    plan = Characterization(device, qubits=[0], measure=["readout"], shots=20)
    night = plan.run().block_for_results()
    for data, name in ((rabi, "Rabi"), (night, "Characterization")):
        assert provider.job(data.job_ids[0]).experiment()["class"] == name


def test_a_part_of_an_experiment_is_not_taken_for_a_whole_one(device):
    experiment = Rabi(0, points=6)
    experiment.set_experiment_options(max_circuits=4)
    data = experiment.run(device, backend_run=True, shots=5).block_for_results()
    assert [job.experiment() for job in data.jobs()] == [None, None]


def test_a_rabi_that_cannot_be_described_runs(device, caplog):
    experiment = Rabi(0, points=5)
    experiment.analysis.set_options(figure_names=object())
    with caplog.at_level(logging.WARNING):
        data = experiment.run(device, backend_run=True, shots=5, analysis=None).block_for_results()
    assert data.jobs()[0].experiment() is None
    assert "figure_names" in caplog.text


@pytest.mark.parametrize("option", [{"max_circuits": 2}, {"separate_jobs": True}])
def test_circuits_are_not_split(option, cloud, device):
    experiment = BatchExperiment([T1([0], DELAYS), T1([1], DELAYS)])
    experiment.set_experiment_options(**option)
    before = len(cloud.jobs)
    with pytest.raises(OqtopusOptionError, match=f"{next(iter(option))}.*one job"):
        run(experiment, device)
    assert len(cloud.jobs) == before


def test_what_is_not_known_is_refused_before_anything_is_sent(cloud, device):
    before = len(cloud.jobs)
    with pytest.raises(OqtopusOptionError, match=r"FineXAmplitude.*backend_run=True"):
        run(FineXAmplitude([0]), device)
    assert len(cloud.jobs) == before


def test_what_is_too_long_is_run_nevertheless(device):
    delays = np.random.default_rng(1).uniform(1e-6, 1e-4, 5).tolist()
    experiment = T1([0], delays)
    experiment.analysis.set_options(figure_names=["x" * 2**16])
    with pytest.warns(OqtopusWarning, match="65,536 at most"):
        data = run(experiment, device, shots=5, analysis=None).block_for_results()
    assert data.jobs()[0].experiment() is None
