"""The bundle: :mod:`qiskit_oqtopus.sse` inside of the Python program that imports it."""

from __future__ import annotations

import base64
import io
import tokenize
import zlib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from ... import sse as loops
from ...exceptions import OqtopusError

PACKAGE = __name__.partition(".")[0]
MODULE = loops.__name__

_LOADER = """\
import sys, types
if {module!r} not in sys.modules:
    package = sys.modules.get({package!r}) or types.ModuleType({package!r})
    package.__dict__.setdefault("__path__", [])
    package.sse = types.ModuleType({module!r})
    sys.modules[{package!r}], sys.modules[{module!r}] = package, package.sse
    exec(compile({text!r}, {file!r}, "exec", dont_inherit=True), package.sse.__dict__)
"""

_BEFORE_STATEMENT = {
    tokenize.ENCODING,
    tokenize.NEWLINE,
    tokenize.INDENT,
    tokenize.DEDENT,
}
_BLANK = {tokenize.NL, tokenize.COMMENT}


def bundle_program(source: str) -> str:
    r"""Return a Python program that brings :mod:`qiskit_oqtopus.sse` along.

    The module stands, compressed, in the same line and in front of each import of it that may be
    the first to run. So the program keeps the numbers of its lines, and its ``from __future__``
    imports stay where they must be. A program that does not import it is returned as it is.

    Args:
        source: The program.

    Raises:
        OqtopusError: If it cannot be read as Python.

    >>> bundled = bundle_program("'''A loop.'''\nfrom qiskit_oqtopus.sse import sample\n")
    >>> [line[:5] + "..." + line[-39:] for line in bundled.splitlines()[1:]]
    ['exec(...; from qiskit_oqtopus.sse import sample']
    """
    lines = list(_open(source))
    try:
        places = list(_find_imports(source))
    except (tokenize.TokenError, SyntaxError) as error:
        raise OqtopusError(
            f"The program cannot be read as Python, and {MODULE} not be put into it: {error}. "
            "Mend it, or leave out bundle=True."
        ) from error
    for line, column in reversed(places):
        text = lines[line - 1]
        lines[line - 1] = f"{text[:column]}{_build_prefix()}{text[column:]}"
    return "".join(lines)


def _find_imports(source: str) -> Iterator[tuple[int, int]]:
    """Yield line (from 1) and column of each import of the package, to the first that must run.

    By tokens, not by the syntax tree: the container has a newer Python than we may have.
    """
    before: tokenize.TokenInfo | None = None
    start: tuple[int, int] | None = None
    nested = False
    for token in tokenize.generate_tokens(_open(source).readline):
        if token.type in _BLANK:
            continue
        begins = before is None or before.type in _BEFORE_STATEMENT or before.string in (";", ":")
        if begins:
            word = token.string if token.type == tokenize.NAME else ""
            start = token.start if word in ("import", "from") else None
            nested = token.start[1] > 0
        elif start is not None and before is not None and before.string in ("import", "from", ","):
            if token.string == PACKAGE:
                yield start
                if not nested:
                    return
                start = None
            elif before.string == "from":
                start = None
        before = token


def _open(source: str) -> io.StringIO:
    """Return a program as a file, whose lines are those of Python and keep their ends."""
    return io.StringIO(source, newline="")


@cache
def _build_prefix() -> str:
    file = Path(loops.__file__)
    loader = _LOADER.format(
        package=PACKAGE,
        module=MODULE,
        text=file.read_text(encoding="utf-8"),
        file=f"{PACKAGE}/{file.name}",
    )
    packed = base64.b85encode(zlib.compress(loader.encode(), 9)).decode()
    return (
        f'exec(__import__("zlib").decompress(__import__("base64").b85decode("{packed}")), {{}}); '
    )
