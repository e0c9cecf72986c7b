"""The page "How it is built" knows every module."""

import re
from pathlib import Path

import qiskit_oqtopus

PACKAGE = Path(qiskit_oqtopus.__file__).parent
PAGE = Path(__file__).parents[2] / "docs" / "how-it-is-built.md"


def test_each_module_is_on_the_page():
    rows = re.findall(r"^\| `([\w/]+)/` \| (.*) \|$", PAGE.read_text(), re.MULTILINE)
    listed = {}
    for room, text in rows:
        listed.setdefault(room, set()).update(re.findall(r"`(\w+)`", text))
    missing = [
        str(path.relative_to(PACKAGE))
        for path in sorted(PACKAGE.rglob("*/*.py"))
        if not path.stem.startswith("__")
        and path.stem not in listed.get(path.parent.relative_to(PACKAGE).as_posix(), ())
    ]
    assert missing == []
