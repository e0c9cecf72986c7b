"""The errors of the package: one class per thing that a caller can do something about.

* OqtopusError (qiskit.exceptions.QiskitError)

  * OqtopusOptionError (also ValueError): an option is unknown, or its value cannot be used
  * OqtopusCircuitError: circuits cannot be run; ``problems`` is a list of :class:`Problem`
  * OqtopusPubError (also ValueError): PUBs of a primitive cannot be run
  * OqtopusJobError (also qiskit.providers.JobError): a job failed

    * OqtopusJobCancelledError
    * OqtopusJobTimeoutError (also qiskit.providers.JobTimeoutError): the job goes on

  * OqtopusCloudError: OQTOPUS Cloud could not be asked, or did not do what it was asked

    * OqtopusCredentialsError: no account, or a token that is not accepted
    * OqtopusForbiddenError: the account may not do this
    * OqtopusNotFoundError: no such device or backend

      * OqtopusJobNotFoundError (also JobError)

    * OqtopusRateLimitError: too many requests
    * OqtopusValidationError: the request is refused as wrong
    * OqtopusServerError: the server failed
    * OqtopusConnectionError: no answer came
    * OqtopusProtocolError: an answer that cannot be understood
    * OqtopusSubmissionError (also JobError): not all circuits of a run could be submitted

* OqtopusWarning (UserWarning)
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from qiskit.exceptions import QiskitError
from qiskit.providers import JobError, JobTimeoutError

if TYPE_CHECKING:
    from qiskit.primitives import PrimitiveResult
    from qiskit.result import Result


@dataclass(frozen=True)
class Problem:
    """What is wrong with a circuit, where, and what to do about it.

    Attributes:
        circuit: Position of the circuit in the list that was given to ``run``.
        name: Name of the circuit.
        reason: What is wrong.
        cure: What the caller can do.
        instruction: The instruction concerned, e.g. ``"kraus"``, or None.
        position: Index of the top-level instruction in ``circuit.data``, or None.
        qubits: Indices of the qubits concerned, in the outermost circuit.
        noun: What ``circuit`` counts: "circuit", or "PUB" for those of a primitive.

    >>> print(Problem(0, "bell", "it has no matrix", "decompose it", "box_of_mine", 3, (0, 1)))
    circuit 0 ('bell'), instruction 3 ('box_of_mine' on qubits 0, 1): it has no matrix; decompose it
    """

    circuit: int
    name: str
    reason: str
    cure: str
    instruction: str | None = None
    position: int | None = None
    qubits: tuple[int, ...] = ()
    noun: str = "circuit"

    def __str__(self) -> str:
        where = f"{self.noun} {self.circuit} ({self.name!r})"
        if self.instruction is not None:
            noun = "qubit" if len(self.qubits) == 1 else "qubits"
            on = f" on {noun} {', '.join(map(str, self.qubits))}" if self.qubits else ""
            number = "" if self.position is None else f" {self.position}"
            where += f", instruction{number} ({self.instruction!r}{on})"
        return f"{where}: {self.reason}; {self.cure}"


class OqtopusError(QiskitError):
    """Base class of every error that this package raises on purpose."""

    def __str__(self) -> str:
        # Qiskit's own shows the repr of the message, in which a list of problems is one long line.
        return str(self.message)


class OqtopusWarning(UserWarning):
    """Base class of the warnings of this package."""


def users_stacklevel() -> int:
    """Return the ``stacklevel`` with which a warning names the user's line.

    It is that of the nearest frame outside of this package, for a warning that is raised in the
    function that asks.
    """
    package = __name__.partition(".")[0]
    level, frame = 0, sys._getframe()
    while frame.f_back is not None:
        level, frame = level + 1, frame.f_back
        if frame.f_globals.get("__name__", "").partition(".")[0] != package:
            break
    return level


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


class OqtopusPubError(OqtopusError, ValueError):
    """PUBs of a primitive cannot be run.

    Attributes:
        pub: Position of the first of them in the list that was given to ``run``, or None if the
            list itself is wrong.
        problems: (position, what is wrong) for each of them.
    """

    def __init__(self, pub: int | None, reason: str, *others: tuple[int | None, str]) -> None:
        self.pub = pub
        self.problems = ((pub, reason), *others)
        lines = [why if place is None else f"PUB {place}: {why}" for place, why in self.problems]
        if others:
            lines = [f"{len(lines)} PUBs cannot be run.", *(f"  - {line}" for line in lines)]
        super().__init__("\n".join(lines))

    def __reduce__(self) -> tuple[type[OqtopusPubError], tuple[Any, ...]]:
        (pub, reason), *others = self.problems
        return type(self), (pub, reason, *others)


class OqtopusJobError(OqtopusError, JobError):
    """A job failed.

    Attributes:
        result: What was computed before the failure, or None. The result of a primitive has None
            in the place of each PUB that failed.
    """

    result: Result | PrimitiveResult | None = None


class OqtopusJobCancelledError(OqtopusJobError):
    """A job was cancelled, so that it has no complete result."""


class OqtopusJobTimeoutError(OqtopusJobError, JobTimeoutError):
    """The time was over before a job had ended and its results had come.

    The job goes on, and the results that have come are kept for the next call.
    """


class OqtopusCloudError(OqtopusError):
    """OQTOPUS Cloud could not be asked, or did not do what it was asked.

    Attributes:
        status: HTTP status of the answer, or None if there was none.
    """

    status: int | None = None


class OqtopusCredentialsError(OqtopusCloudError):
    """There is no account, it is incomplete, or OQTOPUS Cloud does not accept its token."""


class OqtopusForbiddenError(OqtopusCloudError):
    """The account may not do this, for example use this device."""


class OqtopusNotFoundError(OqtopusCloudError):
    """There is no such device or backend."""


class OqtopusJobNotFoundError(OqtopusNotFoundError, JobError):
    """No job of this account has this id."""


class OqtopusRateLimitError(OqtopusCloudError):
    """OQTOPUS Cloud asks for fewer requests, and still did when the request was tried again."""


class OqtopusValidationError(OqtopusCloudError):
    """OQTOPUS Cloud refuses a request as wrong; the message names the field where it says so."""


class OqtopusServerError(OqtopusCloudError):
    """OQTOPUS Cloud failed."""


class OqtopusConnectionError(OqtopusCloudError):
    """No answer came: a connection, name, TLS or time-out failure."""


class OqtopusProtocolError(OqtopusCloudError):
    """An answer of OQTOPUS Cloud, or what a job holds, cannot be understood."""


class OqtopusSubmissionError(OqtopusCloudError, JobError):
    """A group of circuits could not be submitted whole; what was sent is kept by default.

    Attributes:
        group_id: Finds what was sent: ``provider.job(group_id)``; ``backend.run(circuits,
            resume=group_id)`` sends the rest.
        job_ids: OQTOPUS job id of each circuit that was sent, by its index.
        missing: Indices of the circuits that were not sent.
        unsettled: OQTOPUS job id, by index, of circuits of which it could not be found out whether
            they were submitted; ``resume`` finds that out first.
    """

    group_id: str = ""
    job_ids: Mapping[int, str] = MappingProxyType({})
    missing: tuple[int, ...] = ()
    unsettled: Mapping[int, str] = MappingProxyType({})
