"""How the installed Qulacs was built: its wheel on PyPI has no vector instructions."""

from __future__ import annotations

import logging
import threading
from importlib.metadata import PackageNotFoundError, distribution

logger = logging.getLogger(__name__)

HINT_QUBITS = 16
"""From this many active qubits on, Qulacs takes most of the time of a run."""

_unsaid = threading.Lock()


def hint_at_build(active_qubits: int) -> None:
    """Log once per process, for a large circuit, that a Qulacs built from its sources is faster.

    Args:
        active_qubits: Number of active qubits of a circuit that will be run.
    """
    if active_qubits < HINT_QUBITS or not logger.isEnabledFor(logging.INFO):
        return
    # Never released: how Qulacs was built is looked up once.
    if _unsaid.acquire(blocking=False) and is_from_pypi():
        logger.info(
            "The wheel of Qulacs on PyPI has no vector instructions. Built from its sources, "
            "Qulacs takes less than half the time on circuits like this one (%d active qubits): "
            "pip install --no-binary qulacs qulacs. What it needs is on the page Installation.",
            active_qubits,
        )


def is_from_pypi() -> bool:
    """Whether the installed Qulacs is the wheel for x86-64 Linux that PyPI has.

    A wheel that was built on this machine has the tag ``linux_x86_64``; only those that are
    published have ``manylinux``.
    """
    try:
        tags = distribution("qulacs").read_text("WHEEL") or ""
    except PackageNotFoundError:  # say, a folder of a build on the path
        return False
    return "manylinux" in tags and "x86_64" in tags
