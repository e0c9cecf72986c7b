"""Counts of OQTOPUS become results that Qiskit reads, with each bit where the circuit had it."""

import json
from collections import Counter
from dataclasses import replace

import pytest
from qiskit import ClassicalRegister, QuantumCircuit, QuantumRegister
from qiskit.circuit import Clbit

from qiskit_oqtopus import QulacsBackend
from qiskit_oqtopus.cloud.results import (
    CANCELLED,
    ResultError,
    combine,
    experiment_result,
    failed_result,
    find_miscount,
)
from qiskit_oqtopus.exceptions import OqtopusProtocolError
from qiskit_oqtopus.program.program import (
    ProgramHeader,
    encode_program,
    foreign_header,
    parse_program,
)

GROUP = ProgramHeader(group="0123456789abcdef", created="2026-02-03T04:05:06Z", shots=1000)


def header_of(circuit, **options):
    return encode_program(circuit, replace(GROUP, **options)).header


def result_of(header, counts):
    entry = experiment_result(header, counts, job_id="job-1")
    return combine([entry], "anemone", "1", "group-1")


@pytest.fixture
def circuit():
    """Two registers and a loose bit, of which bits 0, 3 and 4 are measured."""
    result = QuantumCircuit(
        QuantumRegister(3, "q"),
        ClassicalRegister(2, "a"),
        [Clbit()],
        ClassicalRegister(2, "b"),
        name="mine",
        metadata={"xval": 0.5},
        global_phase=0.25,
    )
    result.x(2)
    result.measure([2, 1, 0], [4, 0, 3])
    return result


def test_bits_go_back_to_where_the_circuit_had_them(circuit):
    result = result_of(header_of(circuit), {"100": 900, "001": 60, "010": 40})
    assert result.get_counts() == {"10 0 00": 900, "00 0 01": 60, "01 0 00": 40}
    entry = result.results[0]
    assert entry.data.counts == {"0x10": 900, "0x1": 60, "0x8": 40}
    assert entry.header["creg_sizes"] == [["a", 2], ["", 1], ["b", 2]]
    assert not hasattr(entry.data, "memory")


def test_the_entry_is_that_of_the_simulator(circuit):
    simulated = QulacsBackend().run(circuit, shots=1000, seed_simulator=7, memory=True).result()
    counts = {"100": 1000}  # of the measured bits alone
    header = header_of(circuit, seed=7, memory=True, calibrated_at="2026-01-01 00:00:00")
    result = result_of(header, counts)
    ours, theirs = result.results[0], simulated.results[0]
    assert result.get_counts() == simulated.get_counts()
    assert result.get_memory() == simulated.get_memory()
    extra = {
        "job_id": "job-1",
        "calibrated_at": "2026-01-01 00:00:00",
        "memory_is_synthetic": True,
        "measured_qubits": [[0, 1], [3, 0], [4, 2]],
    }
    assert ours.header == {**theirs.header, **extra}
    for name in ("shots", "success", "status", "seed", "meas_level"):
        assert getattr(ours, name) == getattr(theirs, name)
    assert (result.backend_name, result.backend_version) == ("anemone", "1")
    assert (result.job_id, result.success, result.status) == ("group-1", True, "COMPLETED")


def test_a_retrieved_job_gives_the_same_result(circuit):
    program = encode_program(circuit, replace(GROUP, memory=True))
    counts = {"100": 510, "001": 490}
    other_order = json.loads(json.dumps(dict(reversed(counts.items()))))
    first = result_of(program.header, counts)
    second = result_of(parse_program(program.text), other_order)
    assert first.to_dict() == second.to_dict()


def test_metadata_of_a_result_is_its_own(circuit):
    circuit.metadata = {"list": [1]}
    header = header_of(circuit)
    first = experiment_result(header, {"000": 1}, job_id="a")
    first.header["metadata"]["list"].append(2)
    second = experiment_result(header, {"000": 1}, job_id="a")
    assert second.header["metadata"] == {"list": [1]}


def test_memory_is_the_counts_in_an_order_of_the_job(circuit):
    counts = {"100": 600, "000": 399}  # mitigated: less than the shots
    header = header_of(circuit, memory=True)
    memory = result_of(header, counts).get_memory()
    assert Counter(memory) == {"10 0 00": 600, "00 0 00": 399}
    assert memory == result_of(header, counts).get_memory()
    assert memory != sorted(memory)
    other = header_of(circuit, memory=True, index=1, total=2)
    assert memory != result_of(other, counts).get_memory()
    assert memory != result_of(header_of(circuit, memory=True, seed=1), counts).get_memory()


def test_a_seed_gives_the_same_memory_in_any_group(circuit):
    counts = {"100": 600, "000": 400}
    options = {"memory": True, "seed": -5}
    one = result_of(header_of(circuit, **options), counts)
    other = result_of(header_of(circuit, **{**options, "group": "another-group-id"}), counts)
    assert one.get_memory() == other.get_memory()


def test_the_order_of_memory_never_changes():
    # Written down: a job retrieved next year, with another numpy, must give the same shots.
    circuit = QuantumCircuit(1, 1)
    circuit.measure(0, 0)
    header = header_of(circuit, memory=True, shots=12)
    memory = result_of(header, {"0": 6, "1": 6}).get_memory()
    assert "".join(memory) == "100010100111"


def test_mitigated_counts_keep_the_shots_asked_for(circuit):
    result = result_of(header_of(circuit), {"100": 999, "000": 0})
    assert result.results[0].shots == 1000
    assert result.results[0].data.counts == {"0x10": 999}


@pytest.mark.parametrize(
    ("counts", "reason"),
    [
        ({"00": 1000}, "'00' has 2 bits, but the program measures 3"),
        ({"000": 1, "00100": 1}, "'00100' has 5 bits"),
        ({"00100": 1000}, "'00100' has 5 bits, but the program measures 3"),
        ({"": 1000}, "'' has 0 bits"),
        ({"0x1": 1}, "'0x1' is not a string of 0 and 1"),
        ({"1 0": 1}, "'1 0' is not a string of 0 and 1"),
        ({"1_0": 1}, "is not a string of 0 and 1"),
        ({"+10": 1}, "is not a string of 0 and 1"),
        ({"０１０": 1}, "is not a string of 0 and 1"),
        ({1: 1}, "the outcome 1 is not a string"),
        ({"000": -1}, "'000' has -1 as its number of shots"),
        ({"000": 1.0}, "'000' has 1.0 as its number"),
        ({"000": True}, "'000' has True as its number"),
        ({"000": "5"}, "'000' has '5' as its number"),
        ({"000": None}, "'000' has None as its number"),
        (None, "there are no counts but None"),
        ([["000", 1]], "there are no counts but"),
    ],
)
def test_counts_of_another_program_are_refused(circuit, counts, reason):
    with pytest.raises(ResultError) as caught:
        experiment_result(header_of(circuit), counts, job_id="job-1")
    assert reason in str(caught.value)
    assert isinstance(caught.value, OqtopusProtocolError)


def test_more_shots_than_any_job_has_are_not_expanded(circuit):
    with pytest.raises(ResultError, match="add up to 1000000000000"):
        experiment_result(header_of(circuit, memory=True), {"000": 10**12}, job_id="job-1")


@pytest.mark.parametrize(
    ("numbers", "width", "shots", "mitigated", "possible"),
    [
        ([100], 1, 100, False, True),
        ([99], 1, 100, False, False),
        ([60, 40], 1, 100, True, True),
        ([99], 1, 100, True, True),  # two outcomes lack less than one shot each
        ([98], 1, 100, True, False),
        ([54], 8, 100, True, True),
        ([1], 100, 100, True, True),
        ([], 100, 100, True, False),
        ([101], 100, 100, True, False),
        ([9], 0, 10, True, False),
        ([10**5000], 1, 100, False, False),  # more digits than Python writes
    ],
)
def test_which_counts_can_be_those_of_some_shots(numbers, width, shots, mitigated, possible):
    problem = find_miscount(numbers, width, shots, mitigated)
    assert (problem is None) is possible


def test_unknown_shots_are_not_compared(circuit):
    entry = experiment_result(header_of(circuit), {"000": 3}, job_id="j", shots=None)
    assert entry.success


HEAD = 'OPENQASM 3.0;\ninclude "stdgates.inc";\n'


@pytest.mark.parametrize(
    ("program", "counts", "expected"),
    [
        # All declared bits, the register declared first to the right, no spaces.
        (
            "qubit[3] q;\nbit[1] a;\nbit[2] b;\nx q[0];\na[0] = measure q[0];\n"
            "b[0] = measure q[1];\nb[1] = measure q[2];\n",
            {"001": 1000},
            {"00 1": 1000},
        ),
        # A bit that is not measured: padded by one gateway, dropped by the other.
        (
            "qubit[2] q;\nbit[4] c;\nx q[0];\nc[1] = measure q[0];\n",
            {"0010": 1000},
            {"0010": 1000},
        ),
        ("qubit[2] q;\nbit[4] c;\nx q[0];\nc[1] = measure q[0];\n", {"1": 1000}, {"0010": 1000}),
        ("qubit[2] q;\nbit[2] c;\nx q[0];\n", {"00": 1000}, {"00": 1000}),
        (
            "bit[2] c;\nx $5;\nc[0] = measure $5;\nc[1] = measure $3;\n",
            {"01": 1000},
            {"01": 1000},
        ),
        (
            "bit c0;\nbit c1;\nqubit[2] q;\nx q[1];\nc0 = measure q[0];\nc1 = measure q[1];\n",
            {"10": 1000},
            {"10": 1000},
        ),
    ],
)
def test_counts_of_the_programs_of_other_clients(program, counts, expected):
    header = foreign_header(HEAD + program, ProgramHeader(name="theirs", shots=1000))
    result = result_of(header, counts)
    assert result.get_counts() == expected
    assert result.results[0].header["name"] == "theirs"


def test_a_program_without_classical_bits():
    header = foreign_header(HEAD + "qubit[2] q;\nx q[0];\n", ProgramHeader(shots=1000))
    assert result_of(header, {"": 1000}).results[0].data.counts == {"0x0": 1000}


@pytest.mark.parametrize("counts", [{"001": 1}, {"0010": 1, "1": 1}, {"": 1}])
def test_counts_of_another_width_than_a_foreign_program_can_have(counts):
    program = HEAD + "qubit[2] q;\nbit[4] c;\nx q[0];\nc[1] = measure q[0];\n"
    with pytest.raises(ResultError, match="bits, but the program measures 1"):
        experiment_result(foreign_header(program, ProgramHeader(shots=1)), counts, job_id="j")


def test_failed_circuits_have_their_place_and_reason(circuit):
    header = header_of(circuit)
    entries = [
        failed_result(header, "failed to execute job on device", "job-0"),
        experiment_result(header, {"000": 1000}, job_id="job-1"),
        failed_result(header, CANCELLED, None),
    ]
    result = combine(entries, "anemone", "1", "group-1")
    assert not result.success
    assert result.status == "PARTIAL COMPLETED"
    assert [entry.success for entry in result.results] == [False, True, False]
    assert result.results[0].status == "ERROR: failed to execute job on device"
    assert result.results[0].header["name"] == "mine"
    assert result.results[2].status == "CANCELLED"
    assert result.results[0].data.to_dict() == {}
    assert result.get_counts(1) == {"00 0 00": 1000}
