"""Twins: what they are made of, what they refuse, and what their options do."""

import copy
import math
import multiprocessing
import pickle
import threading
import warnings
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.circuit import Delay, Gate, Measure, Parameter, Reset
from qiskit.circuit.classical import expr
from qiskit.circuit.library import CXGate, RXGate, RZGate, SXGate, XGate
from qiskit.providers.fake_provider import GenericBackendV2
from qiskit.transpiler import InstructionProperties, QubitProperties, Target

from qiskit_oqtopus import (
    DeviceSnapshot,
    EstimatorV2,
    OqtopusCircuitError,
    OqtopusError,
    OqtopusJobCancelledError,
    OqtopusOptionError,
    OqtopusWarning,
    QulacsBackend,
)
from qiskit_oqtopus.device.target import MeasureProperties
from qiskit_oqtopus.device.timing import compare_timing, schedule_late
from qiskit_oqtopus.simulator.compile.timing import find_waits
from qiskit_oqtopus.simulator.noise.model import NoiseModel
from qiskit_oqtopus.simulator.twin import SWITCHES
from tests.circuits import assert_drawn_from
from tests.devices import anemone_device, anemone_facts, describe, grid_device, grid_facts
from tests.noisy import DT, random_static, random_target
from tests.noisy_reference import distribution, final_state
from tests.parallel import ON_DEVICE, parallel_t1

TOLERANCE = 1e-12

Strange = pytest.mark.filterwarnings("ignore::qiskit_oqtopus.exceptions.OqtopusWarning")


def grid():
    return DeviceSnapshot.from_device(grid_device(), grid_facts())


def lab(**changes):
    """A Target of two coupled qubits without anything strange."""
    values = {"t1": 4e-5, "t2": 3e-5, "error": 2e-3, "duration": 2e-8, "dt": 1e-9, **changes}
    qubits = [QubitProperties(t1=values["t1"], t2=values["t2"])] * 2
    target = Target(num_qubits=2, dt=values["dt"], qubit_properties=qubits)
    one = InstructionProperties(values["duration"], values["error"])
    target.add_instruction(XGate(), {(0,): one, (1,): one})
    target.add_instruction(SXGate(), {(0,): one, (1,): one})
    virtual = InstructionProperties(0.0, 0.0)
    target.add_instruction(RZGate(Parameter("a")), {(0,): virtual, (1,): virtual})
    target.add_instruction(CXGate(), {(0, 1): InstructionProperties(3e-7, 0.02)})
    readout = MeasureProperties(1e-6, 0.03, 0.02, 0.04)
    target.add_instruction(Measure(), {(0,): readout, (1,): readout})
    target.add_instruction(Reset(), {(0,): None, (1,): None})
    target.add_instruction(Delay(Parameter("t")), {(0,): None, (1,): None})
    return target


def bell(measured=True):
    circuit = QuantumCircuit(2)
    circuit.rz(math.pi / 2, 0)
    circuit.sx(0)
    circuit.cx(0, 1)
    if measured:
        circuit.measure_all()
    return circuit


def matrix_of(twin, circuit, **options):
    result = twin.run(circuit, density_matrix=True, **options).result()
    return result.data(0)["density_matrix"]


# What they are


def test_of_a_snapshot(tmp_path):
    grid().save(tmp_path / "grid.json")
    for source in (grid(), tmp_path / "grid.json", str(tmp_path / "grid.json")):
        twin = QulacsBackend.from_snapshot(source, seed=7, shots=50)
        assert isinstance(twin, QulacsBackend)
        assert twin.name == "qulacs_twin"
        assert repr(twin) == "<QulacsBackend('qulacs_twin', num_qubits=16)>"
        assert (twin.options.seed_simulator, twin.options.shots) == (7, 50)
        assert describe(twin.target) == describe(grid().target())
        assert twin.qubit_coordinates == grid().qubit_coordinates
    with pytest.raises(OSError, match="no-such-file"):
        QulacsBackend.from_snapshot(tmp_path / "no-such-file")
    (tmp_path / "other.json").write_text("{}")
    with pytest.raises(OqtopusError, match=r"other\.json: This is not a qiskit-oqtopus device"):
        QulacsBackend.from_snapshot(tmp_path / "other.json")


def test_of_any_backend():
    generic = GenericBackendV2(3, coupling_map=[[0, 1], [1, 2]], seed=1)
    twin = QulacsBackend.from_backend(generic)
    assert twin.name == "generic_backend_3q_twin"
    assert twin.qubit_coordinates == []
    assert twin.target is not generic.target
    assert twin.target["cx"].keys() == generic.target["cx"].keys()
    circuit = QuantumCircuit(3)
    circuit.x(0)
    circuit.cx(1, 2)
    expected = final_state(circuit, NoiseModel.from_target(generic.target))
    assert np.abs(matrix_of(twin, circuit) - expected.data).max() < TOLERANCE
    again = QulacsBackend.from_backend(QulacsBackend.from_snapshot(grid()))
    assert again.name == "qulacs_twin_twin"
    circuit = QuantumCircuit(1, 1)
    circuit.x(0)
    circuit.reset(0)
    circuit.measure(0, 0)
    with pytest.raises(OqtopusCircuitError, match="OQTOPUS cannot reset a qubit"):
        again.run(circuit)


def test_of_what_is_neither_backend_nor_target():
    with pytest.raises(OqtopusOptionError, match=r"made of a BackendV2, not .*; use from_target"):
        QulacsBackend.from_backend(lab())
    with pytest.raises(OqtopusOptionError, match=r"made of a Target, not .*; use from_backend"):
        QulacsBackend.from_target(GenericBackendV2(2))
    with pytest.raises(OqtopusOptionError, match="either 'seed' or 'seed_simulator'"):
        QulacsBackend.from_target(lab(), seed=1, seed_simulator=2)
    with pytest.raises(OqtopusOptionError, match="Unknown option 'noises'"):
        QulacsBackend.from_target(lab(), noises=True)
    with pytest.raises(OqtopusOptionError, match="'relaxation' must be True or False, not 'on'"):
        QulacsBackend.from_target(lab(), relaxation="on")


def test_the_target_is_a_copy():
    target = lab()
    twin = QulacsBackend.from_target(target)
    before = matrix_of(twin, bell(False))
    target.update_instruction_properties("cx", (0, 1), InstructionProperties(3e-7, 0.5))
    assert twin.target["cx"][0, 1].error == 0.02
    assert np.array_equal(matrix_of(twin, bell(False)), before)


def test_a_target_that_does_not_know_how_wide_it_is():
    target = Target()
    target.add_instruction(XGate(), {None: InstructionProperties(2e-8, 0.5)})
    target.add_instruction(Measure(), {None: InstructionProperties(None, 0.25)})
    twin = QulacsBackend.from_target(target, num_qubits=3)
    circuit = QuantumCircuit(3)
    circuit.x(2)
    # Depolarizing with the average infidelity of 1/2 has p = 1.
    assert np.abs(matrix_of(twin, circuit) - np.diag([0.5, 0, 0, 0, 0.5, 0, 0, 0])).max() < 1e-12


def test_plain_simulators_have_no_switches():
    backend = QulacsBackend(lab())
    assert backend.qubit_coordinates == []
    for name in SWITCHES:
        with pytest.raises(OqtopusOptionError, match=f"Unknown option '{name}'"):
            backend.run(bell(), **{name: False})
    assert backend.run(bell(), shots=100).result().get_counts().keys() <= {"00", "11"}


# What they do


def test_seeds():
    twin = QulacsBackend.from_target(lab(), seed=3, memory=True)
    first, again = (twin.run([bell(), bell()]).result() for _ in range(2))
    assert first.get_memory(0) == again.get_memory(0)
    assert first.get_memory(0) != first.get_memory(1)
    assert first.results[0].seed == 3
    other = twin.run(bell(), seed_simulator=4).result()
    assert other.get_memory() != first.get_memory(0)
    unseeded = QulacsBackend.from_target(lab(), memory=True)
    assert unseeded.run(bell()).result().get_memory() != unseeded.run(bell()).result().get_memory()


@pytest.mark.parametrize("method", ["density_matrix", "trajectories"])
def test_copies_and_executors(method):
    twin = QulacsBackend.from_target(lab(), seed=3, memory=True, method=method)
    dynamic = QuantumCircuit(1, 2)
    dynamic.x(0)
    dynamic.measure(0, 0)
    dynamic.x(0)
    dynamic.reset(0)
    dynamic.sx(0)
    dynamic.measure(0, 1)
    batch = [bell(), dynamic, bell(), bell()]

    def memories(result):
        return [result.get_memory(i) for i in range(len(batch))]

    expected = memories(twin.run(batch).result())
    wrong = QuantumCircuit(2)
    wrong.cx(1, 0)
    for clone in (copy.deepcopy(twin), pickle.loads(pickle.dumps(twin)), copy.copy(twin)):
        assert memories(clone.run(batch).result()) == expected
        assert describe(clone.target) == describe(twin.target)
        with pytest.raises(OqtopusCircuitError, match="in the other direction only"):
            clone.run(wrong)
    with ThreadPoolExecutor(2) as pool:
        assert memories(twin.run(batch, executor=pool, max_job_size=1).result()) == expected
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        assert memories(twin.run(batch, executor=pool, max_job_size=2).result()) == expected


def test_cancelling():
    target = random_target(np.random.default_rng(1), 18)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", OqtopusWarning)
        twin = QulacsBackend.from_target(target, method="trajectories")
    circuit = random_static(np.random.default_rng(1), 18, 2000)
    circuit.measure_all()
    job = twin.run(circuit, shots=10**6)
    threading.Timer(0.1, job.cancel).start()
    with pytest.raises(OqtopusJobCancelledError):
        job.result()


@pytest.mark.parametrize("switches", range(8))
def test_switches(switches):
    target = lab()
    gate, relaxation, readout = (bool(switches >> i & 1) for i in range(3))
    model = NoiseModel.from_target(target, gate=gate, relaxation=relaxation, readout=readout)
    options = {"gate_noise": gate, "relaxation": relaxation, "readout_noise": readout}
    circuit = bell(False)
    circuit.delay(5000, 1, unit="ns")
    expected = final_state(circuit, model)
    given = QulacsBackend.from_target(target, seed=1, **options)
    changed = QulacsBackend.from_target(target, seed=1)
    assert np.abs(matrix_of(given, circuit) - expected.data).max() < TOLERANCE
    assert np.abs(matrix_of(changed, circuit, **options) - expected.data).max() < TOLERANCE
    circuit.measure_all()
    counts = given.run(circuit, shots=4000).result().data(0)["counts"]
    assert_drawn_from({int(k, 16): n for k, n in counts.items()}, distribution(circuit, model))


def test_without_noise_they_are_simulators():
    twin = QulacsBackend.from_target(lab(), noise=False)
    result = twin.run(bell(False), statevector=True).result()
    assert np.allclose(np.abs(result.data(0)["statevector"]) ** 2, [0.5, 0, 0, 0.5])
    assert set(twin.run(bell(), method="statevector").result().get_counts()) == {"00", "11"}
    circuit = QuantumCircuit(2)
    circuit.h(0)
    with pytest.raises(OqtopusCircuitError, match="the device has no such operation"):
        twin.run(circuit, density_matrix=True)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"statevector": True}, "a circuit with noise has no state vector. Use density_matrix"),
        ({"method": "statevector"}, "'method' is 'statevector', which has no noise. Use"),
        ({"idle_relaxation": True, "relaxation": False}, "'idle_relaxation' is True, but 'rel"),
        ({"timing": "global_barriers", "relaxation": False}, "so that time does nothing. Leave"),
        ({"timing": "global_barriers", "idle_relaxation": True}, "both say when idle qubits rel"),
        ({"timing": "qubex"}, "'timing' must be one of 'global_barriers', not 'qubex'"),
        ({"density_matrix": True, "method": "trajectories"}, "but 'method' is 'trajectories'"),
        ({"density_matrix": True, "method": "statevector", "noise": False}, "Leave 'method' out"),
        ({"statevector": True, "method": "trajectories", "noise": False}, "Leave 'method' out"),
        ({"statevector": True, "density_matrix": True, "noise": False}, "are both True"),
        ({"method": "matrix_product_state"}, "'method' must be one of 'automatic', 'statevector'"),
    ],
)
def test_options_that_contradict_each_other(options, text):
    twin = QulacsBackend.from_target(lab())
    with pytest.raises(OqtopusOptionError, match=text):
        twin.run(bell(), **options)


def test_a_circuit_without_counts_warns():
    twin = QulacsBackend.from_target(lab())
    with pytest.warns(OqtopusWarning, match="No classical bit is written"):
        twin.run(bell(False)).result()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        twin.run(bell(False), density_matrix=True).result()


# What they refuse


def test_what_the_target_does_not_support_is_listed():
    target = lab()
    target.add_instruction(RXGate(0.5), {(0,): None})
    own = Gate("x", 1, [])
    own.definition = QuantumCircuit(1)
    circuit = QuantumCircuit(2, 2)
    circuit.h(0)
    circuit.cx(1, 0)
    circuit.append(own, [0])
    circuit.rx(0.25, 0)
    circuit.rx(0.5, 1)
    with circuit.if_test((0, 1)):
        circuit.y(1)
    circuit.rx(0.5, 0)
    circuit.barrier()
    circuit.reset(1)
    circuit.delay(10, 0)
    circuit.measure([0, 1], [0, 1])
    with pytest.raises(OqtopusCircuitError) as caught:
        QulacsBackend.from_target(target).run([bell(), circuit, QuantumCircuit(3)])
    names = "x, sx, rz, cx, measure, reset, delay, rx"
    cure = "compile it with transpile(circuit, backend)"
    wide = "use fewer qubits, or another device"
    found = [
        (p.circuit, p.position, p.instruction, p.qubits, p.reason, p.cure)
        for p in caught.value.problems
    ]
    assert found == [
        (1, 0, "h", (0,), f"the device has no such operation, only {names}", cure),
        (1, 1, "cx", (1, 0), "the device couples these qubits in the other direction only", cure),
        (1, 2, "x", (0,), "it is not the x of the device, but another of the same name", cure),
        (1, 3, "rx", (0,), "it is not the rx of the device, but another of the same name", cure),
        (1, 4, "rx", (1,), "the device does not have it on this qubit", cure),
        (1, 5, "y", (1,), f"the device has no such operation, only {names}", cure),
        (1, 5, "if_else", (1,), f"the device has no such operation, only {names}", cure),
        (2, None, None, (), "it has 3 qubits and the device has 2", wide),
    ]


def test_a_gate_that_nobody_can_simulate():
    target = lab()
    magic = Gate("magic", 1, [])
    target.add_instruction(magic, {(0,): InstructionProperties(1e-8, 0.01)})
    twin = QulacsBackend.from_target(target)
    circuit = QuantumCircuit(1, 1)
    circuit.append(magic, [0])
    circuit.measure(0, 0)
    with pytest.raises(OqtopusCircuitError, match="neither a definition nor a matrix") as caught:
        twin.run(circuit)
    assert len(caught.value.problems) == 1


def test_a_gate_of_the_devices_own():
    """Its noise is that of the whole; the gates in its definition have none of their own."""
    half = Gate("half", 2, [])
    half.definition = QuantumCircuit(2)
    half.definition.sx(0)
    half.definition.cx(0, 1)
    target = lab()
    target.add_instruction(half, {(0, 1): InstructionProperties(1e-7, 0.05)})
    circuit = QuantumCircuit(2)
    circuit.append(half, [0, 1])
    circuit.x(1)
    expected = final_state(circuit, NoiseModel.from_target(target))
    found = matrix_of(QulacsBackend.from_target(target), circuit)
    assert np.abs(found - expected.data).max() < TOLERANCE


def test_twins_of_oqtopus_devices_refuse_what_these_refuse():
    twin = QulacsBackend.from_snapshot(grid())
    circuit = QuantumCircuit(16, 2)
    circuit.h(0)
    circuit.cx(2, 0)
    circuit.measure(0, 0)
    circuit.x(0)
    circuit.reset(1)
    with circuit.if_test((0, 1)):
        circuit.x(1)
    with pytest.raises(OqtopusCircuitError) as caught:
        twin.run([circuit, QuantumCircuit(1)])
    reasons = [problem.reason for problem in caught.value.problems]
    assert reasons == [
        "the device has no such gate, only cx, delay, measure, rz, sx, x",
        "the device couples these qubits in the other direction only",
        "it comes after the measurement of qubit 0, and OQTOPUS measures at the end only",
        "OQTOPUS cannot reset a qubit inside a circuit",
        "OQTOPUS has no control flow and no classical computation",
        "it measures nothing, so that it has no counts",
    ]
    assert "transpiler=" not in str(caught.value)
    state = QuantumCircuit(16)
    state.x(5)
    result = twin.run(state, density_matrix=[5]).result()
    assert result.data(0)["density_matrix"].shape == (2, 2)


# Delays


@pytest.mark.parametrize(
    ("duration", "unit"),
    [(2e-6, "s"), (2e-3, "ms"), (2, "us"), (2000, "ns"), (2e6, "ps"), (2000, "dt")],
)
def test_delays_in_any_unit(duration, unit):
    circuit = QuantumCircuit(1)
    circuit.x(0)
    circuit.delay(duration, 0, unit=unit)
    found = matrix_of(QulacsBackend.from_target(lab(), gate_noise=False), circuit)
    # All but 20 ns of x.
    assert found[1, 1].real == pytest.approx(math.exp(-2.02e-6 / 4e-5), rel=1e-12)


def test_delays_that_are_expressions():
    circuit = QuantumCircuit(1, 1)
    if not hasattr(circuit, "add_stretch"):
        pytest.skip("this Qiskit has no durations")
    from qiskit.circuit import Duration

    twin = QulacsBackend.from_target(lab(), gate_noise=False)
    circuit.x(0)
    circuit.delay(expr.add(Duration.ns(500), Duration.us(1)), 0)
    circuit.delay(expr.lift(Duration.dt(480)), 0)
    assert matrix_of(twin, circuit)[1, 1].real == pytest.approx(math.exp(-2e-6 / 4e-5), rel=1e-12)
    circuit.delay(circuit.add_stretch("s"), 0)
    with pytest.raises(OqtopusCircuitError, match=r"its duration has no value: .*'Stretch'"):
        twin.run(circuit, density_matrix=True)
    without = QuantumCircuit(1, 1)
    without.delay(expr.lift(Duration.dt(480)), 0)
    twin = QulacsBackend.from_target(lab(dt=None))
    with pytest.raises(OqtopusCircuitError, match="its duration has no value: a duration in dt"):
        twin.run(without, density_matrix=True)


@Strange
def test_delays_without_a_time():
    twin = QulacsBackend.from_target(lab(dt=None))
    circuit = QuantumCircuit(1, 1)
    circuit.x(0)
    circuit.delay(100, 0, unit="dt")
    circuit.delay(math.nan, 0, unit="ns")
    circuit.measure(0, 0)
    with pytest.raises(OqtopusCircuitError) as caught:
        twin.run(circuit)
    assert [(p.position, p.reason, p.cure) for p in caught.value.problems] == [
        (
            1,
            "its duration is in dt, and the Target has no dt",
            "give it in s, ms, us, ns or ps",
        ),
        (2, "its duration nan is not a time", "give it a number, at least 0, and a unit"),
    ]


# Idle qubits


def idle_times(circuit, target):
    instructions = []
    for item in circuit.data:
        qubits = [circuit.find_bit(bit).index for bit in item.qubits]
        seconds = None
        if item.name == "delay":
            scale = {"s": 1, "ms": 1e-3, "us": 1e-6, "ns": 1e-9, "ps": 1e-12, "dt": DT}
            seconds = item.operation.duration * scale[item.operation.unit]
        elif item.name != "barrier":
            seconds = target[item.name][tuple(qubits)].duration
        instructions.append((item.name, qubits, seconds))
    return find_waits(instructions, schedule_late(instructions).starts)


@Strange
@pytest.mark.parametrize("seed", range(20))
def test_idle_qubits_relax_as_in_the_schedule(seed):
    rng = np.random.default_rng(seed)
    target = random_target(rng, 3)
    circuit = random_static(rng, 3)
    circuit.barrier()
    circuit.sx([0, 1, 2])
    idle = idle_times(circuit, target)
    assert any(map(any, idle))
    expected = final_state(circuit, NoiseModel.from_target(target), DT, idle)
    twin = QulacsBackend.from_target(target, idle_relaxation=True)
    assert np.abs(matrix_of(twin, circuit) - expected.data).max() < TOLERANCE


def test_waiting_for_a_measurement():
    circuit = QuantumCircuit(2, 2)
    circuit.x(0)
    circuit.cx(0, 1)
    circuit.measure(0, 0)
    circuit.barrier()
    circuit.measure(1, 1)
    target = lab(t1=2e-6, t2=2e-6)
    idle = idle_times(circuit, target)
    assert idle[-1] == (pytest.approx(1e-6),)  # as long as the measurement of qubit 0 takes
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", OqtopusWarning)
        exact = distribution(circuit, NoiseModel.from_target(target), DT, idle)
        twin = QulacsBackend.from_target(target, idle_relaxation=True, seed=1)
    counts = twin.run(circuit, shots=20_000).result().data(0)["counts"]
    assert_drawn_from({int(key, 16): n for key, n in counts.items()}, exact)


@pytest.mark.parametrize("measured", [False, True])
def test_waiting_for_the_end(measured):
    """The state is that when the measurements of others begin, or when all instructions end."""
    t1 = 50e-6
    target = lab(t1=t1, t2=t1)
    circuit = QuantumCircuit(2, int(measured))
    circuit.x(0)
    circuit.barrier()
    circuit.delay(30, 1, unit="us")
    circuit.barrier()
    if measured:
        circuit.measure(1, 0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", OqtopusWarning)
        waits = QulacsBackend.from_target(target, idle_relaxation=True)
        hurries = QulacsBackend.from_target(target)
    states = [matrix_of(twin, circuit) for twin in (waits, hurries)]
    excited = [state[1, 1].real + state[3, 3].real for state in states]
    assert excited[0] / excited[1] == pytest.approx(np.exp(-30e-6 / t1), abs=1e-9)
    if not measured:
        evs = EstimatorV2(waits).run([(circuit, "IZ")]).result()[0].data.evs
        assert evs == pytest.approx(1 - 2 * excited[0], abs=1e-9)


def test_idle_qubits_cannot_relax_if_nobody_knows_when():
    target = random_target(np.random.default_rng(1), 2)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", OqtopusWarning)
        twin = QulacsBackend.from_target(target, idle_relaxation=True)
    circuit = QuantumCircuit(2, 1)
    circuit.x(0)
    circuit.measure(0, 0)
    with circuit.if_test((0, 1)):
        circuit.x(0)
    with pytest.raises(OqtopusCircuitError) as caught:
        twin.run(circuit)
    (problem,) = caught.value.problems
    assert (problem.instruction, problem.position) == ("if_else", 2)
    assert "not known beforehand, so that idle qubits cannot relax; leave idle" in str(problem)


# The time on a real device


def test_delays_of_a_parallel_experiment_are_as_long_as_on_a_real_device():
    target = grid().target()
    twin = QulacsBackend.from_target(target, seed=3, timing="global_barriers")
    shots = 100_000
    counts = twin.run(parallel_t1(), shots=shots).result().get_counts()
    spans = compare_timing(parallel_t1(), target).device.spans
    for bit, (qubit, us) in enumerate(ON_DEVICE.items()):
        # As if the circuit had this one qubit, and the whole time as its delay.
        alone = QuantumCircuit(16)
        alone.x(qubit)
        alone.delay(spans[qubit] - 20e-9, qubit, unit="s")
        matrix = twin.run(alone, density_matrix=[qubit], timing=None).result()
        p = matrix.data(0)["density_matrix"][1, 1].real
        assert p == pytest.approx(np.exp(-us * 1e-6 / target.qubit_properties[qubit].t1), rel=0.01)
        p = 0.999 * p + 0.001 * (1 - p)  # how it is read
        ones = sum(n for key, n in counts.items() if key[-1 - bit] == "1")
        assert_drawn_from({0: shots - ones, 1: ones}, {0: 1 - p, 1: p})


def test_such_a_time_of_snapshots_backends_and_single_runs():
    circuit = parallel_t1()
    plain = QulacsBackend.from_snapshot(grid(), seed=3)
    expected = plain.run(circuit, timing="global_barriers").result().get_counts()
    assert expected != plain.run(circuit).result().get_counts()
    twins = [
        QulacsBackend.from_snapshot(grid(), seed=3, timing="global_barriers"),
        QulacsBackend.from_backend(plain, seed=3, timing="global_barriers"),
    ]
    plain.set_options(timing="global_barriers")
    for twin in [*twins, plain, pickle.loads(pickle.dumps(plain)), copy.deepcopy(plain)]:
        assert twin.run(circuit).result().get_counts() == expected
    assert plain.run(circuit, timing=None).result().get_counts() != expected


def test_exact_values_have_the_time_of_a_real_device_too():
    t1 = 50e-6
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", OqtopusWarning)
        twin = QulacsBackend.from_target(lab(t1=t1, t2=t1), timing="global_barriers")
    circuit = QuantumCircuit(2)
    circuit.x(0)
    circuit.delay(10, 0, unit="us")
    circuit.rz(0.3, 1)
    circuit.delay(30, 1, unit="us")
    evs = EstimatorV2(twin).run([(circuit, "IZ")]).result()[0].data.evs
    x = 1 - EstimatorV2(twin).run([(circuit_x(), "IZ")]).result()[0].data.evs
    assert evs == pytest.approx(1 - x * np.exp(-40e-6 / t1), abs=1e-9)


def circuit_x():
    circuit = QuantumCircuit(2)
    circuit.x(0)
    return circuit


def test_circuits_that_no_gateway_would_take_have_no_such_time():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", OqtopusWarning)
        twin = QulacsBackend.from_target(
            random_target(np.random.default_rng(1), 2), timing="global_barriers"
        )
    circuit = QuantumCircuit(2, 1)
    circuit.x(0)
    circuit.measure(0, 0)
    again = circuit.copy()
    again.x(0)
    with circuit.if_test((0, 1)):
        circuit.x(0)
    with pytest.raises(OqtopusCircuitError) as caught:
        twin.run([circuit, again])
    first, second = caught.value.problems
    assert (first.instruction, first.position, first.cure) == ("if_else", 2, "leave timing out")
    assert (second.instruction, second.position, second.qubits) == ("x", 2, (0,))
    assert "devices measure at the end only; leave timing out" in str(second)


# Numbers that cannot be


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"t1": 0.0}, "qubit 0: T1 is 0.0; make it a positive number of seconds"),
        ({"t1": -1e-5}, "qubit 1: T1 is -1e-05; make it a positive number of seconds"),
        ({"t2": math.nan}, "qubit 0: T2 is nan; make it a positive number of seconds"),
        ({"error": 1.5}, r"sx\(1\): error is 1.5; make it a probability in \[0, 1\]"),
        ({"error": math.nan}, r"x\(0\): error is nan; make it a probability"),
    ],
)
def test_impossible_values_are_one_error(changes, text):
    with pytest.raises(OqtopusOptionError, match=text):
        QulacsBackend.from_target(lab(**changes))
    # Who does not want the noise does not need the numbers.
    QulacsBackend.from_target(lab(**changes), noise=False).run(bell()).result()


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"t2": 9e-5}, r"T2 is above 2 T1, .* simulated as 2 T1: qubit 0, qubit 1\."),
        ({"error": 1e-6}, r"Relaxation alone makes more errors than are stated .*: x\(0\), x\(1\)"),
        ({"error": 0.9}, r"error is larger than depolarizing can make it; .*: x\(0\), x\(1\)"),
        ({"duration": None}, r"have an error and no duration; their whole error is depolarizing"),
    ],
)
def test_doubtful_values_are_one_warning(changes, text):
    with pytest.warns(OqtopusWarning, match=text) as caught:
        twin = QulacsBackend.from_target(lab(**changes))
    assert [warning.filename for warning in caught] == [__file__]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        twin.run(bell()).result()
    if changes != {"t2": 9e-5}:
        return
    with pytest.warns(OqtopusWarning) as caught:  # another model, which warns once too
        twin.run(bell(), gate_noise=False)
    assert [warning.filename for warning in caught] == [__file__]


def test_what_most_devices_have_is_said_once():
    with pytest.warns(OqtopusWarning, match="more errors than are stated for 5 of 5 gates") as told:
        twin = QulacsBackend.from_target(lab(error=1e-6, t1=1e-6, t2=1e-6))
    assert len(told) == 1
    assert str(told[0].message).endswith("relaxation only: x(0), x(1), sx(0) and 2 more.")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for each in (twin, copy.deepcopy(twin)):
            each.run(bell(), readout_noise=False).result()


def test_a_gate_that_is_not_calibrated():
    with pytest.warns(OqtopusWarning) as told:
        QulacsBackend.from_target(lab(error=1))
    (text,) = [str(warning.message) for warning in told]
    assert text.startswith("An error of 1 says that a gate is not calibrated, as it does of 4 of 5")
    assert text.endswith(": x(0), x(1), sx(0), sx(1).")


def test_a_target_without_numbers():
    with pytest.warns(OqtopusWarning, match="states no error, lifetime or readout error"):
        twin = QulacsBackend.from_backend(QulacsBackend(num_qubits=2))
    circuit = QuantumCircuit(2)
    circuit.h(0)
    circuit.cx(0, 1)
    circuit.measure_all()
    assert set(twin.run(circuit).result().get_counts()) == {"00", "11"}


@Strange
def test_a_small_device_with_all_that_real_calibrations_have():
    snapshot = DeviceSnapshot.from_device(anemone_device(), anemone_facts())
    twin = QulacsBackend.from_snapshot(snapshot)
    circuit = QuantumCircuit(3)
    for qubit in range(3):
        circuit.sx(qubit)
    circuit.cx(0, 1)
    circuit.x(2)
    circuit.cx(2, 1)
    expected = final_state(circuit, NoiseModel.from_target(snapshot.target()))
    assert np.abs(matrix_of(twin, circuit) - expected.data).max() < TOLERANCE
