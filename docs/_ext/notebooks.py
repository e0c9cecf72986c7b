"""Pages as Jupyter notebooks, made from the same sources: ``notebooks/PAGE.ipynb`` of the site.

A block of Python becomes a cell of code, everything else text. What only Sphinx understands, such
as roles and directives, becomes plain words.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nbformat

if TYPE_CHECKING:  # the tests make notebooks without Sphinx
    from sphinx.application import Sphinx

FOLDER = "notebooks"

_FENCE = re.compile(r"^(```+)(.*?)\n(.*?)^\1[ ]*$", re.DOTALL | re.MULTILINE)
_COLONS = re.compile(r"^:{3,}.*\n(?::[\w-]+:.*\n)*", re.MULTILINE)
_ROLE = re.compile(r"\{(?:\w|:)+\}`~?([^`<]+?)(?:\s*<[^`]*>)?`")
_LINK = re.compile(r"\[([^\]]+)\]\((?!https?:)[^)]*\)")


def to_notebook(source: str) -> nbformat.NotebookNode:
    """Return a page of MyST Markdown as a notebook."""
    cells = []
    position = 0
    for fence in _FENCE.finditer(source):
        if fence[2].strip() == "python":
            cells.append(_text(source[position : fence.start()]))
            cells.append(nbformat.v4.new_code_cell(fence[3].rstrip("\n")))
            position = fence.end()
    cells.append(_text(source[position:]))
    notebook = nbformat.v4.new_notebook(cells=[cell for cell in cells if cell["source"]])
    notebook.metadata["kernelspec"] = {
        "name": "python3",
        "display_name": "Python 3",
        "language": "python",
    }
    for number, cell in enumerate(notebook.cells):
        cell["id"] = f"cell-{number}"  # the same each time
    return notebook


def _text(source: str) -> nbformat.NotebookNode:
    def show(fence: re.Match[str]) -> str:
        return "" if fence[2].lstrip().startswith("{") else fence[0]  # a directive, or code

    words = _COLONS.sub("", _FENCE.sub(show, source) + "\n")
    words = _ROLE.sub(lambda role: f"`{role[1].rpartition('.')[2]}`", words)
    words = _LINK.sub(r"\1", words)
    return nbformat.v4.new_markdown_cell(words.strip())


def has_code(app: Sphinx, page: str) -> bool:
    """Return whether a page has blocks of Python."""
    path = Path(app.srcdir, f"{page}.md")
    return path.exists() and re.search(r"^```python$", path.read_text("utf-8"), re.M) is not None


def add_links(app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: Any) -> None:
    """Put a line above a page: the other language, and the page as a notebook."""
    if doctree is None:
        return
    top = "../" * page.count("/")
    words = [_link(f"{top}index.html", "English")]
    if not page.startswith("ja/"):
        words = [_link(f"{top}ja/index.html", "日本語", 'lang="ja"')]
    if has_code(app, page):
        words.append(_link(f"{top}{FOLDER}/{page}.ipynb", "This page as a notebook", "download"))
    context["body"] = f'<p class="page-tools">{" · ".join(words)}</p>' + context["body"]


def _link(url: str, words: str, attribute: str = "") -> str:
    return f'<a href="{url}" {attribute}>{words}</a>'


def write_notebooks(app: Sphinx, error: Exception | None) -> None:
    """Write the notebooks into the site."""
    if error is not None or app.builder.format != "html":
        return
    for page in sorted(app.env.found_docs):
        if has_code(app, page):
            path = Path(app.outdir, FOLDER, f"{page}.ipynb")
            path.parent.mkdir(parents=True, exist_ok=True)
            source = Path(app.srcdir, f"{page}.md").read_text("utf-8")
            nbformat.write(to_notebook(source), path)


def setup(app: Sphinx) -> dict[str, Any]:
    """Register with Sphinx."""
    app.connect("html-page-context", add_links)
    app.connect("build-finished", write_notebooks)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
