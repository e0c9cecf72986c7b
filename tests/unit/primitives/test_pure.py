"""The parts of the primitives that need no backend: bits, observables, estimates, records."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from qiskit import QuantumCircuit
from qiskit.primitives import BitArray
from qiskit.quantum_info import Operator, Pauli, SparseObservable, SparsePauliOp
from qiskit.result.models import ExperimentResult, ExperimentResultData

from qiskit_oqtopus import OqtopusOptionError, OqtopusProtocolError
from qiskit_oqtopus.primitives.assembly import assemble, bit_arrays
from qiskit_oqtopus.primitives.bits import bit_table, packed
from qiskit_oqtopus.primitives.expectation import estimate
from qiskit_oqtopus.primitives.observables import (
    ObservableError,
    measured,
    measurements,
    pauli_terms,
)
from qiskit_oqtopus.primitives.options import EstimatorOptions, SamplerOptions, made
from qiskit_oqtopus.primitives.pub_record import EstimatorRecord, SamplerRecord, record_of
from qiskit_oqtopus.program.program import ProgramHeader, encode_program, parse_program

# -- bits ----------------------------------------------------------------------------------------


@given(st.integers(0, 130), st.data())
def test_bits_are_packed_as_qiskit_packs_them(num_bits, data):
    outcomes = data.draw(st.lists(st.integers(0, 2**num_bits - 1), min_size=1, max_size=5))
    table = bit_table(outcomes, num_bits)
    assert [sum(int(b) << k for k, b in enumerate(row)) for row in table] == outcomes
    columns = data.draw(st.permutations(range(num_bits)))[: data.draw(st.integers(0, num_bits))]
    ours = BitArray(packed(table, columns), len(columns))
    # Qiskit's own packing, of bits in the order lowest first.
    theirs = BitArray.from_bool_array(table[:, columns].astype(bool), order="little")
    assert ours == theirs


def test_elements_with_fewer_shots_shorten_the_others():
    elements = [([0, 1], np.array([0, 1, 1, 0])), ([2], np.array([0, 0, 0]))]
    arrays = bit_arrays((("c", (0, 1)),), (2,), 2, elements)
    assert arrays["c"].num_shots == 3
    assert arrays["c"][0].get_counts() == {"00": 1, "01": 2}
    assert arrays["c"][1].get_counts() == {"10": 3}


# -- observables ---------------------------------------------------------------------------------


@given(st.dictionaries(st.text("IXYZ01+-rl", min_size=3, max_size=3), st.floats(-2, 2), min_size=1))
def test_projectors_are_sums_of_paulis(observable):
    terms = pauli_terms(observable)
    ours = sum(c * Operator(Pauli(label)).data for label, c in terms.items())
    theirs = SparsePauliOp.from_sparse_observable(
        SparseObservable.from_list(list(observable.items()))
    )
    np.testing.assert_allclose(ours, theirs.to_matrix(), atol=1e-12)


@pytest.mark.parametrize("coefficient", [1j, math.nan, math.inf])
def test_coefficients_are_real_numbers(coefficient):
    with pytest.raises(ObservableError, match="coefficient of ZZ"):
        pauli_terms({"ZZ": coefficient})


def test_projectors_do_not_explode():
    with pytest.raises(ObservableError, match="sum of over"):
        pauli_terms({"0" * 40: 1.0})


paulis = st.text("IXYZ", min_size=4, max_size=4)
observables = st.lists(
    st.dictionaries(paulis, st.floats(-2, 2), min_size=1, max_size=6), min_size=1, max_size=4
)


@given(observables)
def test_each_term_is_measured_once_where_it_can_be(given_observables):
    found: list[dict[str, float]] = [{} for _ in given_observables]
    for measurement in measurements(given_observables):
        letters = dict(measurement.basis)
        assert list(letters) == sorted(letters)
        for index, parts in measurement.weights:
            for place, coefficient in parts:
                label = ["I"] * 4
                for bit, (qubit, letter) in enumerate(measurement.basis):
                    if measurement.masks[place] >> bit & 1:
                        label[3 - qubit] = letter
                assert "".join(label) not in found[index]
                found[index]["".join(label)] = coefficient
        used = np.bitwise_or.reduce([*measurement.masks, 0])
        assert used == 2 ** len(letters) - 1 or measurement.masks == (0,)
    assert found == given_observables


@pytest.mark.parametrize("letter", "XYZ")
def test_rotations_turn_a_letter_into_z(letter):
    circuit = measured(QuantumCircuit(1), [(0, letter)])
    rotation = Operator(circuit.remove_final_measurements(inplace=False)).data
    found = rotation.conj().T @ Operator(Pauli("Z")).data @ rotation
    np.testing.assert_allclose(found, Operator(Pauli(letter)).data, atol=1e-12)


# -- expectation values --------------------------------------------------------------------------


def test_the_error_is_that_of_the_mean():
    # Two terms from the same shots, with a covariance that a sum of their errors would miss.
    rng = np.random.default_rng(5)
    probabilities = np.array([0.4, 0.1, 0.2, 0.3])
    weights = [(0, [(0, 1.0), (1, -0.7), (2, 4.0)])]
    signs = np.array([[1, -1, 1, -1], [1, 1, -1, -1]])
    values = 4.0 + signs[0] - 0.7 * signs[1]
    exact = probabilities @ values
    sigma = math.sqrt(probabilities @ (values - exact) ** 2 / 400)
    trials = []
    for _ in range(4000):
        draw = rng.multinomial(400, probabilities)
        found = estimate(dict(enumerate(draw.tolist())), 2, [1, 2, 0], weights)
        trials.append((found.means[0], found.variances[0]))
    means, variances = np.array(trials).T
    # Standard errors of a mean, of a variance and of a mean variance, over 4,000 trials; 6 sigma.
    assert abs(means.mean() - exact) < 6 * sigma / math.sqrt(4000)
    assert abs(means.var() / sigma**2 - 1) < 6 * math.sqrt(2 / 4000)
    assert abs(variances.mean() / sigma**2 - 1) < 6 * variances.std() / sigma**2 / math.sqrt(4000)


@given(st.dictionaries(st.integers(0, 2**70 - 1), st.integers(1, 50), min_size=1, max_size=20))
def test_estimates_are_sample_means(counts):
    masks = [3, 2**69 + 1, 0]
    weights = [(4, [(0, 2.0), (2, 1.0)]), (1, [(1, -1.0)]), (0, [])]
    found = estimate(counts, 70, masks, weights)
    shots = [outcome for outcome, number in counts.items() for _ in range(number)]
    sign = [[1 - 2 * ((shot & mask).bit_count() % 2) for shot in shots] for mask in masks]
    samples = [2.0 * np.array(sign[0]) + 1.0, -1.0 * np.array(sign[1]), np.zeros(len(shots))]
    np.testing.assert_allclose(found.means, [np.mean(s) for s in samples], atol=1e-12)
    if len(shots) > 1:
        variances = [np.var(s, ddof=1) / len(shots) for s in samples]
        np.testing.assert_allclose(found.variances, variances, atol=1e-12)


def test_a_single_shot_says_nothing_of_the_error():
    found = estimate({1: 1}, 1, [1, 0], [(0, [(0, 1.0)]), (1, [(1, 3.0)])])
    assert found.means.tolist() == [-1.0, 3.0]
    assert math.isnan(found.variances[0])
    assert found.variances[1] == 0


def test_blocks_of_outcomes_add_up(monkeypatch):
    counts = {outcome: outcome + 1 for outcome in range(64)}
    weights = [(0, [(0, 1.0), (1, 2.0)])]
    whole = estimate(counts, 6, [5, 63], weights)
    monkeypatch.setattr("qiskit_oqtopus.primitives.expectation.BLOCK", 30)
    parts = estimate(counts, 6, [5, 63], weights)
    np.testing.assert_allclose(parts.means, whole.means, atol=1e-12)
    np.testing.assert_allclose(parts.variances, whole.variances, atol=1e-12)


def test_no_counts_are_no_estimate():
    with pytest.raises(ValueError, match="no counts"):
        estimate({}, 1, [1], [(0, [(0, 1.0)])])


# -- records -------------------------------------------------------------------------------------


def header_of(record, kind, **where):
    circuit = QuantumCircuit(2, 2)
    circuit.measure([0, 1], [0, 1])
    where = {"index": 1, "total": 3, "pub": 1, "position": 0, **where}
    header = ProgramHeader(
        kind=kind,
        group="g" * 16,
        created="2026-11-23T00:00:00+00:00",
        shots=10,
        primitive=record.to_json(),
        **where,
    )
    return encode_program(circuit, header)


SAMPLER = SamplerRecord((1, 1, 1), (), (("a", (1,)), ("b", (0, 1))))
ESTIMATOR = EstimatorRecord((1, 2), (2, 3), (3,), 0.1, (3, 0), ((5, ((0, 0.1), (1, -2.0))),))


@pytest.mark.parametrize(("record", "kind"), [(SAMPLER, "sampler"), (ESTIMATOR, "estimator")])
def test_records_come_back(record, kind):
    program = header_of(record, kind)
    assert record_of(parse_program(program.text)) == record
    server = replace(ESTIMATOR, masks=None, weights=())
    assert record_of(parse_program(header_of(server, "estimator", position=5).text)) == server


def test_elements_that_no_program_measures_are_refused_before_room_is_made_for_them():
    # 10**15 elements would be 8 PB.
    record = replace(ESTIMATOR, sizes=(1,), shape=(10**15,), sets=(1,))
    header = header_of(record, "estimator", index=0, total=1, pub=0).header
    result = ExperimentResult(10, True, ExperimentResultData(counts={"0x0": 10}))
    with pytest.raises(OqtopusProtocolError, match="do not measure"):
        assemble({0: (header, result)})


def test_the_record_is_part_of_the_digest():
    other = replace(ESTIMATOR, weights=((5, ((0, 0.2), (1, -2.0))),))
    digests = {header_of(record, "estimator").header.sha256 for record in (ESTIMATOR, other)}
    assert len(digests) == 2
    text = header_of(ESTIMATOR, "estimator").text
    with pytest.raises(OqtopusProtocolError, match="not the one"):
        parse_program(text.replace("[0,0.1]", "[0,0.3]"))


@pytest.mark.parametrize(
    "change",
    [
        {"sizes": [[2, 1]]},
        {"sizes": [[3, -1]]},
        {"sizes": [[10**12, 0], [3, 1]]},  # no more PUBs than programs
        {"sizes": [[10**12, 1]]},
        {"sizes": None},
        {"shape": [2, 2]},
        {"shape": [-1]},
        {"sets": [0]},
        {"masks": [4, 0]},
        {"masks": [True, 0]},
        {"weights": [[6, [[0, 1.0]]]]},
        {"weights": [[0, [[2, 1.0]]]]},
        {"weights": [[0, [[0, "1.0"]]]]},
        {"precision": "0.1"},
    ],
)
def test_records_that_cannot_be_are_refused(change):
    header = header_of(ESTIMATOR, "estimator").header
    with pytest.raises(OqtopusProtocolError, match="cannot be understood"):
        record_of(replace(header, primitive={**ESTIMATOR.to_json(), **change}))


@pytest.mark.parametrize(
    "change",
    [{"pub": None}, {"pub": 2}, {"pub": 0}, {"position": 3}, {"position": None}, {"total": 4}],
)
def test_places_that_cannot_be_are_refused(change):
    header = header_of(ESTIMATOR, "estimator").header
    with pytest.raises(OqtopusProtocolError, match="cannot be understood"):
        record_of(replace(header, **change))
    with pytest.raises(OqtopusProtocolError, match="missing"):
        record_of(replace(header, primitive=None))


# -- options -------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [SamplerOptions, EstimatorOptions])
def test_options_are_checked_whenever_they_are_set(kind):
    options = made(kind, {"seed": 3, "tags": ["night"]})
    assert (options.seed, options.tags) == (3, ("night",))
    assert made(kind, options) == options
    assert made(kind, None) == kind()
    with pytest.raises(
        OqtopusOptionError, match=r"Unknown option 'shotz'; the options are: .*seed"
    ):
        options.shotz = 3
    with pytest.raises(OqtopusOptionError, match="Unknown option"):
        options.update(seed=4, shotz=3)
    with pytest.raises(OqtopusOptionError, match="'seed' must be an integer"):
        options.update(name="x", seed="4")
    assert options == made(kind, {"seed": 3, "tags": ["night"]})
    options.update(seed=4, name="x")
    assert (options.seed, options.name) == (4, "x")
    for wrong in ({"transpiler": "tket"}, {"mitigation": 1}, [("seed", 1)], 3):
        with pytest.raises(OqtopusOptionError):
            made(kind, wrong)


@pytest.mark.parametrize("value", [-0.1, math.nan, math.inf, "0.1", True, 1j])
def test_precisions_are_numbers(value):
    with pytest.raises(OqtopusOptionError, match="default_precision"):
        EstimatorOptions(default_precision=value)
