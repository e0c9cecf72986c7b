"""Classical bits come back where they were."""

import warnings
from collections import Counter

import numpy as np
import pytest
from qiskit import ClassicalRegister, QuantumCircuit, QuantumRegister
from qiskit.circuit import Clbit, Qubit
from qiskit.exceptions import QiskitError

from qiskit_oqtopus import OqtopusWarning, QulacsBackend

BACKEND = QulacsBackend(num_qubits=4, shots=10)


def counts(circuit, **options):
    return BACKEND.run(circuit, **options).result().get_counts()


def test_registers_are_printed_with_spaces_first_one_rightmost():
    circuit = QuantumCircuit(
        QuantumRegister(3, "q"), ClassicalRegister(1, "a"), ClassicalRegister(2, "b")
    )
    circuit.x([0, 2])
    circuit.measure([0, 1, 2], [0, 1, 2])
    assert counts(circuit) == {"10 1": 10}


def test_loose_bits_alone_have_no_spaces():
    circuit = QuantumCircuit([Qubit()], [Clbit(), Clbit()])
    circuit.x(0)
    circuit.measure(0, 1)
    assert counts(circuit) == {"10": 10}


@pytest.mark.parametrize("loose_first", [True, False])
def test_loose_bits_beside_a_register_are_not_cut_off(loose_first):
    circuit = QuantumCircuit(1)
    parts = [[Clbit()], ClassicalRegister(2, "c")]
    for part in parts if loose_first else reversed(parts):
        (circuit.add_bits if isinstance(part, list) else circuit.add_register)(part)
    circuit.h(0)
    circuit.measure(0, 0)
    circuit.x(0)
    circuit.measure(0, 2)
    # Qiskit alone would print two of the three bits, and merge the two outcomes.
    expected = {"10 0", "00 1"} if loose_first else {"1 00", "0 01"}
    assert set(counts(circuit, shots=200)) == expected


def test_a_bit_in_two_registers():
    bits = [Clbit() for _ in range(3)]
    circuit = QuantumCircuit(1)
    circuit.add_register(ClassicalRegister(bits=bits[:2], name="a"))
    circuit.add_register(ClassicalRegister(bits=bits[1:], name="b"))
    circuit.x(0)
    circuit.measure(0, 1)
    result = BACKEND.run(circuit).result()
    assert result.data()["counts"] == {"0x2": 10}
    assert result.results[0].header["creg_sizes"] == [["a", 2], ["b", 2]]
    assert {key.replace(" ", "") for key in result.get_counts()} == {"010"}


def test_unmeasured_bits_are_zero_and_measured_ones_permuted():
    circuit = QuantumCircuit(3, 5)
    circuit.x([0, 1])
    circuit.measure([0, 1, 2], [4, 1, 0])
    assert counts(circuit) == {"10010": 10}


def test_the_last_measurement_into_a_bit_counts():
    circuit = QuantumCircuit(2, 1)
    circuit.x(0)
    circuit.measure(0, 0)
    circuit.measure(1, 0)
    assert counts(circuit) == {"0": 10}


def test_an_overwritten_measurement_still_collapses_its_qubit():
    circuit = QuantumCircuit(2, 2)
    circuit.h(0)
    circuit.measure(0, 0)
    circuit.measure(1, 0)
    circuit.h(0)  # from a definite state: 0 or 1 with equal chance, never 0 for certain
    circuit.measure(0, 1)
    found = counts(circuit, shots=400)
    assert set(found) == {"00", "10"}
    assert abs(found["10"] - 200) < 5.2 * 10  # 5.2 sigma: false alarms below 2e-7


def test_one_qubit_measured_into_two_bits():
    circuit = QuantumCircuit(1, 2)
    circuit.h(0)
    circuit.measure(0, 0)
    circuit.measure(0, 1)
    assert set(counts(circuit, shots=100)) == {"00", "11"}


def test_a_qubit_goes_on_after_its_measurement():
    circuit = QuantumCircuit(1, 2)
    circuit.h(0)
    circuit.measure(0, 0)
    circuit.x(0)
    circuit.measure(0, 1)
    assert set(counts(circuit, shots=100)) == {"10", "01"}


def test_measure_reset_measure():
    circuit = QuantumCircuit(1, 2)
    circuit.x(0)
    circuit.measure(0, 0)
    circuit.reset(0)
    circuit.measure(0, 1)
    assert counts(circuit) == {"01": 10}


def test_an_idle_qubit_reads_zero_before_it_is_used():
    circuit = QuantumCircuit(1, 2)
    circuit.measure(0, 0)
    circuit.x(0)
    circuit.measure(0, 1)
    assert counts(circuit) == {"10": 10}


def test_more_than_sixty_four_bits():
    circuit = QuantumCircuit(2, 80)
    circuit.x(1)
    circuit.measure(1, 79)
    circuit.measure(0, 3)
    assert counts(circuit) == {"1" + "0" * 79: 10}
    circuit.barrier()
    circuit.x(1)
    circuit.measure(1, 78)
    assert counts(circuit) == {"1" + "0" * 79: 10}


def test_hex_keys_memory_and_header():
    circuit = QuantumCircuit(2, 3, name="mine", metadata={"a": [1, 2]}, global_phase=0.5)
    circuit.h(0)
    circuit.measure(0, 2)
    result = BACKEND.run(circuit, shots=50, memory=True, seed_simulator=1).result()
    entry = result.results[0]
    assert set(entry.data.counts) == {"0x0", "0x4"}
    assert Counter(entry.data.memory) == entry.data.counts
    assert len(set(entry.data.memory[:20])) == 2  # in random order, not sorted
    assert entry.header == {
        "name": "mine",
        "creg_sizes": [["c", 3]],
        "memory_slots": 3,
        "n_qubits": 2,
        "qreg_sizes": [["q", 2]],
        "global_phase": 0.5,
        "metadata": {"a": [1, 2]},
    }
    assert (entry.meas_level, entry.shots, entry.success, entry.seed) == (2, 50, True, 1)


def test_results_by_name_and_by_circuit():
    zero, one = QuantumCircuit(1, 1, name="zero"), QuantumCircuit(1, 1, name="one")
    one.x(0)
    for circuit in (zero, one):
        circuit.measure(0, 0)
    result = BACKEND.run([zero, one]).result()
    assert result.get_counts(one) == result.get_counts("one") == {"1": 10}
    assert result.get_counts("zero") == {"0": 10}


def test_two_circuits_of_one_name_give_the_first_and_a_warning():
    first, second = (QuantumCircuit(1, 1, name="same") for _ in range(2))
    second.x(0)
    for circuit in (first, second):
        circuit.measure(0, 0)
    result = BACKEND.run([first, second]).result()
    with pytest.warns(UserWarning, match="multiple results matching name"):
        assert result.get_counts("same") == {"0": 10}
    assert result.get_counts(1) == {"1": 10}


def test_a_circuit_without_measurement_has_no_counts_and_one_warning():
    circuit = QuantumCircuit(1, 1)
    circuit.x(0)
    with pytest.warns(OqtopusWarning, match="no counts") as caught:
        result = BACKEND.run([circuit, circuit]).result()
    assert len(caught) == 1
    assert result.success
    assert result.data(0) == {}
    with pytest.raises(QiskitError, match="has no counts"):
        result.get_counts(0)


def test_a_state_needs_no_measurement_and_no_warning():
    circuit = QuantumCircuit(3)
    circuit.x(2)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        state = BACKEND.run(circuit, statevector=True).result().get_statevector()
    np.testing.assert_allclose(np.abs(state), [0, 0, 0, 0, 1, 0, 0, 0], atol=1e-15)
