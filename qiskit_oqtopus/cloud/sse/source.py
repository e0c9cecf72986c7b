"""A Python program of the user, before it is sent: read, and checked."""

from __future__ import annotations

import ast
import re
import sys
import warnings
from pathlib import Path

from ...exceptions import OqtopusOptionError, OqtopusWarning, users_stacklevel
from ...program.header import HeaderError
from ...program.program import parse_program

CONTAINER_PYTHON = (3, 13)
"""The Python that runs programs at OQTOPUS."""

_RUNNERS = re.compile(r"sse_driver|oqtopus", re.IGNORECASE)
"""Names of the modules by which a program can run a circuit there."""


def read_source(source: str | Path) -> tuple[str, str]:
    """Return what a program is called, and its text.

    Args:
        source: The program. A path, or a string of one line that ends in ``.py``, is a file; any
            other string is the program itself.

    Raises:
        OqtopusOptionError: If it cannot be read, or is not UTF-8.
    """
    if isinstance(source, str) and not (source.endswith(".py") and "\n" not in source):
        try:
            source.encode()
        except UnicodeEncodeError as error:
            raise OqtopusOptionError(f"The program cannot be written as UTF-8: {error}") from None
        return "script", source
    if not isinstance(source, (str, Path)):
        raise OqtopusOptionError(
            f"A program is a text, or the path of a file, not {source!r:.100}."
        )
    try:
        # A mark at the beginning says that it is UTF-8, and is no part of the text.
        return Path(source).name, Path(source).read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise OqtopusOptionError(f"{source} is not UTF-8: {error}.") from None
    except OSError as error:
        raise OqtopusOptionError(f"{source} cannot be read: {error.strerror}.") from error


def check_source(name: str, text: str) -> None:
    """Refuse what is no Python, and warn of what will fail.

    Raises:
        OqtopusOptionError: If it is no Python.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of backslashes in strings, and the like
            compile(text, name, "exec", dont_inherit=True)
    except (SyntaxError, ValueError) as error:  # ValueError: null bytes, before Python 3.12
        where = getattr(error, "lineno", None)
        problem = f"{name} is no Python program{f', line {where}' if where else ''}: "
        problem += str(getattr(error, "msg", None) or error)
        if sys.version_info >= CONTAINER_PYTHON:
            raise OqtopusOptionError(f"{problem}.") from error
        _warn(
            f"{problem}. That is what Python {sys.version_info[0]}.{sys.version_info[1]} says; "
            f"OQTOPUS runs it by Python {'.'.join(map(str, CONTAINER_PYTHON))}."
        )
    if _is_ours(text):
        raise OqtopusOptionError(
            f"{name} has a last line as this package writes it: remove that line."
        )
    if not _RUNNERS.search(_find_names(text)):
        _warn(
            f"{name} does not seem to run a circuit: it imports none of sse_driver, "
            "oqtopus_client, quri_parts_oqtopus and qiskit_oqtopus.sse. OQTOPUS lets a program "
            "fail that runs none."
        )


def _is_ours(text: str) -> bool:
    """Return whether a text ends in a header of this package."""
    try:
        return parse_program(text) is not None
    except HeaderError:
        return True


def _find_names(text: str) -> str:
    """Return the names of what a program imports; of one that cannot be parsed, all of it."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(text)
    except (SyntaxError, ValueError):
        return text
    names: list[str] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names.append(node.module or "")
        elif isinstance(node, ast.Call) and "import" in ast.unparse(node.func):
            names += [ast.unparse(argument) for argument in node.args]
    return " ".join(names)


def _warn(text: str) -> None:
    warnings.warn(text, OqtopusWarning, stacklevel=users_stacklevel())
