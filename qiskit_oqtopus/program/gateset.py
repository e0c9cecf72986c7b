"""The gates that a program may have."""

from __future__ import annotations

from collections.abc import Mapping

BASIS = frozenset(["x", "sx", "rz", "cx"])
"""The gates that every OQTOPUS gateway takes with the server's transpiler off."""

# fmt: off
STDGATES = frozenset([
    "p", "x", "y", "z", "h", "s", "sdg", "t", "tdg", "sx", "rx", "ry", "rz", "cx", "cy", "cz", "cp",
    "crx", "cry", "crz", "ch", "swap", "ccx", "cswap", "cu", "u1", "u2", "u3", "id",
])
"""The gates of ``stdgates.inc`` that have the same name in Qiskit: no definition is needed."""
# fmt: on

PROGRAM_NAMES: Mapping[str, str] = {**{name: name for name in STDGATES}, "u": "U"}
"""Qiskit's name of each gate that a program can have without defining it -> its name there."""
