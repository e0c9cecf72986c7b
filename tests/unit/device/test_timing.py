"""The time on a real device: barriers and rz hold up all qubits, which are read at the end."""

import dataclasses

import pytest
from qiskit import QuantumCircuit, transpile
from qiskit.circuit import Delay, Parameter
from qiskit.circuit.library import SXGate
from qiskit.transpiler import InstructionProperties, Target

from qiskit_oqtopus.device.timing import (
    compare_if_delayed,
    compare_timing,
    read_instructions,
    schedule_global_barriers,
    schedule_late,
)
from qiskit_oqtopus.program.openqasm import EncodingError
from tests.parallel import DELAYS, ON_DEVICE, parallel_t1

from .conftest import grid

NS = 1e-9
X = 20 * NS
"""Duration of x and sx on each qubit of the grid."""


def spans_of(circuit):
    """Return the spans on the device and those that are asked for, in ns."""
    timing = compare_timing(circuit, grid().target())
    return [
        {qubit: round(span / NS, 6) for qubit, span in schedule.spans.items()}
        for schedule in (timing.device, timing.asked)
    ]


def circuit_of(*steps, measured=(0, 1), num_qubits=2):
    """Return a circuit of steps such as ("x", 0) and ("delay", 1, 300), which is in ns."""
    circuit = QuantumCircuit(num_qubits, len(measured))
    for name, *qubits in steps:
        if name == "delay":
            circuit.delay(qubits[1], qubits[0], unit="ns")
        elif name == "rz":
            circuit.rz(0.3, qubits[0])
        else:
            getattr(circuit, name)(*qubits)
    circuit.measure(measured, range(len(measured)))
    return circuit


def test_delays_of_a_parallel_experiment_are_made_one_after_another():
    timing = compare_timing(parallel_t1(), grid().target())
    for qubit, us in ON_DEVICE.items():
        # And the x of this qubit and of those that come later, 20 ns each.
        assert timing.device.spans[qubit] == pytest.approx(us * 1e-6, abs=81 * NS)
        assert timing.asked.spans[qubit] == pytest.approx(DELAYS[qubit] * 1e-6 + X)
    assert timing.delayed == tuple(DELAYS)
    assert timing.delay_on_device == pytest.approx(320e-6)
    assert timing.delay_asked == pytest.approx(140e-6)


def test_that_is_the_stock_experiment():
    framework = pytest.importorskip("qiskit_experiments.framework")
    library = pytest.importorskip("qiskit_experiments.library")
    each = [library.T1([qubit], [delay * 1e-6]) for qubit, delay in DELAYS.items()]
    experiment = framework.ParallelExperiment(each, flatten_results=True)
    target = grid().target()
    circuits = transpile(
        experiment.circuits(), target=target, initial_layout=list(DELAYS), optimization_level=0
    )
    stock, ours = (compare_timing(circuit, target) for circuit in (circuits[0], parallel_t1()))
    assert stock.device.spans == pytest.approx(ours.device.spans)
    assert stock.asked.spans == pytest.approx(ours.asked.spans)


@pytest.mark.parametrize("wall", [("barrier", 0), ("barrier", 1), ("rz", 0), ("rz", 1)])
def test_each_barrier_and_each_rz_is_one_over_all_qubits(wall):
    circuit = circuit_of(("x", 0), ("delay", 0, 1000), wall, ("x", 1), ("delay", 1, 500))
    on_device, asked = spans_of(circuit)
    assert on_device == {0: 1540, 1: 520}
    assert asked == {0: 1020, 1: 520}


def test_without_any_all_start_as_soon_as_they_can_and_are_read_together():
    circuit = circuit_of(("x", 0), ("delay", 0, 1000), ("x", 1), ("delay", 1, 500))
    assert spans_of(circuit) == [{0: 1020, 1: 1020}, {0: 1020, 1: 520}]
    # A gate on both makes them wait for each other, and takes 40 ns.
    circuit = circuit_of(("x", 0), ("x", 1), ("delay", 1, 500), ("cx", 0, 1))
    assert spans_of(circuit) == [{0: 560, 1: 560}, {0: 60, 1: 560}]


def test_time_before_the_first_pulse_does_not_count():
    circuit = circuit_of(("delay", 0, 1000), ("rz", 0), ("barrier", 0), ("x", 0), measured=(0, 1))
    assert spans_of(circuit) == [{0: 20}, {0: 20}]


def test_qubits_that_are_not_read_keep_others_waiting():
    circuit = circuit_of(("x", 0), ("x", 1), ("delay", 1, 700), measured=(0,))
    on_device, _ = spans_of(circuit)
    assert on_device == {0: 720}


@pytest.mark.parametrize(("asked", "made"), [(0, 0), (1, 2), (2, 2), (2.5, 4), (100.0000001, 100)])
def test_delays_are_rounded_up_to_the_clock(asked, made):
    circuit = circuit_of(("x", 0), ("delay", 0, asked), measured=(0,))
    assert spans_of(circuit)[0] == {0: 20 + made}


def test_what_is_not_sent_takes_no_time():
    circuit = QuantumCircuit(3, 3)
    circuit.x([0, 1])
    circuit.measure(0, 0)
    circuit.delay(900, 0, unit="ns")
    circuit.delay(100, 1, unit="ns")
    circuit.barrier(0)  # of measured qubits only
    circuit.x(2)
    circuit.measure([1, 2], [1, 2])
    assert spans_of(circuit)[0] == {0: 120, 1: 120, 2: 120}


def test_when_each_instruction_starts():
    circuit = circuit_of(("x", 0), ("rz", 1), ("sx", 1), ("delay", 0, 60), ("barrier", 0, 1))
    timing = compare_timing(circuit, grid().target())
    starts = [round(start / NS, 6) for start in timing.device.starts]
    assert starts == [0, 20, 20, 20, 80, 80, 80]
    starts = [round(start / NS, 6) for start in timing.asked.starts]
    assert starts == [0, 60, 60, 20, 80, 80, 80]


def test_results_are_plain_frozen_data():
    timing = compare_timing(parallel_t1(), grid().target())
    with pytest.raises(dataclasses.FrozenInstanceError):
        timing.delay_asked = 0.0
    with pytest.raises(dataclasses.FrozenInstanceError):
        timing.device.starts = ()
    assert timing == compare_timing(parallel_t1(), grid().target())


def test_an_empty_circuit():
    assert schedule_late([]) == schedule_global_barriers([])
    assert schedule_global_barriers([("barrier", [], None)]).starts == (0.0,)
    assert compare_timing(QuantumCircuit(2), grid().target()).device.spans == {}


def test_only_delays_on_several_qubits_are_looked_at():
    target = grid().target()
    one = circuit_of(("delay", 0, 40), ("x", 0), ("delay", 0, 40), ("barrier",), ("x", 1))
    none = circuit_of(("delay", 0, 40), ("x", 0), ("delay", 1, 0))
    several = circuit_of(("delay", 0, 40), ("x", 0), ("delay", 1, 40))
    assert compare_if_delayed(one, target) is None
    assert compare_if_delayed(none, target) is None
    assert compare_if_delayed(several, target) == compare_timing(several, target)


def test_durations_are_those_of_the_target():
    target = Target(num_qubits=2, dt=4e-9)
    target.add_instruction(SXGate(), {(0,): InstructionProperties(3e-8), (1,): None})
    target.add_instruction(Delay(Parameter("t")), None, name="delay")
    circuit = QuantumCircuit(2)
    circuit.sx([0, 1])
    circuit.h(0)
    circuit.delay(5, 0)
    circuit.delay(2, 1, unit="us")
    found = [seconds for _, _, seconds in read_instructions(circuit, target)]
    assert found == [3e-8, None, None, 2e-8, 2e-6]


def refuse(change):
    circuit = QuantumCircuit(2, 2)
    circuit.x(0)
    circuit.measure(0, 0)
    change(circuit)
    with pytest.raises(EncodingError) as caught:
        compare_timing(circuit, grid().target())
    return caught.value


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda circuit: circuit.x(0), "it comes after a measurement"),
        (lambda circuit: circuit.cx(1, 0), "it comes after a measurement"),
        (lambda circuit: circuit.delay(Parameter("t"), 1), "its duration t is not a time"),
        (lambda circuit: circuit.delay(float("nan"), 1, "s"), "its duration nan is not a time"),
        (
            lambda circuit: circuit.if_else((0, True), QuantumCircuit(1), None, [1], []),
            "what happens when is not known",
        ),
    ],
)
def test_circuits_without_such_a_time(change, reason):
    error = refuse(change)
    assert reason in error.reason
    assert error.position == 2
