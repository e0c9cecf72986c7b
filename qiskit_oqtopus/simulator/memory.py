"""How much memory a simulation takes, and how much there is."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, NamedTuple

resource: Any
try:
    import resource
except ImportError:  # Windows has no such limits
    resource = None

BYTES_PER_AMPLITUDE = 48
"""Peak bytes per amplitude: the complex state, a complex copy of it, and real work arrays."""

BRANCHING_BYTES_PER_AMPLITUDE = 80
"""The same for a circuit that keeps a second branch, or rearranges the state as an array."""

BASE_BYTES = 1 << 20
"""What a simulation takes besides its amplitudes."""

BRANCH_BYTES = 1 << 28
"""Bound on the state vectors that branching keeps at once; two are always allowed.

A constant, since the order of the random draws depends on it: a seed gives the same counts on a
machine of any size.
"""

SMALL_QUBITS = 19
"""Every machine has the memory for this many qubits: asking for it would only cost time."""

MAX_QUBITS = 30
"""No default Target is wider than this, however much memory there is."""


def required_bytes(num_qubits: int, branching: bool = False) -> int:
    """Return the peak number of bytes that a circuit with this many active qubits takes.

    >>> required_bytes(20)
    51380224
    """
    each = BRANCHING_BYTES_PER_AMPLITUDE if branching else BYTES_PER_AMPLITUDE
    return BASE_BYTES + (each << num_qubits)


def join_bytes(shots: int, num_bits: int) -> int:
    """Return the peak number of bytes for joining the outcomes of independent parts.

    Of each shot, or each possible outcome if there are fewer: words of 64 bits, what they are
    sorted by, and a number of Python's own for each outcome that occurs.

    Args:
        shots: Number of shots.
        num_bits: Number of classical bits of all parts.

    >>> join_bytes(1000, 144)
    1224576
    """
    words = -(-num_bits // 64)
    return BASE_BYTES + min(shots, 1 << num_bits) * (24 * words + 104)


def describe_bytes(number: int) -> str:
    """Return a number of bytes in words: as a power of two where nobody can read its digits.

    >>> describe_bytes(1234567), describe_bytes(48 << 144)
    ('1,234,567 bytes', 'over 2^149 bytes')
    """
    return f"{number:,} bytes" if number < 1 << 42 else f"over 2^{number.bit_length() - 1} bytes"


def branch_bytes(max_memory_mb: int | None) -> int:
    """Return the bound on the state vectors that branching keeps at once, in bytes.

    It is a quarter of the limit that the user has set, since a split copies branches and
    each has classical values beside its state, and at most :data:`BRANCH_BYTES`.

    >>> branch_bytes(100)
    26214400
    """
    if max_memory_mb is None:
        return BRANCH_BYTES
    return min(BRANCH_BYTES, max_memory_mb << 18)


def max_qubits(available: int) -> int:
    """Return the largest number of active qubits that fit into ``available`` bytes, at most 30.

    That is floor(log2((available - 1 MiB) / 48)), and never less than 1.

    >>> max_qubits(16 * 2**30)
    28
    """
    qubits = max(available - BASE_BYTES, 0) // BYTES_PER_AMPLITUDE
    return max(1, min(MAX_QUBITS, qubits.bit_length() - 1))


class Budget:
    """The bytes that the circuits of one run may take.

    Args:
        limit: The limit that the user has set, or None for what the machine has.
    """

    def __init__(self, limit: int | None = None) -> None:
        self._limit = limit
        self._available: int | None = None
        self.is_set = limit is not None or is_limited()
        """Whether there is a limit that even a small circuit may exceed."""

    @property
    def available(self) -> int:
        """The bytes available; the machine is asked once."""
        if self._available is None:
            left = available_bytes() if self._limit is None else left_by_limits()
            bounds = [bound for bound in (self._limit, left) if bound is not None]
            self._available = min(bounds)
        return self._available

    def fits(self, needed: int) -> bool:
        """Return whether this many bytes are available. What every machine has is not asked for."""
        return (not self.is_set and needed <= ALWAYS_THERE) or needed <= self.available

    def may_grow(self, needed: int) -> bool:
        """Return whether this many bytes might be available if the user set a higher limit."""
        import psutil  # takes its time to import, and few come here

        return self._limit is not None and needed <= int(psutil.virtual_memory().total)


NEW_THREADS = 2
"""Threads that a job may start: its own, and the dispatcher."""

ALWAYS_THERE = required_bytes(SMALL_QUBITS, branching=True)
"""No machine is asked for this many bytes."""


def available_bytes(root: Path = Path("/"), new_threads: int = NEW_THREADS) -> int:
    """Return the bytes that this process can still take.

    It is the least of what the operating system calls available, what the limits of the process
    leave (see :func:`left_by_limits`), and what the limits of its control groups (version 2 or 1)
    and their parents leave. Cached files do not count as used: they make room.

    Args:
        root: Where /proc and /sys are.
        new_threads: See :func:`left_by_limits`.
    """
    import psutil  # takes its time to import, and not every process comes here

    available = int(psutil.virtual_memory().available)
    left = left_by_limits(root, new_threads)
    if left is not None:
        available = min(available, left)
    for group in _cgroups(root):
        try:
            free = int(group.limit.read_text()) - int(group.used.read_text())
        except (OSError, ValueError):  # absent, or "max": no limit there
            continue
        available = min(available, max(free + _cached_bytes(group), 0))
    return available


def is_limited() -> bool:
    """Return whether the address space of this process has a limit (``ulimit -v`` or ``-d``)."""
    return resource is not None and any(
        resource.getrlimit(kind)[0] != resource.RLIM_INFINITY for kind, _ in _LIMITS
    )


def left_by_limits(root: Path = Path("/"), new_threads: int = NEW_THREADS) -> int | None:
    """Return the bytes that the limits of this process leave for states; None without limits.

    Where they are exceeded, Qulacs ends the process, and so do the libraries that start threads
    for it. So a part of the rest is kept for Python and for threads; small circuits get their
    memory nevertheless, unless nearly nothing is left.

    Args:
        root: Where /proc is.
        new_threads: How many threads of this package are still to be started.
    """
    if resource is None or not is_limited():
        return None
    left: int = min(
        resource.getrlimit(kind)[0] - _used_bytes(root, field)
        for kind, field in _LIMITS
        if resource.getrlimit(kind)[0] != resource.RLIM_INFINITY
    )
    if left < _PYTHON_BYTES:
        return 0
    kept = _PYTHON_BYTES + new_threads * _ARENA_BYTES + _STACK_BYTES * (os.cpu_count() or 1)
    return max(left - kept, 2 * BASE_BYTES)


def _used_bytes(root: Path, field: int) -> int:
    try:
        pages = int((root / "proc/self/statm").read_text().split()[field])
        return pages * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):  # not Linux
        import psutil

        return int(psutil.Process().memory_info().vms)


_LIMITS = () if resource is None else ((resource.RLIMIT_AS, 0), (resource.RLIMIT_DATA, 5))
"""Limits of the address space, and the field of /proc/self/statm that each is about."""

_PYTHON_BYTES = 1 << 26
"""What Python itself may need while a circuit is simulated."""

_ARENA_BYTES = 72 << 20
"""What a thread that allocates memory reserves: an arena of glibc and its stack."""

_STACK_BYTES = 10 << 20
"""What a thread of Qulacs reserves."""


class _Group(NamedTuple):
    """Files of a control group: its limit, its usage, and what is in the usage.

    Attributes:
        limit: Bytes, or "max".
        used: Bytes.
        statistics: Lines of names and bytes.
        cached: The name of the line with cached files that are not in use.
    """

    limit: Path
    used: Path
    statistics: Path
    cached: str


def _cached_bytes(group: _Group) -> int:
    try:
        lines = [line.split() for line in group.statistics.read_text().splitlines()]
        return next(int(line[1]) for line in lines if line[0] == group.cached)
    except (OSError, ValueError, IndexError, StopIteration):
        return 0


def _cgroups(root: Path) -> list[_Group]:
    """Return the control groups of this process and their parents."""
    try:
        lines = (root / "proc/self/cgroup").read_text().splitlines()
    except OSError:
        return []
    groups = []
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers == "":
            mount = root / "sys/fs/cgroup"
            names = ("memory.max", "memory.current", "memory.stat")
            cached = "inactive_file"
        elif "memory" in controllers.split(","):
            mount = root / "sys/fs/cgroup/memory"
            names = ("memory.limit_in_bytes", "memory.usage_in_bytes", "memory.stat")
            cached = "total_inactive_file"
        else:
            continue
        group = mount / path.strip("/")
        # Inside a container the path may name the host's tree: the mount itself is then the group.
        for folder in (group, *group.parents):
            limit, used, statistics = (folder / name for name in names)
            groups.append(_Group(limit, used, statistics, cached))
            if folder == mount:
                break
    return groups


def density_bytes(num_qubits: int, is_static: bool = True, wide: bool = False) -> int:
    """Return the peak number of bytes that a density matrix takes.

    For each of its 4**n Pauli coefficients: 8 bytes, as many for the next result, and as many for
    what is read from it; branching takes two of them. A wide gate is applied to a state vector of
    2n qubits, which is copied on its ways there and back.

    Args:
        num_qubits: Number n of qubits.
        is_static: Whether there is only one branch.
        wide: Whether there is a gate on so many qubits that it has no transfer matrix.

    >>> density_bytes(10)
    26214400
    """
    each = (24 if is_static else 48) + (96 if wide else 0)
    return BASE_BYTES + (each << 2 * num_qubits)


def trajectory_bytes(num_qubits: int, shots: int) -> int:
    """Return the peak number of bytes that trajectories take: log2(shots) + 2 states are alive.

    >>> trajectory_bytes(20, 1000)
    219152384
    """
    return BASE_BYTES + (16 * (shots.bit_length() + 1) + 32 << num_qubits)


def stabilizer_bytes(num_qubits: int, num_records: int, shots: int) -> int:
    """Return the peak number of bytes that a stabilizer circuit takes.

    In a block of shots, a byte and a bit for each measurement, which are read, and two bits for
    each qubit. Then the outcomes of all shots, as :func:`join_bytes` counts them. Before that, the
    tableau of one shot: four bits for each pair of qubits, and their transposes.

    Args:
        num_qubits: Number of qubits.
        num_records: Number of measurements.
        shots: Number of shots.

    >>> stabilizer_bytes(145, 144, 10_000)
    8599601
    """
    block = min(shots, STABILIZER_SHOTS) * (3 * num_records + num_qubits)
    return join_bytes(shots, num_records) + block + num_qubits**2


STABILIZER_SHOTS = 1 << 14
"""Shots of stabilizer circuits are drawn in blocks of this size: the counts of a seed depend on
it."""
