"""What the sampler and the estimator have in common: a backend, and options."""

from __future__ import annotations

import dataclasses
from typing import Any, ClassVar, Generic

import numpy as np

from ..cloud.backend import OqtopusBackend
from ..exceptions import OqtopusOptionError
from ..simulator.backend import QulacsBackend
from .executor import find_executor
from .options import PrimitiveOptions, draw_seed, parse_options, replace_options

RUN_ONLY = ("group_id", "resume", "rerun_lost")
"""Arguments of ``run`` that are no options of the primitive."""


class Primitive(Generic[PrimitiveOptions]):
    """A primitive on a device of OQTOPUS Cloud or on the local simulator.

    Args:
        backend: An :class:`~qiskit_oqtopus.OqtopusBackend` or a
            :class:`~qiskit_oqtopus.QulacsBackend`.
        mode: The same, by the name that it has in qiskit-ibm-runtime.
        options: None, a dictionary, or an instance of the class of the options.

    Raises:
        OqtopusOptionError: If the backend is another one, an option is unknown, or its value cannot
            be used.
    """

    _name: ClassVar[str]
    _options_class: type[PrimitiveOptions]

    def __init__(
        self,
        backend: OqtopusBackend | QulacsBackend | None = None,
        *,
        mode: OqtopusBackend | QulacsBackend | None = None,
        options: Any = None,
    ) -> None:
        if (backend is None) is (mode is None):
            raise OqtopusOptionError(
                f"{self._name} needs a backend: give it as 'backend', or as 'mode' as to the "
                "primitives of qiskit-ibm-runtime, and not as both."
            )
        backend = mode if backend is None else backend
        assert backend is not None  # noqa: S101 - for the type checker
        self._executor = find_executor(backend, self._name)
        self._backend = backend  # qiskit-experiments reads it
        self._options = parse_options(self._options_class, options)

    def __repr__(self) -> str:
        given = [
            f"{item.name}={value!r}"
            for item in dataclasses.fields(self._options)  # type: ignore[arg-type]
            if (value := getattr(self._options, item.name)) != item.default
        ]
        return f"<{type(self).__name__} on {self._backend.name}: {', '.join(given) or 'defaults'}>"

    def backend(self) -> OqtopusBackend | QulacsBackend:
        """Return the backend."""
        return self._backend

    @property
    def options(self) -> PrimitiveOptions:
        """The options; set them by attribute, or several with ``options.update(...)``."""
        return self._options

    @property
    def seed(self) -> int | np.random.Generator | None:
        """The option of that name."""
        return self._options.seed

    @seed.setter
    def seed(self, value: int | np.random.Generator | None) -> None:
        self._options.update(seed=value)

    def _for_run(self, given: dict[str, Any]) -> tuple[PrimitiveOptions, dict[str, Any]]:
        """Return the options of one run, and its arguments that are no options.

        Args:
            given: All keywords that ``run`` was given beside its own.

        Raises:
            OqtopusOptionError: If an option is unknown or its value cannot be used.
        """
        arguments = {name: given[name] for name in RUN_ONLY if name in given}
        values = {name: value for name, value in given.items() if name not in RUN_ONLY}
        return draw_seed(replace_options(self._options, values)), arguments
