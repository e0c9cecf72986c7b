"""Where the Python programs of SSE jobs run: a subprocess, with what the real container has."""

from __future__ import annotations

import atexit
import contextlib
import errno
import functools
import json
import os
import selectors
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

MAX_STRING = 131_071
"""Longest environment string ("NAME=value") in bytes: the limit of Linux, kept everywhere."""
MAX_MESSAGE = 4 * 2**20
"""Longest message of a program, in bytes."""
MAX_RESULT = 64 * 2**20
"""Largest ``result.json`` in bytes: the size of the disk of the real container."""
MAX_LOG = 16 * 2**20
"""Bytes of a log that are kept: its end, as where Docker rotates it."""

_KEPT = ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")
"""Variables of our own environment without which some interpreters do not start."""
_POLL = 0.02  # s

Answer = Callable[[Any, float], "dict[str, Any] | None"]
"""Answers a message of a program, within some s; None cuts the connection instead."""


@dataclass(frozen=True)
class Ended:
    """What is left of a program.

    Attributes:
        exit_code: Its exit code, or None if its time was over.
        log: What it has printed, as a terminal shows it.
        result: The text of ``OUT_PATH/result.json``; None if it is no file, or too large.
        seconds: How long it ran, in s.
    """

    exit_code: int | None
    log: str
    result: str | None
    seconds: float


class TooLargeError(Exception):
    """The environment takes no job of this size."""


class Container:
    """Runs one program after the other, each as a process of the user who runs the emulator.

    It is no sandbox: the program can do what that user can. It gets the environment of the
    container and nothing else of ours, in a folder of its own that is removed afterwards.

    Args:
        timeout: Longest time that a program may run, in s.
    """

    def __init__(self, timeout: float) -> None:
        self._timeout = timeout
        self._process: subprocess.Popen[bytes] | None = None
        _lacks_models()  # takes a while, once

    def run(
        self, job: dict[str, Any], program: str, answer: Answer, check: Callable[[], None]
    ) -> Ended:
        """Run a program to its end, or to that of its time.

        Args:
            job: What the program is told of its job.
            program: Its text.
            answer: Called for each message that it sends.
            check: Called again and again; an error that it raises kills the program.

        Raises:
            TooLargeError: If the job does not fit into one environment string.
            UnicodeError: If the program is not Unicode.
        """
        job_json = json.dumps(job, ensure_ascii=False, separators=(",", ":"))
        if len(f"JOB_JSON={job_json}".encode()) > MAX_STRING:
            raise TooLargeError
        started = time.monotonic()
        with (
            _make_folder(program) as folder,
            socket.create_server(("127.0.0.1", 0)) as listener,
            self._spawn(folder, job_json, listener) as (process, terminal),
        ):
            with contextlib.closing(_Loop(terminal, listener, answer)) as loop:
                deadline = started + self._timeout
                while process.poll() is None and time.monotonic() < deadline:
                    check()
                    loop.turn(deadline)
                exit_code = process.poll()
                _kill(process)
                log = loop.read_log()
            check()
            seconds = round(time.monotonic() - started, 3)
            return Ended(exit_code, log, _read_result(folder), seconds)

    def kill(self) -> None:
        """Kill the program that runs, and its children. May be called from any thread."""
        process = self._process
        if process is not None and process.returncode is None:
            _kill(process)

    @contextlib.contextmanager
    def _spawn(
        self, folder: Path, job_json: str, listener: socket.socket
    ) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
        """Start the program of a folder; return it and our side of its terminal."""
        terminal, theirs = os.openpty()
        try:
            try:
                process = subprocess.Popen(  # noqa: S603 - what SSE is
                    [sys.executable, folder / "in" / "userprogram.py"],
                    stdin=subprocess.DEVNULL,
                    stdout=theirs,
                    stderr=theirs,
                    cwd=folder,
                    env=_build_environment(folder, job_json, listener.getsockname()[1]),
                    start_new_session=True,  # so that its children can be killed with it
                )
            finally:
                os.close(theirs)
            _running[process] = folder
            self._process = process
            try:
                yield process, terminal
            finally:
                if process.returncode is None:
                    _kill(process)
                process.wait()
                if self._process is process:
                    self._process = None
                del _running[process]
        finally:
            os.close(terminal)


class _Loop:
    """Reads what a program prints, and answers what it sends."""

    def __init__(self, terminal: int, listener: socket.socket, answer: Answer) -> None:
        self._answer = answer
        self._log = bytearray()
        self._selector = selectors.DefaultSelector()
        self._terminal = terminal
        os.set_blocking(terminal, False)
        self._selector.register(terminal, selectors.EVENT_READ, self._read_terminal)
        self._selector.register(
            listener, selectors.EVENT_READ, functools.partial(self._accept, listener)
        )
        self._received: dict[socket.socket, bytearray] = {}

    def turn(self, deadline: float) -> None:
        """Wait a moment, and do what there is to do.

        Args:
            deadline: When the program must have ended, in s of the monotonic clock.
        """
        self._deadline = deadline
        for key, _ in self._selector.select(_POLL):
            key.data()

    def close(self) -> None:
        """Cut all connections."""
        for connection in self._received:
            connection.close()
        self._selector.close()

    def read_log(self) -> str:
        """Return all that was printed; bytes that are not UTF-8 vanish."""
        while self._terminal in self._selector.get_map() and self._read_terminal():
            pass
        return self._log[-MAX_LOG:].decode("utf-8", errors="ignore")

    def _read_terminal(self) -> bool:
        """Read a piece; return whether there may be more."""
        try:
            data = os.read(self._terminal, 65536)
        except BlockingIOError:
            return False
        except OSError as error:
            if error.errno != errno.EIO:  # as Linux says that nobody has it open any more
                raise
            data = b""
        if not data:
            self._selector.unregister(self._terminal)
            return False
        self._log += data
        if len(self._log) > 2 * MAX_LOG:
            del self._log[:-MAX_LOG]
        return True

    def _accept(self, listener: socket.socket) -> None:
        connection, _ = listener.accept()
        self._received[connection] = bytearray()
        self._selector.register(
            connection, selectors.EVENT_READ, functools.partial(self._receive, connection)
        )

    def _receive(self, connection: socket.socket) -> None:
        """Read a piece of a message; answer when its line is complete."""
        received = self._received[connection]
        try:
            data = connection.recv(65536)
        except OSError:
            data = b""
        received += data
        if data and not received.endswith(b"\n") and len(received) <= MAX_MESSAGE:
            return
        self._selector.unregister(connection)
        del self._received[connection]
        with connection, contextlib.suppress(OSError):  # the program may be gone
            if not received.endswith(b"\n"):
                return
            try:
                message = json.loads(received)
            except (ValueError, RecursionError):
                return
            answer = self._answer(message, max(0.0, self._deadline - time.monotonic()))
            if answer is not None:
                connection.settimeout(max(0.1, self._deadline - time.monotonic()))
                connection.sendall(json.dumps(answer).encode() + b"\n")


# Files and variables


@contextlib.contextmanager
def _make_folder(program: str) -> Iterator[Path]:
    """Make what the container has as ``/sse``, and as its home and its modules."""
    with tempfile.TemporaryDirectory(prefix="oqtopus-sse-", ignore_cleanup_errors=True) as name:
        folder = Path(name).resolve()
        for part in ("in", "out", "home", "modules"):
            (folder / part).mkdir()
        source = folder / "in" / "userprogram.py"
        source.write_bytes(program.encode())
        here = Path(__file__).parent
        shutil.copy(here / "sse_driver.py", folder / "modules")
        if _lacks_models():
            package = folder / "modules" / "oqtopus_client"
            (package / "rest").mkdir(parents=True)
            shutil.copy(here / "sse_models.py", package / "rest" / "models.py")
        yield folder


def _build_environment(folder: Path, job_json: str, port: int) -> dict[str, str]:
    return {
        **_build_base(folder / "home"),
        "PYTHONPATH": str(folder / "modules"),
        "OQTOPUS_ENV": "sse_container",
        "JOB_JSON": job_json,
        "IN_PATH": str(folder / "in"),
        "OUT_PATH": str(folder / "out"),
        "SSE_ENGINE_ADDRESS": f"127.0.0.1:{port}",
        "GRPC_MAX_RECEIVE_MESSAGE_LENGTH": str(MAX_MESSAGE),
        "GRPC_MAX_SEND_MESSAGE_LENGTH": str(MAX_MESSAGE),
        "TERM": "dumb",
    }


def _build_base(home: Path | str) -> dict[str, str]:
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    return {**kept, "PATH": os.defpath, "LANG": "C.UTF-8", "HOME": str(home)}


@functools.cache
def _lacks_models() -> bool:
    """Return whether programs need stand-ins for the models of oqtopus-client."""
    with tempfile.TemporaryDirectory(prefix="oqtopus-sse-") as home:
        tried = subprocess.run(
            [sys.executable, "-c", "import oqtopus_client.rest.models"],
            env=_build_base(home),
            cwd=home,
            capture_output=True,
            check=False,
        )
    return tried.returncode != 0


def _read_result(folder: Path) -> str | None:
    path = folder / "out" / "result.json"
    try:
        if not path.is_file() or path.stat().st_size > MAX_RESULT:
            return None
        return path.read_bytes().decode("utf-8", errors="ignore")
    except OSError:
        return None


# The end

_running: dict[subprocess.Popen[bytes], Path] = {}
"""The programs that run, of all emulators of this process, and their folders."""


def _kill(process: subprocess.Popen[bytes]) -> None:
    """Kill a program and its children."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)


@atexit.register
def end_all() -> None:
    """Kill all programs and remove their folders; for the end of this process."""
    for process, folder in list(_running.items()):
        _kill(process)
        shutil.rmtree(folder, ignore_errors=True)
