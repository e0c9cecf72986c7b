"""Which circuits the stabilizer engine gets, what it refuses, and what is said about noise."""

import math
import re
import sys
import warnings

import numpy as np
import pytest
from qiskit import ClassicalRegister, QuantumCircuit, QuantumRegister, transpile
from qiskit.circuit import Reset
from qiskit.circuit.classical import expr, types
from qiskit.circuit.library import DiagonalGate, PauliGate
from qiskit.circuit.random import random_clifford_circuit
from qiskit.transpiler import InstructionProperties

from qiskit_oqtopus import (
    DeviceSnapshot,
    EstimatorV2,
    OqtopusCircuitError,
    OqtopusOptionError,
    OqtopusWarning,
    QulacsBackend,
    SamplerV2,
)
from qiskit_oqtopus.simulator.noise import pauli
from qiskit_oqtopus.simulator.plan import ProductPlan, StabilizerPlan
from tests.circuits import assert_drawn_from
from tests.devices import chip_device, chip_facts
from tests.noisy import random_target
from tests.surface_code import surface_code

BACKEND = QulacsBackend(method="stabilizer", seed_simulator=1)


def chosen(backend, circuit, **options):
    """Return the plan of a circuit."""
    (plan,) = backend._compile([circuit], backend._check_values({**backend.options, **options}))
    return plan


def ghz(n):
    circuit = QuantumCircuit(n, n)
    circuit.h(0)
    circuit.cx(range(n - 1), range(1, n))
    circuit.measure(range(n), range(n))
    return circuit


# -- refusals -------------------------------------------------------------------------------------


def start():
    """Return a circuit of two qubits of which the first was measured, and three bits."""
    circuit = QuantumCircuit(QuantumRegister(2), ClassicalRegister(2, "c"), ClassicalRegister(1))
    circuit.h([0, 1])
    circuit.measure(0, 0)
    return circuit


def conditional(condition, add=lambda circuit: circuit.x(1)):
    def build():
        circuit = start()
        with circuit.if_test(condition(circuit)):
            add(circuit)
        return circuit

    return build


def one_bit(circuit):
    return (circuit.clbits[0], 1)


def loop(circuit):
    with circuit.for_loop(range(2)):
        circuit.x(1)


def while_loop(circuit):
    with circuit.while_loop((circuit.clbits[0], 1)):
        circuit.x(0)
        circuit.measure(0, 0)


def switch(circuit):
    with circuit.switch(circuit.clbits[0]) as case, case(1):
        circuit.x(1)


def store(circuit):
    circuit.store(circuit.clbits[1], expr.lift(True))


def nested(circuit):
    with circuit.if_test((circuit.clbits[1], 1)):
        circuit.x(1)


def own_gate(circuit):
    inner = QuantumCircuit(1, name="mine")
    inner.h(0)
    inner.t(0)
    circuit.append(inner.to_gate(), [1])


def add(method):
    def build():
        circuit = start()
        method(circuit)
        return circuit

    return build


NOT_CLIFFORD = "it is not Clifford, and method='stabilizer' runs nothing else"
NO_PARITY = "its condition is neither one bit nor an XOR of bits"
NO_PAULI = "under a condition there may only be x, y, z and id"
NO_BRANCH = "Pauli gates under if_test are all that may depend on classical bits"
REFUSED = {
    "t": (add(lambda c: c.t(1)), "t", NOT_CLIFFORD),
    "rz": (add(lambda c: c.rz(0.3, 1)), "rz", NOT_CLIFFORD),
    "cs": (add(lambda c: c.cs(0, 1)), "cs", NOT_CLIFFORD),
    "cp": (add(lambda c: c.cp(math.pi / 2, 0, 1)), "cp", NOT_CLIFFORD),
    "rzz": (add(lambda c: c.rzz(0.1, 0, 1)), "rzz", NOT_CLIFFORD),
    "u": (add(lambda c: c.u(0.1, 0, 0, 1)), "u", NOT_CLIFFORD),
    "unitary": (
        add(lambda c: c.unitary(np.diag([1, 1j**0.5]), [1])),
        "unitary",
        NOT_CLIFFORD,
    ),
    "own": (add(own_gate), "mine", NOT_CLIFFORD),
    "state": (add(lambda c: c.initialize([0.6, 0.8], 1)), "initialize", NOT_CLIFFORD),
    "and": (
        conditional(lambda c: expr.logic_and(*c.clbits[:2])),
        "if_else",
        NO_PARITY,
    ),
    "or": (conditional(lambda c: expr.bit_or(*c.clbits[:2])), "if_else", NO_PARITY),
    "register": (conditional(lambda c: (c.cregs[0], 1)), "if_else", NO_PARITY),
    "xor of registers": (
        conditional(lambda c: expr.equal(expr.bit_xor(c.cregs[0], 1), 0)),
        "if_else",
        NO_PARITY,
    ),
    "less": (conditional(lambda c: expr.less(c.cregs[0], 1)), "if_else", NO_PARITY),
    "h": (conditional(one_bit, lambda c: c.h(1)), "h", NO_PAULI),
    "cx": (conditional(one_bit, lambda c: c.cx(0, 1)), "cx", NO_PAULI),
    "rx": (conditional(one_bit, lambda c: c.rx(math.pi / 2, 1)), "rx", NO_PAULI),
    "reset": (conditional(one_bit, lambda c: c.reset(1)), "reset", NO_PAULI),
    "measure": (conditional(one_bit, lambda c: c.measure(1, 1)), "measure", NO_PAULI),
    "nested": (
        conditional(one_bit, nested),
        "if_else",
        "a condition under another one is an AND of both, and no XOR",
    ),
    "for": (add(loop), "for_loop", NO_BRANCH),
    "for under if": (conditional(one_bit, loop), "for_loop", NO_BRANCH),
    "while": (add(while_loop), "while_loop", NO_BRANCH),
    "switch": (add(switch), "switch_case", NO_BRANCH),
    "store": (add(store), "store", NO_BRANCH),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_is_refused_is_named_with_its_position(kind):
    build, name, reason = REFUSED[kind]
    circuit = build()
    circuit.measure(1, 2)
    with pytest.raises(OqtopusCircuitError) as caught:
        BACKEND.run(circuit)
    (problem,) = caught.value.problems
    assert (problem.instruction, problem.reason) == (name, reason)
    assert problem.position == 3
    assert "leave method out" in problem.cure
    if reason == NOT_CLIFFORD:
        assert "transpile with optimization_level=1" in problem.cure
    QulacsBackend().run(circuit, shots=1).result()  # others run it


def test_wide_matrices_are_not_looked_at():
    circuit = QuantumCircuit(7)
    circuit.append(DiagonalGate([1] * 128), range(7))
    circuit.measure_all()
    with pytest.raises(OqtopusCircuitError, match="no matrix on more than 6 qubits is known to be"):
        BACKEND.run(circuit)


@pytest.mark.filterwarnings("ignore::qiskit_oqtopus.exceptions.OqtopusWarning")
def test_noise_of_several_qubits_under_a_condition():
    target = random_target(np.random.default_rng(1), 2)
    pairs = {pair: InstructionProperties(1e-7, 0.1) for pair in [(0, 1), (1, 0)]}
    target.add_instruction(PauliGate("XX"), pairs)
    circuit = QuantumCircuit(2, 2)
    circuit.sx(0)
    circuit.measure(0, 0)
    with circuit.if_test((circuit.clbits[0], 1)):
        circuit.append(PauliGate("XX"), [0, 1])
    circuit.measure(1, 1)
    assert set(BACKEND.run(circuit).result().get_counts()) == {"00", "11"}
    twin = QulacsBackend.from_target(target, method="stabilizer")
    with pytest.raises(OqtopusCircuitError, match="noise on several qubits at once depends on a"):
        twin.run(circuit)


def test_all_that_is_wrong_is_said_at_once():
    circuits = [ghz(3), start(), start()]
    circuits[1].t(0)
    circuits[1].t(1)
    with circuits[1].if_test((circuits[1].clbits[0], 1)):
        circuits[1].h(1)
        circuits[1].x(1)
    circuits[2].rz(0.1, 0)
    with pytest.raises(OqtopusCircuitError) as caught:
        BACKEND.run(circuits)
    found = [(p.circuit, p.position, p.instruction, p.qubits) for p in caught.value.problems]
    assert found == [(1, 3, "t", (0,)), (1, 5, "h", (1,)), (2, 3, "rz", (0,))]


@pytest.mark.parametrize("level", [2, 3])
def test_what_levels_2_and_3_make_is_refused_with_the_cure(level):
    circuit = random_clifford_circuit(3, 60, gates=["h", "s", "cx"], seed=5)
    circuit.measure_all()
    basis = ["rz", "sx", "cx"]
    compiled = transpile(circuit, basis_gates=basis, optimization_level=1, seed_transpiler=1)
    assert BACKEND.run(compiled, shots=10).result().success
    compiled = transpile(circuit, basis_gates=basis, optimization_level=level, seed_transpiler=1)
    with pytest.raises(OqtopusCircuitError, match="transpile with optimization_level=1"):
        BACKEND.run(compiled, shots=10)


# -- options --------------------------------------------------------------------------------------


@pytest.mark.parametrize("wanted", [{"statevector": True}, {"density_matrix": [0]}])
def test_states_are_refused_with_the_reason(wanted):
    with pytest.raises(OqtopusOptionError, match="draws shots and has no state"):
        BACKEND.run(ghz(2), **wanted)


def test_estimations_are_refused_with_the_reason():
    estimator = EstimatorV2(BACKEND)
    with pytest.raises(OqtopusOptionError, match="An estimation, but 'method' is 'stabilizer'"):
        estimator.run([(ghz(2).remove_final_measurements(inplace=False), "ZZ")])


def test_a_sampler_takes_it():
    result = SamplerV2(BACKEND).run([ghz(100)], shots=500).result()
    assert set(result[0].data.c.get_counts()) == {"0" * 100, "1" * 100}


def test_without_stim_there_is_a_line_that_installs_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "stim", None)
    line = re.escape('python -m pip install "qiskit-oqtopus[stabilizer]"')
    with pytest.raises(OqtopusOptionError, match=line):
        QulacsBackend(method="stabilizer")
    with pytest.raises(OqtopusOptionError, match=line):
        QulacsBackend().run(ghz(2), method="stabilizer")


def test_outcomes_that_take_more_memory_than_there_is():
    with pytest.raises(OqtopusCircuitError) as caught:
        BACKEND.run(ghz(144), shots=10**6, max_memory_mb=50)
    (problem,) = caught.value.problems
    assert "its 144 active qubits and 144 measurements need" in problem.reason
    assert "use fewer shots, or raise max_memory_mb" in problem.cure


# -- automatic ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("circuit", "shots", "expected"),
    [
        (ghz(5), 1000, False),
        (ghz(24), 1000, True),
        (ghz(144), 1000, True),
        (ghz(17), 10**6, False),
        (surface_code(2, 6), 1000, True),
    ],
    ids=["few qubits", "24 qubits", "144 qubits", "many shots", "measurements inside"],
)
def test_automatic_takes_what_is_faster(circuit, shots, expected):
    plan = chosen(QulacsBackend(), circuit, shots=shots)
    assert isinstance(plan, StabilizerPlan) == expected


def test_automatic_has_the_right_counts():
    counts = QulacsBackend(seed_simulator=1).run(ghz(144), shots=4000).result().get_counts()
    assert_drawn_from({int(k, 2): n for k, n in counts.items()}, {0: 0.5, (1 << 144) - 1: 0.5})


def test_automatic_goes_on_without_stim(monkeypatch):
    monkeypatch.setitem(sys.modules, "stim", None)
    backend = QulacsBackend()
    assert not isinstance(chosen(backend, ghz(16)), StabilizerPlan)
    with pytest.raises(OqtopusCircuitError, match="active qubits need"):
        backend.run(ghz(144))


def test_automatic_leaves_what_is_not_clifford_and_what_is_asked_of_a_state():
    circuit = QuantumCircuit(20)
    circuit.h(0)
    circuit.t(0)
    circuit.cx(range(19), range(1, 20))
    circuit.measure_all()
    assert not isinstance(chosen(QulacsBackend(), circuit), StabilizerPlan)
    assert not isinstance(chosen(QulacsBackend(), ghz(20), statevector=True), StabilizerPlan)
    assert not isinstance(chosen(QulacsBackend(), ghz(20), method="statevector"), StabilizerPlan)


def test_it_is_an_engine_of_a_part():
    """A wide Clifford part, a small one and one that is not Clifford; jointly exact."""
    circuit = QuantumCircuit(60, 60)
    circuit.h(0)
    circuit.cx(range(49), range(1, 50))
    circuit.ry(0.9, range(50, 60))
    circuit.cx([50, 52], [51, 53])
    circuit.measure(range(60), range(60))
    plan = chosen(QulacsBackend(), circuit)
    assert isinstance(plan, ProductPlan)
    kinds = {part.qubits[0]: isinstance(part.plan, StabilizerPlan) for part in plan.parts}
    assert kinds[0]
    assert not any(kind for first, kind in kinds.items() if first)
    counts = QulacsBackend(seed_simulator=2).run(circuit, shots=4000).result().get_counts()
    low = {}
    for key, count in counts.items():
        value = int(key, 2)
        pair = (value & ((1 << 50) - 1), value >> 54 & 1)
        low[pair] = low.get(pair, 0) + count
    p_one = math.sin(0.45) ** 2
    ones = (1 << 50) - 1
    exact = {(a, b): 0.5 * (p_one if b else 1 - p_one) for a in (0, ones) for b in (0, 1)}
    assert set(low) == set(exact)
    for pair, p in exact.items():
        assert abs(low[pair] - 4000 * p) <= 6.5 * math.sqrt(4000 * p * (1 - p))


# -- noise ----------------------------------------------------------------------------------------


def chip():
    target = DeviceSnapshot.from_device(chip_device(12, 12), chip_facts(12, 12)).target()
    target.add_instruction(Reset(), {(qubit,): None for qubit in range(144)})
    return target


@pytest.fixture(scope="module")
def twin():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return QulacsBackend.from_target(chip(), seed=1)


def snake():
    """Return neighbours one after the other on the grid."""
    return [12 * row + (c if row % 2 == 0 else 11 - c) for row in range(12) for c in range(12)]


def on_chip(circuit, twin, layout=None):
    return transpile(circuit, twin, initial_layout=layout, optimization_level=1, seed_transpiler=1)


def test_a_ghz_state_on_all_qubits_of_a_twin_warns_of_what_is_approximated(twin):
    circuit = on_chip(ghz(144), twin, snake())
    with pytest.warns(OqtopusWarning) as caught:
        result = twin.run(circuit, shots=500).result()
    (warning,) = caught
    assert "relaxation is twirled into Pauli errors, in circuits 0 (" in str(warning.message)
    assert "probabilities" not in str(warning.message)
    assert sum(result.get_counts().values()) == 500
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ideal = twin.run(circuit, shots=500, noise=False).result()
    assert set(ideal.get_counts()) == {"0" * 144, "1" * 144}


def test_automatic_approximates_only_what_no_exact_engine_can_run(twin):
    small = on_chip(ghz(5), twin, snake()[:5])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert not isinstance(chosen(twin, small), StabilizerPlan)
    with pytest.warns(OqtopusWarning, match="The stabilizer engine approximates noise"):
        assert isinstance(chosen(twin, small, method="stabilizer"), StabilizerPlan)
    wide = on_chip(ghz(60), twin, snake()[:60])
    with pytest.warns(OqtopusWarning, match="The stabilizer engine approximates noise"):
        assert isinstance(chosen(twin, wide), StabilizerPlan)
    with pytest.raises(OqtopusCircuitError, match="the trajectories of its 60 active qubits need"):
        chosen(twin, wide, method="trajectories")


def test_who_needs_stabilizers_is_told_how_to_get_there(twin):
    circuit = QuantumCircuit(60, 60)
    circuit.sx(0)
    circuit.rz(0.3, 0)  # as resynthesis makes it
    circuit.sx(0)
    circuit.compose(ghz(60), inplace=True)
    wide = on_chip(circuit, twin, snake()[:60])
    for backend, each in ((QulacsBackend(), circuit), (twin, wide)):
        with pytest.raises(OqtopusCircuitError) as caught:
            backend.run(each)
        assert "transpile it with optimization_level=1" in caught.value.problems[0].cure
        # Whoever has chosen an engine, or has asked for a state, knows what it is.
        for options in ({"method": "trajectories"}, {"density_matrix": [0]}):
            with pytest.raises(OqtopusCircuitError) as caught:
                backend.run(each, **options)
            assert "Clifford" not in caught.value.problems[0].cure
    # With more memory, this one would run.
    small = QuantumCircuit(20, 20)
    small.h(0)
    small.t(0)
    small.compose(ghz(20), inplace=True)
    with pytest.raises(OqtopusCircuitError) as caught:
        QulacsBackend().run(small, max_memory_mb=4)
    assert "Clifford" not in caught.value.problems[0].cure


def test_depolarizing_and_readout_are_exact_and_no_warning_says_otherwise(twin):
    circuit = on_chip(ghz(5), twin, snake()[:5])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        twin.run(circuit, shots=10, method="stabilizer", relaxation=False).result()


@pytest.mark.filterwarnings("ignore::qiskit_oqtopus.exceptions.OqtopusWarning")
def test_a_surface_code_on_the_grid(twin):
    """Defects are rare; all checks agree without noise."""
    layout = [12 * row + column for row in range(9) for column in range(9)]
    code = on_chip(surface_code(5, 3), twin, layout)

    def defects(**options):
        result = twin.run(code, shots=500, method="stabilizer", memory=True, **options).result()
        bits = np.array([[int(b) for b in reversed(shot)] for shot in result.get_memory()])
        syndromes = bits[:, :120].reshape(-1, 3, 40)
        return np.mean(syndromes[:, 1:] != syndromes[:, :-1])

    assert defects(noise=False) == 0
    assert 0.02 < defects() < 0.3


@pytest.mark.filterwarnings("ignore::qiskit_oqtopus.exceptions.OqtopusWarning")
@pytest.mark.parametrize("seed", range(3))
def test_counts_are_those_of_density_matrices_with_the_same_twirl(seed, monkeypatch):
    """8 qubits: the mean of each bit, and the parity of each pair; 36 numbers at 5.5 sigma."""
    exact = pauli._noise

    def twirled(*noise):
        return np.diag(np.diag(exact(*noise)))

    rng = np.random.default_rng(seed)
    target = random_target(rng, 8)
    circuit = random_clifford_circuit(8, 30, gates=["x", "sx", "cx", "ecr"], seed=seed)
    circuit.measure_all()
    shots = 100_000
    backend = QulacsBackend.from_target(target, seed=seed)
    stabilizers = backend.run(circuit, shots=shots, method="stabilizer").result().get_counts()
    monkeypatch.setattr(pauli, "_noise", twirled)
    pauli._fixed.cache_clear()
    density = backend.run(circuit, shots=shots, method="density_matrix").result().get_counts()
    pauli._fixed.cache_clear()

    def moments(counts):
        keys = np.array([int(key, 2) for key in counts])
        weights = np.array(list(counts.values())) / shots
        signs = 1 - 2 * (keys[:, None] >> np.arange(8) & 1)
        means = weights @ signs
        return np.concatenate([means, ((signs.T * weights) @ signs)[np.triu_indices(8, 1)]])

    # A number of variance 1 at most: the difference of two means has 2 / shots.
    deviations = (moments(stabilizers) - moments(density)) / math.sqrt(2 / shots)
    assert np.abs(deviations).max() < 5.5


def test_a_bit_that_a_condition_reads_has_the_mean_of_both_probabilities():
    target = random_target(np.random.default_rng(3), 2)
    for properties in target["measure"].values():
        properties.prob_meas1_prep0, properties.prob_meas0_prep1 = 0.3, 0.1
    options = {"method": "stabilizer", "gate_noise": False, "relaxation": False}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        backend = QulacsBackend.from_target(target, seed=3, **options)
    circuit = QuantumCircuit(2, 2)
    circuit.x(0)
    circuit.measure([0, 1], [0, 1])  # nothing reads the second bit
    with circuit.if_test((circuit.clbits[0], 1)):
        circuit.x(1)
    with pytest.warns(OqtopusWarning, match="read wrongly with the mean of both probabilities"):
        counts = backend.run(circuit, shots=20_000).result().get_counts()
    exact = {0b01: 0.8 * 0.7, 0b11: 0.8 * 0.3, 0b00: 0.2 * 0.7, 0b10: 0.2 * 0.3}
    assert_drawn_from({int(key, 2): n for key, n in counts.items()}, exact)


def test_variables_are_refused():
    circuit = start()
    circuit.add_var("a", expr.lift(0, types.Uint(2)))
    circuit.measure(1, 1)
    with pytest.raises(OqtopusCircuitError, match="'store'"):
        BACKEND.run(circuit)
