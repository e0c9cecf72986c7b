"""Files, written whole or not at all."""

from __future__ import annotations

import errno
import os
import shutil
import uuid
from pathlib import Path

_NOT_REPLACED = (errno.EACCES, errno.EPERM, errno.EBUSY)
"""A directory that takes no new file, or a single file that is mounted, as into a container."""


def write_whole(path: str | os.PathLike[str], text: str) -> None:
    """Write a text file such that nobody ever finds half of it.

    Whoever reads meanwhile finds the file as it was, and so does everybody after a crash or on a
    full disk. A link stays one, and a file that was there keeps its mode. What is no file, such as
    a pipe, is written to, and so is a file that cannot be replaced.

    Args:
        path: The file; its directory must be there.
        text: What is to be in it, in UTF-8.

    Raises:
        OSError: If it cannot be written.
    """
    target = Path(path)
    if target.exists() and not target.is_file():
        target.write_text(text, encoding="utf-8")
        return
    target = target.resolve()
    try:
        _replace(target, text)
    except OSError as error:
        if error.errno not in _NOT_REPLACED or not target.exists():
            raise
        target.write_text(text, encoding="utf-8")


def _replace(target: Path, text: str) -> None:
    draft = target.with_name(f".{uuid.uuid4().hex}.draft")
    try:
        with draft.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        if target.exists():
            shutil.copymode(target, draft)
        draft.replace(target)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
