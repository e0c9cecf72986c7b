"""The pages have what they must have; that their code runs is shown when they are built."""

import importlib
import inspect
import os
import pkgutil
import re
import sys
from pathlib import Path

import pytest

import qiskit_oqtopus
from qiskit_oqtopus import QulacsBackend
from qiskit_oqtopus.cloud.options import CHECKS
from qiskit_oqtopus.simulator.backend import _TWIN_CHECKS

DOCS = Path(__file__).parents[2] / "docs"
PAGES = sorted(page for page in DOCS.rglob("*.md") if "_build" not in page.parts)


def find_public_names():
    found = []
    for module in ("", ".experiments", ".drawing", ".emulator", ".device"):
        try:
            owner = importlib.import_module(f"qiskit_oqtopus{module}")
        except ModuleNotFoundError:  # an extra that is not installed
            continue
        for name in owner.__all__:
            if name != "__version__":
                found.append(getattr(owner, name))
    return found


@pytest.mark.parametrize("thing", find_public_names(), ids=lambda thing: thing.__qualname__)
def test_each_public_name_is_on_a_page_of_the_reference(thing):
    text = "\n".join(page.read_text() for page in (DOCS / "reference").glob("*.md"))
    full = f"{thing.__module__}.{thing.__qualname__}"
    own = re.search(rf"^\.\. auto(class|function):: {re.escape(full)}$", text, re.M)
    whole = re.search(rf"^\.\. automodule:: {re.escape(thing.__module__)}$", text, re.M)
    assert own or whole, full


def rows(*pages):
    """The first cells of all tables of pages."""
    text = "\n".join((DOCS / page).read_text() for page in pages)
    return re.findall(r"^\| (`.*?) \|", text, re.M)


@pytest.mark.parametrize("option", sorted(CHECKS))
def test_each_option_of_a_device_is_in_a_table(option):
    assert any(f"`{option}`" in cell for cell in rows("cloud.md", "sse.md"))


@pytest.mark.parametrize("option", sorted(_TWIN_CHECKS))
def test_each_option_of_the_simulator_is_in_a_table(option):
    assert any(f"`{option}`" in cell for cell in rows("backend.md", "twin.md"))
    if option in QulacsBackend().options:
        assert any(f"`{option}`" in cell for cell in rows("backend.md"))


def find_anchors(page):
    """The anchors of the headings of a page of Markdown."""
    code = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.M | re.S)
    headings = re.findall(r"^#+ (.+)$", code, re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("name", ["README.md", "README.ja.md", "CONTRIBUTING.md", "CHANGELOG.md"])
def test_links_between_files_lead_somewhere(name):
    page = DOCS.parent / name
    for target in re.findall(r"\]\((?!https?:)([^)\s]+)\)", page.read_text()):
        path, _, anchor = target.partition("#")
        found = page.parent / path if path else page
        assert found.exists(), target
        assert not anchor or anchor in find_anchors(found), target


def test_all_pages_say_their_names_once():
    """Two headings with one anchor would make a link to the second one lead to the first."""
    for page in PAGES:
        code = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.M | re.S)
        headings = re.findall(r"^#+ (.+)$", code, re.M)
        assert len(headings) == len(set(headings)), page.name


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(DOCS)))
def test_a_page_is_a_notebook_with_the_same_code(page, monkeypatch):
    nbformat = pytest.importorskip("nbformat")
    monkeypatch.setattr(sys, "path", [str(DOCS / "_ext"), *sys.path])
    notebooks = importlib.import_module("notebooks")
    text = page.read_text()
    notebook = notebooks.to_notebook(text)
    nbformat.validate(notebook)
    blocks = re.findall(r"^```python\n(.*?)^```", text, re.M | re.S)
    cells = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.strip() for cell in cells] == [block.strip() for block in blocks]
    words = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    assert "{doc}" not in words
    assert "{class}" not in words


def find_signatures():
    for module in pkgutil.walk_packages(qiskit_oqtopus.__path__, "qiskit_oqtopus."):
        if module.name.endswith(("__main__", "sse_driver", "container")):
            continue  # programs
        try:
            owner = importlib.import_module(module.name)
        except ImportError:  # an extra that is not installed
            continue
        for thing in vars(owner).values():
            if getattr(thing, "__module__", None) != module.name:
                continue
            members = vars(thing).values() if inspect.isclass(thing) else ()
            for function in (thing, *members):
                if inspect.isfunction(function):
                    yield function, inspect.signature(function)


def test_no_default_is_of_this_machine():
    # The pages show defaults, and an environment may hold a token.
    home = str(Path.home())
    checked = 0
    for function, signature in find_signatures():
        for parameter in signature.parameters.values():
            checked += 1
            assert not isinstance(parameter.default, type(os.environ)), function
            assert home not in repr(parameter.default), function
    assert checked > 2000


def test_the_version_is_said_nowhere_by_hand():
    assert qiskit_oqtopus.__version__ not in (DOCS / "index.md").read_text()
