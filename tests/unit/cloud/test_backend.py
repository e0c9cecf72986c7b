"""A device as a backend: its Target has only gates that can be sent."""

import pytest
from qiskit import QuantumCircuit, transpile

from qiskit_oqtopus import (
    OqtopusProvider,
)

emulator = pytest.importorskip("qiskit_oqtopus.emulator")


def test_targets_have_gates_that_can_be_sent():
    with emulator.Emulator(["line-4q"]) as cloud:
        cloud.devices.set("line-4q", basis_gates=("sx", "rz", "sxdg", "r", "ecr", "rzx"))
        with OqtopusProvider(url=cloud.url, token=cloud.token) as provider:
            device = provider.backend("line-4q")
            assert device.operation_names == ["x", "sx", "rz", "cx", "measure", "delay"]
            circuit = QuantumCircuit(2)
            circuit.h(0)
            circuit.ecr(0, 1)
            circuit.measure_all()
            for level in range(4):
                compiled = transpile(circuit, device, optimization_level=level)
                assert device.check(compiled) == []
