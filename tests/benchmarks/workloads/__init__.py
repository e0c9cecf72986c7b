"""The workloads, one a file; a new one is listed here."""

from __future__ import annotations

from collections.abc import Callable

from ..workload import Workload
from . import w1, w2

WORKLOADS: dict[str, Callable[[], Workload]] = {"w1": w1.workload, "w2": w2.workload}
