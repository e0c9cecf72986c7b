"""How much memory a simulation takes, and how much there is."""

from __future__ import annotations

from pathlib import Path

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
        self._available: int | None = limit

    @property
    def available(self) -> int:
        """The bytes available; the machine is asked once."""
        if self._available is None:
            self._available = available_bytes()
        return self._available

    @property
    def is_set(self) -> bool:
        """Whether the user has set a limit."""
        return self._limit is not None

    def fits(self, needed: int) -> bool:
        """Return whether this many bytes are available. What every machine has is not asked for."""
        return (self._limit is None and needed <= _ALWAYS_THERE) or needed <= self.available


_ALWAYS_THERE = required_bytes(SMALL_QUBITS, branching=True)


def available_bytes(root: Path = Path("/")) -> int:
    """Return the bytes that this process can still take.

    It is the least of what the operating system calls available and what the limits of the control
    groups (version 2 or 1) of this process leave.

    Args:
        root: Where /proc and /sys are.
    """
    import psutil  # takes its time to import, and not every process comes here

    available = int(psutil.virtual_memory().available)
    for limit, used in _cgroup_files(root):
        try:
            free = int(limit.read_text()) - int(used.read_text())
        except (OSError, ValueError):  # absent, or "max": no limit there
            continue
        available = min(available, max(free, 0))
    return available


def _cgroup_files(root: Path) -> list[tuple[Path, Path]]:
    """Return the (limit, usage) files of the control groups of this process and their parents."""
    try:
        lines = (root / "proc/self/cgroup").read_text().splitlines()
    except OSError:
        return []
    files = []
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers == "":
            mount, names = root / "sys/fs/cgroup", ("memory.max", "memory.current")
        elif "memory" in controllers.split(","):
            mount = root / "sys/fs/cgroup/memory"
            names = ("memory.limit_in_bytes", "memory.usage_in_bytes")
        else:
            continue
        group = mount / path.strip("/")
        # Inside a container the path may name the host's tree: the mount itself is then the group.
        for folder in (group, *group.parents):
            files.append((folder / names[0], folder / names[1]))
            if folder == mount:
                break
    return files


def density_bytes(num_qubits: int, is_static: bool = True) -> int:
    """Return the peak number of bytes that a density matrix takes.

    For each of its 4**n Pauli coefficients: 8 bytes, as many for the next result, and as many for
    what is read from it; branching takes two of them.

    >>> density_bytes(10)
    26214400
    """
    return BASE_BYTES + ((24 if is_static else 48) << 2 * num_qubits)


def trajectory_bytes(num_qubits: int, shots: int) -> int:
    """Return the peak number of bytes that trajectories take: log2(shots) + 2 states are alive.

    >>> trajectory_bytes(20, 1000)
    219152384
    """
    return BASE_BYTES + (16 * (shots.bit_length() + 1) + 32 << num_qubits)
