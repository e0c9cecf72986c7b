"""What both backends need of circuits: units, circuits that are given, parameters, headers."""

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.circuit import ClassicalRegister, Clbit, Parameter

from qiskit_oqtopus.circuits import (
    SECONDS_PER_UNIT,
    UnboundError,
    bind_parameters,
    circuits_of,
    creg_sizes,
    result_header,
    units_per_second,
)
from qiskit_oqtopus.exceptions import OqtopusCircuitError


def test_units_are_exact():
    expected = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9, "ps": 10**12}
    assert {unit: units_per_second(unit) for unit in SECONDS_PER_UNIT} == expected
    assert 24 / units_per_second("ns") == 2.4e-08 != 24 * 1e-9


def test_one_circuit_or_several():
    circuit = QuantumCircuit(1)
    assert circuits_of(circuit, "b") == circuits_of(iter([circuit]), "b") == [circuit]
    for wrong, words in (
        ([], "there is no circuit"),
        (3, "it is not a QuantumCircuit but 3"),
        ("abc", "it is not a QuantumCircuit but 'abc'"),
        ([circuit, None], "circuit 1 ('NoneType')"),
    ):
        with pytest.raises(OqtopusCircuitError) as caught:
            circuits_of(wrong, "b")
        assert words in str(caught.value)


def test_each_set_of_values_gives_a_circuit_of_the_same_name():
    angle = Parameter("angle")
    circuit = QuantumCircuit(1, name="mine")
    circuit.rz(1 / angle, 0)
    first, second = bind_parameters(circuit, np.array([[1.0], [2.0]]))
    assert (first.name, second.name) == ("mine", "mine")
    assert [float(each.data[0].params[0]) for each in (first, second)] == [1.0, 0.5]
    with pytest.raises(UnboundError, match="parameter set 1") as caught:
        bind_parameters(circuit, np.array([[1.0], [0.0]]))
    assert caught.value.number == 1


def test_bits_outside_of_registers_are_listed_where_they_are():
    circuit = QuantumCircuit([Clbit()], ClassicalRegister(2, "a"), [Clbit(), Clbit()])
    assert creg_sizes(circuit) == [["", 1], ["a", 2], ["", 2]]
    assert creg_sizes(QuantumCircuit(1, 2)) == [["c", 2]]
    assert creg_sizes(QuantumCircuit([Clbit()])) == []


def test_the_metadata_of_a_result_header_are_a_copy():
    metadata = {"list": [1]}
    header = result_header("mine", (("q", 1),), (("c", 2),), 1, 2, 0.5, metadata)
    metadata["list"].append(2)
    assert header == {
        "name": "mine",
        "creg_sizes": [["c", 2]],
        "memory_slots": 2,
        "n_qubits": 1,
        "qreg_sizes": [["q", 1]],
        "global_phase": 0.5,
        "metadata": {"list": [1]},
    }
