"""The Target of the simulator, its own or a given one, and its width from the memory."""

import pytest
from qiskit import ClassicalRegister, QuantumCircuit, QuantumRegister, transpile
from qiskit.circuit.classical import expr, types
from qiskit.circuit.library import (
    CXGate,
    DiagonalGate,
    MCPhaseGate,
    MCXGate,
    PauliEvolutionGate,
    PauliGate,
    PermutationGate,
    RZGate,
    StatePreparation,
    SXGate,
    UnitaryGate,
    get_standard_gate_name_mapping,
)
from qiskit.circuit.measure import Measure
from qiskit.circuit.parameter import Parameter
from qiskit.providers.fake_provider import GenericBackendV2
from qiskit.quantum_info import SparsePauliOp, random_unitary
from qiskit.transpiler import InstructionProperties, Target

from qiskit_oqtopus import OqtopusOptionError, QulacsBackend
from qiskit_oqtopus.simulator import memory
from qiskit_oqtopus.simulator.target import OPERATIONS_OF_ANY_SIZE


def test_the_default_target_names_everything_that_runs():
    target = QulacsBackend(num_qubits=7).target
    expected = set(get_standard_gate_name_mapping()) | set(OPERATIONS_OF_ANY_SIZE)
    assert set(target.operation_names) == expected
    assert target.num_qubits == 7
    assert target.dt is None
    assert target.build_coupling_map() is None


def test_the_default_width_is_what_fits_into_memory():
    backend = QulacsBackend()
    assert 1 <= backend.num_qubits <= memory.MAX_QUBITS
    assert QulacsBackend(max_memory_mb=51).num_qubits == 20
    assert QulacsBackend(max_memory_mb=48).num_qubits == 19


@pytest.mark.parametrize("mib", [1, 2, 100, 5000, 16384, 10**6])
def test_required_and_available_agree(mib):
    available = mib << 20
    qubits = memory.max_qubits(available)
    assert qubits == 1 or memory.required_bytes(qubits) <= available
    assert qubits == memory.MAX_QUBITS or memory.required_bytes(qubits + 1) > available


@pytest.mark.parametrize(
    ("group", "files"),
    [
        ("0::/jobs/one\n", {"sys/fs/cgroup/jobs/one/memory": ("max", "current")}),
        ("0::/gone/from/here\n", {"sys/fs/cgroup/memory": ("max", "current")}),
        (
            "3:cpu:/x\n7:cpuset,memory:/jobs\n",
            {"sys/fs/cgroup/memory/jobs/memory": ("limit_in_bytes", "usage_in_bytes")},
        ),
    ],
    ids=["v2", "v2-in-a-container", "v1"],
)
def test_limits_of_control_groups(tmp_path, group, files):
    (tmp_path / "proc/self").mkdir(parents=True)
    (tmp_path / "proc/self/cgroup").write_text(group)
    for stem, (limit, usage) in files.items():
        path = tmp_path / stem
        path.parent.mkdir(parents=True)
        path.with_name(f"memory.{limit}").write_text("5000000\n")
        path.with_name(f"memory.{usage}").write_text("2000000\n")
    assert memory.available_bytes(tmp_path) == 3_000_000


def test_a_group_without_a_limit(tmp_path):
    (tmp_path / "proc/self").mkdir(parents=True)
    (tmp_path / "proc/self/cgroup").write_text("0::/\n")
    (tmp_path / "sys/fs/cgroup").mkdir(parents=True)
    (tmp_path / "sys/fs/cgroup/memory.max").write_text("max\n")
    (tmp_path / "sys/fs/cgroup/memory.current").write_text("2000000\n")
    assert memory.available_bytes(tmp_path) > 3_000_000


@pytest.fixture
def device():
    return GenericBackendV2(
        16,
        basis_gates=["x", "sx", "rz", "cx"],
        coupling_map=[[i, i + 1] for i in range(15)],
        seed=1,
    )


@pytest.mark.parametrize("level", range(4))
def test_a_given_target_is_kept_to_and_stays_noiseless(device, level):
    backend = QulacsBackend(device.target)
    assert backend.target is device.target
    assert backend.num_qubits == 16
    assert backend.dt == device.dt
    assert list(backend.coupling_map) == list(device.coupling_map)
    circuit = QuantumCircuit(3)
    circuit.h(0)
    circuit.cx(0, 2)
    circuit.swap(0, 1)
    circuit.measure_all()
    compiled = transpile(circuit, backend, optimization_level=level, seed_transpiler=3)
    for instruction in compiled.data:
        places = tuple(compiled.find_bit(q).index for q in instruction.qubits)
        assert instruction.name == "barrier" or backend.target.instruction_supported(
            instruction.name, places
        )
    counts = backend.run(compiled, shots=500).result().get_counts()
    assert set(counts) == {"000", "110"}


def test_a_target_that_does_not_say_how_wide_it_is():
    target = Target()
    for gate in (SXGate(), RZGate(Parameter("a")), CXGate(), Measure()):
        target.add_instruction(gate)
    assert not target.num_qubits
    assert QulacsBackend(target, num_qubits=9).num_qubits == 9
    assert QulacsBackend(target).num_qubits >= 1
    assert not target.num_qubits


def test_a_width_that_contradicts_the_target():
    target = Target(num_qubits=2)
    target.add_instruction(SXGate(), {(0,): InstructionProperties(), (1,): None})
    with pytest.raises(OqtopusOptionError, match="num_qubits"):
        QulacsBackend(target, num_qubits=3)
    assert QulacsBackend(target, num_qubits=2).num_qubits == 2


@pytest.mark.parametrize("target", ["sim", 5, GenericBackendV2(2)])
def test_not_a_target(target):
    with pytest.raises(OqtopusOptionError, match="target"):
        QulacsBackend(target)


@pytest.mark.parametrize("width", [0, -1, 2.0, "3"])
def test_not_a_width(width):
    with pytest.raises(OqtopusOptionError, match="num_qubits"):
        QulacsBackend(num_qubits=width)


def everything():
    """Return a circuit that has every operation of the default Target."""
    circuit = QuantumCircuit(QuantumRegister(5, "q"), ClassicalRegister(3, "c"))
    number = circuit.add_var("number", expr.lift(1, types.Uint(3)))
    for gate in get_standard_gate_name_mapping().values():
        gate = gate.to_mutable()
        if gate.name == "delay":
            circuit.delay(100, 0, "ns")
        elif gate.name == "measure":
            circuit.measure([1, 0], [0, 2])
        else:
            gate.params = [0.1 * (i + 1) for i in range(len(gate.params))]
            circuit.append(gate, list(range(gate.num_qubits)))
    circuit.append(UnitaryGate(random_unitary(4, seed=1)), [3, 1])
    circuit.append(DiagonalGate([1, -1, 1j, -1j]), [0, 2])
    circuit.append(PermutationGate([2, 0, 1]), [1, 2, 3])
    circuit.append(PauliGate("XYZ"), [0, 1, 2])
    circuit.append(PauliEvolutionGate(SparsePauliOp(["XX", "ZI"], [0.3, 0.4])), [2, 0])
    circuit.append(MCXGate(4), [0, 1, 2, 3, 4])
    circuit.append(MCPhaseGate(0.4, 3), [3, 1, 2, 0])
    circuit.append(StatePreparation([0.6, 0.8]), [1])
    circuit.initialize([0.6, 0.8j], 2)
    with circuit.box():
        circuit.h(0)
    with circuit.for_loop(range(3)) as turn:
        circuit.rx(turn, 0)
        with circuit.if_test((0, 1)) as otherwise:
            circuit.break_loop()
        with otherwise:
            circuit.continue_loop()
    with circuit.while_loop(expr.less(number, 3)):
        circuit.store(number, expr.add(number, expr.lift(1, types.Uint(3))))
    with circuit.switch(number) as case, case(3):
        circuit.x(1)
    circuit.measure(1, 1)
    return circuit


def test_level_0_leaves_every_operation_of_the_target_as_it_is():
    circuit = everything()
    backend = QulacsBackend(num_qubits=5)
    nested = {inst.name for inst in circuit.data} | {"if_else", "break_loop", "continue_loop"}
    assert nested == set(backend.target.operation_names)
    compiled = transpile(circuit, backend, optimization_level=0)
    assert dict(compiled.count_ops()) == dict(circuit.count_ops())
    assert backend.run(compiled, shots=20).result().success
