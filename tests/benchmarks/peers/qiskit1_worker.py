"""Runs in the environment of qiskit-qulacs: a script that answers each line of its input with one.

``python qiskit1_worker.py CIRCUITS.qpy SHOTS``; "counts" is answered by the counts of one
run, "time" by its times in s: until the result is there, and until its counts have been read.
"""

from __future__ import annotations

import gc
import json
import sys
import time
import warnings
from pathlib import Path

from qiskit import qpy
from qiskit_qulacs.qulacs_backend import QulacsBackend


def main(file: str, shots: str) -> None:
    """Answer until the input ends."""
    # Of the version of the file, and of each barrier and measurement.
    warnings.simplefilter("ignore")
    with Path(file).open("rb") as stream:
        circuits = qpy.load(stream)
    backend = QulacsBackend()
    for line in sys.stdin:
        question = line.strip()
        answer = True
        if question in ("counts", "time"):
            fresh = [circuit.copy() for circuit in circuits]
            gc.collect()
            gc.disable()
            start = time.perf_counter()
            result = backend.run(fresh, shots=int(shots)).result()
            ran = time.perf_counter()
            counts = [result.get_counts(index) for index in range(len(fresh))]
            end = time.perf_counter()
            gc.enable()
            answer = counts if question == "counts" else [ran - start, end - start]
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
