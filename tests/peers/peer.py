"""Runs in the second environment: reads circuits, and writes what qiskit-qulacs answers.

``python peer.py REQUEST.json DIRECTORY`` reads a list of {"circuit", "shots"} and writes
``answers.json`` and ``vectors.npz`` into the directory. It is a script: the second environment has
neither this package nor ours.
"""

from __future__ import annotations

import json
import re
import sys
import warnings
from importlib.metadata import requires
from pathlib import Path
from typing import Any

import numpy as np
from circuits import build
from qiskit import QuantumCircuit
from qiskit_qulacs.qulacs_backend import QulacsBackend

SEED = 11
_DROPPED = re.compile(r"The (\w+) instruction is not supported by Qiskit-Qulacs")


def main(request: str, directory: str) -> None:
    """Answer all requests, and add what else is known about the peer."""
    answers, vectors = [], {}
    for index, item in enumerate(json.loads(Path(request).read_text())):
        answer, vector = _run(build(item["circuit"]), item["shots"])
        answers.append(answer)
        if vector is not None:
            vectors[str(index)] = vector
    np.savez(Path(directory, "vectors.npz"), **vectors)
    facts = {name: bool(probe()) for name, probe in _PROBES.items()}
    Path(directory, "answers.json").write_text(json.dumps({"answers": answers, "facts": facts}))


def _run(circuit: QuantumCircuit, shots: int) -> tuple[dict[str, Any], np.ndarray | None]:
    answer: dict[str, Any] = {"error": None, "counts": None}
    vector = None
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            result = QulacsBackend().run(circuit, shots=shots, seed_simulator=SEED).result()
            if shots:
                answer["counts"] = result.get_counts(0)
            else:
                vector = np.asarray(result.data(0)["statevector"])
        # Any exception is reported.
        except Exception as error:  # noqa: BLE001
            answer["error"] = type(error).__name__
    found = [_DROPPED.search(str(warning.message)) for warning in caught]
    answer["dropped"] = sorted({match.group(1) for match in found if match})
    return answer, vector


def _plus(measured: bool = False) -> QuantumCircuit:
    circuit = QuantumCircuit(1, 1)
    circuit.h(0)
    if measured:
        circuit.measure(0, 0)
    return circuit


def _unbounded() -> bool:
    """Whether its metadata allow Qiskit 2."""
    (requirement,) = [text for text in requires("qiskit-qulacs") if re.match(r"qiskit\b[^-]", text)]
    return "<" not in requirement and "==" not in requirement and "~" not in requirement


def _seed_zero_is_ignored() -> bool:
    results = [
        QulacsBackend().run(_plus(), shots=10**5, seed_simulator=0).result().get_counts(0)
        for _ in range(6)
    ]
    return any(counts != results[0] for counts in results)


def _no_header() -> bool:
    circuit = _plus()
    result = QulacsBackend().run(circuit, shots=10).result()
    try:
        result.get_counts(circuit)
    except Exception:  # noqa: BLE001 - any refusal is one
        return True
    return False


def _no_shots() -> bool:
    return "counts" not in QulacsBackend().run(_plus()).result().data(0)


def _no_target() -> bool:
    return not hasattr(QulacsBackend(), "target")


def _success_without_the_gate() -> bool:
    circuit = _plus()
    circuit.p(0.3, 0)
    return QulacsBackend().run(circuit).result().success is True


def _unknown_options_pass() -> bool:
    QulacsBackend().run(_plus(), shots=1, seed_simulatr=1).result()
    return True


_PROBES = {
    "unbounded": _unbounded,
    "success_without_the_gate": _success_without_the_gate,
    "seed_zero_is_ignored": _seed_zero_is_ignored,
    "no_header": _no_header,
    "no_shots": _no_shots,
    "no_target": _no_target,
    "unknown_options_pass": _unknown_options_pass,
}

if __name__ == "__main__":
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        main(*sys.argv[1:])
