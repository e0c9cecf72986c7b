"""How much memory a wide circuit takes, and a batch of many circuits; nothing is timed."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

from .results import Line, Result, find_source, title
from .timing import Spread

QUBITS = 24
STATE_BYTES = 16 << QUBITS
MAX_STATES = 3.0

MEMORY = "memory"
WIDE = f"Peak memory of a circuit on {QUBITS} qubits"

BATCHES = (1000, 4000)
MAX_OVER_RESULTS = 1.1
"""Largest peak memory that each further circuit of a batch may take, over that of its result."""

_ROOT = Path(__file__).parents[2]


def memory() -> Result:
    """Return the memory, each measured in a process of its own."""
    lines = []
    if sys.platform == "linux":
        lines.append(_wide("ours", MAX_STATES))
        if find_spec("qiskit_aer") is not None:
            lines.append(_wide("aer", None))
    few, many = (_ask("ours", "batch", number) for number in BATCHES)
    further = BATCHES[1] - BATCHES[0]
    results = many["results"] - few["results"]
    numbers = " to ".join(f"{number:,}" for number in BATCHES)
    lines.append(
        _line(
            f"Growth of the peak memory from {numbers} circuits",
            f"growth of the results ({results / further / 1000:.2g} kB per circuit)",
            MAX_OVER_RESULTS,
            (many["peak"] - few["peak"]) / results,
        )
    )
    return Result(MEMORY, "Memory", find_source(), lines=lines)


def _wide(peer: str, goal: float | None) -> Line:
    states = _ask(peer, "wide", QUBITS)["peak"] / STATE_BYTES
    what = f"{WIDE}, {title(peer)}"
    return _line(what, f"16 x 2^{QUBITS} bytes", goal, states)


def _line(what: str, over: str, goal: float | None, value: float) -> Line:
    return Line(what, over, goal, Spread(value, value, value))


def _ask(peer: str, kind: str, number: int) -> dict[str, int]:
    command = [sys.executable, "-m", f"{__package__}.memory_worker", peer, kind, str(number)]
    printed = subprocess.run(command, check=True, capture_output=True, text=True, cwd=_ROOT)
    found: dict[str, int] = json.loads(printed.stdout)
    return found
