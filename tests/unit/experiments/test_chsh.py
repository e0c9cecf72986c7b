"""CHSH: S of Bell pairs."""

import math

import matplotlib
import numpy as np
import pytest
from qiskit.providers.fake_provider import GenericBackendV2
from qiskit_experiments.framework import ExperimentData, ParallelExperiment

from qiskit_oqtopus import OqtopusOptionError, QulacsBackend
from qiskit_oqtopus.experiments import CHSH, ParityOscillation, Rabi
from tests.unit.experiments.conftest import SEED, chip_twin, parity_of, predict

matplotlib.use("Agg")

SIGNS = {"E(a, b)": 1, "-E(a, b')": -1, "E(a', b)": 1, "E(a', b')": 1}


def find(data, name):
    """Return the row of a result."""
    rows = data.analysis_results(dataframe=True, columns="all")
    (row,) = rows[rows["name"] == name].to_dict("records")
    return row


def pull(value, expected):
    return abs(value.nominal_value - expected) / value.std_dev


def exact_s(twin, experiment):
    """Return S at pi/4, and the largest S, that the errors of a twin make."""
    circuits = experiment._transpiled_circuits()
    values = {
        (circuit.metadata["basis"], circuit.metadata["point"]): parity_of(probabilities)
        for circuit, probabilities in zip(circuits, predict(twin, circuits), strict=True)
    }
    points = circuits[0].metadata["points"]

    def at(point):
        later = (point + points // 4) % points
        return values["Z", point] - values["Z", later] + values["X", point] + values["X", later]

    waves = np.fft.fft([at(point) for point in range(points)]) / points
    assert np.abs(waves[2:-1]).max() < 1e-9  # the model is exact: a sine and an offset
    return at(points // 8), 2 * abs(waves[1]) + waves[0].real


def test_without_noise_it_is_the_quantum_bound(backend):
    data = CHSH([0, 2], backend).run(backend_run=True, shots=4000).block_for_results()
    row = find(data, "S")
    assert pull(row["value"], 2 * math.sqrt(2)) < 5
    assert row["quality"] == "good"
    assert row["violation"] > 15
    assert row["violation"] == pytest.approx((row["value"].n - 2) / row["value"].s)
    assert pull(find(data, "S_max")["value"], 2 * math.sqrt(2)) < 5
    assert pull(find(data, "angle")["value"], math.pi / 4) < 5


def test_on_a_twin_it_is_what_the_errors_of_the_target_predict():
    twin = chip_twin(2, 2)
    experiment = CHSH([3, 1], twin)
    expected, largest = exact_s(twin, experiment)
    assert 2.2 < expected < 2.7
    data = experiment.run(backend_run=True, shots=20_000).block_for_results()
    assert pull(find(data, "S")["value"], expected) < 5
    assert pull(find(data, "S_max")["value"], largest) < 5
    assert find(data, "S")["value"].std_dev < 0.015


def test_the_standard_error_is_that_of_four_binomials(backend):
    shots = 500
    data = CHSH([0, 1], backend).run(backend_run=True, shots=shots).block_for_results()
    row = find(data, "S")
    terms = row["correlations"]
    assert row["value"].n == pytest.approx(sum(terms.values()))
    expected = math.sqrt(sum((1 - term**2) / shots for term in terms.values()))
    assert row["value"].s == pytest.approx(expected, rel=0.01)
    assert set(terms) == set(SIGNS)


def fake_data(counts, points=8, without=()):
    data = ExperimentData()
    data.metadata.update({"device_components": [], "physical_qubits": [0, 1]})
    for basis in "ZX":
        for point in range(points):
            metadata = {"xval": 2 * math.pi * point / points, "basis": basis, "point": point}
            datum = {"counts": counts(basis, point, points), "shots": 1000}
            if (basis, point) not in without:
                data.add_data({**datum, "metadata": {**metadata, "points": points}})
    return data


def ideal(basis, point, points):
    angle = 2 * math.pi * point / points - (math.pi / 2 if basis == "X" else 0)
    odd = round(500 * (1 - math.cos(angle)))
    return {"00": 1000 - odd, "10": odd}


def test_points_of_the_fit_are_circuits_and_not_sums_that_share_them():
    """Over many runs, the fit misses the truth as often as its errors say."""
    rng = np.random.default_rng(SEED)
    visibility = 0.85

    def noisy(basis, point, points):
        angle = 2 * math.pi * point / points - (math.pi / 2 if basis == "X" else 0)
        odd = rng.binomial(1000, (1 - visibility * math.cos(angle)) / 2)
        return {"00": 1000 - odd, "10": odd}

    analysis = CHSH([0, 1]).analysis
    analysis.set_options(plot=False)
    pulls, chisqs = [], []
    for _ in range(60):
        results, _ = analysis._run_analysis(fake_data(noisy, 16))
        by_name = {result.name: result for result in results}
        value = by_name["S_max"].value
        pulls.append((value.nominal_value - 2 * math.sqrt(2) * visibility) / value.std_dev)
        chisqs.append(by_name["S"].chisq)
    assert 0.75 < np.std(pulls) < 1.3
    assert abs(np.mean(chisqs) - 1) < 0.2


def test_a_circuit_that_is_missing_is_not_made_up():
    analysis = CHSH([0, 1]).analysis
    with pytest.raises(Exception, match="Not all of the four circuits of S"):
        analysis._run_analysis(fake_data(ideal, without={("Z", 1)}))
    results, _ = analysis._run_analysis(fake_data(ideal, without={("Z", 0), ("X", 6)}))
    assert results[0].value.nominal_value == pytest.approx(2 * math.sqrt(2), abs=0.01)
    with pytest.raises(Exception, match="3 of 8 angles have a result with Z"):
        analysis._run_analysis(fake_data(ideal, without={("Z", p) for p in (0, 2, 4, 5, 6)}))


def test_the_picture_has_both_bounds(backend):
    data = CHSH([0, 1], backend).run(backend_run=True, shots=200).block_for_results()
    figure = data.figure(0).figure
    levels = {round(line.get_ydata()[0], 4) for line in figure.axes[0].lines if _is_flat(line)}
    assert {2.0, -2.0, 2.8284, -2.8284} <= levels
    texts = [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    assert texts[:2] == ["classical bound 2", r"quantum bound $2\sqrt{2}$"]


def _is_flat(line):
    return len(set(map(float, line.get_ydata()))) == 1


def test_several_pairs_in_parallel():
    twin = chip_twin(2, 2)
    parts = [CHSH([0, 1], twin, points=8), CHSH([3, 2], twin, points=8)]
    together = ParallelExperiment(parts, backend=twin, flatten_results=False)
    data = together.run(backend_run=True, shots=8000).block_for_results()
    for index, part in enumerate(parts):
        assert pull(find(data.child_data(index), "S")["value"], exact_s(twin, part)[0]) < 5


@pytest.mark.filterwarnings("ignore")  # of noise that is not simulated as it is stated
@pytest.mark.parametrize("basis", [["rx", "rz", "rzz"], ["cz", "sx", "rz", "x"]])
def test_other_gates_than_those_of_oqtopus(basis):
    foreign = GenericBackendV2(3, basis, coupling_map=[[0, 1], [1, 2]], seed=1)
    names = {
        item.operation.name
        for circuit in CHSH([2, 1], foreign)._transpiled_circuits()
        for item in circuit.data
    }
    assert names <= {*basis, "measure"}
    twin = QulacsBackend.from_target(foreign.target, seed=SEED)
    experiment = CHSH([2, 1], twin, points=8)
    data = experiment.run(backend_run=True, shots=2000, noise=False).block_for_results()
    assert pull(find(data, "S")["value"], 2 * math.sqrt(2)) < 5


@pytest.mark.parametrize("points", [0, 4, 12, 16.0, True, "16"])
def test_a_number_of_points_that_does_not_have_the_angles(points):
    with pytest.raises(OqtopusOptionError, match="'points' must be a multiple of 8"):
        CHSH([0, 1], points=points)


@pytest.mark.parametrize("qubits", [0, [0], [1, 1], [0, 1, 2]])
def test_not_two_qubits(qubits):
    with pytest.raises(OqtopusOptionError, match="entangles two qubits"):
        CHSH(qubits)


@pytest.mark.parametrize(
    "make",
    [
        lambda **more: Rabi(4, **more),
        lambda **more: CHSH([0, 4], **more),
        lambda **more: ParityOscillation([2, 3, 4], **more),
    ],
    ids=["rabi", "chsh", "parity"],
)
def test_a_qubit_that_the_backend_does_not_have(make):
    small = QulacsBackend(num_qubits=4)
    with pytest.raises(OqtopusOptionError, match="has qubits 0 to 3, and no 4"):
        make(backend=small)
    with pytest.raises(OqtopusOptionError, match="has qubits 0 to 3, and no 4"):
        make().run(small, backend_run=True)
