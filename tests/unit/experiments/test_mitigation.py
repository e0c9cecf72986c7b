"""Readout mitigation of counts that are there already."""

import itertools

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.circuit import ClassicalRegister
from qiskit.exceptions import QiskitError
from qiskit.result import Result
from qiskit_experiments.library import LocalReadoutError

from qiskit_oqtopus import OqtopusOptionError, OqtopusProvider, QulacsBackend
from qiskit_oqtopus.experiments import mitigate, run

from .conftest import SEED, chip_target, chip_twin

ERRORS = {0: (0.25, 0.125), 2: (0.0, 0.5), 5: (0.03125, 0.0625)}
"""Probability of reading 1 for a 0 and 0 for a 1, by qubit; no rounding in products of them."""

NAMES = ["element", "quantity", "value"]


def table(errors=ERRORS):
    import pandas

    rows = [
        (f"Q{qubit}", name, value)
        for qubit, pair in errors.items()
        for name, value in zip(("readout 0->1", "readout 1->0"), pair, strict=True)
    ]
    return pandas.DataFrame([*rows, ("Q0", "T1", 1e-5)], columns=NAMES)


def result_of(probabilities, pairs, shots=2**20, **header):
    """The Result of counts that are exactly those of outcomes with errors of reading."""
    places = [clbit for clbit, _ in pairs]
    counts = {}
    for outcome, probability in probabilities.items():
        for flips in itertools.product((0, 1), repeat=len(pairs)):
            chance, value = probability, 0
            for (clbit, qubit), flip in zip(pairs, flips, strict=True):
                bit = outcome >> clbit & 1
                wrong = ERRORS[qubit][bit]
                chance *= wrong if flip else 1 - wrong
                value |= (bit ^ flip) << clbit
            counts[hex(value)] = counts.get(hex(value), 0) + chance * shots
    given = {"name": "mine", "creg_sizes": [], "memory_slots": max(places, default=0) + 1}
    return Result.from_dict(
        {
            "backend_name": "x",
            "backend_version": "1",
            "job_id": "1",
            "success": True,
            "results": [
                {
                    "shots": shots,
                    "success": True,
                    "data": {"counts": {key: round(n) for key, n in counts.items() if n}},
                    "header": {**given, "measured_qubits": [list(p) for p in pairs], **header},
                }
            ],
        }
    )


@pytest.mark.parametrize(
    ("pairs", "probabilities"),
    [
        ([(0, 0)], {0: 1.0}),
        ([(0, 0), (1, 2)], {0b00: 0.5, 0b11: 0.5}),
        ([(0, 5), (2, 2), (7, 0)], {0b10000101: 0.25, 0b00000001: 0.75}),
        ([(3, 2), (4, 0)], {0b11000: 1.0}),
    ],
)
def test_exact_counts_are_corrected_exactly(pairs, probabilities):
    found = mitigate(result_of(probabilities, pairs), table())
    assert sum(found.values()) == pytest.approx(1)
    assert {k: v for k, v in found.items() if abs(v) > 1e-9} == pytest.approx(probabilities)
    assert {type(value) for value in found.values()} == {float}
    assert found.shots == 2**20
    assert found.stddev_upper_bound > 0


def test_the_readout_of_any_source():
    target = chip_target(2, 2)
    twin = QulacsBackend.from_target(target, seed=SEED, gate_noise=False, relaxation=False)
    circuit = QuantumCircuit(ClassicalRegister(1, "a"), ClassicalRegister(3, "b"))
    circuit.add_register(*QuantumCircuit(4).qregs)
    circuit.x(1)
    circuit.measure([3, 1], [0, 2])
    shots = 200_000
    result = twin.run(circuit, shots=shots).result()
    calibration = run(LocalReadoutError([0, 1, 2, 3]), twin, shots=shots).block_for_results()
    mitigator = calibration.analysis_results("Local Readout Mitigator").value
    for readout in (calibration, mitigator, twin, target):
        found = mitigate(result, readout)
        # Of 5 sigma of the counts and of the calibration together, and of asymmetric errors.
        assert found[0b0100] == pytest.approx(1, abs=0.02), readout
        assert set(found) <= {0b0000, 0b0001, 0b0100, 0b0101}


def test_a_job_of_the_past(device, cloud):
    circuit = QuantumCircuit(16, 2)
    circuit.x(5)
    circuit.measure([5, 8], [0, 1])
    job = device.run([circuit] * 2, shots=50_000)
    here = job.result(timeout=60)
    assert here.results[0].header["measured_qubits"] == [[0, 5], [1, 8]]
    with OqtopusProvider(url=cloud.url, token=cloud.token) as provider:
        result = provider.job(job.job_id()).result(timeout=60)
        snapshot = provider.backend("grid-16q").snapshot()
    assert result.results[1].header["measured_qubits"] == [[0, 5], [1, 8]]
    first, second = mitigate(result, snapshot)
    raw = result.get_counts(0)
    assert first[0b01] == pytest.approx(1, abs=0.01)
    assert raw["01"] / 50_000 < 0.98
    assert first == mitigate(result, snapshot, experiment=0)
    assert second == mitigate(here, device, experiment=1)


def test_what_the_server_has_compiled_needs_the_qubits(device):
    circuit = QuantumCircuit(1, 1)
    circuit.h(0)
    circuit.measure(0, 0)
    result = device.run(circuit, shots=100, transpiler="qiskit").result(timeout=60)
    with pytest.raises(OqtopusOptionError, match=r"does not say on which qubit.*qubits=\[...\]"):
        mitigate(result, device)
    assert sum(mitigate(result, device, qubits=[3]).values()) == pytest.approx(1)
    with pytest.raises(OqtopusOptionError, match=r"has 2 qubits, and .* measures 1 bits"):
        mitigate(result_of({0: 1.0}, [(0, 0)]), table(), qubits=[0, 2])


def test_a_bit_that_is_written_twice_is_on_no_qubit():
    twin = chip_twin(2, 2)
    circuit = QuantumCircuit(4, 2)
    circuit.measure(0, 0)
    circuit.measure(1, 0)
    with pytest.raises(OqtopusOptionError, match="does not say on which qubit"):
        mitigate(twin.run(circuit, shots=10).result(), twin)


@pytest.mark.parametrize(
    ("pairs", "readout", "message"),
    [
        ([(0, 2)], {0: (0.1, 0.1)}, "not known how well qubit 2"),
        ([(0, 2)], {2: (0.5, 0.5)}, "Reading qubit 2, .* says nothing of it"),
        ([(0, 2)], {2: (np.nan, 0.1)}, "not known how well qubit 2"),
        ([], {2: (0.1, 0.1)}, "No bit of circuit 'mine' is measured"),
        ([(0, 0)] * 15, {0: (0.1, 0.1)}, "measures 15 bits, and at most 14"),
    ],
)
def test_what_cannot_be_mitigated(pairs, readout, message):
    result = result_of({0: 1.0}, pairs[:1], measured_qubits=[list(pair) for pair in pairs])
    with pytest.raises(OqtopusOptionError, match=message):
        mitigate(result, table(readout))


def test_fourteen_bits_can_be_mitigated():
    errors = dict.fromkeys(range(14), (0.01, 0.02))
    result = result_of({0: 1.0}, [(0, 0)], measured_qubits=[[q, q] for q in range(14)])
    assert sum(mitigate(result, table(errors)).values()) == pytest.approx(1)


@pytest.mark.parametrize("wrong", [None, 3, "grid-16q", {0: (0.1, 0.1)}])
def test_what_says_nothing_of_the_readout(wrong):
    with pytest.raises(OqtopusOptionError, match="'readout' must be"):
        mitigate(result_of({0: 1.0}, [(0, 0)]), wrong)


def test_data_of_another_experiment(backend):
    from qiskit_experiments.library import T1

    data = run(T1([0], [0, 1e-6, 2e-6]), backend, shots=10).block_for_results()
    with pytest.raises(OqtopusOptionError, match="data of T1 without a 'Local Readout Mitigator'"):
        mitigate(result_of({0: 1.0}, [(0, 0)]), data)


def test_what_is_no_result():
    with pytest.raises(OqtopusOptionError, match=r"Result of backend\.run, not dict"):
        mitigate({"0": 10}, table())
    with pytest.raises(QiskitError, match="nobody"):
        mitigate(result_of({0: 1.0}, [(0, 0)]), table(), experiment="nobody")
