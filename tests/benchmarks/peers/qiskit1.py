"""qiskit-qulacs 0.1.0, in a process and an environment of its own: it needs Qiskit 1.4.

The circuits are sent once, as a QPY file; then the process times one run whenever it is asked to.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from pathlib import Path
from typing import IO, Any

from qiskit import QuantumCircuit, qpy

from ...peers.cases import KNOWN_GATES
from ...peers.environment import PeerEnvironment
from ..workload import Batch, Seconds, Task, Unsupported
from .peer import Counts, refuse_dynamic, refuse_long

QPY_VERSION = 13
"""The newest that Qiskit 1.4 reads."""

_WORKER = Path(__file__).with_name("qiskit1_worker.py")

directory = Path(os.environ.get("TOX_ENV_DIR", Path(__file__).parents[3] / ".tox")) / "qiskit-1.4"
"""Where the environment is, or will be made."""


def prepare(batch: Batch) -> Task:
    """Return the task; the environment is made when it is first needed."""
    refuse_dynamic(batch)
    refuse_long(batch)
    known = {*KNOWN_GATES, "barrier", "measure"}
    if unknown := {name for circuit in batch.circuits for name in circuit.count_ops()} - known:
        raise Unsupported(f"drops {', '.join(sorted(unknown))}")
    try:
        PeerEnvironment(directory).create()
    except subprocess.CalledProcessError as error:
        raise Unsupported("its environment could not be made") from error
    return _Worker(batch)


class _Worker(Task):
    def __init__(self, batch: Batch) -> None:
        self._batch = batch
        drop = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV")
        environment = {name: value for name, value in os.environ.items() if name not in drop}
        with tempfile.TemporaryDirectory() as name:
            file = Path(name, "circuits.qpy")
            with file.open("wb") as stream:
                qpy.dump(batch.circuits, stream, version=QPY_VERSION)
            self._process = subprocess.Popen(
                [directory.absolute() / "bin" / "python", _WORKER, file, str(batch.shots)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                env={**environment, "OMP_NUM_THREADS": "1"},
            )
            self._ask("ready")  # it has read the file

    def answer(self) -> Counts:
        """Run once and return the counts; of the measured qubits, which it does not know of."""
        pairs = zip(self._batch.circuits, self._ask("counts"), strict=True)
        return [_measured(circuit, counts) for circuit, counts in pairs]

    def once(self) -> Seconds:
        """Run once and return the times, which the process has measured."""
        return Seconds(*self._ask("time"))

    def close(self) -> None:
        """End the process."""
        self._stream(self._process.stdin).close()
        self._process.wait()
        self._stream(self._process.stdout).close()

    def _ask(self, question: str) -> Any:
        print(question, file=self._stream(self._process.stdin), flush=True)
        answer = self._stream(self._process.stdout).readline()
        if not answer:
            raise RuntimeError("the process with qiskit-qulacs has ended, see its message above")
        return json.loads(answer)

    @staticmethod
    def _stream(stream: IO[str] | None) -> IO[str]:
        assert stream is not None
        return stream


def _measured(circuit: QuantumCircuit, counts: dict[str, int]) -> dict[str, int]:
    """Return the counts of the classical bits from counts of all qubits."""
    bits = {
        circuit.find_bit(instruction.clbits[0]).index: circuit.find_bit(instruction.qubits[0]).index
        for instruction in circuit.data
        if instruction.name == "measure"
    }
    found: dict[str, int] = {}
    for key, number in counts.items():
        qubits = key[::-1]
        new = "".join(
            qubits[bits[clbit]] if clbit in bits else "0"
            for clbit in reversed(range(circuit.num_clbits))
        )
        found[new] = found.get(new, 0) + number
    return found
