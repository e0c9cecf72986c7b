"""Room for the states of a circuit, asked for in the process in which it runs.

When Qulacs gets no memory it ends the process. What ``run`` has checked may be otherwise by then:
other circuits run at the same time, and the worker of an executor has limits of its own.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from ...exceptions import OqtopusError
from ..memory import (
    ALWAYS_THERE,
    SMALL_QUBITS,
    available_bytes,
    density_bytes,
    join_bytes,
    left_by_limits,
    required_bytes,
    stabilizer_bytes,
    trajectory_bytes,
)
from ..plan import BLOCK_SHOTS, NoisyPlan, ProductPlan, Runnable, StabilizerPlan
from ..state import Cancelled, Flag
from .ensemble import BATCH_QUBITS

_PERIOD = 0.1
"""Time between two looks at the memory in s."""

_changed = threading.Condition()
_taken: list[int] = []
"""What each circuit that runs in this process has asked for, in bytes."""


@contextmanager
def reserve(needed: int, asked: bool, cancelled: Flag | None) -> Iterator[None]:
    """Wait until other circuits of this process leave room for one.

    Args:
        needed: Bytes.
        asked: Whether the machine is asked what it has, or only what limits the process has.
        cancelled: Looked at while it waits.

    Raises:
        OqtopusError: If there is not enough for it, even alone.
        Cancelled: If the flag was set.
    """
    with _changed:
        while True:
            ask = available_bytes if asked else left_by_limits
            available = ask(new_threads=0)
            # A part of what others have asked for is in use already; which part is not known.
            if available is None or needed <= available - sum(_taken):
                break
            if not _taken:
                raise OqtopusError(
                    f"it needs {needed:,} bytes, and {available:,} bytes are available in the "
                    "process that runs it; use fewer active qubits, or raise the limits of the "
                    "process"
                )
            if cancelled is not None and cancelled.is_set():
                raise Cancelled
            _changed.wait(_PERIOD)
        _taken.append(needed)
    try:
        yield
    finally:
        with _changed:
            _taken.remove(needed)
            _changed.notify_all()


def is_small(plan: Runnable, shots: int) -> bool:
    """Return whether every process without limits has the memory for a plan."""
    if isinstance(plan, ProductPlan):
        small = all(is_small(part.plan, shots) for part in plan.parts)
        return small and _find_join_bytes(plan, shots) <= ALWAYS_THERE
    if isinstance(plan, StabilizerPlan):
        return _find_stabilizer_bytes(plan, shots) <= ALWAYS_THERE
    if isinstance(plan, NoisyPlan):
        return len(plan.plan.qubits) <= SMALL_QUBITS // 2
    return len(plan.qubits) <= SMALL_QUBITS


def find_needed_bytes(plan: Runnable, shots: int, branch_bytes: int) -> int:
    """Return the peak number of bytes that a plan takes, its branches included."""
    if isinstance(plan, ProductPlan):
        parts = [find_needed_bytes(part.plan, shots, branch_bytes) for part in plan.parts]
        return max(*parts, _find_join_bytes(plan, shots))
    if isinstance(plan, StabilizerPlan):
        return _find_stabilizer_bytes(plan, shots)
    if isinstance(plan, NoisyPlan):
        inner = plan.plan
        n = len(inner.qubits)
        if plan.method == "density_matrix":
            # Branches are arrays of numpy, which raises MemoryError.
            return density_bytes(n, inner.is_static, inner.has_wide_gates)
        needed = trajectory_bytes(n, shots)
    else:
        inner = plan
        n = len(plan.qubits)
        needed = required_bytes(n, not plan.is_static or plan.has_wide_maps)
    if not inner.is_static and n > BATCH_QUBITS:
        needed += min(branch_bytes, shots * (16 << n))
    return needed


def _find_stabilizer_bytes(plan: StabilizerPlan, shots: int) -> int:
    return stabilizer_bytes(plan.num_qubits, plan.num_records, shots)


def _find_join_bytes(plan: ProductPlan, shots: int) -> int:
    bits = sum(len(part.clbits) for part in plan.parts)
    return join_bytes(min(shots, BLOCK_SHOTS), bits)
