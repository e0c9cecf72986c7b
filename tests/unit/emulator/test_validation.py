"""Submissions, valid and invalid, and the answers that were recorded."""

from __future__ import annotations

import json
from typing import Any

import pytest

from .session import NULL, Session


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        (
            {"shots": 0},
            {
                "type": "greater_than_equal",
                "loc": ["body", "shots"],
                "msg": "Input should be greater than or equal to 1",
                "input": 0,
                "ctx": {"ge": 1},
            },
        ),
        (
            {"shots": 10000001},
            {
                "type": "less_than_equal",
                "loc": ["body", "shots"],
                "msg": "Input should be less than or equal to 10000000",
                "input": 10000001,
                "ctx": {"le": 10000000},
            },
        ),
        (
            {"shots": 1.5},
            {
                "type": "int_from_float",
                "loc": ["body", "shots"],
                "msg": "Input should be a valid integer, got a number with a fractional part",
                "input": 1.5,
            },
        ),
        (
            {"shots": ...},
            {
                "type": "missing",
                "loc": ["body", "shots"],
                "msg": "Field required",
                "input": {
                    "name": "n",
                    "device_id": "qulacs",
                    "job_type": "sampling",
                    "transpiler_info": NULL,
                },
            },
        ),
        (
            {"job_type": "foo"},
            {
                "type": "enum",
                "loc": ["body", "job_type"],
                "msg": "Input should be 'estimation', 'sampling', 'multi_manual' or 'sse'",
                "input": "foo",
                "ctx": {"expected": "'estimation', 'sampling', 'multi_manual' or 'sse'"},
            },
        ),
        (
            {"transpiler_info": "x"},
            {
                "type": "dict_type",
                "loc": ["body", "transpiler_info"],
                "msg": "Input should be a valid dictionary",
                "input": "x",
            },
        ),
    ],
)
def test_invalid_submissions(shared: Session, changes: dict[str, Any], error: Any) -> None:
    job_id = shared.ready()
    assert shared.submit(job_id, **changes) == (422, {"detail": [error]})
    assert shared.call("GET", f"/jobs/{job_id}/status")[1]["status"] == "registered"


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (
            "notjson",
            {
                "type": "json_invalid",
                "loc": ["body", 0],
                "msg": "JSON decode error",
                "input": {},
                "ctx": {"error": "Expecting value"},
            },
        ),
        ("", {"type": "missing", "loc": ["body"], "msg": "Field required", "input": None}),
    ],
)
def test_bodies_that_are_not_json(shared: Session, data: str, error: Any) -> None:
    path = f"/jobs/{shared.ready()}/submit"
    assert shared.call("POST", path, data=data) == (422, {"detail": [error]})


@pytest.mark.parametrize(
    "changes",
    [
        {"shots": 1},
        {"shots": "100"},
        {"name": None},
        {"foo": 1},
        {"transpiler_info": None, "simulator_info": None, "mitigation_info": None},
        {"name": "x" * 256, "description": "d" * 1024},
    ],
)
def test_valid_submissions(shared: Session, changes: dict[str, Any]) -> None:
    assert shared.submit(shared.ready(), **changes) == (200, {"message": "job submitted"})


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({"name": "\ud800"}, "name"),
        ({"description": "a\udfff"}, "description"),
        ({"device_id": "\ud800"}, "device_id"),
        ({"job_type": "\ud800"}, "job_type"),
        ({"transpiler_info": {"\ud800": 1}}, "transpiler_info"),
        ({"mitigation_info": {"a": ["\ud83d"]}}, "mitigation_info"),
        ({"simulator_info": {"a": float("nan")}}, "simulator_info"),
        ({"shots": float("inf")}, "shots"),
        ({"\ud800": 1}, "?"),
    ],
)
def test_what_no_answer_could_repeat_is_refused(
    user: Session, changes: dict[str, Any], where: str
) -> None:
    job_id = user.ready()
    device = next(iter(user.cloud.devices)).device_id
    body = {"device_id": device, "job_type": "sampling", "shots": 9, **changes}
    status, answer = user.call("POST", f"/jobs/{job_id}/submit", data=json.dumps(body))
    assert status == 422
    assert [error["loc"] for error in answer["detail"]] == [["body", where]]
    assert user.call("GET", "/jobs")[0] == 200
    assert user.submit(job_id, name="\U0001f600")[0] == 200


def nested(depth: int) -> str:
    return "[" * depth + "]" * depth


@pytest.mark.parametrize("depth", [500, 900, 2000, 100_000])
def test_deeply_nested_json(user: Session, depth: int, caplog: pytest.LogCaptureFixture) -> None:
    job_id = user.ready()
    device = next(iter(user.cloud.devices)).device_id
    body = (
        f'{{"device_id": "{device}", "job_type": "sampling", "shots": 9,'
        f' "simulator_info": {{"a": {nested(depth)}}}}}'
    )
    assert user.call("POST", f"/jobs/{job_id}/submit", data=nested(depth))[0] in (400, 422)
    status = user.call("POST", f"/jobs/{job_id}/submit", data=body)[0]
    assert status in (200, 400)
    assert depth < 2000 or status == 400
    assert user.call("GET", "/jobs")[0] == 200
    assert user.call("GET", f"/jobs/{job_id}")[0] == 200
    assert caplog.records == []
