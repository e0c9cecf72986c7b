"""Run options: what they do, and what is refused."""

import copy
import math
import os
import pickle
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.exceptions import QiskitError
from qiskit.result import MeasLevel, MeasReturnType

from qiskit_oqtopus import (
    OqtopusError,
    OqtopusOptionError,
    QulacsBackend,
)


def bell(name="bell"):
    circuit = QuantumCircuit(2, name=name)
    circuit.h(0)
    circuit.cx(0, 1)
    circuit.measure_all()
    return circuit


@pytest.fixture
def backend():
    return QulacsBackend(num_qubits=5)


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("shots", 0),
        ("shots", -5),
        ("shots", 1.5),
        ("shots", math.inf),
        ("shots", math.nan),
        ("shots", 0.0),
        ("shots", "100"),
        ("shots", True),
        ("shots", None),
        ("memory", 1),
        ("memory", None),
        ("statevector", "yes"),
        ("seed_simulator", -1),
        ("seed_simulator", 2**64),
        ("seed_simulator", 1.0),
        ("method", "matrix_product_state"),
        ("executor", 3),
        ("max_job_size", 0),
        ("max_parallel_threads", 0),
        ("max_memory_mb", 0),
        ("meas_level", 0),
        ("meas_level", 1),
        ("meas_level", MeasLevel.KERNELED),
        ("meas_return", "all"),
        ("shotz", 100),
    ],
)
def test_what_cannot_be_used_is_refused_by_name_everywhere(backend, option, value):
    for act in (
        lambda: backend.run(bell(), **{option: value}),
        lambda: backend.set_options(**{option: value}),
        lambda: QulacsBackend(num_qubits=2, **{option: value}),
    ):
        with pytest.raises(OqtopusOptionError, match=repr(option)) as caught:
            act()
        assert isinstance(caught.value, (OqtopusError, QiskitError, ValueError))
    assert backend.options.shots == 1024


def test_an_option_set_behind_the_back_is_checked_when_it_is_used(backend):
    backend.options.shots = 0
    with pytest.raises(OqtopusOptionError, match="shots"):
        backend.run(bell())


@pytest.mark.parametrize(
    "options",
    [
        {"meas_level": 2},
        {"meas_level": MeasLevel.CLASSIFIED, "meas_return": MeasReturnType.SINGLE},
        {"meas_level": 2, "meas_return": "avg"},
        {"meas_level": None, "meas_return": None},
        {"shots": np.int64(7), "memory": np.True_, "seed_simulator": np.uint64(3)},
        {"method": "statevector", "max_memory_mb": 100},
    ],
)
def test_what_is_accepted(backend, options):
    assert sum(backend.run(bell(), **options).result().get_counts().values()) > 0


def test_defaults_come_from_the_constructor_and_from_set_options():
    backend = QulacsBackend(num_qubits=3, shots=11)
    assert sum(backend.run(bell()).result().get_counts().values()) == 11
    backend.set_options(shots=12, seed_simulator=5)
    assert sum(backend.run(bell()).result().get_counts().values()) == 12
    assert sum(backend.run(bell(), shots=13).result().get_counts().values()) == 13
    assert backend.options.shots == 12


def test_the_same_seed_gives_the_same_counts_and_memory(backend):
    circuits = [bell() for _ in range(7)]
    runs = [
        backend.run(circuits, shots=50, memory=True, seed_simulator=seed, **options).result()
        for seed, options in [
            (8, {}),
            (8, {"executor": ThreadPoolExecutor(2), "max_job_size": 2}),
            (8, {"executor": ThreadPoolExecutor(3)}),
            (9, {}),
        ]
    ]
    memories = [[run.get_memory(i) for i in range(7)] for run in runs]
    assert memories[0] == memories[1] == memories[2]
    assert memories[0] != memories[3]
    # The circuits of one job have streams of their own.
    assert len({tuple(memory) for memory in memories[0]}) == 7


def test_memory_does_not_change_the_counts(backend):
    with_memory, without = (
        backend.run(bell(), seed_simulator=4, memory=memory).result().get_counts()
        for memory in (True, False)
    )
    assert with_memory == without


def test_the_seed_that_was_chosen_is_reported_and_repeats_the_run(backend):
    first = backend.run(bell()).result()
    again = backend.run(bell(), seed_simulator=first.results[0].seed).result()
    assert again.get_counts() == first.get_counts()
    assert backend.run(bell()).result().results[0].seed != first.results[0].seed


def test_statevector_is_of_all_qubits_in_qiskits_order():
    circuit = QuantumCircuit(4, 1)
    circuit.x(3)
    circuit.h(1)
    circuit.p(0.7, 1)
    circuit.measure(3, 0)
    state = QulacsBackend(num_qubits=4).run(circuit, statevector=True).result().get_statevector()
    expected = np.zeros(16, dtype=complex)
    expected[0b1000] = np.sqrt(0.5)
    expected[0b1010] = np.sqrt(0.5) * np.exp(0.7j)
    np.testing.assert_allclose(state, expected, atol=1e-14)


def test_copies_and_pickles_of_a_backend(backend):
    executor = ThreadPoolExecutor(1)
    backend.set_options(shots=21, executor=executor)
    copied = copy.deepcopy(backend)
    assert copied.options.executor is executor
    assert copied.target is not backend.target
    copied.set_options(shots=22)
    assert backend.options.shots == 21
    restored = pickle.loads(pickle.dumps(backend))
    assert restored.options.executor is None
    assert restored.options.shots == 21
    for each in (copied, restored):
        assert set(each.run(bell()).result().get_counts()) == {"00", "11"}


def test_threads_are_limited_before_the_first_gate_and_warned_of_after():
    script = """
import os, warnings
from qiskit import QuantumCircuit
from qiskit_oqtopus import QulacsBackend
circuit = QuantumCircuit(1, 1); circuit.h(0); circuit.measure(0, 0)
backend = QulacsBackend(num_qubits=1, max_parallel_threads=1)
with warnings.catch_warnings():
    warnings.simplefilter("error")
    backend.run(circuit).result()
    backend.run(circuit).result()
assert "QULACS_NUM_THREADS" not in os.environ
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    backend.run(circuit, max_parallel_threads=2).result()
assert "comes too late" in str(caught[0].message)
"""
    environment = {k: v for k, v in os.environ.items() if k != "QULACS_NUM_THREADS"}
    subprocess.run([sys.executable, "-c", script], check=True, env=environment)


def test_the_backend_says_what_it_is(backend):
    assert repr(backend) == "<QulacsBackend('qulacs_simulator', num_qubits=5)>"
    assert backend.name == "qulacs_simulator"
    assert backend.provider is None
    assert backend.max_circuits is None
    assert backend.num_qubits == 5
    assert backend.dt is None
    assert backend.coupling_map is None


def test_importing_the_package_is_light():
    script = (
        "import sys, qiskit_oqtopus\n"
        "heavy = {'qiskit_experiments', 'matplotlib', 'pandas', 'requests', 'qiskit_aer', "
        "'starlette', 'distributed'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
        "assert set(qiskit_oqtopus.__all__) <= set(dir(qiskit_oqtopus))\n"
        "for name in qiskit_oqtopus.__all__: getattr(qiskit_oqtopus, name)\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


def test_numbers_of_shots_can_be_counted():
    circuit = QuantumCircuit(2)
    circuit.rz(0.0, 0)
    circuit.measure_all()
    counts = QulacsBackend().run(circuit, shots=2**63 - 1).result().get_counts()
    assert counts == {"00": 2**63 - 1}
    with pytest.raises(OqtopusOptionError, match="'shots' must be an integer from 1"):
        QulacsBackend().run(circuit, shots=2**63)


def test_all_that_is_wrong_with_options_is_said_at_once():
    with pytest.raises(OqtopusOptionError, match=r"'wrong'.*'shots' must.*'memory' must"):
        QulacsBackend().run(QuantumCircuit(1), shots=0, wrong=1, memory=3)
