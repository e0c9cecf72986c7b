"""The second environment, which is made once with pip; it exchanges files with this one."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import venv
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .circuits import Spec

PEER = "qiskit-qulacs==0.1.0"

REQUIREMENTS = (
    "qiskit==1.4.*",
    PEER,
    # Its own requirements have no upper bounds; with these versions it is known to work.
    "qiskit-aer>=0.17,<0.19",
    "qiskit-algorithms>=0.3,<0.5",
    "qulacs>=0.6.11,<0.7",
    "numpy<3",
)

IMPORTED_FIRST = ("importlib-metadata",)
"""What qiskit-qulacs imports before Qiskit: its import must not fail because this is missing."""

_SCRIPT = Path(__file__).with_name("peer.py")


@dataclass(frozen=True)
class Answer:
    """What qiskit-qulacs answered for one circuit.

    Attributes:
        error: Name of the exception that it raised, or None.
        dropped: Names of the instructions that it warned of and left out.
        counts: Counts by key, if shots were asked for.
        vector: The state, shape (2**n,), if none were.
    """

    error: str | None
    dropped: list[str]
    counts: dict[str, int] | None
    vector: np.ndarray | None


class PeerEnvironment:
    """An environment with Qiskit 1.4 and qiskit-qulacs.

    Args:
        directory: Where it is, or will be made.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory.absolute()
        self._python = self._directory / "bin" / "python"
        self._alone = self._directory / "alone"  # qiskit-qulacs without Qiskit 1.4
        self._stamp = self._directory / "requirements.txt"

    def create(self) -> None:
        """Make the environment, unless it is there and complete."""
        stamp = "\n".join((*REQUIREMENTS, *IMPORTED_FIRST, f"# Python {sys.version_info[:2]}"))
        if self._stamp.exists() and self._stamp.read_text() == stamp:
            return
        shutil.rmtree(self._directory, ignore_errors=True)
        # Our own pip installs into it: Debian's Python has no ensurepip for a second one.
        venv.create(self._directory, symlinks=True, with_pip=False)
        pip = [sys.executable, "-m", "pip", "--python", str(self._python), "install", "--quiet"]
        subprocess.run([*pip, *REQUIREMENTS], check=True, env=_environment())
        alone = [*pip, "--target", str(self._alone)]
        subprocess.run([*alone, "--no-deps", PEER], check=True, env=_environment())
        subprocess.run([*alone, *IMPORTED_FIRST], check=True, env=_environment())
        self._stamp.write_text(stamp)

    def ask(self, requests: list[tuple[Spec, int]]) -> tuple[list[Answer], dict[str, bool]]:
        """Give circuits to qiskit-qulacs.

        Args:
            requests: Circuits, and their shots; 0 asks for the state vector.

        Returns:
            One answer per circuit, and what else was found out about qiskit-qulacs, by name.
        """
        with tempfile.TemporaryDirectory() as name:
            directory = Path(name)
            request = directory / "request.json"
            request.write_text(
                json.dumps([{"circuit": spec, "shots": shots} for spec, shots in requests])
            )
            command = [self._python, _SCRIPT, request, directory]
            subprocess.run(command, check=True, env=_environment())
            found = json.loads((directory / "answers.json").read_text())
            with np.load(directory / "vectors.npz", allow_pickle=False) as vectors:
                answers = [
                    Answer(**answer, vector=vectors.get(str(i)))
                    for i, answer in enumerate(found["answers"])
                ]
        return answers, found["facts"]

    def import_error(self) -> str | None:
        """Return what importing qiskit-qulacs under our own Qiskit raises, or None."""
        environment: dict[str, Any] = {**_environment(), "PYTHONPATH": str(self._alone)}
        finished = subprocess.run(
            [sys.executable, "-c", "import qiskit_qulacs"],
            env=environment,
            cwd=self._directory,
            capture_output=True,
            text=True,
            check=False,
        )
        if finished.returncode == 0:
            return None
        # The location of the module, in parentheses at the end, differs from machine to machine.
        return finished.stderr.strip().splitlines()[-1].split(" (")[0]


def _environment() -> dict[str, str]:
    """Return our environment variables, without those that would lead Python to our modules."""
    drop = {"PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV"}
    kept = {name: value for name, value in os.environ.items() if name not in drop}
    return {**kept, "OMP_NUM_THREADS": "1"}
