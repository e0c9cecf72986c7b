"""Circuits of many experiments at once, right in time."""

from itertools import groupby

import pytest
from qiskit import QuantumCircuit
from qiskit.quantum_info import Operator
from qiskit_experiments.framework import ParallelExperiment

from qiskit_oqtopus.device.timing import compare_timing
from qiskit_oqtopus.experiments import Characterization
from qiskit_oqtopus.experiments.placed import PlacedGroup

from .conftest import chip_twin

PLACED = ("t1", "t2", "rb", "irb")


def vary(facts):
    """Give each qubit and coupling durations of its own, some much longer than others."""
    for q in facts["qubits"]:
        q["gate_duration"] = {"rz": 0, "sx": (16, 16.1, 22, 17.7)[q["id"] % 4], "x": 24.3}
    for number, coupling in enumerate(facts["couplings"]):
        coupling["gate_duration"] = {"cx": (240, 243, 402)[number % 3]}


def groups(plan, kind):
    kinds = [name for name, parts in plan.groups.items() for _ in parts]
    return [c for c, name in zip(plan.component_experiment(), kinds, strict=True) if name == kind]


def spans(circuit, plan):
    return compare_timing(circuit, plan.backend.target).device.spans


@pytest.mark.parametrize("separation", [0, 1])
@pytest.mark.parametrize("change", [lambda facts: None, vary], ids=["alike", "varied"])
@pytest.mark.parametrize("kind", PLACED)
def test_each_experiment_takes_the_time_that_it_takes_alone(kind, change, separation):
    plan = Characterization(
        chip_twin(3, 3, change), measure=kind, seed=5, separation=separation, max_gates=4000
    )
    together = 0
    for group in groups(plan, kind):
        circuits = group._transpiled_circuits()
        for experiment in group.component_experiment():
            alone = PlacedGroup([experiment], group._place, group._chip, group.points)
            for circuit, single in zip(circuits, alone._transpiled_circuits(), strict=True):
                found = spans(circuit, plan)
                for qubit, span in spans(single, plan).items():
                    # A step of the clock is the least that can be right.
                    assert found[qubit] == pytest.approx(span, rel=0.02, abs=2e-9)
        together = max(together, group.num_experiments)
    assert together > 1


@pytest.mark.parametrize("kind", ["t1", "t2"])
def test_delays_are_what_is_asked_for(kind):
    delays = [1e-6, 5e-6, 20e-6, 40e-6, 81e-6]
    plan = Characterization(chip_twin(2, 2), measure=kind, delays=delays)
    pulses = {"t1": 24e-9, "t2": (16 + 24 + 16) * 1e-9}[kind]
    for group in groups(plan, kind):
        for circuit, delay in zip(group._transpiled_circuits(), delays, strict=True):
            assert [each["xval"] for each in circuit.metadata["composite_metadata"]] == (
                pytest.approx([delay] * group.num_experiments, abs=2e-9)
            )
            for span in spans(circuit, plan).values():
                assert span == pytest.approx(delay + pulses, abs=4e-9)


@pytest.mark.parametrize("kind", ["readout", *PLACED])
def test_circuits_are_native_and_have_no_barrier(kind):
    plan = Characterization(chip_twin(2, 2), measure=kind, seed=1)
    target = plan.backend.target
    for circuit in plan._transpiled_circuits():
        assert "barrier" not in circuit.count_ops()
        for item in circuit.data:
            qubits = tuple(circuit.find_bit(qubit).index for qubit in item.qubits)
            assert target.instruction_supported(item.operation.name, qubits)


@pytest.mark.parametrize("kind", ["rb", "irb"])
def test_layers_are_written_one_after_another(kind):
    plan = Characterization(chip_twin(2, 2), measure=kind, seed=1)
    for circuit in plan._transpiled_circuits():
        written = [item for item in circuit.data if item.operation.name != "measure"]
        kinds = groupby(written, lambda item: item.operation.name == "rz")
        for virtual, items in kinds:
            qubits = [qubit for item in items for qubit in item.qubits]
            # No qubit has two rz in a row, and none starts a second pulse without all others.
            assert virtual is False or len(set(qubits)) == len(qubits)


def unitary(circuit, num_qubits):
    bare = QuantumCircuit(num_qubits)
    for item in circuit.data:
        if item.operation.name not in ("measure", "barrier", "delay"):
            places = [circuit.find_bit(qubit).index for qubit in item.qubits]
            bare.append(item.operation, places)
    return Operator(bare)


@pytest.mark.parametrize("kind", PLACED)
def test_circuits_are_what_transpile_makes_of_those_of_qiskit_experiments(kind):
    plan = Characterization(
        chip_twin(2, 2),
        measure=kind,
        seed=1,
        separation=0,
        lengths=[1, 3, 8],
        delays=[1e-6, 2e-6, 5e-6, 7e-6, 9e-6],
    )
    for group in groups(plan, kind):
        stock = ParallelExperiment(
            group.component_experiment(), backend=plan.backend, flatten_results=True
        )
        expected = stock._transpiled_circuits()
        placed = group._transpiled_circuits()
        assert len(placed) == len(expected) == group.points
        for ours, theirs in zip(placed, expected, strict=True):
            assert unitary(ours, 4).equiv(unitary(theirs, 4))
            for key in ("experiment_type", "composite_index", "composite_qubits"):
                assert ours.metadata[key] == theirs.metadata[key]
            for own, known in zip(
                ours.metadata["composite_metadata"],
                theirs.metadata["composite_metadata"],
                strict=True,
            ):
                assert own["xval"] == pytest.approx(known["xval"])
                assert own.get("interleaved") == known.get("interleaved")
                assert own.get("group") == known.get("group")


def test_readout_circuits_prepare_0_and_1_of_all_qubits_of_a_group():
    plan = Characterization(chip_twin(2, 2), measure="readout")
    for group in groups(plan, "readout"):
        zeros, ones = group._transpiled_circuits()
        assert zeros.count_ops() == {"measure": 2}
        assert ones.count_ops() == {"x": 2, "measure": 2}
        assert [c.metadata for c in (zeros, ones)] == [c.metadata for c in group.circuits()]


def test_sequences_are_those_of_standard_rb_and_each_qubit_has_its_own():
    plan = Characterization(chip_twin(2, 2), measure="rb", seed=1, separation=0)
    found = [
        experiment._sample_sequences()[-1].tolist()
        for group in groups(plan, "rb")
        for experiment in group.component_experiment()
    ]
    assert len({tuple(sequence) for sequence in found}) == 4


def test_rb_counts_the_gates_of_each_qubit():
    plan = Characterization(chip_twin(2, 2), measure="rb", seed=1)
    for group in groups(plan, "rb"):
        for circuit in group._transpiled_circuits():
            counted = [
                {gate: n for (_, gate), n in metadata["count_ops"]}
                for metadata in circuit.metadata["composite_metadata"]
            ]
            for gate in ("rz", "sx"):
                total = sum(counts.get(gate, 0) for counts in counted)
                assert total == circuit.count_ops().get(gate, 0)
