"""Runs in the second environment: calls oqtopus-client, and prints the results as JSON.

``OQTOPUS_URL=... OQTOPUS_API_TOKEN=... python official.py DEVICE``. It is a script: the second
environment has nothing of ours.
"""

from __future__ import annotations

import base64
import io
import json
import sys
import sysconfig
import time
import zipfile
from collections.abc import Callable
from typing import Any

from oqtopus_client import (
    OqtopusClient,
    OqtopusConfig,
    OqtopusEstimationOperator,
    OqtopusJobSpec,
    ResponseValidationError,
    UserApiError,
)

HEAD = 'OPENQASM 3.0;\ninclude "stdgates.inc";\n'
BELL = HEAD + "qubit[2] q;\nbit[2] c;\nh q[0];\ncx q[0], q[1];\nc = measure q;\n"
NATIVE = HEAD + (
    "qubit[2] q;\nbit[2] c;\nrz(pi/2) q[0];\nsx q[0];\nrz(pi/2) q[0];\ncx q[0], q[1];\n"
    "c = measure q;\n"
)
FLIP = HEAD + "qubit[1] q;\nbit[1] c;\nx q[0];\nc = measure q;\n"
PAIR = HEAD + "qubit[2] q;\nh q[0];\ncx q[0], q[1];\n"
OPERATOR = [
    OqtopusEstimationOperator(pauli="X 0 X 1", coeff=1.5),
    OqtopusEstimationOperator(pauli="Z 0 Z 1", coeff=1.2),
]
NULL = {"transpiler_lib": None}
DRIVER = f"""
from oqtopus_client.rest.models import JobsS3SubmitJobInfo, JobsSubmitJobRequest
from sse_driver import submit_job

for shots, program in ((10, {FLIP!r}), (1000, {BELL!r})):
    request = JobsSubmitJobRequest(device_id="DEVICE", job_type="sampling", shots=shots)
    done = submit_job(request, JobsS3SubmitJobInfo(program=[program]))
    print(shots, sum(done.job_info.result["sampling"]["counts"].values()))
"""
"""A program for server-side execution that asks the driver itself."""
CLIENT = f"""
import sys
sys.path.insert(0, {sysconfig.get_paths()["purelib"]!r})
from oqtopus_client import OqtopusClient, OqtopusConfig, OqtopusJobSpec, UserApiError
import pydantic  # not a stand-in

client = OqtopusClient(OqtopusConfig.from_file())
def run(program):
    spec = OqtopusJobSpec.sampling(device_id="DEVICE", program=program, shots=1000, name="inside")
    return client.run_sampling(spec)
try:
    run("garbage")
except UserApiError as error:
    print(error)
done = run({FLIP!r})
print(done.name, done.status.value, done.get_counts(), done.ended_at >= done.submitted_at)
"""
"""One that uses oqtopus-client in the container."""
WAIT: dict[str, Any] = {"interval": 0.02, "timeout": 60.0}


class Calls:
    """The calls, one per method."""

    def __init__(self, device: str) -> None:
        self.device = device
        config = OqtopusConfig.from_env()
        self.url = config.url
        self.client = OqtopusClient(config)

    def devices(self) -> Any:
        found = {device.device_id: device for device in self.client.list_devices()}
        one = self.client.get_device(self.device)
        info = one.device_info or {}
        return {
            "ids": sorted(found),
            "status": one.status,
            "n_qubits": one.n_qubits,
            "basis_gates": one.basis_gates,
            "calibrated": one.calibrated_at is not None,
            "info_qubits": len(info["qubits"]),
            "info_name": info["name"],
        }

    def sampling(self) -> Any:
        return self._sample(BELL)

    def sampling_null(self) -> Any:
        return self._sample(NATIVE, transpiler_info=NULL)

    def sampling_mitigated(self) -> Any:
        return self._sample(BELL, mitigation_info={"ro_error_mitigation": "pseudo_inverse"})

    def estimation(self) -> Any:
        spec = OqtopusJobSpec.estimation(
            device_id=self.device, program=PAIR, operator=OPERATOR, shots=1000, name="est"
        )
        result = self.client.run_estimation(spec, **WAIT)
        return {"exp_value": result.exp_value, "stds": result.stds, "status": result.status}

    def multi_manual(self) -> Any:
        spec = OqtopusJobSpec.multi_manual(device_id=self.device, program=[BELL, FLIP], shots=1000)
        result = self.client.run_multi_manual(spec, **WAIT)
        return {"counts": result.get_counts(), "divided": result.get_divided_counts()}

    def failed(self) -> Any:
        spec = OqtopusJobSpec.sampling(device_id=self.device, program="garbage", shots=10)
        result = self.client.wait_for_job(self.client.submit_job(spec).job_id, **WAIT)
        return {"status": result.status, "message": result.message}

    def sse(self) -> Any:
        return self._run_server_side(DRIVER)

    def sse_with_client(self) -> Any:
        return self._run_server_side(CLIENT)

    def sse_failed(self) -> Any:
        spec = OqtopusJobSpec.sse(device_id=self.device, program=DRIVER + "raise SystemExit(3)")
        result = self.client.wait_for_job(self.client.submit_job(spec).job_id, **WAIT)
        try:
            self.client.get_sselog(result.job_id)
        except ResponseValidationError as error:
            log = str(error).replace(result.job_id, "ID")
        return {"status": result.status, "message": result.message, "log": log}

    def batch(self) -> Any:
        specs = [
            OqtopusJobSpec.sampling(device_id=self.device, program=FLIP, shots=n, name=f"batch {n}")
            for n in range(1, 6)
        ]
        ids = [job.job_id for job in self.client.submit_jobs(specs)]
        results = self.client.wait_for_jobs(ids, **WAIT)
        listed = self.client.list_jobs(q="batch", fields="job_id,name,status", order="DESC", size=3)
        return {
            "counts": [result.get_counts() for result in results],
            "listed": sorted(job.status for job in listed),
            "known": all(job.job_id in ids for job in listed),
        }

    def list_jobs(self) -> Any:
        jobs = self.client.list_jobs()
        return {"typed": all(job.job_id and job.status for job in jobs), "some": len(jobs) > 3}

    def cancel_and_delete(self) -> Any:
        # The emulator holds back jobs of this name.
        spec = OqtopusJobSpec.sampling(
            device_id=self.device, program=FLIP, shots=10, name="held back"
        )
        job_id = self.client.submit_job(spec).job_id
        before = self.client.status(job_id)
        accepted = self.client.cancel_job(job_id).message
        after = self.client.status(job_id)
        deleted = self.client.delete_job(job_id).message
        gone = _error(lambda: self.client.get_job(job_id))
        return {
            "before": before,
            "accepted": accepted,
            "after": after,
            "deleted": deleted,
            "gone": gone,
        }

    def unknown_job(self) -> Any:
        return _error(lambda: self.client.get_job("00000000-0000-0000-0000-000000000000"))

    def unknown_device(self) -> Any:
        spec = OqtopusJobSpec.sampling(device_id="nope", program=FLIP, shots=10)
        return _error(lambda: self.client.submit_job(spec))

    def long_name(self) -> Any:
        spec = OqtopusJobSpec.sampling(
            device_id=self.device, program=FLIP, shots=10, name="x" * 257
        )
        return _error(lambda: self.client.submit_job(spec))

    def bad_token(self) -> Any:
        other = OqtopusClient(OqtopusConfig(url=self.url, api_token="wrong.token"))
        return _error(other.list_devices)

    def rate_limit(self) -> Any:
        # The emulator answers 429 to the first of these, then 503 to two.
        limited = _error(lambda: self.client.get_device("busy"))
        start = time.monotonic()
        device = self.client.get_device("busy")
        return {
            "limited": limited,
            "device": device.device_id,
            "waited": time.monotonic() - start > 0.1,
        }

    def _run_server_side(self, program: str) -> Any:
        spec = OqtopusJobSpec.sse(
            device_id=self.device, program=program.replace("DEVICE", self.device), name="sse"
        )
        result = self.client.run_sse(spec, **WAIT)
        stored = self.client.get_sselog(result.job_id)
        with zipfile.ZipFile(io.BytesIO(base64.b64decode(stored.file))) as archive:
            (name,) = archive.namelist()
            log = archive.read(name).decode()
        return {
            "status": result.status,
            "counts": result.get_job_result().get_counts(),
            "transpiled": result.transpile_result is not None,
            "file": stored.file_name == f"sselog_{result.job_id}.log",
            "entry": name,
            "log": log,
            "read": result.read_log_text().endswith(log.rstrip()),
        }

    def _sample(self, program: str, **infos: Any) -> Any:
        spec = OqtopusJobSpec.sampling(
            device_id=self.device, program=program, shots=1000, name="bell", **infos
        )
        result = self.client.run_sampling(spec, **WAIT)
        return {
            "status": result.status,
            "counts": result.get_counts(),
            "name": result.name,
            "shots": result.shots,
            "transpiled": result.transpile_result is not None,
            "times": [
                when is not None
                for when in (
                    result.submitted_at,
                    result.ready_at,
                    result.running_at,
                    result.ended_at,
                )
            ],
        }


def _error(call: Callable[[], Any]) -> int | None:
    """Return the status of an error; its text is "Not Found" and the like where it has a name."""
    try:
        call()
    except UserApiError as error:
        return error.status_code
    return None


def main(device: str) -> None:
    """Make all calls."""
    calls = Calls(device)
    names = [name for name in vars(Calls) if not name.startswith("_")]
    json.dump({name: getattr(calls, name)() for name in names}, sys.stdout, default=str)


if __name__ == "__main__":
    main(sys.argv[1])
