"""Execute the Python code of the documentation while it is built.

Every fenced block of the language ``python`` in a page is executed: the blocks of a page in order,
in one namespace, in a fresh process and an empty directory. What a block prints is shown beneath
it, and so are the figures that it draws with pyplot, and the figure, or whatever else a notebook
shows as HTML, that its last line evaluates to. An exception is a warning of the build at its line
of the page, hence an error of ``sphinx-build -W``. So is a Python warning that is attributed to the
page.

Code that is included by ``literalinclude`` is not executed here: it is code of the package or its
tests. In files that are not pages (``executed_files``), a block may say ``python no-run``.
"""

from __future__ import annotations

import importlib.util
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from docutils import nodes
from markdown_it import MarkdownIt
from sphinx.application import Sphinx
from sphinx.transforms import SphinxTransform
from sphinx.util import logging

logger = logging.getLogger(__name__)

RUNNER = Path(__file__).with_name("run_page.py")

TIMEOUT = 600
"""Longest time for all blocks of a page in s."""

OTHER_NAMES = {"py", "py3", "python3", "pycon", "ipython", "ipython3"}
"""Languages that would be Python code which nobody executes."""

COLUMNS = re.compile(r"\S {2,}\S")

Location = tuple[str, int]


class ExecuteCode(SphinxTransform):
    """Executes the blocks of one page and puts their output beneath them."""

    default_priority = 100  # before images are collected

    def apply(self, **kwargs: Any) -> None:
        """Execute the page."""
        page = Path(self.document["source"])
        blocks = [node for node in self.document.findall(nodes.literal_block) if self._ours(node)]
        if not blocks:
            return
        for path in package_files():
            self.env.note_dependency(str(path))
        figures = Path(self.app.doctreedir).resolve() / "figures"
        figures.mkdir(parents=True, exist_ok=True)
        # node.line is the line of the opening fence.
        code = [(node.line + 1, node.astext()) for node in blocks]
        stem = self.env.docname.replace("/", "-")
        outputs, failed = execute(page, code, figures, stem)
        if failed:
            self.env.note_reread()
        for node, output in zip(blocks, outputs, strict=False):
            self._show(node, output, figures)

    def _ours(self, node: nodes.literal_block) -> bool:
        if "source" in node or node.source != self.document["source"]:
            return False
        if node.get("language") in OTHER_NAMES:
            logger.warning(
                "say python, not %s: only then the block is executed",
                node["language"],
                location=node,
            )
        return node.get("language") == "python"

    def _show(self, node: nodes.literal_block, output: dict[str, Any], figures: Path) -> None:
        shown: list[nodes.Node] = []
        text = output["text"].rstrip("\n")
        if text:
            block = nodes.literal_block(text, text, language="none")
            classes = ["output-of-code", *(["in-columns"] if is_in_columns(text) else [])]
            shown.append(nodes.container("", block, classes=classes))
        if output["card"] is not None:
            card = nodes.raw("", output["card"], format="html")
            shown.append(nodes.container("", card, classes=["card-of-code"]))
        folder = os.path.dirname(self.document["source"])
        for names in output["figures"]:
            for theme, name in zip(("light", "dark"), names, strict=True):
                uri = os.path.relpath(figures / name, folder).replace(os.sep, "/")
                classes = ["drawn-by-code", f"only-{theme}"]
                alt = "Figure drawn by the code above"
                shown.append(nodes.image(uri=uri, alt=alt, classes=classes))
        index = node.parent.index(node) + 1
        node.parent.insert(index, shown)


def is_in_columns(text: str) -> bool:
    """Return whether a text is a table, which breaking its lines would destroy."""
    lines = text.split("\n")
    return max(map(len, lines)) <= 100 and sum(map(bool, map(COLUMNS.search, lines))) > 1


def execute(
    page: Path, blocks: list[tuple[int, str]], figures: Path, stem: str
) -> tuple[list[dict[str, Any]], bool]:
    """Execute blocks of a page in a process of their own.

    Args:
        page: The page.
        blocks: Line of the page at which a block starts, and its code.
        figures: Directory for the figures.
        stem: What the names of the figures start with.

    Returns:
        What each block printed and drew, as far as it came, and whether it failed.
    """
    logger.info("executing %s blocks of %s", len(blocks), page.name)
    with tempfile.TemporaryDirectory(prefix="qiskit-oqtopus-docs-") as folder:
        work = Path(folder, "work")
        work.mkdir()
        job = Path(folder, f"{stem}.json")
        content = {
            "page": str(page),
            "figures": str(figures),
            "blocks": [{"line": line, "code": code} for line, code in blocks],
        }
        job.write_text(json.dumps(content))
        try:
            process = subprocess.run(
                [sys.executable, str(RUNNER), str(job)],
                cwd=work,
                env={**os.environ, "MPLBACKEND": "Agg"},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=TIMEOUT,
                check=False,
            )
        except subprocess.TimeoutExpired:
            warn(page, blocks[0][0], f"the blocks of the page took more than {TIMEOUT} s")
            return [], True
        result = job.with_suffix(".out")
        if not result.exists():
            text = f"the process ended with {process.returncode}:\n{process.stderr}"
            warn(page, blocks[0][0], text)
            return [], True
        came = json.loads(result.read_text())
    error = came["error"]
    if error is not None:
        warn(page, error["line"], f"a code block failed:\n{error['text']}\n{process.stderr}")
    return came["outputs"], error is not None


def warn(page: Path, line: int, text: str) -> None:
    """Warn at a line of a page."""
    logger.warning("%s", text.rstrip(), location=f"{page}:{line}")


def package_files() -> list[Path]:
    """Return the files of the package: when one changes, the pages are executed anew."""
    spec = importlib.util.find_spec("qiskit_oqtopus")
    return sorted(Path(spec.origin).parent.rglob("*.py"))


def execute_files(app: Sphinx) -> None:
    """Execute the blocks of files that are not pages; what they print is not shown."""
    for name in app.config.executed_files:
        path = Path(app.srcdir, name).resolve()
        fences = [
            token
            for token in MarkdownIt("commonmark").parse(path.read_text(encoding="utf-8"))
            if token.type == "fence" and token.info.split()[:1] == ["python"]
        ]
        # map counts from 0 and starts with the opening fence.
        blocks = [
            (token.map[0] + 2, token.content)
            for token in fences
            if "no-run" not in token.info.split()
        ]
        if blocks:
            with tempfile.TemporaryDirectory() as figures:
                execute(path, blocks, Path(figures), path.stem)


def setup(app: Sphinx) -> dict[str, Any]:
    """Register with Sphinx."""
    app.add_config_value("executed_files", [], "", list)
    app.add_transform(ExecuteCode)
    app.connect("builder-inited", execute_files)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
