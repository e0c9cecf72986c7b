"""The errors of the package: one class per thing that a caller can do something about."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from qiskit.exceptions import QiskitError
from qiskit.providers import JobError, JobTimeoutError

if TYPE_CHECKING:
    from qiskit.result import Result

    from .problem import Problem


class OqtopusError(QiskitError):
    """Base class of every error that this package raises on purpose."""


class OqtopusWarning(UserWarning):
    """Base class of the warnings of this package."""


class OqtopusOptionError(OqtopusError, ValueError):
    """A run or backend option is unknown or has a value that cannot be used."""


class OqtopusCircuitError(OqtopusError):
    """One or more circuits cannot be run; every problem of every circuit is listed.

    Attributes:
        problems: What is wrong, where, and what to do about it.
    """

    def __init__(self, problems: Sequence[Problem], where: str) -> None:
        self.problems: tuple[Problem, ...] = tuple(problems)
        self._where = where
        count = len(self.problems)
        lines = "\n".join(f"  - {problem}" for problem in self.problems)
        noun = "problem" if count == 1 else "problems"
        super().__init__(f"Nothing was run on {where}: {count} {noun} found.\n{lines}")

    def __reduce__(self) -> tuple[type[OqtopusCircuitError], tuple[tuple[Problem, ...], str]]:
        return type(self), (self.problems, self._where)


class OqtopusJobError(OqtopusError, JobError):
    """A job failed.

    Attributes:
        result: What was computed before the failure, or None.
    """

    result: Result | None = None


class OqtopusJobCancelledError(OqtopusJobError):
    """A job was cancelled, so that it has no complete result."""


class OqtopusJobTimeoutError(OqtopusJobError, JobTimeoutError):
    """A wait ended before its job did. The job goes on."""
