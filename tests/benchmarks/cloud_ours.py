"""Our side of the cloud benchmark, in a process of its own.

``python -m tests.benchmarks.cloud_ours REQUEST.json ANSWER.json``; the account is found in the
environment.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from pathlib import Path

from qiskit_oqtopus import OqtopusProvider

from .cloud_work import DEVICE, SHOTS, circuit


def main(request: str, answer: str) -> None:
    """Run the circuits, and write what it cost."""
    asked = json.loads(Path(request).read_text())
    circuits = [circuit(index) for index in range(asked["circuits"])]
    backend = OqtopusProvider().backend(DEVICE)
    options = {"route": asked["route"]}
    if asked["workers"] is not None:
        options["workers"] = asked["workers"]
    before = _peak()
    start, cpu = time.perf_counter(), time.process_time()
    job = backend.run(circuits, shots=SHOTS, **options)
    sent = time.perf_counter()
    job.wait_for_final_state()
    ended = time.perf_counter()
    result = job.result()
    done = time.perf_counter()
    cpu = time.process_time() - cpu
    found = {
        "counts": [result.get_counts(index) for index in range(len(circuits))],
        "seconds": done - start,
        "stages": {"send": sent - start, "wait": ended - sent, "results": done - ended},
        "cpu": cpu,
        "memory": _peak(),
        "memory_before": before,
    }
    Path(answer).write_text(json.dumps(found))


def _peak() -> int:
    """Return the peak memory in bytes so far."""
    if sys.platform == "linux":
        # The number of getrusage includes the memory of the parent process.
        status = Path("/proc/self/status").read_text()
        return int(status.split("VmHWM:")[1].split()[0]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # in bytes on macOS


if __name__ == "__main__":
    main(*sys.argv[1:])
