"""Runs a workload with the package of a checkout, and answers with times; see against.py.

It is a script, started with the checkout as PYTHONPATH: it must not import this package, nor
anything of qiskit_oqtopus but its public names. Pickles come and go on its standard input and
output: first the checkout and the request, then "answer" or "once" until the input ends.
"""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    # The folder of this script has modules whose names others may have as well.
    sys.path.pop(0)

from qiskit.transpiler import InstructionProperties

Runner = Callable[[], tuple[float, float, Any]]
"""Runs once; returns the time until the result, the time until it is read, both in s, and it."""


class Readout(InstructionProperties):
    """Properties of a measurement with both readout errors, as ``from_target`` reads them."""

    prob_meas1_prep0: float
    prob_meas0_prep1: float


def main() -> None:
    """Answer until the input ends."""
    requests, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what anybody prints must not come between the answers
    checkout, payload = pickle.load(requests)
    run = prepare(pickle.loads(payload), payload)
    import qiskit_oqtopus

    if not Path(qiskit_oqtopus.__file__).is_relative_to(checkout):
        raise SystemExit(f"qiskit_oqtopus is {qiskit_oqtopus.__file__}, not that of {checkout}")
    send(answers, None)
    while True:
        try:
            command = pickle.load(requests)
        except EOFError:
            return
        ran, total, answer = run()
        send(answers, answer if command == "answer" else (ran, total))


def send(stream: Any, answer: Any) -> None:
    """Write an answer."""
    pickle.dump(answer, stream)
    stream.flush()


def prepare(request: dict[str, Any], payload: bytes) -> Runner:
    """Return what runs a request."""
    kinds = {"run": _run, "import": _import, "sampler": _primitive, "estimator": _primitive}
    return kinds[request["kind"]](request, payload)


def _run(request: dict[str, Any], payload: bytes) -> Runner:
    from qiskit_oqtopus import QulacsBackend

    backend = QulacsBackend()
    if request["target"] is not None:
        target, readout = request["target"]
        for qubits, errors in readout.items():
            properties = target["measure"][qubits]
            known = Readout(properties.duration, properties.error)
            known.prob_meas1_prep0, known.prob_meas0_prep1 = errors
            target.update_instruction_properties("measure", qubits, known)
        backend = QulacsBackend.from_target(target)

    def run() -> tuple[float, float, Any]:
        # New objects, as in a calibration, where each job has circuits of its own.
        fresh = pickle.loads(payload)["circuits"]
        circuits = request["circuits"] if request["again"] else fresh
        start = time.perf_counter()
        result = backend.run(circuits, shots=request["shots"]).result()
        ran = time.perf_counter()
        counts = [dict(result.get_counts(index)) for index in range(len(circuits))]
        return ran - start, time.perf_counter() - start, counts

    return run


def _primitive(request: dict[str, Any], payload: bytes) -> Runner:
    from qiskit_oqtopus import EstimatorV2, QulacsBackend, SamplerV2

    sampler = request["kind"] == "sampler"
    primitive = (SamplerV2 if sampler else EstimatorV2)(QulacsBackend())

    def run() -> tuple[float, float, Any]:
        start = time.perf_counter()
        data = primitive.run([request["pub"]], **request["options"]).result()[0].data
        ran = time.perf_counter() - start
        answer = {name: data[name].array for name in data} if sampler else data.evs
        return ran, ran, answer

    return run


def _import(request: dict[str, Any], payload: bytes) -> Runner:
    script = (
        "import time; start = time.perf_counter()\n"
        f"{request['statement']}\nprint(time.perf_counter() - start)"
    )

    def run() -> tuple[float, float, Any]:
        printed = subprocess.run(
            [sys.executable, "-c", script], check=True, capture_output=True, text=True
        )
        seconds = float(printed.stdout)
        return seconds, seconds, None

    return run


if __name__ == "__main__":
    main()
