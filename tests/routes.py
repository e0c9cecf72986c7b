"""The ways from a circuit to a plan; one of them can be forced on every circuit that it can do."""

from __future__ import annotations

import sys
from typing import Any

from qiskit_oqtopus.simulator import cache, compile, consolidate, growth

NEVER = sys.maxsize

ROUTES: dict[str, dict[tuple[Any, str], int]] = {
    # The reference: every circuit by the general compiler, gate by gate.
    "general": {(compile, "SHORTCUT_LIMIT"): 0, (compile, "FUSED_QUBITS"): NEVER},
    "straight": {
        (consolidate, "MIN_INSTRUCTIONS"): NEVER,
        (cache, "MIN_INSTRUCTIONS"): NEVER,
        (compile, "FUSED_QUBITS"): NEVER,
    },
    "consolidated": {
        (consolidate, "MIN_INSTRUCTIONS"): 0,
        (cache, "MIN_INSTRUCTIONS"): NEVER,
        (compile, "FUSED_QUBITS"): NEVER,
    },
    "fused": {
        (consolidate, "MIN_INSTRUCTIONS"): NEVER,
        (cache, "MIN_INSTRUCTIONS"): NEVER,
        (compile, "FUSED_QUBITS"): 0,
        (growth, "FUSED_QUBITS"): 0,
        (growth, "_WORTHWHILE"): 0,
    },
    "cached": {
        (consolidate, "MIN_INSTRUCTIONS"): NEVER,
        (cache, "MIN_INSTRUCTIONS"): 0,
        (compile, "FUSED_QUBITS"): 0,
        (growth, "_WORTHWHILE"): 0,
    },
}
"""By name: what each threshold is set to."""


def force(monkeypatch: Any, route: str) -> None:
    """Let all circuits go this way until the test ends."""
    for (module, name), value in ROUTES[route].items():
        monkeypatch.setattr(module, name, value)
