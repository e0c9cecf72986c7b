"""The account files: INI files that keep their other sections, keys and comments."""

from __future__ import annotations

import configparser
import os
import re
import stat
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from ..exceptions import OqtopusCredentialsError, OqtopusWarning, users_stacklevel

URL_KEYS = ("url", "base_url")
TOKEN_KEY = "api_token"  # noqa: S105 - a name
PROXY_KEY = "proxy"
LOCK_SECONDS = 10.0
"""Longest time for which a change of a file waits for others, in s."""

_SECTION = re.compile(r"\[(?P<name>.+)\]")


@dataclass(frozen=True)
class Source:
    """What one place says about an account; None where it says nothing.

    Attributes:
        name: The place, in words.
        url: URL of the API.
        token: The token.
        proxy: URL of a proxy.
    """

    name: str
    url: str | None
    token: str | None = field(repr=False)
    proxy: str | None = field(default=None, repr=False)


def read_text(path: Path) -> str | None:
    """Return the text of a file, or None if there is none.

    Raises:
        OqtopusCredentialsError: If it is there and cannot be read.
    """
    problem = ""
    try:
        # Not to wait for somebody who writes into a pipe.
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
        with open(handle, encoding="utf-8-sig") as stream:
            if stat.S_ISREG(os.fstat(handle).st_mode):
                return stream.read()
        problem = "it is not a regular file"
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        problem = str(error.strerror)
    except UnicodeDecodeError:
        problem = "it is not UTF-8"
    # Outside the handler: a UnicodeDecodeError holds the whole file, token included.
    raise OqtopusCredentialsError(f"The account file {path} cannot be read: {problem}.")


def parse(text: str, path: Path) -> configparser.ConfigParser:
    """Return the sections of an account file.

    Args:
        text: Its text.
        path: Its path, for errors.

    Raises:
        OqtopusCredentialsError: If it is not an INI file. The error quotes nothing of it.
    """
    parser = configparser.ConfigParser()
    problem = ""
    try:
        parser.read_string(text)
    except configparser.Error as error:
        line = getattr(error, "lineno", None)
        problem = f"line {line}" if line else type(error).__name__
    if problem:
        # Outside the handler: the error of configparser quotes the line, which may be the token.
        # Tracebacks may show local variables.
        del text
        raise OqtopusCredentialsError(
            f"The account file {path} is not a correct INI file ({problem}); it needs sections "
            "like [default] with lines like url = https://..."
        )
    return parser


def read_source(parser: configparser.ConfigParser, path: Path, section: str) -> Source:
    """Return the account in a section of a file; an empty one if there is no such section.

    Raises:
        OqtopusCredentialsError: If a value has a single ``%``.
    """
    name = file_name(path, section)
    if not parser.has_section(section):
        return Source(name, None, None)
    values: dict[str, str | None] = {}
    bad = ""
    for key in (*URL_KEYS, TOKEN_KEY, PROXY_KEY):
        try:
            values[key] = clean(parser.get(section, key, fallback=None))
        except configparser.InterpolationError:
            bad = key
    if bad:
        # Outside the handler: the error of configparser quotes the value.
        values.clear()
        raise OqtopusCredentialsError(
            f"The value of {bad} in {name} has a single %; in this file % is written %%."
        )
    url = next((values[key] for key in URL_KEYS if values[key]), None)
    return Source(name, url, values[TOKEN_KEY], values[PROXY_KEY])


def file_name(path: Path, section: str) -> str:
    """Return what a section of a file is called in messages."""
    return f"{path} [{section}]"


def clean(text: str | None) -> str | None:
    """Return a value without spaces around it, or None if nothing is left."""
    return (text or "").strip() or None


def warn_if_open(path: Path) -> None:
    """Warn if other users can read or change a file with a token."""
    if os.name != "posix":
        return
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & 0o066:
        warnings.warn(
            f"The account file {path} can be read or changed by other users (mode {mode:04o}); "
            f"chmod 600 {path} keeps the token to you.",
            OqtopusWarning,
            stacklevel=users_stacklevel(),
        )


def other_sections(
    parser: configparser.ConfigParser, section: str
) -> dict[str, dict[str, str | None]]:
    """Return what all sections but one say, so that no change of them goes unseen."""
    return {
        name: dict(parser.items(name, raw=True))
        for name in [configparser.DEFAULTSECT, *parser.sections()]
        if name != section
    }


def edit(text: str, profile: str, values: Mapping[str, str]) -> str:
    r"""Return the text of a file with the account of one section set, and nothing else changed.

    >>> print(edit("[lab]\ntimeout = 5\n", "lab", {"url": "https://x.example"}), end="")
    [lab]
    url = https://x.example
    timeout = 5
    """
    lines = [f"{key} = {value.replace('%', '%%')}" for key, value in values.items()]
    before, section, after = _split_section(text.rstrip("\n").split("\n") if text else [], profile)
    if not section:
        gap = [""] if before and before[-1].strip() else []
        return "\n".join([*before, *gap, f"[{profile}]", *lines]) + "\n"
    kept = _drop_account(section[1:])
    return "\n".join([*before, section[0], *lines, *kept, *after]) + "\n"


def _split_section(lines: list[str], profile: str) -> tuple[list[str], list[str], list[str]]:
    """Return the lines before a section, the section with its head, and the lines after it."""
    heads = [
        (number, match["name"])
        for number, line in enumerate(lines)
        if (match := _SECTION.match(line))
    ]
    for position, (number, name) in enumerate(heads):
        if name == profile:
            end = heads[position + 1][0] if position + 1 < len(heads) else len(lines)
            return lines[:number], lines[number:end], lines[end:]
    return lines, [], []


def _drop_account(lines: list[str]) -> list[str]:
    """Return the lines of a section without the account, its continuation lines included."""
    kept = []
    dropping = False
    for line in lines:
        indented = line[:1].isspace() and line.strip()
        if not indented:
            key = re.split("[=:]", line, maxsplit=1)[0].strip().lower()
            dropping = key in (*URL_KEYS, TOKEN_KEY, PROXY_KEY)
        if not dropping:
            kept.append(line)
    return kept


@contextmanager
def lock(path: Path) -> Iterator[None]:
    """Keep other threads and processes from changing a file that is read, edited and written.

    The lock is one of the operating system on a file beside it, which stays there, empty: when a
    process dies, its lock ends.

    Raises:
        OqtopusCredentialsError: If somebody else has the lock for :data:`LOCK_SECONDS`, or if the
            file beside it cannot be made.
    """
    path = path.resolve()
    beside = path.with_name(f".{path.name}.lock")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(beside, os.O_RDWR | os.O_CREAT | getattr(os, "O_NONBLOCK", 0), 0o600)
    except OSError as error:
        raise OqtopusCredentialsError(
            f"The account file {path} cannot be written: {beside}: {error.strerror}."
        ) from error
    try:
        end = time.monotonic() + LOCK_SECONDS
        while not _take(handle):
            if time.monotonic() > end:
                raise OqtopusCredentialsError(
                    f"The account file {path} is not changed: another process has held {beside} "
                    f"for {LOCK_SECONDS:g} s. Try again when it has ended."
                )
            time.sleep(0.01)
        yield
    finally:
        os.close(handle)  # which also ends the lock


if sys.platform == "win32":
    import msvcrt

    def _take(handle: int) -> bool:
        """Return whether the lock on an open file is ours now."""
        try:
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

else:
    import fcntl

    def _take(handle: int) -> bool:
        """Return whether the lock on an open file is ours now."""
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError:
            # A file system without locks: as good as it can be there.
            return True
        return True


def write(path: Path, text: str) -> None:
    """Replace a file in one step by one that only its owner can read.

    Raises:
        OqtopusCredentialsError: If it cannot be written; then the old file is as it was.
    """
    # The file that a link leads to, not the link.
    path = path.resolve()
    temporary = ""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # mkstemp creates with mode 0600, so that the token is never readable by others.
        handle, temporary = tempfile.mkstemp(prefix=".config-", dir=path.parent)
        with open(handle, "w", encoding="utf-8") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(temporary, path)
    except OSError as error:
        if temporary and os.path.exists(temporary):
            os.unlink(temporary)
        raise OqtopusCredentialsError(
            f"The account file {path} cannot be written: {error.strerror}."
        ) from error
