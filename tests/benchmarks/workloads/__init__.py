"""The workloads, one file each; a new one is listed here."""

from __future__ import annotations

from collections.abc import Callable

from ..workload import Workload
from . import chip, clifford, engine, linear, night, w1, w2, w3, w4, w5, w6, w7, w8, w9

WORKLOADS: dict[str, Callable[[], Workload]] = {
    **w1.WORKLOADS,
    **w2.WORKLOADS,
    **w3.WORKLOADS,
    **w4.WORKLOADS,
    **w5.WORKLOADS,
    **w6.WORKLOADS,
    **w7.WORKLOADS,
    **w8.WORKLOADS,
    **w9.WORKLOADS,
    **chip.WORKLOADS,
    **clifford.WORKLOADS,
    **engine.WORKLOADS,
    **linear.WORKLOADS,
    **night.WORKLOADS,
}
"""By name, what makes a workload: circuits are made only for those that are asked for."""
