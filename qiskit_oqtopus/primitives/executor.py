"""The executor that runs the PUBs of a primitive: one for devices, one for the simulator.

Both have the same methods: ``sample`` and ``estimate`` check all PUBs, start them and return a
:class:`~qiskit_oqtopus.primitives.job.PrimitiveJob`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .cloud import CloudExecutor
    from .local import LocalExecutor


def find_executor(backend: Any, primitive: str) -> CloudExecutor | LocalExecutor:
    """Return the executor that runs PUBs on a backend.

    Args:
        backend: A backend of this package.
        primitive: "Sampler" or "Estimator", for the error.

    Raises:
        OqtopusOptionError: If it is another backend.
    """
    from ..cloud.backend import OqtopusBackend
    from ..exceptions import OqtopusOptionError
    from ..simulator.backend import QulacsBackend

    if isinstance(backend, OqtopusBackend):
        from .cloud import CloudExecutor

        return CloudExecutor(backend)
    if isinstance(backend, QulacsBackend):
        from .local import LocalExecutor

        return LocalExecutor(backend)
    raise OqtopusOptionError(
        f"{primitive}V2 of qiskit_oqtopus runs on an OqtopusBackend or a QulacsBackend, not on "
        f"{backend!r:.80}; for other backends take "
        f"qiskit.primitives.Backend{primitive}V2(backend=backend)."
    )
