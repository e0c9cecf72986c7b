"""Whatever a server sends, the parsers answer with data or with an error of their own."""

from __future__ import annotations

import dataclasses
import json
import math
import string
from contextlib import suppress

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from qiskit_oqtopus.client import (
    ClientError,
    Device,
    Job,
    NotFoundError,
    PresignedPost,
    ProtocolError,
    Registration,
    RetryPolicy,
    ServerError,
)
from qiskit_oqtopus.client.addresses import api_path, check_url, split_url
from qiskit_oqtopus.client.answers import Answer, error_of, read_words
from qiskit_oqtopus.client.retry import parse_retry_after
from qiskit_oqtopus.client.storage import pack_json, unpack_entry, unpack_json
from qiskit_oqtopus.words import clean

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.sampled_from(["available", "running", "2026-11-22T22:20:10Z"])
)
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
DEVICE_KEYS = [name for name in Device.__dataclass_fields__ if name != "extra"]
JOB_KEYS = [name for name in Job.__dataclass_fields__ if name != "extra"]


def objects(keys):
    """Objects with known keys, unknown keys, and values of any kind."""
    return st.dictionaries(st.sampled_from(keys) | st.text(), JSON, max_size=12)


IDS = st.text(min_size=1).filter(str.isprintable)
# What people read is cleaned.
WORDS = ("name", "status", "device_type")


def vars_of(parsed):
    """The fields of a dataclass: getattr() would also find ``__dict__`` and the like."""
    return {field.name: getattr(parsed, field.name) for field in dataclasses.fields(parsed)}


def same(a, b):
    """Equal, where NaN equals NaN."""
    return json.dumps(a, sort_keys=True) == json.dumps(b, sort_keys=True)


@pytest.mark.slow
@given(objects(DEVICE_KEYS), IDS)
@example({"n_qubits": math.inf, "n_pending_jobs": math.nan}, "d")
def test_no_field_of_a_device_is_lost_or_invented(obj, device_id):
    obj["device_id"] = device_id
    device = Device.from_json(obj)
    assert device.device_id == device_id
    for key, value in obj.items():
        if value is None:
            assert vars_of(device).get(key) in (None, ())
        elif key in device.extra:
            assert same(device.extra[key], value)
            assert vars_of(device).get(key) in (None, ())
        elif key == "device_info" and isinstance(value, dict):
            assert same(json.loads(device.device_info), value)
        else:
            taken = vars_of(device)[key]
            if key in (*WORDS, "description"):
                value = clean(value)
            assert taken == (tuple(value) if isinstance(value, list) else value)
    assert set(device.extra) <= set(obj)


@given(objects(JOB_KEYS), IDS, st.text(min_size=1))
@example({"execution_time": 10**400, "shots": 1e300}, "j", "running")
def test_no_field_of_a_job_is_lost_or_invented(obj, job_id, status):
    obj |= {"job_id": job_id, "status": status}
    job = Job.from_json(obj)
    assert (job.job_id, job.status) == (job_id, clean(status))
    for key, value in obj.items():
        if value is not None and key not in job.extra and key != "job_info":
            taken = vars_of(job)[key]
            if key in WORDS:
                value = clean(value)
            # An integer number of seconds becomes a float.
            assert taken == value or (taken != taken and value != value) or taken == float(value)
    for key in JOB_KEYS:
        if obj.get(key) is None:
            assert vars_of(job)[key] is None


@given(JSON)
def test_other_objects_raise_protocol_errors(value):
    for parse in (Device.from_json, Job.from_json, PresignedPost.from_json, Registration.from_json):
        with suppress(ProtocolError):
            parse(value)


@given(st.binary(max_size=300) | JSON.map(lambda v: json.dumps(v).encode()))
@example(b'{"detail": [{"loc": null, "msg": null}]}')
@example(b'{"message": {"message": "x"}}')
@example(b"1" * 5000)
def test_words_of_any_body(body):
    said = read_words(body)
    assert isinstance(said.text, str)
    assert len(said.text) <= 2000
    assert "\n" not in said.text
    for where, words in said.fields:
        assert isinstance(where, str)
        assert isinstance(words, str)


@given(
    st.integers(100, 599),
    st.binary(max_size=100) | JSON.map(lambda v: json.dumps({"message": v, "detail": v}).encode()),
    st.dictionaries(
        st.sampled_from(["Retry-After", "Date", "Location", "x-correlation-id"]), st.text()
    ),
    st.booleans(),
)
@example(302, b"", {"Location": "https://[broken"}, False)
def test_every_status_is_a_success_or_one_error(status, body, headers, storage):
    error = error_of(
        Answer(status, headers, body),
        method="GET",
        path="/jobs",
        storage=storage,
        now=0.0,
        secrets=("0",),
    )
    assert (error is None) == (200 <= status < 300)
    if error is not None:
        assert isinstance(error, ClientError)
        assert type(error) is not ClientError
        assert error.status == status
        assert "0" not in error.text
        delay = RetryPolicy().delay(1, error, replayable=True)
        assert delay is None or 0 <= delay <= 60


@given(st.text() | st.floats().map(str), st.none() | st.text(), st.floats(0, 1e12))
@example("Fri, 31 Dec 9999 23:59:59 GMT", "Thu, 01 Jan 0001 00:00:00 -2400", 0.0)
def test_retry_after_is_seconds_or_nothing(value, date, now):
    seconds = parse_retry_after(value, date, now)
    assert seconds is None or (math.isfinite(seconds) and seconds >= 0)


@given(
    st.integers(1, 10_000),
    st.floats(0, 1, exclude_max=True),
    st.none() | st.floats(0, 1e9),
)
def test_delays_stay_within_their_limits(attempt, number, retry_after):
    policy = RetryPolicy(max_attempts=20_000, random=lambda: number)
    error = ServerError("", status=503, retry_after=retry_after)
    delay = policy.delay(attempt, error, replayable=True)
    assert delay is not None
    assert 0.25 <= delay <= 60
    if retry_after is None:
        assert delay <= 8
    else:
        assert delay >= min(retry_after, 60)
    assert policy.delay(attempt, error, replayable=False) is None


@given(st.dictionaries(st.text(), JSON, max_size=5))
def test_archives_come_back(obj):
    try:
        data = pack_json(obj)
    except ValueError:
        # NaN and infinities are not JSON; lone surrogates are not UTF-8.
        return
    assert unpack_json(data) == obj


@settings(deadline=None)
@given(st.data())
def test_damaged_archives_are_read_or_refused(data):
    archive = bytearray(pack_json({"program": ["OPENQASM 3.0;" * 20]}))
    for _ in range(data.draw(st.integers(1, 4))):
        archive[data.draw(st.integers(0, len(archive) - 1))] = data.draw(st.integers(0, 255))
    length = data.draw(st.integers(0, len(archive)) | st.just(len(archive)))
    try:
        content = unpack_entry(bytes(archive[:length]), 1000)
    except ProtocolError:
        return
    assert len(content) <= 1000


@given(st.binary(max_size=200))
def test_anything_is_an_archive_or_refused(data):
    with suppress(ProtocolError):
        unpack_json(data, 1000)


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"])))
@example("..")
@example("a/../b")
@example("a?b#c")
def test_an_id_stays_one_part_of_the_path(job_id):
    try:
        path = api_path("jobs", job_id, "status")
    except NotFoundError:
        assert job_id.strip(".") == ""
        return
    assert path.startswith("/jobs/")
    assert path.count("/") == 3
    assert set(path) <= set(string.ascii_letters + string.digits + "/%-_.~")
    assert ".." not in path.split("/")


@given(st.text(alphabet="htps:/.@[]\\?#127localhost \n") | st.text())
@example("http://127.0.0.1\\@evil.example/")
def test_only_clean_urls_are_accepted(url):
    try:
        checked = check_url(url)
    except ClientError:
        return
    parts = split_url(checked)
    assert parts is not None
    assert parts.username is None
    assert (
        parts.scheme == "https"
        or parts.hostname in ("localhost", "::1")
        or (parts.hostname.startswith("127."))
    )
