"""W9: the time to import the package, each time in a fresh process."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path

from ..peers import OURS
from ..workload import Goal, Seconds, Task, Unsupported, Workload

ROUNDS = 15

QISKIT, AER = "`import qiskit`", "`import qiskit_aer`"

_ROOT = Path(__file__).parents[3]

_SCRIPT = """
import time
start = time.perf_counter()
{statement}
print(time.perf_counter() - start)
"""


STATEMENTS = {
    "package": "import qiskit_oqtopus",
    # The names are loaded when they are first asked for.
    "simulator": "from qiskit_oqtopus import QulacsBackend",
}


@dataclass(frozen=True)
class FreshImport(Task):
    """Imports something in a new process; the start of the interpreter is not counted.

    Attributes:
        statement: The statement that imports.
    """

    statement: str

    def answer(self) -> None:
        """Import once; nothing is left to check."""
        self.once()

    def once(self) -> Seconds:
        """Import once and return the time."""
        command = [sys.executable, "-c", _SCRIPT.format(statement=self.statement)]
        printed = subprocess.run(command, check=True, capture_output=True, text=True, cwd=_ROOT)
        seconds = float(printed.stdout)
        return Seconds(seconds, seconds)


def _module(name: str) -> Task:
    if find_spec(name) is None:
        raise Unsupported(f"{name} is not installed")
    return FreshImport(f"import {name}")


def workload(kind: str) -> Workload:
    """Return a workload."""
    statement = STATEMENTS[kind]
    return Workload(
        f"w9-{kind}",
        f"W9 `{statement}`",
        {
            OURS: partial(FreshImport, statement),
            QISKIT: partial(_module, "qiskit"),
            AER: partial(_module, "qiskit_aer"),
        },
        lambda peer, answer: None,
        [Goal(QISKIT, 1.2), Goal(AER, None)],
        ROUNDS,
    )


WORKLOADS = {f"w9-{kind}": partial(workload, kind) for kind in STATEMENTS}
