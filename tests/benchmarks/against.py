"""This checkout beside another one: the same rows, each in a process of its own, interleaved.

The processes are given the circuits as plain Qiskit objects and use the public names of the package
only, so that the other checkout may have any layout inside.
"""

from __future__ import annotations

import copy
import os
import pickle
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from qiskit.transpiler import InstructionProperties, Target

from .peers import OURS
from .report import format_seconds, format_spread, table
from .results import Result, find_source, summarize
from .timing import compare
from .workload import Batch, Seconds, Task, Unsupported, Workload

ROUNDS = 9
"""Rounds that are timed at least."""

SLOWER = 1.05
"""A median ratio above this is marked in the table."""

OTHER = "the other checkout"

_HERE = Path(__file__).parents[2]
_WORKER = Path(__file__).with_name("against_worker.py")


def build_request(workload: Workload) -> dict[str, Any]:
    """Return what our backend does in a workload, in plain Qiskit objects.

    Args:
        workload: A workload whose own task has circuits and shots, with or without a Target; a PUB
            of a primitive; or a statement that is run in a fresh process.

    Raises:
        Unsupported: If its task has none of these.
    """
    task: Any = workload.tasks[OURS]
    for given in task.args:
        if isinstance(given, Batch):
            request = {"kind": "run", "circuits": given.circuits, "shots": given.shots}
            targets = [_to_plain(other) for other in task.args if isinstance(other, Target)]
            return {**request, "target": targets[0] if targets else None}
        if isinstance(given, tuple):
            kind = "sampler" if "shots" in task.keywords else "estimator"
            return {"kind": kind, "pub": given, "options": task.keywords}
        if isinstance(given, str):
            return {"kind": "import", "statement": given}
    raise Unsupported("its task has no circuits, PUB or statement that could be sent")


def _to_plain(target: Target) -> tuple[Target, dict[tuple[int, ...], tuple[float, float]]]:
    """Return a Target of nothing but Qiskit's classes, and the two readout errors of each qubit."""
    plain = copy.deepcopy(target)
    readout = {}
    for qubits, properties in target["measure"].items():
        if hasattr(properties, "prob_meas1_prep0"):
            readout[qubits] = (properties.prob_meas1_prep0, properties.prob_meas0_prep1)
            known = InstructionProperties(properties.duration, properties.error)
            plain.update_instruction_properties("measure", qubits, known)
    return plain, readout


@dataclass(frozen=True)
class RemoteTask(Task):
    """A task of our backend in a process that imports the package from a checkout.

    Attributes:
        process: The process.
    """

    process: subprocess.Popen[bytes]

    @classmethod
    def start(cls, checkout: Path, request: Mapping[str, Any]) -> RemoteTask:
        """Start a process, and give it what it will run.

        Args:
            checkout: Root of the checkout.
            request: As from :func:`build_request`.
        """
        payload = pickle.dumps(dict(request))
        if b"qiskit_oqtopus" in payload and request["kind"] != "import":
            raise Unsupported("it needs an object of this package, which may differ elsewhere")
        process = subprocess.Popen(
            [sys.executable, str(_WORKER)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": str(checkout)},
            cwd=checkout,
        )
        task = cls(process)
        try:
            task._ask((str(checkout), payload))
        except BaseException:
            task.close()
            raise
        return task

    def answer(self) -> Any:
        """Run once and return what is then checked."""
        answer = self._ask("answer")
        if isinstance(answer, dict):  # the registers of a sampler
            return SimpleNamespace(
                **{name: SimpleNamespace(array=array) for name, array in answer.items()}
            )
        return answer

    def once(self) -> Seconds:
        """Run once and return the times."""
        return Seconds(*self._ask("once"))

    def close(self) -> None:
        """End the process."""
        if self.process.stdin is not None:
            self.process.stdin.close()
        self.process.wait()

    def _ask(self, command: Any) -> Any:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(pickle.dumps(command))
        self.process.stdin.flush()
        try:
            # Written by our own script, in a process that we have started.
            return pickle.load(self.process.stdout)
        except EOFError:
            raise RuntimeError("The process of a checkout failed; see what it printed.") from None


def measure_against(workload: Workload, other: Path, rounds: int, again: bool = False) -> Result:
    """Check and time a workload in this checkout and in another one.

    Args:
        workload: The workload.
        other: Root of the other checkout.
        rounds: Rounds that are timed, if the workload wants no more.
        again: Whether the same circuits are run again and again, instead of new ones each time.

    Returns:
        The times of this checkout ("ours") and of the other one, and their ratio.

    Raises:
        Unsupported: If the workload cannot be sent to another process.
        WrongAnswer: If one of the two is wrong.
    """
    request = {**build_request(workload), "again": again}
    tasks: dict[str, RemoteTask] = {}
    try:
        for name, checkout in ((OURS, _HERE), (OTHER, other.absolute())):
            tasks[name] = RemoteTask.start(checkout, request)
            workload.check(name, tasks[name].answer())
        expected = sum(task.once().total for task in tasks.values())
        times = compare(tasks, max(rounds, ROUNDS, workload.rounds), expected=expected)
    finally:
        for task in tasks.values():
            task.close()
    return summarize(workload.name, workload.title, find_source(), [times])


def against_table(results: Sequence[Result]) -> str:
    """Return a row for each result; those that have become slower are marked."""
    rows = [["row", "here", "there", "here / there", f"over {SLOWER:g}"]]
    for result in results:
        ratio = result.ratios[OTHER]
        rows.append(
            [
                f"{result.name}: {result.title}",
                format_seconds(result.seconds[OURS]),
                format_seconds(result.seconds[OTHER]),
                format_spread(ratio),
                "**yes**" if ratio.median > SLOWER else "no",
            ]
        )
    return table(rows)
