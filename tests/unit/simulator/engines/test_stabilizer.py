"""Clifford circuits by stim: their counts, at a false-alarm rate below 1e-6 each.

What may not be run is in tests/unit/simulator/compile/test_stabilizer.py.
"""

import math
import pickle

import numpy as np
import pytest
from qiskit import ClassicalRegister, QuantumCircuit, QuantumRegister, transpile
from qiskit.circuit import Clbit
from qiskit.circuit.classical import expr
from qiskit.circuit.library import (
    DiagonalGate,
    Initialize,
    PauliEvolutionGate,
    PauliGate,
    PermutationGate,
    StatePreparation,
    UnitaryGate,
    get_standard_gate_name_mapping,
)
from qiskit.circuit.random import random_clifford_circuit
from qiskit.exceptions import QiskitError
from qiskit.quantum_info import (
    Clifford,
    Operator,
    SparsePauliOp,
    StabilizerState,
    Statevector,
    random_clifford,
)
from qiskit.quantum_info.operators.predicates import matrix_equal

from qiskit_oqtopus import DeviceSnapshot, OqtopusCircuitError, QulacsBackend
from qiskit_oqtopus.simulator import memory
from qiskit_oqtopus.simulator.engines import stabilizer
from tests import dynamic_reference, noisy_reference
from tests.circuits import assert_drawn_from, exact_distribution
from tests.devices import grid_device, grid_facts
from tests.noisy import DT, random_target

BACKEND = QulacsBackend(num_qubits=5, method="stabilizer", seed_simulator=1)
GATES = [
    "x",
    "y",
    "z",
    "h",
    "s",
    "sdg",
    "sx",
    "sxdg",
    "cx",
    "cz",
    "cy",
    "swap",
    "iswap",
    "ecr",
]

quiet = pytest.mark.filterwarnings("ignore::qiskit_oqtopus.exceptions.OqtopusWarning")


def counts_of(circuit, backend=BACKEND, shots=4000, **options):
    data = backend.run(circuit, shots=shots, **options).result().data(0)
    return {int(key, 16): count for key, count in data["counts"].items()}


def measured(circuit):
    """Return a circuit with all qubits measured, and its exact distribution."""
    n = circuit.num_qubits
    exact = exact_distribution(Statevector(circuit), [(q, q) for q in range(n)])
    circuit.measure_all()
    return circuit, exact


# -- which gates ----------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(20))
def test_random_circuits(seed):
    n = 1 + seed % 5
    names = [name for name in GATES if n > 1 or GATES.index(name) < GATES.index("cx")]
    circuit, exact = measured(random_clifford_circuit(n, 30, gates=names, seed=seed))
    assert_drawn_from(counts_of(circuit), exact)


def is_clifford(matrix):
    """Whether a matrix is Clifford, by Qiskit, which tolerates more."""
    try:
        found = Clifford.from_matrix(matrix)
    except QiskitError:
        return False
    return matrix_equal(found.to_matrix(), matrix, ignore_phase=True)


def settings_of(name):
    """Return a gate of that name at multiples of pi / 2, and at other angles."""
    kind = get_standard_gate_name_mapping()[name].base_class
    parameters = len(get_standard_gate_name_mapping()[name].params)
    if not parameters:
        return [kind()]
    rng = np.random.default_rng(parameters)
    quarters = rng.integers(-3, 6, (12, parameters)) * (math.pi / 2)
    return [kind(*row.tolist()) for row in (*quarters, *rng.uniform(-4, 4, (2, parameters)))]


NAMES = [
    name
    for name, gate in get_standard_gate_name_mapping().items()
    if name not in ("delay", "measure", "reset", "global_phase") and gate.num_qubits <= 4
]


@pytest.mark.parametrize("name", NAMES)
def test_each_standard_gate_is_run_as_it_is_or_refused(name):
    for seed, gate in enumerate(settings_of(name)):
        n = gate.num_qubits
        circuit = random_clifford(n, seed=seed).to_circuit()
        circuit.append(gate, list(np.random.default_rng(seed).permutation(n)))
        clifford = is_clifford(Operator(gate).data)
        circuit.compose(random_clifford(n, seed=seed + 1).to_circuit(), inplace=True)
        circuit, exact = measured(circuit)
        if clifford:
            assert_drawn_from(counts_of(circuit, shots=1000), exact)
        else:
            with pytest.raises(OqtopusCircuitError, match="it is not Clifford"):
                BACKEND.run(circuit)


OTHERS = {
    "a matrix": UnitaryGate(random_clifford(2, seed=1).to_matrix()),
    "a matrix on three": UnitaryGate(np.exp(0.3j) * random_clifford(3, seed=2).to_matrix()),
    "a diagonal": DiagonalGate([1, 1j, 1j, 1]),
    "Paulis": PauliGate("XYZ"),
    "a permutation": PermutationGate([2, 0, 1]),
    "an evolution": PauliEvolutionGate(SparsePauliOp(["XYZ", "ZZI"]), math.pi / 4),
    "a Clifford": random_clifford(3, seed=4),
    "a power": random_clifford(2, seed=5).to_circuit().to_gate().power(3),
    "a controlled Pauli": PauliGate("Y").control(1, ctrl_state=0),
    "a state of amplitudes": StatePreparation(Statevector(random_clifford(3, seed=6).to_circuit())),
    "a label": StatePreparation("+r1"),
    "initialize": Initialize("-l0"),
}


@pytest.mark.parametrize("kind", OTHERS)
def test_operations_that_are_no_standard_gates(kind):
    operation = OTHERS[kind]
    n = operation.num_qubits
    circuit = QuantumCircuit(n)
    if not isinstance(operation, (StatePreparation, Initialize)):
        circuit.compose(random_clifford(n, seed=7).to_circuit(), inplace=True)
    circuit.append(operation, range(n))
    circuit.compose(random_clifford(n, seed=8).to_circuit(), inplace=True)
    expanded = circuit if kind != "initialize" else circuit.decompose()
    if kind == "initialize":
        expanded.data = [each for each in expanded.data if each.operation.name != "reset"]
    exact = exact_distribution(Statevector(expanded), [(q, q) for q in range(n)])
    circuit.measure_all()
    assert_drawn_from(counts_of(circuit), exact)


@pytest.mark.parametrize("turns", [-1, 1, 2, 4])
def test_rotations_by_many_paulis(turns):
    label = "XYZZYXIYZX"
    circuit = random_clifford_circuit(10, 40, gates=["h", "s", "cx"], seed=3)
    time = turns * math.pi / 4
    circuit.append(PauliEvolutionGate(SparsePauliOp([label]), time), range(10))
    circuit.h(range(5))
    circuit, exact = measured(circuit)
    assert_drawn_from(counts_of(circuit, shots=20_000), exact)


def test_a_box_is_what_is_in_it():
    circuit = QuantumCircuit(2)
    with circuit.box():
        circuit.h(0)
        circuit.cx(0, 1)
    circuit.measure_all()
    assert_drawn_from(counts_of(circuit), {0: 0.5, 3: 0.5})


def test_own_gates_are_what_their_definitions_say():
    inner = QuantumCircuit(2, name="x")  # a name that means something else
    inner.h(0)
    inner.cx(0, 1)
    circuit = QuantumCircuit(2)
    circuit.append(inner.to_gate(), [0, 1])
    circuit, exact = measured(circuit)
    assert_drawn_from(counts_of(circuit), exact)


@pytest.mark.parametrize("turns", [-7, -1, 0, 1, 2, 3, 1000])
@pytest.mark.parametrize("name", ["rx", "ry", "rz", "p"])
def test_angles_are_multiples_within_a_billionth(name, turns):
    def turned(off):
        circuit = QuantumCircuit(1)
        circuit.h(0)
        getattr(circuit, name)(turns * math.pi / 2 + off, 0)
        circuit.sx(0)
        return measured(circuit)

    circuit, exact = turned(5e-10)
    counts = counts_of(circuit)
    assert_drawn_from(counts, {key: round(p, 6) for key, p in exact.items()})
    with pytest.raises(OqtopusCircuitError, match="it is not Clifford"):
        BACKEND.run(turned(2e-9)[0])


# -- wide ones ------------------------------------------------------------------------------------


def ghz(n):
    circuit = QuantumCircuit(n, n)
    circuit.h(0)
    circuit.cx(range(n - 1), range(1, n))
    circuit.measure(range(n), range(n))
    return circuit


def mirror(n, size, seed, flips):
    """Return a random circuit, its inverse, and flips: what is measured is certain."""
    half = random_clifford_circuit(n, size, gates=["h", "s", "sx", "cx", "cz"], seed=seed)
    circuit = half.compose(half.inverse())
    circuit.x(flips)
    circuit.measure_all()
    return circuit


def repetition_code(distance, rounds):
    """Return syndrome rounds of a code in a superposition of both code words."""
    circuit = QuantumCircuit(2 * distance - 1, (distance - 1) * rounds + distance)
    data, ancillas = range(0, 2 * distance - 1, 2), range(1, 2 * distance - 1, 2)
    circuit.h(data)
    for number in range(rounds):
        for place, ancilla in enumerate(ancillas):
            circuit.cx(ancilla - 1, ancilla)
            circuit.cx(ancilla + 1, ancilla)
            circuit.measure(ancilla, (distance - 1) * number + place)
            circuit.reset(ancilla)
    circuit.measure(data, range((distance - 1) * rounds, (distance - 1) * rounds + distance))
    return circuit


@pytest.mark.parametrize("make", [QulacsBackend, lambda **o: QulacsBackend(num_qubits=3, **o)])
def test_a_ghz_state_on_144_qubits(make):
    backend = make(method="stabilizer", seed_simulator=5)
    counts = backend.run(ghz(144), shots=10_000, memory=True).result().get_counts()
    assert_drawn_from({int(key, 2): n for key, n in counts.items()}, {0: 0.5, (1 << 144) - 1: 0.5})


def test_circuits_are_transpiled_for_more_qubits_than_a_state_vector_has():
    backend = QulacsBackend(method="stabilizer")
    assert backend.num_qubits == 1024
    compiled = transpile(ghz(144), backend)
    assert len(backend.run(compiled, shots=1000).result().get_counts()) == 2


def test_a_mirror_circuit_on_64_qubits():
    flips = [0, 7, 40, 63]
    counts = counts_of(mirror(64, 640, 1, flips))
    assert counts == {sum(1 << q for q in flips): 4000}


@pytest.mark.parametrize("seed", range(4))
def test_wide_circuits_agree_with_the_stabilizer_state_of_qiskit(seed):
    """Of what is certain all shots, of the rest a half: 4000 shots, 40 bits, 6.5 sigma."""
    circuit = random_clifford_circuit(40, 120, gates=["h", "s", "cx", "sx"], seed=seed)
    state = StabilizerState(circuit)
    circuit.measure_all()
    counts = counts_of(circuit)
    for qubit in range(40):
        p_one = state.probabilities([qubit])[1]
        ones = sum(count for key, count in counts.items() if key >> qubit & 1)
        assert abs(ones - 4000 * p_one) <= (6.5 * math.sqrt(1000) if p_one == 0.5 else 0)


# -- what transpile makes -------------------------------------------------------------------------


@pytest.fixture(scope="module")
def grid():
    target = DeviceSnapshot.from_device(grid_device(), grid_facts()).target()
    return QulacsBackend.from_target(target, noise=False, method="stabilizer", seed=1)


LOGICAL = {
    "ghz": lambda: ghz(6),
    "mirror": lambda: mirror(6, 60, 3, [1, 4]),
    "random Clifford": lambda: random_clifford(4, seed=9).to_circuit(),
    "random gates": lambda: random_clifford_circuit(5, 60, gates=GATES, seed=4),
}


@pytest.mark.parametrize("level", [0, 1])
@pytest.mark.parametrize("kind", LOGICAL)
def test_what_transpile_makes_at_levels_0_and_1(grid, kind, level):
    circuit = LOGICAL[kind]()
    if not circuit.num_clbits:
        circuit.measure_all()
    exact = dynamic_reference.distribution(circuit)
    compiled = transpile(circuit, grid, optimization_level=level, seed_transpiler=2)
    assert_drawn_from(counts_of(compiled, grid), exact)


@pytest.mark.parametrize("level", [0, 1])
def test_a_transpiled_repetition_code(level):
    target = DeviceSnapshot.from_device(grid_device(), grid_facts()).target()
    simulator = QulacsBackend(method="stabilizer", seed_simulator=2)
    circuit = repetition_code(3, 2)
    exact = dynamic_reference.distribution(circuit)
    compiled = transpile(
        circuit,
        coupling_map=target.build_coupling_map(),
        basis_gates=["x", "sx", "rz", "cx", "reset", "measure"],
        optimization_level=level,
        seed_transpiler=2,
    )
    assert_drawn_from(counts_of(compiled, simulator), exact)


# -- measurements inside, and what depends on them ------------------------------------------------


def condition(rng, circuit):
    """Return a random condition: a bit, or an XOR of bits in one of its forms."""
    a, b, c = (circuit.clbits[i] for i in rng.permutation(circuit.num_clbits)[:3])
    forms = [
        (a, int(rng.integers(2))),
        (circuit.cregs[1], int(rng.integers(2))),
        expr.lift(a),
        expr.logic_not(a),
        expr.bit_not(a),
        expr.bit_xor(a, b),
        expr.not_equal(expr.bit_xor(a, b), c),
        expr.equal(a, b),
        expr.logic_not(expr.bit_xor(a, expr.bit_xor(b, c))),
        expr.bit_xor(expr.index(circuit.cregs[0], 1), a),
        expr.cast(expr.index(circuit.cregs[0], 0), expr.lift(a).type),
    ]
    return forms[rng.integers(len(forms))]


def add_pauli(rng, circuit, names=("x", "y", "z", "id")):
    for _ in range(int(rng.integers(3))):
        getattr(circuit, str(rng.choice(names)))(int(rng.integers(circuit.num_qubits)))


def random_dynamic(seed, n, gates, size=10, paulis=("x", "y", "z", "id")):
    rng = np.random.default_rng(seed)
    circuit = QuantumCircuit(
        QuantumRegister(n), ClassicalRegister(2, "a"), ClassicalRegister(1, "b"), [Clbit()]
    )
    for place in range(size):
        more = random_clifford_circuit(n, 3, gates=gates, seed=seed * size + place)
        circuit.compose(more, range(n), inplace=True)
        qubit, clbit = int(rng.integers(n)), int(rng.integers(circuit.num_clbits))
        kind = rng.integers(4)
        if kind == 0:
            circuit.measure(qubit, clbit)
        elif kind == 1:
            circuit.reset(qubit)
        else:
            circuit.measure(qubit, clbit)
            with circuit.if_test(condition(rng, circuit)) as otherwise:
                add_pauli(rng, circuit, paulis)
            if rng.integers(2):
                with otherwise:
                    add_pauli(rng, circuit, paulis)
    circuit.measure(range(min(n, 4)), rng.permutation(4)[: min(n, 4)].tolist())
    return circuit


@pytest.mark.parametrize("seed", range(30))
def test_random_dynamic_circuits(seed):
    n = 1 + seed % 4
    gates = ["h", "s", "sx", "x", *(["cx", "cz"] if n > 1 else [])]
    circuit = random_dynamic(seed, n, gates)
    exact = dynamic_reference.distribution(circuit)
    assert_drawn_from(counts_of(circuit), exact)


def test_a_bit_that_was_never_written_is_0():
    circuit = QuantumCircuit(1, 2)
    with circuit.if_test((circuit.clbits[1], 0)):
        circuit.x(0)
    circuit.measure(0, 0)
    assert counts_of(circuit, shots=10) == {1: 10}


def test_teleportation_over_144_qubits():
    """Hand a state down a line, with both corrections at each step."""
    circuit = QuantumCircuit(144, 144)
    circuit.h(0)
    circuit.s(0)
    for qubit in range(0, 142, 2):
        circuit.h(qubit + 1)
        circuit.cx(qubit + 1, qubit + 2)
        circuit.cx(qubit, qubit + 1)
        circuit.h(qubit)
        circuit.measure([qubit, qubit + 1], [qubit, qubit + 1])
        with circuit.if_test((circuit.clbits[qubit + 1], 1)):
            circuit.x(qubit + 2)
        with circuit.if_test((circuit.clbits[qubit], 1)):
            circuit.z(qubit + 2)
    circuit.sdg(142)
    circuit.h(142)
    circuit.measure(142, 142)
    counts = counts_of(circuit, shots=500)
    assert len(counts) == 500
    assert not any(key >> 142 for key in counts)


# -- registers, memory, seeds ---------------------------------------------------------------------


def test_registers_and_memory_are_those_of_other_engines():
    circuit = QuantumCircuit(
        QuantumRegister(3), ClassicalRegister(2, "a"), ClassicalRegister(4, "b")
    )
    circuit.x([0, 2])
    circuit.measure([0, 1, 2], [3, 0, 5])
    result = BACKEND.run(circuit, shots=3, memory=True).result()
    assert result.get_counts() == {"1010 00": 3}
    assert result.get_memory() == ["1010 00"] * 3
    data = BACKEND.run(ghz(70), shots=500, memory=True).result().data(0)
    assert sorted(data["memory"]) == sorted(k for k, n in data["counts"].items() for _ in range(n))
    assert data["memory"] != sorted(data["memory"])


def test_a_circuit_without_measurements_has_no_counts():
    with pytest.warns(UserWarning, match="No classical bit is written"):
        result = BACKEND.run(ghz(3).remove_final_measurements(inplace=False)).result()
    assert "counts" not in result.data(0)


def test_the_same_seed_has_the_same_counts_wherever_a_circuit_runs():
    circuits = [random_dynamic(seed, 3, ["h", "cx"]) for seed in range(6)]
    first = BACKEND.run(circuits, memory=True, shots=300).result().to_dict()["results"]
    again = BACKEND.run(circuits, memory=True, shots=300, max_job_size=1).result()
    for a, b in zip(first, again.to_dict()["results"], strict=True):
        assert a["data"] == b["data"]
    other = BACKEND.run(circuits, memory=True, shots=300, seed_simulator=2).result()
    assert [e["data"] for e in first] != [e["data"] for e in other.to_dict()["results"]]


@quiet
def test_plans_go_to_other_processes():
    rng = np.random.default_rng(2)
    twin = noisy_twin(rng, 3, symmetric=False)
    circuit = random_dynamic(3, 3, ["x", "sx", "cx"], paulis=("x", "id"))
    (plan,) = twin._compile([circuit], dict(twin.options))
    assert any(piece.qubit is not None for piece in plan.pieces)
    assert pickle.loads(pickle.dumps(plan)) == plan


def test_blocks_have_random_numbers_of_their_own(monkeypatch):
    monkeypatch.setattr(memory, "STABILIZER_SHOTS", 1000)
    monkeypatch.setattr(stabilizer, "STABILIZER_SHOTS", 1000)
    circuit = QuantumCircuit(10)
    circuit.h(range(10))
    circuit.measure_all()
    three = counts_of(circuit, shots=3000)
    assert_drawn_from(three, dict.fromkeys(range(1024), 1 / 1024))
    first = counts_of(circuit, shots=1000)  # the first block is the same in both
    assert all(three[key] >= count for key, count in first.items())
    assert three != {key: 3 * count for key, count in first.items()}


# -- noise ----------------------------------------------------------------------------------------


def twirled(superop):
    """Return the twirl of a channel by averaging over all Paulis: shape (4**k, 4**k)."""
    k = round(math.log(len(superop), 4))
    paulis = [np.eye(1)]
    for _ in range(k):
        one = [np.eye(2), np.array([[0, 1], [1, 0]]), np.diag([1, -1])]
        one.append(one[1] @ one[2])
        paulis = [np.kron(a, b) for a in one for b in paulis]
    sides = [np.kron(p.conj(), p) for p in paulis]
    return sum(side.conj().T @ superop @ side for side in sides) / len(sides)


@pytest.fixture
def twirled_reference(monkeypatch):
    """Let the reference have the twirls of all channels."""
    for name in ("superop", "delay"):
        exact = getattr(noisy_reference, name)

        def twirl(*arguments, exact=exact):
            found = exact(*arguments)
            return None if found is None else twirled(found)

        monkeypatch.setattr(noisy_reference, name, twirl)


def noisy_twin(rng, n, symmetric):
    target = random_target(rng, n)
    if symmetric:  # a bit that a condition reads has the mean of both probabilities
        for properties in target["measure"].values():
            properties.prob_meas0_prep1 = properties.prob_meas1_prep0
    return QulacsBackend.from_target(target, method="stabilizer", seed=1)


def add_delays(rng, circuit):
    for _ in range(2):
        circuit.delay(int(rng.integers(10, 600)), int(rng.integers(circuit.num_qubits)), unit="ns")


@quiet
@pytest.mark.usefixtures("twirled_reference")
@pytest.mark.parametrize("seed", range(20))
def test_noise_is_the_twirl_of_that_of_the_twin(seed):
    rng = np.random.default_rng(seed)
    n = 1 + seed % 4
    twin = noisy_twin(rng, n, symmetric=False)
    gates = ["x", "sx", *(["cx", "ecr"] if n > 1 else [])]
    circuit = QuantumCircuit(n)
    for part in range(3):
        circuit.compose(random_clifford_circuit(n, 4, gates=gates, seed=part), inplace=True)
        add_delays(rng, circuit)
        circuit.rz(math.pi / 2, 0)
    circuit.measure_all()
    model = twin._twin.noise(twin.options)
    exact = noisy_reference.distribution(circuit, model, DT)
    assert_drawn_from(counts_of(circuit, twin, shots=20_000), exact)


@quiet
@pytest.mark.usefixtures("twirled_reference")
@pytest.mark.parametrize("seed", range(20))
def test_noise_of_dynamic_circuits_and_under_conditions(seed):
    rng = np.random.default_rng(seed)
    n = 1 + seed % 3
    twin = noisy_twin(rng, n, symmetric=True)
    gates = ["x", "sx", *(["cx"] if n > 1 else [])]
    circuit = random_dynamic(seed, n, gates, size=4, paulis=("x", "id"))
    model = twin._twin.noise(twin.options)
    exact = noisy_reference.distribution(circuit, model, DT)
    assert_drawn_from(counts_of(circuit, twin, shots=10_000), exact)


@quiet
@pytest.mark.parametrize("value", [0, 1])
@pytest.mark.parametrize("otherwise", [False, True])
def test_noise_under_a_condition_strikes_where_it_holds_and_nowhere_else(value, otherwise):
    twin = noisy_twin(np.random.default_rng(1), 2, symmetric=True)
    circuit = QuantumCircuit(2, 2)
    circuit.sx(0)
    circuit.measure(0, 0)
    flips = QuantumCircuit(2, 2)
    for _ in range(10):
        flips.x(1)
    nothing = QuantumCircuit(2, 2)
    bodies = (nothing, flips) if otherwise else (flips, None)
    circuit.if_else((circuit.clbits[0], value), *bodies, [0, 1], [0, 1])
    circuit.measure(1, 1)
    counts = counts_of(circuit, twin, shots=4000, readout_noise=False, relaxation=False)
    struck = value ^ otherwise
    assert counts[int(struck) | 2] > 100
    assert (1 - struck) | 2 not in counts
