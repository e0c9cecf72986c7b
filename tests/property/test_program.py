"""Any circuit that is sent means the same; any header and any outcome comes back as it was."""

import json
from dataclasses import replace
from datetime import datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from qiskit import QuantumCircuit, qasm3
from qiskit.circuit import ClassicalRegister, Clbit
from qiskit.quantum_info import Statevector

from qiskit_oqtopus.cloud.results import combine, experiment_result
from qiskit_oqtopus.program import metadata
from qiskit_oqtopus.program.program import (
    EncodingError,
    Program,
    ProgramHeader,
    encode_program,
    fingerprint,
    parse_program,
)
from tests.circuits import add_measurements, random_unitary_circuit

GROUP = ProgramHeader(group="0123456789abcdef", total=1000, created="2026-02-03T04:05:06Z", shots=1)

plain = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(st.characters())
    | st.complex_numbers(allow_nan=False)
    | st.datetimes()
    | st.floats(allow_nan=False).map(np.float64)
    | st.integers(-128, 127).map(np.int8)
)
keys = st.text() | st.integers() | st.booleans() | st.none() | st.tuples(st.integers(), st.text())
values = st.recursive(
    plain,
    lambda inner: (
        st.lists(inner)
        | st.lists(inner).map(tuple)
        | st.dictionaries(keys, inner)
        | st.frozensets(keys)
        | st.sets(keys)
    ),
    max_leaves=20,
)


def same(first, second):
    if type(first) is not type(second):
        return False
    if isinstance(first, dict):
        return first.keys() == second.keys() and all(same(first[key], second[key]) for key in first)
    if isinstance(first, list | tuple):
        return len(first) == len(second) and all(map(same, first, second))
    return first == second


@pytest.mark.slow
@given(values)
def test_metadata_comes_back(value):
    written = json.dumps(metadata.encode(value))
    read = metadata.decode(json.loads(written))
    assert same(value, read)
    # So that the fingerprint of a program that is read is that of the one that was sent.
    assert json.dumps(metadata.encode(read)) == written


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner)
        | st.dictionaries(st.text(), inner)
        | st.builds(
            lambda name, value: {metadata.TAG: name, "value": value},
            st.sampled_from([*metadata._READERS, "other"]),
            inner | st.tuples(st.sampled_from(["<f8", "|O", "<U3", "<M8[ns]"]), inner, inner),
        )
    ),
)


@pytest.mark.slow
@given(json_values)
def test_anything_is_decoded_to_known_types_or_refused(value):
    try:
        decoded = metadata.decode(value)
    except metadata.MetadataError:
        return
    kinds = (dict, list, tuple, set, frozenset, str, int, float, complex, datetime)
    assert decoded is None or isinstance(decoded, (*kinds, np.ndarray, np.generic))


@st.composite
def measured_circuits(draw):
    """Registers and loose bits of which some are measured, in any order, after some x gates."""
    circuit = QuantumCircuit(
        draw(st.integers(1, 6)),
        name=draw(st.text()) or None,
        metadata=draw(st.dictionaries(keys, values, max_size=3)),
        global_phase=draw(st.floats(0, 6)),
    )
    for number, size in enumerate(draw(st.lists(st.integers(0, 3), min_size=1, max_size=4))):
        if size == 0:
            circuit.add_bits([Clbit()])
        else:
            circuit.add_register(ClassicalRegister(size, f"c{number}"))
    flipped = draw(st.sets(st.integers(0, circuit.num_qubits - 1)))
    for qubit in flipped:
        circuit.x(qubit)
    qubits = draw(st.permutations(range(circuit.num_qubits)))
    clbits = draw(st.permutations(range(circuit.num_clbits)))
    pairs = list(zip(qubits, clbits, strict=False))
    pairs = pairs[: draw(st.integers(1, len(pairs)))]
    for qubit, clbit in pairs:
        circuit.measure(qubit, clbit)
    outcome = sum(1 << clbit for qubit, clbit in pairs if qubit in flipped)
    return circuit, outcome


@pytest.mark.slow
@given(
    measured_circuits(),
    st.integers(0, 999),
    st.integers(1, 10**7),
    st.booleans(),
    st.none() | st.integers(),
    st.sampled_from([None, "qiskit"]),
)
@settings(deadline=None)
def test_headers_and_classical_bits_come_back(case, index, shots, memory, seed, transpiler):
    circuit, outcome = case
    program = encode_program(
        circuit,
        replace(GROUP, index=index, shots=shots, memory=memory, seed=seed),
        transpiler=transpiler,
    )
    assert program.text.isascii()
    header = parse_program(program.text)
    assert header == program.header
    assert header.metadata == circuit.metadata
    read = Program("", header, metadata=metadata.encode(header.metadata))
    assert fingerprint(read) == fingerprint(program)
    # What a gateway does: run the program, and write its bits down, highest first.
    sent = qasm3.loads(program.text)
    flipped = {item.qubits[0] for item in sent.data if item.name == "x"}
    qubit_of = {item.clbits[0]: item.qubits[0] for item in sent.data if item.name == "measure"}
    assert sorted(map(sent.clbits.index, qubit_of)) == list(range(sent.num_clbits))
    key = "".join("1" if qubit_of[bit] in flipped else "0" for bit in reversed(sent.clbits))
    result = combine([experiment_result(header, {key: 5}, job_id="j")], "b", "1", "j")
    assert result.results[0].data.counts == {hex(outcome): 5}
    digits = f"{outcome:0{circuit.num_clbits}b}"
    assert [text.replace(" ", "") for text in result.get_counts()] == [digits]
    if memory:
        assert result.get_memory() == list(result.get_counts()) * 5


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*Gate.control:DeprecationWarning")
@pytest.mark.filterwarnings("ignore::scipy.sparse.SparseEfficiencyWarning")
@pytest.mark.parametrize("first", range(0, 150, 50))
def test_programs_that_the_server_compiles_mean_the_same_as_their_circuits(first):
    for seed in range(first, first + 50):
        rng = np.random.default_rng(seed)
        unitary = random_unitary_circuit(rng, int(rng.integers(1, 6)), int(rng.integers(1, 8)))
        if any(item.operation.name == "PauliEvolution" for item in unitary.data):
            continue  # what it is made of is, by Qiskit's default, an approximation
        circuit = unitary.copy()
        circuit.add_register(ClassicalRegister(circuit.num_qubits, "every"))
        for qubit in range(circuit.num_qubits):
            circuit.measure(qubit, circuit.cregs[-1][qubit])
        program = encode_program(circuit, GROUP, transpiler="qiskit")
        sent = qasm3.loads(program.text)
        sent.remove_final_measurements()
        overlap = abs(np.vdot(Statevector(sent).data, Statevector(unitary).data))
        assert overlap == pytest.approx(1, abs=1e-9), f"seed {seed}"


def native_circuit(rng):
    circuit = QuantumCircuit(5)
    for _ in range(int(rng.integers(1, 40))):
        qubits = rng.permutation(5)[:2].tolist()
        kind = rng.integers(6)
        if kind == 0:
            circuit.x(qubits[0])
        elif kind == 1:
            circuit.sx(qubits[0])
        elif kind == 2:
            circuit.rz(rng.normal() * 10.0 ** rng.integers(-20, 3), qubits[0])
        elif kind == 3:
            circuit.cx(*qubits)
        elif kind == 4:
            circuit.barrier(qubits)
        else:
            circuit.delay(float(rng.uniform(0, 3)), qubits[0], str(rng.choice(["us", "ns"])))
    return circuit


@pytest.mark.slow
def test_programs_that_run_as_they_are_have_the_same_instructions():
    for seed in range(200):
        rng = np.random.default_rng(seed)
        native = native_circuit(rng)
        circuit = native.copy()
        circuit.add_register(ClassicalRegister(7, "c"))
        number = int(rng.integers(1, 6))
        circuit.measure(rng.permutation(5)[:number].tolist(), rng.permutation(7)[:number].tolist())
        program = encode_program(circuit, GROUP)
        sent = [item for item in qasm3.loads(program.text).data if item.name != "measure"]
        assert len(sent) == len(native.data)
        for ours, theirs in zip(sent, native.data, strict=True):
            assert ours.name == theirs.name
            assert [bit._index for bit in ours.qubits] == [bit._index for bit in theirs.qubits]
            if ours.name == "rz":
                assert ours.params == theirs.params
            elif ours.name == "delay":
                scale = {"us": 1e3, "ns": 1}[theirs.operation.unit]
                assert ours.operation.unit == "ns"
                assert ours.params[0] == pytest.approx(theirs.params[0] * scale, abs=1e-6)


def test_any_measurements_are_sent_as_they_are_or_refused():
    sent = 0
    for seed in range(200):
        rng = np.random.default_rng(seed)
        circuit = QuantumCircuit(8, 8)
        pairs = add_measurements(rng, circuit)
        qubits, clbits = zip(*pairs, strict=True)
        once = len(circuit.data) == len(pairs) == len(set(qubits))
        if not once:
            with pytest.raises(EncodingError, match=r"measured twice|written twice"):
                encode_program(circuit, GROUP)
            continue
        program = encode_program(circuit, GROUP)
        assert program.header.clbits == tuple(sorted(clbits))
        sent += 1
    assert 20 < sent < 180
