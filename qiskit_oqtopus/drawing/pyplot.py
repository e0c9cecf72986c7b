"""Matplotlib, which is only needed where something is drawn."""

from __future__ import annotations

from typing import Any


def import_pyplot() -> Any:
    """Return ``matplotlib.pyplot``.

    Raises:
        ModuleNotFoundError: If it is not installed; the message says how to.
    """
    try:
        import matplotlib.pyplot as plt
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "Pictures need matplotlib; install it with: "
            'python -m pip install "qiskit-oqtopus[visualization]"',
            name=error.name,
        ) from error
    return plt
