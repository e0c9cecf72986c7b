"""Threads of Qulacs and BLAS are spent only where they gain more than they cost."""

import os
import subprocess
import sys
import threading

import numpy as np
import pytest
from qiskit import QuantumCircuit
from threadpoolctl import threadpool_info, threadpool_limits

from qiskit_oqtopus import EstimatorV2, QulacsBackend
from qiskit_oqtopus.simulator.engines.density import Densities
from qiskit_oqtopus.simulator.threads import SPREAD_QUBITS, calm_blas
from tests.noisy import random_target

CHOICES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "QULACS_NUM_THREADS",
    "QULACS_PARALLEL_NQUBIT_THRESHOLD",
)

# -- Qulacs: its settings are those of a process ---------------------------------------------------

SCRIPT = f"""
import os
from qiskit import QuantumCircuit
from qiskit_oqtopus import EstimatorV2, QulacsBackend

SPREAD_QUBITS = {SPREAD_QUBITS}
before = dict(os.environ)

def spreads(num_qubits, **options):
    bare = QuantumCircuit(num_qubits)
    bare.rx(0.3, range(num_qubits))
    bare.cx(range(num_qubits - 1), range(1, num_qubits))
    circuit = bare.measure_all(inplace=False)
    backend = QulacsBackend(**options)
    backend.run(QuantumCircuit(1, 1)).result()
    threads = len(os.listdir("/proc/self/task"))
    backend.run(circuit, shots=100).result()
    EstimatorV2(backend).run([(bare, [letter * num_qubits for letter in "XYZ"])]).result()
    return len(os.listdir("/proc/self/task")) > threads
"""


def check(script, **environment):
    """Run a script in a process of its own, where nobody has chosen any number of threads."""
    kept = {name: value for name, value in os.environ.items() if name not in CHOICES}
    script += "\nassert dict(os.environ) == before, dict(os.environ)"
    subprocess.run([sys.executable, "-c", SCRIPT + script], check=True, env=kept | environment)


several = pytest.mark.skipif(
    sys.platform != "linux" or len(os.sched_getaffinity(0)) < 2,
    reason="counts the threads that the system shows",
)


@several
def test_only_large_states_are_spread():
    check("assert not spreads(16); assert not spreads(SPREAD_QUBITS - 1)")
    check("assert spreads(SPREAD_QUBITS)")


@several
@pytest.mark.parametrize("name", ["OMP_NUM_THREADS", "QULACS_NUM_THREADS"])
def test_whoever_has_chosen_threads_gets_them(name):
    check("assert spreads(16)", **{name: "2"})


@several
def test_whoever_has_chosen_a_threshold_gets_it():
    check(
        "assert not spreads(14); assert spreads(15)",
        QULACS_PARALLEL_NQUBIT_THRESHOLD="15",
    )


@several
def test_the_option_is_a_choice_and_comes_before_the_environment():
    check("assert spreads(16, max_parallel_threads=2)")
    check("assert not spreads(SPREAD_QUBITS, max_parallel_threads=1)", QULACS_NUM_THREADS="2")


def test_importing_the_package_sets_nothing():
    check("import qiskit_oqtopus.simulator.engines.run")


# -- BLAS: only while a density matrix is computed -------------------------------------------------


what_is_missing = pytest.mark.filterwarnings("ignore::qiskit_oqtopus.exceptions.OqtopusWarning")


@pytest.fixture
def undecided(monkeypatch):
    """The environment of somebody who has not chosen, and two threads of BLAS."""
    if not any("numpy" in pool["filepath"] for pool in threadpool_info()):
        pytest.skip("numpy has no BLAS of its own here")
    for name in CHOICES:
        monkeypatch.delenv(name, raising=False)
    # Not in this thread: from threadpoolctl 3.8 on, no other could change it.
    before = {pool["filepath"]: pool["num_threads"] for pool in threadpool_info()}
    in_another_thread(threadpool_limits, 2, user_api="blas")
    yield
    in_another_thread(threadpool_limits, before)


def in_another_thread(function, *arguments, **options):
    thread = threading.Thread(target=function, args=arguments, kwargs=options)
    thread.start()
    thread.join()


def blas_threads():
    """The number of threads of numpy's BLAS; other packages may have loaded one of their own."""
    (found,) = (
        pool["num_threads"]
        for pool in threadpool_info()
        if pool["user_api"] == "blas" and "numpy" in pool["filepath"]
    )
    return found


@pytest.fixture
def seen(monkeypatch):
    """The numbers of threads of BLAS while density matrices are computed."""
    found = []
    apply = Densities.apply

    def look(*arguments):
        found.append(blas_threads())
        return apply(*arguments)

    monkeypatch.setattr(Densities, "apply", look)
    return found


def bell(num_qubits):
    circuit = QuantumCircuit(num_qubits)
    circuit.sx(range(num_qubits))
    circuit.cx(0, 1)
    return circuit


@pytest.fixture
def twin():
    return QulacsBackend.from_target(random_target(np.random.default_rng(1), 7), seed=1)


@what_is_missing
@pytest.mark.chooses
def test_density_matrices_are_multiplied_by_one_thread(undecided, seen, twin):
    measured = bell(7).measure_all(inplace=False)
    twin.run(measured, method="density_matrix").result()
    twin.run(measured, density_matrix=[0]).result()
    EstimatorV2(twin).run([(bell(7), "ZZZZZZZ")]).result()
    assert seen == [1] * 3
    assert blas_threads() == 2
    dynamic = bell(2)
    dynamic.measure_all()
    dynamic.sx(0)
    dynamic.measure_all()
    twin.run(dynamic, method="density_matrix").result()
    assert seen[3:] == [1] * len(seen[3:])
    assert blas_threads() == 2


@what_is_missing
def test_small_density_matrices_need_no_care(undecided, seen, twin):
    twin.run(bell(2).measure_all(inplace=False), method="density_matrix").result()
    assert seen == [2]


@what_is_missing
@pytest.mark.chooses
def test_whoever_has_chosen_threads_of_blas_keeps_them(undecided, seen, twin, monkeypatch):
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "2")
    twin.run(bell(7).measure_all(inplace=False), method="density_matrix").result()
    assert seen == [2]


def test_threads_come_back_when_the_last_run_ends(undecided):
    entered, leave = threading.Event(), threading.Event()

    def stay():
        with calm_blas(8):
            entered.set()
            leave.wait(10)

    other = threading.Thread(target=stay)
    with calm_blas(8):
        other.start()
        assert entered.wait(10)
    assert blas_threads() == 1  # this thread lives on, and the other one restores
    leave.set()
    other.join()
    assert blas_threads() == 2
    with pytest.raises(ZeroDivisionError), calm_blas(8):
        _ = 1 / 0
    assert blas_threads() == 2


def test_large_density_matrices_may_be_spread(undecided):
    with calm_blas(12):
        assert blas_threads() == 2
