"""What the choice between the engines for noise costs, beside each of them and beside Aer."""

from __future__ import annotations

import warnings
from functools import partial
from typing import Any

from qiskit_oqtopus import OqtopusWarning, QulacsBackend

from ..families import FAMILIES, target
from ..peers import OURS
from ..peers.peer import backend_task
from ..workload import Batch, Goal, Task, Workload
from . import w8

AER = "AerSimulator, `automatic`"
WITHIN = 1.3
"""How many times as long as the faster engine the choice may take."""


def ours(device: Any, method: str, batch: Batch) -> Task:
    """Return the task of the twin by a method."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", OqtopusWarning)
        return backend_task(QulacsBackend.from_target(device, method=method), batch)


def workload(name: str) -> Workload:
    """Return a workload."""
    family = FAMILIES[name]
    circuit = family.build()
    device, batch = target(circuit.num_qubits), Batch([circuit], family.shots)
    tasks = {
        OURS: partial(ours, device, "automatic", batch),
        "density_matrix": partial(ours, device, "density_matrix", batch),
        "trajectories": partial(ours, device, "trajectories", batch),
        AER: partial(w8.aer, device, "automatic", batch),
    }
    goals = [Goal("density_matrix", WITHIN), Goal("trajectories", WITHIN), Goal(AER, 1.0)]
    check = w8.MeansOfBits(f"engine-{name}", family.shots)
    return Workload(f"engine-{name}", f"Engines {family.title}", tasks, check, goals)


WORKLOADS = {f"engine-{name}": partial(workload, name) for name in FAMILIES}
