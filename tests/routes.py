"""The ways from a circuit to a plan; one of them can be forced on every circuit that it can do."""

from __future__ import annotations

import sys
from typing import Any

from qiskit_oqtopus.simulator import backend
from qiskit_oqtopus.simulator.compile import choose_engine, compile, consolidate, product
from qiskit_oqtopus.simulator.engines import run
from qiskit_oqtopus.simulator.optimize import stages

NEVER = sys.maxsize

_PLAIN = {
    (consolidate, "MIN_INSTRUCTIONS"): NEVER,
    (stages, "FUSED_QUBITS"): NEVER,
    (run, "_PLAIN_QUBITS"): 0,
}

ROUTES: dict[str, dict[tuple[Any, str], Any]] = {
    # The reference: every circuit by the general compiler, gate by gate.
    "general": {**_PLAIN, (compile, "_compile_shortcut"): lambda circuit: None},
    "straight": _PLAIN,
    "consolidated": {
        **_PLAIN,
        (consolidate, "MIN_INSTRUCTIONS"): 0,
        (consolidate, "_HOPEFUL"): 0,
        (consolidate, "_SAVED"): 0,
    },
    # Whatever falls into independent parts is taken apart, whether that pays or not.
    "parts": {
        (product, "MIN_QUBITS"): 0,
        (choose_engine, "MIN_NOISY_QUBITS"): 0,
        (product, "whole_cost"): lambda plan, noisy: float("inf"),
    },
    "fused": {**_PLAIN, (stages, "FUSED_QUBITS"): 0, (stages, "WORTHWHILE"): 0},
    "template": {**_PLAIN, (backend, "TEMPLATE_SETS"): 1},
}
"""By name: what each threshold, or function, is set to."""


def force(monkeypatch: Any, route: str) -> None:
    """Let all circuits go this way until the test ends."""
    for (module, name), value in ROUTES[route].items():
        monkeypatch.setattr(module, name, value)
