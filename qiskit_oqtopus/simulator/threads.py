"""How many threads Qulacs and BLAS take: none of their threads waits for another in vain.

Both spread an operation over all processors and wait actively for the slowest thread, so that one
busy neighbor holds up every gate. Only large operations gain more than that costs.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import qulacs

SPREAD_QUBITS = 20
"""Smaller states are not spread: measured on two processors, beside a busy neighbor two threads
took several times as long as one up to 18 qubits, at 20 about what they save on an idle machine,
and at 22 no longer than one."""

CALM_QUBITS = 11
"""Density matrices of at most this many qubits are multiplied by one thread: measured on two
processors, two were never faster, and beside a busy neighbor up to eight times slower."""

UNSPREAD_QUBITS = 6
"""The products for one density matrix of at most this many qubits are too small for BLAS to spread
them."""

_NUMBER, _THRESHOLD = "QULACS_NUM_THREADS", "QULACS_PARALLEL_NQUBIT_THRESHOLD"

_CHOICES = ("OMP_NUM_THREADS", _NUMBER, _THRESHOLD)
_BLAS_CHOICES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
"""Whoever has set one of these has chosen, and keeps what he chose."""

_lock = threading.Lock()
_first_run_threads: list[int | None] = []


def limit_threads(max_threads: int | None) -> bool:
    """Let Qulacs use at most this many threads in this process, and none for small states.

    Qulacs reads its environment once, at the first gate of the process: only the first call of this
    function has an effect.

    Args:
        max_threads: The number of threads for states of any size. None for as many as Qulacs takes
            by itself, on states of at least :data:`SPREAD_QUBITS` qubits unless the environment
            says otherwise.

    Returns:
        Whether the limit holds: False if this process has simulated before with another limit.
    """
    if not _first_run_threads:
        with _lock:
            if not _first_run_threads:
                _let_qulacs_read(max_threads)
                _first_run_threads.append(max_threads)
    return max_threads is None or max_threads == _first_run_threads[0]


def _let_qulacs_read(max_threads: int | None) -> None:
    """Apply a first gate with the settings in the environment, which is then as it was."""
    settings = {}
    if max_threads is not None:
        settings[_NUMBER] = str(max_threads)
    elif not any(os.environ.get(name) for name in _CHOICES):
        settings[_THRESHOLD] = str(SPREAD_QUBITS)
    before = {name: os.environ.get(name) for name in settings}
    os.environ.update(settings)
    try:
        qulacs.gate.X(0).update_quantum_state(qulacs.QuantumState(1))
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


class _Calm:
    """One thread of BLAS for the whole process, as long as any run wants that.

    A thread of its own sets and restores the number: threadpoolctl, from 3.8 on, lets no other
    thread restore what one has set, and the run that ends last may be in another one than that
    which began.
    """

    def __init__(self) -> None:
        self.runs = 0
        self._keeper: threading.Thread | None = None
        self._end = threading.Event()

    def begin(self) -> None:
        """Limit BLAS, unless it is limited."""
        if self._keeper is None:
            begun, self._end = threading.Event(), threading.Event()
            keeper = threading.Thread(target=self._keep, args=(begun, self._end), daemon=True)
            keeper.start()
            self._keeper = keeper
            begun.wait()

    @staticmethod
    def _keep(begun: threading.Event, end: threading.Event) -> None:
        try:
            with _controller().limit(limits=1):
                begun.set()
                end.wait()
        finally:  # also if it cannot be limited: the run waits for this
            begun.set()

    def finish(self) -> None:
        """Restore the threads of BLAS."""
        self._end.set()
        if self._keeper is not None:
            self._keeper.join()
            self._keeper = None


_calm = _Calm()


@contextmanager
def calm_blas(num_qubits: int) -> Iterator[None]:
    """Let numpy multiply by one thread while a density matrix is computed, unless it is large.

    BLAS has read its environment when numpy was imported, and its number of threads is that of the
    process. It is restored when the last of several runs at once ends.

    Args:
        num_qubits: Number of qubits of the density matrix.
    """
    if num_qubits > CALM_QUBITS or any(os.environ.get(name) for name in _BLAS_CHOICES):
        yield
        return
    with _lock:
        _calm.runs += 1
    try:
        with _lock:
            _calm.begin()
        yield
    finally:
        with _lock:
            _calm.runs -= 1
            if not _calm.runs:
                _calm.finish()


@cache
def _controller() -> Any:
    from threadpoolctl import ThreadpoolController  # circuits without noise do not wait for it

    return ThreadpoolController().select(user_api="blas")
