"""The simulators that are compared, one per file; a new one is listed here."""

from __future__ import annotations

from . import (
    aer,
    basic_simulator,
    qiskit1,
    qulacs_backend,
    qulacs_optimizer,
    raw,
    statevector_sampler,
)
from .peer import Prepare

OURS = "ours"
AGAIN = "again"

PEERS: dict[str, Prepare] = {
    OURS: qulacs_backend.prepare,
    AGAIN: qulacs_backend.prepare_again,
    "raw": raw.prepare,
    "aer": aer.prepare,
    "basic": basic_simulator.prepare,
    "sampler": statevector_sampler.prepare,
    "qiskit-qulacs": qiskit1.prepare,
}

TITLES = {
    OURS: "QulacsBackend",
    AGAIN: "the same circuits again",
    "raw": "raw Qulacs",
    "aer": "AerSimulator",
    "basic": "BasicSimulator",
    "sampler": "StatevectorSampler",
    "qiskit-qulacs": "qiskit-qulacs",
    qulacs_optimizer.NAME: "Qulacs with its own optimizer",
}

CHOICES = tuple(peer for peer in PEERS if peer not in (OURS, AGAIN))

DEFAULT_PEERS = ("raw", "aer", "basic", "sampler")
