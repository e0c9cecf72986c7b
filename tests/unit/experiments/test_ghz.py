"""ParityOscillation: the fidelity of GHZ states."""

import json
import math
from itertools import pairwise

import matplotlib
import numpy as np
import pytest
from qiskit_experiments.framework import ExperimentDecoder, ExperimentEncoder, ParallelExperiment

from qiskit_oqtopus import OqtopusOptionError
from qiskit_oqtopus.experiments import ParityOscillation
from tests.unit.experiments.conftest import chip_twin, parity_of, predict
from tests.unit.experiments.test_chsh import find, pull

matplotlib.use("Agg")


def exact_values(twin, experiment):
    """Return the population and the contrast that the errors of a twin make."""
    first, *others = experiment._transpiled_circuits()
    population, *waves = predict(twin, [first, *others])
    n = experiment.num_qubits
    phases = np.array([circuit.metadata["xval"] for circuit in others])
    design = np.stack([np.cos(n * phases), np.sin(n * phases), np.ones(len(phases))], axis=1)
    parities = np.array([parity_of(wave) for wave in waves])
    (cos, sin, _), *_ = np.linalg.lstsq(design, parities, rcond=None)
    return population["0" * n] + population["1" * n], math.hypot(cos, sin)


@pytest.mark.parametrize("n", [2, 3])
def test_without_noise_the_fidelity_is_one(backend, n):
    data = ParityOscillation(n=n, backend=backend).run(backend_run=True, shots=2000)
    data.block_for_results()
    for name in ("fidelity", "contrast", "population"):
        assert pull(find(data, name)["value"], 1) < 5
        assert find(data, name)["quality"] == "good"
    assert pull(find(data, "phase")["value"], 0) < 5
    row = find(data, "population")
    assert row["P(" + "0" * n + ")"] + row["P(" + "1" * n + ")"] == row["value"].n == 1


@pytest.mark.parametrize("qubits", [[0, 1], [2, 0, 1, 3]])
def test_on_a_twin_it_is_what_the_errors_of_the_target_predict(qubits):
    twin = chip_twin(2, 2)
    experiment = ParityOscillation(qubits, twin)
    population, contrast = exact_values(twin, experiment)
    assert 0.6 < (population + contrast) / 2 < 0.95
    data = experiment.run(backend_run=True, shots=20_000).block_for_results()
    assert pull(find(data, "population")["value"], population) < 5
    assert pull(find(data, "contrast")["value"], contrast) < 5
    fidelity = find(data, "fidelity")["value"]
    assert pull(fidelity, (population + contrast) / 2) < 5
    errors = [find(data, name)["value"].std_dev for name in ("population", "contrast")]
    assert fidelity.std_dev == pytest.approx(math.hypot(*errors) / 2, rel=1e-6)


def test_the_path_is_chosen_by_the_errors_of_the_backend():
    def spoil(facts):
        for coupling in facts["couplings"]:
            pair = {coupling["control"], coupling["target"]}
            coupling["fidelity"] = 0.80 if pair == {0, 1} else 0.99 if pair == {1, 3} else 0.98

    twin = chip_twin(2, 2, spoil)
    assert set(ParityOscillation(backend=twin).physical_qubits) == {1, 3, 2}
    four = ParityOscillation(n=4, backend=twin).physical_qubits
    assert {frozenset(pair) for pair in pairwise(four)} == {
        *map(frozenset, ((1, 3), (3, 2), (2, 0)))
    }


def test_two_states_in_parallel():
    twin = chip_twin(2, 2)
    parts = [ParityOscillation([0, 1], twin), ParityOscillation([2, 3], twin)]
    together = ParallelExperiment(parts, backend=twin, flatten_results=False)
    data = together.run(backend_run=True, shots=8000).block_for_results()
    for index, part in enumerate(parts):
        expected = sum(exact_values(twin, part)) / 2
        assert pull(find(data.child_data(index), "fidelity")["value"], expected) < 5


def test_the_picture(backend):
    data = ParityOscillation(n=2, backend=backend).run(backend_run=True, shots=200)
    axes = data.block_for_results().figure(0).figure.axes[0]
    assert axes.get_ylabel() == "Parity"


def test_saved_and_loaded_it_has_the_qubits_that_were_chosen():
    twin = chip_twin(2, 2)
    for experiment in (
        ParityOscillation(backend=twin, n=3),
        ParityOscillation([2, 0], phases=np.linspace(0, 3, 7)),
    ):
        text = json.dumps(experiment, cls=ExperimentEncoder)
        loaded = json.loads(text, cls=ExperimentDecoder)
        assert loaded.physical_qubits == experiment.physical_qubits
        circuits = [circuit.metadata for circuit in experiment.circuits()]
        assert [circuit.metadata for circuit in loaded.circuits()] == circuits


def test_data_without_the_populations(backend):
    experiment = ParityOscillation(n=2, backend=backend)
    data = experiment.run(backend_run=True, shots=200, analysis=None).block_for_results()
    kept = [d for d in data.data() if d["metadata"]["series"] == "parity"]
    part = experiment._initialize_experiment_data()
    part.add_data(kept)
    experiment.analysis.run(part).block_for_results()
    assert "circuit of the populations has no result" in part.errors()


def test_what_has_no_meaning_is_refused(backend):
    with pytest.raises(OqtopusOptionError, match="give 'backend'"):
        ParityOscillation(n=3)
    for qubits in (3, [1], [0, 0]):
        with pytest.raises(OqtopusOptionError, match="entangles at least two different"):
            ParityOscillation(qubits)
    with pytest.raises(OqtopusOptionError, match="entangles 3 different"):
        ParityOscillation([0, 1], n=3)
    for n in (1, 2.0, True):
        with pytest.raises(OqtopusOptionError, match="'n' must be"):
            ParityOscillation(n=n, backend=backend)


@pytest.mark.parametrize(
    "phases",
    [[0, 1, 2, 3], np.arange(6) * math.pi, [0, 1, 2, math.nan, 4], 3, ["a"] * 5, [0.0] * 9],
)
def test_phases_that_cannot_tell(phases):
    with pytest.raises(OqtopusOptionError, match="'phases' must"):
        ParityOscillation([0, 1], phases=phases)


def test_phases_of_ones_own(backend):
    phases = np.linspace(0, math.pi, 9)
    experiment = ParityOscillation([0, 1], backend, phases=phases)
    assert [c.metadata["xval"] for c in experiment.circuits()[1:]] == list(phases)
    data = experiment.run(backend_run=True, shots=2000).block_for_results()
    assert pull(find(data, "fidelity")["value"], 1) < 5
