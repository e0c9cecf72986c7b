"""The object storage: presigned uploads and downloads, on the emulator's own port."""

from __future__ import annotations

import base64
import functools
import hashlib
import hmac
import io
import json
import secrets
import threading
import zipfile
import zlib
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote

from .faults import Faults

BUCKET = "oqtopus"
ACCESS_KEY = "AKIAEMULATOR"
LIFETIME = 600.0
"""Lifetime of a presigned URL in s."""
OVERSIZED = 2**30
"""Bytes that a zip of the kind "oversized" unpacks to."""


class RefusedError(Exception):
    """A request that the storage refuses.

    Attributes:
        status: HTTP status.
        code: Error code of S3.
        message: Error message of S3.
    """

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message

    @property
    def xml(self) -> str:
        """The body of the answer."""
        return (
            '<?xml version="1.0" encoding="utf-8"?>\n'
            f"<Error><Code>{self.code}</Code><Message>{self.message}</Message></Error>"
        )


class ObjectStorage:
    """Files by key, and the signatures that give access to them.

    Args:
        clock: The server's clock, in s since 1970.
        faults: What goes wrong.
    """

    def __init__(self, clock: Callable[[], float], faults: Faults) -> None:
        self._clock = clock
        self._faults = faults
        self._secret = secrets.token_bytes(32)
        self._lock = threading.Lock()
        self._files: dict[str, bytes] = {}

    def put(self, key: str, data: bytes) -> None:
        """Keep a file."""
        with self._lock:
            self._files[key] = data

    def get(self, key: str) -> bytes | None:
        """Return a file, or None."""
        return self._files.get(key)

    def delete(self, prefix: str) -> None:
        """Remove all files whose key begins with a prefix."""
        with self._lock:
            self._files = {k: v for k, v in self._files.items() if not k.startswith(prefix)}

    # Presigned

    def upload_form(self, base: str, key: str) -> dict[str, Any]:
        """Return where a file is to be posted, and with which fields."""
        policy = json.dumps(
            {
                "expiration": self._expires(),
                "conditions": [{"bucket": BUCKET}, {"key": key}],
            }
        )
        encoded = base64.b64encode(policy.encode()).decode()
        return {
            "url": f"{base}/{BUCKET}",
            "fields": {
                "key": key,
                "AWSAccessKeyId": ACCESS_KEY,
                "x-amz-security-token": None,
                "policy": encoded,
                "signature": self._sign(encoded, self._faults.generation),
            },
        }

    def download_url(self, base: str, key: str) -> str:
        """Return a URL by which a file is read."""
        expires = self._expires()
        signature = self._sign(f"GET\n{key}\n{expires}", self._faults.generation)
        return (
            f"{base}/{BUCKET}/{quote(key)}?AWSAccessKeyId={ACCESS_KEY}"
            f"&Signature={quote(signature, safe='')}&Expires={expires}"
        )

    def upload(self, fields: Mapping[str, str], data: bytes | None) -> str:
        """Keep the file of a posted form, and return its key.

        Raises:
            RefusedError: If the policy does not allow it.
        """
        encoded, key = fields.get("policy", ""), fields.get("key", "")
        self._check(encoded, fields.get("signature", ""))
        policy = json.loads(base64.b64decode(encoded))
        if self._clock() > policy["expiration"] or self._faults.expired():
            raise RefusedError(403, "AccessDenied", "Invalid according to Policy: Policy expired.")
        if {"key": key} not in policy["conditions"]:
            raise RefusedError(
                403,
                "AccessDenied",
                "Invalid according to Policy: Policy Condition failed: "
                '["eq", "$key", the registered one]',
            )
        if data is None:
            raise RefusedError(
                400, "InvalidArgument", "POST requires exactly one file upload per request."
            )
        self.put(key, data)
        return key

    def download(self, key: str, query: Mapping[str, str]) -> bytes:
        """Return the file of a presigned URL.

        Raises:
            RefusedError: If the URL is wrong or expired, or the file is gone.
        """
        expires = query.get("Expires", "0")
        self._check(f"GET\n{key}\n{expires}", query.get("Signature", ""))
        if self._clock() > float(expires) or self._faults.expired():
            raise RefusedError(403, "AccessDenied", "Request has expired")
        data = self.get(key)
        if data is None:
            raise RefusedError(404, "NoSuchKey", "The specified key does not exist.")
        kind = self._faults.corruption(f"/{BUCKET}/{key}")
        return data if kind is None else corrupt(data, kind)

    def _expires(self) -> int:
        lifetime = self._faults.lifetime
        # Whole seconds, rounded down: a lifetime of 0 is over at once.
        return int(self._clock() + (LIFETIME if lifetime is None else lifetime))

    def _sign(self, text: str, generation: int) -> str:
        digest = hmac.new(self._secret, f"{generation}\n{text}".encode(), hashlib.sha256).digest()
        return base64.b64encode(digest).decode()

    def _check(self, text: str, signature: str) -> None:
        for generation in range(self._faults.generation, -1, -1):
            if hmac.compare_digest(self._sign(text, generation), signature):
                if generation == self._faults.generation:
                    return
                raise RefusedError(403, "AccessDenied", "Request has expired")
        raise RefusedError(
            403,
            "SignatureDoesNotMatch",
            "The request signature we calculated does not match the signature you provided.",
        )


def pack(name: str, content: str | bytes) -> bytes:
    """Return a zip with one entry."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
    return buffer.getvalue()


def pack_json(name: str, content: Any) -> bytes:
    """Return a zip with one entry, which is JSON."""
    return pack(name, json.dumps(content))


def corrupt(data: bytes, kind: str) -> bytes:
    """Return a broken zip in place of a good one, of a kind of :meth:`Faults.corrupt_zip`."""
    if kind == "truncated":
        return data[: len(data) // 2]
    if kind == "garbage":
        return b"<html>Bad gateway</html>"
    if kind == "oversized":
        return _build_bomb()
    if kind in ("no_counts", "more_counts"):
        return _change_counts(data, 10 if kind == "more_counts" else 0)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        if kind == "two_entries":
            archive.writestr("result.json", "{}")
            archive.writestr("other.json", "{}")
        elif kind == "not_json":
            archive.writestr("result.json", "{'counts': NaN")
        elif kind == "not_object":
            archive.writestr("result.json", "[1, 2, 3]")
        elif kind == "path":
            with zipfile.ZipFile(io.BytesIO(data)) as good:
                archive.writestr("../../../tmp/result.json", good.read(good.namelist()[0]))
    return buffer.getvalue()


def _change_counts(data: bytes, factor: int) -> bytes:
    """Return a result whose counts are multiplied; 0 leaves none."""
    with zipfile.ZipFile(io.BytesIO(data)) as good:
        (name,) = good.namelist()
        result = json.loads(good.read(name))
    counts = (result.get("sampling") or {}).get("counts") or {}
    changed = {key: factor * number for key, number in counts.items() if factor}
    if result.get("sampling"):
        result["sampling"]["counts"] = changed
    return pack_json(name, result)


@functools.cache
def _build_bomb() -> bytes:
    """Return about 1 MB that unpack to 1 GiB.

    Requests wait while it is built, so that one block is compressed, and repeated: a flush lets the
    next one begin where the first did.
    """
    block = b" " * 2**20
    number = OVERSIZED // len(block)
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    packed = packer.compress(block) + packer.flush(zlib.Z_FULL_FLUSH)
    info = zipfile.ZipInfo("result.json")
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(info, packed * number + packer.flush())  # as it is
        info.compress_type, info.file_size, info.CRC = zipfile.ZIP_DEFLATED, OVERSIZED, 0
        for _ in range(number):
            info.CRC = zlib.crc32(block, info.CRC)
    # What stands before the entry was written before the entry was said to be packed.
    buffer.seek(0)
    buffer.write(info.FileHeader())
    return buffer.getvalue()
