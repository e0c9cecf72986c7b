"""A folder that keeps each calibration that was seen, once."""

from __future__ import annotations

import hashlib
import logging
import os
import re
import threading
import warnings
from pathlib import Path
from typing import Any

from ..exceptions import OqtopusOptionError, OqtopusWarning, users_stacklevel
from .snapshot import DeviceSnapshot

logger = logging.getLogger(__name__)

MAX_NAME = 80
"""Longest part of a file name that comes from a server."""


class SnapshotFolder:
    """Keeps snapshots as files named by device and time of calibration.

    Several threads and processes may share a folder: a file is there whole or not at all, and one
    that is there is not written again.

    Args:
        path: The folder; it is made when there is something to keep.

    Raises:
        OqtopusOptionError: If it is no path.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        if not isinstance(path, (str, os.PathLike)) or not str(path):
            raise OqtopusOptionError(
                f"Option 'snapshots' must be the path of a folder, not {path!r}."
            )
        self.path = Path(path)
        self._lock = threading.Lock()
        self._seen: set[str] = set()
        self._has_warned = False

    def keep(self, snapshot: DeviceSnapshot) -> None:
        """Write a snapshot, unless its calibration is there.

        One without a time is not kept, nor one without qubits: its calibration could not be read,
        and the whole one comes later.

        Args:
            snapshot: The snapshot.

        Warns:
            OqtopusWarning: Once, if the folder cannot be written; nothing else fails for that.
        """
        if snapshot.calibrated_at is None or not snapshot.qubits:
            return
        name = name_file(snapshot.device_id, snapshot.calibrated_at)
        with self._lock:
            if name in self._seen:
                return
        try:
            self._write(name, snapshot)
        except OSError as error:
            self._warn(error)
            return
        with self._lock:
            self._seen.add(name)

    def _write(self, name: str, snapshot: DeviceSnapshot) -> None:
        path = self.path / name
        if path.exists():
            return
        self.path.mkdir(parents=True, exist_ok=True)
        snapshot.save(path)
        logger.debug("Kept the calibration of %s in %s", snapshot.device_id, path)

    def _warn(self, error: OSError) -> None:
        with self._lock:
            has_warned, self._has_warned = self._has_warned, True
        if not has_warned:
            warnings.warn(
                f"Calibrations cannot be kept in {self.path}: {error.strerror or error}. "
                "Everything else goes on; this is said once.",
                OqtopusWarning,
                stacklevel=users_stacklevel(),
            )

    def __repr__(self) -> str:
        return f"<SnapshotFolder {self.path}>"

    def __getstate__(self) -> dict[str, Any]:
        return {"path": self.path}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(state["path"])  # type: ignore[misc]


def name_file(device_id: str, calibrated_at: str) -> str:
    """Return the file name of a calibration; a server's words become part of no other path.

    >>> name_file("grid-16q", "2025-04-20T10:03:16Z")
    'grid-16q_2025-04-20T10-03-16Z.json'
    """
    moment = re.sub(r"[.,]\d+", "", calibrated_at).replace(":", "-").replace("+00-00", "Z")
    return f"{_make_safe(device_id)}_{_make_safe(moment)}.json"


def _make_safe(text: str) -> str:
    safe = re.sub(r"[^A-Za-z0-9._+-]", "_", text).lstrip(".")[:MAX_NAME]
    if safe == text:
        return safe
    # Two names that differ must not become one.
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return f"{safe}-{digest}"
