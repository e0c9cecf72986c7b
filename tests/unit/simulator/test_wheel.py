"""Whoever runs large circuits on the wheel of Qulacs from PyPI is told, once, what is faster."""

import logging
import threading
from types import SimpleNamespace

import pytest
from qiskit import QuantumCircuit

from qiskit_oqtopus import QulacsBackend
from qiskit_oqtopus.simulator import wheel

PYPI = "Wheel-Version: 1.0\nTag: cp311-cp311-manylinux_2_28_x86_64\n"
BUILT_HERE = "Wheel-Version: 1.0\nTag: cp311-cp311-linux_x86_64\n"


@pytest.fixture
def install(monkeypatch, caplog):
    """Returns a function that pretends that Qulacs was installed from a wheel with some tags."""
    caplog.set_level(logging.INFO, wheel.logger.name)
    monkeypatch.setattr(wheel, "_unsaid", threading.Lock())

    def pretend(tags):
        found = SimpleNamespace(read_text={"WHEEL": tags}.get)
        monkeypatch.setattr(wheel, "distribution", {"qulacs": found}.get)

    return pretend


def run(active_qubits, num_qubits=17):
    circuit = QuantumCircuit(num_qubits)
    circuit.h(0)
    circuit.cx(0, range(1, active_qubits))  # else it falls into small parts
    circuit.measure_all()
    QulacsBackend(method="statevector").run([circuit, circuit], shots=10).result()


def test_a_large_circuit_on_the_wheel_from_pypi_is_worth_one_line(install, caplog):
    install(PYPI)
    run(16)
    run(17)
    (record,) = caplog.records
    assert record.levelno == logging.INFO
    assert "pip install --no-binary qulacs qulacs" in record.message
    assert "16 active qubits" in record.message


@pytest.mark.parametrize(
    ("tags", "active"),
    [(PYPI, 15), (BUILT_HERE, 17), (None, 17)],
    ids=["few active qubits", "built on this machine", "no wheel"],
)
def test_nobody_is_told_in_vain(install, caplog, tags, active):
    install(tags)
    run(active)
    assert not caplog.records
