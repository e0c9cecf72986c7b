"""The side of oqtopus-client of the cloud benchmark: a script for its own environment.

``python cloud_peer.py REQUEST.json ANSWER.json``; the account is in the environment. That
environment has neither this package nor ours.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from pathlib import Path

from oqtopus_client import OqtopusClient, OqtopusConfig, OqtopusJobSpec


def main(request: str, answer: str) -> None:
    """Run the programs in one batch, and write what it cost."""
    asked = json.loads(Path(request).read_text())
    client = OqtopusClient(
        OqtopusConfig(url=os.environ["OQTOPUS_URL"], api_token=os.environ["OQTOPUS_API_TOKEN"])
    )
    workers = asked["workers"]
    options = {} if workers is None else {"submit_workers": workers, "wait_workers": workers}
    before = _peak()
    start, cpu = time.perf_counter(), time.process_time()
    jobs = [
        OqtopusJobSpec.sampling(
            device_id=asked["device"],
            program=program,
            shots=asked["shots"],
            transpiler_info={"transpiler_lib": None},
        )
        for program in asked["programs"]
    ]
    results = client.run_jobs_batch(jobs, **options)
    counts = [dict(result.get_counts()) for result in results]
    seconds = time.perf_counter() - start
    found = {
        "counts": counts,
        "seconds": seconds,
        "cpu": time.process_time() - cpu,
        "memory": _peak(),
        "memory_before": before,
    }
    Path(answer).write_text(json.dumps(found))


def _peak() -> int:
    """Return the peak memory in bytes so far."""
    if sys.platform == "linux":
        # What getrusage says begins with the memory of the parent process.
        status = Path("/proc/self/status").read_text()
        return int(status.split("VmHWM:")[1].split()[0]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # in bytes on macOS


if __name__ == "__main__":
    main(*sys.argv[1:])
