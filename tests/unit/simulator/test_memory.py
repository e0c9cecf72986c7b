"""What there is: the limits of the process and of its control groups, and what others take."""

import subprocess
import sys
import threading
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import pytest
from qiskit import QuantumCircuit

from qiskit_oqtopus import OqtopusError, OqtopusJobError, QulacsBackend
from qiskit_oqtopus.simulator import memory
from qiskit_oqtopus.simulator.engines import reservation
from qiskit_oqtopus.simulator.state import Cancelled

GROUP_FILES = {
    2: ("0::{}\n", "sys/fs/cgroup", "max", "current", "inactive_file"),
    1: (
        "4:memory:{}\n1:cpu:/x\n",
        "sys/fs/cgroup/memory",
        "limit_in_bytes",
        "usage_in_bytes",
        "total_inactive_file",
    ),
}


def groups(root, version, path, **folders):
    """Write files of control groups: folder -> (limit, usage, cached)."""
    line, mount, limit_name, used_name, cached_name = GROUP_FILES[version]
    (root / "proc/self").mkdir(parents=True)
    (root / "proc/self/cgroup").write_text(line.format(path))
    for folder, (limit, used, cached) in folders.items():
        place = root / mount / folder.replace("_", "/").strip("/")
        place.mkdir(parents=True, exist_ok=True)
        (place / f"memory.{limit_name}").write_text(f"{limit}\n")
        (place / f"memory.{used_name}").write_text(f"{used}\n")
        (place / "memory.stat").write_text(f"anon 7\n{cached_name} {cached}\nactive_file 9\n")


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize(
    ("own", "parent", "free"),
    [
        ((5_000_000, 2_000_000, 0), ("max", 9_000_000, 0), 3_000_000),
        ((9_000_000, 2_000_000, 0), (5_000_000, 4_000_000, 0), 1_000_000),
        ((5_000_000, 4_900_000, 4_000_000), ("max", 0, 0), 4_100_000),
        ((5_000_000, 6_000_000, 0), ("max", 0, 0), 0),
    ],
    ids=["own", "of the parent", "cached files make room", "exceeded"],
)
def test_control_groups_and_their_parents(tmp_path, version, own, parent, free):
    groups(tmp_path, version, "/jobs/one", jobs_one=own, jobs=parent)
    assert memory.available_bytes(tmp_path) == free


LIMITED = """
import resource, sys
from pathlib import Path
from qiskit import QuantumCircuit
from qiskit_oqtopus import OqtopusCircuitError, OqtopusJobError, QulacsBackend
from qiskit_oqtopus.simulator.engines import dynamic, noisy

used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + (int(sys.argv[1]) << 20),) * 2)
for qubits in (2, 12, 17, 20, 23, 26):
    circuit = QuantumCircuit(qubits, qubits)
    circuit.h(range(qubits))
    circuit.cx(range(qubits - 1), range(1, qubits))
    if sys.argv[2] == "inside":
        circuit.measure(0, 0)
        circuit.h(0)
    circuit.measure(range(qubits), range(qubits))
    method = "statevector" if sys.argv[2] == "inside" else sys.argv[2]
    try:
        QulacsBackend(num_qubits=2).run(circuit, shots=20, method=method).result()
        print("ran", end=" ")
    except OqtopusCircuitError as error:
        assert "bytes, and" in str(error) and "bytes are available" in str(error)
        print("refused", end=" ")
    except OqtopusJobError as error:
        assert "bytes are available in the process that runs it" in str(error)
        print("refused", end=" ")
"""


@pytest.mark.skipif(sys.platform != "linux", reason="ulimit -v means nothing there")
@pytest.mark.parametrize("method", ["statevector", "inside", "trajectories", "density_matrix"])
@pytest.mark.parametrize("mib", [20, 150, 700])
def test_under_ulimit_python_lives(method, mib):
    command = [sys.executable, "-c", LIMITED, str(mib), method]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr
    said = done.stdout.split()
    assert len(said) == 6
    assert said[-1] == "refused"
    if mib == 700:
        assert said[:2] == ["ran", "ran"] or method == "density_matrix"


def limit_worker():
    import resource
    from pathlib import Path

    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + (400 << 20),) * 2)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="ulimit -v means nothing there")
def test_the_worker_of_an_executor_has_limits_of_its_own():
    circuits = [QuantumCircuit(n) for n in (2, 23)]
    for circuit in circuits:
        circuit.cx(range(circuit.num_qubits - 1), range(1, circuit.num_qubits))
        circuit.measure_all()
    context = get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context, initializer=limit_worker) as pool:
        pool.submit(limit_worker).result()
        backend = QulacsBackend(num_qubits=2, method="statevector")
        job = backend.run(circuits, shots=10, executor=pool)
        result = job.result()
    assert [entry.success for entry in result.results] == [True, False]
    assert "bytes are available in the process that runs it" in result.results[1].status


def test_what_does_not_fit_together_runs_one_after_the_other(monkeypatch):
    monkeypatch.setattr(reservation, "available_bytes", lambda **_: 10 << 30)
    order = []

    def take(name, needed, began, ends):
        with reservation.reserve(needed, True, None):
            order.append(f"{name} begins")
            began.set()
            ends.wait(10)
            order.append(f"{name} ends")

    events = {name: (threading.Event(), threading.Event()) for name in "abc"}
    threads = {
        name: threading.Thread(target=take, args=(name, needed, *events[name]))
        for name, needed in (("a", 6 << 30), ("b", 3 << 30), ("c", 7 << 30))
    }
    for name in "ab":
        threads[name].start()
        assert events[name][0].wait(10)
    threads["c"].start()
    assert not events["c"][0].wait(0.3)
    flag = threading.Event()
    flag.set()
    with pytest.raises(Cancelled), reservation.reserve(7 << 30, True, flag):
        pass
    for name in "abc":
        events[name][1].set()
        threads[name].join(10)
    assert order.index("c begins") > order.index("a ends")
    assert order.index("b begins") < order.index("a ends")
    with (
        pytest.raises(OqtopusError, match=r"needs 11,811,160,064 bytes, and 10,737,418,240 bytes"),
        reservation.reserve(11 << 30, True, None),
    ):
        pass


def test_a_circuit_that_does_not_fit_any_more_fails_and_spares_the_others(monkeypatch):
    monkeypatch.setattr(reservation, "available_bytes", lambda **_: 1000)
    monkeypatch.setattr(reservation, "SMALL_QUBITS", 10)
    circuits = [QuantumCircuit(n) for n in (2, 12)]
    for circuit in circuits:
        circuit.cx(range(circuit.num_qubits - 1), range(1, circuit.num_qubits))
        circuit.measure_all()
    result = QulacsBackend(num_qubits=2).run(circuits, shots=10).result()
    assert [entry.success for entry in result.results] == [True, False]
    with pytest.raises(OqtopusJobError, match="1,000 bytes are available"):
        QulacsBackend(num_qubits=2).run(circuits[1]).result()
    # The user has said how much a circuit may take.
    assert QulacsBackend(num_qubits=2).run(circuits[1], max_memory_mb=100).result().success


@pytest.mark.parametrize("wide", [False, True])
def test_density_matrices_of_wide_gates_take_more(wide):
    circuit = QuantumCircuit(12, 1)
    circuit.cx(range(11), range(1, 12))
    if wide:
        circuit.mcx(list(range(11)), 11)
    circuit.measure(0, 0)
    need = memory.density_bytes(12, wide=wide)
    backend = QulacsBackend(num_qubits=2, method="density_matrix")
    mib = -(-need // (1 << 20))
    assert memory.density_bytes(12) < need or not wide
    backend.run(circuit, max_memory_mb=mib).cancel()
    with pytest.raises(OqtopusError, match=f"needs {need:,} bytes"):
        backend.run(circuit, max_memory_mb=mib - 2)
