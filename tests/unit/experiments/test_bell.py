"""CHSH and ParityOscillation of all couplings of a chip at once."""

import math

import numpy as np
import pytest

from qiskit_oqtopus import OqtopusOptionError, QulacsBackend
from qiskit_oqtopus.device.timing import compare_timing
from qiskit_oqtopus.experiments import CHSH, Characterization, ParityOscillation, load, run
from tests.unit.experiments.conftest import SEED, chip_twin, parity_of, predict, show_results


def exact(circuits):
    """Return the probabilities of circuits without noise."""
    result = QulacsBackend(seed_simulator=SEED).run(circuits, density_matrix=True).result()
    found = []
    for index, circuit in enumerate(circuits):
        qubits = [
            circuit.find_bit(item.qubits[0]).index
            for item in circuit.data
            if item.operation.name == "measure"
        ]
        state = np.asarray(result.data(index)["density_matrix"])
        whole = np.diag(state).real.reshape([2] * circuit.num_qubits)
        others = [q for q in range(circuit.num_qubits) if q not in qubits]
        axes = [circuit.num_qubits - 1 - q for q in others]
        kept = whole.sum(axis=tuple(axes))
        # What is left is ordered from the highest qubit to the lowest.
        order = sorted(qubits, reverse=True)
        found.append(np.transpose(kept, [order.index(q) for q in reversed(qubits)]).reshape(-1))
    return found


@pytest.mark.parametrize("kind", ["chsh", "parity"])
def test_placed_circuits_do_what_those_of_the_experiment_do(kind):
    twin = chip_twin(2, 2)
    plan = Characterization(twin, measure=kind, couplings=[(0, 1)], seed=1)
    placed = plan._transpiled_circuits()
    own = (CHSH if kind == "chsh" else ParityOscillation)([0, 1])
    assert len(placed) == len(own.circuits()) == plan.num_circuits
    for one, other in zip(exact(placed), exact(own.circuits()), strict=True):
        assert one == pytest.approx(other, abs=1e-9)


def test_couplings_that_are_far_enough_run_together_and_right_in_time():
    twin = chip_twin(3, 3)
    plan = Characterization(twin, measure=["chsh", "parity"], seed=1)
    groups = plan.groups["chsh"]
    assert max(map(len, groups)) > 1
    measured = [tuple(pair) for group in groups for pair in group]
    assert sorted(measured) == sorted(map(tuple, plan.to_plain()["couplings"]))
    timing = compare_timing(plan._transpiled_circuits()[5], twin.target)
    for qubit, span in timing.device.spans.items():
        assert span == pytest.approx(timing.asked.spans[qubit], abs=1e-12)


def test_the_table_has_what_the_errors_predict():
    twin = chip_twin(2, 2)
    plan = Characterization(twin, measure=["chsh", "parity"], couplings=[(0, 1), (2, 3)], seed=1)
    plan.set_run_options(shots=8000)
    table = plan.table(plan.run().block_for_results())
    assert list(table[table["element"] == "Q0-Q1"]["quantity"]) == [
        *("S", "contrast", "population", "fidelity")
    ]
    assert set(table["quality"]) == {"good"}
    values = {(r.element, r.quantity): (r.value, r.stderr) for r in table.itertuples()}
    for name, pair in (("Q0-Q1", (0, 1)), ("Q2-Q3", (2, 3))):
        alone = Characterization(twin, measure=["chsh"], couplings=[pair], seed=1)
        circuits = alone._transpiled_circuits()
        found = {}
        for circuit, probabilities in zip(circuits, predict(twin, circuits), strict=True):
            (outer,) = circuit.metadata["composite_metadata"]
            (metadata,) = outer["composite_metadata"]
            found[metadata["basis"], metadata["point"]] = parity_of(probabilities)
        expected = found["Z", 2] - found["Z", 6] + found["X", 2] + found["X", 6]
        value, stderr = values[name, "S"]
        assert abs(value - expected) < 5 * stderr
        value, stderr = values[name, "fidelity"]
        assert 0.8 < value < 0.95
        assert 0 < stderr < 0.01


def test_nothing_changes_for_those_who_do_not_ask():
    twin = chip_twin(2, 2)
    assert Characterization(twin, seed=1).to_plain()["measure"] == [
        *("readout", "t1", "t2", "rb", "irb")
    ]
    text = str(Characterization(twin, measure=["chsh", "parity"], seed=1))
    assert "CHSH: 128 circuits in 4 groups" in text
    assert "ParityOscillation of two qubits: 56 circuits in 4 groups" in text
    with pytest.raises(OqtopusOptionError, match="leave 'chsh' out"):
        Characterization(twin, measure=["t1", "chsh"], couplings=[])


def test_one_coupling_without_data_is_not_that_of_its_neighbour():
    twin = chip_twin(2, 2)
    plan = Characterization(twin, measure=["chsh", "parity"], couplings=[(0, 1), (2, 3)], seed=1)
    data = plan.run(analysis=None).block_for_results()
    partial = plan._initialize_experiment_data()

    def is_kept(datum):
        metadata = datum["metadata"]
        inner = metadata["composite_metadata"][0]["composite_metadata"][0]
        if metadata["composite_index"] == [0]:
            return inner.get("point") != 2
        return inner.get("series") != "population"

    partial.add_data([datum for datum in data.data() if is_kept(datum)])
    table = plan.table(plan.analysis.run(partial).block_for_results())
    rows = table.set_index(["element", "quantity"])
    assert math.isnan(rows.loc[("Q0-Q1", "S"), "value"])
    assert "Not all of the four circuits" in rows.loc[("Q0-Q1", "S"), "reason"]
    assert math.isnan(rows.loc[("Q0-Q1", "fidelity"), "value"])
    assert "population" in rows.loc[("Q0-Q1", "fidelity"), "reason"]
    assert rows.loc[("Q2-Q3", "S"), "quality"] == "good"


@pytest.mark.filterwarnings("ignore")  # of noise that is not simulated as it is stated
def test_they_come_back_from_the_id_of_their_job(cloud, provider, device):
    for experiment in (CHSH([0, 1], points=8), ParityOscillation(backend=device, n=3)):
        data = run(experiment, device, shots=300).block_for_results()
        loaded = load(provider, data.job_ids[0]).block_for_results()
        assert loaded.experiment.physical_qubits == experiment.physical_qubits
        assert show_results(loaded) == show_results(data)
