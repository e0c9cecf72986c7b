"""Inputs that are meant to break the engine: their jobs fail with a reason, and it goes on."""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any

import pytest

from qiskit_oqtopus.emulator.job_input import MAX_INPUT

from .session import FLIP, HEAD, NULL, Session, zipped


def bomb() -> bytes:
    """About 300 kB that unpack to 300 MiB."""
    buffer = io.BytesIO()
    with (
        zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("input.json", "w") as entry,
    ):
        for _ in range(300):
            entry.write(b" " * 2**20)
    return buffer.getvalue()


def damaged() -> bytes:
    """The file in the archive is not what its checksum says."""
    data = zipped({"input.json": {"program": [FLIP]}})
    return data.replace(b"OPENQASM", b"OPENQUSM")


def of_unknown_method() -> bytes:
    data = bytearray(zipped({"input.json": "{}"}))
    data[8] = 99
    data[data.index(b"PK\x01\x02") + 10] = 99
    return bytes(data)


def nested(depth: int) -> str:
    return "[" * depth + "]" * depth


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (bomb(), f"the file has more than {MAX_INPUT} bytes"),
        (damaged(), "Invalid ZIP file"),
        (of_unknown_method(), "Invalid ZIP file"),
        (zipped({"input.json": nested(200_000)}), "Invalid JSON in ZIP file"),
        (zipped({"input.json": nested(900)}), "validation"),
        (zipped({"input.json": f'{{"program": {nested(900)}}}'}), "validation"),
        (zipped({"input.json": f'{{"operator": [{nested(900)}]}}'}), "validation"),
        (zipped({"input.json": "1" * 100_000}), "Invalid JSON in ZIP file"),
    ],
    ids=["bomb", "damaged", "method", "deep", "list", "program", "operator", "number"],
)
def test_inputs_that_are_no_inputs(
    shared: Session, data: bytes, reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    job_id, target = shared.register()
    assert shared.upload(target, data).status_code == 204
    assert shared.submit(job_id)[0] == 200
    job = shared.finished(job_id)
    assert job["status"] == "failed"
    assert reason in job["job_info"]["message"]
    assert caplog.records == []
    assert shared.run({"input.json": {"program": [FLIP]}})["status"] == "succeeded"


@pytest.mark.parametrize("info", [NULL, {}], ids=["native", "transpiler"])
def test_programs_with_thousands_of_parentheses(
    shared: Session, info: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    angle = "(" * 2000 + "1" + ")" * 2000
    program = f"{HEAD}qubit[1] q;\nbit[1] c;\nrz({angle}) q[0];\nc = measure q;\n"
    job = shared.run({"input.json": json.dumps({"program": [program]})}, transpiler_info=info)
    assert job["status"] == "failed"
    assert job["job_info"]["message"]
    assert caplog.records == []
    assert shared.run({"input.json": {"program": [FLIP]}})["status"] == "succeeded"


@pytest.mark.parametrize("info", [NULL, {}], ids=["native", "transpiler"])
@pytest.mark.parametrize("levels", [3, 60])
def test_gates_that_double_sixty_times(shared: Session, info: dict[str, Any], levels: int) -> None:
    gates = "gate g0 a { x a; }\n" + "".join(
        f"gate g{k} a {{ g{k - 1} a; g{k - 1} a; }}\n" for k in range(1, levels)
    )
    call = f"g{levels - 1} q[0];\n"
    program = f"{HEAD}{gates}qubit[1] q;\nbit[1] c;\n{call}c = measure q;\n"
    job = shared.run({"input.json": {"program": [program]}}, transpiler_info=info)
    assert job["status"] == ("succeeded" if levels == 3 and info is not NULL else "failed")
    assert job["job_info"]["message"]
