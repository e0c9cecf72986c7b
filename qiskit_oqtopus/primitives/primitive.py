"""What the sampler and the estimator have in common: a backend, and options."""

from __future__ import annotations

from typing import Any, ClassVar, Generic

from ..cloud.backend import OqtopusBackend
from ..simulator.backend import QulacsBackend
from .executor import find_executor
from .options import PrimitiveOptions, parse_options, replace_options

RUN_ONLY = ("group_id", "resume")
"""Arguments of ``run`` that are no options of the primitive."""


class Primitive(Generic[PrimitiveOptions]):
    """A primitive on a device of OQTOPUS Cloud or on the local simulator.

    Args:
        backend: An :class:`~qiskit_oqtopus.OqtopusBackend` or a
            :class:`~qiskit_oqtopus.QulacsBackend`.
        options: None, a dictionary, or an instance of the class of the options.

    Raises:
        OqtopusOptionError: If the backend is another one, an option is unknown, or its value cannot
            be used.
    """

    _name: ClassVar[str]
    _options_class: type[PrimitiveOptions]

    def __init__(self, backend: OqtopusBackend | QulacsBackend, *, options: Any = None) -> None:
        self._executor = find_executor(backend, self._name)
        self._backend = backend  # qiskit-experiments reads it
        self._options = parse_options(self._options_class, options)

    def backend(self) -> OqtopusBackend | QulacsBackend:
        """Return the backend."""
        return self._backend

    @property
    def options(self) -> PrimitiveOptions:
        """The options; set them by attribute, or several with ``options.update(...)``."""
        return self._options

    def _for_run(self, given: dict[str, Any]) -> tuple[PrimitiveOptions, dict[str, Any]]:
        """Return the options of one run, and its arguments that are no options.

        Args:
            given: All keywords that ``run`` was given beside its own.

        Raises:
            OqtopusOptionError: If an option is unknown or its value cannot be used.
        """
        arguments = {name: given[name] for name in RUN_ONLY if name in given}
        values = {name: value for name, value in given.items() if name not in RUN_ONLY}
        return replace_options(self._options, values), arguments
