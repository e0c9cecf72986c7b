"""The module for loops, put into the programs that import it."""

from __future__ import annotations

import re
import sys
from typing import Any

import pytest

from qiskit_oqtopus.cloud.sse.bundle import _build_prefix, bundle_program
from qiskit_oqtopus.exceptions import OqtopusError

SAMPLE = "from qiskit_oqtopus.sse import sample\n"


def shown(source: str) -> str:
    """The bundled program, with a sign in place of the module."""
    bundled = bundle_program(source)
    assert bundled.count("\n") == source.count("\n")
    return bundled.replace(_build_prefix(), "@")


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (SAMPLE, f"@{SAMPLE}"),
        ("import qiskit_oqtopus.sse as sse", "@import qiskit_oqtopus.sse as sse"),
        ("import json, qiskit_oqtopus.sse", "@import json, qiskit_oqtopus.sse"),
        ("from qiskit_oqtopus import sse", "@from qiskit_oqtopus import sse"),
        (
            "from qiskit_oqtopus.sse import (\n    sample,\n)",
            "@from qiskit_oqtopus.sse import (\n    sample,\n)",
        ),
        # What must be first stays first.
        (
            f"#!/usr/bin/python\n'''Text.'''\nfrom __future__ import annotations\n{SAMPLE}x = 1",
            f"#!/usr/bin/python\n'''Text.'''\nfrom __future__ import annotations\n@{SAMPLE}x = 1",
        ),
        # Nothing that runs later needs it again.
        (f"{SAMPLE}def f():\n    {SAMPLE}", f"@{SAMPLE}def f():\n    {SAMPLE}"),
        # An import that may not run does not stand for those after it.
        (f"def f():\n    {SAMPLE}\n{SAMPLE}", f"def f():\n    @{SAMPLE}\n@{SAMPLE}"),
        (f"if 1: {SAMPLE}{SAMPLE}{SAMPLE}", f"if 1: @{SAMPLE}@{SAMPLE}{SAMPLE}"),
        (f"x = 1; {SAMPLE}", f"x = 1; @{SAMPLE}"),
        (f"try:\n\t{SAMPLE}finally:\n\tpass", f"try:\n\t@{SAMPLE}finally:\n\tpass"),
        # Columns are characters, and lines end where Python ends them.
        (f"é = 'é'; {SAMPLE}", f"é = 'é'; @{SAMPLE}"),
        (f"a = 1\r\n{SAMPLE}", f"a = 1\r\n@{SAMPLE}"),
        (f"a = '\x0c\u2028'\n{SAMPLE}", f"a = '\x0c\u2028'\n@{SAMPLE}"),
        (f"a = 1\n\x0c\n{SAMPLE}", f"a = 1\n\x0c\n@{SAMPLE}"),
        # Newer syntax than this Python may have.
        (
            f"x = f'{{d['a']}}'\ntype A = int\n{SAMPLE}",
            f"x = f'{{d['a']}}'\ntype A = int\n@{SAMPLE}",
        ),
    ],
)
def test_where_it_stands(source: str, expected: str) -> None:
    assert shown(source) == expected


@pytest.mark.parametrize(
    "source",
    [
        "",
        "print(1)\n",
        "import numpy\nfrom math import sin",
        "# from qiskit_oqtopus.sse import sample",
        "'''\nfrom qiskit_oqtopus.sse import sample\n'''",
        "import qiskit_oqtopus_else",
        "from . import qiskit_oqtopus",
        "def f():\n    yield from qiskit_oqtopus\n    raise a from qiskit_oqtopus",
    ],
)
def test_programs_that_do_not_import_it_stay(source: str) -> None:
    assert bundle_program(source) == source


@pytest.mark.parametrize("source", ["x = (1,\n", "if 1:\n        a\n    b\n", "'''"])
def test_what_is_no_python(source: str) -> None:
    with pytest.raises(OqtopusError, match="cannot be read as Python"):
        bundle_program(source)


@pytest.fixture
def _bare(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if re.match(r"qiskit_oqtopus(\.|$)", name)]:
        monkeypatch.delitem(sys.modules, name)


@pytest.mark.usefixtures("_bare")
def test_the_program_sees_nothing_of_the_bundle() -> None:
    names: dict[str, Any] = {}
    exec(bundle_program("from qiskit_oqtopus import sse"), names)  # noqa: S102
    assert set(names) == {"__builtins__", "sse"}
    assert sys.modules["qiskit_oqtopus.sse"] is names["sse"]
    with pytest.raises(ImportError):
        exec("from qiskit_oqtopus import OqtopusProvider", names)  # noqa: S102
    again: dict[str, Any] = {}
    exec(bundle_program("import qiskit_oqtopus.sse"), again)  # noqa: S102
    assert again["qiskit_oqtopus"].sse is names["sse"]


def test_it_is_small() -> None:
    assert len(_build_prefix()) < 8_000
