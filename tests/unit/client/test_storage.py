"""What is done with what the storage holds, and what is not."""

from __future__ import annotations

import io
import json
import os
import tracemalloc
import zipfile
import zlib

import pytest

from qiskit_oqtopus.client import ProtocolError
from qiskit_oqtopus.client.storage import pack_json, unpack_json

from .server import Reply


def archive(*entries, method=zipfile.ZIP_DEFLATED):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as file:
        for name, content in entries:
            file.writestr(name, content)
    return buffer.getvalue()


@pytest.mark.parametrize(
    "data",
    [
        archive(("result.json", '{"a": [1, "é"]}')),
        archive(("result.json", '{"a": [1, "é"]}'), method=zipfile.ZIP_STORED),
        archive(("anything", '\ufeff{"a": [1, "é"]}')),
        pack_json({"a": [1, "é"]}),
    ],
)
def test_good_archives(serve, connect, data):
    storage = serve(Reply(200, data))
    url = f"{storage.url}/b/result.zip?AWSAccessKeyId=A&Signature=a%2Fb%3D&Expires=1"
    assert connect("https://cloud.example").download(url) == {"a": [1, "é"]}
    (seen,) = storage.seen
    assert seen.path == "/b/result.zip?AWSAccessKeyId=A&Signature=a%2Fb%3D&Expires=1"
    assert seen.headers["accept-encoding"] == "identity"
    assert "q-api-token" not in seen.headers


BOMB = archive(("result.json", b"0" * 20_000_000))


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "cannot be read"),
        (b"not a zip", "cannot be read"),
        (archive(), "0 entries"),
        (archive(("a.json", "{}"), ("b.json", "{}")), "2 entries"),
        (archive(("a/", "")), "directory"),
        (archive(("a.json", "not JSON")), "does not hold JSON"),
        (archive(("a.json", "")), "does not hold JSON"),
        (archive(("a.json", b"\xff\xfe\xfd")), "does not hold JSON"),
        (archive(("a.json", "[1]")), "list, not an object"),
        (archive(("a.json", "3")), "int, not an object"),
        (archive(("a.json", '{"a":' * 100_000)), "nested too deeply"),
        (archive(("a.json", "{}"))[:-30], "cannot be read"),
        (archive(("a.json", "{}"), method=zipfile.ZIP_LZMA), "compressed by method"),
        (archive(("a.json", "{}"), method=zipfile.ZIP_BZIP2), "compressed by method"),
        (BOMB, "unpacks to more than 1,000,000 bytes"),
    ],
    # The bytes of an archive, which hold the time when it was made, are no name of a test.
    ids=lambda value: value if isinstance(value, str) else "data",
)
def test_bad_archives(serve, connect, data, words):
    storage = serve(Reply(200, data))
    client = connect("https://cloud.example", max_download_bytes=1_000_000)
    with pytest.raises(ProtocolError, match=words) as info:
        client.download(f"{storage.url}/r.zip?Signature=S")
    assert info.value.path == f"{storage.url}/r.zip"
    assert info.value.status == 200
    assert len(storage.seen) == 1


def test_a_bomb_that_lies_about_its_size_takes_no_memory():
    lying = bytearray(BOMB)
    size = (20_000_000).to_bytes(4, "little")
    for _ in range(2):
        at = lying.index(size)
        lying[at : at + 4] = (100).to_bytes(4, "little")
    tracemalloc.start()
    try:
        with pytest.raises(ProtocolError):
            unpack_json(bytes(lying), 1_000_000)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 5_000_000


def test_a_stated_size_that_is_true_is_refused_before_it_is_unpacked():
    tracemalloc.start()
    try:
        with pytest.raises(ProtocolError, match="more than 1,000"):
            unpack_json(BOMB, 1_000)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 1_000_000


def test_an_encrypted_entry():
    data = bytearray(archive(("a.json", "{}")))
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(signature) + offset] |= 1
    with pytest.raises(ProtocolError, match="encrypted"):
        unpack_json(bytes(data))


@pytest.mark.parametrize("name", ["../../escape.json", "/etc/escape.json", "C:\\escape.json"])
def test_names_of_entries_do_nothing(serve, connect, tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    storage = serve(Reply(200, archive((name, "{}"))))
    assert connect("https://cloud.example").download(storage.url) == {}
    assert os.listdir(tmp_path) == []
    assert not (tmp_path.parent.parent / "escape.json").exists()


def test_answers_that_are_too_large(serve, connect):
    storage = serve(Reply(200, archive(("a", os.urandom(200_000)))))
    client = connect(storage, max_download_bytes=100_000)
    with pytest.raises(ProtocolError, match="answered with more than 100,000 bytes"):
        client.download(storage.url)
    with pytest.raises(ProtocolError, match="answered with more than 100,000 bytes"):
        client.devices()


@pytest.mark.parametrize("encoding", ["deflate", "gzip", "br", "zstd", "gzip, " * 100 + "gzip"])
def test_an_encoding_that_was_not_asked_for_is_not_unpacked(serve, connect, encoding):
    body = zlib.compress(b"[" + b" " * 200_000_000 + b"]")
    server = serve(Reply(200, body, {"Content-Encoding": encoding}))
    client = connect(server)
    tracemalloc.start()
    try:
        for call in (client.devices, lambda: client.download(f"{server.url}/r.zip")):
            with pytest.raises(ProtocolError, match=r"encoded as '.*which was not asked for"):
                call()
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 2_000_000
    assert {seen.headers["accept-encoding"] for seen in server.seen} == {"identity"}


@pytest.mark.parametrize("encoding", ["", "identity", "Identity "])
def test_what_is_not_encoded(serve, connect, encoding):
    assert connect(serve(Reply(200, b"[]", {"Content-Encoding": encoding}))).devices() == []


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "FILE:///etc/passwd",
        "ftp://h/x",
        "data:application/zip;base64,UEs=",
        "/etc/passwd",
        "http:///no-host",
        "https://[broken",
        "http://host:99999/x",
        "",
    ],
)
def test_other_urls_are_not_opened(connect, url):
    with pytest.raises(ProtocolError, match=r"not http\(s\)"):
        connect("https://cloud.example").download(url)


@pytest.mark.parametrize("url", ["http://a..b/x", "http://" + "a" * 70 + ".example/x"])
def test_hosts_that_cannot_be(connect, url):
    with pytest.raises(ProtocolError, match="malformed"):
        connect("https://cloud.example").download(url)


def test_packing_is_reproducible_and_strict():
    obj = {"program": ["x" * 10_000]}
    assert pack_json(obj) == pack_json(obj)
    with zipfile.ZipFile(io.BytesIO(pack_json(obj))) as file:
        assert file.namelist() == ["input.json"]
        assert json.loads(file.read("input.json")) == obj
    assert len(pack_json(obj)) < 1_000
    with pytest.raises(ValueError, match="JSON"):
        pack_json({"a": float("nan")})
